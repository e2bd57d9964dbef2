"""Standard deviations of a tumour's numbers over repeated segmentations."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["TumorRepeatability"]


@dataclass(frozen=True)
class TumorRepeatability:
    """Standard deviations of one tumour's numbers over repeated segmentations of one scan.

    Parameters
    ----------
    label : int
        The tumour's label.
    n_repeats : int
        Number of segmentations.
    volume_sd_ml, diameter_sd_mm, short_axis_sd_mm : float
        Standard deviations of volume, longest diameter and short axis.
    """

    label: int
    n_repeats: int
    volume_sd_ml: float
    diameter_sd_mm: float
    short_axis_sd_mm: float

    def to_dict(self) -> dict[str, Any]:
        """Return the standard deviations as a JSON-ready dictionary, without the label.

        Returns
        -------
        dict[str, Any]
            Numbers by name.
        """
        return {name: value for name, value in asdict(self).items() if name != "label"}
