"""Reports for people and tables for programs: of a case, and of patients over time.

A page is one file: pictures and plots are inside, nothing is fetched, no script runs.
"""

from lite_ensam.reporting.case_report import TumorRow, case_page, identifiers_of, measure_case
from lite_ensam.reporting.evaluation_page import EvaluationPictures, evaluation_page
from lite_ensam.reporting.study_file import Patient, read_study
from lite_ensam.reporting.study_inputs import study_inputs
from lite_ensam.reporting.study_report import Course, judge, study_page

__all__ = [
    "Course",
    "EvaluationPictures",
    "Patient",
    "TumorRow",
    "case_page",
    "evaluation_page",
    "identifiers_of",
    "judge",
    "measure_case",
    "read_study",
    "study_inputs",
    "study_page",
]
