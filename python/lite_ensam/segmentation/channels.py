"""From a CT and a line to the network's patch; training and inference both come through here.

The paper scales a scan to [0, 1] and gives the network that one channel (section 2.2). Here a patch may
carry more: with one min-max over lung, fat and bone a tumour in soft tissue differs from its surroundings
by 2-3 % of the range, but the line says which grey values matter and where the tumour ends
(docs/decisions/0002). `PatchConfig.channels` says what is used; it is saved with the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lite_ensam import _kernels
from lite_ensam.core.case import Case
from lite_ensam.core.grid import Grid
from lite_ensam.core.partial_volume import VoxelBox, subvolume_containing, value_range
from lite_ensam.core.patch_config import GREY_CHANNELS, PatchConfig
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.segmentation.patch_plan import Placement

Float32Array = NDArray[np.float32]


@with_short_repr
@dataclass(frozen=True)
class Patch:
    """What enters the network for one tumour.

    Parameters
    ----------
    values : float32 (c, z, y, x) in [0, 1]
    endpoints_zyx : float32 (2, 3), voxel indices in the patch
    placement : where the patch lies in the CT
    mark : the line it was cut around
    """

    values: Float32Array
    endpoints_zyx: Float32Array
    placement: Placement
    mark: RecistMark


@with_short_repr
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


def prepare_lesion(case: Case, mark: RecistMark, config: PatchConfig) -> Patch:
    """One cube around one line, resampled so that every tumour fills about the same share of it.

    Parameters
    ----------
    case : the scan
    mark : one of its lines
    config : side of the cube, its voxels, its channels

    Returns
    -------
    Patch of `config.side_voxels` a side.
    """
    placement = _lesion_cube(mark, case.grid, config)
    cube = placement.start_zyx, placement.step_zyx, placement.patch_shape_zyx
    part = subvolume_containing(case.ct, _kernels.resample_box(case.ct.shape, *cube))
    crop = _kernels.crop_resample(part.voxels, *cube, part.start_zyx, part.whole_shape_zyx)
    return _fill(crop, case, mark, placement, config, _scan_range(case, config))


def prepare_joint(case: Case, config: PatchConfig) -> Iterator[Patch]:
    """The paper's crop (section 2.2): one box around all lines, max-pooled until it has 128^3 voxels.

    Yields
    ------
    One patch for each mark, in order. All have the same placement; they differ in the channels that
    look at the line.
    """
    placement = Placement.joint_placement([mark.endpoints_zyx for mark in case.marks], case.ct.shape)
    yield from prepare_pooled(case, case.marks, placement, config)


def prepare_pooled(
    case: Case, marks: Sequence[RecistMark], placement: Placement, config: PatchConfig
) -> Iterator[Patch]:
    """A patch for each of some lines, all with one placement of whole voxels, max-pooled."""
    start, stop = _pooled_box(placement)
    part = subvolume_containing(case.ct, (start, stop))
    first, last = (_whole(np.subtract(end, part.start_zyx)) for end in (start, stop))
    # pooling raw voxels and scaling after equals the paper's order bit for bit: scaling is monotone
    crop = _kernels.crop_max_pool(part.voxels, first, last, _whole(placement.step_zyx)).astype(np.float32)
    scan_range = _scan_range(case, config)
    for mark in marks:
        yield _fill(crop, case, mark, placement, config, scan_range)


def needed_boxes(marks: Sequence[RecistMark], grid: Grid, config: PatchConfig, crop: str) -> list[VoxelBox]:
    """The voxels of a scan that its patches are cut from, a box for each patch.

    Parameters
    ----------
    marks : the lines
    grid : of the scan
    config : side of a lesion's cube
    crop : "lesion" or "joint"
    """
    if crop == "joint":
        placement = Placement.joint_placement([mark.endpoints_zyx for mark in marks], grid.shape_zyx)
        return [_pooled_box(placement)]
    boxes = []
    for mark in marks:
        cube = _lesion_cube(mark, grid, config)
        boxes.append(
            _kernels.resample_box(grid.shape_zyx, cube.start_zyx, cube.step_zyx, cube.patch_shape_zyx)
        )
    return boxes


def _lesion_cube(mark: RecistMark, grid: Grid, config: PatchConfig) -> Placement:
    """Where a lesion's patch lies: what is read of a scan and what is cut from it are one cube."""
    return Placement.lesion_placement(
        mark.outer_endpoints_zyx(config.end_margin_voxels),
        grid.spacing_mm,
        grid.shape_zyx,
        config.side_factor,
        config.side_voxels,
    )


def _pooled_box(placement: Placement) -> VoxelBox:
    return _whole(placement.start_zyx), _whole(np.minimum(placement.stop_zyx, placement.volume_shape_zyx))


def _scan_range(case: Case, config: PatchConfig) -> tuple[float, float] | None:
    """The whole scan's range, where a config without a window asks for it."""
    return value_range(case.ct) if config.window_hu is None else None


def _fill(
    crop: Float32Array,
    case: Case,
    mark: RecistMark,
    placement: Placement,
    config: PatchConfig,
    scan_range: tuple[float, float] | None,
) -> Patch:
    """Channels of a crop, padded with zeros at the end to the patch's shape."""
    ends = mark.outer_endpoints_zyx(config.end_margin_voxels)
    endpoints = placement.to_patch(ends).astype(np.float32)
    z, y, x = np.multiply(placement.step_zyx, case.grid.spacing_mm).tolist()
    padding = [(0, side - n) for side, n in zip(placement.patch_shape_zyx, crop.shape, strict=True)]
    padded = np.pad(crop, padding, mode="edge")
    values = channels_of(LineFrame(padded, endpoints, (z, y, x), case.hu, config, scan_range))
    # only grey values are padded with zeros: to a distance channel zero means the middle of the line
    outside = np.ones(padded.shape, dtype=np.bool_)
    outside[tuple(slice(n) for n in crop.shape)] = False
    for channel, name in enumerate(config.channels):
        if name in GREY_CHANNELS:
            values[channel][outside] = 0
    return Patch(values, endpoints, placement, mark)


def _whole(triple: ArrayLike) -> tuple[int, int, int]:
    z, y, x = np.asarray(triple).astype(int).tolist()
    return z, y, x
