"""Scans, label maps and cases by file name: the suffix says the format, a folder holds DICOM slices."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lite_ensam.core.case import Case
from lite_ensam.core.errors import CaseError, MarkError, OutputError, printable
from lite_ensam.core.grid import Grid
from lite_ensam.core.partial_volume import (
    PartialScan,
    SubVolume,
    TumorMasks,
    VoxelBox,
    as_subvolume,
    merged_boxes,
)
from lite_ensam.core.recist import RecistMark, check_marks, marks_from_labels
from lite_ensam.core.types import CtVolume, Labels, PathLike
from lite_ensam.io.atomic import check_output
from lite_ensam.io.dicom import (
    SeriesGrid,
    build_rtstruct,
    build_segmentation,
    find_marks,
    read_ct_series,
    read_segmentation,
    write_dataset,
)
from lite_ensam.io.file_grid import FileGrid
from lite_ensam.io.flare_npz import npz_keys, read_npz_ct, read_npz_labels, write_npz
from lite_ensam.io.marks_files import read_marks
from lite_ensam.io.nifti import NiftiVolume, read_nifti_ct, read_nifti_labels, write_nifti
from lite_ensam.io.reading import check_input, file_suffix
from lite_ensam.io.voxels import as_ct, as_labels, smallest_label_dtype

__all__ = [
    "MASK_SUFFIXES",
    "VOLUME_SUFFIXES",
    "read_case",
    "read_cropped_case",
    "read_ct",
    "read_labels",
    "write_contours",
    "write_ct",
    "write_mask",
]

VOLUME_SUFFIXES = (".nii", ".nii.gz", ".npz")
"""Names that scans may end in."""

MASK_SUFFIXES = (*VOLUME_SUFFIXES, ".dcm")
"""Names that masks may end in; .dcm is a DICOM SEG."""


def read_ct(path: PathLike, series_uid: str | None = None) -> tuple[CtVolume, FileGrid]:
    """Scan of a .nii, .nii.gz or FLARE .npz file, or of a folder of DICOM slices.

    Parameters
    ----------
    path : the file or folder
    series_uid : which series of a folder; see `dicom.read_ct_series`

    Returns
    -------
    ct : int16, uint16, uint8 or float32 (z, y, x); axes are permuted so that z runs along the body,
        never flipped or resampled
    grid : its geometry; it remembers the file's axis order and header, which is what `write_mask` asks of a `source`

    Raises
    ------
    CaseError
        If the file is missing, damaged, no 3D image, or its geometry makes no sense.
    """
    if os.path.isdir(path):
        return read_ct_series(path, series_uid)
    _check_volume_name(path)
    return read_npz_ct(path) if file_suffix(path) == ".npz" else read_nifti_ct(path)


def read_labels(path: PathLike, grid: Grid | None = None) -> Labels:
    """Label map of a .nii, .nii.gz, .npz (`gts` or `segs`) or DICOM SEG file, uint8 or uint16 (z, y, x).

    Parameters
    ----------
    path : the file
    grid : of the CT that the labels belong to; None takes the labels as they are (not of a SEG)

    Raises
    ------
    CaseError
        If the file cannot be read, a value is no label, or the labels lie elsewhere than the CT.
    """
    _check_volume_name(path, MASK_SUFFIXES)
    if file_suffix(path) == ".dcm":
        return read_segmentation(path, grid)
    labels_grid: Grid | None
    if file_suffix(path) == ".npz":
        labels, labels_grid = read_npz_labels(path, "segs" if "segs" in npz_keys(path) else "gts")
    else:
        labels, labels_grid = read_nifti_labels(path)
    if grid is not None:
        name = printable(path)
        if labels.shape != grid.shape_zyx:
            raise CaseError(
                f"{name}: the labels have shape {labels.shape}, the CT {grid.shape_zyx} (z, y, x)"
            )
        if labels_grid is not None and not labels_grid.matches(grid):
            raise CaseError(f"{name}: the labels lie elsewhere than the CT: their affines differ")
    return labels


def read_case(
    ct_path: PathLike,
    marks_path: PathLike | None = None,
    reference_path: PathLike | None = None,
    *,
    hu: bool | None = None,
    series_uid: str | None = None,
) -> Case:
    """Scan, marks and, if there is one, reference; everything checked.

    Without `marks_path`, the marks are the `recist` array of an .npz, or the one DICOM file of a folder that
    could be marks (SR, presentation state, RTSTRUCT); with a reference they are drawn on it, one per label.
    Without `reference_path`, the reference is the `gts` of an .npz.

    Parameters
    ----------
    ct_path : .nii, .nii.gz, .npz, or a folder of DICOM slices
    marks_path : see `read_marks`
    reference_path : see `read_labels`
    hu : True for Hounsfield units, False for a scan already windowed to 0-255, None to look
    series_uid : which series of a DICOM folder; None takes the largest

    Returns
    -------
    The case; its `grid` is what `write_mask` needs as `source`.

    Raises
    ------
    CaseError
        If the scan or the reference is bad.
    MarkError
        If the marks are bad or there are none.
    """
    ct, grid = read_ct(ct_path, series_uid)
    inside = npz_keys(ct_path) if file_suffix(ct_path) == ".npz" else frozenset()
    if reference_path is None and "gts" in inside:
        reference_path = ct_path
    reference = None if reference_path is None else read_labels(reference_path, grid)
    if marks_path is None and "recist" in inside:
        marks_path = ct_path
    if marks_path is None and reference is None and os.path.isdir(ct_path):
        marks_path = find_marks(ct_path)
    if marks_path is not None:
        marks = read_marks(marks_path, grid, ct_path)
    elif reference is not None:
        marks = marks_from_labels(reference, grid.spacing_mm)
    else:
        if file_suffix(ct_path) == ".npz":
            raise MarkError(f"{printable(ct_path)}: holds no array `recist`, and no marks were given")
        raise MarkError(f"{printable(ct_path)}: no `marks` given: a file of lines to go with this scan")
    return _case_of(ct_path, ct, grid, marks, reference, hu)


def read_cropped_case(
    ct_path: PathLike,
    marks_of: Callable[[FileGrid], tuple[RecistMark, ...]],
    boxes_of: Callable[[tuple[RecistMark, ...], FileGrid], Sequence[VoxelBox]],
    *,
    hu: bool | None = None,
) -> Case:
    """Marks of a scan and the voxels around them; the scan is never in memory as a whole.

    The file is read once, slice by slice, for the range of all voxels and the voxels of the boxes. (An .npz, and a
    scan with a voxel that is no number, are read whole.)

    Parameters
    ----------
    ct_path : .nii, .nii.gz or .npz
    marks_of : gives the lines of a scan with this grid
    boxes_of : gives the boxes that are wanted around these lines; they may overlap
    hu : as in `read_case`

    Raises
    ------
    CaseError
        If the scan is bad.
    MarkError
        If the marks are bad.
    """
    _check_volume_name(ct_path)
    if file_suffix(ct_path) == ".npz":
        voxels, grid = read_ct(ct_path)
        return _case_of(ct_path, voxels, grid, marks_of(grid), None, hu)
    volume = NiftiVolume.open(ct_path)
    marks = marks_of(volume.grid)
    check_marks(marks, volume.grid.shape_zyx)
    boxes = merged_boxes(boxes_of(marks, volume.grid), volume.grid.shape_zyx)
    crops = volume.read_crops(boxes)
    return _case_of(ct_path, volume.read_ct() if crops is None else crops, volume.grid, marks, None, hu)


def _case_of(
    ct_path: PathLike,
    ct: CtVolume | PartialScan,
    grid: FileGrid,
    marks: tuple[RecistMark, ...],
    reference: Labels | None,
    hu: bool | None,
) -> Case:
    name = Path(ct_path).name
    name = name[: len(name) - len(file_suffix(ct_path))]
    try:
        return Case(ct, grid, marks, reference, name, **({} if hu is None else {"hu": hu}))
    except CaseError as error:
        raise CaseError(f"{printable(ct_path)}: {error}") from None


def write_mask(
    path: PathLike,
    labels: NDArray[Any] | SubVolume,
    source: Grid,
    overwrite: bool = False,
    marks: Sequence[RecistMark] = (),
) -> None:
    """Write a label map into the grid of the scan: its own axis order, shape and affine.

    Parameters
    ----------
    path : .nii, .nii.gz, or .npz (key `segs`, as FLARE wants it); the CT may have been another format.
        .dcm, a DICOM SEG, if the CT was DICOM
    labels : bool or integers (z, y, x); stored as uint8 if all values fit, else uint16. Or a part of such a
        label map that is zero elsewhere: the whole is then made slice by slice, while it is compressed
    source : from `read_ct`, or any grid of an array without a file
    overwrite : whether an existing file may be replaced
    marks : whose tumours become the segments of a SEG, with names and tracking UIDs; none takes every label

    Raises
    ------
    OutputError
        If the labels do not fit the grid or cannot be written. The target is as it was before and no
        temporary file is left.
    """
    check_output(path, overwrite, MASK_SUFFIXES)
    with _output_errors(path):
        checked = as_labels(labels.voxels if isinstance(labels, SubVolume) else labels)
    part = replace(labels, voxels=checked) if isinstance(labels, SubVolume) else as_subvolume(checked)
    if file_suffix(path) == ".dcm":
        _check_shape(path, part, source)
        whole = part.whole()
        marks = marks or marks_from_labels(whole, source.spacing_mm)
        write_dataset(path, build_segmentation(whole, source, marks), overwrite)
        return
    smallest = smallest_label_dtype(int(checked.max(initial=0)))
    _write_volume(path, replace(part, voxels=checked.astype(smallest, copy=False)), "segs", source, overwrite)


def write_contours(path: PathLike, labels: Labels, source: Grid, overwrite: bool = False) -> None:
    """Write every label's outlines as an RTSTRUCT, named as in a SEG; errors as `write_mask`."""
    check_output(path, overwrite, (".dcm",))
    if not isinstance(source, SeriesGrid):
        raise OutputError(
            f"cannot write {printable(path)}: an RTSTRUCT needs a CT read from its DICOM folder"
        )
    _check_shape(path, as_subvolume(labels), source)
    names = {label: f"tumor {label}" for label in TumorMasks(labels).labels}
    write_dataset(path, build_rtstruct(labels, source, names), overwrite)


