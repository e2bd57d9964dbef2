"""Slices for a screen: three planes of a volume, windowed to 8 bits, and where the body's sides are.

Planes lie as radiologists are used to: the patient's right on the left, front on top of the axial plane
and on the left of the sagittal one, head up. Slices keep the array's own order; the screen flips them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.grid import Grid
from lite_ensam.core.partial_volume import SubVolume
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import CtVolume
from lite_ensam.figures.tumor_planes import LUNG_WINDOW_HU, SOFT_TISSUE_WINDOW_HU

__all__ = [
    "WINDOWS_HU",
    "LabelPatch",
    "Plane",
    "label_patch",
    "patch_of",
    "planes_of",
    "windowed",
    "windowed_slice",
]

WINDOWS_HU: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "soft tissue": SOFT_TISSUE_WINDOW_HU,
        "lung": LUNG_WINDOW_HU,
        "bone": (-450.0, 1050.0),
        "liver": (-15.0, 135.0),
        "brain": (0.0, 80.0),
    }
)
"""Grey values shown as black and as white, by the name that radiologists give them."""

_CUTS = (("axial", 0, 2, 1), ("coronal", 1, 2, 0), ("sagittal", 2, 1, 0))
"""Name, axis that is cut, axis across the screen, axis down the screen."""

_SIDES = (("H", "F"), ("A", "P"), ("R", "L"))
"""Per axis z, y, x: the body's side at the top or left of the screen, and the one across from it."""


@with_short_repr
@dataclass(frozen=True)
class Plane:
    """One of the three ways to cut a volume.

    Parameters
    ----------
    name : str
        "axial", "coronal" or "sagittal".
    cut : int
        Array axis (0, 1, 2 = z, y, x) that is cut.
    across, down : int
        Array axes along a slice's columns and rows.
    flip_across, flip_down : bool
        Whether the screen shows the columns or rows in reverse.
    n_slices : int
        Number of slices along `cut`.
    shape : tuple[int, int]
        Shape (rows, columns) of a slice.
    pixel_mm : tuple[float, float]
        Height and width of a pixel in mm.
    sides : tuple[str, str, str, str]
        Side of the body at the left, right, top and bottom of the screen, a letter each; empty if not known.
    place_mm : tuple[float, float] or None, default None
        Coordinate of the first slice's centre along the axis that the plane cuts, in DICOM's patient
        coordinates, and the step to the next slice, in mm; None if not known.
    """

    name: str
    cut: int
    across: int
    down: int
    flip_across: bool
    flip_down: bool
    n_slices: int
    shape: tuple[int, int]
    pixel_mm: tuple[float, float]
    sides: tuple[str, str, str, str]
    place_mm: tuple[float, float] | None = None


def planes_of(grid: Grid) -> tuple[Plane, Plane, Plane]:
    """Axial, coronal and sagittal plane of a volume.

    Without knowing its sides, rows and columns are shown as they are stored, the first slice at the bottom, and no
    letter claims a side.

    Examples
    --------
    >>> affine = [[-0.7, 0, 0, 90], [0, -0.8, 0, 80], [0, 0, 5.0, -20], [0, 0, 0, 1]]
    >>> axial, _, sagittal = planes_of(Grid.from_affine((10, 20, 30), affine))
    >>> axial.shape, axial.pixel_mm, sagittal.shape
    ((20, 30), (0.8, 0.7), (10, 20))
    >>> axial.sides
    ('R', 'L', 'A', 'P')
    """
    axial, coronal, sagittal = (_plane(grid, *cut) for cut in _CUTS)
    return axial, coronal, sagittal


def _plane(grid: Grid, name: str, cut: int, across: int, down: int) -> Plane:
    # World x, y, z grow to the right, front and head, and these belong to the left or the top.
    known = grid.is_oriented
    flips = (
        [bool(grid.affine[2 - axis, 2 - axis] > 0) for axis in range(3)] if known else [True, False, False]
    )
    return Plane(
        name=name,
        cut=cut,
        across=across,
        down=down,
        flip_across=flips[across],
        flip_down=flips[down],
        n_slices=grid.shape_zyx[cut],
        shape=(grid.shape_zyx[down], grid.shape_zyx[across]),
        pixel_mm=(grid.spacing_mm[down], grid.spacing_mm[across]),
        sides=(*_SIDES[across], *_SIDES[down]) if known else ("", "", "", ""),
        place_mm=_place_mm(grid, cut) if known else None,
    )


