"""Slices and slabs of a volume as grey values: one slice, or the maximum, mean or minimum of neighbouring ones."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.errors import ArgumentError, brief
from lite_ensam.core.number_kinds import is_real
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import CtVolume, FloatTriple
from lite_ensam.widgets.planes import Plane

__all__ = ["Slab", "SlabCache", "VolumeSlices", "projected", "slab_from_json", "slab_range"]

How: TypeAlias = Literal["max", "mean", "min"]

MAX_SLAB_MM = 1000.0

_KEPT_SLABS = 8
"""Those of three planes and the next ones."""


@with_short_repr
@dataclass(frozen=True)
class Slab:
    """Slices that are shown as one.

    Parameters
    ----------
    how : How
        "max" (a maximum intensity projection, MIP), "mean" or "min" of the values along the cut axis.
    mm : float
        Thickness in mm, rounded to whole slices.
    """

    how: How
    mm: float


def slab_from_json(value: Any) -> Slab | None:
    """A slab as a browser sends it, null for single slices; ArgumentError if it is neither."""
    if value is None:
        return None
    given: Any = value if isinstance(value, dict) else {}
    how, mm = given.get("how"), given.get("mm")
    if how not in get_args(How) or not is_real(mm) or not 0 < mm <= MAX_SLAB_MM:
        raise ArgumentError(
            f'slab must be null or have `how` ("max", "mean" or "min") and `mm` up to {MAX_SLAB_MM:g}, '
            f"got {brief(value)}"
        )
    return Slab(how, float(mm))


def slab_range(plane: Plane, index: int, spacing_mm: FloatTriple, slab: Slab | None) -> tuple[int, int]:
    """First slice of a slab and the one after its last; the slice `index` is in its middle, or the one before.

    Parameters
    ----------
    plane : Plane
        Plane of the slice.
    index : int
        Index of the slice; an index outside the volume takes the nearest slice.
    spacing_mm : FloatTriple
        Voxel spacing (z, y, x) of the volume in mm.
    slab : Slab or None
        The slab; None takes the slice alone.

    Examples
    --------
    >>> from lite_ensam.core.grid import Grid
    >>> from lite_ensam.widgets.planes import planes_of
    >>> axial = planes_of(Grid.from_spacing((40, 10, 10), (2.5, 1, 1)))[0]
    >>> slab_range(axial, 20, (2.5, 1, 1), Slab("max", 10))
    (19, 23)
    """
    middle = min(max(index, 0), plane.n_slices - 1)
    n = 1 if slab is None else max(round(slab.mm / spacing_mm[plane.cut]), 1)
    start = middle - (n - 1) // 2
    return max(start, 0), min(start + n, plane.n_slices)


class SlabCache:
    """The last projections: another grey window needs no other one."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int, int, str], NDArray[Any]] = OrderedDict()

    def get(self, key: tuple[int, int, int, str], project: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """The projection of an axis, first slice, one after the last and kind; it is made if it is not kept."""
        if key not in self._kept:
            self._kept[key] = project()
            if len(self._kept) > _KEPT_SLABS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


class VolumeSlices:
    """Slices of a volume in memory.

    Parameters
    ----------
    volume : CtVolume
        Volume (z, y, x).
    spacing_mm : FloatTriple
        Spacing in mm, (z, y, x).
    """

    def __init__(self, volume: CtVolume, spacing_mm: FloatTriple) -> None:
        self._volume, self._spacing_mm = volume, spacing_mm
        self._slabs = SlabCache()

    def values(self, plane: Plane, index: int, slab: Slab | None = None) -> NDArray[Any]:
        """Grey values (rows, columns) of a slice, or of a slab about it, which is projected once."""
        start, stop = slab_range(plane, index, self._spacing_mm, slab)
        if slab is None or stop == start + 1:
            return self._volume[(slice(None),) * plane.cut + (start,)]
        how = slab.how
        return self._slabs.get(
            (plane.cut, start, stop, how), lambda: projected(self._volume, plane.cut, start, stop, how)
        )


def projected(volume: CtVolume, axis: int, start: int, stop: int, how: How) -> NDArray[Any]:
    """Maximum, minimum or mean (float32) of the slices `start` to `stop` along an axis."""
    slices = volume[(slice(None),) * axis + (slice(start, stop),)]
    result: NDArray[Any]
    if how == "mean":
        result = slices.mean(axis=axis, dtype=np.float32)
    else:
        result = (np.maximum if how == "max" else np.minimum).reduce(slices, axis=axis)
    return result
