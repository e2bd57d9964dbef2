"""SDTM's oncology domains: TU (which lesions), TR (their measurements) and RS (responses).

Variables and values are those of CDISC's SDTMIG 3.4 and its RECIST 1.1 supplement: test codes TUMIDENT; LDIAM, LPERP,
VOLUME, TUMSTATE and SUMDIAM; TRGRESP, NTRGRESP, NEWLPROG, OVRLRESP and BESTRESP.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

from lite_ensam.io.report_files import rounded
from lite_ensam.reporting.lesion_table import LesionRow, lesions_of, patient_name
from lite_ensam.reporting.study_file import Patient
from lite_ensam.reporting.study_report import Course
from lite_ensam.response import (
    IRECIST,
    MRECIST,
    RECIST_1_1,
    LesionState,
    NewLesion,
    NewLesionFinding,
    NonTargetFinding,
    TargetValue,
    TimePoint,
)

__all__ = ["DOMAINS", "Evaluator", "sdtm_tables"]

Evaluator = Literal["INVESTIGATOR", "INDEPENDENT ASSESSOR"]
"""Role of the readers: CDISC's terms for --EVAL."""

DOMAINS = ("tu", "tr", "rs")
"""SDTM's oncology domains: tumour identification, tumour results, response."""

_TESTS = MappingProxyType(
    {
        "TUMIDENT": "Tumor Identification",
        "LDIAM": "Longest Diameter",
        "LPERP": "Longest Perpendicular",
        "VOLUME": "Volume",
        "TUMSTATE": "Tumor State",
        "SUMDIAM": "Sum of Diameter",
        "TRGRESP": "Target Response",
        "NTRGRESP": "Non-target Response",
        "NEWLPROG": "New Lesion Progression",
        "OVRLRESP": "Overall Response",
        "BESTRESP": "Best Overall Response",
    }
)
_METHODS = MappingProxyType(
    {
        **dict.fromkeys(("CT", "CTSCAN"), "CT SCAN"),
        **dict.fromkeys(("MR", "MRI"), "MRI"),
        **dict.fromkeys(("PT", "PET", "PETSCAN"), "PET SCAN"),
        **dict.fromkeys(("PETCT", "PETCTSCAN", "PTCT", "CTPET", "CTPT"), "PET/CT SCAN"),
        **dict.fromkeys(("US", "SONOGRAPHY", "ULTRASOUND"), "ULTRASOUND"),
        **dict.fromkeys(("CR", "DX", "XRAY"), "X-RAY"),
        "MG": "MAMMOGRAPHY",
    }
)
"""Codelist C85492, by the letters of a DICOM modality or of how people call it; others stay as they are."""
_TOO_SMALL = "TOO SMALL TO MEASURE"
_OWN_RULES = "PROTOCOL DEFINED RESPONSE CRITERIA"
_CATEGORIES = MappingProxyType(
    {
        RECIST_1_1.name: "RECIST 1.1",
        IRECIST.name: "iRECIST",
        MRECIST.name: "MRECIST LENCIONI LIVER CANCER 2010",
    }
)
"""Codelist C124298, by the name of the criteria; others are the protocol's own, with their name in RSSCAT."""

_COLUMNS = MappingProxyType(
    {
        "TU": ("SEQ", "LNKID", "TESTCD", "TEST", "ORRES", "STRESC", "LOC", "METHOD", "EVAL", "EVALID"),
        "TR": (
            "SEQ", "GRPID", "LNKGRP", "LNKID", "TESTCD", "TEST", "ORRES", "ORRESU", "STRESC", "STRESN", "STRESU",
            "STAT", "REASND", "METHOD", "EVAL", "EVALID",
        ),
        "RS": ("SEQ", "LNKGRP", "TESTCD", "TEST", "CAT", "SCAT", "ORRES", "STRESC", "EVAL", "EVALID"),
    }
)  # fmt: skip


