"""Volume, longest axial diameter and short axis of a mask (RECIST 1.1's words), beside the line that was given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam import _kernels
from lite_ensam.core.partial_volume import PartialScan, SubVolume, as_subvolume, slices, subvolume_containing
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.types import CtVolume, IntTriple
from lite_ensam.measurements.intensity import is_aerated

__all__ = ["DISAGREEMENT", "TumorMeasurement", "measure"]

DISAGREEMENT = 0.2
"""Mask and line disagree if their longest diameters differ by more than this share of the line: RECIST's PD."""


@dataclass(frozen=True)
class TumorMeasurement:
    """Numbers of one tumour. Diameters run between voxel centres, as RECIST lines do.

    Parameters
    ----------
    label : the tumour's value in the label map
    n_voxels : voxels with that value
    volume_ml : their volume
    longest_diameter_mm : longest in-plane distance, on the axial slice where it is longest
    longest_diameter_slice : that slice (z index), or None for a tumour without voxels
    longest_diameter_zyx : its two ends (voxel indices), or None
    short_axis_mm : longest perpendicular to it in the same slice
    short_axis_zyx : its two ends, or None
    recist_mm : length of the line that was given
    recist_slice : slice of that line (z index)
    disagrees : whether the mask's longest diameter differs from the line by more than 20 % of the line, and
        by more than the diagonal of a voxel in plane, which a mask cannot tell
    touches_edge : whether the mask reaches the scan's border, where a tumour may go on unseen
    is_aerated : whether the mask's voxels are air or lung (see `is_aerated`); False where their HU are not known
    """

    label: int
    n_voxels: int
    volume_ml: float
    longest_diameter_mm: float
    longest_diameter_slice: int | None
    longest_diameter_zyx: tuple[tuple[float, ...], ...] | None
    short_axis_mm: float
    short_axis_zyx: tuple[tuple[float, ...], ...] | None
    recist_mm: float
    recist_slice: int
    disagrees: bool
    touches_edge: bool
    is_aerated: bool = False

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def measure(
    labels: NDArray[np.uint16] | NDArray[np.uint8] | SubVolume,
    marks: Sequence[RecistMark],
    spacing_mm: tuple[float, float, float],
    ct_hu: CtVolume | PartialScan | None = None,
) -> tuple[TumorMeasurement, ...]:
    """Measure the tumour of each mark.

    Parameters
    ----------
    labels : uint8 or uint16 (z, y, x), or the part of it that holds all tumours
    marks : the lines; their labels say which values are measured, in this order
    spacing_mm : (z, y, x)
    ct_hu : the scan in HU (z, y, x), or the crops of it that hold the tumours: `is_aerated` looks at it
    """
    part = as_subvolume(labels)
    highest = max(int(part.voxels.max(initial=0)), *(mark.label for mark in marks))
    boxes = _kernels.label_boxes(part.voxels, highest)
    return tuple(_measure_one(part, boxes[mark.label], mark, spacing_mm, ct_hu) for mark in marks)


def _measure_one(
    part: SubVolume,
    box: NDArray[np.int64],
    mark: RecistMark,
    spacing_mm: tuple[float, float, float],
    ct_hu: CtVolume | PartialScan | None,
) -> TumorMeasurement:
    start, stop = box
    crop = part.voxels[slices(start, stop)]
    inside = crop == mark.label
    n_voxels = int(np.count_nonzero(inside))
    start, stop = start + part.start_zyx, stop + part.start_zyx
    found = _kernels.in_plane_diameters(crop, mark.label, spacing_mm) if n_voxels else None
    longest, long_ends, short, short_ends = found or (0.0, None, 0.0, None)
    ends, recist_mm = _moved(long_ends, start), mark.length_mm(spacing_mm)
    least_mm = max(DISAGREEMENT * recist_mm, float(np.hypot(*spacing_mm[1:])))
    return TumorMeasurement(
        label=mark.label,
        n_voxels=n_voxels,
        volume_ml=n_voxels * float(np.prod(spacing_mm)) / 1000.0,
        longest_diameter_mm=longest,
        longest_diameter_slice=int(ends[0][0]) if ends else None,
        longest_diameter_zyx=ends,
        short_axis_mm=short,
        short_axis_zyx=_moved(short_ends, start),
        recist_mm=recist_mm,
        recist_slice=mark.slice_index,
        disagrees=abs(longest - recist_mm) > least_mm,
        touches_edge=n_voxels > 0 and bool((start == 0).any() or (stop == part.whole_shape_zyx).any()),
        is_aerated=n_voxels > 0 and ct_hu is not None and is_aerated(_voxels(ct_hu, start, stop)[inside]),
    )


def _voxels(ct: CtVolume | PartialScan, start: NDArray[np.int64], stop: NDArray[np.int64]) -> NDArray[Any]:
    """A box of the scan."""
    held = subvolume_containing(ct, (_triple(start), _triple(stop)))
    first, last = (_triple(np.subtract(end, held.start_zyx)) for end in (start, stop))
    return held.voxels[slices(first, last)]


def _triple(point: NDArray[np.int64]) -> IntTriple:
    z, y, x = point.tolist()
    return z, y, x


def _moved(
    ends: tuple[tuple[float, ...], ...] | None, start: NDArray[np.int64]
) -> tuple[tuple[float, ...], ...] | None:
    if ends is None:
        return None
    return tuple(tuple((np.asarray(end) + start).tolist()) for end in ends)
