"""The README does what it says: its blocks run as they stand, twice, in the folder that `make demo` leaves."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import typer

from lite_ensam.cli import COMMANDS, build_app
from lite_ensam.core.recist import RecistMark
from lite_ensam.io import read_labels
from tests.integration.conftest import Run, Scan

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
SCRIPT, CELL, NEXT_CELL = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
LINES = [
    line.strip() for line in README.replace("\\\n", " ").splitlines() if line.startswith("    lite-ensam ")
]


@pytest.fixture
def demo_folder(scan: Scan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the README is read in: the phantom's scan and lines."""
    for file in (scan.ct, scan.marks):
        shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_script_runs_and_runs_again(demo_folder: Path, scan: Scan) -> None:
    for _ in range(2):
        names: dict[str, object] = {}
        exec(SCRIPT, names)
    assert set(read_labels(demo_folder / "my_mask.nii.gz").ravel().tolist()) == {0, 1, 2, 3}
    assert names["marks"] == {1: scan.case.marks[0].endpoints_zyx}


def test_the_commands_for_the_demos_folder_run_and_run_again(demo_folder: Path, run: Run) -> None:
    there = README.split("On the command line, there too:")[1].split("files of your own")[0]
    lines = [line for line in LINES if line in there]
    assert len(lines) == 2
    for line in lines * 2:
        done = run(*shlex.split(line, comments=True)[1:])
        assert (done.returncode, done.stderr) == (0, "")


def test_the_cells_run_even_when_the_file_is_there_already(demo_folder: Path) -> None:
    names: dict[str, Any] = {}
    exec(CELL, names)
    assert CELL.strip().splitlines()[-1] == "explorer"  # a cell shows its last expression and no other
    viewer = names["explorer"].viewer
    assert viewer.marks == ()
    viewer.marks = (RecistMark(1, ((38, 68, 37), (38, 75, 52))),)
    viewer.segment()
    written = names["explorer"].save("NIfTI")  # as the button does
    exec(NEXT_CELL, names)
    assert [path.name for path in demo_folder.glob("*_mask.nii.gz")] == [written.name]


@pytest.mark.parametrize("line", LINES, ids=lambda line: " ".join(line.split()[:3]))
def test_every_command_and_option_is_there(line: str) -> None:
    _, command, *arguments = shlex.split(line.replace("$MIX", ""), comments=True)
    assert command in COMMANDS
    group = typer.main.get_command(build_app([command]))
    one = group.commands[command]  # type: ignore[attr-defined]
    known = {name for each in one.get_params(one.context_class(one)) for name in each.opts}
    assert {name for name in arguments if name.startswith("-")} <= known
