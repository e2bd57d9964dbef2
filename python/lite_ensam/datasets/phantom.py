"""A made-up chest with three tumours: something to segment without a scan at hand.

Nothing here is anatomy; it has what makes tumours hard to outline: a spiculated nodule among
vessels in the lung, a nodule in the liver that differs from it by a few grey values, and a mass that
lies against the bright aorta. Borders have partial volume, voxels have noise, and the reference is
exact: a voxel belongs to a tumour if its centre does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.case import Case
from lite_ensam.core.errors import ArgumentError, brief
from lite_ensam.core.grid import Grid
from lite_ensam.core.number_kinds import is_whole
from lite_ensam.core.recist import marks_from_labels
from lite_ensam.core.types import IntTriple

__all__ = ["make_phantom"]

Field: TypeAlias = NDArray[np.float32]
Box: TypeAlias = tuple[slice, slice, slice]

_SMALLEST_SHAPE_ZYX = (16, 64, 64)
_NOISE_HU = 14.0
_AIR, _FAT, _MUSCLE, _LUNG, _BONE, _LIVER, _AORTA, _VESSEL = -1000, -95, 50, -860, 320, 112, 210, 35
_NODULE, _LIVER_TUMOR, _MASS = 25, 72, 45
_AORTA_PLACE = (0.0, 0.22, 0.12)
_TUMOR_NAMES = ("spiculated nodule in the lung", "faint nodule in the liver", "mass against the aorta")


@dataclass(frozen=True)
class _Body:
    """Scan under construction. Places are shares of the half extents, -1 to 1; sizes are mm."""

    shape_zyx: IntTriple
    spacing_mm: NDArray[np.float64]
    ct: Field

    @property
    def half_mm(self) -> NDArray[np.float64]:
        return np.asarray(self.shape_zyx) * self.spacing_mm / 2

    def offsets_mm(self, place_zyx: Sequence[float], box: Box) -> list[Field]:
        """Distance of each voxel centre of a box from a place, along z, y, x; they broadcast."""
        centre = np.asarray(place_zyx) * self.half_mm
        axes = []
        for axis, part in enumerate(box):
            index = np.arange(part.start, part.stop) + 0.5
            offset = index * self.spacing_mm[axis] - self.half_mm[axis] - centre[axis]
            axes.append(offset.astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)]))
        return axes

    def box_around(self, place_zyx: Sequence[float], reach_mm: Sequence[float] | float) -> Box:
        """Voxels within a reach of a place, and a border of two for the partial volume."""
        centre = (np.asarray(place_zyx) + 1) * self.half_mm / self.spacing_mm
        reach = np.broadcast_to(np.asarray(reach_mm) / self.spacing_mm, 3)
        low = np.clip(np.floor(centre - reach).astype(int) - 2, 0, np.asarray(self.shape_zyx) - 2)
        high = np.clip(np.ceil(centre + reach).astype(int) + 2, low + 2, self.shape_zyx)
        z, y, x = (slice(a, b) for a, b in zip(low.tolist(), high.tolist(), strict=True))
        return z, y, x

    def paint(self, level: Field, hu: float, box: Box) -> None:
        """Mix `hu` in where `level` is positive; voxels cut by its border get their share of it."""
        slope = np.full(level.shape, 1e-6, dtype=np.float32)
        for axis in range(3):
            slope += np.abs(np.gradient(level, axis=axis))
        share = np.clip(0.5 + level / slope, 0, 1)
        self.ct[box] += share * (hu - self.ct[box])

    def ellipsoid(self, place_zyx: Sequence[float], semi_axes_mm: Sequence[float], box: Box) -> Field:
        """1 at the centre, 0 on the surface, negative outside; an infinite axis makes a cylinder."""
        scaled = [
            d / np.float32(a) for d, a in zip(self.offsets_mm(place_zyx, box), semi_axes_mm, strict=True)
        ]
        return 1 - np.sqrt(sum((s**2 for s in scaled), np.zeros(_size(box), dtype=np.float32)))

    def add_ellipsoid(self, place_zyx: Sequence[float], semi_axes_mm: Sequence[float], hu: float) -> None:
        """Paint an ellipsoid."""
        box = self.box_around(place_zyx, np.minimum(semi_axes_mm, 2 * self.half_mm).tolist())
        self.paint(self.ellipsoid(place_zyx, semi_axes_mm, box), hu, box)


def make_phantom(
    shape_zyx: Sequence[int] = (56, 160, 160),
    spacing_mm: Sequence[float] = (2.5, 1.6, 1.6),
    seed: int = 0,
) -> Case:
    """Make a chest CT in HU with three tumours, their RECIST lines and an exact reference.

    Label 1 is a spiculated nodule in the right lung, 2 a low-contrast nodule in the liver, 3 a mass
    between the aorta and the left lung. Sizes follow the field of view.

    Parameters
    ----------
    shape_zyx : Sequence[int], default (56, 160, 160)
        Shape (z, y, x), at least (16, 64, 64).
    spacing_mm : Sequence[float], default (2.5, 1.6, 1.6)
        Spacing in mm, (z, y, x).
    seed : int, default 0
        Places, sizes, shapes, vessels and noise, 0 or more; the same seed gives the same voxels.

    Returns
    -------
    Case
        Case with `ct` int16 HU, `reference` uint8 and one mark a label, each drawn on its reference.

    Raises
    ------
    ArgumentError
        If the shape is too small for tumours of more than a few voxels, or the seed is not a whole number of 0 or more.
    CaseError
        If spacing or shape do not make a valid grid.

    Examples
    --------
    >>> [mark.label for mark in make_phantom(seed=1).marks]
    [1, 2, 3]
    """
    plain = Grid.from_spacing(shape_zyx, spacing_mm)
    if any(n < least for n, least in zip(plain.shape_zyx, _SMALLEST_SHAPE_ZYX, strict=True)):
        raise ArgumentError(f"shape_zyx must be at least {_SMALLEST_SHAPE_ZYX}, got {plain.shape_zyx}")
    if not is_whole(seed) or seed < 0:
        raise ArgumentError(f"seed must be a whole number of 0 or more, got {brief(seed)}")
    grid = Grid.from_affine(plain.shape_zyx, plain.affine)  # a patient has a left, a back and a head

    rng = np.random.default_rng(seed)
    ct = np.full(grid.shape_zyx, _AIR, dtype=np.float32)
    body = _Body(grid.shape_zyx, np.asarray(grid.spacing_mm), ct)
    _add_organs(body, rng)
    reference = _add_tumors(body, rng)
    ct += _noise(grid.shape_zyx, rng)
    voxels = np.clip(np.rint(ct), -1024, 3071).astype(np.int16)
    drawn = marks_from_labels(reference, grid.spacing_mm)
    marks = tuple(replace(mark, name=name) for mark, name in zip(drawn, _TUMOR_NAMES, strict=True))
    return Case(voxels, grid, marks, reference, name=f"phantom-{seed}", hu=True)


def _add_organs(body: _Body, rng: np.random.Generator) -> None:
    """Fat, muscle, lungs with vessels, liver, spine and aorta, each over what was there before."""
    z, y, x = body.half_mm
    along = float("inf")
    body.add_ellipsoid((0, 0, 0), (along, 0.80 * y, 0.92 * x), _FAT)
    body.add_ellipsoid((0, 0, 0), (along, 0.72 * y, 0.85 * x), _MUSCLE)
    for side in (-1, 1):
        place = (0.5, -0.04, 0.43 * side)
        semi_axes_mm = (1.2 * z, 0.56 * y, 0.35 * x)
        body.add_ellipsoid(place, semi_axes_mm, _LUNG)
        for _ in range(14):
            _add_vessel(body, place, semi_axes_mm, rng)
    body.add_ellipsoid((-0.95, 0.0, -0.36), (0.85 * z, 0.60 * y, 0.46 * x), _LIVER)
    body.add_ellipsoid((0, 0.52, 0), (along, 0.13 * y, 0.13 * x), _BONE)
    body.add_ellipsoid(_AORTA_PLACE, (along, 0.09 * y, 0.09 * x), _AORTA)


def _add_vessel(
    body: _Body, place_zyx: Sequence[float], semi_axes_mm: Sequence[float], rng: np.random.Generator
) -> None:
    """A straight vessel, thinner to its end, somewhere inside a lung."""
    direction = _directions(1, rng)[0]
    start = rng.uniform(-0.4, 0.4, 3) * semi_axes_mm
    step_mm = direction * 0.35 * min(semi_axes_mm)
    radius_mm = rng.uniform(0.01, 0.025) * float(body.half_mm[2])
    middle = np.asarray(place_zyx) + (start + step_mm / 2) / body.half_mm
    length_mm = float(np.linalg.norm(step_mm))
    box = body.box_around(middle.tolist(), length_mm / 2 + radius_mm)
    offsets = body.offsets_mm(middle.tolist(), box)
    along = sum((d * np.float32(u) for d, u in zip(offsets, direction, strict=True)), np.float32(0))
    nearest = np.clip(along, -length_mm / 2, length_mm / 2)
    distance = np.sqrt(
        sum(
            ((d - nearest * np.float32(u)) ** 2 for d, u in zip(offsets, direction, strict=True)),
            np.float32(0),
        )
    )
    body.paint(radius_mm * (0.8 - 0.4 * nearest / length_mm) - distance, _VESSEL, box)


def _add_tumors(body: _Body, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Paint the three tumours and return which voxel belongs to which."""
    reference = np.zeros(body.shape_zyx, dtype=np.uint8)
    z, y, x = (float(h) for h in body.half_mm)
    sizes = rng.uniform(0.9, 1.15, 3)
    shift = rng.uniform(-0.03, 0.03, (3, 3))

    def semi_axes(share: float) -> tuple[float, float, float]:
        """Not round, or the sphere around the line were right; at most a good quarter of the stack high."""
        height = np.clip(share * min(x, y) * rng.uniform(0.6, 0.85), 1.2 * body.spacing_mm[0], 0.28 * z)
        return float(height), share * y * rng.uniform(0.6, 0.75), share * x

    def add(label: int, level: Field, hu: float, box: Box) -> None:
        body.paint(level, hu, box)
        reference[box][level >= 0] = label

    place = np.array((0.40, -0.10, -0.43)) + shift[0]
    axes = semi_axes(0.10 * sizes[0])
    box = body.box_around(place.tolist(), (2 * np.asarray(axes)).tolist())
    add(1, _spiculated(body, place, axes, box, rng), _NODULE, box)

    place = np.array((-0.55, -0.05, -0.38)) + shift[1]
    axes = semi_axes(0.15 * sizes[1])
    box = body.box_around(place.tolist(), axes)
    add(2, body.ellipsoid(place.tolist(), axes, box), _LIVER_TUMOR, box)

    axes = semi_axes(0.12 * sizes[2])
    touching = _AORTA_PLACE[2] + 0.09 + 0.75 * axes[2] / x
    place = np.array((0.25 + shift[2, 0], _AORTA_PLACE[1], touching))
    box = body.box_around(place.tolist(), axes)
    mass = body.ellipsoid(place.tolist(), axes, box)
    aorta = body.ellipsoid(_AORTA_PLACE, (float("inf"), 0.09 * y, 0.09 * x), box)
    add(3, np.where(aorta >= 0, np.float32(-1e-3), mass).astype(np.float32), _MASS, box)
    return reference


