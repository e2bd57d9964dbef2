"""One way in for scans: a path, a `Case`, an array or an image of another library becomes an `OpenedScan`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import NDArray

from lite_ensam.core.case import Case
from lite_ensam.core.errors import CaseError, MarkError, MissingMarksError, printable
from lite_ensam.core.grid import Grid
from lite_ensam.core.partial_volume import PartialScan, VoxelBox, merged_boxes
from lite_ensam.core.plausibility import is_misordered, pixel_problem
from lite_ensam.core.recist import RecistMark, check_marks, notes_of
from lite_ensam.core.scan_source import ScanSource, SourceLike
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import CtVolume, Labels, PathLike
from lite_ensam.core.voxels import as_ct, as_numpy
from lite_ensam.io.choice import Choice, SeriesChoice, parse_acquisition, parse_series
from lite_ensam.io.flare_npz import npz_keys, read_npz_ct
from lite_ensam.io.image_objects import has_geometry, volume_of_image
from lite_ensam.io.itk_files import ITK_OUTPUT_SUFFIXES, ITK_SUFFIXES, read_itk_ct
from lite_ensam.io.label_map import LabelMap
from lite_ensam.io.mark_entries import MarkFrame
from lite_ensam.io.mark_forms import MarksLike, parse_marks
from lite_ensam.io.nifti import NiftiVolume
from lite_ensam.io.object_choice import ObjectChoice
from lite_ensam.io.places import is_address, marks_at_hand, scan_at_hand
from lite_ensam.io.reading import check_input, file_suffix

__all__ = [
    "OUTPUT_SUFFIXES",
    "VOLUME_SUFFIXES",
    "OpenedScan",
    "ScanLike",
    "check_volume_name",
    "open_scan",
]

ScanLike: TypeAlias = PathLike | Case | tuple[NDArray[Any], ScanSource | Grid] | NDArray[Any] | Any
"""The forms of a scan that `open_scan` takes."""

_OWN_SUFFIXES = (".nii", ".nii.gz", ".npz")

VOLUME_SUFFIXES = (*_OWN_SUFFIXES, *ITK_SUFFIXES)
"""File name endings of scans."""

OUTPUT_SUFFIXES = (*_OWN_SUFFIXES, *ITK_OUTPUT_SUFFIXES)
"""File name endings of scans and masks that can be written."""


@with_short_repr
@dataclass(frozen=True, eq=False)
class OpenedScan:
    """A scan whose geometry is known; voxels of a NIfTI file are read when they are needed.

    Parameters
    ----------
    source : ScanSource
        Its geometry, axis order, header and notes.
    voxels : NiftiVolume or CtVolume or PartialScan
        The NIfTI file to read from, or, of all else, the scan (z, y, x).
    path : PathLike or None, default None
        The file or folder, if there is one.
    case : Case or None, default None
        Whose scan it is, if it came as a `Case`.
    """

    source: ScanSource
    voxels: NiftiVolume | CtVolume | PartialScan
    path: PathLike | None = None
    case: Case | None = None

    @property
    def name(self) -> str:
        """Name of the file or folder without its suffix, or of the case; empty for arrays."""
        if self.path is None:
            return "" if self.case is None else self.case.name
        name = Path(self.path).name
        return name[: len(name) - len(file_suffix(self.path))]

    @property
    def keeps_marks(self) -> bool:
        """Whether the scan comes with lines: a case, or an .npz with FLARE's array `recist`."""
        if self.path is None:
            return self.case is not None
        return file_suffix(self.path) == ".npz" and "recist" in npz_keys(self.path)

    @property
    def known_hu(self) -> bool | None:
        """Units for measuring sizes only: None to decide by the values, False if they are unknown."""
        return None if self.source.has_hu else False

    def read_ct(self) -> CtVolume:
        """Read the whole scan; errors as `read_ct`.

        Returns
        -------
        CtVolume
            Voxels (z, y, x).
        """
        if isinstance(self.voxels, PartialScan):
            raise CaseError("only crops of this scan were kept when it was read; read_case keeps all of it")
        return self.voxels.read_ct() if isinstance(self.voxels, NiftiVolume) else self.voxels

    def with_notes(self, notes: Sequence[str]) -> OpenedScan:
        """Add notes to the scan's source.

        Parameters
        ----------
        notes : Sequence[str]
            Sentences for readers of the results.

        Returns
        -------
        OpenedScan
            The scan with these notes.
        """
        return replace(self, source=self.source.with_notes(notes))

    def with_inputs(self, *places: object) -> OpenedScan:
        """Add the files that are read with the scan, which no output replaces either.

        Parameters
        ----------
        *places : object
            Marks or a reference, in any form; only paths are files.

        Returns
        -------
        OpenedScan
            The scan, whose source names them.
        """
        paths = [one for one in places if isinstance(one, str | os.PathLike) and not is_address(one)]
        return replace(self, source=self.source.with_inputs(*paths)) if paths else self

    def read_marks(
        self, marks: MarksLike | None, marks_in: MarkFrame = "voxel", only: Choice = ()
    ) -> tuple[RecistMark, ...]:
        """Read lines on this scan.

        Parameters
        ----------
        marks : MarksLike or None
            Marks in any form that `parse_marks` takes. None takes those of a case, the `recist` array of an
            .npz, or the one DICOM file of the folder that could be marks; an `ObjectChoice` says which of several.
        marks_in : MarkFrame, default "voxel"
            See `parse_marks`.
        only : Choice, default ()
            See `parse_marks`.

        Returns
        -------
        tuple[RecistMark, ...]
            At least one mark.

        Raises
        ------
        MarkError
            If they are invalid or missing.
        """
        choice = marks if isinstance(marks, ObjectChoice) else ObjectChoice()
        if self.path is not None and os.path.isdir(self.path) and (marks is None or marks is choice):
            from lite_ensam.io.dicom import find_marks, series_of

            marks = find_marks(self.path, choice, series_of(self.source, "a report"))
        elif marks is None and self.path is not None and self.keeps_marks:
            marks = self.path
        else:
            marks = marks_at_hand(marks)
        if marks is not None:
            return parse_marks(marks, self.source, marks_in, self.path or "", only)
        if only:
            raise MarkError("`only` is for a DICOM SEG or RTSTRUCT, and no `marks` are given")
        if self.case is not None:
            return self.case.marks
        name = "the ct" if self.path is None else printable(self.path)
        if self.path is not None and file_suffix(self.path) == ".npz":
            raise MissingMarksError(f"{name}: holds no array `recist`, and no marks were given")
        raise MissingMarksError(
            f"{name}: no `marks` given: name a file of RECIST lines, or give the ends of one line; `lite-ensam view` "
            "draws them"
        )

    def draw_marks(self, path: PathLike, label_map: LabelMap) -> tuple[RecistMark, ...]:
        """Draw the line of each lesion of a label map.

        Parameters
        ----------
        path : PathLike
            File of the label map, for the message if it is empty.
        label_map : LabelMap
            Label map on the grid of this scan.

        Returns
        -------
        tuple[RecistMark, ...]
            A mark for each lesion.
        """
        try:
            return label_map.draw_marks(self.source.grid.spacing_mm)
        except MarkError as error:
            raise MarkError(f"{printable(path)}: {error}") from None

    def read_case(
        self,
        marks: tuple[RecistMark, ...],
        boxes: Sequence[VoxelBox] | None = None,
        reference: Labels | None = None,
        hu: bool | None = None,
    ) -> Case:
        """Read the scan with its marks.

        Parameters
        ----------
        marks : tuple[RecistMark, ...]
            Marks from `read_marks`.
        boxes : Sequence[VoxelBox] or None, default None
            What is wanted of the voxels; they may overlap. A NIfTI file is then read once, slice by slice,
            for the range of all voxels and the voxels of the boxes, and never is in memory as a whole (unless
            a voxel is not a number). None reads everything.
        reference : Labels or None, default None
            As in `Case`; None takes those of a scan that came as a case.
        hu : bool or None, default None
            As in `Case`; None takes those of a scan that came as a case.

        Returns
        -------
        Case
            The case.

        Raises
        ------
        CaseError
            If the scan is bad.
        MarkError
            If the marks do not fit it.
        """
        shape = self.source.grid.shape_zyx
        check_marks(marks, shape)
        if self.case is not None:
            hu = self.case.hu if hu is None else hu
            reference = self.case.reference if reference is None else reference
            source = self.source.with_notes(notes_of(marks))
            return replace(self.case, marks=marks, reference=reference, hu=hu, source=source)
        ct: CtVolume | PartialScan | None = None
        if isinstance(self.voxels, PartialScan):
            ct = self.voxels
        elif boxes is not None and isinstance(self.voxels, NiftiVolume):
            ct = self.voxels.read_crops(merged_boxes(boxes, shape))
        source = self.source.with_notes(notes_of(marks))
        try:
            return Case(
                self.read_ct() if ct is None else ct,
                source.grid,
                marks,
                reference,
                self.name,
                hu,  # type: ignore[arg-type]  # None: look
                source,
            )
        except CaseError as error:
            raise CaseError(str(error) if self.path is None else f"{printable(self.path)}: {error}") from None


