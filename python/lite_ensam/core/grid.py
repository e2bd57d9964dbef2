"""Where voxels lie: `Grid` takes indices of an array to millimetres and back.

Two kinds of coordinates are used, always in the order z, y, x. A voxel INDEX is an integer at a
voxel's centre. An EDGE coordinate is index + 0.5: voxel i covers the edges [i, i + 1), so boxes are
written in edges. World millimetres (x, y, z; right, anterior, superior: nibabel's frame) leave this
module only through `Grid.voxel_to_mm`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lite_ensam.core.errors import ArgumentError, CaseError, brief
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import Flips, Float64Array, FloatTriple, IntTriple, float_triple, int_triple

__all__ = ["Grid", "as_points", "real_array", "scan_difference", "spacing_of"]

_SHEAR_TOLERANCE = 1e-3
"""Largest cosine between two axes that still counts as a right angle (float32 headers round)."""

_SPACING_TOLERANCE = 1e-3
"""Largest relative difference between a spacing and the affine it is said to come from."""

_SPACING_RANGE_MM = (0.01, 100.0)
"""No CT has smaller or larger voxels: a spacing outside is in another unit."""

_AFFINE_LIMIT_MM = 1e6
"""No entry of an affine reaches a kilometre."""

_OWN_MARKS = "Use the marks of this scan, or give the lines in millimetres"

_SAME_PLACE = 0.1
"""Two grids are the same when no corner differs by more than this share of the smallest spacing."""


@with_short_repr
@dataclass(frozen=True, eq=False)
class Grid:
    """Shape, spacing and place in the world of a (z, y, x) array.

    Parameters
    ----------
    shape_zyx : IntTriple
        Number of voxels per axis, each at least 1.
    spacing_mm : FloatTriple
        Size of a voxel along z, y, x in mm, each from 0.01 to 100.
    affine : Float64Array
        Matrix (4, 4) that maps the reversed index (x, y, z, 1) of the array to world mm (RAS); its
        columns are at right angles (oblique is fine, sheared is not) and as long as the spacing.
    is_oriented : bool, default True
        Whether the affine says where the patient's left, back and head are; not so of a bare array.

    Raises
    ------
    CaseError
        If the shape is not three positive integers, a spacing is not from 0.01 to 100 mm, the affine
        is sheared or has an entry that is not finite or beyond 1e6, or spacing and affine disagree.

    Examples
    --------
    >>> grid = Grid.from_spacing((10, 20, 30), (5.0, 0.8, 0.8))
    >>> grid.voxel_to_mm((2, 0, 1)).tolist()
    [-0.8, 0.0, 10.0]
    """

    shape_zyx: IntTriple
    spacing_mm: FloatTriple
    affine: Float64Array
    is_oriented: bool = True

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

    def __eq__(self, other: object) -> bool:
        """Whether all numbers are the same; `matches` allows for rounding."""
        return self._numbers() == other._numbers() if isinstance(other, Grid) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._numbers())

    def _numbers(self) -> tuple[object, ...]:
        return self.shape_zyx, self.spacing_mm, tuple(self.affine.ravel().tolist()), self.is_oriented

    @classmethod
    def from_spacing(cls, shape_zyx: Sequence[int], spacing_mm: Sequence[float]) -> Self:
        """Make the grid of an array without a place in the world.

        It is taken as scanners store slices: rows run to the patient's left, columns to the back, slices to the head,
        and index 0 lies at 0 mm.

        Parameters
        ----------
        shape_zyx : Sequence[int]
            Number of voxels on each axis (z, y, x).
        spacing_mm : Sequence[float]
            Voxel spacing (z, y, x) in mm.

        Returns
        -------
        Self
            The grid.
        """
        z, y, x = _checked_spacing(spacing_mm)
        return cls(_checked_shape(shape_zyx), (z, y, x), np.diag([-x, -y, z, 1.0]), is_oriented=False)

    @classmethod
    def from_affine(cls, shape_zyx: Sequence[int], affine: ArrayLike) -> Self:
        """Make a grid whose spacing is the length of the affine's columns.

        Parameters
        ----------
        shape_zyx : Sequence[int]
            Number of voxels on each axis (z, y, x).
        affine : ArrayLike
            Matrix (4, 4) from voxel indices (x, y, z) to world mm (x, y, z), RAS.

        Returns
        -------
        Self
            The grid.
        """
        checked = _checked_affine(affine)
        return cls(_checked_shape(shape_zyx), _spacing_of(checked), checked)

    def voxel_to_mm(self, points_zyx: ArrayLike) -> Float64Array:
        """Convert voxel indices to world millimetres.

        Parameters
        ----------
        points_zyx : ArrayLike
            Voxel indices (..., 3) in z, y, x.

        Returns
        -------
        Float64Array
            World mm (..., 3) in x, y, z.
        """
        points = as_points(points_zyx)
        world: Float64Array = points[..., ::-1] @ self.affine[:3, :3].T + self.affine[:3, 3]
        return world

    def mm_to_voxel(self, points_mm: ArrayLike) -> Float64Array:
        """Convert world millimetres to voxel indices.

        Parameters
        ----------
        points_mm : ArrayLike
            World mm (..., 3) in x, y, z.

        Returns
        -------
        Float64Array
            Voxel indices (..., 3) in z, y, x, with fractions.
        """
        points = as_points(points_mm) - self.affine[:3, 3]
        with np.errstate(over="ignore", invalid="ignore"):  # beyond all numbers: the index is not finite
            indices: Float64Array = points @ np.linalg.inv(self.affine[:3, :3]).T
        return indices[..., ::-1]

    @property
    def flips_zyx(self) -> Flips:
        """Axes to reverse so that indices grow to the patient's head, back and left: the frame the network knows."""
        if not self.is_oriented:
            return False, False, False
        # world x, y, z grow to the right, front and head
        z, y, x = (self.affine[2 - axis, 2 - axis] for axis in range(3))
        return bool(z < 0), bool(y > 0), bool(x > 0)

    def flipped(self, flips_zyx: Flips) -> "Grid":
        """Reverse some axes; voxels keep their places in the world.

        Parameters
        ----------
        flips_zyx : Flips
            Whether each axis z, y, x is reversed.

        Returns
        -------
        Grid
            Grid of the reversed array; voxels keep their places in the world.
        """
        affine = self.affine.copy()
        for axis in np.flatnonzero(flips_zyx).tolist():
            affine[:3, 3] += affine[:3, 2 - axis] * (self.shape_zyx[axis] - 1)
            affine[:3, 2 - axis] *= -1
        return Grid(self.shape_zyx, self.spacing_mm, affine, self.is_oriented)

    def permuted(self, axes_zyx: IntTriple) -> "Grid":
        """Permute the axes; voxels keep their places in the world.

        Parameters
        ----------
        axes_zyx : IntTriple
            Order of the axes, as in `numpy.transpose`.

        Returns
        -------
        Grid
            Grid of the transposed array; voxels keep their places in the world.
        """
        z, y, x = axes_zyx
        affine = self.affine.copy()
        affine[:3, :3] = self.affine[:3, [2 - x, 2 - y, 2 - z]]
        shape, spacing = self.shape_zyx, self.spacing_mm
        return Grid(
            (shape[z], shape[y], shape[x]), (spacing[z], spacing[y], spacing[x]), affine, self.is_oriented
        )

    def turn_onto(self, other: "Grid") -> tuple[IntTriple, Flips] | None:
        """Find the axis order and flips that turn an array of this grid into one of another grid.

        Parameters
        ----------
        other : Grid
            The grid of the other array.

        Returns
        -------
        tuple[IntTriple, Flips] or None
            Axes for `numpy.transpose`, and then which of them to reverse; None if the voxels lie at other
            places.

        Examples
        --------
        >>> flipped = Grid.from_affine((2, 3, 4), [[-1, 0, 0, 3], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
        >>> flipped.turn_onto(Grid.from_affine((2, 3, 4), np.eye(4)))
        ((0, 1, 2), (False, False, True))
        """
        # rows: axes of the other grid, columns: axes of this one; both z, y, x
        turn = np.rint(np.linalg.solve(other.affine[:3, :3], self.affine[:3, :3]))[::-1, ::-1]
        z, y, x = np.abs(turn).argmax(axis=1).tolist()
        if sorted((z, y, x)) != [0, 1, 2]:
            return None
        flips = bool(turn[0, z] < 0), bool(turn[1, y] < 0), bool(turn[2, x] < 0)
        return ((z, y, x), flips) if self.permuted((z, y, x)).flipped(flips).matches(other) else None

    def matches(self, other: "Grid") -> bool:
        """Tell whether both grids have the same shape and their voxels the same places.

        Parameters
        ----------
        other : Grid
            The grid to compare with, or a `ScanSource`, `Case` or `Segmentation` that has it.

        Returns
        -------
        bool
            True if shape and places agree.
        """
        if not isinstance(other := _grid_of(other), Grid):
            raise ArgumentError(
                f"other must be a Grid, or what has one, such as a ScanSource or a Case, got {brief(other)}"
            )
        if self.shape_zyx != other.shape_zyx:
            return False
        corners = list(product(*((0, n - 1) for n in self.shape_zyx)))
        distance_mm = np.linalg.norm(self.voxel_to_mm(corners) - other.voxel_to_mm(corners), axis=-1)
        return bool(distance_mm.max() <= _SAME_PLACE * min(self.spacing_mm))


