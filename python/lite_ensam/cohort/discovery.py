"""A manifest out of a folder: the layouts of `datasets.folders`, or else a DICOM archive."""

from __future__ import annotations

import os
from pathlib import Path

from lite_ensam.cohort.manifest import CohortCase, CohortManifest, table_problems
from lite_ensam.core.errors import CaseError, CohortError, printable
from lite_ensam.datasets.dicom_archive import find_series
from lite_ensam.datasets.file_tree import list_files
from lite_ensam.datasets.folders import find_cases_and_notes

__all__ = ["discover"]


def discover(folder: str | os.PathLike[str]) -> CohortManifest:
    """Find all cases of a folder and its subfolders.

    Layouts may be mixed; DICOM is searched for only if no other layout has a scan.

    Parameters
    ----------
    folder : str or os.PathLike[str]
        Folder to search.

    Returns
    -------
    CohortManifest
        A row for each case.

    Raises
    ------
    CohortError
        If the folder does not exist or contains no case.
    MissingExtraError
        If only DICOM can be there and pydicom is not installed.
    """
    root = Path(folder).absolute()
    if not root.is_dir():
        raise CohortError(f"{printable(folder)}: no such folder")
    try:
        tree = list_files(root)
    except CaseError as error:
        raise CohortError(str(error)) from None
    cases, notes = find_cases_and_notes(tree)
    if not any(os.path.lexists(case.ct) for case in cases):
        series, more = find_series(tree.files)
        if series and cases:  # marks that somebody has put beside the slices, say
            more = (
                *more,
                f"{len(cases)} cases of marks or labels without a scan left out: the scans are DICOM",
            )
        cases, notes = series or cases, (*notes, *more)
    if not cases:
        raise CohortError(
            f"{printable(folder)}: holds no case that is known by its name: no FLARE, BIDS-like or lite-ensam folder, "
            "no DICOM series with lines. Write a manifest, a CSV file with the columns case, ct, marks "
            "(docs/guide/cohorts.md)" + "".join(f"; {note}" for note in notes)
        )
    rows = tuple(map(CohortCase.of, cases))
    return CohortManifest(rows, tuple(table_problems(rows, has_rows=False)), notes, root)
