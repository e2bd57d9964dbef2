"""Batches of lesion patches, drawn on the device that trains: no loop over samples, a few large operations.

The numbers of a batch are drawn first, then applied to all its samples at once. Only maps that keep axial
slices axial are used, so that the longest axial diameter stays on its slice, and the line is redrawn as
another person would have drawn it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lite_ensam.core.patch_config import PatchConfig
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.training.config import LineJitter

__all__ = ["Chance", "CropBatch", "Drawn", "draw_patches", "jitter_lines", "offsets_from_lines"]

DEGREE = math.pi / 180

_OTHER_TISSUES = 0.3
"""Share of the patches whose tissues all get other grey values (decision 0030)."""

_KNOTS_HU = (-1024.0, -850, -600, -300, -120, -60, 0, 40, 80, 140, 250, 500, 1000)
"""Between them grey values are stretched or pressed: lung, fat, soft tissue and bone each have several."""


@with_short_repr
@dataclass(frozen=True)
class CropBatch:
    """Crops of a bank, each with one contour.

    Parameters
    ----------
    volumes : Tensor
        Float32 (b, 3, z, y, x): HU, the contour's share of each voxel, and 1 inside the scan.
    ends : Tensor
        Float32 (b, 2, 3), the contour's line in voxels of the crop.
    native_voxel : Tensor
        Float32 (b, 3), the scan's own voxel (z, y, x) in voxels of the crop.
    """

    volumes: Tensor
    ends: Tensor
    native_voxel: Tensor


@with_short_repr
@dataclass(frozen=True)
class Drawn:
    """Patches as a scan would give them, before their channels are filled.

    Parameters
    ----------
    grey : Tensor
        Float32 (b, 1, z, y, x), HU, or grey levels 0-255 where `windowed`.
    target, known : Tensor
        Float32 (b, 1, z, y, x), 0 or 1: the tumour, and voxels inside the scan.
    ends : Tensor
        Float32 (b, 2, 3), the line in patch voxels, the lexicographically smaller end first.
    slice_voxels : Tensor
        Float32 (b,), thickness of the scan's slices in patch voxels.
    pixel_voxels : Tensor
        Float32 (b,), size of the scan's pixels in patch voxels.
    windowed : Tensor
        Bool (b,), whether the patch is of a windowed scan.
    """

    grey: Tensor
    target: Tensor
    known: Tensor
    ends: Tensor
    slice_voxels: Tensor
    pixel_voxels: Tensor
    windowed: Tensor


class Chance:
    """Random numbers for a batch, all from one generator.

    Parameters
    ----------
    generator : torch.Generator
        Generator on the device where the numbers are needed.
    count : int
        Number of samples.
    """

    def __init__(self, generator: torch.Generator, count: int) -> None:
        self.generator, self.count = generator, count
        self.device = generator.device

    def uniform(self, low: float = 0.0, high: float = 1.0, *shape: int) -> Tensor:
        """Numbers (b, *shape), evenly spread."""
        numbers = torch.rand(self.count, *shape, generator=self.generator, device=self.device)
        return low + (high - low) * numbers

    def normal(self, sigma: float = 1.0, *shape: int) -> Tensor:
        """Numbers (b, *shape) of a normal distribution."""
        return sigma * torch.randn(self.count, *shape, generator=self.generator, device=self.device)

    def happens(self, odds: float, *shape: int) -> Tensor:
        """Whether each of (b, *shape) happens."""
        return self.uniform(0.0, 1.0, *shape) < odds

    def sign(self) -> Tensor:
        """-1 or 1, (b,)."""
        return self.happens(0.5).float() * 2 - 1


def draw_patches(
    crops: CropBatch,
    config: PatchConfig,
    lines: LineJitter,
    chance: Chance | None = None,
    redrawn: float = 0.0,
) -> Drawn:
    """Patches of some crops.

    Parameters
    ----------
    crops : CropBatch
        One crop for each patch.
    config : PatchConfig
        Side, resolution and window of the patches.
    lines : LineJitter
        How often lines are perturbed, and how far.
    chance : Chance or None, default None
        Random numbers; None cuts the patch as inference does.
    redrawn : float, default 0.0
        Share of patches whose contour is moved to where another reader might have drawn it.

    Returns
    -------
    Drawn
        A patch for each crop.
    """
    side = config.side_voxels
    middle = crops.ends.mean(1)
    along = crops.ends - middle[:, None]
    matrix = torch.eye(3, device=along.device).expand(len(along), 3, 3)
    native = crops.native_voxel
    if chance is not None:
        matrix = _slice_keeping_maps(chance, along[:, 1] - along[:, 0])
        along = along @ matrix.transpose(1, 2)
        along = jitter_lines(chance, along, native, lines)
    along = _lengthened(along, config.end_margin_voxels * native[:, 1:].mean(1))
    length = (along[:, 1] - along[:, 0]).norm(dim=1)
    step = config.side_factor * length / side
    centre = along.mean(1)
    ends = (along - centre[:, None]) / step[:, None, None] + (side - 1) / 2
    places = _patch_grid(side, along.device)
    if chance is not None:
        places = places + _bends(chance, ends, side)
    inverse = torch.linalg.inv(matrix)
    origin = middle + (inverse @ (centre - step[:, None] * (side - 1) / 2)[..., None])[..., 0]
    to_crop = inverse * step[:, None, None]
    volumes = _sample(crops.volumes, to_crop, origin, places)
    if chance is not None and redrawn > 0:
        elsewhere = places + _another_reader(chance, ends, side) * _everywhere(
            chance.happens(redrawn).float()
        )
        contour = _sample(crops.volumes[:, 1:2], to_crop, origin, elsewhere)
        volumes = torch.cat([volumes, contour], dim=1)
    slice_voxels = native[:, 0] / step * matrix[:, 0, 0].abs()
    pixel_voxels = native[:, 1:].mean(1) / step * torch.linalg.det(matrix[:, 1:, 1:]).abs().sqrt()
    if chance is not None:
        thickness = torch.where(chance.happens(0.3), chance.uniform(2.0, 7.0).floor(), 1.0)
        volumes, ends = _with_thick_slices(chance, volumes, ends, thickness)
        slice_voxels = torch.maximum(slice_voxels, thickness)
    grey, share, known, *contour_apart = volumes.split(1, dim=1)
    windowed = torch.zeros(len(grey), dtype=torch.bool, device=grey.device)
    if chance is not None:
        grey, windowed = _other_greys(chance, grey, share)
    target = contour_apart[0] if contour_apart else share
    return Drawn(
        grey,
        (target > 0.5).float(),
        (known > 0.5).float(),
        _in_order(ends),
        slice_voxels,
        pixel_voxels,
        windowed,
    )


def jitter_lines(chance: Chance, ends: Tensor, voxel: Tensor, lines: LineJitter) -> Tensor:
    """Lines as another person would have drawn them: exact, off by half a voxel, now and then more.

    Parameters
    ----------
    chance : Chance
        Random numbers.
    ends : Tensor
        End points (b, 2, 3), in any unit.
    voxel : Tensor
        Voxel size (b, 3) of the scan, (z, y, x), in the unit of `ends`.
    lines : LineJitter
        How often, and how far.

    Returns
    -------
    Tensor
        End points (b, 2, 3) in the unit of `ends`.
    """
    middle, half = ends.mean(1, keepdim=True), (ends[:, 1:] - ends[:, :1]) / 2
    length = 2 * half.norm(dim=2)[:, 0]
    # more often short than long: people stop where they are sure
    scale = torch.where(chance.happens(lines.scaled), chance.uniform(lines.shortest, lines.longest), 1.0)
    half = half * scale[:, None, None]
    angle = torch.where(chance.happens(0.3), chance.normal(7 * DEGREE), 0.0)[:, None]
    cos, sin = angle.cos(), angle.sin()
    z, y, x = half.unbind(2)
    half = torch.stack([z, cos * y - sin * x, sin * y + cos * x], dim=2)
    drawn = torch.cat([middle - half, middle + half], dim=1)
    sigma = (0.4 * voxel[:, 1:].mean(1) + 0.012 * length)[:, None, None]
    off = torch.zeros_like(ends)
    off[:, :, 1:] = chance.normal(1.0, 2, 2).clamp(-2.5, 2.5) * sigma
    slices = torch.minimum(torch.maximum(voxel[:, 0], 0.03 * length), 0.12 * length) * chance.sign()
    off[:, :, 0] = torch.where(chance.happens(0.2), slices, 0.0)[:, None]
    exact = chance.happens(lines.exact)[:, None, None]
    return torch.where(exact, ends, drawn + off)


def offsets_from_lines(ends: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Signed offsets (b, y, x) in voxels from the lines' middles, along and across them.

    Parameters
    ----------
    ends : Tensor
        End points (b, 2, 3) of the lines, in voxels.
    side : int
        Voxels along each side of the patch.

    Returns
    -------
    tuple[Tensor, Tensor]
        Offsets along the line and across it.
    """
    unit = F.normalize(ends[:, 1, 1:] - ends[:, 0, 1:], dim=1)
    steps = torch.arange(side, dtype=torch.float32, device=ends.device)
    middle = ends.mean(1)
    y, x = steps - middle[:, 1, None], steps - middle[:, 2, None]
    uy, ux = unit[:, 0, None], unit[:, 1, None]
    along = (y * uy)[:, :, None] + (x * ux)[:, None]
    across = (y * ux)[:, :, None] - (x * uy)[:, None]
    return along, across


