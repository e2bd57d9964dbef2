"""SEG objects of other programs (by highdicom): every frame by its own place, whatever the CT is stored as."""

import itertools
import zlib
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless, generate_uid

from lite_ensam.core.errors import CaseError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.io import read_label_map, read_labels, write_mask
from lite_ensam.io.dicom import SeriesSource, read_segmentation
from lite_ensam.io.dicom.datasets import keep_identifiers_quiet
from tests.unit.io.dicom.files import SAGITTAL
from tests.unit.io.dicom.test_output import ONE_MISSING, series, tumors

CODE = highdicom.sr.CodedConcept("49755003", "SCT", "Morphologically Abnormal Structure")


@pytest.fixture
def source(tmp_path: Path) -> SeriesSource:
    return series(tmp_path / "ct")


def blocks(source: ScanSource) -> np.ndarray:
    """Two lesions (z, y, x) without any symmetry."""
    labels = np.zeros(source.grid.shape_zyx, np.uint8)
    labels[2:5, 3:9, 4:7] = 1
    labels[4, 3, 4] = 0
    labels[1:4, 12:14, 15:20] = 2
    return labels


def seg_of(
    source: SeriesSource,
    pixels: np.ndarray,
    kind: str = "BINARY",
    names: tuple[str, ...] = ("liver 1", "node"),
) -> Dataset:
    """Pixels (slice, row, column[, segment])."""
    options: dict[str, Any] = {"max_fractional_value": 200} if kind == "FRACTIONAL" else {}
    with keep_identifiers_quiet():
        return highdicom.seg.Segmentation(
            source_images=list(source.slices),
            pixel_array=pixels,
            segmentation_type=kind,
            segment_descriptions=[
                highdicom.seg.SegmentDescription(number, name, CODE, CODE, "MANUAL")
                for number, name in enumerate(names, start=1)
            ],
            series_instance_uid=generate_uid(),
            series_number=1,
            sop_instance_uid=generate_uid(),
            instance_number=1,
            manufacturer="nobody",
            manufacturer_model_name="none",
            software_versions="1",
            device_serial_number="0",
            **options,
        )


def saved(folder: Path, seg: Dataset) -> Path:
    seg.save_as(folder / "seg.dcm", enforce_file_format=True)
    return folder / "seg.dcm"


def written(folder: Path, source: SeriesSource, **options: Any) -> Path:
    return saved(folder, seg_of(source, source.slices_of(blocks(source)), **options))


def stored_otherwise(source: ScanSource, order: tuple[int, ...], flips: tuple[int, ...]) -> ScanSource:
    """The source as a NIfTI file whose axes are permuted and reversed."""
    affine, shape = source.file_affine.copy(), source.file_shape
    for axis in np.flatnonzero(flips):
        affine[:3, 3] += affine[:3, axis] * (shape[axis] - 1)
        affine[:3, axis] *= -1
    affine[:3, :3] = affine[:3, list(order)]
    return ScanSource.from_file_affine([shape[axis] for axis in order], affine)


ORDERS = list(itertools.product(itertools.permutations(range(3)), itertools.product((0, 1), repeat=3)))


@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), SAGITTAL])
def test_a_ct_may_be_stored_in_any_of_48_orders(tmp_path: Path, orientation: tuple[float, ...]) -> None:
    source = series(tmp_path / "ct", orientation)
    path, labels = written(tmp_path, source), blocks(source)
    for order, flips in ORDERS:
        nifti = stored_otherwise(source, order, flips)
        axes, reverse = source.grid.turn_onto(nifti.grid) or pytest.fail("not the same voxels")
        expected = np.flip(labels.transpose(axes), tuple(np.flatnonzero(reverse)))
        np.testing.assert_array_equal(read_labels(path, nifti), expected, f"{order} {flips}")


