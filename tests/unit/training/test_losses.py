"""The loss is the paper's: soft Dice plus twice the cross-entropy."""

from __future__ import annotations

import pytest
import torch

from lite_ensam.training.losses import dice_bce_loss, soft_dice_loss


def patch(values: list[float]) -> torch.Tensor:
    return torch.tensor(values).reshape(1, 1, 1, 1, -1)


def test_dice_by_hand() -> None:
    # p = (0.5, 0.5), g = (1, 0): 1 - 2 * 0.5 / (0.25 + 0.25 + 1)
    assert float(soft_dice_loss(patch([0.0, 0.0]), patch([1.0, 0.0]))) == pytest.approx(1 / 3, abs=1e-5)


def test_sum_by_hand() -> None:
    expected = 1 / 3 + 2 * 0.6931472
    assert float(dice_bce_loss(patch([0.0, 0.0]), patch([1.0, 0.0]))) == pytest.approx(expected, abs=1e-5)


def test_right_and_sure_costs_nothing_wrong_and_sure_costs_much() -> None:
    target = patch([1.0, 0.0, 0.0])
    assert float(dice_bce_loss(patch([20.0, -20, -20]), target)) < 1e-4
    assert float(dice_bce_loss(patch([-20.0, 20, 20]), target)) > 20


def test_what_is_not_known_costs_nothing() -> None:
    target, known = patch([1.0, 0.0, 0.0]), patch([1.0, 1.0, 0.0])
    right, wrong = patch([2.0, -2.0, -9.0]), patch([2.0, -2.0, 9.0])
    assert float(dice_bce_loss(right, target, known)) == float(dice_bce_loss(wrong, target, known))
    cut = dice_bce_loss(right[..., :2], target[..., :2])
    assert float(dice_bce_loss(right, target, known)) == pytest.approx(float(cut))


def test_a_batch_costs_the_mean_of_its_patches_however_much_of_each_is_known() -> None:
    logits, target = torch.randn(2, 1, 2, 2, 2), torch.ones(2, 1, 2, 2, 2)
    known = torch.ones_like(target)
    known[1, :, 0] = 0
    alone = [dice_bce_loss(logits[i : i + 1], target[i : i + 1], known[i : i + 1]) for i in range(2)]
    assert float(dice_bce_loss(logits, target, known)) == pytest.approx(float(sum(alone)) / 2, rel=1e-5)
