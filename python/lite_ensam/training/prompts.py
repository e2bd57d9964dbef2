"""A user's knowledge beyond the line, drawn from the truth as a user would give it: now and then, and not exactly.

Clicks are drawn on the network's own errors: see `next_clicks`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.training.config import PromptOdds
from lite_ensam.training.lesion_batches import Chance, Drawn, offsets_from_lines

__all__ = ["Clicks", "GivenExtent", "cut_to_extent", "draw_extent", "next_clicks"]

_REGION_LOOKS = 4
"""How often wrong regions are smoothed: what is left in their middle says how thick they are, to four voxels."""


@with_short_repr
@dataclass(frozen=True)
class GivenExtent:
    """Short axes, first and last slices of some patches.

    Parameters
    ----------
    short_axis : Tensor
        Ends (b, 2) of the short axis across the line, in voxels from the line's middle.
    has_short_axis : Tensor
        Bool (b,), whether the patch has a short axis.
    edges : Tensor
        Z (b, 2) where the first slice begins and the last one ends, in patch voxels.
    has_edges : Tensor
        Bool (b, 2), whether the first and the last slice are given.
    """

    short_axis: Tensor
    has_short_axis: Tensor
    edges: Tensor
    has_edges: Tensor

    @classmethod
    def nothing(cls, count: int, device: torch.device) -> GivenExtent:
        """Nothing is known of `count` patches."""
        numbers, flags = (torch.zeros(count, 2, dtype=dtype, device=device) for dtype in (None, torch.bool))
        return cls(numbers, flags[:, 0], numbers, flags)


@with_short_repr
@dataclass(frozen=True)
class Clicks:
    """Points of some patches.

    Parameters
    ----------
    points : Tensor
        Voxel indices (b, n, 3).
    signs : Tensor
        Sign of each point (b, n): 1 inside the tumour, -1 outside, 0 for no point.
    """

    points: Tensor
    signs: Tensor

    @classmethod
    def none(cls, count: int, device: torch.device) -> Clicks:
        """No point on any of `count` patches."""
        return cls(torch.zeros(count, 0, 3, device=device), torch.zeros(count, 0, device=device))

    def __add__(self, more: Clicks) -> Clicks:
        return Clicks(torch.cat([self.points, more.points], 1), torch.cat([self.signs, more.signs], 1))

    def of(self, chosen: Tensor) -> Clicks:
        """The points of some of the patches."""
        return Clicks(self.points[chosen], self.signs[chosen])


def draw_extent(chance: Chance, drawn: Drawn, odds: PromptOdds) -> GivenExtent:
    """Short axes and slices of the targets, each with its odds, off by what a hand is off.

    Parameters
    ----------
    chance : Chance
        Random numbers for these patches.
    drawn : Drawn
        The patches.
    odds : PromptOdds
        How often a patch has a short axis and slices.

    Returns
    -------
    GivenExtent
        Short axes and slices.
    """
    short_axis, measurable = short_axes(drawn)
    wobble = 0.04 * (short_axis[:, 1:] - short_axis[:, :1]) + 0.3
    edges = target_edges(drawn.target, drawn.slice_voxels)
    # slices are counted, not measured: what is off is the scan's own slice, moved by a tenth of its thickness
    edges = edges + chance.normal(0.1, 2) * drawn.slice_voxels[:, None]
    # a first slice lies at or before the line's
    z = drawn.ends[:, 0, 0]
    edges = torch.stack([edges[:, 0].minimum(z - 0.5), edges[:, 1].maximum(z + 0.5)], dim=1)
    some = chance.happens(odds.extent)
    slices = chance.happens(odds.slices)
    return GivenExtent(
        short_axis=short_axis + chance.normal(1.0, 2) * wobble,
        has_short_axis=some & measurable & chance.happens(odds.short_axis),
        edges=edges,
        has_edges=(some & slices)[:, None] & chance.happens(odds.each_slice, 2),
    )


def target_edges(target: Tensor, slice_voxels: Tensor) -> Tensor:
    """Where the first slice of each target begins and the last one ends.

    A reader's contour ends flat, on the face of a slice. Where a patch is bent it does not: the end is taken
    where half the area of the middle of its slice is reached, and what lies beyond is cut off where the slice
    is given (`cut_to_extent`).

    Parameters
    ----------
    target : Tensor
        Float32 (b, 1, z, y, x), 0 or 1.
    slice_voxels : Tensor
        Float32 (b,), thickness of the scan's slices in patch voxels.

    Returns
    -------
    Tensor
        Z (b, 2) of the outer faces, in patch voxels.
    """
    side = target.shape[2]
    areas = (target[:, 0] > 0.5).flatten(2).sum(2)
    z = torch.arange(side, device=target.device)
    inwards = (slice_voxels / 2).long()[:, None]
    begins = _reaches_half(areas, (z + inwards).clamp(max=side - 1))
    ends = _reaches_half(areas, (z - inwards).clamp(min=0))
    first = torch.where(begins, z, side).amin(1)
    last = torch.where(ends, z, -1).amax(1)
    return torch.stack([first - 0.5, last + 0.5], dim=1)


def cut_to_extent(target: Tensor, extent: GivenExtent) -> Tensor:
    """Clear targets beyond a given first or last slice, where nothing is tumour.

    Parameters
    ----------
    target : Tensor
        Float32 (b, 1, z, y, x), 0 or 1.
    extent : GivenExtent
        Slices that are given.

    Returns
    -------
    Tensor
        Targets of the same shape.
    """
    z = torch.arange(target.shape[2], device=target.device).float()[None]
    first, last = torch.where(
        extent.has_edges, extent.edges, extent.edges.new_tensor([-math.inf, math.inf])
    ).unbind(1)
    within = (z > first[:, None]) & (z < last[:, None])
    return target * within[:, None, :, None, None]


def _reaches_half(areas: Tensor, further_in: Tensor) -> Tensor:
    """Whether each slice (b, z) has a voxel, and at least half the area of the slice `further_in` (b, z)."""
    return (areas > 0) & (2 * areas >= areas.gather(1, further_in))


def short_axes(drawn: Drawn) -> tuple[Tensor, Tensor]:
    """The longest chord of each target across its line, on the line's slice.

    Returns
    -------
    ends : Tensor
        Ends (b, 2) across the line, in voxels from its middle.
    is_measurable : Tensor
        Bool (b,), whether there is a chord.
    """
    side = drawn.target.shape[2]
    z = drawn.ends[:, 0, 0].round().long().clamp(0, side - 1)
    inside = drawn.target[torch.arange(len(z), device=z.device), 0, z].flatten(1) > 0.5
    along, across = (offsets.flatten(1) for offsets in offsets_from_lines(drawn.ends, side))
    rows = (along.round() + side).long().clamp(0, 2 * side)
    limits = []
    for limit, reduce in ((math.inf, "amin"), (-math.inf, "amax")):
        start = torch.full((len(z), 2 * side + 1), limit, device=z.device)
        values = torch.where(inside, across, limit)
        limits.append(start.scatter_reduce(1, rows, values, reduce))
    chords = torch.where(limits[1] > limits[0], limits[1] - limits[0], -1.0)
    best = chords.argmax(1, keepdim=True)
    found = chords.gather(1, best)[:, 0] > 0
    ends = torch.cat([limit.gather(1, best) for limit in limits], dim=1)
    ends = ends + torch.tensor([-0.5, 0.5], device=z.device)
    return torch.where(found[:, None], ends, 0.0), found


def next_clicks(chance: Chance, logits: Tensor, target: Tensor, known: Tensor) -> Clicks:
    """One point for each patch, where a user would click: well inside the thickest region that is wrong.

    Parameters
    ----------
    chance : Chance
        Random numbers for these patches; most clicks fall near the deepest voxel, some anywhere in the
        region.
    logits : Tensor
        Logits (b, 1, z, y, x) of the mask that the user sees.
    target, known : Tensor
        Tumour and voxels inside the scan (b, 1, z, y, x); voxels outside the scan are never wrong.

    Returns
    -------
    Clicks
        At most one point for each patch.
    """
    found = logits > 0
    truth = target > 0.5
    missed, leaked = (truth & ~found).float() * known, (found & ~truth).float() * known
    wrong = torch.cat([missed, leaked], dim=1)
    depth = wrong
    for _ in range(_REGION_LOOKS):
        depth = F.avg_pool3d(depth, 3, stride=1, padding=1)
    score = (depth * wrong).flatten(1)
    care = torch.where(chance.happens(0.7), 0.02, 0.12)[:, None]
    drawn = -torch.log(-torch.log(chance.uniform(1e-6, 1 - 1e-6, score.shape[1])))
    at = torch.where(score > 0, score + care * drawn, -math.inf).argmax(1)
    side_z, side_y, side_x = logits.shape[2:]
    size = side_z * side_y * side_x
    kind, voxel = at // size, at % size
    points = torch.stack([voxel // (side_y * side_x), voxel // side_x % side_y, voxel % side_x], dim=1)
    there = wrong.flatten(1).any(1)
    signs = torch.where(there, 1.0 - 2.0 * kind, 0.0)
    return Clicks(points[:, None].float(), signs[:, None])
