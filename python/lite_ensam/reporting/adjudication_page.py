"""The page of two readers and their adjudicator: who says what, where they differ, who decided, what stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lite_ensam.figures import html
from lite_ensam.reporting.adjudication import Comparison, reader_names
from lite_ensam.reporting.rates_table import rates_of, rates_section
from lite_ensam.reporting.study_report import Course, made_of
from lite_ensam.response import TargetValue, TimePointResponse

__all__ = ["adjudication_page"]

_OPEN = "open"


def adjudication_page(comparisons: Sequence[Comparison], how: str) -> str:
    """Make one HTML file with both readers' courses, printable on A4.

    Parameters
    ----------
    comparisons : Sequence[Comparison]
        Pairs of courses from `compare_readers`.
    how : str
        The protocol's choices in a sentence.

    Returns
    -------
    str
        The HTML.
    """
    readers = reader_names(comparisons)
    parts = [_overview(comparisons, readers)]
    final = [one.final for one in comparisons if one.final is not None]
    if len(final) == len(comparisons):
        parts.append(rates_section(rates_of(final)))
    parts += [_sheet(one, readers) for one in comparisons if one.differences]
    courses = [course for one in comparisons for course in one.courses]
    parts.append(html.section("How it was made", html.facts(made_of(courses, how))))
    return html.page("Two readers and adjudication", parts)


def _overview(comparisons: Sequence[Comparison], readers: tuple[str, str]) -> str:
    headings = (
        "patient", "by", f"best: {readers[0]}", f"best: {readers[1]}", f"progression on day: {readers[0]}",
        f"progression on day: {readers[1]}", "differs", "decided by", "best response", "progression on day",
    )  # fmt: skip
    differing = [one for one in comparisons if one.differences]
    undecided = [one for one in differing if one.decision is None]
    counts = [
        f"{len(comparisons) - len(differing)} of {len(comparisons)} agree in best response, progression and visits; "
        f"where they agree, {readers[0]} stands.",
        f"{len(differing) - len(undecided)} of {len(differing)} differences are decided."
        + ("" if undecided or not differing else " Rates below are those of what stands."),
    ]
    return html.section(
        "All patients",
        *(html.paragraph(one) for one in counts),
        html.table(headings, [_row(one, readers) for one in comparisons], text_columns=[1, 6, 7]),
    )


def _row(one: Comparison, readers: tuple[str, str]) -> tuple[str, ...]:
    first, second = one.courses
    decided = "-" if not one.differences else _OPEN
    if one.decision is not None:
        decided = f"{one.decision.adjudicator}: {readers[one.decision.reader - 1]}"
    final = one.final
    return (
        first.name,
        first.criteria.name,
        first.best.response,
        second.best.response,
        _day(first),
        _day(second),
        ", ".join(one.differences) or "-",
        decided,
        final.best.response if final else _OPEN,
        _day(final) if final else _OPEN,
    )


def _day(course: Course) -> str:
    day = course.best.progression_day
    return "-" if day is None else str(day)


def _sheet(one: Comparison, readers: tuple[str, str]) -> str:
    """A patient on whom the readers differ: both courses and both sets of targets, side by side."""
    first, second = one.courses
    facts = {"Differs": ", ".join(one.differences)}
    if one.decision is None:
        facts["Decision"] = _OPEN
    else:
        facts["Decision"] = f"{one.decision.adjudicator}: {readers[one.decision.reader - 1]} stands"
        facts["Reason"] = one.decision.reason or "not given"
    parts = [html.facts(facts), html.table(*_visits(one, readers), text_columns=[1, 2])]
    for name, course in zip(readers, (first, second), strict=True):
        if course.patient.study.targets:
            parts += [html.heading(f"Targets of {name}"), html.table(*_targets(course))]
    return html.section(f"{first.name} by {first.criteria.name}", *parts, starts_sheet=True)


def _visits(one: Comparison, readers: tuple[str, str]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    unit = one.courses[0].criteria.unit
    rows: list[tuple[str, ...]] = [
        (
            str(day),
            _said(first, unit),
            _said(second, unit),
            "" if first and second and first.overall is second.overall else "differs",
        )
        for day, first, second in one.visits()
    ]
    return ("day", *readers, ""), rows


def _said(one: TimePointResponse | None, unit: str) -> str:
    """Overall response of a visit with what it is made of."""
    if one is None:
        return "no visit"
    parts = [
        f"targets {one.target}" if one.target else "",
        f"non-targets {one.non_target}" if one.non_target else "",
        f"new lesion: {one.new_lesion}" if one.new_lesion != "no" else "",
    ]
    sizes = "" if one.sum is None else f" ({one.sum:.1f} {unit}{_change(one)})"
    return f"{one.overall}{sizes}\n" + ", ".join(filter(None, parts))


def _change(one: TimePointResponse) -> str:
    known = [one.change_from_baseline, one.change_from_nadir]
    texts = [
        f"{change:+.0%} to {what}"
        for change, what in zip(known, ("baseline", "nadir"), strict=True)
        if change is not None
    ]
    return "".join(f", {text}" for text in texts)


def _targets(course: Course) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    study = course.patient.study
    headings = ("target", *("baseline" if one.day == 0 else f"day {one.day}" for one in study.time_points))
    rows = [
        (target.name, *_sizes([visit.targets.get(target.name, TargetValue()) for visit in study.time_points]))
        for target in study.targets
    ]
    return headings, rows


def _sizes(values: Sequence[TargetValue]) -> Iterator[str]:
    for value in values:
        if value.merged_into is not None:
            yield f"in {value.merged_into}"
        else:
            yield "not evaluable" if value.diameter_mm is None else f"{value.diameter_mm:.1f} mm"
