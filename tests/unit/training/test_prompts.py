"""Prompts in training say what a user would: the short axis, the slices, a click in the thickest wrong region."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lite_ensam.core.patch_config import LINE_CHANNELS, PROMPT_CHANNELS, PatchConfig
from lite_ensam.segmentation.channels import LineFrame, PatchPrompts, channels_of
from lite_ensam.training.batch_channels import channels_of_batch
from lite_ensam.training.batches import Batch
from lite_ensam.training.click_rounds import with_clicks
from lite_ensam.training.config import LESION_CHANNELS, PromptOdds
from lite_ensam.training.lesion_batches import Chance, Drawn
from lite_ensam.training.prompts import (
    Clicks,
    GivenExtent,
    cut_to_extent,
    draw_extent,
    next_clicks,
    short_axes,
    target_edges,
)
from lite_ensam.training.samplers import seeded

CPU = torch.device("cpu")
SIDE = 32
STEP = (2.0, 4.0, 4.0)
"""Voxels of the ellipsoid's scan per voxel of its patch."""

CONFIG = PatchConfig(side_voxels=SIDE, channels=LESION_CHANNELS)


def ellipsoid(count: int = 1) -> Drawn:
    """Radii 5 (z), 4 (y), 8 (x) about (15, 16, 14), its line, and a scan of 2 slices and 4 pixels a patch voxel."""
    z, y, x = np.indices((SIDE,) * 3)
    inside = ((z - 15) / 5.2) ** 2 + ((y - 16) / 4.2) ** 2 + ((x - 14) / 8.2) ** 2 <= 1
    target = torch.from_numpy(inside).float().expand(count, 1, SIDE, SIDE, SIDE)
    ends = torch.tensor([[15.0, 16, 6], [15, 16, 22]]).expand(count, 2, 3)
    rng = np.random.default_rng(0)
    grey = torch.from_numpy(rng.normal(40, 200, inside.shape)).float().expand_as(target)
    flags = torch.arange(count) % 2 == 1
    slices, pixels = torch.full((count,), 0.5), torch.full((count,), 0.25)
    return Drawn(grey, target, torch.ones_like(target), ends, slices, pixels, flags)


def test_the_short_axis_is_the_longest_chord_across_the_line() -> None:
    ends, found = short_axes(ellipsoid())
    assert bool(found)
    torch.testing.assert_close(ends.sort().values, torch.tensor([[-4.5, 4.5]]))
    nothing = ellipsoid()
    nothing.target.data = torch.zeros_like(nothing.target)
    assert not bool(short_axes(nothing)[1])


def test_edges_are_the_outer_faces_of_the_first_and_last_slice() -> None:
    edges = target_edges(ellipsoid().target, torch.ones(1))
    torch.testing.assert_close(edges, torch.tensor([[9.5, 20.5]]))


def test_a_flat_end_that_was_bent_is_taken_where_half_of_its_area_is_reached() -> None:
    target = torch.zeros(1, 1, SIDE, SIDE, SIDE)
    target[:, :, 8:20, 8:24, 8:24] = 1
    for depth, rows in ((7, 6), (20, 13), (21, 5)):  # of 16: a slanted end, most of it up to slice 20
        target[:, :, depth, 8 : 8 + rows, 8:24] = 1
    edges = target_edges(target, torch.tensor([4.0]))
    torch.testing.assert_close(edges, torch.tensor([[7.5, 20.5]]))
    extent = GivenExtent(torch.zeros(1, 2), torch.tensor([False]), edges, torch.tensor([[True, False]]))
    slices = cut_to_extent(target, extent)[0, 0].flatten(1).any(1).nonzero()[:, 0]
    assert (int(slices[0]), int(slices[-1])) == (8, 21), "the last slice is not given: nothing is cut there"


def test_extents_are_given_as_often_as_asked_and_about_right() -> None:
    drawn = replace(ellipsoid(4000), slice_voxels=torch.ones(4000))
    odds = PromptOdds(extent=0.5, short_axis=0.6, slices=0.8, each_slice=0.9)
    extent = draw_extent(Chance(seeded(CPU, 0), 4000), drawn, odds)
    assert float(extent.has_short_axis.float().mean()) == pytest.approx(0.3, abs=0.03)
    assert float(extent.has_edges[:, 0].float().mean()) == pytest.approx(0.36, abs=0.03)
    off = extent.edges - torch.tensor([9.5, 20.5])
    assert float(off.mean().abs()) < 0.02
    assert float(off.std()) == pytest.approx(0.1, abs=0.02)
    nothing = draw_extent(Chance(seeded(CPU, 0), 4000), drawn, PromptOdds(extent=0.0, rounds=(1.0,)))
    assert not nothing.has_short_axis.any()
    assert not nothing.has_edges.any()


