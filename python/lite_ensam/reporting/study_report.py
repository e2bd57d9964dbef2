"""Courses judged by diameter and by volume, as rows for tables and as a page for people."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lite_ensam import _kernels
from lite_ensam.core.errors import StudyError, brief
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.figures import html
from lite_ensam.figures.response_charts import Bar, Line, spider, waterfall
from lite_ensam.reporting.study_file import Patient
from lite_ensam.response import (
    BestResponse,
    Criteria,
    Protocol,
    Response,
    Study,
    TargetValue,
    TimePointResponse,
)

__all__ = ["Course", "judge", "made_of", "plots", "study_page"]

_RULES = MappingProxyType(
    {
        "RECIST 1.1": "RECIST 1.1 (Eisenhauer et al., Eur J Cancer 45 (2009) 228-247)",
        "iRECIST": "iRECIST (Seymour et al., Lancet Oncol 18 (2017) e143-e152)",
        "mRECIST": "mRECIST (Lencioni and Llovet, Semin Liver Dis 30 (2010) 52-60)",
        "Choi": "Choi (Choi et al., J Clin Oncol 25 (2007) 1753-1759)",
        "volume": "by volume the rules of RECIST 1.1 with other limits",
    }
)
"""Of each set of criteria, by its name without options."""


@with_short_repr
@dataclass(frozen=True)
class Course:
    """Responses of one patient by one set of criteria.

    Parameters
    ----------
    name : str
        "patient 1", or the identifier if reports may show it.
    patient : Patient
        Identity and visits.
    criteria : Criteria
        Criteria by which the visits were judged.
    visits : tuple[TimePointResponse, ...]
        Every visit after baseline, judged.
    best : BestResponse
        Best overall response.
    """

    name: str
    patient: Patient
    criteria: Criteria
    visits: tuple[TimePointResponse, ...]
    best: BestResponse

    def to_dict(self) -> dict[str, Any]:
        """Return the course as a JSON-ready dictionary.

        Returns
        -------
        dict[str, Any]
            Course and judgement by name.
        """
        return {
            "patient": self.name,
            "criteria": self.criteria.name,
            "unit": self.criteria.unit,
            "best_response": self.best.response,
            "best_response_day": self.best.day,
            "progression_day": self.best.progression_day,
            "confirmed": self.best.confirmed,
            "visits": list(self.rows()),
        }

    def rows(self) -> Iterator[dict[str, Any]]:
        """Make a row for each visit after baseline.

        Yields
        ------
        dict[str, Any]
            Rows with the same keys.
        """
        for one in self.visits:
            yield {
                "patient": self.name,
                "criteria": self.criteria.name,
                "day": one.day,
                "sum": one.sum,
                "baseline_sum": one.baseline_sum,
                "nadir": one.nadir,
                "change_from_baseline": one.change_from_baseline,
                "change_from_nadir": one.change_from_nadir,
                "target": one.target,
                "non_target": one.non_target,
                "new_lesion": one.new_lesion,
                "overall": one.overall,
                "reason": one.reason,
                "noise_to_baseline": one.noise_to_baseline or None,
                "noise_to_nadir": one.noise_to_nadir or None,
                "within_noise": one.is_uncertain if one.noise_to_baseline or one.noise_to_nadir else None,
                "density_change": one.density_change,
            }


def judge(
    patients: Patient | Sequence[Patient],
    volume: Criteria,
    protocol: Protocol = Protocol(),  # noqa: B008 - a constant
    *,
    identifiers: bool = False,
) -> tuple[Course, ...]:
    """Judge every patient by RECIST 1.1, by the protocol's other criteria, and by volume where baseline has volumes.

    Parameters
    ----------
    patients : Patient or Sequence[Patient]
        Patients from `read_study`, or one of them.
    volume : Criteria
        Criteria by volume.
    protocol : Protocol, optional
        Choices of the sponsor.
    identifiers : bool, default False
        Whether courses may identify patients.

    Returns
    -------
    tuple[Course, ...]
        A course for each patient and set of criteria.

    Raises
    ------
    StudyError
        If mRECIST or Choi was asked for and a patient's baseline has not what it needs.
    """
    courses = []
    patients = [patients] if isinstance(patients, Patient) else list(patients)
    for number, patient in enumerate(patients, start=1):
        if not isinstance(patient, Patient):
            raise StudyError(f"patients must be those of `read_study`, got {brief(patient)}")
        name = patient.identifier if identifiers and patient.identifier else f"patient {number}"
        study = patient.study
        _check_asked(protocol, study, number)
        has_volumes = bool(study.targets) and all(
            study.baseline.targets.get(one.name, TargetValue()).volume_ml is not None for one in study.targets
        )
        for criteria in protocol.criteria(volume if has_volumes else None):
            courses.append(Course(name, patient, criteria, *protocol.judge(study, criteria)))
    return tuple(courses)


def _check_asked(protocol: Protocol, study: Study, number: int) -> None:
    """Raise `StudyError` unless baseline has viable diameters for mRECIST and densities for Choi."""
    first = [study.baseline.targets[one.name] for one in study.targets]
    if protocol.viable and not any(one.viable_mm for one in first):
        raise StudyError(f"patient number {number}: mRECIST needs the viable_mm of a target at baseline")
    if protocol.density and not (first and all((one.reading.mean_hu or 0) > 0 for one in first)):
        raise StudyError(
            f"patient number {number}: Choi needs the mean_hu of every target at baseline, above 0 HU"
        )


def study_page(courses: Sequence[Course], how: str, before: Sequence[str] = ()) -> str:
    """Make one HTML file with tables, a waterfall and a spider plot for each set of criteria.

    Parameters
    ----------
    courses : Sequence[Course]
        Judged courses from `judge`.
    how : str
        The protocol's choices in a sentence, for the last section.
    before : Sequence[str], default ()
        HTML sections that stand before the courses, such as `rates_section`.

    Returns
    -------
    str
        The HTML.
    """
    parts = list(before)
    for criteria in dict.fromkeys(course.criteria for course in courses):
        own = [course for course in courses if course.criteria == criteria]
        parts.append(
            html.section(
                f"By {criteria.name}",
                _best_table(own),
                *plots(own),
                *(_visits_table(course) for course in own),
            )
        )
    names = {id(course.patient): (course.name, course.patient) for course in courses}
    for name, patient in names.values():
        pictures = [
            part
            for title, png in patient.pictures
            for part in (
                html.paragraph(f"{title}:"),
                html.picture(png, f"{name}, {title}: tumours in three planes"),
            )
        ]
        if pictures:
            parts.append(html.section(f"Scans of {name}", *pictures))
    parts.append(html.section("How it was made", html.facts(made_of(courses, how) | _notes(names.values()))))
    return html.page("Response over time", parts)


def plots(courses: Sequence[Course]) -> Iterator[str]:
    """Waterfall and spider plot of courses by one set of criteria, where there are changes to show."""
    criteria = courses[0].criteria
    bars, lines = [], []
    for course in courses:
        changes = [
            (one.day, one.change_from_baseline)
            for one in course.visits
            if one.change_from_baseline is not None
        ]
        if changes:
            # as the best response does, the best change ends with progression (4.4.3)
            end = math.inf if course.best.progression_day is None else course.best.progression_day
            best = min((change for day, change in changes if day <= end), default=None)
            if best is not None:
                bars.append(Bar(course.name, best, course.best.response))
            lines.append(Line(course.name, [(0, 0.0), *changes]))
    if bars:
        yield html.paragraph(
            "Best change of the sum from baseline until progression, coloured by best overall response:"
        )
        yield waterfall(bars, criteria)
    if lines:
        if len(courses) == 1:
            lines += _target_lines(courses[0])
        yield html.paragraph("Change from baseline over time:")
        yield spider(lines, criteria)


def _target_lines(course: Course) -> Iterator[Line]:
    """Each target's own change, where there are several."""
    study, quantity = course.patient.study, course.criteria.quantity
    for target in study.targets if len(study.targets) > 1 else ():
        found = [(visit.day, visit.targets.get(target.name, TargetValue())) for visit in study.time_points]
        values = [(day, one.value(quantity)) for day, one in found if one.merged_into is None]
        first = values[0][1]
        if first:
            yield Line(target.name, [(day, value / first - 1) for day, value in values if value is not None])


