"""iRECIST: what becomes of a progression under immunotherapy.

Seymour et al., iRECIST: guidelines for response criteria for use in trials testing immunotherapeutics, Lancet Oncol 18
(2017) e143-e152, tables 2 and 3; where these leave room, the working group's answers on recist.eortc.org.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeAlias

from lite_ensam.response.best_response import BestResponse, Visit, Wait, best_of, visits_of
from lite_ensam.response.criteria import IRECIST, Criteria, Response
from lite_ensam.response.lesions import LesionState, NewLesionFinding
from lite_ensam.response.new_lesions import certain_new_lesions, unseen_new_lesions
from lite_ensam.response.study import Study, TimePoint, study_of
from lite_ensam.response.targets import MOST_TARGETS, MOST_TARGETS_OF_AN_ORGAN, least_mm
from lite_ensam.response.time_points import TimePointResponse, respond

__all__ = ["CONFIRMING_DAYS", "best_immune_response", "respond_immune"]

CONFIRMING_DAYS = Wait(28, 56)
"""Four to eight weeks after an iUPD the next visit may confirm it."""

_ROUNDING_MM = 1e-6
"""A limit must not be missed at the last digit of a float."""

_TARGETS, _NON_TARGETS, _NEW = "targets", "non-targets", "new lesions"

_IMMUNE = MappingProxyType(
    {
        Response.CR: Response.ICR,
        Response.PR: Response.IPR,
        Response.SD: Response.ISD,
        Response.PD: Response.IUPD,
        Response.NE: Response.NE,
        Response.NON_CR_NON_PD: Response.NON_ICR_NON_IUPD,
    }
)
_PLAIN = MappingProxyType({immune: plain for plain, immune in _IMMUNE.items()})

_RANK = (Response.NE, Response.PD, Response.SD, Response.PR, Response.CR)
"""Of the targets, the better the later."""


NewLesions: TypeAlias = Mapping[str, NewLesionFinding]


@dataclass(frozen=True)
class _Seen:
    """A visit as iRECIST needs it.

    Parameters
    ----------
    there : NewLesions
        New lesions that are seen and certain, by name.
    unseen : frozenset[str]
        Names of the new lesions that the visit lists and could not evaluate.
    kinds : frozenset[str]
        Kinds of lesions that are PD by RECIST 1.1.
    known_mm : float
        Sum of the targets that were measured, in mm, with the measured fragments of those that have split.
    is_whole : bool
        Whether all targets were measured.
    """

    visit: TimePoint
    judged: TimePointResponse
    there: NewLesions
    unseen: frozenset[str]
    kinds: frozenset[str]
    known_mm: float
    is_whole: bool


def respond_immune(
    study: Study, wait: Wait = CONFIRMING_DAYS, criteria: Criteria = IRECIST
) -> tuple[TimePointResponse, ...]:
    """Judge every visit after baseline by iRECIST (table 2).

    Parameters
    ----------
    study : Study
        The course. Sizes and names of new lesions, and which non-targets are larger, decide on iCPD; a study
        that only says "new lesion: yes" or "non-targets: PD" at each visit cannot confirm them by their
        growth.
    wait : Wait, default CONFIRMING_DAYS
        Days between an iUPD and the visit that confirms it.
    criteria : Criteria, default IRECIST
        `IRECIST`, or the same with PR kept until PD.

    Returns
    -------
    tuple[TimePointResponse, ...]
        One for each visit after baseline, in order; `reason` says what made it iUPD or iCPD.

    Notes
    -----
    - PD by RECIST 1.1 is iUPD first. It is iCPD if a later visit of the same run of iUPD, in time, shows one of these:
      the sum of the targets is at least 5 mm larger than at such an iUPD (steps add up); non-targets that made the
      iUPD are larger; there is another new lesion; new lesions are larger (measured ones by 5 mm of their sum, others
      by anything); or a kind of lesions is PD that was not PD before.
    - iCR, iPR, iSD or non-iCR/non-iUPD between reset the run: the next PD is iUPD again. NE does not. A visit that
      could not evaluate a new lesion of the run is NE, unless the targets' response has become better.
    - A new lesion that is still there does not keep a visit in iUPD if the targets' response has become better since.
      After such a reset it counts again when others join it, when the measured ones have grown by 20 % and 5 mm, or
      when one that is not measured has progressed unequivocally.
    - Visits after an iCPD are iCPD.

    Examples
    --------
    >>> from lite_ensam.response import Target, TargetValue
    >>> visits = [TimePoint(day, {"a": TargetValue(mm)}) for day, mm in ((0, 50.0), (56, 60.0), (91, 66.0))]
    >>> [str(one.overall) for one in respond_immune(Study((Target("a", "liver"),), tuple(visits)))]
    ['iUPD', 'iCPD']
    """
    study = study_of(study)
    new_lesions = certain_new_lesions(study.follow_up)
    course = _Course(_measurable(new_lesions), wait, criteria.least_growth)
    return tuple(
        course.judge(_seen(study, visit, judged, there))
        for visit, judged, there in zip(study.follow_up, respond(study, criteria), new_lesions, strict=True)
    )


def best_immune_response(
    visits: Iterable[Visit],
    *,
    confirmation: bool = False,
    wait: Wait = Wait(28),  # noqa: B008 - a constant
    least_stable_days: int = 42,
) -> BestResponse:
    """Find the best response until iCPD (iBOR, table 3); an iUPD that is not confirmed does not end the course.

    Parameters
    ----------
    visits : Iterable[Visit]
        Day and overall iRECIST response of every visit after baseline, in order; what `respond_immune` returns, too.
    confirmation : bool, default False
        Whether iCR and iPR count only if seen again, see `best_overall_response`.
    wait : Wait, optional
        Days between two visits that confirm each other.
    least_stable_days : int, default 42
        How long after baseline iSD must be seen, see `best_overall_response`.

    Returns
    -------
    BestResponse
        Its `progression_day` is the first iUPD of the run that was confirmed, or of one that the course ends
        in.

    Examples
    --------
    >>> course = [(56, Response.IUPD), (91, Response.IPR), (147, Response.IUPD), (182, Response.ICPD)]
    >>> best = best_immune_response(course)
    >>> str(best.response), best.day, best.progression_day
    ('iPR', 91, 147)
    """
    course = visits_of(visits)
    confirmed = next((day for day, response in course if response is Response.ICPD), None)
    before = [one for one in course if confirmed is None or one[0] < confirmed]
    progression_day = _first_of_last_run(before)
    best = best_of(
        [(day, _PLAIN[response]) for day, response in before], confirmation, wait, least_stable_days
    )
    if best is not None:
        return replace(best, response=_IMMUNE[best.response], progression_day=progression_day)
    if confirmed is not None:
        return BestResponse(Response.ICPD, confirmed, progression_day, True)
    first = next((day for day, response in before if response is Response.IUPD), None)
    return BestResponse(Response.NE if first is None else Response.IUPD, first, progression_day, False)


class _Course:
    """Visits judged one after the other, in the light of those before."""

    def __init__(self, measured: frozenset[str], wait: Wait, least_growth_mm: float) -> None:
        self._measured, self._wait, self._least_mm = measured, wait, least_growth_mm
        self._run: list[_Seen] = []
        self._confirmed: int | None = None
        self._known: list[_Seen] = []

    def judge(self, seen: _Seen) -> TimePointResponse:
        """The visit with iRECIST's words."""
        overall, reason = self._overall(seen)
        one = seen.judged
        return replace(
            one,
            target=one.target and _IMMUNE[one.target],
            non_target=one.non_target and _IMMUNE[one.non_target],
            overall=overall,
            reason=reason,
        )

    def _overall(self, seen: _Seen) -> tuple[Response, str]:
        if self._confirmed is not None:
            return Response.ICPD, f"confirmed on day {self._confirmed}"
        kinds = self._counting(seen)
        if not kinds:
            overall = Response.NE if self._hides_new(seen) else _IMMUNE[_without_new(seen)]
            if overall is not Response.NE:
                if self._run:
                    self._known, self._run = [seen], []
                elif self._known:
                    self._known.append(seen)
            return overall, ""
        seen = replace(seen, kinds=kinds)
        growth, late = self._growth(seen) if self._run else ("", False)
        if growth and not late:
            self._confirmed = seen.visit.day
            return Response.ICPD, growth
        before = self._run[-1].visit.day if self._run else None
        self._run.append(seen)
        if late:
            days = seen.visit.day - (before or 0)
            return (
                Response.IUPD,
                f"{growth}, but {days} days after iUPD: only {self._wait.least} to {self._wait.most} confirm",
            )
        return Response.IUPD, f"{', '.join(sorted(kinds))}: PD by RECIST 1.1" if before is None else ""

    def _counting(self, seen: _Seen) -> frozenset[str]:
        """Kinds of lesions that make this visit iUPD at least."""
        kinds = set(seen.kinds)
        are_new = any(_NEW in one.kinds for one in self._run)
        if _NEW in kinds and self._known and not are_new and not self._counts_again(seen):
            kinds.remove(_NEW)
        if self._run:
            was_non_target = any(_NON_TARGETS in one.kinds for one in self._run)
            if was_non_target and seen.visit.has_larger_non_targets:
                kinds.add(_NON_TARGETS)  # need not be unequivocal again (table 2)
            is_better = 0 < _rank(self._run[-1]) < _rank(seen)
            if kinds == {_NEW} and is_better and not self._new_growth(seen, self._run):
                kinds.clear()
        return frozenset(kinds)

    def _hides_new(self, seen: _Seen) -> bool:
        """Whether a new lesion of the run could not be evaluated, and nothing else says that the run is over."""
        if not any(seen.unseen & one.there.keys() for one in self._run):
            return False
        return not 0 < _rank(self._run[-1]) < _rank(seen)

    def _counts_again(self, seen: _Seen) -> bool:
        """Whether new lesions that were there when a run was reset are iUPD once more (recist.eortc.org)."""
        if seen.there.keys() - {name for one in self._known for name in one.there}:
            return True
        if any(
            one.state is LesionState.PROGRESSION
            for name, one in seen.there.items()
            if name not in self._measured
        ):
            return True
        for before in self._known:
            old, new = self._sums(before, seen)
            if new - old >= max(IRECIST.progression * old, self._least_mm) - _ROUNDING_MM:
                return True
        return False

    def _growth(self, seen: _Seen) -> tuple[str, bool]:
        """The reason that confirms an earlier iUPD (empty if none), and whether it comes too late to confirm."""
        day = seen.visit.day
        past = [one for one in self._run if day - one.visit.day >= self._wait.least]
        reason = self._confirming(seen, past) if past else ""
        return reason, bool(reason) and not any(self._wait.holds(day - one.visit.day) for one in past)

    def _confirming(self, seen: _Seen, past: Sequence[_Seen]) -> str:
        of_targets = [one for one in past if _TARGETS in one.kinds and one.is_whole]
        if _TARGETS in seen.kinds and of_targets:
            grown = seen.known_mm - min(one.known_mm for one in of_targets)
            if grown >= self._least_mm - _ROUNDING_MM:
                return f"targets have grown by {grown:.1f} mm since iUPD"
        if any(_NON_TARGETS in one.kinds for one in past) and seen.visit.has_larger_non_targets:
            return "non-targets have grown since iUPD"
        if _NEW in seen.kinds and any(_NEW in one.kinds for one in past):
            growth = self._new_growth(seen, past)
            if growth:
                return growth
        others = seen.kinds - frozenset().union(*(one.kinds for one in past))
        return f"{', '.join(sorted(others))}: PD besides what made iUPD" if others else ""

    def _new_growth(self, seen: _Seen, past: Sequence[_Seen]) -> str:
        """How new lesions have become more or larger, if they have."""
        if _has_another(seen, past):
            return "another new lesion"
        for before in past:
            old, new = self._sums(before, seen)
            if new - old >= self._least_mm - _ROUNDING_MM:
                return f"measured new lesions have grown by {new - old:.1f} mm since iUPD"
            for name in (seen.there.keys() & before.there.keys()) - self._measured:
                old_mm, new_mm = before.there[name].diameter_mm, seen.there[name].diameter_mm
                if old_mm is not None and new_mm is not None and new_mm > old_mm + _ROUNDING_MM:
                    return "a new lesion that is not measured has grown since iUPD"
        unmeasured = (one for name, one in seen.there.items() if name not in self._measured)
        has_grown = any(one.larger or one.state is LesionState.PROGRESSION for one in unmeasured)
        return "a new lesion that is not measured has grown since iUPD" if has_grown else ""

    def _sums(self, before: _Seen, seen: _Seen) -> tuple[float, float]:
        """Of the new lesions that both visits have measured, mm."""
        both = seen.there.keys() & before.there.keys() & self._measured
        pairs = [(before.there[name].diameter_mm, seen.there[name].diameter_mm) for name in both]
        known = [(old, new) for old, new in pairs if old is not None and new is not None]
        return sum(old for old, _ in known), sum(new for _, new in known)


