"""Patients over time from a JSON or CSV file or a folder of visits; sizes given, or of reports and scans."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from lite_ensam.core.errors import StudyError, brief, printable
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import PathLike
from lite_ensam.engines import WEIGHTS
from lite_ensam.io import ObjectChoice
from lite_ensam.io.places import scan_at_hand
from lite_ensam.io.reading import file_suffix, read_json
from lite_ensam.reporting.study_doubts import COUNTS_BELOW_10_MM, is_called_node, study_doubts
from lite_ensam.reporting.study_lesions import parse_new_lesions, parse_non_target_states
from lite_ensam.reporting.study_scans import KeySlice, StudyScans
from lite_ensam.reporting.study_sizes import StudySizes
from lite_ensam.reporting.study_table import read_table
from lite_ensam.reporting.study_values import (
    ILL_BUILT,
    days_since_first,
    parse_day,
    parse_new_lesion,
    parse_non_targets,
    parse_optional_text,
    parse_size,
    parse_text,
    parse_yes_no,
)
from lite_ensam.reporting.study_visits import Fetch, visit_folders, visits_entry
from lite_ensam.response import Imaging, NewLesion, Study, Target, TimePoint, check_targets, name_key
from lite_ensam.segmentation import Border

__all__ = ["Patient", "read_study"]

STUDY_KEYS = ("patients", "trial")
PATIENT_KEYS = ("patient", "cohort", "targets", "non_targets", "non_target_lesions", "slice_mm", "visits")
LESION_KEYS = ("name", "organ", "site", "node")
VISIT_KEYS = (
    "date", "modality", "reader", "targets", "report", "ct", "marks", "series", "acquisition",
    "non_targets", "non_targets_larger", "non_target_lesions", "new_lesion", "new_lesions",
)  # fmt: skip


@with_short_repr
@dataclass(frozen=True)
class Patient:
    """The course of one patient.

    Parameters
    ----------
    identifier : str
        Identifier, for reports that may show it.
    study : Study
        Targets and visits.
    notes : tuple[str, ...], default ()
        Sentences for readers of the report: doubtful entries, how scans were read and lesions matched.
    pictures : tuple[tuple[str, bytes], ...], default ()
        Title and PNG of each visit that was segmented.
    cohort : str, default ""
        Arm or group by which rates are counted; empty if there is only one.
    trial : str, default ""
        Name of the trial, for tables that need it.
    slices : tuple[KeySlice, ...], default ()
        Picture of each lesion at each visit that was segmented.
    """

    identifier: str
    study: Study
    notes: tuple[str, ...] = ()
    pictures: tuple[tuple[str, bytes], ...] = ()
    cohort: str = ""
    trial: str = ""
    slices: tuple[KeySlice, ...] = ()


def read_study(
    path: PathLike | Sequence[PathLike],
    n_repeats: int = 0,
    draw: bool = False,
    border: Border = "readers",
    weights: PathLike = WEIGHTS,
    slices: bool = False,
    choice: ObjectChoice | None = None,
    fetch: Fetch = scan_at_hand,
) -> tuple[Patient, ...]:
    """Read the patients of a study file; docs/guide/response.md describes the formats and the checks.

    Parameters
    ----------
    path : PathLike or Sequence[PathLike]
        .json, `{"patients": [{"patient": "A", "targets": [{"name": "liver 1", "organ": "liver"}, ...],
        "non_targets": false, "slice_mm": 2.5, "visits": [{"date": "2025-01-31", "targets": {"liver 1":
        {"diameter_mm": 31, "volume_ml": 12.4}}, "non_targets": "CR", "new_lesion": "no"}, ...]}]}`, or one
        such patient alone. A target that is a lymph node has `"node": true`; null is not measured; sizes may
        have `diameter_sd_mm` and `volume_sd_ml`. A diameter may be "too small to measure" or "gone"; a target
        that has split has a list of sizes, one that has merged `{"merged_into": "liver 2"}`. Instead of sizes
        a visit may have `"report": "visit.json"`, written by `lite-ensam segment` or `measure`: the tumour of
        a target's name is its size (the short axis of nodes), with standard deviations if it was segmented
        with `--repeats`; `{"tumors": ["a", "b"]}` as a target's size takes tumours of other names. One that
        is not there was not measured. Or the scan itself: `"ct": "visit1"` (DICOM folder or file) and
        `"marks": "visit1.json"`, perhaps `"series"` and `"acquisition"` of a DICOM folder; it is segmented,
        and its lesions are known by tracking UID or name, else by their place (see `track_lesions`). .csv
        with a row for each target and visit: patient, date, target, organ, diameter_mm, and if you like node,
        volume_ml, diameter_sd_mm, volume_sd_ml, fragment, merged_into, non_targets, new_lesion. Non-targets
        and new lesions may be listed one by one (`non_target_lesions`, `new_lesions`; in a .csv by the
        columns role and state), with reader, modality and reasons; see docs/guide/response.md and
        `study_schema`. A folder has a folder for each visit, with a scan and its lines, or with a report; see
        `visits_entry`. A list has the visits themselves, such folders or studies in an archive
        (`dicomweb+https://HOST/dicom-web/studies/UID`). Dates may be days (0, 56). Names are compared without
        case and outer or double spaces.
    n_repeats : int, default 0
        As in `lite_ensam.segment`, of visits with a scan.
    draw : bool, default False
        Whether to make pictures of these.
    border : Border, default "readers"
        As in `lite_ensam.segment`, of these.
    weights : PathLike, default WEIGHTS
        As in `lite_ensam.segment`, of these.
    slices : bool, default False
        Whether to make a small picture of each lesion in each of these.
    choice : ObjectChoice or None, default None
        Which of several reports of a scan holds its lines, where the study does not name them.
    fetch : Fetch, default scan_at_hand
        Fetches studies from archives.

    Returns
    -------
    tuple[Patient, ...]
        Patients in the order of the file.

    Raises
    ------
    StudyError
        If the file makes no sense or breaks the rules of RECIST 1.1. Messages count patients and visits, and do not
        name them.
    CaseError
        If it cannot be read.
    ArchiveError
        If an archive does not give a study.
    """
    where, folder = _where(path)
    try:
        entries, notes = _entries(path, choice, fetch)
        _refuse_repeated_patients(entries)
    except StudyError as error:
        raise StudyError(f"{where}{error}") from None
    patients = []
    for number, entry in enumerate(entries, start=1):
        try:
            scans = StudyScans(folder, n_repeats, draw, border, weights, slices, choice, fetch)
            patients.append(_patient(entry, scans))
        except StudyError as error:
            which = f"patient number {number}: " if where else ""
            raise StudyError(f"{where}{which}{error}") from None
    patients[0] = replace(patients[0], notes=(*notes, *patients[0].notes))
    return tuple(patients)


def _where(path: PathLike | Sequence[PathLike]) -> tuple[str, Path]:
    """How messages begin, and the folder that names in a study are relative to; a patient's folder is not named."""
    if not isinstance(path, str | os.PathLike) or Path(path).is_dir():
        return "", Path()
    return f"{printable(path)}: ", Path(path).parent


