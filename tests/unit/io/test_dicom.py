"""DICOM: series and contours written here, slice by slice, and read back; what is wrong is named."""

import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matplotlib.path import Path as Polygon
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid

from lite_ensam.errors import CaseError, MissingExtraError
from lite_ensam.geometry import Grid
from lite_ensam.io.dicom import _fill, read_ct_series, read_roi, read_roi_names

AXIAL = (1, 0, 0, 0, 1, 0)
SAGITTAL = (0, 1, 0, 0, 0, -1)
SERIES = generate_uid()


def new_dataset(modality: str, sop_class: str) -> Dataset:
    dataset = Dataset()
    dataset.Modality = modality
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = generate_uid()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def write_slice(
    path: Path,
    stored: np.ndarray,
    position_lps: Sequence[float],
    *,
    orientation: Sequence[float] = AXIAL,
    row_column_mm: Sequence[float] = (0.8, 0.7),
    slope: float = 1.0,
    intercept: float = -1000.0,
    series: str = SERIES,
    **more: object,
) -> None:
    dataset = new_dataset("CT", CTImageStorage)
    dataset.SeriesInstanceUID = series
    dataset.Rows, dataset.Columns = stored.shape
    dataset.PixelSpacing = list(row_column_mm)
    dataset.SliceThickness = 2.5
    dataset.ImageOrientationPatient = list(orientation)
    dataset.ImagePositionPatient = list(position_lps)
    dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.PixelData = stored.astype("<u2").tobytes()
    for name, value in more.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)


def stored_volume(shape: tuple[int, int, int] = (5, 12, 16)) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 3000, shape)


def write_series(folder: Path, stored: np.ndarray, step_mm: float = 2.5, **options) -> None:
    """Axial slices from the feet up, the file names in another order."""
    folder.mkdir(exist_ok=True)
    for k, one in enumerate(stored):
        name = f"{(k * 3) % 7:02d}.dcm"
        write_slice(folder / name, one, (-10.0, -20.0, 100.0 + k * step_mm), **options)


def write_rtstruct(
    path: Path, rois: dict[str, list[np.ndarray]], kind: str = "CLOSED_PLANAR", modality: str = "RTSTRUCT"
) -> None:
    """ROIs by name, each a list of contours, points (n, 3) in LPS mm."""
    dataset = new_dataset(modality, RTStructureSetStorage)
    dataset.StructureSetROISequence, dataset.ROIContourSequence = [], []
    for number, (name, contours) in enumerate(rois.items(), start=1):
        roi, contour_set = Dataset(), Dataset()
        roi.ROINumber, roi.ROIName = number, name
        contour_set.ReferencedROINumber = number
        contour_set.ContourSequence = []
        for points in contours:
            contour = Dataset()
            contour.ContourGeometricType = kind
            contour.NumberOfContourPoints = len(points)
            contour.ContourData = [float(p) for p in np.round(points, 4).ravel()]
            contour_set.ContourSequence.append(contour)
        dataset.StructureSetROISequence.append(roi)
        dataset.ROIContourSequence.append(contour_set)
    dataset.save_as(path, enforce_file_format=True)


def contour(grid: Grid, z: float, corners_yx: Sequence[Sequence[float]]) -> np.ndarray:
    """LPS mm of corners given as voxel indices."""
    ras = grid.voxel_to_mm([(z, y, x) for y, x in corners_yx])
    return ras * (-1, -1, 1)


def box_yx(low: float, high: float) -> list[tuple[float, float]]:
    return [(low, low), (low, high), (high, high), (high, low)]


@pytest.fixture
def grid(tmp_path: Path) -> Grid:
    write_series(tmp_path / "ct", stored_volume())
    return read_ct_series(tmp_path / "ct")[1]


def test_slices_come_sorted_by_position_in_hu(tmp_path: Path) -> None:
    stored = stored_volume()
    write_series(tmp_path / "ct", stored)
    ct, grid = read_ct_series(tmp_path / "ct")
    assert ct.dtype == np.int16
    np.testing.assert_array_equal(ct, stored - 1000)
    assert grid.spacing_mm == pytest.approx((2.5, 0.8, 0.7))


def test_voxels_lie_where_dicom_says(grid: Grid) -> None:
    # DICOM: column 3, row 4 of slice 2 is at (-10 + 3 * 0.7, -20 + 4 * 0.8, 100 + 2 * 2.5) to the left, back, head
    np.testing.assert_allclose(grid.voxel_to_mm((2, 4, 3)), (7.9, 16.8, 105.0))


