"""From a scan and its lines to masks; `segment` is the front door."""

from lite_ensam.core.patch_config import CROPS, Crop
from lite_ensam.measurements import TumorRepeatability
from lite_ensam.segmentation.api import segment, segment_case
from lite_ensam.segmentation.edge_refinement import BORDERS, Border
from lite_ensam.segmentation.patch_plan import PatchPlan
from lite_ensam.segmentation.predictor import Prediction, Predictor
from lite_ensam.segmentation.repeatability import estimate_repeatability
from lite_ensam.segmentation.result import Segmentation

__all__ = [
    "BORDERS",
    "CROPS",
    "Border",
    "Crop",
    "PatchPlan",
    "Prediction",
    "Predictor",
    "Segmentation",
    "TumorRepeatability",
    "estimate_repeatability",
    "segment",
    "segment_case",
]
