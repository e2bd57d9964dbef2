"""The response at each visit: sums, nadir, and the guideline's tables 1 and 2 (sections 4.3 and 4.4.1)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lite_ensam.response.criteria import RECIST_1_1, Criteria, Response
from lite_ensam.response.lesions import SEEN
from lite_ensam.response.new_lesions import certain_new_lesions
from lite_ensam.response.study import NewLesion, Study, TimePoint, study_of

__all__ = ["TimePointResponse", "overall_response", "respond"]

_ROUNDING = 1e-6
"""mm or ml: "at least 20 %" of a sum must not fail at the last digit of a float."""

_NOISE_SDS = 1.96
"""A difference within as many of its standard deviations is expected from measuring alone, 19 times in 20."""


@dataclass(frozen=True)
class TimePointResponse:
    """One visit after baseline, judged.

    Parameters
    ----------
    day : int
        Days since baseline.
    sum : float or None
        Sum of the targets in mm or ml; None unless all were measured.
    baseline_sum : float
        Sum of the targets at baseline.
    nadir : float
        Smallest sum before this visit, baseline included.
    target : Response or None
        CR, PR, SD, PD or NE of the targets alone; None without targets.
    non_target : Response or None
        CR, non-CR/non-PD, PD or NE of the rest; None without non-targets.
    new_lesion : NewLesion
        Whether there is a new lesion; an equivocal one that a later visit confirmed is one (section 4.3.5).
    overall : Response
        Overall response by tables 1 and 2.
    noise_to_baseline, noise_to_nadir : float, default 0.0
        A smaller difference between the two sums may come from the measurement alone; 0 without standard
        deviations.
    reason : str, default ""
        Why iRECIST calls the visit so, if earlier visits count too, or what density says (Choi); empty
        otherwise.
    density_change : float or None, default None
        Change of the targets' density from baseline, as a share; None if it does not count or is not known.
    """

    day: int
    sum: float | None
    baseline_sum: float
    nadir: float
    target: Response | None
    non_target: Response | None
    new_lesion: NewLesion
    overall: Response
    noise_to_baseline: float = 0.0
    noise_to_nadir: float = 0.0
    reason: str = ""
    density_change: float | None = None

    @property
    def change_from_baseline(self) -> float | None:
        """Share of the baseline sum: -0.3 is 30 % less. None without sums."""
        return _share(self.sum, self.baseline_sum)

    @property
    def change_from_nadir(self) -> float | None:
        """Share of the nadir; None without sums or if the nadir is 0."""
        return _share(self.sum, self.nadir)

    @property
    def within_noise_of_baseline(self) -> bool:
        """Whether the sum differs from baseline by no more than measuring twice would."""
        return self.sum is not None and abs(self.sum - self.baseline_sum) < self.noise_to_baseline

    @property
    def within_noise_of_nadir(self) -> bool:
        """Whether the sum differs from the nadir by no more than measuring twice would."""
        return self.sum is not None and abs(self.sum - self.nadir) < self.noise_to_nadir

    @property
    def is_uncertain(self) -> bool:
        """Whether the change that made the targets' response PR or PD is within the noise."""
        if self.target in (Response.PD, Response.IUPD):
            return self.within_noise_of_nadir
        return self.target in (Response.PR, Response.IPR) and self.within_noise_of_baseline


def respond(study: Study, criteria: Criteria = RECIST_1_1) -> tuple[TimePointResponse, ...]:
    """Judge every visit after baseline.

    Parameters
    ----------
    study : Study
        The course.
    criteria : Criteria, default RECIST_1_1
        RECIST 1.1, or the same rules by volume.

    Returns
    -------
    tuple[TimePointResponse, ...]
        One for each visit after baseline, in order. Visits with an equivocal new lesion that a later visit
        has confirmed are PD (section 4.3.5: progression counts from the initial scan).

    Notes
    -----
    If a target was not measured, the visit is NE, unless the others alone already make it PD (4.4.2); of one that has
    split the fragments that were measured count.
    After a complete response of all disease, whatever is back is PD: a non-nodal target however small, non-targets
    that are seen again (table 3, note a). A non-target node that was below 10 mm never was gone. Where other disease
    was left, a target that is back goes by the sum, as nodes always do: lesions that come and go are not progression by
    themselves (EORTC's clarifications of RECIST 1.1).
    Where density counts (Choi), PR by size needs none; a visit whose size would be SD or PD is NE without it.
    With `criteria.keeps_response` targets that were PR or CR are PR until the next PD.

    Examples
    --------
    >>> from lite_ensam.response import Study, Target, TargetValue, TimePoint
    >>> visits = [TimePoint(day, {"a": TargetValue(mm)}) for day, mm in ((0, 50.0), (56, 30.0), (112, 36.0))]
    >>> [str(one.overall) for one in respond(Study((Target("a", "liver"),), tuple(visits)))]
    ['PR', 'PD']
    """
    study = study_of(study)
    judged: list[TimePointResponse] = []
    nadir_visit, been_gone, has_responded = study.baseline, False, False
    never_gone: frozenset[str] = frozenset()
    for visit, new_lesions in zip(study.follow_up, certain_new_lesions(study.follow_up), strict=True):
        now, baseline, nadir = (_sum(study, one, criteria) for one in (visit, study.baseline, nadir_visit))
        density = study.density_change(visit) if criteria.density is not None else None
        target = _target_response(study, visit, criteria, nadir, been_gone) if study.targets else None
        if criteria.keeps_response and has_responded and target is Response.SD:
            target = Response.PR
        non_target = study.non_target_response(visit)
        if been_gone and non_target is Response.NON_CR_NON_PD and _are_back(visit, never_gone):
            non_target = Response.PD
        overall = overall_response(target, non_target, bool(new_lesions))
        judged.append(
            TimePointResponse(
                day=visit.day,
                sum=now,
                baseline_sum=math.nan if baseline is None else baseline,
                nadir=math.nan if nadir is None else nadir,
                target=target,
                non_target=non_target,
                new_lesion=NewLesion.YES if new_lesions else visit.new_lesion or NewLesion.NO,
                overall=overall,
                noise_to_baseline=_noise(study, visit, study.baseline, criteria),
                noise_to_nadir=_noise(study, visit, nadir_visit, criteria),
                reason=f"density {density:+.0%}" if density is not None else "",
                density_change=density,
            )
        )
        if overall is Response.CR:
            been_gone, never_gone = True, study.normal_nodes(visit)
        has_responded = overall is not Response.PD and (has_responded or target in (Response.CR, Response.PR))
        if now is not None and nadir is not None and now < nadir:
            nadir_visit = visit
    return tuple(judged)


