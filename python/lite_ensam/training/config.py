"""How to train: one frozen record, saved in every checkpoint; `settings` changes what the command line names."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from lite_ensam.core.errors import TrainingError
from lite_ensam.core.patch_config import CROPS, LINE_CHANNELS, PROMPT_CHANNELS, Crop, PatchConfig
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.model.config import ModelConfig


@dataclass(frozen=True)
class LineJitter:
    """How lines are perturbed in training, see `augmentation.jitter_ends`.

    Many short lines make masks that annotation noise hardly harms, and that are larger where no border is seen.

    Parameters
    ----------
    exact : share of lines that end just where the tumour does, as those do that are derived from masks
    scaled : share of the others that are too short or too long
    shortest, longest : of these, in lengths of the exact line
    """

    exact: float = 0.4
    scaled: float = 0.4
    shortest: float = 0.8
    longest: float = 1.1

    def __post_init__(self) -> None:
        for name in ("exact", "scaled"):
            if not 0 <= getattr(self, name) <= 1:
                raise TrainingError(f"lines: {name} must be from 0 to 1, got {getattr(self, name)}")
        if not 0.5 <= self.shortest <= 1 <= self.longest <= 1.5:
            raise TrainingError(
                "lines: shortest must be from 0.5 to 1 and longest from 1 to 1.5, "
                f"got {self.shortest} and {self.longest}"
            )


JITTER = LineJitter()
"""Lengths spread as those of readers do (docs/guide/training.md); what ships was trained with more short lines."""


@with_short_repr
@dataclass(frozen=True)
class PromptOdds:
    """How often a patch shows what a user knows beyond the line, see `training.prompts`.

    Parameters
    ----------
    extent : share of patches with a short axis or slices
    short_axis, slices : of these, how often each is there
    each_slice : of those with slices, how often the first is given, and how often the last
    rounds : odds of no click, of one, of two, ...; each is drawn on the errors of the mask before it
    """

    extent: float = 0.45
    short_axis: float = 0.65
    slices: float = 0.65
    each_slice: float = 0.85
    rounds: tuple[float, ...] = (0.45, 0.25, 0.18, 0.12)

    def __post_init__(self) -> None:
        for name in ("extent", "short_axis", "slices", "each_slice"):
            if not 0 <= getattr(self, name) <= 1:
                raise TrainingError(f"prompts: {name} must be from 0 to 1, got {getattr(self, name)}")
        if not self.rounds or min(self.rounds) < 0 or abs(sum(self.rounds) - 1) > 1e-6:
            raise TrainingError(f"prompts: rounds must be odds that add up to 1, got {self.rounds}")


NO_PROMPTS = PromptOdds(extent=0.0, rounds=(1.0,))


@with_short_repr
@dataclass(frozen=True)
class TrainingConfig:
    """Numbers of a training run.

    Parameters
    ----------
    model, patch : what is trained, and on which patches
    lines : how lines are perturbed
    prompts : how often more than a line is known; of networks with channels for it
    readers : share of the patches, of lesions that several readers contoured, that show one reader's contour
        instead of what they agree on
    crops : "lesion" trains on cubes around lines, "joint" on the paper's max-pooled boxes; the weights say which
        (`patch.crop`)
    steps : optimiser steps
    batch : patches a step; with several processes, of each
    lr, weight_decay : of Muon and AdamW alike
    warmup, cooldown : shares of `steps` over which the rate rises from and falls to zero
    milestones : epochs from which on the rate is halved once more, as in the paper; if there are any, warmup and
        cooldown do not count
    epoch_steps : steps an epoch
    clip : largest gradient norm
    ema : decay of the moving average of the weights, which is what is kept; 0 keeps the weights themselves
    match_adamw : scale Muon's updates to the size of AdamW's; the paper's long run does without
    source_weights : how often each source is drawn; empty draws all alike, as the paper does
    size_balance : 0 draws the lesions of a source all alike, 1 draws all sizes alike, see `samplers.size_odds`
    margin_voxels : a joint crop reaches 1 to this many voxels beyond its tumour, drawn for each side
    windowed : share of joint crops of scans in HU that are seen through a window, as grey levels 0 to 255
    validate_steps : steps between two looks at the validation cases, if there are any
    patience : looks without a better result after which training stops; 0 never stops
    bf16 : bfloat16 where the machine has it and it is safe; elsewhere float32
    seed : of everything
    """

    model: ModelConfig = field(
        default_factory=lambda: ModelConfig(
            in_channels=len(LINE_CHANNELS + PROMPT_CHANNELS), rotation_block=2, decoder_floor=8
        )
    )
    patch: PatchConfig = field(
        default_factory=lambda: PatchConfig(
            side_voxels=48, end_margin_voxels=0.5, channels=LINE_CHANNELS + PROMPT_CHANNELS
        )
    )
    lines: LineJitter = JITTER
    prompts: PromptOdds = PromptOdds()
    readers: float = 0.5
    crops: Crop = "lesion"
    steps: int = 7500
    batch: int = 3
    lr: float = 2e-3
    weight_decay: float = 1e-3
    warmup: float = 0.02
    cooldown: float = 0.6
    milestones: tuple[int, ...] = ()
    epoch_steps: int = 10_000
    clip: float = 1.0
    ema: float = 0.998
    match_adamw: bool = True
    source_weights: dict[str, float] = field(default_factory=dict)
    size_balance: float = 0.0
    margin_voxels: int = 63
    windowed: float = 0.0
    validate_steps: int = 500
    patience: int = 0
    bf16: bool = True
    seed: int = 2025

    def __post_init__(self) -> None:
        if self.crops not in CROPS:
            raise TrainingError(f"crops must be one of {', '.join(CROPS)}, got {self.crops!r}")
        object.__setattr__(self, "patch", replace(self.patch, crop=self.crops))
        if self.crops == "lesion" and self.patch.needs_whole_scan:
            raise TrainingError("channel positive is scaled by the whole scan: it takes crops=joint")
        if self.model.in_channels != len(self.patch.channels):
            raise TrainingError(
                f"the network takes {self.model.in_channels} channels, a patch has {len(self.patch.channels)}"
            )
        for name in ("steps", "batch", "epoch_steps", "margin_voxels", "validate_steps"):
            if getattr(self, name) < 1:
                raise TrainingError(f"{name} must be 1 or more, got {getattr(self, name)}")
        for name in ("lr", "weight_decay", "warmup", "cooldown", "patience"):
            if not getattr(self, name) >= 0:
                raise TrainingError(f"{name} must be 0 or more, got {getattr(self, name)}")
        for name in ("readers", "size_balance", "windowed"):
            if not 0 <= getattr(self, name) <= 1:
                raise TrainingError(f"{name} must be from 0 to 1, got {getattr(self, name)}")
        if not 0 <= self.ema < 1:
            raise TrainingError(f"ema must be at least 0 and below 1, got {self.ema}")

    def rate(self, step: int) -> float:
        """Learning rate of a step: linear up, flat, linear down; or halved at the milestones."""
        if self.milestones:
            return self.lr * float(0.5 ** bisect_right(sorted(self.milestones), step // self.epoch_steps))
        done = (step + 1) / self.steps
        rising = min(done / self.warmup, 1.0) if self.warmup else 1.0
        falling = min((1 - done) / self.cooldown + 1e-3, 1.0) if self.cooldown else 1.0
        return self.lr * rising * falling

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready numbers."""
        return asdict(self)

    @classmethod
    def from_dict(cls, numbers: dict[str, Any]) -> TrainingConfig:
        """Build from `to_dict`'s output; a number that an earlier version did not have is as it is by default."""
        parts = {
            "model": ModelConfig.from_dict(numbers["model"]),
            "patch": PatchConfig.from_dict(numbers["patch"]),
            "lines": LineJitter(**numbers.get("lines", {})),
            "prompts": _odds(numbers["prompts"]) if "prompts" in numbers else NO_PROMPTS,
            "milestones": tuple(numbers.get("milestones", ())),
        }
        return cls(**{**numbers, **parts})


def _odds(numbers: dict[str, Any]) -> PromptOdds:
    return PromptOdds(**{**numbers, "rounds": tuple(numbers["rounds"])})
