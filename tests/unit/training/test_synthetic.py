"""Synthetic lesions look like lesions: marked, of the wanted size, in the scan, and the same for a seed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from lite_ensam.core.case import Case
from lite_ensam.core.grid import Grid
from lite_ensam.io import write_ct, write_mask
from lite_ensam.training import crop_sources
from lite_ensam.training.crop_sources import synthetic_scans
from lite_ensam.training.scan_bank import write_scans
from lite_ensam.training.synthetic import (
    Background,
    Scene,
    Shape,
    blob,
    draw_scene,
    largest_part,
    placed_shape,
    random_turn,
    smooth_noise,
)

SIDE, LINES_A_SIDE = 48, 2.9


@pytest.fixture(scope="module")
def background() -> Background:
    """A trunk: air, a body of soft tissue, a lung in it."""
    rng = np.random.default_rng(0)
    hu = np.full((60, 100, 100), -1000.0)
    region = np.zeros(hu.shape, np.uint8)
    hu[:, 10:90, 10:90], region[:, 10:90, 10:90] = 40, 1
    hu[10:50, 25:75, 20:60], region[10:50, 25:75, 20:60] = -850, 2
    return Background((hu + rng.normal(0, 10, hu.shape)).astype(np.int16), region, (2.0, 2.0, 2.0))


def scenes(background: Background, seed: int, n: int = 12) -> list[Scene]:
    rng = np.random.default_rng(seed)
    ball = np.linalg.norm(np.indices((9, 21, 21)) - np.array([4, 10, 10])[:, None, None, None], axis=0) < 4
    shapes = [Shape(np.asarray(ball), (2.0, 0.7, 0.7))]
    drawn = (draw_scene(rng, [background], (shapes, shapes), SIDE, LINES_A_SIDE) for _ in range(n))
    return [scene for scene in drawn if scene is not None]


def test_a_scene_holds_one_connected_lesion_about_as_long_as_asked(background: Background) -> None:
    found = scenes(background, 1)
    assert len(found) >= 8
    lengths = []
    for scene in found:
        assert scene.hu.shape == scene.mask.shape == (SIDE,) * 3
        assert np.isfinite(scene.hu).all()
        assert (largest_part(scene.mask) == scene.mask).all()
        where = np.argwhere(scene.mask)
        lengths.append((np.ptp(where, axis=0)[1:] + 1).max() * LINES_A_SIDE / SIDE)
    assert 0.5 < np.median(lengths) < 1.2  # the longest axis of an ellipsoid seldom lies in the slice


def test_most_lesions_differ_from_what_lies_around_them(background: Background) -> None:
    differences = []
    for scene in scenes(background, 2):
        shell = ndimage.binary_dilation(scene.mask, iterations=4) & ~scene.mask
        core = ndimage.binary_erosion(scene.mask, iterations=2)
        if not core.any():  # as thin as that
            continue
        differences.append(abs(np.median(scene.hu[core]) - np.median(scene.hu[shell])))
    assert np.mean(np.array(differences) > 3) >= 0.75


def test_a_seed_gives_the_same_scenes_again(background: Background) -> None:
    for one, two in zip(scenes(background, 3, 4), scenes(background, 3, 4), strict=True):
        np.testing.assert_array_equal(one.hu, two.hu)
        np.testing.assert_array_equal(one.mask, two.mask)


def test_turns_are_orthogonal_and_keep_slices_without_tilt() -> None:
    for seed in range(10):
        turn = random_turn(np.random.default_rng(seed), 0.0)
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
        np.testing.assert_allclose(np.abs(turn[0]), [1, 0, 0], atol=1e-12)


def test_a_blob_has_about_its_radius_and_lies_where_it_was_put() -> None:
    for seed in range(6):
        mask = blob(np.random.default_rng(seed), SIDE, 10.0, np.array([20.0, 24.0, 28.0]))
        np.testing.assert_allclose(np.argwhere(mask).mean(axis=0), [20, 24, 28], atol=3)
        assert 4 / 3 * np.pi * 10**3 * 0.15 < mask.sum() < 4 / 3 * np.pi * 10**3 * 1.8


def test_a_real_shape_keeps_its_form_in_millimetres() -> None:
    # 2 mm slices, 0.7 mm pixels: 8 x 14 x 14 mm, so less high than wide
    flat = Shape(np.ones((4, 20, 20), dtype=bool), (2.0, 0.7, 0.7))
    heights, widths = [], []
    for seed in range(12):
        mask = placed_shape(np.random.default_rng(seed), flat, SIDE, 16.0)
        extent = np.ptp(np.argwhere(mask), axis=0) + 1
        heights.append(extent[0])
        widths.append(extent[1:].max())
    assert np.median(heights) < np.median(widths)
    assert 12 < np.median(widths) < 28


def test_smooth_noise_is_centred_and_smooth() -> None:
    noise = smooth_noise(np.random.default_rng(0), SIDE, 4)
    assert noise.shape == (SIDE,) * 3
    assert abs(noise.mean()) < 1e-3
    assert noise.std() == pytest.approx(1, abs=1e-3)
    assert np.abs(np.diff(noise, axis=0)).mean() < 0.2


def test_scans_with_synthetic_lesions_are_drawn_once_and_kept(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(crop_sources, "SCAN_SIDE", 40)
    (tmp_path / "shapes" / "lidc").mkdir(parents=True)
    np.savez(tmp_path / "shapes" / "lidc" / "lidc_nodules.npz")
    (tmp_path / "shapes" / "lidc" / "index.csv").write_text("key\n")
    hu = np.full((60, 100, 100), 40, np.int16)
    grid = Grid.from_spacing(hu.shape, (2.0, 2.0, 2.0))
    (tmp_path / "backgrounds").mkdir()
    write_ct(tmp_path / "backgrounds" / "body.nii.gz", hu, grid)
    write_mask(tmp_path / "backgrounds" / "body_region.nii.gz", np.ones(hu.shape, np.uint8), grid)
    made = list(synthetic_scans(tmp_path, 2, seed=3))
    kept = write_scans(tmp_path / "bank", iter(made))
    assert [(files.source, files.name) for files in kept] == [
        ("synthetic", "3_00000"), ("synthetic", "3_00001"),
    ]  # fmt: skip
    for case, files in zip(made, kept, strict=True):
        back = files.read()
        np.testing.assert_array_equal(back.ct, case.ct)
        np.testing.assert_array_equal(back.reference, case.reference)
        assert back.marks[0].endpoints_zyx == case.marks[0].endpoints_zyx
        assert (np.ptp(back.ct), back.hu) != (0, False)

    def none() -> Iterator[Case]:
        raise AssertionError("drawn again")
        yield

    assert write_scans(tmp_path / "bank", none()) == kept
    (tmp_path / "half.unfinished" / "synthetic" / "9").mkdir(parents=True)
    assert len(write_scans(tmp_path / "half", iter(made[:1]))) == 1  # what was left half is no case
