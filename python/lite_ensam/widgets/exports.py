"""The viewer's lines and masks as files: label map, DICOM objects, report, table, picture."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

from lite_ensam import _kernels
from lite_ensam.core.about import DISCLAIMER
from lite_ensam.core.errors import OutputError
from lite_ensam.core.partial_volume import TumorMasks
from lite_ensam.core.recist import RecistMark
from lite_ensam.figures import TumorPicture, write_picture
from lite_ensam.io import check_outputs, refuse_inputs, write_contours, write_mask, write_report, write_table
from lite_ensam.io.marks_files import mark_entry
from lite_ensam.io.outputs import needs_slices
from lite_ensam.measurements import flag_cells
from lite_ensam.measurements.confidence import CONFIDENCE
from lite_ensam.segmentation.api import report_of
from lite_ensam.widgets.recist_viewer import RecistViewer

__all__ = ["EXPORT_KINDS", "export_fault", "export_file", "export_paths"]

_COLUMNS = (
    *("label", "name", "z0", "y0", "x0", "z1", "y1", "x1", "line_mm", "drawn_short_axis_mm"),
    *("short_z0", "short_y0", "short_x0", "short_z1", "short_y1", "short_x1", "first_slice", "last_slice"),
    *("state", "hand_added_voxels", "hand_removed_voxels", "threshold"),
    *("volume_ml", "longest_diameter_mm", "short_axis_mm"),
    *CONFIDENCE,
)
"""Columns that are always there; those of the report's lesions follow."""

_DICOM = {"SEG": "a DICOM SEG", "SR": "a structured report", "RTSTRUCT": "an RTSTRUCT"}
"""Kinds that only a scan read from DICOM can become."""

_saved_segmentations: WeakKeyDictionary[RecistViewer, tuple[Path, object, Any]] = WeakKeyDictionary()
"""The SEG that a viewer wrote last: its file, the masks in it, and the object, which a report refers to."""


def export_file(
    viewer: RecistViewer, kind: str, name: str, folder: str | os.PathLike[str] = ".", overwrite: bool = False
) -> Path:
    """Write one file of what the viewer holds now; a running segmentation is waited for (`RecistViewer.settled`).

    Parameters
    ----------
    viewer : RecistViewer
        Viewer with at least one line.
    kind : str
        "SEG", "SR", "RTSTRUCT" (DICOM objects, of a scan read from DICOM; a structured report is written
        next to the SEG that it refers to), "NIfTI" (label map in the scan's own grid), "JSON" (report, from
        which `explore` takes the work up again), "CSV" (table), "PNG" (three planes a tumour).
        `lite_ensam.read_marks` reads the marks back from JSON and CSV, but points inside and outside from
        JSON only.
    name : str
        Beginning of the file's name.
    folder : str or os.PathLike[str], default "."
        Folder to write to; it must exist.
    overwrite : bool, default False
        Whether an existing file may be replaced.

    Returns
    -------
    Path
        Path of the file.

    Raises
    ------
    OutputError
        If there is nothing to write, the kind is unknown, the scan is not DICOM where it must be, or the file exists or
        cannot be written.
    LiteEnsamError
        As `lite_ensam.segment`, if a line has to be segmented first.
    """
    kind = _kind(kind)
    if not viewer.marks:
        raise OutputError("nothing to save: no line has been drawn")
    with viewer.settled():
        paths = export_paths(viewer, kind, name, folder)
        refuse_inputs(paths, viewer.source.inputs)
        path = paths[0]
        EXPORT_KINDS[kind][1](path, viewer, name, overwrite)
    return path


def export_paths(
    viewer: RecistViewer, kind: str, name: str, folder: str | os.PathLike[str]
) -> tuple[Path, ...]:
    """The file that `export_file` writes, then others that it has to write with it; OutputError for an unknown kind."""
    kind = _kind(kind)
    path = Path(folder) / f"{name}{EXPORT_KINDS[kind][0]}"
    if kind != "SR" or _saved_segmentation(viewer, path) is not None:
        return (path,)
    return path, _segmentation_path(path)


def export_fault(viewer: RecistViewer, kind: str) -> str:
    """Why the viewer's scan can never become a file of this kind, as a sentence; "" if it can."""
    return needs_slices(_DICOM[kind]) if kind in _DICOM and not viewer.source.has_dicom_slices else ""


def _kind(kind: str) -> str:
    """The kind, whichever of its letters are capitals."""
    for known in EXPORT_KINDS:
        if known.lower() == str(kind).lower():
            return known
    raise OutputError(f"kind must be one of {', '.join(EXPORT_KINDS)}, got {kind!r}")


def _check_masks(viewer: RecistViewer, verb: str = "save") -> None:
    if viewer.segmenter.painting is None:
        raise OutputError(f"nothing to {verb}: no line has been segmented")


def _shown_marks(viewer: RecistViewer) -> list[RecistMark]:
    """Marks of the masks on the screen, in the order of the numbers."""
    marks = {mark.label: mark for mark in viewer.marks}
    return [marks[row.label] for row in viewer.segmenter.measurements]


def _remarks(viewer: RecistViewer) -> dict[int, str]:
    """Which lesions a hand has edited, and how much, in words."""
    return {
        label: f"edited by hand: {count.added} voxels added, {count.removed} removed"
        for label, count in viewer.segmenter.edited.items()
    }