def open_scan(
    ct: ScanLike,
    spacing_mm: Sequence[float] | None = None,
    grid: SourceLike | None = None,
    series_uid: SeriesChoice | None = None,
    acquisition: int | None = None,
    referred_by: object = None,
) -> OpenedScan:
    """Open a scan in any of the supported forms.

    Parameters
    ----------
    ct : ScanLike
        One of:

        - a file (.nii, .nii.gz, FLARE .npz, .nrrd, .nhdr, .mha, .mhd), or a folder of DICOM slices
        - `dicomweb+https://HOST/dicom-web/studies/UID[/series/UID]`, which is fetched (extra `pacs`)
        - a `Case`, the `Segmentation` of one, or the pair (array, source) that `read_ct` returns
        - an image of nibabel, SimpleITK or itk, or a tensor of MONAI or TorchIO, with its own geometry
        - an array (z, y, x), or anything that NumPy makes one of (torch, xarray, memory maps)
    spacing_mm : Sequence[float] or None, default None
        Spacing in mm, (z, y, x) of an array.
    grid : SourceLike or None, default None
        Place in the world of an array (z, y, x), instead of `spacing_mm`, or a `Case` or `Segmentation` that has it.
    series_uid : SeriesChoice or None, default None
        Series of a DICOM folder, see `dicom.read_ct_series`.
    acquisition : int or None, default None
        One of several acquisitions in that series, see `dicom.read_ct_series`.
    referred_by : object, default None
        The marks or mask that the scan is opened for; a DICOM file says which series of a folder it refers
        to. None looks for the one file of marks in the folder, an `ObjectChoice` says which of several.

    Returns
    -------
    OpenedScan
        The scan; its voxels are read when they are needed.

    Raises
    ------
    CaseError
        If it has another form, is damaged, or its geometry makes no sense.
    """
    series_uid, acquisition = parse_series(series_uid), parse_acquisition(acquisition)
    if isinstance(ct, str | os.PathLike):
        _refuse_geometry(spacing_mm, grid, printable(ct))
        return _open_path(scan_at_hand(ct, series_uid, referred_by), series_uid, acquisition, referred_by)
    if series_uid is not None or acquisition is not None:
        name = "acquisition" if series_uid is None else "series_uid"
        raise CaseError(f"{name} chooses from a DICOM folder, but ct is not a path")
    case = ct if isinstance(ct, Case) else getattr(ct, "case", None)
    if isinstance(case, Case):
        _refuse_geometry(spacing_mm, grid, "a Case")
        return OpenedScan(case.source, case.ct, case=case)
    if isinstance(ct, tuple | list) and len(ct) == 2 and isinstance(ct[1], ScanSource | Grid):
        _refuse_geometry(spacing_mm, grid, "the pair of ct and source")
        ct, grid = ct
    elif has_geometry(ct):
        _refuse_geometry(None, grid, "an image")
        voxels, source = volume_of_image(ct, spacing_mm)
        return OpenedScan(source, as_ct(voxels))
    return _open_array(as_ct(as_numpy(ct)), spacing_mm, grid)


