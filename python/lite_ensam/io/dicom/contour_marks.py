"""RECIST lines drawn on the ROIs of an RTSTRUCT."""

from dataclasses import replace

from lite_ensam.core.errors import CaseError, MarkError, printable
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import NotedMarks, mark_from_mask
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.io.dicom.choice import Choice
from lite_ensam.io.dicom.datasets import PathLike
from lite_ensam.io.dicom.rtstruct import labels_of_rois, read_rois

__all__ = ["read_contour_marks"]


def read_contour_marks(path: PathLike, source: ScanSource | Grid, only: Choice = ()) -> NotedMarks:
    """The line that a reader would draw on each ROI (see `mark_from_mask`), with notes on ROIs that were passed over.

    Parameters
    ----------
    path : the RTSTRUCT file
    source : of the CT
    only : names or numbers of ROIs; nothing takes all

    Returns
    -------
    Marks with the numbers of the ROIs as labels (1, 2, ... if one cannot be a label) and their names.

    Raises
    ------
    MarkError
        If no ROI has contours that a line can be drawn on.
    """
    where = printable(path)
    try:
        rois, notes = read_rois(path, source, only)
    except CaseError as error:
        raise MarkError(str(error).removeprefix(f"{where}: ")) from None
    spacing_mm = ScanSource.of(source).grid.spacing_mm
    marks, too_small = [], []
    for roi, label in zip(rois, labels_of_rois(rois), strict=True):
        try:
            marks.append(replace(mark_from_mask(roi.mask(), spacing_mm, label), name=roi.name))
        except MarkError as error:
            too_small.append(f"passed over: ROI {roi.name!r}: {error}")
    if not marks:
        raise MarkError("; ".join(too_small))
    return NotedMarks(marks, (*notes, *too_small))
