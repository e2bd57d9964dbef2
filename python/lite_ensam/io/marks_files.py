"""RECIST lines from JSON, CSV, DICOM, a marker volume or Python's own types, and to JSON.

Indices in a file of marks are those of the CT's FILE, slowest axis first: (z, y, x) = (k, j, i) of
the stored array, what `numpy` users and FLARE call z, y, x. Millimetres are world (x, y, z) of the
NIfTI affine: right, anterior, superior. Both come out as indices of the (z, y, x) volume.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lite_ensam.core.errors import CaseError, MarkError, brief, printable
from lite_ensam.core.grid import Grid, real_array
from lite_ensam.core.recist import RecistMark, check_marks, marks_from_marker
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.core.types import Float64Array, PathLike
from lite_ensam.io.atomic import atomic_write
from lite_ensam.io.csv_tables import read_csv
from lite_ensam.io.deeplesion import is_deeplesion, read_deeplesion_marks
from lite_ensam.io.dicom import read_dicom_marks
from lite_ensam.io.dicom.datasets import is_dicom
from lite_ensam.io.flare_npz import read_npz_labels
from lite_ensam.io.nifti import NiftiVolume
from lite_ensam.io.reading import file_suffix, read_json

__all__ = ["MarksLike", "mark_entry", "parse_marks", "read_marks", "write_marks"]

MarksLike: TypeAlias = PathLike | RecistMark | Sequence[RecistMark] | Mapping[int, ArrayLike] | NDArray[Any]
"""A file, one line or several, label to two ends, ends (n, 2, 3), or a marker volume: what `parse_marks` takes."""

_INDEX_COLUMNS = ("z0", "y0", "x0", "z1", "y1", "x1")
_MM_COLUMNS = ("x0_mm", "y0_mm", "z0_mm", "x1_mm", "y1_mm", "z1_mm")


def read_marks(path: PathLike, source: ScanSource | Grid, ct_path: PathLike = "") -> tuple[RecistMark, ...]:
    """All RECIST lines of a file, for the CT whose source is given.

    Parameters
    ----------
    path : .json, `{"marks": [{"label": 1, "endpoints_zyx": [[z, y, x], [z, y, x]]}, ...]}`, or
        `"endpoints_mm": [[x, y, z], [x, y, z]]` (world mm, RAS) instead; if you like `"name"`,
        `"tracking_uid"`, `"short_axis_zyx"`, two points too, `"first_slice"` and `"last_slice"`, indices along the
        axis of slices, and `"inside_zyx"` and `"outside_zyx"`, lists of points; the points in mm, too;
        .csv, one mark a row under `label,z0,y0,x0,z1,y1,x1` or `label,x0_mm,y0_mm,...,z1_mm`, if you like with
        `name`, `first_slice`, `last_slice` and `short_z0,...,short_x1` (`short_x0_mm,...`); a cell may be empty;
        a marker volume on the CT's own grid: .nii, .nii.gz, or .npz with `recist`;
        or DICOM, whatever it is called: see `dicom.read_dicom_marks`
    source : of the CT, from `read_ct`
    ct_path : of the CT, which DeepLesion's table (DL_info.csv) needs to know: see `read_deeplesion_marks`

    Returns
    -------
    Marks in voxel indices of the (z, y, x) volume: at least one, inside the volume.

    Raises
    ------
    MarkError
        If the file is missing or makes no sense, or a mark does not fit the volume; the message
        names the file, the mark and what was expected.
    """
    readers: dict[str, Callable[[PathLike, ScanSource], tuple[RecistMark, ...]]] = {
        ".json": _read_json,
        ".csv": _read_csv,
        ".nii": _read_marker,
        ".nii.gz": _read_marker,
        ".npz": _read_marker,
        ".dcm": read_dicom_marks,
    }
    ct, suffix = ScanSource.of(source), file_suffix(path)
    if not suffix and is_dicom(path):
        suffix = ".dcm"
    if suffix not in readers:
        raise MarkError(f"{printable(path)}: marks must be a file of type {', '.join(readers)}")
    try:
        if suffix == ".csv" and is_deeplesion(path):
            marks = read_deeplesion_marks(path, ct_path)
        else:
            marks = readers[suffix](path, ct)
        check_marks(marks, ct.grid.shape_zyx)
    except MarkError as error:
        raise MarkError(f"{printable(path)}: {error}") from None
    except CaseError as error:
        raise MarkError(str(error)) from None
    return marks


def parse_marks(marks: MarksLike, source: ScanSource | Grid) -> tuple[RecistMark, ...]:
    """Lines in whatever form a caller has them.

    Parameters
    ----------
    marks : a file that `read_marks` reads, one `RecistMark` or several, a mapping of labels to endpoints
        ((z, y, x), (z, y, x)), an array (n, 2, 3) of endpoints (labels 1..n), or a marker volume of the grid's shape
    source : of the scan

    Raises
    ------
    MarkError
        If they are none of these, or a line is none. Whether lines lie inside the scan is asked of files only.

    Examples
    --------
    >>> grid = Grid.from_spacing((9, 40, 40), (5.0, 1.0, 1.0))
    >>> parse_marks({3: ((4, 10, 2), (4, 10, 12))}, grid)[0].length_mm(grid.spacing_mm)
    10.0
    """
    if isinstance(marks, str | os.PathLike):
        return read_marks(marks, source)
    grid = ScanSource.of(source).grid
    if isinstance(marks, RecistMark):
        return (marks,)
    if isinstance(marks, Mapping):
        return tuple(RecistMark(label, _ends(ends)) for label, ends in marks.items())
    if isinstance(marks, np.ndarray):
        if marks.ndim == 3 and marks.shape[1:] == (2, 3):
            return tuple(RecistMark(n, _ends(ends)) for n, ends in enumerate(marks, start=1))
        if marks.shape != grid.shape_zyx:
            raise MarkError(
                f"an array of marks must have shape (n, 2, 3) or the ct's {grid.shape_zyx}, got {marks.shape}"
            )
        return marks_from_marker(marks, grid.spacing_mm)
    if isinstance(marks, Iterable) and not isinstance(marks, bytes):
        listed = tuple(marks)
        if all(isinstance(mark, RecistMark) for mark in listed):
            return listed
    raise MarkError(f"marks must be RecistMarks, a mapping, an array or a file, got {type(marks).__name__}")


def _ends(ends: ArrayLike) -> Any:
    """Endpoints as they came; `RecistMark` checks them and says what is wrong."""
    return ends.tolist() if isinstance(ends, np.ndarray) else ends


def write_marks(
    path: PathLike, marks: Sequence[RecistMark], source: ScanSource | Grid, overwrite: bool = False
) -> None:
    """Write marks as JSON that `read_marks` gives back, in the axis order of the scan's file.

    Raises
    ------
    OutputError
        If it cannot be written; nothing half-written is left.
    """
    entries = [mark_entry(mark, source) for mark in marks]
    with atomic_write(path, overwrite) as file:
        file.write(json.dumps({"marks": entries}, indent=1).encode())


def mark_entry(mark: RecistMark, source: ScanSource | Grid) -> dict[str, Any]:
    """A mark as it stands in JSON: what `read_marks` reads, and the line's length."""
    ct = ScanSource.of(source)
    to_file = ct.points_to_file
    return (
        {
            "label": mark.label,
            "endpoints_zyx": to_file(mark.endpoints_zyx).tolist(),
            "length_mm": round(mark.length_mm(ct.grid.spacing_mm), 2),
        }
        | ({"name": mark.name} if mark.name else {})
        | ({"tracking_uid": mark.tracking_uid} if mark.tracking_uid else {})
        | ({"short_axis_zyx": to_file(mark.short_axis_zyx).tolist()} if mark.short_axis_zyx else {})
        | ({} if mark.first_slice is None else {"first_slice": mark.first_slice})
        | ({} if mark.last_slice is None else {"last_slice": mark.last_slice})
        | ({"inside_zyx": to_file(mark.inside_zyx).tolist()} if mark.inside_zyx else {})
        | ({"outside_zyx": to_file(mark.outside_zyx).tolist()} if mark.outside_zyx else {})
    )


