"""The notebooks run as they stand, in a kernel of their own, and are kept without outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
CELL_SECONDS = 600


def test_there_are_notebooks() -> None:
    assert [path.stem[:2] for path in NOTEBOOKS] == [f"{n:02}" for n in range(1, len(NOTEBOOKS) + 1)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def run(notebook: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Outputs of a notebook that is run in `folder`."""
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        private = folder.parent / name
        private.mkdir()
        monkeypatch.setenv(name, str(private))
    folder.mkdir()
    NotebookClient(notebook, timeout=CELL_SECONDS, resources={"metadata": {"path": folder}}).execute()
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = run(nbformat.read(path, as_version=4), tmp_path / "work", monkeypatch)
    assert any(output.output_type in ("stream", "execute_result") for output in outputs)
    complaints = [output.text for output in outputs if output.get("name") == "stderr"]
    assert complaints == []
    shown = [output.data for output in outputs if "data" in output]
    markers = [data for data in shown if data.get("text/plain", "").startswith("Explorer(")]
    assert len(markers) == (2 if path.stem.startswith("02") else 0)
    for data in markers:  # nobody watches: a picture, not a view that nbconvert would prefer and leave black
        assert "image/png" in data
        assert "application/vnd.jupyter.widget-view+json" not in data


def test_ones_own_scan_needs_no_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As notebook 01 proposes; nothing is written where the user's files are."""
    notebook = nbformat.read(NOTEBOOKS[0], as_version=4)
    own = "__import__('dataclasses').replace(lite_ensam.make_phantom(), reference=None)"
    (cell,) = (cell for cell in notebook.cells if "make_phantom()" in cell.source)
    cell.source = cell.source.replace("lite_ensam.make_phantom()", own)
    run(notebook, tmp_path / "work", monkeypatch)
    assert list((tmp_path / "work").iterdir()) == []
