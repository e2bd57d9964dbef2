"""Contours of an RTSTRUCT file, and the masks they enclose."""

import numpy as np

from lite_ensam.core.errors import CaseError, brief, printable
from lite_ensam.core.grid import Grid
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.core.types import Float64Array, Mask
from lite_ensam.io.dicom.datasets import Dataset, PathLike, lps_to_ras, read_dataset, translate_dicom_errors

__all__ = ["read_roi", "read_roi_names"]

_OFF_PLANE = 0.1
"""A contour lies in one slice if none of its points is farther than this share of a slice from the rest."""


@translate_dicom_errors
def read_roi_names(path: PathLike) -> tuple[str, ...]:
    """Names of the ROIs of an RTSTRUCT file, in its order; errors as `read_roi`."""
    return tuple(_rois(_read_rtstruct(path)))


@translate_dicom_errors
def read_roi(path: PathLike, name: str, source: ScanSource | Grid) -> Mask:
    """Mask of one ROI of an RTSTRUCT file.

    Parameters
    ----------
    path : the RTSTRUCT file
    name : of the ROI
    source : of the CT that the contours were drawn on

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
    ct = ScanSource.of(source)
    mask = np.zeros(ct.grid.shape_zyx, dtype=np.bool_)
    for number, contour in enumerate(contours, start=1):
        try:
            z, corners_yx = _in_slice(contour, ct)
        except CaseError as error:
            raise CaseError(f"{printable(path)}: ROI {name!r}, contour {number}: {error}") from None
        mask[z] ^= _fill(corners_yx, ct.grid.shape_zyx[1:])
    return mask


def _read_rtstruct(path: PathLike) -> Dataset:
    dataset, where = read_dataset(path), printable(path)
    if dataset.get("Modality") != "RTSTRUCT":
        raise CaseError(f"{where}: is of modality {brief(dataset.get('Modality'))}, expected RTSTRUCT")
    return dataset


def _rois(rtstruct: Dataset) -> dict[str, int]:
    """Number of each ROI by its name."""
    return {str(roi.ROIName): int(roi.ROINumber) for roi in rtstruct.get("StructureSetROISequence", [])}


def _in_slice(contour: Dataset, ct: ScanSource) -> tuple[int, Float64Array]:
    """Slice of a contour and its corners, voxel indices (n, 2) in y, x."""
    kind = str(contour.get("ContourGeometricType"))
    if kind != "CLOSED_PLANAR":
        raise CaseError(f"is of type {brief(kind)}, expected CLOSED_PLANAR")
    points_lps = np.asarray(contour.ContourData, dtype=np.float64).reshape(-1, 3)
    points = ct.points_from_world(lps_to_ras(points_lps))
    heights = points[:, 0]
    if np.ptp(heights) > 2 * _OFF_PLANE:
        raise CaseError(f"runs through slices {heights.min():.1f} to {heights.max():.1f}, expected one")
    z = int(np.rint(heights.mean()))
    if not 0 <= z < ct.grid.shape_zyx[0]:
        raise CaseError(f"lies on slice {z}, the CT has {ct.grid.shape_zyx[0]}")
    return z, points[:, 1:]


def _fill(corners_yx: Float64Array, shape_yx: tuple[int, int]) -> Mask:
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
