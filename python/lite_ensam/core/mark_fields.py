"""The fields of a RECIST mark, checked one by one: label, ends, slices and points."""

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lite_ensam.core.errors import MarkError, brief
from lite_ensam.core.grid import real_array
from lite_ensam.core.number_kinds import is_real
from lite_ensam.core.types import EndpointPair, FloatTriple, float_triple

__all__ = [
    "MAX_LABEL",
    "ROUNDING",
    "checked_endpoints",
    "checked_label",
    "checked_points",
    "checked_slice",
    "point_text",
]

MAX_LABEL = 65535
"""Labels are written as uint16 at most."""

ROUNDING = 1e-6
"""Largest rounding error of the conversion from millimetres to indices, in voxels."""

_SHORTEST = 1e-6
"""Lines shorter than this, in voxels, are points."""


def checked_label(label: int) -> int:
    """A whole number from 1 to `MAX_LABEL`, or `MarkError`.

    Parameters
    ----------
    label : int
        The label as it was given.
    """
    try:
        number = operator.index(label)
    except TypeError:
        number = 0
    if isinstance(label, bool) or not 1 <= number <= MAX_LABEL:
        raise MarkError(f"a mark's label must be a whole number from 1 to {MAX_LABEL}, got {brief(label)}")
    return number


def checked_slice(label: int, field: str, number: Any) -> int | None:
    """A slice's whole number, or None if none is given; else `MarkError` names mark and field.

    Parameters
    ----------
    label : int
        Label of the mark, for messages.
    field : str
        Name of the field, for messages.
    number : Any
        Index of the slice as it was given, or None.
    """
    if number is None:
        return None
    if is_real(number) and float(number).is_integer():
        number = int(float(number))
    try:
        whole = None if isinstance(number, bool) else operator.index(number)
    except TypeError:
        whole = None
    if whole is None:
        raise MarkError(f"mark {label}: {field} must be the whole number of a slice (z), got {brief(number)}")
    return whole


def checked_points(label: int, field: str, given: Any) -> tuple[FloatTriple, ...]:
    """Finite points (z, y, x), perhaps none; else `MarkError` names mark and field.

    Parameters
    ----------
    label : int
        Label of the mark, for messages.
    field : str
        Name of the field, for messages.
    given : Any
        Points (n, 3) as they were given.
    """
    if isinstance(given, list | tuple | np.ndarray) and len(given) == 0:
        return ()
    points = np.array(real_array(given), dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
        raise MarkError(
            f"mark {label}: {field} must be points of three finite numbers (z, y, x), got {brief(given)}"
        )
    return tuple(map(float_triple, points + 0.0))


def checked_endpoints(label: int, endpoints_zyx: ArrayLike, of: str = "") -> EndpointPair:
    """Two finite points on one slice, apart, in ascending order.

    Parameters
    ----------
    label : int
        Label of the mark, for messages.
    endpoints_zyx : ArrayLike
        The two ends as they were given.
    of : str, default ""
        Name of the axis for messages, such as "short axis"; empty for the RECIST line.
    """
    where = f"mark {label}: {of}: " if of else f"mark {label}: "
    ends = np.array(real_array(endpoints_zyx), dtype=np.float64)
    if ends.shape != (2, 3) or not np.isfinite(ends).all():
        raise MarkError(
            f"{where}endpoints must be two points of three finite numbers (z, y, x), "
            f"got {brief(endpoints_zyx)}"
        )
    middle = ends[0, 0] / 2 + ends[1, 0] / 2
    # The nearest slice; halves go towards 0, so that the volume's outer faces, -0.5 and n - 0.5, belong to
    # its first and last slice without knowing n.
    z = math.copysign(math.ceil(abs(middle) - 0.5 - ROUNDING), middle)
    if np.abs(ends[:, 0] - z).max() > 0.5 + 2 * ROUNDING:
        raise MarkError(
            f"{where}its endpoints lie on slices z = {ends[0, 0]:g} and z = {ends[1, 0]:g}; "
            f"a RECIST line lies on one axial slice{_plane_hint(ends)}"
        )
    ends[:, 0] = z
    if math.dist(*ends) < _SHORTEST:
        raise MarkError(f"{where}both endpoints are {point_text(ends[0])} (z, y, x), a line of length zero")
    start, stop = sorted((a, b, c) for a, b, c in (ends + 0.0).tolist())  # + 0.0 turns -0.0 into 0.0
    return start, stop


def _plane_hint(ends: NDArray[np.float64]) -> str:
    """Why a line may seem to cross slices: its numbers stand in another order, or it was drawn in another plane."""
    same_y, same_x = np.isclose(ends[0, 1:], ends[1, 1:], rtol=0, atol=0.5).tolist()
    if same_x and not same_y:
        return f" (both have x = {ends[0, 2]:g}: x, y, z order, or drawn on a sagittal slice?)"
    if same_y and not same_x:
        return f" (both have y = {ends[0, 1]:g}: axes in another order, or drawn on a coronal slice?)"
    return ""


def point_text(numbers: Sequence[float] | NDArray[np.float64]) -> str:
    """Numbers in brackets, for messages.

    Parameters
    ----------
    numbers : Sequence[float] or NDArray[np.float64]
        Coordinates of a point.
    """
    return "(" + ", ".join(f"{number:g}" for number in numbers) + ")"
