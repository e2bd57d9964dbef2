"""The training loop: Muon and AdamW on drawn patches, checkpoints that resume exactly."""

from __future__ import annotations

import copy
import io
import json
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lite_ensam._kernels import __version__
from lite_ensam.core.errors import TrainingError, brief, printable
from lite_ensam.io import atomic_write
from lite_ensam.io.atomic import translate_output_errors
from lite_ensam.model.checkpoint import Weights, save_weights
from lite_ensam.model.cross_attention import normalize_weights
from lite_ensam.model.lite_ensam import LiteEnsam
from lite_ensam.training.batches import Batch
from lite_ensam.training.callbacks import CURVES, LOG, Callback, append_log, draw_curves
from lite_ensam.training.click_rounds import with_clicks
from lite_ensam.training.config import TrainingConfig
from lite_ensam.training.devices import Devices, has_bf16
from lite_ensam.training.losses import dice_bce_loss
from lite_ensam.training.muon import Muon
from lite_ensam.training.samplers import PatchSampler, seeded
from lite_ensam.training.validation import Validation

SAVE_SECONDS = 60
"""Time between two saves, which a run that is interrupted loses at most."""

LOG_STEPS = 50
"""Steps between two lines of the log; each holds their mean loss."""

DIVERGED_LOSS = 100.0
"""A run whose loss is above this has diverged: Dice is at most 1, and the rest would be a logit wrong by 50 in every
voxel of the patch, where a network that has learnt nothing is wrong by 5 in the tumour alone."""

STEM = "image_encoder.stem.weight"
"""Name of the only weight whose shape depends on the number of channels."""

# state to resume from, averaged weights of the last step, averaged weights of the best validation
STATE, LAST, BEST = "state.pt", "weights.safetensors", "best.safetensors"
FILES = (STATE, LAST, BEST, LOG, CURVES)
"""Files of a run's folder, besides crops."""


