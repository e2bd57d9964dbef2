"""Rulers and regions of interest (ROI) that a reader draws on slices. They make no lesion and change no mask."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.errors import ArgumentError, brief
from lite_ensam.core.number_kinds import is_real, is_whole
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import IntTriple
from lite_ensam.widgets.planes import Plane

__all__ = ["Measure", "measure_from_json", "measures_from_json", "roi_statistics"]

MAX_MEASURES = 500

Kind: TypeAlias = Literal["ruler", "ROI"]


@with_short_repr
@dataclass(frozen=True)
class Measure:
    """A ruler, or an ellipse.

    Parameters
    ----------
    kind : Kind
        "ruler" or "ROI".
    plane : int
        0, 1 or 2: the array axis (z, y, x) that is cut; 3 more on the prior visit.
    index : int
        Index of the slice.
    ends : tuple[tuple[float, float], tuple[float, float]]
        The ruler's two ends, or two opposite corners of the ellipse's box, (row, column) in voxels; 0 is the
        centre of the first voxel.
    """

    kind: Kind
    plane: int
    index: int
    ends: tuple[tuple[float, float], tuple[float, float]]


def measures_from_json(entries: Any, shape_zyx: IntTriple) -> tuple[Measure, ...]:
    """Rulers and ROIs as a browser sends them; ArgumentError if one does not lie on a slice of the scan."""
    if not isinstance(entries, list | tuple) or len(entries) > MAX_MEASURES:
        raise ArgumentError(f"measures must be a list of at most {MAX_MEASURES}, got {brief(entries)}")
    return tuple(measure_from_json(entry, shape_zyx) for entry in entries)


def measure_from_json(entry: Any, shape_zyx: IntTriple) -> Measure:
    """A ruler or an ROI as a browser sends it; ArgumentError if it does not lie on a slice of the scan."""
    if not (isinstance(entry, dict) and _is_measure(entry, shape_zyx)):
        raise ArgumentError(
            "a measure must have kind (ruler or ROI), plane, index and two ends on a slice of the scan, "
            f"got {brief(entry)}"
        )
    first, last = ((float(row), float(column)) for row, column in entry["ends"])
    return Measure(entry["kind"], entry["plane"], entry["index"], (first, last))


def _is_measure(entry: dict[str, Any], shape_zyx: IntTriple) -> bool:
    kind, plane, index, ends = (entry.get(name) for name in ("kind", "plane", "index", "ends"))
    if not (_is_index(plane, 6) and _is_index(index, shape_zyx[plane % 3])):  # type: ignore[operator]
        return False
    rows, columns = (n for axis, n in enumerate(shape_zyx) if axis != plane % 3)  # type: ignore[operator]
    return (
        kind in get_args(Kind)
        and isinstance(ends, list | tuple)
        and len(ends) == 2
        and all(isinstance(end, list | tuple) and len(end) == 2 for end in ends)
        and all(_is_place(row, rows) and _is_place(column, columns) for row, column in ends)
    )


def _is_index(value: Any, n: int) -> bool:
    return is_whole(value) and 0 <= value < n


def _is_place(value: Any, n: int) -> bool:
    return is_real(value) and -0.5 <= value <= n - 0.5


def roi_statistics(
    values: NDArray[Any], plane: Plane, ends: Sequence[tuple[float, float]]
) -> dict[str, float | int]:
    """Grey values of the voxels whose centres lie in an ellipse.

    Parameters
    ----------
    values : NDArray[Any]
        Grey values (rows, columns) of the slice.
    plane : Plane
        Plane of the slice.
    ends : Sequence[tuple[float, float]]
        Two opposite corners (row, column) of the ellipse's box.

    Returns
    -------
    dict[str, float | int]
        `mean`, `sd` (of these voxels, divisor n), `min`, `max` in the scan's unit, `voxels`, and `area_mm2`
        of the ellipse. Without a voxel centre inside, `voxels` is 0 and the values are missing.

    Examples
    --------
    >>> from lite_ensam.core.grid import Grid
    >>> from lite_ensam.widgets.planes import planes_of
    >>> axial = planes_of(Grid.from_spacing((1, 3, 3), (1, 2, 2)))[0]
    >>> found = roi_statistics(np.arange(9.0).reshape(3, 3), axial, [(0.0, 0.0), (2.0, 2.0)])
    >>> found["mean"], found["min"], found["max"], found["voxels"]  # the middle one and its four neighbours
    (4.0, 1.0, 7.0, 5)
    """
    (row, column), (row_to, column_to) = ends
    middle = np.array([(row + row_to) / 2, (column + column_to) / 2])
    radii = np.abs([row_to - row, column_to - column]) / 2
    area = {"area_mm2": math.pi * float(np.prod(radii * plane.pixel_mm))}
    low = np.maximum(np.ceil(middle - radii), 0).astype(int)
    high = np.minimum(np.floor(middle + radii), np.array(values.shape) - 1).astype(int)
    if not radii.all() or (high < low).any():
        return {"voxels": 0} | area
    rows, columns = (
        (np.arange(a, b + 1) - m) / r for a, b, m, r in zip(low, high, middle, radii, strict=True)
    )
    # Corners that were drawn on voxel centres hold those: the browser rounds places to a hundredth of a voxel.
    inside = rows[:, None] ** 2 + columns[None] ** 2 <= 1 + 1e-9
    found = values[low[0] : high[0] + 1, low[1] : high[1] + 1][inside].astype(np.float64)
    if not found.size:
        return {"voxels": 0} | area
    return {
        "mean": float(found.mean()),
        "sd": float(found.std()),
        "min": float(found.min()),
        "max": float(found.max()),
        "voxels": int(found.size),
    } | area
