"""Graphics of structured reports and presentation states: which are diameters, and where these end."""

from dataclasses import dataclass

import numpy as np

from lite_ensam.core.errors import MarkError, brief
from lite_ensam.core.recist import where_lines_meet
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import Float64Array
from lite_ensam.io.dicom.datasets import Dataset, read_all_numbers

__all__ = ["Drawing", "crosses", "graphic_points", "length_mm", "points_on_image", "read_drawing"]

_RIGHT_ANGLE = 0.02
"""Largest cosine at a rectangle's corners: about one degree."""

_SAME_AREA = 0.01
"""A polygon fills its convex hull if it lacks at most this share."""

_INNER = 0.02
"""Lines cross if they meet at least this share of their lengths from their ends: arrow heads and ticks do not."""


@with_short_repr
@dataclass(frozen=True, eq=False)
class Drawing:
    """A diameter that a reader drew.

    Parameters
    ----------
    ends_zyx : Float64Array
        Ends (2, 3), in voxel indices; of an outline its two points that are farthest apart.
    is_line : bool
        Whether it was drawn as a line of two points, not as an outline, circle or ellipse.
    """

    ends_zyx: Float64Array
    is_line: bool


def graphic_points(item: Dataset, n_axes: int) -> Float64Array:
    """Points (n, n_axes) of an item's Graphic Data; MarkError if empty or not a multiple of `n_axes`."""
    numbers = read_all_numbers(item, "GraphicData")
    if not numbers.size or numbers.size % n_axes:
        raise MarkError(f"has {numbers.size} coordinates, expected {n_axes} a point")
    return numbers.reshape(-1, n_axes)


def points_on_image(reference: Dataset, columns_rows: Float64Array, ct: ScanSource) -> Float64Array:
    """Voxel indices (n, 3) in z, y, x of coordinates (n, 2) on the image, or its frame, that is referred to."""
    numbers = np.atleast_1d(np.asarray(reference.get("ReferencedFrameNumber") or 0, dtype=np.int64))
    if len(numbers) != 1:
        raise MarkError(f"lies on {len(numbers)} frames, expected one")
    return ct.points_of_image(str(reference.ReferencedSOPInstanceUID), columns_rows, int(numbers[0]))


def read_drawing(kind: str, points_zyx: Float64Array, spacing_mm: Float64Array) -> Drawing:
    """The diameter that a graphic gives.

    Parameters
    ----------
    kind : str
        Graphic Type of SCOORD, SCOORD3D or a presentation state.
    points_zyx : Float64Array
        Its points (n, 3), in voxel indices.
    spacing_mm : Float64Array
        Spacing in mm, (z, y, x).

    Raises
    ------
    MarkError
        If it is not a diameter: points, an angle, an open curve, a rectangle, or not on one axial slice.
    """
    n = len(points_zyx)
    if not np.isfinite(points_zyx).all():
        raise MarkError("has coordinates that are not finite")
    if kind in ("POINT", "MULTIPOINT"):
        raise MarkError(f"marks {n} point{'s' * (n != 1)}, not a diameter")
    if kind == "CIRCLE" and n == 2:
        center, rim = points_zyx
        return Drawing(np.array([2 * center - rim, rim]), is_line=False)
    if kind == "ELLIPSE" and n == 4:
        axes = points_zyx.reshape(2, 2, 3)
        return Drawing(max(axes, key=lambda ends: length_mm(ends, spacing_mm)), is_line=False)
    if kind == "POLYLINE" and n == 2:
        return Drawing(points_zyx, is_line=True)
    if kind not in ("POLYLINE", "INTERPOLATED", "POLYGON") or n < 3:
        raise MarkError(f"is {brief(kind)} of {n} points, not a diameter")
    if kind != "POLYGON" and not _is_closed(points_zyx, spacing_mm):
        raise MarkError(f"is an open line of {n} points (an angle, a curve or an arrow), not a diameter")
    return Drawing(points_zyx[_ends_of_outline(points_zyx, spacing_mm)], is_line=False)


