import itertools

import numpy as np
import pytest

from lite_ensam.core.grid import Grid
from lite_ensam.core.scan_source import ScanSource
from tests.unit.io import files


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
def test_arrays_and_points_go_back_and_forth(axes):
    affine = files.AFFINE[:, [*axes, 3]]
    source = ScanSource.from_file_affine((4, 5, 6), affine)
    in_file = np.arange(120).reshape(6, 5, 4)  # (k, j, i)
    volume = source.from_file(in_file)
    assert volume.shape == source.grid.shape_zyx
    assert source.file_shape == (4, 5, 6)
    assert source.file_axes_zyx == (axes.index(2), axes.index(1), axes.index(0))
    np.testing.assert_array_equal(source.to_file(volume), in_file)
    np.testing.assert_array_equal(source.file_affine, affine)
    for kji in ((0, 0, 0), (5, 4, 3), (1, 2, 3)):
        zyx = source.points_from_file(kji)
        assert volume[tuple(zyx.astype(int))] == in_file[kji]
        assert source.points_to_file(zyx).tolist() == list(kji)
        np.testing.assert_allclose(source.grid.voxel_to_mm(zyx), (affine @ [*kji[::-1], 1])[:3])


@pytest.mark.parametrize("seed", range(40))
def test_the_clearest_axis_of_an_oblique_scan_has_its_nearest_name(seed):
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    source = ScanSource.from_file_affine((4, 5, 6), turned(turn))
    assert sorted(source.file_axes_zyx) == [0, 1, 2]
    world, file_axis = np.unravel_index(np.abs(turn).argmax(), (3, 3))
    assert source.file_axes_zyx[2 - world] == file_axis


def test_each_axis_is_taken_once_however_a_scan_is_turned():
    turn = np.array([[1, -2, -2], [-2, 1, -2], [-2, -2, 1]]) / 3  # no axis is near any direction
    source = ScanSource.from_file_affine((4, 5, 6), turned(turn))
    assert sorted(source.file_axes_zyx) == [0, 1, 2]


def turned(turn):
    """Affine of voxels of a millimetre whose axes are the columns of a rotation."""
    affine = np.eye(4)
    affine[:3, :3] = turn
    return affine


def test_a_plain_grid_is_a_file_in_its_own_order():
    plain = Grid.from_spacing((4, 5, 6), (3, 2, 1))
    source = ScanSource.of(plain)
    assert ScanSource.of(source) is source
    assert source.file_shape == (6, 5, 4)
    assert source.points_from_file((1, 2, 3)).tolist() == [1, 2, 3]
    np.testing.assert_array_equal(source.file_affine, plain.affine)


def test_slice_points_are_indices_of_the_file_slowest_axis_first():
    source = ScanSource.from_file_affine((4, 5, 6), files.AFFINE[:, [2, 0, 1, 3]])
    place = source.file_affine[:3] @ (1.5, 2.0, 3.0, 1.0)
    np.testing.assert_allclose(source.slice_points_from_world([place]), [[3.0, 2.0, 1.5]])


def test_notes_are_added_once():
    source = (
        ScanSource.of(Grid.from_spacing((4, 5, 6), (3, 2, 1))).with_notes(["a", ""]).with_notes(["b", "a"])
    )
    assert source.notes == ("a", "b")


def test_axes_as_stored_ignores_the_directions():
    source = ScanSource.from_file_affine((4, 5, 6), files.AFFINE[:, [2, 1, 0, 3]], axes_as_stored=True)
    assert source.grid.shape_zyx == (6, 5, 4)
    assert source.grid.spacing_mm == pytest.approx((0.8, 0.7, 2.5))
