"""Files of RECIST lines: JSON, CSV, DICOM, 3D Slicer's markups and marker volumes in, JSON out.

Indices in a file of marks are those of the CT's FILE, slowest axis first: (z, y, x) = (k, j, i) of
the stored array, what `numpy` users and FLARE call z, y, x. Millimetres are world (x, y, z) of the
NIfTI affine: right, anterior, superior. Both come out as indices of the (z, y, x) volume.
"""

import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import permutations
from typing import Any, TypeAlias

from lite_ensam.core.errors import CaseError, MarkError, brief, printable
from lite_ensam.core.grid import Grid, scan_difference
from lite_ensam.core.recist import NotedMarks, RecistMark, check_marks, marks_from_marker, notes_of
from lite_ensam.core.scan_source import ScanSource, SourceLike
from lite_ensam.core.short_axis import short_axis_notes
from lite_ensam.core.types import Labels, PathLike
from lite_ensam.io.choice import Choice
from lite_ensam.io.csv_tables import read_csv
from lite_ensam.io.deeplesion import is_deeplesion, read_deeplesion_marks
from lite_ensam.io.flare_npz import read_npz_labels
from lite_ensam.io.itk_files import ITK_SUFFIXES, read_itk_labels
from lite_ensam.io.label_map import labels_on_grid
from lite_ensam.io.mark_entries import (
    INDEX_COLUMNS,
    MM_COLUMNS,
    PROMPT_KEYS,
    MarkEntry,
    MarkFrame,
    check_frame,
    check_one_scan,
    entry_of_row,
    marks_of_entries,
    unread_columns,
)
from lite_ensam.io.nifti import NiftiVolume
from lite_ensam.io.reading import file_suffix, read_json
from lite_ensam.io.slicer_markups import check_markups_frame, entries_of_markups, is_markups, markups_notes

__all__ = [
    "REPORT_OPTIONS",
    "check_scan_of_report",
    "end_columns",
    "entries_of_json",
    "is_own_report",
    "mark_entry",
    "marks_of_labels",
    "noted",
    "read_marks",
    "report_notes",
    "table_notes",
]

_HAND_NOTE = (
    "the file of marks holds edits by hand or thresholds of single lesions, which only the viewer applies: "
    "open it with explore or `lite-ensam view`"
)

_OPTIONS_NOTE = "the report was made with {}; other options give other masks"
REPORT_OPTIONS: Mapping[str, Any] = {
    "threshold": 0, "border": "readers", "mirror": False, "crop": "lesion", "window": None,
}  # fmt: skip
"""Options in a report that masks follow from, with the values that need no note."""

_NAMED = 5
"""Columns and keys that a note names."""

_READ_KEYS = ("marks", "edits", "thresholds", "shape_zyx", "tumors")
"""Beside the marks the viewer's; a report has more."""

_FRAME_WORDS = {
    "coord", "coords", "coordinate", "coordinates", "frame", "system", "space", "unit", "units", "lps", "ras",
    "orientation", "direction", "directions", "affine", "origin", "order", "axes", "based", "indexed", "indexing",
    "onebased", "zerobased", "offset", "flip", "flipped", "scale", "marksin",
}  # fmt: skip
_FRAME_VALUE = re.compile(
    "|".join(["[lr][ap][si]", "[mcu]m", *map("".join, (*permutations("xyz"), *permutations("ijk")))])
)
"""Words of keys, and values, by which other programs say in which frame and unit coordinates are."""

_SAID_OF_MM = {"mm", "millimeter", "millimeters", "millimetre", "millimetres", "xyz"}
_SAID_OF_INDICES = {"voxel", "voxels", "index", "indices", "zyx", "kji"}
_SAID_NUMBERS: Mapping[str, Callable[[float], bool]] = {
    "scale": lambda number: number == 1, "offset": lambda number: number == 0, "order": lambda number: True,
}  # fmt: skip
"""Values that say what is read anyway; a number is not an order of axes."""

_IN_NUMBERS = (".json", ".csv")
"""Files whose millimetres may be LPS; all others know their own frame."""

Marks: TypeAlias = tuple[RecistMark, ...]


