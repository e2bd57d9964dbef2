"""Rates of each cohort by each set of criteria, as rows for tables and as a part of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lite_ensam.figures import html
from lite_ensam.reporting.study_report import Course
from lite_ensam.response import CohortRates, MedianTime, Proportion, cohort_rates, name_key

__all__ = ["rates_of", "rates_rows", "rates_section"]

Rates = Mapping[tuple[str, str], CohortRates]
"""By cohort and name of the criteria; the cohort of all patients is called "all"."""

ALL = "all"


def rates_of(courses: Sequence[Course]) -> Rates:
    """Compute rates of each cohort, and of all patients together, by each set of criteria.

    Parameters
    ----------
    courses : Sequence[Course]
        Judged courses from `judge`. By volume only patients with volumes count; the table states their
        number.

    Returns
    -------
    Rates
        Rates by cohort and set of criteria.
    """
    cohorts: dict[str, str] = {}
    for course in courses:
        if course.patient.cohort:
            cohorts.setdefault(name_key(course.patient.cohort), course.patient.cohort)
    criteria = list(dict.fromkeys(course.criteria.name for course in courses))
    rates = {}
    for key, cohort in (*sorted(cohorts.items()), ("", ALL)):
        for name in criteria:
            own = [
                (course.visits, course.best)
                for course in courses
                if course.criteria.name == name and key in ("", name_key(course.patient.cohort))
            ]
            if own:
                rates[cohort, name] = cohort_rates(own)
    return rates


def rates_rows(rates: Rates) -> list[dict[str, Any]]:
    """Make a row for each cohort and set of criteria; shares from 0 to 1, times in days, None if not reached.

    Parameters
    ----------
    rates : Rates
        Rates from `rates_of`.

    Returns
    -------
    list[dict[str, Any]]
        Rows with the same keys.
    """
    return [
        {
            "cohort": cohort,
            "criteria": criteria,
            "patients": one.objective_response.n,
            **_share("orr", one.objective_response),
            **_share("dcr", one.disease_control),
            **_time("duration_of_response", one.duration_of_response),
            **_time("time_to_progression", one.time_to_progression),
        }
        for (cohort, criteria), one in rates.items()
    ]


def rates_section(rates: Rates) -> str:
    """Make the HTML table of rates.

    Parameters
    ----------
    rates : Rates
        Rates from `rates_of`.

    Returns
    -------
    str
        An HTML section.
    """
    headings = ("cohort", "by", "patients", "objective response", "disease control", "median duration of response",
                "median time to progression")  # fmt: skip
    rows = [
        (
            cohort,
            criteria,
            str(one.objective_response.n),
            _share_text(one.objective_response),
            _share_text(one.disease_control),
            _time_text(one.duration_of_response),
            _time_text(one.time_to_progression),
        )
        for (cohort, criteria), one in rates.items()
    ]
    return html.section(
        "Rates",
        html.table(headings, rows, text_columns=[1]),
        html.paragraph(
            "In brackets: exact 95 % confidence limits (Clopper and Pearson) of shares; patients with the event and "
            "without it of medians (Kaplan and Meier). Patients without progression are censored at their last "
            "evaluable visit; deaths are not known, so times to progression are not progression-free survival."
        ),
    )


def _share(name: str, one: Proportion) -> dict[str, Any]:
    return {f"{name}_count": one.count, name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}


def _time(name: str, one: MedianTime) -> dict[str, Any]:
    return {f"{name}_days": one.days, f"{name}_events": one.n_events, f"{name}_censored": one.n_censored}


def _share_text(one: Proportion) -> str:
    return f"{one.count} of {one.n}, {one.value:.0%} ({one.low:.0%} to {one.high:.0%})"


def _time_text(one: MedianTime) -> str:
    if not one.n_events + one.n_censored:
        return "-"
    median = "not reached" if one.days is None else f"{one.days} days"
    return f"{median} ({one.n_events} with, {one.n_censored} without)"
