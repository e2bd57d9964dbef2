"""Two readers of one trial side by side, where they differ, and what the adjudicator decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lite_ensam.core.errors import StudyError, brief, printable
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import PathLike
from lite_ensam.io.csv_tables import read_csv
from lite_ensam.reporting.study_report import Course
from lite_ensam.response import TimePointResponse, name_key

__all__ = ["Comparison", "Decision", "adjudication_rows", "compare_readers", "read_decisions", "reader_names"]

SEEN_COLUMNS = (
    "best_response_1", "best_response_2", "progression_day_1", "progression_day_2", "visits_1", "visits_2",
)  # fmt: skip
"""The readers' courses, on which a decision was made; patients are numbers, and numbers alone would hide a swap."""

DECISION_COLUMNS = ("patient", "criteria", *SEEN_COLUMNS, "decided_for", "adjudicator", "reason")


@with_short_repr
@dataclass(frozen=True)
class Decision:
    """An adjudicator's choice between two readers.

    Parameters
    ----------
    reader : int
        Number of the reader whose course stands, 1 or 2.
    adjudicator : str
        Name of the adjudicator.
    reason : str
        Reason in words.
    row : int, default 0
        Number of the row in the table of decisions.
    seen : Mapping[str, str], optional
        Cells of the row that say which courses the adjudicator saw; empty if they are not known.
    """

    reader: int
    adjudicator: str
    reason: str
    row: int = 0
    seen: Mapping[str, str] = field(default_factory=dict)


@with_short_repr
@dataclass(frozen=True)
class Comparison:
    """A patient by one set of criteria, as read by two readers.

    Parameters
    ----------
    courses : tuple[Course, Course]
        Courses of the first and of the second reader.
    decision : Decision or None, default None
        Decision of the adjudicator, or None.
    """

    courses: tuple[Course, Course]
    decision: Decision | None = None

    @property
    def differences(self) -> tuple[str, ...]:
        """The differences to decide on: best response, day of progression, and the response at each visit.

        Visits after a progression that both readers call on the same day do not count: rates end there.
        """
        first, second = (one.best for one in self.courses)
        end = first.progression_day if first.progression_day == second.progression_day else None
        parts = {
            "best response": first.response is not second.response,
            "progression": first.progression_day != second.progression_day,
            "visits": any(
                one is None or other is None or one.overall is not other.overall
                for day, one, other in self.visits()
                if end is None or day <= end
            ),
        }
        return tuple(name for name, differs in parts.items() if differs)

    @property
    def final(self) -> Course | None:
        """The course that stands: the adjudicator's choice, or the first where both agree; None while it is open."""
        if self.decision is not None:
            return self.courses[self.decision.reader - 1]
        return None if self.differences else self.courses[0]

    def visits(self) -> Iterator[tuple[int, TimePointResponse | None, TimePointResponse | None]]:
        """Pair the visits of both readers by day.

        Yields
        ------
        tuple[int, TimePointResponse | None, TimePointResponse | None]
            Day, response by the first and by the second reader; None where a reader has no such visit.
        """
        first, second = ({one.day: one for one in course.visits} for course in self.courses)
        for day in sorted(first.keys() | second.keys()):
            yield day, first.get(day), second.get(day)


def compare_readers(
    first: Sequence[Course],
    second: Sequence[Course],
    decisions: Mapping[tuple[str, str], Decision] | None = None,
) -> tuple[Comparison, ...]:
    """Compare the courses of two readers, pair by pair.

    Parameters
    ----------
    first, second : Sequence[Course]
        Courses of the first and of the second reader, from `judge` by the same protocol.
    decisions : Mapping[tuple[str, str], Decision] or None, default None
        Decisions by patient and set of criteria, from `read_decisions`.

    Returns
    -------
    tuple[Comparison, ...]
        A comparison for each patient and set of criteria.

    Raises
    ------
    StudyError
        If the readers have different patients or criteria, a decision is of another patient or criteria, or the
        courses are not those that the adjudicator saw.
    """
    others = {_key(course): course for course in second}
    known = {_key(one) for one in first}
    for who, of_whom, courses, keys in (
        ("second", "first", first, others),
        ("first", "second", second, known),
    ):
        if missing := [course for course in courses if _key(course) not in keys]:
            number = list(dict.fromkeys(id(one.patient) for one in courses)).index(id(missing[0].patient)) + 1
            raise StudyError(
                f"patient {number} of the {of_whom} reader has no {missing[0].criteria.name} assessment by the {who} "
                "reader; both studies must contain the same patients: add the patient or correct the name"
            )
    left = dict(decisions or {})
    found = []
    for course in first:
        decision = left.pop((name_key(course.name), name_key(course.criteria.name)), None)
        comparison = Comparison((course, others[_key(course)]), decision)
        if decision is not None:
            _check_seen(decision, comparison)
        found.append(comparison)
    for decision in left.values():
        raise StudyError(
            f"row {decision.row} of the decisions is of a patient or criteria that the readers do not have: correct "
            "it, or write the table again"
        )
    return tuple(found)


