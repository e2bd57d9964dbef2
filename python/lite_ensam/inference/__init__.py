"""Engines and the way through them: `segment` is the front door."""

from lite_ensam.inference.backend import ENGINES
from lite_ensam.inference.borders import BORDERS, Border
from lite_ensam.inference.engines import load_backend
from lite_ensam.inference.predictor import CROPS, Prediction, Predictor
from lite_ensam.inference.segmentation import Segmentation, segment, segment_case
from lite_ensam.inference.uncertainty import TumorNoise, measure_noise
from lite_ensam.io import DISCLAIMER

__all__ = [
    "BORDERS",
    "CROPS",
    "DISCLAIMER",
    "ENGINES",
    "Border",
    "Prediction",
    "Predictor",
    "Segmentation",
    "TumorNoise",
    "load_backend",
    "measure_noise",
    "segment",
    "segment_case",
]
