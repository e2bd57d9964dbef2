"""LieRE: positions as rotations (arXiv 2406.10322; paper, section 2 'Method').

A position x becomes R(x) = blockdiag_j exp(x_z A_zj + x_y A_yj + x_x A_xj) with learnt skew-symmetric
A. Queries and keys are rotated by it, so that an attention logit depends on where two tokens stand to
each other: exactly so for blocks of 2 (RoPE-Mixed), to first order for larger ones.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lite_ensam.model.config import ModelConfig


def rotations(
    generators: Float[Tensor, "3 m b b"], positions_zyx: Float[Tensor, "*n 3"]
) -> Float[Tensor, "*n d d"]:
    """Rotation matrix of each position, block-diagonal, float32.

    Parameters
    ----------
    generators : Float[Tensor, "3 m b b"]
        Raw matrices an axis and block; only their strict upper triangles matter.
    positions_zyx : Float[Tensor, "*n 3"]
        Positions in units of the patch's longest side.
    """
    upper = torch.triu(generators.float(), diagonal=1)
    skew = upper - upper.transpose(-1, -2)
    # sums and products rather than matrix products, which an autocast would round to bfloat16
    exponent = (positions_zyx.float()[..., None, None, None] * skew).sum(dim=-4)
    if generators.shape[-1] == 2:
        angle = exponent[..., 0, 1]
        cos, sin = angle.cos(), angle.sin()
        blocks = torch.stack([cos, sin, -sin, cos], dim=-1).reshape(exponent.shape)
    else:
        blocks = torch.linalg.matrix_exp(exponent)
    n_blocks, size = blocks.shape[-3], blocks.shape[-1]
    diagonal = torch.eye(n_blocks, device=blocks.device)[:, None, :, None]
    matrix = blocks[..., :, :, None, :] * diagonal  # (*n, block, row, block, column)
    return matrix.reshape(*positions_zyx.shape[:-1], n_blocks * size, n_blocks * size)


def grid_positions(
    shape_zyx: tuple[int, int, int], device: torch.device | None = None
) -> Float[Tensor, "n 3"]:
    """Centres of the bottleneck's cells in units of the longest side, in C order."""
    longest = max(shape_zyx)
    axes = [(torch.arange(side, device=device) + 0.5) / longest for side in shape_zyx]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 3)


def point_positions(
    points_zyx: Float[Tensor, "*n 3"], patch_shape_zyx: tuple[int, int, int]
) -> Float[Tensor, "*n 3"]:
    """Voxel indices of a patch to the units of `grid_positions`."""
    return (points_zyx + 0.5) / max(patch_shape_zyx)


class LieRotations(nn.Module):
    """One set of generators, shared by all layers and heads, as in ENSAM."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size = config.rotation_block
        # three dimensions, not four: a module with a 4-D weight cannot be moved to channels_last_3d
        raw = torch.rand(3 * config.head_dim // size, size, size) * config.rotation_init
        self.generators = nn.Parameter(raw)

    def forward(self, positions_zyx: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n d d"]:
        """`rotations` by the learnt generators."""
        return rotations(self.generators.unflatten(0, (3, -1)), positions_zyx)
