"""`segmentation.channels` for a whole batch on the training device: the same numbers by closed formulas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lite_ensam.core.patch_config import CLICK_REACH, VOXELS_REACH, PatchConfig
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.training.lesion_batches import Drawn, offsets_from_lines
from lite_ensam.training.prompts import Clicks, GivenExtent

__all__ = ["LineFrames", "channels_of_batch", "click_channel"]


@with_short_repr
@dataclass(frozen=True)
class LineFrames:
    """Patches seen from their lines, as `segmentation.channels.LineFrame` sees one.

    Parameters
    ----------
    drawn : Drawn
        Patches of cubes.
    config : PatchConfig
        Windows and scales; it must have a window.
    extent : GivenExtent
        Short axes and slices.
    clicks : Clicks
        Points inside and outside.
    last_mask : Tensor
        Probability (b, 1, z, y, x) of the mask before the clicks; 0.5 without one.
    """

    drawn: Drawn
    config: PatchConfig
    extent: GivenExtent
    clicks: Clicks
    last_mask: Tensor

    @property
    def side(self) -> int:
        """Voxels a side."""
        return self.drawn.grey.shape[2]

    def grey(self, low: Tensor, high: Tensor) -> Tensor:
        """Grey values between two limits (b,), 0 to 1."""
        low, high = low.reshape(-1, 1, 1, 1), high.reshape(-1, 1, 1, 1)
        return ((self.drawn.grey[:, 0] - low) / (high - low)).clamp(0, 1)

    def wide(self) -> Tensor:
        """The config's window, or all of an image that is windowed already."""
        low, high = self.config.window_hu or (-1024.0, 1000.0)
        is_hu = (~self.drawn.windowed).float()
        return self.grey(is_hu * low, is_hu * high + (1 - is_hu) * 255.0)

    def about_the_line(self, half_width_hu: float) -> Tensor:
        """A window around the median under the inner 60 % of the line."""
        ends = self.drawn.ends
        shares = torch.linspace(0.2, 0.8, 41, device=ends.device)[None, :, None]
        points = (ends[:, :1] + shares * (ends[:, 1:] - ends[:, :1])).round().long().clamp(0, self.side - 1)
        flat = (points[..., 0] * self.side + points[..., 1]) * self.side + points[..., 2]
        middle = self.drawn.grey.flatten(1).gather(1, flat).median(1).values
        unit = torch.where(self.drawn.windowed, self.config.windowed_unit_hu, 1.0)
        return self.grey(middle - half_width_hu / unit, middle + half_width_hu / unit)

    def in_plane(self) -> tuple[Tensor, Tensor, Tensor]:
        """Signed offsets along and across the lines in half lengths, (b, y, x), and half lengths in voxels (b,)."""
        along = offsets_from_lines(self.drawn.ends, self.side)
        radius = (self.drawn.ends[:, 1, 1:] - self.drawn.ends[:, 0, 1:]).norm(dim=1) / 2
        return along[0] / radius[:, None, None], along[1] / radius[:, None, None], radius

    def fade(self, half_lengths: Tensor) -> Tensor:
        """Distance to [0, 1]; 1 at the border of a lesion crop and beyond."""
        return (half_lengths.abs() / self.config.side_factor).clamp(max=1.0)

    def slice(self) -> Tensor:
        """Distance from the line's slice."""
        offset = (self._z() - self.drawn.ends[:, :1, 0]) / self.in_plane()[2][:, None]
        return self.fade(offset)[:, :, None, None]

    def voxel_size(self) -> Tensor:
        """Square root of the distance from the line's middle in voxels of the scan, 1 from `VOXELS_REACH` on."""
        slices, pixels = self.drawn.slice_voxels, self.drawn.pixel_voxels
        sizes = torch.stack([slices, pixels, pixels], dim=1)
        in_voxels = _distances(self.drawn.ends.mean(1), sizes, self.side)
        return (in_voxels / VOXELS_REACH).clamp(max=1.0).sqrt()

    def short_axis(self) -> Tensor:
        """1 in the middle of the short axis, 0.5 at its ends and without one, 0 far beyond."""
        across = self.in_plane()[1] * self.in_plane()[2][:, None, None]
        low, high = self.extent.short_axis[:, :, None, None].unbind(1)
        half = ((high - low) / 2).clamp(min=1e-3)
        inside = (1 - (across - (low + high) / 2).abs() / half).clamp(-1, 1)
        given = self.extent.has_short_axis[:, None, None]
        return torch.where(given, 0.5 + 0.5 * inside, 0.5)[:, None]

    def slice_range(self) -> Tensor:
        """1 beyond the first or last slice, 0 between it and the line's, 0.5 on a side that is not known."""
        z = self._z()
        first, last = self.extent.edges[:, :, None].unbind(1)
        beyond_first, beyond_last = (first - z + 0.5).clamp(0, 1), (z - last + 0.5).clamp(0, 1)
        has_first, has_last = self.extent.has_edges[:, :, None].unbind(1)
        below = torch.where(has_first, beyond_first, 0.5)
        above = torch.where(has_last, beyond_last, 0.5)
        return torch.where(z <= self.drawn.ends[:, :1, 0], below, above)[:, :, None, None]

    def _z(self) -> Tensor:
        return torch.arange(self.side, dtype=torch.float32, device=self.drawn.grey.device)[None]


