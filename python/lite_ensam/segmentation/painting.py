"""From logits on patches to one label map of the scan, with every marked tumour in it (paper, section 2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lite_ensam import _kernels
from lite_ensam.core.errors import MarkError
from lite_ensam.core.partial_volume import PartialScan, SubVolume, VoxelBox, slices
from lite_ensam.core.recist import RecistMark, voxel_of
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import CtVolume, Flips, FloatTriple, IntTriple, int_triple
from lite_ensam.measurements import TumorMeasurement, measure
from lite_ensam.measurements.flags import RECOVERED
from lite_ensam.segmentation.patch_plan import Placement

TumorArgument = tuple[
    int, NDArray[np.float32], tuple[float, float, float], tuple[float, float, float], tuple[int, int, int]
]

_HELD_SHARE = 0.1
"""Width (standard deviation) of the bell that holds an end of a line, in lengths of the line: two voxels
of a patch of 48. From 1.5 to 3 voxels the Dice coefficient was the same within 0.002 (decision 0012)."""

_POINT_SHARE = 0.4
_POINT_MOST = 1.0
"""About a point that the user gave, a bell this wide, in lengths of the line, and at most this high is added or taken
off before the narrow one: a point says that a region is wrong, not a voxel (docs/developer/experiments.md, 11). A
network that is surer of the region keeps it."""

_ACROSS_SHARE = 0.25
_ACROSS_MOST = 2.0
"""Width, in lengths of the line, and most height of the bells at the ends of a short axis that the user gave. More
height helps exact axes more, and harms those whose ends are a voxel off (docs/developer/experiments.md, 17)."""

_HELD_LOGIT = 0.2
"""The logit to which an end is raised: slightly above 0, because resampling to the scan's voxels blurs."""

_NEAR = 1.5
"""Half-lengths of the line from its middle within which logits stay as they are: beyond lie 4.3 % of the volume of 24
sarcomas and 2.0 % of that of 1,484 nodules (decision 0020)."""

_FADING = 2.0
"""Logits taken off for each half-length of the line beyond `_NEAR`: the least of the values that were tried (2, 4, 8),
because more of them cost held-out sarcomas more (decision 0020)."""

_END_LOGIT = 1.5
_END_MM = 1.0
"""Added before a given first or last slice: this much where the slice ends, and e times less each `_END_MM` before. The
network reaches such a slice with half of the tumour's area on it (docs/developer/experiments.md, 12)."""

_MOST_RAISED = 3.0
"""Most that is added: beyond, the network gives an end odds of less than 1 : 20."""


@with_short_repr
@dataclass(frozen=True)
class TumorLogits:
    """The network's output for one tumour.

    Parameters
    ----------
    mark : RecistMark
        The tumour's line, in the network's frame.
    logits : NDArray[np.float32]
        Float32 (z, y, x) on the patch; above the threshold is tumour.
    placement : Placement
        Where the patch lies in the volume.
    """

    mark: RecistMark
    logits: NDArray[np.float32]
    placement: Placement


@with_short_repr
@dataclass(frozen=True)
class Painting:
    """A label map and which tumours had to be recovered to be in it.

    Parameters
    ----------
    part : SubVolume
        Uint16 (z, y, x), the box that holds all tumours; 0 is background, and all there is outside.
    recovered : dict[int, float]
        Label -> offset that was added to its logits inside the line's sphere.
    """

    part: SubVolume
    recovered: dict[int, float]

    def flipped(self, flips_zyx: Flips) -> Painting:
        """The same label map with some axes reversed; a view."""
        return Painting(self.part.flipped(flips_zyx), self.recovered)

    @cached_property
    def labels(self) -> NDArray[np.uint16]:
        """The whole label map, uint16 (z, y, x); made when it is asked for."""
        return self.part.whole()

    def measure(
        self,
        marks: Sequence[RecistMark],
        spacing_mm: FloatTriple,
        ct: CtVolume | PartialScan | None = None,
        hu: bool = True,
    ) -> tuple[TumorMeasurement, ...]:
        """Measure the tumours of some marks, see `measurements.measure`; those that were recovered are flagged."""
        measured = measure(self.part, marks, spacing_mm, ct, hu)
        return tuple(one.flagged(RECOVERED) if one.label in self.recovered else one for one in measured)


