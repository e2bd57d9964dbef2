"""What a mask says in numbers: RECIST 1.1's diameters, volume, shape, grey values."""

from lite_ensam.measurements.intensity import (
    AERATED_THRESHOLD_HU,
    TumorIntensity,
    is_aerated,
    measure_intensity,
)
from lite_ensam.measurements.shape import TumorShape, measure_shape
from lite_ensam.measurements.tumor import DISAGREEMENT, TumorMeasurement, measure

__all__ = [
    "AERATED_THRESHOLD_HU",
    "DISAGREEMENT",
    "TumorIntensity",
    "TumorMeasurement",
    "TumorShape",
    "is_aerated",
    "measure",
    "measure_intensity",
    "measure_shape",
]
