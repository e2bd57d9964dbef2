"""Places that are not files here: a study in an archive becomes a folder, a folder of reports the one that is meant."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeGuard

from lite_ensam.core.types import PathLike
from lite_ensam.io.object_choice import ObjectChoice

__all__ = ["is_address", "marks_at_hand", "mask_at_hand", "scan_at_hand", "shown_message", "shown_place"]

_PREFIX = "dicomweb+"
_MARKS, _MASKS = ("SR", "PR", "RTSTRUCT"), ("SEG", "RTSTRUCT")
_FETCHED = re.compile(r"[^\s,;()]*\.lite-ensam-[\w-]+\.tmp[/\\]study([/\\])?")
"""Where a study is kept while it is needed, which tells a user nothing."""


def is_address(place: object) -> TypeGuard[str]:
    """Whether a place is in an archive (PACS), not a file or folder.

    Examples
    --------
    >>> is_address("dicomweb+https://pacs.example.org/dicom-web/studies/1.2"), is_address("ct.nii.gz")
    (True, False)
    """
    return isinstance(place, str) and place.startswith(_PREFIX)


def shown_place(place: PathLike) -> str:
    """A place for messages and reports; of an address the archive only: UIDs are identifiers of a patient.

    Examples
    --------
    >>> shown_place("dicomweb+https://pacs.example.org/dicom-web/studies/1.2")
    'dicomweb+https://pacs.example.org/dicom-web'
    """
    return place.partition("/studies/")[0] if is_address(place) else os.fspath(place)


def shown_message(message: str) -> str:
    """A sentence for people: the folders of studies that were fetched are not told.

    Examples
    --------
    >>> shown_message("/tmp/.lite-ensam-1a-2b.tmp/study/sr-1.dcm: is not DICOM")
    'archive:sr-1.dcm: is not DICOM'
    """
    return _FETCHED.sub(lambda found: "archive:" if found[1] else "the archive's study", message)


def scan_at_hand(
    ct: PathLike,
    series_uid: str | None = None,
    marks: object = None,
    cache: PathLike | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> PathLike:
    """A scan's file or folder; a study in an archive is fetched, with its reports if no marks are given.

    Parameters
    ----------
    ct : PathLike
        A path, or `dicomweb+https://HOST/dicom-web/studies/UID[/series/UID]`.
    series_uid : str or None, default None
        One of several CT series of the study, where the address does not name one.
    marks : object, default None
        Lines, a file of them, or an `ObjectChoice` of the study's own reports.
    cache : PathLike or None, default None
        See `pacs.fetch_study`.
    on_progress : Callable[[int, int], None] or None, default None
        See `pacs.fetch_study`.

    Returns
    -------
    PathLike
        The path, or a folder that is removed when it is needed no more.

    Raises
    ------
    ArchiveError
        If the archive does not give it.
    ArgumentError
        If the address is not one.
    """
    if not is_address(ct):
        return ct
    from dataclasses import replace

    from lite_ensam.io.pacs import StudyAddress, fetch_study

    address = StudyAddress.parse(ct)
    if series_uid and not address.series_uid:
        address = replace(address, series_uid=series_uid)
    choice = marks if isinstance(marks, ObjectChoice) else ObjectChoice()
    given = marks if isinstance(marks, str | os.PathLike) else None
    kinds = ("CT", *_MARKS) if marks is None or marks is choice else ("CT",)
    return fetch_study(address, kinds, choice, given, cache, on_progress)


def marks_at_hand(marks: Any, choice: ObjectChoice | None = None, cache: PathLike | None = None) -> Any:
    """Marks; of a folder or an address the one file of marks that fits, of anything else itself.

    Errors as `find_marks`.
    """
    if not _is_collection(marks):
        return marks
    from lite_ensam.io.dicom import find_marks

    return _chosen_file(marks, _MARKS, lambda folder: find_marks(folder, choice or ObjectChoice()), cache)


def mask_at_hand(
    mask: PathLike, choice: ObjectChoice | None = None, cache: PathLike | None = None
) -> PathLike:
    """A mask's file; of a folder or an address the one SEG or RTSTRUCT there that fits. Errors as `find_mask`."""
    if not _is_collection(mask):
        return mask
    from lite_ensam.io.dicom import find_mask

    return _chosen_file(mask, _MASKS, lambda folder: find_mask(folder, choice or ObjectChoice()), cache)


def _is_collection(place: object) -> bool:
    return is_address(place) or (isinstance(place, str | os.PathLike) and os.path.isdir(place))


def _chosen_file(
    place: PathLike, kinds: tuple[str, ...], find: Callable[[PathLike], Path], cache: PathLike | None
) -> PathLike:
    if not is_address(place):
        return find(place)
    from lite_ensam.io.pacs import FetchedFile, StudyAddress, fetch_study

    study = fetch_study(StudyAddress.parse(place), kinds, cache=cache)
    return FetchedFile(study, find(study))
