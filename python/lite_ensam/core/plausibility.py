"""Signs in an array's own numbers that it is wrong: axes or spacing in another order, intensities that are not HU.

A volume that is wrong by a permuted spacing or by intensities off by 1,024 looks like any other. These checks put the
likely cause into one sentence; whoever calls them decides whether it becomes an error or a note.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["intensity_error", "intensity_note", "is_misordered", "pixel_problem", "shape_problem"]

_SAME = 0.01
"""Two spacings are the same when they differ by no more than this share."""

_FLATTEST_HU = 100.0
"""No CT with fractions has a smaller range in HU: its noise alone is wider."""

_FLATTEST = 20.0
"""No CT has less, in HU or of 255 grey values: fat and muscle are 150 HU apart."""


def pixel_problem(spacing_mm: Sequence[float]) -> str:
    """The reason to doubt a spacing (z, y, x): a CT's pixels are square. An empty text without one.

    Parameters
    ----------
    spacing_mm : Sequence[float]
        Spacing in mm, (z, y, x).

    Examples
    --------
    >>> pixel_problem((0.7, 0.7, 5.0))
    "axial pixels of 0.7 x 5 mm (y, x) are not square, as a CT's are: spacing in x, y, z order instead of z, y, x?"
    >>> pixel_problem((5.0, 0.7, 0.7))
    ''
    """
    z, y, x = spacing_mm
    if _is_same(y, x):
        return ""
    cause = ": spacing in x, y, z order instead of z, y, x?" if _is_same(z, y) or _is_same(z, x) else ""
    return f"axial pixels of {y:g} x {x:g} mm (y, x) are not square, as a CT's are{cause}"


def is_misordered(spacing_mm: Sequence[float]) -> bool:
    """Whether the spacing would have square pixels if its numbers stood in another order.

    Parameters
    ----------
    spacing_mm : Sequence[float]
        Spacing in mm, (z, y, x).
    """
    z, y, x = spacing_mm
    return not _is_same(y, x) and (_is_same(z, y) or _is_same(z, x))


def shape_problem(shape_zyx: Sequence[int]) -> str:
    """The reason to doubt the axis order of a bare array: slices are mostly square. An empty text without one.

    Parameters
    ----------
    shape_zyx : Sequence[int]
        Shape of the array.

    Examples
    --------
    >>> shape_problem((512, 512, 100))
    'the array has 512 slices of 512 x 100 voxels: x, y, z order? Expected z, y, x'
    """
    z, y, x = shape_zyx
    if y == x or z not in (y, x):
        return ""
    order = "x, y, z order" if z == y else "axes in another order"
    return f"the array has {z} slices of {y} x {x} voxels: {order}? Expected z, y, x"


def intensity_error(low: float, high: float, dtype: np.dtype[Any], is_hu: bool | None = None) -> str:
    """Why the intensities of a scan cannot be used; an empty text if they can.

    Parameters
    ----------
    low, high : float
        Lowest and highest voxel.
    dtype : np.dtype[Any]
        Dtype of the voxels; whole numbers come as integers.
    is_hu : bool or None, default None
        True or False if somebody said that they are HU or windowed to 0-255; then much is only noted.

    Examples
    --------
    >>> intensity_error(-1.5, 6.0, np.dtype(np.float32))
    "the ct's values lie in -1.5 to 6: scale them back to HU, or to 0-255 of a window (z-scored or normalised?)"
    >>> intensity_error(-1024, 3071, np.dtype(np.int16))
    ''
    """
    is_flat = dtype.kind == "f" and low < 0 and high - low < _FLATTEST_HU
    if (low >= -1 and high <= 1) or (is_hu is None and is_flat):
        return (
            f"the ct's values lie in {low:g} to {high:g}: scale them back to HU, or to 0-255 of a window "
            "(z-scored or normalised?)"
        )
    return ""


def intensity_note(low: float, high: float, is_hu: bool | None = None) -> str:
    """The reason to doubt the intensities of a scan; an empty text without one. Parameters as `intensity_error`.

    Parameters
    ----------
    low, high : float
        Lowest and highest voxel.
    is_hu : bool or None, default None
        True or False if the caller declared HU or a window; None if not.

    Examples
    --------
    >>> intensity_note(24, 1118).split(": ")[0]
    'the ct has no value below 0, only 24 to 1118, but air is -1000 HU'
    >>> intensity_note(-1024, 3071, is_hu=False)
    "the ct's values lie in -1024 to 3071, a windowed scan's in 0 to 255: is it in HU?"
    """
    values = f"{low:g} to {high:g}"
    if low >= 0 and high <= _FLATTEST:
        return f"the ct's values lie in {values}, neither HU nor windowed to 0-255: scaled or normalised?"
    if is_hu is False:
        in_range = low >= 0 and high <= 255
        return (
            ""
            if in_range
            else f"the ct's values lie in {values}, a windowed scan's in 0 to 255: is it in HU?"
        )
    if low >= 0 and high > 255:
        return (
            f"the ct has no value below 0, only {values}, but air is -1000 HU: HU + 1024? Then subtract 1024. "
            "MR? The weights know CT alone"
        )
    if is_hu and low >= 0:
        return f"the ct's values lie in {values}, all at or above 0 HU: is it windowed to 0-255?"
    if is_hu is None and low > 0 and high <= 255:
        return (
            f"the ct's values lie in {values} and are taken as windowed to 0-255, but none is 0: HU + 1024? "
            "If they are HU, say hu=True"
        )
    return ""


def _is_same(one: float, other: float) -> bool:
    return abs(one - other) <= _SAME * max(one, other)
