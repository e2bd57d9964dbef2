"""LieRE's rotations in NumPy: matrix exponentials cannot be exported, so the graph takes them as inputs.

The reference is `model.lie_rope`, which the tests compare it with.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]


def rotations(generators: Float64Array, positions_zyx: Float64Array) -> NDArray[np.float32]:
    """Rotation matrices, float32 (n, d, d), of positions (n, 3) in units of the longest side.

    Parameters
    ----------
    generators : Float64Array
        Raw (3, m, b, b); only strict upper triangles count.
    """
    upper = np.triu(generators, 1)
    skew = upper - np.swapaxes(upper, -1, -2)
    exponent = np.einsum("nc,cmij->nmij", positions_zyx, skew)
    n, n_blocks, size, _ = exponent.shape
    matrix = np.zeros((n, n_blocks, size, n_blocks, size), np.float32)
    block = np.arange(n_blocks)
    matrix[:, block, :, block, :] = np.swapaxes(_exponentials(exponent), 0, 1)
    return matrix.reshape(n, n_blocks * size, n_blocks * size)


def grid_positions(shape_zyx: tuple[int, int, int]) -> Float64Array:
    """Centres of the bottleneck's cells in units of the longest side, (n, 3) in C order."""
    axes = [(np.arange(side) + 0.5) / max(shape_zyx) for side in shape_zyx]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def point_positions(points_zyx: NDArray[np.float32], patch_shape_zyx: tuple[int, ...]) -> Float64Array:
    """Voxel indices of a patch, (..., 3), to the units of `grid_positions`."""
    return (np.asarray(points_zyx, dtype=np.float64) + 0.5) / max(patch_shape_zyx)


def _exponentials(skew: Float64Array) -> Float64Array:
    """exp of real skew-symmetric matrices (..., b, b)."""
    if skew.shape[-1] == 2:
        cos, sin = np.cos(skew[..., 0, 1]), np.sin(skew[..., 0, 1])
        return np.stack([cos, sin, -sin, cos], axis=-1).reshape(skew.shape)
    # i times a skew-symmetric matrix is Hermitian: exp follows from real eigenvalues
    values, vectors = np.linalg.eigh(1j * skew)
    return np.asarray(
        np.real((vectors * np.exp(-1j * values)[..., None, :]) @ np.conj(np.swapaxes(vectors, -1, -2)))
    )
