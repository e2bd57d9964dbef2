"""Measurements as a DICOM structured report (TID 1500), each next to the voxels and lines it was taken from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TypeAlias

import numpy as np

from lite_ensam import _kernels
from lite_ensam.core.about import DISCLAIMER
from lite_ensam.core.errors import OutputError
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.types import FloatTriple
from lite_ensam.io.dicom.codes import as_code
from lite_ensam.io.dicom.datasets import Dataset, keep_identifiers_quiet, load_package, said_plainly
from lite_ensam.io.dicom.patient import UTF_8
from lite_ensam.io.dicom.segmentation import NAME, tracking_name
from lite_ensam.io.dicom.segmentation_file import segment_of_label
from lite_ensam.io.dicom.series_source import SeriesSource
from lite_ensam.measurements import TumorMeasurement, TumorRepeatability

__all__ = ["build_report"]

Code: TypeAlias = tuple[str, str, str]
"""Value, scheme and meaning."""

_SERIES_NUMBER = 901

_MM, _ML = ("mm", "UCUM", "millimeter"), ("ml", "UCUM", "milliliter")
_HU = ("[hnsf'U]", "UCUM", "Hounsfield unit")
_LONG_AXIS, _SHORT_AXIS = ("103339001", "SCT", "Long Axis"), ("103340004", "SCT", "Short Axis")
_LENGTH, _VOLUME = ("410668003", "SCT", "Length"), ("118565006", "SCT", "Volume")
_ATTENUATION, _MEAN = ("112031", "DCM", "Attenuation Coefficient"), ("373098007", "SCT", "Mean")
_SD = ("386136009", "SCT", "Standard Deviation")
_ABOVE = ("371886008", "SCT", "+, range of upper measurement uncertainty")
_BELOW = ("371885007", "SCT", "-, range of lower measurement uncertainty")
"""The last three are properties of a measurement (TID 310 and 311), in its own unit."""


@keep_identifiers_quiet()
def build_report(
    segmentation: Dataset,
    series: SeriesSource,
    marks: Sequence[RecistMark],
    measured: Sequence[TumorMeasurement],
    repeatability: Sequence[TumorRepeatability] = (),
    *,
    has_lines: bool = True,
) -> Dataset:
    """Make a Comprehensive 3D SR with two measurement groups per tumour, under one tracking UID.

    The first (TID 1501) has long and short axis (mm) with their lines, and the length of the line that was given, with
    that line. The second (TID 1411) refers to the tumour's segment and has its volume (ml), and of a scan in HU mean
    and standard deviation of its grey values. As far as they are known, it has the distances from volume and axes to
    the ends of their 95 % intervals, and the standard deviations of repeated segmentations.

    TID 1411 does not let measurements have lines. OHIF joins the groups of one tracking UID, takes the first number for
    what it draws, and finds a line only where it is all that a number has: intervals of the axes are in the second
    group.

    Parameters
    ----------
    segmentation : Dataset
        SEG from `build_segmentation` or a file, with or without its voxels.
    series : SeriesSource
        Series of the CT.
    marks : Sequence[RecistMark]
        One for each tumour; its label selects the segment.
    measured : Sequence[TumorMeasurement]
        One for each tumour; its label selects the segment.
    repeatability : Sequence[TumorRepeatability], default ()
        One for every tumour, or nothing.
    has_lines : bool, default True
        Whether `marks` were given by a reader. Lines that are drawn on the mask are left out.

    Returns
    -------
    Dataset
        The SR, ready for `write_dataset`.

    Raises
    ------
    OutputError
        If the numbers of marks and measurements differ, a label has no segment, the SEG is of another study, or a slice
        lacks what a report needs.
    MissingExtraError
        If highdicom is not installed.
    """
    highdicom = load_package("highdicom")
    if not len(marks) == len(measured) == len(repeatability or marks):
        raise OutputError(f"a report needs as many marks ({len(marks)}) as measurements ({len(measured)})")
    segments = segment_of_label(segmentation)
    if missing := [mark.label for mark in marks if mark.label not in segments]:
        raise OutputError(f"a report needs a segment for label {missing[0]}, which the SEG does not have")
    if segmentation.get("StudyInstanceUID") != series.images[0].get("StudyInstanceUID"):
        raise OutputError("a report needs SEG and CT of one study, and they are of two")
    builder = _Groups(highdicom, series, segmentation)
    try:
        groups = [
            group
            for n, (mark, one) in enumerate(zip(marks, measured, strict=True))
            for group in builder.of_tumor(
                segments[mark.label], mark, one, repeatability[n] if repeatability else None, has_lines
            )
        ]
        content = highdicom.sr.MeasurementReport(
            observation_context=_observer(highdicom),
            procedure_reported=highdicom.sr.CodedConcept("25045-6", "LN", "CT unspecified body region"),
            imaging_measurements=groups,
            referenced_images=builder.images_of_lines or None,
            title=highdicom.sr.CodedConcept("126000", "DCM", "Imaging Measurement Report"),
        )
        return highdicom.sr.Comprehensive3DSR(
            evidence=[*series.images, segmentation],
            content=content,
            series_instance_uid=highdicom.UID(),
            series_number=_SERIES_NUMBER,
            sop_instance_uid=highdicom.UID(),
            instance_number=1,
            manufacturer=NAME,
            specific_character_set=UTF_8,
            series_description="tumour measurements (research use)",
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise OutputError(f"the CT's slices lack what a DICOM report needs: {said_plainly(error)}") from None


@dataclass(frozen=True)
class _Number:
    """A number with how sure it is.

    Parameters
    ----------
    code : Code
        The concept that is measured.
    value : float
        The number.
    unit : Code
        Its unit.
    interval : tuple[float, float] or None, default None
        Ends of the 95 % interval, or None.
    sd : float or None, default None
        Standard deviation over repeated segmentations, or None.
    n_repeats : int, default 0
        Number of segmentations behind it.
    """

    code: Code
    value: float
    unit: Code
    interval: tuple[float, float] | None = None
    sd: float | None = None
    n_repeats: int = 0


class _Groups:
    """Measurement groups of tumours on one scan.

    Parameters
    ----------
    highdicom : ModuleType
        The package.
    series : SeriesSource
        Referred to by the groups.
    segmentation : Dataset
        Referred to by the groups.
    """

    def __init__(self, highdicom: ModuleType, series: SeriesSource, segmentation: Dataset) -> None:
        self.sr, self.series, self.segmentation = highdicom.sr, series, segmentation
        self.new_uid = highdicom.UID
        self.images_of_lines: list[Dataset] = []  # older versions of OHIF need a library of images

    def of_tumor(
        self,
        segment: Dataset,
        mark: RecistMark,
        one: TumorMeasurement,
        repeated: TumorRepeatability | None,
        has_line: bool,
    ) -> tuple[Dataset, Dataset]:
        """The tumour's diameters, and what is measured of its segment."""
        sr, sure = self.sr, one.confidence
        diameters = [
            self._measurement(_LONG_AXIS, one.longest_diameter_mm, _MM, one.longest_diameter_zyx),
            self._measurement(_SHORT_AXIS, one.short_axis_mm, _MM, one.short_axis_zyx),
        ]
        numbers = [_Number(_VOLUME, one.volume_ml, _ML)]
        if sure is not None or repeated is not None:
            numbers += [
                _Number(_LONG_AXIS, one.longest_diameter_mm, _MM),
                _Number(_SHORT_AXIS, one.short_axis_mm, _MM),
            ]
        if sure is not None:
            intervals = (
                sure.volume_interval_ml,
                sure.longest_diameter_interval_mm,
                sure.short_axis_interval_mm,
            )
            numbers = [
                replace(number, interval=interval)
                for number, interval in zip(numbers, intervals, strict=True)
            ]
        if repeated is not None:
            sds = (repeated.volume_sd_ml, repeated.diameter_sd_mm, repeated.short_axis_sd_mm)
            numbers = [
                replace(number, sd=sd, n_repeats=repeated.n_repeats)
                for number, sd in zip(numbers, sds, strict=True)
            ]
        if has_line:
            length = mark.length_mm(self.series.grid.spacing_mm)
            diameters.append(self._measurement(_LENGTH, length, _MM, mark.endpoints_zyx))
        uid = str(segment.get("TrackingUID") or mark.tracking_uid or self.new_uid())
        shared = {
            "tracking_identifier": sr.TrackingIdentifier(uid=uid, identifier=tracking_name(mark)),
            "finding_type": sr.CodedConcept("108369006", "SCT", "Neoplasm"),
            "finding_sites": [sr.FindingSite(as_code(mark.finding_site))] if mark.finding_site else None,
            "algorithm_id": sr.AlgorithmIdentification(
                NAME, _kernels.__version__, parameters=[DISCLAIMER, f"{NAME} label {mark.label}"]
            ),
        }
        referenced = sr.ReferencedSegment(
            self.segmentation.SOPClassUID,
            self.segmentation.SOPInstanceUID,
            int(segment.SegmentNumber),
            source_series=sr.SourceSeriesForSegmentation(self.series.series_uid),
        )
        return (
            sr.MeasurementsAndQualitativeEvaluations(measurements=diameters, **shared),
            sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
                referenced_segment=referenced,
                measurements=[*map(self._with_properties, numbers), *self._grey_values(one)],
                **shared,
            ),
        )

    def _grey_values(self, one: TumorMeasurement) -> Iterator[Dataset]:
        greys = one.intensity
        if greys is None or greys.unit != "HU":
            return
        for value, derivation in ((greys.mean, _MEAN), (greys.sd, _SD)):
            yield self._measurement(_ATTENUATION, value, _HU, derivation=derivation)

    def _measurement(
        self,
        code: Code,
        value: float,
        unit: Code,
        ends_zyx: tuple[tuple[float, ...], ...] | None = None,
        derivation: Code | None = None,
    ) -> Dataset:
        coordinates = None if ends_zyx is None else self._coordinates(ends_zyx)
        return self.sr.Measurement(
            name=self.sr.CodedConcept(*code),
            value=value,
            unit=self.sr.CodedConcept(*unit),
            derivation=None if derivation is None else self.sr.CodedConcept(*derivation),
            referenced_coordinates=None if coordinates is None else [coordinates],
        )

    def _with_properties(self, number: _Number) -> Dataset:
        """A number with its interval and standard deviation."""
        measurement = self._measurement(number.code, number.value, number.unit)
        properties = self.sr.ContentSequence()
        if number.interval is not None:
            low, high = number.interval
            properties.append(self._property(_ABOVE, high - number.value, number.unit))
            properties.append(self._property(_BELOW, number.value - low, number.unit))
        if number.sd is not None:
            properties.append(self._property(_SD, number.sd, number.unit))
            text = self.sr.TextContentItem(
                name=self.sr.CodedConcept("121405", "DCM", "Population Description"),
                value=f"{number.n_repeats} segmentations of this scan with the line drawn again",
                relationship_type="HAS PROPERTIES",
            )
            properties.append(text)
        if len(properties):
            measurement[0].ContentSequence = properties
        return measurement

    def _property(self, code: Code, value: float, unit: Code) -> Dataset:
        return self.sr.NumContentItem(
            name=self.sr.CodedConcept(*code),
            value=value,
            unit=self.sr.CodedConcept(*unit),
            relationship_type="HAS PROPERTIES",
        )

    def _coordinates(self, ends_zyx: tuple[tuple[float, ...], ...]) -> Dataset | None:
        points: tuple[FloatTriple, ...] = tuple((z, y, x) for z, y, x in ends_zyx)
        try:
            image, columns_rows = self.series.image_of_points(points)
        except ValueError:  # an axial line on a series that was not taken axially runs through its slices
            if not self.series.frame_of_reference_uid:
                return None
            return self.sr.CoordinatesForMeasurement3D(
                "POLYLINE", self.series.points_to_lps(points), self.series.frame_of_reference_uid
            )
        is_described = "ReferencedFrameNumber" not in image and image.get("SliceThickness")
        if is_described and image not in self.images_of_lines:
            self.images_of_lines.append(image)
        frames = [int(image.ReferencedFrameNumber)] if "ReferencedFrameNumber" in image else None
        source = self.sr.SourceImageForRegion(image.SOPClassUID, image.SOPInstanceUID, frames)
        return self.sr.CoordinatesForMeasurement("POLYLINE", np.asarray(columns_rows), source)


def _observer(highdicom: ModuleType) -> Dataset:
    sr = highdicom.sr
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=highdicom.UID(), name=NAME, manufacturer_name=NAME, model_name=NAME
    )
    context = sr.ObserverContext(sr.CodedConcept("121007", "DCM", "Device"), device)
    return sr.ObservationContext(observer_device_context=context)
