"""Best overall response, with and without confirmation (section 4.4.3 and table 3)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

from lite_ensam.core.errors import StudyError, brief
from lite_ensam.response.criteria import Response

__all__ = ["BestResponse", "Visit", "Wait", "best_of", "best_overall_response", "visits_of"]

Visit: TypeAlias = tuple[int, Response]
"""Day since baseline and overall response."""

# disease that is under control: without progression
_STABLE = (Response.SD, Response.NON_CR_NON_PD)
_CONTROLLED = (Response.CR, Response.PR, *_STABLE)


@dataclass(frozen=True)
class BestResponse:
    """Best overall response of a course.

    Parameters
    ----------
    response : Response
        CR, PR, SD (non-CR/non-PD without targets), PD or NE.
    day : int or None
        Day of the visit that it was first seen at; None for NE.
    progression_day : int or None
        Day of the first PD, or None.
    confirmed : bool
        Whether CR or PR was seen again, long enough after.
    response_day : int or None, default None
        Day of the first visit with CR or PR, from which the duration of response runs (section 4.5.1). None
        unless the best response is CR or PR.
    """

    response: Response
    day: int | None
    progression_day: int | None
    confirmed: bool
    response_day: int | None = None


def visits_of(visits: Any) -> list[Visit]:
    """Day and response of each visit, whether they came as pairs or judged; StudyError if as something else."""
    given = list(visits) if isinstance(visits, Iterable) else [visits]
    found: list[Visit] = []
    for one in given:
        try:
            day, response = (one.day, one.overall) if hasattr(one, "overall") else one
            found.append((day, Response(response)))
        except (TypeError, ValueError):
            raise StudyError(
                f"visits must be pairs of day and Response, or what `respond` returns, got {brief(one)}"
            ) from None
    return found


def best_overall_response(
    visits: Iterable[Visit],
    *,
    confirmation: bool = False,
    least_confirmation_days: int = 28,
    most_confirmation_days: int | None = None,
    least_stable_days: int = 42,
) -> BestResponse:
    """Find the best response from the start of treatment until progression.

    Parameters
    ----------
    visits : Iterable[Visit]
        Day and overall response of every visit after baseline, in order; what `respond` returns, too.
    confirmation : bool, default False
        Whether CR and PR count only if seen again (table 3). Visits that are NE in between do no harm
        (section 4.4.4). A CR that is followed by a PR is taken for a PR: where a lesion had really gone and
        come back, the visit is PD already (note a).
    least_confirmation_days : int, default 28
        Fewest days between the two visits; the protocol says how many, in general four weeks.
    most_confirmation_days : int or None, default None
        Most days between the two visits; None sets no upper limit.
    least_stable_days : int, default 42
        How long after baseline SD must be seen; the protocol says, generally six to eight weeks. SD that does
        not last is PD if that follows, else NE. A PR that must be confirmed and is followed by SD is SD,
        however early: of the pairs in table 3 this one has no proviso.

    Returns
    -------
    BestResponse
        Best response with its day.

    Examples
    --------
    >>> course = [(56, Response.SD), (112, Response.PR), (168, Response.PD)]
    >>> str(best_overall_response(course).response)
    'PR'
    >>> str(best_overall_response(course, confirmation=True).response)
    'SD'
    """
    course = visits_of(visits)
    progression_day = next((day for day, response in course if response is Response.PD), None)
    before = [one for one in course if progression_day is None or one[0] < progression_day]
    wait = Wait(least_confirmation_days, most_confirmation_days)
    best = best_of(before, confirmation, wait, least_stable_days)
    if best is not None:
        return replace(best, progression_day=progression_day)
    relapse = progression_day if progression_day is not None else _relapse(before)
    if relapse is not None:
        return BestResponse(Response.PD, relapse, progression_day, False)
    return BestResponse(Response.NE, None, None, False)


class Wait(NamedTuple):
    """Days after a first observation within which a second one confirms it.

    Attributes
    ----------
    least : int
        Fewest days, included.
    most : int or None
        Most days, included; None sets no limit.
    """

    least: int
    most: int | None = None

    def holds(self, days: int) -> bool:
        """Tell whether a second observation after this many days confirms the first.

        Parameters
        ----------
        days : int
            Days between two observations.

        Returns
        -------
        bool
            True if the second observation confirms the first.
        """
        return days >= self.least and (self.most is None or days <= self.most)


def best_of(
    visits: Sequence[Visit], confirmation: bool, wait: Wait, least_stable_days: int
) -> BestResponse | None:
    """Best of the CR, PR and SD among visits, without a day of progression; None if no visit counts.

    Parameters
    ----------
    visits : Sequence[Visit]
        Day and response of each visit, in order; PD does not count.
    confirmation : bool
        See `best_overall_response`.
    wait : Wait
        Days between two visits that confirm each other.
    least_stable_days : int
        See `best_overall_response`.
    """
    either = (Response.CR, Response.PR)
    response_day = _seen_again(visits, either, wait) if confirmation else _first(visits, either)
    for wanted, counting in ((Response.CR, (Response.CR,)), (Response.PR, either)):
        seen_again = _seen_again(visits, counting, wait)
        first = seen_again if confirmation else _first(visits, counting)
        if first is not None:
            return BestResponse(wanted, first, None, seen_again is not None, response_day)
    after_response = _after_response(visits) if confirmation else None
    for day, response in visits:
        if response in _CONTROLLED and (day >= least_stable_days or day == after_response):
            stable = response if response in _STABLE else Response.SD
            return BestResponse(stable, day, None, False)
    return None


def _first(visits: Sequence[Visit], counting: Sequence[Response]) -> int | None:
    return next((day for day, response in visits if response in counting), None)


def _seen_again(visits: Sequence[Visit], counting: Sequence[Response], wait: Wait) -> int | None:
    """First day of one that counts and is followed by another in time, with nothing but NE or such between them."""
    run: list[int] = []
    for day, response in visits:
        if response in counting:
            confirmed = [first for first in run if wait.holds(day - first)]
            if confirmed:
                return confirmed[0]
            run.append(day)
        elif response is not Response.NE:
            run = []
    return None


def _after_response(visits: Sequence[Visit]) -> int | None:
    """Day of the first SD whose visit before, NE aside, was PR (table 3)."""
    seen = [one for one in visits if one[1] is not Response.NE]
    pairs = ((before, day, now) for (_, before), (day, now) in pairwise(seen))
    return next((day for before, day, now in pairs if before is Response.PR and now is Response.SD), None)


def _relapse(visits: Sequence[Visit]) -> int | None:
    """Day of the first SD after a CR, which table 3 takes for PD where SD had not lasted."""
    been_gone = False
    for day, response in visits:
        if been_gone and response in _STABLE:
            return day
        been_gone |= response is Response.CR
    return None