def _slice_keeping_maps(chance: Chance, along: Tensor) -> Tensor:
    """Matrices (b, 3, 3) that turn, mirror, stretch across `along` and in z, and shear slices sideways."""
    direction = F.normalize(along[:, 1:], dim=1)
    across = torch.stack([-direction[:, 1], direction[:, 0]], dim=1)
    wider = chance.uniform(-0.2, 0.2).exp() - 1
    stretch = torch.eye(2, device=along.device) + wider[:, None, None] * across[:, :, None] * across[:, None]
    angle = chance.uniform(0.0, 2 * math.pi)
    cos, sin = angle.cos(), angle.sin()
    mirror = chance.sign()
    turn = torch.stack([torch.stack([cos * mirror, -sin], 1), torch.stack([sin * mirror, cos], 1)], dim=1)
    matrix = torch.zeros(len(along), 3, 3, device=along.device)
    # half of the lesions much flatter or taller than they are: where a tumour ends is to be seen, not known
    taller = torch.where(chance.happens(0.5), chance.uniform(-0.8, 0.6), chance.uniform(-0.35, 0.35))
    matrix[:, 0, 0] = taller.exp() * chance.sign()
    matrix[:, 1:, 1:] = turn @ stretch
    matrix[:, 1:, 0] = chance.normal(0.12, 2)
    return matrix


