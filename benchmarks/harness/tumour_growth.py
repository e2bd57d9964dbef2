"""Patients whose tumours have known volumes: ellipsoids in the phantom's lungs, liver and muscle at three visits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.io import write_ct, write_marks

DAYS = (0, 56, 112)
FIELD_MM = (140.0, 256.0, 256.0)
AXES = (0.8, 0.85, 1.0)
"""Of an ellipsoid, z, y and x, in shares of the longest: not round, or the sphere of the line were right."""

_NOISE_HU = 10
_FINE = 5
"""Subdivisions of a voxel's edges for how much of it is tumour."""


@dataclass(frozen=True)
class Tumor:
    """One target.

    Parameters
    ----------
    name, organ : as in a study file
    place : centre (z, y, x) in shares of the phantom's half extents, -1 to 1; off the phantom's own tumours
    hu : its grey value; lung is -860, liver 112, muscle 50
    diameters_mm : longest, at each visit
    """

    name: str
    organ: str
    place: tuple[float, float, float]
    hu: int
    diameters_mm: tuple[float, ...]

    def volume_ml(self, visit: int) -> float:
        return math.pi / 6 * self.diameters_mm[visit] ** 3 * math.prod(AXES) / 1000


@dataclass(frozen=True)
class Patient:
    """Targets and the response at each visit after baseline, worked out by hand from their diameters."""

    name: str
    targets: tuple[Tumor, ...]
    responses: tuple[str, ...]


def _targets(*diameters_mm: tuple[float, ...]) -> tuple[Tumor, ...]:
    return tuple(
        Tumor(name, organ, place, hu, sizes)
        for (name, organ, place, hu), sizes in zip(
            (
                ("lung 1", "lung", (0.70, -0.32, -0.45), 30),
                ("lung 2", "lung", (0.70, 0.00, 0.46), 30),
                ("liver 1", "liver", (-0.60, 0.28, -0.36), 72),
                ("liver 2", "liver", (-0.60, -0.38, -0.36), 72),
                ("muscle 1", "soft tissue", (-0.74, 0.36, 0.36), 95),
            ),
            diameters_mm,
            strict=True,
        )
    )


PATIENTS = (
    # sums 140, 88, 126 mm: -37 % is PR, +43 % PD; of cubes -76 % and +193 %
    Patient(
        "responds, then grows",
        _targets((28, 16, 24), (20, 14, 20), (34, 20, 30), (28, 18, 26), (30, 20, 26)),
        ("PR", "PD"),
    ),
    # sums 140, 133.5, 146 mm: -5 % and +9 % are SD; of cubes -13 % and +31 %
    Patient(
        "is stable",
        _targets((28, 27, 29), (20, 19, 21), (34, 32.5, 35.5), (28, 26.5, 29.5), (30, 28.5, 31)),
        ("SD", "SD"),
    ),
)


def write_visit(
    folder: Path, patient: Patient, visit: int, spacing_mm: tuple[float, float, float]
) -> list[float]:
    """Write `ct{visit}.nii.gz` and `marks{visit}.json` of a scan that is moved and turned from visit to visit.

    Returns the volumes in ml that the tumours' own voxels have: those at least half in them.
    """
    shape = tuple(round(side / step) for side, step in zip(FIELD_MM, spacing_mm, strict=True))
    body = make_phantom(shape, spacing_mm)
    ct, spacing = body.volume.astype(np.float32), np.array(body.grid.spacing_mm)
    marks, of_voxels = [], []
    for label, tumor in enumerate(patient.targets, start=1):
        center = (np.array(tumor.place) + 1) / 2 * np.array(shape) - 0.5
        semi_axes = tumor.diameters_mm[visit] / 2 * np.array(AXES) / spacing
        share, box = _shares(center, semi_axes)
        ct[box] += share * (tumor.hu - ct[box])
        of_voxels.append(float((share >= 0.5).sum() * spacing.prod() / 1000))
        reach = np.array([0, 0, semi_axes[2]])
        center[0] = round(center[0])  # readers measure on a slice
        marks.append(RecistMark(label, (tuple(center - reach), tuple(center + reach)), tumor.name))
    ct += np.random.default_rng(visit).normal(0, _NOISE_HU, ct.shape)
    turn = np.deg2rad(4 * visit)
    moved = np.eye(4)
    moved[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    moved[:3, 3] = (20 * visit, -15 * visit, 30 * visit)
    grid = Grid.from_affine(shape, moved @ body.grid.affine)
    write_ct(folder / f"ct{visit}.nii.gz", np.rint(ct).astype(np.int16), grid)
    write_marks(folder / f"marks{visit}.json", marks, grid)
    return of_voxels


def _shares(center: np.ndarray, semi_axes: np.ndarray) -> tuple[np.ndarray, tuple[slice, ...]]:
    """How much of each voxel of a box lies in an ellipsoid, 0 to 1, and the box; all in voxels."""
    low, high = np.floor(center - semi_axes).astype(int), np.ceil(center + semi_axes).astype(int) + 1
    inside = 0.0
    for axis in range(3):
        fine = np.arange((high[axis] - low[axis]) * _FINE)
        place = low[axis] - 0.5 + (fine + 0.5) / _FINE
        square = ((place - center[axis]) / semi_axes[axis]) ** 2
        inside = inside + square.reshape([-1 if a == axis else 1 for a in range(3)])
    sides = [part for n in high - low for part in (n, _FINE)]
    return (inside <= 1).reshape(sides).mean(axis=(1, 3, 5)), tuple(map(slice, low, high))
