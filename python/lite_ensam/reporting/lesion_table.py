"""Every lesion at every visit as one row of a long table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lite_ensam.reporting.study_file import Patient
from lite_ensam.response import (
    LesionState,
    NewLesionFinding,
    NonTargetFinding,
    Reading,
    Target,
    TargetValue,
    TimePoint,
)

__all__ = ["LesionRow", "lesion_rows", "lesions_of", "patient_name"]


class LesionRow(NamedTuple):
    """A lesion at a visit.

    Attributes
    ----------
    visit_number : int
        Number of the visit; 1 is baseline.
    visit : TimePoint
        The visit.
    link : str
        Identifier of the lesion, such as T01, NT01 or NEW01, unique in a patient.
    role : str
        Target, non-target or new.
    lesion : Target
        Name and organ of the lesion.
    finding : TargetValue or NonTargetFinding or NewLesionFinding
        Finding at the visit.
    """

    visit_number: int
    visit: TimePoint
    link: str
    role: str
    lesion: Target
    finding: TargetValue | NonTargetFinding | NewLesionFinding


def patient_name(number: int, patient: Patient, identifiers: bool) -> str:
    """`patient 1`, or the identifier where that was asked for and is known."""
    return patient.identifier if identifiers and patient.identifier else f"patient {number}"


def lesions_of(patient: Patient) -> Iterator[LesionRow]:
    """Lesions of a patient, visit by visit: targets, non-targets, new lesions since their first coming."""
    study = patient.study
    new: dict[str, Target] = {}
    for number, visit in enumerate(study.time_points, start=1):
        for n, target in enumerate(study.targets, start=1):
            value = visit.targets.get(target.name, TargetValue())
            yield LesionRow(number, visit, f"T{n:02d}", "target", target, value)
        for n, lesion in enumerate(study.non_target_lesions, start=1):
            default = LesionState.PRESENT if number == 1 else LesionState.NOT_EVALUABLE
            finding = visit.non_target_states.get(lesion.name, NonTargetFinding(default))
            yield LesionRow(number, visit, f"NT{n:02d}", "non-target", lesion, finding)
        for name, one in visit.new_lesions.items():
            new.setdefault(name, Target(name, one.organ, one.is_node, one.site))
        for n, (name, lesion) in enumerate(new.items(), start=1):
            if name in visit.new_lesions:
                yield LesionRow(number, visit, f"NEW{n:02d}", "new", lesion, visit.new_lesions[name])


def lesion_rows(patients: Sequence[Patient], identifiers: bool = False) -> list[dict[str, Any]]:
    """Make the long table: a row for each lesion and visit.

    Parameters
    ----------
    patients : Sequence[Patient]
        Patients from `read_study`.
    identifiers : bool, default False
        Whether the table may identify patients and give dates.

    Returns
    -------
    list[dict[str, Any]]
        Rows with the same keys; lengths in mm, volumes in ml, None where nothing is known. `state` of a
        target is measured, too small to measure, gone, merged or not evaluable, of other lesions a
        `LesionState`; `flags` are codes separated by spaces. A new lesion that is reported but not listed has
        no row.
    """
    return [
        {"patient": patient_name(number, patient, identifiers), "cohort": patient.cohort}
        | _cells(row, row.visit.imaging.date if identifiers else "")
        for number, patient in enumerate(patients, start=1)
        for row in lesions_of(patient)
    ]


def _cells(row: LesionRow, date: str) -> dict[str, Any]:
    visit, lesion, finding = row.visit, row.lesion, row.finding
    reading = finding.reading
    return {
        "visit": row.visit_number,
        "day": visit.day,
        "date": date,
        "lesion": lesion.name,
        "organ": lesion.organ,
        "site": lesion.site,
        "role": row.role,
        "node": lesion.is_node,
        "state": _state(finding),
        **_sizes(lesion, finding, reading),
        **_limits("diameter", "mm", reading.diameter_interval_mm),
        **_limits("volume", "ml", reading.volume_interval_ml),
        "mean_hu": reading.mean_hu,
        **_remarks(finding),
        "flags": " ".join(reading.flags),
        "reason": reading.reason,
        "reader": reading.reader or visit.imaging.reader,
        "modality": reading.modality or visit.imaging.modality,
    }


def _state(finding: TargetValue | NonTargetFinding | NewLesionFinding) -> str:
    if not isinstance(finding, TargetValue):
        return finding.state
    if finding.merged_into is not None:
        return "merged"
    if finding.diameter_mm is None:
        return "not evaluable"
    if finding.diameter_mm == 0:
        return "gone"
    return "too small to measure" if "too_small" in finding.reading.flags else "measured"


def _sizes(
    lesion: Target, finding: TargetValue | NonTargetFinding | NewLesionFinding, reading: Reading
) -> Mapping[str, float | None]:
    """The diameter that counts, both axes, volume; the one that counts is also the axis that it is."""
    diameter_mm = None if isinstance(finding, NonTargetFinding) else finding.diameter_mm
    longest_mm, short_mm = reading.longest_diameter_mm, reading.short_axis_mm
    if lesion.is_node and short_mm is None:
        short_mm = diameter_mm
    elif not lesion.is_node and longest_mm is None:
        longest_mm = diameter_mm
    target = finding if isinstance(finding, TargetValue) else TargetValue()
    return {
        "diameter_mm": diameter_mm,
        "diameter_sd_mm": target.diameter_sd_mm or None,
        "longest_diameter_mm": longest_mm,
        "short_axis_mm": short_mm,
        "volume_ml": target.volume_ml,
        "volume_sd_ml": target.volume_sd_ml or None,
        "viable_mm": target.viable_mm,
    }


def _limits(of: str, unit: str, interval: tuple[float, float] | None) -> Mapping[str, float | None]:
    low, high = interval or (None, None)
    return {f"{of}_low_{unit}": low, f"{of}_high_{unit}": high}


def _remarks(finding: TargetValue | NonTargetFinding | NewLesionFinding) -> Mapping[str, Any]:
    return {
        "merged_into": (finding.merged_into or "") if isinstance(finding, TargetValue) else "",
        "equivocal": not finding.is_certain if isinstance(finding, NewLesionFinding) else None,
        "larger": None if isinstance(finding, TargetValue) else finding.larger,
    }
