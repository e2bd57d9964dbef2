"""Any function that segments a case can be evaluated."""

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from lite_ensam.core.case import Case
from lite_ensam.core.types import Labels
from lite_ensam.core.voxels import as_labels

__all__ = ["HasLabels", "Segmenting", "label_map"]


class HasLabels(Protocol):
    """A result with a label map, as `lite_ensam.segment` returns it."""

    @property
    def labels(self) -> Labels:
        """Label map (z, y, x), uint8 or uint16."""
        ...


Segmenting: TypeAlias = Callable[[Case], Labels | HasLabels]
"""Function from a case to its label map, uint8 or uint16 (z, y, x) with the labels of the marks, or to a result that
has it as `labels`, such as `lite_ensam.segment`."""


def label_map(segment: Segmenting, case: Case) -> Labels:
    """Segment a case.

    Parameters
    ----------
    segment : Segmenting
        The function.
    case : Case
        Scan and lines.

    Returns
    -------
    Labels
        Label map (z, y, x).

    Raises
    ------
    CaseError
        If the function returns no whole numbers.
    """
    made: Any = segment(case)
    return as_labels(getattr(made, "labels", made))
