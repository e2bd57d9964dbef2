"""Parallel slices, and the grid with right angles that they are put on.

Most series are such a grid. A tilted gantry or a table that was moved shifts slices in plane: they are moved back by
whole pixels, so that no grey value changes and a mask returns to its slice as it was. Where distances differ, planes
lie at the smallest of them, and those without a slice are interpolated between their neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.errors import CaseError
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import CtVolume, Float64Array, IntTriple
from lite_ensam.io.dicom.datasets import Dataset, file_name, read_directions, read_numbers

__all__ = ["PADDING_HU", "Stack"]

PADDING_HU = -1000
"""Air: fills the margin next to slices that were shifted."""

_ON_PLANE = 0.1
"""Slices lie on a plane if no farther from it than this share of the planes' distance: positions are rounded."""

_WIDEST_GAP = 2.1
"""In usual distances: one missing slice is bridged, never two in a row."""

_NARROWEST_GAP = 0.25
"""In usual distances: slices nearer than that are hardly of one scan."""

_SAME_PLACE_MM = 1e-3
"""Slices so near lie at one place: positions are rounded."""

_LARGEST_CANVAS = 3.0
"""In areas of a slice; slices that are shifted farther against each other belong to no one scan."""

_MOST_GAPS_NAMED = 10

_THICKNESS = ("SliceThickness", "SpacingBetweenSlices")
"""Attributes with the thickness of a single slice; the first one present is used."""