def click_channel(clicks: Clicks, side: int) -> Tensor:
    """Draw clicks: 1 at a point inside, 0 at a point outside, falling off to 0.5.

    Parameters
    ----------
    clicks : Clicks
        Points inside and outside.
    side : int
        Voxels along each side of the patch.

    Returns
    -------
    Tensor
        The channel (b, z, y, x).
    """
    reach = CLICK_REACH * side
    channel = torch.zeros(len(clicks.points), side, side, side, device=clicks.points.device)
    bumps = {1: channel, -1: channel}
    for number in range(clicks.points.shape[1]):
        points = clicks.points[:, number]
        bump = torch.exp(-_distances(points, torch.ones_like(points), side) / reach)
        for sign in bumps:
            chosen = (clicks.signs[:, number] == sign)[:, None, None, None]
            bumps[sign] = torch.maximum(bumps[sign], torch.where(chosen, bump, 0.0))
    return 0.5 + 0.5 * (bumps[1] - bumps[-1])


def _distances(points: Tensor, sizes: Tensor, side: int) -> Tensor:
    """Distances (b, z, y, x) of each voxel from a point (b, 3) of its patch, in units of `sizes` (b, 3) voxels."""
    steps = torch.arange(side, dtype=torch.float32, device=points.device)
    z, y, x = (((steps - points[:, axis, None]) / sizes[:, axis, None]).square() for axis in range(3))
    return (z[:, :, None, None] + y[:, None, :, None] + x[:, None, None]).sqrt()


# by the names of `core.patch_config.CHANNEL_NAMES`
_CHANNELS: dict[str, Callable[[LineFrames], Tensor]] = {
    "wide": LineFrames.wide,
    "line_window": lambda frames: frames.about_the_line(frames.config.line_half_width_hu),
    "line_narrow": lambda frames: frames.about_the_line(frames.config.narrow_half_width_hu),
    "along": lambda frames: frames.fade(frames.in_plane()[0])[:, None],
    "across": lambda frames: frames.fade(frames.in_plane()[1])[:, None],
    "slice": LineFrames.slice,
    "voxel_size": LineFrames.voxel_size,
    "short_axis": LineFrames.short_axis,
    "slice_range": LineFrames.slice_range,
    "clicks": lambda frames: click_channel(frames.clicks, frames.side),
    "last_mask": lambda frames: frames.last_mask[:, 0],
}


def channels_of_batch(
    drawn: Drawn,
    config: PatchConfig,
    extent: GivenExtent | None = None,
    clicks: Clicks | None = None,
    last_mask: Tensor | None = None,
) -> Tensor:
    """Fill the channels of the network's input.

    Parameters
    ----------
    drawn : Drawn
        Patches of cubes.
    config : PatchConfig
        Channels, windows and scales.
    extent : GivenExtent or None, default None
        Short axes and slices; None draws patches without them.
    clicks : Clicks or None, default None
        Points inside and outside; None draws patches without them.
    last_mask : Tensor or None, default None
        See `LineFrames`; None draws patches without it.

    Returns
    -------
    Tensor
        Channels (b, c, z, y, x), float32 in [0, 1].
    """
    count, device = len(drawn.ends), drawn.ends.device
    frames = LineFrames(
        drawn,
        config,
        extent or GivenExtent.nothing(count, device),
        clicks or Clicks.none(count, device),
        torch.full_like(drawn.grey, 0.5) if last_mask is None else last_mask,
    )
    shape = (count, frames.side, frames.side, frames.side)
    return torch.stack([_CHANNELS[name](frames).expand(shape) for name in config.channels], dim=1)
