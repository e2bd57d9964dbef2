"""Which lesions are measurable, and which of them become targets (sections 3.1 and 4.2)."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from lite_ensam.core.errors import StudyError, brief
from lite_ensam.response.names import name_key, organ_key, repeated_names

__all__ = ["NORMAL_NODE_MM", "BaselineLesion", "Target", "check_targets", "choose_targets"]

MOST_TARGETS = 5
MOST_TARGETS_OF_AN_ORGAN = 2
"""Section 4.2."""

LEAST_DIAMETER_MM = 10.0
LEAST_NODE_SHORT_AXIS_MM = 15.0
"""A smaller lesion or node is not measurable on CT (section 3.1.1)."""

NORMAL_NODE_MM = 10.0
"""A node with a smaller short axis is not pathological (section 3.1.1)."""

THICK_SLICE_MM = 5.0
"""Slices thicker than this raise the least diameter to two slices (section 3.1.1 and appendix II)."""

_ROUNDING_MM = 1e-6
"""A limit must not be missed at the last digit of a float."""


@dataclass(frozen=True)
class Target:
    """A lesion that is followed: a target, or a non-target that is listed.

    Parameters
    ----------
    name : str
        Its identity over time, unique in a study; compared without case and spaces.
    organ : str
        Where it lies; counted for the limit of two targets per organ, without case, spaces and side: both
        lungs are one organ. If it is empty, the lesion counts as an organ of its own.
    is_node : bool, default False
        Whether it is a lymph node: its short axis is summed, and below 10 mm it is normal. All nodes count as
        one organ, wherever they lie (EORTC's clarifications of RECIST 1.1).
    site : str, default ""
        Where in the organ it lies, for readers.
    """

    name: str
    organ: str
    is_node: bool = False
    site: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.is_node, bool):
            raise StudyError(f"is_node must be True or False, got {brief(self.is_node)}")

    @property
    def counted_organ(self) -> str:
        """The organ under which the limit of two targets per organ counts it."""
        return "lymph nodes" if self.is_node else organ_key(self.organ) or name_key(self.name)


@dataclass(frozen=True)
class BaselineLesion:
    """A lesion as it was measured at baseline.

    Parameters
    ----------
    target : Target
        Name and organ of the lesion.
    longest_diameter_mm : float
        Longest diameter on an axial slice, in mm.
    short_axis_mm : float
        Diameter perpendicular to it on the same slice, in mm.
    """

    target: Target
    longest_diameter_mm: float
    short_axis_mm: float

    def __post_init__(self) -> None:
        for what, value in (
            ("longest diameter", self.longest_diameter_mm),
            ("short axis", self.short_axis_mm),
        ):
            if not (math.isfinite(value) and value >= 0):
                raise StudyError(f"lesion {self.target.name!r}: its {what} must be 0 mm or more, got {value}")

    @property
    def summed_mm(self) -> float:
        """The contribution to the sum of diameters: the longest diameter, or the short axis of a node (4.2)."""
        return self.short_axis_mm if self.target.is_node else self.longest_diameter_mm

    def is_measurable(self, slice_mm: float = 0.0) -> bool:
        """Tell whether it may be a target (section 3.1.1), on slices of this thickness.

        Parameters
        ----------
        slice_mm : float, default 0.0
            Thickness of the slices in mm.

        Returns
        -------
        bool
            True if the lesion is large enough for a target.
        """
        return self.summed_mm >= least_mm(self.target.is_node, slice_mm) - _ROUNDING_MM


def least_mm(is_node: bool, slice_mm: float = 0.0) -> float:
    """Smallest measurable size: 15 mm short axis of a node, else 10 mm longest diameter (section 3.1.1).

    Examples
    --------
    >>> least_mm(False), least_mm(True), least_mm(False, slice_mm=7.5)
    (10.0, 15.0, 15.0)
    """
    least = LEAST_NODE_SHORT_AXIS_MM if is_node else LEAST_DIAMETER_MM
    return max(least, 2 * slice_mm) if slice_mm > THICK_SLICE_MM else least


def is_normal_node(is_node: bool, short_axis_mm: float | None) -> bool:
    """Tell whether a lesion is a lymph node of normal size: below 10 mm in the short axis (3.1.1, 4.3.3).

    Examples
    --------
    >>> is_normal_node(True, 8.0), is_normal_node(True, 10.0), is_normal_node(True, None), is_normal_node(False, 8.0)
    (True, False, False, False)
    """
    return is_node and short_axis_mm is not None and short_axis_mm < NORMAL_NODE_MM - _ROUNDING_MM


def choose_targets(
    lesions: Iterable[BaselineLesion], slice_mm: float = 0.0
) -> tuple[tuple[BaselineLesion, ...], tuple[BaselineLesion, ...]]:
    """Choose targets by the guideline's rule, the largest first: at most five, at most two per organ.

    The guideline asks for the largest lesions that can be followed well; what can be followed well is the
    reader's to say, so leave out what cannot.

    Parameters
    ----------
    lesions : Iterable[BaselineLesion]
        All lesions measured at baseline; of equal ones the first is taken.
    slice_mm : float, default 0.0
        Thickness of the slices, in mm.

    Returns
    -------
    targets : tuple[BaselineLesion, ...]
        The targets, the largest first.
    others : tuple[BaselineLesion, ...]
        The non-targets. A node below 10 mm is normal and in neither list.

    Raises
    ------
    StudyError
        If two lesions have one name.
    """
    diseased = [one for one in lesions if not is_normal_node(one.target.is_node, one.summed_mm)]
    _refuse_repeated_names(one.target for one in diseased)
    chosen: list[BaselineLesion] = []
    of_organ: Counter[str] = Counter()
    for one in sorted(diseased, key=lambda one: -one.summed_mm):
        organ = one.target.counted_organ
        if (
            one.is_measurable(slice_mm)
            and len(chosen) < MOST_TARGETS
            and of_organ[organ] < MOST_TARGETS_OF_AN_ORGAN
        ):
            chosen.append(one)
            of_organ[organ] += 1
    return tuple(chosen), tuple(one for one in diseased if one not in chosen)


def check_targets(targets: Iterable[Target]) -> None:
    """Raise `StudyError` unless there are at most five targets, at most two per organ, each with its own name.

    Parameters
    ----------
    targets : Iterable[Target]
        Targets of one patient.
    """
    all_targets = tuple(targets)
    _refuse_repeated_names(all_targets)
    if len(all_targets) > MOST_TARGETS:
        raise StudyError(f"RECIST 1.1 follows at most {MOST_TARGETS} targets, got {len(all_targets)}")
    organ, count = max(
        Counter(one.counted_organ for one in all_targets).items(), key=lambda x: x[1], default=("", 0)
    )
    if count > MOST_TARGETS_OF_AN_ORGAN:
        raise StudyError(
            f"RECIST 1.1 follows at most {MOST_TARGETS_OF_AN_ORGAN} targets of an organ, got {count} of {organ!r}"
        )


def _refuse_repeated_names(targets: Iterable[Target]) -> None:
    if repeated := repeated_names(one.name for one in targets):
        raise StudyError(f"every lesion needs its own name, but {repeated[0]!r} comes more than once")
