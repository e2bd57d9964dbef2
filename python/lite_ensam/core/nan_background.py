"""NaN where a scan has no data: air, unless it lies at a line."""

from collections.abc import Sequence

import numpy as np

from lite_ensam.core.errors import CaseError
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.types import CtVolume, FloatTriple

__all__ = ["air_for_nan"]

_AIR_HU = -1000.0


def air_for_nan(
    ct: CtVolume, marks: Sequence[RecistMark], spacing_mm: FloatTriple, hu: bool | None
) -> tuple[CtVolume, str]:
    """A scan without NaN, and a note on how many there were; the scan itself and an empty text if it has none.

    Tools that crop, mask or resample a scan often leave NaN outside of it.

    Parameters
    ----------
    ct : CtVolume
        Voxels (z, y, x), any dtype.
    marks : Sequence[RecistMark]
        NaN within a line's length of a line's middle is not background.
    spacing_mm : FloatTriple
        Spacing in mm, (z, y, x).
    hu : bool or None
        Whether the scan is in HU, where air is -1000, or windowed, where it is 0; None: windowed if all its
        values lie in 0 to 255.

    Raises
    ------
    CaseError
        If a NaN lies at a line.
    """
    if ct.dtype.kind != "f" or not ct.size or not np.isnan(ct.min()):
        return ct, ""
    nan = np.isnan(ct)
    if nan.all():
        return ct, ""  # `Case` refuses it
    for mark in marks:
        if voxel := _nearest_nan(nan, mark, spacing_mm):
            raise CaseError(
                f"ct: voxel (z, y, x) = {voxel} is NaN, at the line of mark {mark.label}; "
                "NaN is taken for air only away from all lines"
            )
    if hu is None:
        hu = float(np.fmin.reduce(ct, axis=None)) < 0 or float(np.fmax.reduce(ct, axis=None)) > 255
    air = _AIR_HU if hu else 0.0
    share = np.count_nonzero(nan) / nan.size
    return (
        np.where(nan, ct.dtype.type(air), ct),
        f"{100 * share:.2g} % of the scan's voxels are NaN, away from all lines: they are taken for air ({air:g})",
    )


def _nearest_nan(
    nan: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], mark: RecistMark, spacing_mm: FloatTriple
) -> tuple[int, ...] | None:
    """The NaN nearest to a line's middle, if it is within the line's length of it."""
    middle, spacing = np.array(mark.midpoint_zyx), np.array(spacing_mm)
    length_mm = mark.length_mm(spacing_mm)
    low = np.maximum(np.floor(middle - length_mm / spacing), 0).astype(int)
    high = np.ceil(middle + length_mm / spacing).astype(int) + 1
    places = np.argwhere(nan[tuple(slice(a, max(a, b)) for a, b in zip(low, high, strict=True))]) + low
    if not len(places):
        return None
    distances_mm = np.linalg.norm((places - middle) * spacing, axis=1)
    nearest = int(distances_mm.argmin())
    return tuple(places[nearest].tolist()) if distances_mm[nearest] <= length_mm else None
