"""From logits on patches to one label map of the scan, with every marked tumour in it (paper, section 2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lite_ensam import _kernels
from lite_ensam.errors import MarkError
from lite_ensam.geometry import Placement
from lite_ensam.recist import RecistMark

TumorArgument = tuple[
    int, NDArray[np.float32], tuple[float, float, float], tuple[float, float, float], tuple[int, int, int]
]


@dataclass(frozen=True)
class TumorLogits:
    """What the network said of one tumour.

    Parameters
    ----------
    mark : the tumour's line
    logits : float32 (z, y, x) on the patch; above the threshold is tumour
    placement : where the patch lies in the volume
    """

    mark: RecistMark
    logits: NDArray[np.float32]
    placement: Placement


@dataclass(frozen=True)
class Painting:
    """A label map and which tumours had to be raised to be in it.

    Parameters
    ----------
    labels : uint16 (z, y, x), 0 is background
    raised : label -> offset that was added to its logits inside the line's sphere
    """

    labels: NDArray[np.uint16]
    raised: dict[int, float]


def paint_tumors(
    tumors: Sequence[TumorLogits], spacing_mm: tuple[float, float, float], threshold: float = 0.0
) -> Painting:
    """Paint all tumours into one label map of the volume they were cut from.

    Logits are brought back to the scan's voxels by trilinear interpolation, slice by slice; the highest
    one above the threshold wins a voxel, background wins ties. A tumour that got no voxel has its logits
    raised inside the sphere of its line by 1, 3, 7, ... until it has one.

    Parameters
    ----------
    tumors : at least one; all of one volume
    spacing_mm : (z, y, x), for the sphere
    threshold : logit above which a voxel is tumour
    """
    arguments: list[TumorArgument] = [
        (t.mark.label, t.logits, t.placement.start_zyx, t.placement.step_zyx, t.placement.content_zyx)
        for t in tumors
    ]
    labels = _kernels.paint(tumors[0].placement.volume_shape_zyx, arguments, threshold)
    counts = _kernels.label_counts(labels, max(t.mark.label for t in tumors))
    raised = {}
    for tumor in tumors:
        if counts[tumor.mark.label] == 0:
            raised[tumor.mark.label] = _raise(labels, arguments, tumor.mark, spacing_mm, threshold)
    return Painting(labels, raised)


def _raise(
    labels: NDArray[np.uint16],
    arguments: list[TumorArgument],
    mark: RecistMark,
    spacing_mm: tuple[float, float, float],
    threshold: float,
) -> float:
    """Paint a missing tumour inside its line's sphere; returns the offset that this took."""
    radius_mm = mark.radius_mm(spacing_mm)
    try:
        _, offset, _ = _kernels.raise_sphere(
            labels, arguments, mark.label, mark.midpoint_zyx, radius_mm, spacing_mm, threshold
        )
    except ValueError as error:  # no voxel is left for it: lines on top of each other
        raise MarkError(f"mark {mark.label}: {error}") from None
    return offset