def _entries(
    path: PathLike | Sequence[PathLike], choice: ObjectChoice | None, fetch: Fetch
) -> tuple[Sequence[Mapping[str, Any]], list[str]]:
    """Patients in the form of the JSON file, and notes."""
    if not isinstance(path, str | os.PathLike):
        entry, notes = visits_entry(path, "", choice, fetch)
        return [entry], notes
    if Path(path).is_dir():
        entry, notes = visits_entry(visit_folders(path), Path(path).resolve().name, choice, fetch)
        return [entry], notes
    suffix = file_suffix(path)
    if suffix not in (".json", ".csv"):
        raise StudyError(
            "a study must be a file of type .json or .csv, or a folder with a folder for each visit"
        )
    return _json_entries(read_json(path)) if suffix == ".json" else read_table(path)


def _json_entries(content: Any) -> tuple[Sequence[Mapping[str, Any]], list[str]]:
    entries = content.get("patients", [content]) if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries or not all(isinstance(one, dict) for one in entries):
        raise StudyError('must be {"patients": [{"targets": [...], "visits": [...]}, ...]}')
    beside = sorted(content.keys() - set(STUDY_KEYS)) if "patients" in content else []
    if trial := parse_optional_text(content.get("trial"), "trial"):
        entries = [{**one, "trial": trial} for one in entries]
    return entries, [f"{brief(key)} beside the patients is not read" for key in beside]


def _refuse_repeated_patients(entries: Sequence[Mapping[str, Any]]) -> None:
    numbers: dict[str, int] = {}
    for number, entry in enumerate(entries, start=1):
        key = name_key(_identifier(entry))
        if key and key in numbers:
            raise StudyError(
                f"patients number {numbers[key]} and {number} have one identifier: put all visits of a patient into one"
            )
        numbers[key] = number


def _identifier(entry: Mapping[str, Any]) -> str:
    return parse_optional_text(entry.get("patient"), "patient")


