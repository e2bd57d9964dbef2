"""One RECIST line as a dictionary, of a JSON file or a row of a table: the only place that knows its keys.

Voxel indices in a dictionary are those of the scan's FILE, slowest axis first: (z, y, x) = (k, j, i) of the stored
array. Millimetres are world (x, y, z). Values that cannot be right are refused with the likely cause.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from lite_ensam.core.coded_concept import CodedConcept
from lite_ensam.core.errors import MarkError, brief
from lite_ensam.core.grid import real_array
from lite_ensam.core.recist import RecistMark, check_marks, is_inside
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.core.types import Float64Array

__all__ = [
    "INDEX_COLUMNS",
    "MARK_FRAMES",
    "MM_COLUMNS",
    "PROMPT_KEYS",
    "MarkEntry",
    "MarkFrame",
    "check_frame",
    "check_one_scan",
    "entry_of_row",
    "marks_of_entries",
    "unread_columns",
]

MarkFrame: TypeAlias = Literal["voxel", "ras", "lps"]
"""Coordinates of marks: "voxel" indices (z, y, x), or world mm (x, y, z) towards right, anterior and superior ("ras")
or left, posterior and superior ("lps")."""

MARK_FRAMES: tuple[MarkFrame, ...] = get_args(MarkFrame)
"""All values of `MarkFrame`."""

MarkEntry: TypeAlias = Mapping[str, Any]

INDEX_COLUMNS = ("z0", "y0", "x0", "z1", "y1", "x1")
MM_COLUMNS = ("x0_mm", "y0_mm", "z0_mm", "x1_mm", "y1_mm", "z1_mm")

_SLICES = ("first_slice", "last_slice")
_POINTS = ("short_axis", "inside", "outside")
"""Each is read as `<name>_zyx` or as `<name>_mm`."""
PROMPT_KEYS = (*_SLICES, *(f"{name}_{unit}" for name in _POINTS for unit in ("zyx", "mm")))
"""Keys of a mark in JSON that say more of a tumour than its line."""

_READ = ("label", "endpoints_zyx", "endpoints_mm", "name", "tracking_uid", "finding_site", *PROMPT_KEYS)
_WRITTEN = ("length_mm", "drawn_short_axis_mm")
"""Keys that are written for people and follow from the others."""

_COLUMNS = ("label", "name", "tracking_uid", *_SLICES)
"""Columns of a table that are read, beside those of the ends."""

_POINT_COLUMNS = tuple(f"{name}_{unit}" for name in _POINTS[1:] for unit in ("zyx", "mm"))
"""A table has no points; `short_axis_zyx` is the mask's in the viewer's table."""

_SHORT_COLUMNS = tuple(f"short_{name}" for name in (*INDEX_COLUMNS, *MM_COLUMNS))

_WHOSE = {
    "image", "imagename", "imagefile", "imagepath",  # each slice has an ID and UID of its own
    "ct", "path", "fname", "visit", "timepoint",
    *(f"{what}{of}" for what in ("case", "scan", "file", "patient", "subject", "series", "study")
      for of in ("", "id", "name", "file", "path", "uid", "instanceuid")),
}  # fmt: skip
"""Columns that say which scan a line is of, in lower case, letters only."""

_ALIKE = 0.8
"""Likeness of a misspelt column to the one that is meant: that of `labels` and `label` is 0.91, of `slice` and
`last_slice` 0.67."""

_LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])

_OFF_SLICE = 0.1
"""Indices are whole along the body: a line lies on a slice. Half a slice off comes of half a voxel's confusion."""

_SHORTEST_MM = 0.5
"""No tumour is shorter: a line of 0.02 mm was given in metres."""


def check_frame(marks_in: str) -> None:
    """Raise `MarkError` unless the name is one of `MARK_FRAMES`."""
    if marks_in not in MARK_FRAMES:
        raise MarkError(f"marks_in must be one of {', '.join(MARK_FRAMES)}, got {brief(marks_in)}")


def marks_of_entries(
    entries: Iterable[tuple[str, MarkEntry | RecistMark]], source: ScanSource, marks_in: MarkFrame = "voxel"
) -> tuple[RecistMark, ...]:
    """The lines of dictionaries; a `RecistMark` among them stays what it is.

    Parameters
    ----------
    entries : Iterable[tuple[str, MarkEntry | RecistMark]]
        Where each comes from ("mark number 1", "line 2"), for messages, and the entry. Either all have a
        label or none has: these get 1..n.
    source : ScanSource
        Geometry of the scan.
    marks_in : MarkFrame, default "voxel"
        "lps" if `endpoints_mm` are LPS instead of RAS; "ras" and "lps" allow no `endpoints_zyx`.

    Raises
    ------
    MarkError
        If a key is not known, a number is missing or wrong, or a line does not fit the scan.
    """
    listed = list(entries)
    unlabelled = [where for where, entry in listed if not _has_label(entry)]
    if unlabelled and len(unlabelled) < len(listed):
        raise MarkError(f"{unlabelled[0]} needs a label, as others have one: label all of them or none")
    return tuple(
        entry if isinstance(entry, RecistMark) else _mark({"label": n, **entry}, where, source, marks_in)
        for n, (where, entry) in enumerate(listed, start=1)
    )


