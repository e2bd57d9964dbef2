"""Enhanced (multi-frame) CT: read frame by frame, segmented, and referred to by the numbers of its frames."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    EnhancedCTImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    RLELossless,
    generate_uid,
)

from lite_ensam.core.errors import CaseError, MarkError
from lite_ensam.core.recist import RecistMark
from lite_ensam.io import read_ct, read_labels, read_marks, write_contours
from lite_ensam.io.dicom import (
    SeriesSource,
    build_report,
    build_segmentation,
    read_ct_series,
    read_roi,
    write_dataset,
)
from lite_ensam.measurements import measure
from tests.unit.io.dicom.files import stored_volume, write_enhanced, write_series

STORED = stored_volume((7, 20, 24))
ORDER = (3, 1, 0, 2, 6, 5, 4)
HEIGHTS = tuple(100 + 2.5 * k for k in ORDER)


def two_phases(folder: Path, **more: object) -> None:
    folder.mkdir(exist_ok=True)
    content = [{"FrameAcquisitionNumber": n} for n in (1, 2) for _ in ORDER]
    stored = np.concatenate([STORED[list(ORDER)], STORED[list(ORDER)] // 2])
    write_enhanced(folder / "mf.dcm", stored, HEIGHTS * 2, content=content, **more)


@pytest.mark.parametrize("syntax", ["", RLELossless])
def test_frames_are_sorted_by_place_and_rescaled_each_by_its_own(tmp_path: Path, syntax: str) -> None:
    (tmp_path / "ct").mkdir()
    slopes = [1.0 + k for k in ORDER]
    write_enhanced(tmp_path / "ct" / "mf.dcm", STORED[list(ORDER)], HEIGHTS, slopes=slopes)
    if syntax:
        one = pydicom.dcmread(tmp_path / "ct" / "mf.dcm")
        one.compress(syntax, generate_instance_uid=False)
        one.save_as(tmp_path / "ct" / "mf.dcm")
    ct, source = read_ct(tmp_path / "ct")
    for k in range(7):
        np.testing.assert_array_equal(ct[k], STORED[k] * (1.0 + k) - 1000)
    assert source.grid.spacing_mm == pytest.approx((2.5, 0.8, 0.7))
    np.testing.assert_allclose(source.grid.voxel_to_mm((2, 4, 3)), (7.9, 16.8, 105.0))
    assert source.notes == ()


def test_it_is_the_volume_of_the_same_slices_in_files_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "mf").mkdir()
    write_enhanced(
        tmp_path / "mf" / "a", STORED, sorted(HEIGHTS), sop_class=LegacyConvertedEnhancedCTImageStorage
    )
    write_series(tmp_path / "ct", STORED)
    (one, of_frames), (other, of_slices) = read_ct(tmp_path / "mf"), read_ct(tmp_path / "ct")
    np.testing.assert_array_equal(one, other)
    assert of_frames.grid.matches(of_slices.grid)


def test_phases_are_told_apart(tmp_path: Path) -> None:
    two_phases(tmp_path / "ct")
    ct, source = read_ct(tmp_path / "ct")
    np.testing.assert_array_equal(ct, STORED - 1000)
    assert "told apart by AcquisitionNumber: 1 (7 slices), 2 (7 slices); took 1" in source.notes[0]
    np.testing.assert_array_equal(read_ct(tmp_path / "ct", acquisition=2)[0], STORED // 2 - 1000)


@pytest.mark.parametrize(
    "content",
    [[{"StackID": s} for s in "1111222"], [{"TemporalPositionIndex": n} for n in (1,) * 4 + (2,) * 3]],
)
def test_stacks_and_temporal_positions_are_told_apart(tmp_path: Path, content: Sequence) -> None:
    (tmp_path / "ct").mkdir()
    heights = (0.0, 2.5, 5.0, 7.5, 1.0, 3.5, 6.0)
    write_enhanced(tmp_path / "ct" / "mf.dcm", STORED, heights, content=content)
    np.testing.assert_array_equal(read_ct(tmp_path / "ct")[0], STORED[:4] - 1000)
    np.testing.assert_array_equal(read_ct(tmp_path / "ct", acquisition=2)[0], STORED[4:] - 1000)


def drawn(source: SeriesSource) -> tuple[np.ndarray, tuple[RecistMark, ...]]:
    labels = np.zeros(source.grid.shape_zyx, np.uint8)
    labels[2:5, 3:6, 4:7] = 1
    labels[4, 3, 4] = 0
    return labels, (RecistMark(1, ((3, 3, 4), (3, 5, 6)), "Läsion 病灶"),)


def check_standard(path: Path) -> None:
    """What dciodvfy says, where it is installed."""
    if shutil.which("dciodvfy"):
        said = subprocess.run(["dciodvfy", path], capture_output=True, text=True)
        assert [line for line in said.stderr.splitlines() if line.startswith("Error")] == []


@pytest.mark.parametrize("acquisition", [1, 2])
def test_masks_lines_and_contours_go_to_its_frames_and_back(tmp_path: Path, acquisition: int) -> None:
    two_phases(tmp_path / "ct")
    _, source = read_ct_series(tmp_path / "ct", acquisition=acquisition)
    labels, marks = drawn(source)
    segmentation = build_segmentation(labels, source, marks)
    write_dataset(tmp_path / "seg.dcm", segmentation)
    measured = measure(labels, marks, source.grid.spacing_mm)
    write_dataset(tmp_path / "sr.dcm", build_report(segmentation, source, marks, measured))
    write_contours(tmp_path / "rt.dcm", labels, source)
    np.testing.assert_array_equal(read_labels(tmp_path / "seg.dcm", source), labels)
    assert [one.endpoints_zyx for one in read_marks(tmp_path / "sr.dcm", source)] == [marks[0].endpoints_zyx]
    np.testing.assert_array_equal(read_roi(tmp_path / "rt.dcm", "tumor 1", source), labels == 1)
    # as another reader sees it, by the numbers of the frames
    seg = highdicom.seg.segread(tmp_path / "seg.dcm")
    frames = seg.get_pixels_by_source_frame(
        source.images[0].SOPInstanceUID, list(range(1, 15)), assert_missing_frames_are_empty=True
    )
    for n, frame in enumerate(frames[..., 0]):
        own = labels[ORDER[n % 7]] if n // 7 == acquisition - 1 else np.zeros((20, 24))
        np.testing.assert_array_equal(frame, own)
    # each names the acquisition that it belongs to
    for name in ("seg.dcm", "sr.dcm", "rt.dcm"):
        _, again = read_ct(tmp_path / "ct", referred_by=tmp_path / name)
        assert f"took {acquisition}, to which {name} refers" in again.notes[0]
    for name in ("seg.dcm", "sr.dcm"):
        check_standard(tmp_path / name)


def test_a_line_on_no_frame_or_on_one_that_was_not_read_is_refused(tmp_path: Path) -> None:
    two_phases(tmp_path / "ct")
    _, source = read_ct_series(tmp_path / "ct")
    uid, points = source.images[0].SOPInstanceUID, np.array([[3.5, 4.5]])
    np.testing.assert_allclose(source.points_of_image(uid, points, frame=1), [[3, 4, 3]])
    with pytest.raises(MarkError, match="lies on no frame of its image"):
        source.points_of_image(uid, points)
    with pytest.raises(MarkError, match="lies on frame 9 of an image, which is not in this CT"):
        source.points_of_image(uid, points, frame=9)


def test_each_frame_of_several_images_is_referred_to_in_its_own(tmp_path: Path) -> None:
    (tmp_path / "ct").mkdir()
    write_enhanced(tmp_path / "ct" / "low.dcm", STORED[2::-1], (5.0, 2.5, 0.0))
    write_enhanced(tmp_path / "ct" / "high.dcm", STORED[3:], (7.5, 10.0, 12.5, 15.0))
    ct, source = read_ct_series(tmp_path / "ct")
    np.testing.assert_array_equal(ct, STORED - 1000)
    labels, marks = drawn(source)
    segmentation = build_segmentation(labels, source, marks)
    write_dataset(tmp_path / "seg.dcm", segmentation)
    measured = measure(labels, marks, source.grid.spacing_mm)
    write_dataset(tmp_path / "sr.dcm", build_report(segmentation, source, marks, measured))
    write_contours(tmp_path / "rt.dcm", labels, source)
    np.testing.assert_array_equal(read_labels(tmp_path / "seg.dcm", source), labels)
    assert [one.endpoints_zyx for one in read_marks(tmp_path / "sr.dcm", source)] == [marks[0].endpoints_zyx]
    np.testing.assert_array_equal(read_roi(tmp_path / "rt.dcm", "tumor 1", source), labels == 1)

    low, high = (pydicom.dcmread(tmp_path / "ct" / name).SOPInstanceUID for name in ("low.dcm", "high.dcm"))
    seg = pydicom.dcmread(tmp_path / "seg.dcm")
    found = []
    for group in seg.PerFrameFunctionalGroupsSequence:
        (image,) = group.DerivationImageSequence[0].SourceImageSequence
        assert image.ReferencedSOPClassUID == EnhancedCTImageStorage
        height = group.PlanePositionSequence[0].ImagePositionPatient[2]
        found.append((height, image.ReferencedSOPInstanceUID, image.ReferencedFrameNumber))
    assert sorted(found) == [(5.0, low, 1), (7.5, high, 1), (10.0, high, 2)]
    (referred,) = seg.ReferencedSeriesSequence
    instances = [one.ReferencedSOPInstanceUID for one in referred.ReferencedInstanceSequence]
    assert sorted(instances) == sorted([low, high])
    for name in ("seg.dcm", "sr.dcm"):
        check_standard(tmp_path / name)


def test_more_frames_than_descriptions_are_refused(tmp_path: Path) -> None:
    two_phases(tmp_path / "ct", NumberOfFrames=15)
    with pytest.raises(CaseError, match=r"mf\.dcm: has 15 frames but describes 14 of them"):
        read_ct(tmp_path / "ct")


def test_of_slices_and_an_enhanced_image_the_larger_is_taken(tmp_path: Path) -> None:
    two_phases(tmp_path / "ct", SeriesInstanceUID=generate_uid())
    write_series(tmp_path / "ct", STORED)
    _, source = read_ct_series(tmp_path / "ct")
    assert source.is_multi_frame
    assert source.notes[0].startswith("took the largest of 2 CT series")
