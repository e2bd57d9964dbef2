"""Who does the cases: worker processes on this machine, or a Dask cluster. Both are executors of `run_task`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lite_ensam.cohort.supervisor import close_workers
from lite_ensam.core.errors import ArgumentError, CohortError, MissingExtraError, brief
from lite_ensam.core.number_kinds import is_whole
from lite_ensam.engines.loading import MAX_THREADS

__all__ = ["MB_OF_A_WORKER", "Plan", "WorkerPool", "check_counts", "plan_workers", "staff"]

MB_OF_A_WORKER = 500
"""Largest memory of a worker, with scans of 512 x 512 x 100 voxels (docs/guide/cohorts.md)."""

_KEPT_FREE = 0.1
"""Share of the memory that no worker gets."""

_QUEUED = 4
"""Cases that wait for each thread of a cluster, so that none runs dry; at least `_LEAST_QUEUED`, so that a
cluster that grows with its queue begins to."""

_LEAST_QUEUED = 64
_PATIENCE = "30s"
"""For a scheduler to answer."""


@dataclass(frozen=True)
class Plan:
    """How a machine is used.

    Parameters
    ----------
    workers : int
        Processes.
    threads : int
        Threads of each.
    memory_mb : float
        Limit of each.
    cpus : int
        CPUs that control groups and affinity grant.
    machine_mb : float
        Memory that control groups grant, in MB.
    spare : int, default 0
        CPUs that idle because more workers would not fit into memory.
    """

    workers: int
    threads: int
    memory_mb: float
    cpus: int
    machine_mb: float
    spare: int = 0

    def __str__(self) -> str:
        return (
            f"{_count(self.workers, 'worker')} x {_count(self.threads, 'thread')}, at most {self.memory_mb:.0f} MB "
            f"each, on {_count(self.cpus, 'CPU')} with {self.machine_mb:.0f} MB free"
            + (f"; memory leaves {_count(self.spare, 'CPU')} idle" if self.spare else "")
        )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


@dataclass(frozen=True)
class WorkerPool:
    """Who works.

    Parameters
    ----------
    executor : Executor
        Takes `run_task`.
    capacity : Callable[[], int]
        How many cases shall be under way or waiting, now.
    """

    executor: Executor
    capacity: Callable[[], int]


def check_counts(workers: int | None, threads: int) -> None:
    """Raise ArgumentError unless both are numbers that a machine can have; workers may be None."""
    for name, number in (("workers", 1 if workers is None else workers), ("threads", threads)):
        if not is_whole(number) or not 1 <= number <= MAX_THREADS:
            raise ArgumentError(f"{name} must be a whole number from 1 to {MAX_THREADS}, got {brief(number)}")


def plan_workers(workers: int | None = None, threads: int = 1, memory_mb: float | None = None) -> Plan:
    """Processes, threads and memory for this machine; control groups' limits are respected.

    Parameters
    ----------
    workers : int or None, default None
        None takes as many as CPUs and memory allow.
    threads : int, default 1
        Threads of each worker; more threads are not faster than more workers, and change the last bits.
    memory_mb : float or None, default None
        Limit of each worker; None shares out what is free.
    """
    import psutil
    from dask.system import cpu_count
    from distributed.system import memory_limit

    cpus = cpu_count()
    machine_mb = min(memory_limit(), psutil.virtual_memory().available) / 2**20
    usable = machine_mb * (1 - _KEPT_FREE)
    spare = 0
    if workers is None:
        workers = max(1, min(cpus // threads, int(usable // (memory_mb or MB_OF_A_WORKER))))
        spare = max(0, cpus // threads - workers) * threads
    return Plan(workers, threads, memory_mb or max(MB_OF_A_WORKER, usable / workers), cpus, machine_mb, spare)


@contextmanager
def staff(plan: Plan, scheduler: Any = None) -> Iterator[WorkerPool]:
    """The executor, for the time of the block; its worker processes end with it.

    Parameters
    ----------
    plan : Plan
        Plan of this machine, where no scheduler is given.
    scheduler : Any, default None
        Address of a Dask scheduler such as tcp://10.0.0.1:8786, or a `distributed.Client`, which stays open.
    """
    if scheduler is None:
        with _threads(plan.workers) as executor:
            yield WorkerPool(executor, lambda: plan.workers + 1)
        return
    with _client(scheduler) as client:
        executor = client.get_executor(pure=False)
        try:
            yield WorkerPool(executor, lambda: max(_LEAST_QUEUED, _QUEUED * sum(client.nthreads().values())))
        finally:
            executor.shutdown(wait=False)
            if client.status == "running":
                client.run(close_workers, on_error="ignore")


@contextmanager
def _threads(n: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that each wait for a worker process; when the block ends, in whatever way, so do the processes."""
    executor = ThreadPoolExecutor(n, "lite-ensam-cohort")
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        close_workers()
        executor.shutdown(wait=True)
        close_workers()  # of a thread that had taken a case, but no worker yet


@contextmanager
def _client(scheduler: Any) -> Iterator[Any]:
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingExtraError("clusters need Dask: pip install 'lite-ensam[cohort]'") from error
    if not isinstance(scheduler, str):
        yield scheduler
        return
    try:
        client = Client(scheduler, timeout=_PATIENCE)
    except (OSError, ValueError) as error:
        raise CohortError(f"no Dask scheduler answers at {scheduler}: {error}") from None
    with client:
        yield client