def _read_json(path: PathLike, ct: ScanSource) -> tuple[RecistMark, ...]:
    content = read_json(path)
    entries = content.get("marks") if isinstance(content, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise MarkError('must be {"marks": [{"label": 1, "endpoints_zyx": [[z, y, x], [z, y, x]]}, ...]}')
    return tuple(_mark(entry, f"mark number {n}", ct) for n, entry in enumerate(entries, start=1))


def _read_csv(path: PathLike, ct: ScanSource) -> tuple[RecistMark, ...]:
    columns, rows = read_csv(path)
    ends = _end_columns(columns)
    key = "endpoints_zyx" if ends is _INDEX_COLUMNS else "endpoints_mm"
    marks = []
    for line, row in rows:
        label, *numbers = (_number(row.get(name), f"line {line}", name) for name in ("label", *ends))
        entry = {"label": label, key: [numbers[:3], numbers[3:]]}
        optional = {"name": row.get("name") or ""} | _optional_cells(row, f"line {line}", ends)
        marks.append(_mark(entry | optional, f"line {line}", ct))
    return tuple(marks)


def _optional_cells(row: Mapping[str, str | None], line: str, ends: Sequence[str]) -> dict[str, Any]:
    """Slices and short axis of a row, where its cells are filled."""
    cells: dict[str, Any] = {
        name: _number(row[name], line, name)
        for name in ("first_slice", "last_slice")
        if (row.get(name) or "").strip()
    }
    columns = [f"short_{name}" for name in ends]
    filled = [name for name in columns if (row.get(name) or "").strip()]
    if filled and len(filled) < len(columns):
        missing = next(name for name in columns if name not in filled)
        raise MarkError(f"{line}: a short axis needs all of {', '.join(columns)}; {missing} is empty")
    if filled:
        numbers = [_number(row[name], line, name) for name in columns]
        key = "short_axis_zyx" if ends is _INDEX_COLUMNS else "short_axis_mm"
        cells[key] = [numbers[:3], numbers[3:]]
    return cells


def _end_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns of the ends, indices or millimetres, checked against the first line of a CSV."""
    given = [ends for ends in (_INDEX_COLUMNS, _MM_COLUMNS) if set(ends) & set(columns)]
    if len(given) == 2:
        raise MarkError("has columns of indices and of millimetres; only one of them may be given")
    if not given or not {"label", *given[0]} <= set(columns):
        raise MarkError(
            f"the first line must name the columns label,{','.join(_INDEX_COLUMNS)} or "
            f"label,{','.join(_MM_COLUMNS)}; it is {brief(','.join(columns))}"
        )
    return given[0]


def _read_marker(path: PathLike, ct: ScanSource) -> tuple[RecistMark, ...]:
    marker_source: ScanSource | None
    if file_suffix(path) == ".npz":
        marker, marker_source = read_npz_labels(path, "recist")
    else:
        volume = NiftiVolume.open(path)
        marker, marker_source = volume.read_marker(), volume.source
    if marker.shape != ct.grid.shape_zyx:
        raise MarkError(f"the marker volume has shape {marker.shape}, the CT {ct.grid.shape_zyx} (z, y, x)")
    if marker_source is not None and not marker_source.grid.matches(ct.grid):
        raise MarkError(
            "the marker volume lies elsewhere than the CT: its affine is "
            f"{_text(marker_source.file_affine)}, the CT's {_text(ct.file_affine)}"
        )
    return marks_from_marker(marker, ct.grid.spacing_mm)


def _mark(entry: Mapping[str, Any], where: str, ct: ScanSource) -> RecistMark:
    """One entry of a JSON or CSV file; `where` is for messages."""
    label = entry.get("label")
    if isinstance(label, float) and label.is_integer():
        label = int(label)  # spreadsheets write 1.0
    given = [key for key in ("endpoints_zyx", "endpoints_mm") if key in entry]
    if len(given) != 1 or "label" not in entry:
        raise MarkError(
            f"{where}: needs a label and either endpoints_zyx or endpoints_mm, has {brief(list(entry))}"
        )
    ends = _two_points(entry[given[0]], f"{where}: {given[0]}")
    zyx = ct.points_from_file(ends) if given[0] == "endpoints_zyx" else ct.grid.mm_to_voxel(ends)
    name = "" if entry.get("name") is None else entry["name"]
    short_axis = _points(entry, "short_axis", where, ct, _two_points)
    inside, outside = (_points(entry, key, where, ct, _any_points) or [] for key in ("inside", "outside"))
    # a file may keep its axes in another order, but counts slices from the same end
    first, last = (_slice(entry.get(key)) for key in ("first_slice", "last_slice"))
    uid = entry.get("tracking_uid") or ""
    try:
        return RecistMark(label, zyx.tolist(), name, uid, short_axis, first, last, inside, outside)  # type: ignore[arg-type]
    except MarkError as error:
        raise MarkError(f"{where}: {error}") from None


def _points(
    entry: Mapping[str, Any],
    key: str,
    where: str,
    ct: ScanSource,
    check: Callable[[Any, str], Float64Array],
) -> list[list[float]] | None:
    """Points of `<key>_zyx` or `<key>_mm` as indices of the volume; None if neither is there."""
    given = [name for name in (f"{key}_zyx", f"{key}_mm") if entry.get(name) is not None]
    if len(given) == 2:
        raise MarkError(f"{where}: has both {given[0]} and {given[1]}; only one of them may be given")
    if not given:
        return None
    points = check(entry[given[0]], f"{where}: {given[0]}")
    if not len(points):
        return []
    to_volume = ct.points_from_file if given[0].endswith("_zyx") else ct.grid.mm_to_voxel
    volume_points: list[list[float]] = to_volume(points).tolist()
    return volume_points


def _slice(number: Any) -> Any:
    """A slice's number; spreadsheets write 33.0. `RecistMark` refuses what is none."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _two_points(points: Any, where: str) -> Float64Array:
    ends = real_array(points)
    is_line = ends.shape == (2, 3) and np.isfinite(ends).all()
    if not is_line or any(isinstance(number, bool) for point in points for number in point):
        raise MarkError(f"{where} must be two points of three finite numbers, got {brief(points)}")
    return ends.astype(np.float64)


def _any_points(points: Any, where: str) -> Float64Array:
    if isinstance(points, list) and not points:
        return np.empty((0, 3))
    array = real_array(points)
    is_list = array.ndim == 2 and array.shape[1] == 3 and np.isfinite(array).all()
    if not is_list or any(isinstance(number, bool) for point in points for number in point):
        raise MarkError(f"{where} must be a list of points of three finite numbers, got {brief(points)}")
    return array.astype(np.float64)


def _number(text: str | None, line: str, column: str) -> float:
    if text is None:
        raise MarkError(f"{line} has no value for the column {column}")
    try:
        return float(text)
    except ValueError:
        raise MarkError(f"{line}, column {column}: {brief(text)} is not a number") from None


def _text(affine: Float64Array) -> str:
    return str(np.round(affine[:3], 3).tolist())
