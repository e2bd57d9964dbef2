"""Contours written here and read back as masks; what is wrong is named."""

import os
from collections.abc import Callable
from copy import deepcopy
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matplotlib.path import Path as Polygon

from lite_ensam.core.errors import CaseError
from lite_ensam.core.grid import Grid
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.io import read_case, read_label_map, read_marks
from lite_ensam.io.dicom import (
    SeriesSource,
    read_contour_marks,
    read_ct_series,
    read_roi,
    read_roi_names,
    read_rois,
)
from lite_ensam.io.dicom.polygons import fill
from tests.unit.io.dicom.files import FRAME, box_yx, contour, stored_volume, write_rtstruct, write_series


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
    np.testing.assert_array_equal(fill(corners, (12, 14)), even_odd.reshape(12, 14))


def test_a_missing_roi_is_answered_with_those_that_are_there(tmp_path: Path, source: Grid) -> None:
    write_rtstruct(tmp_path / "rs.dcm", {"heart": [], "GTV-1": []})
    assert read_roi_names(tmp_path / "rs.dcm") == ("heart", "GTV-1")
    with pytest.raises(CaseError, match=r"rs\.dcm: has no ROI 'tumour', only 'heart', 'GTV-1'"):
        read_roi(tmp_path / "rs.dcm", "tumour", source)
    with pytest.raises(CaseError, match="ROI 'GTV-1' has no contours"):
        read_roi(tmp_path / "rs.dcm", "GTV-1", source)


def test_contours_that_do_not_fit_the_scan_are_refused(tmp_path: Path, source: Grid) -> None:
    path = tmp_path / "rs.dcm"
    write_rtstruct(path, {"GTV-1": [contour(source.grid, 9, box_yx(2, 5))]})
    with pytest.raises(CaseError, match="ROI 'GTV-1' has no contour to read: lies on slice 9, the CT has 5"):
        read_roi(path, "GTV-1", source)
    write_rtstruct(path, {"GTV-1": [contour(source.grid, 1, box_yx(2, 5))]}, kind="POINT")
    with pytest.raises(CaseError, match=r"'GTV-1' .* is of type 'POINT', expected CLOSED_PLANAR"):
        read_roi(path, "GTV-1", source)
    leaning = contour(source.grid, 1, box_yx(2, 5))
    leaning[0, 2] += 3
    write_rtstruct(path, {"GTV-1": [leaning]})
    with pytest.raises(CaseError, match=r"runs through slices 1\.0 to 2\.2, expected one"):
        read_roi(path, "GTV-1", source)


def voxels(source: SeriesSource, *boxes: tuple[slice, slice, slice]) -> np.ndarray:
    mask = np.zeros(source.grid.shape_zyx, np.bool_)
    for box in boxes:
        mask[box] = True
    return mask


def turned(points: np.ndarray) -> np.ndarray:
    """The same contour from another corner, the other way round."""
    return np.roll(points, 2, axis=0)[::-1]


def circle(grid: Grid, z: float, n_corners: int, radius: float = 5.0) -> np.ndarray:
    angles = np.arange(n_corners) * 2 * np.pi / n_corners
    return contour(grid, z, np.column_stack([5.5 + radius * np.sin(angles), 7.5 + radius * np.cos(angles)]))