def sdtm_tables(
    patients: Sequence[Patient],
    courses: Sequence[Course],
    evaluator: Evaluator = "INVESTIGATOR",
    identifiers: bool = False,
) -> dict[str, list[dict[str, Any]]]:
    """Make the rows of `DOMAINS`, each with all columns of its domain, patient by patient.

    Parameters
    ----------
    patients : Sequence[Patient]
        Patients from `read_study`.
    courses : Sequence[Course]
        Judged courses of these patients, from `judge`. Courses by volume are left out of RS, which has no
        term for them.
    evaluator : Evaluator, default "INVESTIGATOR"
        Role of the readers; their names are in --EVALID for independent assessors only, as CDISC requires.
    identifiers : bool, default False
        Whether USUBJID is the patient's identifier and --DTC the date; otherwise USUBJID is a number and
        --DTC is empty.

    Returns
    -------
    dict[str, list[dict[str, Any]]]
        Rows by domain.

    Notes
    -----
    Study days (--DY) need the first day of treatment, which a study file does not have: they are left out, and VISIT
    counts days from baseline. Fragments of a lesion that has split are one row, their sum.
    """
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in DOMAINS}
    for number, patient in enumerate(patients, start=1):
        writer = _Writer(patient, patient_name(number, patient, identifiers), evaluator, identifiers)
        own = [course for course in courses if course.patient is patient]
        tables["tu"] += writer.rows("TU", _identified(patient))
        tables["tr"] += writer.rows("TR", _measured(patient))
        tables["rs"] += writer.rows("RS", _responses(own))
    return tables


def sdtm_doubts(patients: Sequence[Patient]) -> list[str]:
    """Sentences on required variables that the study file does not say."""
    count = sum(not patient.trial for patient in patients)
    if not count:
        return []
    return [
        f"STUDYID of {count} of {len(patients)} patients is empty: SDTM requires it; name the trial in the study file"
    ]


class _Writer:
    """Adds what all rows of a patient share."""

    def __init__(self, patient: Patient, name: str, evaluator: Evaluator, identifiers: bool) -> None:
        self._patient, self._name = patient, name
        self._evaluator, self._identifiers = evaluator, identifiers

    def rows(
        self, domain: str, records: Iterator[tuple[TimePoint | None, str, Mapping[str, Any]]]
    ) -> Iterator[dict[str, Any]]:
        """Whole rows of (visit, reader, variables without the domain's two letters)."""
        visits = self._patient.study.time_points
        for sequence, (visit, reader, record) in enumerate(records, start=1):
            is_independent = self._evaluator == "INDEPENDENT ASSESSOR"
            known = {
                **record,
                "SEQ": sequence,
                "TEST": _TESTS[record["TESTCD"]],
                "EVAL": self._evaluator,
                "EVALID": reader.upper() if is_independent else "",
            }
            yield {
                "STUDYID": self._patient.trial,
                "DOMAIN": domain,
                "USUBJID": self._name,
                **{domain + name: known.get(name, "") for name in _COLUMNS[domain]},
                "VISITNUM": "" if visit is None else visits.index(visit) + 1,
                "VISIT": "" if visit is None else _visit_name(visit),
                f"{domain}DTC": visit.imaging.date if visit is not None and self._identifiers else "",
            }


def _identified(patient: Patient) -> Iterator[tuple[TimePoint, str, Mapping[str, Any]]]:
    """Each lesion once, at the visit that it is first seen at."""
    seen: set[str] = set()
    for row in lesions_of(patient):
        if row.link in seen or (isinstance(row.finding, NewLesionFinding) and not row.finding.is_there):
            continue
        seen.add(row.link)
        role = row.role.upper()
        location = "LYMPH NODE" if row.lesion.is_node else row.lesion.organ.upper()
        found = {"LNKID": row.link, "TESTCD": "TUMIDENT", "LOC": location, "METHOD": _method(row)}
        yield row.visit, _reader(row), found | _word(role)


def _measured(patient: Patient) -> Iterator[tuple[TimePoint, str, Mapping[str, Any]]]:
    """Sizes and states of each lesion at each visit, and the sum."""
    study = patient.study
    rows = list(lesions_of(patient))
    for number, visit in enumerate(study.time_points, start=1):
        group = f"A{number}"
        for row in rows:
            if row.visit_number == number:
                common = {
                    "GRPID": row.role.upper(),
                    "LNKGRP": group,
                    "LNKID": row.link,
                    "METHOD": _method(row),
                }
                for record in _of_lesion(row):
                    yield visit, _reader(row), common | record
        values = [visit.targets.get(one.name, TargetValue()).value("diameter") for one in study.targets]
        known = [value for value in values if value is not None]
        if study.targets and len(known) == len(values):
            record = {"GRPID": "TARGET", "LNKGRP": group, "TESTCD": "SUMDIAM", **_size(sum(known), "mm")}
            yield visit, visit.imaging.reader, record


