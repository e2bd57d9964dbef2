import math
import pickle
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_ensam.core.errors import CaseError
from lite_ensam.core.grid import Grid
from lite_ensam.segmentation.patch_plan import Placement

coordinates = st.floats(-500, 500)
points = st.lists(st.tuples(coordinates, coordinates, coordinates), min_size=1, max_size=5)
spacings = st.tuples(*[st.floats(0.1, 10)] * 3)
shapes = st.tuples(*[st.integers(1, 300)] * 3)


def rotation(angles: tuple[float, float, float]) -> np.ndarray:
    matrix = np.eye(3)
    for axis, angle in enumerate(angles):
        turn = np.eye(3)
        i, j = [a for a in range(3) if a != axis]
        turn[i, i] = turn[j, j] = math.cos(angle)
        turn[i, j], turn[j, i] = -math.sin(angle), math.sin(angle)
        matrix = matrix @ turn
    return matrix


@st.composite
def grids(draw) -> Grid:
    """Any valid grid, oblique and mirrored ones included."""
    spacing = draw(spacings)
    turn = rotation(draw(st.tuples(*[st.floats(-3, 3)] * 3)))
    flips = draw(st.tuples(*[st.sampled_from((-1, 1))] * 3))
    affine = np.eye(4)
    affine[:3, :3] = turn * flips * spacing[::-1]
    affine[:3, 3] = draw(st.tuples(coordinates, coordinates, coordinates))
    return Grid(draw(shapes), spacing, affine)


