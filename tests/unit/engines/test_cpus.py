"""An engine takes the CPUs that it may use, and none that it cannot use."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lite_ensam import _kernels
from lite_ensam.core.errors import ArgumentError, EngineError
from lite_ensam.engines import check_engine, check_threads, load_backend

COUNT = """
from lite_ensam import _kernels
from lite_ensam.engines import load_backend
print(_kernels.usable_cpus(), load_backend("openvino")._options.get("INFERENCE_NUM_THREADS"))
"""
V2 = {"a/b/cgroup.controllers": "", "a/b/cpu.max": "max 100000", "a/cpu.max": "100000 100000"}
V1 = {"cpu/a/b/cpu.cfs_quota_us": "150000", "cpu/a/b/cpu.cfs_period_us": "100000"}

with_two_cpus = pytest.mark.skipif(_kernels.usable_cpus() < 2, reason="one CPU cannot be divided")


def printed(*command: object) -> str:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode and shutil.which("unshare") == str(command[0]):
        pytest.skip(f"no files can be put in place of the system's here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@with_two_cpus
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_affinity_is_followed_and_left_to_openvino(tmp_path: Path) -> None:
    one = min(os.sched_getaffinity(0))
    assert (
        printed(sys.executable, "-c", f"import os; os.sched_setaffinity(0, {{{one}}})\n{COUNT}") == "1 None"
    )


@with_two_cpus
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs Linux's unshare")
@pytest.mark.parametrize(("line", "files"), [("0::/a/b", V2), ("3:cpu,cpuacct:/a/b", V1)], ids=["v2", "v1"])
def test_a_control_groups_quota_is_followed(tmp_path: Path, line: str, files: dict[str, str]) -> None:
    """With files in place of those that Linux shows, in a mount namespace of their own."""
    groups = tmp_path / "groups"
    for name, content in files.items():
        (groups / name).parent.mkdir(parents=True, exist_ok=True)
        (groups / name).write_text(content + "\n")
    (tmp_path / "cgroup").write_text(line + "\n")
    script = 'mount --bind "$0/cgroup" /proc/$$/cgroup && mount --bind "$0/groups" /sys/fs/cgroup && exec "$1" -c "$2"'
    unshare = shutil.which("unshare")
    assert printed(unshare, "-m", "bash", "-c", script, tmp_path, sys.executable, COUNT) == "1 1"


def test_threads_that_were_asked_for_are_taken() -> None:
    assert load_backend("openvino", 3)._options["INFERENCE_NUM_THREADS"] == 3  # type: ignore[attr-defined]


def test_a_cpu_without_avx2_is_refused_by_openvino_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_kernels, "has_avx2", lambda: False)
    with pytest.raises(EngineError, match=r"needs a CPU with AVX2, .* the torch engine \(--engine torch\)"):
        load_backend("openvino")
    check_engine("torch")


def test_numbers_of_numpy_are_numbers_of_threads() -> None:
    check_threads(np.int64(2))  # type: ignore[arg-type]
    for wrong in (True, 1.0, "2", 0):
        with pytest.raises(ArgumentError, match="threads must be a whole number from 1 to 1024, got"):
            check_threads(wrong)  # type: ignore[arg-type]
