"""Edits by hand: kept apart from the network's masks, and laid over them each time, one step after the other.

So a later click, line or threshold does not wipe what a hand made, and each step can be undone. A step is a stroke of
brush or eraser, or the voxels that another tool (`mask_tools`) gave to a lesion and took from it.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.errors import ArgumentError, brief
from lite_ensam.core.mark_fields import MAX_LABEL
from lite_ensam.core.number_kinds import is_real, is_whole
from lite_ensam.core.partial_volume import SubVolume
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import FloatTriple, IntTriple, Mask, int_triple

__all__ = [
    "HandEdit",
    "HandVoxels",
    "Stroke",
    "ToolEdit",
    "changed_labels",
    "edits_from_json",
    "tool_edit_json",
    "with_edits",
]

Tool = Literal["fill", "islands", "smooth"]

MAX_EDITS = 2000
MAX_POINTS = 2000
"""Of one stroke; the browser leaves out points that are nearer to each other than half a voxel."""

MAX_RADIUS_MM = 100.0

_BRUSHES = {"brush": False, "eraser": True}


@with_short_repr
@dataclass(frozen=True)
class Stroke:
    """One stroke of brush or eraser.

    Parameters
    ----------
    label : int
        Label of the lesion.
    tool : str
        "brush" gives voxels to the lesion, "eraser" takes them from it.
    plane : int
        0, 1 or 2: the array axis (z, y, x) that is cut.
    index : int
        Index of the slice on which the hand moved.
    radius_mm : float
        Radius of the brush in mm.
    ball : bool
        Whether it is a ball that reaches equally far across slices, instead of a disc on one slice.
    path : tuple[tuple[float, float], ...]
        At least one point (row, column) on the slice in voxels; 0 is the centre of the first voxel.
    """

    label: int
    tool: str
    plane: int
    index: int
    radius_mm: float
    ball: bool
    path: tuple[tuple[float, float], ...]

    def changes(self, whole_shape_zyx: IntTriple, spacing_mm: FloatTriple) -> tuple[SubVolume, bool]:
        """The box of the scan that it reaches with the voxels that it covers, and whether these are taken."""
        return _covered(self, whole_shape_zyx, spacing_mm), _BRUSHES[self.tool]


@with_short_repr
@dataclass(frozen=True, eq=False)
class ToolEdit:
    """The change that a tool made to a lesion: it keeps the voxels, so that a later click cannot change them.

    Parameters
    ----------
    label : int
        Label of the lesion.
    tool : Tool
        Name of the tool.
    start_zyx : IntTriple
        First voxel of the box that holds all that changed.
    added, removed : Mask
        Bool (z, y, x) on that box.
    """

    label: int
    tool: Tool
    start_zyx: IntTriple
    added: Mask
    removed: Mask


HandEdit: TypeAlias = Stroke | ToolEdit


class HandVoxels(NamedTuple):
    """How many voxels a lesion has that the network did not give it, and the other way round."""

    added: int
    removed: int


def edits_from_json(entries: Any, shape_zyx: IntTriple) -> tuple[HandEdit, ...]:
    """Edits as a browser sends them and files hold them.

    Parameters
    ----------
    entries : Any
        A list. A stroke has the fields of `Stroke`. An edit of another tool has label, tool, start_zyx,
        shape_zyx, added and removed; the latter two are the voxels of that box, C order, one bit each
        (`numpy.packbits`), deflated (zlib), in base 64.
    shape_zyx : IntTriple
        Shape of the scan.

    Raises
    ------
    ArgumentError
        If an entry is not an edit on the scan.
    """
    if not isinstance(entries, Sequence) or isinstance(entries, str) or len(entries) > MAX_EDITS:
        raise ArgumentError(f"edits must be a list of at most {MAX_EDITS}, got {brief(entries)}")
    return tuple(_edit_of(entry, shape_zyx) for entry in entries)


def changed_labels(old: Any, new: Any) -> set[int]:
    """Lesions whose edits, or whose thresholds, are others than before; of both kinds of JSON."""
    if isinstance(new, Mapping):
        return {int(label) for label in {*old, *new} if old.get(label) != new.get(label)}
    return {edit["label"] for edit in [*old, *new] if edit not in old or edit not in new}


def tool_edit_json(label: int, tool: Tool, before: SubVolume, after: Mask) -> dict[str, Any] | None:
    """The JSON of what a tool did to a mask; None if that is nothing.

    Parameters
    ----------
    label : int
        Label of the lesion.
    tool : Tool
        Name of the tool.
    before : SubVolume
        The lesion's mask on a box, bool.
    after : Mask
        The mask on the same box (z, y, x), bool.
    """
    changed = before.voxels != after
    if not changed.any():
        return None
    places = [np.flatnonzero(changed.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    here = tuple(slice(int(found[0]), int(found[-1]) + 1) for found in places)
    added, removed = (changed & after)[here], (changed & before.voxels)[here]
    return {
        "label": label,
        "tool": tool,
        "start_zyx": [start + int(found[0]) for start, found in zip(before.start_zyx, places, strict=True)],
        "shape_zyx": list(added.shape),
        "added": _packed(added),
        "removed": _packed(removed),
    }


def with_edits(
    part: SubVolume, edits: Iterable[HandEdit], spacing_mm: FloatTriple, labels: Iterable[int]
) -> tuple[SubVolume, dict[int, HandVoxels]]:
    """A label map with edits on it, one after the other.

    Parameters
    ----------
    part : SubVolume
        Box of the label map that holds all labels; it is not changed.
    edits : Iterable[HandEdit]
        Edits in their order. A brush takes voxels from other lesions too; an eraser takes them from its own
        lesion only.
    spacing_mm : FloatTriple
        Spacing in mm, (z, y, x).
    labels : Iterable[int]
        Labels of the lesions that are shown; edits of other lesions are ignored.

    Returns
    -------
    tuple[SubVolume, dict[int, HandVoxels]]
        The label map, perhaps in a larger box, and for each edited lesion how many voxels were added and
        removed by hand.
    """
    shown = set(labels)
    steps = [
        step
        for edit in edits
        if edit.label in shown
        for step in _steps(edit, part.whole_shape_zyx, spacing_mm)
        if step[1].voxels.size
    ]
    if not steps:
        return part, {}
    start = np.min([part.start_zyx, *(box.start_zyx for _, box, _ in steps)], axis=0)
    stop = np.max([part.stop_zyx, *(box.stop_zyx for _, box, _ in steps)], axis=0)
    before = part.on((int_triple(start), int_triple(stop)))
    after = SubVolume(before.copy(), int_triple(start), part.whole_shape_zyx)
    for label, box, erase in steps:
        here = after.cut((box.start_zyx, box.stop_zyx)).voxels  # a view
        if erase:
            here[box.voxels & (here == label)] = 0
        else:
            here[box.voxels] = label
    changed = before != after.voxels
    were, are = before[changed], after.voxels[changed]
    counts = {
        label: HandVoxels(int((are == label).sum()), int((were == label).sum())) for label in sorted(shown)
    }
    return after, {label: count for label, count in counts.items() if any(count)}


def _steps(
    edit: HandEdit, shape_zyx: IntTriple, spacing_mm: FloatTriple
) -> list[tuple[int, SubVolume, bool]]:
    """Label, voxels, and whether they are wiped."""
    if isinstance(edit, Stroke):
        return [(edit.label, *edit.changes(shape_zyx, spacing_mm))]
    return [
        (edit.label, SubVolume(voxels, edit.start_zyx, shape_zyx), erase)
        for voxels, erase in ((edit.removed, True), (edit.added, False))
    ]


def _edit_of(entry: Any, shape_zyx: IntTriple) -> HandEdit:
    if isinstance(entry, Mapping) and entry.get("tool") in get_args(Tool):
        return _tool_edit_of(entry, shape_zyx)
    if not (isinstance(entry, Mapping) and _is_stroke(entry, shape_zyx)):
        raise ArgumentError(
            "an edit must be a stroke (label, tool, plane, index, radius_mm, ball and path of a slice of the scan) "
            f"or what a tool changed, got {brief(entry)}"
        )
    return Stroke(
        entry["label"],
        entry["tool"],
        entry["plane"],
        entry["index"],
        float(entry["radius_mm"]),
        entry["ball"],
        tuple((float(row), float(column)) for row, column in entry["path"]),
    )


def _tool_edit_of(entry: Mapping[str, Any], shape_zyx: IntTriple) -> ToolEdit:
    label, start, shape = (entry.get(name) for name in ("label", "start_zyx", "shape_zyx"))
    fits = _is_integer(label, 1, MAX_LABEL) and all(
        isinstance(corner, list | tuple) and len(corner) == 3 for corner in (start, shape)
    )
    if not fits or not all(
        _is_integer(a, 0, n - 1) and _is_integer(size, 1, n - a)
        for a, size, n in zip(start, shape, shape_zyx, strict=True)  # type: ignore[arg-type]
    ):
        raise ArgumentError(
            f"what a tool changed must have label, start_zyx and shape_zyx, got {brief(entry)}"
        )
    box = int_triple(np.asarray(shape))
    added, removed = (_unpacked(str(entry.get(name)), box) for name in ("added", "removed"))
    return ToolEdit(entry["label"], entry["tool"], int_triple(np.asarray(start)), added, removed)


def _packed(mask: Mask) -> str:
    return base64.b64encode(zlib.compress(np.packbits(mask).tobytes(), 9)).decode()


@lru_cache(maxsize=256)
def _unpacked(text: str, shape_zyx: IntTriple) -> Mask:
    """A mask, read only; never more than its box, whatever the text would inflate to."""
    n_voxels = int(np.prod(shape_zyx))
    size = (n_voxels + 7) // 8
    try:
        bits = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), size + 1)
    except (ValueError, zlib.error):
        bits = b""
    if len(bits) != size:
        raise ArgumentError(
            f"voxels that a tool changed must be {n_voxels} bits in base 64, got {brief(text)}"
        )
    mask = np.unpackbits(np.frombuffer(bits, np.uint8), count=n_voxels).reshape(shape_zyx).astype(np.bool_)
    mask.flags.writeable = False  # others are given it too
    return mask


def _is_stroke(entry: Mapping[str, Any], shape_zyx: IntTriple) -> bool:
    tool, plane, index, path = (entry.get(name) for name in ("tool", "plane", "index", "path"))
    return (
        _is_integer(entry.get("label"), 1, MAX_LABEL)
        and isinstance(tool, str)
        and tool in _BRUSHES
        and isinstance(entry.get("ball"), bool)
        and _is_integer(plane, 0, 2)
        and _is_integer(index, 0, shape_zyx[plane] - 1)  # type: ignore[index]
        and _is_number(entry.get("radius_mm"), 0.0, MAX_RADIUS_MM)
        and isinstance(path, list | tuple)
        and 0 < len(path) <= MAX_POINTS
        and all(isinstance(point, list | tuple) and len(point) == 2 for point in path)
        and all(_is_number(number, -1e5, 1e5) for point in path for number in point)
    )


def _is_integer(value: Any, low: int, high: int) -> bool:
    return is_whole(value) and low <= value <= high


def _is_number(value: Any, low: float, high: float) -> bool:
    return is_real(value) and low <= value <= high


@lru_cache(maxsize=256)
def _covered(stroke: Stroke, whole_shape_zyx: IntTriple, spacing_mm: FloatTriple) -> SubVolume:
    """The box of the scan that a stroke reaches, and which voxels of it it covers; a ball is as round as mm are."""
    cut = stroke.plane
    path, pixel = np.array(stroke.path), np.delete(spacing_mm, cut)
    reach, last = stroke.radius_mm / pixel, np.delete(whole_shape_zyx, cut) - 1
    low = np.clip(np.floor(path.min(axis=0) - reach), 0, last + 1).astype(int)
    high = np.clip(np.ceil(path.max(axis=0) + reach), -1, last).astype(int)
    squares = np.full(np.maximum(high - low + 1, 0), np.inf)
    for one, other in zip(path, path[1:] if len(path) > 1 else path, strict=False):
        _bring_near(squares, (one - low) * pixel, (other - low) * pixel, stroke.radius_mm, pixel)
    for row, column in np.rint(path - low).astype(int):
        if 0 <= row < squares.shape[0] and 0 <= column < squares.shape[1]:
            squares[row, column] = 0  # a brush finer than voxels covers the one that it is in
    slices = int(stroke.radius_mm / spacing_mm[cut]) if stroke.ball else 0
    first = max(stroke.index - slices, 0)
    behind = min(stroke.index + slices + 1, whole_shape_zyx[cut])
    depths = (np.arange(first, behind) - stroke.index) * spacing_mm[cut]
    flat = np.expand_dims(squares, 0) + np.square(depths)[:, None, None] <= stroke.radius_mm**2
    flat[stroke.index - first] |= squares == 0
    return SubVolume(np.moveaxis(flat, 0, cut), int_triple(np.insert(low, cut, first)), whole_shape_zyx)


def _bring_near(
    squares: NDArray[np.float64],
    one: NDArray[np.float64],
    other: NDArray[np.float64],
    radius: float,
    pixel: NDArray[np.float64],
) -> None:
    """Lower squared distances to those from a segment, as far as the radius; all in mm from the first voxel."""
    low = np.maximum(np.floor((np.minimum(one, other) - radius) / pixel), 0).astype(int)
    high = np.ceil((np.maximum(one, other) + radius) / pixel).astype(int) + 1
    box = squares[low[0] : max(high[0], 0), low[1] : max(high[1], 0)]
    rows, columns = np.ogrid[: box.shape[0], : box.shape[1]]
    y, x = (rows + low[0]) * pixel[0] - one[0], (columns + low[1]) * pixel[1] - one[1]
    dy, dx = other - one
    along = np.clip((y * dy + x * dx) / (dy * dy + dx * dx or 1.0), 0, 1)
    np.minimum(box, np.square(y - along * dy) + np.square(x - along * dx), out=box)