def fade_far(tumor: TumorLogits) -> TumorLogits:
    """Ask for more the farther a voxel is from the line: masks of large tumours run on along muscles otherwise.

    The line is the longest diameter of all axial slices, and sarcomas have 4 % of their volume farther than 1.5
    half-lengths from its middle, nodules 2 %. Logits fade softly, so that long tumours that are clearly seen stay whole
    (decision 0020). Where first and last slice are given, nothing fades.

    Parameters
    ----------
    tumor : TumorLogits
        From a lesion crop, whose voxels are cubes; with the logits as the network gave them, which are
        not changed.
    """
    mark = tumor.mark
    if mark.first_slice is not None and mark.last_slice is not None:
        return tumor
    ends = tumor.placement.to_patch(mark.endpoints_zyx)
    half = float(np.linalg.norm(ends[1] - ends[0])) / 2
    z, y, x = (
        np.square((np.arange(n) - middle) / half, dtype=np.float32)
        for n, middle in zip(tumor.logits.shape, ends.mean(axis=0), strict=True)
    )
    beyond = np.sqrt(z[:, None, None] + y[:, None] + x) - np.float32(_NEAR)
    return replace(tumor, logits=tumor.logits - np.float32(_FADING) * np.maximum(beyond, 0))


def anchor_endpoints(tumor: TumorLogits) -> TumorLogits:
    """Raise the logits about the ends of the line until the ends are tumour, as the line says they are.

    A tumour's tip is a voxel or two wide, and a network that is unsure of each of them leaves it out:
    without this, longest diameters come out short (decision 0012). About an end that lies below
    `_HELD_LOGIT`, a bell a tenth of the line wide is added. Where the network is sure that an end
    lies outside, the line was drawn inexactly: more than `_MOST_RAISED` is never added. A tumour of which
    nothing was found is left to `paint_tumors`.

    Parameters
    ----------
    tumor : TumorLogits
        The network's output; its logits are not changed.
    """
    logits = tumor.logits
    if not (logits > 0).any():
        return tumor
    ends = tumor.placement.to_patch(tumor.mark.endpoints_zyx)
    width = max(_HELD_SHARE * float(np.linalg.norm(ends[1] - ends[0])), 1.0)
    held = logits.copy()
    for end in ends:
        _bring(held, end, _HELD_LOGIT, width, _MOST_RAISED)
    return replace(tumor, logits=held)


def fill_end_slices(tumor: TumorLogits, voxel_mm: float) -> TumorLogits:
    """Raise the logits towards a given first and last slice: the user says that the tumour ends there, not before.

    Parameters
    ----------
    tumor : TumorLogits
        The network's output; its logits are not changed.
    voxel_mm : float
        Height of a patch voxel in mm.
    """
    mark, placement = tumor.mark, tumor.placement
    heights = np.arange(len(tumor.logits))
    own = placement.to_patch(mark.midpoint_zyx)[0]
    raised = np.zeros(len(heights))
    for z, side in ((mark.first_slice, -1), (mark.last_slice, 1)):
        if z is None or z == mark.slice_index:
            continue
        end = placement.to_patch((z + 0.5 * side, 0.0, 0.0))[0]
        to_end_mm = (end - heights) * side * voxel_mm
        is_between = (to_end_mm >= 0) & ((heights - own) * side > 0)
        raised[is_between] += _END_LOGIT * np.exp(-to_end_mm[is_between] / _END_MM)
    if not raised.any():
        return tumor
    return replace(tumor, logits=tumor.logits + raised.astype(np.float32)[:, None, None])


