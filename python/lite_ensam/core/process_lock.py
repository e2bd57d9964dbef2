"""A lock that no fork can leave locked."""

from __future__ import annotations

import os
from threading import RLock
from types import TracebackType
from weakref import WeakSet

__all__ = ["ProcessLock"]


class ProcessLock:
    """A re-entrant lock whose state a forked child does not inherit.

    A child has only the thread that forked. A lock that another thread of the parent held at that moment would stay
    locked there for ever; such a lock is replaced.

    Examples
    --------
    >>> lock = ProcessLock()
    >>> with lock, lock:
    ...     print("mine")
    mine
    """

    def __init__(self) -> None:
        self._lock = RLock()
        _LOCKS.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.release()

    def _renew(self) -> None:
        if self._lock.acquire(
            blocking=False
        ):  # free, or held by the thread that forked, which still holds it
            self._lock.release()
        else:
            self._lock = RLock()


_LOCKS: WeakSet[ProcessLock] = WeakSet()


def _renew_all() -> None:
    for lock in _LOCKS:
        lock._renew()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_renew_all)