def _of_lesion(row: LesionRow) -> Iterator[dict[str, Any]]:
    finding = row.finding
    diameter = "LPERP" if row.lesion.is_node else "LDIAM"
    if isinstance(finding, TargetValue):
        yield {"TESTCD": diameter, **_target_size(finding)}
        if finding.volume_ml is not None and finding.merged_into is None:
            yield {"TESTCD": "VOLUME", **_size(finding.volume_ml, "mL")}
        return
    if finding.state is LesionState.NOT_EVALUABLE:
        yield {"TESTCD": "TUMSTATE", **_not_done(finding.reading.reason)}
    else:
        yield {"TESTCD": "TUMSTATE", **_word(_tumor_state(finding))}
    if isinstance(finding, NewLesionFinding) and finding.diameter_mm:
        yield {"TESTCD": diameter, **_size(finding.diameter_mm, "mm")}


def _target_size(value: TargetValue) -> dict[str, Any]:
    if value.merged_into is not None:
        return _not_done("tumor merged")
    if value.diameter_mm is None:
        return _not_done(value.reading.reason)
    size = _size(value.diameter_mm, "mm")
    return size | {"ORRES": _TOO_SMALL} if "too_small" in value.reading.flags else size


def _tumor_state(finding: NonTargetFinding | NewLesionFinding) -> str:
    """Present, absent or progressing; a new lesion that is there is equivocal or unequivocal."""
    if isinstance(finding, NewLesionFinding) and finding.is_there:
        return "UNEQUIVOCAL" if finding.is_certain else "EQUIVOCAL"
    if isinstance(finding, NewLesionFinding):
        return "ABSENT"
    return finding.state.upper()


def _responses(courses: Sequence[Course]) -> Iterator[tuple[TimePoint | None, str, Mapping[str, Any]]]:
    """Responses of each visit after baseline, and the best one."""
    for course in courses:
        criteria = course.criteria
        if criteria.quantity == "volume":
            continue
        known = _CATEGORIES.get(criteria.name)
        category = {"CAT": known or _OWN_RULES, "SCAT": "" if known else criteria.name}
        visits = course.patient.study.time_points
        for number, (visit, one) in enumerate(zip(visits[1:], course.visits, strict=True), start=2):
            new = {NewLesion.EQUIVOCAL: "EQUIVOCAL", NewLesion.YES: "UNEQUIVOCAL"}.get(one.new_lesion)
            for code, result in (("TRGRESP", one.target), ("NTRGRESP", one.non_target), ("NEWLPROG", new)):
                if result is not None:
                    yield visit, visit.imaging.reader, {"TESTCD": code, **category, **_result(result)}
            group = {"LNKGRP": f"A{number}"}
            yield (
                visit,
                visit.imaging.reader,
                {"TESTCD": "OVRLRESP", **category, **_result(one.overall), **group},
            )
        yield None, "", {"TESTCD": "BESTRESP", **category, **_result(course.best.response)}


def _result(word: str) -> dict[str, str]:
    """A response as CDISC spells it: NON-CR/NON-PD, NON-iCR/NON-iUPD."""
    spelt = word.replace("non-", "NON-")
    return _word(spelt)


def _word(word: str) -> dict[str, str]:
    return {"ORRES": word, "STRESC": word}


def _size(value: float, unit: str) -> dict[str, Any]:
    number = rounded(float(value))
    text = f"{number:g}"
    return {"ORRES": text, "ORRESU": unit, "STRESC": text, "STRESN": number, "STRESU": unit}


def _not_done(reason: str) -> dict[str, str]:
    return {"STAT": "NOT DONE", "REASND": (reason or "not evaluable").upper()}


def _method(row: LesionRow) -> str:
    modality = (row.finding.reading.modality or row.visit.imaging.modality).upper()
    return _METHODS.get("".join(filter(str.isalpha, modality)), modality)


def _visit_name(visit: TimePoint) -> str:
    return "BASELINE" if visit.day == 0 else f"DAY {visit.day}"


def _reader(row: LesionRow) -> str:
    return row.finding.reading.reader or row.visit.imaging.reader
