import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_ensam.core.errors import LiteEnsamError, MarkError
from lite_ensam.core.grid import Grid
from lite_ensam.core.partial_volume import SubVolume
from lite_ensam.core.recist import (
    RecistMark,
    check_marks,
    mark_from_mask,
    marks_from_labels,
    marks_from_marker,
    sphere_mask,
    voxel_of,
)
from tests.phantoms import Ellipsoid


class TestRecistMark:
    def test_ends_are_kept_in_ascending_order(self):
        mark = RecistMark(1, ((4, 10, 12), (4, 10, 2)))
        assert mark.endpoints_zyx == ((4, 10, 2), (4, 10, 12))
        assert mark == RecistMark(1, [[4, 10, 2], [4, 10, 12]])

    def test_length_radius_and_middle(self):
        mark = RecistMark(1, ((4, 10, 10), (4, 13, 14)), name="node")
        assert mark.length_mm((5, 2, 2)) == 10
        assert mark.radius_mm((5, 2, 2)) == 5
        assert mark.midpoint_zyx == (4, 11.5, 12)
        assert mark.slice_index == 4

    def test_a_range_of_slices_has_two_ends(self):
        line = ((4, 10, 10), (4, 13, 14))
        assert RecistMark(1, line, first_slice=0, last_slice=6).both_slices == (0, 6)
        assert RecistMark(1, line, first_slice=0).both_slices is None
        assert RecistMark(1, line, last_slice=6).both_slices is None

    def test_outer_ends_lie_half_a_voxel_further_along_the_line(self):
        mark = RecistMark(1, ((4, 10, 10), (4, 13, 14)))
        start, stop = mark.outer_endpoints_zyx()
        assert start == pytest.approx((4, 9.7, 9.6))
        assert stop == pytest.approx((4, 13.3, 14.4))
        assert mark.outer_endpoints_zyx(0.0) == mark.endpoints_zyx

    def test_a_short_axis_may_be_drawn_on_the_same_slice(self):
        mark = RecistMark(1, ((4, 10, 10), (4, 13, 14)), short_axis_zyx=((4, 12, 12), (4, 9, 12)))
        assert mark.short_axis_zyx == ((4, 9, 12), (4, 12, 12))
        assert mark.short_axis_mm((5, 2, 2)) == 6
        assert RecistMark(1, ((4, 10, 10), (4, 13, 14))).short_axis_mm((5, 2, 2)) is None
        check_marks((mark,), (5, 20, 20))
        with pytest.raises(MarkError, match="outside the volume"):
            check_marks(
                (RecistMark(1, ((4, 1, 1), (4, 3, 1)), "", "", ((4, 2, 0), (4, 2, 99))),), (5, 20, 20)
            )

    @pytest.mark.parametrize(
        ("ends", "words"),
        [
            (((5, 9, 12), (5, 12, 12)), "mark 3: its short axis lies on slice z = 5, the line on z = 4"),
            (((4, 9, 12), (4, 9, 12)), "mark 3: short axis: both endpoints are"),
            ("short", "mark 3: short axis: endpoints must be two points"),
        ],
    )
    def test_what_is_no_short_axis_is_refused(self, ends, words):
        with pytest.raises(MarkError, match=words):
            RecistMark(3, ((4, 10, 10), (4, 13, 14)), short_axis_zyx=ends)

    def test_ends_within_half_a_slice_are_moved_onto_it(self):
        mark = RecistMark(1, ((3.6, 1, 1), (4.4, 9, 1)))
        assert mark.endpoints_zyx == ((4, 1, 1), (4, 9, 1))

    def test_ends_a_hair_before_the_first_slice_lie_on_it(self):
        assert RecistMark(1, ((-0.4, 1, 1), (0.2, 9, 1))).slice_index == 0

    @pytest.mark.parametrize(("z0", "z1"), [(3, 4), (3.4, 4.0), (2.9, 5.1), (3, 40)])
    def test_ends_on_different_slices_are_refused_with_their_slices(self, z0, z1):
        with pytest.raises(MarkError, match=f"mark 7: its endpoints lie on slices z = {z0:g} and z = {z1:g}"):
            RecistMark(7, ((z0, 1, 1), (z1, 9, 1)))

    @pytest.mark.parametrize(
        "ends", [((4, 1, 1), (4, 1, 1)), ((3.8, 1, 1), (4.2, 1, 1)), ((4, 1, 1), (4, 1, 1 + 1e-9))]
    )
    def test_a_line_without_length_is_refused(self, ends):
        with pytest.raises(MarkError, match="length zero"):
            RecistMark(1, ends)

    def test_the_shortest_line_may_be_much_shorter_than_a_voxel(self):
        assert RecistMark(1, ((4, 1, 1), (4, 1, 1.01))).length_mm((5, 1, 1)) == pytest.approx(0.01)

    @pytest.mark.parametrize("label", [0, -1, 65536, 1.5, "1", None, True])
    def test_labels_are_whole_numbers_from_1_to_65535(self, label):
        with pytest.raises(MarkError, match="1 to 65535"):
            RecistMark(label, ((4, 1, 1), (4, 1, 9)))

    def test_labels_may_be_numpy_integers(self):
        mark = RecistMark(np.uint16(65535), ((4, 1, 1), (4, 1, 9)))
        assert type(mark.label) is int

    @pytest.mark.parametrize(
        "ends",
        [
            ((4, 1, 1), (4, 1, math.nan)),
            ((4, 1, math.inf), (4, 1, 1)),
            ((4, 1), (4, 2)),
            (4, 1, 1),
            "ab",
            None,
            (("4", "1", "1"), ("4", "1", "9")),
            ((4, 1, 10**400), (4, 1, 1)),
            {1, 2},
        ],
    )
    def test_ends_are_two_finite_points(self, ends):
        with pytest.raises(MarkError, match="mark 1: endpoints must be two points of three finite numbers"):
            RecistMark(1, ends)

    def test_a_name_is_a_printable_text(self):
        assert RecistMark(1, ((4, 1, 1), (4, 1, 9)), "a\nb\udc80").name == r"a\nb\udc80"
        with pytest.raises(MarkError, match="name must be a text, got 5"):
            RecistMark(1, ((4, 1, 1), (4, 1, 9)), 5)

    def test_what_came_is_cut_short(self):
        with pytest.raises(MarkError, match=r"\.\.\.$") as caught:
            RecistMark(1, list(range(100_000)))
        assert len(str(caught.value)) < 200
        with pytest.raises(MarkError, match="a int too large to print"):
            RecistMark(10**5000, ((4, 1, 1), (4, 1, 9)))

    def test_its_errors_are_value_errors(self):
        assert issubclass(MarkError, LiteEnsamError)
        assert issubclass(MarkError, ValueError)


