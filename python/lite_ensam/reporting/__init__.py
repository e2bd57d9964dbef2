"""Reports for people and tables for programs: of a case, and of patients over time.

A page is one file: pictures and plots are inside, nothing is fetched, no script runs.
"""

from lite_ensam.reporting.case_report import case_page, identifiers_of
from lite_ensam.reporting.evaluation_page import EvaluationPictures, evaluation_page
from lite_ensam.reporting.study_example import study_schema, write_example_study
from lite_ensam.reporting.study_file import Patient, read_study
from lite_ensam.reporting.study_inputs import study_inputs
from lite_ensam.reporting.study_report import Course, judge, study_page

__all__ = [
    "Course",
    "EvaluationPictures",
    "Patient",
    "case_page",
    "evaluation_page",
    "identifiers_of",
    "judge",
    "read_study",
    "study_inputs",
    "study_page",
    "study_schema",
    "write_example_study",
]