def spacing_of(value: Any, name: str = "spacing_mm") -> FloatTriple:
    """Spacing (z, y, x) in mm: three numbers, or that of a grid or of a scan or result that has one.

    Parameters
    ----------
    value : Any
        Three positive numbers, a `Grid`, a `ScanSource`, a `Case` or a `Segmentation`.
    name : str, default "spacing_mm"
        Name of the argument, for messages.

    Returns
    -------
    FloatTriple
        The spacing.

    Raises
    ------
    CaseError
        If it is something else, or no CT has such voxels.
    """
    grid = _grid_of(value)
    return grid.spacing_mm if isinstance(grid, Grid) else _checked_spacing(value, name)


def scan_difference(grid: Grid, shape_zyx: ArrayLike, spacing_mm: ArrayLike, affine: ArrayLike | None) -> str:
    """How another scan differs from a grid, and what to do; empty where they are the same.

    Parameters
    ----------
    grid : Grid
        Geometry of the scan.
    shape_zyx, spacing_mm : ArrayLike
        Shape and spacing of the other one.
    affine : ArrayLike or None
        Its place in the world, None if that is not known.

    Returns
    -------
    str
        The difference.
    """
    for theirs, own, off, what in (
        (real_array(shape_zyx), grid.shape_zyx, 0.0, "{} voxels (z, y, x)"),
        (real_array(spacing_mm), grid.spacing_mm, _SPACING_TOLERANCE, "voxels of {} mm (z, y, x)"),
    ):
        if theirs.shape != (3,) or not np.allclose(theirs, own, rtol=off, atol=0):
            this, other = (" x ".join(f"{n:g}" for n in sizes) for sizes in (own, np.ravel(theirs)))
            return f"it has {what.format(other)}, this scan has {what.format(this)}. {_OWN_MARKS}"
    if affine is None or not grid.is_oriented:
        return ""
    try:
        is_here = grid.matches(replace(grid, affine=real_array(affine)))
    except CaseError:
        is_here = False
    return "" if is_here else f"it has another position, or its axes have other directions. {_OWN_MARKS}"