def _spiculated(
    body: _Body,
    place_zyx: NDArray[np.float64],
    semi_axes_mm: Sequence[float],
    box: Box,
    rng: np.random.Generator,
) -> Field:
    """An ellipsoid with narrow bumps in random directions, up to twice its size."""
    scaled = [
        d / np.float32(a) for d, a in zip(body.offsets_mm(place_zyx.tolist(), box), semi_axes_mm, strict=True)
    ]
    distance = np.sqrt(sum((s**2 for s in scaled), np.full(_size(box), 1e-12, dtype=np.float32)))
    surface = np.full(_size(box), 0.75, dtype=np.float32)
    for direction, height in zip(_directions(10, rng), rng.uniform(0.4, 0.9, 10), strict=True):
        cosine = (
            sum((s * np.float32(u) for s, u in zip(scaled, direction, strict=True)), np.float32(0)) / distance
        )
        surface += np.float32(height) * np.exp(24 * (cosine - 1))
    return surface - distance


def _noise(shape_zyx: IntTriple, rng: np.random.Generator) -> Field:
    """Noise whose neighbours in a slice are alike, as reconstruction leaves it."""
    noise = rng.standard_normal(shape_zyx, dtype=np.float32)
    for axis in (1, 2):
        noise = noise + 0.5 * (np.roll(noise, 1, axis) + np.roll(noise, -1, axis))
    return noise * np.float32(_NOISE_HU / float(noise.std()))


def _directions(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    vectors = rng.standard_normal((count, 3))
    unit: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _size(box: Box) -> tuple[int, ...]:
    return tuple(part.stop - part.start for part in box)
