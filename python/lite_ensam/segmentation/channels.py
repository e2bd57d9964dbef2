"""From a CT and a line to the network's patch; training and inference both come through here.

The paper scales a scan to [0, 1] and gives the network that one channel (section 2.2). Here a patch may
carry more: with one min-max over lung, fat and bone a tumour in soft tissue differs from its surroundings
by 2-3 % of the range, but the line says which grey values matter and where the tumour ends
(docs/decisions/0002). `PatchConfig.channels` says what is used; it is saved with the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam import _kernels
from lite_ensam.core.case import Case
from lite_ensam.core.partial_volume import subvolume_containing, value_range
from lite_ensam.core.patch_config import GREY_CHANNELS, PatchConfig
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.types import Float32Array, int_triple
from lite_ensam.segmentation.patch_plan import PatchPlan, Placement, PlannedPatch


@dataclass(frozen=True)
class Patch:
    """What enters the network for one tumour.

    Parameters
    ----------
    values : float32 (c, z, y, x) in [0, 1]
    endpoints_zyx : float32 (2, 3), voxel indices in the patch
    placement : where the patch lies in the scan, in the network's frame
    mark : the line it was cut around, in that frame
    """

    values: Float32Array
    endpoints_zyx: Float32Array
    placement: Placement
    mark: RecistMark


@dataclass(frozen=True)
class LineFrame:
    """A crop's voxels seen from its line: what the channels are computed from.

    Parameters
    ----------
    crop : float32 (z, y, x), HU or windowed grey levels
    endpoints_zyx : float (2, 3), voxel indices in the crop
    voxel_mm : size of a crop voxel (z, y, x)
    hu : whether `crop` is in HU
    config : windows and scales
    scan_range : lowest and highest value of the whole scan, for a config without a window
    """

    crop: Float32Array
    endpoints_zyx: NDArray[np.floating[Any]]
    voxel_mm: tuple[float, float, float]
    hu: bool
    config: PatchConfig
    scan_range: tuple[float, float] | None = None

    def median_under_line(self) -> float:
        """Median grey value of the voxels under the inner 60 % of the line."""
        start, stop = np.asarray(self.endpoints_zyx, dtype=float)
        points = np.rint(start + np.linspace(0.2, 0.8, 41)[:, None] * (stop - start)).astype(int)
        points = np.clip(points, 0, np.array(self.crop.shape) - 1)
        return float(np.median(self.crop[tuple(points.T)]))

    def in_half_lengths(self) -> tuple[Float32Array, Float32Array, float]:
        """In-plane offsets (y, x) from the line's middle along and across it, and of slices.

        Returns
        -------
        along, across : float32 (y, x), signed, in half lengths of the line
        per_slice : half lengths between two slices
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


CHANNELS: dict[str, Callable[[LineFrame], Float32Array]] = {
    "wide": _wide,
    "line_window": _line_window,
    "line_narrow": _line_narrow,
    "along": _along,
    "across": _across,
    "slice": _slice,
}
"""Every channel a patch can have: grey values in a wide window and in two around the line's median, and
each voxel's distance from the line's middle along it, across it in the slice, and in slices."""


def channels_of(frame: LineFrame) -> Float32Array:
    """The network's input: float32 (c, z, y, x) in [0, 1]."""
    return np.stack([CHANNELS[name](frame) for name in frame.config.channels])


def cut_patches(case: Case, plan: PatchPlan, config: PatchConfig) -> Iterator[Patch]:
    """Cut and fill the patches of a plan, one after the other.

    Parameters
    ----------
    case : the scan in the network's frame (`case.flipped(plan.flips_zyx)`), or the crops of it that the plan names
    plan : where they lie
    config : windows and channels; sides and margins as in the plan
    """
    scan_range = value_range(case.ct) if config.window_hu is None else None
    crop, cut_for = np.empty(0, np.float32), None
    for planned in plan.patches:
        if planned.placement is not cut_for:  # the joint crop is one for all lines
            crop, cut_for = _cut(case, planned), planned.placement
        yield _fill(crop, case.hu, planned, config, scan_range)


def prepare_lesion(case: Case, mark: RecistMark, config: PatchConfig) -> Patch:
    """The patch of one line of a case, `config.side_voxels` a side, in the network's frame."""
    plan = PatchPlan.of([mark], case.grid, config)
    return next(cut_patches(case.flipped(plan.flips_zyx), plan, config))


def prepare_joint(case: Case, config: PatchConfig) -> Iterator[Patch]:
    """The paper's crop (section 2.2): one box around all lines, max-pooled until it has 128^3 voxels.

    Yields
    ------
    One patch for each mark, in order, in the network's frame. All have the same placement; they differ in the channels
    that look at the line.
    """
    plan = PatchPlan.of(case.marks, case.grid, config, "joint")
    return cut_patches(case.flipped(plan.flips_zyx), plan, config)


def _cut(case: Case, planned: PlannedPatch) -> Float32Array:
    """Grey values of a patch, without padding."""
    part, placement = subvolume_containing(case.ct, planned.box), planned.placement
    if planned.is_pooled:
        first, last = (int_triple(np.subtract(end, part.start_zyx)) for end in planned.box)
        # pooling raw voxels and scaling after equals the paper's order bit for bit: scaling is monotone
        pooled = _kernels.crop_max_pool(part.voxels, first, last, int_triple(placement.step_zyx))
        return pooled.astype(np.float32)
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
    values = channels_of(LineFrame(padded, planned.endpoints_zyx, planned.voxel_mm, hu, config, scan_range))
    # only grey values are padded with zeros: to a distance channel zero means the middle of the line
    outside = np.ones(padded.shape, dtype=np.bool_)
    outside[tuple(slice(n) for n in crop.shape)] = False
    for channel, name in enumerate(config.channels):
        if name in GREY_CHANNELS:
            values[channel][outside] = 0
    return Patch(values, planned.endpoints_zyx, planned.placement, planned.mark)
