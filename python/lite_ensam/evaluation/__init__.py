"""How good a mask is: metrics, geometric floors, pictures, and the scoring of whole folders."""

from lite_ensam.evaluation.baselines import FLOORS
from lite_ensam.evaluation.evaluate import RESULT, Evaluation, Segmenting, evaluate
from lite_ensam.evaluation.flare import FlareScore
from lite_ensam.evaluation.folders import CaseFiles, find_cases
from lite_ensam.evaluation.gallery import at_percentiles, draw_tumors, worst_tumors
from lite_ensam.evaluation.metrics import dsc, flare_nsd, nsd
from lite_ensam.evaluation.percentiles import render_percentiles
from lite_ensam.evaluation.pictures import TumorPicture, render_picture, write_picture
from lite_ensam.evaluation.resources import CaseResources, measure_cases
from lite_ensam.evaluation.robustness import CHANGES
from lite_ensam.evaluation.scores import (
    OVERALL,
    Interval,
    MaskScore,
    Summary,
    TumorScore,
    reference_mask,
    score_mask,
)

__all__ = [
    "CHANGES",
    "FLOORS",
    "OVERALL",
    "RESULT",
    "CaseFiles",
    "CaseResources",
    "Evaluation",
    "FlareScore",
    "Interval",
    "MaskScore",
    "Segmenting",
    "Summary",
    "TumorPicture",
    "TumorScore",
    "at_percentiles",
    "draw_tumors",
    "dsc",
    "evaluate",
    "find_cases",
    "flare_nsd",
    "measure_cases",
    "nsd",
    "reference_mask",
    "render_percentiles",
    "render_picture",
    "score_mask",
    "worst_tumors",
    "write_picture",
]
