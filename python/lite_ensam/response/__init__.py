"""Response over time: RECIST 1.1 in full, the same by volume, and lesions known again.

Pure functions on dataclasses. Sections in docstrings are those of the guideline: Eisenhauer et al., New
response evaluation criteria in solid tumours: revised RECIST guideline (version 1.1), Eur J Cancer 45 (2009)
228-247.
"""

from lite_ensam.response.best_response import BestResponse, best_overall_response
from lite_ensam.response.criteria import RECIST_1_1, VOLUME, VOLUME_RELIABILITY, Criteria, Response
from lite_ensam.response.lesion_tracking import TrackedLesions, track_lesions
from lite_ensam.response.matching import NEAR_MM, Match, match_by_identity, match_by_place, renamed
from lite_ensam.response.names import name_key, repeated_names
from lite_ensam.response.study import TOO_SMALL_MM, NewLesion, Study, TargetValue, TimePoint
from lite_ensam.response.targets import BaselineLesion, Target, check_targets, choose_targets
from lite_ensam.response.time_points import TimePointResponse, overall_response, respond

__all__ = [
    "NEAR_MM",
    "RECIST_1_1",
    "TOO_SMALL_MM",
    "VOLUME",
    "VOLUME_RELIABILITY",
    "BaselineLesion",
    "BestResponse",
    "Criteria",
    "Match",
    "NewLesion",
    "Response",
    "Study",
    "Target",
    "TargetValue",
    "TimePoint",
    "TimePointResponse",
    "TrackedLesions",
    "best_overall_response",
    "check_targets",
    "choose_targets",
    "match_by_identity",
    "match_by_place",
    "name_key",
    "overall_response",
    "renamed",
    "repeated_names",
    "respond",
    "track_lesions",
]
