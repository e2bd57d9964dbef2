"""DICOM (extra `dicom`): CT series, contours and marks in; segmentations and structured reports out.

DICOM counts millimetres to the patient's left, back and head (LPS); everything that leaves this package is
in the world of `Grid` (right, front, head). The rest of `io` imports this where a file turns out to be DICOM: others
need not wait 10 ms for it.
"""

from lite_ensam.io.dicom.contour_marks import read_contour_marks
from lite_ensam.io.dicom.contours import build_rtstruct
from lite_ensam.io.dicom.datasets import is_dicom, read_dataset
from lite_ensam.io.dicom.marks import candidate_marks, find_marks, find_mask, read_dicom_marks
from lite_ensam.io.dicom.rtstruct import Roi, is_rtstruct, read_contours, read_roi, read_roi_names, read_rois
from lite_ensam.io.dicom.segmentation import build_segmentation, segment_label, write_dataset
from lite_ensam.io.dicom.segmentation_file import read_segmentation
from lite_ensam.io.dicom.series import read_ct_series
from lite_ensam.io.dicom.series_list import SeriesSummary, list_ct_series
from lite_ensam.io.dicom.series_source import SeriesSource, series_of
from lite_ensam.io.dicom.structured_report import build_report

__all__ = [
    "Roi",
    "SeriesSource",
    "SeriesSummary",
    "build_report",
    "build_rtstruct",
    "build_segmentation",
    "candidate_marks",
    "find_marks",
    "find_mask",
    "is_dicom",
    "is_rtstruct",
    "list_ct_series",
    "read_contour_marks",
    "read_contours",
    "read_ct_series",
    "read_dataset",
    "read_dicom_marks",
    "read_roi",
    "read_roi_names",
    "read_rois",
    "read_segmentation",
    "segment_label",
    "series_of",
    "write_dataset",
]
