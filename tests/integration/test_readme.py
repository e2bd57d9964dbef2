"""The README does what it says: its blocks run in the folder that `make demo` leaves, and print what it shows."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import typer

import lite_ensam
from lite_ensam.cli import COMMANDS, build_app
from lite_ensam.core.recist import RecistMark
from lite_ensam.io import read_labels
from tests.integration.conftest import Run, Scan

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
(SCRIPT,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
PRINTED = "".join(re.findall(r"^# (\d.*\n)", SCRIPT, flags=re.MULTILINE))
(TABLE,) = re.findall(r"```text\n(.*?)```", README, flags=re.DOTALL)
(CELL,) = re.findall(r"`(lite_ensam\.explore\([^`]*\))`", README)
COMMAND_LINES = re.findall(r"(?<=```sh\n)lite-ensam [^\n]+|(?<=`)lite-ensam [^`\n]+(?=`)", README)
NUMBER = re.compile(r"\d+(?:\.\d+)?")


@pytest.fixture
def demo_folder(scan: Scan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the README is tried: the phantom's scan and lines."""
    for file in (scan.ct, scan.marks):
        shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def assert_shown(printed: str, shown: str) -> None:
    """The same text, and numbers within 2 %: the last digit may depend on the CPU."""
    lines = [line.rstrip() for line in printed.splitlines()][: len(shown.splitlines())]
    assert [NUMBER.sub("#", line) for line in lines] == [NUMBER.sub("#", line) for line in shown.splitlines()]
    numbers = [float(number) for number in NUMBER.findall("\n".join(lines))]
    assert numbers == pytest.approx([float(number) for number in NUMBER.findall(shown)], rel=0.02)


def test_the_script_prints_what_is_shown_and_runs_again(
    demo_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        names: dict[str, Any] = {}
        exec(SCRIPT, names)
        assert_shown(capsys.readouterr().out, PRINTED)
    assert set(read_labels(demo_folder / "python_mask.nii.gz").ravel().tolist()) == {0, 1, 2, 3}
    assert names["voxels"].dtype == bool


def test_the_command_prints_what_is_shown_and_keeps_what_is_there(demo_folder: Path, run: Run) -> None:
    arguments = shlex.split(COMMAND_LINES[0])[1:]
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert_shown(done.stdout, TABLE)
    assert (demo_folder / "my_mask.nii.gz").exists()
    again = run(*arguments)
    assert (again.returncode, "--overwrite" in again.stderr) == (1, True)


def test_the_cell_shows_a_viewer_that_segments(demo_folder: Path) -> None:
    explorer = eval(CELL, {"lite_ensam": lite_ensam})
    viewer = explorer.viewer
    assert [mark.label for mark in viewer.marks] == [1, 2, 3]
    viewer.marks = (RecistMark(1, ((38, 68, 37), (38, 75, 52))),)
    viewer.segment()
    assert explorer.save("NIfTI").parent.samefile(demo_folder)


def test_a_line_in_numbers_is_enough_and_the_mask_lies_next_to_the_scan(demo_folder: Path, run: Run) -> None:
    (line,) = (line for line in COMMAND_LINES if "--line" in line)
    done = run(*shlex.split(line)[1:])
    assert (done.returncode, done.stderr) == (0, "")
    assert set(read_labels(demo_folder / "ct_mask.nii.gz").ravel().tolist()) == {0, 1}


@pytest.mark.parametrize("line", COMMAND_LINES, ids=lambda line: " ".join(line.split()[:2]))
def test_every_command_and_option_is_there(line: str) -> None:
    _, command, *arguments = shlex.split(line, comments=True)
    assert command in COMMANDS
    group = typer.main.get_command(build_app([command]))
    one = group.commands[command]  # type: ignore[attr-defined]
    known = {name for each in one.get_params(one.context_class(one)) for name in each.opts}
    assert {name for name in arguments if name.startswith("-")} <= known


def test_every_link_leads_to_a_file() -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", README)
    assert [one for one in targets if "://" not in one and not (ROOT / one).exists()] == []
