"""The prior visit on the grid of the scan that is shown: its slices where the scan's are, with its masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.types import CtVolume, Float64Array
from lite_ensam.response.registration import register
from lite_ensam.widgets.planes import LabelPatch, Plane, patch_of
from lite_ensam.widgets.segmenter import LesionSegmenter
from lite_ensam.widgets.slabs import Slab, SlabCache, projected, slab_range

__all__ = ["PriorVisit"]

_AIR_HU = -1024.0
"""Shown where the prior scan does not reach."""


class PriorVisit:
    """An earlier scan of the patient, moved rigidly (`response.registration.register`) onto the scan that is shown.

    Slices are interpolated linearly when they are asked for: the prior scan is in memory once, as it was read.

    Parameters
    ----------
    segmenter : LesionSegmenter
        Segmenter of the prior scan.
    marks : Sequence[RecistMark]
        Lines on the prior scan; they are segmented at once.
    ct : CtVolume
        Voxels (z, y, x) of the scan that is shown, HU.
    grid : Grid
        Grid of the scan that is shown.

    Raises
    ------
    CaseError
        If the scans do not fit upon each other.
    MissingExtraError
        If SimpleITK is not installed.
    """

    def __init__(
        self, segmenter: LesionSegmenter, marks: Sequence[RecistMark], ct: CtVolume, grid: Grid
    ) -> None:
        self._segmenter, self._spacing_mm = segmenter, grid.spacing_mm
        transform = register(ct, grid, segmenter.ct, segmenter.grid)
        self._to_prior = _between_voxels(grid, transform, segmenter.grid)
        self._slabs = SlabCache()
        if marks:
            segmenter.run(marks)
            segmenter.paint()

    def results(self) -> list[dict[str, Any]]:
        """Label, volume and diameters of each mask."""
        return [
            {
                "label": one.label,
                "volume_ml": one.volume_ml,
                "longest_diameter_mm": one.longest_diameter_mm,
                "short_axis_mm": one.short_axis_mm,
            }
            for one in self._segmenter.measurements
        ]

    def value(self, zyx: Sequence[int]) -> float:
        """Grey value at a voxel (z, y, x) of the scan that is shown."""
        places = self._to_prior[:, :3] @ np.asarray(zyx, dtype=np.float64) + self._to_prior[:, 3]
        return float(sampled(self._segmenter.ct, places.reshape(3, 1, 1), self._outside)[0, 0])

    def values(self, plane: Plane, index: int, slab: Slab | None = None) -> NDArray[Any]:
        """Grey values (rows, columns) of a slice or slab of the scan that is shown, float32."""
        start, stop = slab_range(plane, index, self._spacing_mm, slab)
        if slab is None or stop == start + 1:
            return self._slice(plane, start)

        def project() -> NDArray[Any]:
            slices = np.stack([self._slice(plane, one) for one in range(start, stop)])
            return projected(slices, 0, 0, len(slices), slab.how)

        return self._slabs.get((plane.cut, start, stop, slab.how), project)

    def label_patch(self, plane: Plane, index: int) -> LabelPatch | None:
        """The masks of a slice; None if the prior visit has none."""
        painting = self._segmenter.painting
        if painting is None:
            return None
        part = painting.part
        places = self._places(plane, slab_range(plane, index, self._spacing_mm, None)[0])
        nearest = np.rint(places).astype(np.intp) - np.asarray(part.start_zyx).reshape(3, 1, 1)
        inside = np.all((nearest >= 0) & (nearest < np.asarray(part.voxels.shape).reshape(3, 1, 1)), axis=0)
        flat = np.zeros(plane.shape, part.voxels.dtype)
        flat[inside] = part.voxels[tuple(nearest[:, inside])]
        return patch_of(flat, (0, 0))

    @property
    def _outside(self) -> float:
        return _AIR_HU if self._segmenter.hu else 0.0

    def _slice(self, plane: Plane, index: int) -> NDArray[np.float32]:
        return sampled(self._segmenter.ct, self._places(plane, index), self._outside)

    def _places(self, plane: Plane, index: int) -> NDArray[np.float32]:
        """Where the voxels of a slice lie in the prior scan: float32 (3, rows, columns), voxels z, y, x."""
        matrix, offset = self._to_prior[:, :3], self._to_prior[:, 3]
        rows, columns = (np.arange(n, dtype=np.float32) for n in plane.shape)
        corner = offset + matrix[:, plane.cut] * index
        places: NDArray[np.float32] = (
            corner.astype(np.float32).reshape(3, 1, 1)
            + matrix[:, plane.down].astype(np.float32).reshape(3, 1, 1) * rows[:, None]
            + matrix[:, plane.across].astype(np.float32).reshape(3, 1, 1) * columns
        )
        return places


def _between_voxels(grid: Grid, transform: Float64Array, other: Grid) -> Float64Array:
    """(3, 4): from voxels (z, y, x) of one grid to those of another, by a transform of world mm (x, y, z)."""
    xyz = np.linalg.inv(other.affine) @ transform @ grid.affine
    return np.hstack([xyz[2::-1, 2::-1], xyz[2::-1, 3:]])


def sampled(volume: CtVolume, places: NDArray[np.floating[Any]], outside: float) -> NDArray[np.float32]:
    """Linear interpolation of a volume.

    Parameters
    ----------
    volume : CtVolume
        Volume (z, y, x).
    places : NDArray[np.floating[Any]]
        Voxel indices z, y, x of the samples, (3, rows, columns).
    outside : float
        Value outside the volume.

    Examples
    --------
    >>> volume = np.arange(8, dtype=np.int16).reshape(2, 2, 2)
    >>> sampled(volume, np.array([0.5, 0.5, 0.25]).reshape(3, 1, 1), -1.0).item()
    3.25
    """
    last = np.asarray(volume.shape).reshape(3, 1, 1) - 1
    slack = 1e-3  # of a voxel: a scan laid upon itself must not lose its border to rounding
    inside = np.all((places >= -slack) & (places <= last + slack), axis=0)
    found = np.clip(places[:, inside], 0, last[..., 0])
    low = np.minimum(found.astype(np.intp), np.maximum(last[..., 0] - 1, 0))
    share = (found - low).astype(np.float32)
    high = np.minimum(low + 1, last[..., 0])
    total = np.zeros(low.shape[1], np.float32)
    for corner in np.ndindex(2, 2, 2):
        z, y, x = ((high if c else low)[axis] for axis, c in enumerate(corner))
        dz, dy, dx = (share[axis] if c else 1 - share[axis] for axis, c in enumerate(corner))
        total += dz * dy * dx * volume[z, y, x]
    result = np.full(places.shape[1:], outside, np.float32)
    result[inside] = total
    return result
