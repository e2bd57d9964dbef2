"""A cohort from its rows to its tables: what is done is kept, what failed is a row, and the run can be stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from lite_ensam import _kernels
from lite_ensam.cohort.manifest import CohortCase
from lite_ensam.cohort.parameters import Limits, Outcome, Parameters, Task
from lite_ensam.cohort.record import read_record, write_record
from lite_ensam.cohort.scheduling import WorkerPool, plan_workers, staff
from lite_ensam.cohort.supervisor import run_task
from lite_ensam.cohort.task import failure_record, is_current
from lite_ensam.core.about import DISCLAIMER
from lite_ensam.core.errors import CohortError, LiteEnsamError, printable
from lite_ensam.io import write_report

__all__ = ["Progress", "locked", "run_cases"]

LOCK = ".lock"


@dataclass
class Progress:
    """How far a run is; one object, changed as it goes.

    Parameters
    ----------
    total : cases of the manifest
    kept : found as an earlier run left them
    done, failed : of this run
    failed_before : of the kept ones
    peak_mb : largest memory of any worker
    started : time.monotonic()
    """

    total: int
    kept: int = 0
    done: int = 0
    failed: int = 0
    failed_before: int = 0
    peak_mb: float = 0.0
    started: float = field(default_factory=time.monotonic)

    @property
    def seen(self) -> int:
        """Cases that need no more work."""
        return self.kept + self.done + self.failed

    @property
    def per_minute(self) -> float:
        """Cases of this run a minute."""
        return 60 * (self.done + self.failed) / max(1e-9, time.monotonic() - self.started)

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None before there is one."""
        return 60 * (self.total - self.seen) / self.per_minute if self.done + self.failed else None


def run_cases(
    rows: Sequence[CohortCase],
    folder: Path,
    parameters: Parameters,
    limits: Limits,
    *,
    workers: int | None = None,
    scheduler: Any = None,
    retry_failed: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Progress:
    """Do every case that is not done yet, in a folder that is `locked`; `run_cohort` is the front door.

    Raises
    ------
    CohortError
        If the disk, the installation or a Dask scheduler do not let the run go on; what is done is kept.
    OutputError
        If a record cannot be written.
    """
    about = {"disclaimer": DISCLAIMER, "version": _kernels.__version__, "parameters": asdict(parameters)}
    write_report(folder / "cohort.json", about | {"cases": len(rows)}, overwrite=True)
    plan = plan_workers(workers, parameters.threads, limits.memory_mb)
    if limits.memory_mb is None:
        limits = replace(limits, memory_mb=plan.memory_mb)
    progress = Progress(len(rows))
    tell = on_progress or (lambda _: None)
    with staff(plan, scheduler) as everybody:
        tasks = _open_tasks(rows, str(folder), parameters, limits, retry_failed, progress, tell)
        for outcome in _outcomes(tasks, everybody):
            progress.done += outcome.status == "done"
            progress.failed += outcome.status == "failed"
            progress.peak_mb = max(progress.peak_mb, outcome.peak_mb or 0)
            tell(progress)
    return progress


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The folder for this run alone: the system ends the lock with the process, however that ends."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise CohortError(f"{printable(folder)}: another run is writing into this folder") from None
    except OSError as error:
        raise CohortError(f"{printable(folder)}: cannot be locked ({error.strerror or error})") from error
    try:
        yield
    finally:
        lock.release()


def _open_tasks(
    rows: Sequence[CohortCase],
    folder: str,
    parameters: Parameters,
    limits: Limits,
    retry_failed: bool,
    progress: Progress,
    tell: Callable[[Progress], None],
) -> Iterator[Task]:
    """Tasks of the cases that have no record that is still true."""
    begun = False
    for row in rows:
        task = Task(row, folder, parameters, limits)
        record = read_record(folder, row)
        failed = record is not None and record["status"] == "failed"
        if record is not None and not (failed and retry_failed) and is_current(task, record):
            progress.kept += 1
            progress.failed_before += failed
            tell(progress)
        else:
            if not begun:  # the pace is that of work, not of looking up what is done
                begun, progress.started = True, time.monotonic()
            yield task


def _outcomes(tasks: Iterator[Task], everybody: WorkerPool) -> Iterator[Outcome]:
    """Outcomes as they come; never more cases handed out than the staff can take."""
    waiting: dict[Future[Outcome], Task] = {}
    more = True
    while more or waiting:
        capacity = everybody.capacity()
        while more and len(waiting) < capacity:
            task = next(tasks, None)
            if task is None:
                more = False
            else:
                waiting[everybody.executor.submit(run_task, task)] = task
        if waiting:
            finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                yield _result(future, waiting.pop(future))


def _result(future: Future[Outcome], task: Task) -> Outcome:
    try:
        outcome = future.result()
    except CancelledError:
        raise CohortError("the Dask scheduler went away; run again to go on") from None
    except LiteEnsamError:
        raise
    except Exception as error:
        if type(error).__name__ != "KilledWorker":
            raise CohortError(
                f"Dask gave up on case {task.row.case}: {type(error).__name__}: {error}"
            ) from error
        said = "several of Dask's workers died of it"
        write_record(task.folder, task.row, failure_record(task, "worker", said))
        return Outcome(task.row.case, "failed", said)
    if outcome.status == "stop":
        raise CohortError(f"case {task.row.case}: {outcome.error}; what is done is kept: run again to go on")
    return outcome
