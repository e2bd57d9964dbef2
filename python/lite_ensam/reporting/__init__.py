"""Reports for people and tables for programs: of a case, and of patients over time.

A page is one file: pictures and plots are inside, nothing is fetched, no script runs.
"""

from lite_ensam.reporting.adjudication import (
    Comparison,
    Decision,
    adjudication_rows,
    compare_readers,
    read_decisions,
)
from lite_ensam.reporting.adjudication_page import adjudication_page
from lite_ensam.reporting.board_page import board_page
from lite_ensam.reporting.case_report import case_page, identifiers_of
from lite_ensam.reporting.evaluation_page import EvaluationPictures, evaluation_page
from lite_ensam.reporting.lesion_table import lesion_rows
from lite_ensam.reporting.paper_tables import paper_table_4, paper_tables
from lite_ensam.reporting.rates_table import rates_of, rates_rows, rates_section
from lite_ensam.reporting.redcap import REDCAP_FILES, redcap_tables
from lite_ensam.reporting.sdtm import DOMAINS, Evaluator, sdtm_tables
from lite_ensam.reporting.study_example import response_schema, study_schema, write_example_study
from lite_ensam.reporting.study_file import Patient, read_study
from lite_ensam.reporting.study_inputs import study_inputs
from lite_ensam.reporting.study_report import Course, judge, study_page

__all__ = [
    "DOMAINS",
    "REDCAP_FILES",
    "Comparison",
    "Course",
    "Decision",
    "EvaluationPictures",
    "Evaluator",
    "Patient",
    "adjudication_page",
    "adjudication_rows",
    "board_page",
    "case_page",
    "compare_readers",
    "evaluation_page",
    "identifiers_of",
    "judge",
    "lesion_rows",
    "paper_table_4",
    "paper_tables",
    "rates_of",
    "rates_rows",
    "rates_section",
    "read_decisions",
    "read_study",
    "redcap_tables",
    "response_schema",
    "sdtm_tables",
    "study_inputs",
    "study_page",
    "study_schema",
    "write_example_study",
]
