"""A label map as an RTSTRUCT object: the outlines of its tumours on the slices, for planning systems."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

import numpy as np

from lite_ensam import _kernels
from lite_ensam.core.about import DISCLAIMER
from lite_ensam.core.colors import rgb_of
from lite_ensam.core.errors import OutputError
from lite_ensam.core.partial_volume import SubVolume, TumorMasks
from lite_ensam.core.types import Float64Array, Labels, Mask
from lite_ensam.io.dicom.datasets import Dataset, keep_identifiers_quiet, load_package
from lite_ensam.io.dicom.patient import UTF_8
from lite_ensam.io.dicom.segmentation import NAME
from lite_ensam.io.dicom.series_source import SeriesSource

__all__ = ["build_rtstruct", "outlines"]

_RTSTRUCT, _STUDY_COMPONENT = "1.2.840.10008.5.1.4.1.1.481.3", "1.2.840.10008.3.1.2.3.1"
_SERIES_NUMBER = 902
_MOST_EXPLICIT = 0xFFFE // (3 * 17)
"""Points of a contour: three numbers of at most 16 characters (DS), and what separates them."""

_OF_THE_PATIENT = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime",
    "StudyID", "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip


@keep_identifiers_quiet()
def build_rtstruct(
    labels: Labels,
    series: SeriesSource,
    names: Mapping[int, str],
    remarks: Mapping[int, str] = MappingProxyType({}),
) -> Dataset:
    """Make a structure set with one ROI per label; contours follow voxel borders, so masks are restored exactly.

    Parameters
    ----------
    labels : Labels
        Uint8 or uint16 (z, y, x).
    series : SeriesSource
        Series of the CT.
    names : Mapping[int, str]
        Names of the ROIs, by label, which becomes the ROI's number; labels that are left out do not become
        ROIs.
    remarks : Mapping[int, str], optional
        Remarks by label, what the description of an ROI says.

    Returns
    -------
    Dataset
        The RTSTRUCT, ready for `write_dataset`.

    Raises
    ------
    OutputError
        If the mask has no label, a label has no voxel, or a slice lacks the UIDs that contours refer to.
    MissingExtraError
        If pydicom is not installed.
    """
    pydicom = load_package()
    if not names:
        raise OutputError("an RTSTRUCT needs at least one label")
    first, now = series.images[0], datetime.now()
    if any(not one.get("SOPInstanceUID") or not one.get("StudyInstanceUID") for one in series.slices):
        raise OutputError("the CT's slices lack what an RTSTRUCT needs: SOPInstanceUID or StudyInstanceUID")
    made = {
        "SpecificCharacterSet": UTF_8,
        "SOPClassUID": _RTSTRUCT,
        "SOPInstanceUID": pydicom.uid.generate_uid(),
        "Modality": "RTSTRUCT",
        "Manufacturer": NAME,
        "ManufacturerModelName": NAME,
        "SoftwareVersions": _kernels.__version__,
        "OperatorsName": "",
        "SeriesInstanceUID": pydicom.uid.generate_uid(),
        "SeriesNumber": _SERIES_NUMBER,
        "SeriesDescription": "tumours (research use)",
        "StructureSetLabel": "TUMORS",
        "StructureSetDescription": DISCLAIMER,
        "StructureSetDate": now.strftime("%Y%m%d"),
        "StructureSetTime": now.strftime("%H%M%S"),
        "ApprovalStatus": "UNAPPROVED",
        "FrameOfReferenceUID": series.frame_of_reference_uid,
        "PositionReferenceIndicator": first.get("PositionReferenceIndicator", ""),
    }
    dataset = _item(**{name: first.get(name, "") for name in _OF_THE_PATIENT}, **made)
    masks = TumorMasks(series.slices_of(labels))
    dataset.ReferencedFrameOfReferenceSequence = [_frame(series)]
    dataset.StructureSetROISequence, dataset.ROIContourSequence = [], []
    dataset.RTROIObservationsSequence = []
    for label, name in names.items():
        _add_roi(dataset, series, label, name, masks[label], remarks.get(label, ""))
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = _syntax(dataset)
    return dataset


def outlines(mask: Mask) -> list[Float64Array]:
    """Closed polygons along the borders of the voxels of a slice.

    Parameters
    ----------
    mask : Mask
        Bool (row, column).

    Returns
    -------
    list[Float64Array]
        Corners (n, 2) in row, column, voxel indices, halves between voxels. A point is inside if it lies
        within an odd number of them.

    Examples
    --------
    >>> outlines(np.array([[True, True]]))[0].tolist()
    [[-0.5, -0.5], [-0.5, 1.5], [0.5, 1.5], [0.5, -0.5]]
    """
    inside = np.pad(mask, 1).astype(np.int8)
    follows: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    # with what is inside on the right: along the rows' borders, then along the columns'
    for r, c in np.argwhere(inside[1:] - inside[:-1]).tolist():
        ends = (r, c - 1), (r, c)
        follows[ends[inside[r, c]]].append(ends[1 - inside[r, c]])
    for r, c in np.argwhere(inside[:, 1:] - inside[:, :-1]).tolist():
        ends = (r - 1, c), (r, c)
        follows[ends[1 - inside[r, c]]].append(ends[inside[r, c]])
    polygons = []
    while follows:
        start = min(follows)
        corners, here = [start], start
        while (after := follows[here].pop()) != start:
            if not follows[here]:
                del follows[here]
            corners.append(after)
            here = after
        if not follows[here]:
            del follows[here]
        ring = np.array(corners)
        turns = np.any(ring - np.roll(ring, 1, axis=0) != np.roll(ring, -1, axis=0) - ring, axis=1)
        polygons.append(ring[turns] - 0.5)
    return polygons


def _add_roi(
    dataset: Dataset, series: SeriesSource, number: int, name: str, mask: SubVolume, remark: str
) -> None:
    """One ROI with its contours; `mask` is (slice, row, column)."""
    if not mask.voxels.size:
        raise OutputError(f"{name!r} has no voxel, and an ROI cannot be empty")
    contours = [
        _item(
            ContourImageSequence=[_reference(series.slices[n])],
            ContourGeometricType="CLOSED_PLANAR",
            NumberOfContourPoints=len(polygon),
            ContourData=[
                f"{mm:.4f}" for mm in series.stack.to_world(n, polygon + mask.start_zyx[1:]).ravel()
            ],
        )
        for n, inside in enumerate(mask.voxels, start=mask.start_zyx[0])
        for polygon in outlines(inside)
    ]
    dataset.StructureSetROISequence.append(
        _item(
            ROINumber=number,
            ReferencedFrameOfReferenceUID=series.frame_of_reference_uid,
            ROIName=name,
            ROIGenerationAlgorithm="SEMIAUTOMATIC",
            **({"ROIDescription": remark} if remark else {}),
        )
    )
    dataset.ROIContourSequence.append(
        _item(
            ROIDisplayColor=list(rgb_of(number)),
            ContourSequence=contours,
            ReferencedROINumber=number,
        )
    )
    dataset.RTROIObservationsSequence.append(
        _item(
            ObservationNumber=number,
            ReferencedROINumber=number,
            RTROIInterpretedType="GTV",
            ROIInterpreter="",
        )
    )


def _syntax(dataset: Dataset) -> str:
    """Explicit, unless a contour may be longer than the 64 KiB that it can count."""
    uids = load_package().uid
    most = max(
        int(one.NumberOfContourPoints) for roi in dataset.ROIContourSequence for one in roi.ContourSequence
    )
    return str(uids.ExplicitVRLittleEndian if most <= _MOST_EXPLICIT else uids.ImplicitVRLittleEndian)


def _frame(series: SeriesSource) -> Dataset:
    referenced = _item(
        SeriesInstanceUID=series.series_uid,
        ContourImageSequence=[_reference(one) for one in series.slices],
    )
    study = _item(
        ReferencedSOPClassUID=_STUDY_COMPONENT,
        ReferencedSOPInstanceUID=str(series.slices[0].StudyInstanceUID),
        RTReferencedSeriesSequence=[referenced],
    )
    return _item(FrameOfReferenceUID=series.frame_of_reference_uid, RTReferencedStudySequence=[study])


def _reference(one: Dataset) -> Dataset:
    frame = {name: one[name].value for name in ("ReferencedFrameNumber",) if name in one}
    return _item(ReferencedSOPClassUID=one.SOPClassUID, ReferencedSOPInstanceUID=one.SOPInstanceUID, **frame)


def _item(**attributes: Any) -> Dataset:
    """A dataset with these attributes."""
    dataset = load_package().dataset.Dataset()
    for name, value in attributes.items():
        setattr(dataset, name, value)
    return dataset
