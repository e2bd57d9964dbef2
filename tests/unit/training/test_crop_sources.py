"""Synthetic lesions as scans have them: with their edge, and in the scanner's voxels."""

from __future__ import annotations

import numpy as np
import pytest

from lite_ensam.training.crop_cache import EDGE_BIT, LINES_A_SIDE, SIDE
from lite_ensam.training.crop_sources import SCENE_LINES, _scanned
from lite_ensam.training.grey_levels import HU_OF_GREY
from lite_ensam.training.synthetic import Scene


def ball_scene(voxel_mm: float, loose_voxels: float = 0.0) -> Scene:
    """A bright ball of 11 voxels' radius, contoured so many voxels outside of its edge."""
    distance = np.linalg.norm(np.indices((SIDE,) * 3) - (SIDE - 1) / 2, axis=0)
    hu = np.clip(11.5 - distance, 0, 1) * 900 - 850
    return Scene(hu.astype(np.float32), distance < 11 + loose_voxels, distance < 11, voxel_mm)


@pytest.mark.parametrize("voxel_mm", [0.2, 1.0, 5.0])
def test_a_crop_is_in_the_scanners_voxels_however_large_the_lesion(voxel_mm: float) -> None:
    for seed in range(4):
        scan = _scanned(ball_scene(voxel_mm), np.random.default_rng(seed), "ball", SCENE_LINES)
        assert scan is not None
        crop = scan.crop()
        assert (crop.name, crop.source) == ("ball", "synthetic")
        assert 0.6 <= scan.scanner_mm[1] == scan.scanner_mm[2] <= 1.0
        ends = np.array(crop.lines[0])
        # from outer face to outer face, a line is as long as a crop's scale says
        outer = np.linalg.norm(ends[1] - ends[0]) + crop.native_voxel_zyx[1]
        assert outer == pytest.approx(SIDE / LINES_A_SIDE, rel=1e-6)
        cell_mm = (
            scan.case.marks[0].length_mm(scan.case.grid.spacing_mm) + scan.case.grid.spacing_mm[1]
        ) / outer
        np.testing.assert_allclose(np.array(crop.native_voxel_zyx) * cell_mm, scan.scanner_mm, rtol=1e-6)


def test_the_edge_lies_within_a_loose_contour_and_is_where_grey_values_change() -> None:
    scan = _scanned(ball_scene(0.8, loose_voxels=2.0), np.random.default_rng(0), "ball", SCENE_LINES)
    assert scan is not None
    crop = scan.crop()
    edge = (crop.bits >> EDGE_BIT & 1).astype(bool)
    assert not (edge & ~crop.contour()).any()
    assert edge.sum() / crop.contour().sum() == pytest.approx((11 / 13) ** 3, rel=0.06)
    bright = HU_OF_GREY[crop.grey] > -400
    assert edge.sum() == pytest.approx(bright.sum(), rel=0.03)