def _write_mask(path: Path, viewer: RecistViewer, _: str, overwrite: bool) -> None:
    _check_masks(viewer)
    write_mask(path, viewer.labels, viewer.source, overwrite)


def _write_segmentation(path: Path, viewer: RecistViewer, _: str, overwrite: bool) -> None:
    _check_masks(viewer)
    from lite_ensam.io.dicom import write_dataset

    segmentation = _built_segmentation(viewer)
    write_dataset(path, segmentation, overwrite)
    _saved_segmentations[viewer] = path, viewer.segmenter.painting, segmentation


def _built_segmentation(viewer: RecistViewer) -> Any:
    from lite_ensam.io.dicom import build_segmentation, series_of

    series = series_of(viewer.source, _DICOM["SEG"])
    return build_segmentation(viewer.segmenter.labels, series, _shown_marks(viewer), _remarks(viewer))


def _saved_segmentation(viewer: RecistViewer, report: Path) -> Any:
    """The SEG next to a report if it holds what is on the screen, else None."""
    path, painting, segmentation = _saved_segmentations.get(viewer, (None, None, None))
    is_shown = painting is not None and painting is viewer.segmenter.painting
    return segmentation if is_shown and path == _segmentation_path(report) and path.exists() else None


def _segmentation_path(report: Path) -> Path:
    return report.with_name(report.name.removesuffix(EXPORT_KINDS["SR"][0]) + EXPORT_KINDS["SEG"][0])


def _write_structured_report(path: Path, viewer: RecistViewer, _: str, overwrite: bool) -> None:
    _check_masks(viewer)
    from lite_ensam.io.dicom import build_report, series_of, write_dataset

    series = series_of(viewer.source, _DICOM["SR"])
    saved = _saved_segmentation(viewer, path)
    segmentation = _built_segmentation(viewer) if saved is None else saved
    report = build_report(segmentation, series, _shown_marks(viewer), viewer.segmenter.measurements)
    if saved is None:
        beside = _segmentation_path(path)
        check_outputs([(path, (".dcm",)), (beside, (".dcm",))], overwrite=overwrite)
        write_dataset(beside, segmentation, overwrite)
        _saved_segmentations[viewer] = beside, viewer.segmenter.painting, segmentation
    write_dataset(path, report, overwrite)


def _write_contours(path: Path, viewer: RecistViewer, _: str, overwrite: bool) -> None:
    _check_masks(viewer)
    labels = viewer.segmenter.labels
    write_contours(path, labels, viewer.source, overwrite, _shown_marks(viewer), _remarks(viewer))


def _write_report(path: Path, viewer: RecistViewer, name: str, overwrite: bool) -> None:
    segmenter, options = viewer.segmenter, viewer.segmenter.options
    seconds = {"network": sum(lesion.seconds for lesion in segmenter.lesions.values())}
    report: dict[str, Any] = {
        "disclaimer": DISCLAIMER,
        "version": _kernels.__version__,
        "shape_zyx": viewer.grid.shape_zyx,
        "spacing_mm_zyx": viewer.grid.spacing_mm,
        "affine": viewer.grid.affine.tolist() if viewer.grid.is_oriented else None,
        "engine": options.engine,
        "crop": options.crop or "lesion",
        "mirror": options.mirror,
        "border": options.border,
        "window": options.window,
        "threshold": viewer.threshold,
    }
    if (made := segmenter.prediction()) is not None:
        case, prediction = made
        report |= report_of(
            case, segmenter.load(), prediction, segmenter.measurements, viewer.threshold, seconds
        )
    report |= {
        "case": name,
        "n_repeats": options.n_repeats,
        "marks": _lines(viewer),
        "thresholds": viewer.thresholds,
        "edits": viewer.edits,
        "tumors": viewer.segmenter.rows(),
    }
    write_report(path, report, overwrite)


def _write_table(path: Path, viewer: RecistViewer, _: str, overwrite: bool) -> None:
    results = {row["label"]: row for row in viewer.segmenter.rows()}
    flags = {one.label: flag_cells(one.flags) for one in viewer.segmenter.measurements}
    rows = []
    for line in _lines(viewer):
        label, (first, last) = line["label"], line["endpoints_zyx"]
        ends = dict(zip(_COLUMNS[2:8], [*first, *last], strict=True))
        short = dict(zip(_COLUMNS[10:16], chain(*line.get("short_axis_zyx", [])), strict=False))
        told = {name: line[name] for name in _COLUMNS if name in line}
        drawn = {"line_mm": line["length_mm"], "threshold": viewer.threshold_of(label)}
        rows.append(
            dict.fromkeys(_COLUMNS)
            | results.get(label, {})
            | flags.get(label, {})
            | told
            | drawn
            | ends
            | short
        )
    write_table(path, rows, overwrite)


def _write_picture(path: Path, viewer: RecistViewer, _: str, overwrite: bool) -> None:
    _check_masks(viewer, "draw")
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


def _lines(viewer: RecistViewer) -> Sequence[dict[str, Any]]:
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
        "SEG": ("_seg.dcm", _write_segmentation),
        "SR": ("_sr.dcm", _write_structured_report),
        "RTSTRUCT": ("_rtstruct.dcm", _write_contours),
        "NIfTI": ("_mask.nii.gz", _write_mask),
        "JSON": ("_report.json", _write_report),
        "CSV": ("_table.csv", _write_table),
        "PNG": ("_planes.png", _write_picture),
    }
)
"""The kinds of output: ending of the file's name, and the function that writes it."""
