"""Hounsfield units as 256 grey levels: fine in soft tissue, coarser in lung and bone.

A level of 4 HU in soft tissue is far below a CT's noise, and a bank of crops is half as large as in 16 bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["HU_OF_GREY", "to_grey"]

HU_OF_GREY: NDArray[np.float32] = np.concatenate(
    [
        np.linspace(-1024, -204, 69),
        np.linspace(-200, 300, 126),
        np.linspace(311, 1000, 61),
    ]
).astype(np.float32)
"""HU of each of the 256 levels: steps of 4 HU where soft tissues differ by little, and of 12 HU outside. Beyond -1024
and 1000 HU, air and bone are not told apart."""

# half-way between two levels
_BORDERS = (HU_OF_GREY[1:] + HU_OF_GREY[:-1]) / 2


def to_grey(hu: NDArray[np.generic]) -> NDArray[np.uint8]:
    """The nearest level of each HU value; what is beyond -1024 to 1000 goes to the outermost.

    Parameters
    ----------
    hu : NDArray[np.generic]
        Grey values in HU, any shape.

    Returns
    -------
    NDArray[np.uint8]
        Levels, in the shape of `hu`.
    """
    return np.searchsorted(_BORDERS, np.asarray(hu, dtype=np.float32)).astype(np.uint8)
