"""Files in, files out: scans, marks, masks and reports.

Readers check their input and return axes (z, y, x); writers write whole files or nothing, in
the grid of the file that the scan came from.
"""

from lite_ensam.core.about import DISCLAIMER
from lite_ensam.io.atomic import atomic_write, check_output, make_folder
from lite_ensam.io.label_map import LabelMap
from lite_ensam.io.mark_entries import MARK_FRAMES, MarkFrame
from lite_ensam.io.mark_forms import MarksLike, parse_marks
from lite_ensam.io.marks_files import read_marks
from lite_ensam.io.marks_output import write_marks
from lite_ensam.io.object_choice import ObjectChoice
from lite_ensam.io.opened_scan import (
    OUTPUT_SUFFIXES,
    VOLUME_SUFFIXES,
    OpenedScan,
    ScanLike,
    open_scan,
)
from lite_ensam.io.outputs import check_outputs, refuse_inputs
from lite_ensam.io.report_files import read_report, rounded, write_report, write_table, write_text
from lite_ensam.io.scans import (
    MASK_SUFFIXES,
    READ_MASK_SUFFIXES,
    read_case,
    read_ct,
    read_label_map,
    read_labels,
    write_contours,
    write_ct,
    write_mask,
    write_structured_report,
)

__all__ = [
    "DISCLAIMER",
    "MARK_FRAMES",
    "MASK_SUFFIXES",
    "OUTPUT_SUFFIXES",
    "READ_MASK_SUFFIXES",
    "VOLUME_SUFFIXES",
    "LabelMap",
    "MarkFrame",
    "MarksLike",
    "ObjectChoice",
    "OpenedScan",
    "ScanLike",
    "atomic_write",
    "check_output",
    "check_outputs",
    "make_folder",
    "open_scan",
    "parse_marks",
    "read_case",
    "read_ct",
    "read_label_map",
    "read_labels",
    "read_marks",
    "read_report",
    "refuse_inputs",
    "rounded",
    "write_contours",
    "write_ct",
    "write_marks",
    "write_mask",
    "write_report",
    "write_structured_report",
    "write_table",
    "write_text",
]
