"""Names for the arrays and short vectors that travel through lite-ensam.

Arrays are (z, y, x). The aliases say which dtypes may come; the shape is said where they are used.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["CtVolume", "FloatTriple", "Floats", "IntTriple", "Labels", "Mask", "Segment"]

CtVolume: TypeAlias = NDArray[np.int16] | NDArray[np.uint16] | NDArray[np.uint8] | NDArray[np.float32]
"""A scan (z, y, x) in one of the four voxel types that the kernels take."""

Labels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
"""A label map (z, y, x): 0 is background, any other value is one tumour."""

Mask: TypeAlias = NDArray[np.bool_]
"""One tumour (z, y, x)."""

Floats: TypeAlias = NDArray[np.float64]

IntTriple: TypeAlias = tuple[int, int, int]
FloatTriple: TypeAlias = tuple[float, float, float]

Segment: TypeAlias = tuple[FloatTriple, FloatTriple]
"""The two ends of a line, voxel indices (z, y, x)."""
