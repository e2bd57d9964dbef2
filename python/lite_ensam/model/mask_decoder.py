"""Mask decoder: bottleneck and skips to one logit a voxel (paper, section 2.1 'Image decoder')."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lite_ensam.model.blocks import ChannelAffine, InstanceNorm, Pointwise, ResBlock, upsample
from lite_ensam.model.config import ModelConfig


class VoxelHead(nn.Module):
    """1x1x1 convolution to one channel, written as multiply and sum.

    A convolution with one output channel has ambiguous strides, and torch then drops the channels-last
    layout for the whole backward pass: five times slower in bfloat16 on a CPU.
    """

    def __init__(self, channels: int, bias: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, channels) / channels**0.5)
        self.bias = nn.Parameter(torch.full((1,), bias))

    def forward(self, features: Float[Tensor, "b c z y x"]) -> Float[Tensor, "b 1 z y x"]:
        """Logits in float32."""
        if not self.training:
            weighted = features.float() * self.weight.reshape(1, -1, 1, 1, 1)
            return weighted.sum(dim=1, keepdim=True) + self.bias
        return F.linear(features.float().movedim(1, -1), self.weight, self.bias).movedim(-1, 1)


class MaskDecoder(nn.Module):
    """From the bottleneck up: double the sides, join the encoder's skip, one residual block a level."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.adds = config.decoder == "add"
        norm = InstanceNorm if config.decoder_norm == "instance" else ChannelAffine
        levels = range(len(config.blocks) - 2, -1, -1)
        self.squeezes = nn.ModuleList()
        self.stages = nn.ModuleList()
        below = config.embed_dim
        for level in levels:
            skip = config.channels[level]
            if self.adds:
                self.squeezes.append(Pointwise(below, skip))
                self.stages.append(ResBlock(skip, skip, norm))
                below = skip
            else:
                self.squeezes.append(nn.Identity())
                filters = max(skip // 2, config.decoder_floor)
                self.stages.append(ResBlock(below + skip, filters, norm))
                below = filters
        self.head = VoxelHead(below, config.head_bias)

    def forward(self, bottleneck: Tensor, skips: list[Tensor]) -> Float[Tensor, "b 1 z y x"]:
        """Logits at the patch's resolution; above 0 is tumour.

        Parameters
        ----------
        bottleneck : Tensor
            Bottleneck (b, c, z/8, y/8, x/8).
        skips : list[Tensor]
            The encoder's outputs above the bottleneck, full resolution first.
        """
        features = bottleneck
        for squeeze, stage, skip in zip(self.squeezes, self.stages, reversed(skips), strict=True):
            features = upsample(squeeze(features))
            features = features + skip if self.adds else torch.cat([features, skip], dim=1)
            features = stage(features)
        return self.head(features)
