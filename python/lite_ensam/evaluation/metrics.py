"""How alike two masks of one tumour are: DSC, NSD, volume error.

NSD depends on spacing and tolerance: say both with every number. It is computed by the
`surface-distance` package (extra `evaluate`), so that it is the same as in the literature; this
module only cuts the masks to their common box first and answers for empty ones.
"""

import math
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from lite_ensam import _kernels
from lite_ensam.core.errors import ArgumentError, MissingExtraError
from lite_ensam.core.grid import spacing_of
from lite_ensam.core.number_kinds import is_real
from lite_ensam.core.types import Mask
from lite_ensam.core.voxels import as_numpy

__all__ = ["FLARE_LOWEST_DSC", "dsc", "flare_nsd", "nsd", "nsd_at", "relative_error"]

FLARE_LOWEST_DSC = 0.2
"""FLARE's script counts the surface of a mask that overlaps less than this as missed."""


def dsc(result: Mask, reference: Mask) -> float:
    """Compute the Dice similarity coefficient: twice the common voxels over the sum of both masks.

    Parameters
    ----------
    result, reference : Mask
        Bool (z, y, x): an array-like of bool.

    Returns
    -------
    float
        0 to 1; 1 if both are empty.

    Raises
    ------
    ValueError
        If the masks are not bool or their shapes differ.

    Examples
    --------
    >>> dsc(np.array([[[True, True, False]]]), np.array([[[False, True, True]]]))
    0.5
    """
    result, reference = _checked_masks(result, reference)
    total = np.count_nonzero(result) + np.count_nonzero(reference)
    return float(2 * np.count_nonzero(result & reference) / total) if total else 1.0


def nsd(result: Mask, reference: Mask, spacing_mm: Sequence[float] | Any, tolerance_mm: float = 2.0) -> float:
    """Compute the normalised surface Dice: the share of both surfaces that lies near the other one.

    Parameters
    ----------
    result, reference : Mask
        Bool (z, y, x): an array-like of bool.
    spacing_mm : Sequence[float] or Any
        Spacing in mm, (z, y, x), or a `Grid` that has it.
    tolerance_mm : float, default 2.0
        How near.

    Returns
    -------
    float
        0 to 1; 1 if both are empty, 0 if one is.

    Raises
    ------
    ValueError
        If the masks are not bool or their shapes differ, or the tolerance is negative.
    MissingExtraError
        If `surface-distance` is not installed.
    """
    return nsd_at(result, reference, spacing_mm, (tolerance_mm,))[0]


def nsd_at(
    result: Mask, reference: Mask, spacing_mm: Sequence[float] | Any, tolerances_mm: Sequence[float]
) -> tuple[float, ...]:
    """`nsd` at several tolerances for the price of one."""
    result, reference = _checked_masks(result, reference)
    if any(not (is_real(tolerance) and tolerance >= 0) for tolerance in tolerances_mm):
        raise ArgumentError(f"a tolerance must be 0 mm or more, got {tuple(tolerances_mm)}")
    spacing_mm = spacing_of(spacing_mm)
    package = _surface_distance()
    empty = not result.any(), not reference.any()
    if any(empty):
        return (float(all(empty)),) * len(tolerances_mm)
    box = _common_box(result, reference)
    with warnings.catch_warnings():
        # version 0.1 calls SciPy by names that SciPy has deprecated
        warnings.simplefilter("ignore", DeprecationWarning)
        distances = package.compute_surface_distances(reference[box], result[box], spacing_mm)
    return tuple(
        float(package.compute_surface_dice_at_tolerance(distances, tolerance)) for tolerance in tolerances_mm
    )


def flare_nsd(dsc_value: float, nsd_value: float) -> float:
    """Compute the NSD as FLARE scores it: 0 if the DSC is below 0.2.

    Parameters
    ----------
    dsc_value : float
        Dice similarity coefficient, 0 to 1.
    nsd_value : float
        Normalised surface Dice, 0 to 1.

    Returns
    -------
    float
        NSD, 0 to 1.

    Examples
    --------
    >>> flare_nsd(0.19, 0.7), flare_nsd(0.2, 0.7)
    (0.0, 0.7)
    """
    return 0.0 if dsc_value < FLARE_LOWEST_DSC else nsd_value


def relative_error(result: float, reference: float) -> float:
    """Signed error of a volume or a diameter, as a share of the reference; 0.1 is 10 % too large.

    Two zeros are equal; anything against a reference of zero is infinite.
    """
    if reference == 0:
        return 0.0 if result == 0 else math.copysign(math.inf, result)
    return (result - reference) / reference


def _checked_masks(result: Any, reference: Any) -> tuple[Mask, Mask]:
    """Both masks as NumPy's, or ValueError."""
    masks = as_numpy(result, "result"), as_numpy(reference, "reference")
    for name, mask in zip(("result", "reference"), masks, strict=True):
        if mask.dtype != np.bool_:
            raise ArgumentError(f"{name} must be a bool array (one tumour), got {mask.dtype}")
        if mask.ndim != 3:
            raise ArgumentError(f"{name} must have three axes (z, y, x), got shape {mask.shape}")
    if masks[0].shape != masks[1].shape:
        raise ArgumentError(f"result has shape {masks[0].shape}, reference {masks[1].shape} (z, y, x)")
    return masks


def _common_box(result: Mask, reference: Mask) -> tuple[slice, slice, slice]:
    """Smallest box that holds both masks; the package adds the border that it needs itself."""
    start, stop = _kernels.label_boxes(result | reference, 1)[1].tolist()
    z, y, x = (slice(a, b) for a, b in zip(start, stop, strict=True))
    return z, y, x


def _surface_distance() -> ModuleType:
    try:
        import surface_distance
    except ImportError as error:
        raise MissingExtraError(
            "NSD needs the package surface-distance: pip install 'lite-ensam[evaluate]'"
        ) from error
    package: ModuleType = surface_distance
    return package
