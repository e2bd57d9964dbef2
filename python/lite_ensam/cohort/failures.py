"""Why a case could not be done, as a value: the step says whether, and when, another try makes sense."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from enum import StrEnum

from lite_ensam.core.errors import ArchiveError, CaseError, LiteEnsamError, MarkError
from lite_ensam.io.places import shown_message

__all__ = ["CaseFailure", "Step", "failure_of", "may_pass"]


class Step(StrEnum):
    """Where a case failed, as the table of cases has it."""

    MANIFEST = "manifest"
    SCAN = "scan"
    MARKS = "marks"
    SEGMENT = "segment"
    PROGRAM = "program"
    READ = "read"
    WORKER = "worker"
    TIME = "time"
    MEMORY = "memory"

    @property
    def is_final(self) -> bool:
        """Whether the inputs are at fault: nothing else will come out as long as these stay."""
        return self in (Step.SCAN, Step.MARKS, Step.SEGMENT, Step.PROGRAM)


@dataclass(frozen=True)
class CaseFailure:
    """The failure of a case.

    Parameters
    ----------
    step : Step
        Where.
    error : str
        One sentence.
    """

    step: Step
    error: str


_STEPS = (
    (ArchiveError, Step.READ),
    (MarkError, Step.MARKS),
    (CaseError, Step.SCAN),
    (MemoryError, Step.MEMORY),
    (LiteEnsamError, Step.SEGMENT),
)

_NOT_BETTER_LATER = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG}
"""Trying again within seconds does not help against these."""


def failure_of(error: Exception) -> CaseFailure:
    """The failure that an exception inside a worker means."""
    step = next((name for kind, name in _STEPS if isinstance(error, kind)), Step.PROGRAM)
    if isinstance(error.__cause__, MemoryError):
        step = Step.MEMORY
    elif _system_error(error) is not None:
        step = Step.READ
    known = isinstance(error, LiteEnsamError)
    return CaseFailure(step, shown_message(str(error) if known else f"{type(error).__name__}: {error}"))


def may_pass(error: BaseException) -> bool:
    """Whether it is an error of reading or writing that may be gone in a moment."""
    found = _system_error(error)
    return found is not None and found.errno not in _NOT_BETTER_LATER


def _system_error(error: BaseException | None) -> OSError | None:
    """The operating system's message, if the error came from there."""
    while error is not None:
        # libraries raise OSErrors of their own for damaged files; those of the system have a number
        if isinstance(error, OSError) and error.errno is not None:
            return error
        error = error.__cause__
    return None
