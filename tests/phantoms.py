"""Scans for tests whose tumours are ellipsoids of exactly known volume and diameter."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lite_ensam.core.case import Case
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark


@dataclass(frozen=True)
class Ellipsoid:
    """A tumour: centre in voxel indices, semi-axes in mm, both (z, y, x)."""

    label: int
    center_zyx: tuple[float, float, float]
    semi_axes_mm: tuple[float, float, float]
    hu: float = 60.0

    @property
    def volume_ml(self) -> float:
        return 4 / 3 * math.pi * math.prod(self.semi_axes_mm) / 1000

    @property
    def longest_diameter_mm(self) -> float:
        return 2 * max(self.semi_axes_mm[1:])

    @property
    def short_axis_mm(self) -> float:
        return 2 * min(self.semi_axes_mm[1:])

    def mask(self, shape_zyx: Sequence[int], spacing_mm: Sequence[float]) -> np.ndarray:
        """Voxels whose centres are inside."""
        squares = [
            ((np.arange(n) - c) * s / a) ** 2
            for n, c, s, a in zip(shape_zyx, self.center_zyx, spacing_mm, self.semi_axes_mm, strict=True)
        ]
        return squares[0][:, None, None] + squares[1][:, None] + squares[2] <= 1

    def mark(self, spacing_mm: Sequence[float]) -> RecistMark:
        """The longest diameter of the ellipsoid itself: its ends lie between voxel centres."""
        axis = 1 if self.semi_axes_mm[1] > self.semi_axes_mm[2] else 2
        reach = np.zeros(3)
        reach[axis] = self.semi_axes_mm[axis] / spacing_mm[axis]
        center = np.array(self.center_zyx)
        return RecistMark(self.label, (tuple(center - reach), tuple(center + reach)))


TWO_TUMORS = (
    Ellipsoid(1, (8, 14, 14), (10.0, 6.0, 9.0)),
    Ellipsoid(2, (14, 28, 34), (7.5, 8.0, 5.0), hu=90.0),
)


def ellipsoid_case(
    shape_zyx: tuple[int, int, int] = (22, 40, 48),
    spacing_mm: tuple[float, float, float] = (2.5, 1.0, 1.0),
    tumors: Sequence[Ellipsoid] = TWO_TUMORS,
    seed: int = 0,
) -> Case:
    """CT int16 HU: lung in front, soft tissue behind, a smooth border between them, noise, tumours."""
    rng = np.random.default_rng(seed)
    front = 1 / (1 + np.exp((np.arange(shape_zyx[1]) - shape_zyx[1] / 2) / 1.5))
    ct = np.broadcast_to((30 - 880 * front)[None, :, None], shape_zyx).copy()
    reference = np.zeros(shape_zyx, dtype=np.uint8)
    for tumor in tumors:
        inside = tumor.mask(shape_zyx, spacing_mm)
        ct[inside] = tumor.hu
        reference[inside] = tumor.label
    ct += rng.normal(0, 8, shape_zyx)
    marks = tuple(tumor.mark(spacing_mm) for tumor in tumors)
    grid = Grid.from_spacing(shape_zyx, spacing_mm)
    return Case(np.rint(ct).astype(np.int16), grid, marks, reference, "ellipsoids", hu=True)