def read_marks(
    path: PathLike,
    source: SourceLike,
    ct_path: PathLike = "",
    marks_in: MarkFrame = "voxel",
    only: Choice = (),
) -> tuple[RecistMark, ...]:
    """Read all RECIST lines of a file, for the CT whose source is given.

    Parameters
    ----------
    path : PathLike
        .json, `{"marks": [{"label": 1, "endpoints_zyx": [[z, y, x], [z, y, x]]}, ...]}`, or `"endpoints_mm":
        [[x, y, z], [x, y, z]]` (world mm, RAS) instead; if you like `"name"`, `"tracking_uid"`,
        `"finding_site"` (value, scheme and meaning of a code), `"short_axis_zyx"`, two points too,
        `"first_slice"` and `"last_slice"`, indices along the axis of slices, and `"inside_zyx"` and
        `"outside_zyx"`, lists of points; these points in mm, too; 3D Slicer's lines (.mrk.json); .csv, one
        mark a row under `label,z0,y0,x0,z1,y1,x1` or `label,x0_mm,y0_mm,...,z1_mm`, if you like with `name`,
        `tracking_uid`, `first_slice`, `last_slice` and `short_z0,...,short_x1` (`short_x0_mm,...`), whose
        cells may be empty (a note names other columns; one such as `case` or `filename` with several values is
        refused, since the lines are of several scans);
        a marker volume on the CT's own grid: .nii, .nii.gz, .nrrd, .mha, .mhd, or .npz with `recist`; or
        DICOM, whatever it is called: see `dicom.read_dicom_marks`. Without any label, marks of JSON and CSV
        get 1..n.
    source : SourceLike
        Geometry of the CT, from `read_ct`, or a `Case` or `Segmentation` that has it.
    ct_path : PathLike, default ""
        Path of the CT, which DeepLesion's table (DL_info.csv) needs to know: see `read_deeplesion_marks`.
    marks_in : MarkFrame, default "voxel"
        "lps" if the millimetres of a JSON or CSV file are LPS (ITK, DICOM) instead of RAS (nibabel).
    only : Choice, default ()
        Of an RTSTRUCT or SEG, names or numbers of the ROIs or segments that lines are drawn on; nothing
        takes all.

    Returns
    -------
    tuple[RecistMark, ...]
        Marks in voxel indices of the (z, y, x) volume: at least one, inside the volume.

    Raises
    ------
    MarkError
        If the file is missing or makes no sense, or a mark does not fit the volume; the message
        names the file, the mark and what was expected.
    """
    readers: dict[str, Callable[[PathLike, ScanSource], Marks]] = {
        ".json": lambda path, ct: _read_json(path, ct, marks_in),
        ".csv": lambda path, ct: _read_table(path, ct, marks_in),
        ".nii": _read_marker,
        ".nii.gz": _read_marker,
        ".npz": _read_marker,
        ".dcm": lambda path, ct: _read_dicom(path, ct, only),
        **dict.fromkeys(ITK_SUFFIXES, _read_marker),
    }
    check_frame(marks_in)
    if not isinstance(path, str | os.PathLike):
        raise MarkError(f"path must be a file of lines, got {brief(path)}; lines in memory need no reading")
    ct, suffix = ScanSource.of(source), file_suffix(path)
    if not suffix:
        from lite_ensam.io.dicom import is_dicom

        suffix = ".dcm" if is_dicom(path) else ""
    if suffix not in readers:
        raise MarkError(f"{printable(path)}: marks must be a file of type {', '.join(readers)}")
    try:
        if marks_in != "voxel" and suffix not in _IN_NUMBERS:
            raise MarkError(f'a {suffix} file knows where its lines lie: leave marks_in="{marks_in}" out')
        if only and suffix != ".dcm":
            raise MarkError("`only` is for a DICOM SEG or RTSTRUCT, which this is not")
        if suffix == ".csv" and is_deeplesion(path):
            marks = read_deeplesion_marks(path, ct_path)
        else:
            marks = readers[suffix](path, ct)
        check_marks(marks, ct.grid.shape_zyx)
    except MarkError as error:
        raise type(error)(f"{printable(path)}: {error}") from None
    except CaseError as error:
        raise MarkError(str(error)) from None
    return noted(marks, (*notes_of(marks), *short_axis_notes(marks, ct.grid.spacing_mm)))