class TestGrid:
    @given(grids(), points)
    def test_millimetres_and_voxels_are_each_others_inverse(self, grid, points_zyx):
        there_and_back = grid.mm_to_voxel(grid.voxel_to_mm(points_zyx))
        np.testing.assert_allclose(there_and_back, points_zyx, atol=1e-6)

    @given(grids(), points)
    def test_distances_in_the_world_are_those_of_the_spacing(self, grid, points_zyx):
        first, last = np.array(points_zyx[0]), np.array(points_zyx[-1])
        world = np.linalg.norm(np.subtract(*grid.voxel_to_mm([first, last])))
        assert world == pytest.approx(np.linalg.norm((last - first) * grid.spacing_mm), abs=1e-6)

    def test_affine_takes_the_reversed_index(self):
        affine = np.array([[-0.7, 0, 0, 10], [0, 0.8, 0, 20], [0, 0, 5, 30], [0, 0, 0, 1]])
        grid = Grid((4, 5, 6), (5, 0.8, 0.7), affine)
        assert grid.voxel_to_mm((2, 1, 3)).tolist() == pytest.approx([10 - 2.1, 20.8, 40])
        assert grid.mm_to_voxel([[10, 20, 30]]).tolist() == [[0, 0, 0]]

    def test_from_affine_measures_the_spacing(self):
        assert Grid.from_affine((4, 5, 6), np.diag([-0.7, 0.8, 5, 1])).spacing_mm == pytest.approx(
            (5, 0.8, 0.7)
        )

    def test_affine_is_a_copy_and_read_only(self):
        affine = np.eye(4)
        grid = Grid((2, 2, 2), (1, 1, 1), affine)
        affine[0, 0] = 7
        assert grid.affine[0, 0] == 1
        with pytest.raises(ValueError, match="read-only"):
            grid.affine[0, 0] = 7

    @pytest.mark.parametrize("shape", [(3, 4), (3, 4, 5, 1), (0, 4, 5), (3, -1, 5), (3, 4.5, 5)])
    def test_shape_must_be_three_positive_integers(self, shape):
        with pytest.raises(CaseError, match="three axes"):
            Grid.from_spacing(shape, (1, 1, 1))

    @pytest.mark.parametrize("spacing", [(0, 1, 1), (1, -1, 1), (1, 1, math.nan), (1, math.inf, 1), (1, 1)])
    def test_spacing_must_be_positive_and_finite(self, spacing):
        with pytest.raises(CaseError, match="spacing_mm must be three positive numbers"):
            Grid.from_spacing((3, 4, 5), spacing)

    @pytest.mark.parametrize(
        "spacing",
        [1, "123", None, [[1, 1, 1]], [1, 1, 1j], {1, 2, 3}, {1: 1, 2: 2, 3: 3}, ["1", "2", "3"], [1, [2]]],
    )
    def test_spacing_must_be_three_numbers_in_order(self, spacing):
        with pytest.raises(CaseError, match="three positive numbers"):
            Grid.from_spacing((3, 4, 5), spacing)
        with pytest.raises(CaseError, match="three axes"):
            Grid.from_spacing(spacing, (1, 1, 1))
        with pytest.raises(CaseError, match=r"shape \(4, 4\)"):
            Grid.from_affine((3, 4, 5), spacing)

    @pytest.mark.parametrize(("value", "unit"), [(0.0009, "metres"), (0.009, "metres"), (700, "micrometres")])
    def test_spacing_in_another_unit_is_asked_about(self, value, unit):
        with pytest.raises(CaseError, match=rf"spacing of {value} mm .* is it in {unit}\?"):
            Grid.from_spacing((3, 4, 5), (1, value, 1))
        with pytest.raises(CaseError, match=rf"spacing of {value} mm .* is it in {unit}\?"):
            Grid.from_affine((3, 4, 5), np.diag([1, value, 1, 1]))

    @pytest.mark.parametrize("value", [1e6, -3e6, 1e300])
    def test_an_affine_beyond_a_kilometre_is_refused(self, value):
        affine = np.eye(4)
        affine[1, 3] = value
        with pytest.raises(CaseError, match=rf"got {value:g}".replace("+", r"\+")):
            Grid.from_affine((3, 4, 5), affine)

    def test_spacing_and_affine_must_agree(self):
        with pytest.raises(CaseError, match="disagree"):
            Grid((3, 4, 5), (1, 1, 2), np.eye(4))

    def test_spacing_and_affine_may_differ_by_a_thousandth(self):
        assert Grid((3, 4, 5), (1, 1, 1.0005), np.eye(4)).spacing_mm == (1, 1, 1.0005)
        with pytest.raises(CaseError, match="disagree"):
            Grid((3, 4, 5), (1, 1, 1.005), np.eye(4))

    def test_axes_may_be_a_twentieth_of_a_degree_off(self):
        affine = np.eye(4)
        affine[:3, 2] = (0, math.sin(0.0009), math.cos(0.0009))
        assert Grid.from_affine((3, 4, 5), affine).spacing_mm == pytest.approx((1, 1, 1))
        affine[:3, 2] = (0, math.sin(0.002), math.cos(0.002))
        with pytest.raises(CaseError, match=r"sheared: two axes meet at 89\.89 degrees"):
            Grid.from_affine((3, 4, 5), affine)

    def test_an_array_lies_as_scanners_store_slices(self):
        grid = Grid.from_spacing((4, 5, 6), (5, 0.8, 0.7))
        assert grid.voxel_to_mm((2, 1, 3)).tolist() == pytest.approx([-2.1, -0.8, 10])
        assert not grid.is_oriented
        assert grid.flips_zyx == (False, False, False)

    @pytest.mark.parametrize(
        ("signs_xyz", "flips_zyx"),
        [
            ((-1, -1, 1), (0, 0, 0)),
            ((1, -1, 1), (0, 0, 1)),
            ((-1, 1, 1), (0, 1, 0)),
            ((-1, -1, -1), (1, 0, 0)),
        ],
    )
    def test_the_networks_frame_grows_to_head_back_and_left(self, signs_xyz, flips_zyx):
        affine = np.diag([*np.multiply(signs_xyz, (0.7, 0.8, 5)), 1.0])
        affine[:3, 3] = 10, 20, 30
        grid = Grid.from_affine((4, 5, 6), affine)
        assert grid.flips_zyx == flips_zyx
        turned = grid.flipped(grid.flips_zyx)
        assert turned.flips_zyx == (False, False, False)
        there = np.where(flips_zyx, (4 - 1 - 1, 5 - 1 - 2, 6 - 1 - 3), (1, 2, 3))
        np.testing.assert_allclose(turned.voxel_to_mm(there), grid.voxel_to_mm((1, 2, 3)))

    def test_an_unoriented_array_is_never_turned(self):
        grid = Grid((4, 5, 6), (1, 1, 1), np.diag([1.0, 1.0, -1.0, 1.0]), is_oriented=False)
        assert grid.flips_zyx == (False, False, False)

    def test_grids_are_one_if_they_lie_within_a_tenth_of_a_voxel(self):
        for shift_mm, is_same in ((0.06, True), (0.09, False), (-0.09, False)):
            affine = np.diag([0.7, 0.8, 2.5, 1.0])
            grid = Grid.from_affine((3, 4, 5), affine)
            affine[1, 3] = shift_mm
            assert grid.matches(Grid.from_affine((3, 4, 5), affine)) is is_same

    def test_a_sheared_affine_is_refused_with_its_angle(self):
        affine = np.eye(4)
        affine[:3, 2] = (0, math.sin(0.2), math.cos(0.2))
        with pytest.raises(CaseError, match=r"sheared: two axes meet at 78\.54 degrees"):
            Grid.from_affine((3, 4, 5), affine)

    def test_the_rounding_of_a_float32_header_is_no_shear(self):
        affine = np.eye(4)
        affine[:3, :3] = rotation((0.3, -0.2, 0.9)).astype(np.float32) * (0.7, 0.7, 2.5)
        assert Grid.from_affine((3, 4, 5), affine).spacing_mm == pytest.approx((2.5, 0.7, 0.7))

    @pytest.mark.parametrize(
        ("affine", "message"),
        [
            (np.eye(3), r"shape \(4, 4\)"),
            (np.diag([1, 1, math.nan, 1]), "finite"),
            (np.diag([1, 0, 1, 1]), "spacing of zero"),
            (np.diag([1, 1, 1, 2]), "last row"),
        ],
    )
    def test_an_affine_that_is_none_is_refused(self, affine, message):
        with pytest.raises(CaseError, match=message):
            Grid.from_affine((3, 4, 5), affine)

    def test_grids_match_unless_a_corner_is_elsewhere(self):
        grid = Grid.from_spacing((50, 60, 70), (5, 0.7, 0.7))
        rounded, moved = np.array(grid.affine), np.array(grid.affine)
        rounded[:3] += 1e-4
        moved[0, 3] = 0.7
        assert grid.matches(Grid.from_affine(grid.shape_zyx, rounded))
        assert not grid.matches(Grid.from_affine(grid.shape_zyx, moved))
        assert not grid.matches(Grid.from_spacing((50, 60, 71), (5, 0.7, 0.7)))
        assert not grid.matches(Grid.from_spacing((50, 60, 70), (5, 0.71, 0.7)))


