"""Numbers of a mask: RECIST 1.1's diameters, volume, shape, grey values; and what a reader should check."""

from lite_ensam.measurements.confidence import CONFIDENCE, HeldOutErrors, TumorConfidence, TumorError
from lite_ensam.measurements.flags import Flag, flag_cells, flag_lists, sentences
from lite_ensam.measurements.intensity import (
    AERATED_THRESHOLD_HU,
    TumorIntensity,
    is_aerated,
    measure_intensity,
)
from lite_ensam.measurements.repeatability import TumorRepeatability
from lite_ensam.measurements.shape import TumorShape, measure_shape
from lite_ensam.measurements.tumor import TumorMeasurement, measure, measure_case

__all__ = [
    "AERATED_THRESHOLD_HU",
    "CONFIDENCE",
    "Flag",
    "HeldOutErrors",
    "TumorConfidence",
    "TumorError",
    "TumorIntensity",
    "TumorMeasurement",
    "TumorRepeatability",
    "TumorShape",
    "flag_cells",
    "flag_lists",
    "is_aerated",
    "measure",
    "measure_case",
    "measure_intensity",
    "measure_shape",
    "sentences",
]
