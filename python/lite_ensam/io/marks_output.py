"""RECIST lines into a file that `read_marks` reads."""

from __future__ import annotations

import json
import os

from lite_ensam.core.recist import check_marks
from lite_ensam.core.scan_source import ScanSource, SourceLike
from lite_ensam.core.types import PathLike
from lite_ensam.io.atomic import atomic_write, output_path
from lite_ensam.io.mark_forms import MarksLike, parse_marks
from lite_ensam.io.marks_files import mark_entry
from lite_ensam.io.outputs import check_outputs
from lite_ensam.io.reading import file_suffix

__all__ = ["write_marks"]


def write_marks(
    path: PathLike, marks: MarksLike, source: SourceLike | None = None, overwrite: bool = False
) -> None:
    """Write marks as JSON for `read_marks`, in the axis order of the scan's file.

    Parameters
    ----------
    path : PathLike
        JSON file to write; its name ends in .json, but not in .mrk.json, which is 3D Slicer's format.
    marks : MarksLike
        The lines, at least one, in any form that `parse_marks` takes; of a `Case` or `Segmentation`, its lines.
    source : SourceLike or None, default None
        Geometry of their scan, or the `Case` or `Segmentation` that has it. None takes that of `marks`.
    overwrite : bool, default False
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If it cannot be written, or is a file of the scan; nothing half-written is left.
    MarkError
        If they are not marks that fit the scan.
    """
    ct = ScanSource.of(marks if source is None else source)  # type: ignore[arg-type]  # refused in words
    # beside the slices of a DICOM folder is where lines are looked for, and corrected lines may replace their file
    scans = [one for one in ct.inputs if not os.path.isdir(one) and file_suffix(one) != ".json"]
    check_outputs([(output_path(path), (".json",))], scans, overwrite)
    lines = parse_marks(marks, ct)
    check_marks(lines, ct.grid.shape_zyx)
    entries = [mark_entry(mark, ct) for mark in lines]
    with atomic_write(path, overwrite) as file:
        file.write(json.dumps({"marks": entries}, indent=1).encode())
