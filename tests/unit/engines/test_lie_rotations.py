"""The NumPy rotations that engines get are those the network was trained with."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lite_ensam.engines import lie_rotations as twin
from lite_ensam.model import lie_rope


@pytest.mark.parametrize("block", [2, 4, 16])
def test_rotations_match_torch(block: int) -> None:
    generator = torch.Generator().manual_seed(block)
    raw = torch.rand(3, 16 // block, block, block, generator=generator, dtype=torch.float64) * 6.28
    positions = torch.rand(40, 3, generator=generator, dtype=torch.float64)
    ours = twin.rotations(raw.numpy(), positions.numpy())
    theirs = lie_rope.rotations(raw, positions).numpy()
    np.testing.assert_allclose(ours, theirs, atol=2e-4)


def test_positions_match_torch() -> None:
    np.testing.assert_allclose(
        twin.grid_positions((2, 3, 5)), lie_rope.grid_positions((2, 3, 5)).numpy(), atol=1e-6
    )
    points = np.array([[[3.0, 4.5, 30.0], [0.0, 1.0, 2.0]]], np.float32)
    np.testing.assert_allclose(
        twin.point_positions(points, (16, 24, 40)),
        lie_rope.point_positions(torch.from_numpy(points), (16, 24, 40)).numpy(),
        atol=1e-6,
    )
