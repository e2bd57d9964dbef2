"""The authors' network told again for tests, in our words and with the names that their checkpoint has.

It shares no code with the package: what an imported checkpoint computes is held against this. `saved_checkpoint` stores
it as their trainer does.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Kind:
    """One way in which their network was trained."""

    filters: int = 8
    blocks: tuple[int, ...] = (1, 1, 2, 4)
    block: int = 2
    head: int = 16
    types: int = 2
    batch_norm: bool = True

    @property
    def size(self) -> int:
        return self.filters * 2 ** (len(self.blocks) - 1)


class Residual(nn.Module):
    def __init__(self, width: int, batch_norm: bool) -> None:
        super().__init__()
        norm = nn.BatchNorm3d if batch_norm else lambda n: nn.InstanceNorm3d(n, affine=True)
        self.norm1, self.norm2 = norm(width), norm(width)
        self.conv1, self.conv2 = (nn.Conv3d(width, width, 3, padding=1, bias=False) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.norm2(self.conv1(F.relu(self.norm1(x))))))


class Level(nn.Module):
    def __init__(self, width: int, n_blocks: int, last: bool) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(Residual(width, False) for _ in range(n_blocks)))
        if not last:
            self.downsample = nn.Conv3d(width, 2 * width, 3, stride=2, padding=1, bias=False)


class Encoder(nn.Module):
    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.conv_init = nn.Conv3d(1, kind.filters, 3, padding=1, bias=False)
        last = len(kind.blocks) - 1
        self.layers = nn.ModuleList(
            Level(kind.filters * 2**i, n, i == last) for i, n in enumerate(kind.blocks)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        x, found = self.conv_init(x - 0.5), []
        for level in self.layers:
            x = level.blocks(x)
            found.append(x)
            x = level.downsample(x) if hasattr(level, "downsample") else x
        return found


class Positions(nn.Module):
    """A rotation for each point: the exponential of a skew matrix that is linear in the place."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.parameter = nn.Parameter(
            2 * math.pi * torch.rand(3, kind.head // kind.block, kind.block, kind.block)
        )

    def forward(self, points: Tensor) -> Tensor:
        upper = torch.triu(self.parameter, diagonal=1)
        exponents = torch.einsum("...c,cmij->...mij", points, upper - upper.mT)
        blocks = torch.matrix_exp(exponents).flatten(0, -4)
        return torch.stack([torch.block_diag(*one) for one in blocks]).unflatten(0, points.shape[:-1])


class Corners(nn.Module):
    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.box_embedding = nn.ModuleList(nn.Embedding(1, kind.size) for _ in range(kind.types))


class Prompts(nn.Module):
    """What a line uses of their prompt encoder, and what it does not."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.corner_embeddings = Corners(kind)
        self.position_encoder = Positions(kind)
        self.point_embeddings = nn.ModuleList([nn.Embedding(1, kind.size)])
        self.no_mask_embed = nn.Embedding(1, kind.size)
        self.mask_downscaling = nn.Sequential(
            nn.Conv3d(1, 4, 2, stride=2), nn.GroupNorm(1, 4), nn.Conv3d(4, 16, 2, stride=2), nn.GroupNorm(1, 16),
            nn.Conv3d(16, kind.size, 1),
        )  # fmt: skip


class Attention(nn.Module):
    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.head = kind.head
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (
            nn.Linear(kind.size, kind.size) for _ in range(4)
        )
        self.attn_alpha, self.sqk = nn.Parameter(torch.ones(kind.size)), nn.Parameter(torch.ones(kind.size))

    def heads(self, vectors: Tensor) -> Tensor:
        return vectors.unflatten(-1, (-1, self.head)).transpose(1, 2)

    def turned(self, vectors: Tensor, turns: Tensor) -> Tensor:
        inner = torch.einsum("bnij,bhnj->bhni", turns.expand(len(vectors), -1, -1, -1), self.heads(vectors))
        return F.normalize(inner, dim=-1, eps=1e-6) * self.heads(self.sqk[None, None])

    def forward(self, state: Tensor, source: Tensor, turns: Tensor, source_turns: Tensor) -> Tensor:
        q, k = self.turned(self.q_proj(state), turns), self.turned(self.k_proj(source), source_turns)
        mixed = F.scaled_dot_product_attention(
            q, k, self.heads(self.v_proj(source)), scale=math.sqrt(self.head)
        )
        return stepped(state, self.out_proj(mixed.transpose(1, 2).flatten(2)), self.attn_alpha)


class Gated(nn.Module):
    def __init__(self, kind: Kind) -> None:
        super().__init__()
        hidden = 4 * kind.size
        self.lin_up, self.lin_down = nn.Linear(kind.size, 2 * hidden), nn.Linear(hidden, kind.size)
        self.mlp_alpha, self.suv = nn.Parameter(torch.ones(kind.size)), nn.Parameter(torch.ones(2 * hidden))

    def forward(self, state: Tensor) -> Tensor:
        u, v = (self.lin_up(state) * self.suv * math.sqrt(state.shape[-1])).chunk(2, -1)
        return stepped(state, self.lin_down(u * F.silu(v)), self.mlp_alpha)


def stepped(state: Tensor, update: Tensor, alpha: Tensor) -> Tensor:
    there = F.normalize(update, dim=-1, eps=1e-6)
    return F.normalize(state + (0.1 * alpha).abs() * (there - state), dim=-1, eps=1e-6)


class TwoWay(nn.Module):
    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.self_attn, self.cross_attn_token_to_image = Attention(kind), Attention(kind)
        self.mlp, self.cross_attn_image_to_token = Gated(kind), Attention(kind)

    def forward(self, image: Tensor, tokens: Tensor, grid: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
        tokens = self.self_attn(tokens, tokens, ends, ends)
        tokens = self.mlp(self.cross_attn_token_to_image(tokens, image, ends, grid))
        return self.cross_attn_image_to_token(image, tokens, grid, ends), tokens


class Layers(nn.Module):
    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.layers = nn.ModuleList(TwoWay(kind) for _ in range(2))


class Squeeze(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.preconv = nn.Conv3d(width, width // 2, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(self.preconv(x), scale_factor=2, mode="trilinear", align_corners=False)


class Up(nn.Module):
    def __init__(self, width: int, batch_norm: bool) -> None:
        super().__init__()
        self.upsample = Squeeze(width)
        self.blocks = nn.Sequential(Residual(width // 2, batch_norm))
        self.head = nn.Conv3d(width // 2, 1, 1)


class Masks(nn.Module):
    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.transformer = Layers(kind)
        widths = [kind.filters * 2**i for i in range(len(kind.blocks) - 1, 0, -1)]
        self.up_layers = nn.ModuleList(Up(width, kind.batch_norm) for width in widths)


class Authors(nn.Module):
    """Patch (1, 1, z, y, x) in [0, 1] and ends (lines, 2, 3) in its voxels to logits (lines, 1, z, y, x)."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind
        self.segresnet = nn.Module()
        self.segresnet.encoder = Encoder(kind)
        self.image_encoder = self.segresnet.encoder
        self.prompt_encoder = Prompts(kind)
        self.mask_decoder = Masks(kind)

    def forward(self, patch: Tensor, ends: Tensor) -> Tensor:
        *skips, deep = self.image_encoder(patch)
        longest = max(patch.shape[2:])
        sides = [torch.arange(n) for n in deep.shape[2:]]
        cells = torch.stack(torch.meshgrid(*sides, indexing="ij"), -1).flatten(0, 2)
        turn = self.prompt_encoder.position_encoder
        grid, turns = turn((cells + 0.5) / max(deep.shape[2:]))[None], turn((ends + 0.5) / longest)
        image = deep.flatten(2).mT.expand(len(ends), -1, -1)
        types = [one.weight for one in self.prompt_encoder.corner_embeddings.box_embedding]
        tokens = torch.cat([types[0], types[-1]])[None].expand(len(ends), -1, -1)
        for layer in self.mask_decoder.transformer.layers:
            image, tokens = layer(image, tokens, grid, turns)
        x = (image * math.sqrt(self.kind.size)).mT.unflatten(2, deep.shape[2:])
        for up, skip in zip(self.mask_decoder.up_layers, reversed(skips), strict=True):
            x = up.blocks(up.upsample(x) + skip)
        return self.mask_decoder.up_layers[-1].head(x)


