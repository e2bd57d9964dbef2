"""Named configs: what the paper did, what a CPU can do in a night, and a GPU in ten minutes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from lite_ensam.core.patch_config import PAPER_CHANNELS, PatchConfig
from lite_ensam.model.config import ModelConfig
from lite_ensam.training.config import NO_PROMPTS, LineJitter, PromptOdds, TrainingConfig

__all__ = ["CPU", "GPU", "JOINT", "PAPER", "PRESETS"]

EPOCHS, EPOCH_STEPS = 75, 10_000
"""The paper's epochs (Table 2), and how long we take one to be: about once through FLARE's 10,000 scans."""

PAPER = TrainingConfig(
    model=ModelConfig(in_channels=len(PAPER_CHANNELS)),
    patch=PatchConfig(window_hu=None, channels=PAPER_CHANNELS),
    prompts=NO_PROMPTS,
    crops="joint",
    steps=EPOCHS * EPOCH_STEPS,
    batch=1,
    milestones=(5, 10, 15, 20),
    epoch_steps=EPOCH_STEPS,
    ema=0.0,
    match_adamw=False,
    validate_steps=EPOCH_STEPS,
)
"""The paper's recipe (Table 2): one channel of grey values from the scan's lowest to its highest, Muon and AdamW
at 2e-3 halved after 5, 10, 15 and 20 epochs, one random crop a step, no average of the weights. Values that the paper
does not say is taken from the authors' public code (docs/developer/paper_to_code.md)."""

JOINT = replace(
    PAPER,
    model=ModelConfig(in_channels=len(PAPER_CHANNELS), rotation_block=2, decoder_floor=8),
    patch=PatchConfig(
        window_hu=(-700.0, 300.0), channels=PAPER_CHANNELS, margin_voxels=16, most_voxels=80**3
    ),
    steps=5000,
    batch=2,
    milestones=(),
    ema=0.998,
    match_adamw=True,
    margin_voxels=31,
    windowed=0.25,
    validate_steps=1000,
)
"""The paper's crop and its one channel in an hour of a CPU, for scans in HU and windowed ones: what `--crop joint`
takes was trained so. Crops are smaller, and grey values above bone and below lung are not told apart."""

CPU = TrainingConfig(
    lines=LineJitter(exact=0.3, scaled=0.55, shortest=0.76),
    prompts=PromptOdds(extent=0.55, rounds=(0.36, 0.22, 0.21, 0.21)),
    readers=0.0,
    redrawn=0.4,
    size_balance=0.4,
)
"""The recipe of the released weights, but for `readers`, which was 0.5: cubes around lines, what a user may know as
channels, three patches a step (docs/developer/experiments.md, 5, 11, 15 and 19)."""

GPU = replace(CPU, steps=4000, batch=128, lr=4e-3, ema=0.995, validate_steps=400)
"""The same on a large GPU, half a million patches; nobody has run it yet (docs/guide/training.md)."""

PRESETS: Mapping[str, TrainingConfig] = MappingProxyType(
    {"paper": PAPER, "joint": JOINT, "cpu": CPU, "gpu": GPU}
)
"""Every preset by its name."""