@st.composite
def placements(draw) -> Placement:
    content = draw(st.tuples(*[st.integers(1, 128)] * 3))
    return Placement(
        draw(shapes),
        draw(st.tuples(coordinates, coordinates, coordinates)),
        draw(st.tuples(*[st.floats(0.05, 20)] * 3)),
        content,
        tuple(-(-c // 8) * 8 for c in content),
    )


class TestPlacement:
    @given(placements(), points)
    def test_to_patch_and_to_volume_are_each_others_inverse(self, placement, points_zyx):
        np.testing.assert_allclose(placement.to_volume(placement.to_patch(points_zyx)), points_zyx, atol=1e-6)
        np.testing.assert_allclose(placement.to_patch(placement.to_volume(points_zyx)), points_zyx, atol=1e-6)

    @given(placements())
    def test_the_content_reaches_from_start_to_stop(self, placement):
        first_edge = placement.to_volume((-0.5, -0.5, -0.5)) + 0.5
        last_edge = placement.to_volume(np.array(placement.content_zyx) - 0.5) + 0.5
        np.testing.assert_allclose(first_edge, placement.start_zyx, atol=1e-9)
        np.testing.assert_allclose(last_edge, placement.stop_zyx, rtol=1e-9, atol=1e-6)

    def test_pooled_voxels_lie_at_the_centre_of_their_block(self):
        placement = Placement((9, 9, 9), (2, 0, 0), (2, 4, 1), (3, 2, 9), (8, 8, 16))
        assert placement.to_volume((0, 0, 0)).tolist() == [2.5, 1.5, 0]
        assert placement.to_patch((2.5, 1.5, 0)).tolist() == [0, 0, 0]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"step_zyx": (0, 1, 1)}, "step_zyx"),
            ({"start_zyx": (math.nan, 0, 0)}, "start_zyx"),
            ({"content_zyx": (9, 8, 8)}, "content_zyx"),
            ({"content_zyx": (0, 8, 8)}, "content_zyx"),
        ],
    )
    def test_a_placement_that_leads_nowhere_is_refused(self, change, message):
        good = {
            "volume_shape_zyx": (9, 9, 9),
            "start_zyx": (0, 0, 0),
            "step_zyx": (1, 1, 1),
            "content_zyx": (8, 8, 8),
            "patch_shape_zyx": (8, 8, 8),
        }
        with pytest.raises(ValueError, match=message):
            Placement(**good | change)

    def test_points_need_three_coordinates(self):
        placement = Placement((9, 9, 9), (0, 0, 0), (1, 1, 1), (8, 8, 8), (8, 8, 8))
        with pytest.raises(ValueError, match=r"\(\.\.\., 3\)"):
            placement.to_patch((1, 2))


