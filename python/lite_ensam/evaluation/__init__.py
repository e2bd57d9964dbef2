"""How good a mask is: metrics, geometric floors, pictures, and the scoring of whole folders."""

from lite_ensam.evaluation.baselines import FLOORS
from lite_ensam.evaluation.evaluate import RESULT, Evaluation, Segmenting, evaluate
from lite_ensam.evaluation.flare import FlareScore
from lite_ensam.evaluation.folders import CaseFiles, find_cases
from lite_ensam.evaluation.gallery import at_percentiles, draw_tumors, worst_tumors
from lite_ensam.evaluation.metrics import dsc, flare_nsd, nsd
from lite_ensam.evaluation.pictures import TumorPicture, write_picture
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
    "nsd",
    "reference_mask",
    "score_mask",
    "worst_tumors",
    "write_picture",
]
