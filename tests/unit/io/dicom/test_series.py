"""CT series written slice by slice and read back; what is wrong with them is named."""

import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless, generate_uid

from lite_ensam.core.errors import ArgumentError, CaseError, MissingExtraError
from lite_ensam.core.grid import Grid
from lite_ensam.io import read_ct
from lite_ensam.io.dicom import list_ct_series, read_ct_series
from tests.unit.io.dicom.files import (
    FRAME,
    SAGITTAL,
    SERIES,
    name_of_slice,
    stored_volume,
    write_rtstruct,
    write_series,
    write_slice,
)


@pytest.fixture
def source(tmp_path: Path) -> Grid:
    write_series(tmp_path / "ct", stored_volume())
    return read_ct_series(tmp_path / "ct")[1]


def test_slices_come_sorted_by_position_in_hu(tmp_path: Path) -> None:
    stored = stored_volume()
    write_series(tmp_path / "ct", stored)
    ct, source = read_ct_series(tmp_path / "ct")
    assert ct.dtype == np.int16
    np.testing.assert_array_equal(ct, stored - 1000)
    assert source.grid.spacing_mm == pytest.approx((2.5, 0.8, 0.7))


def test_voxels_lie_where_dicom_says(source: Grid) -> None:
    # DICOM: column 3, row 4 of slice 2 is at (-10 + 3 * 0.7, -20 + 4 * 0.8, 100 + 2 * 2.5) to the left, back, head
    np.testing.assert_allclose(source.grid.voxel_to_mm((2, 4, 3)), (7.9, 16.8, 105.0))


def test_a_sagittal_series_comes_with_z_along_the_body(tmp_path: Path) -> None:
    stored = stored_volume((6, 20, 10))  # x, from the head down, from front to back
    (tmp_path / "ct").mkdir()
    for k, one in enumerate(stored):
        write_slice(tmp_path / "ct" / f"{k}.dcm", one, (-30.0 + 3 * k, 0.0, 50.0), orientation=SAGITTAL)
    ct, source = read_ct_series(tmp_path / "ct")
    assert source.grid.shape_zyx == (20, 10, 6)
    assert source.grid.spacing_mm == pytest.approx((0.8, 0.7, 3.0))
    # Slices are sorted along their normal, which points to the right here: the last one comes first.
    np.testing.assert_array_equal(source.to_file(ct), stored[::-1] - 1000)
    np.testing.assert_allclose(source.grid.voxel_to_mm((0, 0, 0)), (15.0, 0.0, 50.0))
    np.testing.assert_allclose(source.grid.voxel_to_mm((5, 2, 5)), (30.0, -1.4, 46.0))


@pytest.mark.parametrize("cosines", [(0.97, 0.26, 0, -0.26, 0.97, 0), (0.7, 0.7, 0, -0.7, 0.7, 0)])
def test_rounded_direction_cosines_change_no_distance(tmp_path: Path, cosines: tuple[float, ...]) -> None:
    write_series(tmp_path / "ct", stored_volume(), orientation=cosines)
    ct, source = read_ct_series(tmp_path / "ct")
    np.testing.assert_array_equal(ct, stored_volume() - 1000)
    assert source.grid.spacing_mm == pytest.approx((2.5, 0.8, 0.7))
    assert not source.notes


@pytest.mark.parametrize(
    ("cosines", "got"),
    [
        ((2, 0, 0, 0, 2, 0), "lengths 2 and 2 and the scalar product 0"),
        ((0, 0, 0, 0, 0, 0), "lengths 0 and 0"),
        ((1, 0, 0, 0.3, 0.954, 0), r"scalar product 0\.3"),
    ],
)
def test_directions_that_are_no_rounded_unit_vectors_are_refused(
    tmp_path: Path, cosines: tuple[float, ...], got: str
) -> None:
    write_series(tmp_path / "ct", stored_volume(), orientation=cosines)
    with pytest.raises(CaseError, match=rf"\.dcm: ImageOrientationPatient must be two vectors .*{got}"):
        read_ct_series(tmp_path / "ct")


def test_hu_that_are_not_whole_come_as_float32(tmp_path: Path) -> None:
    stored = stored_volume()
    write_series(tmp_path / "ct", stored, slope=0.5, intercept=-999.75)
    ct, _ = read_ct_series(tmp_path / "ct")
    assert ct.dtype == np.float32
    np.testing.assert_allclose(ct, stored * 0.5 - 999.75)


