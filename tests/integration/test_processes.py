"""What only a process of its own can show: exit codes, streams, and what is never imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lite_ensam.io import read_labels
from tests.integration.conftest import Scan


def python(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def test_the_installed_command_segments(scan: Scan, tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("lite-ensam")
    arguments = ["segment", scan.ct, "--marks", scan.marks, "-o", tmp_path / "mask.nii.gz"]
    done = subprocess.run([command, *arguments], capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(np.unique(read_labels(tmp_path / "mask.nii.gz"))) == {0, 1, 2, 3}


@pytest.mark.parametrize("unbuffered", [False, True])
def test_a_reader_that_goes_away_ends_no_work(scan: Scan, tmp_path: Path, unbuffered: bool) -> None:
    (tmp_path / "manifest.csv").write_text(f"case,ct,marks\na,{scan.ct},{scan.marks}\n")
    output = tmp_path / "out"
    environment = os.environ | ({"PYTHONUNBUFFERED": "1"} if unbuffered else {})
    for command in (["info"], ["cohort", tmp_path / "manifest.csv", "-o", output, "--workers", 1]):
        read_end, write_end = os.pipe()
        os.close(read_end)
        arguments = [sys.executable, "-m", "lite_ensam", *map(str, command)]
        done = subprocess.run(
            arguments, stdout=write_end, stderr=subprocess.PIPE, env=environment, check=False, timeout=300
        )
        os.close(write_end)
        assert (done.returncode, done.stderr) == (0, b"")
    assert (output / "cases.csv").exists()


def test_an_error_that_nobody_reads_still_has_its_exit_code(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    arguments = [sys.executable, "-m", "lite_ensam", "segment", str(tmp_path / "none.nii.gz")]
    done = subprocess.run(arguments, stdout=write_end, stderr=write_end, check=False, timeout=300)
    os.close(write_end)
    assert done.returncode == 1


def test_errors_go_to_stderr_and_debug_adds_a_traceback(tmp_path: Path) -> None:
    arguments = ["-m", "lite_ensam", "segment", tmp_path / "none.nii.gz", "-o", tmp_path / "m.nii.gz"]
    done = python(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("lite-ensam: ")
    assert "Traceback" not in done.stderr
    debug = python(*arguments, "--debug")
    assert debug.returncode == 1
    assert "Traceback" in debug.stderr
    assert "CaseError" in debug.stderr


def test_segmenting_needs_no_torch_and_never_imports_it(scan: Scan, tmp_path: Path) -> None:
    arguments = ["segment", scan.ct, "--marks", scan.marks, "-o", tmp_path / "m.nii.gz"]
    code = (
        "import sys; sys.modules['torch'] = None\n"
        f"sys.argv[1:] = {list(map(str, arguments))!r}\n"
        "from lite_ensam.cli import main\n"
        "try:\n    main()\nfinally:\n"
        "    print([name for name, m in sys.modules.items() if m and name.split('.')[0] == 'torch'])"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_nothing_is_reported_to_anybody(scan: Scan, tmp_path: Path) -> None:
    arguments = ["segment", scan.ct, "--marks", scan.marks, "-o", tmp_path / "m.nii.gz"]
    code = (
        "import sys, socket\n"
        "def refuse(*arguments, **named): raise SystemExit('a socket was opened')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        f"sys.argv[1:] = {list(map(str, arguments))!r}\n"
        "from lite_ensam.cli import main\n"
        "try:\n    main()\nfinally:\n"
        "    print([name for name in sys.modules if name.startswith('openvino_telemetry')])"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_reader_that_goes_away_is_no_error(scan: Scan, tmp_path: Path) -> None:
    mask = tmp_path / "m.nii.gz"
    command = (
        f"'{sys.executable}' -m lite_ensam segment '{scan.ct}' --marks '{scan.marks}' -o '{mask}' | true"
    )
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False, timeout=300
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert set(np.unique(read_labels(mask))) == {0, 1, 2, 3}


def test_a_terminated_run_leaves_no_half_file(scan: Scan, tmp_path: Path) -> None:
    arguments = ["-m", "lite_ensam", "segment", scan.ct, "--marks", scan.marks, "-o", tmp_path / "m.nii.gz"]
    process = subprocess.Popen([sys.executable, *map(str, arguments)], stdout=subprocess.DEVNULL)
    try:
        process.wait(0.7)
    except subprocess.TimeoutExpired:
        process.terminate()
    assert process.wait(60) in (0, 143, -15)
    assert {path.name for path in tmp_path.iterdir()} <= {"m.nii.gz"}


def test_the_torch_engine_without_torch_names_the_extra(scan: Scan, tmp_path: Path) -> None:
    arguments = ["segment", scan.ct, "--marks", scan.marks, "-o", tmp_path / "m.nii.gz", "--engine", "torch"]
    code = (
        "import sys; sys.modules['torch'] = None\n"
        f"sys.argv[1:] = {list(map(str, arguments))!r}\n"
        "from lite_ensam.cli import main; main()"
    )
    done = python("-c", code)
    assert done.returncode == 1
    assert "pip install 'lite-ensam[torch]'" in done.stderr
    assert os.listdir(tmp_path) == []


def without_torch(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.modules['torch'] = None; sys.argv[1:] = {list(arguments)!r}\n"
    return python("-c", code + "from lite_ensam.cli import main; main()")


def test_training_without_torch_names_the_extra_and_calls_no_flag_unknown(tmp_path: Path) -> None:
    done = without_torch("train", str(tmp_path), "--run", str(tmp_path / "run"), "--steps", "5000")
    assert done.returncode == 1
    assert done.stderr == "lite-ensam: training needs torch: pip install 'lite-ensam[train]'\n"
    help_text = without_torch("train", "--help").stdout
    for flag in ("--steps", "--set", "--list-settings"):
        assert flag in help_text
    listed = without_torch("train", "--list-settings")
    assert (listed.returncode, listed.stderr) == (1, done.stderr)
