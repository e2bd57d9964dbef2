"""The notebooks run as they stand, and what is stored in them is what they print (numbers and pictures aside)."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.notebooks import NOTEBOOKS, execute, outputs

MOST_BYTES = 1_500_000
"""Of all notebooks together: they are cloned with the sources."""

ON_A_MACHINE = re.compile(r"(?<![\w.])/(?:tmp|home|root|work|usr|opt|var|Users|private)/|[A-Z]:\\|\bat 0x")
"""Paths and addresses that only the machine has where the notebook ran."""

NUMBER = re.compile(r"\d+(?:\.\d+)?")
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path: Path) -> Any:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def text(output: Any) -> str:
    return str(output.get("text") or output.get("data", {}).get("text/plain", ""))


def test_there_are_five_small_notebooks() -> None:
    assert [path.stem[:2] for path in NOTEBOOKS] == [f"{n:02}" for n in range(1, 6)]
    assert sum(path.stat().st_size for path in NOTEBOOKS) < MOST_BYTES


@each_notebook
def test_stored_outputs_are_text_and_pictures_that_name_no_machine(path: Path) -> None:
    notebook = read(path)
    stored = list(outputs(notebook))
    assert stored
    assert {output.output_type for output in stored} <= {"stream", "execute_result", "display_data"}
    assert {output.name for output in stored if output.output_type == "stream"} <= {"stdout"}
    assert {kind for output in stored for kind in output.get("data", {})} <= {"text/plain", "image/png"}
    assert [found[0] for output in stored if (found := ON_A_MACHINE.search(text(output)))] == []
    assert "widgets" not in notebook.metadata
    ran = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert ran == list(range(1, len(ran) + 1))  # from top to bottom, once


@each_notebook
def test_it_begins_with_what_it_needs_and_checks_it_in_words(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    title, check = read(path).cells[:2]
    (extra,) = re.findall(r"\*\*Needs\*\* lite-ensam .*`pip install '\.(\[[\w,]+\])'`", title.source)
    exec(check.source, {})  # all of it is here
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=re.escape(f"Run: pip install 'lite-ensam{extra}'")):
        exec(check.source, {})
    assert ("torch" in title.source) == path.stem.startswith("05")


def run(notebook: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Outputs of a notebook that is run in `folder`."""
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        private = folder.parent / name
        private.mkdir()
        monkeypatch.setenv(name, str(private))
    folder.mkdir()
    execute(notebook, folder)
    return list(outputs(notebook))


@each_notebook
def test_a_notebook_prints_what_is_stored(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def printed(found: list[Any]) -> list[str]:
        texts = "".join(output.text for output in found if output.output_type == "stream")
        return [re.sub(r"\s+", " ", NUMBER.sub("#", line)) for line in texts.splitlines()]

    shown = run(read(path), tmp_path / "work", monkeypatch)
    assert [output.text for output in shown if output.get("name") == "stderr"] == []
    assert printed(shown) == printed(list(outputs(read(path)))), "`make notebooks` stores new outputs"
    markers = [one.data for one in shown if text(one).startswith("Explorer(")]
    assert len(markers) == (2 if path.stem.startswith("02") else 0)
    for data in markers:  # nobody watches: a picture, not a view that nbconvert would prefer and leave black
        assert "image/png" in data
        assert "application/vnd.jupyter.widget-view+json" not in data


def test_ones_own_scan_needs_no_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As notebook 01 proposes; nothing is written where the user's files are."""
    notebook = read(NOTEBOOKS[0])
    own = "__import__('dataclasses').replace(lite_ensam.make_phantom(), reference=None)"
    (cell,) = (cell for cell in notebook.cells if "make_phantom()" in cell.source)
    cell.source = cell.source.replace("lite_ensam.make_phantom()", own)
    run(notebook, tmp_path / "work", monkeypatch)
    assert list((tmp_path / "work").iterdir()) == []
