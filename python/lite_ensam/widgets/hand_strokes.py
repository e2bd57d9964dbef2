"""Strokes of a brush and an eraser on slices: kept apart from the network's masks, and painted over them each time.

So a later click, line or threshold does not wipe what a hand made, and each stroke can be undone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.errors import ArgumentError, brief
from lite_ensam.core.mark_fields import MAX_LABEL
from lite_ensam.core.partial_volume import SubVolume
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import IntTriple, Mask, int_triple
from lite_ensam.widgets.planes import Plane

__all__ = ["Stroke", "strokes_from_json", "with_strokes"]

MAX_STROKES = 2000
MAX_POINTS = 2000
"""Of one stroke; the browser leaves out points that are nearer to each other than half a voxel."""

MAX_RADIUS_MM = 100.0


@with_short_repr
@dataclass(frozen=True)
class Stroke:
    """One stroke on one slice.

    Parameters
    ----------
    label : of the lesion
    erase : whether voxels are taken from the lesion, or given to it
    plane : 0, 1 or 2: the array axis (z, y, x) that is cut
    index : of the slice
    radius_mm : of the brush
    path : at least one point (row, column) of the slice, in voxels, 0 in the first one's middle
    """

    label: int
    erase: bool
    plane: int
    index: int
    radius_mm: float
    path: tuple[tuple[float, float], ...]


def strokes_from_json(entries: Any, shape_zyx: IntTriple) -> tuple[Stroke, ...]:
    """Strokes as a browser sends them.

    Raises
    ------
    ArgumentError
        If an entry is not a stroke on a slice of the scan.
    """
    if not isinstance(entries, Sequence) or isinstance(entries, str) or len(entries) > MAX_STROKES:
        raise ArgumentError(f"strokes must be a list of at most {MAX_STROKES}, got {brief(entries)}")
    for entry in entries:
        if not (isinstance(entry, Mapping) and _is_stroke(entry, shape_zyx)):
            raise ArgumentError(
                "a stroke must have label, erase, plane, index, radius_mm and path of a slice of the scan, "
                f"got {brief(entry)}"
            )
    return tuple(
        Stroke(
            entry["label"],
            entry["erase"],
            entry["plane"],
            entry["index"],
            float(entry["radius_mm"]),
            tuple((float(row), float(column)) for row, column in entry["path"]),
        )
        for entry in entries
    )


def _is_stroke(entry: Mapping[str, Any], shape_zyx: IntTriple) -> bool:
    plane, index, path = (entry.get(name) for name in ("plane", "index", "path"))
    return (
        _is_integer(entry.get("label"), 1, MAX_LABEL)
        and isinstance(entry.get("erase"), bool)
        and _is_integer(plane, 0, 2)
        and _is_integer(index, 0, shape_zyx[plane] - 1)  # type: ignore[index]
        and _is_number(entry.get("radius_mm"), 0.0, MAX_RADIUS_MM)
        and isinstance(path, list | tuple)
        and 0 < len(path) <= MAX_POINTS
        and all(isinstance(point, list | tuple) and len(point) == 2 for point in path)
        and all(_is_number(number, -1e5, 1e5) for point in path for number in point)
    )


def _is_integer(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_number(value: Any, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def with_strokes(
    part: SubVolume, strokes: Iterable[Stroke], planes: Sequence[Plane], labels: Iterable[int]
) -> tuple[SubVolume, dict[int, int]]:
    """A label map with strokes on it, one after the other.

    Parameters
    ----------
    part : the box of the map that holds all labels; it is not changed
    strokes : a brush takes voxels from other lesions too, an eraser from its own only
    planes : of the scan, as `planes_of`
    labels : lesions that are shown; strokes of others are passed over

    Returns
    -------
    The map, perhaps in a larger box, and how many voxels of each edited lesion are other than they were.
    """
    shown = set(labels)
    drawn = [(stroke, _covered(stroke, planes[stroke.plane])) for stroke in strokes if stroke.label in shown]
    drawn = [(stroke, box) for stroke, box in drawn if box.voxels.size]
    if not drawn:
        return part, {}
    start = np.min([part.start_zyx, *(box.start_zyx for _, box in drawn)], axis=0)
    stop = np.max([part.stop_zyx, *(box.stop_zyx for _, box in drawn)], axis=0)
    before = part.on((int_triple(start), int_triple(stop)))
    after = SubVolume(before.copy(), int_triple(start), part.whole_shape_zyx)
    for stroke, covered in drawn:
        here = after.cut((covered.start_zyx, covered.stop_zyx)).voxels  # a view
        if stroke.erase:
            here[covered.voxels & (here == stroke.label)] = 0
        else:
            here[covered.voxels] = stroke.label
    changed = before != after.voxels
    were, are = before[changed], after.voxels[changed]
    counts = {label: int((were == label).sum() + (are == label).sum()) for label in sorted(shown)}
    return after, {label: n for label, n in counts.items() if n}


def _covered(stroke: Stroke, plane: Plane) -> SubVolume:
    """The box of the scan that a stroke reaches, one slice thick, and which voxels of it it covers."""
    path, pixel = np.array(stroke.path), np.array(plane.pixel_mm)
    reach = stroke.radius_mm / pixel
    last = np.array(plane.shape) - 1
    low = np.clip(np.floor(path.min(axis=0) - reach), 0, last + 1).astype(int)
    high = np.clip(np.ceil(path.max(axis=0) + reach), -1, last).astype(int)
    mask = np.zeros(np.maximum(high - low + 1, 0), dtype=np.bool_)
    for one, other in zip(path, path[1:] if len(path) > 1 else path, strict=False):
        _cover(mask, (one - low) * pixel, (other - low) * pixel, stroke.radius_mm, pixel)
    for row, column in np.rint(path - low).astype(
        int
    ):  # a brush finer than voxels covers the one that it is in
        if 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]:
            mask[row, column] = True
    start, shape = (
        np.insert(pair, plane.cut, n) for pair, n in ((low, stroke.index), (last + 1, plane.n_slices))
    )
    return SubVolume(np.expand_dims(mask, plane.cut), int_triple(start), int_triple(shape))


def _cover(
    mask: Mask,
    one: NDArray[np.float64],
    other: NDArray[np.float64],
    radius: float,
    pixel: NDArray[np.float64],
) -> None:
    """Cover what is within the radius of a segment; all in mm from the mask's first voxel."""
    low = np.maximum(np.floor((np.minimum(one, other) - radius) / pixel), 0).astype(int)
    high = np.ceil((np.maximum(one, other) + radius) / pixel).astype(int) + 1
    box = mask[low[0] : max(high[0], 0), low[1] : max(high[1], 0)]
    rows, columns = np.ogrid[: box.shape[0], : box.shape[1]]
    y, x = (rows + low[0]) * pixel[0] - one[0], (columns + low[1]) * pixel[1] - one[1]
    dy, dx = other - one
    along = np.clip((y * dy + x * dx) / (math.hypot(dy, dx) ** 2 or 1.0), 0, 1)
    box |= np.hypot(y - along * dy, x - along * dx) <= radius
