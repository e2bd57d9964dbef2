"""REDCap: a record for each patient with repeating instruments, and the data dictionary that makes its project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from lite_ensam.reporting.lesion_table import lesion_rows, patient_name
from lite_ensam.reporting.study_file import Patient
from lite_ensam.reporting.study_report import Course

__all__ = ["REDCAP_FILES", "redcap_tables"]

REDCAP_FILES = ("redcap_data", "redcap_dictionary")
"""Names of the CSV files that REDCap imports: the records, and the data dictionary that they fit."""

_PATIENT, _LESION, _RESPONSE = "patient", "lesion", "response"
_NUMBER, _INTEGER, _DATE = "number", "integer", "date_ymd"
_IDENTIFIERS = ("record_id", "les_date", "rsp_date")
_YES_NO = MappingProxyType({True: 1, False: 0})


class _Field(NamedTuple):
    """A variable of the project.

    Attributes
    ----------
    name : str
        Name in REDCap: lower case, unique in the project.
    source : str
        Key of the row of our own tables that it is filled from.
    label : str
        Label that users of REDCap see.
    validation : str, default ""
        Validation of a text field; empty accepts any text, "yesno" makes a field of that type.
    """

    name: str
    source: str
    label: str
    validation: str = ""


_FIELDS = MappingProxyType(
    {
        _PATIENT: (
            _Field("record_id", "patient", "Record ID"),
            _Field("cohort", "cohort", "Cohort"),
        ),
        _LESION: (
            _Field("les_visit", "visit", "Visit (1 is baseline)", _INTEGER),
            _Field("les_day", "day", "Day since baseline", _INTEGER),
            _Field("les_date", "date", "Date of the scan", _DATE),
            _Field("les_name", "lesion", "Lesion"),
            _Field("les_organ", "organ", "Organ"),
            _Field("les_site", "site", "Site"),
            _Field("les_role", "role", "Role (target, non-target, new)"),
            _Field("les_node", "node", "Lymph node", "yesno"),
            _Field("les_state", "state", "State"),
            _Field("les_diameter_mm", "diameter_mm", "Diameter that counts (mm)", _NUMBER),
            _Field(
                "les_diameter_sd_mm", "diameter_sd_mm", "Standard deviation of the diameter (mm)", _NUMBER
            ),
            _Field("les_longest_mm", "longest_diameter_mm", "Longest diameter (mm)", _NUMBER),
            _Field("les_short_mm", "short_axis_mm", "Short axis (mm)", _NUMBER),
            _Field("les_volume_ml", "volume_ml", "Volume (ml)", _NUMBER),
            _Field("les_volume_sd_ml", "volume_sd_ml", "Standard deviation of the volume (ml)", _NUMBER),
            _Field("les_viable_mm", "viable_mm", "Viable diameter (mm)", _NUMBER),
            _Field("les_mean_hu", "mean_hu", "Mean density (HU)", _NUMBER),
            _Field("les_merged_into", "merged_into", "Merged into (target that is measured for both)"),
            _Field("les_equivocal", "equivocal", "Equivocal", "yesno"),
            _Field("les_larger", "larger", "Larger than at the visit before", "yesno"),
            _Field("les_flags", "flags", "Flags"),
            _Field("les_reason", "reason", "Reason for not evaluable"),
            _Field("les_reader", "reader", "Reader"),
            _Field("les_modality", "modality", "Modality"),
        ),
        _RESPONSE: (
            _Field("rsp_criteria", "criteria", "Criteria"),
            _Field("rsp_visit", "visit", "Visit (1 is baseline)", _INTEGER),
            _Field("rsp_date", "date", "Date of the scan", _DATE),
            _Field("rsp_day", "day", "Day since baseline", _INTEGER),
            _Field("rsp_sum", "sum", "Sum of the targets (mm or ml)", _NUMBER),
            _Field("rsp_baseline_sum", "baseline_sum", "Sum at baseline", _NUMBER),
            _Field("rsp_nadir", "nadir", "Smallest sum before", _NUMBER),
            _Field("rsp_target", "target", "Targets"),
            _Field("rsp_non_target", "non_target", "Non-targets"),
            _Field("rsp_new_lesion", "new_lesion", "New lesion"),
            _Field("rsp_overall", "overall", "Overall response"),
            _Field("rsp_best", "best", "Best response of the whole course"),
            _Field("rsp_reason", "reason", "Reason"),
        ),
    }
)

_DICTIONARY = (
    "Variable / Field Name", "Form Name", "Section Header", "Field Type", "Field Label",
    "Choices, Calculations, OR Slider Labels", "Field Note", "Text Validation Type OR Show Slider Number",
    "Text Validation Min", "Text Validation Max", "Identifier?",
    "Branching Logic (Show field only if...)", "Required Field?", "Custom Alignment",
    "Question Number (surveys only)", "Matrix Group Name", "Matrix Ranking?", "Field Annotation",
)  # fmt: skip
"""Columns of REDCap's data dictionary."""