def check_volume_name(path: PathLike, suffixes: Sequence[str] = VOLUME_SUFFIXES) -> None:
    """Say that a file is missing before complaining about its name."""
    check_input(path)
    if file_suffix(path) not in suffixes:
        raise CaseError(
            f"{printable(path)}: is not a scan lite-ensam reads; a scan is a file of type "
            f"{', '.join(VOLUME_SUFFIXES)}, or a folder of DICOM slices"
        )


def _open_path(
    path: PathLike, series_uid: str | None, acquisition: int | None, referred_by: object
) -> OpenedScan:
    if os.path.isdir(path):
        from lite_ensam.io.dicom import candidate_marks
        from lite_ensam.io.dicom.series import read_series

        if referred_by is None or isinstance(referred_by, ObjectChoice):
            candidates = candidate_marks(path, referred_by or ObjectChoice())
            referred_by = candidates[0] if len(candidates) == 1 else None
        refers = referred_by if isinstance(referred_by, str | os.PathLike) else None
        ct, series = read_series(path, series_uid, acquisition, refers)
        return OpenedScan(series.with_notes(getattr(path, "notes", ())).with_inputs(path), ct, path)
    check_volume_name(path)
    if series_uid is not None or acquisition is not None:
        name = "acquisition" if series_uid is None else "series_uid"
        raise CaseError(f"{printable(path)}: {name} chooses from a DICOM folder, which this is not")
    if file_suffix(path) in (".nii", ".nii.gz"):
        volume = NiftiVolume.open(path)
        return OpenedScan(volume.source.with_inputs(path), volume, path)
    ct, source = read_npz_ct(path) if file_suffix(path) == ".npz" else read_itk_ct(path)
    return OpenedScan(source.with_inputs(path), ct, path)


