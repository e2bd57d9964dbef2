"""Measurements as a DICOM structured report (TID 1500), each beside the voxels and lines it was taken from."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

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
from lite_ensam.io.dicom.series_source import SeriesSource
from lite_ensam.measurements import TumorMeasurement

__all__ = ["build_report"]

_SERIES_NUMBER = 901


def build_report(
    segmentation: Dataset,
    series: SeriesSource,
    marks: Sequence[RecistMark],
    measured: Sequence[TumorMeasurement],
) -> Dataset:
    """Comprehensive 3D SR with two measurement groups for each tumour, under one tracking UID.

    The first (TID 1411) refers to the tumour's segment and has its volume (ml). The second (TID 1501) has long
    and short axis (mm) with their lines, and the length of the line that was given, with that line: TID 1411
    does not let measurements have lines.

    Parameters
    ----------
    segmentation : from `build_segmentation`, with the same marks in the same order
    series : of the CT
    marks, measured : one each for every segment

    Raises
    ------
    OutputError
        If the numbers of marks, measurements and segments differ, or a slice lacks what a report needs.
    MissingExtraError
        If highdicom is not installed.
    """
    highdicom = load_package("highdicom")
    if not len(marks) == len(measured) == len(segmentation.SegmentSequence):
        raise OutputError(
            f"a report needs as many marks ({len(marks)}) and measurements ({len(measured)}) as segments "
            f"({len(segmentation.SegmentSequence)})"
        )
    lines = _Lines(highdicom, series)
    try:
        groups = [
            group
            for number, (mark, one) in enumerate(zip(marks, measured, strict=True), start=1)
            for group in _groups(lines, segmentation, number, mark, one)
        ]
        content = highdicom.sr.MeasurementReport(
            observation_context=_observer(highdicom),
            procedure_reported=highdicom.sr.CodedConcept("25045-6", "LN", "CT unspecified body region"),
            imaging_measurements=groups,
            title=highdicom.sr.CodedConcept("126000", "DCM", "Imaging Measurement Report"),
        )
        with keep_identifiers_quiet():
            return highdicom.sr.Comprehensive3DSR(
                evidence=[segmentation, *series.images],
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


class _Lines:
    """Measurements with the line they run along, on the slice that it lies on."""

    def __init__(self, highdicom: ModuleType, series: SeriesSource) -> None:
        self.highdicom, self.series = highdicom, series

    def along(
        self, code: tuple[str, str, str], mm: float, ends_zyx: tuple[tuple[float, ...], ...] | None
    ) -> Dataset:
        sr = self.highdicom.sr
        coordinates = None if ends_zyx is None else self._coordinates(ends_zyx)
        return sr.Measurement(
            name=sr.CodedConcept(*code),
            value=mm,
            unit=sr.CodedConcept("mm", "UCUM", "millimeter"),
            referenced_coordinates=None if coordinates is None else [coordinates],
        )

    def _coordinates(self, ends_zyx: tuple[tuple[float, ...], ...]) -> Dataset | None:
        points: tuple[FloatTriple, ...] = tuple((z, y, x) for z, y, x in ends_zyx)
        try:
            image, columns_rows = self.series.image_of_points(points)
        except ValueError:  # an axial line on a series that was not taken axially runs through its slices
            return None
        sr = self.highdicom.sr
        frames = [int(image.ReferencedFrameNumber)] if "ReferencedFrameNumber" in image else None
        source = sr.SourceImageForRegion(image.SOPClassUID, image.SOPInstanceUID, frames)
        return sr.CoordinatesForMeasurement("POLYLINE", np.asarray(columns_rows), source)


def _groups(
    lines: _Lines, segmentation: Dataset, number: int, mark: RecistMark, one: TumorMeasurement
) -> tuple[Dataset, Dataset]:
    sr = lines.highdicom.sr
    uid = str(segmentation.SegmentSequence[number - 1].TrackingUID)
    volume = sr.Measurement(
        name=sr.CodedConcept("118565006", "SCT", "Volume"),
        value=one.volume_ml,
        unit=sr.CodedConcept("ml", "UCUM", "milliliter"),
    )
    diameters = [
        lines.along(("103339001", "SCT", "Long Axis"), one.longest_diameter_mm, one.longest_diameter_zyx),
        lines.along(("103340004", "SCT", "Short Axis"), one.short_axis_mm, one.short_axis_zyx),
        lines.along(
            ("410668003", "SCT", "Length"), mark.length_mm(lines.series.grid.spacing_mm), mark.endpoints_zyx
        ),
    ]
    shared = {
        "tracking_identifier": sr.TrackingIdentifier(uid=uid, identifier=tracking_name(mark)),
        "finding_type": sr.CodedConcept("108369006", "SCT", "Neoplasm"),
        "finding_sites": [sr.FindingSite(as_code(mark.finding_site))] if mark.finding_site else None,
        "algorithm_id": sr.AlgorithmIdentification(NAME, _kernels.__version__, parameters=[DISCLAIMER]),
    }
    segment = sr.ReferencedSegment(
        segmentation.SOPClassUID,
        segmentation.SOPInstanceUID,
        number,
        source_series=sr.SourceSeriesForSegmentation(lines.series.series_uid),
    )
    return (
        sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            referenced_segment=segment, measurements=[volume], **shared
        ),
        sr.MeasurementsAndQualitativeEvaluations(measurements=diameters, **shared),
    )


def _observer(highdicom: ModuleType) -> Dataset:
    sr = highdicom.sr
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=highdicom.UID(), name=NAME, manufacturer_name=NAME, model_name=NAME
    )
    context = sr.ObserverContext(sr.CodedConcept("121007", "DCM", "Device"), device)
    return sr.ObservationContext(observer_device_context=context)
