"""Best overall response, with and without confirmation (section 4.4.3 and table 3)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lite_ensam.response.criteria import Response

__all__ = ["BestResponse", "best_overall_response"]

Visit: TypeAlias = tuple[int, Response]
"""Day since baseline and overall response."""

_STABLE = (Response.SD, Response.NON_CR_NON_PD)
_CONTROLLED = (Response.CR, Response.PR, *_STABLE)


@dataclass(frozen=True)
class BestResponse:
    """The best of a course.

    Parameters
    ----------
    response : CR, PR, SD (non-CR/non-PD without targets), PD or NE
    day : of the visit that it was first seen at; None for NE
    progression_day : of the first PD, or None
    confirmed : whether CR or PR was seen again, long enough after
    """

    response: Response
    day: int | None
    progression_day: int | None
    confirmed: bool


def best_overall_response(
    visits: Iterable[Visit],
    *,
    confirmation: bool = False,
    least_confirmation_days: int = 28,
    least_stable_days: int = 42,
) -> BestResponse:
    """Best response from the start of treatment until progression.

    Parameters
    ----------
    visits : (day, overall response) of every visit after baseline, in order
    confirmation : whether CR and PR count only if seen again (table 3). Visits that are NE in between do no
        harm (section 4.4.4). A CR that is followed by a PR is taken for a PR: where a lesion had really gone
        and come back, the visit is PD already (note a)
    least_confirmation_days : between the two; the protocol says, generally four weeks
    least_stable_days : how long after baseline SD must be seen; the protocol says, generally six to eight
        weeks. SD that does not last is PD if that follows, else NE

    Examples
    --------
    >>> course = [(56, Response.SD), (112, Response.PR), (168, Response.PD)]
    >>> str(best_overall_response(course).response)
    'PR'
    >>> str(best_overall_response(course, confirmation=True).response)
    'SD'
    """
    course = list(visits)
    progression_day = next((day for day, response in course if response is Response.PD), None)
    before = [one for one in course if progression_day is None or one[0] < progression_day]
    for wanted, counting in ((Response.CR, (Response.CR,)), (Response.PR, (Response.CR, Response.PR))):
        seen_again = _seen_again(before, counting, least_confirmation_days)
        first = seen_again if confirmation else _first(before, counting)
        if first is not None:
            return BestResponse(wanted, first, progression_day, seen_again is not None)
    for day, response in before:
        if response in _CONTROLLED and day >= least_stable_days:
            stable = response if response in _STABLE else Response.SD
            return BestResponse(stable, day, progression_day, False)
    relapse = progression_day if progression_day is not None else _relapse(before)
    if relapse is not None:
        return BestResponse(Response.PD, relapse, progression_day, False)
    return BestResponse(Response.NE, None, None, False)


def _first(visits: Sequence[Visit], counting: Sequence[Response]) -> int | None:
    return next((day for day, response in visits if response in counting), None)


def _seen_again(visits: Sequence[Visit], counting: Sequence[Response], least_days: int) -> int | None:
    """First day of a run of `counting` and NE that spans the least time between two that count."""
    start: int | None = None
    for day, response in visits:
        if response in counting:
            start = day if start is None else start
            if day - start >= least_days:
                return start
        elif response is not Response.NE:
            start = None
    return None


def _relapse(visits: Sequence[Visit]) -> int | None:
    """Day of the first SD after a CR, which table 3 takes for PD where SD had not lasted."""
    been_gone = False
    for day, response in visits:
        if been_gone and response in _STABLE:
            return day
        been_gone |= response is Response.CR
    return None
