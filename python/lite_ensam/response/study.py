"""A patient over time: targets, their sizes, non-targets and new lesions at each visit."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Any, Self

from lite_ensam.core.errors import StudyError, brief
from lite_ensam.core.number_kinds import is_real, is_whole
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.response.criteria import Quantity, Response
from lite_ensam.response.lesions import (
    SEEN,
    Imaging,
    LesionState,
    NewLesionFinding,
    NonTargetFinding,
    Reading,
)
from lite_ensam.response.names import repeated_names
from lite_ensam.response.targets import Target, check_targets, is_normal_node, least_mm

__all__ = ["OF_NON_TARGETS", "TOO_SMALL_MM", "NewLesion", "Study", "TargetValue", "TimePoint", "study_of"]

TOO_SMALL_MM = 5.0
"""Size assigned to a lesion that is seen but too small to measure (section 4.3.2)."""

_ROUNDING_MM = 1e-6
"""A limit must not be missed at the last digit of a float."""

OF_NON_TARGETS = (Response.CR, Response.NON_CR_NON_PD, Response.PD, Response.NE)
"""Responses that non-targets as a whole can have (section 4.3.3)."""


class NewLesion(StrEnum):
    """Whether there is a lesion that baseline did not have (section 4.3.5)."""

    NO = "no"
    """Nothing new is seen."""
    EQUIVOCAL = "equivocal"
    """A finding may be a new lesion; a later visit decides."""
    YES = "yes"
    """There is at least one certain new lesion."""


@dataclass(frozen=True)
class TargetValue:
    """One target at one visit.

    Parameters
    ----------
    diameter_mm : float or None, default None
        Longest diameter, of a node the short axis; 0 if it is gone; None if it was not measured.
    volume_ml : float or None, default None
        Volume in ml; None if it was not measured.
    diameter_sd_mm, volume_sd_ml : float, default 0.0
        Standard deviation of a repeated measurement of the same scan; 0 takes the size as exact.
    merged_into : str or None, default None
        Name of the target with which it has merged, if the two cannot be told apart. That target has the size
        of both; this one has no size and counts 0 (section 4.3.2).
    viable_mm : float or None, default None
        Longest diameter of the part that enhances in the arterial phase (mRECIST), in mm; 0 if nothing
        enhances, None if it was not measured.
    reading : Reading, optional
        Further details; they do not count when sizes are compared.
    at_least : TargetValue or None, default None
        Sizes of the fragments that were measured, where another fragment of the lesion was not.
    """

    diameter_mm: float | None = None
    volume_ml: float | None = None
    diameter_sd_mm: float = 0.0
    volume_sd_ml: float = 0.0
    merged_into: str | None = None
    viable_mm: float | None = None
    reading: Reading = field(default=Reading(), compare=False)
    at_least: "TargetValue | None" = None

    def __post_init__(self) -> None:
        for name in ("diameter_mm", "volume_ml", "diameter_sd_mm", "volume_sd_ml", "viable_mm"):
            value = getattr(self, name)
            if value is None:
                continue
            if not is_real(value) or not (math.isfinite(value) and value >= 0):
                raise StudyError(
                    f"{name} must be 0 or more, or None where nothing was measured, got {brief(value)}"
                )
        sizes = (self.diameter_mm, self.volume_ml, self.viable_mm)
        if self.merged_into is not None and sizes != (None, None, None):
            raise StudyError(
                f"a target that has merged into {self.merged_into!r} has no size of its own: leave it out"
            )

    @property
    def has_size(self) -> bool:
        """Whether it, or a fragment of it, was measured."""
        sizes = (self.diameter_mm, self.volume_ml, self.viable_mm)
        return sizes != (None, None, None) or self.at_least is not None

    @classmethod
    def too_small_to_measure(cls) -> Self:
        """Return a target that is seen but too small to measure: 5 mm by default (section 4.3.2).

        Returns
        -------
        Self
            A target of 5 mm.
        """
        return cls(TOO_SMALL_MM, reading=Reading(flags=("too_small",)))

    @classmethod
    def added_up(cls, fragments: "Sequence[TargetValue]") -> Self:
        """Add up the fragments of a lesion that has split (section 4.3.2); unknown if one was not measured.

        The lesion is then at least as large as the fragments that were measured, see `least`.

        Parameters
        ----------
        fragments : Sequence[TargetValue]
            Sizes of the fragments.

        Returns
        -------
        Self
            Their sum.

        Examples
        --------
        >>> TargetValue.added_up([TargetValue(20.0), TargetValue(15.0)]).diameter_mm
        35.0
        >>> TargetValue.added_up([TargetValue(20.0), TargetValue()]).least("diameter")
        20.0
        """
        whole, part = dict[str, float](), dict[str, float]()
        for name in ("diameter_mm", "volume_ml", "viable_mm"):
            known = [value for one in fragments if (value := getattr(one, name)) is not None]
            if known:
                (whole if len(known) == len(fragments) else part)[name] = sum(known)
        return cls(
            whole.get("diameter_mm"),
            whole.get("volume_ml"),
            math.hypot(*(one.diameter_sd_mm for one in fragments)),
            math.hypot(*(one.volume_sd_ml for one in fragments)),
            viable_mm=whole.get("viable_mm"),
            reading=Reading(reader=fragments[0].reading.reader if fragments else "", flags=("split",)),
            at_least=cls(part.get("diameter_mm"), part.get("volume_ml"), viable_mm=part.get("viable_mm"))
            if part
            else None,
        )

    def value(self, quantity: Quantity) -> float | None:
        """Return the size that enters the sum: diameter or viable diameter in mm, or volume in ml.

        Parameters
        ----------
        quantity : Quantity
            What is summed.

        Returns
        -------
        float or None
            Size in mm or ml; None if it was not measured.
        """
        if self.merged_into is not None:
            return 0.0
        if quantity == "viable":
            return 0.0 if self.diameter_mm == 0 else self.viable_mm
        return self.diameter_mm if quantity == "diameter" else self.volume_ml

    def least(self, quantity: Quantity) -> float:
        """Return the size that is certain: `value`, else that of the fragments that were measured, else 0.

        Parameters
        ----------
        quantity : Quantity
            What is summed.

        Returns
        -------
        float
            Size in mm or ml that the lesion has at least.
        """
        value = self.value(quantity)
        if value is not None:
            return value
        return 0.0 if self.at_least is None else self.at_least.least(quantity)

    def sd(self, quantity: Quantity) -> float:
        """Return the standard deviation of `value`; that of a viable diameter is not known.

        Parameters
        ----------
        quantity : Quantity
            What is summed.

        Returns
        -------
        float
            Standard deviation in mm or ml; 0 if it is not known.
        """
        return {"diameter": self.diameter_sd_mm, "volume": self.volume_sd_ml}.get(quantity, 0.0)


@with_short_repr
@dataclass(frozen=True)
class TimePoint:
    """One visit.

    Parameters
    ----------
    day : int
        Days since baseline; 0 is baseline.
    targets : Mapping[str, TargetValue], optional
        Sizes by target name; a target that is left out was not measured.
    non_targets : Response or None, default None
        CR, non-CR/non-PD, PD (unequivocal) or NE of the non-targets as a whole (section 4.3.3); None at
        baseline, without non-targets, and if `non_target_states` are given.
    new_lesion : NewLesion or None, default None
        Whether there is a new lesion; where `new_lesions` are listed, it follows from them. None says
        nothing and counts as no, unless nothing was evaluated at the visit.
    non_target_states : Mapping[str, NonTargetFinding], optional
        Findings by name, of the study's `non_target_lesions`; one that is left out was not evaluated.
    non_targets_larger : bool, default False
        Whether non-targets have grown since the visit before, where they are not listed one by one (see
        `NonTargetFinding`).
    new_lesions : Mapping[str, NewLesionFinding], optional
        Findings by name; a lesion that is seen again keeps its name.
    imaging : Imaging, optional
        The examination.
    """

    day: int
    targets: Mapping[str, TargetValue] = field(default_factory=dict)
    non_targets: Response | None = None
    new_lesion: NewLesion | None = None
    non_target_states: Mapping[str, NonTargetFinding] = field(default_factory=dict)
    non_targets_larger: bool = False
    new_lesions: Mapping[str, NewLesionFinding] = field(default_factory=dict)
    imaging: Imaging = field(default=Imaging())

    def __post_init__(self) -> None:
        if not is_whole(self.day):
            raise StudyError(
                f"a visit's day must be a whole number of days since baseline, got {brief(self.day)}"
            )
        for name, value in self.targets.items():
            if not isinstance(value, TargetValue):
                raise StudyError(
                    f"day {self.day}: {brief(name)} must be a TargetValue, as TargetValue(30.0), got {brief(value)}"
                )
        # texts are taken for what they say: rules compare by identity, and "yes" must not count as no
        for name, kind in (("new_lesion", NewLesion), ("non_targets", Response)):
            value = getattr(self, name)
            try:
                object.__setattr__(self, name, None if value is None else kind(value))
            except ValueError:
                raise StudyError(
                    f"day {self.day}: {name} must be one of {', '.join(kind)}, got {brief(value)}"
                ) from None
        if self.non_targets not in (None, *OF_NON_TARGETS):
            raise StudyError(
                f"day {self.day}: non-targets are CR, non-CR/non-PD, PD or NE, got {self.non_targets}"
            )
        if self.non_targets_larger and self.non_targets in (Response.CR, Response.NE):
            raise StudyError(
                f"day {self.day}: non-targets that are {self.non_targets} cannot be larger: correct non_targets or "
                "non_targets_larger"
            )
        if self.new_lesions:
            self._follow_new_lesions()

    @property
    def has_larger_non_targets(self) -> bool:
        """Whether a non-target has grown since the visit before."""
        return self.non_targets_larger or any(one.larger for one in self.non_target_states.values())

    @property
    def tells_new_lesions(self) -> bool:
        """Whether the visit could tell of new lesions: it says something of them, or something was evaluated."""
        is_target_seen = any(one.merged_into is not None or one.has_size for one in self.targets.values())
        is_other_seen = self.non_targets not in (None, Response.NE) or any(
            one.state is not LesionState.NOT_EVALUABLE for one in self.non_target_states.values()
        )
        return self.new_lesion is not None or is_target_seen or is_other_seen

    def _follow_new_lesions(self) -> None:
        """Set `new_lesion` to what the listed ones say."""
        there = [one for one in self.new_lesions.values() if one.is_there]
        sure = any(one.is_certain for one in there)
        listed = NewLesion.YES if sure else NewLesion.EQUIVOCAL if there else NewLesion.NO
        if self.new_lesion not in (None, NewLesion.NO, listed):
            raise StudyError(
                f"day {self.day}: new_lesion is {self.new_lesion}, but the new lesions that are listed say {listed}"
            )
        object.__setattr__(self, "new_lesion", listed)


@with_short_repr
@dataclass(frozen=True)
class Study:
    """A patient's course.

    Parameters
    ----------
    targets : tuple[Target, ...]
        At most five, at most two per organ; may be empty if all disease is non-target.
    time_points : tuple[TimePoint, ...]
        Visits, baseline first, days ascending.
    has_non_targets : bool, default False
        Whether baseline had lesions besides the targets.
    slice_mm : float, default 0.0
        Slice thickness of baseline in mm, on which the least size of a target depends; 0 if the slices are
        thin.
    non_target_lesions : tuple[Target, ...], default ()
        The non-targets, where they are followed one by one.

    Raises
    ------
    StudyError
        If the targets break RECIST's limits or were too small at baseline, a visit names a lesion that is not a
        target or one that has merged into another that it cannot have, days do not ascend from 0, baseline lacks a
        target or has a new lesion, or there is neither a target nor a non-target.
    """

    targets: tuple[Target, ...]
    time_points: tuple[TimePoint, ...]
    has_non_targets: bool = False
    slice_mm: float = 0.0
    non_target_lesions: tuple[Target, ...] = ()

    def __post_init__(self) -> None:
        check_targets(self.targets)
        if self.non_target_lesions:
            object.__setattr__(self, "has_non_targets", True)
        if not isinstance(self.has_non_targets, bool):
            raise StudyError(f"has_non_targets must be True or False, got {brief(self.has_non_targets)}")
        if not (math.isfinite(self.slice_mm) and self.slice_mm >= 0):
            raise StudyError(f"slice_mm must be 0 mm or more, got {self.slice_mm}")
        if not self.targets and not self.has_non_targets:
            raise StudyError("a study needs at least one target or non-target lesion: add one at baseline")
        if not self.time_points or self.time_points[0].day != 0:
            raise StudyError("the first time point must be baseline, on day 0")
        for before, after in pairwise(self.time_points):
            if after.day <= before.day:
                raise StudyError(f"days must ascend, but day {after.day} comes after day {before.day}")
        names = {target.name for target in self.targets}
        for visit in self.time_points:
            if unknown := sorted(visit.targets.keys() - names):
                raise StudyError(f"day {visit.day}: {unknown[0]!r} is not a target of this study")
            self._check_merged(visit)
            if visit.non_targets is not None and not self.has_non_targets:
                raise StudyError(
                    f"day {visit.day}: non-targets are {visit.non_targets}, but baseline had none"
                )
            self._check_others(visit)
        self._check_baseline()

    @property
    def baseline(self) -> TimePoint:
        """Day 0."""
        return self.time_points[0]

    @property
    def follow_up(self) -> tuple[TimePoint, ...]:
        """All later visits."""
        return self.time_points[1:]

    def value(self, target: Target, visit: TimePoint, quantity: Quantity) -> float | None:
        """Return the contribution of a target to the sum of a visit; None if it was not measured.

        Targets that had no viable diameter at baseline, such as those outside the liver, count their diameter.

        Parameters
        ----------
        target : Target
            The target.
        visit : TimePoint
            The visit.
        quantity : Quantity
            What is summed.

        Returns
        -------
        float or None
            Size in mm or ml.
        """
        return visit.targets.get(target.name, TargetValue()).value(self._summed(target, quantity))

    def least(self, target: Target, visit: TimePoint, quantity: Quantity) -> float:
        """Return what a target contributes to the sum of a visit at least; 0 if nothing of it was measured.

        Parameters
        ----------
        target : Target
            The target.
        visit : TimePoint
            The visit.
        quantity : Quantity
            What is summed.

        Returns
        -------
        float
            Size in mm or ml.
        """
        return visit.targets.get(target.name, TargetValue()).least(self._summed(target, quantity))

    def _summed(self, target: Target, quantity: Quantity) -> Quantity:
        """Diameter instead of the viable one, where baseline had none."""
        first = self.baseline.targets.get(target.name, TargetValue())
        return "diameter" if quantity == "viable" and first.viable_mm is None else quantity

    def density_change(self, visit: TimePoint) -> float | None:
        """Compute the change of the targets' mean density (HU) from baseline, as a share.

        Over the targets that are still seen, each counting alike. None unless all of these have a density at both
        visits, or where that of baseline is not above 0 HU, which no share can be taken of.

        Parameters
        ----------
        visit : TimePoint
            A visit after baseline.

        Returns
        -------
        float or None
            Change as a share of baseline, such as -0.15.
        """
        pairs = []
        for target in self.targets:
            now = visit.targets.get(target.name, TargetValue())
            if now.value("diameter") != 0:
                pairs.append((self.baseline.targets[target.name].reading.mean_hu, now.reading.mean_hu))
        known = [(before, now) for before, now in pairs if before is not None and now is not None]
        first = sum(before for before, _ in known)
        return sum(now for _, now in known) / first - 1 if len(known) == len(pairs) and first > 0 else None

    def are_gone(self, visit: TimePoint, quantity: Quantity) -> bool:
        """Tell whether all targets have disappeared and nodes are of normal size (section 4.3.1, CR).

        A node is judged by its short axis whatever the quantity; without one, by its volume being 0. A target that has
        merged into another is gone when that one is.

        Parameters
        ----------
        visit : TimePoint
            The visit.
        quantity : Quantity
            What is summed.

        Returns
        -------
        bool
            True if the targets are CR.
        """

        def gone(target: Target) -> bool:
            found = visit.targets.get(target.name, TargetValue())
            if target.is_node and found.diameter_mm is not None:
                return is_normal_node(True, found.diameter_mm)
            return self.value(target, visit, quantity) == 0

        return all(gone(target) for target in self.targets)

    def non_target_response(self, visit: TimePoint) -> Response | None:
        """Find the response of the non-targets as a whole (section 4.3.3); None if the patient has none.

        The reader's response of all of them, if given. Otherwise: PD if one has progressed unequivocally, NE if
        one was not evaluated, CR if all are absent.

        Parameters
        ----------
        visit : TimePoint
            The visit.

        Returns
        -------
        Response or None
            CR, non-CR/non-PD, PD or NE; None without non-targets.
        """
        if not self.has_non_targets:
            return None
        if visit.non_targets is not None:
            return visit.non_targets
        found = [visit.non_target_states.get(one.name) for one in self.non_target_lesions]
        states = [one.state if one else LesionState.NOT_EVALUABLE for one in found]
        if LesionState.PROGRESSION in states:
            return Response.PD
        if LesionState.NOT_EVALUABLE in states or not states:
            return Response.NE
        return Response.CR if set(states) == {LesionState.ABSENT} else Response.NON_CR_NON_PD

    def normal_nodes(self, visit: TimePoint) -> frozenset[str]:
        """Find the non-target nodes that are seen at a visit, but of normal size.

        Parameters
        ----------
        visit : TimePoint
            The visit.

        Returns
        -------
        frozenset[str]
            Names of the nodes with a short axis below 10 mm that is not 0.
        """
        found = {
            one.name: visit.non_target_states.get(one.name) for one in self.non_target_lesions if one.is_node
        }
        sizes = {name: one.reading.short_axis_mm for name, one in found.items() if one is not None}
        return frozenset(name for name, mm in sizes.items() if mm and is_normal_node(True, mm))

    def _check_others(self, visit: TimePoint) -> None:
        """Raise `StudyError` unless non-targets are those of baseline and new lesions are new."""
        non_targets = {one.name for one in self.non_target_lesions}
        if unknown := sorted(visit.non_target_states.keys() - non_targets):
            raise StudyError(f"day {visit.day}: {unknown[0]!r} is not a non-target of this study")
        there = [name for name, one in visit.non_target_states.items() if one.state in SEEN]
        if normal := sorted(self.normal_nodes(visit).intersection(there)):
            raise StudyError(
                f"day {visit.day}: {normal[0]!r} is {visit.non_target_states[normal[0]].state}, but a lymph node below "
                "10 mm in the short axis is normal (section 4.3.3): call it absent, or correct its size"
            )
        if visit.non_targets is Response.CR and there:
            raise StudyError(f"day {visit.day}: non-targets are CR, but {there[0]!r} is still seen")
        absent = {name for name, one in visit.non_target_states.items() if one.state is LesionState.ABSENT}
        if non_targets and absent == non_targets:
            if visit.non_targets in (Response.PD, Response.NON_CR_NON_PD):
                raise StudyError(
                    f"day {visit.day}: non-targets are {visit.non_targets}, but each that is listed is absent: "
                    "correct one"
                )
            if visit.non_targets_larger:
                raise StudyError(
                    f"day {visit.day}: non-targets are larger, but each that is listed is absent: correct one"
                )
        baseline = [one.name for one in (*self.targets, *self.non_target_lesions)]
        if repeated := repeated_names([*baseline, *visit.new_lesions]):
            raise StudyError(
                f"day {visit.day}: {repeated[0]!r} names two lesions: a new lesion needs a name that no other has"
            )

    def _check_merged(self, visit: TimePoint) -> None:
        """Raise `StudyError` unless each merged target has merged into one of its kind that has not."""
        kinds = {target.name: target.is_node for target in self.targets}
        for name, one in visit.targets.items():
            into = one.merged_into
            if into is None:
                continue
            where = f"day {visit.day}: {name!r} cannot have merged into {into!r}"
            if visit.day == 0:
                raise StudyError(f"{where}: at baseline each target is measured by itself")
            if into not in kinds or into == name:
                raise StudyError(f"{where}: that is not another target of this study")
            if visit.targets.get(into, TargetValue()).merged_into is not None:
                raise StudyError(f"{where}, which has merged itself: name the target that was measured")
            if kinds[into] != kinds[name]:
                raise StudyError(f"{where}: of a node the short axis counts, of others the longest diameter")

    def _check_baseline(self) -> None:
        if self.baseline.new_lesion not in (None, NewLesion.NO) or self.baseline.new_lesions:
            raise StudyError("baseline cannot have a new lesion")
        self._check_baseline_non_targets()
        for target in self.targets:
            measured = self.baseline.targets.get(target.name, TargetValue())
            if measured.diameter_mm is None:
                raise StudyError(f"target {target.name!r} was not measured at baseline")
            least = least_mm(target.is_node, self.slice_mm)
            if measured.diameter_mm < least - _ROUNDING_MM:
                what = "short axis" if target.is_node else "longest diameter"
                raise StudyError(
                    f"target {target.name!r} has a {what} of {measured.diameter_mm:g} mm at baseline, "
                    f"RECIST 1.1 asks for at least {least:g} mm"
                )

    def _check_baseline_non_targets(self) -> None:
        """Raise `StudyError` unless the non-targets of baseline are disease that has not yet responded."""
        if self.baseline.non_targets in (Response.CR, Response.PD):
            raise StudyError(
                f"non-targets are {self.baseline.non_targets} at baseline: a response needs a later visit, so leave "
                "non_targets out there"
            )
        if normal := sorted(self.normal_nodes(self.baseline)):
            raise StudyError(
                f"non-target {normal[0]!r} is a lymph node below 10 mm in the short axis at baseline: such a node is "
                "normal (section 3.1.1), so leave it out of the non-targets"
            )
        for name, one in self.baseline.non_target_states.items():
            if one.state in (LesionState.ABSENT, LesionState.PROGRESSION):
                raise StudyError(
                    f"non-target {name!r} is {one.state} at baseline: non-targets are lesions that baseline has, so "
                    "correct its state or leave it out"
                )


def study_of(value: Any) -> Study:
    """The course, or that of a patient whom `read_study` has read; StudyError if it is neither."""
    study = getattr(value, "study", value)
    if not isinstance(study, Study):
        raise StudyError(f"study must be a Study, or one patient of `read_study`, got {brief(value)}")
    return study
