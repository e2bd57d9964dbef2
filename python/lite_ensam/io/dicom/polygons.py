"""Contours of one plane to voxels: holes are cut out, copies count once, what overlaps is joined."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lite_ensam.core.types import Float64Array, Mask

__all__ = ["enclosed", "fill"]

_COPY_PIXELS = 0.5
"""Contours that run at most so far from each other are one that was given twice, perhaps with fewer corners; one that
sticks out of another by no more lies inside it."""

_COPY_AREA = 0.8
"""And the smaller one has at least this share of the other's area: else it is a hole that only touches the border."""


@dataclass(frozen=True, eq=False)
class _Area:
    """A polygon of at least three corners.

    Parameters
    ----------
    corners : Float64Array
        Corners (n, 2), voxel indices y, x.
    mask : Mask
        Bool (y, x) of the voxels inside, cut to the rectangle that begins at `start`.
    start : tuple[int, int]
        First y, x of the mask.
    """

    corners: Float64Array
    mask: Mask
    start: tuple[int, int]

    @cached_property
    def bounds(self) -> tuple[float, ...]:
        """Smallest y and x, largest y and x."""
        return (*self.corners.min(axis=0).tolist(), *self.corners.max(axis=0).tolist())

    @cached_property
    def square_pixels(self) -> float:
        y, x = self.corners.T
        return abs(float(y @ np.roll(x, 1) - x @ np.roll(y, 1))) / 2

    def add_to(self, whole: Mask, value: bool) -> None:
        (y, x), (height, width) = self.start, self.mask.shape
        whole[y : y + height, x : x + width][self.mask] = value

    def lies_in(self, other: "_Area") -> bool:
        """Whether this does not stick out of the other one, which is larger."""
        y, x = self.start[0] - other.start[0], self.start[1] - other.start[1]
        (height, width), (rows, columns) = self.mask.shape, other.mask.shape
        if y < 0 or x < 0 or y + height > rows or x + width > columns:
            return False
        if not other.mask[y : y + height, x : x + width][self.mask].all():
            return False
        outside = self.corners[~_holds(other.corners, self.corners)]
        return not len(outside) or bool(_distances(outside, other.corners).max() <= _COPY_PIXELS)

    def is_copy_of(self, other: "_Area") -> bool:
        """Whether both outlines coincide, given that the other is at least as large."""
        pairs = zip(self.bounds, other.bounds, strict=True)
        if any(abs(one - its) > 2 * _COPY_PIXELS for one, its in pairs):
            return False
        middles = (self.corners + np.roll(self.corners, 1, axis=0)) / 2
        far = _distances(np.vstack([self.corners, middles]), other.corners).max() > _COPY_PIXELS
        return not far and self.square_pixels >= _COPY_AREA * other.square_pixels


def enclosed(polygons: Sequence[Float64Array], shape_yx: tuple[int, int], is_xor: bool = False) -> Mask:
    """Voxels (y, x) that the contours of one plane enclose.

    A contour inside another one is a hole, one inside the hole an island. The hole may also be part of its contour,
    which then runs there and back along one line (a keyhole). Contours that overlap are joined, or cancel each other
    with `is_xor`.

    Parameters
    ----------
    polygons : Sequence[Float64Array]
        Each (n, 2) corners, voxel indices y, x; fewer than three enclose nothing.

    Examples
    --------
    >>> square = np.array([[0, 0], [0, 3], [3, 3], [3, 0]]) + 0.5
    >>> int(enclosed([square, square, square / 3 + 1], (5, 5)).sum())
    8
    """
    mask = np.zeros(shape_yx, dtype=np.bool_)
    if is_xor:
        for corners in polygons:
            mask ^= fill(corners, shape_yx)
        return mask
    areas: list[_Area] = []
    for area in sorted(
        (_area(corners, shape_yx) for corners in polygons if len(corners) >= 3),
        key=lambda one: -one.square_pixels,
    ):
        if not any(area.is_copy_of(other) for other in areas):
            areas.append(area)
    depths: list[int] = []
    for n, area in enumerate(areas):
        around = (depth for other, depth in zip(areas[:n], depths, strict=True) if area.lies_in(other))
        depths.append(max(around, default=-1) + 1)
    for depth, n in sorted(zip(depths, range(len(areas)), strict=True)):
        areas[n].add_to(mask, depth % 2 == 0)
    return mask


def fill(corners_yx: Float64Array, shape_yx: tuple[int, int]) -> Mask:
    """Voxels (y, x) whose centres lie inside a polygon: left of an odd number of its edges.

    An edge counts for the rows from its one end up to but without its other end, so a corner is met once.
    """
    mask = np.zeros(shape_yx, dtype=np.bool_)
    start, stop = corners_yx, np.roll(corners_yx, -1, axis=0)
    first = max(int(np.ceil(start[:, 0].min())), 0)
    last = min(int(np.floor(start[:, 0].max())), shape_yx[0] - 1)
    columns = np.arange(shape_yx[1])
    for y in range(first, last + 1):
        crossing = (start[:, 0] <= y) != (stop[:, 0] <= y)
        (y0, x0), (y1, x1) = start[crossing].T, stop[crossing].T
        crossings_x = np.sort(x0 + (y - y0) / (y1 - y0) * (x1 - x0))
        mask[y] = np.searchsorted(crossings_x, columns, side="right") % 2 == 1
    return mask


def _area(corners: Float64Array, shape_yx: tuple[int, int]) -> _Area:
    low = np.clip(np.ceil(corners.min(axis=0)), 0, shape_yx).astype(int)
    high = np.clip(np.floor(corners.max(axis=0)) + 1, low, shape_yx).astype(int)
    height, width = (high - low).tolist()
    return _Area(corners, fill(corners - low, (height, width)), (int(low[0]), int(low[1])))


def _holds(corners: Float64Array, points: Float64Array) -> Mask:
    """Whether points (n, 2) lie inside a polygon: left of an odd number of its edges."""
    inside = np.zeros(len(points), dtype=np.bool_)
    y, x = points.T
    for (y0, x0), (y1, x1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 != y1:
            inside ^= ((y0 <= y) != (y1 <= y)) & (x < x0 + (y - y0) / (y1 - y0) * (x1 - x0))
    return inside


def _distances(points: Float64Array, corners: Float64Array) -> Float64Array:
    """Distance (n,) of points (n, 2) from a closed polygon's outline."""
    along = np.roll(corners, -1, axis=0) - corners
    squared = np.maximum((along**2).sum(axis=1), np.finfo(float).tiny)
    nearest = np.full(len(points), np.inf)
    for start, step, length in zip(corners, along, squared, strict=True):
        share = np.clip((points - start) @ step / length, 0, 1)
        off = points - start - share[:, None] * step
        nearest = np.minimum(nearest, (off**2).sum(axis=1))
    distances: Float64Array = np.sqrt(nearest)
    return distances
