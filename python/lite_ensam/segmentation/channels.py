"""From a CT and a line to the network's patch; training and inference both come through here.

The paper scales a scan to [0, 1] and gives the network that one channel (section 2.2). Here a patch may
carry more: with one min-max over lung, fat and bone a tumour in soft tissue differs from its surroundings
by 2-3 % of the range, but the line says which grey values matter and where the tumour ends
(docs/developer/decisions/0002). `PatchConfig.channels` says what is used; it is saved with the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam import _kernels
from lite_ensam.core.case import Case
from lite_ensam.core.partial_volume import PartialScan, slices, subvolume_containing, value_range
from lite_ensam.core.patch_config import CLICK_REACH, GREY_CHANNELS, VOXELS_REACH, PatchConfig
from lite_ensam.core.recist import RecistMark, outer_ends
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import Float32Array, Float64Array, FloatTriple, int_triple
from lite_ensam.segmentation.patch_plan import PatchPlan, Placement, PlannedPatch

_UNKNOWN = np.float32(0.5)
"""Of a channel that says nothing: the network takes 0.5 off its input."""

_AXIS_POINTS = 21
"""Points at which a line or short axis is looked at; a line is 19 voxels long in a patch of 48."""

_TISSUE_ABOVE_HU = -160.0
"""Lung and air lie below, fat and all other tissue above."""


@with_short_repr
@dataclass(frozen=True)
class Patch:
    """The network's input for one tumour.

    Parameters
    ----------
    values : Float32Array
        Float32 (c, z, y, x) in [0, 1].
    endpoints_zyx : Float32Array
        Float32 (2, 3), voxel indices in the patch.
    placement : Placement
        Where the patch lies in the scan, in the network's frame.
    mark : RecistMark
        The line it was cut around, in that frame.
    voxel_mm : FloatTriple
        Size of a patch voxel in mm, (z, y, x).
    tissue_on_axes : Float64Array
        Float (n, 3), patch indices of points on the line and on the short axis, if there is one: those in tissue, not
        in lung or air; 21 on each at most. None of a joint crop. In a windowed scan whose lowest grey level stands for
        more than -160 HU, tissue of that level counts as lung.
    """

    values: Float32Array
    endpoints_zyx: Float32Array
    placement: Placement
    mark: RecistMark
    voxel_mm: FloatTriple
    tissue_on_axes: Float64Array


@with_short_repr
@dataclass(frozen=True)
class PatchPrompts:
    """The prompts of a mark besides its line, in voxel indices of the patch.

    Parameters
    ----------
    short_axis_zyx : Float64Array or None, default None
        Float (2, 3), its ends, as far out as the line's are; None without a short axis.
    first_edge, last_edge : float or None, default None
        Z where the first slice begins and the last one ends; None where that is not known.
    inside_zyx, outside_zyx : Float64Array, optional
        Float (n, 3), points that are tumour and that are not.
    """

    short_axis_zyx: Float64Array | None = None
    first_edge: float | None = None
    last_edge: float | None = None
    inside_zyx: Float64Array = field(default_factory=lambda: np.empty((0, 3)))
    outside_zyx: Float64Array = field(default_factory=lambda: np.empty((0, 3)))

    @classmethod
    def of(cls, mark: RecistMark, placement: Placement, margin_voxels: float) -> PatchPrompts:
        """Those of a mark of the volume that the patch lies in."""

        def edge(face: float | None) -> float | None:
            return None if face is None else placement.z_in_patch(face)

        first, last, short_axis = mark.first_slice, mark.last_slice, mark.short_axis_zyx
        return cls(
            None if short_axis is None else placement.to_patch(outer_ends(short_axis, margin_voxels)),
            edge(None if first is None else first - 0.5),
            edge(None if last is None else last + 0.5),
            placement.to_patch(np.reshape(mark.inside_zyx, (-1, 3))),
            placement.to_patch(np.reshape(mark.outside_zyx, (-1, 3))),
        )


@with_short_repr
@dataclass(frozen=True)
class LineFrame:
    """A crop's voxels seen from its line: what the channels are computed from.

    Parameters
    ----------
    crop : Float32Array
        Float32 (z, y, x), HU or windowed grey levels.
    endpoints_zyx : NDArray[np.floating[Any]]
        Float (2, 3), voxel indices in the crop.
    voxel_mm : tuple[float, float, float]
        Size of a crop voxel (z, y, x).
    hu : bool
        Whether `crop` is in HU.
    config : PatchConfig
        Windows and scales.
    scan_range : tuple[float, float] or None, default None
        Lowest and highest value of the whole scan, for a config without a window; for channel "positive" of
        its grey levels above 0.
    prompts : PatchPrompts, optional
        What is known beyond the line.
    step_zyx : tuple[float, float, float], default (1.0, 1.0, 1.0)
        Voxels of the scan per voxel of the crop.
    """

    crop: Float32Array
    endpoints_zyx: NDArray[np.floating[Any]]
    voxel_mm: tuple[float, float, float]
    hu: bool
    config: PatchConfig
    scan_range: tuple[float, float] | None = None
    prompts: PatchPrompts = field(default_factory=PatchPrompts)
    step_zyx: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def median_under_line(self) -> float:
        """Median grey value of the voxels under the inner 60 % of the line."""
        start, stop = np.asarray(self.endpoints_zyx, dtype=float)
        points = start + np.linspace(0.2, 0.8, 41)[:, None] * (stop - start)
        return float(np.median(_nearest(self.crop, points)))

    def in_half_lengths(self) -> tuple[Float32Array, Float32Array, float]:
        """In-plane offsets (y, x) from the line's middle along and across it, and of slices.

        Returns
        -------
        along, across : Float32Array
            Offsets (y, x), signed, in half lengths of the line.
        per_slice : float
            Half lengths between two slices.
        """
        size = np.asarray(self.voxel_mm)
        start, stop = np.asarray(self.endpoints_zyx, dtype=float)
        middle, half = (start + stop) / 2, (stop - start) / 2 * size
        radius = float(np.hypot(half[1], half[2]))
        y, x = (
            ((np.arange(side) - centre) * step / radius).astype(np.float32)
            for side, centre, step in zip(self.crop.shape[1:], middle[1:], size[1:], strict=True)
        )
        uy, ux = (half[1:] / radius).astype(np.float32)
        along = y[:, None] * uy + x[None, :] * ux
        across = y[:, None] * ux - x[None, :] * uy
        return along, across, float(size[0] / radius)

    def fade(self, half_lengths: Float32Array) -> Float32Array:
        """Distance in half lengths to [0, 1]; 1 at the border of a lesion crop and beyond."""
        return np.minimum(np.abs(half_lengths) / np.float32(self.config.side_factor), np.float32(1))


def _wide(frame: LineFrame) -> Float32Array:
    window = frame.config.window_hu if frame.hu else (0.0, 255.0)
    low, high = window or frame.scan_range or (float(frame.crop.min()), float(frame.crop.max()))
    return _kernels.min_max(frame.crop, low, high)


def _positive(frame: LineFrame) -> Float32Array:
    greys = _grey_levels(frame.crop, frame.hu, frame.config)
    low, high = frame.scan_range or _positive_range(frame.crop, frame.hu, frame.config)
    scaled: Float32Array = (greys - np.float32(low - 1)) / np.float32(high - low + 1)
    scaled[greys <= 0] = 0
    return scaled


def _grey_levels(voxels: NDArray[Any], hu: bool, config: PatchConfig) -> Float32Array:
    """Whole grey levels 0 to 255 of a scan in HU, as FLARE's files store them; a windowed scan as it is."""
    if not hu or config.window_hu is None:
        return voxels.astype(np.float32)
    low, high = config.window_hu
    greys: Float64Array = np.floor((np.clip(voxels, low, high).astype(np.float64) - low) * 255 / (high - low))
    return greys.astype(np.float32)