def test_frames_of_other_pixels_or_turned_ones_are_refused_with_both_values(
    tmp_path: Path, source: SeriesSource
) -> None:
    seg = pydicom.dcmread(written(tmp_path, source))
    shared = seg.SharedFunctionalGroupsSequence[0]
    shared.PixelMeasuresSequence[0].PixelSpacing = [0.4, 0.35]
    with pytest.raises(
        CaseError,
        match=r"PixelSpacing \[0\.4, 0\.35\] and .* the CT's slices \[0\.8, 0\.7\] and \[1, 0, 0, 0, 1, 0\]",
    ):
        read_labels(saved(tmp_path, seg), source)
    shared.PixelMeasuresSequence[0].PixelSpacing = [0.8, 0.7]
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = [2, 0, 0, 0, 2, 0]
    with pytest.raises(CaseError, match=r"seg\.dcm: frame 1: ImageOrientationPatient must be two"):
        read_labels(saved(tmp_path, seg), source)
    for turned in ([1, 0, 0, 0, 0.98, 0.199], [0.8, 0.6, 0, -0.6, 0.8, 0], [1, 0, 0, 0, 0, 1]):
        shared.PlaneOrientationSequence[0].ImageOrientationPatient = turned
        with pytest.raises(CaseError, match=r"ImageOrientationPatient \[.* must be resampled first|rows and"):
            read_labels(saved(tmp_path, seg), source)


def test_a_transposed_or_mirrored_frame_comes_out_right(tmp_path: Path, source: SeriesSource) -> None:
    """Rows for columns and right for left, said by its orientation and position."""
    labels = blocks(source)
    seg = pydicom.dcmread(written(tmp_path, source))
    pixels = np.flip(seg.pixel_array.transpose(0, 2, 1), 2)  # (frame, column, row from the last)
    seg.Rows, seg.Columns = seg.Columns, seg.Rows
    seg.PixelData = np.packbits(pixels.ravel(), bitorder="little").tobytes()
    shared = seg.SharedFunctionalGroupsSequence[0]
    shared.PixelMeasuresSequence[0].PixelSpacing = [0.7, 0.8]
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = [0, -1, 0, 1, 0, 0]
    for frame in seg.PerFrameFunctionalGroupsSequence:
        frame.PlanePositionSequence[0].ImagePositionPatient[1] += 0.8 * 19
    np.testing.assert_array_equal(read_labels(saved(tmp_path, seg), source), labels)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    ("share", "is_same"), [(0.1, True), (-0.1, True), (0.5, False), (-0.5, False), (1, False)]
)
def test_a_tenth_of_a_pixel_off_is_the_same_place_half_a_pixel_is_not(
    tmp_path: Path, source: SeriesSource, axis: int, share: float, is_same: bool
) -> None:
    seg = pydicom.dcmread(written(tmp_path, source))
    for frame in seg.PerFrameFunctionalGroupsSequence:
        frame.PlanePositionSequence[0].ImagePositionPatient[axis] += share * (0.7, 0.8, 2.5)[axis]
    path = saved(tmp_path, seg)
    if is_same:
        np.testing.assert_array_equal(read_labels(path, source), blocks(source))
    elif (axis, share) == (2, 1):  # one slice up is a slice
        assert not np.array_equal(read_labels(path, source), blocks(source))
    else:
        with pytest.raises(CaseError, match=r"does not lie on a slice of the CT: frame \d is off by"):
            read_labels(path, source)


def test_a_frame_beyond_the_ct_is_refused_unless_it_is_empty(tmp_path: Path, source: SeriesSource) -> None:
    seg = pydicom.dcmread(written(tmp_path, source))
    seg.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient[2] += 50
    with pytest.raises(CaseError, match="frame 1 lies on slice 24, the CT has 7"):
        read_labels(saved(tmp_path, seg), source)
    pixels = seg.pixel_array
    pixels[0] = 0
    seg.PixelData = np.packbits(pixels.ravel(), bitorder="little").tobytes()
    assert read_labels(saved(tmp_path, seg), source).any()


def test_another_frame_of_reference_is_refused(tmp_path: Path, source: SeriesSource) -> None:
    seg = pydicom.dcmread(written(tmp_path, source))
    seg.FrameOfReferenceUID = "1.2.3"
    with pytest.raises(
        CaseError,
        match=r"seg\.dcm: lies in another frame of reference than the CT",
    ):
        read_labels(saved(tmp_path, seg), source)
    # a NIfTI file does not say in which it lies
    assert read_labels(tmp_path / "seg.dcm", ScanSource.of(source.grid)).any()


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_names_and_labels_are_those_of_the_segments(tmp_path: Path, source: SeriesSource, kind: str) -> None:
    found = read_label_map(written(tmp_path, source, kind=kind), source)
    np.testing.assert_array_equal(found.labels, blocks(source))
    assert found.names == {1: "liver 1", 2: "node"}
    assert found.notes == ()


