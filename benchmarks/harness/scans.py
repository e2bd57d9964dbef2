"""Scans of clinical sizes: the built-in phantom at 512 x 512 x n, as NIfTI and as FLARE's .npz, and lines on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.io import write_ct, write_marks

SPACING = (2.0, 0.7, 0.7)
SMOOTH_HU = 64


@dataclass(frozen=True)
class BenchScan:
    """A scan on disk.

    Parameters
    ----------
    name : for tables
    path : .nii.gz or .npz
    grid : its geometry
    marks : the phantom's own lines
    """

    name: str
    path: Path
    grid: Grid
    marks: tuple[RecistMark, ...]

    def write_marks(self, n_marks: int) -> Path:
        """A file of so many lines."""
        path = self.path.with_name(f"marks{n_marks}.json")
        write_marks(path, many_marks(self.marks, n_marks), self.grid, overwrite=True)
        return path


def many_marks(marks: Sequence[RecistMark], n_marks: int) -> list[RecistMark]:
    """So many lines: more than there are are copies, shifted by a few voxels."""
    found = []
    for n in range(n_marks):
        mark, shift = marks[n % len(marks)], 6.0 * (n // len(marks))
        ends = tuple((z, y + shift, x + shift) for z, y, x in mark.endpoints_zyx)
        found.append(replace(mark, label=n + 1, endpoints_zyx=ends))  # type: ignore[arg-type]
    return found


def write_scan(folder: Path, n_slices: int, kind: str = "noisy") -> BenchScan:
    """Write a phantom of 512 x 512 x `n_slices`.

    Parameters
    ----------
    kind : "noisy", int16 .nii.gz of about 0.28 MB a slice; "smooth", the same in steps of 64 HU, which packs well;
        "flare", uint8 .npz windowed to 0-255
    """
    shape = (n_slices, 512, 512)
    case = make_phantom(shape_zyx=shape, spacing_mm=SPACING)
    grid = Grid.from_spacing(shape, SPACING)
    ct = case.volume
    if kind == "flare":
        path = folder / f"flare{n_slices}.npz"
        windowed = np.clip((ct + 160.0) * (255 / 400), 0, 255).astype(np.uint8)
        lines = np.zeros(shape, np.uint8)
        np.savez_compressed(path, imgs=windowed, recist=lines, spacing=SPACING[::-1])
        return BenchScan(f"512 x 512 x {n_slices} uint8 FLARE .npz", path, grid, case.marks)
    if kind == "smooth":
        ct = ct // SMOOTH_HU * SMOOTH_HU
    else:
        ct = ct + np.random.default_rng(0).integers(-8, 9, shape, dtype=np.int16)
    path = folder / f"{kind}{n_slices}.nii.gz"
    write_ct(path, ct, grid)
    return BenchScan(f"512 x 512 x {n_slices} int16 .nii.gz, {kind}", path, grid, case.marks)