def mark_entry(mark: RecistMark, source: SourceLike) -> dict[str, Any]:
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
        | ({"finding_site": mark.finding_site.as_dict()} if mark.finding_site else {})
        | ({"short_axis_zyx": to_file(mark.short_axis_zyx).tolist()} if mark.short_axis_zyx else {})
        | ({} if mark.first_slice is None else {"first_slice": mark.first_slice})
        | ({} if mark.last_slice is None else {"last_slice": mark.last_slice})
        | ({"inside_zyx": to_file(mark.inside_zyx).tolist()} if mark.inside_zyx else {})
        | ({"outside_zyx": to_file(mark.outside_zyx).tolist()} if mark.outside_zyx else {})
    )


def entries_of_json(content: Any, marks_in: MarkFrame = "voxel") -> list[tuple[str, MarkEntry]]:
    """Entries of a JSON file's content, this package's own or 3D Slicer's; MarkError if it is neither."""
    if is_markups(content):
        return entries_of_markups(content)
    entries = content.get("marks") if isinstance(content, Mapping) else None
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise MarkError('must be {"marks": [{"label": 1, "endpoints_zyx": [[z, y, x], [z, y, x]]}, ...]}')
    if misplaced := [key for key in content if key in (*PROMPT_KEYS, "prompts")]:
        raise MarkError(
            f"{brief(misplaced[0])} stands beside the marks and is not read: put it into its mark"
        )
    read = _said_anyway(entries, marks_in)
    if frames := [key for key in _unread_keys(content) if _may_say_the_frame(key, content[key], read)]:
        raise MarkError(
            f"{brief(frames[0])} stands beside the marks and is not read: leave it out. Indices are z, y, x and are "
            'counted from 0; millimetres are x, y, z in RAS, or in LPS with marks_in="lps"'
        )
    return [(f"mark number {n}", entry) for n, entry in enumerate(entries, start=1)]


def end_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """Columns of a table that hold the ends, as indices or in millimetres; MarkError if it has neither or both."""
    given = [ends for ends in (INDEX_COLUMNS, MM_COLUMNS) if set(ends) & set(columns)]
    if len(given) == 2:
        raise MarkError("has columns of indices and of millimetres; only one of them may be given")
    if not given or not set(given[0]) <= set(columns):
        raise MarkError(
            f"the first line must name the columns label,{','.join(INDEX_COLUMNS)} or "
            f"label,{','.join(MM_COLUMNS)}; it is {brief(','.join(columns))}"
        )
    return given[0]


def marks_of_labels(marker: Labels, own: ScanSource | None, ct: ScanSource) -> Marks:
    """Lines of a marker volume (z, y, x).

    Parameters
    ----------
    marker : Labels
        0 is background, any other value the label of one line.
    own : ScanSource or None
        Where it lies, in whatever axis order and direction; None takes the CT's place.
    ct : ScanSource
        Geometry of the scan.

    Raises
    ------
    MarkError
        If it has another shape or place than the CT, or a label is not one line.
    """
    try:
        marker = labels_on_grid(marker, own, ct, "marker volume has")
    except CaseError as error:
        raise MarkError(str(error)) from None
    return marks_from_marker(marker, ct.grid.spacing_mm)


def _unread_keys(content: Mapping[str, Any]) -> list[str]:
    """Keys beside the marks of a file that is not our own report, where the viewer does not read them either."""
    return [] if is_own_report(content) else [key for key in content if key not in _READ_KEYS]


def _said_anyway(entries: Sequence[MarkEntry], marks_in: MarkFrame) -> set[str]:
    """Words for the frame and unit in which coordinates of these entries are read."""
    in_mm = {"endpoints_mm" in entry for entry in entries}
    if len(in_mm) != 1:
        return set()
    return {*_SAID_OF_MM, "lps" if marks_in == "lps" else "ras"} if in_mm.pop() else _SAID_OF_INDICES