class TestContoursOfOnePlane:
    @pytest.mark.parametrize(
        "copy", [np.copy, turned, lambda points: np.vstack([points, points[:1]]), lambda p: p + 0.02]
    )
    def test_a_contour_given_twice_is_one(self, tmp_path: Path, source: SeriesSource, copy: Callable) -> None:
        points = contour(source.grid, 1, box_yx(2.5, 7.5))
        write_rtstruct(tmp_path / "rs.dcm", {"GTV": [points, copy(points)]})
        expected = voxels(source, np.s_[1:2, 3:8, 3:8])
        np.testing.assert_array_equal(read_roi(tmp_path / "rs.dcm", "GTV", source), expected)

    @pytest.mark.parametrize("n_corners", [8, 12, 30])
    def test_so_is_one_given_again_with_fewer_corners(
        self, tmp_path: Path, source: SeriesSource, n_corners: int
    ) -> None:
        fine, coarse = circle(source.grid, 1, 90), circle(source.grid, 1, n_corners)
        for contours in ([fine, coarse], [coarse, fine]):
            write_rtstruct(tmp_path / "rs.dcm", {"GTV": contours, "fine": [fine]})
            masks = [read_roi(tmp_path / "rs.dcm", name, source) for name in ("GTV", "fine")]
            np.testing.assert_array_equal(*masks)

    def test_what_overlaps_is_joined(self, tmp_path: Path, source: SeriesSource) -> None:
        one = contour(source.grid, 1, [(1.5, 1.5), (1.5, 6.5), (6.5, 6.5), (6.5, 1.5)])
        other = contour(source.grid, 1, [(4.5, 4.5), (4.5, 9.5), (9.5, 9.5), (9.5, 4.5)])
        write_rtstruct(tmp_path / "rs.dcm", {"GTV": [one, other]})
        expected = voxels(source, np.s_[1:2, 2:7, 2:7], np.s_[1:2, 5:10, 5:10])
        np.testing.assert_array_equal(read_roi(tmp_path / "rs.dcm", "GTV", source), expected)
        write_rtstruct(tmp_path / "rs.dcm", {"GTV": [one, other]}, kind="CLOSEDPLANAR_XOR")
        expected[1, 5:7, 5:7] = False
        np.testing.assert_array_equal(read_roi(tmp_path / "rs.dcm", "GTV", source), expected)

    def test_islands_in_holes_in_two_overlapping_contours(self, tmp_path: Path, source: SeriesSource) -> None:
        outer = [(0.5, 0.5), (0.5, 12.5), (10.5, 12.5), (10.5, 0.5)]
        more = [(0.5, 1.5), (0.5, 13.5), (10.5, 13.5), (10.5, 1.5)]
        boxes = [outer, more, box_yx(2.5, 9.5), box_yx(4.5, 7.5)]
        write_rtstruct(tmp_path / "rs.dcm", {"GTV": [contour(source.grid, 1, box) for box in boxes]})
        expected = voxels(source, np.s_[1:2, 1:11, 1:14])
        expected[1, 3:10, 3:10] = False
        expected[1, 5:8, 5:8] = True
        np.testing.assert_array_equal(read_roi(tmp_path / "rs.dcm", "GTV", source), expected)

    def test_a_keyhole_is_a_hole(self, tmp_path: Path, source: SeriesSource) -> None:
        outer, inner = box_yx(1.5, 9.5), box_yx(4.5, 6.5)
        keyhole = [*outer, outer[0], inner[0], *inner[:0:-1], inner[0]]
        write_rtstruct(tmp_path / "rs.dcm", {"GTV": [contour(source.grid, 3, keyhole)]})
        expected = voxels(source, np.s_[3:4, 2:10, 2:10])
        expected[3, 5:7, 5:7] = False
        np.testing.assert_array_equal(read_roi(tmp_path / "rs.dcm", "GTV", source), expected)


