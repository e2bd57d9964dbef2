"""The notebooks run as they stand, and are kept without outputs."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for cell in json.loads(path.read_text())["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [], "strip the outputs"
            assert cell["execution_count"] is None
            exec(compile("".join(cell["source"]), f"{path.name}:{cell['id']}", "exec"), names)
    for number in plt.get_fignums():
        plt.figure(number).savefig(tmp_path / f"{number}.png")
        plt.close(number)
    assert (tmp_path / "mask.nii.gz").exists()