def _positive_range(ct: NDArray[Any], hu: bool, config: PatchConfig) -> tuple[float, float]:
    """Lowest and highest grey level above 0, slice by slice; (1, 1) if all are 0 or below."""
    low, high = np.inf, -np.inf
    for one in ct:
        greys = _grey_levels(one, hu, config)
        low = min(low, float(greys.min(where=greys > 0, initial=np.inf)))
        high = max(high, float(greys.max()))
    return (low, high) if high > 0 else (1.0, 1.0)


def _line_window(frame: LineFrame) -> Float32Array:
    return _about_the_line(frame, frame.config.line_half_width_hu)


def _line_narrow(frame: LineFrame) -> Float32Array:
    return _about_the_line(frame, frame.config.narrow_half_width_hu)


def _about_the_line(frame: LineFrame, half_width_hu: float) -> Float32Array:
    half = half_width_hu / (1.0 if frame.hu else frame.config.windowed_unit_hu)
    middle = frame.median_under_line()
    return _kernels.min_max(frame.crop, middle - half, middle + half)


def _along(frame: LineFrame) -> Float32Array:
    return np.broadcast_to(frame.fade(frame.in_half_lengths()[0]), frame.crop.shape)


def _across(frame: LineFrame) -> Float32Array:
    return np.broadcast_to(frame.fade(frame.in_half_lengths()[1]), frame.crop.shape)


