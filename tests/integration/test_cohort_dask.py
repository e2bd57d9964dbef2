"""The same cohort through a Dask cluster on loopback, whose client and worker are killed: the same tables."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from lite_ensam.cohort import open_manifest, run_cohort
from lite_ensam.core.errors import CohortError
from tests.integration.cohorts import LIMITS, N_GOOD, PLAIN, outcome
from tests.integration.conftest import Undisturbed
from tests.integration.test_cohort_reliability import records, start, wait_for


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Address of a scheduler, and its two workers."""
    folder = tmp_path_factory.mktemp("dask")

    def dask(log: str, *arguments: str) -> subprocess.Popen[bytes]:
        with open(folder / log, "wb") as file:
            command = [sys.executable, "-m", "dask", *arguments]
            process = subprocess.Popen(command, stdout=file, stderr=file, cwd=folder)
        stack.callback(process.wait)
        stack.callback(process.kill)
        return process

    with ExitStack() as stack:
        dask("scheduler", "scheduler", "--host", "tcp://127.0.0.1", "--port", "0", "--no-dashboard")
        address = ""
        deadline = time.monotonic() + 60
        while not address:
            assert time.monotonic() < deadline
            time.sleep(0.1)
            found = re.search(r"Scheduler at:\s+(tcp://127.0.0.1:\d+)", (folder / "scheduler").read_text())
            address = found[1] if found else ""
        worker = ("worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny", "--host", "127.0.0.1")
        yield address, [dask(f"worker {n}", *worker) for n in range(2)]


def test_client_and_worker_are_killed_and_the_tables_are_the_same(
    undisturbed: Undisturbed, tmp_path: Path, cluster: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    address, workers = cluster
    client = start(undisturbed, tmp_path, "--scheduler", address)
    wait_for(tmp_path, 1, client)
    client.kill()
    client.wait()
    children = psutil.Process(workers[0].pid).children()
    assert children  # cases are done in processes of their own there, too
    workers[0].kill()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
    progress = run_cohort(
        undisturbed.manifest, tmp_path, PLAIN, LIMITS, scheduler=address, check=False
    ).progress
    assert progress.seen == N_GOOD + 1 == records(tmp_path)
    assert outcome(tmp_path) == undisturbed.outcome
    assert psutil.Process(workers[1].pid).children() == []  # they end with the run


def test_a_client_from_a_notebook_stays_open(
    undisturbed: Undisturbed, tmp_path: Path, cluster: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    from distributed import Client

    with Client(cluster[0]) as client:
        rows = open_manifest(undisturbed.manifest).rows[:1]
        assert run_cohort(rows, tmp_path, PLAIN, LIMITS, scheduler=client).progress.done == 1
        assert client.status == "running"


def test_a_scheduler_that_is_not_there(
    undisturbed: Undisturbed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lite_ensam.cohort import scheduling

    monkeypatch.setattr(scheduling, "_PATIENCE", "1s")
    with pytest.raises(CohortError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        run_cohort(undisturbed.manifest, tmp_path, PLAIN, LIMITS, scheduler="tcp://127.0.0.1:9", check=False)