def anchor_prompts(tumor: TumorLogits) -> TumorLogits:
    """Bring the logits to what the mark's short axis, slices and points say, as `anchor_endpoints` does for the line.

    The ends of a short axis are tumour, and a voxel beyond them is not. On a first or last slice that the mask does
    not reach, the likeliest voxel is raised, unless the network is sure that the tumour does not go there. About a
    point inside that lies below `_HELD_LOGIT`, a wide and low and a narrow bell are added; about one outside that lies
    above its opposite, they are taken off. Points come last, and have the last word.

    Parameters
    ----------
    tumor : TumorLogits
        The network's output; its logits are not changed.
    """
    mark, placement = tumor.mark, tumor.placement
    slices = [z for z in (mark.first_slice, mark.last_slice) if z is not None]
    known = slices or mark.short_axis_zyx or mark.inside_zyx or mark.outside_zyx
    if not known or not (tumor.logits > 0).any():
        return tumor
    ends = placement.to_patch(mark.endpoints_zyx)
    length = float(np.linalg.norm(ends[1] - ends[0]))
    width, wide = max(_HELD_SHARE * length, 1.0), max(_POINT_SHARE * length, 1.0)
    held = tumor.logits.copy()
    if mark.short_axis_zyx:
        first, last = np.asarray(mark.short_axis_zyx, dtype=np.float64)
        outwards = (last - first) / max(float(np.linalg.norm(last - first)), 1.0)
        across = max(_ACROSS_SHARE * length, 1.0)
        for end, beyond in ((first, first - outwards), (last, last + outwards)):
            _bring(held, placement.to_patch(end), _HELD_LOGIT, across, _ACROSS_MOST)
            _bring(held, placement.to_patch(beyond), -_HELD_LOGIT, across, _ACROSS_MOST)
    for z in slices:
        on_slice = round(float(placement.to_patch((z, 0.0, 0.0))[0]))
        if 0 <= on_slice < len(held):
            likeliest = divmod(int(held[on_slice].argmax()), held.shape[2])
            _, *in_plane = np.rint(placement.to_volume((on_slice, *likeliest))).tolist()
            _bring(held, placement.to_patch((z, *in_plane)), _HELD_LOGIT, width, _MOST_RAISED)
    for points, sign in ((mark.inside_zyx, 1.0), (mark.outside_zyx, -1.0)):
        for point in points:
            place = placement.to_patch(point)
            _bring(held, place, sign * _HELD_LOGIT, wide, _POINT_MOST)
            _bring(held, place, sign * _HELD_LOGIT, width)
    return replace(tumor, logits=held)


def _bring(
    logits: NDArray[np.float32],
    point_zyx: NDArray[np.float64],
    wanted: float,
    width: float,
    most: float = np.inf,
) -> None:
    """Add a bell about a point, in place, so that the logit there is at least `wanted`, or at most, if that is below 0.

    Parameters
    ----------
    logits : NDArray[np.float32]
        Logits (z, y, x).
    point_zyx : NDArray[np.float64]
        Voxel indices.
    wanted : float
        The wanted logit at the point.
    width : float
        Standard deviation of the bell in voxels.
    most : float, default np.inf
        That is added or taken off at the point.
    """
    lacking = wanted - _between_voxels(logits, point_zyx)
    low = np.maximum(np.floor(point_zyx - 3 * width), 0).astype(int)
    high = np.minimum(np.ceil(point_zyx + 3 * width) + 1, logits.shape).astype(int)
    if lacking * wanted <= 0 or (high - low < 2).any():
        return
    z, y, x = (
        np.exp(-0.5 * ((np.arange(a, b) - place) / width) ** 2)
        for a, b, place in zip(low, high, point_zyx, strict=True)
    )
    bell = (z[:, None, None] * y[None, :, None] * x[None, None, :]).astype(np.float32)
    bell *= np.float32(np.clip(lacking, -most, most) / _between_voxels(bell, point_zyx - low))
    logits[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] += bell


def _between_voxels(values: NDArray[np.float32], point_zyx: NDArray[np.float64]) -> float:
    """Trilinear interpolation at a point in voxel indices; outside, the value of the border."""
    inside = np.clip(point_zyx, 0, np.array(values.shape) - 1)
    first = np.minimum(inside.astype(int), np.array(values.shape) - 2)
    z, y, x = first.tolist()
    part = values[z : z + 2, y : y + 2, x : x + 2]
    for share in (inside - first).tolist():
        part = part[0] * (1 - share) + part[1] * share
    return float(part)