def _lengthened(ends: Tensor, margin: Tensor) -> Tensor:
    """Lines with both ends moved outwards by `margin` (b,), as inference does: see `PatchConfig`."""
    outwards = F.normalize(ends[:, 1] - ends[:, 0], dim=1) * margin[:, None]
    return torch.stack([ends[:, 0] - outwards, ends[:, 1] + outwards], dim=1)


def _in_order(ends: Tensor) -> Tensor:
    """The lexicographically smaller end first."""
    difference = ends[:, 1] - ends[:, 0]
    leading = (difference != 0).float().argmax(1, keepdim=True)
    swapped = difference.gather(1, leading) < 0
    return torch.where(swapped[..., None], ends.flip(1), ends)


def _patch_grid(side: int, device: torch.device) -> Tensor:
    """Voxel indices of a patch, (1, 3, side, side, side)."""
    steps = torch.arange(side, dtype=torch.float32, device=device)
    return torch.stack(torch.meshgrid(steps, steps, steps, indexing="ij"))[None]


def _another_reader(chance: Chance, ends: Tensor, side: int) -> Tensor:
    """Displacements (b, 3, side, side, side) in voxels from a contour to one that another reader might have drawn.

    The line stays. The new contour reaches further or less far above and below it, up to a quarter each, is
    wider or narrower, and bends a little. The image does not show which contour is meant, the prompts do.
    """
    steps = torch.arange(side, dtype=torch.float32, device=ends.device)
    offset = steps - ends[:, :, 0].mean(1, keepdim=True)
    taller = chance.uniform(-0.25, 0.25, 2).exp() - 1
    z = offset * torch.where(offset < 0, taller[:, :1], taller[:, 1:])
    unit = F.normalize(ends[:, 1, 1:] - ends[:, 0, 1:], dim=1)
    across = offsets_from_lines(ends, side)[1] * (chance.uniform(-0.15, 0.15).exp() - 1)[:, None, None]
    y, x = (across * share[:, None, None] for share in (unit[:, 1], -unit[:, 0]))
    shape = (len(ends), side, side, side)
    moved = [z[:, :, None, None].expand(shape), y[:, None].expand(shape), x[:, None].expand(shape)]
    return torch.stack(moved, dim=1) + _bends(chance, ends, side, 0.02, 1.0)


