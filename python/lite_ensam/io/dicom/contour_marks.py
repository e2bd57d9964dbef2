"""RECIST lines drawn on the ROIs of an RTSTRUCT and on the segments of a SEG."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from lite_ensam.core.errors import CaseError, MarkError, printable
from lite_ensam.core.partial_volume import TumorMasks
from lite_ensam.core.recist import NotedMarks, mark_from_mask
from lite_ensam.core.scan_source import ScanSource, SourceLike
from lite_ensam.core.types import Mask
from lite_ensam.io.choice import Choice
from lite_ensam.io.dicom.datasets import PathLike
from lite_ensam.io.dicom.rtstruct import lesions_of_rois, read_rois
from lite_ensam.io.dicom.segmentation_file import read_segmentation
from lite_ensam.io.label_map import Lesion

__all__ = ["read_contour_marks", "read_segment_marks"]

_HALF = 0.5
"""Of a fractional SEG: how much of a voxel must be inside."""


def read_contour_marks(path: PathLike, source: SourceLike, only: Choice = ()) -> NotedMarks:
    """Draw the line that a reader would draw on each ROI, with notes on ROIs that were left out.

    Parameters
    ----------
    path : PathLike
        The RTSTRUCT file.
    source : SourceLike
        Source of the CT.
    only : Choice, default ()
        Names or numbers of ROIs; nothing takes all.

    Returns
    -------
    NotedMarks
        Marks with the numbers of the ROIs as labels (1, 2, ... if one cannot be a label) and the names that they have.

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
    return _drawn(zip(lesions_of_rois(rois), (roi.mask() for roi in rois), strict=True), "ROI", source, notes)


def read_segment_marks(path: PathLike, source: SourceLike, only: Choice = ()) -> NotedMarks:
    """The line that a reader would draw on each segment of a SEG; of a fractional one on what is at least half inside.

    Parameters
    ----------
    path : PathLike
        The SEG file.
    source : SourceLike
        Source of the CT.
    only : Choice, default ()
        Names or numbers of segments; nothing takes all.

    Returns
    -------
    NotedMarks
        Marks with labels, names, tracking UIDs and finding sites as `read_segmentation` has them.

    Raises
    ------
    MarkError
        If the SEG cannot be read onto this CT, or no segment has voxels that a line can be drawn on.
    """
    try:
        found = read_segmentation(path, source, only, _HALF)
    except CaseError as error:
        raise MarkError(str(error).removeprefix(f"{printable(path)}: ")) from None
    masks = TumorMasks(found.labels)
    regions = ((one, masks[one.label].whole()) for one in found.lesions)
    return _drawn(regions, "segment", source, found.notes)


def _drawn(
    regions: Iterable[tuple[Lesion, Mask]], what: str, source: SourceLike, notes: Sequence[str]
) -> NotedMarks:
    """A line on each region, with what is known of it; notes on those that are too small."""
    spacing_mm = ScanSource.of(source).grid.spacing_mm
    marks, too_small = [], []
    for lesion, mask in regions:
        try:
            drawn = mark_from_mask(mask, spacing_mm, lesion.label)
            marks.append(replace(drawn, **vars(lesion)))
        except MarkError as error:
            too_small.append(f"passed over: {what} {lesion.name or lesion.label!r}: {error}")
    if not marks:
        raise MarkError("; ".join(too_small or notes) or f"has no {what} with a voxel")
    return NotedMarks(marks, (*notes, *too_small))