def _may_say_the_frame(key: str, value: Any, read: Collection[str]) -> bool:
    """Whether a key may change what coordinates mean (units, axes, where indices begin), read as these words say."""
    words = {
        word.lower() for word in re.findall("[A-Z]?[a-z]+|[A-Z]+", str(key).replace("marks_in", "marksin"))
    }
    if isinstance(value, str) and value.lower() in read:
        return False
    if isinstance(value, int | float) and not isinstance(value, bool):
        said = [is_said(value) for word, is_said in _SAID_NUMBERS.items() if word in words]
        if said and words & _FRAME_WORDS <= _SAID_NUMBERS.keys():
            return not all(said)
    return bool(words & _FRAME_WORDS) or (
        isinstance(value, str) and bool(_FRAME_VALUE.fullmatch(value.lower()))
    )


def table_notes(columns: Sequence[str], ends: Sequence[str]) -> tuple[str, ...]:
    """A note if a table has columns that are not read; MarkError if one is misspelt."""
    unread = unread_columns(columns, ends)
    return (f"columns not read: {_named(unread)}",) if unread else ()


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{brief(', '.join(map(str, names[:_NAMED])))}{more}"


def is_own_report(content: Any) -> bool:
    """Whether a JSON file's content is a report of `segment` or the viewer: elsewhere, `border` is another thing."""
    return isinstance(content, Mapping) and {"marks", "version", "disclaimer"} <= set(content)


def report_notes(content: Any) -> tuple[str, ...]:
    """Notes if a JSON file is a report whose masks its lines alone do not give: edits by hand, other options."""
    if not isinstance(content, Mapping):
        return ()
    options = [
        f"{name} {brief(content[name])}"
        for name, default in (REPORT_OPTIONS if is_own_report(content) else {}).items()
        if content.get(name) not in (None, default)
    ]
    if is_markups(content):
        return markups_notes(content)
    unread = _unread_keys(content)
    return (
        *([f"keys beside the marks that are not read: {_named(unread)}"] if unread else []),
        *([_HAND_NOTE] if content.get("edits") or content.get("thresholds") else []),
        *([_OPTIONS_NOTE.format(", ".join(options))] if options else []),
    )


def check_scan_of_report(content: Any, grid: Grid) -> None:
    """MarkError if a JSON file is the report of a scan of another shape, spacing or place.

    Lines of a report are indices of its scan. Old reports have no affine, nor have those of arrays.
    """
    if not is_own_report(content):
        return
    shape, spacing = content.get("shape_zyx", grid.shape_zyx), content.get("spacing_mm_zyx", grid.spacing_mm)
    if difference := scan_difference(grid, shape, spacing, content.get("affine")):
        raise MarkError(f"the marks belong to another scan: {difference}")


def noted(marks: Marks, notes: Sequence[str]) -> Marks:
    """The marks, with notes if there are any."""
    return NotedMarks(marks, notes) if notes else marks


def _read_table(path: PathLike, ct: ScanSource, marks_in: MarkFrame) -> Marks:
    columns, rows = read_csv(path)
    ends = end_columns(columns)
    check_one_scan(row for _, row in rows)
    notes = table_notes(columns, ends)
    entries = [(f"line {line}", entry_of_row(row, f"line {line}", ends)) for line, row in rows]
    return noted(marks_of_entries(entries, ct, marks_in), notes)


def _read_json(path: PathLike, ct: ScanSource, marks_in: MarkFrame) -> Marks:
    content = read_json(path)
    check_markups_frame(content, marks_in)
    check_scan_of_report(content, ct.grid)
    return noted(marks_of_entries(entries_of_json(content, marks_in), ct, marks_in), report_notes(content))


def _read_dicom(path: PathLike, ct: ScanSource, only: Choice) -> Marks:
    from lite_ensam.io.dicom import read_dicom_marks

    return read_dicom_marks(path, ct, only)


def _read_marker(path: PathLike, ct: ScanSource) -> Marks:
    own: ScanSource | None
    if file_suffix(path) == ".npz":
        marker, own = read_npz_labels(path, "recist")
    elif file_suffix(path) in ITK_SUFFIXES:
        marker, own = read_itk_labels(path)
    else:
        volume = NiftiVolume.open(path)
        marker, own = volume.read_marker(), volume.source
    return marks_of_labels(marker, own, ct)
