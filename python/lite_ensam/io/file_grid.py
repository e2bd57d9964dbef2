"""`FileGrid`: the grid of a scan that came from a file, and the way back into that file's own order.

Everything above `io` sees arrays whose axes are z, y, x in the patient's sense: z runs along the
body, y between front and back, x between left and right. A file may hold its axes in any order.
Reading permutes them (a view; nothing is flipped, nothing resampled), writing permutes them back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lite_ensam.core.grid import Grid
from lite_ensam.core.partial_volume import VoxelBox
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import Float64Array, IntTriple
from lite_ensam.io.nifti_header import NiftiHeader

__all__ = ["FileGrid"]


@with_short_repr
@dataclass(frozen=True, eq=False)
class FileGrid(Grid):
    """A `Grid` that remembers how its axes lie in the file that it was read from.

    Parameters
    ----------
    file_axes_zyx : which axis of the file (0, 1, 2 = i, j, k, the fastest first) is z, y, x here
    header : the NIfTI header to write masks with (codes, units, trailing axes); None for an npz
    """

    file_axes_zyx: IntTriple = (2, 1, 0)
    header: NiftiHeader | None = None

    @classmethod
    def of(cls, grid: Grid) -> "FileGrid":
        """The grid itself, or for one without a file: a file in (z, y, x) order, x fastest."""
        return grid if isinstance(grid, FileGrid) else cls(grid.shape_zyx, grid.spacing_mm, grid.affine)

    @classmethod
    def from_file_affine(
        cls,
        shape_ijk: Sequence[int],
        affine_ijk: ArrayLike,
        *,
        axes_as_stored: bool = False,
        header: NiftiHeader | None = None,
    ) -> Self:
        """Grid of a file's array.

        Parameters
        ----------
        shape_ijk : the file's shape, fastest axis first
        affine_ijk : (4, 4), file index (i, j, k, 1) to world mm (RAS)
        axes_as_stored : take k, j, i for z, y, x whatever the affine says
        header : kept for writing

        Raises
        ------
        CaseError
            If shape or affine make no valid grid.
        """
        in_file_order = Grid.from_affine(tuple(shape_ijk)[::-1], affine_ijk)
        axes = (2, 1, 0) if axes_as_stored else _nearest_axes(in_file_order.affine)
        z, y, x = axes
        affine = np.array(in_file_order.affine)
        affine[:3, :3] = affine[:3, [x, y, z]]
        shape = (shape_ijk[z], shape_ijk[y], shape_ijk[x])
        checked = Grid.from_affine(shape, affine)
        return cls(checked.shape_zyx, checked.spacing_mm, checked.affine, axes, header)

    @property
    def file_shape(self) -> IntTriple:
        """Shape of the file's array (i, j, k), fastest axis first."""
        i, j, k = (self.shape_zyx[self.file_axes_zyx.index(axis)] for axis in range(3))
        return i, j, k

    @property
    def file_affine(self) -> Float64Array:
        """(4, 4): the file's own affine, index (i, j, k, 1) to world mm (RAS)."""
        affine = np.array(self.affine)
        affine[:3, list(self.file_axes_zyx[::-1])] = self.affine[:3, :3]
        return affine

    def from_file(self, array_kji: NDArray[Any]) -> NDArray[Any]:
        """View (z, y, x) of an array in the file's order, slowest axis first (k, j, i)."""
        return array_kji.transpose([2 - axis for axis in self.file_axes_zyx])

    def to_file(self, volume: NDArray[Any]) -> NDArray[Any]:
        """View in the file's order, slowest axis first (k, j, i), of an array (z, y, x)."""
        return volume.transpose([self.file_axes_zyx.index(axis) for axis in (2, 1, 0)])

    def box_to_file(self, box: VoxelBox) -> VoxelBox:
        """A box in the file's order, slowest axis first (k, j, i)."""
        (k, j, i), (stop_k, stop_j, stop_i) = (
            (
                end[self.file_axes_zyx.index(2)],
                end[self.file_axes_zyx.index(1)],
                end[self.file_axes_zyx.index(0)],
            )
            for end in box
        )
        return (k, j, i), (stop_k, stop_j, stop_i)

    def points_from_file(self, points_kji: ArrayLike) -> Float64Array:
        """Points (..., 3) in z, y, x of file indices (..., 3), slowest axis first (k, j, i)."""
        points = np.asarray(points_kji, dtype=np.float64)
        return points[..., [2 - axis for axis in self.file_axes_zyx]]

    def points_to_file(self, points_zyx: ArrayLike) -> Float64Array:
        """File indices (..., 3), slowest axis first (k, j, i), of points (..., 3) in z, y, x."""
        points = np.asarray(points_zyx, dtype=np.float64)
        return points[..., [self.file_axes_zyx.index(axis) for axis in (2, 1, 0)]]


def _nearest_axes(affine_ijk: Float64Array) -> IntTriple:
    """File axes nearest to the world's S/I, A/P and L/R direction, each taken once."""
    columns = affine_ijk[:3, :3] / np.linalg.norm(affine_ijk[:3, :3], axis=0)
    left, _, right = np.linalg.svd(columns)
    shares = np.abs(left @ right)
    world_of_axis = [0, 0, 0]
    # the clearest axis chooses first, so that of two alike each gets one
    for axis in np.argsort(-shares.max(axis=0), kind="stable").tolist():
        world_of_axis[axis] = int(shares[:, axis].argmax())
        shares[world_of_axis[axis]] = -1
    return world_of_axis.index(2), world_of_axis.index(1), world_of_axis.index(0)
