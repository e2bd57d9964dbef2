"""How to train: one frozen record, saved in every checkpoint; `settings` changes what the command line names."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from lite_ensam.core.errors import TrainingError
from lite_ensam.core.patch_config import (
    CROPS,
    LINE_CHANNELS,
    PROMPT_CHANNELS,
    SCAN_CHANNELS,
    Crop,
    PatchConfig,
)
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.model.config import ModelConfig


@dataclass(frozen=True)
class LineJitter:
    """How lines are perturbed in training, see `lesion_batches.jitter_lines`.

    Many short lines make masks that annotation noise hardly harms, and that are larger where no border is seen.

    Parameters
    ----------
    exact : float, default 0.4
        Share of lines that end exactly at the tumour's border, as lines derived from masks do.
    scaled : float, default 0.4
        Share of the other lines that are too short or too long.
    shortest : float, default 0.8
        Shortest of the scaled lines, in lengths of the exact line.
    longest : float, default 1.1
        Longest of the scaled lines, in lengths of the exact line.
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
"""Lengths vary as readers' do (docs/guide/training.md); the preset `cpu` has more short lines."""


@with_short_repr
@dataclass(frozen=True)
class PromptOdds:
    """How often a patch shows what a user knows beyond the line, see `training.prompts`.

    A quarter of the patches show a line alone. Other odds of short axes and slices were not compared; more clicks were
    (docs/developer/experiments.md, 11 and 13).

    Parameters
    ----------
    extent : float, default 0.45
        Share of patches with a short axis or slices.
    short_axis : float, default 0.65
        Share of those patches that have a short axis.
    slices : float, default 0.65
        Share of those patches that have slices.
    each_slice : float, default 0.85
        Share of the patches with slices that have the first slice, and likewise the last.
    rounds : tuple[float, ...], default (0.45, 0.25, 0.18, 0.12)
        Odds of no click, of one, of two, ...; each click is drawn on the errors of the mask before it.
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


LESION_CHANNELS = LINE_CHANNELS + PROMPT_CHANNELS + SCAN_CHANNELS
"""Channels of lesion crops."""

NO_PROMPTS = PromptOdds(extent=0.0, rounds=(1.0,))
"""Lines alone: of networks without channels for short axes, slices and clicks."""


@with_short_repr
@dataclass(frozen=True)
class TrainingConfig:
    """Settings of a training run.

    Learning rate, weight decay, clip and seed are those of the paper and of its authors' code. No record compares
    warm-up and cool-down with other values; a run of 1,200 steps without the moving average gave the same scores
    within noise (docs/developer/experiments.md, 6).

    Parameters
    ----------
    model : ModelConfig, optional
        The network.
    patch : PatchConfig, optional
        The patches that it is trained on.
    lines : LineJitter, default JITTER
        How lines are perturbed.
    prompts : PromptOdds, optional
        How often a patch shows more than its line, if the network has channels for it.
    readers : float, default 0.5
        Share of the patches of lesions with several contours that show one reader's contour instead of the
        consensus.
    redrawn : float, default 0.0
        Share of the patches whose contour is moved to where another reader might have drawn it, so that prompts
        tell more of it than the image does.
    crops : Crop, default "lesion"
        "lesion" trains on cubes around lines, "joint" on the paper's max-pooled boxes; the weights record it
        (`patch.crop`).
    steps : int, default 7500
        Optimiser steps.
    batch : int, default 3
        Patches per step; with several processes, per process.
    lr : float, default 2e-3
        Learning rate of Muon and AdamW.
    weight_decay : float, default 1e-3
        Weight decay of Muon and AdamW.
    warmup : float, default 0.02
        Share of `steps` over which the learning rate rises from zero.
    cooldown : float, default 0.6
        Share of `steps` over which the learning rate falls to zero.
    milestones : tuple[int, ...], default ()
        Epochs at which the learning rate is halved, as in the paper; if there are any, warmup and cooldown do
        not apply.
    epoch_steps : int, default 10000
        Steps per epoch.
    clip : float, default 1.0
        Largest gradient norm.
    ema : float, default 0.998
        Decay of the moving average of the weights, which is what is saved; 0 saves the weights themselves.
    match_adamw : bool, default True
        Scale Muon's updates to the size of AdamW's; the paper's long run does not.
    source_weights : dict[str, float], optional
        Relative frequency of each source; empty draws all with equal frequency, as the paper does.
    size_balance : float, default 0.0
        0 draws all lesions of a source equally often, 1 draws all sizes equally often, see
        `samplers.size_odds`.
    margin_voxels : int, default 63
        A joint crop extends 1 to this many voxels beyond its tumour, drawn for each side.
    windowed : float, default 0.0
        Share of joint crops of scans in HU that are windowed to grey levels 0 to 255.
    validate_steps : int, default 500
        Steps between two validations, if there are validation cases.
    patience : int, default 0
        Validations without improvement after which training stops; 0 never stops.
    bf16 : bool, default True
        Bfloat16 where the machine supports it and it is safe; otherwise float32.
    seed : int, default 2025
        Seed of all random numbers.
    """

    model: ModelConfig = field(
        default_factory=lambda: ModelConfig(
            in_channels=len(LESION_CHANNELS), rotation_block=2, decoder_floor=8
        )
    )
    patch: PatchConfig = field(
        default_factory=lambda: PatchConfig(side_voxels=48, end_margin_voxels=0.5, channels=LESION_CHANNELS)
    )
    lines: LineJitter = JITTER
    prompts: PromptOdds = PromptOdds()
    readers: float = 0.5
    redrawn: float = 0.0
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
        self._check_sides()
        self._check_numbers()

    def _check_sides(self) -> None:
        """Sides that the network's strides do not divide would stop the run at its first step."""
        stride, side, multiple = self.model.stride, self.patch.side_voxels, self.patch.side_multiple
        # one voxel at the bottleneck has no deviation to normalise by
        if self.crops == "lesion" and (side % stride or side < 2 * stride):
            raise TrainingError(
                f"patch.side_voxels must be a multiple of {stride} and {2 * stride} or more, for a network of "
                f"{len(self.model.blocks)} levels (model.blocks), got {side}"
            )
        if self.crops == "joint" and multiple % stride:
            raise TrainingError(
                f"patch.side_multiple must be a multiple of {stride}, for a network of {len(self.model.blocks)} "
                f"levels (model.blocks), got {multiple}"
            )

    def _check_numbers(self) -> None:
        """Numbers that make no sense would train nothing, or something else, without a word."""
        for name in ("steps", "batch", "epoch_steps", "margin_voxels", "validate_steps"):
            if getattr(self, name) < 1:
                raise TrainingError(f"{name} must be 1 or more, got {getattr(self, name)}")
        for name in ("lr", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise TrainingError(f"{name} must be a finite number above 0, got {getattr(self, name)}")
        for name in ("weight_decay", "patience", "seed"):
            if not 0 <= getattr(self, name) < math.inf:
                raise TrainingError(f"{name} must be a finite number of 0 or more, got {getattr(self, name)}")
        for name in ("warmup", "cooldown", "readers", "redrawn", "size_balance", "windowed"):
            if not 0 <= getattr(self, name) <= 1:
                raise TrainingError(f"{name} must be from 0 to 1, got {getattr(self, name)}")
        if not 0 <= self.ema < 1:
            raise TrainingError(f"ema must be at least 0 and below 1, got {self.ema}")
        if min(self.milestones, default=1) < 1:
            raise TrainingError(f"milestones must be epochs from 1 on, got {self.milestones}")

    def rate(self, step: int) -> float:
        """Compute the learning rate of a step: linear up, flat, linear down; or halved at the milestones.

        Parameters
        ----------
        step : int
            Number of the step, from 0.

        Returns
        -------
        float
            Learning rate.
        """
        if self.milestones:
            return self.lr * float(0.5 ** bisect_right(sorted(self.milestones), step // self.epoch_steps))
        done = (step + 1) / self.steps
        rising = min(done / self.warmup, 1.0) if self.warmup else 1.0
        falling = min((1 - done) / self.cooldown + 1e-3, 1.0) if self.cooldown else 1.0
        return self.lr * rising * falling

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as a JSON-ready dictionary.

        Returns
        -------
        dict[str, Any]
            Numbers by name.
        """
        return asdict(self)

    @classmethod
    def from_dict(cls, numbers: dict[str, Any]) -> TrainingConfig:
        """Build a config from `to_dict`'s output; settings that an earlier version did not have take their defaults.

        Parameters
        ----------
        numbers : dict[str, Any]
            Result of `to_dict`.

        Returns
        -------
        TrainingConfig
            The config.
        """
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
