"""Synthetic lesions in real backgrounds: what 113 real lesions cannot teach (design: domain randomisation).

A lesion is a real nodule's shape or a perturbed ellipsoid, put into a real scan with a contrast, a texture,
perhaps a necrotic core or a bright rim, and a soft border; neighbours that are not marked may lie beside
it. Everything is drawn from one `numpy` generator, so a seed gives the same lesion again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lite_ensam.core.short_repr import with_short_repr

Float32Array = NDArray[np.float32]
Bools = NDArray[np.bool_]


@with_short_repr
@dataclass(frozen=True)
class Background:
    """A scan without the lesion we are about to draw.

    Parameters
    ----------
    hu : NDArray[np.int16]
        Voxels (z, y, x) in HU.
    region : NDArray[np.uint8]
        Uint8 (z, y, x): 0 outside, 1 body, 2 lung or airway.
    spacing_mm : tuple[float, float, float]
        Spacing in mm, (z, y, x).
    """

    hu: NDArray[np.int16]
    region: NDArray[np.uint8]
    spacing_mm: tuple[float, float, float]


@with_short_repr
@dataclass(frozen=True)
class Shape:
    """A real lesion's mask, bool (z, y, x), with its spacing in mm."""

    mask: Bools
    spacing_mm: tuple[float, float, float]


@with_short_repr
@dataclass(frozen=True)
class Scene:
    """A cube of background with one lesion to be marked: HU and mask, both (n, n, n), voxels of `voxel_mm`."""

    hu: Float32Array
    mask: Bools
    voxel_mm: float


def random_turn(rng: np.random.Generator, tilt: float) -> NDArray[np.float64]:
    """Rotation matrix (zyx): any angle about z, up to `tilt` radians about the two other axes, random flips."""
    about_z = rng.uniform(0, 2 * np.pi)
    turn = np.eye(3)
    for (first, second), angle in zip(
        ((1, 2), (0, 1), (0, 2)), (about_z, *rng.uniform(-tilt, tilt, 2)), strict=True
    ):
        plane = np.eye(3)
        cos, sin = np.cos(angle), np.sin(angle)
        plane[[first, first, second, second], [first, second, first, second]] = cos, -sin, sin, cos
        turn = turn @ plane
    return turn * rng.choice([-1.0, 1.0], 3)


def smooth_noise(rng: np.random.Generator, side: int, cells: int) -> Float32Array:
    """Smooth random field (side, side, side), mean 0, standard deviation 1, about `cells` bumps a side."""
    coarse = rng.standard_normal((cells + 3,) * 3).astype(np.float32)
    # cubic B-splines: each voxel weighs the four knots about it, one axis after the other
    place = np.arange(side) * (cells / side)
    away = np.abs(place[:, None] + 1 - np.arange(cells + 3))
    weights = np.where(away < 1, 2 / 3 - away**2 + away**3 / 2, np.clip(2 - away, 0, None) ** 3 / 6)
    weights = weights.astype(np.float32)
    fine: Float32Array = coarse
    for _ in range(3):
        fine = np.tensordot(weights, fine, axes=(1, 2))
    return np.asarray((fine - fine.mean()) / (fine.std() + 1e-6), dtype=np.float32)


def blob(rng: np.random.Generator, side: int, radius: float, centre: NDArray[np.float64]) -> Bools:
    """Perturbed ellipsoid about `centre` (voxel indices), longest radius `radius` voxels."""
    turn = random_turn(rng, np.pi)
    radii = radius * np.array([1.0, rng.uniform(0.5, 1.0), rng.uniform(0.35, 1.0)])[rng.permutation(3)]
    axes = [np.arange(side, dtype=np.float32) - np.float32(c) for c in centre]
    distance = np.zeros((side,) * 3, np.float32)
    for row, axis_radius in zip(turn, radii, strict=True):
        z, y, x = (axis * np.float32(part / axis_radius) for axis, part in zip(axes, row, strict=True))
        distance += np.square(z[:, None, None] + y[None, :, None] + x[None, None, :])
    bumps = rng.uniform(0.0, 0.22) * smooth_noise(rng, side, int(rng.integers(3, 6)))
    if rng.random() < 0.4:
        bumps += rng.uniform(0.03, 0.1) * smooth_noise(rng, side, int(rng.integers(8, 15)))
    return np.asarray(np.sqrt(distance) < 1 + bumps)


def tube(rng: np.random.Generator, side: int, start: NDArray[np.float64], radius: float) -> Bools:
    """A bent tube that passes near `start` (voxel indices): a vessel, an airway's wall, bowel."""
    direction = random_turn(rng, np.pi)[0]
    curve = random_turn(rng, np.pi)[0] * rng.uniform(0, 0.6) / side
    steps = np.linspace(-side, side, 6 * side)[:, None]
    points = np.rint(start + steps * direction + np.square(steps) * curve).astype(int)
    points = points[((points >= 0) & (points < side)).all(axis=1)]
    away = np.ones((side,) * 3, np.bool_)
    away[tuple(points.T)] = False
    return np.asarray(ndimage.distance_transform_edt(away) <= radius)


