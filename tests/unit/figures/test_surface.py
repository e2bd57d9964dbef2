"""The surface of a mask: closed, where the voxels are, and as large as they are."""

import itertools

import numpy as np
import pytest

from lite_ensam.core.errors import ArgumentError, CaseError
from lite_ensam.core.grid import Grid
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.figures.surface import Surface, surface_of
from tests.phantoms import Ellipsoid

SHAPE = (24, 40, 44)
SPACING = (2.5, 0.8, 0.9)
BALL = Ellipsoid(1, (12, 19, 22), (14.0, 10.0, 12.0))


def edges_of(surface: Surface) -> set[tuple[int, int]]:
    """Directed edges; each must be there once."""
    triangles = surface.triangles.tolist()
    edges = [edge for a, b, c in triangles for edge in ((a, b), (b, c), (c, a))]
    assert len(set(edges)) == len(edges)
    return set(edges)


def test_a_ball_has_a_closed_surface_of_its_volume() -> None:
    mask = BALL.mask(SHAPE, SPACING)
    surface = surface_of(mask, Grid.from_spacing(SHAPE, SPACING))
    edges = edges_of(surface)
    assert all((b, a) in edges for a, b in edges), "every edge has a triangle on either side"
    assert len(surface.vertices_mm) - len(edges) // 2 + len(surface.triangles) == 2, "Euler: a sphere"
    assert surface.volume_ml == pytest.approx(BALL.volume_ml, rel=0.05)
    assert surface.vertices_mm.dtype == np.float32
    assert surface.triangles.dtype == np.uint32


def test_it_lies_where_the_mask_is() -> None:
    grid = Grid.from_affine(SHAPE, [[-0.9, 0, 0, 70], [0, -0.8, 0, -30], [0, 0, 2.5, 5], [0, 0, 0, 1]])
    surface = surface_of(BALL.mask(SHAPE, SPACING), grid)
    low, high = surface.vertices_mm.min(axis=0), surface.vertices_mm.max(axis=0)
    np.testing.assert_allclose((low + high) / 2, grid.voxel_to_mm(BALL.center_zyx), atol=0.7)
    np.testing.assert_allclose(high - low, [24, 20, 28], atol=2.5)


@pytest.mark.parametrize("signs", list(itertools.product((1, -1), repeat=3)))
def test_triangles_look_outwards_whatever_the_affine_mirrors(signs: tuple[int, int, int]) -> None:
    affine = np.diag([*np.array([0.9, 0.8, 2.5]) * signs, 1.0])
    surface = surface_of(BALL.mask(SHAPE, SPACING), Grid.from_affine(SHAPE, affine))
    assert surface.volume_ml > 0


def test_a_tumour_at_the_scans_border_is_closed() -> None:
    surface = surface_of(np.ones((2, 3, 4), dtype=bool), Grid.from_spacing((2, 3, 4), (1, 1, 1)))
    edges = edges_of(surface)
    assert all((b, a) in edges for a, b in edges)


def test_one_voxel_has_a_surface_and_none_has_none() -> None:
    grid = Grid.from_spacing((3, 3, 3), (1, 1, 1))
    mask = np.zeros((3, 3, 3), dtype=bool)
    assert len(surface_of(mask, grid).triangles) == 0
    assert surface_of(mask, grid).volume_ml == 0
    mask[1, 1, 1] = True
    assert len(surface_of(mask, grid).triangles) == 12


def test_smoothing_takes_steps_off_but_no_volume() -> None:
    mask, grid = BALL.mask(SHAPE, SPACING), Grid.from_spacing(SHAPE, SPACING)
    rough, smooth = surface_of(mask, grid, smoothing_rounds=0), surface_of(mask, grid)
    assert smooth.volume_ml == pytest.approx(rough.volume_ml, rel=0.03)
    center = grid.voxel_to_mm(BALL.center_zyx)
    semi_axes = np.array(BALL.semi_axes_mm)[::-1]

    def roughness(surface: Surface) -> float:
        return float(np.std(np.linalg.norm((surface.vertices_mm - center) / semi_axes, axis=1)))

    assert roughness(smooth) < roughness(rough)


def test_one_tumour_of_the_grids_shape_has_a_surface() -> None:
    mask, grid = BALL.mask(SHAPE, SPACING), Grid.from_spacing(SHAPE, SPACING)
    expected = surface_of(mask, grid).vertices_mm
    for same in (mask * 7, mask.tolist()):
        for place in (grid, ScanSource(grid)):
            np.testing.assert_array_equal(surface_of(same, place).vertices_mm, expected)
    two = mask.astype(np.uint8)
    two[0, 0, 0] = 3
    for wrong, where, words in (
        (mask[1:], grid, r"mask must have the scan's shape \(24, 40, 44\) \(z, y, x\), got \(23, 40, 44\)"),
        (two, grid, r"mask must be of one tumour, got labels \[1, 3\]: give `labels == 1`"),
        (mask, SPACING, r"geometry must be a Grid, a ScanSource.*, got \(2\.5, 0\.8, 0\.9\)"),
    ):
        with pytest.raises(ArgumentError if where is SPACING or wrong is two else CaseError, match=words):
            surface_of(wrong, where)