def _check_seen(decision: Decision, comparison: Comparison) -> None:
    """StudyError unless the courses are those that the adjudicator saw."""
    now = _seen(comparison)
    for name, cell in decision.seen.items():
        expected = "" if now[name] is None else str(now[name])
        was, is_now = (name_key(text).removesuffix(".0") for text in (cell, expected))
        if was != is_now:
            raise StudyError(
                f"row {decision.row} of the decisions: {name} was {brief(cell)} and is now {brief(expected)}: the "
                "order of the patients, sizes or options have changed since; write the table again and decide on that"
            )


def _seen(comparison: Comparison) -> dict[str, Any]:
    """`SEEN_COLUMNS` of both courses."""
    courses = comparison.courses
    values = (
        *(one.best.response for one in courses),
        *(one.best.progression_day for one in courses),
        *("; ".join(map(_visit, one.visits)) for one in courses),
    )
    return dict(zip(SEEN_COLUMNS, values, strict=True))


def _visit(one: TimePointResponse) -> str:
    return f"day {one.day} {one.overall}" + ("" if one.sum is None else f" {one.sum:.1f}")


def _key(course: Course) -> tuple[str, str]:
    """Patients are known by their identifiers, those without one by their number."""
    return name_key(course.patient.identifier) or course.name, course.criteria.name


def read_decisions(path: PathLike) -> dict[tuple[str, str], Decision]:
    """Read decisions from a CSV table of `adjudication_rows`; rows without `decided_for` are open.

    Parameters
    ----------
    path : PathLike
        The CSV file.

    Returns
    -------
    dict[tuple[str, str], Decision]
        Decisions by patient and set of criteria.

    Raises
    ------
    StudyError
        If columns are missing, `decided_for` is not 1 or 2, or a decision does not say who decided.
    """
    table = read_csv(path)
    if missing := [name for name in DECISION_COLUMNS if name not in table.columns]:
        raise StudyError(
            f"{printable(path)}: the column {missing[0]} is missing: write the table again and fill in the decisions"
        )
    decisions: dict[tuple[str, str], Decision] = {}
    for number, cells in table.rows:
        row = dict.fromkeys(DECISION_COLUMNS, "") | cells
        chosen = row["decided_for"].removesuffix(".0")  # pandas writes whole numbers of a column with gaps so
        if not chosen:
            continue
        where = f"{printable(path)}: row {number}"
        if chosen not in ("1", "2"):
            raise StudyError(
                f"{where}: decided_for must be 1 or 2, the reader that is right, got {brief(chosen)}"
            )
        if not row["adjudicator"]:
            raise StudyError(f"{where}: adjudicator must say who decided")
        key = name_key(row["patient"]), name_key(row["criteria"])
        if key in decisions:
            raise StudyError(f"{where}: this patient has two decisions by the same criteria: keep one")
        seen = {name: row[name] for name in SEEN_COLUMNS}
        decisions[key] = Decision(int(chosen), row["adjudicator"], row["reason"], number, seen)
    return decisions


def reader_names(comparisons: Sequence[Comparison]) -> tuple[str, str]:
    """Who the readers are, where each file names one reader throughout; else reader 1 and reader 2."""
    names = []
    for n in (0, 1):
        found = {
            name
            for one in comparisons
            for visit in one.courses[n].patient.study.time_points
            for name in (visit.imaging.reader, *(value.reading.reader for value in visit.targets.values()))
            if name
        }
        names.append(found.pop() if len(found) == 1 else f"reader {n + 1}")
    return (names[0], names[1]) if names[0] != names[1] else ("reader 1", "reader 2")


def adjudication_rows(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """Make a row for each patient and set of criteria: both readers, differences, decision, final course.

    `visits_1` and `visits_2` are the readers' responses and sums by day.

    The table with `decided_for` (1 or 2), `adjudicator` and `reason` filled in is what `read_decisions` reads.

    Parameters
    ----------
    comparisons : Sequence[Comparison]
        Pairs of courses from `compare_readers`.

    Returns
    -------
    list[dict[str, Any]]
        Rows with the same keys.
    """
    rows = []
    for one in comparisons:
        first, final, decision = one.courses[0], one.final, one.decision
        rows.append(
            {
                "patient": first.name,
                "criteria": first.criteria.name,
                **_seen(one),
                "differs": ", ".join(one.differences),
                "decided_for": decision.reader if decision else None,
                "adjudicator": decision.adjudicator if decision else "",
                "reason": decision.reason if decision else "",
                "best_response": final.best.response if final else None,
                "progression_day": final.best.progression_day if final else None,
            }
        )
    return rows
