"""What was marked and segmented, as files: label map, report, table, picture."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lite_ensam import _kernels
from lite_ensam.errors import OutputError
from lite_ensam.evaluation import TumorPicture, write_picture
from lite_ensam.inference import DISCLAIMER
from lite_ensam.io import atomic_write, write_mask, write_report
from lite_ensam.io.marks import mark_entry
from lite_ensam.widgets.recist_marker import RecistMarker

__all__ = ["EXPORTS", "export", "export_path"]

_COLUMNS = (
    *("label", "name", "z0", "y0", "x0", "z1", "y1", "x1", "line_mm", "drawn_short_axis_mm"),
    *("state", "volume_ml", "longest_diameter_mm", "short_axis_mm", "seconds"),
)


def export(
    marker: RecistMarker, kind: str, name: str, folder: str | os.PathLike[str] = ".", overwrite: bool = False
) -> Path:
    """Write one file of what the marker holds now; a running segmentation is waited for (`RecistMarker.settled`).

    Parameters
    ----------
    marker : with at least one line
    kind : "NIfTI" (label map in the scan's own grid), "JSON" (report), "CSV" (table), "PNG" (three planes a
        tumour). `lite_ensam.read_marks` reads the lines back from JSON and CSV
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
    if kind not in EXPORTS:
        raise OutputError(f"kind must be one of {', '.join(EXPORTS)}, got {kind!r}")
    path = export_path(kind, name, folder)
    if not marker.marks:
        raise OutputError("nothing to save: no line has been drawn")
    with marker.settled():
        EXPORTS[kind][1](path, marker, name, overwrite)
    return path


def export_path(kind: str, name: str, folder: str | os.PathLike[str]) -> Path:
    """The file that `export` writes."""
    return Path(folder) / f"{name}{EXPORTS[kind][0]}"


def _write_mask(path: Path, marker: RecistMarker, _: str, overwrite: bool) -> None:
    if marker.segmenter.painting is None:
        raise OutputError("nothing to save: no line has been segmented")
    write_mask(path, marker.labels, marker.grid, overwrite)


def _write_report(path: Path, marker: RecistMarker, name: str, overwrite: bool) -> None:
    report = {
        "disclaimer": DISCLAIMER,
        "version": _kernels.__version__,
        "case": name,
        "shape_zyx": marker.grid.shape_zyx,
        "spacing_mm_zyx": marker.grid.spacing_mm,
        "engine": marker.segmenter.engine,
        "crop": "lesion",
        "mirror": False,
        "border": "readers",
        "threshold": marker.threshold,
        "marks": _lines(marker),
        "tumors": marker.results,
    }
    write_report(path, report, overwrite)


def _write_table(path: Path, marker: RecistMarker, _: str, overwrite: bool) -> None:
    results = {row["label"]: row for row in marker.results}
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, _COLUMNS, extrasaction="ignore", restval="", lineterminator="\n")
    table.writeheader()
    for line in _lines(marker):
        first, last = line["endpoints_zyx"]
        ends = dict(zip(_COLUMNS[2:8], [*first, *last], strict=True))
        drawn = {"line_mm": line["length_mm"], "drawn_short_axis_mm": line.get("drawn_short_axis_mm", "")}
        table.writerow(results.get(line["label"], {}) | line | ends | drawn)
    with atomic_write(path, overwrite) as file:
        file.write(text.getvalue().encode())


def _write_picture(path: Path, marker: RecistMarker, _: str, overwrite: bool) -> None:
    if marker.segmenter.painting is None:
        raise OutputError("nothing to draw: no line has been segmented")
    marks = {mark.label: mark for mark in marker.marks}
    pictures = [
        TumorPicture(
            ct=marker.ct,
            grid=marker.grid,
            mark=marks[row.label],
            result=marker.labels == row.label,
            title=f"{marks[row.label].name or f'lesion {row.label}'}: {row.volume_ml:.1f} ml",
        )
        for row in marker.measurements
    ]
    write_picture(path, pictures, overwrite=overwrite)


def _lines(marker: RecistMarker) -> list[dict[str, Any]]:
    """The marks as `read_marks` wants them: indices in the order of the scan's file."""
    return [
        entry | {"drawn_short_axis_mm": round(short_axis_mm, 2)} if short_axis_mm else entry
        for entry, short_axis_mm in (
            (mark_entry(mark, marker.grid), mark.short_axis_mm(marker.grid.spacing_mm))
            for mark in marker.marks
        )
    ]


EXPORTS: Mapping[str, tuple[str, Callable[[Path, RecistMarker, str, bool], None]]] = MappingProxyType(
    {
        "NIfTI": ("_mask.nii.gz", _write_mask),
        "JSON": ("_report.json", _write_report),
        "CSV": ("_table.csv", _write_table),
        "PNG": ("_planes.png", _write_picture),
    }
)
"""What can be written: the ending of the file's name, and how."""