def length_mm(ends_zyx: Float64Array, spacing_mm: Float64Array) -> float:
    """Distance of two points (2, 3), voxel indices."""
    return float(np.linalg.norm((ends_zyx[1] - ends_zyx[0]) * spacing_mm))


def crosses(one_zyx: Float64Array, other_zyx: Float64Array) -> bool:
    """Whether two lines (2, 3) on one slice cross away from their ends."""
    if abs(one_zyx[0, 0] - other_zyx[0, 0]) > 0.5:
        return False
    shares = where_lines_meet(one_zyx[:, 1:], other_zyx[:, 1:])
    return shares is not None and bool(((shares > _INNER) & (shares < 1 - _INNER)).all())


def _is_closed(points_zyx: Float64Array, spacing_mm: Float64Array) -> bool:
    """Whether a line ends where it began, or, with four points or more, no farther off than its longest step."""
    steps = np.linalg.norm(np.diff(points_zyx, axis=0) * spacing_mm, axis=1)
    gap = length_mm(points_zyx[[0, -1]], spacing_mm)
    return bool(gap <= 1e-3 * steps.sum() or (len(points_zyx) > 3 and gap <= 1.001 * steps.max()))


def _ends_of_outline(points_zyx: Float64Array, spacing_mm: Float64Array) -> list[int]:
    """Numbers of the two points that are farthest apart."""
    if np.ptp(points_zyx[:, 0]) > 1:
        low, high = points_zyx[:, 0].min(), points_zyx[:, 0].max()
        raise MarkError(f"is an outline on slices z = {low:g} to {high:g}, expected one axial slice")
    points = (points_zyx * spacing_mm)[:, 1:]
    hull = _convex_hull(points)
    if _is_rectangle(points, points[hull]):
        raise MarkError("is a rectangle, which has no diameter: draw the lesion's long axis or its outline")
    return _farthest_pair(points, hull)


def _convex_hull(points: Float64Array) -> list[int]:
    """Numbers of the corners of the convex hull of points (n, 2), in order (Andrew's monotone chain)."""
    order = np.lexsort((points[:, 1], points[:, 0])).tolist()
    listed = points.tolist()

    def half(numbers: list[int]) -> list[int]:
        chain: list[int] = []
        for n in numbers:
            while len(chain) > 1 and _turn(listed[chain[-2]], listed[chain[-1]], listed[n]) <= 0:
                chain.pop()
            chain.append(n)
        return chain[:-1]

    return half(order) + half(order[::-1])


def _farthest_pair(points: Float64Array, hull: list[int]) -> list[int]:
    """The two corners of a hull that are farthest apart, by rotating calipers: in time that grows with the corners."""
    corners, n = points[hull].tolist(), len(hull)
    best, pair, j = -1.0, [0, 0], 1
    for i in range(n):
        k = (i + 1) % n
        while _turn(corners[i], corners[k], corners[(j + 1) % n]) > _turn(corners[i], corners[k], corners[j]):
            j = (j + 1) % n
        for a in (i, k):
            for b in (j, (j + 1) % n):
                squared = (corners[a][0] - corners[b][0]) ** 2 + (corners[a][1] - corners[b][1]) ** 2
                if squared > best:
                    best, pair = squared, [hull[a], hull[b]]
    return sorted(pair)


def _turn(a: list[float], b: list[float], c: list[float]) -> float:
    """Positive if a, b, c turn left; twice the area of their triangle."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _is_rectangle(points: Float64Array, hull: Float64Array) -> bool:
    """Whether an outline (n, 2) is its hull, and that has four right angles."""
    if len(hull) != 4 or _area(points) < (1 - _SAME_AREA) * _area(hull):
        return False
    sides = np.roll(hull, -1, axis=0) - hull
    sides /= np.linalg.norm(sides, axis=1, keepdims=True)
    return bool((np.abs((sides * np.roll(sides, 1, axis=0)).sum(axis=1)) < _RIGHT_ANGLE).all())


def _area(corners: Float64Array) -> float:
    y, x = (corners - corners[0]).T
    return abs(float(y @ np.roll(x, 1) - x @ np.roll(y, 1))) / 2