def _best_table(courses: Sequence[Course]) -> str:
    headings = ("patient", "best overall response", "on day", "confirmed", "progression on day")
    return html.table(
        headings,
        [
            (
                course.name,
                course.best.response,
                _or_dash(course.best.day),
                "yes" if course.best.confirmed else "no",
                _or_dash(course.best.progression_day),
            )
            for course in courses
        ],
    )


def _visits_table(course: Course) -> str:
    unit = course.criteria.unit
    headings = (
        f"{course.name}: day", f"sum {unit}", "to baseline", "to nadir", f"noise {unit}", "targets", "non-targets",
        "new lesion", "response", "look at",
    )  # fmt: skip
    baseline = course.visits[0].baseline_sum if course.visits else None
    rows = [("0", _number(baseline), "", "", "", "", "", "", "baseline", "")]
    rows += [
        (
            str(one.day),
            _number(one.sum),
            _percent(one.change_from_baseline),
            _percent(one.change_from_nadir),
            f"±{one.noise_to_nadir:.1f}" if one.noise_to_nadir else "-",
            one.target or "-",
            one.non_target or "-",
            one.new_lesion,
            one.overall,
            "; ".join(filter(None, (one.reason, _noise_text(one)))),
        )
        for one in course.visits
    ]
    return html.table(headings, rows, text_columns=[len(headings) - 1])


def _noise_text(one: TimePointResponse) -> str:
    if one.is_uncertain:
        return "the change is within the noise of measuring"
    if (
        one.target in (Response.SD, Response.ISD)
        and one.within_noise_of_baseline
        and one.within_noise_of_nadir
    ):
        return "no change beyond the noise of measuring"
    return ""


def made_of(courses: Sequence[Course], how: str) -> dict[str, str]:
    """Program, rules, limits and choices, for the end of a page."""
    limits = {
        f"Limits of {one.name}": f"PR from {one.response:+.1%} of baseline, PD from {one.progression:+.1%} of the nadir"
        + (f" and at least {one.least_growth:g} {one.unit}" if one.least_growth else "")
        + (f"; density {one.density:+.0%} is PR, too, and no PD by the sum" if one.density else "")
        for one in dict.fromkeys(course.criteria for course in courses)
    }
    used = dict.fromkeys(course.criteria.name.partition(",")[0] for course in courses)
    return {
        "Program": f"lite-ensam {_kernels.__version__}",
        "Rules": "; ".join(_RULES[name] for name in used),
        **limits,
        "Noise": "how far two measurements of one sum may differ (95 %), from the standard deviations given or "
        "measured by segmenting again; - if there is neither",
        "Best overall response": how,
    }


def _notes(patients: Iterable[tuple[str, Patient]]) -> dict[str, str]:
    return {f"Notes on {name}": "; ".join(patient.notes) for name, patient in patients if patient.notes}


def _number(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.1f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:+.0%}"


def _or_dash(value: int | None) -> str:
    return "-" if value is None else str(value)