@with_short_repr
@dataclass(frozen=True, eq=False)
class Stack:
    """Where slices lie on their grid, whose file order is k (plane), j (row), i (column).

    Parameters
    ----------
    slice_shape : tuple[int, int]
        Rows and columns of a slice.
    positions : Float64Array
        Centres (n, 3) of the slices' first pixels, DICOM's mm, sorted along the normal.
    axes : Float64Array
        Unit vectors (3, 3) along which column, row and plane grow.
    step_mm : Float64Array
        Distances (3,) of columns, rows and planes, in mm.
    planes : Float64Array
        Plane of each slice (n,); whole numbers but where distances are uneven.
    shifts_ji : NDArray[np.int64]
        Int (n, 2) row and column of the grid that a slice's first pixel lies on.
    """

    slice_shape: tuple[int, int]
    positions: Float64Array
    axes: Float64Array
    step_mm: Float64Array
    planes: Float64Array
    shifts_ji: NDArray[np.int64]

    @classmethod
    def of(cls, slices: Sequence[Dataset]) -> Stack:
        """Stack of the headers of slices that are sorted along their normal.

        Raises
        ------
        CaseError
            If more than one slice in a row is missing, two lie at one place, or they lie too far from each other.
        """
        first = slices[0]
        row_mm, column_mm = spacing_mm = read_numbers(first, "PixelSpacing", 2)
        if not (spacing_mm > 0).all():
            raise CaseError(f"PixelSpacing must be two positive numbers of mm, got {spacing_mm.tolist()}")
        directions = read_directions(first)
        axes = np.vstack([directions, np.cross(*directions)])
        positions = np.array([read_numbers(one, "ImagePositionPatient", 3) for one in slices])
        heights = positions @ axes[2]
        plane_mm, planes = _planes(heights) if len(slices) > 1 else (_thickness(first), np.zeros(1))
        pixels = (positions - positions[0]) @ axes[[1, 0]].T / (row_mm, column_mm)
        shifts = np.rint(pixels).astype(np.int64)
        stack = cls(
            (int(first.Rows), int(first.Columns)),
            positions,
            axes,
            np.array([column_mm, row_mm, plane_mm]),
            planes,
            shifts - shifts.min(axis=0),
        )
        if np.prod(stack.shape[1:]) > _LARGEST_CANVAS * np.prod(stack.slice_shape):
            raise CaseError(
                f"slices are shifted against each other by up to {np.abs(stack.shifts_ji).max()} pixels, "
                "too far for one scan"
            )
        return stack

    @property
    def shape(self) -> IntTriple:
        """Of the grid: planes, rows, columns."""
        rows, columns = np.add(self.slice_shape, self.shifts_ji.max(axis=0)).tolist()
        return int(self.plane_of_slice[-1]) + 1, rows, columns

    @property
    def affine_lps(self) -> Float64Array:
        """(4, 4): index (column, row, plane, 1) of the grid to DICOM's mm."""
        affine = np.eye(4)
        affine[:3, :3] = self.axes.T * self.step_mm
        shift_ij = self.shifts_ji[0, ::-1] * self.step_mm[:2]
        affine[:3, 3] = self.positions[0] - shift_ij @ self.axes[:2]
        return affine

    @cached_property
    def plane_of_slice(self) -> NDArray[np.int64]:
        """The plane nearest to each slice."""
        return np.floor(self.planes + 0.5).astype(np.int64)

    @cached_property
    def slice_of_plane(self) -> NDArray[np.int64]:
        """The slice nearest to each plane; of two the first."""
        planes = np.arange(self.shape[0])
        nearest: NDArray[np.int64] = np.abs(planes[:, None] - self.planes).argmin(axis=1)
        return nearest

    def notes(self) -> list[str]:
        """How the slices were changed; empty if they formed a regular grid."""
        said = []
        if len(self.positions) == 1:
            said.append(
                f"there is only one slice: it is taken to be {self.step_mm[2]:g} mm thick, as its header says"
            )
        if self.shifts_ji.any():
            i_mm, j_mm, along_mm = self.axes @ (self.positions[-1] - self.positions[0])
            angle = np.degrees(np.arctan2(np.hypot(i_mm, j_mm), along_mm))
            said.append(
                f"slices are shifted against each other by up to {self.shifts_ji.max()} pixels (a gantry tilted by "
                f"{angle:.1f} degrees): they were moved by whole pixels onto a grid with right angles"
            )
        if len(between := self._planes_between):
            heights = self.positions[0] @ self.axes[2] + between * self.step_mm[2]
            said.append(
                f"distances of slices differ: {len(between)} of {self.shape[0]} planes, {self.step_mm[2]:g} mm apart, "
                f"are interpolated, at {_listed([f'{h:g}' for h in heights])} mm"
            )
        return said

    def fill(self, slices: NDArray[Any]) -> CtVolume:
        """The grid (plane, row, column) of HU (slice, row, column)."""
        placed = self._placed(slices, PADDING_HU)
        if self._is_even:
            return placed
        volume: CtVolume = placed[self.slice_of_plane]
        for plane in self._planes_between:
            above = int(np.searchsorted(self.planes, plane))
            low, high = self.planes[above - 1 : above + 1]
            share = (plane - low) / (high - low)
            mixed = (1 - share) * placed[above - 1] + share * placed[above]
            volume[plane] = np.rint(mixed) if placed.dtype == np.int16 else mixed
        return volume

    def fill_labels(self, slices: NDArray[Any]) -> NDArray[Any]:
        """The grid of labels (slice, row, column): a plane between slices has those of the nearest."""
        placed = self._placed(slices, 0)
        return placed if self._is_even else placed[self.slice_of_plane]

    def cut(self, volume: NDArray[Any]) -> NDArray[Any]:
        """The slices (slice, row, column) of a grid (plane, row, column): of each the nearest plane."""
        rows, columns = self.slice_shape
        if self._is_even and not self.shifts_ji.any():
            return volume
        return np.stack(
            [
                volume[plane, j : j + rows, i : i + columns]
                for plane, (j, i) in zip(self.plane_of_slice, self.shifts_ji, strict=True)
            ]
        )

    def slices_from_world(self, points: Float64Array) -> Float64Array:
        """Slice, row and column (m, 3) of points in DICOM's mm; fractions between slices and between pixels."""
        heights, of_slices = ((one - self.positions[0]) @ self.axes[2] for one in (points, self.positions))
        beyond = heights - np.clip(heights, of_slices[0], of_slices[-1])
        n = np.interp(heights, of_slices, np.arange(len(of_slices))) + beyond / self.step_mm[2]
        nearest = np.clip(np.rint(n), 0, len(of_slices) - 1).astype(int)
        rows_columns = (points - self.positions[nearest]) @ self.axes[[1, 0]].T / self.step_mm[[1, 0]]
        return np.column_stack([n, rows_columns])

    def from_slice(self, n: int, rows_columns: Float64Array) -> Float64Array:
        """Grid indices (m, 3) in k, j, i of points (m, 2) on slice n; fractions between pixels' centres."""
        k = np.full(len(rows_columns), float(self.plane_of_slice[n]))
        return np.column_stack([k, rows_columns + self.shifts_ji[n]])

    def to_slice(self, points_kji: Float64Array) -> tuple[int, Float64Array] | None:
        """The slice on whose plane points of the grid lie, and their rows and columns; None if none of them does."""
        plane = int(np.rint(points_kji[0, 0]))
        if np.ptp(points_kji[:, 0]) > 1e-3 or not 0 <= plane < self.shape[0]:
            return None
        n = int(self.slice_of_plane[plane])
        if self.plane_of_slice[n] != plane:
            return None
        return n, points_kji[:, 1:] - self.shifts_ji[n]

    def from_world(self, points: Float64Array) -> Float64Array:
        """Grid indices (m, 3) in k, j, i of points in DICOM's mm, by the slices as they lay in the scanner."""
        k = (points - self.positions[0]) @ self.axes[2] / self.step_mm[2]
        n = self.slice_of_plane[np.clip(np.rint(k), 0, self.shape[0] - 1).astype(int)]
        rows_columns = ((points - self.positions[n]) @ self.axes[[1, 0]].T) / self.step_mm[[1, 0]]
        return np.column_stack([k, rows_columns + self.shifts_ji[n]])

    def from_grid(self, points_kji: Float64Array) -> Float64Array:
        """DICOM's mm (m, 3) of points of the grid; the inverse of `from_world`."""
        k = points_kji[:, 0]
        n = self.slice_of_plane[np.clip(np.rint(k), 0, self.shape[0] - 1).astype(int)]
        j_mm, i_mm = ((points_kji[:, 1:] - self.shifts_ji[n]) * self.step_mm[[1, 0]]).T
        k_mm = k * self.step_mm[2] - (self.positions[n] - self.positions[0]) @ self.axes[2]
        world: Float64Array = self.positions[n] + np.column_stack([i_mm, j_mm, k_mm]) @ self.axes
        return world

    def to_world(self, n: int, rows_columns: Float64Array) -> Float64Array:
        """DICOM's mm (m, 3) of points (m, 2) on slice n, where it lay in the scanner."""
        j_mm, i_mm = (rows_columns * self.step_mm[[1, 0]]).T
        world: Float64Array = self.positions[n] + i_mm[:, None] * self.axes[0] + j_mm[:, None] * self.axes[1]
        return world

    @property
    def _is_even(self) -> bool:
        """Whether plane n is slice n."""
        return len(self.planes) == self.shape[0] and not len(self._planes_between)

    @cached_property
    def _planes_between(self) -> NDArray[np.int64]:
        """Planes that no slice lies on, and that are not the first or the last."""
        planes = np.arange(self.shape[0])
        off = np.abs(self.planes[self.slice_of_plane] - planes)
        return np.flatnonzero((off > _ON_PLANE) & (planes < self.planes[-1]))

    def _placed(self, slices: NDArray[Any], outside: int) -> NDArray[Any]:
        """Every slice where it lies in its plane."""
        rows, columns = self.slice_shape
        if not self.shifts_ji.any():
            return slices
        placed = np.full((len(slices), *self.shape[1:]), outside, dtype=slices.dtype)
        for one, here, (j, i) in zip(slices, placed, self.shifts_ji, strict=True):
            here[j : j + rows, i : i + columns] = one
        return placed


