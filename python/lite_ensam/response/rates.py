"""Rates of a cohort: objective response, disease control, duration of response, time to progression (section 4.5)."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lite_ensam.response.best_response import BestResponse
from lite_ensam.response.criteria import Response
from lite_ensam.response.time_points import TimePointResponse

__all__ = ["CohortRates", "MedianTime", "Proportion", "cohort_rates"]

_RESPONSES = (Response.CR, Response.PR, Response.ICR, Response.IPR)
_CONTROLLED = (
    *_RESPONSES,
    Response.SD,
    Response.ISD,
    Response.NON_CR_NON_PD,
    Response.NON_ICR_NON_IUPD,
)
_LEVEL = 0.95
"""Of the confidence limits that trials report."""

_STEPS = 60
"""Halvings of an interval of 0 to 1: as exact as a float."""


@dataclass(frozen=True)
class Proportion:
    """A share of patients.

    Parameters
    ----------
    count, n : int
        Number of patients with the event, and number of all patients.
    low, high : float
        Exact 95 % confidence limits (Clopper and Pearson, Biometrika 26 (1934) 404-413).
    """

    count: int
    n: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share."""
        return self.count / self.n


@dataclass(frozen=True)
class MedianTime:
    """Median of censored times (Kaplan and Meier, J Am Stat Assoc 53 (1958) 457-481).

    Parameters
    ----------
    days : int or None
        The first day by which half have had the event; None if that was not reached.
    n_events, n_censored : int
        Number of patients with the event, and number without it until their last visit.
    """

    days: int | None
    n_events: int
    n_censored: int


@dataclass(frozen=True)
class CohortRates:
    """Response rates and times to event of a cohort.

    Patients without progression are censored at their last visit that was evaluable. NE counts as no response.

    Parameters
    ----------
    objective_response : Proportion
        CR and PR among all patients (ORR).
    disease_control : Proportion
        CR, PR and SD (non-CR/non-PD without targets) among all patients (DCR).
    duration_of_response : MedianTime
        Days from the first visit with CR or PR to progression, of patients with CR or PR (section 4.5.1).
    time_to_progression : MedianTime
        Days from baseline to progression. A study file does not record deaths, so this is not PFS.
    """

    objective_response: Proportion
    disease_control: Proportion
    duration_of_response: MedianTime
    time_to_progression: MedianTime


def cohort_rates(courses: Iterable[tuple[Sequence[TimePointResponse], BestResponse]]) -> CohortRates:
    """Compute response rates and times to event of patients.

    Parameters
    ----------
    courses : Iterable[tuple[Sequence[TimePointResponse], BestResponse]]
        Visits after baseline and best response of each patient, by one set of criteria.

    Returns
    -------
    CohortRates
        Response rates and times to event.

    Raises
    ------
    ValueError
        If `courses` is empty.

    Examples
    --------
    >>> from lite_ensam.response import BestResponse
    >>> rates = cohort_rates([((), BestResponse(Response.PR, 42, 98, False, response_day=42))])
    >>> rates.objective_response.value, rates.duration_of_response.days, rates.time_to_progression.days
    (1.0, 56, 98)
    """
    patients = [(best, _last_seen(visits)) for visits, best in courses]
    if not patients:
        raise ValueError("rates need at least one patient")
    n = len(patients)
    durations = [
        (_until(best.progression_day, last) - best.response_day, best.progression_day is not None)
        for best, last in patients
        if best.response in _RESPONSES and best.response_day is not None
    ]
    times = [
        (_until(best.progression_day, last), best.progression_day is not None) for best, last in patients
    ]
    return CohortRates(
        _proportion(sum(best.response in _RESPONSES for best, _ in patients), n),
        _proportion(sum(best.response in _CONTROLLED for best, _ in patients), n),
        _median(durations),
        _median(times),
    )


def _last_seen(visits: Sequence[TimePointResponse]) -> int:
    """Day of the last visit that was evaluable; 0, baseline, if none was."""
    return max((one.day for one in visits if one.overall is not Response.NE), default=0)


def _until(progression_day: int | None, last: int) -> int:
    return last if progression_day is None else progression_day


def _median(times: Sequence[tuple[int, bool]]) -> MedianTime:
    """Of (days, whether the event came): where the product-limit estimate is at most a half."""
    n_events = sum(has_event for _, has_event in times)
    share, median = 1.0, None
    for day in sorted({day for day, has_event in times if has_event}):
        at_risk = sum(time >= day for time, _ in times)
        events = sum(time == day and has_event for time, has_event in times)
        share *= 1 - events / at_risk
        if share <= 0.5 + 1e-12:
            median = day
            break
    return MedianTime(median, n_events, len(times) - n_events)


def _proportion(count: int, n: int) -> Proportion:
    tail = (1 - _LEVEL) / 2
    low = 0.0 if count == 0 else _root(lambda p: 1 - _at_most(count - 1, n, p) - tail)
    high = 1.0 if count == n else _root(lambda p: tail - _at_most(count, n, p))
    return Proportion(count, n, low, high)


def _at_most(count: int, n: int, p: float) -> float:
    """Probability of at most `count` successes among n."""
    if p <= 0.0 or p >= 1.0:
        return 1.0 if p <= 0.0 or count >= n else 0.0
    log = (
        math.lgamma(n + 1)
        - math.lgamma(k + 1)
        - math.lgamma(n - k + 1)
        + k * math.log(p)
        + (n - k) * math.log1p(-p)
        for k in range(count + 1)
    )
    return math.fsum(map(math.exp, log))


def _root(rising: Callable[[float], float]) -> float:
    """Where a rising function of 0 to 1 is 0."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2
