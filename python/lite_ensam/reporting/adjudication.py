"""Two readers of one trial side by side, where they differ, and what the adjudicator decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lite_ensam.core.errors import StudyError, brief, printable
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import PathLike
from lite_ensam.io.csv_tables import read_csv
from lite_ensam.reporting.study_report import Course
from lite_ensam.response import TimePointResponse, name_key

__all__ = ["Comparison", "Decision", "adjudication_rows", "compare_readers", "read_decisions", "reader_names"]

DECISION_COLUMNS = ("patient", "criteria", "decided_for", "adjudicator", "reason")


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
    """

    reader: int
    adjudicator: str
    reason: str


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
        """The difference to decide on: the best response, and the day of progression."""
        first, second = (one.best for one in self.courses)
        parts = {
            "best response": first.response is not second.response,
            "progression": first.progression_day != second.progression_day,
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
        If the readers have different patients or criteria, or a decision is of another patient or criteria.
    """
    others = {_key(course): course for course in second}
    if missing := [one for one in first if _key(one) not in others]:
        raise StudyError(f"the second reader has no {missing[0].criteria.name} of {missing[0].name}")
    if len(others) > len(first):
        known = {_key(one) for one in first}
        extra = next(course for key, course in others.items() if key not in known)
        raise StudyError(f"the first reader has no {extra.criteria.name} of {extra.name}")
    left = dict(decisions or {})
    found = []
    for course in first:
        decision = left.pop((name_key(course.name), name_key(course.criteria.name)), None)
        found.append(Comparison((course, others[_key(course)]), decision))
    if left:
        number = len(decisions or {}) - len(left) + 1
        raise StudyError(f"decision number {number} is of a patient or criteria that the readers do not have")
    return tuple(found)


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
        raise StudyError(f"{printable(path)}: the column {missing[0]} is missing")
    decisions: dict[tuple[str, str], Decision] = {}
    for number, cells in table.rows:
        row = dict.fromkeys(DECISION_COLUMNS, "") | cells
        chosen = row["decided_for"]
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
        decisions[key] = Decision(int(chosen), row["adjudicator"], row["reason"])
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
        first, second = one.courses
        final, decision = one.final, one.decision
        rows.append(
            {
                "patient": first.name,
                "criteria": first.criteria.name,
                "best_response_1": first.best.response,
                "best_response_2": second.best.response,
                "progression_day_1": first.best.progression_day,
                "progression_day_2": second.best.progression_day,
                "differs": ", ".join(one.differences),
                "decided_for": decision.reader if decision else None,
                "adjudicator": decision.adjudicator if decision else "",
                "reason": decision.reason if decision else "",
                "best_response": final.best.response if final else None,
                "progression_day": final.best.progression_day if final else None,
            }
        )
    return rows