def _patient(entry: Mapping[str, Any], scans: StudyScans) -> Patient:
    notes = scans.notes
    try:
        notes += _unread(entry, (*PATIENT_KEYS, "trial"), "the patient")
        targets = tuple(_lesion(one, notes, "a target") for one in entry["targets"])
        listed = entry.get("non_target_lesions") or []
        if not isinstance(listed, list):
            raise StudyError(
                'non_target_lesions must be a list such as [{"name": "effusion", "organ": "pleura"}], '
                f"got {brief(listed)}"
            )
        others = tuple(_lesion(one, notes, "a non-target") for one in listed)
        visits = list(_dated(entry["visits"], notes))
    except KeyError as error:
        raise StudyError(f"{error.args[0]!r} is missing") from None
    except (TypeError, AttributeError):
        raise StudyError(ILL_BUILT) from None
    check_targets(targets)
    sizes = StudySizes(targets, scans, others)
    time_points = tuple(_visit(visit, day, sizes, others, notes) for day, visit in visits)
    non_targets = parse_yes_no(entry.get("non_targets"), "non_targets")
    if non_targets is None:
        non_targets = bool(others) or any(one.non_targets for one in time_points)
    elif others and not non_targets:
        raise StudyError("non_targets is no, but non_target_lesions has lesions: correct one")
    slice_mm = parse_size(entry.get("slice_mm"), "slice_mm") or 0.0
    study = Study(targets, time_points, non_targets, slice_mm, others)
    notes += study_doubts(study)
    if not study.follow_up:
        notes.append("a single visit is given: a response needs at least two")
    cohort = parse_optional_text(entry.get("cohort"), "cohort")
    trial = parse_optional_text(entry.get("trial"), "trial")
    pictures, slices = tuple(scans.pictures), tuple(scans.slices)
    return Patient(_identifier(entry), study, tuple(notes), pictures, cohort, trial, slices)


def _lesion(entry: Mapping[str, Any], notes: list[str], kind: str) -> Target:
    notes += _unread(entry, LESION_KEYS, kind)
    name = parse_text(entry["name"], f"the name of {kind}")
    is_node = parse_yes_no(entry.get("node"), "node")
    organ = entry["organ"]
    is_unsaid = organ is None or (organ == "" and is_node)  # all nodes count as one organ anyway
    organ = "" if is_unsaid else parse_text(organ, f"the organ of {name!r}")
    if is_node is None and is_called_node(organ):
        counts = (
            "its longest diameter counts, not its short axis" if kind == "a target" else COUNTS_BELOW_10_MM
        )
        notes.append(f"{name} lies in {organ!r} but node is not said: {counts}")
    return Target(name, organ, bool(is_node), parse_optional_text(entry.get("site"), f"the site of {name!r}"))


def _dated(visits: Sequence[Mapping[str, Any]], notes: list[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Visits in order, each with its day since the first; a note where that is another number than the one given."""
    if not visits:
        raise StudyError("has no visit")
    days = []
    for number, visit in enumerate(visits, start=1):
        try:
            days.append(parse_day(visit["date"]))
        except StudyError as error:
            raise StudyError(f"visit number {number}: {error}") from None
    order = sorted(range(len(days)), key=days.__getitem__)
    since = days_since_first(days)
    for before, after in pairwise(order):
        if since[before] == since[after]:
            raise StudyError(
                f"visits number {before + 1} and {after + 1} are on one day: put all sizes of a day into one visit"
            )
    first = days[order[0]]
    if not first.is_date and first.number:
        notes.append(f"the first visit, on day {first.number}, is baseline: days are counted from it")
    return ((since[number], visits[number]) for number in order)


def _visit(
    entry: Mapping[str, Any], day: int, sizes: StudySizes, non_targets: Sequence[Target], notes: list[str]
) -> TimePoint:
    notes += _unread(entry, VISIT_KEYS, f"day {day}")
    try:
        overall = parse_non_targets(entry.get("non_targets"))
        new_lesion = parse_new_lesion(entry.get("new_lesion"))
        larger = parse_yes_no(entry.get("non_targets_larger"), "non_targets_larger")
        texts = {name: parse_optional_text(entry.get(name), name) for name in ("modality", "reader")}
    except StudyError as error:
        raise StudyError(f"day {day}: {error}") from None
    if entry.get("ct") is not None:
        texts["modality"] = texts["modality"] or "CT"
    return TimePoint(
        day,
        sizes.at(entry, day),
        overall,
        NewLesion.NO if new_lesion is None and entry.get("new_lesions") == [] else new_lesion,
        parse_non_target_states(entry.get("non_target_lesions"), non_targets, day),
        bool(larger),
        parse_new_lesions(entry.get("new_lesions"), new_lesion, day),
        Imaging(date=parse_day(entry["date"]).iso, **texts),
    )


def _unread(entry: Mapping[str, Any], known: Sequence[str], of: str) -> list[str]:
    """A note on each key that is not read: a misspelt one would be lost in silence."""
    return [f"{of}: {brief(key)} is not read" for key in sorted(entry.keys() - set(known))]