class TestCheckMarks:
    line = ((4, 1, 1), (4, 1, 9))

    def test_two_hundred_marks_pass(self):
        check_marks([RecistMark(n, ((4, 1, 1), (4, 2, n / 25))) for n in range(1, 201)], (5, 10, 10))

    def test_one_line_under_two_labels_is_refused_with_both(self):
        (z, y0, x0), (_, y1, x1) = self.line
        nearly = ((z, y1 + 1e-8, x1), (z, y0 + 2e-8, x0))
        with pytest.raises(MarkError, match="marks 2 and 9 are the same line"):
            check_marks([RecistMark(2, self.line), RecistMark(9, nearly)], (5, 10, 10))
        check_marks([RecistMark(2, self.line), RecistMark(9, ((4, 1, 1), (4, 1, 8.99)))], (5, 10, 10))

    @pytest.mark.parametrize("n", [1, 2, 5, 6])
    def test_the_outer_faces_of_the_first_and_last_slice_are_inside(self, n):
        for z, index in ((-0.5, 0), (n - 0.5, n - 1), (n - 0.5 + 1e-9, n - 1), (-0.5 - 1e-9, 0)):
            mark = RecistMark(1, ((z, 1, 1), (z, 1, 9)))
            assert mark.slice_index == index
            check_marks([mark], (n, 10, 10))
        for z in (-0.51, n - 0.49):
            with pytest.raises(MarkError, match="outside"):
                check_marks([RecistMark(1, ((z, 1, 1), (z, 1, 9)))], (n, 10, 10))

    @pytest.mark.parametrize("z", [1e308, -1e308, 1.7e308])
    def test_slices_beyond_all_numbers_are_outside(self, z):
        with pytest.raises(MarkError, match="outside"):
            check_marks([RecistMark(1, ((z, 1, 1), (z, 1, 9)))], (5, 10, 10))

    def test_a_point_on_a_face_lies_in_one_voxel_however_the_scan_is_stored(self):
        mark = RecistMark(1, ((2, 3, 3), (2, 3, 8)), inside_zyx=((2, 3.5, 4),), outside_zyx=((2, 6, 7.5),))
        shape = (5, 10, 12)
        as_stored = mark.flipped((False, False, False), shape)
        assert as_stored.inside_zyx == ((2, 3, 4),)
        assert as_stored.outside_zyx == ((2, 6, 7),)
        turned = (False, True, True)
        assert mark.flipped(turned, shape).flipped(turned, shape) == as_stored

    def test_the_volumes_outermost_faces_are_inside(self):
        check_marks([RecistMark(1, ((0, -0.5, -0.5), (0, 9.5, 9.5)))], (1, 10, 10))

    def test_none_is_refused(self):
        with pytest.raises(MarkError, match="no mark"):
            check_marks([], (5, 10, 10))

    def test_a_repeated_label_is_refused_and_named(self):
        with pytest.raises(MarkError, match="label 3 comes 2 times"):
            check_marks([RecistMark(3, self.line), RecistMark(3, self.line)], (5, 10, 10))

    @pytest.mark.parametrize(
        "ends",
        [
            ((5, 1, 1), (5, 1, 9)),
            ((-1, 1, 1), (-1, 1, 9)),
            ((4, 1, 1), (4, 1, 9.6)),
            ((4, -0.6, 1), (4, 1, 1)),
            ((4, -100, 1), (4, 100, 1)),  # longer than the volume
        ],
    )
    def test_outside_is_refused_with_the_point_and_the_shape(self, ends):
        with pytest.raises(
            MarkError, match=r"mark 2: endpoint \(.*\) \(z, y, x\) lies outside .* \(5, 10, 10\)"
        ):
            check_marks([RecistMark(1, self.line), RecistMark(2, ends)], (5, 10, 10))


