"""How good a mask is: metrics, geometric baselines, pictures, and the scoring of whole folders."""

from lite_ensam.evaluation.baselines import BASELINES
from lite_ensam.evaluation.calibration import calibrate
from lite_ensam.evaluation.evaluate import RESULT, Evaluation, evaluate
from lite_ensam.evaluation.flare_scoring import FlareScore
from lite_ensam.evaluation.metrics import dsc, flare_nsd, nsd
from lite_ensam.evaluation.percentiles import render_percentiles
from lite_ensam.evaluation.perturbations import CHANGES
from lite_ensam.evaluation.resources import CaseResources, measure_cases
from lite_ensam.evaluation.scores import (
    OVERALL,
    Interval,
    MaskScore,
    Summary,
    TumorScore,
    score_mask,
)
from lite_ensam.evaluation.segmenting import Segmenting
from lite_ensam.evaluation.tumor_gallery import at_percentiles, picture_tumors, worst_tumors

__all__ = [
    "BASELINES",
    "CHANGES",
    "OVERALL",
    "RESULT",
    "CaseResources",
    "Evaluation",
    "FlareScore",
    "Interval",
    "MaskScore",
    "Segmenting",
    "Summary",
    "TumorScore",
    "at_percentiles",
    "calibrate",
    "dsc",
    "evaluate",
    "flare_nsd",
    "measure_cases",
    "nsd",
    "picture_tumors",
    "render_percentiles",
    "score_mask",
    "worst_tumors",
]
