"""Is this case done? One function answers it, for whoever schedules and for the worker alike."""

from __future__ import annotations

from enum import Enum

from lite_ensam.cohort.failures import Step
from lite_ensam.cohort.parameters import Limits, Task
from lite_ensam.cohort.record import (
    MASK,
    Record,
    case_folder,
    content_hash,
    file_signature,
    input_hash,
    input_paths,
    is_away,
)
from lite_ensam.core.errors import CaseError

__all__ = ["CaseState", "case_state"]

_MUCH_MORE = 1.2
"""A limit this much higher is worth another try; free memory is never twice the same."""


class CaseState(Enum):
    """State of a case: see the table of `case_state`."""

    OPEN = "to be done"
    UNSURE = "done, if its inputs have the content that they had"
    DONE = "done"
    FAILED = "failed, and would fail again"


def case_state(task: Task, record: Record | None, by_content: bool = False) -> CaseState:
    """The state of a case: its record compared with the parameters, the inputs and the mask of today.

    The first line that fits counts:

    | record | parameters, weights, version | inputs | mask, limits | state |
    |---|---|---|---|---|
    | none, or none that makes sense | | | | open |
    | any | differ | | | open |
    | failed: scan, marks, segment, program | same | same | | failed |
    | failed: time, memory | same | same | limit at most a fifth higher | failed |
    | failed: otherwise, manifest, read and worker among them | | | | open |
    | done | same | | mask gone or changed | open |
    | done | same | same | mask as recorded | done |
    | done | same | differ, at a glance | mask as recorded | unsure |
    | done | same | differ by content | mask as recorded | open |

    Parameters
    ----------
    task : Task
        The case and what is to be done with it.
    record : Record or None
        What an earlier run left, see `read_record`.
    by_content : bool, default False
        False compares paths, sizes and times only: what is quick for a million cases. An input that is missing
        where it was counts as the same then: an archive that is away today takes nothing back. True compares
        hashes, which settles what a glance leaves unsure.

    Raises
    ------
    CaseError
        If `by_content`, and an input cannot be read.
    """
    identity = task.parameters.identity(task.row.series, task.row.acquisition)
    if record is None or record["identity"] != identity:
        return CaseState.OPEN
    known = {name: one.get("sha256" if by_content else "stamp", "") for name, one in record["inputs"].items()}
    if record["status"] == "failed":
        lasts = _fails_again(task.limits, record) and not by_content
        return CaseState.FAILED if lasts and _stamps(task) == known else CaseState.OPEN
    if not _mask_is_as_recorded(task, record, by_content):
        return CaseState.OPEN
    if by_content:
        today = {name: input_hash(task.row, name) for name, _ in input_paths(task.row)}
        return CaseState.DONE if today == known else CaseState.OPEN
    today = {
        name: known[name] if is_away(stamp, known.get(name, "")) else stamp
        for name, stamp in _stamps(task).items()
    }
    return CaseState.DONE if today == known else CaseState.UNSURE


def _stamps(task: Task) -> dict[str, str]:
    return {name: file_signature(path) for name, path in input_paths(task.row)}


def _fails_again(limits: Limits, record: Record) -> bool:
    """Whether a failure would come again if inputs and parameters stayed."""
    step = Step(record["step"])
    if step not in (Step.TIME, Step.MEMORY):
        return step.is_final
    name = "seconds" if step is Step.TIME else "memory_mb"
    now: float | None = getattr(limits, name)
    then: float | None = record["limits"].get(name)
    return now is not None and then is not None and now <= _MUCH_MORE * then


def _mask_is_as_recorded(task: Task, record: Record, by_content: bool) -> bool:
    mask = case_folder(task.folder, task.row) / MASK
    try:
        if by_content:
            return content_hash(mask) == str(record["mask"]["sha256"])
        return bool(mask.stat().st_size == record["mask"]["bytes"])
    except (OSError, CaseError):
        return False
