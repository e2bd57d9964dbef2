"""Training learns, and a run that was stopped goes on as if it had not been."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lite_ensam.core.errors import TrainingError
from lite_ensam.core.patch_config import LINE_CHANNELS, PROMPT_CHANNELS, PatchConfig
from lite_ensam.model import ModelConfig
from lite_ensam.model.checkpoint import load_weights
from lite_ensam.training.config import PromptOdds, TrainingConfig
from lite_ensam.training.crop_cache import LesionCropCache
from lite_ensam.training.grey_levels import HU_OF_GREY
from lite_ensam.training.lesion_batches import Chance
from lite_ensam.training.samplers import DeviceBank, LesionCropSampler, seeded
from lite_ensam.training.trainer import Trainer, channel_notes, fitted_weights
from lite_ensam.training.validation import ValidationScore

TINY = TrainingConfig(
    model=ModelConfig(in_channels=len(LINE_CHANNELS), filters=4, blocks=(1, 1, 1, 1), rotation_block=2),
    patch=PatchConfig(side_voxels=16, channels=LINE_CHANNELS),
    steps=8,
    batch=1,
    source_weights={"balls": 0.5, "globes": 0.5},
)


def train(bank: LesionCropCache, folder: Path, config: TrainingConfig = TINY, **options) -> Trainer:
    return Trainer(config, LesionCropSampler(bank, config), folder, **options)


def losses(trainer: Trainer, stop_at: int) -> list[float]:
    batches = trainer._batches(trainer.step, stop_at)
    return [trainer.train_step(step) for step in batches]


def test_a_resumed_run_has_the_losses_of_an_unbroken_one(bank: LesionCropCache, tmp_path: Path) -> None:
    whole = train(bank, tmp_path / "one")
    unbroken = losses(whole, 8)
    first = train(bank, tmp_path / "two")
    broken = losses(first, 4)
    first.save()
    resumed = train(bank, tmp_path / "two")
    assert resumed.step == 4
    assert broken + losses(resumed, 8) == unbroken
    assert len(set(unbroken)) > 1
    for kept, again in zip(whole.average.parameters(), resumed.average.parameters(), strict=True):
        assert torch.equal(kept, again)


def test_a_run_learns_two_balls_and_leaves_weights_and_a_log(bank: LesionCropCache, tmp_path: Path) -> None:
    config = replace(TINY, steps=100)
    train(bank, tmp_path, config).run()
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [50, 100]
    assert log[1]["loss"] < 0.8 * log[0]["loss"]
    weights = load_weights(tmp_path / "weights.safetensors")
    assert weights.record["step"] == 100
    assert TrainingConfig.from_dict(weights.record["training"]) == config
    assert not list(tmp_path.glob("*.tmp"))


def test_a_run_with_another_config_is_not_resumed(bank: LesionCropCache, tmp_path: Path) -> None:
    train(bank, tmp_path).save()
    with pytest.raises(
        TrainingError, match=r"was started with other settings: lr 0\.\d+, now 0\.0001\. Resume with"
    ):
        train(bank, tmp_path, replace(TINY, lr=1e-4))


def test_of_other_settings_only_those_that_differ_are_named(bank: LesionCropCache, tmp_path: Path) -> None:
    train(bank, tmp_path).save()
    other = replace(TINY, model=replace(TINY.model, filters=8), source_weights={"balls": 0.4, "globes": 0.5})
    with pytest.raises(
        TrainingError,
        match=r"other settings: model\.filters 4, now 8, source_weights\.balls 0\.5, now 0\.4\. Resume with",
    ):
        train(bank, tmp_path, other)


def test_a_run_with_other_cases_held_out_is_not_resumed(bank: LesionCropCache, tmp_path: Path) -> None:
    train(bank, tmp_path, notes={"held_out": ["a/1", "a/2"]}).save()
    assert train(bank, tmp_path, notes={"held_out": ["a/1", "a/2"]}).step == 0
    with pytest.raises(
        TrainingError,
        match=r"started with other held-out cases \(2, now 1; a/2 was held out\)\. Resume with the same; .*--start",
    ):
        train(bank, tmp_path, notes={"held_out": ["a/1"]})


def test_a_run_on_other_data_is_not_resumed(
    bank: LesionCropCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(bank, tmp_path).save()
    draws = LesionCropSampler(bank, TINY)
    with monkeypatch.context() as patched:
        patched.setattr(draws, "fingerprint", "0" * 64)
        with pytest.raises(
            TrainingError, match=r"other training data \(other cases or other synthetic lesions\)"
        ):
            Trainer(TINY, draws, tmp_path)
        patched.setattr(draws, "counts", {"balls": 1, "globes": 7})
        with pytest.raises(TrainingError, match=r"other training data \(globes 2, now 7\)"):
            Trainer(TINY, draws, tmp_path)


def test_a_run_of_an_earlier_version_is_resumed(bank: LesionCropCache, tmp_path: Path) -> None:
    first = train(bank, tmp_path, notes={"held_out": ["a/1"]})
    first.step = 3
    first.save()
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    del state["trained_on"]
    torch.save(state, tmp_path / "state.pt")
    assert train(bank, tmp_path, notes={"held_out": ["a/1"]}).step == 3


def test_a_run_that_is_stopped_keeps_every_step(bank: LesionCropCache, tmp_path: Path) -> None:
    stopped = train(bank, tmp_path / "two", replace(TINY, steps=8))

    class Watcher:
        def on_step(self, step: int, loss: float, rate: float) -> None:
            if step == 3:
                stopped.stop()

        def on_validation(self, step: int, look: ValidationScore, better: bool) -> None:
            pass

        def close(self) -> None:
            pass

    stopped.watchers = [Watcher()]
    stopped.run()
    assert (stopped.step, stopped.done) == (3, False)
    resumed = train(bank, tmp_path / "two", replace(TINY, steps=8))
    assert resumed.step == 3
    stopped.watchers = []
    stopped.run()
    assert stopped.done, "only the run that it was told in stops"
    resumed.run()
    whole = train(bank, tmp_path / "one", replace(TINY, steps=8))
    whole.run()
    for kept, again in zip(whole.average.parameters(), resumed.average.parameters(), strict=True):
        assert torch.equal(kept, again)


def test_a_run_may_begin_from_the_weights_of_another(bank: LesionCropCache, tmp_path: Path) -> None:
    train(bank, tmp_path / "first").run()
    weights = load_weights(tmp_path / "first" / "weights.safetensors")
    second = train(bank, tmp_path / "second", start=weights)
    for name, value in weights.model.mask_decoder.state_dict().items():
        assert torch.equal(second.model.mask_decoder.state_dict()[name], value)
    second.save()
    record = load_weights(tmp_path / "second" / "weights.safetensors").record
    assert record["started_from"][0]["step"] == TINY.steps
    other = replace(TINY, model=replace(TINY.model, decoder_floor=8))
    with pytest.raises(
        TrainingError, match=r"another network: model\.decoder_floor 4, the run's 8\. Set these to .* --set"
    ):
        train(bank, tmp_path / "third", other, start=weights)
    with pytest.raises(TrainingError, match=r"their channels wide, .* are not among the run's voxel_size\."):
        fitted_weights(
            weights,
            replace(
                TINY,
                model=replace(TINY.model, in_channels=1),
                patch=replace(TINY.patch, channels=("voxel_size",)),
            ),
        )


def test_channels_that_only_one_side_has_are_told(bank: LesionCropCache, tmp_path: Path) -> None:
    weights = load_weights(_saved(train(bank, tmp_path), tmp_path))
    fewer = (*LINE_CHANNELS[1:], "clicks")
    assert channel_notes(weights, replace(TINY, patch=replace(TINY.patch, channels=fewer))) == [
        "channels of the weights that this run does not have are dropped: wide",
        "channels that the weights do not have start without effect: clicks",
    ]
    assert channel_notes(weights, TINY) == []


def test_sources_without_a_weight_are_named(bank: LesionCropCache) -> None:
    with pytest.raises(
        TrainingError,
        match=r"every source of the data \(balls, globes\) and no other; globes is on one side only",
    ):
        LesionCropSampler(bank, replace(TINY, source_weights={"balls": 1.0}))
    LesionCropSampler(bank, replace(TINY, source_weights={}))


def test_a_source_may_be_left_out_but_not_all(bank: LesionCropCache) -> None:
    left_out = {"balls": 1.0, "globes": 0.0}
    LesionCropSampler(bank, replace(TINY, source_weights=left_out))
    draws = LesionCropSampler(bank, replace(TINY, source_weights=left_out))
    alone = DeviceBank(bank, torch.device("cpu")).draw(
        Chance(seeded(torch.device("cpu"), 0), 20), left_out, 0.0
    )
    (ball,) = (number for number in range(3) if bank[number].source == "balls")
    assert (
        alone.volumes[:, 0] == torch.from_numpy(HU_OF_GREY)[torch.from_numpy(bank[ball].grey.copy()).long()]
    ).all()
    assert len(draws.batches(0, 0, 4)[0]) == 4
    for weights in ({"balls": 0.0, "globes": 0.0}, {"balls": -1.0, "globes": 2.0}):
        with pytest.raises(TrainingError, match="at least 0 and not all 0"):
            LesionCropSampler(bank, replace(TINY, source_weights=weights))


def test_a_crop_wider_than_the_banks_is_refused(bank: LesionCropCache) -> None:
    with pytest.raises(TrainingError, match=r"side_factor 2\.8 needs more than the bank's 2\.9"):
        LesionCropSampler(bank, replace(TINY, patch=PatchConfig(side_voxels=16, side_factor=2.8)))


def test_a_loss_that_is_not_finite_changes_no_weight(bank: LesionCropCache, tmp_path: Path) -> None:
    trainer = train(bank, tmp_path)
    ((batch,),) = trainer._batches(0, 1)
    before = [p.clone() for p in trainer.model.parameters()]
    broken = replace(batch, target=batch.target * float("nan"))
    trainer.train_step([broken])
    assert all(torch.equal(a, b) for a, b in zip(before, trainer.model.parameters(), strict=True))


@pytest.mark.parametrize("loss", [5e22, float("nan")])
def test_a_run_that_diverges_stops_and_says_at_which_step(
    bank: LesionCropCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: float
) -> None:
    run = train(bank, tmp_path, replace(TINY, steps=60))
    step = Trainer.train_step
    monkeypatch.setattr(Trainer, "train_step", lambda self, batches: step(self, batches) * 0 + loss)
    with pytest.raises(
        TrainingError, match=r"step 50: the loss is (5e\+22|inf), .*diverged\. .*lower .*--lr, now 0\.002"
    ):
        run.run()
    assert not (tmp_path / "weights.safetensors").exists()


@pytest.mark.parametrize(("every", "steps"), [(4, TINY.steps), (51, 51)], ids=["a few", "the last"])
def test_single_steps_without_a_finite_loss_stop_no_run(
    bank: LesionCropCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int, steps: int
) -> None:
    step = Trainer.train_step
    monkeypatch.setattr(
        Trainer,
        "train_step",
        lambda self, batches: step(self, batches) * (1 if self.step % every else float("nan")),
    )
    run = train(bank, tmp_path, replace(TINY, steps=steps))
    run.run()
    assert run.done
    assert (tmp_path / "weights.safetensors").exists()


def test_the_rate_rises_stays_and_falls_to_almost_nothing() -> None:
    config = TrainingConfig(steps=1000, warmup=0.1, cooldown=0.5, lr=1.0)
    assert config.rate(0) == pytest.approx(0.01)
    assert config.rate(300) == 1.0
    assert config.rate(999) < 0.01


PROMPTED = replace(
    TINY,
    model=replace(TINY.model, in_channels=len(LINE_CHANNELS + PROMPT_CHANNELS)),
    patch=replace(TINY.patch, channels=LINE_CHANNELS + PROMPT_CHANNELS),
    batch=3,
)


def test_a_wider_network_begins_as_the_narrow_one_it_starts_from(
    bank: LesionCropCache, tmp_path: Path
) -> None:
    train(bank, tmp_path / "narrow").run()
    narrow = load_weights(tmp_path / "narrow" / "weights.safetensors")
    wide = train(bank, tmp_path / "wide", PROMPTED, start=narrow)
    (batch,) = wide.draws.batches(0, 0, 8)
    shown = wide.model.eval()(batch.values, batch.endpoints_zyx)
    expected = narrow.model(batch.values[:, : len(LINE_CHANNELS)], batch.endpoints_zyx)
    torch.testing.assert_close(shown, expected, atol=1e-4, rtol=1e-4)
    assert (batch.values[:, len(LINE_CHANNELS) :] != 0.5).any(), "prompts were shown"
    wider = load_weights(_saved(wide, tmp_path / "wide"))
    fewer = train(bank, tmp_path / "fewer", start=wider)
    shown = fewer.model.eval()(batch.values[:, : len(LINE_CHANNELS)], batch.endpoints_zyx)
    torch.testing.assert_close(shown, expected, atol=1e-4, rtol=1e-4)
    deeper = replace(
        PROMPTED,
        model=replace(PROMPTED.model, blocks=(1, 1, 1, 1, 1)),
        patch=replace(PROMPTED.patch, side_voxels=32),
    )
    with pytest.raises(TrainingError, match="another network"):
        train(bank, tmp_path / "deeper", deeper, start=wider)


def _saved(trainer: Trainer, folder: Path) -> Path:
    trainer.save()
    return folder / "weights.safetensors"


def test_a_run_with_clicks_resumes_to_the_same_losses(bank: LesionCropCache, tmp_path: Path) -> None:
    config = replace(PROMPTED, steps=4, prompts=PromptOdds(rounds=(0.0, 0.5, 0.5)))
    unbroken = losses(train(bank, tmp_path / "one", config), 4)
    first = train(bank, tmp_path / "two", config)
    broken = losses(first, 2)
    first.save()
    assert broken + losses(train(bank, tmp_path / "two", config), 4) == unbroken
