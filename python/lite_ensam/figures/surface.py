"""From the voxels of a mask to a smooth closed surface in millimetres (naive surface nets).

Every cell between eight voxels that are not all alike gets one vertex, in the middle of the places where
the mask begins on its edges; every two neighbouring voxels that differ get a square between the four cells
around them. Taubin's smoothing then takes the steps off without shrinking the tumour.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.scan_source import ScanSource, SourceLike
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import Float64Array, Mask

__all__ = ["Surface", "surface_of"]

_SMOOTHING_ROUNDS = 8
_TAUBIN = (0.5, -0.53)
"""Each round pulls the vertices to their neighbours' middle, then pushes them back a little further."""


@with_short_repr
@dataclass(frozen=True, eq=False)
class Surface:
    """A closed surface of triangles.

    Parameters
    ----------
    vertices_mm : NDArray[np.float32]
        Float32 (n, 3), world x, y, z.
    triangles : NDArray[np.uint32]
        Uint32 (m, 3), rows of `vertices_mm`, counter-clockwise seen from outside.
    """

    vertices_mm: NDArray[np.float32]
    triangles: NDArray[np.uint32]

    @property
    def volume_ml(self) -> float:
        """Volume enclosed by the surface."""
        return _signed_volume_mm3(self.vertices_mm.astype(np.float64), self.triangles) / 1000.0


def surface_of(
    mask: Any, grid: SourceLike | None = None, smoothing_rounds: int = _SMOOTHING_ROUNDS
) -> Surface:
    """Compute the surface of a mask; it is empty for an empty mask.

    Parameters
    ----------
    mask : Any
        Mask or label map of one tumour, (z, y, x): an array-like, or the `SubVolume` that holds all its voxels. Or a
        `Segmentation` of one tumour.
    grid : SourceLike or None, default None
        Grid of the mask, or the `ScanSource`, `Case` or `Segmentation` that it is of; an array then has the order of
        the scan that was given: `surface_of(result.mask(1), result)`. None takes that of a `Segmentation`.
    smoothing_rounds : int, default _SMOOTHING_ROUNDS
        0 leaves the steps between voxels.

    Returns
    -------
    Surface
        Vertices in world mm and triangles.

    Raises
    ------
    ValueError
        If the mask has another shape than the grid, or holds several labels.

    Examples
    --------
    >>> from lite_ensam.core.grid import Grid
    >>> mask = np.zeros((5, 5, 5), dtype=bool)
    >>> mask[2, 2, 2] = True
    >>> surface = surface_of(mask, Grid.from_spacing(mask.shape, (1.0, 1.0, 1.0)), smoothing_rounds=0)
    >>> len(surface.vertices_mm), len(surface.triangles)
    (8, 12)
    """
    source = ScanSource.of(mask if grid is None else grid)
    box = source.mask_part(mask)
    if not box.voxels.size:
        return Surface(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.uint32))
    padded = np.pad(box.voxels, 1)  # so that the surface is closed where the scan ends
    cells, cell_vertices = _vertices(padded)
    triangles = _triangles(padded, cells)
    # A cell lies between the centres of its first voxel and the next; the padding is one voxel.
    vertices = source.grid.voxel_to_mm(cell_vertices + box.start_zyx - 1)
    if _signed_volume_mm3(vertices, triangles) < 0:  # the affine mirrors, or x, y, z do
        triangles = triangles[:, ::-1]
    vertices = _smoothed(vertices, triangles, smoothing_rounds)
    return Surface(vertices.astype(np.float32), np.ascontiguousarray(triangles, dtype=np.uint32))


def _vertices(padded: Mask) -> tuple[NDArray[np.int64], Float64Array]:
    """Number of each cell's vertex (-1 for none), and the vertices (n, 3) as voxel indices."""
    z, y, x = padded.shape
    total = np.zeros((z - 1, y - 1, x - 1, 3))
    count = np.zeros((z - 1, y - 1, x - 1), dtype=np.int64)
    for axis in range(3):
        for offsets in product((0, 1), repeat=2):
            corner = np.insert(np.array(offsets), axis, 0)
            differs = _corner(padded, corner) != _corner(padded, corner + np.eye(3, dtype=int)[axis])
            middle = corner + 0.5 * np.eye(3)[axis]
            total += differs[..., None] * middle
            count += differs
    active = count > 0
    cells = np.full(active.shape, -1, dtype=np.int64)
    cells[active] = np.arange(np.count_nonzero(active))
    return cells, np.argwhere(active) + total[active] / count[active][:, None]


def _corner(padded: Mask, offset: NDArray[np.int64]) -> Mask:
    """One of the eight voxels of every cell."""
    return padded[tuple(slice(o, n - 1 + o) for o, n in zip(offset, padded.shape, strict=True))]


def _triangles(padded: Mask, cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """Two triangles for each pair of neighbouring voxels that differ, all wound the same way."""
    triangles = []
    for axis in range(3):
        first = padded.take(range(padded.shape[axis] - 1), axis=axis)
        second = padded.take(range(1, padded.shape[axis]), axis=axis)
        voxels = np.argwhere(first != second)
        one, other = np.roll(np.eye(3, dtype=int), -axis, axis=0)[1:]  # axes in cyclic order
        square = [cells[tuple((voxels - step).T)] for step in (one + other, other, 0 * one, one)]
        a, b, c, d = (corner[:, None] for corner in square)
        inside_first = first[tuple(voxels.T)][:, None]
        upwards, downwards = np.hstack([a, b, c, a, c, d]), np.hstack([a, c, b, a, d, c])
        triangles.append(np.where(inside_first, upwards, downwards).reshape(-1, 3))
    return np.concatenate(triangles)


def _smoothed(vertices: Float64Array, triangles: NDArray[np.int64], rounds: int) -> Float64Array:
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    n = len(vertices)
    degree = np.maximum(np.bincount(edges[:, 0], minlength=n), 1)
    for _ in range(rounds):
        for pull in _TAUBIN:
            middle = np.stack(
                [np.bincount(edges[:, 0], vertices[edges[:, 1], axis], n) / degree for axis in range(3)],
                axis=1,
            )
            vertices = vertices + pull * (middle - vertices)
    return vertices


def _signed_volume_mm3(vertices: Float64Array, triangles: NDArray[np.integer]) -> float:
    """Positive if the triangles are counter-clockwise from outside."""
    if not len(triangles):
        return 0.0
    a, b, c = np.moveaxis(vertices[triangles] - vertices.mean(axis=0), 1, 0)
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)