def test_channels_are_those_of_inference() -> None:
    drawn = ellipsoid(2)
    extent = GivenExtent(
        torch.tensor([[-4.5, 3.0]] * 2), torch.ones(2, dtype=torch.bool), torch.tensor([[9.3, 21.0]] * 2),
        torch.tensor([[True, False]] * 2),
    )  # fmt: skip
    clicks = Clicks(
        torch.tensor([[[12.0, 16, 18], [20, 9, 9.5], [3, 3, 3]]] * 2), torch.tensor([[1.0, -1, 0]] * 2)
    )
    values = channels_of_batch(drawn, CONFIG, extent, clicks)
    # the line runs along x, so the short axis along y
    short_axis = np.array([[15.0, 16 - 4.5, 14], [15, 16 + 3.0, 14]])
    prompts = PatchPrompts(short_axis, 9.3, None, np.array([[12.0, 16, 18]]), np.array([[20, 9, 9.5]]))
    for number, hu in enumerate((True, False)):
        crop, ends = drawn.grey[number, 0].numpy(), drawn.ends[number].numpy()
        frame = LineFrame(crop, ends, (1.0, 1.0, 1.0), hu, CONFIG, prompts=prompts, step_zyx=STEP)
        expected = channels_of(frame)
        # a click's reach is a share of the side: here 2.5 lines are not quite the patch
        clicks_at = CONFIG.channels.index("clicks")
        difference = np.abs(values[number].numpy() - expected).max(axis=(1, 2, 3))
        assert (np.delete(difference, clicks_at) < 1e-4).all(), dict(
            zip(CONFIG.channels, difference, strict=True)
        )
        assert np.abs(values[number, clicks_at].numpy() - expected[clicks_at]).max() < 0.15


def test_clicks_fall_off_as_at_inference_where_the_patch_is_2_5_lines() -> None:
    drawn = ellipsoid()
    ends = torch.tensor([[[15.5, 15.5, 15.5 - SIDE / 5], [15.5, 15.5, 15.5 + SIDE / 5]]])
    drawn = replace(drawn, ends=ends)
    clicks = Clicks(torch.tensor([[[12.0, 16, 18], [20, 9, 9.5]]]), torch.tensor([[1.0, -1]]))
    prompts = PatchPrompts(inside_zyx=np.array([[12.0, 16, 18]]), outside_zyx=np.array([[20, 9, 9.5]]))
    crop = drawn.grey[0, 0].numpy()
    frame = LineFrame(crop, ends[0].numpy(), (1.0,) * 3, True, CONFIG, prompts=prompts, step_zyx=STEP)
    shown = channels_of_batch(drawn, CONFIG, clicks=clicks)[0].numpy()
    np.testing.assert_allclose(shown, channels_of(frame), atol=1e-4)


def test_without_prompts_their_channels_say_nothing() -> None:
    values = channels_of_batch(ellipsoid(2), CONFIG)
    prompts = [CONFIG.channels.index(name) for name in PROMPT_CHANNELS]
    assert (values[:, prompts] == 0.5).all()
    alone = channels_of_batch(ellipsoid(2), PatchConfig(side_voxels=SIDE, channels=LINE_CHANNELS))
    assert torch.equal(values[:, : len(LINE_CHANNELS)], alone)


def test_clicks_lie_in_the_thickest_wrong_region_with_its_sign() -> None:
    drawn = ellipsoid(40)
    logits = torch.where(drawn.target > 0.5, 2.0, -2.0).clone()
    logits[:, :, 24:31, 4:11, 4:11] = 2.0  # leaked: 7^3
    logits[:, :, 15:17, 15:17, 20:22] = -2.0  # missed: 2^3
    clicks = next_clicks(Chance(seeded(CPU, 1), 40), logits, drawn.target, drawn.known)
    assert (clicks.signs == -1).all()
    away = (clicks.points[:, 0] - torch.tensor([27.0, 7, 7])).abs().amax(1)
    assert float(away.max()) <= 3
    assert float((away <= 1).float().mean()) > 0.6
    hidden = drawn.known.clone()
    hidden[:, :, 24:31] = 0
    missed = next_clicks(Chance(seeded(CPU, 1), 40), logits, drawn.target, hidden)
    assert (missed.signs == 1).all(), "what is not known is not wrong"


def test_a_perfect_mask_gets_no_click() -> None:
    drawn = ellipsoid(2)
    logits = torch.where(drawn.target > 0.5, 2.0, -2.0)
    assert (next_clicks(Chance(seeded(CPU, 1), 2), logits, drawn.target, drawn.known).signs == 0).all()


def test_rounds_show_the_first_mask_and_every_click_since() -> None:
    drawn = ellipsoid(3)
    rounds = torch.tensor([0, 1, 2])
    batch = Batch(channels_of_batch(drawn, CONFIG), drawn.ends, drawn.target, drawn.known, rounds)
    seen = []

    def network(values: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
        seen.append(values)
        return torch.full((len(values), 1, SIDE, SIDE, SIDE), -1.0)

    clicked = with_clicks(network, batch, CONFIG, seeded(CPU, 4))
    assert [len(values) for values in seen] == [2, 1]
    clicks_at, mask_at = (CONFIG.channels.index(name) for name in ("clicks", "last_mask"))
    assert (clicked.values[0] == batch.values[0]).all(), "nobody clicked here"
    assert (seen[0][:, clicks_at] == 0.5).all()
    assert (seen[1][0, clicks_at] > 0.9).sum() == 1
    for number in (1, 2):
        torch.testing.assert_close(
            clicked.values[number, mask_at], torch.full((SIDE,) * 3, float(torch.tensor(-1.0).sigmoid()))
        )
        assert int((clicked.values[number, clicks_at] > 0.99).sum()) in (1, number)
    assert (batch.values[:, clicks_at] == 0.5).all(), "the batch itself is as it was"
