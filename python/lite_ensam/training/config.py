"""How to train: one frozen record, saved in every checkpoint."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from lite_ensam.model.config import ModelConfig
from lite_ensam.preprocessing import LINE_CHANNELS, PatchConfig


@dataclass(frozen=True)
class TrainingConfig:
    """Numbers of a training run.

    Parameters
    ----------
    model, patch : what is trained, and on which patches
    steps : optimiser steps
    batch : patches a step
    lr, weight_decay : of Muon and AdamW alike
    warmup, cooldown : shares of `steps` over which the rate rises from and falls to zero
    clip : largest gradient norm
    ema : decay of the moving average of the weights, which is what is kept
    source_weights : how often each source of the bank is drawn; empty draws all alike, as the paper
        does
    bf16 : bfloat16 where that is safe, which is two and a half times faster on a CPU that has it
    seed : of everything
    """

    model: ModelConfig = field(
        default_factory=lambda: ModelConfig(in_channels=len(LINE_CHANNELS), rotation_block=2, decoder_floor=8)
    )
    patch: PatchConfig = field(default_factory=lambda: PatchConfig(side_voxels=48, end_margin_voxels=0.5))
    steps: int = 7500
    batch: int = 2
    lr: float = 2e-3
    weight_decay: float = 1e-3
    warmup: float = 0.02
    cooldown: float = 0.6
    clip: float = 1.0
    ema: float = 0.998
    source_weights: dict[str, float] = field(default_factory=dict)
    bf16: bool = True
    seed: int = 2025

    def rate(self, step: int) -> float:
        """Learning rate of a step: linear up, flat, linear down."""
        done = (step + 1) / self.steps
        rising = min(done / self.warmup, 1.0) if self.warmup else 1.0
        falling = min((1 - done) / self.cooldown + 1e-3, 1.0) if self.cooldown else 1.0
        return self.lr * rising * falling

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready numbers."""
        return asdict(self)

    @classmethod
    def from_dict(cls, numbers: dict[str, Any]) -> TrainingConfig:
        """Build from `to_dict`'s output."""
        parts = {
            "model": ModelConfig.from_dict(numbers["model"]),
            "patch": PatchConfig.from_dict(numbers["patch"]),
        }
        return cls(**{**numbers, **parts})
