"""The network meets the paper's numbers and obeys the rules its parts promise."""

from __future__ import annotations

import math

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from lite_ensam.model import LiteEnsam, ModelConfig
from lite_ensam.model.cross_attention import GatedMLP, RotaryAttention, normalize_weights
from lite_ensam.model.lie_rope import LieRotations, grid_positions, point_positions

SMALL = ModelConfig(blocks=(1, 1, 1, 1), rotation_block=2)


def n_parameters(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_parameters_are_the_papers_1_3_million() -> None:
    assert n_parameters(LiteEnsam()) == 1_300_101


def test_a_forward_pass_at_128_costs_the_papers_29_gmac() -> None:
    with torch.device("meta"):
        model = LiteEnsam(ModelConfig(rotation_block=2)).eval()
        patch, ends = torch.empty(1, 1, 128, 128, 128), torch.empty(1, 2, 3)
        with FlopCounterMode(display=False) as counter:
            model(patch, ends)
    assert counter.get_total_flops() / 2e9 == pytest.approx(28.96, abs=0.05)


def test_the_authors_additive_decoder_can_be_built() -> None:
    model = LiteEnsam(ModelConfig(decoder="add", mlp_ratio=4))
    assert n_parameters(model) == pytest.approx(1.3644e6, rel=1e-3)
    assert model.eval()(torch.rand(1, 1, 16, 16, 16), torch.rand(1, 2, 3) * 16).shape == (1, 1, 16, 16, 16)


@pytest.mark.parametrize("in_channels", [1, 5])
def test_logits_have_the_patchs_sides_whatever_they_are(in_channels: int) -> None:
    model = LiteEnsam(ModelConfig(in_channels=in_channels, blocks=(1, 1, 1, 1))).eval()
    logits = model(torch.rand(2, in_channels, 8, 24, 16), torch.rand(2, 2, 3) * 8)
    assert logits.shape == (2, 1, 8, 24, 16)


def test_an_untrained_network_expects_few_tumor_voxels() -> None:
    torch.manual_seed(0)
    logits = LiteEnsam(SMALL).eval()(torch.rand(1, 1, 16, 16, 16), torch.rand(1, 2, 3) * 16)
    assert (logits.sigmoid() < 0.2).float().mean() > 0.9


@pytest.mark.parametrize("block", [2, 4, 8, 16])
def test_rotations_are_orthogonal_and_the_origin_does_not_turn(block: int) -> None:
    torch.manual_seed(1)
    rotate = LieRotations(ModelConfig(rotation_block=block))
    matrices = rotate(torch.rand(50, 3))
    eye = torch.eye(16)
    torch.testing.assert_close(matrices @ matrices.transpose(1, 2), eye.expand(50, 16, 16), atol=2e-4, rtol=0)
    torch.testing.assert_close(rotate(torch.zeros(1, 3))[0], eye, atol=1e-6, rtol=0)


def test_rotations_of_block_two_depend_on_the_difference_of_positions_alone() -> None:
    torch.manual_seed(2)
    rotate = LieRotations(ModelConfig(rotation_block=2))
    a, b = torch.rand(20, 3), torch.rand(20, 3)
    between = rotate(a).transpose(1, 2) @ rotate(b)
    torch.testing.assert_close(between, rotate(b - a), atol=1e-5, rtol=0)


def test_grid_and_endpoints_share_one_coordinate_system() -> None:
    grid = grid_positions((2, 4, 3)).reshape(2, 4, 3, 3)
    # the centre of bottleneck cell (1, 2, 0) is the middle of patch voxels 8..15, 16..23, 0..7
    voxel = point_positions(torch.tensor([11.5, 19.5, 3.5]), (16, 32, 24))
    torch.testing.assert_close(grid[1, 2, 0], voxel)


def test_weights_of_the_transformer_have_unit_length_after_the_normaliser() -> None:
    model = LiteEnsam(SMALL)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(3.7)
    normalize_weights(model)
    n_checked = 0
    for part in model.modules():
        if isinstance(part, RotaryAttention):
            rows, columns = [part.query, part.key, part.value], part.out
        elif isinstance(part, GatedMLP):
            rows, columns = [part.up], part.down
        else:
            continue
        for linear in rows:
            torch.testing.assert_close(linear.weight.norm(dim=1), torch.ones(linear.weight.shape[0]))
        torch.testing.assert_close(columns.weight.norm(dim=0), torch.ones(columns.weight.shape[1]))
        n_checked += 1
    assert n_checked == 2 * 4


def test_two_lines_in_one_image_give_two_masks() -> None:
    torch.manual_seed(3)
    model = LiteEnsam(ModelConfig(rotation_block=2)).eval()
    patch = torch.rand(1, 1, 32, 32, 32).expand(2, -1, -1, -1, -1)
    lines = torch.tensor([[[4.0, 4, 4], [4, 4, 10]], [[25.0, 25, 14], [25, 25, 28]]])
    first, second = model(patch, lines)
    assert (first - second).abs().max() > 1e-3


def test_the_two_ends_of_a_line_are_told_apart_only_with_distinct_types() -> None:
    def change_on_swap(distinct: bool) -> float:
        torch.manual_seed(4)
        model = LiteEnsam(ModelConfig(blocks=(1, 1, 1, 1), distinct_endpoints=distinct)).eval()
        patch, line = torch.rand(1, 1, 16, 16, 16), torch.rand(1, 2, 3) * 16
        with torch.no_grad():
            return float((model(patch, line) - model(patch, line.flip(1))).abs().max())

    assert change_on_swap(distinct=True) > 1e-4
    assert change_on_swap(distinct=False) < 1e-5


def test_gradients_reach_every_parameter() -> None:
    torch.manual_seed(5)
    model = LiteEnsam().train()
    model(torch.rand(1, 1, 32, 32, 32), torch.rand(1, 2, 3) * 32).square().mean().backward()
    dead = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert dead == []


def test_training_and_inference_normalise_alike() -> None:
    torch.manual_seed(6)
    model = LiteEnsam(SMALL)
    patch, line = torch.rand(2, 1, 16, 16, 16), torch.rand(2, 2, 3) * 16
    with torch.no_grad():
        torch.testing.assert_close(
            model.train()(patch, line), model.eval()(patch, line), atol=1e-4, rtol=1e-4
        )


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"rotation_block": 3}, "rotation_block must divide the head size 16, got 3"),
        ({"heads": 5}, "heads must divide the embedding size 64, got 5"),
        ({"filters": 0}, "filters must be 1 or more, got 0"),
        ({"heads": 0}, "heads must be 1 or more, got 0"),
        ({"blocks": (1,)}, r"blocks must be 2 or more numbers of 0 or more, got \(1,\)"),
        ({"decoder": "deconv"}, "decoder must be 'concat_half' or 'add', got 'deconv'"),
    ],
)
def test_a_config_that_cannot_be_built_says_why(numbers: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ModelConfig(**numbers)  # type: ignore[arg-type]


def test_config_survives_the_checkpoint() -> None:
    config = ModelConfig(in_channels=5, rotation_init=math.e, decoder_floor=8)
    assert ModelConfig.from_dict(config.to_dict()) == config
    with pytest.raises(ValueError, match="unknown fields \\['depth'\\]"):
        ModelConfig.from_dict({**config.to_dict(), "depth": 3})
