"""Validation inside the trainer: the best weights stay, and training stops when nothing better comes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from matplotlib.image import imread
from tests.unit.training.test_trainer import TINY

from lite_ensam.core.errors import MissingExtraError, TrainingError
from lite_ensam.model.checkpoint import load_weights
from lite_ensam.training.callbacks import TensorBoard, append_log, draw_curves, read_log
from lite_ensam.training.crop_cache import LesionCropCache
from lite_ensam.training.samplers import LesionCropSampler
from lite_ensam.training.trainer import Trainer
from lite_ensam.training.validation import Validation, ValidationScore


class Scripted(Validation):
    """Says what it was told to, one number a look."""

    def __init__(self, values: list[float]) -> None:
        self.values, self.looks = values, 0

    def look(self, model: torch.nn.Module, device: torch.device) -> ValidationScore:
        self.looks += 1
        value = self.values[self.looks - 1]
        return ValidationScore(value, {"balls": value})


class Listener:
    def __init__(self) -> None:
        self.steps: list[int] = []
        self.looks: list[tuple[int, float, bool]] = []
        self.closed = False

    def on_step(self, step: int, loss: float, rate: float) -> None:
        self.steps.append(step)

    def on_validation(self, step: int, look: ValidationScore, best: bool) -> None:
        self.looks.append((step, look.dsc, best))

    def close(self) -> None:
        self.closed = True


def test_a_look_scores_each_source_and_leaves_the_model_in_training(
    bank: LesionCropCache, tmp_path: Path
) -> None:
    validation = Validation.of_bank(bank, TINY)
    assert len(validation) == 3
    trainer = Trainer(TINY, LesionCropSampler(bank, TINY), tmp_path)

    class Everything(torch.nn.Module):
        def forward(self, values: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
            assert not self.training
            return torch.ones(len(values), 1, *values.shape[2:])

    everything = Everything().train()
    look = validation.look(everything, torch.device("cpu"))
    assert everything.training
    assert set(look.by_source) == {"balls", "globes"}
    ball = 3.14159 / 6 / 2.5**3  # of the cube, 2.5 diameters a side
    assert look.dsc == pytest.approx(2 * ball / (1 + ball), rel=0.15)
    assert trainer.model.training


def test_the_best_weights_stay_beside_the_last_and_training_stops(
    bank: LesionCropCache, tmp_path: Path
) -> None:
    config = replace(TINY, steps=8, validate_steps=1, patience=2)
    validation, listener = Scripted([0.2, 0.6, 0.5, 0.6, 0.9]), Listener()
    trainer = Trainer(
        config, LesionCropSampler(bank, config), tmp_path, validation=validation, watchers=[listener],
        notes={"preset": "cpu"},
    )  # fmt: skip
    trainer.run()
    assert trainer.done
    assert listener.looks == [(1, 0.2, True), (2, 0.6, True), (3, 0.5, False), (4, 0.6, False)]
    assert listener.steps == [1, 2, 3, 4]
    assert listener.closed
    best, last = (load_weights(tmp_path / f"{name}.safetensors") for name in ("best", "weights"))
    assert (best.record["step"], last.record["step"]) == (2, 4)
    assert last.record["validation"] == {"dsc": 0.6, "step": 2}
    assert last.record["preset"] == "cpu"
    assert len(last.record["data_sha256"]) == 64
    assert any(
        not torch.equal(a, b)
        for a, b in zip(best.model.state_dict().values(), last.model.state_dict().values(), strict=True)
    )


def test_a_resumed_run_remembers_its_best_and_how_long_ago_it_was(
    bank: LesionCropCache, tmp_path: Path
) -> None:
    config = replace(TINY, steps=8, validate_steps=1, patience=3)
    draws = LesionCropSampler(bank, config)
    Trainer(config, draws, tmp_path, validation=Scripted([0.6, 0.5, 0.4])).run(stop_at=3)
    resumed = Trainer(config, draws, tmp_path, validation=Scripted([0.55, 0.9]))
    assert resumed.best == {"dsc": 0.6, "step": 1}
    assert not resumed.done
    resumed.run()
    assert resumed.step == 4
    assert resumed.done
    Trainer(config, draws, tmp_path, validation=Scripted([])).run()  # nothing is left to do


def test_patience_without_validation_is_refused(bank: LesionCropCache, tmp_path: Path) -> None:
    config = replace(TINY, patience=1)
    with pytest.raises(
        TrainingError, match="patience needs cases to validate on: give --val, --val-share or --fold"
    ):
        Trainer(config, LesionCropSampler(bank, config), tmp_path)


def test_loaders_change_nothing_but_time(bank: LesionCropCache, tmp_path: Path) -> None:
    def losses(loaders: int) -> list[float]:
        trainer = Trainer(TINY, LesionCropSampler(bank, TINY), tmp_path / str(loaders), loaders=loaders)
        return [trainer.train_step(step) for step in trainer._batches(0, 4)]

    assert losses(1) == losses(3)


def test_the_log_keeps_what_a_resumed_run_wrote_last(tmp_path: Path) -> None:
    append_log(tmp_path, 50, {"loss": 1.0})
    append_log(tmp_path, 100, {"loss": 0.9})
    append_log(tmp_path, 50, {"loss": 0.8})
    append_log(tmp_path, 50, {"dsc": 0.5, "by_source": {"balls": 0.5}})
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"step": 150, "lo')
    assert [(e["step"], e.get("loss"), e.get("dsc")) for e in read_log(tmp_path)] == [
        (50, 0.8, None), (50, None, 0.5), (100, 0.9, None),
    ]  # fmt: skip


def test_curves_show_loss_and_validation(tmp_path: Path) -> None:
    draw_curves(tmp_path)
    assert not list(tmp_path.iterdir())  # nothing to show yet
    for step in (50, 100, 150):
        append_log(tmp_path, step, {"loss": 100 / step})
    draw_curves(tmp_path)
    loss_alone = imread(tmp_path / "curves.png")
    append_log(tmp_path, 100, {"dsc": 0.5, "by_source": {"balls": 0.4, "globes": 0.6}})
    draw_curves(tmp_path)
    both = imread(tmp_path / "curves.png")
    assert both.shape[0] > 1.5 * loss_alone.shape[0]
    star = (213, 94, 0)
    assert (abs((both[..., :3] * 255).round().astype(int) - star).max(axis=-1) <= 2).sum() > 20


def test_tensorboard_logs_can_be_read_back(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    board = TensorBoard(tmp_path)
    board.on_step(1, 0.75, 2e-3)
    board.on_validation(1, ValidationScore(0.5, {"balls": 0.5}), True)
    board.close()
    events = accumulator.EventAccumulator(str(tmp_path))
    events.Reload()
    assert events.Scalars("loss")[0].value == 0.75
    assert set(events.Tags()["scalars"]) == {"loss", "rate", "validation/mean", "validation/balls"}


def test_tensorboard_that_is_missing_names_its_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingExtraError, match=r"lite-ensam\[tensorboard\]"):
        TensorBoard(tmp_path)


def test_the_log_of_a_run_holds_loss_rate_and_looks(bank: LesionCropCache, tmp_path: Path) -> None:
    config = replace(TINY, steps=2, validate_steps=2)
    draws = LesionCropSampler(bank, config)
    Trainer(config, draws, tmp_path, validation=Scripted([0.5])).run()
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [set(entry) for entry in entries] == [
        {"step", "loss", "rate", "seconds"},
        {"step", "dsc", "by_source"},
    ]
    assert (tmp_path / "curves.png").is_file()