class TestSphereMask:
    @given(
        st.tuples(st.integers(1, 9), st.integers(2, 12), st.integers(2, 12)),
        st.tuples(*[st.floats(0.3, 5)] * 3),
        st.data(),
    )
    def test_matches_reference(self, shape, spacing_mm, data):
        z = data.draw(st.integers(0, shape[0] - 1))
        start, stop = (
            (z, data.draw(st.floats(-0.5, shape[1] - 0.5)), data.draw(st.floats(-0.5, shape[2] - 0.5)))
            for _ in "ab"
        )
        if math.dist(start, stop) < 1e-3:
            return
        mark = RecistMark(1, (start, stop))
        offset_mm = (np.indices(shape).T - mark.midpoint_zyx).T * np.reshape(spacing_mm, (3, 1, 1, 1))
        distance_mm = np.linalg.norm(offset_mm, axis=0)
        radius_mm = mark.radius_mm(spacing_mm)
        mask = sphere_mask(mark, shape, spacing_mm)
        assert mask[distance_mm < radius_mm * (1 - 1e-6)].all()
        outside = distance_mm > radius_mm * (1 + 1e-6)
        nearest = tuple(np.clip(np.rint(mark.midpoint_zyx), 0, np.array(shape) - 1).astype(int))
        outside[nearest] = False
        assert not mask[outside].any()
        assert mask[nearest]

    def test_the_lines_own_ends_are_inside(self):
        mark = RecistMark(1, ((2, 3, 3), (2, 14, 29)))
        mask = sphere_mask(mark, (5, 32, 32), (3.0, 0.7, 0.7))
        assert mask[2, 3, 3]
        assert mask[2, 14, 29]

    def test_volume_is_that_of_a_sphere(self):
        mark = RecistMark(1, ((20, 5, 20), (20, 35, 20)))
        volume = np.count_nonzero(sphere_mask(mark, (41, 41, 41), (1, 1, 1)))
        assert volume == pytest.approx(4 / 3 * math.pi * 15**3, rel=0.01)