def _slice(frame: LineFrame) -> Float32Array:
    offsets = np.arange(frame.crop.shape[0], dtype=np.float32) - np.float32(frame.endpoints_zyx[0][0])
    faded = frame.fade(offsets * np.float32(frame.in_half_lengths()[2]))
    return np.broadcast_to(faded[:, None, None], frame.crop.shape)


def _voxel_size(frame: LineFrame) -> Float32Array:
    middle = np.asarray(frame.endpoints_zyx, dtype=float).mean(0)
    in_voxels = _distances(frame.crop.shape, middle, frame.step_zyx)
    return np.asarray(np.sqrt(np.minimum(in_voxels / VOXELS_REACH, 1)), dtype=np.float32)


def _short_axis(frame: LineFrame) -> Float32Array:
    short_axis = frame.prompts.short_axis_zyx
    if short_axis is None:
        return np.full(frame.crop.shape, _UNKNOWN)
    size = np.asarray(frame.voxel_mm)
    start, stop = np.asarray(frame.endpoints_zyx, dtype=float) * size
    half = (stop - start)[1:] / 2
    offset = (short_axis * size - (start + stop) / 2)[:, 1:]
    first, last = (offset[:, 0] * half[1] - offset[:, 1] * half[0]) / np.square(half).sum()
    middle, reach = np.float32((first + last) / 2), np.float32(max(abs(last - first) / 2, 1e-4))
    inside = np.clip(1 - np.abs(frame.in_half_lengths()[1] - middle) / reach, -1, 1)
    return np.broadcast_to(np.asarray(0.5 + 0.5 * inside, dtype=np.float32), frame.crop.shape)


def _slice_range(frame: LineFrame) -> Float32Array:
    z = np.arange(frame.crop.shape[0], dtype=np.float32)
    first, last = frame.prompts.first_edge, frame.prompts.last_edge
    below = np.full_like(z, _UNKNOWN) if first is None else np.clip(first - z + 0.5, 0, 1)
    above = np.full_like(z, _UNKNOWN) if last is None else np.clip(z - last + 0.5, 0, 1)
    beyond = np.where(z <= np.float32(frame.endpoints_zyx[0][0]), below, above).astype(np.float32)
    return np.broadcast_to(beyond[:, None, None], frame.crop.shape)


def _clicks(frame: LineFrame) -> Float32Array:
    size = np.asarray(frame.voxel_mm)
    start, stop = np.asarray(frame.endpoints_zyx, dtype=float) * size
    reach_mm = CLICK_REACH * frame.config.side_factor * float(np.linalg.norm(stop - start))
    bumps = []
    for points in (frame.prompts.inside_zyx, frame.prompts.outside_zyx):
        nearest = np.zeros(frame.crop.shape, dtype=np.float32)
        for point in points:
            distance_mm = _distances(frame.crop.shape, point, frame.voxel_mm)
            np.maximum(nearest, np.exp(-distance_mm / reach_mm), out=nearest, casting="same_kind")
        bumps.append(nearest)
    return np.asarray(0.5 + 0.5 * (bumps[0] - bumps[1]), dtype=np.float32)


