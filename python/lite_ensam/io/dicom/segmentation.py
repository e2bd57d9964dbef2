"""A label map as a DICOM SEG object: one segment a tumour, with its name, colour and identity over time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from lite_ensam import _kernels
from lite_ensam.core.about import DISCLAIMER
from lite_ensam.core.colors import rgb_of
from lite_ensam.core.errors import OutputError
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.scan_source import SourceLike
from lite_ensam.core.voxels import smallest_label_dtype
from lite_ensam.io.atomic import atomic_write
from lite_ensam.io.dicom.codes import as_code
from lite_ensam.io.dicom.datasets import (
    Dataset,
    PathLike,
    keep_identifiers_quiet,
    load_package,
    said_plainly,
)
from lite_ensam.io.dicom.patient import UTF_8
from lite_ensam.io.dicom.series_source import SeriesSource, series_of
from lite_ensam.io.label_map import Lesion, lesions_of

__all__ = [
    "LONGEST_LABEL",
    "NAME",
    "build_segmentation",
    "given_name",
    "own_label",
    "segment_label",
    "tracking_name",
    "write_dataset",
]

NAME = "lite-ensam"

_SERIES_NUMBER = 900
_NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "FrameOfReferenceUID")
"""Attributes by which a SEG refers to its slices; de-identification may have blanked them."""

_OF_FRAMES = (
    "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence", "NumberOfFrames", "ReferencedFrameNumber",
    "SOPClassUID", "SOPInstanceUID",
)  # fmt: skip
"""Attributes that are dropped or replaced in a derived image."""

_OWN_LABEL = re.compile(rf"{NAME} label (\d+)|tumor (\d+)")
"""Where our own files keep the label: in a segment's description and among a report's parameters; the first version,
in the name."""

LONGEST_LABEL = 64
"""Characters of a SegmentLabel; the whole name is the tracking identifier."""


def tracking_name(mark: RecistMark | Lesion) -> str:
    """Tracking identifier, which DICOM requires: the mark's name, or one made from its label."""
    return mark.name or f"tumor {mark.label}"


def given_name(name: str, label: int) -> str:
    """The name as it was given to the lesion: empty if `tracking_name` made it, which says nothing of its identity."""
    return "" if name == f"tumor {label}" else name


def own_label(*texts: str) -> int | None:
    """The label that our own files keep in one of these texts, the first that has it; None without any."""
    found = (_OWN_LABEL.fullmatch(text) for text in texts)
    return next((int(match[1] or match[2]) for match in found if match), None)


def segment_label(mark: RecistMark | Lesion) -> str:
    """Make the SegmentLabel that viewers list: a DICOM text (LO) of at most 64 characters without backslash.

    Parameters
    ----------
    mark : RecistMark or Lesion
        A mark or lesion with its name.

    Returns
    -------
    str
        SegmentLabel, at most 64 characters.
    """
    name = tracking_name(mark).replace("\\", "/").strip()[:LONGEST_LABEL].strip()
    return name or f"tumor {mark.label}"


@keep_identifiers_quiet()
def build_segmentation(
    labels: Any,
    source: SourceLike,
    marks: Sequence[RecistMark | Lesion] | Any,
    remarks: Mapping[int, str] = MappingProxyType({}),
) -> Dataset:
    """Make a SEG object of a label map.

    Parameters
    ----------
    labels : Any
        Label map, see `write_mask`.
    source : SourceLike
        Source of the CT, read from DICOM: patient, study and geometry are those of its slices.
    marks : Sequence[RecistMark | Lesion] or Any
        Lines or lesions, or a `Case` or `Segmentation` that has lines. Their labels say which values become segments,
        in this order; names, tracking UIDs and finding sites go along, and a mark without UID gets a new one.
    remarks : Mapping[int, str], optional
        Remarks by label, what the description of a segment says besides.

    Returns
    -------
    Dataset
        BINARY segmentation, frames without tumour left out.

    Raises
    ------
    OutputError
        If the CT did not come from DICOM, a marked tumour has no voxel, or a slice lacks what SEG needs.
    MarkError
        If `marks` are not lines or lesions.
    MissingExtraError
        If highdicom is not installed.
    """
    highdicom = load_package("highdicom")
    series = series_of(source, "a DICOM SEG")
    marks = lesions_of(marks, labels)
    labels = series.part_of_labels(labels).whole()
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
    images = _source_images(series)
    try:
        built = highdicom.seg.Segmentation(
            source_images=images,
            pixel_array=number_of_label[sliced],
            segmentation_type="BINARY",
            segment_descriptions=[
                _segment(n, mark, remarks.get(mark.label, "")) for n, mark in enumerate(marks, start=1)
            ],
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
            specific_character_set=UTF_8,
            series_description="tumours (research use)",
        )
        _refer_to_frames(built, series, images)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise OutputError(f"the CT's slices lack what a DICOM SEG needs: {said_plainly(error)}") from None
    return built


