"""Frames of an enhanced (multi-frame) CT, each as the header of a slice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lite_ensam.core.errors import CaseError
from lite_ensam.io.dicom.datasets import Dataset, file_name, load_package

__all__ = ["frames_of", "has_placed_frames", "n_frames"]

_OF_SLICES: Mapping[str, tuple[str, ...]] = {
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    "PlanePositionSequence": ("ImagePositionPatient",),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept", "RescaleType"),
    "CTPixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept", "RescaleType"),
    "FrameContentSequence": ("StackID", "TemporalPositionIndex", "FrameAcquisitionNumber", "FrameAcquisitionDateTime"),
    "CTImageFrameTypeSequence": ("FrameType",),
    "CTReconstructionSequence": ("ConvolutionKernel", "ReconstructionDiameter"),
    "CTXRayDetailsSequence": ("KVP",),
    "CardiacSynchronizationSequence": ("NominalPercentageOfCardiacPhase", "NominalCardiacTriggerDelayTime"),
    "ContrastBolusUsageSequence": ("ContrastBolusAgentAdministered", "ContrastBolusAgentPhase"),
    "TemporalPositionSequence": ("TemporalPositionTimeOffset",),
}  # fmt: skip
"""Functional groups, and what is taken from each."""

_NAME_ON_SLICES = {
    "FrameAcquisitionNumber": "AcquisitionNumber",
    "FrameAcquisitionDateTime": "AcquisitionDateTime",
    "FrameType": "ImageType",
    "NominalCardiacTriggerDelayTime": "TriggerTime",
    "TemporalPositionTimeOffset": "TriggerTime",
}
"""Attributes that have another name in a single-slice file."""

_OF_THE_IMAGE = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "Modality",
    "PatientID", "Rows", "Columns", "BitsAllocated", "BitsStored", "PixelRepresentation", "SamplesPerPixel",
    "PhotometricInterpretation", "InstanceNumber", "AcquisitionNumber", "RescaleSlope", "RescaleIntercept",
    "RescaleType", "PixelSpacing", "ImageOrientationPatient", "SliceThickness", "ImageType",
)  # fmt: skip
"""Attributes that all frames share; values in functional groups take precedence."""


def n_frames(image: Dataset) -> int:
    """How many frames an image has; 1 where it does not say."""
    try:
        return int(image.get("NumberOfFrames") or 1)
    except (TypeError, ValueError):
        return 1


def has_placed_frames(image: Dataset) -> bool:
    """Whether an image says where each of its frames lies."""
    groups, shared = (
        list(image.get(f"{which}FunctionalGroupsSequence") or ()) for which in ("PerFrame", "Shared")
    )
    return bool(groups) and any("PlanePositionSequence" in one for one in (groups[0], *shared))


def frames_of(image: Dataset) -> Iterator[Dataset]:
    """A slice's header for each frame; ReferencedFrameNumber is the frame's number, from 1.

    Raises
    ------
    CaseError
        If the image has more or fewer frames than descriptions of frames.
    """
    per_frame = image.PerFrameFunctionalGroupsSequence
    if len(per_frame) != n_frames(image):
        raise CaseError(
            f"{file_name(image)}: has {n_frames(image)} frames but describes {len(per_frame)} of them: "
            "the file is damaged"
        )
    shared = list(image.get("SharedFunctionalGroupsSequence") or ())[:1]
    for number, groups in enumerate(per_frame, start=1):
        yield _frame(image, number, [*shared, groups])


def _frame(image: Dataset, number: int, groups: Sequence[Dataset]) -> Dataset:
    frame = load_package().dataset.Dataset()
    for name in _OF_THE_IMAGE:
        if name in image:
            frame[name] = image[name]
    for group in groups:
        for sequence, names in _OF_SLICES.items():
            for item in (group.get(sequence) or ())[:1]:
                for name in names:
                    if name in item:
                        setattr(frame, _NAME_ON_SLICES.get(name, name), item[name].value)
    frame.ReferencedFrameNumber = number
    frame.filename, frame.file_meta = image.filename, image.file_meta
    return frame
