"""How bright a tumour is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lite_ensam._typing import CtVolume, Labels

__all__ = ["TumorGreys", "measure_greys"]


@dataclass(frozen=True)
class TumorGreys:
    """Grey values of one tumour's voxels: HU if the scan is in HU.

    Parameters
    ----------
    mean, median : of all voxels
    sd : standard deviation over the voxels (not of a sample: divided by their number)
    """

    mean: float
    median: float
    sd: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def measure_greys(ct: CtVolume, labels: Labels, label: int) -> TumorGreys | None:
    """Grey values under one label; None if it has no voxel.

    Parameters
    ----------
    ct : the scan (z, y, x)
    labels : uint8 or uint16 of the same shape
    label : which tumour

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> ct = np.array([[[10, 20, 90, -5]]], dtype=np.int16)
    >>> measure_greys(ct, np.array([[[1, 1, 1, 0]]], dtype=np.uint8), 1).median
    20.0
    """
    if ct.shape != labels.shape:
        raise ValueError(f"labels have shape {labels.shape}, the ct {ct.shape} (z, y, x)")
    values = ct[labels == label].astype(np.float64)
    if not values.size:
        return None
    return TumorGreys(float(values.mean()), float(np.median(values)), float(values.std()))
