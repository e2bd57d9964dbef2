"""RECIST lines out of DICOM: structured reports (TID 1500), presentation states, contours, segments."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from lite_ensam.core.errors import CaseError, MarkError, brief
from lite_ensam.core.recist import NotedMarks
from lite_ensam.core.scan_source import ScanSource, SourceLike
from lite_ensam.io.choice import Choice
from lite_ensam.io.dicom.contour_marks import read_contour_marks, read_segment_marks
from lite_ensam.io.dicom.datasets import (
    Dataset,
    PathLike,
    read_dataset,
    translate_dicom_errors,
)
from lite_ensam.io.dicom.findings import Finding, joined, marks_of
from lite_ensam.io.dicom.object_files import choose_object, dicom_objects, fitting
from lite_ensam.io.dicom.presentation_lines import read_presentation_state
from lite_ensam.io.dicom.report_lines import read_report
from lite_ensam.io.dicom.series_source import SeriesSource
from lite_ensam.io.object_choice import ObjectChoice

__all__ = ["candidate_marks", "find_marks", "find_mask", "read_dicom_marks"]

_ANY = ObjectChoice()

_WITH_MARKS = ("SR", "PR", "RTSTRUCT")
_WITH_REGIONS = {"RTSTRUCT": read_contour_marks, "SEG": read_segment_marks}

_MOST_REASONS = 5
"""Of lines that were skipped, in the message of a file that has no other."""


@translate_dicom_errors
def read_dicom_marks(path: PathLike, source: SourceLike, only: Choice = ()) -> NotedMarks:
    """Read all lines of a DICOM file, labelled 1, 2, ... in its order, with notes on parts that were skipped.

    Parameters
    ----------
    path : PathLike
        A structured report with measurement groups as TID 1500 has them: of each the long axis (in our own
        the line that was given), or else the longest line, circle, ellipse or outline (SCOORD on an image of
        the series, or SCOORD3D in its frame of reference); a presentation state (GSPS): lines of two points,
        circles, ellipses and outlines; or an RTSTRUCT or a SEG, on which lines are drawn: see
        `read_contour_marks` and `read_segment_marks`.
    source : SourceLike
        Source of the CT. Coordinates on images need the CT to have been read from DICOM itself.
    only : Choice, default ()
        Of an RTSTRUCT or SEG: names or numbers of the ROIs or segments; nothing takes all.

    Returns
    -------
    NotedMarks
        Marks inside the volume, with the short axis where one was drawn, the tracking UID, and a name if the
        file has one that no other lesion of it has. Graphics that are not diameters, and lines on another
        series, plane or frame of reference, are skipped. Notes name them, and values that contradict
        their coordinates.

    Raises
    ------
    MarkError
        If the file is of another kind, no line is left (the message says why), or `only` is given for a file that has
        no ROIs.
    CaseError
        If the file cannot be read.
    MissingExtraError
        If pydicom is not installed.
    """
    dataset = read_dataset(path)
    readers: dict[str, Callable[[Dataset, ScanSource], tuple[list[Finding], list[str]]]] = {
        "SR": read_report,
        "PR": read_presentation_state,
    }
    modality = str(dataset.get("Modality"))
    if modality in _WITH_REGIONS:
        return _WITH_REGIONS[modality](path, source, only)
    if modality not in readers:
        raise MarkError(f"is of modality {brief(modality)}, expected SR, PR, RTSTRUCT or SEG")
    if only:
        raise MarkError(f"`only` is for a DICOM SEG or RTSTRUCT, and this is of modality {modality}")
    ct = ScanSource.of(source)
    findings, notes = readers[modality](dataset, ct)
    lesions, of_joining = joined(findings, np.asarray(ct.grid.spacing_mm))
    marks, of_marks = marks_of(lesions, ct)
    notes += of_joining + of_marks
    if not marks:
        raise MarkError(f"holds no line that could be a RECIST mark (modality {modality}){_reasons(notes)}")
    return NotedMarks(marks, notes)


def _reasons(notes: Sequence[str]) -> str:
    more = len(notes) - _MOST_REASONS
    listed = "; ".join(note.removeprefix("passed over: ") for note in notes[:_MOST_REASONS])
    return (f": {listed}" if notes else "") + (f"; and {more} more" if more > 0 else "")


def candidate_marks(folder: PathLike, choice: ObjectChoice = _ANY) -> list[Path]:
    """Find the DICOM files of a folder and its subfolders that may hold a reader's marks.

    Parameters
    ----------
    folder : PathLike
        Folder of the scan.
    choice : ObjectChoice, default _ANY
        Which objects fit.

    Returns
    -------
    list[Path]
        Paths of the files.
    """
    return [one.path for one in fitting(dicom_objects(folder, _WITH_MARKS), choice)]


def find_marks(folder: PathLike, choice: ObjectChoice = _ANY, series: SeriesSource | None = None) -> Path:
    """Find the one DICOM file of a folder and its subfolders that holds a reader's marks, never our own results.

    Parameters
    ----------
    folder : PathLike
        Folder of the scan.
    choice : ObjectChoice, default _ANY
        Which one of several.
    series : SeriesSource or None, default None
        Series of the CT, which the file must not contradict.

    Returns
    -------
    Path
        Path of the file.

    Raises
    ------
    MarkError
        If the folder contains no file with lines, or several; the message lists them.
    """
    return choose_object(dicom_objects(folder, _WITH_MARKS), choice, folder, "marks", series)


def find_mask(folder: PathLike, choice: ObjectChoice = _ANY, series: SeriesSource | None = None) -> Path:
    """Find the one SEG or RTSTRUCT of a folder, our own results included; CaseError if there is not exactly one.

    Parameters
    ----------
    folder : PathLike
        Folder of the scan.
    choice : ObjectChoice, default _ANY
        Which one of several.
    series : SeriesSource or None, default None
        Series of the CT; objects that refer to another one are left out.

    Returns
    -------
    Path
        Path of the file.
    """
    return choose_object(
        dicom_objects(folder, tuple(_WITH_REGIONS)),
        choice,
        folder,
        "a mask",
        series,
        allow_own=True,
        error=CaseError,
    )