def random_network(kind: Kind, seed: int = 0) -> Authors:
    """In eval mode, with random gains, steps, norms and running statistics."""
    torch.manual_seed(seed)
    network = Authors(kind).eval()
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.ndim == 1 and value.is_floating_point():
                spread = 0.3 * torch.randn_like(value)
                value.copy_(spread if name.endswith(("bias", "running_mean")) else (1 + spread).abs() + 0.1)
            if name.endswith(("alpha", "sqk")):
                value.mul_(4)  # long steps and sharp looks: the logits hang on the line
            if name.endswith("preconv.weight"):
                value.mul_(2)
    return network


def checkpoint_of(network: Authors, **more: Any) -> dict[str, Any]:
    """What their trainer puts into a file."""
    optimizer = torch.optim.AdamW(network.parameters())
    return {
        "epoch": 3,
        "model_state_dict": network.state_dict(),
        "optimizer_state_dict": optimizer.state_dict(),
        "losses": [1.0, 0.5],
        "best_dice": 0.7,
        "args": argparse.Namespace(model_type="ahus_model_rope_mixed", size_threshold=128**3),
        **more,
    }


def saved_checkpoint(path: Path, kind: Kind, seed: int = 0) -> Authors:
    """A random network of this kind, saved as they save it."""
    network = random_network(kind, seed)
    torch.save(checkpoint_of(network), path)
    return network


@torch.inference_mode()
def authors_logits(
    network: Authors, imgs: np.ndarray, recist: np.ndarray
) -> tuple[np.ndarray, tuple[slice, ...]]:
    """What their code makes of a FLARE case: logits (labels, z, y, x) on the crop, and where that lies in the scan."""
    ends = np.array([np.argwhere(recist == label)[[0, -1]] for label in np.unique(recist)[1:]])
    low, high = float(imgs[imgs > 0].min()), float(imgs.max())
    grey = np.where(imgs > 0, (imgs.astype(np.float32) - low + 1) / (high - low + 1), 0)
    start = np.maximum(ends.min(axis=(0, 1)) - 32, 0)
    stop = np.minimum(ends.max(axis=(0, 1)) + 32, imgs.shape)
    box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    crop, factor = torch.from_numpy(grey[box].astype(np.float32))[None, None], np.ones(3)
    while crop.numel() > 128**3:
        kernel = [1 if axis == np.argmin(crop.shape[2:]) else 2 for axis in range(3)]
        crop, factor = F.max_pool3d(crop, kernel), factor * kernel
    content = crop.shape[2:]
    for axis, side in enumerate(content):
        crop = F.pad(crop, [0, 0] * (2 - axis) + [0, -side % 8] + [0, 0] * axis)
    logits = torch.cat(
        [network(crop, torch.from_numpy((line - start) / factor).float()[None]) for line in ends]
    )
    z, y, x = content
    size = [int(b - a) for a, b in zip(start, stop, strict=True)]
    return F.interpolate(logits[..., :z, :y, :x], size=size, mode="trilinear")[:, 0].numpy(), box