class TestMarksFromMarker:
    def test_each_label_gives_its_farthest_pair(self):
        marker = np.zeros((6, 20, 20), dtype=np.uint8)
        marker[2, 5, 3:15] = 4
        marker[4, [2, 3, 4], [8, 7, 6]] = 1
        marks = marks_from_marker(marker, (5, 1, 1))
        assert marks == (
            RecistMark(1, ((4, 2, 8), (4, 4, 6))),
            RecistMark(4, ((2, 5, 3), (2, 5, 14))),
        )

    def test_raster_order_is_not_the_length(self):
        marker = np.zeros((1, 20, 20), dtype=np.uint8)
        marker[0, 5, 2:18] = 1  # a long flat line whose first and last voxels in raster order are near
        marker[0, 4, 10] = marker[0, 6, 10] = 1
        (mark,) = marks_from_marker(marker, (1, 1, 1))
        assert mark.endpoints_zyx == ((0, 5, 2), (0, 5, 17))

    @pytest.mark.parametrize(
        "dtype", [bool, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64]
    )
    def test_any_integer_dtype_will_do(self, dtype):
        marker = np.zeros((2, 4, 4), dtype=dtype)
        marker[1, 1, 1:] = 1
        (mark,) = marks_from_marker(marker, (1, 1, 1))
        assert mark.endpoints_zyx == ((1, 1, 1), (1, 1, 3))

    def test_an_empty_marker_has_no_marks(self):
        assert marks_from_marker(np.zeros((2, 4, 4), dtype=np.uint8), (1, 1, 1)) == ()

    def test_two_hundred_marks(self):
        marker = np.zeros((200, 8, 8), dtype=np.uint8)
        marker[np.arange(200), 3, 1:7] = np.arange(1, 201)[:, None]
        assert [mark.slice_index for mark in marks_from_marker(marker, (1, 1, 1))] == list(range(200))

    def test_a_label_on_several_slices_is_refused_with_label_and_slices(self):
        marker = np.zeros((6, 9, 9), dtype=np.uint8)
        marker[2:4, 5, 3:6] = 8
        with pytest.raises(MarkError, match=r"marker volume: .*8.*2.*3"):
            marks_from_marker(marker, (1, 1, 1))

    def test_a_label_of_one_voxel_is_refused(self):
        marker = np.zeros((6, 9, 9), dtype=np.uint8)
        marker[2, 5, 3] = 8
        with pytest.raises(MarkError, match=r"marker volume: .*8"):
            marks_from_marker(marker, (1, 1, 1))

    @pytest.mark.parametrize("other", [np.s_[12, 2:8], np.s_[2:6, 20], np.s_[5, 16:24]])
    def test_two_lines_of_one_label_are_refused_unless_they_cross(self, other):
        marker = np.zeros((6, 30, 30), dtype=np.uint8)
        marker[2, 5, 3:12] = 8
        marker[2][other] = 8
        with pytest.raises(MarkError, match="label 8 has two lines on slice z = 2 that do not cross"):
            marks_from_marker(marker, (1, 1, 1))
        marker[2, 2:14, 7] = 9  # long and short axis of one lesion
        marker[2, 8, 5:10] = 9
        marker[2][other] = 0
        assert [mark.label for mark in marks_from_marker(marker, (1, 1, 1))] == [8, 9]

    @pytest.mark.parametrize("drawn", [np.s_[::9], np.s_[::2]])
    def test_ends_alone_and_lines_with_gaps_of_a_voxel_will_do(self, drawn):
        marker = np.zeros((1, 20, 20), dtype=np.uint8)
        marker[0, 5, 3:13][drawn] = 1
        (mark,) = marks_from_marker(marker, (1, 1, 1))
        assert mark.endpoints_zyx[0] == (0, 5, 3)

    @pytest.mark.parametrize("value", [-1, 70000])
    @pytest.mark.parametrize("dtype", [np.int32, np.int64])
    def test_labels_out_of_range_are_refused(self, dtype, value):
        marker = np.zeros((1, 4, 4), dtype=dtype)
        marker[0, 1, 1:] = value
        with pytest.raises(MarkError, match="label"):
            marks_from_marker(marker, (1, 1, 1))

    def test_fractions_are_refused(self):
        with pytest.raises(MarkError, match="whole numbers"):
            marks_from_marker(np.zeros((1, 4, 4)), (1, 1, 1))