class TestOverlap:
    @pytest.fixture
    def path(self, tmp_path: Path, source: SeriesSource) -> Path:
        labels = source.slices_of(blocks(source))
        pixels = np.stack([labels == 1, labels > 0], axis=-1).astype(np.uint8)
        return saved(tmp_path, seg_of(source, pixels))

    def test_it_is_refused_with_the_names_and_the_way_out(self, path: Path, source: SeriesSource) -> None:
        with pytest.raises(
            CaseError,
            match=r"segments 1 \('liver 1'\) and 2 \('node'\) overlap on slice 4, .* choose segments by `only`",
        ):
            read_labels(path, source)
        with pytest.raises(CaseError, match="overlap"):
            read_label_map(path, source, ["1", "2"])

    @pytest.mark.parametrize("wanted", ["node", "NODE", " 2 "])
    def test_one_can_be_chosen(self, path: Path, source: SeriesSource, wanted: str) -> None:
        found = read_label_map(path, source, [wanted])
        np.testing.assert_array_equal(found.labels, 2 * (blocks(source) > 0))
        assert found.names == {2: "node"}

    def test_an_unknown_one_is_answered_with_those_there_are(self, path: Path, source: SeriesSource) -> None:
        with pytest.raises(CaseError, match=r"seg\.dcm: has no segment 'lung', only 'liver 1', 'node'"):
            read_label_map(path, source, ["lung"])


class TestFractional:
    @pytest.fixture
    def path(self, tmp_path: Path, source: SeriesSource) -> Path:
        shares = np.where(source.slices_of(blocks(source)) == 1, 0.4, 0.0)
        shares[3, 4, 5] = 0.7
        return saved(tmp_path, seg_of(source, shares, "FRACTIONAL", ("liver 1",)))

    def test_the_fraction_must_be_said(self, path: Path, source: SeriesSource) -> None:
        with pytest.raises(
            CaseError, match=r"is FRACTIONAL: its voxels have a probability .* say by `fraction`"
        ):
            read_labels(path, source)
        with pytest.raises(CaseError, match=r"`fraction` must lie above 0 and at most at 1, got 1\.5"):
            read_segmentation(path, source, fraction=1.5)

    @pytest.mark.parametrize(("fraction", "count"), [(0.4, 53), (0.5, 1), (0.7, 1), (0.71, 0)])
    def test_it_counts_itself(self, path: Path, source: SeriesSource, fraction: float, count: int) -> None:
        found = read_segmentation(path, source, fraction=fraction)
        assert np.count_nonzero(found.labels) == count
        assert [note for note in found.notes if "has no voxel" in note] == (
            [] if count else ["segment 1 ('liver 1') has no voxel"]
        )

    def test_zeros_and_ones_need_no_choice(self, tmp_path: Path, source: SeriesSource) -> None:
        shares = np.where(source.slices_of(blocks(source)) == 1, 1.0, 0.0)
        path = saved(tmp_path, seg_of(source, shares, "FRACTIONAL", ("liver 1",)))
        np.testing.assert_array_equal(read_labels(path, source), blocks(source) == 1)


def test_a_missing_decoder_is_named(tmp_path: Path, source: SeriesSource) -> None:
    seg = pydicom.dcmread(written(tmp_path, source))
    frames = [np.packbits(one.ravel(), bitorder="little").tobytes() for one in seg.pixel_array]
    literal = [
        (1).to_bytes(4, "little") + (64).to_bytes(4, "little") + bytes(56) + b"\x3b" + one for one in frames
    ]
    seg.PixelData = encapsulate([one + bytes(len(one) % 2) for one in literal])
    seg["PixelData"].is_undefined_length = True
    seg.file_meta.TransferSyntaxUID = RLELossless
    with pytest.raises(
        CaseError, match=r"cannot be decoded: no installed decoder reads RLE Lossless of 1 bit pixels"
    ):
        read_labels(saved(tmp_path, seg), source)


