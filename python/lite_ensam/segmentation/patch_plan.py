"""Where the network looks: which voxels of a scan make each line's patch, and the way back.

One `PatchPlan` serves all who need to know: reading keeps the boxes it names, cutting fills the patches, painting
brings logits back, training cuts its crops alike. All of it is in the network's frame: indices grow to the patient's
head, back and left, however the scan is stored.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from lite_ensam import _kernels
from lite_ensam.core.grid import Grid, as_points
from lite_ensam.core.partial_volume import VoxelBox, flipped_box
from lite_ensam.core.patch_config import Crop, PatchConfig
from lite_ensam.core.recist import RecistMark, voxel_of
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import (
    EndpointPair,
    Flips,
    Float32Array,
    Float64Array,
    FloatTriple,
    IntTriple,
    float_triple,
    int_triple,
)

__all__ = ["PatchPlan", "Placement", "PlannedPatch"]

_PATCH_MULTIPLE = 8
"""The network halves its input three times."""


@with_short_repr
@dataclass(frozen=True)
class Placement:
    """The way from a volume to a network patch and back.

    Patch voxel i covers the volume's edges [start + i * step, start + (i + 1) * step).

    Parameters
    ----------
    volume_shape_zyx : IntTriple
        Shape of the volume.
    start_zyx : FloatTriple
        Where the patch begins, an edge coordinate of the volume; may lie outside of it.
    step_zyx : FloatTriple
        Volume voxels per patch voxel (a pool or zoom factor; below 1 enlarges).
    content_zyx : IntTriple
        How many patch voxels per axis come from the volume; the rest is padding at the end.
    patch_shape_zyx : IntTriple
        Shape of the patch, padding included.
    """

    volume_shape_zyx: IntTriple
    start_zyx: FloatTriple
    step_zyx: FloatTriple
    content_zyx: IntTriple
    patch_shape_zyx: IntTriple

    def __post_init__(self) -> None:
        if not all(math.isfinite(s) and s > 0 for s in self.step_zyx):
            raise ValueError(f"step_zyx must be positive and finite, got {self.step_zyx}")
        if not all(math.isfinite(s) for s in self.start_zyx):
            raise ValueError(f"start_zyx must be finite, got {self.start_zyx}")
        if not all(0 < c <= p for c, p in zip(self.content_zyx, self.patch_shape_zyx, strict=True)):
            raise ValueError(
                f"content_zyx must be at least 1 and at most patch_shape_zyx {self.patch_shape_zyx}, "
                f"got {self.content_zyx}"
            )

    @property
    def block_zyx(self) -> IntTriple:
        """Voxels that a joint crop pools into one: the largest power of two that is no longer than a step."""
        return int_triple(2.0 ** np.floor(np.log2(self.step_zyx)))

    @property
    def stop_zyx(self) -> FloatTriple:
        """Where the content ends, an edge coordinate of the volume; may lie outside of it."""
        z, y, x = np.add(self.start_zyx, np.multiply(self.content_zyx, self.step_zyx)).tolist()
        return z, y, x

    def to_patch(self, points_zyx: ArrayLike) -> Float64Array:
        """Patch indices (..., 3) of volume indices (..., 3)."""
        edges = as_points(points_zyx) + 0.5 - np.asarray(self.start_zyx)
        inside: Float64Array = edges / np.asarray(self.step_zyx) - 0.5
        return inside

    def z_in_patch(self, z: float) -> float:
        """Patch index along z of a slice of the volume; half a slice more or less is its face."""
        return float(self.to_patch((z, 0.0, 0.0))[0])

    def length_in_patch(self, ends_zyx: ArrayLike) -> float:
        """Distance in patch voxels of two points (2, 3) in volume indices."""
        first, last = self.to_patch(ends_zyx)
        return float(np.linalg.norm(last - first))

    def points_between(self, ends_zyx: ArrayLike, n_points: int) -> Float64Array:
        """Patch indices (n_points, 3) from one end of a line (2, 3) in volume indices to the other, equally spaced."""
        first, last = self.to_patch(ends_zyx)
        points: Float64Array = first + np.linspace(0, 1, n_points)[:, None] * (last - first)
        return points

    def to_volume(self, points_zyx: ArrayLike) -> Float64Array:
        """Volume indices (..., 3) of patch indices (..., 3): the inverse of `to_patch`."""
        edges: Float64Array = (as_points(points_zyx) + 0.5) * np.asarray(self.step_zyx) + np.asarray(
            self.start_zyx
        )
        return edges - 0.5

    @classmethod
    def lesion_placement(
        cls,
        mark_endpoints: EndpointPair,
        spacing_mm: Sequence[float],
        volume_shape: Sequence[int],
        side_factor: float,
        side_voxels: int,
    ) -> Self:
        """Cube around one RECIST line, resampled to a fixed number of voxels.

        The cube's side is `side_factor` times the line's length in mm, its centre the line's middle,
        so that every tumour fills about the same share of its patch. It may reach out of the volume.
        Around a line shorter than a voxel it is two voxels wide on the axis of largest spacing, so
        that there is always a voxel's centre in it.

        Parameters
        ----------
        mark_endpoints : EndpointPair
            The line's two ends, voxel indices (z, y, x).
        spacing_mm : Sequence[float]
            Spacing in mm, (z, y, x).
        volume_shape : Sequence[int]
            Shape of the volume (z, y, x).
        side_factor : float
            Side of the cube in lengths of the line, positive.
        side_voxels : int
            Side of the patch in voxels, a positive multiple of 8.
        """
        if not side_factor > 0:
            raise ValueError(f"side_factor must be positive, got {side_factor}")
        if side_voxels < 1 or side_voxels % _PATCH_MULTIPLE:
            raise ValueError(
                f"side_voxels must be a positive multiple of {_PATCH_MULTIPLE}, got {side_voxels}"
            )
        ends = as_points(mark_endpoints)
        length_mm = float(np.linalg.norm((ends[1] - ends[0]) * np.asarray(spacing_mm)))
        if not length_mm > 0:
            raise ValueError(f"mark_endpoints must be two different points, got {mark_endpoints}")
        side_mm = max(side_factor * length_mm, 2 * max(spacing_mm))
        step = side_mm / side_voxels / np.asarray(spacing_mm, dtype=np.float64)
        start = ends.mean(axis=0) + 0.5 - step * side_voxels / 2
        cube = (side_voxels, side_voxels, side_voxels)
        return cls(int_triple(volume_shape), float_triple(start), float_triple(step), cube, cube)

    @classmethod
    def joint_placement(
        cls,
        points_zyx: ArrayLike,
        volume_shape: Sequence[int],
        margin: int = 32,
        max_voxels: int = 128**3,
        multiple: int = _PATCH_MULTIPLE,
        ragged: bool = True,
    ) -> Self:
        """The paper's crop: one box around all marks, max-pooled until it is small enough.

        The box holds the voxels of all points and `margin` voxels more on each side, cut at the
        volume's border. While it has more than `max_voxels` voxels, the two longer axes are halved.
        The patch is padded at the end to multiples of `multiple`.

        Parameters
        ----------
        points_zyx : ArrayLike
            Voxel indices (..., 3) of what the box is to hold: `sphere_corners` of all lines.
        volume_shape : Sequence[int]
            Shape of the volume (z, y, x).
        margin : int, default 32
            Voxels.
        max_voxels : int, default 128 ** 3
            The largest content, in voxels before padding.
        multiple : int, default _PATCH_MULTIPLE
            Number that the patch's sides are multiples of.
        ragged : bool, default True
            Whether blocks that the box's end cuts short are pooled, too. The authors' public code leaves them
            out, and the last voxel of the margin; it stretches what is left over the whole box on the way
            back, so that a step may be longer than a block.
        """
        least = 0 if ragged else 1
        if margin < least or max_voxels < 1:
            raise ValueError(f"margin must be >= {least} and max_voxels >= 1, got {margin} and {max_voxels}")
        points = as_points(points_zyx).reshape(-1, 3)
        shape = np.asarray(int_triple(volume_shape))
        voxels = np.clip(np.floor(points + 0.5).astype(np.int64), 0, shape - 1)
        start = np.maximum(voxels.min(axis=0) - margin, 0)
        stop = np.minimum(voxels.max(axis=0) + margin + ragged, shape)
        content, factor = stop - start, np.ones(3, dtype=np.int64)
        while math.prod(content.tolist()) > max_voxels:
            halved = np.arange(3) != int(content.argmin())
            factor[halved] *= 2
            content = -(-(stop - start) // factor) if ragged else np.maximum((stop - start) // factor, 1)
        padded = -(-content // multiple) * multiple
        return cls(
            int_triple(volume_shape),
            float_triple(start),
            float_triple(factor if ragged else (stop - start) / content),
            int_triple(content),
            int_triple(padded),
        )


def raster_ends(mark: RecistMark) -> EndpointPair:
    """First and last voxel, in the order of memory, of a line that is drawn one voxel thick.

    The authors' public code takes these for the line's ends. On a line that runs down to the left they lie inside of
    it, by as much as its first and last row are long.

    Examples
    --------
    >>> raster_ends(RecistMark(1, ((5, 10, 20), (5, 12, 10))))
    ((5.0, 10.0, 18.0), (5.0, 12.0, 12.0))
    """
    start, stop = np.rint(mark.endpoints_zyx)
    steps = max(int(np.abs(stop - start).max()), 1)
    voxels = np.rint(start + np.linspace(0, 1, steps + 1)[:, None] * (stop - start)).tolist()
    (z, y, x), (last_z, last_y, last_x) = min(voxels), max(voxels)
    return (z, y, x), (last_z, last_y, last_x)


def sphere_corners(mark: RecistMark, spacing_mm: Sequence[float]) -> Float64Array:
    """Two opposite corners (2, 3), voxel indices, of the box around a line's sphere.

    A box around the ends alone would cut a large tumour off next to its line, and above and below it.

    Examples
    --------
    >>> sphere_corners(RecistMark(1, ((5, 10, 20), (5, 10, 30))), (2.5, 1.0, 1.0)).tolist()
    [[3.0, 5.0, 20.0], [7.0, 15.0, 30.0]]
    """
    radii = mark.radius_mm(spacing_mm) / np.asarray(spacing_mm, dtype=np.float64)
    corners: Float64Array = np.asarray(mark.midpoint_zyx) + np.outer((-1, 1), radii)
    return corners


@with_short_repr
@dataclass(frozen=True)
class PlannedPatch:
    """One line's patch before it is cut, in the network's frame.

    Parameters
    ----------
    mark : RecistMark
        The line.
    placement : Placement
        Where the patch lies in the volume.
    box : VoxelBox
        The voxels it is cut from.
    endpoints_zyx : Float32Array
        Float32 (2, 3), the line's ends as the network is told them, voxel indices in the patch.
    voxel_mm : FloatTriple
        Size of a patch voxel (z, y, x).
    is_pooled : bool
        Max-pooled from whole voxels (the joint crop) instead of resampled.
    """

    mark: RecistMark
    placement: Placement
    box: VoxelBox
    endpoints_zyx: Float32Array
    voxel_mm: FloatTriple
    is_pooled: bool

    @classmethod
    def lesion(cls, mark: RecistMark, grid: Grid, config: PatchConfig) -> PlannedPatch:
        """A cube around one line, resampled so that every tumour fills about the same share of it."""
        ends = mark.outer_endpoints_zyx(config.end_margin_voxels)
        placement = Placement.lesion_placement(
            ends, grid.spacing_mm, grid.shape_zyx, config.side_factor, config.side_voxels
        )
        box = _kernels.resample_box(
            grid.shape_zyx, placement.start_zyx, placement.step_zyx, placement.patch_shape_zyx
        )
        return cls._of(mark, ends, placement, box, grid, is_pooled=False)

    @property
    def kept_box(self) -> VoxelBox:
        """The box and the points inside, which are tumour wherever they lie."""
        points = np.array([voxel_of(point) for point in self.mark.inside_zyx], dtype=np.int64).reshape(-1, 3)
        return (
            int_triple(np.min([self.box[0], *points], axis=0)),
            int_triple(np.max([self.box[1], *(points + 1)], axis=0)),
        )

    @classmethod
    def pooled(cls, mark: RecistMark, placement: Placement, grid: Grid, config: PatchConfig) -> PlannedPatch:
        """One line seen in a box of whole voxels, max-pooled."""
        stop = np.minimum(np.rint(placement.stop_zyx), placement.volume_shape_zyx)
        box = int_triple(placement.start_zyx), int_triple(stop)
        ends = mark.outer_endpoints_zyx(config.end_margin_voxels)
        planned = cls._of(mark, ends, placement, box, grid, is_pooled=True)
        if config.rules == "flare25":  # ends divided by the block, without half a voxel
            in_blocks = np.subtract(raster_ends(mark), placement.start_zyx) / placement.block_zyx
            return replace(planned, endpoints_zyx=in_blocks.astype(np.float32))
        return planned

    @classmethod
    def _of(
        cls,
        mark: RecistMark,
        ends: EndpointPair,
        placement: Placement,
        box: VoxelBox,
        grid: Grid,
        is_pooled: bool,
    ) -> PlannedPatch:
        endpoints = placement.to_patch(ends).astype(np.float32)
        voxel_mm = float_triple(np.multiply(placement.step_zyx, grid.spacing_mm))
        return cls(mark, placement, box, endpoints, voxel_mm, is_pooled)


@with_short_repr
@dataclass(frozen=True)
class PatchPlan:
    """Places of all patches in a scan.

    Parameters
    ----------
    shape_zyx : IntTriple
        Shape of the scan.
    flips_zyx : Flips
        Axes of the scan that are reversed in the network's frame.
    patches : tuple[PlannedPatch, ...]
        One for each line, in order.
    """

    shape_zyx: IntTriple
    flips_zyx: Flips
    patches: tuple[PlannedPatch, ...]

    @classmethod
    def of(
        cls, marks: Sequence[RecistMark], grid: Grid, config: PatchConfig, crop: Crop | None = None
    ) -> PatchPlan:
        """Plan the patches of some lines.

        Parameters
        ----------
        marks : Sequence[RecistMark]
            The lines, in the scan's own indices.
        grid : Grid
            Grid of the scan.
        config : PatchConfig
            Sides, margins, how far lines are lengthened.
        crop : Crop or None, default None
            "lesion" or "joint"; None takes the config's.

        Returns
        -------
        PatchPlan
            The plan.
        """
        flips = grid.flips_zyx
        turned = [mark.flipped(flips, grid.shape_zyx) for mark in marks]
        if (crop or config.crop) == "joint":
            theirs = config.rules == "flare25"
            placement = Placement.joint_placement(
                np.array([raster_ends(m) if theirs else sphere_corners(m, grid.spacing_mm) for m in turned]),
                grid.shape_zyx,
                config.margin_voxels,
                config.most_voxels,
                config.side_multiple,
                ragged=not theirs,
            )
            patches = tuple(PlannedPatch.pooled(mark, placement, grid, config) for mark in turned)
        else:
            patches = tuple(PlannedPatch.lesion(mark, grid, config) for mark in turned)
        return cls(grid.shape_zyx, flips, patches)

    @property
    def boxes(self) -> list[VoxelBox]:
        """Boxes of voxels that the patches are cut from and masks lie in, in the scan's own indices."""
        return [flipped_box(patch.kept_box, self.flips_zyx, self.shape_zyx) for patch in self.patches]
