"""What a report says beside its lines: intervals, standard deviations, grey values; in the order that viewers want."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest

from lite_ensam.core.errors import OutputError
from lite_ensam.core.recist import RecistMark
from lite_ensam.io import read_ct, read_marks, write_mask, write_structured_report
from lite_ensam.io.dicom import SeriesSource, build_report, build_segmentation, write_dataset
from lite_ensam.measurements import TumorConfidence, TumorMeasurement, TumorRepeatability, measure
from tests.unit.io.dicom.files import stored_volume, write_series

LONG, SHORT, LENGTH, VOLUME = "103339001", "103340004", "410668003", "118565006"
ABOVE, BELOW, SD = "371886008", "371885007", "386136009"
SURE = TumorConfidence(0.8, (0.01, 0.5), (2.0, 9.0), (1.0, 7.5))
MARK = RecistMark(7, ((3, 3, 4), (3, 5, 6)), "liver 1", "1.2.840.1")


@pytest.fixture
def source(tmp_path: Path) -> SeriesSource:
    write_series(tmp_path / "ct", stored_volume())
    source = read_ct(tmp_path / "ct")[1]
    assert isinstance(source, SeriesSource)
    return source


@pytest.fixture
def one(source: SeriesSource, tmp_path: Path) -> TumorMeasurement:
    (measured,) = measure(labels(source), [MARK], source.grid.spacing_mm, read_ct(tmp_path / "ct")[0])
    return replace(measured, confidence=SURE)


def labels(source: SeriesSource) -> np.ndarray:
    labels = np.zeros(source.grid.shape_zyx, np.uint8)
    labels[1:4, 3:6, 4:7] = 7
    labels[2, 3:6, 4:9] = 7
    return labels


def code(item: pydicom.Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeValue)


def value(item: pydicom.Dataset) -> tuple[float, str]:
    measured = item.MeasuredValueSequence[0]
    return float(measured.NumericValue), str(measured.MeasurementUnitsCodeSequence[0].CodeValue)


def groups(path: Path) -> list[list[pydicom.Dataset]]:
    """Items of each measurement group."""
    report = pydicom.dcmread(path)
    (measurements,) = [item for item in report.ContentSequence if code(item) == "126010"]
    return [list(group.ContentSequence) for group in measurements.ContentSequence]


def written(source: SeriesSource, one: TumorMeasurement, folder: Path) -> Path:
    seg = build_segmentation(labels(source), source, [MARK])
    repeated = TumorRepeatability(7, 8, 0.05, 0.6, 0.4)
    write_dataset(folder / "seg.dcm", seg)
    write_dataset(folder / "sr.dcm", build_report(seg, source, [MARK], [one], [repeated]))
    return folder / "sr.dcm"


def test_numbers_have_their_intervals_and_standard_deviations(
    source: SeriesSource, one: TumorMeasurement, tmp_path: Path
) -> None:
    found = {}
    for group in groups(written(source, one, tmp_path)):
        found |= {code(item): item for item in group if item.ValueType == "NUM"}  # the later group has them
    for name, number, (low, high), sd, unit in (
        (LONG, one.longest_diameter_mm, SURE.longest_diameter_interval_mm, 0.6, "mm"),
        (SHORT, one.short_axis_mm, SURE.short_axis_interval_mm, 0.4, "mm"),
        (VOLUME, one.volume_ml, SURE.volume_interval_ml, 0.05, "ml"),
    ):
        told = {code(item): item for item in found[name].ContentSequence}
        assert value(found[name]) == (pytest.approx(number), unit)
        assert value(told[ABOVE]) == (pytest.approx(high - number), unit)
        assert value(told[BELOW]) == (pytest.approx(number - low), unit)
        assert value(told[SD]) == (pytest.approx(sd), unit)
        assert told["121405"].TextValue.startswith("8 segmentations")


def test_viewers_find_the_long_axis_and_its_line_first(
    source: SeriesSource, one: TumorMeasurement, tmp_path: Path
) -> None:
    """OHIF joins the groups of one tracking UID, and draws the first item of each number."""
    path = written(source, one, tmp_path)
    merged = [item for group in groups(path) for item in group]
    numbers = [item for item in merged if item.ValueType == "NUM"]
    assert [code(item) for item in numbers][:4] == [LONG, SHORT, LENGTH, VOLUME]
    for item in numbers[:3]:
        (line,) = item.ContentSequence
        assert (line.ValueType, len(line.GraphicData)) == ("SCOORD", 4)
        assert (
            line.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID in source.slice_of_uid
        )
    assert {item.UID for item in merged if item.ValueType == "UIDREF" and code(item) == "112040"} == {
        "1.2.840.1"
    }
    assert {item.TextValue for item in merged if code(item) == "112039"} == {"liver 1"}
    # and the standard's own reader
    report = highdicom.sr.srread(path).content
    (group,) = report.get_volumetric_roi_measurement_groups()
    greys = [item for item in group.get_measurements() if item.name.value == "112031"]
    assert one.intensity is not None
    assert [item.value for item in greys] == pytest.approx([one.intensity.mean, one.intensity.sd])
    assert [item.derivation.value for item in greys] == ["373098007", SD]
    assert {item.unit.value for item in greys} == {"[hnsf'U]"}
    assert read_marks(path, source)[0].endpoints_zyx == MARK.endpoints_zyx
    if shutil.which("dciodvfy") is not None:  # Debian: dicom3tools
        said = subprocess.run(["dciodvfy", path], capture_output=True, text=True)
        assert [line for line in said.stderr.splitlines() if line.startswith("Error")] == []


def test_a_report_refers_to_the_segments_of_another_programs_seg(
    source: SeriesSource, one: TumorMeasurement, tmp_path: Path
) -> None:
    """As 3D Slicer writes it: other numbers, no tracking, and only some of its segments measured."""
    other = replace(MARK, label=9, name="other")
    both = labels(source)
    both[0, 0, 0] = 9
    write_mask(tmp_path / "seg.dcm", both, source, marks=[other, MARK])
    seg = pydicom.dcmread(tmp_path / "seg.dcm")
    seg.Manufacturer = "Slicer"
    for segment in seg.SegmentSequence:
        del segment.SegmentDescription, segment.TrackingID, segment.TrackingUID
    seg.save_as(tmp_path / "seg.dcm")
    mark, measured = replace(MARK, label=2, tracking_uid=""), replace(one, label=2, confidence=None)
    write_structured_report(
        tmp_path / "sr.dcm", tmp_path / "seg.dcm", source, [mark], [measured], has_lines=False
    )
    diameters, volumetric = groups(tmp_path / "sr.dcm")
    assert [code(item) for item in diameters if item.ValueType == "NUM"] == [
        LONG,
        SHORT,
    ]  # nobody drew a line
    (referred,) = [item for item in volumetric if item.ValueType == "IMAGE"]
    assert referred.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == seg.SOPInstanceUID
    assert referred.ReferencedSOPSequence[0].ReferencedSegmentNumber == 2
    assert {item.UID for item in (*diameters, *volumetric) if code(item) == "112040"} != {""}
    with pytest.raises(OutputError, match="needs a segment for label 5"):
        write_structured_report(
            tmp_path / "no.dcm", tmp_path / "seg.dcm", source, [replace(mark, label=5)], [measured]
        )
    seg.StudyInstanceUID = "1.2.3"
    seg.save_as(tmp_path / "strange.dcm")
    with pytest.raises(OutputError, match="of one study"):
        write_structured_report(tmp_path / "no.dcm", tmp_path / "strange.dcm", source, [mark], [measured])
    assert not (tmp_path / "no.dcm").exists()