def entry_of_row(row: Mapping[str, Any], where: str, columns: Sequence[str]) -> MarkEntry:
    """The entry of a table's row; slices and short axis are read where their cells are filled.

    Parameters
    ----------
    row : Mapping[str, Any]
        Cells by column, texts or numbers; other columns are ignored, see `unread_columns`.
    where : str
        Place of the row, for messages.
    columns : Sequence[str]
        `INDEX_COLUMNS` or `MM_COLUMNS`.
    """
    numbers = [_number(row.get(name), where, name) for name in columns]
    entry: dict[str, Any] = {
        "endpoints_zyx" if columns is INDEX_COLUMNS else "endpoints_mm": [numbers[:3], numbers[3:]]
    }
    if "label" in row:
        entry["label"] = _number(row["label"], where, "label")
    entry |= {
        name: _text(row[name], where, name) for name in ("name", "tracking_uid") if _is_filled(row.get(name))
    }
    entry |= {name: _number(row[name], where, name) for name in _SLICES if _is_filled(row.get(name))}
    short = [f"short_{name}" for name in columns]
    missing = [name for name in short if not _is_filled(row.get(name))]
    if len(missing) < len(short):
        if missing:
            raise MarkError(f"{where}: a short axis needs all of {', '.join(short)}; {missing[0]} is empty")
        numbers = [_number(row[name], where, name) for name in short]
        key = "short_axis_zyx" if columns is INDEX_COLUMNS else "short_axis_mm"
        entry[key] = [numbers[:3], numbers[3:]]
    return entry


def check_one_scan(rows: Iterable[Mapping[str, Any]]) -> None:
    """Raise `MarkError` if the rows of a table say that they are lines of several scans.

    Choosing among them is left to whoever knows what the column means: the name of a scan's file may be that of
    another patient's scan in another folder, and a line on the wrong scan is not noticed.
    """
    values: dict[str, set[str]] = {}
    for row in rows:
        for name, cell in row.items():
            if re.sub("[^a-z]", "", str(name).lower()) in _WHOSE and _is_filled(cell):
                values.setdefault(str(name), set()).add(str(cell).strip())
    for name, found in values.items():
        if len(found) > 1:
            raise MarkError(
                f"column {brief(name)} has {len(found)} different values, expected one: these are lines of several "
                "scans. Give the lines of each scan by themselves, or leave the column out if all are of this scan"
            )


def unread_columns(columns: Iterable[str], ends: Sequence[str]) -> tuple[str, ...]:
    """Columns of a table that say nothing of a line, such as a patient's age.

    Parameters
    ----------
    columns : Iterable[str]
        All columns of the table.
    ends : Sequence[str]
        `INDEX_COLUMNS` or `MM_COLUMNS`, whichever hold the ends.

    Raises
    ------
    MarkError
        If one seems to be a misspelt column, or a prompt in a form that a table does not have: it would be lost.
    """
    given = list(columns)
    read = (*_COLUMNS, *ends, *(f"short_{name}" for name in ends))
    unread = [name for name in given if name and name not in read]
    missing = [name for name in ("label", *_SLICES) if name not in given]
    for name in unread:
        lower = name.lower()
        if lower in _POINT_COLUMNS:
            raise MarkError(f"column {brief(name)} is not read: give points in JSON")
        if lower in _SHORT_COLUMNS and lower not in read:
            raise MarkError(
                f"column {brief(name)} is not read: a short axis is given as the ends are, as short_{ends[0]}"
            )
        meant = [lower] if lower in read else get_close_matches(lower, missing, 1, _ALIKE)
        if meant and meant[0] not in given:
            raise MarkError(
                f"column {brief(name)} is not read: did you mean {meant[0]}? Else rename it or leave it out"
            )
    return tuple(unread)


def _text(cell: Any, where: str, column: str) -> str:
    """A text; spreadsheets and data frames read the name `12` as a number, and UIDs as wrong ones."""
    if isinstance(cell, str):
        return cell
    if column != "name":
        raise MarkError(f"{where}, column {column}: {brief(cell)} must be a text")
    return str(_whole(cell))