class TestMarkFromMask:
    def test_an_ellipsoid_gives_its_longest_diameter(self):
        tumor = Ellipsoid(1, (5, 20, 20), (9.0, 6.0, 12.0))
        mark = mark_from_mask(tumor.mask((11, 41, 41), (2, 1, 1)), (2, 1, 1), 3)
        assert mark == RecistMark(3, ((5, 20, 8), (5, 20, 32)))
        assert mark.length_mm((2, 1, 1)) == tumor.longest_diameter_mm

    def test_the_slice_of_largest_area_counts_not_the_longest_line(self):
        mask = np.zeros((3, 20, 20), dtype=bool)
        mask[0, 10, :] = True
        mask[2, 5:10, 5:10] = True
        assert mark_from_mask(mask, (1, 1, 1), 1).slice_index == 2

    @pytest.mark.parametrize("shape", [(3, 5, 5), (0, 5, 5), (3, 5, 0)])
    def test_a_mask_without_voxels_is_refused(self, shape):
        with pytest.raises(MarkError, match="mark 6: the mask has no voxel to draw a line on"):
            mark_from_mask(np.zeros(shape, dtype=bool), (1, 1, 1), 6)

    @pytest.mark.parametrize("slices", [1, 3])
    def test_a_single_voxel_has_a_line_from_face_to_face(self, slices):
        mask = np.zeros((3, 5, 5), dtype=bool)
        mask[:slices, 4, 4] = True
        mark = mark_from_mask(mask, (5.0, 1.0, 0.8), 6)
        assert mark.endpoints_zyx == ((0, 4, 3.5), (0, 4, 4.5))
        check_marks([mark], mask.shape)
        assert mark.length_mm((5.0, 1.0, 0.8)) == pytest.approx(0.8)

    def test_the_line_stays_in_the_largest_piece(self):
        mask = np.zeros((4, 20, 20), dtype=bool)
        mask[1:3, 2:8, 3:6] = True
        mask[3, 10:19, 10:13] = True  # a larger area, but a smaller piece
        mask[1, 19, 19] = True
        mark = mark_from_mask(mask, (1, 1, 1), 1)
        assert mark.endpoints_zyx == ((1, 2, 3), (1, 7, 5))

    def test_a_part_of_a_volume_gives_the_volumes_indices(self):
        mask = np.zeros((9, 20, 20), dtype=bool)
        mask[5:7, 4:9, 10:13] = True
        part = SubVolume(mask[4:8, 3:10, 9:14], (4, 3, 9), mask.shape)
        assert mark_from_mask(part, (1, 1, 1), 1) == mark_from_mask(mask, (1, 1, 1), 1)


class TestMarksFromLabels:
    def test_each_label_has_the_line_of_its_mask(self):
        labels = np.zeros((9, 30, 30), np.uint16)
        labels[2:5, 3:9, 3:9], labels[3:6, 20:25, 5:15], labels[7, 20, 20] = 300, 2, 7
        marks = marks_from_labels(labels, (2.0, 1.0, 1.0))
        assert [mark.label for mark in marks] == [2, 7, 300]
        for mark in marks:
            assert mark == mark_from_mask(labels == mark.label, (2.0, 1.0, 1.0), mark.label)

    def test_an_empty_map_has_none(self):
        assert marks_from_labels(np.zeros((3, 3, 3), np.uint8), (1, 1, 1)) == ()


class TestRealMarks:
    def test_real_marks_were_drawn_the_same_way(self, shared_data):
        import nibabel as nib

        folders = sorted(shared_data.glob("val/*/*"))
        assert folders
        for folder in folders:
            image = nib.load(folder / "labels.nii.gz")
            labels = np.asarray(image.dataobj).transpose(2, 1, 0)
            grid = Grid.from_affine(labels.shape, image.affine)
            for entry in json.loads((folder / "marks.json").read_text())["marks"]:
                mark = mark_from_mask(labels == entry["label"], grid.spacing_mm, entry["label"])
                given = RecistMark(entry["label"], entry["endpoints_zyx"])
                assert mark.slice_index == given.slice_index, folder
                assert mark.length_mm(grid.spacing_mm) == pytest.approx(entry["length_mm"], abs=0.01), folder


