"""RECIST lines in whatever form a caller has them: `parse_marks` takes them all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lite_ensam.core.errors import CaseError, MarkError, brief
from lite_ensam.core.grid import real_array
from lite_ensam.core.recist import RecistMark, own_marks
from lite_ensam.core.scan_source import ScanSource, SourceLike
from lite_ensam.core.short_axis import short_axis_notes
from lite_ensam.core.types import PathLike
from lite_ensam.core.voxels import as_labels, as_numpy
from lite_ensam.io.choice import Choice
from lite_ensam.io.image_objects import has_geometry, volume_of_image
from lite_ensam.io.mark_entries import (
    INDEX_COLUMNS,
    MM_COLUMNS,
    MarkEntry,
    MarkFrame,
    check_frame,
    check_one_scan,
    entry_of_row,
    marks_of_entries,
)
from lite_ensam.io.marks_files import (
    check_scan_of_report,
    end_columns,
    entries_of_json,
    marks_of_labels,
    noted,
    read_marks,
    report_notes,
    table_notes,
)
from lite_ensam.io.object_choice import ObjectChoice
from lite_ensam.io.slicer_markups import check_markups_frame
from lite_ensam.io.table_rows import is_table, table_rows

__all__ = ["MarksLike", "parse_marks"]

MarksLike: TypeAlias = PathLike | RecistMark | ObjectChoice | Iterable[Any] | Mapping[Any, Any] | NDArray[Any]
"""Marks in any form that `parse_marks` takes: a file, lines, a mapping, a table, a marker volume, an `ObjectChoice`."""

_COLUMNS = {*INDEX_COLUMNS, *MM_COLUMNS}
_ENDS_KEYS = {"endpoints_zyx", "endpoints_mm"}


def parse_marks(
    marks: MarksLike,
    source: SourceLike,
    marks_in: MarkFrame = "voxel",
    ct_path: PathLike = "",
    only: Choice = (),
) -> tuple[RecistMark, ...]:
    """Read lines in any of the supported forms.

    Parameters
    ----------
    marks : MarksLike
        One of:

        - a file that `read_marks` reads
        - one `RecistMark` or several
        - nested lists or an array: one line (2, 3), or several (n, 2, 3); (6) and (n, 6) work as well
        - a mapping of labels to such lines
        - dictionaries as in the JSON file, `{"endpoints_zyx": ..., "label": ...}`; the file's whole content, this
          package's or 3D Slicer's
        - a table with the CSV file's columns: a data frame, a mapping of columns, a structured array, rows
        - a marker volume of the scan's shape, as array or as image of nibabel or SimpleITK
        - a `Case` or `Segmentation` of the same scan: its lines

        Lines without labels get 1 to n.
    source : SourceLike
        Geometry of the scan, or a `Case` or `Segmentation` that has it.
    marks_in : MarkFrame, default "voxel"
        Frame of the numbers in lists, arrays, mappings, dictionaries and tables. "voxel": indices z, y, x;
        "ras" or "lps": world millimetres x, y, z. Indices in lists, arrays and mappings are those of the
        array that the caller has; of images of nibabel and the like, and in dictionaries and tables, those of
        the stored array, slowest axis first (k, j, i).
    ct_path : PathLike, default ""
        See `read_marks`.
    only : Choice, default ()
        See `read_marks`.

    Returns
    -------
    tuple[RecistMark, ...]
        At least one mark; `notes_of` has notes on how they were read.

    Raises
    ------
    MarkError
        If they are in another form, or a line makes no sense or lies outside the scan.

    Examples
    --------
    >>> from lite_ensam.core.grid import Grid
    >>> grid = Grid.from_spacing((9, 40, 40), (5.0, 1.0, 1.0))
    >>> parse_marks({3: ((4, 10, 2), (4, 10, 12))}, grid)[0].length_mm(grid.spacing_mm)
    10.0
    >>> parse_marks([[4, 10, 2], [4, 10, 12]], grid)[0].label
    1
    >>> parse_marks([[2, 10, 20], [12, 10, 20]], grid, marks_in="lps")[0].endpoints_zyx
    ((4.0, 10.0, 2.0), (4.0, 10.0, 12.0))
    """
    check_frame(marks_in)
    ct = ScanSource.of(source)
    marks = own_marks(marks, ct.grid)
    if isinstance(marks, str | os.PathLike):
        return read_marks(marks, ct, ct_path, marks_in, only)
    if only:
        raise MarkError("`only` is for a DICOM SEG or RTSTRUCT, but `marks` is not a path")
    if isinstance(marks, ObjectChoice):
        raise MarkError("an ObjectChoice chooses from a DICOM folder or study, which ct is not")
    if (marker := _marker(marks, ct)) is not None:
        if marks_in != "voxel":
            raise MarkError(f'a marker volume knows where its lines lie: leave marks_in="{marks_in}" out')
        return marker
    entries, notes = _entries(marks, ct, marks_in)
    if marks_in != "voxel" and any(isinstance(entry, RecistMark) for _, entry in entries):
        raise MarkError(f'RecistMarks have voxel indices: leave marks_in="{marks_in}" out')
    found = marks_of_entries(entries, ct, marks_in)
    return noted(found, (*notes, *short_axis_notes(found, ct.grid.spacing_mm)))


def _marker(marks: MarksLike, ct: ScanSource) -> tuple[RecistMark, ...] | None:
    """Lines of a marker volume, None if it is something else."""
    try:
        if has_geometry(marks):
            voxels, own = volume_of_image(marks)
            return marks_of_labels(as_labels(voxels), own if own.grid.is_oriented else None, ct)
        if is_table(marks) or isinstance(marks, list | tuple | Mapping) or not hasattr(marks, "__array__"):
            return None
        array = as_numpy(marks)
        if array.ndim != 3 or array.shape[1:] == (2, 3):
            return None
        shape = ct.to_array(np.empty(ct.grid.shape_zyx, np.bool_)).shape
        if array.shape != shape:
            order = ": x, y, z order?" if array.shape[::-1] == shape else ""
            raise MarkError(
                f"an array of marks must have shape (n, 2, 3) or the ct's {shape}, got {array.shape}{order}"
            )
        return marks_of_labels(as_labels(ct.from_array(array)), None, ct)
    except CaseError as error:
        raise MarkError(f"marks: {error}") from None


_Entries: TypeAlias = tuple[list[tuple[str, MarkEntry | RecistMark]], tuple[str, ...]]
"""Every line with where it comes from, and notes on what was not read."""


def _entries(marks: MarksLike, ct: ScanSource, marks_in: MarkFrame) -> _Entries:
    """All lines; points of the caller's own array become those of the file."""
    if isinstance(marks, RecistMark):
        return [("mark number 1", marks)], ()
    if is_table(marks):
        return _rows(table_rows(marks))
    if isinstance(marks, Mapping):
        return _entries_of_mapping(marks, ct, marks_in)
    if hasattr(marks, "__array__"):
        marks = as_numpy(marks).tolist()
    if not isinstance(marks, Iterable) or isinstance(marks, str | bytes):
        raise MarkError(
            "marks must be RecistMarks, a mapping, an array or a file, nested lists, a table, or a Case or "
            f"Segmentation, got {type(marks).__name__}"
        )
    listed: list[Any] = [one.tolist() if isinstance(one, np.ndarray) else one for one in marks]
    if real_array(listed).shape in ((2, 3), (6,)):
        listed = [listed]
    if listed and all(isinstance(one, Mapping) and _COLUMNS & set(one) for one in listed):
        return _rows(listed)
    places = [f"mark number {n}" for n in range(1, len(listed) + 1)]
    return [(where, _entry(one, where, ct, marks_in)) for where, one in zip(places, listed, strict=True)], ()


