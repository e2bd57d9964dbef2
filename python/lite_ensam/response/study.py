"""What is known of a patient over time: targets, their sizes, non-targets and new lesions at each visit."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Literal, Self

from lite_ensam.core.errors import StudyError
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.response.criteria import Response
from lite_ensam.response.targets import NORMAL_NODE_MM, Target, check_targets, least_mm

__all__ = ["TOO_SMALL_MM", "NewLesion", "Study", "TargetValue", "TimePoint"]

TOO_SMALL_MM = 5.0
"""What a lesion counts that is seen but too small to measure (section 4.3.2)."""

_ROUNDING_MM = 1e-6


class NewLesion(StrEnum):
    """Whether a lesion has come up that baseline did not have (section 4.3.5)."""

    NO = "no"
    EQUIVOCAL = "equivocal"
    YES = "yes"


@dataclass(frozen=True)
class TargetValue:
    """One target at one visit.

    Parameters
    ----------
    diameter_mm : longest diameter, of a node the short axis; 0 if it is gone; None if it was not measured
    volume_ml : or None
    diameter_sd_mm, volume_sd_ml : standard deviation of the measurement itself (what a repeated measurement
        of the same scan would differ by); 0 takes it as exact
    """

    diameter_mm: float | None = None
    volume_ml: float | None = None
    diameter_sd_mm: float = 0.0
    volume_sd_ml: float = 0.0

    def __post_init__(self) -> None:
        for name in ("diameter_mm", "volume_ml", "diameter_sd_mm", "volume_sd_ml"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise StudyError(f"{name} must be 0 or more, or None where nothing was measured, got {value}")

    @classmethod
    def too_small_to_measure(cls) -> Self:
        """Faintly seen: 5 mm by default (section 4.3.2)."""
        return cls(TOO_SMALL_MM)

    def value(self, quantity: Literal["diameter", "volume"]) -> float | None:
        """Diameter in mm or volume in ml."""
        return self.diameter_mm if quantity == "diameter" else self.volume_ml

    def sd(self, quantity: Literal["diameter", "volume"]) -> float:
        """Standard deviation of `value`."""
        return self.diameter_sd_mm if quantity == "diameter" else self.volume_sd_ml


@with_short_repr
@dataclass(frozen=True)
class TimePoint:
    """One visit.

    Parameters
    ----------
    day : days since baseline; 0 is baseline
    targets : by name; one that is left out was not measured
    non_targets : CR, non-CR/non-PD, PD (unequivocal) or NE of the non-targets as a whole (section 4.3.3);
        None at baseline and where there are none
    new_lesion : see `NewLesion`
    """

    day: int
    targets: Mapping[str, TargetValue] = field(default_factory=dict)
    non_targets: Response | None = None
    new_lesion: NewLesion = NewLesion.NO

    def __post_init__(self) -> None:
        if self.non_targets in (Response.PR, Response.SD):
            raise StudyError(
                f"day {self.day}: non-targets are CR, non-CR/non-PD, PD or NE, got {self.non_targets}"
            )


@with_short_repr
@dataclass(frozen=True)
class Study:
    """A patient's course.

    Parameters
    ----------
    targets : at most five, at most two an organ; may be empty where all disease is non-target
    time_points : baseline first, days ascending
    has_non_targets : whether baseline had lesions besides the targets
    slice_mm : thickness of the baseline's slices, which a target's least size depends on; 0 if thin

    Raises
    ------
    StudyError
        If the targets break RECIST's limits or were too small at baseline, a visit names a lesion that is no
        target, days do not ascend from 0, baseline lacks a target or has a new lesion, or there is neither a
        target nor a non-target.
    """

    targets: tuple[Target, ...]
    time_points: tuple[TimePoint, ...]
    has_non_targets: bool = False
    slice_mm: float = 0.0

    def __post_init__(self) -> None:
        check_targets(self.targets)
        if not self.targets and not self.has_non_targets:
            raise StudyError("a study needs a target or non-targets: without disease there is no response")
        if not self.time_points or self.time_points[0].day != 0:
            raise StudyError("the first time point must be baseline, on day 0")
        for before, after in pairwise(self.time_points):
            if after.day <= before.day:
                raise StudyError(f"days must ascend, but day {after.day} comes after day {before.day}")
        names = {target.name for target in self.targets}
        for visit in self.time_points:
            if unknown := sorted(visit.targets.keys() - names):
                raise StudyError(f"day {visit.day}: {unknown[0]!r} is no target of this study")
            if visit.non_targets is not None and not self.has_non_targets:
                raise StudyError(
                    f"day {visit.day}: non-targets are {visit.non_targets}, but baseline had none"
                )
        self._check_baseline()

    @property
    def baseline(self) -> TimePoint:
        """Day 0."""
        return self.time_points[0]

    @property
    def follow_up(self) -> tuple[TimePoint, ...]:
        """All later visits."""
        return self.time_points[1:]

    def are_gone(self, visit: TimePoint, quantity: Literal["diameter", "volume"]) -> bool:
        """Whether all targets have disappeared, nodes being normal in size (section 4.3.1, CR).

        A node is judged by its short axis whatever the quantity; without one, by its volume being 0.
        """

        def gone(target: Target) -> bool:
            found = visit.targets.get(target.name, TargetValue())
            if target.is_node and found.diameter_mm is not None:
                return found.diameter_mm < NORMAL_NODE_MM - _ROUNDING_MM
            return found.value(quantity) == 0

        return all(gone(target) for target in self.targets)

    def _check_baseline(self) -> None:
        if self.baseline.new_lesion is not NewLesion.NO:
            raise StudyError("baseline cannot have a new lesion")
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
