"""Stored numbers to voxels: scale and type of a CT, and label values of a label map.

Both work slab by slab along the first axis, so that no float64 copy of a volume is ever made.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lite_ensam.core.errors import CaseError, brief
from lite_ensam.core.types import CtVolume, Labels

__all__ = ["as_ct", "as_labels", "as_numpy", "check_numbers", "ct_dtype", "scaled", "smallest_label_dtype"]

_EXACT_IN_FLOAT32 = 2**24
_OFF_WHOLE = 1e-3
"""Labels that were scaled or resampled are off by rounding: 0.99999994 is 1. A blend of two labels is off by more."""

_KEPT = (np.int16, np.uint16, np.uint8, np.float32)


def as_ct(voxels: ArrayLike, slope: float = 1.0, intercept: float = 0.0, name: str = "voxels") -> CtVolume:
    """Return numbers times slope plus intercept, in a dtype that the kernels take.

    int16, uint16, uint8 and float32 without a scale come back as they are, no copy. Everything else
    becomes int16 if all its values are whole and fit, else uint16 (unscaled integers), else float32.

    Parameters
    ----------
    voxels : ArrayLike
        Numbers, any shape.
    slope, intercept : float
        Scale factors.
    name : str, default "voxels"
        What messages call them.

    Returns
    -------
    CtVolume
        Array of int16, uint16, uint8 or float32.

    Raises
    ------
    CaseError
        If they are not an array, some are masked, they are not real numbers (complex, colour), slope or
        intercept are not finite, or integers are too large for float32 to tell apart.
    """
    stored = _array(voxels, name)
    check_numbers(stored.dtype, slope, intercept, name)
    if (slope, intercept) == (1.0, 0.0) and stored.dtype in _KEPT:
        return stored
    bounds, whole = (0, 0), True
    if stored.size:
        bounds = stored.min().item(), stored.max().item()
        whole = all(_is_whole(slab, slope, intercept) for slab in stored)
    return scaled(stored, ct_dtype(stored.dtype, slope, intercept, bounds, whole), slope, intercept)


def check_numbers(stored: np.dtype[Any], slope: float, intercept: float, name: str = "voxels") -> None:
    """Raise CaseError unless numbers of a type can be voxels and the factors can scale them.

    Parameters
    ----------
    stored : np.dtype[Any]
        Type of the stored numbers.
    slope, intercept : float
        Scale factors.
    name : str, default "voxels"
        What messages call the numbers.
    """
    if stored.kind not in "iuf":
        raise CaseError(f"{name} must be real numbers, got {stored.name}")
    if not np.isfinite([slope, intercept]).all():
        raise CaseError(f"scale factors must be finite, got slope {slope} and intercept {intercept}")


def ct_dtype(
    stored: np.dtype[Any],
    slope: float,
    intercept: float,
    bounds: tuple[float, float] | None,
    is_whole: bool,
) -> np.dtype[Any]:
    """Return the type that `as_ct` gives a scan of which only this is known.

    Parameters
    ----------
    stored : np.dtype[Any]
        Type in the file.
    slope, intercept : float
        Scale factors.
    bounds : tuple[float, float] or None
        Lowest and highest stored number of the scan; None if one is NaN.
    is_whole : bool
        Whether all scaled numbers are whole.
    """
    plain = (slope, intercept) == (1.0, 0.0)
    if plain and stored in _KEPT:
        return stored.newbyteorder("=")
    if bounds is None or not is_whole:
        return np.dtype(np.float32)
    if plain and stored.kind != "f":
        return _narrowest(int(bounds[0]), int(bounds[1]))
    low, high = sorted(float(bound) * slope + intercept for bound in bounds)
    limits = np.iinfo(np.int16)
    return np.dtype(np.int16 if limits.min <= low and high <= limits.max else np.float32)


def scaled(stored: NDArray[Any], dtype: np.dtype[Any], slope: float, intercept: float) -> CtVolume:
    """Return stored numbers times slope plus intercept as `dtype`, which they fit.

    Parameters
    ----------
    stored : NDArray[Any]
        Numbers, any shape.
    dtype : np.dtype[Any]
        Result of `ct_dtype` for them.
    slope, intercept : float
        Scale factors.

    Returns
    -------
    CtVolume
        Array of `dtype`; `stored` itself where nothing changes.
    """
    if (slope, intercept) == (1.0, 0.0) and stored.dtype.kind != "f":
        return stored.astype(dtype, copy=False)
    if (slope, intercept) == (1.0, 0.0) and stored.dtype == dtype:
        return stored
    out = np.empty_like(stored, dtype=dtype)
    with np.errstate(
        over="ignore", invalid="ignore"
    ):  # what is too large becomes infinite, and Case names the voxel
        for slab, target in zip(stored, out, strict=True):
            target[...] = slab.astype(np.float64) * slope + intercept
    return out


def as_labels(values: ArrayLike, name: str = "labels") -> Labels:
    """Return label values as uint8 if all fit, else uint16; bool counts as labels 0 and 1, and 0.9999 as 1.

    Parameters
    ----------
    values : ArrayLike
        Whole numbers from 0 to 65535 or bool, any shape; of a `Segmentation` or `LabelMap` its map (z, y, x).
    name : str, default "labels"
        What messages call them.

    Returns
    -------
    Labels
        Array of uint8 or uint16; one of these types comes back itself, no copy.

    Raises
    ------
    CaseError
        If they are not an array, some are masked, or a value is negative, above 65535 or not a whole number.
    """
    stored = _array(getattr(values, "labels_zyx", values), name)
    if stored.dtype == np.bool_:
        return stored.view(np.uint8)
    if stored.dtype in (np.uint8, np.uint16):
        return stored
    if stored.dtype.kind not in "iuf":
        raise CaseError(f"{name} must be whole numbers, got {stored.dtype.name}")
    low, high = stored.min(initial=0), stored.max(initial=0)
    if not (low >= -_OFF_WHOLE and high <= 65535 + _OFF_WHOLE):
        raise CaseError(f"{name} must be whole numbers from 0 to 65535, got {low:g} to {high:g}")
    labels: Labels = np.empty_like(stored, dtype=smallest_label_dtype(round(float(high))))
    for slab, out in zip(stored, labels, strict=True):
        whole = np.rint(slab) if stored.dtype.kind == "f" else slab
        out[...] = whole
        if (off := np.abs(slab - whole) > _OFF_WHOLE).any():
            raise CaseError(f"{name} must be whole numbers from 0 to 65535, got {slab[off].flat[0]:g}")
    return labels


def smallest_label_dtype(highest: int) -> np.dtype[Any]:
    """Return uint8 if the highest label fits, else uint16.

    Parameters
    ----------
    highest : int
        Highest label.

    Returns
    -------
    np.dtype[Any]
        The type.
    """
    return np.dtype(np.uint8 if highest <= 255 else np.uint16)


def as_numpy(values: Any, name: str = "ct") -> NDArray[Any]:
    """NumPy's view of an array-like; torch's tensors may need a gradient or lie on a GPU, masked arrays stay masked.

    Parameters
    ----------
    values : Any
        The array-like.
    name : str, default "ct"
        Name of the argument, for messages.
    """
    array = values
    if hasattr(array, "detach") and hasattr(array, "cpu"):
        array = array.detach().cpu()
        if "bfloat16" in str(array.dtype):  # NumPy has no such numbers
            array = array.float()
    try:
        return array if np.ma.is_masked(array) else np.asarray(array)
    except (TypeError, ValueError):
        raise CaseError(f"{name} must be an array (z, y, x), got {brief(values)}") from None


def _array(values: Any, name: str) -> NDArray[Any]:
    """Plain array of at least one axis; no copy of one that is."""
    if np.ma.is_masked(values):
        raise CaseError(
            f"{name} must not contain masked values; fill them first, e.g. `array.filled(-1000)` (air) in a CT or "
            "`array.filled(0)` in labels"
        )
    array = as_numpy(values, name)
    if array.ndim == 0:
        raise CaseError(f"{name} must be an array (z, y, x), got {brief(values)}")
    return array


def _narrowest(low: int, high: int) -> np.dtype[Any]:
    """Smallest type that integers from low to high fit into."""
    if np.iinfo(np.int16).min <= low and high <= np.iinfo(np.int16).max:
        return np.dtype(np.int16)
    if low >= 0 and high <= np.iinfo(np.uint16).max:
        return np.dtype(np.uint16)
    if max(-low, high) > _EXACT_IN_FLOAT32:
        raise CaseError(f"voxels reach from {low} to {high}: no CT has values beyond +-{_EXACT_IN_FLOAT32}")
    return np.dtype(np.float32)


def _is_whole(slab: NDArray[Any], slope: float, intercept: float) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):
        value = slab.astype(np.float64) * slope + intercept
    return bool((value == np.rint(value)).all() and np.isfinite(value).all())