def _grid_of(value: Any) -> Any:
    """The grid of a scan or a result; anything else as it is."""
    return getattr(value, "grid", value)


def real_array(values: ArrayLike) -> NDArray[Any]:
    """Make an array of integers or floats; an empty one of anything else (text, bool, a set, ragged lists, masked).

    For whoever checks shape and values next: an empty array has the wrong shape.

    Parameters
    ----------
    values : ArrayLike
        Nested sequences, an array, or anything else.

    Returns
    -------
    NDArray[Any]
        The array, or an empty one.
    """
    try:
        array = np.empty(0) if np.ma.is_masked(values) else np.asarray(values)
    except (TypeError, ValueError):
        array = np.empty(0)
    return array if array.dtype.kind in "iuf" else np.empty(0)


def _checked_shape(shape_zyx: ArrayLike) -> IntTriple:
    shape = real_array(shape_zyx)
    if shape.shape != (3,) or any(n < 1 or n % 1 for n in shape.tolist()):
        raise CaseError(
            f"a volume has three axes (z, y, x) of at least one voxel, got shape {brief(shape_zyx)}"
        )
    return int_triple(shape)


def _checked_spacing(spacing_mm: ArrayLike, name: str = "spacing_mm") -> FloatTriple:
    spacing = real_array(spacing_mm)
    if spacing.shape != (3,) or not (np.isfinite(spacing) & (spacing > 0)).all():
        raise CaseError(f"{name} must be three positive numbers of mm (z, y, x), got {brief(spacing_mm)}")
    low, high = _SPACING_RANGE_MM
    for value in spacing.tolist():
        if not low <= value <= high:
            unit = "metres" if value < low else "micrometres"
            raise CaseError(
                f"a spacing of {value:g} mm is outside the plausible range of a CT, {low:g} to {high:g} mm: "
                f"is it in {unit}?"
            )
    return float_triple(spacing)


def _checked_affine(affine: ArrayLike) -> Float64Array:
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


def _spacing_of(affine: Float64Array) -> FloatTriple:
    return float_triple(np.linalg.norm(affine[:3, :3], axis=0)[::-1])


def as_points(points: ArrayLike) -> Float64Array:
    """Check points (..., 3) and return them as float64; ValueError for another shape.

    Parameters
    ----------
    points : ArrayLike
        Points (..., 3).

    Returns
    -------
    Float64Array
        Points (..., 3), float64.
    """
    array = np.asarray(points, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] != 3:
        raise ValueError(f"points must have shape (..., 3), got {array.shape}")
    return array