def test_frames_that_are_deflated_one_by_one_are_named(tmp_path: Path, source: SeriesSource) -> None:
    seg = pydicom.dcmread(written(tmp_path, source))
    deflated = zlib.compress(seg.PixelData)
    seg.PixelData = encapsulate([deflated + bytes(len(deflated) % 2)])
    seg["PixelData"].is_undefined_length = True
    seg.file_meta.TransferSyntaxUID = RLELossless
    path = saved(tmp_path, seg)
    known, unknown = b"1.2.840.10008.1.2.5\0", b"1.2.840.10008.1.2.8.1\0"
    content = path.read_bytes()
    at = content.index(known)
    content = content[: at - 2] + len(unknown).to_bytes(2, "little") + unknown + content[at + len(known) :]
    length_at = content.index(b"\x02\0\0\0UL\x04\0") + 8
    length = int.from_bytes(content[length_at : length_at + 4], "little") + len(unknown) - len(known)
    path.write_bytes(content[:length_at] + length.to_bytes(4, "little") + content[length_at + 4 :])
    with pytest.raises(
        CaseError, match=r"no installed decoder reads .*(1\.2\.840\.10008\.1\.2\.8\.1|Deflated Image)"
    ):
        read_labels(path, source)


def test_a_deflated_file_is_read(tmp_path: Path, source: SeriesSource) -> None:
    seg = pydicom.dcmread(written(tmp_path, source))
    seg.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    np.testing.assert_array_equal(read_labels(saved(tmp_path, seg), source), blocks(source))


def test_a_segment_on_every_second_slice_is_said(tmp_path: Path, source: SeriesSource) -> None:
    pixels = source.slices_of(blocks(source) == 1).astype(np.uint8)
    pixels[:] = pixels[3]
    pixels[1::2] = 0
    found = read_label_map(saved(tmp_path, seg_of(source, pixels, names=("liver 1",))), source)
    assert found.notes == ("segment 1 has a frame on one of 2 slices only: its volume may be too small",)


def test_slices_that_a_segment_leaves_out_are_said(tmp_path: Path, source: SeriesSource) -> None:
    pixels = source.slices_of(blocks(source) == 1).astype(np.uint8)
    pixels[:] = 0
    pixels[[1, 5], 4:8, 5:8] = 1
    found = read_label_map(saved(tmp_path, seg_of(source, pixels, names=("liver 1",))), source)
    assert found.notes == ("segment 1 has no voxel on slices 2 to 4 between its others",)


@pytest.mark.parametrize("is_turned", [False, True])
def test_frames_may_be_cropped(tmp_path: Path, source: SeriesSource, is_turned: bool) -> None:
    """To rows 2 to 17 and columns 3 to 20, as programs do that store only the lesion's box."""
    labels = blocks(source)
    seg = pydicom.dcmread(written(tmp_path, source))
    pixels = seg.pixel_array[:, 2:18, 3:21]
    shift = np.array([3 * 0.7, 2 * 0.8, 0])
    if is_turned:
        pixels = pixels[:, ::-1, ::-1]
        shift = np.array([20 * 0.7, 17 * 0.8, 0])
        shared = seg.SharedFunctionalGroupsSequence[0]
        shared.PlaneOrientationSequence[0].ImageOrientationPatient = [-1, 0, 0, 0, -1, 0]
    for frame in seg.PerFrameFunctionalGroupsSequence:
        position = frame.PlanePositionSequence[0]
        position.ImagePositionPatient = (np.array(position.ImagePositionPatient, float) + shift).tolist()
    seg.Rows, seg.Columns = pixels.shape[1:]
    seg.PixelData = np.packbits(np.ascontiguousarray(pixels).ravel(), bitorder="little").tobytes()
    np.testing.assert_array_equal(read_labels(saved(tmp_path, seg), source), labels)
    for frame in seg.PerFrameFunctionalGroupsSequence:
        frame.PlanePositionSequence[0].ImagePositionPatient[0] += 0.35
    with pytest.raises(CaseError, match="does not lie on a slice of the CT: frame 1 is off by"):
        read_labels(saved(tmp_path, seg), source)
    for frame in seg.PerFrameFunctionalGroupsSequence:
        frame.PlanePositionSequence[0].ImagePositionPatient[0] += 70
    with pytest.raises(CaseError, match="does not lie on a slice of the CT: frame 1 is off by"):
        read_labels(saved(tmp_path, seg), source)


