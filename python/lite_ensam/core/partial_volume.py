"""Parts of volumes: what is kept of a scan that streams by, and of a label map that is zero elsewhere.

A scan's network patches are cut from a few boxes around the lines. `PartialScan` holds those boxes and what must be
known of all voxels, so that the scan itself need never be in memory; `subvolume_containing` makes the two kinds alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lite_ensam import _kernels
from lite_ensam.core.errors import ArgumentError, CaseError, brief
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import CtVolume, Flips, IntTriple, int_triple
from lite_ensam.core.voxels import as_labels

__all__ = [
    "PartialScan",
    "SubVolume",
    "TumorMasks",
    "VoxelBox",
    "as_subvolume",
    "flipped_box",
    "keep_boxes",
    "label_part",
    "merged_boxes",
    "on_common_box",
    "subvolume_containing",
    "value_range",
]

VoxelBox: TypeAlias = tuple[IntTriple, IntTriple]
"""First voxel (z, y, x) and one past the last."""


@with_short_repr
@dataclass(frozen=True, eq=False)
class SubVolume:
    """A box of a volume.

    Parameters
    ----------
    voxels : NDArray[Any]
        Voxels (z, y, x), any dtype and strides.
    start_zyx : IntTriple
        Its first voxel in the volume.
    whole_shape_zyx : IntTriple
        Shape of the volume.
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
        """Tell whether a box of the volume lies within this part.

        Parameters
        ----------
        box : VoxelBox
            A box of the volume.

        Returns
        -------
        bool
            True if the box lies within this part.
        """
        return bool((np.less_equal(self.start_zyx, box[0]) & np.greater_equal(self.stop_zyx, box[1])).all())

    def cut(self, box: VoxelBox) -> SubVolume:
        """Cut this part to a box of the volume; the result has no voxels where they do not overlap.

        Parameters
        ----------
        box : VoxelBox
            A box of the volume.

        Returns
        -------
        SubVolume
            The common part, a view.
        """
        start = np.clip(box[0], self.start_zyx, self.stop_zyx)
        stop = np.clip(box[1], start, self.stop_zyx)
        inside = slices((start - self.start_zyx).tolist(), (stop - self.start_zyx).tolist())
        return SubVolume(self.voxels[inside], int_triple(start), self.whole_shape_zyx)

    def on(self, box: VoxelBox) -> NDArray[Any]:
        """Return the voxels of a box of the volume, zero outside this part.

        Parameters
        ----------
        box : VoxelBox
            A box of the volume.

        Returns
        -------
        NDArray[Any]
            An array of the box's shape; zero outside this part.
        """
        voxels = np.zeros(np.subtract(box[1], box[0]), dtype=self.voxels.dtype)
        both = self.cut(box)
        start = np.subtract(both.start_zyx, box[0])
        voxels[slices(start.tolist(), (start + both.voxels.shape).tolist())] = both.voxels
        return voxels

    def mask_of(self, label: int) -> SubVolume:
        """Return the mask of one label of a label map.

        Parameters
        ----------
        label : int
            Label of one lesion.

        Returns
        -------
        SubVolume
            A bool part on the same box.
        """
        return replace(self, voxels=self.voxels == label)

    def flipped(self, flips_zyx: Flips) -> SubVolume:
        """Reverse some axes of the volume.

        Parameters
        ----------
        flips_zyx : Flips
            Whether each axis z, y, x is reversed.

        Returns
        -------
        SubVolume
            The part in the reversed volume, a view.
        """
        (start, _) = flipped_box((self.start_zyx, self.stop_zyx), flips_zyx, self.whole_shape_zyx)
        return SubVolume(
            np.flip(self.voxels, tuple(np.flatnonzero(flips_zyx).tolist())), start, self.whole_shape_zyx
        )

    def whole(self) -> NDArray[Any]:
        """Return the whole volume, zero outside this part.

        Returns
        -------
        NDArray[Any]
            An array of the volume's shape.
        """
        if self.voxels.shape == self.whole_shape_zyx:
            return self.voxels
        return self.on(((0, 0, 0), self.whole_shape_zyx))


