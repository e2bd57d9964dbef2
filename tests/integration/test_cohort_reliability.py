"""What a long run meets: kills, full disks, second runs, cases that hang or swell. In the end every good case is there
once, with the bits of an undisturbed run.

`COHORT_KILLS=20 pytest tests/integration/test_cohort_reliability.py` kills 20 times where the suite kills thrice.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import psutil
import pytest

from lite_ensam.cohort import Limits, Progress, open_manifest, run_cohort, supervisor
from lite_ensam.cohort.output_folder import locked
from lite_ensam.core.errors import CohortError, OutputError
from lite_ensam.io import read_report
from tests.integration.cohorts import LIMITS, N_GOOD, PLAIN, outcome
from tests.integration.conftest import Undisturbed

KILLS = int(os.environ.get("COHORT_KILLS", "3"))


def start(undisturbed: Undisturbed, folder: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "lite_ensam",
        "cohort",
        undisturbed.manifest,
        "-o",
        folder,
    ]
    return subprocess.Popen(
        [*map(str, command), "--workers", "2", "--go-on", *more],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def records(folder: Path) -> int:
    return len(list(folder.glob("cases/*/record.json")))


def wait_for(folder: Path, n_records: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while records(folder) < n_records and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def finish(undisturbed: Undisturbed, folder: Path) -> Progress:
    return run_cohort(undisturbed.manifest, folder, PLAIN, LIMITS, workers=2, check=False).progress


def test_the_whole_run_is_killed_at_random_moments(undisturbed: Undisturbed, tmp_path: Path) -> None:
    rng = random.Random(0)
    folder, midway = tmp_path / "out", 0
    for kill in range(KILLS):
        if kill % (N_GOOD + 1) == N_GOOD:
            shutil.rmtree(folder)  # it was through: begin anew
        before = records(folder)
        process = start(undisturbed, folder)
        wait_for(folder, min(before + 1, N_GOOD + 1), process)
        children = psutil.Process(process.pid).children() if process.poll() is None else []
        time.sleep(rng.uniform(0, 0.5))
        midway += process.poll() is None
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(children, timeout=10)
        assert alive == []  # workers end with the run
        assert not (folder / "cases.csv").exists() or records(folder) == N_GOOD + 1
    assert midway
    finish(undisturbed, folder)
    assert outcome(folder) == undisturbed.outcome


def test_workers_are_killed_at_random_moments(undisturbed: Undisturbed, tmp_path: Path) -> None:
    rng = random.Random(1)
    killed: list[int] = []
    running = True

    def kill_now_and_then() -> None:
        while running and len(killed) < KILLS:
            time.sleep(rng.uniform(0.3, 1.2))
            for worker in psutil.Process().children()[:1]:
                worker.kill()
                killed.append(worker.pid)

    killer = Thread(target=kill_now_and_then)
    killer.start()
    try:
        limits = Limits(seconds=120, memory_mb=1500, backoff_s=0.01, deaths=KILLS + 1)
        run_cohort(undisturbed.manifest, tmp_path, PLAIN, limits, workers=2)
    finally:
        running = False
        killer.join()
    assert killed
    assert outcome(tmp_path) == undisturbed.outcome


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a tiny disk cannot be mounted here")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_stops_the_run_and_room_lets_it_go_on(undisturbed: Undisturbed, tiny_disk: Path) -> None:
    with pytest.raises((CohortError, OutputError), match="the disk is full"):
        finish(undisturbed, tiny_disk)
    subprocess.run(["mount", "-o", "remount,size=20m", tiny_disk], check=True)
    kept = records(tiny_disk)
    assert finish(undisturbed, tiny_disk).kept == kept
    assert outcome(tiny_disk) == undisturbed.outcome


def test_a_folder_that_cannot_be_written_is_refused_at_once(undisturbed: Undisturbed, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot make the folder"):
        finish(undisturbed, tmp_path / "file" / "out")
    if os.geteuid() == 0:  # root may write everywhere but on a disk that is read-only
        mount = ["mount", "-t", "tmpfs", "-o", "ro,size=48k", "tmpfs", str(tmp_path)]
        if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("a read-only disk cannot be mounted here")
        try:
            with pytest.raises((CohortError, OutputError), match=r"(?i)read-only"):
                finish(undisturbed, tmp_path)
        finally:
            subprocess.run(["umount", tmp_path], check=True)


def test_a_second_run_into_the_folder_is_turned_away(undisturbed: Undisturbed, tmp_path: Path) -> None:
    first = start(undisturbed, tmp_path)
    wait_for(tmp_path, 1, first)
    with pytest.raises(CohortError, match="another run is writing into this folder"):
        finish(undisturbed, tmp_path)
    assert first.wait(120) == 0
    assert outcome(tmp_path) == undisturbed.outcome
    with locked(tmp_path):  # the lock is free again
        pass


@pytest.mark.parametrize(
    ("limits", "step", "error"),
    [
        (Limits(seconds=0.05, memory_mb=1500), "time", "took longer than 0.05 s"),
        (Limits(seconds=60, memory_mb=60), "memory", "took more than 60 MB of memory"),
    ],
)
def test_a_case_over_its_limits_is_a_row(
    undisturbed: Undisturbed, tmp_path: Path, limits: Limits, step: str, error: str
) -> None:
    rows = open_manifest(undisturbed.manifest).rows[:1]
    assert run_cohort(rows, tmp_path, PLAIN, limits, workers=1).progress.failed == 1
    record = read_report(tmp_path / "cases/scan_0/record.json")
    assert (record["step"], record["error"]) == (step, error)
    assert run_cohort(rows, tmp_path, PLAIN, limits, workers=1).progress.kept == 1  # nor will it do next time
    assert run_cohort(rows, tmp_path, PLAIN, LIMITS, workers=1).progress.done == 1  # with more room it does


def test_a_case_that_workers_die_of_takes_no_other_along(
    undisturbed: Undisturbed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = open_manifest(undisturbed.manifest).rows
    deadly = rows[2].case
    ask = supervisor.Worker._ask

    def ask_and_die(worker: supervisor.Worker, task: supervisor.Task) -> object:
        if task.row.case == deadly:
            process = worker._living()
            assert process is not None
            process.send_signal(signal.SIGSEGV)
        return ask(worker, task)

    monkeypatch.setattr(supervisor.Worker, "_ask", ask_and_die)
    progress = run_cohort(rows, tmp_path, PLAIN, LIMITS, workers=2, check=False).progress
    assert (progress.done, progress.failed) == (N_GOOD - 1, 2)
    record = read_report(tmp_path / "cases" / deadly / "record.json")
    assert (record["step"], record["error"]) == ("worker", "3 workers died of it (SIGSEGV)")
    monkeypatch.undo()
    assert finish(undisturbed, tmp_path).done == 1  # the next run tries again
    assert outcome(tmp_path) == undisturbed.outcome


def test_reading_is_tried_again_and_bad_scans_are_not(
    undisturbed: Undisturbed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lite_ensam.cohort import task as tasks

    reads: list[str] = []

    def flaky(path: str) -> str:
        reads.append(path)
        if len(reads) < 3:
            raise OSError(5, "Input/output error")
        return "0" * 64

    rows = open_manifest(undisturbed.manifest).rows
    (tmp_path / "cases").mkdir()
    with monkeypatch.context() as patched:
        patched.setattr(tasks, "content_hash", flaky)
        assert tasks.run_case(tasks.Task(rows[0], str(tmp_path), PLAIN, LIMITS)).status == "done"
    assert read_report(tmp_path / "cases/scan_0/record.json")["run"]["attempts"] == 3
    assert tasks.run_case(tasks.Task(rows[1], str(tmp_path), PLAIN, LIMITS)).status == "failed"
    assert read_report(tmp_path / "cases/corrupt/record.json")["run"]["attempts"] == 1
