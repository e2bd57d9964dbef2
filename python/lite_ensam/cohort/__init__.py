"""Cohorts (extra `cohort`): whole archives, case by case, on this machine or a Dask cluster, never starting over.

from lite_ensam.cohort import run_cohort
cohort = run_cohort("manifest.csv", "results")
"""

from lite_ensam.cohort.api import Cohort, check_cohort_extra, open_folder, open_manifest, run_cohort
from lite_ensam.cohort.checks import check_rows
from lite_ensam.cohort.discovery import discover
from lite_ensam.cohort.manifest import (
    CohortCase,
    CohortManifest,
    ManifestIssue,
    read_cohort_manifest,
    write_cohort_manifest,
)
from lite_ensam.cohort.parameters import Limits, Parameters
from lite_ensam.cohort.progress import progress_text, show_progress
from lite_ensam.cohort.run import Progress

__all__ = [
    "Cohort",
    "CohortCase",
    "CohortManifest",
    "Limits",
    "ManifestIssue",
    "Parameters",
    "Progress",
    "check_cohort_extra",
    "check_rows",
    "discover",
    "open_folder",
    "open_manifest",
    "progress_text",
    "read_cohort_manifest",
    "run_cohort",
    "show_progress",
    "write_cohort_manifest",
]