def _place_mm(grid: Grid, cut: int) -> tuple[float, float]:
    first = (np.array(grid.shape_zyx) - 1) / 2
    first[cut] = 0
    second = first.copy()
    second[cut] = 1
    world = grid.voxel_to_mm([first, second])[:, 2 - cut]  # x and y to the right and the front
    start, stop = (world if cut == 0 else -world).tolist()
    return start, stop - start


def windowed_slice(
    volume: CtVolume, plane: Plane, index: int, window: tuple[float, float]
) -> NDArray[np.uint8]:
    """One slice as 8-bit greys.

    Parameters
    ----------
    volume : CtVolume
        Volume (z, y, x).
    plane : Plane
        Plane of the slice.
    index : int
        Index of the slice; an index outside the volume takes the nearest slice.
    window : tuple[float, float]
        Values shown as 0 and as 255, the lower one first.

    Returns
    -------
    NDArray[np.uint8]
        Grey values (rows, columns), C order, in the directions of the array.
    """
    # Of z, y, x without the cut axis, rows always come first.
    return windowed(volume[(slice(None),) * plane.cut + (_clipped(plane, index),)], window)


def windowed(values: NDArray[Any], window: tuple[float, float]) -> NDArray[np.uint8]:
    """Grey values (rows, columns) as 8-bit greys, C order; `window` as for `windowed_slice`."""
    low, high = window
    greys = np.subtract(values, low, dtype=np.float32)
    greys *= 255.0 / max(high - low, 1e-6)
    return np.ascontiguousarray(np.clip(greys, 0, 255, out=greys).astype(np.uint8))


@with_short_repr
@dataclass(frozen=True, eq=False)
class LabelPatch:
    """The part of a slice of a label map that is not background.

    Parameters
    ----------
    start : tuple[int, int]
        (row, column) of its first voxel in the slice.
    codes : NDArray[np.uint8]
        Uint8 (rows, columns): 0, or 1 + position in `labels`; empty if the slice has no label.
    labels : tuple[int, ...]
        Labels on the slice, ascending.
    """

    start: tuple[int, int]
    codes: NDArray[np.uint8]
    labels: tuple[int, ...]


def label_patch(part: SubVolume, plane: Plane, index: int) -> LabelPatch:
    """The labels on one slice, as the box that holds them; a few hundred bytes instead of a whole slice.

    Parameters
    ----------
    part : SubVolume
        Box of the label map that holds all labels, unsigned integers (z, y, x); at most 255 different labels
        on one slice.
    plane : Plane
        Plane of the slice, of the whole map.
    index : int
        Index of the slice, of the whole map.
    """
    nothing = LabelPatch((0, 0), np.zeros((0, 0), np.uint8), ())
    inside = _clipped(plane, index) - part.start_zyx[plane.cut]
    if not 0 <= inside < part.voxels.shape[plane.cut]:
        return nothing
    flat = part.voxels[(slice(None),) * plane.cut + (inside,)]
    return patch_of(flat, (part.start_zyx[plane.down], part.start_zyx[plane.across]))


def patch_of(flat: NDArray[Any], start: tuple[int, int]) -> LabelPatch:
    """The part of a piece of a slice (rows, columns) that is not background; `start` is the piece's first voxel."""
    rows, columns = np.flatnonzero(flat.any(axis=1)), np.flatnonzero(flat.any(axis=0))
    if not len(rows):
        return LabelPatch((0, 0), np.zeros((0, 0), np.uint8), ())
    patch = flat[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    found = np.unique(patch[patch > 0])
    codes = np.where(patch > 0, np.searchsorted(found, patch) + 1, 0).astype(np.uint8)
    place = int(rows[0]) + start[0], int(columns[0]) + start[1]
    return LabelPatch(place, codes, tuple(found.tolist()))


def _clipped(plane: Plane, index: int) -> int:
    return min(max(index, 0), plane.n_slices - 1)