class Trainer:
    """One run in one folder.

    The folder holds `state.pt` to resume from, `weights.safetensors` to use, `best.safetensors` of the best
    look at the validation cases, `log.jsonl` to read and `curves.png` to look at.

    Parameters
    ----------
    config : TrainingConfig
        Config of the run; a run that resumes must have the same one.
    draws : PatchSampler
        Sampler of the training patches.
    folder : Path
        Folder of the run.
    start : Weights or None, default None
        Weights of an earlier run to start from; None starts from random weights.
    validation : Validation or None, default None
        Lesions to validate on.
    machine : Devices or None, default None
        Devices of the run; None is one process on the CPU.
    watchers : Sequence[Callback], default ()
        Further callbacks.
    loaders : int, default 1
        Threads that draw patches ahead; their number affects time only.
    notes : dict[str, Any] or None, default None
        Further notes to record with the weights, JSON-ready. A run that resumes must have the same `held_out`, the
        keys of its validation cases.

    Attributes
    ----------
    model : LiteEnsam
        The network that is trained.
    average : LiteEnsam
        Moving average of its weights, which is validated and saved.
    step : int
        Steps that are done.
    best : dict[str, float]
        DSC and step of the best validation.
    looks_since_best : int
        Validations since then.
    bf16 : bool
        Whether steps are computed in bfloat16.
    history : list[Any]
        Records of the runs whose weights this one started from.

    Raises
    ------
    TrainingError
        If the folder holds a run with other settings, other training data or other held-out cases, or its state is
        damaged.
    OutputError
        If the folder cannot be made.
    """

    def __init__(
        self,
        config: TrainingConfig,
        draws: PatchSampler,
        folder: Path,
        start: Weights | None = None,
        *,
        validation: Validation | None = None,
        machine: Devices | None = None,
        watchers: Sequence[Callback] = (),
        loaders: int = 1,
        notes: dict[str, Any] | None = None,
    ) -> None:
        if config.patience and validation is None:
            raise TrainingError("patience needs cases to validate on: give --val, --val-share or --fold")
        self.config, self.draws, self.folder = config, draws, folder
        self.validation, self.watchers, self.loaders = validation, watchers, loaders
        self.machine, self.notes = machine or Devices(), notes or {}
        with translate_output_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(config.seed)
        self.model = LiteEnsam(config.model).train()
        self.model = self.model.to(self.machine.device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.history: list[Any] = []
        if start is not None:
            self.model.load_state_dict(fitted_weights(start, config))
            normalize_weights(self.model)
            self.history = [start.record]
        self.average = copy.deepcopy(self.model)
        self.network, self.optimizers = self.machine.setup(self.model, optimizers_of(self.model, config))
        self.bf16 = config.bf16 and has_bf16(self.machine.device)
        self.step = 0
        self.best: dict[str, float] = {"dsc": -1.0, "step": 0}
        self.looks_since_best = 0
        self._stopping = False
        if (folder / STATE).is_file():
            self._resume()
        elif (folder / LAST).exists():
            raise TrainingError(
                f"{printable(folder)}: holds {LAST} but no {STATE} to resume from; use another folder"
            )

    @property
    def done(self) -> bool:
        """Whether all steps are done, or the last validations found no improvement."""
        tired = 0 < self.config.patience <= self.looks_since_best
        return tired or self.step >= self.config.steps

    @property
    def is_saved(self) -> bool:
        """Whether the weights on the disk are those of the state: a full disk may have taken the state alone."""
        state, weights = self.folder / STATE, self.folder / LAST
        return weights.is_file() and weights.stat().st_mtime_ns >= state.stat().st_mtime_ns

    def stop(self) -> None:
        """End `run` after the step that it is at, with all that is needed to resume on the disk."""
        self._stopping = True

    def run(self, stop_at: int | None = None) -> None:
        """Train to `config.steps` (or `stop_at`), saving every minute and at the end.

        Parameters
        ----------
        stop_at : int or None, default None
            Step to stop at; None runs to the end.

        Raises
        ------
        TrainingError
            If the loss diverges; the state of the last save stays as it is.
        """
        last = self.step if self.done else min(stop_at or self.config.steps, self.config.steps)
        losses: list[float] = []
        recent: deque[float] = deque(maxlen=LOG_STEPS)
        saved = logged = time.monotonic()
        for batches in self._batches(self.step, last):
            losses.append(self.train_step(batches))
            recent.append(losses[-1])
            rate = self.config.rate(self.step - 1)
            for watcher in self.watchers:
                watcher.on_step(self.step, losses[-1], rate)
            if self.step % LOG_STEPS == 0 or self.step == last or self._stopping:
                now = time.monotonic()
                seconds = round((now - logged) / len(losses), 3)
                self._log({"loss": float(np.mean(losses)), "rate": rate, "seconds": seconds})
                self._check_loss(recent)
                losses, logged = [], now
            if self.step % self.config.validate_steps == 0 or self.step == self.config.steps:
                self._look()
            if self.done or self.machine.broadcast(self._stopping):
                break
            if self.machine.broadcast(time.monotonic() - saved > SAVE_SECONDS):
                self.save()
                saved = time.monotonic()
        self._stopping = False
        self.save()
        for watcher in self.watchers:
            watcher.close()

    def train_step(self, batches: list[Batch]) -> float:
        """Update the weights once.

        Parameters
        ----------
        batches : list[Batch]
            Patches of the step, in batches of one shape.

        Returns
        -------
        float
            Mean loss of the patches.
        """
        rate = self.config.rate(self.step)
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
            for group in optimizer.param_groups:
                group["lr"] = rate
        loss = self._loss(batches)
        self.machine.backward(loss)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        if bool(torch.isfinite(norm)):
            for optimizer in self.optimizers:
                optimizer.step()
            normalize_weights(self.model)
            self._follow()
        self.step += 1
        return self.machine.mean(float(loss.detach()))

    def save(self) -> None:
        """Write the state to resume from and the averaged weights, each completely or not at all.

        Raises
        ------
        OutputError
            If one cannot be written; what was written before is still there to resume from.
        """
        if self.machine.rank:
            return
        state = {
            "step": self.step,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "config": json.dumps(self.config.to_dict()),
            "history": json.dumps(self.history),
            "best": json.dumps({**self.best, "looks_since": self.looks_since_best}),
            "trained_on": json.dumps(self._trained_on()),
        }
        content = io.BytesIO()  # torch reports a full disk in a way of its own
        torch.save(state, content)
        with atomic_write(self.folder / STATE, overwrite=True) as file:
            file.write(content.getbuffer())
        self._save_weights(self.folder / LAST)
        draw_curves(self.folder)

    def _trained_on(self) -> dict[str, Any]:
        """Data that a run must resume with, besides its config: with others its weights would name wrong cases."""
        return {
            "held_out": sorted(self.notes.get("held_out", [])),
            "counts": dict(self.draws.counts),
            "data_sha256": self.draws.fingerprint,
        }

    def _check_loss(self, recent: Sequence[float]) -> None:
        """Raise if the median of the last losses is above `DIVERGED_LOSS`; one that is not finite changed no weight."""
        typical = float(np.median(np.nan_to_num(recent, nan=np.inf, posinf=np.inf)))
        if typical > DIVERGED_LOSS:
            for watcher in self.watchers:
                watcher.close()
            raise TrainingError(
                f"step {self.step}: the loss is {typical:.3g}, expected below about 2: the run has diverged. Start "
                f"again in another folder with a lower learning rate (--lr, now {self.config.lr:g})"
            )

    @property
    def _on_gpu(self) -> bool:
        return self.machine.device.type == "cuda"

    def _loss(self, batches: list[Batch]) -> Tensor:
        """Mean loss of some patches; those of one shape go through the network together."""
        total = sum(map(len, batches))
        losses = [self._loss_of_alike(batch) * (len(batch) / total) for batch in batches]
        return torch.stack(losses).sum()

    def _loss_of_alike(self, batch: Batch) -> Tensor:
        device = self.machine.device
        generator = seeded(device, self.config.seed, self.step, self.machine.rank, 1)
        # clicks by the bare network: several processes would wait for each other here
        clicked = with_clicks(partial(self._run, self.model), batch.to(device), self.config.patch, generator)
        logits = self._run(self.network, clicked.values, clicked.endpoints_zyx)
        return dice_bce_loss(logits, clicked.target, clicked.known)

    def _run(self, network: nn.Module, values: Tensor, ends: Tensor) -> Tensor:
        values = values.contiguous(memory_format=torch.channels_last_3d)
        # oneDNN's bfloat16 weight gradients hold uninitialised memory when a convolution's output has
        # two slices (seen with torch 2.15): patches whose bottleneck is that small stay in float32
        large = min(values.shape[2:]) >= 3 * self.config.model.stride or self._on_gpu
        with torch.autocast(self.machine.device.type, torch.bfloat16, enabled=self.bf16 and large):
            logits: Tensor = network(values, ends)
        return logits

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average towards the weights; quickly at first, or it would remember the start."""
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        for kept, new in zip(self.average.parameters(), self.model.parameters(), strict=True):
            kept.lerp_(new, 1 - decay)

    def _look(self) -> None:
        """Score the kept weights on the validation cases; keep the best."""
        if self.validation is None:
            return
        look = self.validation.look(self.average, self.machine.device) if self.machine.rank == 0 else None
        look = self.machine.broadcast(look)
        better = look.dsc > self.best["dsc"]
        self.looks_since_best = 0 if better else self.looks_since_best + 1
        if better:
            self.best = {"dsc": look.dsc, "step": self.step}
            if self.machine.rank == 0:
                self._save_weights(self.folder / BEST)
        self._log({"dsc": look.dsc, "by_source": look.by_source})
        for watcher in self.watchers:
            watcher.on_validation(self.step, look, better)

    def _save_weights(self, path: Path) -> None:
        record = {
            "training": self.config.to_dict(),
            "step": self.step,
            "crops": dict(self.draws.counts),
            "data_sha256": self.draws.fingerprint,
            "version": __version__,
            "processes": self.machine.count,
            "validation": self.best if self.validation is not None else None,
            "started_from": self.history,
            **self.notes,
        }
        final = copy.deepcopy(self.average).cpu()
        normalize_weights(final)
        save_weights(path, Weights(final.eval(), self.config.patch, record))

    def _batches(self, first: int, last: int) -> Iterator[list[Batch]]:
        """Batches of steps first..last, drawn some steps ahead; step and seed alone decide what is drawn."""
        coming: deque[Future[list[Batch]]] = deque()
        with ThreadPoolExecutor(self.loaders) as ahead:
            try:
                for step in range(first, last):
                    while len(coming) <= self.loaders and step + len(coming) < last:
                        coming.append(ahead.submit(self._draw, step + len(coming)))
                    yield coming.popleft().result()
            finally:
                for batch in coming:
                    batch.cancel()

    def _draw(self, step: int) -> list[Batch]:
        """This process's share of a step's batch."""
        return self.draws.batches(step, self.machine.rank, self.config.batch)

    def _resume(self) -> None:
        path = self.folder / STATE
        try:
            state = torch.load(path, weights_only=True, map_location=self.machine.device)
            config = TrainingConfig.from_dict(json.loads(state["config"]))
            now = self._trained_on()
            before = json.loads(state.get("trained_on", "null")) or now  # earlier versions did not record it
            if config == self.config and before == now:
                self._restore(state)
        except TrainingError as error:
            raise TrainingError(
                f"run {printable(self.folder)} has a setting that is not allowed any more: {error}. Start a new run in "
                "another folder with --run; this run's weights.safetensors may be given there as --start"
            ) from None
        except Exception as error:  # damaged files have many ways
            reason = brief(str(error)) if path.stat().st_size else "the file is empty"
            raise TrainingError(
                f"{printable(path)}: is damaged, the run cannot be resumed from it ({reason}); put a copy "
                "in its place, or use another folder"
            ) from error
        if config != self.config:
            raise TrainingError(
                f"run {printable(self.folder)} was started with other settings: "
                f"{_differences(config.to_dict(), self.config.to_dict())}. Resume with its own; for others, "
                "name another folder with --run and give this run's weights.safetensors as --start"
            )
        if before != now:
            raise TrainingError(
                f"run {printable(self.folder)} was started with {_other_data(before, now)}. Resume with the same; for "
                "others, name another folder with --run. This run's weights.safetensors may be given there as --start, "
                "but have learnt from the cases of this run"
            )

    def _restore(self, state: dict[str, Any]) -> None:
        self.step = int(state["step"])
        self.history = json.loads(state.get("history", "[]"))
        self.best = json.loads(state.get("best", '{"dsc": -1.0, "step": 0, "looks_since": 0}'))
        self.looks_since_best = int(self.best.pop("looks_since"))
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)

    def _log(self, numbers: dict[str, Any]) -> None:
        if self.machine.rank == 0:
            append_log(self.folder, self.step, numbers)


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], other: str = "now") -> str:
    """Settings whose values differ, with both values; those of a group by names with dots."""
    first, second = dict(_leaves(before)), dict(_leaves(now))
    return ", ".join(
        f"{name} {brief(first.get(name))}, {other} {brief(second.get(name))}"
        for name in dict.fromkeys([*first, *second])
        if first.get(name) != second.get(name)
    )


def _leaves(numbers: Mapping[str, Any], group: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in numbers.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{group}{name}.")
        else:
            yield f"{group}{name}", value


def _other_data(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Names the held-out cases and the training data, whichever differ."""
    words = []
    if before["held_out"] != now["held_out"]:
        then, today = set(before["held_out"]), set(now["held_out"])
        example = printable(min(then ^ today))
        side = "was held out" if example in then else "was not held out"
        words.append(f"other held-out cases ({len(then)}, now {len(today)}; {example} {side})")
    if before["data_sha256"] != now["data_sha256"] or before["counts"] != now["counts"]:
        counts = _differences(before["counts"], now["counts"])
        words.append(f"other training data ({counts or 'other cases or other synthetic lesions'})")
    return " and ".join(words)


def fitted_weights(start: Weights, config: TrainingConfig) -> dict[str, Tensor]:
    """Fit an earlier run's weights to a config; the weights of new channels start at zero and change nothing.

    Channels that the config leaves out are forgotten.

    Parameters
    ----------
    start : Weights
        Weights of the earlier run.
    config : TrainingConfig
        Network of the new run.

    Returns
    -------
    dict[str, Tensor]
        Weights by name, for the new network.

    Raises
    ------
    TrainingError
        If its network differs in anything else, or has none of the channels.
    """
    weights = start.model.state_dict()
    if start.model.config == config.model and start.patch.channels == config.patch.channels:
        return weights
    alike = replace(start.model.config, in_channels=config.model.in_channels)
    both = [name for name in start.patch.channels if name in config.patch.channels]
    if alike != config.model:
        differ = _differences({"model": alike.to_dict()}, {"model": config.model.to_dict()}, "the run's")
        raise TrainingError(
            f"the weights to start from belong to another network: {differ}. Set these to the values of the weights "
            "with --set, or choose other weights"
        )
    if not both:
        raise TrainingError(
            f"the weights to start from belong to another network: their channels {', '.join(start.patch.channels)} "
            f"are not among the run's {', '.join(config.patch.channels)}. Choose the preset that they were trained "
            "with, or other weights"
        )
    stem = weights[STEM]
    fitted = stem.new_zeros(stem.shape[0], config.model.in_channels, *stem.shape[2:])
    for name in both:
        fitted[:, config.patch.channels.index(name)] = stem[:, start.patch.channels.index(name)]
    return {**weights, STEM: fitted}


def channel_notes(start: Weights, config: TrainingConfig) -> list[str]:
    """Sentences about channels that only an earlier run's weights have, or only the new run.

    Parameters
    ----------
    start : Weights
        Weights of the earlier run.
    config : TrainingConfig
        Config of the new run.

    Returns
    -------
    list[str]
        One sentence for the channels that are dropped, one for those that are new.
    """
    texts = {
        "channels of the weights that this run does not have are dropped": (start.patch, config.patch),
        "channels that the weights do not have start without effect": (config.patch, start.patch),
    }
    found = {
        text: [name for name in one.channels if name not in other.channels]
        for text, (one, other) in texts.items()
    }
    return [f"{text}: {', '.join(names)}" for text, names in found.items() if names]


def optimizers_of(model: LiteEnsam, config: TrainingConfig) -> list[torch.optim.Optimizer]:
    """Make the optimisers: Muon for every weight with two dimensions or more, AdamW for the others.

    Parameters
    ----------
    model : LiteEnsam
        The network.
    config : TrainingConfig
        Learning rate, weight decay and the scale of updates.

    Returns
    -------
    list[torch.optim.Optimizer]
        Muon and AdamW.
    """
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    return [
        Muon(matrices, lr=config.lr, weight_decay=config.weight_decay, match_adamw=config.match_adamw),
        torch.optim.AdamW(vectors, lr=config.lr, weight_decay=config.weight_decay),
    ]
