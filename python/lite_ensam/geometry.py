"""Where voxels lie: `Grid` (array to millimetres) and `Placement` (volume to patch and back).

Two kinds of coordinates are used, always in the order z, y, x. A voxel INDEX is an integer at a
voxel's centre. An EDGE coordinate is index + 0.5: voxel i covers the edges [i, i + 1), so boxes are
written in edges. World millimetres (x, y, z; right, anterior, superior: nibabel's frame) leave this
module only through `Grid.voxel_to_mm`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lite_ensam._typing import Floats, FloatTriple, IntTriple, Segment
from lite_ensam.errors import CaseError, brief

__all__ = ["Grid", "Placement", "real_array"]

_SHEAR_TOLERANCE = 1e-3
"""Largest cosine between two axes that still counts as a right angle (float32 headers round)."""

_SPACING_TOLERANCE = 1e-3
"""Largest relative difference between a spacing and the affine it is said to come from."""

_SPACING_RANGE_MM = (0.01, 100.0)
"""No CT has smaller or larger voxels: a spacing outside is in another unit."""

_AFFINE_LIMIT_MM = 1e6
"""No entry of an affine reaches a kilometre."""

_SAME_PLACE = 0.1
"""Two grids are the same when no corner differs by more than this share of the smallest spacing."""

_PATCH_MULTIPLE = 8
"""The network halves its input three times."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Shape, spacing and place in the world of a (z, y, x) array.

    Parameters
    ----------
    shape_zyx : number of voxels per axis, each at least 1
    spacing_mm : size of a voxel along z, y, x in mm, each from 0.01 to 100
    affine : (4, 4) float64, maps the reversed index (x, y, z, 1) of the array to world mm (RAS);
        its columns are at right angles (oblique is fine, sheared is not) and as long as the spacing

    Raises
    ------
    CaseError
        If the shape is not three positive integers, a spacing is not from 0.01 to 100 mm, the affine
        is sheared or has an entry that is not finite or beyond 1e6, or spacing and affine disagree.

    Examples
    --------
    >>> grid = Grid.from_spacing((10, 20, 30), (5.0, 0.8, 0.8))
    >>> grid.voxel_to_mm((2, 0, 1)).tolist()
    [0.8, 0.0, 10.0]
    """

    shape_zyx: IntTriple
    spacing_mm: FloatTriple
    affine: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape_zyx", _checked_shape(self.shape_zyx))
        object.__setattr__(self, "spacing_mm", _checked_spacing(self.spacing_mm))
        affine = _checked_affine(self.affine)
        object.__setattr__(self, "affine", affine)
        from_affine = _spacing_of(affine)
        if not np.allclose(from_affine, self.spacing_mm, rtol=_SPACING_TOLERANCE, atol=0):
            raise CaseError(
                f"spacing_mm {self.spacing_mm} (z, y, x) and the affine's spacing {from_affine} disagree"
            )

    @classmethod
    def from_spacing(cls, shape_zyx: Sequence[int], spacing_mm: Sequence[float]) -> Self:
        """Grid of an array that has no place in the world: index 0 lies at 0 mm, axes along RAS."""
        spacing = _checked_spacing(spacing_mm)
        return cls(_checked_shape(shape_zyx), spacing, np.diag([*spacing[::-1], 1.0]))

    @classmethod
    def from_affine(cls, shape_zyx: Sequence[int], affine: ArrayLike) -> Self:
        """Grid whose spacing is the length of the affine's columns."""
        checked = _checked_affine(affine)
        return cls(_checked_shape(shape_zyx), _spacing_of(checked), checked)

    def voxel_to_mm(self, points_zyx: ArrayLike) -> Floats:
        """World millimetres (..., 3) in x, y, z of voxel indices (..., 3) in z, y, x."""
        points = _points(points_zyx)
        world: Floats = points[..., ::-1] @ self.affine[:3, :3].T + self.affine[:3, 3]
        return world

    def mm_to_voxel(self, points_mm: ArrayLike) -> Floats:
        """Voxel indices (..., 3) in z, y, x of world millimetres (..., 3) in x, y, z."""
        points = _points(points_mm) - self.affine[:3, 3]
        with np.errstate(over="ignore", invalid="ignore"):  # beyond all numbers: the index is not finite
            indices: Floats = points @ np.linalg.inv(self.affine[:3, :3]).T
        return indices[..., ::-1]

    def matches(self, other: "Grid") -> bool:
        """Whether both grids have one shape and their voxels lie at the same places."""
        if self.shape_zyx != other.shape_zyx:
            return False
        corners = list(product(*((0, n - 1) for n in self.shape_zyx)))
        distance_mm = np.linalg.norm(self.voxel_to_mm(corners) - other.voxel_to_mm(corners), axis=-1)
        return bool(distance_mm.max() <= _SAME_PLACE * min(self.spacing_mm))