class TestLesionPlacement:
    @given(spacings, st.tuples(*[st.floats(0, 200)] * 2), st.tuples(*[st.floats(0, 200)] * 2))
    def test_cube_is_isotropic_and_centred_on_the_line(self, spacing_mm, start_yx, stop_yx):
        if math.dist(start_yx, stop_yx) < 1e-3:
            return
        ends = ((20.0, *start_yx), (20.0, *stop_yx))
        placement = Placement.lesion_placement(ends, spacing_mm, (40, 201, 201), 2.5, 64)
        size_mm = np.array(placement.step_zyx) * spacing_mm * 64
        length_mm = np.linalg.norm((np.array(ends[1]) - ends[0]) * spacing_mm)
        np.testing.assert_allclose(size_mm, max(2.5 * length_mm, 2 * max(spacing_mm)))
        np.testing.assert_allclose(placement.to_patch(np.mean(ends, axis=0)), [31.5] * 3, atol=1e-6)
        assert placement.content_zyx == placement.patch_shape_zyx == (64, 64, 64)
        assert placement.volume_shape_zyx == (40, 201, 201)

    @pytest.mark.parametrize("middle", [-0.5, 3.0, 3.5, 8.5])
    def test_a_line_within_a_voxel_still_has_a_voxels_centre_in_its_cube(self, middle):
        ends = ((3.0, middle, middle - 0.1), (3.0, middle, middle + 0.1))
        placement = Placement.lesion_placement(ends, (5, 0.7, 0.7), (9, 9, 9), 2.5, 64)
        centers = np.stack(np.indices((9, 9, 9)), axis=-1) + 0.5
        inside = (centers >= placement.start_zyx) & (centers <= placement.stop_zyx)
        assert inside.all(axis=-1).any()
        np.testing.assert_allclose(np.array(placement.step_zyx) * (5, 0.7, 0.7) * 64, 10)

    @pytest.mark.parametrize(
        ("ends", "factor", "side", "message"),
        [
            (((1, 1, 1), (1, 1, 1)), 2.5, 64, "two different points"),
            (((1, 1, 1), (1, 1, 5)), 0, 64, "side_factor"),
            (((1, 1, 1), (1, 1, 5)), 2.5, 60, "multiple of 8"),
        ],
    )
    def test_nonsense_is_refused(self, ends, factor, side, message):
        with pytest.raises(ValueError, match=message):
            Placement.lesion_placement(ends, (1, 1, 1), (9, 9, 9), factor, side)