def _bends(chance: Chance, ends: Tensor, side: int, largest: float = 0.035, odds: float = 0.7) -> Tensor:
    """Smooth displacements (b, 3, side, side, side) in voxels of a share `odds` of the patches; the line's ends stay.

    Their standard deviation is at most `largest` sides of the patch.
    """
    size = largest * side * chance.uniform(0.2, 1.0) * chance.happens(odds)
    coarse = chance.normal(1.0, 3, 5, 5, 5) * size[:, None, None, None, None]
    field = F.interpolate(coarse, (side,) * 3, mode="trilinear", align_corners=True)
    steps = torch.arange(side, dtype=torch.float32, device=ends.device)
    near = ((ends[:, 1] - ends[:, 0]).norm(dim=1) / 3)[:, None, None]
    bells = torch.exp(-0.5 * ((steps - ends.transpose(1, 2)[..., None]) / near[..., None]) ** 2)
    for end in range(2):
        z, y, x = bells[:, :, end].unbind(1)
        field = field * (1 - z[:, None, :, None, None] * y[:, None, None, :, None] * x[:, None, None, None])
    return field


def _sample(volumes: Tensor, to_crop: Tensor, origin: Tensor, places: Tensor) -> Tensor:
    """Volumes (b, c, ...) read at to_crop @ place + origin, linearly; beyond the crop its border goes on."""
    b, (side_z, side_y, side_x) = len(volumes), places.shape[2:]
    flat = places.flatten(2).expand(b, -1, -1)
    points = torch.baddbmm(origin[:, :, None], to_crop, flat)
    # grid_sample wants (x, y, z) in [-1, 1] over voxel edges
    sizes = torch.tensor(volumes.shape[2:], dtype=torch.float32, device=points.device)
    scaled = ((points + 0.5) * (2 / sizes)[:, None] - 1).flip(1)
    grid = scaled.transpose(1, 2).reshape(b, side_z, side_y, side_x, 3)
    return F.grid_sample(volumes, grid, padding_mode="border", align_corners=False)


def _with_thick_slices(
    chance: Chance, volumes: Tensor, ends: Tensor, thickness: Tensor
) -> tuple[Tensor, Tensor]:
    """Slices of several patch voxels: averages over runs of slices, then linear between them.

    Parameters
    ----------
    volumes : Tensor
        Volumes (b, c, z, y, x).
    ends : Tensor
        End points (b, 2, 3); they move to the middle of their slice.
    thickness : Tensor
        Thickness (b,) of the slices in whole patch voxels; 1 changes nothing.
    """
    side = volumes.shape[2]
    first = (chance.uniform() * thickness).floor()
    steps = torch.arange(side, dtype=torch.float32, device=volumes.device)
    place = (steps + first[:, None]) / thickness[:, None]
    block = place.floor()
    position = (steps + first[:, None] + 0.5) / thickness[:, None] - 0.5
    position = position.clamp(min=0.0).minimum(block.amax(1, keepdim=True))
    below = position.floor()
    share = (position - below)[:, :, None]
    weights = _averages(block, below) * (1 - share) + _averages(block, below + 1) * share
    b, c = volumes.shape[:2]
    thick = torch.einsum("bzs,bcsn->bczn", weights, volumes.flatten(3)).reshape(b, c, *volumes.shape[2:])
    z = ends[:, :, 0]
    centre = ((z + first[:, None]) / thickness[:, None]).floor() + 0.5
    centre = (centre * thickness[:, None] - 0.5 - first[:, None]).clamp(0, side - 1)
    moved = ends.clone()
    moved[:, :, 0] = torch.where(thickness[:, None] > 1, centre, z)
    return thick, moved


def _averages(block: Tensor, wanted: Tensor) -> Tensor:
    """Rows (b, z, s) that average the slices s of block `wanted` (b, z); of a block that is not there, zeros."""
    members = (block[:, None] == wanted[:, :, None]).float()
    return members / members.sum(2, keepdim=True).clamp(min=1)