def _is_filled(cell: Any) -> bool:
    """Whether a table's cell holds anything; data frames have NaN where it does not."""
    return bool(cell.strip()) if isinstance(cell, str) else cell is not None and cell == cell


def _has_label(entry: MarkEntry | RecistMark) -> bool:
    return isinstance(entry, RecistMark) or "label" in entry


def _mark(entry: MarkEntry, where: str, source: ScanSource, marks_in: MarkFrame) -> RecistMark:
    given = [key for key in ("endpoints_zyx", "endpoints_mm") if key in entry]
    if len(given) != 1:
        raise MarkError(f"{where}: needs either endpoints_zyx or endpoints_mm, has {brief(list(entry))}")
    if unknown := [key for key in entry if key not in (*_READ, *_WRITTEN)]:
        raise MarkError(f"{where}: {brief(unknown[0])} is not read; a mark has {', '.join(_READ)}")
    if given[0] == "endpoints_zyx" and marks_in != "voxel":
        raise MarkError(
            f'{where}: endpoints_zyx are voxel indices, but marks_in="{marks_in}" says millimetres: '
            "call them endpoints_mm"
        )
    points = _two_points(entry[given[0]], f"{where}: {given[0]}")
    if given[0] == "endpoints_mm":
        zyx = source.grid.mm_to_voxel(points * _LPS_TO_RAS if marks_in == "lps" else points)
    else:
        zyx = source.points_from_file(points)
    short_axis = _points(entry, "short_axis", where, source, marks_in)
    inside, outside = (_points(entry, key, where, source, marks_in) or () for key in ("inside", "outside"))
    # a file may keep its axes in another order, but counts slices from the same end
    first, last = (entry.get(key) for key in _SLICES)
    label, name = entry["label"], "" if entry.get("name") is None else entry["name"]
    label, uid = _whole(label), entry.get("tracking_uid") or ""
    try:
        _check_place(zyx, points, given[0], source, marks_in)
        site = None if entry.get("finding_site") is None else CodedConcept.of(entry["finding_site"])
        mark = RecistMark(label, zyx.tolist(), name, uid, short_axis, first, last, inside, outside, site)  # type: ignore[arg-type]
        if given[0] == "endpoints_mm" and mark.length_mm(source.grid.spacing_mm) < _SHORTEST_MM:
            length_mm = mark.length_mm(source.grid.spacing_mm)
            raise MarkError(f"the line is {length_mm:.2g} mm long: metres instead of millimetres?")
        check_marks([mark], source.grid.shape_zyx)
        if given[0] == "endpoints_zyx":
            _check_indices(zyx, source)
    except MarkError as error:
        raise MarkError(f"{where}: {str(error).removeprefix(f'mark {label}: ')}") from None
    return mark


