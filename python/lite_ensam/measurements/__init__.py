"""What a mask says in numbers: RECIST 1.1's diameters, volume, shape, grey values."""

from lite_ensam.measurements.greys import AIR_HU, TumorGreys, is_air, measure_greys
from lite_ensam.measurements.shape import TumorShape, measure_shape
from lite_ensam.measurements.tumor import DISAGREEMENT, TumorMeasurement, measure

__all__ = [
    "AIR_HU",
    "DISAGREEMENT",
    "TumorGreys",
    "TumorMeasurement",
    "TumorShape",
    "is_air",
    "measure",
    "measure_greys",
    "measure_shape",
]
