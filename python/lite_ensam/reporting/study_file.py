"""Patients over time from a JSON or CSV file, sizes given or taken from reports of segmented scans."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from lite_ensam.core.errors import CaseError, StudyError, brief, printable
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import PathLike
from lite_ensam.io import read_report
from lite_ensam.io.reading import file_suffix, read_json, read_text
from lite_ensam.reporting.study_scans import StudyScans, flag_notes
from lite_ensam.response import NewLesion, Response, Study, Target, TargetValue, TimePoint
from lite_ensam.segmentation import Border

__all__ = ["Patient", "read_study"]

_NUMBERS = ("diameter_mm", "volume_ml", "diameter_sd_mm", "volume_sd_ml")
_CSV_COLUMNS = ("patient", "date", "target", "organ", "diameter_mm")
_ILL_BUILT = "is not built as a patient must be: see the documentation of read_study"
_TRUE, _FALSE = {"1", "true", "yes", "node"}, {"", "0", "false", "no"}


@with_short_repr
@dataclass(frozen=True)
class Patient:
    """A course and whose it is.

    Parameters
    ----------
    identifier : for reports that were asked for it
    study : the visits
    notes : how its scans were read and its lesions known again, for whoever reads the report
    pictures : title and PNG of each visit that was segmented
    """

    identifier: str
    study: Study
    notes: tuple[str, ...] = ()
    pictures: tuple[tuple[str, bytes], ...] = ()


def read_study(
    path: PathLike, n_repeats: int = 0, draw: bool = False, border: Border = "readers"
) -> tuple[Patient, ...]:
    """Patients of a study file.

    Parameters
    ----------
    path : .json, `{"patients": [{"patient": "A", "targets": [{"name": "liver 1", "organ": "liver"}, ...],
        "non_targets": false, "slice_mm": 2.5, "visits": [{"date": "2025-01-31", "targets": {"liver 1":
        {"diameter_mm": 31, "volume_ml": 12.4}}, "non_targets": "CR", "new_lesion": "no"}, ...]}]}`, or one such
        patient alone. A target that is a lymph node has `"node": true`; null is not measured; sizes may have
        `diameter_sd_mm` and `volume_sd_ml`. Instead of sizes a visit may have `"report": "visit.json"`, written
        by `lite-ensam segment` or `measure`: the tumour of a target's name is its size (the short axis of nodes),
        with standard deviations if it was segmented with `--repeats`; one that is not there was not measured.
        Or the scan itself: `"ct": "visit1"` (DICOM folder or file) and `"marks": "visit1.json"`; it is segmented, and
        its lesions are known by tracking UID or name, else by their place (see `track_lesions`).
        .csv with a row for each target and visit: patient, date, target, organ, diameter_mm, and if you like
        node, volume_ml, diameter_sd_mm, volume_sd_ml, non_targets, new_lesion. Dates may be days (0, 56).
    repeats : as in `inference.segment`, of visits with a scan
    draw : whether to make pictures of these
    border : as in `inference.segment`, of these

    Raises
    ------
    StudyError
        If the file makes no sense or breaks the rules of RECIST 1.1. Messages count patients, and do not name
        them.
    CaseError
        If it cannot be read.
    """
    suffix = file_suffix(path)
    if suffix not in (".json", ".csv"):
        raise StudyError(f"{printable(path)}: a study must be a file of type .json or .csv")
    try:
        entries = _json_entries(read_json(path)) if suffix == ".json" else _csv_entries(path)
    except StudyError as error:
        raise StudyError(f"{printable(path)}: {error}") from None
    patients = []
    for number, entry in enumerate(entries, start=1):
        try:
            patients.append(_patient(entry, StudyScans(Path(path).parent, n_repeats, draw, border)))
        except StudyError as error:
            raise StudyError(f"{printable(path)}: patient number {number}: {error}") from None
    return tuple(patients)


def _json_entries(content: Any) -> Sequence[Mapping[str, Any]]:
    entries = content.get("patients", [content]) if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries or not all(isinstance(one, dict) for one in entries):
        raise StudyError('must be {"patients": [{"targets": [...], "visits": [...]}, ...]}')
    return entries


def _csv_entries(path: PathLike) -> Sequence[Mapping[str, Any]]:
    """The rows in the form of the JSON file."""
    try:
        reader = csv.DictReader(read_text(path).splitlines(), skipinitialspace=True, strict=True)
        rows = list(reader)
    except (csv.Error, UnicodeDecodeError) as error:
        raise StudyError(f"is not a CSV file ({error})") from None
    if missing := [name for name in _CSV_COLUMNS if name not in (reader.fieldnames or ())]:
        raise StudyError(
            f"the first line must name the columns {','.join(_CSV_COLUMNS)}; {missing[0]} is missing"
        )
    patients: dict[str, dict[str, Any]] = defaultdict(lambda: {"targets": {}, "visits": {}})
    for row in rows:
        patient = patients[row["patient"]]
        is_node = (row.get("node") or "").strip().lower()
        if is_node not in _TRUE | _FALSE:
            raise StudyError(f"column node must be yes or no, got {brief(is_node)}")
        target = {"name": row["target"], "organ": row["organ"], "node": is_node in _TRUE}
        visit = patient["visits"].setdefault(row["date"], {"date": row["date"], "targets": {}})
        if row["target"]:
            patient["targets"][row["target"]] = target
            visit["targets"][row["target"]] = {name: row[name] for name in _NUMBERS if row.get(name)}
        visit |= {name: row[name] for name in ("non_targets", "new_lesion") if row.get(name)}
        patient["visits"][row["date"]] = visit
    return [
        {"patient": name, "targets": list(one["targets"].values()), "visits": list(one["visits"].values())}
        for name, one in patients.items()
    ]


def _patient(entry: Mapping[str, Any], scans: StudyScans) -> Patient:
    try:
        targets = tuple(
            Target(str(one["name"]), str(one["organ"]), bool(one.get("node", False)))
            for one in entry["targets"]
        )
        visits = sorted(entry["visits"], key=lambda visit: _day(visit["date"]))
        if not visits:
            raise StudyError("has no visit")
        first = _day(visits[0]["date"])
    except KeyError as error:
        raise StudyError(f"{error.args[0]!r} is missing") from None
    except (TypeError, AttributeError):
        raise StudyError(_ILL_BUILT) from None
    time_points = tuple(_visit(one, targets, _day(one["date"]) - first, scans) for one in visits)
    has_non_targets = bool(entry.get("non_targets", any(one.non_targets for one in time_points)))
    try:
        slice_mm = float(entry.get("slice_mm") or 0.0)
    except (TypeError, ValueError):
        raise StudyError(f"slice_mm must be a number, got {brief(entry['slice_mm'])}") from None
    study = Study(targets, time_points, has_non_targets, slice_mm)
    return Patient(str(entry.get("patient", "")), study, tuple(scans.notes), tuple(scans.pictures))


def _day(when: Any) -> int:
    """Days, counted from anywhere, of a date or a number of days."""
    try:
        return int(when)
    except (TypeError, ValueError):
        pass
    try:
        return date.fromisoformat(str(when).strip()).toordinal()
    except ValueError:
        raise StudyError("a date must be YYYY-MM-DD or a number of days") from None


def _visit(entry: Mapping[str, Any], targets: Sequence[Target], day: int, scans: StudyScans) -> TimePoint:
    given = entry.get("targets") or {}
    if not isinstance(given, dict):
        raise StudyError(_ILL_BUILT)
    if "report" in entry:
        given = _sizes_of_report(scans.folder / str(entry["report"]), targets, day, scans.notes) | given
    elif "ct" in entry:
        given = _sizes_of_tumors(scans.tumors(entry, day), targets, day, scans.notes) | given
    non_targets, new_lesion = entry.get("non_targets"), entry.get("new_lesion") or "no"
    try:
        return TimePoint(
            day,
            {name: TargetValue(**_sizes(sizes or {}, f"day {day}, {name}")) for name, sizes in given.items()},
            Response(non_targets) if non_targets else None,
            NewLesion(new_lesion),
        )
    except StudyError as error:
        raise StudyError(str(error)) from None
    except ValueError:
        raise StudyError(
            f"day {day}: non_targets must be one of {', '.join(Response)} and new_lesion one of "
            f"{', '.join(NewLesion)}, got {brief(non_targets)} and {brief(new_lesion)}"
        ) from None


def _sizes(given: Any, where: str) -> dict[str, float]:
    if not isinstance(given, dict):
        raise StudyError(f"{where}: sizes must be numbers, got {brief(given)}")
    if unknown := sorted(given.keys() - set(_NUMBERS)):
        raise StudyError(f"{where}: {brief(unknown[0])} is none of {', '.join(_NUMBERS)}")
    try:
        return {name: float(value) for name, value in given.items() if value is not None}
    except (TypeError, ValueError):
        raise StudyError(f"{where}: sizes must be numbers, got {brief(dict(given))}") from None


def _sizes_of_report(
    path: Path, targets: Sequence[Target], day: int, notes: list[str]
) -> dict[str, dict[str, float]]:
    try:
        tumors = read_report(path).get("tumors")
    except CaseError as error:
        raise StudyError(str(error)) from None
    if not isinstance(tumors, list):
        raise StudyError(f"{path}: is no report of a segmented scan: it has no tumors")
    try:
        return _sizes_of_tumors(tumors, targets, day, notes)
    except KeyError as error:
        raise StudyError(
            f"{path}: is no report of a segmented scan: a tumor has no {error.args[0]!r}"
        ) from None


def _sizes_of_tumors(
    tumors: Sequence[Mapping[str, Any]], targets: Sequence[Target], day: int, notes: list[str]
) -> dict[str, dict[str, float]]:
    by_name = {str(one.get("name") or one.get("label")): one for one in tumors}
    found = {target: by_name[target.name] for target in targets if target.name in by_name}
    for target, tumor in found.items():
        notes += flag_notes(tumor, f"day {day}, {target.name}")
    return {target.name: _sizes_of_tumor(tumor, target.is_node) for target, tumor in found.items()}


def _sizes_of_tumor(tumor: Mapping[str, Any], is_node: bool) -> dict[str, float]:
    """Sizes as a study has them; standard deviations where the scan was segmented again and again."""
    diameter, sd = (
        ("short_axis_mm", "short_axis_sd_mm") if is_node else ("longest_diameter_mm", "diameter_sd_mm")
    )
    return {
        "diameter_mm": tumor[diameter],
        "volume_ml": tumor["volume_ml"],
        "diameter_sd_mm": tumor.get(sd, 0.0),
        "volume_sd_ml": tumor.get("volume_sd_ml", 0.0),
    }