def _seen(study: Study, visit: TimePoint, judged: TimePointResponse, there: NewLesions) -> _Seen:
    kinds = {
        kind
        for kind, response in ((_TARGETS, judged.target), (_NON_TARGETS, judged.non_target))
        if response is Response.PD
    }
    if there:
        kinds.add(_NEW)
    known_mm = sum(study.least(one, visit, "diameter") for one in study.targets)
    is_whole = all(study.value(one, visit, "diameter") is not None for one in study.targets)
    return _Seen(visit, judged, there, unseen_new_lesions(visit), frozenset(kinds), known_mm, is_whole)


def _without_new(seen: _Seen) -> Response:
    """Overall response where no kind is PD; with a new lesion that is still there no CR is called."""
    one = seen.judged
    target, non_target = one.target, one.non_target
    if target is None:
        overall = non_target or Response.NE
    elif target is Response.CR and non_target not in (None, Response.CR):
        overall = Response.PR
    else:
        overall = target
    if overall is Response.CR and seen.there:
        return Response.PR if target is not None else Response.NON_CR_NON_PD
    return overall


def _has_another(seen: _Seen, past: Sequence[_Seen]) -> bool:
    """Whether a new lesion has joined those before, which only visits that list theirs can tell."""
    before = [one for one in past if one.there]
    listed = [one for one in before if one.visit.new_lesions]
    known = {name for one in listed for name in one.there}
    can_tell = bool(seen.visit.new_lesions) and (bool(listed) or not before)
    return can_tell and bool(seen.there.keys() - known)


def _rank(seen: _Seen) -> int:
    target = seen.judged.target
    return _RANK.index(target) if target in _RANK else 0


def _measurable(visits: Sequence[NewLesions]) -> frozenset[str]:
    """New lesions that are summed: measurable when first seen, at most five, at most two an organ."""
    chosen: set[str] = set()
    looked_at: set[str] = set()
    of_organ: Counter[str] = Counter()
    for there in visits:
        for name, one in sorted(there.items(), key=lambda item: -(item[1].diameter_mm or 0)):
            if name in looked_at:
                continue
            looked_at.add(name)
            is_large = one.diameter_mm is not None and one.diameter_mm >= least_mm(one.is_node) - _ROUNDING_MM
            is_room = len(chosen) < MOST_TARGETS and of_organ[one.counted_organ] < MOST_TARGETS_OF_AN_ORGAN
            if is_large and is_room:
                chosen.add(name)
                of_organ[one.counted_organ] += 1
    return frozenset(chosen)


def _first_of_last_run(visits: Sequence[Visit]) -> int | None:
    """Day of the first iUPD of the run that the visits end in, NE aside."""
    first: int | None = None
    for day, response in reversed(visits):
        if response is Response.IUPD:
            first = day
        elif response is not Response.NE:
            break
    return first
