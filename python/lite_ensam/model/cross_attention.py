"""Two-way attention between image and endpoint embeddings at the bottleneck (paper, Figure 1).

A normalised transformer (nGPT, arXiv 2410.01131): embeddings and weight rows have unit length, each
sub-layer moves an embedding a learnt step towards its output and back onto the sphere.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lite_ensam.model.config import ModelConfig

STEP_INIT = 0.1
"""Initial size of the learnt step of each sub-layer (nGPT's alpha in ENSAM's version)."""


def unit(vectors: Tensor, dim: int = -1) -> Tensor:
    """Scale to unit length along `dim`; a zero vector stays zero."""
    return F.normalize(vectors, dim=dim, eps=1e-6)


class Step(nn.Module):
    """Update `h <- unit(h + a * (unit(update) - h))`, with a learnt a >= 0 for each channel."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(dim))

    def forward(
        self, state: Float[Tensor, "b n d"], update: Float[Tensor, "b n d"]
    ) -> Float[Tensor, "b n d"]:
        """One step on the sphere."""
        size = (STEP_INIT * self.alpha).abs()
        return unit(state + size * (unit(update) - state))


class RotaryAttention(nn.Module):
    """Multi-head attention on unit queries and keys, rotated by their positions."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        dim = config.embed_dim
        self.heads = config.heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.out = nn.Linear(dim, dim)
        self.step = Step(dim)
        self.sharpness = nn.Parameter(torch.ones(dim))

    def forward(
        self,
        state: Float[Tensor, "b n d"],
        source: Float[Tensor, "b k d"],
        state_rotations: Float[Tensor, "#b n h h"],
        source_rotations: Float[Tensor, "#b k h h"],
    ) -> Float[Tensor, "b n d"]:
        """`state` after attending to `source`."""
        query = unit(self._rotate(self.query(state), state_rotations))
        key = unit(self._rotate(self.key(source), source_rotations))
        value = self._split(self.value(source))
        head_dim = query.shape[-1]
        # s_qk scales queries and keys alike, and nGPT's softmax scale is sqrt(head size):
        # all of it on the query, which leaves the key bare
        scale = math.sqrt(head_dim) * self.sharpness.square().reshape(self.heads, 1, head_dim)
        weights = torch.softmax((query * scale) @ key.transpose(-1, -2), dim=-1)
        mixed = (weights @ value).transpose(1, 2).flatten(2)
        return self.step(state, self.out(mixed))

    def _split(self, vectors: Tensor) -> Tensor:
        """(b, n, heads * h) to (b, heads, n, h)."""
        return vectors.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def _rotate(self, vectors: Tensor, matrices: Tensor) -> Tensor:
        """Each head's vector turned by its token's rotation: (b, heads, n, h)."""
        by_token = vectors.unflatten(-1, (self.heads, -1))  # b n heads h
        turned = by_token @ matrices.transpose(-1, -2)  # rows times R^T are R times columns
        return turned.transpose(1, 2)


class GatedMLP(nn.Module):
    """SwiGLU on unit vectors, nGPT's scaling."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        dim, hidden = config.embed_dim, config.mlp_ratio * config.embed_dim
        self.up = nn.Linear(dim, 2 * hidden)
        self.down = nn.Linear(hidden, dim)
        self.gain = nn.Parameter(torch.ones(2 * hidden))
        self.step = Step(dim)

    def forward(self, state: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        """`state` after its own MLP."""
        linear, gate = (self.up(state) * (self.gain * math.sqrt(state.shape[-1]))).chunk(2, dim=-1)
        return self.step(state, self.down(linear * F.silu(gate)))


class TwoWayLayer(nn.Module):
    """Tokens attend to each other, then to the image, think, and the image attends to them."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.token_self = RotaryAttention(config)
        self.token_to_image = RotaryAttention(config)
        self.token_mlp = GatedMLP(config)
        self.image_to_token = RotaryAttention(config)

    def forward(
        self, image: Tensor, tokens: Tensor, image_rotations: Tensor, token_rotations: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Image (b, n, d) and tokens (b, 2, d), both moved once."""
        tokens = self.token_self(tokens, tokens, token_rotations, token_rotations)
        tokens = self.token_to_image(tokens, image, token_rotations, image_rotations)
        tokens = self.token_mlp(tokens)
        image = self.image_to_token(image, tokens, image_rotations, token_rotations)
        return image, tokens


class TwoWayTransformer(nn.Module):
    """The layers; only the image embeddings go on to the decoder."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.unit_entry = config.unit_entry
        self.layers = nn.ModuleList(TwoWayLayer(config) for _ in range(config.attention_layers))

    def forward(
        self,
        image: Float[Tensor, "b n d"],
        tokens: Float[Tensor, "b 2 d"],
        image_rotations: Float[Tensor, "#b n h h"],
        token_rotations: Float[Tensor, "b 2 h h"],
    ) -> Float[Tensor, "b n d"]:
        """Image embeddings that know the line, length sqrt(d) each."""
        if self.unit_entry:
            image, tokens = unit(image), unit(tokens)
        for layer in self.layers:
            image, tokens = layer(image, tokens, image_rotations, token_rotations)
        return image * math.sqrt(image.shape[-1])


@torch.no_grad()
def normalize_weights(module: nn.Module) -> None:
    """Bring every weight matrix of the transformer back to unit length along the embedding.

    Rows of the matrices that read the embedding, columns of those that write it. Call once after
    building and after every optimiser step (nGPT, section 2).
    """
    for part in module.modules():
        if isinstance(part, RotaryAttention):
            readers, writer = [part.query, part.key, part.value], part.out
        elif isinstance(part, GatedMLP):
            readers, writer = [part.up], part.down
        else:
            continue
        for linear in readers:
            linear.weight.copy_(unit(linear.weight, dim=1))
        writer.weight.copy_(unit(writer.weight, dim=0))
