"""Each notebook becomes a page of the gallery: its text, its code and the outputs that are stored with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each notebook."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        files.append(File.generated(config, f"gallery/{path.stem}.md", content=as_markdown(path)))
    return files


def as_markdown(path: Path) -> str:
    """The cells of a notebook, and below them where it lies."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    parts = ["---\nhide: [toc]\n---"]  # code is wide
    parts += [part for cell in cells for part in _cell(cell)]
    return "\n\n".join([*parts, f"*This page is `notebooks/{path.name}` of the repository.*\n"])


def _cell(cell: Mapping[str, Any]) -> list[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return [source.replace("](../docs/", "](../")]  # links that lead from the notebook's folder
    return [_fenced(source, "python"), *(text for output in cell["outputs"] for text in _output(output))]


def _output(output: Mapping[str, Any]) -> list[str]:
    data = output.get("data", {})
    if "image/png" in data:
        return [f"![Output of the cell above](data:image/png;base64,{data['image/png'].strip()})"]
    text = "".join(output.get("text", data.get("text/plain", "")))
    return [_fenced(text, "text")] if text else []


def _fenced(text: str, language: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```"