def _open_array(volume: CtVolume, spacing_mm: Sequence[float] | None, grid: SourceLike | None) -> OpenedScan:
    if grid is not None:
        if spacing_mm is not None:
            raise CaseError("grid has a spacing of its own: give spacing_mm or grid, not both")
        source = replace(ScanSource.of(grid), array_axes=None)
        shape = source.grid.shape_zyx
        if volume.shape != shape:
            order = ": x, y, z order?" if volume.shape[::-1] == shape else ""
            raise CaseError(f"ct has shape {volume.shape}, its grid {shape} (z, y, x){order}")
        return OpenedScan(source, volume)
    if spacing_mm is None:
        raise CaseError(
            "spacing_mm is missing: an array does not know its voxel size (z, y, x) in mm; give it, or grid="
        )
    bare = Grid.from_spacing(volume.shape, spacing_mm)
    if is_misordered(bare.spacing_mm):
        raise CaseError(
            f"spacing_mm: {pixel_problem(bare.spacing_mm)} If it is right, give grid=Grid.from_spacing(...)"
        )
    return OpenedScan(ScanSource(bare), volume)


def _refuse_geometry(spacing_mm: object, grid: object, owner: str) -> None:
    if spacing_mm is not None or grid is not None:
        name = "grid" if spacing_mm is None else "spacing_mm"
        raise CaseError(f"{name} belongs to arrays; {owner} has its own")
