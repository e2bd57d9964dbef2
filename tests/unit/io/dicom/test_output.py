"""SEG and structured report: written, judged by dciodvfy, opened by highdicom, and read back exactly."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest

from lite_ensam.core.errors import CaseError, MarkError, OutputError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.io import read_ct, read_labels, read_marks, write_contours, write_mask
from lite_ensam.io.dicom import SeriesSource, build_report, build_segmentation, write_dataset
from lite_ensam.measurements import TumorMeasurement, measure
from tests.unit.io.dicom.files import AXIAL, SAGITTAL, stored_volume, write_series, write_slice

TURNED = (0.8, 0.6, 0.0, 0.0, 0.0, -1.0)
EVEN = tuple(2.5 * k for k in range(7))
STRIPPED = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
)
ONE_MISSING = (0.0, 2.5, 5.0, 7.5, 12.5, 15.0, 17.5)


def series(
    folder: Path,
    orientation: tuple[float, ...] = AXIAL,
    heights_mm: tuple[float, ...] = EVEN,
    tilt: float = 0.0,
    without: tuple[str, ...] = (),
) -> SeriesSource:
    folder.mkdir()
    normal = np.cross(orientation[:3], orientation[3:])
    step = normal + tilt * np.array(orientation[3:])
    for k, one in enumerate(stored_volume((7, 20, 24))):
        position = (np.array([-10.0, -20.0, 100.0]) + heights_mm[k] * step).tolist()
        write_slice(folder / f"{k}", one, position, orientation=orientation, InstanceNumber=k + 1)
        header = pydicom.dcmread(folder / f"{k}")
        for name in without:
            delattr(header, name)
        header.save_as(folder / f"{k}")
    source = read_ct(folder)[1]
    assert isinstance(source, SeriesSource)
    return source


def tumors(source: SeriesSource) -> tuple[np.ndarray, tuple[RecistMark, ...]]:
    labels = np.zeros(source.grid.shape_zyx, np.uint16)
    labels[2:5, 3:6, 4:7] = 7
    labels[4, 3, 4] = 0
    labels[3:6, 3:6, 1:4] = 300
    ends = ((3, 3, 4), (3, 5, 6)), ((4, 3, 1), (4, 5, 3))
    return labels, (RecistMark(300, ends[1], "node"), RecistMark(7, ends[0], "liver 1", "1.2.840.1"))


SHAPES: dict[str, dict[str, Any]] = {
    "axial": {},
    "sagittal": {"orientation": SAGITTAL},
    "turned": {"orientation": TURNED},
    "tilted": {"tilt": 0.24},
    "turned and tilted": {"orientation": TURNED, "tilt": -0.3},
    "one slice missing": {"heights_mm": ONE_MISSING},
    "stripped of names and dates": {"without": STRIPPED},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_labels_and_geometry_come_back_exactly(tmp_path: Path, shape: str) -> None:
    source = series(tmp_path / "ct", **SHAPES[shape])
    labels, marks = tumors(source)
    labels = source.volume_of_labels(source.slices_of(labels))  # where there is a slice
    write_mask(tmp_path / "seg.dcm", labels, source, marks=marks)
    np.testing.assert_array_equal(read_labels(tmp_path / "seg.dcm", source), labels)
    # and as another reader sees it: frame by source image
    seg = highdicom.seg.segread(tmp_path / "seg.dcm")
    uids = [one.SOPInstanceUID for one in source.slices]
    frames = seg.get_pixels_by_source_instance(uids, assert_missing_frames_are_empty=True)
    for number, mark in enumerate(marks, start=1):
        np.testing.assert_array_equal(frames[..., number - 1], source.slices_of(labels) == mark.label)
    # each frame lies where its own slice was taken
    positions = {tuple(one.ImagePositionPatient) for one in source.slices}
    for frame in seg.PerFrameFunctionalGroupsSequence:
        assert tuple(frame.PlanePositionSequence[0].ImagePositionPatient) in positions
    assert [one.TrackingID for one in seg.SegmentSequence] == ["node", "liver 1"]
    assert seg.SegmentSequence[1].TrackingUID == "1.2.840.1"
    assert seg.StudyInstanceUID == source.slices[0].StudyInstanceUID
    assert seg.FrameOfReferenceUID == source.frame_of_reference_uid
    assert "not a medical device" in seg.ContentDescription


@pytest.mark.parametrize("n_slices", [1, 3])
def test_a_single_tumor_comes_back_too(tmp_path: Path, n_slices: int) -> None:
    source = series(tmp_path / "ct")
    labels = np.zeros(source.grid.shape_zyx, np.uint8)
    labels[3 : 3 + n_slices, 3:6, 4:8] = 1
    marks = (RecistMark(1, ((3, 4, 4), (3, 4, 7))),)
    seg = build_segmentation(labels, source, marks)
    write_dataset(tmp_path / "seg.dcm", seg)
    write_dataset(
        tmp_path / "sr.dcm", build_report(seg, source, marks, measure(labels, marks, source.grid.spacing_mm))
    )
    np.testing.assert_array_equal(read_labels(tmp_path / "seg.dcm", source), labels)
    assert len(read_marks(tmp_path / "sr.dcm", source)) == 1


def written_report(folder: Path, shape: str = "axial") -> tuple[SeriesSource, tuple[TumorMeasurement, ...]]:
    source = series(folder / "ct", **SHAPES[shape])
    labels, marks = tumors(source)
    measured = measure(labels, marks, source.grid.spacing_mm)
    seg = build_segmentation(labels, source, marks)
    write_dataset(folder / "seg.dcm", seg)
    write_dataset(folder / "sr.dcm", build_report(seg, source, marks, measured))
    return source, measured


@pytest.mark.parametrize("shape", SHAPES)
def test_the_report_gives_back_lines_names_and_numbers(tmp_path: Path, shape: str) -> None:
    source, measured = written_report(tmp_path, shape)
    seg = pydicom.dcmread(tmp_path / "seg.dcm")
    marks = read_marks(tmp_path / "sr.dcm", source)
    assert [mark.name for mark in marks] == ["node", "liver 1"]
    assert [mark.tracking_uid for mark in marks] == [one.TrackingUID for one in seg.SegmentSequence]
    # as marks they are the lines that were given, not the mask's axes
    for mark, given in zip(marks, tumors(source)[1], strict=True):
        np.testing.assert_allclose(mark.endpoints_zyx, given.endpoints_zyx, atol=1e-4)
    if shutil.which("dciodvfy") is not None:  # Debian: dicom3tools
        said = subprocess.run(["dciodvfy", tmp_path / "sr.dcm"], capture_output=True, text=True)
        assert [line for line in said.stderr.splitlines() if line.startswith("Error")] == []
    report = highdicom.sr.srread(tmp_path / "sr.dcm").content
    volumes = report.get_volumetric_roi_measurement_groups()
    diameters = report.get_image_measurement_groups()
    for volume, group, one in zip(volumes, diameters, measured, strict=True):
        values = {
            item.name.meaning: item.value for item in (*volume.get_measurements(), *group.get_measurements())
        }
        assert values["Volume"] == pytest.approx(one.volume_ml)
        assert values["Long Axis"] == pytest.approx(one.longest_diameter_mm)
        assert values["Short Axis"] == pytest.approx(one.short_axis_mm)
        assert values["Length"] == pytest.approx(one.recist_mm)
        assert volume.tracking_uid == group.tracking_uid
        assert volume.reference_type.meaning == "Referenced Segment"
        assert volume.referenced_segment.referenced_sop_instance_uid == seg.SOPInstanceUID


@pytest.mark.parametrize("kind", ["SEG", "RTSTRUCT", "SR"])
def test_a_name_made_of_a_label_is_read_back_as_no_name(tmp_path: Path, kind: str) -> None:
    source = series(tmp_path / "ct")
    labels, (node, liver) = tumors(source)
    for name in ("", "tumor 1"):  # label 7 becomes "tumor 7" in the file; "tumor 1" is a reader's
        marks = [replace(node, name=name), replace(liver, name="")]
        path = tmp_path / f"{kind} {name}.dcm"
        if kind == "SR":
            seg = build_segmentation(labels, source, marks)
            measured = measure(labels, marks, source.grid.spacing_mm)
            write_dataset(path, build_report(seg, source, marks, measured))
        else:
            (write_mask if kind == "SEG" else write_contours)(path, labels, source, marks=marks)
        read = read_marks(path, source)
        if kind != "SR":  # whose lines have labels of their own
            read = tuple(sorted(read, key=lambda mark: [node.label, liver.label].index(mark.label)))
        assert [mark.name for mark in read] == [name, ""]


def test_the_first_reports_kept_the_label_in_the_name_alone(tmp_path: Path) -> None:
    source = series(tmp_path / "ct")
    labels, marks = tumors(source)
    marks = tuple(replace(mark, name="") for mark in marks)
    seg = build_segmentation(labels, source, marks)
    report = build_report(seg, source, marks, measure(labels, marks, source.grid.spacing_mm))
    for item in report.iterall():
        if item.value == "lite-ensam label 300":
            item.value = "another parameter"
    write_dataset(tmp_path / "sr.dcm", report)
    assert [mark.name for mark in read_marks(tmp_path / "sr.dcm", source)] == ["", ""]


def test_a_report_that_is_cut_off_is_refused_not_read_in_part(tmp_path: Path) -> None:
    source, _ = written_report(tmp_path)
    whole, cut = (tmp_path / "sr.dcm").read_bytes(), tmp_path / "cut.dcm"
    for length in np.linspace(1, len(whole) - 1, 60).astype(int):
        cut.write_bytes(whole[:length])
        with pytest.raises((CaseError, MarkError), match=r"cut\.dcm: "):
            read_marks(cut, source)


@pytest.mark.parametrize(
    "shape", ["axial", "turned and tilted", "one slice missing", "stripped of names and dates"]
)
@pytest.mark.parametrize("name", ["seg.dcm", "sr.dcm"])
def test_dciodvfy_finds_no_error(tmp_path: Path, name: str, shape: str) -> None:
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (Debian: dicom3tools)")
    written_report(tmp_path, shape)
    said = subprocess.run(["dciodvfy", tmp_path / name], capture_output=True, text=True)
    assert [line for line in said.stderr.splitlines() if line.startswith("Error")] == []


def test_what_cannot_be_a_segmentation_is_said(tmp_path: Path) -> None:
    source = series(tmp_path / "ct")
    labels, marks = tumors(source)
    plain = Grid.from_spacing(source.grid.shape_zyx, source.grid.spacing_mm)
    with pytest.raises(OutputError, match="needs the DICOM slices of its CT"):
        write_mask(tmp_path / "seg.dcm", labels, plain, marks=marks)
    with pytest.raises(OutputError, match="label 9 has no voxel"):
        write_mask(tmp_path / "seg.dcm", labels, source, marks=[RecistMark(9, marks[0].endpoints_zyx)])
    gap = series(tmp_path / "gap", heights_mm=ONE_MISSING)
    between = np.zeros(gap.grid.shape_zyx, np.uint8)
    between[4, 3:6, 3:6] = 1  # on the plane of the missing slice alone
    with pytest.raises(OutputError, match="label 1 has no voxel on a slice"):
        write_mask(tmp_path / "seg.dcm", between, gap)
    seg = build_segmentation(labels, source, marks)
    with pytest.raises(OutputError, match=r"as many marks \(1\) as measurements \(0\)"):
        build_report(seg, source, marks[:1], [])
    source.slices[0].StudyInstanceUID = ""
    with pytest.raises(OutputError, match=r"lack what a DICOM SEG needs: .*StudyInstanceUID"):
        write_mask(tmp_path / "seg.dcm", labels, source, marks=marks)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ct", "gap"]


def test_without_marks_every_label_becomes_a_segment(tmp_path: Path) -> None:
    source = series(tmp_path / "ct")
    labels, _ = tumors(source)
    write_mask(tmp_path / "seg.dcm", labels, source)
    np.testing.assert_array_equal(read_labels(tmp_path / "seg.dcm", source), labels)


def test_a_segmentation_of_another_scan_is_refused(tmp_path: Path) -> None:
    source = series(tmp_path / "ct")
    labels, marks = tumors(source)
    write_mask(tmp_path / "seg.dcm", labels, source, marks=marks)
    write_series(tmp_path / "small", stored_volume())
    with pytest.raises(CaseError, match="frames have 20 rows and 24 columns, but the CT has 12 and 16"):
        read_labels(tmp_path / "seg.dcm", read_ct(tmp_path / "small")[1])
    write_series(tmp_path / "elsewhere", stored_volume((7, 20, 24)), step_mm=3.0)
    with pytest.raises(CaseError, match="a frame does not lie on a slice of the CT"):
        read_labels(tmp_path / "seg.dcm", read_ct(tmp_path / "elsewhere")[1])
    with pytest.raises(CaseError, match="can only be read onto the grid of its CT"):
        read_labels(tmp_path / "seg.dcm")
    with pytest.raises(CaseError, match="is 'CT', expected a SEG of type BINARY"):
        read_labels(next((tmp_path / "small").iterdir()), source)
