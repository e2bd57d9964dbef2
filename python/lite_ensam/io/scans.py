"""Scans, label maps and cases by file name: the suffix says the format, a folder holds DICOM slices."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from lite_ensam.core.case import Case
from lite_ensam.core.errors import CaseError, OutputError, printable
from lite_ensam.core.partial_volume import SubVolume, as_subvolume
from lite_ensam.core.recist import RecistMark, marks_in_sequence
from lite_ensam.core.scan_source import ScanSource, SourceLike
from lite_ensam.core.types import CtVolume, Labels, PathLike
from lite_ensam.core.voxels import as_ct, as_labels, smallest_label_dtype
from lite_ensam.io.atomic import output_path
from lite_ensam.io.choice import Choice, SeriesChoice
from lite_ensam.io.flare_npz import npz_keys, read_npz_labels, write_npz
from lite_ensam.io.image_objects import has_geometry, volume_of_image
from lite_ensam.io.itk_files import ITK_OUTPUT_SUFFIXES, ITK_SUFFIXES, read_itk_labels, write_itk
from lite_ensam.io.label_map import LabelMap, labels_on_grid, lesions_of
from lite_ensam.io.mark_entries import MarkFrame
from lite_ensam.io.mark_forms import MarksLike
from lite_ensam.io.nifti import read_nifti_labels, write_nifti
from lite_ensam.io.opened_scan import (
    OUTPUT_SUFFIXES,
    VOLUME_SUFFIXES,
    ScanLike,
    check_volume_name,
    open_scan,
)
from lite_ensam.io.outputs import check_outputs
from lite_ensam.io.places import marks_at_hand, mask_at_hand
from lite_ensam.io.reading import file_suffix
from lite_ensam.measurements import TumorMeasurement

__all__ = [
    "MASK_SUFFIXES",
    "READ_MASK_SUFFIXES",
    "read_case",
    "read_ct",
    "read_label_map",
    "read_labels",
    "write_contours",
    "write_ct",
    "write_mask",
    "write_structured_report",
]

MASK_SUFFIXES = (*OUTPUT_SUFFIXES, ".dcm")
"""File name endings of masks that can be written; .dcm is a DICOM SEG."""

READ_MASK_SUFFIXES = (*VOLUME_SUFFIXES, ".dcm")
"""File name endings of masks that can be read."""


def read_ct(
    path: PathLike,
    series_uid: SeriesChoice | None = None,
    acquisition: int | None = None,
    referred_by: object = None,
) -> tuple[CtVolume, ScanSource]:
    """Read a .nii, .nii.gz, FLARE .npz, .nrrd, .nhdr, .mha or .mhd file, or a folder of DICOM slices.

    Parameters
    ----------
    path : PathLike
        The file or folder.
    series_uid : SeriesChoice or None, default None
        See `open_scan`.
    acquisition : int or None, default None
        See `open_scan`.
    referred_by : object, default None
        See `open_scan`.

    Returns
    -------
    ct : CtVolume
        Voxels (z, y, x), int16, uint16, uint8 or float32; axes are permuted so that z runs along the body, never
        flipped or resampled.
    source : ScanSource
        `source.grid` is its geometry; it remembers the file's axis order and header, for `write_mask`.

    Raises
    ------
    CaseError
        If the file is missing, damaged, no 3D image, or its geometry makes no sense.
    """
    scan = open_scan(path, series_uid=series_uid, acquisition=acquisition, referred_by=referred_by)
    return scan.read_ct(), scan.source


def read_labels(path: PathLike, source: SourceLike | None = None) -> Labels:
    """Read the labels of a mask; parameters and errors as `read_label_map`.

    Parameters
    ----------
    path : PathLike
        The file.
    source : SourceLike or None, default None
        Geometry of the CT that the labels belong to.

    Returns
    -------
    Labels
        Labels (z, y, x).
    """
    return read_label_map(path, source).labels


def read_label_map(
    path: PathLike,
    source: SourceLike | None = None,
    only: Choice = (),
    fraction: float | None = None,
) -> LabelMap:
    """Read a .nii, .nii.gz, .npz (`gts` or `segs`), .nrrd, .mha, DICOM SEG or RTSTRUCT file as a label map.

    Parameters
    ----------
    path : PathLike
        The file; a folder or an archive's address stands for the one SEG or RTSTRUCT there.
    source : SourceLike or None, default None
        Geometry of the CT that the labels belong to. They may be stored in another axis order or direction:
        they are put into the CT's. None takes the labels as they are (not of a SEG or RTSTRUCT).
    only : Choice, default ()
        Of a SEG or RTSTRUCT, names or numbers of the segments or ROIs to read; nothing reads all.
    fraction : float or None, default None
        Fraction of a fractional SEG: from which share of the maximum on a voxel counts, see
        `dicom.read_segmentation`.

    Returns
    -------
    LabelMap
        Labels with what the file says of the lesions.

    Raises
    ------
    CaseError
        If the file cannot be read, a value is not a label, the voxels lie at other places than those of the CT, or
        `only` or `fraction` is given for a file that has no segments.
    """
    path = mask_at_hand(path)
    suffix = file_suffix(path)
    if suffix in ("", ".dcm"):
        from lite_ensam.io.dicom import is_dicom, is_rtstruct, read_contours, read_segmentation

        if suffix or is_dicom(path):
            if is_rtstruct(path):
                return read_contours(path, source, only)
            return read_segmentation(path, source, only, fraction)
    check_volume_name(path, READ_MASK_SUFFIXES)
    if only or fraction is not None:
        raise CaseError(
            f"{printable(path)}: `only` and `fraction` are for a DICOM SEG or RTSTRUCT, which this is not"
        )
    own: ScanSource | None
    if file_suffix(path) == ".npz":
        labels, own = read_npz_labels(path, "segs" if "segs" in npz_keys(path) else "gts")
    elif file_suffix(path) in ITK_SUFFIXES:
        labels, own = read_itk_labels(path)
    else:
        labels, own = read_nifti_labels(path)
    if source is not None:
        try:
            labels = labels_on_grid(labels, own, source, "labels have")
        except CaseError as error:
            raise CaseError(f"{printable(path)}: {error}") from None
    return LabelMap(labels)


def read_case(
    ct: ScanLike,
    marks: MarksLike | None = None,
    reference: Any = None,
    *,
    spacing_mm: Sequence[float] | None = None,
    grid: SourceLike | None = None,
    marks_in: MarkFrame = "voxel",
    hu: bool | None = None,
    series_uid: SeriesChoice | None = None,
    acquisition: int | None = None,
    only: Choice = (),
    fraction: float | None = None,
) -> Case:
    """Read and check scan, marks and, if there is one, the reference.

    Without `marks`, the marks are those of a `Case`, the `recist` array of an .npz, or the one DICOM file of a folder
    that could be marks (SR, presentation state, RTSTRUCT); with a reference they are drawn on it, one per label.
    Without `reference`, the reference is that of a `Case`, or the `gts` of an .npz.

    Parameters
    ----------
    ct : ScanLike
        A scan in any form that `open_scan` takes: a file or folder, an image of another library, an array.
    marks : MarksLike or None, default None
        Lines in any form that `parse_marks` takes; an `ObjectChoice` says which report of a DICOM folder or study.
    reference : Any, default None
        A file, see `read_label_map`; or an image of another library, an array of labels in the order of `ct`, a
        `LabelMap` or a `Segmentation`.
    spacing_mm : Sequence[float] or None, default None
        Spacing in mm, (z, y, x) of an array, see `open_scan`.
    grid : SourceLike or None, default None
        Place in the world of an array, see `open_scan`.
    marks_in : MarkFrame, default "voxel"
        Frame of lines that are given as numbers, see `parse_marks`.
    hu : bool or None, default None
        True for Hounsfield units, False for a scan already windowed to 0-255, None to decide by the values.
    series_uid : SeriesChoice or None, default None
        Series of a DICOM folder, see `open_scan`; None takes the one that marks or reference refer to, else the
        largest.
    acquisition : int or None, default None
        Number of an acquisition, where a series has several; None takes the one that marks or reference refer
        to, else the largest.
    only : Choice, default ()
        Segments or ROIs of the reference, see `read_label_map`.
    fraction : float or None, default None
        Fraction of the reference, see `read_label_map`.

    Returns
    -------
    Case
        The case, all of it (z, y, x); its `source` is what `write_mask` asks for.

    Raises
    ------
    CaseError
        If the scan or the reference is bad.
    MarkError
        If the marks are invalid or missing.
    """
    marks = marks_at_hand(marks)
    is_file = isinstance(reference, str | os.PathLike)
    reference = mask_at_hand(reference) if is_file else reference
    scan = open_scan(
        ct,
        spacing_mm,
        grid,
        series_uid,
        acquisition,
        (reference if is_file else None) if marks is None else marks,
    )
    scan = scan.with_inputs(marks, reference)
    if reference is None and isinstance(ct, str | os.PathLike):
        reference = ct if file_suffix(ct) == ".npz" and "gts" in npz_keys(ct) else None
    label_map = None if reference is None else _reference_map(reference, scan.source, only, fraction)
    if label_map is None or marks is not None or scan.keeps_marks:
        lines = scan.read_marks(marks, marks_in)
    else:
        lines = scan.draw_marks(reference if is_file else "reference", label_map)
    if label_map is not None:
        scan = scan.with_notes((*label_map.notes, *label_map.unclaimed(lines)))
    case = scan.read_case(lines, None, None if label_map is None else label_map.labels, hu)
    # all nouns of a case are (z, y, x), also of one that was made of an image with other axes
    return replace(case, source=replace(case.source, array_axes=None))


def _reference_map(reference: Any, ct: ScanSource, only: Choice, fraction: float | None) -> LabelMap:
    """A reference in whatever form, on the grid of the scan."""
    if isinstance(reference, str | os.PathLike):
        return read_label_map(reference, ct, only, fraction)
    if only or fraction is not None:
        raise CaseError("`only` and `fraction` are for a DICOM SEG or RTSTRUCT, but reference is not a path")
    if isinstance(reference, LabelMap):
        return replace(reference, labels=ct.part_of_labels(reference, "reference").whole())
    if has_geometry(reference):
        voxels, own = volume_of_image(reference)
        placed = own if own.grid.is_oriented else None
        return LabelMap(labels_on_grid(as_labels(voxels, "reference"), placed, ct, "reference has"))
    return LabelMap(ct.part_of_labels(reference, "reference").whole())


def write_mask(
    path: PathLike,
    labels: Any,
    source: SourceLike | None = None,
    overwrite: bool = False,
    marks: Any = (),
) -> None:
    """Write a label map into the grid of the scan: its own axis order, shape and affine.

    Parameters
    ----------
    path : PathLike
        .nii, .nii.gz, .nrrd, .mha, or .npz (key `segs`, as FLARE wants it); the CT may have been another
        format. .dcm, a DICOM SEG, if the CT was DICOM.
    labels : Any
        Label map of bool or whole numbers in the order of the scan that was given: (z, y, x), of images of nibabel
        and the like their own; stored as uint8 if all values fit, else uint16. Or a `SubVolume` (z, y, x) that is zero
        elsewhere: the whole is then made slice by slice, while it is compressed. Or a `Segmentation` or `LabelMap`,
        which know their order.
    source : SourceLike or None, default None
        Source from `read_ct`, or the `Case` or `Segmentation` that has it; or the grid of an array (z, y, x) without a
        file. None takes that of a `Segmentation`.
    overwrite : bool, default False
        Whether an existing file may be replaced.
    marks : Any, default ()
        Lines or lesions that become the segments of a SEG, with names and tracking UIDs, or a `Case` or `Segmentation`
        that has them; left out, those of `labels`, else every label.

    Raises
    ------
    OutputError
        If the labels do not fit the grid or cannot be written. The target is as it was before and no
        temporary file is left.
    MarkError
        If `marks` are not lines or lesions.
    """
    ct = ScanSource.of(labels if source is None else source)
    _check_output(path, overwrite, MASK_SUFFIXES, ct)
    lesions = lesions_of(marks, labels)
    with _output_errors(path):
        part = ct.part_of_labels(labels)
    if file_suffix(path) == ".dcm":
        lesions = lesions or LabelMap(part.whole()).lesions
        if not lesions:
            raise OutputError(f"cannot write {printable(path)}: the mask is empty, and a SEG needs a segment")
        from lite_ensam.io.dicom import build_segmentation, write_dataset

        write_dataset(path, build_segmentation(part, ct, lesions), overwrite)
        return
    smallest = smallest_label_dtype(int(part.voxels.max(initial=0)))
    smaller = replace(part, voxels=part.voxels.astype(smallest, copy=False))
    _write_volume(path, smaller, "segs", ct, overwrite)


def write_contours(
    path: PathLike,
    labels: Any,
    source: SourceLike | None = None,
    overwrite: bool = False,
    marks: Any = (),
    remarks: Mapping[int, str] = MappingProxyType({}),
) -> None:
    """Write outlines as an RTSTRUCT, its ROIs numbered by label and named as in a SEG; else as `write_mask`.

    Parameters
    ----------
    path : PathLike
        File to write, .dcm.
    labels : Any
        Label map, see `write_mask`.
    source : SourceLike or None, default None
        Geometry of the DICOM scan, see `write_mask`.
    overwrite : bool, default False
        Whether an existing file may be replaced.
    marks : Any, default ()
        Lines or lesions that become the ROIs, with their names, see `write_mask`.
    remarks : Mapping[int, str]
        Texts of the ROIs' descriptions, by label.
    """
    ct = ScanSource.of(labels if source is None else source)
    _check_output(path, overwrite, (".dcm",), ct)
    from lite_ensam.io.dicom import build_rtstruct, segment_label, series_of, write_dataset

    series, lesions = series_of(ct, "an RTSTRUCT"), lesions_of(marks, labels)
    with _output_errors(path):
        whole = ct.part_of_labels(labels).whole()
    names = {lesion.label: segment_label(lesion) for lesion in lesions or LabelMap(whole).lesions}
    write_dataset(path, build_rtstruct(whole, series, names, remarks), overwrite)


def write_structured_report(
    path: PathLike,
    segmentation: PathLike,
    source: SourceLike,
    marks: Sequence[RecistMark],
    measured: Sequence[TumorMeasurement],
    has_lines: bool = True,
    overwrite: bool = False,
) -> None:
    """Write the measurements of a DICOM SEG as a structured report (TID 1500) that refers to it.

    Parameters
    ----------
    path : PathLike
        File to write: .dcm.
    segmentation : PathLike
        The SEG's file.
    source : SourceLike
        Geometry of the CT, read from DICOM.
    marks : Sequence[RecistMark]
        The line of each tumour.
    measured : Sequence[TumorMeasurement]
        The numbers of each tumour.
    has_lines : bool, default True
        Whether a reader drew the marks; lines that were drawn on the mask are left out.
    overwrite : bool, default False
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If `segmentation` is not a SEG, the CT did not come from DICOM, or the report cannot be written.
    """
    _check_output(path, overwrite, (".dcm",), source)
    from lite_ensam.io.dicom import build_report, is_dicom, read_dataset, series_of, write_dataset

    series, marks = series_of(source, "a structured report"), marks_in_sequence(marks)
    header = read_dataset(segmentation, voxels=False) if is_dicom(segmentation) else None
    if header is None or header.get("Modality") != "SEG":
        raise OutputError(
            f"cannot write {printable(path)}: a structured report refers to a DICOM SEG, which "
            f"{printable(segmentation)} is not; `lite-ensam convert` makes one"
        )
    write_dataset(path, build_report(header, series, marks, measured, has_lines=has_lines), overwrite)


def write_ct(path: PathLike, ct: CtVolume, source: SourceLike, overwrite: bool = False) -> None:
    """Write a scan as it is, no scale factors; else as `write_mask` (key `imgs` in an .npz).

    Parameters
    ----------
    path : PathLike
        File to write: .nii, .nii.gz, .npz, .nrrd or .mha.
    ct : CtVolume
        Voxels (z, y, x).
    source : SourceLike
        Geometry of the scan.
    overwrite : bool, default False
        Whether an existing file may be replaced.
    """
    _check_output(path, overwrite, OUTPUT_SUFFIXES, source)
    with _output_errors(path):
        checked = as_ct(ct)
    _write_volume(path, as_subvolume(checked), "imgs", source, overwrite)


def _check_output(path: PathLike, overwrite: bool, suffixes: tuple[str, ...], source: SourceLike) -> None:
    check_outputs([(output_path(path), suffixes)], ScanSource.of(source).inputs, overwrite)


@contextmanager
def _output_errors(path: PathLike) -> Iterator[None]:
    """Errors of an array that is written name the output."""
    try:
        yield
    except CaseError as error:
        raise OutputError(f"cannot write {printable(path)}: {error}") from None


def _write_volume(path: PathLike, volume: SubVolume, key: str, source: SourceLike, overwrite: bool) -> None:
    _check_shape(path, volume, source)
    if file_suffix(path) == ".npz":
        write_npz(path, key, volume.whole(), ScanSource.of(source), overwrite)
    elif file_suffix(path) in ITK_OUTPUT_SUFFIXES:
        write_itk(path, volume.whole(), ScanSource.of(source), overwrite)
    else:
        write_nifti(path, volume, ScanSource.of(source), overwrite)


def _check_shape(path: PathLike, volume: SubVolume, source: SourceLike) -> None:
    shape = ScanSource.of(source).grid.shape_zyx
    if volume.whole_shape_zyx != shape:
        raise OutputError(
            f"cannot write {printable(path)}: the array has shape {volume.whole_shape_zyx}, "
            f"its grid {shape} (z, y, x)"
        )