def _source_images(series: SeriesSource) -> list[Dataset]:
    """The slices as highdicom takes them; an image of its own stands for a frame, whatever image the frame is of."""
    if not series.is_multi_frame:
        return list(series.images)
    pydicom = load_package()
    images = []
    for frame in series.slices:
        image = pydicom.dataset.Dataset()
        # elements are shared with image and frame: none of them may be set here
        image.update({one.tag: one for one in (*series.images[0], *frame) if one.keyword not in _OF_FRAMES})
        image.SOPClassUID, image.SOPInstanceUID = pydicom.uid.CTImageStorage, pydicom.uid.generate_uid()
        images.append(image)
    return images


def _refer_to_frames(segmentation: Dataset, series: SeriesSource, images: Sequence[Dataset]) -> None:
    """Let a SEG refer to the frames that its source images stood for."""
    if not series.is_multi_frame:
        return
    frames = {image.SOPInstanceUID: frame for image, frame in zip(images, series.slices, strict=True)}
    for group in segmentation.PerFrameFunctionalGroupsSequence:
        for derivation in group.get("DerivationImageSequence", ()):
            for source in derivation.SourceImageSequence:
                frame = frames[source.ReferencedSOPInstanceUID]
                source.ReferencedSOPClassUID = frame.SOPClassUID
                source.ReferencedSOPInstanceUID = frame.SOPInstanceUID
                source.ReferencedFrameNumber = frame.ReferencedFrameNumber
    (referred,) = segmentation.ReferencedSeriesSequence
    referred.ReferencedInstanceSequence = referred.ReferencedInstanceSequence[: len(series.images)]
    for instance, image in zip(referred.ReferencedInstanceSequence, series.images, strict=True):
        instance.ReferencedSOPClassUID = image.SOPClassUID
        instance.ReferencedSOPInstanceUID = image.SOPInstanceUID


def _segment(number: int, mark: RecistMark | Lesion, remark: str) -> Dataset:
    """Description of a segment."""
    highdicom = load_package("highdicom")
    code = highdicom.sr.CodedConcept
    algorithm = highdicom.AlgorithmIdentificationSequence(
        name=NAME,
        family=code("123110", "DCM", "Artificial Intelligence"),
        version=_kernels.__version__,
        parameters={"use": DISCLAIMER},
    )
    segment = highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=segment_label(mark),
        segmented_property_category=code("49755003", "SCT", "Morphologically Abnormal Structure"),
        segmented_property_type=code("108369006", "SCT", "Neoplasm"),
        algorithm_type="SEMIAUTOMATIC",  # a reader drew the line
        algorithm_identification=algorithm,
        tracking_uid=mark.tracking_uid or highdicom.UID(),
        tracking_id=tracking_name(mark),
        anatomic_regions=[as_code(mark.finding_site)] if mark.finding_site else None,
        display_color=highdicom.color.CIELabColor.from_rgb(*rgb_of(mark.label)),
    )
    # segments are numbered without gaps, labels are not
    segment.SegmentDescription = "; ".join(filter(None, [f"{NAME} label {mark.label}", remark]))
    return segment


@keep_identifiers_quiet()
def write_dataset(path: PathLike, dataset: Dataset, overwrite: bool = False) -> None:
    """Write a DICOM object completely or not at all; `OutputError` if it cannot be written.

    Parameters
    ----------
    path : PathLike
        The file to write.
    dataset : Dataset
        The DICOM object.
    overwrite : bool, default False
        Whether an existing file may be replaced.
    """
    with atomic_write(path, overwrite) as file:
        dataset.save_as(file, enforce_file_format=True)
