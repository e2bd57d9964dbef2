"""RECIST lines of the DeepLesion data set, out of its one table for all scans (DL_info.csv)."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lite_ensam.core.errors import MarkError, brief
from lite_ensam.core.recist import RecistMark
from lite_ensam.io.csv_tables import read_csv
from lite_ensam.io.reading import read_text

__all__ = ["is_deeplesion", "read_deeplesion_marks"]

_LINES, _SLICE = "Measurement_coordinates", "File_name"
_SLICE_NAME = re.compile(r"(\d+_\d+_\d+)_(\d+)\.png")
_VOLUME_NAME = re.compile(r"(\d+_\d+_\d+)_(\d+)-(\d+)(\..*)?")


def is_deeplesion(path: str | os.PathLike[str]) -> bool:
    """Whether a CSV file is DeepLesion's table, by the names of its columns."""
    try:
        first_line = read_text(path).partition("\n")[0]
    except UnicodeDecodeError:
        return False
    return _LINES in first_line and _SLICE in first_line


def read_deeplesion_marks(
    path: str | os.PathLike[str], ct_path: str | os.PathLike[str]
) -> tuple[RecistMark, ...]:
    """Lines of one scan, labelled 1, 2, ... in the table's order.

    Parameters
    ----------
    path : str or os.PathLike[str]
        DL_info.csv. A row has eight coordinates, counted from 1: x and y of the two ends of the long axis,
        then of the short axis, which is not used.
    ct_path : str or os.PathLike[str]
        The scan, under the name that DeepLesion's own conversion to NIfTI gives it:
        patient_study_series_first-last, such as 000001_01_01_103-115.nii.gz; last and first say which slices
        of the series it has.

    Returns
    -------
    tuple[RecistMark, ...]
        Marks in voxel indices of the (z, y, x) volume. Not yet checked to lie inside the volume.

    Raises
    ------
    MarkError
        If the scan has another name, the table has no line on its slices, or a row makes no sense.
    """
    match = _VOLUME_NAME.fullmatch(Path(ct_path).name)
    if match is None:
        raise MarkError(
            "is DeepLesion's table, so the scan must be called patient_study_series_first-last, "
            f"such as 000001_01_01_103-115.nii.gz, got {brief(Path(ct_path).name)}"
        )
    series, first, last = match[1], int(match[2]), int(match[3])
    marks: list[RecistMark] = []
    columns, rows = read_csv(path)
    if missing := {_SLICE, _LINES} - set(columns):
        raise MarkError(f"is DeepLesion's table, but has no column {', '.join(sorted(missing))}")
    for line, row in rows:
        shown = _SLICE_NAME.fullmatch(row.get(_SLICE, ""))
        if shown is not None and shown[1] == series and first <= int(shown[2]) <= last:
            z = int(shown[2]) - first
            marks.append(_mark(row, len(marks) + 1, z, f"line {line}"))
    if not marks:
        raise MarkError(f"has no line on slices {first} to {last} of {series}")
    return tuple(marks)


def _mark(row: Mapping[str, str], label: int, z: int, where: str) -> RecistMark:
    try:
        x0, y0, x1, y1 = (np.array(row.get(_LINES, "").split(",")[:4], dtype=np.float64) - 1).tolist()
    except ValueError:
        raise MarkError(f"{where}: {_LINES} must be eight numbers, got {brief(row.get(_LINES))}") from None
    try:
        return RecistMark(label, ((z, y0, x0), (z, y1, x1)))
    except MarkError as error:
        raise MarkError(f"{where}: {error}") from None