def _thickness(one: Dataset) -> float:
    """Thickness of a single slice in mm, needed for its volume; CaseError if the header does not state it."""
    for name in _THICKNESS:
        if one.get_item(name):
            thickness = float(read_numbers(one, name, 1).item()) if one.get(name) not in (None, "") else 0.0
            if thickness > 0:
                return thickness
    raise CaseError(
        f"{file_name(one)}: is the only slice, and {' and '.join(_THICKNESS)} are missing: without a thickness it has "
        "no volume"
    )


def _planes(heights_mm: Float64Array) -> tuple[float, Float64Array]:
    """Distance of the planes, and the plane of each slice; `CaseError` with a list of the gaps if that cannot be."""
    gaps = np.diff(heights_mm)
    # of two middle ones the smaller: of a few slices every other one may be missing
    usual, mean = float(np.sort(gaps)[(len(gaps) - 1) // 2]), float(gaps.mean())
    shared = [f"{h:g} mm" for h, gap in zip(heights_mm[1:], gaps, strict=True) if gap <= _SAME_PLACE_MM]
    if shared:
        raise CaseError(
            f"several slices are at the same position ({_listed(list(dict.fromkeys(shared)))}). Keep one at each "
            "position, or put each scan into its own folder"
        )
    if gaps.min() <= _NARROWEST_GAP * usual:
        near = [
            f"{h:g} mm" for h, gap in zip(heights_mm, gaps, strict=False) if gap <= _NARROWEST_GAP * usual
        ]
        raise CaseError(
            f"slices are {gaps.min():g} to {gaps.max():g} mm apart, expected {usual:g} mm. The slices at "
            f"{_listed(near)} are too close to the next one. If they are of several scans, put each scan into its own "
            "folder"
        )
    wide = [
        f"{low:g} to {low + gap:g} mm"
        for low, gap in zip(heights_mm, gaps, strict=False)
        if gap > _WIDEST_GAP * usual
    ]
    if wide:
        raise CaseError(
            f"slices are {gaps.min():g} to {gaps.max():g} mm apart, expected {usual:g} mm throughout; too far "
            f"apart to bridge from {_listed(wide)}: are slices missing?"
        )
    above_mm, even = heights_mm - heights_mm[0], np.arange(len(heights_mm), dtype=np.float64)
    if np.abs(above_mm / mean - even).max() <= _ON_PLANE:
        return mean, even
    step = float(gaps.min())
    return step, above_mm / step


def _listed(texts: Sequence[str]) -> str:
    more = len(texts) - _MOST_GAPS_NAMED
    return ", ".join(texts[:_MOST_GAPS_NAMED]) + (f" and {more} more" if more > 0 else "")