def _whole(number: Any) -> Any:
    """Spreadsheets write 1.0; `RecistMark` refuses what is not whole."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _points(
    entry: MarkEntry, name: str, where: str, source: ScanSource, marks_in: MarkFrame
) -> list[list[float]] | None:
    """Points of `<name>_zyx` or `<name>_mm` as indices of the volume; None if neither is there."""
    given = [key for key in (f"{name}_zyx", f"{name}_mm") if entry.get(key) is not None]
    if len(given) == 2:
        raise MarkError(f"{where}: has both {given[0]} and {given[1]}; only one of them may be given")
    if not given:
        return None
    check = _two_points if name == "short_axis" else _any_points
    points = check(entry[given[0]], f"{where}: {given[0]}")
    if not len(points):
        return []
    if given[0].endswith("_mm"):
        points = source.grid.mm_to_voxel(points * _LPS_TO_RAS if marks_in == "lps" else points)
    else:
        points = source.points_from_file(points)
    listed: list[list[float]] = points.tolist()
    return listed


def _check_indices(ends_zyx: Float64Array, source: ScanSource) -> None:
    """Raise if indices look like millimetres: between two slices, or whole numbers only of voxel sizes."""
    z = ends_zyx[:, 0]
    n_slices = source.grid.shape_zyx[0]
    in_volume = (z > -0.5) & (z < n_slices - 0.5)  # its outer faces are half-numbers
    if z[0] == z[1] and in_volume.all() and abs(z[0] - np.rint(z[0])) > _OFF_SLICE:
        raise MarkError(
            f"z = {z[0]:g} lies between two slices, expected a voxel index: millimetres? {_HOW_TO_SAY_MM}"
        )
    halves = np.isclose(2 * ends_zyx, np.rint(2 * ends_zyx), rtol=0, atol=1e-6)
    sizes = ends_zyx / source.grid.spacing_mm
    if not halves.all() and np.isclose(sizes, np.rint(sizes), rtol=0, atol=1e-3).all():
        raise MarkError(
            "the endpoints are whole multiples of the spacing, expected voxel indices: millimetres? "
            f"{_HOW_TO_SAY_MM}"
        )


_HOW_TO_SAY_MM = 'World x, y, z are read with marks_in="ras" or marks_in="lps"'


def _check_place(
    ends_zyx: Float64Array, given: Float64Array, key: str, source: ScanSource, marks_in: MarkFrame
) -> None:
    """Raise if ends lie outside of the scan and another meaning of the same numbers would bring them in."""
    shape = source.grid.shape_zyx
    outside = [end for end in ends_zyx.tolist() if not is_inside(end, shape)]
    if not outside:
        return
    causes = _MM_CAUSES[marks_in] if key == "endpoints_mm" else _INDEX_CAUSES
    with np.errstate(all="ignore"):  # numbers beyond all scans
        for cause, indices_of in causes:
            if all(is_inside(end, shape) for end in indices_of(given, source).tolist()):
                z, y, x = outside[0]
                raise MarkError(
                    f"the endpoint ({z:g}, {y:g}, {x:g}) (z, y, x) lies outside the volume of {shape} voxels: {cause}"
                )


_Cause: TypeAlias = tuple[str, Callable[[Float64Array, ScanSource], Float64Array]]


def _ras(points_mm: Float64Array, source: ScanSource) -> Float64Array:
    return source.grid.mm_to_voxel(points_mm)


def _lps(points_mm: Float64Array, source: ScanSource) -> Float64Array:
    return source.grid.mm_to_voxel(points_mm * _LPS_TO_RAS)


_INDEX_CAUSES: tuple[_Cause, ...] = (
    ("x, y, z order?", lambda points, source: source.points_from_file(points[:, ::-1])),
    *(
        (f"millimetres? {_HOW_TO_SAY_MM}", indices_of)
        for indices_of in (
            _ras,
            _lps,
            lambda points, source: points / source.grid.spacing_mm,
            lambda points, source: points[:, ::-1] / source.grid.spacing_mm,
            lambda points, source: _ras(points[:, ::-1], source),
            lambda points, source: _lps(points[:, ::-1], source),
        )
    ),
)
_OTHER_MM_CAUSES: tuple[_Cause, ...] = (
    ("metres instead of millimetres?", lambda points, source: _ras(points * 1000, source)),
    ("metres instead of millimetres?", lambda points, source: _lps(points * 1000, source)),
    ("micrometres instead of millimetres?", lambda points, source: _ras(points / 1000, source)),
    ("micrometres instead of millimetres?", lambda points, source: _lps(points / 1000, source)),
    ("z, y, x order instead of x, y, z?", lambda points, source: _ras(points[:, ::-1], source)),
    ("z, y, x order instead of x, y, z?", lambda points, source: _lps(points[:, ::-1], source)),
    ("voxel indices instead of millimetres?", lambda points, source: source.points_from_file(points)),
    (
        "voxel indices instead of millimetres?",
        lambda points, source: source.points_from_file(points[:, ::-1]),
    ),
)
_AS_LPS: _Cause = ('LPS instead of RAS? Say marks_in="lps"', _lps)
_MM_CAUSES: Mapping[MarkFrame, tuple[_Cause, ...]] = {
    "voxel": (_AS_LPS, *_OTHER_MM_CAUSES),
    "ras": (_AS_LPS, *_OTHER_MM_CAUSES),
    "lps": (('RAS instead of LPS? Say marks_in="ras"', _ras), *_OTHER_MM_CAUSES),
}


def _two_points(points: Any, where: str) -> Float64Array:
    ends = real_array(points)
    is_line = ends.shape == (2, 3) and np.isfinite(ends).all()
    if not is_line or any(isinstance(number, bool) for point in points for number in point):
        raise MarkError(f"{where} must be two points of three finite numbers, got {brief(points)}")
    return ends.astype(np.float64)


def _any_points(points: Any, where: str) -> Float64Array:
    if isinstance(points, list | tuple) and not points:
        return np.empty((0, 3))
    array = real_array(points)
    is_list = array.ndim == 2 and array.shape[1] == 3 and np.isfinite(array).all()
    if not is_list or any(isinstance(number, bool) for point in points for number in point):
        raise MarkError(f"{where} must be a list of points of three finite numbers, got {brief(points)}")
    return array.astype(np.float64)


def _number(cell: Any, where: str, column: str) -> float:
    if cell is None:
        raise MarkError(f"{where} has no value for the column {column}")
    try:
        number = float(cell)
    except (TypeError, ValueError):
        raise MarkError(f"{where}, column {column}: {brief(cell)} is not a number") from None
    return number if math.isfinite(number) or column != "label" else math.nan
