"""CT series and RTSTRUCT contours from DICOM files (extra `dicom`).

DICOM counts millimetres to the patient's left, back and head (LPS); everything that leaves this module is
in the world of `Grid` (right, front, head).
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lite_ensam._typing import CtVolume, Floats, Mask
from lite_ensam.errors import CaseError, MissingExtraError, printable
from lite_ensam.geometry import Grid
from lite_ensam.io.file_grid import FileGrid
from lite_ensam.io.reading import check_input, plain_errors

__all__ = ["read_ct_series", "read_roi", "read_roi_names"]

PathLike: TypeAlias = str | os.PathLike[str]

Dataset: TypeAlias = Any
"""A pydicom Dataset; the package is imported only where it is used."""

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])

_UNEVEN = 0.01
"""Slices count as evenly spaced if none lies farther than this share of a slice from its place."""

_ALIKE = {"Rows": 1, "Columns": 1, "PixelSpacing": 2, "ImageOrientationPatient": 6}
"""What all slices must have in common, and how many numbers it is."""

_OFF_PLANE = 0.1
"""A contour lies in one slice if none of its points is farther than this share of a slice from the rest."""


def read_ct_series(folder: PathLike) -> tuple[CtVolume, FileGrid]:
    """The CT series of a folder, in HU.

    Files that are not DICOM or not CT (an RTSTRUCT beside the slices) are passed over.

    Returns
    -------
    ct : int16 (z, y, x), or float32 if the HU are not whole numbers; slices are sorted by position, axes
        permuted so that z runs along the body, nothing is flipped or resampled
    grid : its geometry, as `read_ct` gives it

    Raises
    ------
    CaseError
        If the folder holds no CT or more than one series, or slices are missing, differ in size,
        orientation or spacing, cannot be decoded, or make no grid with right angles.
    MissingExtraError
        If pydicom is not installed.
    """
    slices = _sorted_slices(folder)
    first = slices[0]
    try:
        volume = np.stack([_hu(one) for one in slices])
        affine = _affine(slices)
        grid = FileGrid.from_file_affine((int(first.Columns), int(first.Rows), len(slices)), affine)
    except CaseError as error:
        raise CaseError(f"{printable(folder)}: {error}") from None
    return grid.from_file(volume), grid


def read_roi_names(path: PathLike) -> tuple[str, ...]:
    """Names of the ROIs of an RTSTRUCT file, in its order; errors as `read_roi`."""
    return tuple(_rois(_read_rtstruct(path)))


def read_roi(path: PathLike, name: str, grid: Grid) -> Mask:
    """Mask of one ROI of an RTSTRUCT file.

    Parameters
    ----------
    path : the RTSTRUCT file
    name : of the ROI
    grid : of the CT that the contours were drawn on

    Returns
    -------
    bool (z, y, x): voxels whose centres lie within an odd number of the ROI's contours on their slice,
        so that a contour within another one is a hole.

    Raises
    ------
    CaseError
        If the file is no RTSTRUCT, has no such ROI (the message names those that are there), or a
        contour is not closed, not in one slice, or outside the CT.
    MissingExtraError
        If pydicom is not installed.
    """
    rtstruct = _read_rtstruct(path)
    numbers = _rois(rtstruct)
    if name not in numbers:
        raise CaseError(
            f"{printable(path)}: has no ROI {name!r}, only {', '.join(map(repr, numbers)) or 'none'}"
        )
    contours = [
        contour
        for roi in rtstruct.get("ROIContourSequence", [])
        if roi.ReferencedROINumber == numbers[name]
        for contour in roi.get("ContourSequence", [])
    ]
    if not contours:
        raise CaseError(f"{printable(path)}: ROI {name!r} has no contours")
    mask = np.zeros(grid.shape_zyx, dtype=np.bool_)
    for number, contour in enumerate(contours, start=1):
        try:
            z, corners_yx = _in_slice(contour, grid)
        except CaseError as error:
            raise CaseError(f"{printable(path)}: ROI {name!r}, contour {number}: {error}") from None
        mask[z] ^= _fill(corners_yx, grid.shape_zyx[1:])
    return mask


def _sorted_slices(folder: PathLike) -> list[Dataset]:
    """Slices of the only CT series of a folder, by position along its normal, checked to be alike."""
    where = printable(folder)
    slices = list(_ct_files(folder))
    if not slices:
        raise CaseError(f"{where}: holds no DICOM file of a CT")
    series = sorted({str(one.SeriesInstanceUID) for one in slices})
    if len(series) > 1:
        raise CaseError(f"{where}: holds {len(series)} CT series, expected one ({', '.join(series)})")
    try:
        for name, n_numbers in _ALIKE.items():
            values = [_numbers(one, name, n_numbers) for one in slices]
            if any(not np.allclose(value, values[0], rtol=0, atol=1e-4) for value in values):
                raise CaseError(f"{name} differs between slices")
        normal = np.cross(*_directions(slices[0]))
        return sorted(slices, key=lambda one: float(normal @ _position(one)))
    except CaseError as error:
        raise CaseError(f"{where}: {error}") from None


def _ct_files(folder: PathLike) -> Iterator[Dataset]:
    pydicom = _pydicom()
    with plain_errors(folder):
        if not Path(folder).is_dir():
            raise CaseError("no such folder")
    for path in sorted(Path(folder).iterdir()):
        if not path.is_file():
            continue
        try:
            dataset = pydicom.dcmread(path)
        except pydicom.errors.InvalidDicomError:
            continue
        if dataset.get("Modality") == "CT" and "PixelData" in dataset:
            if int(dataset.get("NumberOfFrames", 1)) > 1:
                raise CaseError(f"{path}: is a multi-frame CT, expected one slice a file")
            yield dataset


def _hu(one: Dataset) -> CtVolume:
    """One slice (row, column): int16 if its HU are whole numbers, else float32."""
    try:
        stored: NDArray[Any] = one.pixel_array
    except Exception as error:  # pydicom and its decoders have many
        raise CaseError(f"slice {one.get('InstanceNumber')}: voxels cannot be decoded ({error})") from error
    hu = stored * float(one.get("RescaleSlope", 1)) + float(one.get("RescaleIntercept", 0))
    as_int16 = np.clip(hu, -(2**15), 2**15 - 1).astype(np.int16)
    return as_int16 if np.array_equal(as_int16, hu) else hu.astype(np.float32)


def _affine(slices: Sequence[Dataset]) -> Floats:
    """(4, 4), file index (column, row, slice, 1) to world mm (RAS)."""
    first = slices[0]
    row_mm, column_mm = _numbers(first, "PixelSpacing", 2)
    along_columns, along_rows = _directions(first)
    positions = np.array([_position(one) for one in slices])
    if len(slices) > 1:
        step = (positions[-1] - positions[0]) / (len(slices) - 1)
        due = positions[0] + np.arange(len(slices))[:, None] * step
        off = np.linalg.norm(positions - due, axis=1)
        if off.max() > _UNEVEN * np.linalg.norm(step):
            gaps = np.linalg.norm(np.diff(positions, axis=0), axis=1)
            raise CaseError(
                f"slices are {gaps.min():g} to {gaps.max():g} mm apart, expected one distance: "
                "is a slice missing or there twice?"
            )
    else:
        step = np.cross(along_columns, along_rows) * float(first.get("SliceThickness") or 1)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = along_columns * column_mm, along_rows * row_mm
    affine[:3, 2], affine[:3, 3] = step, positions[0]
    ras: Floats = _LPS_TO_RAS @ affine
    return ras


def _directions(one: Dataset) -> tuple[Floats, Floats]:
    """Unit vectors (LPS) in which the column index and the row index grow."""
    both = _numbers(one, "ImageOrientationPatient", 6)
    return both[:3], both[3:]


def _position(one: Dataset) -> Floats:
    return _numbers(one, "ImagePositionPatient", 3)


def _numbers(one: Dataset, name: str, count: int) -> Floats:
    value = one.get(name)
    if value is None or np.size(value) != count:
        where = f"slice {one.get('InstanceNumber', '')}".strip()
        raise CaseError(f"{where}: {name} is missing or is not {count} numbers")
    return np.asarray(value, dtype=np.float64)


def _read_rtstruct(path: PathLike) -> Dataset:
    pydicom = _pydicom()
    where = printable(path)
    check_input(path)
    try:
        dataset = pydicom.dcmread(path)
    except pydicom.errors.InvalidDicomError:
        raise CaseError(f"{where}: is not a DICOM file") from None
    except OSError as error:
        raise CaseError(f"{where}: cannot be read ({error.strerror or error})") from error
    if dataset.get("Modality") != "RTSTRUCT":
        raise CaseError(f"{where}: is of modality {dataset.get('Modality')}, expected RTSTRUCT")
    return dataset


def _rois(rtstruct: Dataset) -> dict[str, int]:
    """Number of each ROI by its name."""
    return {str(roi.ROIName): int(roi.ROINumber) for roi in rtstruct.get("StructureSetROISequence", [])}


def _in_slice(contour: Dataset, grid: Grid) -> tuple[int, Floats]:
    """Slice of a contour and its corners, voxel indices (n, 2) in y, x."""
    kind = str(contour.get("ContourGeometricType"))
    if kind != "CLOSED_PLANAR":
        raise CaseError(f"is of type {kind}, expected CLOSED_PLANAR")
    points_lps = np.asarray(contour.ContourData, dtype=np.float64).reshape(-1, 3)
    points = grid.mm_to_voxel(points_lps * (-1.0, -1.0, 1.0))
    heights = points[:, 0]
    if np.ptp(heights) > 2 * _OFF_PLANE:
        raise CaseError(f"runs through slices {heights.min():.1f} to {heights.max():.1f}, expected one")
    z = int(np.rint(heights.mean()))
    if not 0 <= z < grid.shape_zyx[0]:
        raise CaseError(f"lies on slice {z}, the CT has {grid.shape_zyx[0]}")
    return z, points[:, 1:]


def _fill(corners_yx: Floats, shape_yx: tuple[int, int]) -> Mask:
    """Voxels (y, x) whose centres lie inside a polygon: left of an odd number of its edges.

    An edge counts for the rows from its one end up to but without its other end, so a corner is met once.
    """
    mask = np.zeros(shape_yx, dtype=np.bool_)
    start, stop = corners_yx, np.roll(corners_yx, -1, axis=0)
    first = max(int(np.ceil(start[:, 0].min())), 0)
    last = min(int(np.floor(start[:, 0].max())), shape_yx[0] - 1)
    columns = np.arange(shape_yx[1])
    for y in range(first, last + 1):
        crossing = (start[:, 0] <= y) != (stop[:, 0] <= y)
        (y0, x0), (y1, x1) = start[crossing].T, stop[crossing].T
        crossings_x = np.sort(x0 + (y - y0) / (y1 - y0) * (x1 - x0))
        mask[y] = np.searchsorted(crossings_x, columns, side="right") % 2 == 1
    return mask


def _pydicom() -> ModuleType:
    try:
        import pydicom
        import pydicom.errors
    except ImportError as error:
        raise MissingExtraError("DICOM files need pydicom: pip install 'lite-ensam[dicom]'") from error
    package: ModuleType = pydicom
    return package
