"""From a crop of the bank to a training patch: draw the numbers first, then apply them.

The line is jittered as people draw it, and everything that moves the image moves the line with it; only
maps that keep axial slices axial are used, so the longest axial diameter stays on its slice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from lite_ensam.core.patch_config import PatchConfig
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.segmentation.channels import LineFrame, channels_of
from lite_ensam.training.config import JITTER, LineJitter
from lite_ensam.training.crop_cache import MASK_UNIT, LesionCrop

Float64Array = NDArray[np.float64]


@with_short_repr
@dataclass(frozen=True)
class Sample:
    """A training example: values (c, z, y, x) and target (z, y, x) in [0, 1], endpoints (2, 3)."""

    values: Tensor
    endpoints_zyx: Tensor
    target: Tensor


def slice_keeping_map(rng: np.random.Generator, along: Float64Array) -> Float64Array:
    """Matrix (zyx) that turns, mirrors, stretches across `along` and in z, and shears slices sideways."""
    direction = along[1:] / np.linalg.norm(along[1:])
    across = np.array([-direction[1], direction[0]])
    stretch = np.eye(2) + (np.exp(rng.uniform(-0.2, 0.2)) - 1) * np.outer(across, across)
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.zeros((3, 3))
    matrix[0, 0] = np.exp(rng.uniform(-0.35, 0.35)) * rng.choice([-1.0, 1.0])
    matrix[1:, 1:] = turn @ np.diag([rng.choice([-1.0, 1.0]), 1.0]) @ stretch
    matrix[1:, 0] = rng.normal(0, 0.12, 2)
    return matrix


def lengthen(ends: Float64Array, margin: float) -> Float64Array:
    """The line with both ends moved outwards by `margin`, as inference does: see `PatchConfig`."""
    outwards = (ends[1] - ends[0]) * (margin / np.linalg.norm(ends[1] - ends[0]))
    return np.stack([ends[0] - outwards, ends[1] + outwards])


def jitter_ends(
    rng: np.random.Generator, ends: Float64Array, voxel_zyx: Float64Array, lines: LineJitter = JITTER
) -> Float64Array:
    """The line as another person would have drawn it: exact, off by half a voxel, now and then more.

    Parameters
    ----------
    ends : (2, 3), any unit
    voxel_zyx : the scan's voxel in that unit
    lines : how often, and how far
    """
    if rng.random() < lines.exact:
        return ends
    middle, half = ends.mean(axis=0), (ends[1] - ends[0]) / 2
    length = 2 * float(np.linalg.norm(half))
    if rng.random() < lines.scaled:  # more often short than long: people stop where they are sure
        half = half * rng.uniform(lines.shortest, lines.longest)
    if rng.random() < 0.3:
        angle = rng.normal(0, np.deg2rad(7))
        cos, sin = np.cos(angle), np.sin(angle)
        half = np.array([half[0], cos * half[1] - sin * half[2], sin * half[1] + cos * half[2]])
    drawn = np.stack([middle - half, middle + half])
    sigma = 0.4 * voxel_zyx[1:].mean() + 0.012 * length
    drawn[:, 1:] += np.clip(rng.normal(0, sigma, (2, 2)), -2.5 * sigma, 2.5 * sigma)
    if rng.random() < 0.2:
        drawn[:, 0] += rng.choice([-1, 1]) * min(max(voxel_zyx[0], 0.03 * length), 0.12 * length)
    return drawn


def bend(rng: np.random.Generator, points: Float64Array, side: int) -> Tensor:
    """Smooth random displacements, (3, side, side, side) in patch voxels, that leave the line's ends alone.

    Parameters
    ----------
    points : (2, 3), the line's ends in the patch
    side : of the patch
    """
    coarse = torch.from_numpy(rng.normal(0, 0.035 * side * rng.uniform(0.2, 1.0), (1, 3, 5, 5, 5))).float()
    field = F.interpolate(coarse, (side,) * 3, mode="trilinear", align_corners=True)[0]
    steps = torch.arange(side, dtype=torch.float32)
    near = float(np.linalg.norm(points[1] - points[0])) / 3
    for end in points:
        z, y, x = ((steps - float(e)) / near for e in end)
        distance = z[:, None, None] ** 2 + y[None, :, None] ** 2 + x[None, None, :] ** 2
        field = field * (1 - torch.exp(-distance / 2))
    return field


def sample_cube(
    crop: LesionCrop, to_crop: Float64Array, origin: Float64Array, side: int, shift: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """HU and tumour share, both (side, side, side); output voxel i reads crop voxel to_crop @ (i + shift) + origin."""
    volume = np.stack([crop.hu.astype(np.float32), crop.share.astype(np.float32) / MASK_UNIT])
    steps = torch.arange(side, dtype=torch.float32)
    matrix, start = torch.from_numpy(to_crop).float(), torch.from_numpy(origin).float()
    z, y, x = (steps.reshape(shape) for shape in ((-1, 1, 1), (1, -1, 1), (1, 1, -1)))
    if shift is not None:
        z, y, x = z + shift[0], y + shift[1], x + shift[2]
    # grid_sample wants (x, y, z) in [-1, 1] over voxel edges
    scaled = [
        (matrix[axis, 0] * z + matrix[axis, 1] * y + matrix[axis, 2] * x + start[axis] + 0.5)
        * (2 / crop.hu.shape[axis])
        - 1
        for axis in (2, 1, 0)
    ]
    grid = torch.stack(scaled, dim=-1)[None]
    out = F.grid_sample(torch.from_numpy(volume)[None], grid, padding_mode="border", align_corners=False)
    return out[0, 0], out[0, 1]


def thicken_slices(rng: np.random.Generator, volumes: Tensor, endpoint_z: float) -> tuple[Tensor, float]:
    """Simulate thick slices: average over runs of slices, then interpolate between them.

    Parameters
    ----------
    volumes : (n, z, y, x)

    Returns
    -------
    volumes, and the z of the slice that the line now lies on
    """
    n_slices = volumes.shape[1]
    thickness = int(rng.integers(2, 7))
    first = int(rng.integers(0, thickness))
    padded = F.pad(volumes[None], (0, 0, 0, 0, first, (-(n_slices + first)) % thickness), mode="replicate")
    thick = F.avg_pool3d(padded, (thickness, 1, 1))
    length = thick.shape[2] * thickness
    smooth = F.interpolate(thick, (length, *thick.shape[3:]), mode="trilinear", align_corners=False)
    centre = (int((endpoint_z + first) // thickness) + 0.5) * thickness - 0.5 - first
    return smooth[0, :, first : first + n_slices], float(np.clip(centre, 0, n_slices - 1))


def change_greys(rng: np.random.Generator, hu: Tensor) -> Tensor:
    """Another scanner: contrast, offset, blur, grain."""
    if rng.random() < 0.5:
        middle = rng.uniform(-100, 100)
        hu = (hu - middle) * float(rng.uniform(0.7, 1.4)) + middle + float(rng.uniform(-30, 30))
    if rng.random() < 0.15:
        hu = F.avg_pool3d(hu[None, None], 3, stride=1, padding=1, count_include_pad=False)[0, 0]
    if rng.random() < 0.5:
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        grain = torch.randn(hu.shape, generator=generator)
        if rng.random() < 0.6:
            grain = F.avg_pool3d(grain[None, None], 3, stride=1, padding=1)[0, 0] * 3.5
        hu = hu + grain * float(rng.uniform(2, 30))
    return hu


def change_contrast(rng: np.random.Generator, hu: Tensor, share: Tensor) -> Tensor:
    """The tumour itself brighter, darker or fainter against what surrounds it: another disease, another phase.

    Real lesions are few; this keeps their borders and shapes, and takes away the grey values that a
    network would know them by.
    """
    inside = F.avg_pool3d(share[None, None], 3, stride=1, padding=1, count_include_pad=False)[0, 0]
    core = share > 0.5
    middle = float(hu[core].mean()) if bool(core.any()) else 0.0
    if middle > -150:  # soft tissue
        return hu + inside * float(rng.normal(0, 30))
    return hu + inside * float(rng.uniform(-0.45, 0.25)) * (middle + 850)


def window_levels(rng: np.random.Generator, hu: Tensor) -> Tensor:
    """HU to the grey levels 0..255 of an image that somebody windowed before us (FLARE's npz)."""
    presets = [(-160.0, 240.0), (-160.0, 240.0), (-1000.0, 400.0), (-1024.0, 1024.0), (-200.0, 300.0)]
    low, high = presets[rng.integers(len(presets))]
    low, high = low + float(rng.normal(0, 15)), high + float(rng.normal(0, 15))
    return ((hu - low) * (255 / (high - low))).clamp(0, 255).round()


def draw_sample(
    crop: LesionCrop,
    rng: np.random.Generator,
    config: PatchConfig,
    augment: bool = True,
    lines: LineJitter = JITTER,
) -> Sample:
    """One patch of the crop, its line drawn anew; with `augment=False` the plain one that inference would cut."""
    ends = np.array(crop.endpoints_zyx)
    middle = ends.mean(axis=0)
    matrix = slice_keeping_map(rng, ends[1] - ends[0]) if augment else np.eye(3)
    moved = (ends - middle) @ matrix.T
    if augment:
        moved = jitter_ends(rng, moved, np.array(crop.native_voxel_zyx), lines)
    moved = lengthen(moved, config.end_margin_voxels * float(np.mean(crop.native_voxel_zyx[1:])))
    step = config.side_factor * np.linalg.norm(moved[1] - moved[0]) / config.side_voxels
    centre = moved.mean(axis=0)
    inverse = np.linalg.inv(matrix)
    origin = middle + inverse @ (centre - step * (config.side_voxels - 1) / 2)
    points = (moved - centre) / step + (config.side_voxels - 1) / 2
    shift = bend(rng, points, config.side_voxels) if augment and rng.random() < 0.7 else None
    hu, share = sample_cube(crop, inverse * step, origin, config.side_voxels, shift)
    if augment and rng.random() < 0.3:
        both, z = thicken_slices(rng, torch.stack([hu, share]), float(points[0, 0]))
        hu, share = both[0], both[1]
        points[:, 0] = z
    is_hu = True
    if augment:
        if rng.random() < 0.4:
            hu = change_contrast(rng, hu, share)
        hu = change_greys(rng, hu)
        if rng.random() < 0.25:
            hu, is_hu = window_levels(rng, hu), False
    points = points[np.lexsort(points.T[::-1])]
    frame = LineFrame(hu.numpy(), points, (1.0, 1.0, 1.0), is_hu, config)
    return Sample(
        values=torch.from_numpy(channels_of(frame)),
        endpoints_zyx=torch.from_numpy(points).float(),
        target=(share > 0.5).float(),
    )


def sample_index(rng: np.random.Generator, by_source: dict[str, list[int]], weights: dict[str, float]) -> int:
    """Index of a crop: its source by weight (all alike if there are none), then any crop of it."""
    sources = sorted(by_source)
    odds = np.array([weights.get(source, 0.0) if weights else 1.0 for source in sources])
    source = sources[rng.choice(len(sources), p=odds / odds.sum())]
    members: list[Any] = by_source[source]
    return int(members[rng.integers(len(members))])
