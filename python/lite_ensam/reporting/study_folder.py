"""A folder with a folder for each visit becomes the entry of a patient that a JSON study file would have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lite_ensam.core.errors import CaseError, LiteEnsamError, StudyError, printable
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.types import PathLike
from lite_ensam.io import VOLUME_SUFFIXES, OpenedScan, open_scan, read_report
from lite_ensam.io.reading import file_suffix
from lite_ensam.reporting.study_values import parse_day
from lite_ensam.response import BaselineLesion, Target, choose_targets, name_key

__all__ = ["folder_entry"]

_MARKS = (".json", ".csv")
_STUDY_DATE = "Study date"
_NODE = "lymph node"


class _Visit(NamedTuple):
    """Contents of a visit's folder.

    Parameters
    ----------
    entry : of the visit, as in a study file, without its date
    name : of the folder, which may be its date
    """

    entry: dict[str, Any]
    name: str


def folder_entry(path: PathLike) -> tuple[dict[str, Any], list[str]]:
    """One patient: each folder within is a visit, with a scan and lines, or with a report of a segmented scan.

    A visit's date is the name of its folder (`2025-01-31`, `20250131`, or days such as `56`), else the StudyDate of its
    DICOM files. The targets are baseline's lines, the largest five and two an organ; organs are the finding sites of
    the report that the lines come from.

    Returns
    -------
    The entry, whose files are named relative to the folder, and notes.

    Raises
    ------
    StudyError
        If it has no visit, a visit has no scan or several, a date is missing, or baseline has no lines.
    CaseError
        If baseline cannot be read.
    """
    folder = Path(path)
    inside = sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith("."))
    if not inside:
        raise StudyError("has no folder of a visit: give it one for each, with a scan and its lines")
    visits = [_visit(one) for one in inside]
    dated = [one.entry | {"date": _date(one, folder)} for one in visits]
    first = min(dated, key=lambda one: parse_day(one["date"]))
    targets, notes = _targets(first, folder)
    return {"patient": folder.resolve().name, "targets": targets, "visits": dated}, notes


def _visit(folder: Path) -> _Visit:
    """A report, a scan's file with one file of marks, or the folder itself as a DICOM folder."""
    files = sorted(one for one in folder.iterdir() if one.is_file() and not one.name.startswith("."))
    texts = [one for one in files if file_suffix(one) in _MARKS]
    reports = [one for one in texts if file_suffix(one) == ".json" and _is_report(one)]
    marks = [one for one in texts if one not in reports]
    scans = [one for one in files if file_suffix(one) in VOLUME_SUFFIXES]
    where = f"visit {printable(folder.name)}"
    for what, found in (("reports", reports), ("scans", scans), ("files of lines", marks)):
        if len(found) > 1:
            raise StudyError(f"{where} has {len(found)} {what}: leave one, or name it in a study file")
    if reports:
        return _Visit({"report": _relative(reports[0])}, folder.name)
    entry = {"ct": _relative(scans[0]) if scans else folder.name}
    return _Visit(entry | ({"marks": _relative(marks[0])} if marks else {}), folder.name)


def _relative(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _is_report(path: Path) -> bool:
    try:
        return "tumors" in read_report(path)
    except CaseError:
        return False


def _date(visit: _Visit, folder: Path) -> str:
    try:
        parse_day(visit.name)
        return visit.name
    except StudyError:
        pass
    found = ""
    if "ct" in visit.entry:
        found = open_scan(folder / visit.entry["ct"]).source.identifiers.get(_STUDY_DATE, "")
    if not found:
        raise StudyError(
            f"visit {printable(visit.name)} has no date: call its folder by it (2025-01-31, or days such as 56)"
        )
    return found


def _targets(baseline: Mapping[str, Any], folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Entries of the targets, chosen among baseline's lesions, and notes on the choice."""
    try:
        lesions, organs_known = _lesions(baseline, folder)
    except LiteEnsamError as error:
        raise StudyError(f"baseline: {error}") from error
    chosen, others = choose_targets(lesions)
    if not chosen:
        raise StudyError(
            "baseline has no lesion that is large enough for a target: name them in a study file"
        )
    notes = [
        f"targets are chosen by size: {', '.join(one.target.name for one in chosen)}"
        + ("" if organs_known else "; organs are not known, so the limit of two an organ is not checked")
    ]
    if others:
        names = ", ".join(one.target.name for one in others)
        notes.append(f"not followed, being more than RECIST 1.1 allows or too small for a target: {names}")
    entries = [
        {"name": one.target.name, "organ": one.target.organ, "node": one.target.is_node} for one in chosen
    ]
    return entries, notes


def _lesions(baseline: Mapping[str, Any], folder: Path) -> tuple[list[BaselineLesion], bool]:
    """Baseline's lesions with the lengths of their lines or masks, and whether all organs are known."""
    if "report" in baseline:
        tumors: Sequence[Mapping[str, Any]] = read_report(folder / baseline["report"]).get("tumors", [])
        found = [
            BaselineLesion(
                Target(name := str(one.get("name") or one.get("label")), name),
                float(one.get("longest_diameter_mm") or 0),
                float(one.get("short_axis_mm") or 0),
            )
            for one in tumors
        ]
        return found, False
    scan: OpenedScan = open_scan(
        folder / baseline["ct"], referred_by=folder / baseline["marks"] if "marks" in baseline else None
    )
    marks = scan.read_marks(folder / baseline["marks"] if "marks" in baseline else None)
    return [_of_mark(one, scan.source.grid) for one in marks], all(one.finding_site for one in marks)


def _of_mark(mark: RecistMark, grid: Grid) -> BaselineLesion:
    """A lesion as long as its line; one whose organ is not known counts as an organ of its own."""
    name = mark.name or str(mark.label)
    organ = mark.finding_site.meaning if mark.finding_site else name
    is_node = _NODE in name_key(organ)
    length_mm = short_mm = mark.length_mm(grid.spacing_mm)
    if mark.short_axis_zyx is not None:
        short_mm = RecistMark(mark.label, mark.short_axis_zyx).length_mm(grid.spacing_mm)
    return BaselineLesion(Target(name, organ, is_node), length_mm, short_mm)
