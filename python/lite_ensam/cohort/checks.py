"""Checks of a case that need no voxels: made of all cases before hours are spent."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from lite_ensam.cohort.manifest import CohortCase, ManifestIssue, Rows, manifest_of
from lite_ensam.core.errors import CohortError, LiteEnsamError, printable
from lite_ensam.io import READ_MASK_SUFFIXES, VOLUME_SUFFIXES, read_marks
from lite_ensam.io.flare_npz import npz_keys
from lite_ensam.io.nifti import NiftiVolume
from lite_ensam.io.places import is_address
from lite_ensam.io.reading import check_input, file_suffix

__all__ = ["check_rows", "marks_error"]

_CHEAP_MARKS = (".json", ".csv")
"""Texts are read and checked against the scan's header; a marker volume or a DICOM report waits for its scan."""


def check_rows(rows: Rows, on_row: Callable[[int], None] | None = None) -> tuple[ManifestIssue, ...]:
    """Find missing files, unknown file types, implausible headers and lines outside the scan.

    Parameters
    ----------
    rows : Rows
        Rows of a manifest, see `manifest_of`.
    on_row : Callable[[int], None] or None, default None
        Called after each row with how many are done.

    Returns
    -------
    tuple[ManifestIssue, ...]
        Problems in the order of the rows, an empty tuple if all is well.
    """
    problems = []
    for number, row in enumerate(manifest_of(rows).rows, start=1):
        if row.ct:
            problems += [ManifestIssue(number, row.case, error) for error in _errors(row)]
        if on_row is not None:
            on_row(number)
    return tuple(problems)


def _errors(row: CohortCase) -> Iterator[str]:
    scan_is_good = False
    try:
        _check_scan(row)
        scan_is_good = True
    except LiteEnsamError as error:
        yield str(error)
    for path, suffixes in ((row.marks, None), (row.reference, READ_MASK_SUFFIXES)):
        if not path or (suffixes is None and is_address(path)):
            continue
        if is_address(path):
            yield "reference lies in an archive: fetch it with `lite-ensam convert` and name the file"
            continue
        try:
            check_input(path)
        except LiteEnsamError as error:
            yield str(error)
            continue
        if suffixes and file_suffix(path) not in suffixes:
            yield f"{printable(path)}: a reference is a file of type {', '.join(suffixes)}"
        if suffixes is None and scan_is_good and file_suffix(row.ct) in (".nii", ".nii.gz"):
            yield from _mark_errors(row)
    if scan_is_good and (sentence := marks_error(row)):
        yield sentence


def _check_scan(row: CohortCase) -> None:
    if is_address(row.ct):
        from lite_ensam.io.pacs import StudyAddress

        StudyAddress.parse(row.ct)
        return
    if os.path.isdir(row.ct):
        with os.scandir(row.ct) as entries:
            empty = next(entries, None) is None
        if empty:
            raise CohortError(f"{printable(row.ct)}: the folder is empty")
        return
    check_input(row.ct)
    if row.series or row.acquisition:
        raise CohortError(
            f"{printable(row.ct)}: series and acquisition choose from a DICOM folder, which this is not"
        )
    suffix = file_suffix(row.ct)
    if suffix not in VOLUME_SUFFIXES:
        raise CohortError(
            f"{printable(row.ct)}: a scan is a file of type {', '.join(VOLUME_SUFFIXES)}, or a folder of DICOM slices"
        )
    if suffix == ".npz":
        npz_keys(row.ct)
    elif suffix in (".nii", ".nii.gz"):
        NiftiVolume.open(row.ct)


def _mark_errors(row: CohortCase) -> Iterator[str]:
    if file_suffix(row.marks) not in _CHEAP_MARKS:
        return
    try:
        read_marks(row.marks, NiftiVolume.open(row.ct).source, row.ct)
    except LiteEnsamError as error:
        yield str(error)


def marks_error(row: CohortCase) -> str:
    """A sentence on a row without marks, whose scan has none of its own; otherwise empty."""
    if row.marks or row.reference or _has_own_marks(row):
        return ""
    return f"{printable(row.ct)}: has no marks: a file of marks, or a reference to draw them on, is needed"


def _has_own_marks(row: CohortCase) -> bool:
    if is_address(row.ct):
        return True  # its reports are fetched with it
    return file_suffix(row.ct) == ".npz" and "recist" in npz_keys(row.ct)
