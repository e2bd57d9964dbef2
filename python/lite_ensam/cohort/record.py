"""A case's folder: where it lies, what its record says, how inputs are known again."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from lite_ensam.cohort.manifest import CohortCase
from lite_ensam.core.errors import CaseError, LiteEnsamError, OutputError, printable
from lite_ensam.io import read_report, write_report
from lite_ensam.io.reading import opened

__all__ = [
    "MASK",
    "MISSING",
    "RECORD",
    "Record",
    "case_folder",
    "clear_halves",
    "content_hash",
    "file_signature",
    "make_folder",
    "read_record",
    "write_record",
]

Record: TypeAlias = dict[str, Any]
"""JSON-ready; see `task.process_case` and `task.failure_record`."""

MISSING = "missing"
"""Stamp of what is not there."""

MASK, RECORD = "mask.nii.gz", "record.json"

_LEAST = {"case": str, "status": str, "identity": str, "inputs": dict}


def case_folder(folder: str | os.PathLike[str], row: CohortCase) -> Path:
    """Where mask and record of a case lie."""
    return Path(folder) / "cases" / row.folder_name


def read_record(folder: str | os.PathLike[str], row: CohortCase) -> Record | None:
    """The record of a case, or None if there is none that makes sense."""
    path = case_folder(folder, row) / RECORD
    try:
        record = read_report(path)
    except LiteEnsamError:
        return None
    whole = all(isinstance(record.get(name), kind) for name, kind in _LEAST.items())
    whole = whole and all(isinstance(known, dict) for known in record["inputs"].values())
    if whole and record["status"] == "done":
        tumors = record.get("tumors")
        whole = (
            isinstance(record.get("mask"), dict) and isinstance(tumors, list) and all(map(_is_tumor, tumors))
        )
    return record if whole and record["case"] == row.case else None


def _is_tumor(tumor: object) -> bool:
    needed = (
        *("recist_mm", "longest_diameter_mm", "volume_ml", "n_voxels", "line_zyx", "label"),
        *("flags", "flag_sentences"),
    )
    return isinstance(tumor, dict) and all(name in tumor for name in needed)


def write_record(folder: str | os.PathLike[str], row: CohortCase, record: Record) -> None:
    """Write a case's record, the last thing of a case; `OutputError` if that cannot be.

    With a failure goes the mask that an earlier run left: no record would say what it was made from.
    """
    place = case_folder(folder, row)
    make_folder(place)
    if record["status"] == "failed":
        try:
            (place / MASK).unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot remove {printable(place / MASK)}: {error.strerror or error}"
            ) from error
    write_report(place / RECORD, record, overwrite=True)


def make_folder(folder: Path) -> None:
    """Make a folder, unless it is there; `OutputError` if that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {printable(folder)}: {error.strerror or error}") from error


def clear_halves(folder: Path) -> None:
    """Take away what killed processes have left half-written; only who may write into the folder calls this."""
    for half in folder.glob(".lite-ensam-*.tmp"):
        with suppress(OSError):
            half.unlink()


def file_signature(path: str | os.PathLike[str]) -> str:
    """What tells at a glance that a file or a folder's files have not changed: sizes and times, not content.

    What is not there has the stamp `MISSING`.
    """
    try:
        if not os.path.isdir(path):
            status = os.stat(path)
            return f"{status.st_size}-{status.st_mtime_ns}"
        listing = hashlib.sha256()
        for file in _files(path):
            status = file.stat()
            listing.update(
                f"{file.relative_to(path)}\0{status.st_size}-{status.st_mtime_ns}\0".encode(errors="replace")
            )
        return listing.hexdigest()[:32]
    except (OSError, ValueError):
        return MISSING


def content_hash(path: str | os.PathLike[str]) -> str:
    """SHA-256, hex, of a file's bytes, or of the names and bytes of a folder's files; CaseError if unreadable."""
    if not os.path.isdir(path):
        with opened(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # typeshed wants readinto
    whole = hashlib.sha256()
    files = _files(path)
    if not files:
        raise CaseError(f"{printable(path)}: the folder is empty")
    for one in files:
        whole.update(f"{one.relative_to(path)}\0{content_hash(one)}\0".encode(errors="replace"))
    return whole.hexdigest()


def _files(folder: str | os.PathLike[str]) -> list[Path]:
    return sorted(path for path in Path(folder).rglob("*") if path.is_file())
