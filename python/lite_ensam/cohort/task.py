"""One case = one task = one pure function of its row, its files and the parameters.

A case's folder gets the mask first and the record last, each whole or not at all: a record is there only when
everything is. The record knows the inputs by content and the parameters by hash, so a case that is done is known
as such whatever its files are called, and done again when anything that matters has changed.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np

from lite_ensam.cohort.case_state import CaseState, case_state
from lite_ensam.cohort.checks import marks_error
from lite_ensam.cohort.failures import CaseFailure, Step, failure_of, may_pass
from lite_ensam.cohort.manifest import CohortCase, cell_errors
from lite_ensam.cohort.parameters import Outcome, Parameters, Task
from lite_ensam.cohort.record import (
    MASK,
    RECORD,
    Record,
    case_folder,
    content_hash,
    failure_record,
    file_signature,
    input_hash,
    input_paths,
    make_case_folder,
    obstacle,
    read_record,
    write_record,
)
from lite_ensam.core.errors import EngineError, MarkError, MissingExtraError, OutputError
from lite_ensam.core.partial_volume import SubVolume, TumorMasks, on_common_box
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.types import Labels
from lite_ensam.datasets.case_files import DRAWN, are_lines_drawn, reference_notes
from lite_ensam.evaluation import dsc
from lite_ensam.io import open_scan, read_case, read_labels
from lite_ensam.io.atomic import sweep_leftovers
from lite_ensam.io.places import marks_at_hand, scan_at_hand
from lite_ensam.segmentation import Segmentation, segment

__all__ = ["process_case", "run_case"]


def run_case(task: Task) -> Outcome:
    """Do a case, or find it done, and leave its record; in the process that calls.

    Errors of the case become the record of a failure. `OutputError`, `EngineError` and `MissingExtraError` are not
    faults of the case: they become the status "stop".
    """
    start = time.perf_counter()
    row, limits = task.row, task.limits
    if in_the_way := obstacle(task.folder, row):
        return Outcome(row.case, "failed", in_the_way)
    sweep_leftovers(case_folder(task.folder, row), alone=True)
    if errors := "; ".join(cell_errors(row)):
        write_record(task.folder, row, failure_record(task, CaseFailure(Step.MANIFEST, errors)))
        return Outcome(row.case, "failed", errors)
    for attempt in range(1, limits.tries + 1):
        try:
            record = _still_true(task) or process_case(row, task.parameters, task.folder)
            break
        except (OutputError, EngineError, MissingExtraError) as error:
            if attempt == limits.tries or not may_pass(error):
                return Outcome(row.case, "stop", str(error))
        except Exception as error:
            if attempt == limits.tries or not may_pass(error):
                record = failure_record(task, failure_of(error))
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
    Record
        Its record: all of it but `run` depends only on the row, the files and the parameters.

    Raises
    ------
    LiteEnsamError
        See `segment`; `OutputError` if the mask cannot be written.
    """
    start = time.perf_counter()
    inputs = _inputs(row)  # stamped before it is read: a file that changes meanwhile is read again next time
    hashed = time.perf_counter()
    marks: str | tuple[RecistMark, ...] | None = row.marks or None
    ct = scan_at_hand(row.ct, row.series or None, marks_at_hand(row.marks or row.reference or None))
    if not os.path.isdir(ct) and (error := marks_error(row)):  # a DICOM folder may hold its marks
        open_scan(ct, **row.choice)  # an empty file is the reason, rather than that it has no marks
        raise MarkError(error)
    drawn = []
    if marks is None and row.reference:
        if are_lines_drawn(ct, marks):
            drawn = [f"no lines were given; {DRAWN}"]
        marks = read_case(ct, None, row.reference, **row.choice).marks
    p = parameters
    result = segment(
        ct, marks, crop=p.crop, engine=p.engine, window=p.window, hu=p.hu, threads=p.threads,
        threshold=p.threshold, mirror=p.mirror, border=p.border, weights=p.weights or None, **row.choice,
    )  # fmt: skip
    reference = read_labels(row.reference, result.source) if row.reference else None
    tumors = _tumors(result, reference)
    saving = time.perf_counter()
    mask = make_case_folder(folder, row) / MASK
    # a run that ends here must not leave a new mask beside an old record
    mask.with_name(RECORD).unlink(missing_ok=True)
    result.save(mask, overwrite=True)
    report = result.report
    steps = {"hash": hashed - start, **report["seconds"], "write": time.perf_counter() - saving}
    kept = (
        "disclaimer",
        "version",
        "weights",
        "weights_sha256",
        "shape_zyx",
        "spacing_mm_zyx",
        "greys",
    )
    marked = {mark.label for mark in result.marks}
    of_reference = (
        [] if reference is None else reference_notes({*np.unique(reference).tolist()} - {0}, marked)
    )
    return {
        **{name: report[name] for name in kept},
        "notes": [*report["notes"], *drawn, *of_reference],
        "case": row.case,
        "status": "done",
        "identity": p.identity(row.series, row.acquisition),
        "parameters": p.to_dict(),
        "inputs": inputs,
        "mask": {"sha256": content_hash(mask), "bytes": mask.stat().st_size},
        "tumors": tumors,
        "run": {
            "seconds": {name: round(seconds, 4) for name, seconds in steps.items()},
            "packages": report["packages"],
            "worker": f"{socket.gethostname()}:{os.getpid()}",
        },
    }


def _still_true(task: Task) -> Record | None:
    """The record of a case whose files were only touched or moved, with new stamps; None if it is to be done."""
    record = read_record(task.folder, task.row)
    stamps = {name: file_signature(path) for name, path in input_paths(task.row)}  # before anything is read
    if record is None or case_state(task, record, by_content=True) is not CaseState.DONE:
        return None
    return {
        **record,
        "inputs": {name: {**record["inputs"][name], "stamp": one} for name, one in stamps.items()},
    }


def _inputs(row: CohortCase) -> dict[str, dict[str, str]]:
    """Stamp and content of each input; CaseError if one cannot be read."""
    return {
        name: {"stamp": file_signature(path), "sha256": input_hash(row, name)}
        for name, path in input_paths(row)
    }


def _tumors(result: Segmentation, reference: Labels | None) -> list[dict[str, Any]]:
    """Each tumour's record, its line, and with a reference its Dice."""
    lines = {mark.label: [list(end) for end in mark.endpoints_zyx] for mark in result.marks}
    tumors = [{**tumor, "line_zyx": lines[tumor["label"]]} for tumor in result.report["tumors"]]
    if reference is None:
        return tumors
    ours, theirs = TumorMasks(result.prediction.painting.part), TumorMasks(reference)
    return [tumor | {"dsc": _dsc(ours[tumor["label"]], theirs[tumor["label"]])} for tumor in tumors]


def _dsc(ours: SubVolume, theirs: SubVolume) -> float | None:
    """Dice of a tumour with its reference; None where the reference has no voxel of it."""
    return float(dsc(*on_common_box(ours, theirs))) if theirs.voxels.size else None


def _peak_mb() -> float | None:
    """Largest resident memory this process had, in MB; None where the system does not tell."""
    try:
        status = Path("/proc/self/status").read_text()
        return round(float(status.split("VmHWM:")[1].split()[0]) / 1024, 1)
    except (OSError, IndexError, ValueError):
        return None
