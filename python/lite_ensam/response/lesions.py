"""Lesions besides the targets, one by one, and how a lesion was read: by whom, and what else is known of it."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from lite_ensam.core.errors import StudyError, brief
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.response.names import organ_key
from lite_ensam.response.targets import is_normal_node

Interval: TypeAlias = tuple[float, float]

__all__ = ["SEEN", "Imaging", "LesionState", "NewLesionFinding", "NonTargetFinding", "Reading"]


class LesionState(StrEnum):
    """State of a lesion that is not measured (section 4.3.3)."""

    PRESENT = "present"
    """It is seen and has not progressed unequivocally."""
    ABSENT = "absent"
    """It has disappeared; a node's short axis is below 10 mm."""
    PROGRESSION = "unequivocal progression"
    """It has progressed unequivocally."""
    NOT_EVALUABLE = "not evaluable"
    """It could not be evaluated."""


SEEN = (LesionState.PRESENT, LesionState.PROGRESSION)
"""States of a lesion that is there."""


@dataclass(frozen=True)
class Imaging:
    """The examination behind a visit; each text may be empty.

    Parameters
    ----------
    date : str, default ""
        ISO 8601, where the study file gave dates.
    modality : str, default ""
        DICOM code of the modality, such as CT or MR.
    reader : str, default ""
        The reader, if one reader read the whole visit.
    """

    date: str = ""
    modality: str = ""
    reader: str = ""


@with_short_repr
@dataclass(frozen=True)
class Reading:
    """Details of a lesion at a visit that the rules do not need.

    Parameters
    ----------
    reader : str, default ""
        The reader of this lesion.
    longest_diameter_mm, short_axis_mm : float or None, default None
        Longest diameter in mm and short axis in mm on an axial slice; None where unknown.
    mean_hu : float or None, default None
        Mean grey value in HU, or None.
    flags : tuple[str, ...], default ()
        Codes, such as "too_small", "split" and those of the measurement.
    reason : str, default ""
        Why the lesion was not evaluable.
    volume_interval_ml, diameter_interval_mm : Interval or None, default None
        Lower and upper limit of 95 %, of the volume and of the diameter that counts, as the report of a
        segmented scan has them.
    modality : str, default ""
        Modality of this lesion, where it is not that of the visit (`Imaging`).
    """

    reader: str = ""
    longest_diameter_mm: float | None = None
    short_axis_mm: float | None = None
    mean_hu: float | None = None
    flags: tuple[str, ...] = ()
    reason: str = ""
    volume_interval_ml: Interval | None = None
    diameter_interval_mm: Interval | None = None
    modality: str = ""


@dataclass(frozen=True)
class NonTargetFinding:
    """A non-target at a visit.

    Parameters
    ----------
    state : LesionState
        See `LesionState`; a node is absent when its short axis is below 10 mm.
    larger : bool, default False
        Whether it has grown since the visit before. In RECIST 1.1 growth alone is not progression; in iRECIST
        it confirms progression of non-targets and need not be unequivocal again.
    reading : Reading, optional
        Further details.
    """

    state: LesionState
    larger: bool = False
    reading: Reading = Reading()

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", _as_state(self.state))
        if self.larger and self.state in (LesionState.ABSENT, LesionState.NOT_EVALUABLE):
            raise StudyError(f"a non-target that is {self.state} cannot be larger")


@dataclass(frozen=True)
class NewLesionFinding:
    """A lesion that baseline did not have, at a visit.

    Parameters
    ----------
    organ, site : str
        Organ in which it lies, and where in the organ.
    is_node : bool, default False
        Whether `diameter_mm` is the short axis of a lymph node.
    is_certain : bool, default True
        False where it may be something else than a new lesion (equivocal, section 4.3.5).
    state : LesionState, default LesionState.PRESENT
        Unequivocal progression means that a lesion that is not measured has grown much.
    diameter_mm : float or None, default None
        Longest diameter, of a node the short axis; None if it was not measured.
    larger : bool, default False
        Whether it has grown since the visit before, if it is not measured.
    reading : Reading, optional
        Further details.
    """

    organ: str
    site: str = ""
    is_node: bool = False
    is_certain: bool = True
    state: LesionState = LesionState.PRESENT
    diameter_mm: float | None = None
    larger: bool = False
    reading: Reading = Reading()

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", _as_state(self.state))
        mm = self.diameter_mm
        if mm is not None and not (math.isfinite(mm) and mm >= 0):
            raise StudyError(f"the diameter of a new lesion must be 0 mm or more, or None, got {mm}")
        is_seen = bool(mm) and not is_normal_node(self.is_node, mm)
        if self.state is LesionState.ABSENT and (is_seen or self.larger):
            raise StudyError("a new lesion that is absent has no size and cannot be larger")

    @property
    def is_there(self) -> bool:
        """Whether it is seen at this visit; a node below 10 mm is normal, and not a lesion (section 4.3.3)."""
        is_normal = self.diameter_mm == 0 or is_normal_node(self.is_node, self.diameter_mm)
        return self.state in SEEN and not is_normal

    @property
    def counted_organ(self) -> str:
        """The organ under which the limit of two targets per organ counts it."""
        return "lymph nodes" if self.is_node else organ_key(self.organ)


def _as_state(value: str) -> LesionState:
    try:
        return LesionState(value)
    except ValueError:
        raise StudyError(f"state must be one of {', '.join(LesionState)}, got {brief(value)}") from None
