"""What the screen gets: the right voxels, in 8 bits, with the body's sides where they are."""

import numpy as np
import pytest

from lite_ensam.core.grid import Grid
from lite_ensam.core.partial_volume import SubVolume, as_subvolume
from lite_ensam.widgets.planes import WINDOWS_HU, label_patch, planes_of, windowed_slice

SHAPE = (3, 4, 5)
GRID = Grid.from_affine(SHAPE, [[-0.7, 0, 0, 9], [0, -0.8, 0, 9], [0, 0, 5, -9], [0, 0, 0, 1]])


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.uint8, np.float32])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_slice_is_the_volumes_own_scaled_to_the_window(dtype: type, number: int) -> None:
    volume = np.arange(60).reshape(SHAPE).astype(dtype)
    plane = planes_of(GRID)[number]
    shown = windowed_slice(volume, plane, 2, (10.0, 40.0))
    expected = np.clip((volume.take(2, axis=number).astype(float) - 10) / 30 * 255, 0, 255)
    assert shown.dtype == np.uint8
    assert shown.shape == plane.shape
    assert shown.flags.c_contiguous
    np.testing.assert_allclose(shown, expected, atol=1)


def test_a_slice_beyond_the_last_is_the_last() -> None:
    volume = np.arange(60, dtype=np.int16).reshape(SHAPE)
    axial = planes_of(GRID)[0]
    window = (0.0, 60.0)
    np.testing.assert_array_equal(
        windowed_slice(volume, axial, 99, window), windowed_slice(volume, axial, 2, window)
    )


def test_planes_know_pixels_and_sides() -> None:
    axial, coronal, sagittal = planes_of(GRID)
    assert [plane.pixel_mm for plane in (axial, coronal, sagittal)] == [(0.8, 0.7), (5.0, 0.7), (5.0, 0.8)]
    assert [plane.n_slices for plane in (axial, coronal, sagittal)] == [3, 4, 5]
    assert axial.sides == ("R", "L", "A", "P")
    assert coronal.sides == ("R", "L", "H", "F")
    assert sagittal.sides == ("A", "P", "H", "F")


def test_slices_lie_where_dicom_has_them() -> None:
    """x to the left and y to the back, though affines of this package grow to the right and the front."""
    axial, coronal, sagittal = planes_of(GRID)
    assert axial.place_mm == pytest.approx((-9, 5))
    assert coronal.place_mm == pytest.approx((-9, 0.8))
    assert sagittal.place_mm == pytest.approx((-9, 0.7))
    assert [plane.place_mm for plane in planes_of(Grid.from_spacing(SHAPE, (5, 0.8, 0.7)))] == [None] * 3


def test_axes_that_grow_to_right_front_and_head_are_shown_in_reverse() -> None:
    to_ras, to_lps = np.diag([0.7, 0.8, 5.0, 1.0]), np.diag([-0.7, -0.8, 5.0, 1.0])
    to_ras[:3, 3] = to_lps[:3, 3] = (10, 20, -30)
    flips = [
        [(plane.flip_across, plane.flip_down) for plane in planes_of(Grid.from_affine(SHAPE, affine))]
        for affine in (to_ras, to_lps)
    ]
    assert flips == [[(True, True)] * 3, [(False, False), (False, True), (False, True)]]


def test_no_letter_claims_a_side_of_a_bare_array() -> None:
    bare = Grid.from_spacing(SHAPE, (5.0, 0.8, 0.7))
    assert GRID.is_oriented
    assert not bare.is_oriented
    axial, coronal, _ = planes_of(bare)
    assert axial.sides == coronal.sides == ("", "", "", "")
    assert (axial.flip_across, axial.flip_down) == (False, False), "rows and columns as they are stored"
    assert coronal.flip_down, "the first slice at the bottom"


def test_a_label_patch_is_cut_to_what_is_there() -> None:
    labels = np.zeros(SHAPE, np.uint16)
    labels[1, 2, 1:3] = 700
    labels[1, 3, 3] = 5
    patch = label_patch(as_subvolume(labels), planes_of(GRID)[0], 1)
    assert patch.start == (2, 1)
    assert patch.labels == (5, 700)
    np.testing.assert_array_equal(patch.codes, [[2, 2, 0], [0, 0, 1]])


def test_an_empty_slice_has_no_patch() -> None:
    patch = label_patch(as_subvolume(np.zeros(SHAPE, np.uint16)), planes_of(GRID)[2], 0)
    assert patch.labels == ()
    assert patch.codes.size == 0


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_part_of_a_label_map_shows_the_same_as_the_whole(number: int) -> None:
    labels = np.zeros(SHAPE, np.uint16)
    labels[1:3, 1:3, 2:4] = np.arange(8).reshape(2, 2, 2)
    part, plane = SubVolume(labels[1:, 1:, 2:], (1, 1, 2), SHAPE), planes_of(GRID)[number]
    for index in range(plane.n_slices):
        from_part, from_whole = (label_patch(map_, plane, index) for map_ in (part, as_subvolume(labels)))
        assert (from_part.start, from_part.labels) == (from_whole.start, from_whole.labels)
        np.testing.assert_array_equal(from_part.codes, from_whole.codes)


def test_windows_run_upwards() -> None:
    assert {"soft tissue", "lung", "bone", "liver", "brain"} == set(WINDOWS_HU)
    assert all(low < high for low, high in WINDOWS_HU.values())
