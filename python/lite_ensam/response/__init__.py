"""Response over time: RECIST 1.1, iRECIST, mRECIST, Choi, RECIST 1.1 by volume; lesions matched between visits.

Pure functions on dataclasses. Sections in docstrings are those of the guideline: Eisenhauer et al., New
response evaluation criteria in solid tumours: revised RECIST guideline (version 1.1), Eur J Cancer 45 (2009)
228-247.
"""

from lite_ensam.response.best_response import BestResponse, Wait, best_overall_response
from lite_ensam.response.criteria import (
    CHOI,
    IRECIST,
    MRECIST,
    RECIST_1_1,
    VOLUME,
    VOLUME_RELIABILITY,
    Criteria,
    Quantity,
    Response,
)
from lite_ensam.response.irecist import CONFIRMING_DAYS, best_immune_response, respond_immune
from lite_ensam.response.lesion_tracking import TrackedLesions, track_lesions
from lite_ensam.response.lesions import Imaging, LesionState, NewLesionFinding, NonTargetFinding, Reading
from lite_ensam.response.matching import NEAR_MM, Match, match_by_identity, match_by_place, renamed
from lite_ensam.response.names import name_key, repeated_names
from lite_ensam.response.protocol import Protocol
from lite_ensam.response.rates import CohortRates, MedianTime, Proportion, cohort_rates
from lite_ensam.response.study import (
    OF_NON_TARGETS,
    TOO_SMALL_MM,
    NewLesion,
    Study,
    TargetValue,
    TimePoint,
)
from lite_ensam.response.targets import BaselineLesion, Target, check_targets, choose_targets
from lite_ensam.response.time_points import TimePointResponse, overall_response, respond

__all__ = [
    "CHOI",
    "CONFIRMING_DAYS",
    "IRECIST",
    "MRECIST",
    "NEAR_MM",
    "OF_NON_TARGETS",
    "RECIST_1_1",
    "TOO_SMALL_MM",
    "VOLUME",
    "VOLUME_RELIABILITY",
    "BaselineLesion",
    "BestResponse",
    "CohortRates",
    "Criteria",
    "Imaging",
    "LesionState",
    "Match",
    "MedianTime",
    "NewLesion",
    "NewLesionFinding",
    "NonTargetFinding",
    "Proportion",
    "Protocol",
    "Quantity",
    "Reading",
    "Response",
    "Study",
    "Target",
    "TargetValue",
    "TimePoint",
    "TimePointResponse",
    "TrackedLesions",
    "Wait",
    "best_immune_response",
    "best_overall_response",
    "check_targets",
    "choose_targets",
    "cohort_rates",
    "match_by_identity",
    "match_by_place",
    "name_key",
    "overall_response",
    "renamed",
    "repeated_names",
    "respond",
    "respond_immune",
    "track_lesions",
]