def _smooth(volumes: Tensor) -> Tensor:
    """Means of 3x3x3 voxels, at the border of those that there are; a third of what torch's pooling takes on a CPU."""
    for axis in (2, 3, 4):
        side = volumes.shape[axis]
        total = volumes.clone()
        total.narrow(axis, 1, side - 1).add_(volumes.narrow(axis, 0, side - 1))
        total.narrow(axis, 0, side - 1).add_(volumes.narrow(axis, 1, side - 1))
        total.div_(3)
        for end in (0, side - 1):
            total.narrow(axis, end, 1).mul_(1.5)
        volumes = total
    return volumes


def _everywhere(numbers: Tensor) -> Tensor:
    return numbers[:, None, None, None, None]


def _other_greys(chance: Chance, hu: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Another disease, another scanner, another viewer; and whether grey levels came out instead of HU."""
    hu = hu + _other_contrast(chance, hu, share)
    hu = _other_tissues(chance, hu, share, _OTHER_TISSUES)
    middle = chance.uniform(-100.0, 100.0)
    scale, shift = chance.uniform(0.7, 1.4), chance.uniform(-30.0, 30.0)
    shift = middle * (1 - scale) + shift
    changed = chance.happens(0.5)
    hu = hu * _everywhere(torch.where(changed, scale, 1.0)) + _everywhere(torch.where(changed, shift, 0.0))
    hu = torch.where(_everywhere(chance.happens(0.15)), _smooth(hu), hu)
    grain = chance.normal(1.0, *hu.shape[1:])
    grain = torch.where(_everywhere(chance.happens(0.6)), _smooth(grain) * 3.5, grain)
    hu = hu + grain * _everywhere(chance.uniform(2.0, 30.0) * chance.happens(0.5))
    windows = torch.tensor([(-160.0, 240.0)] * 2 + [(-1000.0, 400.0), (-1024.0, 1024.0), (-200.0, 300.0)])
    picked = windows.to(hu.device)[chance.uniform(0.0, 5.0).long()] + chance.normal(15.0, 2)
    low, high = (_everywhere(picked[:, i]) for i in range(2))
    windowed = chance.happens(0.25)
    levels = ((hu - low) * (255 / (high - low))).clamp(0, 255).round()
    return torch.where(_everywhere(windowed), levels, hu), windowed


def _other_contrast(chance: Chance, hu: Tensor, share: Tensor) -> Tensor:
    """HU to add: 40 % of the tumours brighter, darker or fainter against what surrounds them.

    Real lesions are few; this keeps their borders and shapes, and takes away the grey values that a
    network would know them by.
    """
    core = (share > 0.5).float()
    middle = (hu * core).sum((1, 2, 3, 4)) / core.sum((1, 2, 3, 4)).clamp(min=1)
    soft, aerated = chance.normal(30.0), chance.uniform(-0.45, 0.25) * (middle + 850)
    change = torch.where(middle > -150, soft, aerated) * chance.happens(0.4)
    return _smooth(share) * _everywhere(change)


def _other_tissues(chance: Chance, hu: Tensor, share: Tensor, odds: float) -> Tensor:
    """HU, in some patches mapped by a random curve that only rises or only falls; the tumour's mean becomes about 30.

    Shapes, borders and textures stay real. Contrasts become those of tumours in other organs: fainter, or darker than
    their surroundings instead of brighter.
    """
    chosen = chance.happens(odds)
    rises = -chance.uniform(1e-6, 1.0, len(_KNOTS_HU) - 1).log()
    heights = F.pad((rises / rises.sum(1, keepdim=True)).cumsum(1), (1, 0))
    heights = (heights * (chance.uniform(80.0, 700.0) * chance.sign())[:, None])[chosen]
    wanted = 30 + chance.normal(40.0)[chosen]
    knots = torch.tensor(_KNOTS_HU, device=hu.device)
    flat = hu[chosen].flatten(1).clamp(_KNOTS_HU[0], _KNOTS_HU[-1])
    above = torch.bucketize(flat, knots).clamp(min=1)
    low, high = knots[above - 1], knots[above]
    lower, upper = heights.gather(1, above - 1), heights.gather(1, above)
    mapped = lower + (upper - lower) * (flat - low) / (high - low)
    core = (share[chosen] > 0.5).float().flatten(1)
    middle = (mapped * core).sum(1) / core.sum(1).clamp(min=1)
    hu = hu.clone()
    hu[chosen] = (mapped + (wanted - middle)[:, None]).reshape(-1, *hu.shape[1:])
    return hu
