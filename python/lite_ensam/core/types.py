"""Names for the arrays and short vectors that travel through lite-ensam.

Arrays are (z, y, x). The aliases say which dtypes may come; the shape is said where they are used.
"""

import os
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "CtVolume",
    "EndpointPair",
    "Flips",
    "Float32Array",
    "Float64Array",
    "FloatTriple",
    "IntTriple",
    "Labels",
    "Mask",
    "PathLike",
    "endpoint_pair",
    "float_triple",
    "int_triple",
]

CtVolume: TypeAlias = NDArray[np.int16] | NDArray[np.uint16] | NDArray[np.uint8] | NDArray[np.float32]
"""A scan (z, y, x) in one of the four voxel types that the kernels take."""

Labels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
"""A label map (z, y, x): 0 is background, any other value is one tumour."""

Mask: TypeAlias = NDArray[np.bool_]
"""One tumour (z, y, x)."""

Float32Array: TypeAlias = NDArray[np.float32]
Float64Array: TypeAlias = NDArray[np.float64]

PathLike: TypeAlias = str | os.PathLike[str]

IntTriple: TypeAlias = tuple[int, int, int]
Flips: TypeAlias = tuple[bool, bool, bool]
"""Which of the axes z, y, x are reversed."""

FloatTriple: TypeAlias = tuple[float, float, float]

EndpointPair: TypeAlias = tuple[FloatTriple, FloatTriple]
"""The two ends of a line, voxel indices (z, y, x)."""


def int_triple(values: ArrayLike) -> IntTriple:
    """Three numbers (z, y, x) as integers; fractions are cut off.

    Parameters
    ----------
    values : ArrayLike
        Three numbers.
    """
    z, y, x = np.asarray(values).tolist()
    return int(z), int(y), int(x)


def endpoint_pair(ends_zyx: ArrayLike) -> EndpointPair:
    """Two points (z, y, x) as floats.

    Parameters
    ----------
    ends_zyx : ArrayLike
        Two points, (2, 3).
    """
    start, stop = np.asarray(ends_zyx)
    return float_triple(start), float_triple(stop)


def float_triple(values: ArrayLike) -> FloatTriple:
    """Three numbers (z, y, x) as floats.

    Parameters
    ----------
    values : ArrayLike
        Three numbers.
    """
    z, y, x = np.asarray(values, dtype=np.float64).tolist()
    return z, y, x