class TestWhatElseIsKnown:
    LINE = ((4, 10, 2), (4, 10, 12))

    def test_slices_and_points_are_kept(self):
        mark = RecistMark(
            1, self.LINE, first_slice=np.int64(3), inside_zyx=[(3, 5, 5)], outside_zyx=[[9, 1, 1.5]]
        )
        assert (mark.first_slice, mark.last_slice) == (3, None)
        assert mark.inside_zyx == ((3.0, 5.0, 5.0),)
        assert mark.outside_zyx == ((9.0, 1.0, 1.5),)

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"first_slice": 7, "last_slice": 3}, "first_slice 7 lies after last_slice 3"),
            ({"first_slice": 5}, "first_slice 5 lies after the line's slice z = 4"),
            ({"last_slice": 3}, "last_slice 3 lies before the line's slice z = 4"),
            ({"first_slice": 3.5}, r"first_slice must be the whole number of a slice \(z\), got 3.5"),
            ({"last_slice": True}, "last_slice must be the whole number"),
            (
                {"first_slice": 3, "inside_zyx": [(2, 5, 5)]},
                r"inside point \(2, 5, 5\) .* before first_slice 3",
            ),
            ({"last_slice": 5, "inside_zyx": [(6, 5, 5)]}, r"inside point \(6, 5, 5\) .* after last_slice 5"),
            (
                {"inside_zyx": [(4, 5, 5)], "outside_zyx": [(4, 5.2, 5)]},
                r"inside_zyx and outside_zyx both name the voxel \(4, 5, 5\)",
            ),
            ({"inside_zyx": [(4, 5)]}, "inside_zyx must be points of three finite numbers"),
            ({"outside_zyx": [(4, 5, np.nan)]}, "outside_zyx must be points of three finite numbers"),
            ({"outside_zyx": "abc"}, "outside_zyx must be points of three finite numbers"),
            ({"inside_zyx": None}, "inside_zyx must be points of three finite numbers"),
        ],
    )
    def test_contradictions_are_refused_and_name_both(self, given, words):
        with pytest.raises(MarkError, match=f"mark 1: .*{words}"):
            RecistMark(1, self.LINE, **given)

    def test_a_reversed_axis_swaps_the_slices_and_moves_the_points(self):
        mark = RecistMark(
            1, self.LINE, first_slice=3, last_slice=8, inside_zyx=[(4, 5, 6)], outside_zyx=[(9, 0, 1)]
        )
        turned = mark.flipped((True, False, True), (20, 30, 40))
        assert (turned.first_slice, turned.last_slice) == (11, 16)
        assert turned.inside_zyx == ((15, 5, 33),)
        assert turned.outside_zyx == ((10, 0, 38),)
        assert turned.flipped((True, False, True), (20, 30, 40)) == mark
        alone = RecistMark(1, self.LINE, last_slice=8).flipped((True, False, False), (20, 30, 40))
        assert (alone.first_slice, alone.last_slice) == (11, None)

    def test_what_lies_outside_the_volume_is_refused(self):
        with pytest.raises(
            MarkError, match="last_slice 20 lies outside the volume, whose slices are 0 to 19"
        ):
            check_marks([RecistMark(1, self.LINE, last_slice=20)], (20, 30, 40))
        with pytest.raises(MarkError, match=r"mark 1: point \(4, 30, 5\) .* outside the volume"):
            check_marks([RecistMark(1, self.LINE, outside_zyx=[(4, 30, 5)])], (20, 30, 40))
        check_marks([RecistMark(1, self.LINE, first_slice=0, last_slice=19)], (20, 30, 40))

    def test_one_voxel_is_inside_one_tumour(self):
        marks = [RecistMark(n, ((4, n, 2), (4, n, 12)), inside_zyx=[(4, 5, 5)]) for n in (1, 2)]
        with pytest.raises(MarkError, match=r"marks 1 and 2 both name the voxel \(4, 5, 5\)"):
            check_marks(marks, (20, 30, 40))


def test_a_point_between_two_voxels_is_the_same_voxel_whichever_way_the_scan_is_stored():
    mark = RecistMark(
        1,
        ((4, 10, 12), (4, 20, 12)),
        last_slice=5,
        inside_zyx=((5.5, 14.5, 11.5),),
        outside_zyx=((3.5, 9.5, 9.5),),
    )
    flips, shape = (True, True, True), (20, 30, 40)
    there = mark.flipped(flips, shape)
    for field in ("inside_zyx", "outside_zyx"):
        (here,), (turned,) = getattr(mark, field), getattr(there, field)
        assert voxel_of(turned) == tuple(np.subtract(shape, 1) - voxel_of(here))
