"""Files in, files out: scans, marks, masks and reports.

What is read is checked and comes with axes (z, y, x); what is written goes whole or not at all, in
the grid of the file that the scan came from.
"""

from lite_ensam.core.about import DISCLAIMER
from lite_ensam.io.atomic import atomic_write, check_output
from lite_ensam.io.marks_files import MarksLike, parse_marks, read_marks, write_marks
from lite_ensam.io.outputs import check_outputs, refuse_inputs
from lite_ensam.io.report_files import read_report, rounded, write_report, write_table, write_text
from lite_ensam.io.scans import (
    MASK_SUFFIXES,
    VOLUME_SUFFIXES,
    ScanFile,
    open_scan,
    read_case,
    read_ct,
    read_labels,
    write_contours,
    write_ct,
    write_mask,
)

__all__ = [
    "DISCLAIMER",
    "MASK_SUFFIXES",
    "VOLUME_SUFFIXES",
    "MarksLike",
    "ScanFile",
    "atomic_write",
    "check_output",
    "check_outputs",
    "open_scan",
    "parse_marks",
    "read_case",
    "read_ct",
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
    "write_table",
    "write_text",
]