def overall_response(
    target: Response | None, non_target: Response | None, new_lesion: bool = False
) -> Response:
    """Combine the responses of targets, non-targets and new lesions (tables 1 and 2, section 4.4.1).

    Parameters
    ----------
    target : Response or None
        Response of the targets; None if the patient has no target (table 2).
    non_target : Response or None
        Response of the non-targets; None if the patient has no non-target.
    new_lesion : bool, default False
        Whether there is an unequivocal one.

    Returns
    -------
    Response
        CR, PR, SD, non-CR/non-PD, PD or NE.

    Examples
    --------
    >>> str(overall_response(Response.CR, Response.NON_CR_NON_PD))
    'PR'
    """
    if new_lesion or Response.PD in (target, non_target):
        return Response.PD
    if target is None:
        return non_target or Response.NE
    if target is Response.CR and non_target not in (None, Response.CR):
        return Response.PR
    return target


def _target_response(
    study: Study, visit: TimePoint, criteria: Criteria, nadir: float | None, been_gone: bool
) -> Response:
    """Section 4.3.1, and 4.4.2 where a target was not measured."""
    baseline = _sum(study, study.baseline, criteria)
    if baseline is None or nadir is None:
        return Response.NE
    sizes = {target: study.least(target, visit, criteria.quantity) for target in study.targets}
    is_back = been_gone and any(size > 0 and not target.is_node for target, size in sizes.items())
    known_sum = sum(sizes.values())
    grown = known_sum - nadir
    least = max(criteria.progression * nadir, criteria.least_growth) - _ROUNDING
    has_grown = grown > 0 and grown >= least
    if is_back or (has_grown and criteria.density is None):
        return Response.PD
    if len(_measured(study, visit, criteria)) < len(study.targets):
        return Response.NE
    if study.are_gone(visit, criteria.quantity):
        return Response.CR
    if known_sum <= (1 + criteria.response) * baseline + _ROUNDING:
        return Response.PR
    if criteria.density is not None:
        density = study.density_change(visit)
        if density is None:
            return Response.NE
        if density <= criteria.density + _ROUNDING:
            return Response.PR
    return Response.PD if has_grown else Response.SD


def _are_back(visit: TimePoint, never_gone: frozenset[str]) -> bool:
    """Whether non-targets are seen that a CR had found gone: disease that is back (table 3, note a).

    A node that was seen below 10 mm was normal and never gone (4.3.3); growth alone is then no unequivocal progression.
    """
    seen = {name for name, one in visit.non_target_states.items() if one.state in SEEN}
    return not seen or not seen <= never_gone


def _measured(study: Study, visit: TimePoint, criteria: Criteria) -> dict[str, float]:
    """Values of the targets that have one."""
    values = {target.name: study.value(target, visit, criteria.quantity) for target in study.targets}
    return {name: value for name, value in values.items() if value is not None}


def _sum(study: Study, visit: TimePoint, criteria: Criteria) -> float | None:
    """The sum over all targets; None without targets, or if one was not measured."""
    measured = _measured(study, visit, criteria)
    return sum(measured.values()) if measured and len(measured) == len(study.targets) else None


def _noise(study: Study, visit: TimePoint, reference: TimePoint, criteria: Criteria) -> float:
    sds = [
        one.targets[target.name].sd(criteria.quantity)
        for one in (visit, reference)
        for target in study.targets
        if target.name in one.targets
    ]
    return _NOISE_SDS * math.hypot(*sds)


def _share(now: float | None, before: float) -> float | None:
    return None if now is None or not before > 0 else now / before - 1
