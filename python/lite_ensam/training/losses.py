"""Soft Dice plus twice the binary cross-entropy (paper, Table 2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

BCE_WEIGHT = 2.0
"""Weight of the cross entropy next to the Dice loss (the paper's Table 2)."""


def soft_dice_loss(
    logits: Float[Tensor, "b 1 z y x"],
    target: Float[Tensor, "b 1 z y x"],
    known: Float[Tensor, "b 1 z y x"] | None = None,
) -> Float[Tensor, ""]:
    """1 - Dice with squared sums in the denominator, summed over space, averaged over patches.

    `known` is 0 where nothing is to be learnt; None is 1 everywhere.
    """
    probability = logits.float().sigmoid()
    if known is not None:
        probability, target = probability * known, target * known
    space = (1, 2, 3, 4)
    overlap = (probability * target).sum(space)
    total = probability.square().sum(space) + target.square().sum(space)
    return (1 - (2 * overlap + 1e-5) / (total + 1e-5)).mean()


def dice_bce_loss(
    logits: Float[Tensor, "b 1 z y x"],
    target: Float[Tensor, "b 1 z y x"],
    known: Float[Tensor, "b 1 z y x"] | None = None,
) -> Float[Tensor, ""]:
    """The paper's loss; `target` is 0 or 1, or a share of the voxel between them; `known` as above."""
    bce = F.binary_cross_entropy_with_logits(logits.float(), target, weight=known, reduction="none")
    if known is None:
        known = torch.ones_like(bce)
    # of each patch by itself: two processes with a patch each learn what one learns from both
    of_patch = bce.flatten(1).sum(1) / known.flatten(1).sum(1).clamp(min=1)
    return soft_dice_loss(logits, target, known) + BCE_WEIGHT * of_patch.mean()