class TestPlanes:
    @pytest.mark.parametrize("above", [0.5, 0.4999, 0.5001])
    def test_contours_half_way_between_slices_are_never_mixed(
        self, tmp_path: Path, source: SeriesSource, above: float
    ) -> None:
        contours = [
            contour(source.grid, z + above, box_yx(low, 9.5)) for z, low in enumerate((4.5, 2.5, 1.5, 5.5))
        ]
        write_rtstruct(tmp_path / "rs.dcm", {"GTV": contours})
        expected = voxels(
            source, np.s_[1, 5:10, 5:10], np.s_[2, 3:10, 3:10], np.s_[3, 2:10, 2:10], np.s_[4, 6:10, 6:10]
        )
        (roi,), notes = read_rois(tmp_path / "rs.dcm", source)
        np.testing.assert_array_equal(roi.mask(), expected)
        assert notes == (
            "contours of ROI 'GTV' lie between slices: each slice has those of the nearest plane",
        )

    def test_planes_closer_than_slices_give_each_slice_the_nearest(
        self, tmp_path: Path, source: SeriesSource
    ) -> None:
        contours = [contour(source.grid, z / 4, box_yx(1.5, 3.5 + z / 4)) for z in range(17)]
        write_rtstruct(tmp_path / "rs.dcm", {"GTV": contours})
        expected = voxels(source, *(np.s_[z, 2 : 4 + z, 2 : 4 + z] for z in range(5)))
        np.testing.assert_array_equal(read_roi(tmp_path / "rs.dcm", "GTV", source), expected)

    def test_planes_on_every_second_slice_count_for_those_between(
        self, tmp_path: Path, source: SeriesSource
    ) -> None:
        contours = [contour(source.grid, z, box_yx(1.5, 5.5)) for z in (0, 2, 4)]
        write_rtstruct(tmp_path / "rs.dcm", {"GTV": contours})
        (roi,), notes = read_rois(tmp_path / "rs.dcm", source)
        np.testing.assert_array_equal(roi.mask(), voxels(source, np.s_[:, 2:6, 2:6]))
        assert notes == ("contours of ROI 'GTV' are 2 slices apart: slices between have the nearest",)

    @pytest.mark.parametrize(
        ("drawn", "filled", "notes"),
        [
            ((2, 4), (2, 3, 4, 5), ("are 2 slices apart: slices between have the nearest",)),
            (
                (2, 7),
                (2, 7),
                ("has no contour on slices 3 to 6 between its others: nothing is filled there",),
            ),
            (
                (1, 2, 3, 5, 7),
                (1, 2, 3, 5, 7),
                ("has no contour on slices 4, 6 between its others: nothing",),
            ),
            (
                (1, 3, 7, 9),
                (1, 2, 3, 4, 7, 8, 9, 10),
                ("are 2 slices apart", "has no contour on slices 5 to 6"),
            ),
            ((3, 4, 5), (3, 4, 5), ()),
            ((3,), (3,), ()),
        ],
    )
    def test_slices_between_planes_are_filled_or_named(
        self, tmp_path: Path, drawn: tuple[int, ...], filled: tuple[int, ...], notes: tuple[str, ...]
    ) -> None:
        write_series(tmp_path / "ct", stored_volume((11, 8, 8)))
        _, source = read_ct_series(tmp_path / "ct")
        contours = [contour(source.grid, z, box_yx(1.5, 5.5)) for z in drawn]
        write_rtstruct(tmp_path / "rs.dcm", {"GTV": contours})
        (roi,), said = read_rois(tmp_path / "rs.dcm", source)
        np.testing.assert_array_equal(roi.mask(), voxels(source, *(np.s_[z, 2:6, 2:6] for z in filled)))
        assert len(said) == len(notes)
        assert all("ROI 'GTV' " + note in one for note, one in zip(notes, said, strict=True))

    @pytest.mark.parametrize(
        ("step_mm", "drawn", "left", "n_slices"),
        [
            (1.0, (2, 10), 8.5, 1),  # two lesions of one ROI
            (1.0, (2, 10), 1.5, 1),  # more than every third slice
            (1.0, (2, 6), 1.5, 1),
            (1.0, (2, 5), 1.5, 3),
            (1.0, (2, 4), 1.5, 2),
            (1.0, (2, 4), 8.5, 1),
            (5.0, (2, 4), 1.5, 2),
            (5.0, (2, 5), 1.5, 1),  # more than 10 mm
        ],
    )
    def test_two_planes_are_bridged_only_if_they_are_one_lesion_on_every_few_slices(
        self, tmp_path: Path, step_mm: float, drawn: tuple[int, int], left: float, n_slices: int
    ) -> None:
        write_series(tmp_path / "ct", stored_volume((11, 16, 16)), step_mm)
        _, source = read_ct_series(tmp_path / "ct")
        other = [(y, x + left - 1.5) for y, x in box_yx(1.5, 5.5)]
        contours = [
            contour(source.grid, z, line) for z, line in zip(drawn, (box_yx(1.5, 5.5), other), strict=True)
        ]
        write_rtstruct(tmp_path / "rs.dcm", {"GTV": contours})
        (roi,), notes = read_rois(tmp_path / "rs.dcm", source)
        assert roi.mask().sum() == 16 * 2 * n_slices
        gap = drawn[1] - drawn[0]
        assert len(notes) == 1
        assert (f"are {gap} slices apart" if n_slices > 1 else "nothing is filled there") in notes[0]

    @pytest.mark.parametrize("off", [0.08, 0.16, 0.4])
    def test_contours_beside_each_other_near_one_slice_are_both_on_it(
        self, tmp_path: Path, source: SeriesSource, off: float
    ) -> None:
        left, right = (
            [(1.5, 1.5), (1.5, 5.5), (5.5, 5.5), (5.5, 1.5)],
            [(1.5, 8.5), (1.5, 12.5), (5.5, 12.5), (5.5, 8.5)],
        )
        contours = [contour(source.grid, 2 - off, left), contour(source.grid, 2 + off, right)]
        write_rtstruct(tmp_path / "rs.dcm", {"GTV": contours})
        expected = voxels(source, np.s_[2, 2:6, 2:6], np.s_[2, 2:6, 9:13])
        np.testing.assert_array_equal(read_roi(tmp_path / "rs.dcm", "GTV", source), expected)

    @pytest.mark.parametrize("is_first", [False, True])
    def test_points_on_a_line_cost_no_other_contour(
        self, tmp_path: Path, source: SeriesSource, is_first: bool
    ) -> None:
        line = contour(source.grid, 2, [(3, 4), (3, 5), (3, 6)])
        line[1, 2] += 0.001
        contours = [contour(source.grid, z, box_yx(1.5, 5.5)) for z in (1, 2, 3)]
        write_rtstruct(tmp_path / "rs.dcm", {"GTV": [line, *contours] if is_first else [*contours, line]})
        (roi,), notes = read_rois(tmp_path / "rs.dcm", source)
        np.testing.assert_array_equal(roi.mask(), voxels(source, np.s_[1:4, 2:6, 2:6]))
        assert notes == ()

    def test_planes_that_no_slice_has_are_counted(self, tmp_path: Path, source: SeriesSource) -> None:
        contours = [contour(source.grid, 2 + off, box_yx(1.5, 5.5 + off)) for off in (-0.3, 0.0, 0.3)]
        write_rtstruct(tmp_path / "rs.dcm", {"GTV": contours})
        (roi,), notes = read_rois(tmp_path / "rs.dcm", source)
        np.testing.assert_array_equal(roi.mask(), voxels(source, np.s_[2, 2:6, 2:6]))
        assert notes[1].startswith("2 of 3 planes of contours of ROI 'GTV' are not used")

    @pytest.mark.parametrize("order", ["zyx", "xyz", "yxz"])
    def test_a_ct_may_be_stored_otherwise(self, tmp_path: Path, source: SeriesSource, order: str) -> None:
        write_rtstruct(tmp_path / "rs.dcm", {"GTV": [contour(source.grid, 1, box_yx(2.5, 7.5))]})
        axes = ["xyz".index(name) for name in order]
        affine, shape = source.file_affine.copy(), source.file_shape
        affine[:3, 3] += affine[:3, 0] * (shape[0] - 1)
        affine[:3, 0] *= -1
        affine[:3, :3] = affine[:3, axes]
        nifti = ScanSource.from_file_affine([shape[axis] for axis in axes], affine)
        expected = voxels(source, np.s_[1:2, 3:8, 3:8])[:, :, ::-1]
        np.testing.assert_array_equal(read_roi(tmp_path / "rs.dcm", "GTV", nifti), expected)


