"""Tools of a hand on the mask of one lesion: fill between slices, remove islands, smooth. Plain functions of arrays.

Distances and filters are SciPy's (`scipy.ndimage`), imported when a tool is first used.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.errors import MissingExtraError
from lite_ensam.core.types import Float64Array, FloatTriple, Mask

__all__ = ["border_shift_mm", "fill_between", "keep_parts", "smooth"]

_TOUCHING = np.ones((3, 3, 3), bool)
"""Voxels that touch over a face, an edge or a corner are in one piece, as where pieces are counted."""


def fill_between(mask: Mask, slices: Sequence[int], axis: int, spacing_mm: FloatTriple) -> Mask:
    """A mask whose slices between given ones are drawn from these, by shape-based interpolation.

    Between two slices the signed distance from the border is interpolated linearly, and what is positive is inside
    (Raya & Udupa, IEEE Trans Med Imaging 9 (1990) 32-42), after both shapes were moved to where the centroid lies in
    between (Herman, Zheng & Bucholtz, IEEE Comput Graph Appl 12(3) (1992) 69-79): an oblique tube stays a tube.

    Parameters
    ----------
    mask : Mask
        Bool (z, y, x); it is not changed.
    slices : Sequence[int]
        Ascending indices along `axis` of slices that hold a part of the mask.
    axis : int
        Array axis that the slices cut: 0, 1 or 2.
    spacing_mm : FloatTriple
        Spacing in mm, (z, y, x).
    """
    ndimage = _ndimage()
    filled = np.moveaxis(mask.copy(), axis, 0)  # a view: what is filled is filled in the copy
    pixel_mm = np.delete(spacing_mm, axis)
    for low, high in pairwise(slices):
        first, last = (_signed_distance(filled[n], pixel_mm) for n in (low, high))
        start, stop = (np.argwhere(filled[n]).mean(axis=0) for n in (low, high))
        for n in range(low + 1, high):
            share = (n - low) / (high - low)
            middle = start + share * (stop - start)
            one, other = (
                ndimage.shift(distance, middle - centre, order=1, mode="nearest")
                for distance, centre in ((first, start), (last, stop))
            )
            filled[n] = (1 - share) * one + share * other > 0
    return np.moveaxis(filled, 0, axis)


def keep_parts(mask: Mask, voxels: NDArray[np.int64]) -> tuple[Mask, int]:
    """The pieces of a mask that hold one of some voxels, or the largest piece if none does.

    Parameters
    ----------
    mask : Mask
        Bool (z, y, x); it is not changed.
    voxels : NDArray[np.int64]
        Indices (n, 3) of voxels (z, y, x); those outside the mask's array are ignored.

    Returns
    -------
    tuple[Mask, int]
        The mask, and the number of pieces that were left out.
    """
    pieces, n_pieces = _ndimage().label(mask, _TOUCHING)
    inside = voxels[((voxels >= 0) & (voxels < mask.shape)).all(axis=1)]
    held = np.unique(pieces[tuple(inside.T)])
    held = held[held > 0]
    if not held.size and n_pieces:
        held = np.array([np.bincount(pieces.ravel())[1:].argmax() + 1])
    return np.isin(pieces, held), int(n_pieces - held.size)


def smooth(mask: Mask, free: Mask, spacing_mm: FloatTriple, sigma_mm: float) -> Mask:
    """A mask without what is thinner than a bell, and with as many voxels as before.

    The mask is blurred by a Gaussian, and of the voxels that it may have, those with the highest values are taken, as
    many as it had: its volume is preserved to the voxel, where a cut at a half would wear convex bodies away.

    Parameters
    ----------
    mask : Mask
        Bool (z, y, x), with a margin of three standard deviations; it is not changed.
    free : Mask
        Bool (z, y, x), voxels outside the mask that it may take.
    spacing_mm : FloatTriple
        Spacing in mm, (z, y, x).
    sigma_mm : float
        Standard deviation of the Gaussian in mm.
    """
    values = _ndimage().gaussian_filter(
        mask.astype(np.float32), sigma_mm / np.array(spacing_mm), mode="constant"
    )
    values[~(mask | free)] = -1
    n_voxels = int(np.count_nonzero(mask))
    smoothed = np.zeros(mask.size, np.bool_)
    if n_voxels:
        smoothed[np.argpartition(values.ravel(), -n_voxels)[-n_voxels:]] = True
    return smoothed.reshape(mask.shape)


def border_shift_mm(before: Mask, after: Mask, spacing_mm: FloatTriple) -> float:
    """How far a border has moved at most: from what was added to the old mask, from what is gone to the new one.

    Parameters
    ----------
    before, after : Mask
        Bool (z, y, x); neither is empty.
    spacing_mm : FloatTriple
        Spacing in mm, (z, y, x).
    """
    distance = _ndimage().distance_transform_edt
    return max(
        float(distance(~mask, sampling=spacing_mm)[other & ~mask].max(initial=0.0))
        for mask, other in ((before, after), (after, before))
    )


def _signed_distance(flat: Mask, pixel_mm: Float64Array) -> Float64Array:
    """Distance from the border in mm, positive inside; `flat` is not empty, and beyond it is outside."""
    distance = _ndimage().distance_transform_edt
    framed = np.pad(flat, 1)
    inside, outside = (distance(where, sampling=pixel_mm) for where in (framed, ~framed))
    return np.asarray(inside - outside)[1:-1, 1:-1]


def _ndimage() -> ModuleType:
    try:
        from scipy import ndimage
    except ImportError as error:
        raise MissingExtraError("this tool needs SciPy: pip install 'lite-ensam[widgets]'") from error
    return ndimage  # type: ignore[no-any-return]
