"""A label map as a DICOM SEG object: one segment a tumour, with its identity over time; and back."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from lite_ensam import _kernels
from lite_ensam.core.about import DISCLAIMER
from lite_ensam.core.errors import CaseError, OutputError, brief, printable
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.core.types import Labels
from lite_ensam.io.atomic import atomic_write
from lite_ensam.io.dicom.datasets import (
    Dataset,
    PathLike,
    keep_identifiers_quiet,
    load_package,
    lps_to_ras,
    read_dataset,
    said_plainly,
    translate_dicom_errors,
)
from lite_ensam.io.dicom.series_source import series_of
from lite_ensam.io.voxels import smallest_label_dtype

__all__ = [
    "NAME",
    "build_segmentation",
    "read_segmentation",
    "tracking_name",
    "write_dataset",
]

NAME = "lite-ensam"

_SERIES_NUMBER = 900
_NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "FrameOfReferenceUID")
"""What a SEG refers to its slices by; de-identification may have blanked it."""

_SEGMENT_LABEL = re.compile(r"tumor (\d+)")


def tracking_name(mark: RecistMark) -> str:
    """Tracking identifier: the mark's name, or one made from its label."""
    return mark.name or f"tumor {mark.label}"


def build_segmentation(labels: Labels, source: ScanSource | Grid, marks: Sequence[RecistMark]) -> Dataset:
    """SEG object of a label map.

    Parameters
    ----------
    labels : uint8 or uint16 (z, y, x)
    source : of the CT, read from DICOM: patient, study and geometry are those of its slices
    marks : their labels say which values become segments, in this order; names and tracking UIDs go along, and
        a mark without UID gets a new one

    Returns
    -------
    BINARY segmentation, frames without tumour left out.

    Raises
    ------
    OutputError
        If the CT did not come from DICOM, a marked tumour has no voxel, or a slice lacks what SEG needs.
    MissingExtraError
        If highdicom is not installed.
    """
    highdicom = load_package("highdicom")
    series = series_of(source, "a DICOM SEG")
    for name in _NEEDED:
        if any(not one.get(name) for one in series.slices):
            raise OutputError(f"the CT's slices lack what a DICOM SEG needs: {name} is missing or empty")
    sliced = np.ascontiguousarray(series.slices_of(labels))
    counts = _kernels.label_counts(sliced, max(int(labels.max(initial=0)), *(mark.label for mark in marks)))
    if empty := [mark.label for mark in marks if not counts[mark.label]]:
        raise OutputError(f"label {empty[0]} has no voxel on a slice, and a DICOM segment cannot be empty")
    number_of_label = np.zeros(len(counts), dtype=smallest_label_dtype(len(marks)))
    for number, mark in enumerate(marks, start=1):
        number_of_label[mark.label] = number
    code = highdicom.sr.CodedConcept
    algorithm = highdicom.AlgorithmIdentificationSequence(
        name=NAME,
        family=code("123110", "DCM", "Artificial Intelligence"),
        version=_kernels.__version__,
        parameters={"use": DISCLAIMER},
    )
    segments = [
        highdicom.seg.SegmentDescription(
            segment_number=number,
            segment_label=f"tumor {mark.label}",
            segmented_property_category=code("49755003", "SCT", "Morphologically Abnormal Structure"),
            segmented_property_type=code("108369006", "SCT", "Neoplasm"),
            algorithm_type="SEMIAUTOMATIC",  # a reader drew the line
            algorithm_identification=algorithm,
            tracking_uid=mark.tracking_uid or highdicom.UID(),
            tracking_id=tracking_name(mark),
        )
        for number, mark in enumerate(marks, start=1)
    ]
    try:
        with keep_identifiers_quiet():
            return highdicom.seg.Segmentation(
                source_images=list(series.slices),
                pixel_array=number_of_label[sliced],
                segmentation_type="BINARY",
                segment_descriptions=segments,
                series_instance_uid=highdicom.UID(),
                series_number=_SERIES_NUMBER,
                sop_instance_uid=highdicom.UID(),
                instance_number=1,
                manufacturer=NAME,
                manufacturer_model_name=NAME,
                software_versions=_kernels.__version__,
                device_serial_number="0",
                content_label="TUMORS",
                content_description=DISCLAIMER,
                series_description="tumours (research use)",
            )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise OutputError(f"the CT's slices lack what a DICOM SEG needs: {said_plainly(error)}") from error


def write_dataset(path: PathLike, dataset: Dataset, overwrite: bool = False) -> None:
    """Write a DICOM object, whole or not at all; `OutputError` if that cannot be."""
    with atomic_write(path, overwrite) as file:
        dataset.save_as(file, enforce_file_format=True)


@translate_dicom_errors
def read_segmentation(path: PathLike, source: ScanSource | Grid | None = None) -> Labels:
    """Label map (z, y, x) of a SEG object on the grid of its CT.

    Labels are the numbers of the segments, or those that `build_segmentation` has noted.

    Raises
    ------
    CaseError
        If the file is no binary or label map SEG, `source` is None, a frame does not lie on a slice of the CT,
        or two segments overlap, which a label map cannot hold.
    """
    dataset = read_dataset(path)
    where = printable(path)
    if dataset.get("Modality") != "SEG" or dataset.get("SegmentationType") != "BINARY":
        kind = f"{dataset.get('Modality')} {dataset.get('SegmentationType', '')}".strip()
        raise CaseError(f"{where}: is {brief(kind)}, expected a SEG of type BINARY")
    if source is None:
        raise CaseError(f"{where}: a DICOM SEG can only be read onto the grid of its CT")
    ct = ScanSource.of(source)
    n_slices, rows, columns = ct.slices_shape
    if (int(dataset.Rows), int(dataset.Columns)) != (rows, columns):
        raise CaseError(
            f"{where}: its frames have {dataset.Rows} rows and {dataset.Columns} columns, the CT {rows} and {columns}"
        )
    label_of_number = _labels_of_numbers(dataset)
    volume = np.zeros((n_slices, rows, columns), dtype=smallest_label_dtype(max(label_of_number.values())))
    shared = dataset.SharedFunctionalGroupsSequence[0]
    frames = dataset.pixel_array.reshape(-1, rows, columns)
    for frame, groups in zip(frames, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        place = groups if "PlanePositionSequence" in groups else shared
        k = ct.slice_at(lps_to_ras(place.PlanePositionSequence[0].ImagePositionPatient))
        if k is None:
            raise CaseError(f"{where}: a frame does not lie on a slice of the CT")
        # what all frames have in common, such as the only segment, may be said once for all
        said = groups if "SegmentIdentificationSequence" in groups else shared
        number = int(said.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        inside = frame > 0
        if volume[k][inside].any():
            raise CaseError(f"{where}: segments overlap on slice {k}, which a label map cannot hold")
        volume[k][inside] = label_of_number[number]
    return ct.volume_of_labels(volume)


def _labels_of_numbers(dataset: Dataset) -> dict[int, int]:
    """Label of each segment number."""
    noted = {
        int(segment.SegmentNumber): _SEGMENT_LABEL.fullmatch(str(segment.SegmentLabel))
        for segment in dataset.SegmentSequence
    }
    own = {number: int(match[1]) for number, match in noted.items() if match}
    return own if len(set(own.values())) == len(noted) else {number: number for number in noted}
