"""Whatever is drawn, the line still marks the lesion and the patch is what inference would cut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lite_ensam.core.patch_config import GREY_CHANNELS, LINE_CHANNELS, SCAN_CHANNELS, PatchConfig
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.segmentation.channels import prepare_lesion
from lite_ensam.training.batch_channels import channels_of_batch
from lite_ensam.training.config import JITTER, LineJitter
from lite_ensam.training.crop_cache import LesionCropCache, cut, write_bank
from lite_ensam.training.lesion_batches import (
    Chance,
    Drawn,
    _bends,
    _other_tissues,
    _slice_keeping_maps,
    _smooth,
    _with_thick_slices,
    draw_patches,
    jitter_lines,
)
from lite_ensam.training.samplers import DeviceBank, seeded, size_odds

CONFIG = PatchConfig()
MARGIN = PatchConfig(side_voxels=48, end_margin_voxels=0.5, channels=LINE_CHANNELS + SCAN_CHANNELS)
CPU = torch.device("cpu")


def chance(seed: int, count: int) -> Chance:
    return Chance(seeded(CPU, seed), count)


def draw(
    bank: LesionCropCache, seed: int | None, count: int, config: PatchConfig = MARGIN, redrawn: float = 0.0
) -> Drawn:
    lesions = DeviceBank(bank, CPU)
    picked = torch.arange(count) % len(bank)
    crops = lesions.crops(picked, torch.zeros_like(picked))
    numbers = None if seed is None else chance(seed, count)
    return draw_patches(crops, config, JITTER, numbers, redrawn)


def test_without_chance_the_patch_is_centred_and_scaled_to_the_line(bank: LesionCropCache) -> None:
    drawn = draw(bank, None, 3, CONFIG)
    assert drawn.grey.shape == drawn.target.shape == (3, 1, 64, 64, 64)
    lengths = (drawn.ends[:, 1] - drawn.ends[:, 0]).norm(dim=1)
    torch.testing.assert_close(lengths, torch.full((3,), 64 / 2.5))
    torch.testing.assert_close(drawn.ends.mean(1), torch.full((3, 3), 31.5))
    radius = 64 / 2.5 / 2
    for target in drawn.target:
        assert float(target.sum()) == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.03)


@pytest.mark.parametrize("config", [CONFIG, MARGIN])
def test_without_chance_it_is_what_inference_would_cut(config: PatchConfig, tmp_path) -> None:
    case = make_phantom()
    write_bank(tmp_path, (cut(case, mark, "phantom") for mark in case.marks))
    drawn = draw(LesionCropCache([tmp_path]), None, len(case.marks), config)
    values = channels_of_batch(drawn, config)
    for number, mark in enumerate(case.marks):
        patch = prepare_lesion(case, mark, config)
        np.testing.assert_allclose(drawn.ends[number], patch.endpoints_zyx, atol=1e-3)
        difference = np.abs(values[number].numpy() - patch.values).mean(axis=(1, 2, 3))
        # greys come through two resamplings instead of one; distances are the same numbers
        grey = np.array([name in GREY_CHANNELS for name in config.channels])
        assert (difference[grey] < 0.06).all()
        assert (difference[~grey] < 1e-5).all()


def test_an_augmented_line_still_lies_in_its_lesion(bank: LesionCropCache) -> None:
    drawn = draw(bank, 3, 24)
    assert set(drawn.target.unique().tolist()) == {0.0, 1.0}
    for ends, target in zip(drawn.ends.double(), drawn.target[:, 0], strict=True):
        first, second = ends
        assert float(first[0]) == float(second[0])
        assert first.tolist() < second.tolist()
        for share in (0.15, 0.5, 0.85):
            z, y, x = (first + share * (second - first)).round().long().tolist()
            assert target[z, y, x] == 1
        for beyond in (-0.35, 1.35):
            z, y, x = (first + beyond * (second - first)).round().long().tolist()
            assert target[z, y, x] == 0


def test_a_quarter_of_the_lesions_is_much_flatter_or_taller_than_it_was() -> None:
    along = torch.tensor([[0.0, 6.0, 8.0]]).repeat(4000, 1)
    z = _slice_keeping_maps(chance(0, 4000), along)[:, 0]
    assert not z[:, 1:].any(), "slices stay axial"
    taller = z[:, 0].abs().log()
    assert (float(taller.min()), float(taller.max())) == (
        pytest.approx(-0.8, abs=0.01),
        pytest.approx(0.6, abs=0.01),
    )
    assert float((taller.abs() > 0.35).float().mean()) == pytest.approx(0.25, abs=0.03)
    assert float((z[:, 0] < 0).float().mean()) == pytest.approx(0.5, abs=0.03)


def test_the_same_seed_draws_the_same_patches(bank: LesionCropCache) -> None:
    one, two, other = (draw(bank, seed, 3) for seed in (5, 5, 6))
    assert torch.equal(one.grey, two.grey)
    assert torch.equal(one.target, two.target)
    assert not torch.equal(one.grey, other.grey)


def test_a_redrawn_contour_is_another_readers_and_all_else_stays(bank: LesionCropCache) -> None:
    once = draw(bank, 7, 40, redrawn=1e-9)
    again = draw(bank, 7, 40, redrawn=1.0)
    assert torch.equal(once.grey, again.grey)
    assert torch.equal(once.ends, again.ends)
    both = (once.target * again.target).flatten(1).sum(1)
    sizes = (once.target.flatten(1).sum(1), again.target.flatten(1).sum(1))
    dice = 2 * both / (sizes[0] + sizes[1])
    assert 0.7 < float(dice.min()) < float(dice.max()) < 0.995
    larger = (sizes[1] / sizes[0]).log()
    assert float(larger.mean().abs()) < 0.06, "neither larger nor smaller on average"
    assert 0.08 < float(larger.std()) < 0.25
    heights = [target.flatten(3).amax(3).sum(2)[:, 0] for target in (once.target, again.target)]
    assert 0.05 < float((heights[1] / heights[0]).log().std()) < 0.25, "it ends on other slices"
    for ends, target in zip(again.ends.double(), again.target[:, 0], strict=True):
        for share in (0.2, 0.5, 0.8):
            z, y, x = (ends[0] + share * (ends[1] - ends[0])).round().long().tolist()
            assert target[z, y, x] == 1, "the line is still its line"


def test_some_patches_are_windowed_and_some_are_not(bank: LesionCropCache) -> None:
    drawn = draw(bank, 1, 60, PatchConfig(side_voxels=16))
    assert 5 < int(drawn.windowed.sum()) < 28
    levels = drawn.grey[drawn.windowed]
    assert float(levels.min()) >= 0
    assert float(levels.max()) <= 255
    assert torch.equal(levels, levels.round())


def test_bending_is_smooth_and_leaves_the_ends_alone() -> None:
    ends = torch.tensor([[[32.0, 20.0, 12.0], [32.0, 30.0, 50.0]]]).repeat(20, 1, 1)
    field = _bends(chance(0, 20), ends, 64)
    assert field.shape == (20, 3, 64, 64, 64)
    for z, y, x in ends[0].long().tolist():
        assert float(field[:, :, z, y, x].abs().max()) < 0.05
    assert 0.2 < float(field.abs().max()) < 15
    still = (field == 0).flatten(1).all(1)
    assert 1 <= int(still.sum()) <= 12, "30 % are not bent"
    for axis in (2, 3, 4):
        assert float(field.diff(dim=axis).abs().max()) < 0.9


def test_slices_of_one_voxel_change_nothing_and_thick_ones_average() -> None:
    volumes = torch.rand(2, 1, 24, 4, 4, generator=torch.Generator().manual_seed(0))
    ends = torch.full((2, 2, 3), 11.0)
    thick, moved = _with_thick_slices(chance(2, 2), volumes, ends, torch.tensor([1.0, 4.0]))
    assert torch.equal(thick[0], volumes[0])
    assert torch.equal(moved[0], ends[0])
    assert float(thick[1].diff(dim=1).abs().max()) < 0.6 * float(volumes[1].diff(dim=1).abs().max())
    assert float(thick[1].mean()) == pytest.approx(float(volumes[1].mean()), abs=0.05)
    assert float((moved[1] - ends[1])[:, 0].abs().max()) <= 2
    ramp = torch.arange(24.0).reshape(1, 1, 24, 1, 1)
    for seed in range(4):
        smooth, _ = _with_thick_slices(chance(seed, 1), ramp, ends[:1], torch.tensor([3.0]))
        torch.testing.assert_close(smooth[0, 0, 3:-3], ramp[0, 0, 3:-3])


def test_lines_differ_as_those_of_readers_do() -> None:
    """At the median of 4,927 real marks, 19 mm on pixels of 0.8 mm; see docs/guide/training.md."""
    ends = torch.tensor([[50.0, 20, 20], [50, 20, 39]]).expand(4000, 2, 3)
    drawn = jitter_lines(chance(0, 4000), ends, torch.tensor([5.0, 0.8, 0.8]).expand(4000, 3), JITTER).numpy()
    along = drawn[:, 1] - drawn[:, 0]
    lengths = np.linalg.norm(along, axis=1) / 19
    assert 0.04 < lengths.std() < 0.08
    assert 0.03 < (lengths < 0.88).mean() < 0.1, "as people do who stop where they are sure"
    assert lengths.max() < 1.3
    assert 2.5 < np.degrees(np.arctan2(along[:, 1], along[:, 2])).std() < 5
    assert (along[:, 0] == 0).all()
    assert 0.08 < (drawn[:, 0, 0] != 50).mean() < 0.2
    exact = (drawn == ends.numpy()).all(axis=(1, 2))
    assert 0.36 < exact.mean() < 0.44


def test_short_lines_are_as_short_as_they_may_be() -> None:
    ends = torch.tensor([[50.0, 20, 0], [50, 20, 1000]]).expand(500, 2, 3)
    lines = LineJitter(exact=0.0, scaled=1.0, shortest=0.7, longest=1.0)
    drawn = jitter_lines(chance(0, 500), ends, torch.full((500, 3), 1e-3), lines)
    lengths = (drawn[:, 1] - drawn[:, 0]).norm(dim=1) / 1000
    assert 0.6 < float(lengths.min()) < 0.72
    assert 0.8 < float(lengths.mean()) < 0.9


def test_one_readers_contour_comes_with_that_readers_line(bank: LesionCropCache) -> None:
    lesions = DeviceBank(bank, CPU)
    agreed, alone = (lesions.draw(chance(1, 40), {}, readers) for readers in (0.0, 1.0))
    volume = agreed.volumes[:, 1].sum((1, 2, 3)).mean(), alone.volumes[:, 1].sum((1, 2, 3)).mean()
    assert float(volume[1] / volume[0]) == pytest.approx(0.8**3, rel=0.05)
    length = [(crops.ends[:, 1] - crops.ends[:, 0]).norm(dim=1).mean() for crops in (agreed, alone)]
    assert float(length[1] / length[0]) == pytest.approx(0.8, rel=0.01)


@pytest.mark.parametrize(("balance", "of_large"), [(0.0, 2 / 22), (1.0, 1 / 2)])
def test_few_large_lesions_are_drawn_as_often_as_many_small_ones_where_that_is_asked_for(
    balance: float, of_large: float
) -> None:
    small, large = torch.full((20, 3), 4.0), torch.full((2, 3), 0.8)  # voxels of the crop a voxel of the scan
    odds = size_odds(torch.cat([small, large]), balance)
    assert float(odds[20:].sum() / odds.sum()) == pytest.approx(of_large)


def test_the_odds_of_sizes_decide_what_is_drawn(tmp_path: Path) -> None:
    case = make_phantom(seed=3)
    crops = [cut(case, mark, "made up") for mark in case.marks]
    tiny, *rest = crops
    write_bank(tmp_path, [replace(tiny, native_voxel_zyx=(9.0, 9.0, 9.0)), *[rest[0]] * 9])
    lesions = DeviceBank(LesionCropCache([tmp_path]), CPU, size_balance=1.0)
    drawn = lesions.draw(chance(1, 400), {}, 0.0)
    assert float((drawn.native_voxel[:, 0] == 9).float().mean()) == pytest.approx(0.5, abs=0.08)


def test_smoothing_is_the_mean_of_the_neighbours_that_there_are() -> None:
    volumes = torch.rand(2, 1, 5, 6, 7)
    expected = torch.nn.functional.avg_pool3d(volumes, 3, stride=1, padding=1, count_include_pad=False)
    torch.testing.assert_close(_smooth(volumes), expected)


def test_other_tissues_keep_their_order_or_all_reverse_it() -> None:
    hu = torch.linspace(-1100, 1100, 4**3).reshape(1, 1, 4, 4, 4).expand(400, 1, 4, 4, 4)
    share = (hu > 0).float() * (hu < 80)
    mapped = _other_tissues(chance(1, 400), hu, share, 1.0)
    steps = mapped.flatten(1).diff(dim=1)
    rises, falls = (steps >= -1e-3).all(1), (steps <= 1e-3).all(1)
    assert bool((rises ^ falls).all())
    assert float(rises.float().mean()) == pytest.approx(0.5, abs=0.08)
    ranges = mapped.amax((1, 2, 3, 4)) - mapped.amin((1, 2, 3, 4))
    assert 80 <= float(ranges.min()) <= 100
    assert 670 <= float(ranges.max()) <= 700.1
    tumours = (mapped * share).sum((1, 2, 3, 4)) / share.sum((1, 2, 3, 4))
    assert float(tumours.mean()) == pytest.approx(30, abs=6)
    assert float(tumours.std()) == pytest.approx(40, abs=5)
    assert float(steps[:, 0].abs().max()) < 1e-3  # below -1024 HU all is air
    some = _other_tissues(chance(1, 400), hu, share, 0.3)
    assert float((some != hu).flatten(1).any(1).float().mean()) == pytest.approx(0.3, abs=0.06)
