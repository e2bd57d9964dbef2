"""Rates of a cohort, against numbers from the literature and worked out by hand."""

import pytest

from lite_ensam.response import (
    BestResponse,
    Response,
    TimePointResponse,
    best_immune_response,
    best_overall_response,
    cohort_rates,
    respond,
)
from tests.unit.response.test_visits import parse_study


def course(text: str, confirmation: bool = False) -> tuple[tuple[TimePointResponse, ...], BestResponse]:
    """Visits of one liver lesion, as in visits.csv, and their best response."""
    judged = respond(parse_study({"targets": "liver", "visits": text}))
    visits = [(one.day, one.overall) for one in judged]
    return judged, best_overall_response(visits, confirmation=confirmation)


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.3085),
        (1, 10, 0.0025, 0.4450),
        (5, 10, 0.1871, 0.8129),
        (10, 10, 0.6915, 1.0),
        (30, 100, 0.2124, 0.3998),
        (1200, 2000, 0.5781, 0.6216),
    ],
)
def test_confidence_limits_are_clopper_and_pearsons(count: int, n: int, low: float, high: float) -> None:
    """Limits as R's binom.test gives them."""
    answers = [BestResponse(Response.PR if k < count else Response.PD, 1, None, False, 1) for k in range(n)]
    rate = cohort_rates([((), one) for one in answers]).objective_response
    assert (rate.count, rate.n, rate.value) == (count, n, count / n)
    assert (rate.low, rate.high) == pytest.approx((low, high), abs=1e-4)


def test_each_rate_counts_its_responses_and_ne_is_none() -> None:
    courses = [
        course("0:50 56:0"),
        course("0:50 56:30"),
        course("0:50 56:48"),
        course("0:50 56:70"),
        course("0:50 56:-"),
    ]
    rates = cohort_rates(courses)
    assert (rates.objective_response.count, rates.disease_control.count) == (2, 3)
    assert rates.objective_response.n == 5
    only_non_targets = respond(parse_study({"targets": "", "visits": "0: 56::NN"}))
    best = best_overall_response([(one.day, one.overall) for one in only_non_targets])
    assert cohort_rates([(only_non_targets, best)]).disease_control.count == 1


def test_duration_runs_from_the_first_response_to_progression() -> None:
    """Section 4.5.1: from CR or PR, whichever is first recorded."""
    rates = cohort_rates([course("0:50 56:30 112:0 168:0 224:0:-:new")])
    assert (rates.duration_of_response.days, rates.time_to_progression.days) == (168, 224)


def test_a_confirmed_response_lasts_from_the_visit_that_was_confirmed() -> None:
    text = "0:100 56:65 84:75 140:65 196:60 252:90"
    assert course(text)[1].response_day == 56
    assert course(text, confirmation=True)[1].response_day == 140
    assert cohort_rates([course(text, confirmation=True)]).duration_of_response.days == 112


def test_patients_without_progression_are_censored_at_their_last_evaluable_visit() -> None:
    """Progressions on days 56, 84 and 168, and one patient seen until day 112: by hand 3/4, 1/2, then 0."""
    courses = [
        course("0:50 56:70"),
        course("0:50 84:70"),
        course("0:50 56:48 112:48 168:-"),
        course("0:50 56:48 168:70"),
    ]
    times = cohort_rates(courses).time_to_progression
    assert (times.days, times.n_events, times.n_censored) == (84, 3, 1)
    late = cohort_rates([courses[0], courses[2], courses[2]]).time_to_progression
    assert (late.days, late.n_events, late.n_censored) == (None, 1, 2)


def test_the_product_limit_estimate_counts_who_is_still_at_risk() -> None:
    """One of two left at day 168 has PD: (1 - 1/4) (1 - 1/2) = 0.375, though only two of four had the event."""
    courses = [
        course("0:50 56:70"),
        course("0:50 56:48 84:48"),
        course("0:50 56:48 168:70"),
        course("0:50 56:48 168:48"),
    ]
    assert cohort_rates(courses).time_to_progression.days == 168


def test_immune_responses_count_as_well() -> None:
    visits = [(56, Response.IUPD), (91, Response.IPR), (147, Response.IUPD), (182, Response.ICPD)]
    rates = cohort_rates([((), best_immune_response(visits))])
    assert (rates.objective_response.count, rates.disease_control.count) == (1, 1)
    assert (rates.duration_of_response.days, rates.time_to_progression.days) == (56, 147)


def test_no_patient_has_no_rate() -> None:
    with pytest.raises(ValueError, match="at least one patient"):
        cohort_rates([])