class TumorMasks:
    """Masks of the tumours of a label map, each on its own box.

    All boxes come from one pass over the voxels: many labels take hardly longer than one, where a comparison of the
    whole map with each label takes that much longer.

    Parameters
    ----------
    labels : NDArray[Any] or SubVolume
        Label map (z, y, x), bool, uint8 or uint16, or a part of such a map that is zero elsewhere.

    Attributes
    ----------
    labels : NDArray[Any] or SubVolume
        The labels that have a voxel, ascending; not 0.

    Examples
    --------
    >>> masks = TumorMasks(np.array([[[0, 7, 2, 7]]], dtype=np.uint8))
    >>> masks.labels, masks[7].start_zyx, masks[7].voxels
    ((2, 7), (0, 0, 1), array([[[ True, False,  True]]]))
    """

    def __init__(self, labels: NDArray[Any] | SubVolume) -> None:
        self._part = as_subvolume(labels)
        highest = int(self._part.voxels.max(initial=0))
        self._boxes = _kernels.label_boxes(self._part.voxels, highest) + self._part.start_zyx
        sizes = self._boxes[:, 1] - self._boxes[:, 0]
        self.labels: tuple[int, ...] = tuple(n for n in np.flatnonzero(sizes.any(axis=1)).tolist() if n)

    def __getitem__(self, label: int) -> SubVolume:
        """Mask of a label, bool (z, y, x), on the smallest box that holds it; without voxels if it has none."""
        if not 0 < label < len(self._boxes):
            return self._part.cut((self._part.start_zyx,) * 2).mask_of(label)
        start, stop = self._boxes[label]
        return self._part.cut((int_triple(start), int_triple(stop))).mask_of(label)


@with_short_repr
@dataclass(frozen=True, eq=False)
class PartialScan:
    """Boxes of a scan, in place of the whole scan, for cutting patches.

    Parameters
    ----------
    parts : tuple[SubVolume, ...]
        At least one, all of one volume and dtype (int16, uint16, uint8 or float32).
    value_range : tuple[float, float]
        Lowest and highest voxel of the whole scan, finite.
    """

    parts: tuple[SubVolume, ...]
    value_range: tuple[float, float]

    def flipped(self, flips_zyx: Flips) -> PartialScan:
        """Reverse some axes of the scan.

        Parameters
        ----------
        flips_zyx : Flips
            Whether each axis z, y, x is reversed.

        Returns
        -------
        PartialScan
            The crops in the reversed scan, views.
        """
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
    """Find a box in its volume after some axes are reversed.

    Parameters
    ----------
    box : VoxelBox
        Box of voxel indices.
    flips_zyx : Flips
        Whether each axis is reversed.
    shape_zyx : Sequence[int]
        Shape of the volume.

    Returns
    -------
    VoxelBox
        The box in the reversed volume.
    """
    start, stop = (np.where(flips_zyx, np.subtract(shape_zyx, end), end) for end in box)
    low, high = np.where(flips_zyx, stop, start), np.where(flips_zyx, start, stop)
    return int_triple(low), int_triple(high)


def as_subvolume(volume: NDArray[Any] | SubVolume) -> SubVolume:
    """Wrap an array as a part that is the whole volume; a part is returned as it is.

    Parameters
    ----------
    volume : NDArray[Any] or SubVolume
        A whole array, or a part of one, which is returned as it is.

    Returns
    -------
    SubVolume
        A part whose box is the whole array, or the given part.
    """
    if isinstance(volume, SubVolume):
        return volume
    if not isinstance(volume, np.ndarray) or volume.ndim != 3:
        raise ArgumentError(
            f"a volume must be an array (z, y, x), as `read_labels` and `Segmentation.labels` are, got {brief(volume)}"
        )
    z, y, x = volume.shape
    return SubVolume(volume, (0, 0, 0), (z, y, x))