def test_a_frame_that_is_there_twice_is_joined(tmp_path: Path, source: SeriesSource) -> None:
    seg = pydicom.dcmread(written(tmp_path, source))
    first = seg.PerFrameFunctionalGroupsSequence[0]
    seg.PerFrameFunctionalGroupsSequence[1] = first
    pixels = seg.pixel_array
    expected = blocks(source)
    pixels[1] = pixels[0]
    seg.PixelData = np.packbits(pixels.ravel(), bitorder="little").tobytes()
    expected[3][expected[3] == 1] = 0
    found = read_label_map(saved(tmp_path, seg), source)
    np.testing.assert_array_equal(found.labels, expected)
    assert found.notes[0] == "segment 1 has voxels on slice 4 in more than one frame: they are joined"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("SharedFunctionalGroupsSequence", [], "frame 1: PlaneOrientationSequence is missing"),
        ("PerFrameFunctionalGroupsSequence", [], "has 6 frames but describes 0 of them"),
        ("SegmentSequence", [], "describes no segment"),
    ],
)
def test_what_a_seg_lacks_is_named(
    tmp_path: Path, source: SeriesSource, name: str, value: list, message: str
) -> None:
    seg = pydicom.dcmread(written(tmp_path, source))
    for change in (lambda: setattr(seg, name, value), lambda: delattr(seg, name)):
        change()
        with pytest.raises(CaseError, match=rf"seg\.dcm: {message}"):
            read_labels(saved(tmp_path, seg), source)


class TestOurOwn:
    def test_names_are_in_the_list_of_any_viewer_and_labels_come_back(
        self, tmp_path: Path, source: SeriesSource
    ) -> None:
        labels, marks = tumors(source)
        write_mask(tmp_path / "seg.dcm", labels, source, marks=marks)
        seg = pydicom.dcmread(tmp_path / "seg.dcm")
        assert [one.SegmentLabel for one in seg.SegmentSequence] == ["node", "liver 1"]
        found = read_label_map(tmp_path / "seg.dcm", source)
        np.testing.assert_array_equal(found.labels, labels)
        assert found.names == {300: "node", 7: "liver 1"}
        assert found.tracking_uids[7] == "1.2.840.1"

    @pytest.mark.parametrize("name", ["x" * 100, "liver\\left", "", "   "])
    def test_any_name_comes_back(self, tmp_path: Path, source: SeriesSource, name: str) -> None:
        labels, (mark, _) = tumors(source)
        write_mask(tmp_path / "seg.dcm", labels, source, marks=[RecistMark(300, mark.endpoints_zyx, name)])
        seg = pydicom.dcmread(tmp_path / "seg.dcm").SegmentSequence[0]
        assert 0 < len(seg.SegmentLabel) <= 64
        assert "\\" not in seg.SegmentLabel
        names = read_label_map(tmp_path / "seg.dcm", source).names
        assert names.get(300, "").replace("/", "\\") == name.strip()

    def test_each_has_the_colour_of_the_viewer(self, tmp_path: Path, source: SeriesSource) -> None:
        labels, marks = tumors(source)
        write_mask(tmp_path / "seg.dcm", labels, source, marks=marks)
        seg = pydicom.dcmread(tmp_path / "seg.dcm")
        colors = [
            highdicom.color.CIELabColor.from_dicom_value(one.RecommendedDisplayCIELabValue).to_rgb()
            for one in seg.SegmentSequence
        ]
        assert colors == [(0xF1, 0x5B, 0xB5), (0xFF, 0x6B, 0x5E)]  # labels 300 and 7

    def test_files_of_the_first_version_are_read(self, tmp_path: Path, source: SeriesSource) -> None:
        """They had "tumor N" for a name and the lesion's name as tracking identifier."""
        labels, marks = tumors(source)
        write_mask(tmp_path / "seg.dcm", labels, source, marks=marks)
        seg = pydicom.dcmread(tmp_path / "seg.dcm")
        for one, mark in zip(seg.SegmentSequence, marks, strict=True):
            one.SegmentLabel = f"tumor {mark.label}"
            del one.SegmentDescription
        found = read_label_map(saved(tmp_path, seg), source)
        np.testing.assert_array_equal(found.labels, labels)
        assert found.names == {300: "node", 7: "liver 1"}


def test_a_series_with_a_missing_slice_has_its_frames_in_place(tmp_path: Path) -> None:
    source = series(tmp_path / "ct", heights_mm=ONE_MISSING)
    labels = source.volume_of_labels(source.slices_of(blocks(source)))
    np.testing.assert_array_equal(read_labels(written(tmp_path, source), source), labels)
    plain = Grid.from_affine(source.grid.shape_zyx, source.grid.affine)
    there = read_labels(tmp_path / "seg.dcm", plain)  # on the NIfTI of that series
    assert there.any()
    assert not there[labels == 0].any()
