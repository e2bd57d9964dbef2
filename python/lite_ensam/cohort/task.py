"""One case = one task = one pure function of its row, its files and the parameters.

A case's folder gets the mask first and the record last, each whole or not at all: a record is there only when
everything is. The record knows the inputs by content and the parameters by hash, so a case that is done is known
as such whatever its files are called, and done again when anything that matters has changed.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam.cohort.manifest import CohortCase
from lite_ensam.cohort.parameters import Limits, Outcome, Parameters, Task
from lite_ensam.cohort.record import (
    MASK,
    MISSING,
    Record,
    case_folder,
    clear_halves,
    content_hash,
    file_signature,
    make_folder,
    read_record,
    write_record,
)
from lite_ensam.core.errors import (
    CaseError,
    EngineError,
    LiteEnsamError,
    MarkError,
    MissingExtraError,
    OutputError,
)
from lite_ensam.core.recist import RecistMark
from lite_ensam.evaluation import dsc
from lite_ensam.io import read_case, read_labels
from lite_ensam.reporting import TumorRow
from lite_ensam.segmentation import Segmentation, segment

__all__ = ["failure_record", "is_current", "process_case", "run_case"]

_INPUTS = ("ct", "marks", "reference")

_FINAL = ("scan", "marks", "segment", "program")
"""Steps whose failures are the inputs' own: nothing else will come out as long as these stay."""

_LIMITED = {"time": "seconds", "memory": "memory_mb"}
"""Steps whose failures stay until there is more to be had. All others are tried again by the next run."""

_MUCH_MORE = 1.2
"""A limit this much higher is worth another try; free memory is never twice the same."""

_NOT_BETTER_LATER = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG}
"""Trying again within seconds does not help against these."""


def run_case(task: Task) -> Outcome:
    """Do a case, or find it done, and leave its record; in the process that calls.

    Errors of the case become the record of a failure. `OutputError`, `EngineError` and `MissingExtraError` are no
    fault of the case: they become the status "stop".
    """
    start = time.perf_counter()
    row, limits = task.row, task.limits
    for attempt in range(1, limits.tries + 1):
        try:
            record = _known(task) or process_case(row, task.parameters, task.folder)
            break
        except (OutputError, EngineError, MissingExtraError) as error:
            if attempt == limits.tries or not _may_pass(error):
                return Outcome(row.case, "stop", str(error))
        except Exception as error:
            if attempt == limits.tries or not _may_pass(error):
                record = _failure(task, error)
                break
        time.sleep(limits.backoff_s * 2 ** (attempt - 1))
    seconds = time.perf_counter() - start
    peak = _peak_mb()
    record = {**record, "run": {**record.get("run", {}), "attempts": attempt, "peak_mb": peak}}
    try:
        write_record(task.folder, row, record)
    except OutputError as error:
        return Outcome(row.case, "stop", str(error))
    return Outcome(row.case, record["status"], record.get("error", ""), seconds, peak)


def process_case(row: CohortCase, parameters: Parameters, folder: str) -> Record:
    """Segment and measure a case and write its mask.

    Returns
    -------
    Its record: all of it but `run` hangs on nothing but the row, the files and the parameters.

    Raises
    ------
    LiteEnsamError
        See `segment`; `OutputError` if the mask cannot be written.
    """
    start = time.perf_counter()
    place = case_folder(folder, row)
    inputs = _inputs(row)  # stamped before it is read: a file that changes meanwhile is read again next time
    hashed = time.perf_counter()
    marks: str | tuple[RecistMark, ...] | None = row.marks or None
    if marks is None and row.reference:
        marks = read_case(row.ct, None, row.reference, series_uid=row.series or None).marks
    p = parameters
    result = segment(
        row.ct, marks, crop=p.crop, engine=p.engine, window=p.window, hu=p.hu, threads=p.threads,
        threshold=p.threshold, mirror=p.mirror, border=p.border, series_uid=row.series or None,
    )  # fmt: skip
    tumors = _tumors(result, row)
    saving = time.perf_counter()
    make_folder(place)
    clear_halves(place)
    result.save(place / MASK, overwrite=True)
    mask = place / MASK
    report = result.report
    steps = {"hash": hashed - start, **report["seconds"], "write": time.perf_counter() - saving}
    kept = ("disclaimer", "version", "weights_sha256", "shape_zyx", "spacing_mm_zyx", "greys", "notes")
    return {
        **{name: report[name] for name in kept},
        "case": row.case,
        "status": "done",
        "identity": p.identity(row.series),
        "parameters": asdict(p),
        "inputs": inputs,
        "mask": {"sha256": content_hash(mask), "bytes": mask.stat().st_size},
        "tumors": tumors,
        "run": {
            "seconds": {name: round(seconds, 4) for name, seconds in steps.items()},
            "packages": report["packages"],
            "worker": f"{socket.gethostname()}:{os.getpid()}",
        },
    }


def _inputs(row: CohortCase) -> dict[str, dict[str, str]]:
    """Stamp and content of each input; CaseError if one cannot be read."""
    return {
        name: {"stamp": file_signature(path), "sha256": content_hash(path)}
        for name in _INPUTS
        if (path := getattr(row, name))
    }


