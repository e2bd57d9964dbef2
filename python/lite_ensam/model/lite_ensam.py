"""Lite ENSAM: a 3D U-Net whose bottleneck attends to the ends of a RECIST line (paper, Figure 1)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lite_ensam.model.config import ModelConfig
from lite_ensam.model.cross_attention import TwoWayTransformer, normalize_weights
from lite_ensam.model.image_encoder import ImageEncoder
from lite_ensam.model.lie_rope import LieRotations, grid_positions, point_positions
from lite_ensam.model.mask_decoder import MaskDecoder
from lite_ensam.model.prompt_encoder import PromptEncoder


class LiteEnsam(nn.Module):
    """The network: a patch and a line in, one logit per voxel out.

    Parameters
    ----------
    config : ModelConfig or None, default None
        Sizes; the default is the paper's network with 1.3 M parameters.

    Attributes
    ----------
    image_encoder : ImageEncoder
        Residual encoder of the patch.
    prompt_encoder : PromptEncoder
        Tokens of the line's ends.
    rotations : LieRotations
        Position encoding of the bottleneck's voxels and of the ends.
    transformer : TwoWayTransformer
        Attention between the image and the ends.
    mask_decoder : MaskDecoder
        Decoder from the bottleneck to the logits.
    """

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__()
        self.config = config or ModelConfig()
        self.image_encoder = ImageEncoder(self.config)
        self.prompt_encoder = PromptEncoder(self.config)
        self.rotations = LieRotations(self.config)
        self.transformer = TwoWayTransformer(self.config)
        self.mask_decoder = MaskDecoder(self.config)
        normalize_weights(self.transformer)

    def forward(
        self, patch: Float[Tensor, "b c z y x"], endpoints_zyx: Float[Tensor, "b 2 3"]
    ) -> Float[Tensor, "b 1 z y x"]:
        """Compute the logits of the marked tumour.

        Parameters
        ----------
        patch : Float[Tensor, "b c z y x"]
            Float32 in [0, 1], sides divisible by 8.
        endpoints_zyx : Float[Tensor, "b 2 3"]
            Voxel indices in the patch, the lexicographically smaller end first.

        Returns
        -------
        Float[Tensor, "b 1 z y x"]
            Logits at the resolution of the patch; above 0 is tumour.
        """
        image_rotations, token_rotations = self.position(tuple(patch.shape[2:]), endpoints_zyx)  # type: ignore[arg-type]
        return self.decode(self.image_encoder(patch), image_rotations, token_rotations)

    def position(
        self, patch_shape_zyx: tuple[int, int, int], endpoints_zyx: Float[Tensor, "b 2 3"]
    ) -> tuple[Float[Tensor, "1 n h h"], Float[Tensor, "b 2 h h"]]:
        """Compute the rotations of the bottleneck's grid and of the end points.

        Parameters
        ----------
        patch_shape_zyx : tuple[int, int, int]
            Shape of the patch.
        endpoints_zyx : Float[Tensor, "b 2 3"]
            End points of the lines, voxel indices in the patch.

        Returns
        -------
        tuple[Float[Tensor, "1 n h h"], Float[Tensor, "b 2 h h"]]
            Rotations of the bottleneck's voxels, and of the end points.
        """
        z, y, x = (side // self.config.stride for side in patch_shape_zyx)
        grid = self.rotations(grid_positions((z, y, x), endpoints_zyx.device))
        return grid[None], self.rotations(point_positions(endpoints_zyx, patch_shape_zyx))

    def decode(
        self,
        levels: list[Tensor],
        image_rotations: Float[Tensor, "1 n h h"],
        token_rotations: Float[Tensor, "b 2 h h"],
    ) -> Float[Tensor, "b 1 z y x"]:
        """Compute the logits of each line from the image encoder's levels and precomputed rotations.

        Matrix exponentials cannot be exported, so this and the image encoder are the parts that other engines run. One
        scan's levels serve all of its lines.

        Parameters
        ----------
        levels : list[Tensor]
            Outputs of the image encoder, the finest first.
        image_rotations : Float[Tensor, "1 n h h"]
            Rotations of the bottleneck's voxels, see `position`.
        token_rotations : Float[Tensor, "b 2 h h"]
            Rotations of the end points, see `position`.

        Returns
        -------
        Float[Tensor, "b 1 z y x"]
            Logits at the resolution of the patch; above 0 is tumour.
        """
        *skips, bottleneck = levels
        image = bottleneck.flatten(2).transpose(1, 2)
        tokens = self.prompt_encoder(token_rotations.shape[0])
        image = self.transformer(image, tokens, image_rotations, token_rotations)
        in_channels_last = bottleneck.is_contiguous(memory_format=torch.channels_last_3d)
        bottleneck = image.transpose(1, 2).reshape(bottleneck.shape).to(skips[-1].dtype)
        if in_channels_last:
            bottleneck = bottleneck.contiguous(memory_format=torch.channels_last_3d)
        return self.mask_decoder(bottleneck, skips)