def label_part(labels: Any, name: str = "labels") -> SubVolume:
    """Make a label map, in whatever form a caller has it, the part (z, y, x) that holds all its labels.

    Parameters
    ----------
    labels : Any
        A `SubVolume`, a `Segmentation`, a `LabelMap`, or an array-like (z, y, x) of bool or whole numbers.
    name : str, default "labels"
        Name of the argument, for messages.

    Returns
    -------
    SubVolume
        The part, uint8 or uint16; no copy of what is.

    Raises
    ------
    CaseError
        If they are not whole numbers from 0 to 65535, or have not three axes.
    """
    if isinstance(labels, SubVolume):
        return replace(labels, voxels=as_labels(labels.voxels, name))
    voxels = as_labels(labels, name)
    if voxels.ndim != 3:
        raise CaseError(f"{name} must have three axes (z, y, x), got shape {voxels.shape}")
    return as_subvolume(voxels)


def subvolume_containing(ct: CtVolume | PartialScan, box: VoxelBox) -> SubVolume:
    """Return a part of a scan that holds a box.

    Parameters
    ----------
    ct : CtVolume or PartialScan
        The scan, or the crops of it that are in memory.
    box : VoxelBox
        Voxels that the part must contain.

    Returns
    -------
    SubVolume
        A part that holds the box.

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


def keep_boxes(ct: CtVolume | PartialScan, boxes: Sequence[VoxelBox]) -> PartialScan:
    """Copy some boxes of a scan, so that the scan itself can be freed.

    Parameters
    ----------
    ct : CtVolume or PartialScan
        The whole scan.
    boxes : Sequence[VoxelBox]
        Boxes of voxels to keep.

    Returns
    -------
    PartialScan
        Copies of the crops.
    """
    if isinstance(ct, PartialScan):
        return ct
    whole = as_subvolume(ct)
    parts = [whole.cut(box) for box in merged_boxes(boxes, whole.whole_shape_zyx)]
    return PartialScan(tuple(replace(part, voxels=part.voxels.copy()) for part in parts), value_range(ct))


def value_range(ct: CtVolume | PartialScan) -> tuple[float, float]:
    """Find the lowest and highest voxel of a scan; ValueError if one is NaN or infinite, or the scan is empty.

    Parameters
    ----------
    ct : CtVolume or PartialScan
        The scan, or its crops, which know the range of the whole.

    Returns
    -------
    tuple[float, float]
        Lowest and highest value.
    """
    return ct.value_range if isinstance(ct, PartialScan) else _kernels.value_range(ct)


def merged_boxes(boxes: Sequence[VoxelBox], shape_zyx: IntTriple) -> list[VoxelBox]:
    """Merge boxes that overlap or lie close, so that they hold fewer voxels in all.

    Two boxes become one where that takes no more voxels than both of them.

    Parameters
    ----------
    boxes : Sequence[VoxelBox]
        Boxes of voxels; they may overlap and reach beyond the volume.
    shape_zyx : IntTriple
        Shape of the volume.

    Returns
    -------
    list[VoxelBox]
        Boxes that together hold all given boxes.

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


def on_common_box(one: SubVolume, other: SubVolume) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return two parts of a volume on the smallest box that holds both, zero elsewhere.

    Parameters
    ----------
    one : SubVolume
        Part of a volume.
    other : SubVolume
        Part of the same volume.

    Returns
    -------
    tuple[NDArray[Any], NDArray[Any]]
        Two arrays of the same shape.
    """
    boxes = [(part.start_zyx, part.stop_zyx) for part in (one, other) if part.voxels.size]
    box = _hull(boxes[0], boxes[-1]) if boxes else ((0, 0, 0), (0, 0, 0))
    return one.on(box), other.on(box)


def _size(box: VoxelBox) -> int:
    return math.prod(b - a for a, b in zip(*box, strict=True))


def _hull(one: VoxelBox, other: VoxelBox) -> VoxelBox:
    z, y, x = map(min, one[0], other[0])
    stop_z, stop_y, stop_x = map(max, one[1], other[1])
    return (z, y, x), (stop_z, stop_y, stop_x)