def _distances(shape_zyx: tuple[int, ...], point_zyx: Float64Array, step_zyx: FloatTriple) -> Float64Array:
    """Distance (z, y, x) of each voxel from a point in voxels, in the unit of `step_zyx`, a voxel's size."""
    z, y, x = (
        np.square((np.arange(side) - place) * step)
        for side, place, step in zip(shape_zyx, point_zyx, step_zyx, strict=True)
    )
    return np.asarray(np.sqrt(z[:, None, None] + y[:, None] + x), dtype=np.float64)


def _last_mask(frame: LineFrame) -> Float32Array:
    return np.full(frame.crop.shape, _UNKNOWN)  # the predictor fills it when there are clicks


CHANNELS: dict[str, Callable[[LineFrame], Float32Array]] = {
    "wide": _wide,
    "positive": _positive,
    "line_window": _line_window,
    "line_narrow": _line_narrow,
    "along": _along,
    "across": _across,
    "slice": _slice,
    "voxel_size": _voxel_size,
    "short_axis": _short_axis,
    "slice_range": _slice_range,
    "clicks": _clicks,
    "last_mask": _last_mask,
}
"""Every channel a patch can have: grey values in a wide window; grey levels above 0 scaled by their own range in the
scan, as the authors' public code does; grey values in two windows around the line's median;
each voxel's distance from the line's middle along it, across it in the slice, and in slices; the square root of its
distance in voxels of the scan, which says how large those are. The others say what is
known beyond the line, and are 0.5 where nothing is: where the short axis ends (1 in its middle, 0 far beyond it), which
slices lie beyond the first and last (1) or between them and the line's (0), points inside (1) and outside (0), falling
off around them, and the mask that the points were to mend."""


def channels_of(frame: LineFrame) -> Float32Array:
    """The network's input: float32 (c, z, y, x) in [0, 1]."""
    return np.stack([CHANNELS[name](frame) for name in frame.config.channels])


def cut_patches(case: Case, plan: PatchPlan, config: PatchConfig) -> Iterator[Patch]:
    """Cut and fill the patches of a plan, one after the other.

    Parameters
    ----------
    case : Case
        The scan in the network's frame (`case.flipped(plan.flips_zyx)`), or the crops of it that the plan
        names.
    plan : PatchPlan
        Where they lie.
    config : PatchConfig
        Windows and channels; sides and margins as in the plan.
    """
    scan_range = _scan_range(case, config)
    crop, patch = np.empty(0, np.float32), None
    for planned in plan.patches:
        is_same = patch is not None and planned.placement is patch.placement
        if not is_same:
            crop = _cut(case, planned)
        if patch is None or not is_same or config.looks_at_lines:
            patch = _fill(crop, case.hu, planned, config, scan_range)
        else:  # a joint crop is one for all lines
            patch = replace(patch, endpoints_zyx=planned.endpoints_zyx, mark=planned.mark)
        yield patch


def _scan_range(case: Case, config: PatchConfig) -> tuple[float, float] | None:
    """The range of grey values that the channels need; if only crops of a scan are left, the range of these."""
    if not config.needs_whole_scan:
        return value_range(case.ct) if config.window_hu is None else None
    parts = [part.voxels for part in case.ct.parts] if isinstance(case.ct, PartialScan) else [case.ct]
    lows, highs = zip(*(_positive_range(part, case.hu, config) for part in parts), strict=True)
    return min(lows), max(highs)


def prepare_lesion(case: Case, mark: RecistMark, config: PatchConfig) -> Patch:
    """The patch of one line of a case, `config.side_voxels` a side, in the network's frame."""
    plan = PatchPlan.of([mark], case.grid, config, "lesion")
    return next(cut_patches(case.flipped(plan.flips_zyx), plan, config))


