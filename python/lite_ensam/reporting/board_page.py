"""The page for the tumour board: every lesion at every visit, responses, and plots of all patients; prints on A4."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lite_ensam.figures import html
from lite_ensam.figures.response_charts import Lane, swimmer
from lite_ensam.reporting.lesion_table import LesionRow, lesions_of
from lite_ensam.reporting.study_file import Patient
from lite_ensam.reporting.study_report import Course, made_of, plots
from lite_ensam.response import (
    LesionState,
    NewLesionFinding,
    NonTargetFinding,
    TargetValue,
    TimePointResponse,
    name_key,
)

__all__ = ["board_page"]

_MOST_VISITS = 5
"""In one table: more do not fit on A4 held upright."""


def board_page(courses: Sequence[Course], how: str, before: Sequence[str] = (), dates: bool = False) -> str:
    """Make one HTML file in which each patient begins a new sheet.

    Parameters
    ----------
    courses : Sequence[Course]
        Judged courses from `judge`.
    how : str
        The protocol's choices in a sentence.
    before : Sequence[str], default ()
        HTML sections that stand first, such as `rates_section`.
    dates : bool, default False
        Whether visits may show their date next to their day.

    Returns
    -------
    str
        The HTML.
    """
    patients = {id(course.patient): course for course in courses}
    parts = [_overview(courses), *before]
    for first in patients.values():
        own = [course for course in courses if course.patient is first.patient]
        parts.append(_sheet(first.name, first.patient, own, dates))
    parts.append(html.section("How it was made", html.facts(made_of(courses, how))))
    return html.page("Tumour board", parts)


def _overview(courses: Sequence[Course]) -> str:
    """Waterfall, spider and swimmer of all patients, by each set of criteria."""
    parts: list[str] = []
    for criteria in dict.fromkeys(course.criteria for course in courses):
        own = [course for course in courses if course.criteria == criteria]
        lanes = [
            Lane(course.name, [(one.day, one.overall) for one in course.visits], course.best.response)
            for course in own
        ]
        parts.append(
            html.group(
                html.heading(f"By {criteria.name}"),
                *plots(own),
                html.paragraph("Each visit's response over time:"),
                swimmer(lanes),
            )
        )
    return html.section("All patients", *parts)


def _sheet(name: str, patient: Patient, courses: Sequence[Course], dates: bool) -> str:
    cohort = f", cohort {patient.cohort}" if patient.cohort else ""
    best = "; ".join(_best(course) for course in courses)
    rows = list(lesions_of(patient))
    parts = [html.paragraph(best)]
    for visits in _chunks(len(patient.study.time_points)):
        for title, role in (("Targets", "target"), ("Non-targets", "non-target"), ("New lesions", "new")):
            lesions = [row for row in rows if row.role == role]
            if any(row.visit_number - 1 in visits for row in lesions):
                parts.append(_table(title, patient, lesions, visits, courses, dates))
    if patient.slices:
        parts += _key_slices(patient)
    reasons = [
        f"day {one.day}: {one.overall}, {one.reason}"
        for course in courses
        for one in course.visits
        if one.reason
    ]
    said = {"Reasons": "; ".join(reasons), "Notes": "; ".join(patient.notes)}
    if known := {name: text for name, text in said.items() if text}:
        parts.append(html.facts(known))
    return html.section(f"{name}{cohort}", *parts, starts_sheet=True)


def _key_slices(patient: Patient) -> Iterator[str]:
    """A row for each lesion, its visits side by side."""
    days = [one.day for one in patient.study.time_points]
    shown = {(name_key(one.lesion), one.day): one.png for one in patient.slices}
    names = {name_key(one.lesion): one.lesion for one in patient.slices}
    for visits in _chunks(len(days)):
        columns = [days[n] for n in visits]
        headings = ["Slices", *("baseline" if day == 0 else f"day {day}" for day in columns)]
        rows = [(name, [shown.get((key, day)) for day in columns]) for key, name in names.items()]
        yield html.pictures(
            headings, rows, "the slice of the line, with the line and the outline of the mask"
        )


def _chunks(n_visits: int) -> Iterator[list[int]]:
    """Numbers of the visits of each table, from 0; baseline stands in each."""
    later = list(range(1, n_visits))
    for start in range(0, max(1, len(later)), _MOST_VISITS - 1):
        yield [0, *later[start : start + _MOST_VISITS - 1]]


def _table(
    title: str,
    patient: Patient,
    lesions: Sequence[LesionRow],
    visits: Sequence[int],
    courses: Sequence[Course],
    dates: bool,
) -> str:
    """A row for each lesion, a column for each visit; under the targets sums and responses."""
    points = patient.study.time_points
    headings = [title, "where"]
    for n in visits:
        date = points[n].imaging.date if dates else ""
        day = "baseline" if n == 0 else f"day {points[n].day}"
        headings.append(_unbroken(day) + (f"\n{_unbroken(date)}" if date else ""))
    rows = []
    for link in dict.fromkeys(row.link for row in lesions):
        own = {row.visit_number - 1: row for row in lesions if row.link == link}
        lesion = next(iter(own.values())).lesion
        place = ", ".join(filter(None, (lesion.organ, lesion.site, "node" if lesion.is_node else "")))
        cells = [_cell(own.get(n), own.get(0)) for n in visits]
        rows.append((f"{link} {lesion.name}", place, *cells))
    if lesions[0].role == "target":
        rows += [_responses(course, visits) for course in courses]
    return html.table(headings, rows, text_columns=[1])


def _responses(course: Course, visits: Sequence[int]) -> tuple[str, ...]:
    """Sum and response of a set of criteria at each visit."""
    unit = course.criteria.unit
    cells = []
    for n in visits:
        if n == 0:
            baseline = course.visits[0].baseline_sum if course.visits else None
            cells.append("" if baseline is None or baseline != baseline else f"{baseline:.1f} {unit}")
            continue
        one = course.visits[n - 1]
        lines = [one.overall.value]
        if one.sum is not None:
            lines += [_unbroken(f"{one.sum:.1f} {unit}"), _changes(one)]
        cells.append("\n".join(filter(None, lines)))
    return (f"by {course.criteria.name}", "sum, to baseline / to nadir", *cells)


def _changes(one: TimePointResponse) -> str:
    """Of the sum, to baseline and to the nadir."""
    known = [one.change_from_baseline, one.change_from_nadir]
    texts = ["-" if change is None else f"{change:+.0%}" for change in known]
    return "" if set(texts) == {"-"} else _unbroken(" / ".join(texts))


def _cell(row: LesionRow | None, baseline: LesionRow | None) -> str:
    """The cell of one lesion at one visit."""
    if row is None:
        return "-"
    finding = row.finding
    if isinstance(finding, TargetValue):
        return _target_cell(finding, baseline.finding if baseline else None)
    state = finding.state.value
    if isinstance(finding, NewLesionFinding) and finding.state is LesionState.PRESENT:
        state = "new" if finding.is_certain else "equivocal"
    lines = [state, *(["larger"] if finding.larger else [])]
    mm = _diameter(row)
    if mm:
        lines.append(f"{mm:.1f} mm")
    if finding.reading.reason:
        lines.append(finding.reading.reason)
    return "\n".join(lines)


def _diameter(row: LesionRow) -> float | None:
    """Of a lesion that is not a target: the short axis of nodes."""
    finding = row.finding
    if isinstance(finding, NonTargetFinding):
        reading = finding.reading
        return reading.short_axis_mm if row.lesion.is_node else reading.longest_diameter_mm
    return finding.diameter_mm


def _target_cell(value: TargetValue, baseline: object) -> str:
    if value.merged_into is not None:
        return f"in {value.merged_into}"
    if value.diameter_mm is None:
        return "\n".join(filter(None, ("not evaluable", value.reading.reason)))
    if value.diameter_mm == 0:
        return "gone"
    first = baseline.diameter_mm if isinstance(baseline, TargetValue) else None
    change = ""
    if first and baseline is not value:
        change = f" {value.diameter_mm / first - 1:+.0%}"
    sd = f" ± {value.diameter_sd_mm:.1f}" if value.diameter_sd_mm else ""
    lines = [_unbroken(f"{value.diameter_mm:.1f}{sd} mm") + change]
    if value.volume_ml is not None:
        lines.append(f"{value.volume_ml:.2f} ml")
    lines += [flag.replace("_", " ") for flag in value.reading.flags]
    return "\n".join(lines)


def _unbroken(text: str) -> str:
    """The text, in which no browser begins a new line."""
    return text.replace(" ", "\u00a0").replace("-", "\u2011")


def _best(course: Course) -> str:
    best = course.best
    day = "" if best.day is None else f" on day {best.day}"
    end = "" if best.progression_day is None else f", progression on day {best.progression_day}"
    return f"Best response by {course.criteria.name}: {best.response}{day}{end}"