def redcap_tables(
    patients: Sequence[Patient], courses: Sequence[Course], identifiers: bool = False
) -> dict[str, list[dict[str, Any]]]:
    """Make the rows of `REDCAP_FILES`.

    Parameters
    ----------
    patients : Sequence[Patient]
        Patients from `read_study`.
    courses : Sequence[Course]
        Judged courses of these patients, from `judge`.
    identifiers : bool, default False
        Whether records have the patients' identifiers and dates.

    Returns
    -------
    dict[str, list[dict[str, Any]]]
        Rows by file name.

    Notes
    -----
    The project is a classic one: upload the dictionary, make `lesion` and `response` repeating instruments, then import
    the data. Instances are numbered in each record: lesions visit by visit, responses criteria by criteria.
    """
    return {
        "redcap_data": list(_data(patients, courses, identifiers)),
        "redcap_dictionary": list(_dictionary(identifiers)),
    }


def _data(
    patients: Sequence[Patient], courses: Sequence[Course], identifiers: bool
) -> Iterator[dict[str, Any]]:
    lesions = lesion_rows(patients, identifiers)
    for number, patient in enumerate(patients, start=1):
        name = patient_name(number, patient, identifiers)
        yield _row(name, _PATIENT, None, {"patient": name, "cohort": patient.cohort})
        own = [row for row in lesions if row["patient"] == name]
        for instance, row in enumerate(own, start=1):
            yield _row(name, _LESION, instance, row)
        later = enumerate(patient.study.follow_up, start=2)
        visits = [{"visit": n, "date": one.imaging.date if identifiers else ""} for n, one in later]
        judged = [
            row | visit | {"best": course.best.response}
            for course in courses
            if course.patient is patient
            for visit, row in zip(visits, course.rows(), strict=True)
        ]
        for instance, row in enumerate(judged, start=1):
            yield _row(name, _RESPONSE, instance, row)


def _row(name: str, instrument: str, instance: int | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """All columns, those of other instruments empty; yes and no are 1 and 0."""
    row: dict[str, Any] = {
        "record_id": name,
        "redcap_repeat_instrument": "" if instance is None else instrument,
        "redcap_repeat_instance": instance,
    }
    for form, fields in _FIELDS.items():
        for field in fields:
            if field.name == "record_id":
                continue
            value = values.get(field.source) if form == instrument else None
            row[field.name] = _YES_NO[value] if isinstance(value, bool) else value
    return row


def _dictionary(identifiers: bool) -> Iterator[dict[str, str]]:
    for form, fields in _FIELDS.items():
        for field in fields:
            is_yes_no = field.validation == "yesno"
            known = {
                "Variable / Field Name": field.name,
                "Form Name": form,
                "Field Type": "yesno" if is_yes_no else "text",
                "Field Label": field.label,
                "Text Validation Type OR Show Slider Number": "" if is_yes_no else field.validation,
                "Identifier?": "y" if identifiers and field.name in _IDENTIFIERS else "",
            }
            yield {column: known.get(column, "") for column in _DICTIONARY}
