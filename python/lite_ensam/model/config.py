"""The network's numbers, in one place; saved inside every checkpoint."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lite_ensam.core.short_repr import with_short_repr

Decoder = Literal["concat_half", "add"]
DecoderNorm = Literal["instance", "affine"]


@with_short_repr
@dataclass(frozen=True)
class ModelConfig:
    """Sizes of Lite ENSAM (paper, section 2.1). The defaults are the paper's network.

    Parameters
    ----------
    in_channels : int, default 1
        Channels of the patch; 1 is the paper's, see `segmentation.channels.CHANNELS` for more.
    filters : int, default 8
        Channels of the first encoder level; each level below has twice as many.
    blocks : tuple[int, ...], default (1, 1, 2, 4)
        Residual blocks of each encoder level.
    decoder : Decoder, default "concat_half"
        "concat_half" concatenates skips and halves the filters (the paper's words), "add" adds them after a
        1x1x1 convolution (the authors' public code).
    decoder_floor : int, default 4
        Fewest filters of a "concat_half" stage; 4 is the paper's halving at full resolution, 8 costs a CPU no
        more time (its kernels work in blocks) and learns finer borders.
    heads : int, default 4
        Attention heads of the two-way transformer at the bottleneck.
    attention_layers : int, default 2
        Layers of this transformer.
    mlp_ratio : int, default 2
        Width of its multilayer perceptrons, in widths of the embedding.
    rotation_block : int, default 16
        LieRE block size; the head dimension is full LieRE, 2 is RoPE-Mixed.
    rotation_init : float, default 2 * math.pi
        The raw generators start uniform in [0, rotation_init).
    distinct_endpoints : bool, default True
        One type vector for each end of the line instead of a shared one.
    head_bias : float, default -5.0
        Initial bias of the last convolution, log-odds of a voxel being tumour.
    unit_entry : bool, default True
        Image features and type vectors are brought to unit length before the first attention, as nGPT
        assumes; the authors' public code takes them as they are.
    decoder_norm : DecoderNorm, default "instance"
        "instance" normalises each channel of each patch, "affine" only scales and shifts it, which is what a
        trained batch norm does at inference.
    """

    in_channels: int = 1
    filters: int = 8
    blocks: tuple[int, ...] = (1, 1, 2, 4)
    decoder: Decoder = "concat_half"
    decoder_floor: int = 4
    heads: int = 4
    attention_layers: int = 2
    mlp_ratio: int = 2
    rotation_block: int = 16
    rotation_init: float = 2 * math.pi
    distinct_endpoints: bool = True
    head_bias: float = -5.0
    unit_entry: bool = True
    decoder_norm: DecoderNorm = "instance"

    def __post_init__(self) -> None:
        for name in ("in_channels", "filters", "decoder_floor", "heads", "mlp_ratio"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")
        if len(self.blocks) < 2 or min(self.blocks) < 0:  # the decoder's stages lie between the levels
            raise ValueError(f"blocks must be 2 or more numbers of 0 or more, got {self.blocks}")
        if self.embed_dim % self.heads:
            raise ValueError(f"heads must divide the embedding size {self.embed_dim}, got {self.heads}")
        if self.rotation_block < 2 or self.head_dim % self.rotation_block:
            raise ValueError(
                f"rotation_block must divide the head size {self.head_dim}, got {self.rotation_block}"
            )
        if self.decoder not in ("concat_half", "add"):
            raise ValueError(f"decoder must be 'concat_half' or 'add', got {self.decoder!r}")
        if self.decoder_norm not in ("instance", "affine"):
            raise ValueError(f"decoder_norm must be 'instance' or 'affine', got {self.decoder_norm!r}")

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the encoder's levels, from full resolution down."""
        return tuple(self.filters * 2**level for level in range(len(self.blocks)))

    @property
    def embed_dim(self) -> int:
        """Size of image and endpoint embeddings: the channels of the deepest level."""
        return self.channels[-1]

    @property
    def head_dim(self) -> int:
        """Channels of one attention head; the size of LieRE's rotations."""
        return self.embed_dim // self.heads

    @property
    def stride(self) -> int:
        """Patch sides must be multiples of this; one bottleneck token covers stride^3 voxels."""
        return int(2 ** (len(self.blocks) - 1))

    def to_dict(self) -> dict[str, Any]:
        """Return the sizes as a JSON-ready dictionary, for `from_dict`.

        Returns
        -------
        dict[str, Any]
            Numbers by name.
        """
        return asdict(self)

    @classmethod
    def from_dict(cls, numbers: dict[str, Any]) -> ModelConfig:
        """Build a config from `to_dict`'s output, refusing names that this version does not know.

        Parameters
        ----------
        numbers : dict[str, Any]
            Result of `to_dict`.

        Returns
        -------
        ModelConfig
            The config.
        """
        unknown = set(numbers) - set(cls.__dataclass_fields__)
        if unknown:
            raise ValueError(f"model config has unknown fields {sorted(unknown)}")
        return cls(**{**numbers, "blocks": tuple(numbers.get("blocks", cls.blocks))})
