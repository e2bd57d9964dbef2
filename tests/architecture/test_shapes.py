"""Shapes in the network's annotations are checked in this test run (see tests/conftest.py)."""

import jaxtyping
import pytest
import torch

from lite_ensam.training.losses import soft_dice_loss


def test_an_array_of_another_shape_than_annotated_is_caught() -> None:
    logits, target = torch.zeros(1, 1, 4, 4, 4), torch.zeros(1, 1, 4, 4, 5)
    with pytest.raises(jaxtyping.TypeCheckError, match="target"):
        soft_dice_loss(logits, target)
