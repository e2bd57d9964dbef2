"""Worker processes, watched: one that dies, hangs or swells is replaced, and costs its own case only.

`run_task` is all that a scheduler calls, on this machine in threads and on others in Dask's workers. The cases
themselves are done in processes of their own (`worker_process`), since only a process can be stopped at any moment, and
what kills it (a fault in a decoder, the kernel's memory killer) kills nothing else. Why not a library's pool of
processes: docs/developer/decisions/0016.
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

from lite_ensam.cohort.failures import CaseFailure, Step
from lite_ensam.cohort.parameters import Limits, Outcome, Task
from lite_ensam.cohort.record import failure_record, write_record
from lite_ensam.core.errors import CohortError, OutputError

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
    Outcome
        Its outcome. A case over its limits, and one that several workers died of, has failed, and its record
        says so.
    """
    start = time.perf_counter()
    worker = _take(Path(task.folder), task.parameters.threads)
    try:
        answer = worker.run(task)
    finally:
        with _lock:
            if not worker.closed:
                _idle.append(worker)
    if isinstance(answer, Outcome):
        return answer
    try:
        write_record(task.folder, task.row, failure_record(task, answer))
    except OutputError as refused:
        return Outcome(task.row.case, "stop", str(refused))
    return Outcome(task.row.case, "failed", answer.error, time.perf_counter() - start)


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
    folder : Path
        Folder of the cohort; gets the log.
    threads : int
        Threads of everything that computes.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        self.folder, self.threads, self.closed = folder, threads, False
        self._process: subprocess.Popen[str] | None = None
        self._turn = Lock()

    def run(self, task: Task) -> Outcome | CaseFailure:
        """Do a case, with as many processes as the limits let die of it."""
        death = "never begun"
        with self._turn:
            for _ in range(task.limits.deaths):
                if self.closed:
                    break
                answer = self._ask(task)
                if not isinstance(answer, str):
                    return answer
                death = answer
        if self.closed:
            return Outcome(task.row.case, "stop", "the run was stopped")
        return CaseFailure(Step.WORKER, f"{task.limits.deaths} workers died of it ({death})")

    def close(self) -> None:
        """End the process for good; who waits for it is told so."""
        self.closed = True
        if (process := self._process) is not None:
            process.kill()
        with self._turn:
            self._reap()

    def _ask(self, task: Task) -> Outcome | CaseFailure | str:
        """The process's message about a case, the reason why it was killed, or how it died."""
        process = self._living()
        with _Watchdog(process.pid, task.limits) as watchdog:
            line = _exchange(process, task.to_json())
        if line.endswith("\n"):
            return Outcome(**json.loads(line))
        death = self._reap()
        return watchdog.overrun or death

    def _living(self) -> subprocess.Popen[str]:
        """The process, begun if need be."""
        if self._process is not None and self._process.poll() is not None:
            self._reap()
        if self._process is None:
            try:
                self._process = self._begin()
            except OSError as error:
                raise CohortError(
                    f"no worker can be started ({error.strerror or error}); what is done is kept: "
                    "run the same command again to resume"
                ) from error
        if self.closed:  # between the question and the start
            self._process.kill()
        return self._process

    def _begin(self) -> subprocess.Popen[str]:
        with open(self.folder / LOG, "ab") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "lite_ensam.cohort.worker_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=os.environ | dict.fromkeys(_THREADS, str(self.threads)),
                encoding="ascii",
                process_group=0,  # Ctrl-C is for us; they end when we do
            )

    def _reap(self) -> str:
        """Wait for a process that is dead or dying, close its pipes, and say how it died."""
        process, self._process = self._process, None
        if process is None:
            return "never begun"
        code = process.wait()
        for stream in (process.stdin, process.stdout):
            with suppress(OSError):
                _open(stream).close()
        return _death(code)


class _Watchdog:
    """Kills a process that takes more time or memory than it may, while the block lasts.

    `overrun` is the reason afterwards, or None.
    """

    def __init__(self, pid: int, limits: Limits) -> None:
        self.overrun: CaseFailure | None = None
        self._pid, self._limits, self._answered = pid, limits, Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _Watchdog:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._answered.set()
        self._thread.join()

    def _watch(self) -> None:
        import psutil

        deadline = time.monotonic() + self._limits.seconds
        most_mb = self._limits.memory_mb
        with suppress(psutil.Error):  # it is gone
            process = psutil.Process(self._pid)
            while not self._answered.wait(_POLL_S):
                if most_mb is not None and process.memory_info().rss / 2**20 > most_mb:
                    self.overrun = CaseFailure(Step.MEMORY, f"took more than {most_mb:g} MB of memory")
                elif time.monotonic() > deadline:
                    self.overrun = CaseFailure(Step.TIME, f"took longer than {self._limits.seconds:g} s")
                if self.overrun is not None:
                    process.kill()
                    return


def _exchange(process: subprocess.Popen[str], question: str) -> str:
    """A line for a line; what there is of the answer if the process dies."""
    try:
        _open(process.stdin).write(question + "\n")
        _open(process.stdin).flush()
        return _open(process.stdout).readline()
    except OSError:  # it died before it was asked
        return ""


def _death(code: int) -> str:
    """How a process ended, in a word or two."""
    try:
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    except ValueError:
        return f"signal {-code}"
    return f"{name}: the system kills so when memory runs out" if name == "SIGKILL" else name


def _open(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise OSError("the worker has no pipe")
    return stream
