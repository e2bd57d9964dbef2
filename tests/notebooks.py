"""`python -m tests.notebooks [NAMES]`, or `make notebooks`: run the notebooks and store their outputs in them.

Stored are text and pictures with few colours, never the state of widgets, which is megabytes and needs a kernel.
"""

from __future__ import annotations

import base64
import io
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from PIL import Image

from tests.few_colors import with_few_colors

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
CELL_SECONDS = 600
STORED = "text/plain", "image/png"


def execute(notebook: Any, folder: Path) -> None:
    """Run all cells in `folder`; an error of a cell is raised."""
    NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        resources={"metadata": {"path": folder}},
        coalesce_streams=True,
        record_timing=False,
        store_widget_state=False,
    ).execute()


def outputs(notebook: Any) -> Iterator[Any]:
    """Outputs of all cells, in order."""
    for cell in notebook.cells:
        yield from cell.get("outputs", ())


def keep_small(notebook: Any) -> None:
    """Leave nothing of the outputs but text and pictures, and of the metadata nothing that belongs to a run."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata.pop("language_info", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _needs_kernel(output)]
    for output in outputs(notebook):
        if "data" in output:
            output.data = {kind: output.data[kind] for kind in STORED if kind in output.data}
            output.metadata = {}
            if "image/png" in output.data:
                output.data["image/png"] = _few_colors(output.data["image/png"])


def _needs_kernel(output: Any) -> bool:
    """Whether it is a widget without a picture of itself."""
    data = output.get("data", {})
    return "application/vnd.jupyter.widget-view+json" in data and "image/png" not in data


def _few_colors(png: str) -> str:
    smaller = io.BytesIO()
    with_few_colors(Image.open(io.BytesIO(base64.b64decode(png)))).save(smaller, "PNG", optimize=True)
    return base64.b64encode(smaller.getvalue()).decode()


def main(*names: str) -> None:
    """Run the notebooks whose names begin so, or all of them."""
    for path in NOTEBOOKS:
        if not names or path.stem.startswith(names):
            notebook = nbformat.read(path, as_version=4)
            with tempfile.TemporaryDirectory() as folder:
                execute(notebook, Path(folder))
            keep_small(notebook)
            nbformat.write(notebook, path)
            print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(*sys.argv[1:])