def write_ct(path: PathLike, ct: CtVolume, source: Grid, overwrite: bool = False) -> None:
    """Write a scan as it is, no scale factors; else as `write_mask` (key `imgs` in an .npz)."""
    check_output(path, overwrite, VOLUME_SUFFIXES)
    with _output_errors(path):
        checked = as_ct(ct)
    _write_volume(path, as_subvolume(checked), "imgs", source, overwrite)


@contextmanager
def _output_errors(path: PathLike) -> Iterator[None]:
    """What is wrong with an array is, for whoever writes it, why it cannot be written."""
    try:
        yield
    except CaseError as error:
        raise OutputError(f"cannot write {printable(path)}: {error}") from None


def _write_volume(path: PathLike, volume: SubVolume, key: str, source: Grid, overwrite: bool) -> None:
    _check_shape(path, volume, source)
    if file_suffix(path) == ".npz":
        write_npz(path, key, volume.whole(), FileGrid.of(source), overwrite)
    else:
        write_nifti(path, volume, FileGrid.of(source), overwrite)


def _check_shape(path: PathLike, volume: SubVolume, source: Grid) -> None:
    if volume.whole_shape_zyx != source.shape_zyx:
        raise OutputError(
            f"cannot write {printable(path)}: the array has shape {volume.whole_shape_zyx}, "
            f"its grid {source.shape_zyx} (z, y, x)"
        )


def _check_volume_name(path: PathLike, suffixes: Sequence[str] = VOLUME_SUFFIXES) -> None:
    """Say that a file is missing before complaining about its name."""
    check_input(path)
    if file_suffix(path) not in suffixes:
        raise CaseError(
            f"{printable(path)}: is not a scan lite-ensam reads; a scan is a file of type "
            f"{', '.join(VOLUME_SUFFIXES)}, or a folder of DICOM slices"
        )
