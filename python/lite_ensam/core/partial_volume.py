"""Parts of volumes: what is kept of a scan that streams by, and of a label map that is zero elsewhere.

A scan's network patches are cut from a few boxes around the lines. `PartialScan` holds those boxes and what must be
known of all voxels, so that the scan itself need never be in memory; `subvolume_containing` makes the two kinds alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lite_ensam import _kernels
from lite_ensam.core.errors import CaseError
from lite_ensam.core.types import CtVolume, Flips, IntTriple, int_triple

__all__ = [
    "PartialScan",
    "SubVolume",
    "VoxelBox",
    "as_subvolume",
    "flipped_box",
    "merged_boxes",
    "subvolume_containing",
    "value_range",
]

VoxelBox: TypeAlias = tuple[IntTriple, IntTriple]
"""First voxel (z, y, x) and one past the last."""


@dataclass(frozen=True, eq=False)
class SubVolume:
    """A box of a volume.

    Parameters
    ----------
    voxels : (z, y, x), any dtype and strides
    start_zyx : its first voxel in the volume
    whole_shape_zyx : shape of the volume
    """

    voxels: NDArray[Any]
    start_zyx: IntTriple
    whole_shape_zyx: IntTriple

    @property
    def stop_zyx(self) -> IntTriple:
        """One past its last voxel in the volume."""
        z, y, x = np.add(self.start_zyx, self.voxels.shape).tolist()
        return z, y, x

    def holds(self, box: VoxelBox) -> bool:
        """Whether all voxels of a box are here."""
        return bool((np.less_equal(self.start_zyx, box[0]) & np.greater_equal(self.stop_zyx, box[1])).all())

    def flipped(self, flips_zyx: Flips) -> SubVolume:
        """The same box of the volume with some axes reversed; a view."""
        (start, _) = flipped_box((self.start_zyx, self.stop_zyx), flips_zyx, self.whole_shape_zyx)
        return SubVolume(
            np.flip(self.voxels, tuple(np.flatnonzero(flips_zyx).tolist())), start, self.whole_shape_zyx
        )

    def whole(self) -> NDArray[Any]:
        """The volume, zero outside of the box; the voxels themselves if they are all of it."""
        if self.voxels.shape == self.whole_shape_zyx:
            return self.voxels
        volume = np.zeros(self.whole_shape_zyx, dtype=self.voxels.dtype)
        volume[slices(self.start_zyx, self.stop_zyx)] = self.voxels
        return volume


@dataclass(frozen=True, eq=False)
class PartialScan:
    """A scan of which only boxes are kept; stands for the scan where patches are cut.

    Parameters
    ----------
    parts : at least one, all of one volume and dtype (int16, uint16, uint8 or float32)
    value_range : lowest and highest voxel of the whole scan, finite
    """

    parts: tuple[SubVolume, ...]
    value_range: tuple[float, float]

    def flipped(self, flips_zyx: Flips) -> PartialScan:
        """The same crops of the scan with some axes reversed; views."""
        return PartialScan(tuple(part.flipped(flips_zyx) for part in self.parts), self.value_range)

    @property
    def shape(self) -> IntTriple:
        """Shape of the whole scan."""
        return self.parts[0].whole_shape_zyx

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the voxels."""
        return self.parts[0].voxels.dtype


def slices(start_zyx: Sequence[int], stop_zyx: Sequence[int]) -> tuple[slice, ...]:
    """Index of a box in its volume."""
    return tuple(slice(a, b) for a, b in zip(start_zyx, stop_zyx, strict=True))


def flipped_box(box: VoxelBox, flips_zyx: Flips, shape_zyx: Sequence[int]) -> VoxelBox:
    """Where a box lies in its volume with some axes reversed."""
    start, stop = (np.where(flips_zyx, np.subtract(shape_zyx, end), end) for end in box)
    low, high = np.where(flips_zyx, stop, start), np.where(flips_zyx, start, stop)
    return int_triple(low), int_triple(high)


def as_subvolume(volume: NDArray[Any] | SubVolume) -> SubVolume:
    """An array as the part that is the whole; a part as it is."""
    if isinstance(volume, SubVolume):
        return volume
    z, y, x = volume.shape
    return SubVolume(volume, (0, 0, 0), (z, y, x))


def subvolume_containing(ct: CtVolume | PartialScan, box: VoxelBox) -> SubVolume:
    """A part of a scan that holds a box.

    Raises
    ------
    CaseError
        If the box was not kept.
    """
    if not isinstance(ct, PartialScan):
        return as_subvolume(ct)
    for part in ct.parts:
        if part.holds(box):
            return part
    raise CaseError(f"the voxels {box[0]} to {box[1]} (z, y, x) of the scan were not kept when it was read")


def value_range(ct: CtVolume | PartialScan) -> tuple[float, float]:
    """Lowest and highest voxel of the whole scan; ValueError if one is NaN or infinite, or there is none."""
    return ct.value_range if isinstance(ct, PartialScan) else _kernels.value_range(ct)


def merged_boxes(boxes: Sequence[VoxelBox], shape_zyx: IntTriple) -> list[VoxelBox]:
    """Boxes that hold the given ones in fewer voxels: never more than the volume has.

    Two boxes become one where that takes no more voxels than both of them.

    Examples
    --------
    >>> merged_boxes([((0, 0, 0), (2, 4, 4)), ((1, 0, 0), (3, 4, 4)), ((5, 0, 0), (6, 4, 4))], (9, 9, 9))
    [((0, 0, 0), (3, 4, 4)), ((5, 0, 0), (6, 4, 4))]
    """
    merged: list[VoxelBox] = []
    for box in boxes:
        joined = box
        found: VoxelBox | None = joined
        while found is not None:
            found = next(
                (other for other in merged if _size(_hull(joined, other)) <= _size(joined) + _size(other)),
                None,
            )
            if found is not None:
                merged.remove(found)
                joined = _hull(joined, found)
        merged.append(joined)
    if sum(map(_size, merged)) > math.prod(shape_zyx):
        return [((0, 0, 0), shape_zyx)]
    return sorted(merged)


def _size(box: VoxelBox) -> int:
    return math.prod(b - a for a, b in zip(*box, strict=True))


def _hull(one: VoxelBox, other: VoxelBox) -> VoxelBox:
    z, y, x = map(min, one[0], other[0])
    stop_z, stop_y, stop_x = map(max, one[1], other[1])
    return (z, y, x), (stop_z, stop_y, stop_x)