def paint_tumors(
    tumors: Sequence[TumorLogits], spacing_mm: tuple[float, float, float], threshold: float = 0.0
) -> Painting:
    """Paint all tumours into one label map of the volume they were cut from.

    Logits are brought back to the scan's voxels by trilinear interpolation, slice by slice; the highest
    one above the threshold wins a voxel, background wins ties. A tumour that got no voxel has its logits
    raised inside the sphere of its line by 1, 3, 7, ... until it has one.

    Parameters
    ----------
    tumors : Sequence[TumorLogits]
        At least one; all of one volume.
    spacing_mm : tuple[float, float, float]
        Spacing in mm, (z, y, x), for the sphere.
    threshold : float, default 0.0
        Logit above which a voxel is tumour.
    """
    arguments: list[TumorArgument] = [
        (t.mark.label, t.logits, t.placement.start_zyx, t.placement.step_zyx, t.placement.content_zyx)
        for t in tumors
    ]
    start, stop = _painted_box(tumors)
    shape = tumors[0].placement.volume_shape_zyx
    size_z, size_y, size_x = np.subtract(stop, start).tolist()
    labels = _kernels.paint((size_z, size_y, size_x), arguments, threshold, start)
    part = SubVolume(labels, start, shape)
    counts = _kernels.label_counts(labels, max(t.mark.label for t in tumors))
    missing = [tumor for tumor in tumors if counts[tumor.mark.label] == 0]
    recovered = {}
    if missing:
        labels = part.whole()
        for tumor in missing:
            recovered[tumor.mark.label] = _raise(labels, arguments, tumor.mark, spacing_mm, threshold)
        part = SubVolume(labels[slices(start, stop)], start, shape)
    return obey_prompts(Painting(part, recovered), [tumor.mark for tumor in tumors])


def obey_prompts(painting: Painting, marks: Sequence[RecistMark]) -> Painting:
    """The label map with nothing beyond given slices, and given points as they are given.

    Parameters
    ----------
    painting : Painting
        Painting of all marks.
    marks : Sequence[RecistMark]
        The marks in its frame.
    """
    told = [
        m for m in marks if m.inside_zyx or m.outside_zyx or (m.first_slice, m.last_slice) != (None, None)
    ]
    if not told:
        return painting
    part = painting.part
    labels = part.voxels.copy()

    def place(point_zyx: FloatTriple) -> IntTriple | None:
        voxel = np.subtract(voxel_of(point_zyx), part.start_zyx)
        return int_triple(voxel) if ((voxel >= 0) & (voxel < labels.shape)).all() else None

    for mark in told:
        if mark.first_slice is not None:
            before = labels[: max(mark.first_slice - part.start_zyx[0], 0)]
            before[before == mark.label] = 0
        if mark.last_slice is not None:
            after = labels[max(mark.last_slice + 1 - part.start_zyx[0], 0) :]
            after[after == mark.label] = 0
        for voxel in filter(None, map(place, mark.outside_zyx)):
            if labels[voxel] == mark.label:
                labels[voxel] = 0
    for mark in told:
        for voxel in filter(None, map(place, mark.inside_zyx)):
            labels[voxel] = mark.label
        middle = place(mark.midpoint_zyx)
        if middle is not None and not (labels == mark.label).any():
            labels[middle] = mark.label
    return replace(painting, part=replace(part, voxels=labels))


def _raise(
    labels: NDArray[np.uint16],
    arguments: list[TumorArgument],
    mark: RecistMark,
    spacing_mm: tuple[float, float, float],
    threshold: float,
) -> float:
    """Paint a missing tumour inside its line's sphere; returns the offset that this took."""
    radius_mm = mark.radius_mm(spacing_mm)
    try:
        _, offset, _ = _kernels.recover_missing_tumor(
            labels, arguments, mark.label, mark.midpoint_zyx, radius_mm, spacing_mm, threshold
        )
    except ValueError as error:  # no voxel is left for it: lines on top of each other
        raise MarkError(f"mark {mark.label}: {error}") from None
    return offset


def _painted_box(tumors: Sequence[TumorLogits]) -> VoxelBox:
    """The voxels that any of the tumours may be painted on; never empty."""
    placements = [tumor.placement for tumor in tumors]
    shape = np.array(placements[0].volume_shape_zyx)
    points = [np.asarray(voxel_of(point)) for tumor in tumors for point in tumor.mark.inside_zyx]
    starts = [*(np.asarray(p.start_zyx) for p in placements), *points]
    stops = [*(np.asarray(p.stop_zyx) for p in placements), *(point + 1 for point in points)]
    start = np.clip(np.floor(np.min(starts, axis=0)), 0, shape - 1).astype(int)
    stop = np.clip(np.ceil(np.max(stops, axis=0)), start + 1, shape).astype(int)
    (z, y, x), (stop_z, stop_y, stop_x) = start.tolist(), stop.tolist()
    return (z, y, x), (stop_z, stop_y, stop_x)
