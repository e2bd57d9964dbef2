"""The training loop: Muon and AdamW on patches of the bank, checkpoints that resume exactly."""

from __future__ import annotations

import copy
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lite_ensam.errors import TrainingError
from lite_ensam.model.checkpoint import Weights, save_weights
from lite_ensam.model.cross_attention import normalize_weights
from lite_ensam.model.lite_ensam import LiteEnsam
from lite_ensam.training.augmentation import Sample, draw_sample, pick
from lite_ensam.training.bank import LINES_A_SIDE, Bank
from lite_ensam.training.config import TrainingConfig
from lite_ensam.training.losses import dice_bce_loss
from lite_ensam.training.muon import Muon

SAVE_SECONDS = 240
WIDEST_DRAW = 1.12
"""A line that is drawn longer than it is takes a wider crop: see `jitter_ends`."""
LOG_STEPS = 50


class Trainer:
    """One run in one folder: `state.pt` to resume from, `weights.safetensors` to use, `log.jsonl` to read.

    Parameters
    ----------
    config : what to do; a run that resumes must have the same one
    bank : crops to learn from
    folder : where the run lives
    start : weights of an earlier run to begin from instead of random ones
    """

    def __init__(
        self, config: TrainingConfig, bank: Bank, folder: Path, start: Weights | None = None
    ) -> None:
        unknown = sorted(set(bank.by_source) ^ set(config.source_weights)) if config.source_weights else []
        if unknown:
            raise TrainingError(f"source_weights and the bank's sources differ in {', '.join(unknown)}")
        if config.patch.side_factor * WIDEST_DRAW > LINES_A_SIDE:
            raise TrainingError(
                f"side_factor {config.patch.side_factor} needs more than the bank's {LINES_A_SIDE} lines a side"
            )
        self.config, self.bank, self.folder = config, bank, folder
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(config.seed)
        self.model = LiteEnsam(config.model).train().to(memory_format=torch.channels_last_3d)
        self.history: list[Any] = []
        if start is not None:
            if start.model.config != config.model:
                raise TrainingError("the weights to start from belong to another network than the config's")
            self.model.load_state_dict(start.model.state_dict())
            normalize_weights(self.model)
            self.history = [start.record]
        self.average = copy.deepcopy(self.model)
        matrices = [p for p in self.model.parameters() if p.ndim > 1]
        vectors = [p for p in self.model.parameters() if p.ndim <= 1]
        self.optimizers: list[torch.optim.Optimizer] = [
            Muon(matrices, lr=config.lr, weight_decay=config.weight_decay),
            torch.optim.AdamW(vectors, lr=config.lr, weight_decay=config.weight_decay),
        ]
        # oneDNN's bfloat16 weight gradients hold uninitialised memory when a convolution's output has
        # two voxels a side (seen with torch 2.15): keep the bottleneck larger, or stay in float32
        self.bf16 = config.bf16 and config.patch.side_voxels // config.model.stride >= 4
        self.step = 0
        if (folder / "state.pt").is_file():
            self._resume()

    def run(self, stop_at: int | None = None) -> None:
        """Train to `config.steps` (or `stop_at`), saving every few minutes and at the end."""
        last = min(stop_at or self.config.steps, self.config.steps)
        losses: list[float] = []
        saved = logged = time.monotonic()
        for samples in self._batches(self.step, last):
            losses.append(self.train_step(samples))
            if self.step % LOG_STEPS == 0:
                now = time.monotonic()
                self._log({"loss": float(np.mean(losses)), "seconds": round((now - logged) / LOG_STEPS, 3)})
                losses, logged = [], now
            if time.monotonic() - saved > SAVE_SECONDS:
                self.save()
                saved = time.monotonic()
        self.save()

    def train_step(self, samples: list[Sample]) -> float:
        """One update of the weights; returns the mean loss."""
        rate = self.config.rate(self.step)
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
            for group in optimizer.param_groups:
                group["lr"] = rate
        loss = self._loss(samples)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        if bool(torch.isfinite(norm)):
            for optimizer in self.optimizers:
                optimizer.step()
            normalize_weights(self.model)
            self._follow()
        self.step += 1
        return float(loss.detach())

    def save(self) -> None:
        """Write the state to resume from and the averaged weights, each in one move."""
        state = {
            "step": self.step,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "config": json.dumps(self.config.to_dict()),
            "history": json.dumps(self.history),
        }
        unfinished = self.folder / "state.pt.tmp"
        torch.save(state, unfinished)
        os.replace(unfinished, self.folder / "state.pt")
        record = {
            "training": self.config.to_dict(),
            "step": self.step,
            "crops": {source: len(members) for source, members in self.bank.by_source.items()},
            "started_from": self.history,
        }
        final = copy.deepcopy(self.average)
        normalize_weights(final)
        save_weights(self.folder / "weights.safetensors", Weights(final.eval(), self.config.patch, record))

    def _loss(self, samples: list[Sample]) -> Tensor:
        # one forward for all: torch leaves oneDNN for a batch of one, and is three times slower without it
        values = torch.stack([sample.values for sample in samples])
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            logits = self.model(
                values.contiguous(memory_format=torch.channels_last_3d),
                torch.stack([sample.endpoints_zyx for sample in samples]),
            )
        return dice_bce_loss(logits, torch.stack([sample.target for sample in samples])[:, None])

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average towards the weights; quickly at first, or it would remember the start."""
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        for kept, new in zip(self.average.parameters(), self.model.parameters(), strict=True):
            kept.lerp_(new, 1 - decay)

    def _batches(self, first: int, last: int) -> Iterator[list[Sample]]:
        """Batches of steps first..last, drawn one step ahead; step and seed alone decide what is drawn."""
        with ThreadPoolExecutor(1) as ahead:
            coming = ahead.submit(self._draw, first)
            for step in range(first, last):
                samples = coming.result()
                if step + 1 < last:
                    coming = ahead.submit(self._draw, step + 1)
                yield samples

    def _draw(self, step: int) -> list[Sample]:
        samples = []
        for item in range(self.config.batch):
            rng = np.random.default_rng((self.config.seed, step, item))
            crop = self.bank[pick(rng, self.bank.by_source, self.config.source_weights)]
            samples.append(draw_sample(crop, rng, self.config.patch))
        return samples

    def _resume(self) -> None:
        state = torch.load(self.folder / "state.pt", weights_only=True)
        if json.loads(state["config"]) != json.loads(json.dumps(self.config.to_dict())):
            raise TrainingError(f"run {self.folder} was started with another config; use another folder")
        self.step = state["step"]
        self.history = json.loads(state.get("history", "[]"))
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)

    def _log(self, numbers: dict[str, Any]) -> None:
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps({"step": self.step, **numbers}) + "\n")