def is_current(task: Task, record: Record) -> bool:
    """Whether a record, at a glance, is what the task would leave: nothing is opened, files are only looked up."""
    row = task.row
    if record["identity"] != task.parameters.identity(row.series):
        return False
    stamps = {n: file_signature(path) for n in _INPUTS if (path := getattr(row, n))}
    known: dict[str, Any] = {name: one.get("stamp") for name, one in record["inputs"].items()}
    if record["status"] == "done":  # an archive that is not there today takes nothing back
        stamps = {name: str(known.get(name)) if one == MISSING else one for name, one in stamps.items()}
    if known != stamps:
        return False
    if record["status"] == "done":
        try:
            mask = record["mask"]["bytes"]
            return bool((case_folder(task.folder, row) / MASK).stat().st_size == mask)
        except (OSError, LookupError, TypeError):
            return False
    return record.get("step") in _FINAL or _needs_more_than(task.limits, record)


def _needs_more_than(limits: Limits, record: Record) -> bool:
    """Whether a case went over limits that were no tighter than these."""
    name = _LIMITED.get(str(record.get("step")))
    before = record.get("limits")
    if name is None or not isinstance(before, dict):
        return False
    now, then = getattr(limits, name), before.get(name)
    return now is not None and then is not None and now <= _MUCH_MORE * then


def _known(task: Task) -> Record | None:
    """The record of a case whose files were only touched or moved: their content says it is done."""
    record = read_record(task.folder, task.row)
    if (
        record is None
        or record["status"] != "done"
        or record["identity"] != task.parameters.identity(task.row.series)
    ):
        return None
    if not _mask_is_whole(task, record):
        return None
    inputs = _inputs(task.row)
    same = {n: i["sha256"] for n, i in inputs.items()} == {
        n: i["sha256"] for n, i in record["inputs"].items()
    }
    return {**record, "inputs": inputs} if same else None


def _mask_is_whole(task: Task, record: Record) -> bool:
    """Whether the mask has the bytes that the record says."""
    mask = case_folder(task.folder, task.row) / MASK
    try:
        return content_hash(mask) == str(record["mask"]["sha256"])
    except (CaseError, LookupError, TypeError):
        return False


def _failure(task: Task, error: Exception) -> Record:
    """The record of what went wrong inside a worker."""
    step = next((name for kind, name in _STEPS if isinstance(error, kind)), "program")
    if isinstance(error.__cause__, MemoryError):
        step = "memory"
    elif _system_error(error) is not None:
        step = "read"
    said = str(error) if isinstance(error, LiteEnsamError) else f"{type(error).__name__}: {error}"
    return failure_record(task, step, said)


_STEPS = ((MarkError, "marks"), (CaseError, "scan"), (MemoryError, "memory"), (LiteEnsamError, "segment"))


def failure_record(task: Task, step: str, error: str) -> Record:
    """The record of a case that could not be done.

    Parameters
    ----------
    task : the case
    step : "scan", "marks", "segment" or "program"; "time" or "memory"; "read" or "worker"
    error : one sentence
    """
    row = task.row
    inputs = {n: {"stamp": file_signature(path)} for n in _INPUTS if (path := getattr(row, n))}
    return {
        "case": row.case,
        "status": "failed",
        "identity": task.parameters.identity(row.series),
        "parameters": asdict(task.parameters),
        "inputs": inputs,
        "step": step,
        "error": error,
        "limits": asdict(task.limits),
    }


def _system_error(error: BaseException | None) -> OSError | None:
    """What the operating system said, if that is where the error came from."""
    while error is not None:
        # libraries raise OSErrors of their own for damaged files; those of the system have a number
        if isinstance(error, OSError) and error.errno is not None:
            return error
        error = error.__cause__
    return None


def _may_pass(error: BaseException) -> bool:
    """Whether it is an error of reading or writing that may be gone in a moment."""
    found = _system_error(error)
    return found is not None and found.errno not in _NOT_BETTER_LATER


def _tumors(result: Segmentation, row: CohortCase) -> list[dict[str, Any]]:
    """What is known of each tumour, with what a reader should look at, and its Dice if there is a reference."""
    reference = read_labels(row.reference, result.source) if row.reference else None
    scored: Mapping[int, dict[str, float | None]] = {}
    if reference is not None:
        labels = result.labels
        scored = {mark.label: _score(labels, reference, mark.label) for mark in result.marks}
    tumors = []
    for measurement, mark, reported in zip(
        result.measurements, result.marks, result.report["tumors"], strict=True
    ):
        flags = list(TumorRow(mark.name, measurement, None, None, "").flags)
        flags += ["raised: no voxel of its own"] if reported["raised_by"] else []
        line = [list(end) for end in mark.endpoints_zyx]
        tumors.append({**reported, "line_zyx": line, "flags": flags, **scored.get(mark.label, {})})
    return tumors


def _score(labels: NDArray[Any], reference: NDArray[Any], label: int) -> dict[str, float | None]:
    there = reference == label
    return {"dsc": float(dsc(labels == label, there)) if np.any(there) else None}


def _peak_mb() -> float | None:
    """Largest resident memory this process had, in MB; None where the system does not tell."""
    try:
        status = Path("/proc/self/status").read_text()
        return round(float(status.split("VmHWM:")[1].split()[0]) / 1024, 1)
    except (OSError, IndexError, ValueError):
        return None
