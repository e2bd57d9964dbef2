"""What a mask says in numbers: RECIST 1.1's diameters, volume, shape, grey values."""

from lite_ensam.measurements.greys import TumorGreys, measure_greys
from lite_ensam.measurements.shape import TumorShape, measure_shape
from lite_ensam.measurements.tumor import DISAGREEMENT, TumorMeasurement, measure

__all__ = [
    "DISAGREEMENT",
    "TumorGreys",
    "TumorMeasurement",
    "TumorShape",
    "measure",
    "measure_greys",
    "measure_shape",
]