def test_other_files_in_the_folder_are_passed_over(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", stored_volume())
    (tmp_path / "ct" / "README.txt").write_text("not DICOM")
    (tmp_path / "ct" / "more").mkdir()
    write_rtstruct(tmp_path / "ct" / "structures.dcm", {"GTV-1": []})
    assert read_ct_series(tmp_path / "ct")[0].shape == (5, 12, 16)


def test_one_slice_is_a_scan_too(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", stored_volume((1, 8, 8)))
    ct, source = read_ct_series(tmp_path / "ct")
    assert ct.shape == (1, 8, 8)
    assert source.grid.spacing_mm == pytest.approx((2.5, 0.8, 0.7))


def test_one_missing_slice_is_bridged_and_told(tmp_path: Path) -> None:
    stored = stored_volume((9, 8, 8))
    write_series(tmp_path / "ct", stored)
    (tmp_path / "ct" / name_of_slice(2)).unlink()
    ct, source = read_ct_series(tmp_path / "ct")
    assert ct.shape == (9, 8, 8)
    assert source.grid.spacing_mm == pytest.approx((2.5, 0.8, 0.7))
    there = [k for k in range(9) if k != 2]
    np.testing.assert_array_equal(ct[there], stored[there] - 1000)
    np.testing.assert_array_equal(ct[2], np.rint((stored[1] + stored[3]) / 2) - 1000)
    assert source.notes == (
        "distances of slices differ: 1 of 9 planes, 2.5 mm apart, are interpolated, at 105 mm",
    )


def test_thick_slices_after_thin_ones_are_brought_to_the_thin_ones_planes(tmp_path: Path) -> None:
    stored = stored_volume((7, 8, 8))
    heights = (0.0, 2.5, 5.0, 7.5, 12.5, 17.5, 22.5)
    (tmp_path / "ct").mkdir()
    for k, (one, height) in enumerate(zip(stored, heights, strict=True)):
        write_slice(tmp_path / "ct" / f"{k}.dcm", one, (0.0, 0.0, height))
    ct, source = read_ct_series(tmp_path / "ct")
    assert ct.shape == (10, 8, 8)
    for k, height in enumerate(heights):
        z = int(height / 2.5)
        np.testing.assert_array_equal(ct[z], stored[k] - 1000)
        assert source.grid.voxel_to_mm((z, 0, 0))[2] == pytest.approx(height)


def test_heights_that_were_rounded_are_still_even(tmp_path: Path) -> None:
    stored = stored_volume((9, 8, 8))
    (tmp_path / "ct").mkdir()
    for k, one in enumerate(stored):
        write_slice(tmp_path / "ct" / f"{k}.dcm", one, (0.0, 0.0, round(0.625 * k, 1)))
    ct, source = read_ct_series(tmp_path / "ct")
    np.testing.assert_array_equal(ct, stored - 1000)
    assert source.grid.spacing_mm[0] == pytest.approx(0.625)
    assert source.notes == ()


def test_missing_slices_are_listed(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", stored_volume((9, 8, 8)))
    for k in (5, 6):
        (tmp_path / "ct" / name_of_slice(k)).unlink()
    message = (
        r"slices are 2\.5 to 7\.5 mm apart, expected 2\.5 mm throughout; "
        r"too far apart to bridge from 110 to 117\.5 mm: are slices missing\?"
    )
    with pytest.raises(CaseError, match=message):
        read_ct_series(tmp_path / "ct")


def test_two_slices_at_one_place_are_named(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", stored_volume())
    write_slice(tmp_path / "ct" / "again.dcm", stored_volume()[0], (-10.0, -20.0, 105.0))
    with pytest.raises(CaseError, match=r"several slices are at the same position \(105 mm\)"):
        read_ct_series(tmp_path / "ct")


def test_a_copy_of_a_slice_is_passed_over(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", stored_volume())
    shutil.copy(tmp_path / "ct" / name_of_slice(1), tmp_path / "ct" / "copy")
    ct, source = read_ct_series(tmp_path / "ct")
    np.testing.assert_array_equal(ct, stored_volume() - 1000)
    assert source.notes == ("passed over 1 x copy of a slice",)


@pytest.mark.parametrize("kept", [True, False])
def test_slices_whose_uids_were_blanked_are_no_copies(tmp_path: Path, kept: bool) -> None:
    write_series(tmp_path / "ct", stored_volume())
    uids = []
    for path in (tmp_path / "ct").iterdir():
        one = pydicom.dcmread(path)
        uids.append(str(one.SOPInstanceUID))
        one.SOPInstanceUID = one.SOPClassUID = one.StudyInstanceUID = one.SeriesInstanceUID = ""
        if not kept:
            one.file_meta.MediaStorageSOPInstanceUID = one.file_meta.MediaStorageSOPClassUID = ""
        one.save_as(path)
    ct, source = read_ct_series(tmp_path / "ct")
    np.testing.assert_array_equal(ct, stored_volume() - 1000)
    assert sorted(source.slice_of_uid) == (sorted(uids) if kept else [""])
    if not kept:
        assert source.notes == ()
        return
    (note,) = source.notes
    assert note.startswith(
        "StudyInstanceUID, SeriesInstanceUID of the slices are blank: results have new ones"
    )
    again = read_ct_series(tmp_path / "ct")[1]
    assert again.slices[0].StudyInstanceUID == source.slices[0].StudyInstanceUID != source.series_uid
    assert source.slices[0].FrameOfReferenceUID == FRAME


def test_slices_of_a_tilted_gantry_are_moved_by_whole_pixels(tmp_path: Path) -> None:
    stored = stored_volume((6, 12, 16))
    (tmp_path / "ct").mkdir()
    for k, one in enumerate(stored):
        write_slice(tmp_path / "ct" / f"{k}.dcm", one, (0.0, 0.6 * k, 2.5 * k), InstanceNumber=k)
    ct, source = read_ct_series(tmp_path / "ct")
    assert ct.shape == (6, 16, 16)  # 3 mm to the back are 3.75 rows
    for k, one in enumerate(stored):
        row = round(0.6 * k / 0.8)
        np.testing.assert_array_equal(ct[k, row : row + 12], one - 1000)
        true_ras = (-3 * 0.7, -(5 * 0.8 + 0.6 * k), 2.5 * k)  # of the slice's row 5, column 3
        np.testing.assert_allclose(source.grid.voxel_to_mm((k, row + 5, 3)), true_ras, atol=0.401)
    assert (ct[0, 12:] == -1000).all()
    (note,) = source.notes
    assert "by up to 4 pixels (a gantry tilted by 13.5 degrees)" in note
    # points go by the slices as they lay in the scanner, and back
    uid = source.slices[5].SOPInstanceUID
    points = source.points_of_image(uid, np.array([[3.5, 5.5]]))
    np.testing.assert_allclose(points, [[5, 5 + 4, 3]])
    np.testing.assert_allclose(source.points_from_world(np.array([[-2.1, -7.0, 12.5]])), points, atol=1e-9)
    image, columns_rows = source.image_of_points(tuple(map(tuple, points)))
    assert image.SOPInstanceUID == uid
    np.testing.assert_allclose(columns_rows, [[3.5, 5.5]])


def test_pixels_without_size_are_refused(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", stored_volume(), row_column_mm=(0.8, 0.0))
    with pytest.raises(
        CaseError, match=r"PixelSpacing must be two positive numbers of mm, got \[0\.8, 0\.0\]"
    ):
        read_ct_series(tmp_path / "ct")


def test_slices_of_two_tables_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ct").mkdir()
    for k, one in enumerate(stored_volume()):
        write_slice(tmp_path / "ct" / f"{k}.dcm", one, (40.0 * (k > 2), 0.0, 2.5 * k))
    with pytest.raises(
        CaseError, match="shifted against each other by up to 57 pixels, too far for one scan"
    ):
        read_ct_series(tmp_path / "ct")


def test_of_two_series_the_larger_is_taken_and_told(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", stored_volume())
    other = generate_uid()
    told = {"series": other, "SeriesNumber": 7, "SeriesDescription": "Thorax 1.0"}
    write_series(tmp_path / "ct" / "other", stored_volume((3, 6, 6)), **told)
    ct, source = read_ct_series(tmp_path / "ct")
    assert ct.shape == (5, 12, 16)
    assert source.series_uid == SERIES
    assert source.notes == (
        "took the largest of 2 CT series (series 1, 5 slices); there are: series 1, 5 slices; series 7 'Thorax 1.0', "
        "3 slices",
    )
    for chosen in (other, "7"):
        assert read_ct(tmp_path / "ct", chosen)[0].shape == (3, 6, 6)
    with pytest.raises(CaseError, match="holds no such CT series; choose one by its number, its UID"):
        read_ct_series(tmp_path / "ct", "1.2.3")
    twin = generate_uid()
    write_series(tmp_path / "ct" / "twin", stored_volume((3, 6, 6)), series=twin, SeriesNumber=7)
    listed = (
        r"series 7 'Thorax 1.0', called (7#[0-9a-f]{4}), 3 slices; series 7, called (7#[0-9a-f]{4}), 3 slices"
    )
    with pytest.raises(CaseError, match="holds 2 series of this number; choose one by") as caught:
        read_ct_series(tmp_path / "ct", "7")
    (names,) = re.findall(listed, str(caught.value))
    assert [read_ct_series(tmp_path / "ct", name)[1].series_uid for name in names] == [other, twin]
    assert not any(uid in str(caught.value) for uid in (other, twin))
    write_series(tmp_path / "ct" / "third", stored_volume((3, 6, 6)), series=generate_uid(), SeriesNumber=7)
    assert (
        read_ct_series(tmp_path / "ct", names[0])[1].series_uid == other
    )  # names stay when series are added


def test_of_equally_large_series_none_is_called_the_largest(tmp_path: Path) -> None:
    uids = sorted(generate_uid() for _ in range(2))
    for number, uid in enumerate(uids, start=1):
        write_series(tmp_path / uid, stored_volume(), series=uid, SeriesNumber=number)
    _, source = read_ct_series(tmp_path)
    assert source.series_uid == uids[0]
    assert source.notes == (
        "took one of 2 equally large CT series (series 1, 5 slices), which nothing tells from the others: check that "
        "it is the one that is meant, or choose by its number, its UID, or the name after 'called'; there are: series "
        "1, 5 slices; series 2, 5 slices",
    )


def test_series_without_a_number_can_be_told_apart(tmp_path: Path) -> None:
    uids = [generate_uid() for _ in range(4)]
    for uid, number in zip(uids, ("", "", "1234567", "1234567"), strict=True):
        write_series(tmp_path / uid, stored_volume((3, 6, 6)), series=uid, SeriesNumber=number)
    with pytest.raises(CaseError, match="holds no such CT series") as caught:
        read_ct_series(tmp_path, "3")
    names = re.findall("a series without a number, called (#[0-9a-f]{4})", str(caught.value))
    assert {read_ct_series(tmp_path, name)[1].series_uid for name in names} == set(uids)


def test_of_two_patients_one_must_be_chosen_and_none_is_named(tmp_path: Path) -> None:
    write_series(tmp_path / "a", stored_volume(), PatientID="SECRET-1")
    other = generate_uid()
    write_series(tmp_path / "b", stored_volume((3, 6, 6)), series=other, PatientID="SECRET-2")
    with pytest.raises(CaseError, match="holds CT of 2 patients; say which series is meant") as caught:
        read_ct_series(tmp_path)
    assert "SECRET" not in str(caught.value)
    assert read_ct_series(tmp_path, other)[0].shape == (3, 6, 6)


def test_a_series_of_two_patients_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", stored_volume(), PatientID="SECRET-1")
    write_slice(tmp_path / "ct" / "more", stored_volume()[0], (-10.0, -20.0, 112.5), PatientID="SECRET-2")
    with pytest.raises(CaseError, match="holds slices of more than one patient") as caught:
        read_ct_series(tmp_path / "ct")
    assert "SECRET" not in str(caught.value)


def test_localizers_and_pictures_are_passed_over(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", stored_volume())
    localizer = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    write_slice(tmp_path / "ct" / "scout", stored_volume()[0], (0, 0, 0), ImageType=localizer)
    dose_report = "1.2.840.10008.5.1.4.1.1.7"
    write_slice(tmp_path / "ct" / "dose", stored_volume()[0], (0, 0, 0), SOPClassUID=dose_report)
    assert read_ct_series(tmp_path / "ct")[0].shape == (5, 12, 16)


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless, RLELossless])
def test_compressed_voxels_are_the_same_voxels(tmp_path: Path, syntax: str) -> None:
    stored = stored_volume((3, 32, 32))
    write_series(tmp_path / "ct", stored)
    for path in (tmp_path / "ct").iterdir():
        one = pydicom.dcmread(path)
        one.compress(syntax, generate_instance_uid=False)
        one.save_as(path)
    np.testing.assert_array_equal(read_ct_series(tmp_path / "ct")[0], stored - 1000)


def test_a_file_that_ends_early_is_named(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", stored_volume())
    path = tmp_path / "ct" / name_of_slice(1)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(CaseError, match=f"{name_of_slice(1)}: voxels cannot be decoded"):
        read_ct_series(tmp_path / "ct")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ImagePositionPatient": None}, "ImagePositionPatient is missing or is not 3 numbers"),
        ({"PixelSpacing": None}, "PixelSpacing is missing or is not 2 numbers"),
        ({"PixelData": b"\0\0"}, "voxels cannot be decoded"),
    ],
)
def test_slices_that_do_not_belong_together_are_refused(tmp_path: Path, change, message) -> None:
    write_series(tmp_path / "ct", stored_volume())
    write_slice(tmp_path / "ct" / "99.dcm", stored_volume()[0], (-10.0, -20.0, 112.5), **change)
    with pytest.raises(CaseError, match=message):
        read_ct_series(tmp_path / "ct")


def test_a_folder_without_ct_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="holds no DICOM file of a CT"):
        read_ct_series(tmp_path)
    with pytest.raises(CaseError, match="no such folder"):
        read_ct_series(tmp_path / "none")


def test_without_pydicom_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(MissingExtraError, match=r"lite-ensam\[dicom\]"):
        read_ct_series(tmp_path)


@pytest.mark.parametrize(("row_mm", "belongs"), [(0.80005, True), (0.85, False)])
def test_pixels_of_another_size_are_another_image(tmp_path: Path, row_mm: float, belongs: bool) -> None:
    write_series(tmp_path / "ct", stored_volume())
    whole, source = read_ct_series(tmp_path / "ct")
    spacing = source.grid.spacing_mm[0]
    next_mm = source.grid.affine[2, 3] + spacing * len(whole)
    write_slice(
        tmp_path / "ct" / "99.dcm", stored_volume()[0], (-10.0, -20.0, next_mm), PixelSpacing=[row_mm, 0.7]
    )
    longer, source = read_ct_series(tmp_path / "ct")
    assert len(longer) == len(whole) + belongs
    assert (
        any("another size, spacing, orientation or frame of reference" in note for note in source.notes)
        is not belongs
    )


def test_a_series_is_chosen_by_number_uid_or_what_the_list_says(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", stored_volume())
    for path in (tmp_path / "ct").iterdir():
        slice_ = pydicom.dcmread(path)
        slice_.SeriesNumber = 3
        slice_.save_as(path)
    (listed,) = list_ct_series(tmp_path / "ct")
    for choice in (3, np.int64(3), "3", listed, listed.uid):
        assert read_ct(tmp_path / "ct", series_uid=choice)[1].series_uid == listed.uid
    with pytest.raises(CaseError, match="holds no such CT series"):
        read_ct(tmp_path / "ct", series_uid=4)


@pytest.mark.parametrize("wrong", [1.5, True, "", [3]])
def test_a_series_that_is_none_is_refused_before_a_file_is_read(tmp_path: Path, wrong: object) -> None:
    for read in (read_ct, read_ct_series):
        with pytest.raises(
            ArgumentError, match="series_uid must be a SeriesInstanceUID, a SeriesNumber, or one item"
        ):
            read(tmp_path / "nowhere", series_uid=wrong)  # type: ignore[operator]
    with pytest.raises(CaseError, match=r"acquisition must be a whole number, got 1\.5"):
        read_ct(tmp_path / "nowhere", acquisition=1.5)  # type: ignore[arg-type]


def test_a_listed_series_with_a_blank_uid_can_be_taken(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", stored_volume(), series="", SeriesDescription="NAME OF SOMEBODY")
    (listed,) = list_ct_series(tmp_path / "ct")
    assert listed.uid == ""
    for read in (read_ct, read_ct_series):
        np.testing.assert_array_equal(read(tmp_path / "ct", series_uid=listed)[0], stored_volume() - 1000)
    write_series(tmp_path / "other", stored_volume())
    with pytest.raises(CaseError, match="holds no such CT series"):
        read_ct(tmp_path / "other", series_uid=listed)


def test_what_a_summary_holds_is_never_told(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", stored_volume(), SeriesDescription="NAME OF SOMEBODY")
    (listed,) = list_ct_series(tmp_path / "ct")
    with pytest.raises(ArgumentError, match=r"`list_ct_series` returns, got \(\)") as caught:
        read_ct(tmp_path / "ct", series_uid=replace(listed, uid=()))
    assert "SOMEBODY" not in str(caught.value)
