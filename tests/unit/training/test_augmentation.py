"""Whatever is drawn, the line still marks the lesion and the patch is what inference would cut."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lite_ensam.core.errors import TrainingError
from lite_ensam.core.patch_config import GREY_CHANNELS, LINE_CHANNELS, PatchConfig
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.segmentation.channels import prepare_lesion
from lite_ensam.training.augmentation import (
    bend,
    change_contrast,
    draw_sample,
    jitter_ends,
    sample_index,
    slice_keeping_map,
    thicken_slices,
    window_levels,
)
from lite_ensam.training.config import LineJitter
from lite_ensam.training.crop_cache import LesionCropCache, cut

CONFIG = PatchConfig()
MARGIN = PatchConfig(side_voxels=48, end_margin_voxels=0.5)


def test_without_augmentation_the_patch_is_centred_and_scaled_to_the_line(bank: LesionCropCache) -> None:
    sample = draw_sample(bank[0], np.random.default_rng(0), CONFIG, augment=False)
    assert sample.values.shape == (len(LINE_CHANNELS), 64, 64, 64)
    first, second = sample.endpoints_zyx
    assert float((second - first).norm()) == pytest.approx(64 / 2.5, rel=1e-5)
    torch.testing.assert_close((first + second) / 2, torch.full((3,), 31.5))
    radius = 64 / 2.5 / 2
    assert float(sample.target.sum()) == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.03)


@pytest.mark.parametrize("config", [CONFIG, MARGIN])
def test_without_augmentation_it_is_what_inference_would_cut(config: PatchConfig) -> None:
    case = make_phantom()
    for mark in case.marks:
        sample = draw_sample(cut(case, mark, "phantom"), np.random.default_rng(0), config, augment=False)
        patch = prepare_lesion(case, mark, config)
        np.testing.assert_allclose(sample.endpoints_zyx, patch.endpoints_zyx, atol=1e-3)
        difference = np.abs(sample.values.numpy() - patch.values).mean(axis=(1, 2, 3))
        # greys come through two resamplings instead of one; distances are the same numbers
        grey = np.array([name in GREY_CHANNELS for name in LINE_CHANNELS])
        assert (difference[grey] < 0.06).all()
        assert (difference[~grey] < 1e-5).all()


@pytest.mark.parametrize("seed", range(12))
def test_an_augmented_line_still_lies_in_its_lesion(bank: LesionCropCache, seed: int) -> None:
    sample = draw_sample(bank[seed % 3], np.random.default_rng(seed), CONFIG)
    assert float(sample.values.min()) >= 0
    assert float(sample.values.max()) <= 1
    assert set(sample.target.unique().tolist()) == {0.0, 1.0}
    first, second = sample.endpoints_zyx.double()
    assert float(first[0]) == float(second[0])
    for share in (0.15, 0.5, 0.85):
        z, y, x = (first + share * (second - first)).round().long().tolist()
        assert sample.target[z, y, x] == 1
    for beyond in (-0.35, 1.35):
        z, y, x = (first + beyond * (second - first)).round().long().tolist()
        assert sample.target[z, y, x] == 0


def test_the_same_seed_draws_the_same_sample(bank: LesionCropCache) -> None:
    one, two = (draw_sample(bank[0], np.random.default_rng(5), CONFIG) for _ in range(2))
    assert torch.equal(one.values, two.values)
    assert torch.equal(one.target, two.target)
    other = draw_sample(bank[0], np.random.default_rng(6), CONFIG)
    assert not torch.equal(one.values, other.values)


def test_maps_keep_axial_slices_axial_and_the_lines_length() -> None:
    along = np.array([0.0, 3.0, 4.0])
    for seed in range(20):
        matrix = slice_keeping_map(np.random.default_rng(seed), along)
        np.testing.assert_array_equal(matrix[0, 1:], 0)
        assert np.linalg.norm(matrix @ along) == pytest.approx(5.0)


def test_bending_is_smooth_and_leaves_the_ends_alone() -> None:
    points = np.array([[32.0, 20.0, 12.0], [32.0, 30.0, 50.0]])
    for seed in range(5):
        field = bend(np.random.default_rng(seed), points, 64)
        assert field.shape == (3, 64, 64, 64)
        for z, y, x in points.astype(int):
            assert float(field[:, z, y, x].abs().max()) < 0.05
        assert 0.2 < float(field.abs().max()) < 15
        for axis in (1, 2, 3):
            assert float(field.diff(dim=axis).abs().max()) < 0.9


def test_lines_differ_as_those_of_readers_do() -> None:
    """At the median of 4,927 real marks, 19 mm on pixels of 0.8 mm; docs/training.md has what is known of readers."""
    ends = np.array([[50.0, 20, 20], [50, 20, 39]])
    drawn = np.array(
        [jitter_ends(np.random.default_rng(seed), ends, np.array([5.0, 0.8, 0.8])) for seed in range(2000)]
    )
    along = drawn[:, 1] - drawn[:, 0]
    lengths = np.linalg.norm(along, axis=1) / 19
    assert 0.04 < lengths.std() < 0.08
    assert 0.03 < (lengths < 0.88).mean() < 0.1, "as people do who stop where they are sure"
    assert lengths.max() < 1.3
    assert 2.5 < np.degrees(np.arctan2(along[:, 1], along[:, 2])).std() < 5
    assert (along[:, 0] == 0).all()
    assert 0.1 < (drawn[:, 0, 0] != 50).mean() < 0.2


def test_some_lines_are_exact_and_most_are_not() -> None:
    ends = np.array([[10.0, 20, 20], [10, 20, 60]])
    exact = [
        np.array_equal(jitter_ends(np.random.default_rng(seed), ends, np.ones(3)), ends)
        for seed in range(300)
    ]
    assert 0.3 < np.mean(exact) < 0.5


def test_how_lines_are_drawn_is_the_configs_to_say() -> None:
    ends = np.array([[10.0, 20, 20], [10, 20, 60]])
    always = LineJitter(exact=0, scaled=1, shortest=0.7, longest=1)
    drawn = [jitter_ends(np.random.default_rng(seed), ends, np.ones(3), always) for seed in range(200)]
    assert np.mean([np.linalg.norm(one[1] - one[0]) for one in drawn]) / 40 == pytest.approx(0.85, abs=0.02)
    never = LineJitter(exact=1)
    np.testing.assert_array_equal(jitter_ends(np.random.default_rng(0), ends, np.ones(3), never), ends)


@pytest.mark.parametrize("wrong", [{"exact": 1.1}, {"scaled": -0.1}, {"shortest": 0.4}, {"longest": 0.9}])
def test_jitter_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(TrainingError, match="lines: "):
        LineJitter(**wrong)


def test_contrast_changes_inside_the_tumour_alone() -> None:
    hu = torch.full((20, 20, 20), 40.0)
    share = torch.zeros(20, 20, 20)
    share[6:14, 6:14, 6:14] = 1
    changes = []
    for seed in range(20):
        changed = change_contrast(np.random.default_rng(seed), hu, share) - hu
        assert not changed[:4].any()
        changes.append(float(changed[10, 10, 10]))
    assert 10 < np.std(changes) < 60


def test_thick_slices_keep_the_mean_and_move_the_line_onto_a_slice() -> None:
    volume = torch.linspace(0, 1, 64).reshape(1, 64, 1, 1).expand(2, 64, 4, 4)
    thick, z = thicken_slices(np.random.default_rng(1), volume, 20.0)
    assert thick.shape == volume.shape
    assert abs(z - 20.0) <= 3.5
    torch.testing.assert_close(thick[:, 8:56].mean(), volume[:, 8:56].mean(), atol=0.02, rtol=0)


def test_windowed_levels_are_whole_numbers_of_a_byte() -> None:
    levels = window_levels(np.random.default_rng(0), torch.linspace(-1024, 2000, 500))
    assert float(levels.min()) == 0
    assert float(levels.max()) == 255
    assert torch.equal(levels, levels.round())


def test_sources_are_drawn_by_weight_whatever_their_size() -> None:
    by_source = {"few": [0], "many": list(range(1, 100)), "unused": [100]}
    rng = np.random.default_rng(0)
    drawn = [sample_index(rng, by_source, {"few": 0.5, "many": 0.5}) for _ in range(400)]
    assert 150 < drawn.count(0) < 250
    assert 100 not in drawn
