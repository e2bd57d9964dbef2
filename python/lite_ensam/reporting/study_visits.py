"""Visits of a patient, folders or studies in an archive, become the entry that a JSON study file would have."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from lite_ensam.core.errors import CaseError, LiteEnsamError, MissingMarksError, StudyError, printable
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.types import PathLike
from lite_ensam.io import VOLUME_SUFFIXES, ObjectChoice, open_scan, read_report
from lite_ensam.io.places import scan_at_hand
from lite_ensam.io.reading import file_suffix
from lite_ensam.reporting.study_values import GONE_OR_UNSEEN, NO_LINES, parse_day
from lite_ensam.response import BaselineLesion, Target, choose_targets, name_key

__all__ = ["Fetch", "visit_folders", "visits_entry", "without_folder"]

Fetch: TypeAlias = Callable[[PathLike, str | None, object], PathLike]
"""A scan's place on this machine, given its place, a series and what refers to it; see `scan_at_hand`."""

_MARKS = (".json", ".csv")
_STUDY_DATE, _PATIENT_ID = "Study date", "Patient ID"
_NODE = "lymph node"


class _Visit(NamedTuple):
    """A visit before it is segmented.

    Attributes
    ----------
    name : str
        Name for messages.
    entry : dict[str, Any]
        Entry of the visit, as in a study file.
    lesions : tuple[BaselineLesion, ...]
        Lesions with the lengths of their lines or masks.
    organs_known : bool
        Whether the organ of every lesion is known.
    patient_id : str, default ""
        PatientID of a DICOM scan, otherwise empty.
    """

    name: str
    entry: dict[str, Any]
    lesions: tuple[BaselineLesion, ...]
    organs_known: bool
    patient_id: str = ""


def visit_folders(path: PathLike) -> list[Path]:
    """Folders within a folder; StudyError without any."""
    inside = sorted(one for one in Path(path).iterdir() if one.is_dir() and not one.name.startswith("."))
    if not inside:
        raise StudyError(
            "the patient's folder contains no visit folder. Create one folder for each visit, with a scan and its lines"
        )
    return inside


def visits_entry(
    places: Sequence[PathLike],
    patient: str = "",
    choice: ObjectChoice | None = None,
    fetch: Fetch = scan_at_hand,
) -> tuple[dict[str, Any], list[str]]:
    """One patient: each place is a visit, with a scan and lines, or with a report of a segmented scan.

    A visit's date is the name of its folder (`2025-01-31`, `20250131`, or days such as `56`), else the StudyDate of its
    DICOM files. The targets are baseline's lines, the largest five and two an organ; organs are the finding sites of
    the report that the lines come from. Visits may come in any order.

    Parameters
    ----------
    places : Sequence[PathLike]
        Folders of visits, or addresses of studies in an archive. Messages count them and do not name them.
    patient : str, default ""
        Identifier of the patient, for reports that may show it.
    choice : ObjectChoice or None, default None
        Which report of a visit holds the lines, if there are several.
    fetch : Fetch, default scan_at_hand
        Function that fetches a study from an archive.

    Returns
    -------
    tuple[dict[str, Any], list[str]]
        The entry and notes. Fetched studies are removed after the last use of the entry.

    Raises
    ------
    StudyError
        If a visit cannot be read, has no lines, several scans or no date, the visits are of several patients, or
        baseline has no lesion for a target.
    ArchiveError
        If an archive does not give a study.
    """
    visits = []
    for number, place in enumerate(places, start=1):
        name = f"visit number {number}"  # the name of a folder may be a date, or tell who the patient is
        here = fetch(place, None, choice)
        try:
            visits.append(_visit(here, name, choice))
        except StudyError:
            raise
        except MissingMarksError as error:
            raise StudyError(f"{name}: {NO_LINES}{GONE_OR_UNSEEN}") from error
        except LiteEnsamError as error:
            raise StudyError(f"{name}: {without_folder(error, here)}") from error
    _check_patient(visits)
    first = min(visits, key=lambda one: parse_day(one.entry["date"]))
    targets, notes = _targets(first)
    return {"patient": patient, "targets": targets, "visits": [one.entry for one in visits]}, notes


def without_folder(error: LiteEnsamError, place: PathLike) -> str:
    """The message, without the folder of a visit's file: its name may tell who the patient is."""
    folder = printable(place if os.path.isdir(place) else os.path.dirname(place))
    if not folder:
        return str(error)
    return str(error).replace(f"{folder}{os.sep}", "").removeprefix(f"{folder}: ")