def placed_shape(rng: np.random.Generator, shape: Shape, side: int, length: float) -> Bools:
    """A real mask turned, stretched a little and scaled to about `length` voxels in the slice."""
    spacing = np.array(shape.spacing_mm)
    extent = np.array(shape.mask.shape) * spacing
    stretch = rng.uniform(0.8, 1.25, 3)
    scale = length / float(max(extent[1], extent[2]))
    turn = random_turn(rng, 0.5 if rng.random() < 0.7 else np.pi)
    # output voxel -> input voxel
    matrix = (turn / (scale * stretch)[None, :]) / spacing[:, None]
    offset = (np.array(shape.mask.shape) - 1) / 2 - matrix @ np.full(3, (side - 1) / 2)
    soft = ndimage.gaussian_filter(shape.mask.astype(np.float32), 0.5)
    return np.asarray(ndimage.affine_transform(soft, matrix, offset, (side,) * 3, order=1) > 0.45)


def largest_part(mask: Bools) -> Bools:
    """The connected component with the most voxels."""
    parts, n_parts = ndimage.label(mask)
    if n_parts < 2:
        return mask
    return np.asarray(parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:])))


def cut_background(
    rng: np.random.Generator, background: Background, side: int, voxel_mm: float, in_lung: bool
) -> tuple[Float32Array, NDArray[np.uint8]]:
    """A turned cube about a random place: HU and region, both (side, side, side)."""
    wanted = 2 if in_lung else 1
    inside = background.region == wanted
    margin = min(4, inside.shape[0] // 3)
    if not in_lung and rng.random() < 0.7:  # tumours sit in organs and muscle more often than in fat
        inside = inside & (background.hu > -20)
    places = np.argwhere(inside[margin : inside.shape[0] - margin, ::3, ::3]) * (1, 3, 3) + (margin, 0, 0)
    centre = places[rng.integers(len(places))].astype(float)
    turn = random_turn(rng, 0.15)
    matrix = turn * voxel_mm / np.array(background.spacing_mm)[:, None]
    offset = centre - matrix @ np.full(3, (side - 1) / 2)
    reach = np.abs(matrix).sum(axis=1) * side / 2 + 2
    low = np.clip(np.floor(centre - reach), 0, None).astype(int)
    high = np.minimum(np.ceil(centre + reach) + 1, background.hu.shape).astype(int)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    source = background.hu[box].astype(np.float32)
    blur = 0.4 * np.maximum(voxel_mm / np.array(background.spacing_mm) - 1, 0)
    if blur.any():
        source = ndimage.gaussian_filter(source, blur)
    shape, shift = (side,) * 3, offset - low
    hu = ndimage.affine_transform(source, matrix, shift, shape, order=1, mode="nearest")
    region = ndimage.affine_transform(background.region[box], matrix, shift, shape, order=0, mode="nearest")
    return hu, region


def confine(
    rng: np.random.Generator, mask: Bools, hu: Float32Array, region: NDArray[np.uint8], in_lung: bool
) -> Bools:
    """Let the lesion respect what it meets: chest wall, bone, the skin."""
    smooth = ndimage.gaussian_filter(hu, 1.0)
    if in_lung:
        if rng.random() < 0.75:  # a nodule that stops at the pleura
            mask = mask & ndimage.binary_dilation((region == 2) | (smooth < -300), iterations=2)
    else:
        mask = mask & (smooth > (-300 if rng.random() < 0.8 else -2000))
        if rng.random() < 0.7:
            mask = mask & (smooth < 220)
        if rng.random() < 0.35:  # stays within its organ: stops where the background's grey value changes
            core = np.median(hu[mask]) if mask.any() else 0.0
            mask = mask & (np.abs(ndimage.gaussian_filter(hu, 1.5) - core) < rng.uniform(50, 110))
    return largest_part(ndimage.binary_opening(mask, iterations=1)) if mask.any() else mask


def fill(
    rng: np.random.Generator, hu: Float32Array, mask: Bools, level: float, voxel_mm: float, own_noise: float
) -> Float32Array:
    """Paint the lesion with mean `level` HU: texture, perhaps a core and a rim, a border softened by the scanner."""
    side = hu.shape[0]
    inner = np.full(hu.shape, np.float32(level))
    inner += np.float32(rng.uniform(0, 14)) * smooth_noise(rng, side, int(rng.integers(4, 12)))
    core_share, rim_share = rng.uniform(0.35, 0.7), rng.uniform(0.15, 0.35)
    has_core, has_rim = rng.random() < 0.25, rng.random() < 0.2
    if has_core or has_rim:
        depth = ndimage.distance_transform_edt(mask)
        deepest = float(depth.max())
        if has_core and deepest > 4:
            core = (depth > deepest * core_share).astype(np.float32)
            inner -= np.float32(rng.uniform(10, 60)) * ndimage.gaussian_filter(core, 1.5)
        if has_rim and deepest > 4:
            inner += np.float32(rng.uniform(10, 60)) * (depth < deepest * rim_share)
    if rng.random() < 0.05:
        inner += np.float32(250) * (smooth_noise(rng, side, 10) > 2.2)
    grain = hu - ndimage.gaussian_filter(hu, 1.2)
    inner += np.clip(grain, -60, 60) * np.float32(own_noise)
    softness = rng.uniform(0.3, 1.0) / max(voxel_mm, 0.3) + (rng.uniform(0, 2.5) if rng.random() < 0.3 else 0)
    weight = ndimage.gaussian_filter(mask.astype(np.float32), min(softness, 4.0))
    return np.asarray(hu + weight * (inner - hu), dtype=np.float32)


def draw_scene(
    rng: np.random.Generator,
    backgrounds: list[Background],
    shapes: tuple[list[Shape], list[Shape]],
    side: int,
    lines_a_side: float,
) -> Scene | None:
    """One synthetic lesion in a cube whose side is about `lines_a_side` of its line's lengths.

    `shapes` are nodules, which lie in lung as often as anywhere, and tumours of soft tissue.

    Returns None when the draw left no lesion worth marking (all of it in air, say).
    """
    background = backgrounds[rng.integers(len(backgrounds))]
    in_lung = bool(rng.random() < 0.3 and (background.region == 2).sum() > 20_000)
    longest = 45.0 if in_lung else 110.0
    length_mm = float(np.exp(rng.uniform(np.log(7.0), np.log(longest))))
    voxel_mm = length_mm * lines_a_side / side
    hu, region = cut_background(rng, background, side, voxel_mm, in_lung)
    length, centre = side / lines_a_side, np.full(3, (side - 1) / 2)
    nodules, tumors = shapes
    known_shapes = tumors if tumors and not in_lung and rng.random() < 0.6 else nodules
    if known_shapes and rng.random() < (0.7 if in_lung else 0.55):
        mask = placed_shape(rng, known_shapes[rng.integers(len(known_shapes))], side, length)
    else:
        mask = blob(rng, side, length / 2, centre)
        if rng.random() < 0.25:  # lobulated
            mask |= blob(rng, side, length / 2 * rng.uniform(0.4, 0.8), centre + rng.normal(0, length / 5, 3))
    mask = confine(rng, mask, hu, region, in_lung)
    if mask.sum() < 150:
        return None
    around = float(np.median(hu[mask]))
    if in_lung:
        level = rng.uniform(-80, 70) if rng.random() < 0.75 else rng.uniform(-720, -300)
    elif around < -50 and rng.random() < 0.8:  # in fat
        level = rng.uniform(0, 80)
    else:
        contrast = float(np.exp(rng.uniform(np.log(12), np.log(110)))) * (1 if rng.random() < 0.45 else -1)
        level = float(np.clip(around, -120, 180)) + contrast
    own_noise = float(rng.uniform(0.3, 1.0))
    for _ in range(
        int(rng.integers(1, 4)) if rng.random() < 0.4 else 0
    ):  # vessels, some of them into the lesion
        start = centre + random_turn(rng, np.pi)[0] * length * rng.uniform(0.2, 0.9)
        vessel = tube(rng, side, start, float(np.exp(rng.uniform(np.log(0.4), np.log(3.5)))) / voxel_mm)
        vessel_hu = (
            rng.uniform(-20, 80) if in_lung else around + rng.choice([-1.0, 1.0]) * rng.uniform(20, 150)
        )
        weight = ndimage.gaussian_filter(vessel.astype(np.float32), min(0.5 / voxel_mm, 2.0))
        hu = hu + weight * (np.float32(vessel_hu) - hu)
    for _ in range(int(rng.integers(0, 3)) if rng.random() < 0.4 else 0):  # neighbours nobody marked
        place = centre + random_turn(rng, np.pi)[0] * length * rng.uniform(0.8, 1.4)
        other = blob(rng, side, length / 2 * rng.uniform(0.25, 0.8), place)
        other &= ~ndimage.binary_dilation(mask, iterations=2)
        if other.any():
            hu = fill(rng, hu, other, level + rng.normal(0, 15), voxel_mm, own_noise)
    hu = fill(rng, hu, _inside_the_contour(rng, mask, voxel_mm, in_lung), level, voxel_mm, own_noise)
    return Scene(hu, mask, voxel_mm)


def _inside_the_contour(rng: np.random.Generator, mask: Bools, voxel_mm: float, in_lung: bool) -> Bools:
    """The visible part of a contoured lesion: readers draw around a nodule, a voxel outside its border.

    In soft tissue they seldom do. A smaller share there alone was not measured (docs/developer/experiments.md, 5).
    """
    if rng.random() > (0.8 if in_lung else 0.08):
        return mask
    loose_mm = rng.uniform(0.2, 1.3)
    seen = np.asarray(ndimage.distance_transform_edt(mask) * voxel_mm > loose_mm)
    return seen if seen.sum() > 0.3 * mask.sum() else mask
