"""Stored numbers to voxels: scale and type of a CT, and label values of a label map.

Both work slab by slab along the first axis, so that no float64 copy of a volume is ever made.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lite_ensam._typing import CtVolume, Labels
from lite_ensam.errors import CaseError, brief

__all__ = ["as_ct", "as_labels", "smallest_label_dtype"]

_EXACT_IN_FLOAT32 = 2**24


def as_ct(voxels: ArrayLike, slope: float = 1.0, intercept: float = 0.0) -> CtVolume:
    """Numbers times slope plus intercept, in a dtype that the kernels take.

    int16, uint16, uint8 and float32 without a scale come back as they are, no copy. Everything else
    becomes int16 if all its values are whole and fit, else uint16 (unscaled integers), else float32.

    Raises
    ------
    CaseError
        If they are no array, some are masked, they are no real numbers (complex, colour), slope or
        intercept are not finite, or integers are too large for float32 to tell apart.
    """
    stored = _array(voxels, "voxels")
    if stored.dtype.kind not in "iuf":
        raise CaseError(f"voxels must be real numbers, got {stored.dtype.name} (colour or complex)")
    if not np.isfinite([slope, intercept]).all():
        raise CaseError(f"scale factors must be finite, got slope {slope} and intercept {intercept}")
    if (slope, intercept) == (1.0, 0.0):
        if stored.dtype in (np.int16, np.uint16, np.uint8, np.float32):
            return stored
        if stored.dtype.kind != "f" and stored.size:
            return _narrowed(stored)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite then, Case names with its voxel
        whole = _scaled_to_int16(stored, slope, intercept)
        return _scaled_to_float32(stored, slope, intercept) if whole is None else whole


def as_labels(values: ArrayLike) -> Labels:
    """Label values as uint8 if all fit, else uint16; bool counts as labels 0 and 1.

    Raises
    ------
    CaseError
        If they are no array, some are masked, or a value is negative, above 65535 or not a whole number.
    """
    stored = _array(values, "labels")
    if stored.dtype == np.bool_:
        return stored.view(np.uint8)
    if stored.dtype in (np.uint8, np.uint16):
        return stored
    if stored.dtype.kind not in "iuf":
        raise CaseError(f"labels must be whole numbers, got {stored.dtype.name}")
    low, high = stored.min(initial=0), stored.max(initial=0)
    if not (low >= 0 and high <= 65535):
        raise CaseError(f"labels must be whole numbers from 0 to 65535, got {low:g} to {high:g}")
    labels: Labels = np.empty_like(stored, dtype=smallest_label_dtype(int(high)))
    for slab, out in zip(stored, labels, strict=True):
        out[...] = slab
        if stored.dtype.kind == "f" and not np.array_equal(out, slab):
            value = slab[out != slab].flat[0]
            raise CaseError(f"labels must be whole numbers from 0 to 65535, got {value:g}")
    return labels


def smallest_label_dtype(highest: int) -> np.dtype[Any]:
    """Type uint8 if the highest label fits, else uint16."""
    return np.dtype(np.uint8 if highest <= 255 else np.uint16)


def _array(values: ArrayLike, what: str) -> NDArray[Any]:
    """Plain array of at least one axis; no copy of one that is."""
    if np.ma.is_masked(values):
        raise CaseError(f"{what} must all be there, got an array in which some are masked")
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):
        array = np.empty(())
    if array.ndim == 0:
        raise CaseError(f"{what} must be an array (z, y, x), got {brief(values)}")
    return array


def _narrowed(stored: NDArray[Any]) -> CtVolume:
    """Integers of 8 (signed), 32 or 64 bits in the smallest type that holds them."""
    low, high = int(stored.min()), int(stored.max())
    if np.iinfo(np.int16).min <= low and high <= np.iinfo(np.int16).max:
        return stored.astype(np.int16)
    if low >= 0 and high <= np.iinfo(np.uint16).max:
        return stored.astype(np.uint16)
    if max(-low, high) > _EXACT_IN_FLOAT32:
        raise CaseError(f"voxels reach from {low} to {high}: no CT has values beyond +-{_EXACT_IN_FLOAT32}")
    return stored.astype(np.float32)


def _scaled_to_int16(stored: NDArray[Any], slope: float, intercept: float) -> CtVolume | None:
    """None at the first value that is not whole or does not fit."""
    out = np.empty_like(stored, dtype=np.int16)
    limits = np.iinfo(np.int16)
    for slab, target in zip(stored, out, strict=True):
        value = slab.astype(np.float64) * slope + intercept
        # Written so that NaN fails the comparison too.
        if not ((value >= limits.min) & (value <= limits.max) & (value == np.rint(value))).all():
            return None
        target[...] = value
    return out


def _scaled_to_float32(stored: NDArray[Any], slope: float, intercept: float) -> CtVolume:
    out = np.empty_like(stored, dtype=np.float32)
    for slab, target in zip(stored, out, strict=True):
        target[...] = slab.astype(np.float64) * slope + intercept
    return out
