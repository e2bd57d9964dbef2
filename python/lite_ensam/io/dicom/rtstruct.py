"""ROIs of an RTSTRUCT file: their contours, plane by plane, and the masks they enclose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lite_ensam.core.errors import CaseError, brief, printable
from lite_ensam.core.mark_fields import MAX_LABEL
from lite_ensam.core.scan_source import ScanSource, SourceLike
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import Float64Array, Mask
from lite_ensam.core.voxels import smallest_label_dtype
from lite_ensam.io.choice import Choice, choose
from lite_ensam.io.dicom.datasets import (
    Dataset,
    PathLike,
    is_dicom,
    lps_to_ras,
    read_all_numbers,
    read_dataset,
    translate_dicom_errors,
)
from lite_ensam.io.dicom.frames_of_reference import check_frame_of_reference
from lite_ensam.io.dicom.gaps import left_out
from lite_ensam.io.dicom.polygons import enclosed
from lite_ensam.io.dicom.segmentation import given_name
from lite_ensam.io.label_map import LabelMap, Lesion

__all__ = [
    "Roi",
    "is_rtstruct",
    "lesions_of_rois",
    "read_contours",
    "read_roi",
    "read_roi_names",
    "read_rois",
]

_OFF_PLANE = 0.1
"""Points lie in one plane if none is farther than this share of a slice from their middle; so do contours."""

_ROUNDING = 0.01
"""Of a slice: a contour half-way between two slices goes to the upper one, whatever its last digit says."""

_WIDEST_PAIR, _WIDEST_PAIR_MM = 3.0, 10.0
"""In slices and mm. Two planes farther apart are rather two lesions, or one that was left unfinished, than one that was
drawn on every third slice."""

_CLOSED = {"CLOSED_PLANAR": False, "CLOSEDPLANAR_XOR": True}
"""Types of contours that enclose something, and whether they are combined by exclusive or."""


@dataclass(frozen=True)
class _Plane:
    """Contours of one ROI in one plane.

    Parameters
    ----------
    axis : int
        Axis of the CT's array (slice, row, column) that it stands upright on.
    height : float
        Along that axis, in slices.
    polygons : tuple[Float64Array, ...]
        Corners (n, 2) of each, along the other two axes.
    is_xor : bool
        Whether the file says that they are combined by exclusive or, even where they overlap.
    """

    axis: int
    height: float
    polygons: tuple[Float64Array, ...]
    is_xor: bool


@with_short_repr
@dataclass(frozen=True, eq=False)
class Roi:
    """A region of interest.

    Parameters
    ----------
    number : int
        ROINumber.
    name : str
        Unique in its file: of two ROIs called "GTV" the second is "GTV (2)".
    planes : tuple[_Plane, ...]
        Its contours, from below up.
    ct : ScanSource
        What they were read for.
    """

    number: int
    name: str
    planes: tuple[_Plane, ...]
    ct: ScanSource

    def mask(self) -> Mask:
        """Fill the contours: voxels (z, y, x) whose centres they enclose, see `enclosed`.

        Every slice has the contours of the plane nearest to it, at most half a slice away (of two the lower one), and
        of other planes that are nearest to it those beside these contours; contours drawn on every second slice, say,
        also count for the slices between.

        Returns
        -------
        Mask
            Bool (z, y, x).
        """
        slices = np.zeros(self.ct.slices_shape, dtype=np.bool_)
        if self.planes:
            stack = np.moveaxis(slices, self.planes[0].axis, 0)
            for n, planes in self._planes_of_slice.items():
                for plane in planes:
                    stack[n] |= enclosed(plane.polygons, stack.shape[1:], plane.is_xor)
        mask: Mask = self.ct.volume_of_labels(slices)
        return mask

    @cached_property
    def _planes_of_slice(self) -> Mapping[int, Sequence[_Plane]]:
        """The planes that each slice has, the nearest first; slices without any are left out.

        Contours that are a few hundredths of a slice apart are one plane, those of a finer series are many: a plane is
        added to a nearer one only where the two do not overlap, so that no slice is painted with two cuts of a lesion.
        """
        found: dict[int, Sequence[_Plane]] = {}
        if not self.planes:
            return found
        axis = self.planes[0].axis
        shape = tuple(np.delete(self.ct.slices_shape, axis).tolist())
        heights = np.array([plane.height for plane in self.planes])
        for n in range(self.ct.slices_shape[axis]):
            off = heights - n + _ROUNDING
            near = [
                k
                for k in np.abs(off).argsort(kind="stable").tolist()
                if -self.every <= 2 * off[k] < self.every
            ]
            if not near:
                continue
            taken, *others = near
            planes = [self.planes[taken]]
            others = [k for k in others if -0.5 <= off[k] < 0.5]
            if others:
                painted = enclosed(planes[0].polygons, shape, planes[0].is_xor)
                for plane in (self.planes[k] for k in others):
                    inside = enclosed(plane.polygons, shape, plane.is_xor)
                    if not (inside & painted).any():
                        planes.append(plane)
                        painted |= inside
            found[n] = planes
        return found

    @cached_property
    def every(self) -> float:
        """Usual distance of its planes in slices, if it is also the smallest; otherwise 1.

        Two planes alone are a distance only if they are near each other and what they enclose overlaps in plane.
        """
        gaps = np.diff([plane.height for plane in self.planes])
        if not len(gaps) or np.median(gaps) - gaps.min() > _OFF_PLANE:
            return 1.0
        if len(gaps) == 1:
            axis = self.planes[0].axis
            slice_mm = float(np.linalg.norm(self.ct.file_affine[:3, 2 - axis]))
            if gaps[0] > _WIDEST_PAIR + _OFF_PLANE or gaps[0] * slice_mm > _WIDEST_PAIR_MM:
                return 1.0
            shape = tuple(np.delete(self.ct.slices_shape, axis).tolist())
            below, above = (enclosed(plane.polygons, shape, plane.is_xor) for plane in self.planes)
            if gaps[0] > 1 + _OFF_PLANE and not (below & above).any():
                return 1.0
        return max(1.0, float(np.median(gaps)))

    def notes(self) -> Iterator[str]:
        """Describe gaps and other doubts for readers of the mask.

        Yields
        ------
        str
            Sentences for readers of the results.
        """
        if self.every > 1 + _OFF_PLANE:
            yield f"contours of ROI {self.name!r} are {self.every:.2g} slices apart: slices between have the nearest"
        elif any(abs(plane.height - np.rint(plane.height)) > _OFF_PLANE for plane in self.planes):
            yield f"contours of ROI {self.name!r} lie between slices: each slice has those of the nearest plane"
        used = {id(plane) for planes in self._planes_of_slice.values() for plane in planes}
        if n_unused := len(self.planes) - len(used):
            yield (
                f"{n_unused} of {len(self.planes)} planes of contours of ROI {self.name!r} are not used: another one "
                "is nearer to their slice"
            )
        if between := left_out(self._planes_of_slice):
            yield f"ROI {self.name!r} has no contour on {between} between its others: nothing is filled there"


def is_rtstruct(path: PathLike) -> bool:
    """Tell whether a file is an RTSTRUCT, whatever its name; CaseError if it is a damaged DICOM file.

    Parameters
    ----------
    path : PathLike
        Any file.

    Returns
    -------
    bool
        True for an RTSTRUCT.
    """
    return (
        is_dicom(path) and read_dataset(path, voxels=False, only=("Modality",)).get("Modality") == "RTSTRUCT"
    )


@translate_dicom_errors
def read_roi_names(path: PathLike) -> tuple[str, ...]:
    """Read the names of the ROIs of an RTSTRUCT file, made unique; errors as `read_rois`.

    Parameters
    ----------
    path : PathLike
        The RTSTRUCT file.

    Returns
    -------
    tuple[str, ...]
        One name for each ROI.
    """
    return tuple(_names(_read_rtstruct(path))[0].values())


def read_roi(path: PathLike, name: str, source: SourceLike) -> Mask:
    """Read the mask of one ROI by its name or number; errors as `read_rois`.

    Parameters
    ----------
    path : PathLike
        The RTSTRUCT file.
    name : str
        Name or number of the ROI.
    source : SourceLike
        The CT that the contours were drawn on.

    Returns
    -------
    Mask
        Mask of the CT's shape.
    """
    masks = [roi.mask() for roi in read_rois(path, source, (name,))[0]]
    union: Mask = np.logical_or.reduce(masks)
    return union


@translate_dicom_errors
def read_rois(
    path: PathLike, source: SourceLike, only: Choice = ()
) -> tuple[tuple[Roi, ...], tuple[str, ...]]:
    """Read the ROIs of an RTSTRUCT file that have closed contours on the CT, with notes on the others.

    Parameters
    ----------
    path : PathLike
        The RTSTRUCT file.
    source : SourceLike
        Source of the CT that the contours were drawn on.
    only : Choice, default ()
        Names or numbers of the ROIs to read; nothing reads all.

    Returns
    -------
    tuple[tuple[Roi, ...], tuple[str, ...]]
        ROIs, and notes on ROIs that were left out.

    Raises
    ------
    CaseError
        If the file is not an RTSTRUCT, has no such ROI (the message names those that are there), or none of them has
        a contour on this CT: it is empty, lies in another frame of reference, outside the CT, or is of points.
    MissingExtraError
        If pydicom is not installed.
    """
    rtstruct, ct = _read_rtstruct(path), ScanSource.of(source)
    try:
        names, notes = _names(rtstruct)
        rois, passed = [], []
        for number in choose(names, only, "ROI"):
            try:
                roi, said = _read_roi(rtstruct, number, names[number], ct)
            except CaseError as error:
                passed.append(f"ROI {names[number]!r} {error}")
                continue
            rois.append(roi)
            notes += [*said, *roi.notes()]
        if not rois:
            raise CaseError("; ".join(passed) if passed else "holds no ROI")
    except CaseError as error:
        raise CaseError(f"{printable(path)}: {error}") from None
    return tuple(rois), (*notes, *(f"passed over: {text}" for text in passed))


def read_contours(path: PathLike, source: SourceLike | None = None, only: Choice = ()) -> LabelMap:
    """Read an RTSTRUCT file as a label map; labels are ROI numbers (1, 2, ... if one cannot be a label).

    Parameters
    ----------
    path : PathLike
        The RTSTRUCT file.
    source : SourceLike or None, default None
        The CT that the contours were drawn on; needed.
    only : Choice, default ()
        Names or numbers of ROIs; nothing takes all.

    Returns
    -------
    LabelMap
        Labels with the names of the ROIs.

    Raises
    ------
    CaseError
        As `read_rois`; also if `source` is None or ROIs overlap, which a label map cannot hold.
    """
    where = printable(path)
    if source is None:
        raise CaseError(f"{where}: an RTSTRUCT can only be read onto the grid of its CT")
    ct = ScanSource.of(source)
    rois, notes = read_rois(path, ct, only)
    lesions = lesions_of_rois(rois)
    label_of = {roi.number: lesion.label for roi, lesion in zip(rois, lesions, strict=True)}
    labels = np.zeros(ct.grid.shape_zyx, dtype=smallest_label_dtype(max(label_of.values())))
    empty = []
    for roi in rois:
        mask = roi.mask()
        if (taken := labels[mask]).any():
            other = next(one for one in rois if label_of[one.number] == int(taken[taken > 0][0]))
            raise CaseError(
                f"{where}: the ROIs {other.name!r} and {roi.name!r} overlap, which a label map cannot hold; "
                "choose ROIs by `only`"
            )
        if not mask.any():
            empty.append(f"the contours of ROI {roi.name!r} enclose no voxel's centre")
        labels[mask] = label_of[roi.number]
    names = {lesion.label: lesion.name for lesion in lesions if lesion.name}
    return LabelMap(labels, names, notes=(*notes, *empty))


def lesions_of_rois(rois: Sequence[Roi]) -> list[Lesion]:
    """Their numbers as labels, or 1, 2, ... if one is too large for a label or 0; and their names, if they have any."""
    numbers = [roi.number for roi in rois]
    if not all(1 <= number <= MAX_LABEL for number in numbers):
        numbers = list(range(1, len(rois) + 1))
    return [
        Lesion(label, "" if roi.name == _numbered(roi.number) else given_name(roi.name, label))
        for roi, label in zip(rois, numbers, strict=True)
    ]


def _read_rtstruct(path: PathLike) -> Dataset:
    dataset, where = read_dataset(path), printable(path)
    if dataset.get("Modality") != "RTSTRUCT":
        raise CaseError(f"{where}: is of modality {brief(dataset.get('Modality'))}, expected RTSTRUCT")
    return dataset


def _names(rtstruct: Dataset) -> tuple[dict[int, str], list[str]]:
    """Unique name of each ROI by its number, and what was renamed."""
    names: dict[int, str] = {}
    notes = []
    for roi in rtstruct.get("StructureSetROISequence", []):
        number, name = int(roi.ROINumber), printable(str(roi.get("ROIName") or "")).strip()
        if number in names:
            raise CaseError(f"has two ROIs of the number {number}")
        unique, n = name or _numbered(number), 1
        while unique in names.values():
            n += 1
            unique = f"{name} ({n})"
        if n > 1:
            notes.append(f"several ROIs are called {name!r}: number {number} is read as {unique!r}")
        names[number] = unique
    return names, notes


def _numbered(number: int) -> str:
    """Name in messages of an ROI that has none."""
    return f"ROI {number}"


def _read_roi(rtstruct: Dataset, number: int, name: str, ct: ScanSource) -> tuple[Roi, list[str]]:
    """An ROI and what of it was skipped; a `CaseError` goes on after its name."""
    check_frame_of_reference(_frame_of(rtstruct, number), ct)
    outlines: list[tuple[Float64Array, bool]] = []
    planes: list[_Plane] = []
    odd: list[str] = []
    n_contours = 0
    for contours in rtstruct.get("ROIContourSequence", []):
        if int(contours.ReferencedROINumber) != number:
            continue
        for contour in contours.get("ContourSequence", []):
            n_contours += 1
            try:
                outlines.append(_outline_of(contour, ct))
            except CaseError as error:
                odd.append(str(error))
    if not n_contours:
        raise CaseError("has no contours")
    # of all contours together: one whose points lie on a line lies in many planes
    usual = (
        int(np.sum([np.ptp(points, axis=0) for points, _ in outlines], axis=0).argmin()) if outlines else 0
    )
    for points, is_xor in outlines:
        try:
            planes.append(_plane_of(points, is_xor, usual, ct))
        except CaseError as error:
            odd.append(str(error))
    if not planes:
        raise CaseError(f"has no contour to read: {odd[0]}")
    if len({plane.axis for plane in planes}) > 1:
        raise CaseError("has contours in planes that cross each other, expected parallel ones")
    notes = []
    if odd:
        first, *others = dict.fromkeys(odd)
        more = f" (the first reason of {len(others) + 1})" if others else ""
        notes.append(f"passed over {len(odd)} of {n_contours} contours of ROI {name!r}: {first}{more}")
    return Roi(number, name, tuple(_by_plane(planes)), ct), notes


def _frame_of(rtstruct: Dataset, number: int) -> str:
    """Frame of reference of an ROI, or of the whole file; empty if it is not said."""
    for roi in rtstruct.StructureSetROISequence:
        if int(roi.ROINumber) == number and roi.get("ReferencedFrameOfReferenceUID"):
            return str(roi.ReferencedFrameOfReferenceUID)
    frames = rtstruct.get("ReferencedFrameOfReferenceSequence") or []
    named = frames[0].get("FrameOfReferenceUID") if len(frames) == 1 else ""
    return str(rtstruct.get("FrameOfReferenceUID") or named or "")


def _outline_of(contour: Dataset, ct: ScanSource) -> tuple[Float64Array, bool]:
    """Corners (n, 3) of a contour in slice, row and column; and whether it is combined by exclusive or."""
    kind = str(contour.get("ContourGeometricType"))
    if kind not in _CLOSED:
        raise CaseError(f"is of type {brief(kind)}, expected CLOSED_PLANAR")
    try:
        numbers = read_all_numbers(contour, "ContourData")
    except ValueError:  # pydicom's message quotes them
        raise CaseError("has coordinates that are not numbers") from None
    if numbers.size % 3 or numbers.size < 9 or not np.isfinite(numbers).all():
        raise CaseError(f"has {numbers.size} coordinates, expected three of each of at least three points")
    return ct.slice_points_from_world(lps_to_ras(numbers.reshape(-1, 3))), _CLOSED[kind]


def _plane_of(points: Float64Array, is_xor: bool, usual: int, ct: ScanSource) -> _Plane:
    """The plane of a contour, with it alone: on the usual axis of its ROI if it may be, else where it is flattest."""
    spread = np.ptp(points, axis=0)
    axis = usual if spread[usual] <= 2 * _OFF_PLANE else int(spread.argmin())
    heights = points[:, axis]
    if np.ptp(heights) > 2 * _OFF_PLANE:
        raise CaseError(f"runs through slices {heights.min():.1f} to {heights.max():.1f}, expected one")
    height, n_slices = float(heights.mean()), ct.slices_shape[axis]
    if not -0.5 - _ROUNDING <= height < n_slices - 0.5 + _ROUNDING:
        raise CaseError(f"lies on slice {np.floor(height + 0.5):g}, the CT has {n_slices}")
    return _Plane(axis, height, (np.delete(points, axis, axis=1),), is_xor)


def _by_plane(contours: Sequence[_Plane]) -> Iterator[_Plane]:
    """Contours of one ROI, gathered by plane, from below up."""
    gathered: list[list[_Plane]] = []
    for one in sorted(contours, key=lambda plane: plane.height):
        if gathered and one.height - gathered[-1][0].height <= _OFF_PLANE:
            gathered[-1].append(one)
        else:
            gathered.append([one])
    for same in gathered:
        polygons = tuple(one.polygons[0] for one in same)
        yield replace(same[0], polygons=polygons, is_xor=any(one.is_xor for one in same))
