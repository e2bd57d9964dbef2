"""Scans, label maps and cases by file name: the suffix says the format, a folder holds DICOM slices."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lite_ensam.core.case import Case
from lite_ensam.core.errors import CaseError, MarkError, OutputError, printable
from lite_ensam.core.grid import Grid
from lite_ensam.core.partial_volume import SubVolume, TumorMasks, VoxelBox, as_subvolume, merged_boxes
from lite_ensam.core.recist import RecistMark, check_marks, marks_from_labels
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import CtVolume, Labels, PathLike
from lite_ensam.io.atomic import check_output
from lite_ensam.io.dicom import (
    build_rtstruct,
    build_segmentation,
    find_marks,
    read_ct_series,
    read_segmentation,
    series_of,
    write_dataset,
)
from lite_ensam.io.flare_npz import npz_keys, read_npz_ct, read_npz_labels, write_npz
from lite_ensam.io.marks_files import MarksLike, parse_marks, read_marks
from lite_ensam.io.nifti import NiftiVolume, read_nifti_labels, write_nifti
from lite_ensam.io.reading import check_input, file_suffix
from lite_ensam.io.voxels import as_ct, as_labels, smallest_label_dtype

__all__ = [
    "MASK_SUFFIXES",
    "VOLUME_SUFFIXES",
    "ScanFile",
    "open_scan",
    "read_case",
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


@with_short_repr
@dataclass(frozen=True, eq=False)
class ScanFile:
    """A scan on disk whose geometry is known; voxels of a NIfTI file are read when they are asked for.

    Parameters
    ----------
    path : the file or folder
    source : its geometry, axis order, header and notes
    voxels : the NIfTI file to read from, or, of other kinds, what was read with the geometry
    """

    path: PathLike
    source: ScanSource
    voxels: NiftiVolume | CtVolume

    @property
    def keeps_marks(self) -> bool:
        """Whether the file has lines inside: an .npz with FLARE's array `recist`."""
        return file_suffix(self.path) == ".npz" and "recist" in npz_keys(self.path)

    def read_ct(self) -> CtVolume:
        """The whole scan (z, y, x); errors as `read_ct`."""
        return self.voxels.read_ct() if isinstance(self.voxels, NiftiVolume) else self.voxels

    def read_marks(self, marks: MarksLike | None, reference: Labels | None = None) -> tuple[RecistMark, ...]:
        """Lines on this scan.

        Parameters
        ----------
        marks : in any form that `parse_marks` takes. None takes the `recist` array of an .npz, or the one DICOM file
            of the folder that could be marks; with a reference, the lines are drawn on it, one per label
        reference : label map (z, y, x), or None

        Raises
        ------
        MarkError
            If they are bad or there are none.
        """
        if marks is None and self.keeps_marks:
            marks = self.path
        if marks is None and reference is None and os.path.isdir(self.path):
            marks = find_marks(self.path)
        if isinstance(marks, str | os.PathLike):
            return read_marks(marks, self.source, self.path)
        if marks is not None:
            return parse_marks(marks, self.source)
        if reference is not None:
            return marks_from_labels(reference, self.source.grid.spacing_mm)
        if file_suffix(self.path) == ".npz":
            raise MarkError(f"{printable(self.path)}: holds no array `recist`, and no marks were given")
        raise MarkError(f"{printable(self.path)}: no `marks` given: a file of lines to go with this scan")

    def read_case(
        self,
        marks: tuple[RecistMark, ...],
        boxes: Sequence[VoxelBox] | None = None,
        reference: Labels | None = None,
        hu: bool | None = None,
    ) -> Case:
        """The scan with its marks.

        Parameters
        ----------
        marks : from `read_marks`
        boxes : what is wanted of the voxels; they may overlap. A NIfTI file is then read once, slice by slice, for the
            range of all voxels and the voxels of the boxes, and never is in memory as a whole (unless a voxel is no
            number). None reads everything
        reference, hu : as in `Case`

        Raises
        ------
        CaseError
            If the scan is bad.
        MarkError
            If the marks do not fit it.
        """
        shape = self.source.grid.shape_zyx
        check_marks(marks, shape)
        crops = None
        if boxes is not None and isinstance(self.voxels, NiftiVolume):
            crops = self.voxels.read_crops(merged_boxes(boxes, shape))
        ct = self.read_ct() if crops is None else crops
        name = Path(self.path).name
        name = name[: len(name) - len(file_suffix(self.path))]
        try:
            return Case(ct, self.source.grid, marks, reference, name, hu, self.source)  # type: ignore[arg-type]
        except CaseError as error:
            raise CaseError(f"{printable(self.path)}: {error}") from None


def open_scan(path: PathLike, series_uid: str | None = None) -> ScanFile:
    """A scan of which the geometry is read, and the voxels too unless it is a NIfTI file; errors as `read_ct`."""
    if os.path.isdir(path):
        ct, series = read_ct_series(path, series_uid)
        return ScanFile(path, series, ct)
    _check_volume_name(path)
    if file_suffix(path) == ".npz":
        ct, source = read_npz_ct(path)
        return ScanFile(path, source, ct)
    volume = NiftiVolume.open(path)
    return ScanFile(path, volume.source, volume)


