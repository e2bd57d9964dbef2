"""Contours written here and read back as masks; what is wrong is named."""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matplotlib.path import Path as Polygon

from lite_ensam.core.errors import CaseError
from lite_ensam.core.grid import Grid
from lite_ensam.io.dicom import read_ct_series, read_roi, read_roi_names
from lite_ensam.io.dicom.rtstruct import _fill
from tests.unit.io.dicom.files import box_yx, contour, stored_volume, write_rtstruct, write_series


@pytest.fixture
def source(tmp_path: Path) -> Grid:
    write_series(tmp_path / "ct", stored_volume())
    return read_ct_series(tmp_path / "ct")[1]


def test_a_contour_becomes_the_voxels_whose_centres_it_holds(tmp_path: Path, source: Grid) -> None:
    contours = [contour(source.grid, 1, box_yx(2.6, 7.4)), contour(source.grid, 2, box_yx(3.5, 4.5))]
    write_rtstruct(tmp_path / "rs.dcm", {"body": [contour(source.grid, 0, box_yx(0, 9))], "GTV-1": contours})
    expected = np.zeros(source.grid.shape_zyx, dtype=np.bool_)
    expected[1, 3:8, 3:8] = True
    expected[2, 4, 4] = True
    np.testing.assert_array_equal(read_roi(tmp_path / "rs.dcm", "GTV-1", source), expected)


def test_a_contour_within_another_is_a_hole(tmp_path: Path, source: Grid) -> None:
    rings = [contour(source.grid, 3, box_yx(1.5, 9.5)), contour(source.grid, 3, box_yx(4.5, 6.5))]
    write_rtstruct(tmp_path / "rs.dcm", {"GTV-1": rings})
    expected = np.zeros(source.grid.shape_zyx, dtype=np.bool_)
    expected[3, 2:10, 2:10] = True
    expected[3, 5:7, 5:7] = False
    np.testing.assert_array_equal(read_roi(tmp_path / "rs.dcm", "GTV-1", source), expected)


def test_a_contour_may_reach_out_of_the_slice(tmp_path: Path, source: Grid) -> None:
    write_rtstruct(tmp_path / "rs.dcm", {"GTV-1": [contour(source.grid, 0, box_yx(-5, 30))]})
    mask = read_roi(tmp_path / "rs.dcm", "GTV-1", source)
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


def test_a_missing_roi_is_answered_with_those_that_are_there(tmp_path: Path, source: Grid) -> None:
    write_rtstruct(tmp_path / "rs.dcm", {"heart": [], "GTV-1": []})
    assert read_roi_names(tmp_path / "rs.dcm") == ("heart", "GTV-1")
    with pytest.raises(CaseError, match=r"rs\.dcm: has no ROI 'tumour', only 'heart', 'GTV-1'"):
        read_roi(tmp_path / "rs.dcm", "tumour", source)
    with pytest.raises(CaseError, match="ROI 'GTV-1' has no contours"):
        read_roi(tmp_path / "rs.dcm", "GTV-1", source)


def test_contours_that_do_not_fit_the_scan_are_refused(tmp_path: Path, source: Grid) -> None:
    path = tmp_path / "rs.dcm"
    write_rtstruct(
        path, {"GTV-1": [contour(source.grid, 1, box_yx(2, 5)), contour(source.grid, 9, box_yx(2, 5))]}
    )
    with pytest.raises(CaseError, match="contour 2: lies on slice 9, the CT has 5"):
        read_roi(path, "GTV-1", source)
    write_rtstruct(path, {"GTV-1": [contour(source.grid, 1, box_yx(2, 5))]}, kind="POINT")
    with pytest.raises(CaseError, match="contour 1: is of type 'POINT', expected CLOSED_PLANAR"):
        read_roi(path, "GTV-1", source)
    leaning = contour(source.grid, 1, box_yx(2, 5))
    leaning[0, 2] += 3
    write_rtstruct(path, {"GTV-1": [leaning]})
    with pytest.raises(CaseError, match=r"runs through slices 1\.0 to 2\.2, expected one"):
        read_roi(path, "GTV-1", source)


def test_what_is_no_rtstruct_is_refused(tmp_path: Path) -> None:
    write_rtstruct(tmp_path / "plan.dcm", {}, modality="RTPLAN")
    with pytest.raises(CaseError, match=r"plan\.dcm: is of modality 'RTPLAN', expected RTSTRUCT"):
        read_roi_names(tmp_path / "plan.dcm")
    (tmp_path / "text.dcm").write_text("not DICOM at all")
    with pytest.raises(CaseError, match=r"text\.dcm: is not a DICOM file"):
        read_roi_names(tmp_path / "text.dcm")
    with pytest.raises(CaseError, match=r"none\.dcm: no such file"):
        read_roi_names(tmp_path / "none.dcm")


@pytest.mark.parametrize("name", ["a" * 300, "a\0b"])
def test_impossible_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CaseError, match=r"aaa|no such folder"):
        read_ct_series(tmp_path / name)
    with pytest.raises(CaseError, match=r"aaa|no name of a file"):
        read_roi_names(tmp_path / name)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rs.dcm")
    with pytest.raises(CaseError, match=r"rs\.dcm: is not a regular file"):
        read_roi_names(tmp_path / "rs.dcm")