@dataclass(frozen=True)
class Placement:
    """The way from a volume to a network patch and back.

    Patch voxel i covers the volume's edges [start + i * step, start + (i + 1) * step).

    Parameters
    ----------
    volume_shape_zyx : shape of the volume
    start_zyx : where the patch begins, an edge coordinate of the volume; may lie outside of it
    step_zyx : volume voxels per patch voxel (a pool or zoom factor; below 1 enlarges)
    content_zyx : how many patch voxels per axis come from the volume; the rest is padding at the end
    patch_shape_zyx : shape of the patch, padding included
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
    def stop_zyx(self) -> FloatTriple:
        """Where the content ends, an edge coordinate of the volume; may lie outside of it."""
        z, y, x = np.add(self.start_zyx, np.multiply(self.content_zyx, self.step_zyx)).tolist()
        return z, y, x

    def to_patch(self, points_zyx: ArrayLike) -> Floats:
        """Patch indices (..., 3) of volume indices (..., 3)."""
        edges = _points(points_zyx) + 0.5 - np.asarray(self.start_zyx)
        inside: Floats = edges / np.asarray(self.step_zyx) - 0.5
        return inside

    def to_volume(self, points_zyx: ArrayLike) -> Floats:
        """Volume indices (..., 3) of patch indices (..., 3): the inverse of `to_patch`."""
        edges: Floats = (_points(points_zyx) + 0.5) * np.asarray(self.step_zyx) + np.asarray(self.start_zyx)
        return edges - 0.5

    @classmethod
    def lesion_placement(
        cls,
        mark_endpoints: Segment,
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
        mark_endpoints : the line's two ends, voxel indices (z, y, x)
        spacing_mm : (z, y, x)
        volume_shape : (z, y, x)
        side_factor : side of the cube in lengths of the line, positive
        side_voxels : side of the patch in voxels, a positive multiple of 8
        """
        if not side_factor > 0:
            raise ValueError(f"side_factor must be positive, got {side_factor}")
        if side_voxels < 1 or side_voxels % _PATCH_MULTIPLE:
            raise ValueError(
                f"side_voxels must be a positive multiple of {_PATCH_MULTIPLE}, got {side_voxels}"
            )
        ends = _points(mark_endpoints)
        length_mm = float(np.linalg.norm((ends[1] - ends[0]) * np.asarray(spacing_mm)))
        if not length_mm > 0:
            raise ValueError(f"mark_endpoints must be two different points, got {mark_endpoints}")
        side_mm = max(side_factor * length_mm, 2 * max(spacing_mm))
        step = side_mm / side_voxels / np.asarray(spacing_mm, dtype=np.float64)
        start = ends.mean(axis=0) + 0.5 - step * side_voxels / 2
        cube = (side_voxels, side_voxels, side_voxels)
        return cls(_ints(volume_shape), _floats(start), _floats(step), cube, cube)

    @classmethod
    def joint_placement(
        cls,
        endpoints: ArrayLike,
        volume_shape: Sequence[int],
        margin: int = 32,
        max_voxels: int = 128**3,
    ) -> Self:
        """The paper's crop: one box around all marks, max-pooled until it is small enough.

        The box holds the voxels of all endpoints and `margin` voxels more on each side, cut at the
        volume's border. While it has more than `max_voxels` voxels, the two longer axes are halved.
        The patch is padded at the end to multiples of 8.

        Parameters
        ----------
        endpoints : voxel indices (..., 3) in z, y, x of the ends of all lines
        volume_shape : (z, y, x)
        margin : voxels
        max_voxels : the largest content, in voxels before padding
        """
        if margin < 0 or max_voxels < 1:
            raise ValueError(f"margin must be >= 0 and max_voxels >= 1, got {margin} and {max_voxels}")
        points = _points(endpoints).reshape(-1, 3)
        shape = np.asarray(_ints(volume_shape))
        voxels = np.clip(np.floor(points + 0.5).astype(np.int64), 0, shape - 1)
        start = np.maximum(voxels.min(axis=0) - margin, 0)
        stop = np.minimum(voxels.max(axis=0) + margin + 1, shape)
        content, factor = stop - start, np.ones(3, dtype=np.int64)
        while math.prod(content.tolist()) > max_voxels:
            halved = np.arange(3) != int(content.argmin())
            factor[halved] *= 2
            content = -(-(stop - start) // factor)  # ragged edges are pooled too, hence upwards
        padded = -(-content // _PATCH_MULTIPLE) * _PATCH_MULTIPLE
        return cls(_ints(volume_shape), _floats(start), _floats(factor), _ints(content), _ints(padded))


def real_array(values: ArrayLike) -> NDArray[Any]:
    """Array of integers or floats; an empty one if it is anything else (text, bool, a set, ragged lists).

    For whoever checks shape and values next: an empty array has the wrong shape.
    """
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):
        array = np.empty(0)
    return array if array.dtype.kind in "iuf" else np.empty(0)


def _checked_shape(shape_zyx: ArrayLike) -> IntTriple:
    shape = real_array(shape_zyx)
    if shape.shape != (3,) or any(n < 1 or n % 1 for n in shape.tolist()):
        raise CaseError(
            f"a volume has three axes (z, y, x) of at least one voxel, got shape {brief(shape_zyx)}"
        )
    return _ints(shape)


def _checked_spacing(spacing_mm: ArrayLike) -> FloatTriple:
    spacing = real_array(spacing_mm)
    if spacing.shape != (3,) or not (np.isfinite(spacing) & (spacing > 0)).all():
        raise CaseError(f"spacing_mm must be three positive numbers of mm (z, y, x), got {brief(spacing_mm)}")
    low, high = _SPACING_RANGE_MM
    for value in spacing.tolist():
        if not low <= value <= high:
            unit = "metres" if value < low else "micrometres"
            raise CaseError(
                f"a spacing of {value:g} mm is none of a CT ({low:g} to {high:g}): is it in {unit}?"
            )
    return _floats(spacing)


def _checked_affine(affine: ArrayLike) -> Floats:
    """Read-only float64 copy of a valid affine; the spacing along each column is checked."""
    matrix = np.array(real_array(affine), dtype=np.float64)
    if matrix.shape != (4, 4):
        raise CaseError(f"affine must have shape (4, 4), got {brief(affine)}")
    if not np.isfinite(matrix).all():
        raise CaseError(f"affine must be finite, got {matrix.tolist()}")
    if abs(largest := matrix.flat[np.abs(matrix).argmax()]) >= _AFFINE_LIMIT_MM:
        raise CaseError(
            f"the affine's entries must be below {_AFFINE_LIMIT_MM:g} mm, got {largest:g}: is it in micrometres?"
        )
    if not np.allclose(matrix[3], (0, 0, 0, 1)):
        raise CaseError(f"the affine's last row must be 0 0 0 1, got {matrix[3].tolist()}")
    lengths_mm = np.linalg.norm(matrix[:3, :3], axis=0)
    if (lengths_mm <= 0).any():
        raise CaseError(f"the affine gives a spacing of zero: {lengths_mm[::-1].tolist()} mm (z, y, x)")
    _checked_spacing(lengths_mm[::-1])
    columns = (matrix[:3, :3] / lengths_mm).T
    cosine = max(abs(float(a @ b)) for a, b in [*pairwise(columns), (columns[0], columns[2])])
    if cosine > _SHEAR_TOLERANCE:
        degrees = math.degrees(math.acos(min(cosine, 1.0)))
        raise CaseError(
            f"the affine is sheared: two axes meet at {degrees:.2f} degrees instead of 90 "
            "(a tilted gantry?); resample the scan to a grid with right angles first"
        )
    matrix.flags.writeable = False
    return matrix


def _spacing_of(affine: Floats) -> FloatTriple:
    return _floats(np.linalg.norm(affine[:3, :3], axis=0)[::-1])


def _points(points: ArrayLike) -> Floats:
    array = np.asarray(points, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] != 3:
        raise ValueError(f"points must have shape (..., 3), got {array.shape}")
    return array


def _ints(triple: ArrayLike) -> IntTriple:
    z, y, x = np.asarray(triple).tolist()
    return int(z), int(y), int(x)


def _floats(triple: ArrayLike) -> FloatTriple:
    z, y, x = np.asarray(triple, dtype=np.float64).tolist()
    return z, y, x