def read_ct(path: PathLike, series_uid: str | None = None) -> tuple[CtVolume, ScanSource]:
    """Scan of a .nii, .nii.gz or FLARE .npz file, or of a folder of DICOM slices.

    Parameters
    ----------
    path : the file or folder
    series_uid : which series of a folder; see `dicom.read_ct_series`

    Returns
    -------
    ct : int16, uint16, uint8 or float32 (z, y, x); axes are permuted so that z runs along the body,
        never flipped or resampled
    source : `source.grid` is its geometry; it remembers the file's axis order and header, for `write_mask`

    Raises
    ------
    CaseError
        If the file is missing, damaged, no 3D image, or its geometry makes no sense.
    """
    scan = open_scan(path, series_uid)
    return scan.read_ct(), scan.source


def read_labels(path: PathLike, source: ScanSource | Grid | None = None) -> Labels:
    """Label map of a .nii, .nii.gz, .npz (`gts` or `segs`) or DICOM SEG file, uint8 or uint16 (z, y, x).

    Parameters
    ----------
    path : the file
    source : of the CT that the labels belong to; None takes the labels as they are (not of a SEG)

    Raises
    ------
    CaseError
        If the file cannot be read, a value is no label, or the labels lie elsewhere than the CT.
    """
    _check_volume_name(path, MASK_SUFFIXES)
    if file_suffix(path) == ".dcm":
        return read_segmentation(path, source)
    own: ScanSource | None
    if file_suffix(path) == ".npz":
        labels, own = read_npz_labels(path, "segs" if "segs" in npz_keys(path) else "gts")
    else:
        labels, own = read_nifti_labels(path)
    if source is not None:
        name, grid = printable(path), ScanSource.of(source).grid
        if labels.shape != grid.shape_zyx:
            raise CaseError(
                f"{name}: the labels have shape {labels.shape}, the CT {grid.shape_zyx} (z, y, x)"
            )
        if own is not None and not own.grid.matches(grid):
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
    The case; its `source` is what `write_mask` asks for.

    Raises
    ------
    CaseError
        If the scan or the reference is bad.
    MarkError
        If the marks are bad or there are none.
    """
    scan = open_scan(ct_path, series_uid)
    if reference_path is None and file_suffix(ct_path) == ".npz" and "gts" in npz_keys(ct_path):
        reference_path = ct_path
    reference = None if reference_path is None else read_labels(reference_path, scan.source)
    return scan.read_case(scan.read_marks(marks_path, reference), None, reference, hu)


def write_mask(
    path: PathLike,
    labels: NDArray[Any] | SubVolume,
    source: ScanSource | Grid,
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
    source : from `read_ct` or of a `Case`, or the grid of an array without a file
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
        marks = marks or marks_from_labels(whole, ScanSource.of(source).grid.spacing_mm)
        write_dataset(path, build_segmentation(whole, source, marks), overwrite)
        return
    smallest = smallest_label_dtype(int(checked.max(initial=0)))
    _write_volume(path, replace(part, voxels=checked.astype(smallest, copy=False)), "segs", source, overwrite)


def write_contours(
    path: PathLike, labels: Labels, source: ScanSource | Grid, overwrite: bool = False
) -> None:
    """Write every label's outlines as an RTSTRUCT, named as in a SEG; errors as `write_mask`."""
    check_output(path, overwrite, (".dcm",))
    series = series_of(source, "an RTSTRUCT")
    _check_shape(path, as_subvolume(labels), source)
    names = {label: f"tumor {label}" for label in TumorMasks(labels).labels}
    write_dataset(path, build_rtstruct(labels, series, names), overwrite)


def write_ct(path: PathLike, ct: CtVolume, source: ScanSource | Grid, overwrite: bool = False) -> None:
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


def _write_volume(
    path: PathLike, volume: SubVolume, key: str, source: ScanSource | Grid, overwrite: bool
) -> None:
    _check_shape(path, volume, source)
    if file_suffix(path) == ".npz":
        write_npz(path, key, volume.whole(), ScanSource.of(source), overwrite)
    else:
        write_nifti(path, volume, ScanSource.of(source), overwrite)


def _check_shape(path: PathLike, volume: SubVolume, source: ScanSource | Grid) -> None:
    shape = ScanSource.of(source).grid.shape_zyx
    if volume.whole_shape_zyx != shape:
        raise OutputError(
            f"cannot write {printable(path)}: the array has shape {volume.whole_shape_zyx}, "
            f"its grid {shape} (z, y, x)"
        )


def _check_volume_name(path: PathLike, suffixes: Sequence[str] = VOLUME_SUFFIXES) -> None:
    """Say that a file is missing before complaining about its name."""
    check_input(path)
    if file_suffix(path) not in suffixes:
        raise CaseError(
            f"{printable(path)}: is not a scan lite-ensam reads; a scan is a file of type "
            f"{', '.join(VOLUME_SUFFIXES)}, or a folder of DICOM slices"
        )