def prepare_joint(case: Case, config: PatchConfig) -> Iterator[Patch]:
    """The paper's crop (section 2.2): one box around all lines, max-pooled until it has 128^3 voxels.

    Yields
    ------
    Patch
        One patch for each mark, in order, in the network's frame. All have the same placement, and the same
        array of values unless there are channels that look at the line.
    """
    plan = PatchPlan.of(case.marks, case.grid, config, "joint")
    return cut_patches(case.flipped(plan.flips_zyx), plan, config)


def without_clicks(patch: Patch, config: PatchConfig) -> Patch:
    """The patch as it was before any point was given."""
    values = patch.values.copy()
    values[config.channels.index("clicks")] = _UNKNOWN
    return replace(patch, values=values)


def with_last_mask(patch: Patch, logits: Float32Array, config: PatchConfig) -> Patch:
    """The patch with the mask (logits (z, y, x)) that its points are to mend."""
    values = patch.values.copy()
    values[config.channels.index("last_mask")] = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
    return replace(patch, values=values)


def _cut(case: Case, planned: PlannedPatch) -> Float32Array:
    """Grey values of a patch, without padding."""
    part, placement = subvolume_containing(case.ct, planned.box), planned.placement
    if planned.is_pooled:
        first, last = (int_triple(np.subtract(end, part.start_zyx)) for end in planned.box)
        # pooling raw voxels and scaling after equals the paper's order bit for bit: scaling is monotone
        pooled = _kernels.crop_max_pool(part.voxels, first, last, placement.block_zyx)
        return pooled[slices((0, 0, 0), placement.content_zyx)].astype(np.float32)
    cube = placement.start_zyx, placement.step_zyx, placement.patch_shape_zyx
    return _kernels.crop_resample(part.voxels, *cube, part.start_zyx, part.whole_shape_zyx)


def _fill(
    crop: Float32Array,
    hu: bool,
    planned: PlannedPatch,
    config: PatchConfig,
    scan_range: tuple[float, float] | None,
) -> Patch:
    """Channels of a crop, padded with zeros at the end to the patch's shape."""
    shape = planned.placement.patch_shape_zyx
    padding = [(0, side - n) for side, n in zip(shape, crop.shape, strict=True)]
    padded = np.pad(crop, padding, mode="edge")
    prompts = PatchPrompts.of(planned.mark, planned.placement, config.end_margin_voxels)
    ends, voxel_mm = planned.endpoints_zyx, planned.voxel_mm
    values = channels_of(
        LineFrame(padded, ends, voxel_mm, hu, config, scan_range, prompts, planned.placement.step_zyx)
    )
    # only grey values are padded with zeros: to a distance channel zero means the middle of the line
    outside = np.ones(padded.shape, dtype=np.bool_)
    outside[tuple(slice(n) for n in crop.shape)] = False
    for channel, name in enumerate(config.channels):
        if name in GREY_CHANNELS:
            values[channel][outside] = 0
    tissue_on_axes = np.empty((0, 3)) if planned.is_pooled else _tissue_on_axes(crop, hu, planned, config)
    return Patch(values, planned.endpoints_zyx, planned.placement, planned.mark, voxel_mm, tissue_on_axes)


def _tissue_on_axes(crop: Float32Array, hu: bool, planned: PlannedPatch, config: PatchConfig) -> Float64Array:
    """Points on a mark's line and short axis whose nearest voxel of the crop is tissue."""
    axes = [axis for axis in (planned.mark.endpoints_zyx, planned.mark.short_axis_zyx) if axis]
    points = np.concatenate([planned.placement.points_between(axis, _AXIS_POINTS) for axis in axes])
    in_greys = (_TISSUE_ABOVE_HU - config.windowed_low_hu) / config.windowed_unit_hu
    is_tissue = _nearest(crop, points) > (_TISSUE_ABOVE_HU if hu else max(in_greys, 0.0))
    in_tissue: Float64Array = points[is_tissue]
    return in_tissue


def _nearest(crop: Float32Array, points_zyx: Float64Array) -> Float32Array:
    """Grey values of the voxels nearest to points (n, 3); outside of the crop, those of its border."""
    voxels = np.clip(np.rint(points_zyx).astype(int), 0, np.array(crop.shape) - 1)
    values: Float32Array = crop[tuple(voxels.T)]
    return values
