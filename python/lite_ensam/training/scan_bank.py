"""Synthetic scans on disk, as cases of our own layout: joint crops are cut from whole scans, not from cubes."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from lite_ensam.core.case import Case
from lite_ensam.datasets import CaseFiles, find_cases
from lite_ensam.io import write_ct, write_marks, write_mask
from lite_ensam.io.atomic import translate_output_errors

__all__ = ["SYNTHETIC", "write_scans"]

SYNTHETIC = "synthetic"
"""Source of cases that were made up."""


def write_scans(folder: Path, scans: Iterable[Case]) -> tuple[CaseFiles, ...]:
    """Cases of a folder, which is written if it is not there; half of it is never taken for whole.

    Parameters
    ----------
    folder : Path
        Folder to write to; if it exists, it is read.
    scans : Iterable[Case]
        Cases with a reference.

    Returns
    -------
    tuple[CaseFiles, ...]
        Files of each case.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    if not folder.is_dir():
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        with translate_output_errors(folder):
            shutil.rmtree(unfinished, ignore_errors=True)
            for case in scans:
                _write(unfinished / SYNTHETIC / case.name, case)
            unfinished.rename(folder)
    return tuple(find_cases(folder))


def _write(place: Path, case: Case) -> None:
    place.mkdir(parents=True)
    write_ct(place / "ct.nii.gz", case.volume, case.grid)
    write_marks(place / "marks.json", case.marks, case.grid)
    assert case.reference is not None
    write_mask(place / "labels.nii.gz", case.reference, case.grid)