def _visit(folder: PathLike, name: str, choice: ObjectChoice | None) -> _Visit:
    """A report, a scan's file with one file of marks, or the folder itself as a DICOM folder."""
    if not Path(folder).is_dir():
        raise StudyError(f"{name}: is not a folder: a visit is a folder, or a study in an archive")
    files = sorted(one for one in Path(folder).iterdir() if one.is_file() and not one.name.startswith("."))
    texts = [one for one in files if file_suffix(one) in _MARKS]
    reports = [one for one in texts if file_suffix(one) == ".json" and _is_report(one)]
    marks = [one for one in texts if one not in reports]
    scans = [one for one in files if file_suffix(one) in VOLUME_SUFFIXES]
    for what, found in (("reports", reports), ("scans", scans), ("files of lines", marks)):
        if len(found) > 1:
            raise StudyError(f"{name} has {len(found)} {what}: leave one, or name it in a study file")
    if reports:
        lesions = _reported(read_report(reports[0]).get("tumors", []))
        return _Visit(name, {"report": reports[0], "date": _date(folder, "", name)}, lesions, False)
    ct = scans[0] if scans else folder  # a folder that was fetched stays as long as something refers to it
    lines = marks[0] if marks else None
    scan = open_scan(ct, referred_by=lines or choice)
    drawn = scan.read_marks(lines or choice)
    told = scan.source.identifiers
    entry = {"ct": ct, "date": _date(folder, told.get(_STUDY_DATE, ""), name)}
    return _Visit(
        name,
        entry | ({"marks": str(lines)} if lines else {}),
        tuple(_of_mark(one, scan.source.grid) for one in drawn),
        all(one.finding_site for one in drawn),
        told.get(_PATIENT_ID, ""),
    )


def _is_report(path: Path) -> bool:
    try:
        return "tumors" in read_report(path)
    except CaseError:
        return False


def _date(folder: PathLike, study_date: str, name: str) -> str:
    """Of the folder's name, else of the scan."""
    try:
        parse_day(Path(folder).name)
        return Path(folder).name
    except StudyError:
        pass
    if not study_date:
        raise StudyError(f"{name} has no date: call its folder by it (2025-01-31, or days such as 56)")
    return study_date


def _check_patient(visits: Sequence[_Visit]) -> None:
    """StudyError if scans name different patients."""
    named = [one for one in visits if one.patient_id]
    for one in named[1:]:
        if one.patient_id != named[0].patient_id:
            raise StudyError(
                f"{named[0].name} and {one.name} are of different patients by their Patient IDs; if they are one, "
                "name their scans in a study file"
            )


def _targets(baseline: _Visit) -> tuple[list[dict[str, Any]], list[str]]:
    """Entries of the targets, chosen among baseline's lesions, and notes on the choice."""
    try:
        chosen, others = choose_targets(baseline.lesions)
    except StudyError as error:
        raise StudyError(f"{baseline.name}, baseline: {error}") from None
    if not chosen:
        raise StudyError(
            f"{baseline.name}, baseline, has no lesion that is large enough for a target (10 mm, lymph nodes 15 mm in "
            "the short axis): name them in a study file"
        )
    notes = [
        f"targets are chosen by size: {', '.join(one.target.name for one in chosen)}"
        + (
            ""
            if baseline.organs_known
            else "; organs are not known, so the limit of two an organ is not checked"
        )
    ]
    if others:
        names = ", ".join(one.target.name for one in others)
        notes.append(f"not followed, being more than RECIST 1.1 allows or too small for a target: {names}")
    entries = [
        {"name": one.target.name, "organ": one.target.organ or None, "node": one.target.is_node}
        for one in chosen
    ]
    return entries, notes


def _reported(tumors: Sequence[Mapping[str, Any]]) -> tuple[BaselineLesion, ...]:
    return tuple(
        BaselineLesion(
            Target(str(one.get("name") or one.get("label")), ""),
            float(one.get("longest_diameter_mm") or 0),
            float(one.get("short_axis_mm") or 0),
        )
        for one in tumors
    )


def _of_mark(mark: RecistMark, grid: Grid) -> BaselineLesion:
    """A lesion as long as its line."""
    name = mark.name or str(mark.label)
    organ = mark.finding_site.meaning if mark.finding_site else ""
    is_node = _NODE in name_key(organ)
    length_mm = short_mm = mark.length_mm(grid.spacing_mm)
    if mark.short_axis_zyx is not None:
        short_mm = RecistMark(mark.label, mark.short_axis_zyx).length_mm(grid.spacing_mm)
    return BaselineLesion(Target(name, organ, is_node), length_mm, short_mm)