class TestJointPlacement:
    def test_box_holds_all_marks_and_the_margin(self):
        ends = [((50, 100, 100), (50, 120, 90)), ((70, 90, 130), (70, 95, 140))]
        placement = Placement.joint_placement(ends, (150, 512, 512))
        assert placement.start_zyx == (18, 58, 58)
        assert placement.content_zyx == (85, 95, 115)
        assert placement.patch_shape_zyx == (88, 96, 120)
        assert placement.step_zyx == (1, 1, 1)

    def test_an_end_between_voxels_is_in_the_nearest_one(self):
        placement = Placement.joint_placement([((50.6, 100.4, 100.5), (50.6, 120.4, 100.5))], (150, 512, 512))
        assert placement.start_zyx == (19, 68, 69)
        assert placement.content_zyx == (65, 85, 65)

    def test_box_is_cut_at_the_volumes_border(self):
        placement = Placement.joint_placement([((0, 0, 0), (0, 8.5, 9))], (1, 9, 10), margin=32)
        assert placement.start_zyx == (0, 0, 0)
        assert placement.content_zyx == (1, 9, 10)
        assert placement.patch_shape_zyx == (8, 16, 16)

    def test_the_two_longer_axes_are_halved_until_it_fits(self):
        ends = [((10, 10, 10), (10, 500, 500))]
        placement = Placement.joint_placement(ends, (100, 512, 512))
        # 43 x 512 x 512 -> 43 x 256 x 256 -> 43 x 128 x 128
        assert placement.step_zyx == (1, 4, 4)
        assert placement.content_zyx == (43, 128, 128)

    def test_the_shortest_axis_is_chosen_anew_each_time(self):
        placement = Placement.joint_placement([((0, 0, 0), (99, 99, 79))], (100, 100, 80), max_voxels=50_000)
        # 100 x 100 x 80 -> 50 x 50 x 80 -> 50 x 25 x 40
        assert placement.content_zyx == (50, 25, 40)
        assert placement.step_zyx == (2, 4, 2)

    @given(shapes, st.integers(0, 40), st.integers(1, 5000), st.data())
    def test_content_is_small_enough_and_covers_every_mark(self, shape, margin, max_voxels, data):
        inside = st.tuples(*[st.floats(-0.5, n - 0.5) for n in shape])
        ends = data.draw(st.lists(inside, min_size=2, max_size=6))
        placement = Placement.joint_placement(ends, shape, margin, max_voxels)
        assert math.prod(placement.content_zyx) <= max_voxels
        assert all(
            p % 8 == 0 and p - c < 8
            for c, p in zip(placement.content_zyx, placement.patch_shape_zyx, strict=True)
        )
        edges = np.array(ends) + 0.5
        assert (edges >= np.array(placement.start_zyx)).all()
        assert (edges <= np.array(placement.stop_zyx)).all()

    def test_nonsense_is_refused(self):
        with pytest.raises(ValueError, match="margin"):
            Placement.joint_placement([((0, 0, 0), (0, 1, 1))], (9, 9, 9), margin=-1)


def test_grids_of_the_same_numbers_are_equal() -> None:
    grid = Grid.from_spacing((10, 20, 30), (5.0, 0.8, 0.8))
    for copy in (pickle.loads(pickle.dumps(grid)), deepcopy(grid), replace(grid)):
        assert copy == grid
        assert hash(copy) == hash(grid)
    affine = grid.affine.copy()
    affine[0, 3] += 1e-9
    others = (
        Grid.from_spacing((10, 20, 31), (5.0, 0.8, 0.8)),
        replace(grid, affine=affine),
        replace(grid, is_oriented=True),
    )
    for other in (*others, "grid", None):
        assert other != grid
    assert grid.matches(others[1])