def test_a_sagittal_series_comes_with_z_along_the_body(tmp_path: Path) -> None:
    stored = stored_volume((6, 20, 10))  # x, from the head down, from front to back
    (tmp_path / "ct").mkdir()
    for k, one in enumerate(stored):
        write_slice(tmp_path / "ct" / f"{k}.dcm", one, (-30.0 + 3 * k, 0.0, 50.0), orientation=SAGITTAL)
    ct, grid = read_ct_series(tmp_path / "ct")
    assert grid.shape_zyx == (20, 10, 6)
    assert grid.spacing_mm == pytest.approx((0.8, 0.7, 3.0))
    # Slices are sorted along their normal, which points to the right here: the last one comes first.
    np.testing.assert_array_equal(grid.to_file(ct), stored[::-1] - 1000)
    np.testing.assert_allclose(grid.voxel_to_mm((0, 0, 0)), (15.0, 0.0, 50.0))
    np.testing.assert_allclose(grid.voxel_to_mm((5, 2, 5)), (30.0, -1.4, 46.0))


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
    ct, grid = read_ct_series(tmp_path / "ct")
    assert ct.shape == (1, 8, 8)
    assert grid.spacing_mm == pytest.approx((2.5, 0.8, 0.7))


def test_a_missing_slice_is_named(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", stored_volume((6, 8, 8)))
    next(path for path in sorted((tmp_path / "ct").iterdir()) if path.name == "06.dcm").unlink()
    with pytest.raises(CaseError, match=r"slices are 2\.5 to 5 mm apart, expected one distance"):
        read_ct_series(tmp_path / "ct")


def test_a_slice_that_is_there_twice_is_named(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", stored_volume())
    write_slice(tmp_path / "ct" / "again.dcm", stored_volume()[0], (-10.0, -20.0, 100.0))
    with pytest.raises(CaseError, match=r"slices are 0 to 2\.5 mm apart"):
        read_ct_series(tmp_path / "ct")


def test_a_tilted_gantry_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ct").mkdir()
    for k, one in enumerate(stored_volume()):
        write_slice(tmp_path / "ct" / f"{k}.dcm", one, (0.0, 0.6 * k, 2.5 * k))
    with pytest.raises(CaseError, match="ct: the affine is sheared"):
        read_ct_series(tmp_path / "ct")


def test_two_series_in_a_folder_are_named(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", stored_volume())
    other = generate_uid()
    write_slice(tmp_path / "ct" / "other.dcm", stored_volume()[0], (0, 0, 0), series=other)
    with pytest.raises(CaseError, match="holds 2 CT series, expected one") as caught:
        read_ct_series(tmp_path / "ct")
    assert SERIES in str(caught.value)
    assert other in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"row_column_mm": (0.8, 0.9)}, "ct: PixelSpacing differs between slices"),
        ({"orientation": (0, 1, 0, 1, 0, 0)}, "ImageOrientationPatient differs"),
        ({"NumberOfFrames": 2}, "is a multi-frame CT, expected one slice a file"),
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


def test_a_contour_becomes_the_voxels_whose_centres_it_holds(tmp_path: Path, grid: Grid) -> None:
    contours = [contour(grid, 1, box_yx(2.6, 7.4)), contour(grid, 2, box_yx(3.5, 4.5))]
    write_rtstruct(tmp_path / "rs.dcm", {"body": [contour(grid, 0, box_yx(0, 9))], "GTV-1": contours})
    expected = np.zeros(grid.shape_zyx, dtype=np.bool_)
    expected[1, 3:8, 3:8] = True
    expected[2, 4, 4] = True
    np.testing.assert_array_equal(read_roi(tmp_path / "rs.dcm", "GTV-1", grid), expected)


def test_a_contour_within_another_is_a_hole(tmp_path: Path, grid: Grid) -> None:
    rings = [contour(grid, 3, box_yx(1.5, 9.5)), contour(grid, 3, box_yx(4.5, 6.5))]
    write_rtstruct(tmp_path / "rs.dcm", {"GTV-1": rings})
    expected = np.zeros(grid.shape_zyx, dtype=np.bool_)
    expected[3, 2:10, 2:10] = True
    expected[3, 5:7, 5:7] = False
    np.testing.assert_array_equal(read_roi(tmp_path / "rs.dcm", "GTV-1", grid), expected)


def test_a_contour_may_reach_out_of_the_slice(tmp_path: Path, grid: Grid) -> None:
    write_rtstruct(tmp_path / "rs.dcm", {"GTV-1": [contour(grid, 0, box_yx(-5, 30))]})
    mask = read_roi(tmp_path / "rs.dcm", "GTV-1", grid)
    assert mask[0].all()
    assert not mask[1:].any()


@given(hnp.arrays(np.int64, st.tuples(st.integers(3, 9), st.just(2)), elements=st.integers(-24, 120)))
def test_fill_matches_reference(eighths_yx: np.ndarray) -> None:
    """Against matplotlib's triangles, for polygons that cross themselves too; no edge meets a voxel centre."""
    corners = eighths_yx / 8 + (np.sqrt(2) / 97, np.sqrt(3) / 89)
    rows, columns = np.mgrid[:12, :14]
    centres = np.column_stack([rows.ravel(), columns.ravel()])
    even_odd = np.zeros(len(centres), dtype=np.bool_)
    for start, stop in pairwise([*corners, corners[0]]):
        even_odd ^= Polygon([(0.371, 0.593), start, stop]).contains_points(centres)
    np.testing.assert_array_equal(_fill(corners, (12, 14)), even_odd.reshape(12, 14))


def test_a_missing_roi_is_answered_with_those_that_are_there(tmp_path: Path, grid: Grid) -> None:
    write_rtstruct(tmp_path / "rs.dcm", {"heart": [], "GTV-1": []})
    assert read_roi_names(tmp_path / "rs.dcm") == ("heart", "GTV-1")
    with pytest.raises(CaseError, match=r"rs\.dcm: has no ROI 'tumour', only 'heart', 'GTV-1'"):
        read_roi(tmp_path / "rs.dcm", "tumour", grid)
    with pytest.raises(CaseError, match="ROI 'GTV-1' has no contours"):
        read_roi(tmp_path / "rs.dcm", "GTV-1", grid)


def test_contours_that_do_not_fit_the_scan_are_refused(tmp_path: Path, grid: Grid) -> None:
    path = tmp_path / "rs.dcm"
    write_rtstruct(path, {"GTV-1": [contour(grid, 1, box_yx(2, 5)), contour(grid, 9, box_yx(2, 5))]})
    with pytest.raises(CaseError, match="contour 2: lies on slice 9, the CT has 5"):
        read_roi(path, "GTV-1", grid)
    write_rtstruct(path, {"GTV-1": [contour(grid, 1, box_yx(2, 5))]}, kind="POINT")
    with pytest.raises(CaseError, match="contour 1: is of type POINT, expected CLOSED_PLANAR"):
        read_roi(path, "GTV-1", grid)
    leaning = contour(grid, 1, box_yx(2, 5))
    leaning[0, 2] += 3
    write_rtstruct(path, {"GTV-1": [leaning]})
    with pytest.raises(CaseError, match=r"runs through slices 1\.0 to 2\.2, expected one"):
        read_roi(path, "GTV-1", grid)


def test_what_is_no_rtstruct_is_refused(tmp_path: Path) -> None:
    write_rtstruct(tmp_path / "plan.dcm", {}, modality="RTPLAN")
    with pytest.raises(CaseError, match=r"plan\.dcm: is of modality RTPLAN, expected RTSTRUCT"):
        read_roi_names(tmp_path / "plan.dcm")
    (tmp_path / "text.dcm").write_text("not DICOM at all")
    with pytest.raises(CaseError, match=r"text\.dcm: is not a DICOM file"):
        read_roi_names(tmp_path / "text.dcm")
    with pytest.raises(CaseError, match=r"none\.dcm: no such file"):
        read_roi_names(tmp_path / "none.dcm")


def test_without_pydicom_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(MissingExtraError, match=r"lite-ensam\[dicom\]"):
        read_ct_series(tmp_path)


@pytest.mark.parametrize("name", ["a" * 300, "a\0b"])
def test_impossible_names_are_refused(tmp_path, name):
    with pytest.raises(CaseError, match=r"aaa|no such folder"):
        read_ct_series(tmp_path / name)
    with pytest.raises(CaseError, match=r"aaa|no name of a file"):
        read_roi_names(tmp_path / name)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "rs.dcm")
    with pytest.raises(CaseError, match=r"rs\.dcm: is not a regular file"):
        read_roi_names(tmp_path / "rs.dcm")
