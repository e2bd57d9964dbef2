"""Worker processes, watched: one that dies, hangs or swells is replaced, and costs its own case only.

`run_task` is all that a scheduler calls, on this machine in threads and on others in Dask's workers. The cases
themselves are done in processes of their own (`child`), since only a process can be stopped at any moment, and
what kills it (a fault in a decoder, the kernel's memory killer) kills nothing else.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import IO

from lite_ensam.cohort.parameters import Limits, Outcome, Task
from lite_ensam.cohort.record import write_record
from lite_ensam.cohort.task import failure_record
from lite_ensam.core.errors import OutputError

__all__ = ["close_workers", "run_task"]

LOG = "workers.log"
"""In the cohort's folder: what native libraries say when they die."""

_POLL_S = 0.05
_THREADS = ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")

_lock = Lock()
_idle: list[Worker] = []
_all: set[Worker] = set()


def run_task(task: Task) -> Outcome:
    """Do a case in a worker process, and wait for it.

    Returns
    -------
    What became of it. A case over its limits, and one that several workers died of, has failed, and its record says
    so.
    """
    worker = _take(Path(task.folder), task.parameters.threads)
    try:
        return worker.run(task)
    finally:
        with _lock:
            if not worker.closed:
                _idle.append(worker)


def close_workers() -> None:
    """Kill the worker processes of this process, busy or not."""
    with _lock:
        workers = list(_all)
        _all.clear()
        _idle.clear()
    for worker in workers:
        worker.close()


def _take(folder: Path, threads: int) -> Worker:
    """An idle worker of this cohort, or a new one."""
    with _lock:
        for worker in reversed(_idle):
            if (worker.folder, worker.threads) == (folder, threads):
                _idle.remove(worker)
                return worker
        worker = Worker(folder, threads)
        _all.add(worker)
        return worker


class Worker:
    """One worker process, started when it is needed and again when it died.

    Parameters
    ----------
    folder : of the cohort; gets the log
    threads : of everything that computes
    """

    def __init__(self, folder: Path, threads: int) -> None:
        self.folder, self.threads, self.closed = folder, threads, False
        self._process: subprocess.Popen[str] | None = None
        self._how_it_died = "never begun"
        self._turn = Lock()

    def run(self, task: Task) -> Outcome:
        """Do a case, with as many processes as the limits let die of it."""
        start = time.perf_counter()
        reason = ""
        with self._turn:
            for _ in range(task.limits.deaths):
                reply, reason = self._ask(task)
                if reply is not None:
                    return reply
                if self.closed:
                    return Outcome(task.row.case, "stop", "the run was stopped")
                if reason:
                    break
        reason = reason or f"worker: {task.limits.deaths} workers died of it ({self._how_it_died})"
        step, _, error = reason.partition(": ")
        try:
            write_record(task.folder, task.row, failure_record(task, step, error))
        except OutputError as refused:
            return Outcome(task.row.case, "stop", str(refused))
        return Outcome(task.row.case, "failed", error, time.perf_counter() - start)

    def close(self) -> None:
        """End the process for good; who waits for it is told so."""
        self.closed = True
        if (process := self._process) is not None:
            process.kill()
        with self._turn:
            self._reap()

    def _ask(self, task: Task) -> tuple[Outcome | None, str]:
        """The worker's reply; None if it died, with the reason if it was killed for its limits."""
        process = self._living()
        if process is None:
            return None, ""
        answered, reasons = Event(), list[str]()
        watchdog = Thread(target=_watch, args=(process.pid, task.limits, answered, reasons), daemon=True)
        watchdog.start()
        line = ""
        try:
            _open(process.stdin).write(task.to_json() + "\n")
            _open(process.stdin).flush()
            line = _open(process.stdout).readline()
        except OSError:  # it died before it was asked
            pass
        finally:
            answered.set()
            watchdog.join()
        if line.endswith("\n"):
            return Outcome(**json.loads(line)), ""
        self._reap()
        return None, reasons[0] if reasons else ""

    def _reap(self) -> None:
        """Wait for a process that is dead or dying, and close its pipes."""
        process, self._process = self._process, None
        if process is None:
            return
        code = process.wait()
        with suppress(ValueError):
            self._how_it_died = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        for stream in (process.stdin, process.stdout):
            with suppress(OSError):
                _open(stream).close()

    def _living(self) -> subprocess.Popen[str] | None:
        """The process, begun if need be; None once the worker is closed."""
        if self._process is not None and self._process.poll() is not None:
            self._reap()
        if self._process is None and not self.closed:
            n = str(self.threads)
            environment = os.environ | dict.fromkeys(_THREADS, n)
            with open(self.folder / LOG, "ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "lite_ensam.cohort.worker_process"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    env=environment,
                    encoding="ascii",
                    process_group=0,  # Ctrl-C is for us; they end when we do
                )
        return self._process


def _watch(pid: int, limits: Limits, answered: Event, reasons: list[str]) -> None:
    """Kill a process that takes more time or memory than it may, and say why."""
    import psutil

    deadline = time.monotonic() + limits.seconds
    try:
        process = psutil.Process(pid)
        while not answered.wait(_POLL_S):
            mb = process.memory_info().rss / 2**20
            if limits.memory_mb is not None and mb > limits.memory_mb:
                reasons.append(f"memory: took more than {limits.memory_mb:g} MB of memory")
            elif time.monotonic() > deadline:
                reasons.append(f"time: took longer than {limits.seconds:g} s")
            if reasons:
                process.kill()
                return
    except psutil.Error:  # it is gone
        return


def _open(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise OSError("the worker has no pipe")
    return stream