def edited(path: Path, edit: Callable[[Any], None]) -> Path:
    dataset = pydicom.dcmread(path)
    edit(dataset)
    dataset.save_as(path)
    return path


class TestSeveralRois:
    @pytest.fixture
    def path(self, tmp_path: Path, source: SeriesSource) -> Path:
        rois = {
            name: [contour(source.grid, z, box_yx(1.5, 4.5 + z))] for z, name in enumerate(("GTV", "b", "c"))
        }
        write_rtstruct(tmp_path / "rs.dcm", rois)
        return tmp_path / "rs.dcm"

    def test_two_of_one_name_are_both_read(self, path: Path, source: SeriesSource) -> None:
        def rename(dataset: Any) -> None:
            dataset.StructureSetROISequence[2].ROIName = "GTV"

        rois, notes = read_rois(edited(path, rename), source)
        assert [(roi.number, roi.name, int(roi.mask().sum())) for roi in rois] == [
            (1, "GTV", 9), (2, "b", 16), (3, "GTV (2)", 25),
        ]  # fmt: skip
        assert notes == ("several ROIs are called 'GTV': number 3 is read as 'GTV (2)'",)
        assert [roi.number for roi in read_rois(path, source, ["GTV (2)"])[0]] == [3]
        assert [roi.number for roi in read_rois(path, source, ["3", "b"])[0]] == [2, 3]

    def test_one_without_a_name_is_a_lesion_without_a_name(self, path: Path, source: SeriesSource) -> None:
        def blank(dataset: Any) -> None:
            dataset.StructureSetROISequence[1].ROIName = ""

        assert read_roi_names(edited(path, blank)) == ("GTV", "ROI 2", "c")
        assert read_label_map(edited(path, blank), source).names == {1: "GTV", 3: "c"}
        assert [mark.name for mark in read_contour_marks(path, source)] == ["GTV", "", "c"]

    def test_contours_are_found_by_number_in_any_order(self, path: Path, source: SeriesSource) -> None:
        def shuffle(dataset: Any) -> None:
            dataset.ROIContourSequence = dataset.ROIContourSequence[::-1]
            for roi, contours in zip(
                dataset.StructureSetROISequence, dataset.ROIContourSequence[::-1], strict=True
            ):
                roi.ROINumber = contours.ReferencedROINumber = roi.ROINumber * 10

        found = read_label_map(edited(path, shuffle), source)
        assert found.names == {10: "GTV", 20: "b", 30: "c"}
        assert np.bincount(found.labels.ravel())[[10, 20, 30]].tolist() == [9, 16, 25]

    def test_a_number_that_is_no_label_becomes_one(self, path: Path, source: SeriesSource) -> None:
        def renumber(dataset: Any) -> None:
            dataset.StructureSetROISequence[0].ROINumber = dataset.ROIContourSequence[
                0
            ].ReferencedROINumber = 0

        assert read_label_map(edited(path, renumber), source).names == {1: "GTV", 2: "b", 3: "c"}
        marks = read_contour_marks(path, source)
        assert [(mark.label, mark.name) for mark in marks] == [(1, "GTV"), (2, "b"), (3, "c")]

    def test_what_cannot_be_read_costs_that_roi_only(self, path: Path, source: SeriesSource) -> None:
        def spoil(dataset: Any) -> None:
            dataset.ROIContourSequence[0].ContourSequence[0].ContourGeometricType = "POINT"
            dataset.ROIContourSequence[1].ContourSequence = []

        found = read_label_map(edited(path, spoil), source)
        assert found.names == {3: "c"}
        assert found.notes == (
            "passed over: ROI 'GTV' has no contour to read: is of type 'POINT', expected CLOSED_PLANAR",
            "passed over: ROI 'b' has no contours",
        )
        with pytest.raises(CaseError, match=r"rs\.dcm: ROI 'b' has no contours"):
            read_label_map(path, source, ["b"])

    def test_a_contour_beyond_the_ct_costs_that_contour_only(self, path: Path, source: SeriesSource) -> None:
        def add(dataset: Any) -> None:
            beyond = deepcopy(dataset.ROIContourSequence[0].ContourSequence[0])
            beyond.ContourData = [float(n) for n in contour(source.grid, 12, box_yx(1, 5)).ravel()]
            dataset.ROIContourSequence[0].ContourSequence.append(beyond)

        found = read_label_map(edited(path, add), source)
        assert np.bincount(found.labels.ravel())[1:].tolist() == [9, 16, 25]
        assert found.notes == ("passed over 1 of 2 contours of ROI 'GTV': lies on slice 12, the CT has 5",)

    def test_another_frame_of_reference_is_refused_with_both(self, path: Path, source: SeriesSource) -> None:
        def move(dataset: Any) -> None:
            for roi in dataset.StructureSetROISequence:
                roi.ReferencedFrameOfReferenceUID = "1.2.3"

        with pytest.raises(CaseError, match="ROI 'GTV' lies in another frame of reference than the CT"):
            read_rois(edited(path, move), source)

        def move_all_but_one(dataset: Any) -> None:
            dataset.StructureSetROISequence[1].ReferencedFrameOfReferenceUID = FRAME

        rois, notes = read_rois(edited(path, move_all_but_one), source)
        assert [roi.name for roi in rois] == ["b"]
        assert len(notes) == 2

    def test_the_frame_may_be_said_once_for_the_file(self, path: Path, source: SeriesSource) -> None:
        def move(dataset: Any) -> None:
            dataset.FrameOfReferenceUID = "1.2.3"

        with pytest.raises(CaseError, match="lies in another frame of reference"):
            read_rois(edited(path, move), source)

    def test_rois_that_overlap_are_no_label_map_but_lines(self, path: Path, source: SeriesSource) -> None:
        rois = {
            name: [contour(source.grid, 1, box_yx(low, 9.5))] for name, low in (("GTV", 3.5), ("BODY", 0.5))
        }
        write_rtstruct(path, rois)
        with pytest.raises(CaseError, match=r"ROIs 'GTV' and 'BODY' overlap, .* choose ROIs by `only`"):
            read_label_map(path, source)
        assert read_label_map(path, source, ["GTV"]).labels.max() == 1
        assert [mark.name for mark in read_marks(path, source)] == ["GTV", "BODY"]

    def test_a_roi_too_small_for_a_line_is_named(
        self, tmp_path: Path, path: Path, source: SeriesSource
    ) -> None:
        write_rtstruct(path, {"dot": [contour(source.grid, 1, box_yx(3.2, 3.8))],
                              "GTV": [contour(source.grid, 1, box_yx(0.5, 3.5))]})  # fmt: skip
        marks = read_contour_marks(path, source)
        assert [mark.name for mark in marks] == ["GTV"]
        assert "ROI 'dot'" in marks.notes[0]
        # and so they come with the case, whoever reads it
        case = read_case(tmp_path / "ct", path)
        assert marks.notes[0] in case.source.notes


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
    with pytest.raises(CaseError, match=r"aaa|not a valid file name"):
        read_roi_names(tmp_path / name)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rs.dcm")
    with pytest.raises(CaseError, match=r"rs\.dcm: is not a regular file"):
        read_roi_names(tmp_path / "rs.dcm")
