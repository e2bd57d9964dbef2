"""Image encoder: patch to features at four resolutions (paper, section 2.1 'Image encoder')."""

from __future__ import annotations

from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from lite_ensam.model.blocks import ResBlock, conv3
from lite_ensam.model.config import ModelConfig


class ImageEncoder(nn.Module):
    """SegResNet's encoder: a stem, then levels of residual blocks with stride-2 steps between them."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        channels = config.channels
        self.stem = conv3(config.in_channels, channels[0])
        self.downs = nn.ModuleList(conv3(upper, lower, stride=2) for upper, lower in pairwise(channels))
        self.levels = nn.ModuleList(
            nn.Sequential(*(ResBlock(width, width) for _ in range(n_blocks)))
            for width, n_blocks in zip(channels, config.blocks, strict=True)
        )

    def forward(self, patch: Float[Tensor, "b c z y x"]) -> list[Tensor]:
        """Features of every level, full resolution first.

        Parameters
        ----------
        patch : Float[Tensor, "b c z y x"]
            Values in [0, 1], sides divisible by the config's stride (8).

        Returns
        -------
        list[Tensor]
            List of (b, filters * 2^level, z / 2^level, y / 2^level, x / 2^level).
        """
        features = self.levels[0](self.stem(patch - 0.5))
        skips = [features]
        for down, level in zip(self.downs, list(self.levels)[1:], strict=True):
            features = level(down(features))
            skips.append(features)
        return skips
