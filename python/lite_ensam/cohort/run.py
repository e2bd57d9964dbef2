"""A cohort from its rows to its tables: what is done is kept, what failed is a row, and the run can be stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass, field, replace
from typing import Any

from lite_ensam import _kernels
from lite_ensam.cohort.case_state import CaseState, case_state
from lite_ensam.cohort.failures import CaseFailure, Step
from lite_ensam.cohort.manifest import CohortCase
from lite_ensam.cohort.output_folder import ABOUT, LockedFolder
from lite_ensam.cohort.parameters import Limits, Outcome, Parameters, Task
from lite_ensam.cohort.record import case_folder, failure_record, read_record, write_record
from lite_ensam.cohort.scheduling import WorkerPool, plan_workers, staff
from lite_ensam.cohort.supervisor import run_task
from lite_ensam.core.about import DISCLAIMER
from lite_ensam.core.errors import CohortError, LiteEnsamError
from lite_ensam.io import write_report
from lite_ensam.io.atomic import sweep_leftovers

__all__ = ["Progress", "run_cases"]


@dataclass
class Progress:
    """Progress of a run; one object, updated as the run proceeds.

    Parameters
    ----------
    total : int
        Cases of the manifest.
    kept : int, default 0
        Found as an earlier run left them.
    done, failed : int, default 0
        Cases of this run.
    failed_before : int, default 0
        Failed cases among the kept ones.
    peak_mb : float, default 0.0
        Largest memory of any worker.
    started : float, optional
        Value of `time.monotonic()` at the start.
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
        """Cases per minute in this run."""
        return 60 * (self.done + self.failed) / max(1e-9, time.monotonic() - self.started)

    @property
    def seconds_left(self) -> float | None:
        """Time left at the pace so far; None before the first case is done."""
        return 60 * (self.total - self.seen) / self.per_minute if self.done + self.failed else None


def run_cases(
    rows: Sequence[CohortCase],
    folder: LockedFolder,
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
        If the disk, the installation or a Dask scheduler do not let the run go on, or the folder vanishes; what is
        done is kept.
    OutputError
        If a record cannot be written.
    """
    about = {"disclaimer": DISCLAIMER, "version": _kernels.__version__, "parameters": parameters.to_dict()}
    write_report(folder.path / ABOUT, about | {"cases": len(rows)}, overwrite=True)
    plan = plan_workers(workers, parameters.threads, limits.memory_mb)
    if limits.memory_mb is None:
        limits = replace(limits, memory_mb=plan.memory_mb)
    progress = Progress(len(rows))
    tell = on_progress or (lambda _: None)
    with staff(plan, scheduler) as everybody:
        tasks = _open_tasks(rows, folder, parameters, limits, retry_failed, progress, tell)
        for outcome in _outcomes(tasks, everybody, folder):
            progress.done += outcome.status == "done"
            progress.failed += outcome.status == "failed"
            progress.peak_mb = max(progress.peak_mb, outcome.peak_mb or 0)
            tell(progress)
    folder.check_records(rows)
    return progress


def _open_tasks(
    rows: Sequence[CohortCase],
    folder: LockedFolder,
    parameters: Parameters,
    limits: Limits,
    retry_failed: bool,
    progress: Progress,
    tell: Callable[[Progress], None],
) -> Iterator[Task]:
    """Tasks of the cases that have no record that is still true."""
    begun = False
    for row in rows:
        task = Task(row, str(folder.path), parameters, limits)
        sweep_leftovers(case_folder(folder.path, row), alone=True)
        state = case_state(task, read_record(folder.path, row))
        if state is CaseState.DONE or (state is CaseState.FAILED and not retry_failed):
            progress.kept += 1
            progress.failed_before += state is CaseState.FAILED
            tell(progress)
        else:
            if not begun:  # the pace is that of work, not of looking up what is done
                begun, progress.started = True, time.monotonic()
                folder.check()
                folder.withdraw_tables()
            yield task


def _outcomes(tasks: Iterator[Task], everybody: WorkerPool, folder: LockedFolder) -> Iterator[Outcome]:
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
            folder.check()
            for future in finished:
                yield _result(future, waiting.pop(future))


def _result(future: Future[Outcome], task: Task) -> Outcome:
    try:
        outcome = future.result()
    except CancelledError:
        raise CohortError("the Dask scheduler went away; run the same command again to resume") from None
    except LiteEnsamError:
        raise
    except Exception as error:
        if type(error).__name__ != "KilledWorker":
            raise CohortError(
                f"Dask gave up on case {task.row.case}: {type(error).__name__}: {error}"
            ) from error
        failure = CaseFailure(Step.WORKER, "several of Dask's workers died of it")
        write_record(task.folder, task.row, failure_record(task, failure))
        return Outcome(task.row.case, "failed", failure.error)
    if outcome.status == "stop":
        raise CohortError(
            f"case {task.row.case}: {outcome.error}; what is done is kept: run the same command again to resume"
        )
    return outcome
