"""How good a mask is: metrics, geometric floors, pictures, and the scoring of whole folders."""

from lite_ensam.evaluation.baselines import FLOORS
from lite_ensam.evaluation.evaluate import RESULT, Evaluation, evaluate
from lite_ensam.evaluation.metrics import dsc, flare_nsd, nsd
from lite_ensam.evaluation.pictures import TumorPicture, write_picture
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
    "FLOORS",
    "OVERALL",
    "RESULT",
    "Evaluation",
    "Interval",
    "MaskScore",
    "Summary",
    "TumorPicture",
    "TumorScore",
    "dsc",
    "evaluate",
    "flare_nsd",
    "nsd",
    "reference_mask",
    "score_mask",
    "write_picture",
]
