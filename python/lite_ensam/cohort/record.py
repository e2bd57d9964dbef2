"""A case's folder: where it lies, what its record says, how inputs are recognised."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

from lite_ensam.cohort.failures import CaseFailure
from lite_ensam.cohort.manifest import CohortCase
from lite_ensam.cohort.parameters import Task
from lite_ensam.cohort.record_shape import makes_sense
from lite_ensam.core.errors import CaseError, LiteEnsamError, OutputError, printable
from lite_ensam.io import make_folder, read_report, write_report
from lite_ensam.io.deeplesion import is_deeplesion
from lite_ensam.io.dicom.datasets import files_below
from lite_ensam.io.itk_files import ITK_SUFFIXES, itk_files
from lite_ensam.io.places import is_address
from lite_ensam.io.reading import file_suffix, opened, translate_io_errors

__all__ = [
    "MASK",
    "RECORD",
    "Record",
    "case_folder",
    "content_hash",
    "failure_record",
    "file_signature",
    "input_hash",
    "input_paths",
    "is_away",
    "make_case_folder",
    "obstacle",
    "read_record",
    "write_record",
]

Record: TypeAlias = dict[str, Any]
"""JSON-ready, see `record_shape`; made by `task.process_case` and `failure_record`."""

_MISSING = "missing"
"""End of the stamp of a file that is not there."""

_SYSTEM_FILES = (".ds_store", "thumbs.db", "desktop.ini")
"""Files, in lower case, that file browsers leave in folders; no reader of scans looks at them."""

MASK, RECORD = "mask.nii.gz", "record.json"


def case_folder(folder: str | os.PathLike[str], row: CohortCase) -> Path:
    """Where mask and record of a case lie."""
    return Path(folder) / "cases" / row.folder_name


def input_paths(row: CohortCase) -> Iterator[tuple[str, str]]:
    """Name and path of each input that a case has."""
    return ((name, path) for name in ("ct", "marks", "reference") if (path := getattr(row, name)))


def read_record(folder: str | os.PathLike[str], row: CohortCase) -> Record | None:
    """The record of a case, or None if it is missing or invalid: then the case is done again."""
    try:
        record = read_report(case_folder(folder, row) / RECORD)
    except LiteEnsamError:
        return None
    return record if makes_sense(record) and record["case"] == row.case else None


def obstacle(folder: str | os.PathLike[str], row: CohortCase) -> str:
    """A file or folder of somebody else where a case's files belong, as a sentence; empty if nothing does."""
    place = case_folder(folder, row)
    if os.path.lexists(place) and not place.is_dir():
        return f"{printable(place)} is in the way: it is not a folder"
    for path in (place / MASK, place / RECORD):
        if os.path.lexists(path) and not path.is_file():
            return f"{printable(path)} is in the way: it is not a file"
    return ""


def write_record(folder: str | os.PathLike[str], row: CohortCase, record: Record) -> None:
    """Write a case's record, the last thing of a case; `OutputError` if that cannot be.

    With a failure goes the mask that an earlier run left: no record would say what it was made from.
    """
    place = make_case_folder(folder, row)
    if record["status"] == "failed":
        try:
            (place / MASK).unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot remove {printable(place / MASK)}: {error.strerror or error}"
            ) from error
    write_report(place / RECORD, record, overwrite=True)


def failure_record(task: Task, failure: CaseFailure) -> Record:
    """The record of a case that could not be done."""
    row = task.row
    return {
        "case": row.case,
        "status": "failed",
        "identity": task.parameters.identity(row.series, row.acquisition),
        "parameters": task.parameters.to_dict(),
        "inputs": {name: {"stamp": file_signature(path)} for name, path in input_paths(row)},
        "step": str(failure.step),
        "error": failure.error,
        "limits": asdict(task.limits),
    }


def make_case_folder(folder: str | os.PathLike[str], row: CohortCase) -> Path:
    """The case's folder, made if need be; `OutputError` if that cannot be, or the cohort's own folder is gone."""
    place = case_folder(folder, row)
    make_folder(place, parents=False)
    return place


def file_signature(path: str | os.PathLike[str]) -> str:
    """A quick sign that a file or a folder's files have not changed: paths, sizes and times, not content.

    Of a study in an archive only the address counts, which never changes its images (a UID is given once); a report
    that was added there is not noticed.
    """
    if is_address(path):
        return _text_hash(str(path))
    # the path counts: files unpacked from one archive may share size and time
    return f"{_text_hash(os.path.abspath(path))[:16]} {_state(path)}"


def is_away(stamp: str, known: str) -> bool:
    """Whether a stamp says that an input is missing today at the path that a known stamp was made of."""
    place, _, state = stamp.partition(" ")
    return state == _MISSING and known.startswith(f"{place} ")


def input_hash(row: CohortCase, name: str) -> str:
    """The `content_hash` of an input that a row has, and of whatever else decides how it is read."""
    path: str = getattr(row, name)
    content = content_hash(path)
    if name == "marks" and file_suffix(path) == ".csv" and is_deeplesion(path):
        # one table serves all scans: its lines are chosen by the scan's name
        return _text_hash(f"{content} {Path(row.ct).name}")
    return content


def content_hash(path: str | os.PathLike[str]) -> str:
    """SHA-256, hex, of a file's bytes, or of the names and bytes of a folder's files; CaseError if unreadable.

    Of a study in an archive see `file_signature`.
    """
    if is_address(path):
        return _text_hash(str(path))
    if not os.path.isdir(path):
        if len(parts := _parts(path)) > 1:
            return _text_hash(" ".join(_file_hash(part) for part in parts))
        return _file_hash(path)
    whole = hashlib.sha256()
    with translate_io_errors(path):
        files = _files(path)
    if not files:
        raise CaseError(f"{printable(path)}: the folder is empty")
    for one in files:
        whole.update(f"{one.relative_to(path)}\0{content_hash(one)}\0".encode(errors="replace"))
    return whole.hexdigest()


def _file_hash(path: str | os.PathLike[str]) -> str:
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # typeshed wants readinto


def _text_hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _state(path: str | os.PathLike[str]) -> str:
    try:
        if not os.path.isdir(path):
            # a link may lead to another file than before
            times = "-".join(_times(part) for part in _parts(path))
            return f"{times}-{_text_hash(os.path.realpath(path))[:16]}"
        listing = hashlib.sha256()
        for file in _files(path):
            listing.update(f"{file.relative_to(path)}\0{_times(file)}\0".encode(errors="replace"))
        return listing.hexdigest()[:32]
    except (OSError, ValueError):
        return _MISSING


def _parts(path: str | os.PathLike[str]) -> Sequence[str | os.PathLike[str]]:
    """The files that a file is read from: a header of ITK may leave its voxels to others."""
    try:
        return itk_files(path) if file_suffix(path) in ITK_SUFFIXES else (path,)
    except CaseError:  # whoever reads it says what is wrong
        return (path,)


def _times(path: str | os.PathLike[str]) -> str:
    status = os.stat(path)
    # files that were renamed into each other's places keep their mtime, not their ctime
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}"


def _files(folder: str | os.PathLike[str]) -> list[Path]:
    """The files that a reader of scans finds in a folder, links to folders followed."""
    files, _ = files_below(folder)
    return [file for file in files if not _is_of_system(file.name)]


def _is_of_system(name: str) -> bool:
    return name.startswith("._") or name.lower() in _SYSTEM_FILES