def _entries_of_mapping(marks: Mapping[Any, Any], ct: ScanSource, marks_in: MarkFrame) -> _Entries:
    keys = set(marks)
    check_markups_frame(marks, marks_in)
    if keys & {"marks", "markups"}:
        check_scan_of_report(marks, ct.grid)
        return list(entries_of_json(marks, marks_in)), report_notes(marks)
    if keys & _ENDS_KEYS:
        return [("mark number 1", marks)], ()
    if keys & _COLUMNS:
        is_row = all(np.ndim(cells) == 0 for cells in marks.values())
        return _rows([marks] if is_row else _transposed(marks))
    labelled: list[tuple[str, MarkEntry | RecistMark]] = []
    for label, ends in marks.items():
        where = f"mark {brief(label)}"
        entry = _entry(ends, where, ct, marks_in)
        if isinstance(entry, RecistMark):
            raise MarkError(f"{where}: a RecistMark has its own label; give a list of them")
        is_json = isinstance(label, str) and label.isdecimal()  # whose keys are texts
        labelled.append((where, {**entry, "label": int(label) if is_json else label}))
    return labelled, ()


def _entry(line: Any, where: str, ct: ScanSource, marks_in: MarkFrame) -> MarkEntry | RecistMark:
    """One line of a list or a mapping."""
    if isinstance(line, RecistMark | Mapping):
        return line
    points = real_array(line)
    if points.shape == (6,):
        line, points = points.reshape(2, 3).tolist(), points.reshape(2, 3)
    if points.shape != (2, 3):
        raise MarkError(
            f"{where}: endpoints must be two points of three finite numbers, z, y, x (millimetres: x, y, z), "
            f"got {brief(line)}"
        )
    if marks_in != "voxel":
        return {"endpoints_mm": line}
    # on images of other libraries, indices are k, j, i, as in files
    if ct.array_axes is None and ct.file_axes_zyx != (2, 1, 0):
        line = ct.points_to_file(points).tolist()
    return {"endpoints_zyx": line}


def _transposed(columns: Mapping[str, ArrayLike]) -> list[Mapping[str, Any]]:
    """Rows of a mapping of columns."""
    cells = {name: list(column) for name, column in columns.items()}  # type: ignore[arg-type]
    if len({len(column) for column in cells.values()}) > 1:
        raise MarkError("the columns of marks must have one length")
    return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


def _rows(records: Sequence[Mapping[str, Any]]) -> _Entries:
    if not records:
        return [], ()
    columns = list(dict.fromkeys(str(name) for row in records for name in row))
    ends = end_columns(columns)
    check_one_scan(records)
    notes = table_notes(columns, ends)
    return [(where := f"row {n}", entry_of_row(row, where, ends)) for n, row in enumerate(records, 1)], notes
