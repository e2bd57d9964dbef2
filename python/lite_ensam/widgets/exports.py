"""What was marked and segmented, as files: label map, report, table, picture."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lite_ensam import _kernels
from lite_ensam.core.about import DISCLAIMER
from lite_ensam.core.errors import OutputError
from lite_ensam.core.partial_volume import TumorMasks
from lite_ensam.figures import TumorPicture, write_picture
from lite_ensam.io import write_mask, write_report, write_text
from lite_ensam.io.csv_tables import csv_text
from lite_ensam.io.marks_files import mark_entry
from lite_ensam.measurements import flag_cells
from lite_ensam.widgets.recist_viewer import RecistViewer

__all__ = ["EXPORT_KINDS", "export_file", "export_path"]

_COLUMNS = (
    *("label", "name", "z0", "y0", "x0", "z1", "y1", "x1", "line_mm", "drawn_short_axis_mm"),
    *("short_z0", "short_y0", "short_x0", "short_z1", "short_y1", "short_x1", "first_slice", "last_slice"),
    *(
        "state",
        "edited_voxels",
        "volume_ml",
        "longest_diameter_mm",
        "short_axis_mm",
        "seconds",
        "flags",
        "flag_sentences",
    ),
)


def export_file(
    viewer: RecistViewer, kind: str, name: str, folder: str | os.PathLike[str] = ".", overwrite: bool = False
) -> Path:
    """Write one file of what the viewer holds now; a running segmentation is waited for (`RecistViewer.settled`).

    Parameters
    ----------
    viewer : with at least one line
    kind : "NIfTI" (label map in the scan's own grid), "JSON" (report), "CSV" (table), "PNG" (three planes a
        tumour). `lite_ensam.read_marks` reads the marks back from JSON and CSV, but points
        inside and outside from JSON only
    name : the file's name begins with it
    folder : must exist
    overwrite : whether an existing file may be replaced

    Returns
    -------
    The file.

    Raises
    ------
    OutputError
        If there is nothing to write, the kind is unknown, or the file exists or cannot be written.
    LiteEnsamError
        As `lite_ensam.segment`, if a line has to be segmented first.
    """
    if kind not in EXPORT_KINDS:
        raise OutputError(f"kind must be one of {', '.join(EXPORT_KINDS)}, got {kind!r}")
    path = export_path(kind, name, folder)
    if not viewer.marks:
        raise OutputError("nothing to save: no line has been drawn")
    with viewer.settled():
        EXPORT_KINDS[kind][1](path, viewer, name, overwrite)
    return path


def export_path(kind: str, name: str, folder: str | os.PathLike[str]) -> Path:
    """The file that `export_file` writes."""
    return Path(folder) / f"{name}{EXPORT_KINDS[kind][0]}"


def _write_mask(path: Path, viewer: RecistViewer, _: str, overwrite: bool) -> None:
    if viewer.segmenter.painting is None:
        raise OutputError("nothing to save: no line has been segmented")
    write_mask(path, viewer.labels, viewer.source, overwrite)


def _write_report(path: Path, viewer: RecistViewer, name: str, overwrite: bool) -> None:
    report = {
        "disclaimer": DISCLAIMER,
        "version": _kernels.__version__,
        "case": name,
        "shape_zyx": viewer.grid.shape_zyx,
        "spacing_mm_zyx": viewer.grid.spacing_mm,
        "engine": viewer.segmenter.engine,
        "crop": "lesion",
        "mirror": False,
        "border": "readers",
        "threshold": viewer.threshold,
        "marks": _lines(viewer),
        "tumors": viewer.results,
    }
    write_report(path, report, overwrite)


def _write_table(path: Path, viewer: RecistViewer, _: str, overwrite: bool) -> None:
    results = {row["label"]: row for row in viewer.results}
    rows: list[list[Any]] = [list(_COLUMNS)]
    for line in _lines(viewer):
        first, last = line["endpoints_zyx"]
        ends = dict(zip(_COLUMNS[2:8], [*first, *last], strict=True))
        short = dict(zip(_COLUMNS[10:16], chain(*line.get("short_axis_zyx", [])), strict=False))
        drawn = {"line_mm": line["length_mm"], "drawn_short_axis_mm": line.get("drawn_short_axis_mm", "")}
        flags = {one.label: flag_cells(one.flags) for one in viewer.measurements}
        known = results.get(line["label"], {}) | line | ends | short | drawn | flags.get(line["label"], {})
        rows.append([known.get(name, "") for name in _COLUMNS])
    write_text(path, csv_text(rows, line_end="\n"), overwrite)


def _write_picture(path: Path, viewer: RecistViewer, _: str, overwrite: bool) -> None:
    if viewer.segmenter.painting is None:
        raise OutputError("nothing to draw: no line has been segmented")
    marks, masks = {mark.label: mark for mark in viewer.marks}, TumorMasks(viewer.labels)
    pictures = [
        TumorPicture(
            ct=viewer.ct,
            grid=viewer.grid,
            mark=marks[row.label],
            result=masks[row.label],
            title=f"{marks[row.label].name or f'lesion {row.label}'}: {row.volume_ml:.1f} ml",
        )
        for row in viewer.measurements
    ]
    write_picture(path, pictures, overwrite=overwrite)


def _lines(viewer: RecistViewer) -> list[dict[str, Any]]:
    """The marks as `read_marks` wants them: indices in the order of the scan's file."""
    return [
        entry | {"drawn_short_axis_mm": round(short_axis_mm, 2)} if short_axis_mm else entry
        for entry, short_axis_mm in (
            (mark_entry(mark, viewer.source), mark.short_axis_mm(viewer.grid.spacing_mm))
            for mark in viewer.marks
        )
    ]


EXPORT_KINDS: Mapping[str, tuple[str, Callable[[Path, RecistViewer, str, bool], None]]] = MappingProxyType(
    {
        "NIfTI": ("_mask.nii.gz", _write_mask),
        "JSON": ("_report.json", _write_report),
        "CSV": ("_table.csv", _write_table),
        "PNG": ("_planes.png", _write_picture),
    }
)
"""What can be written: the ending of the file's name, and how."""
