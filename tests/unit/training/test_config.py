"""Presets and what a config refuses; bfloat16 only where the machine has it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from lite_ensam.core.errors import MissingExtraError, TrainingError
from lite_ensam.model import LiteEnsam, ModelConfig
from lite_ensam.training.config import PromptOdds, TrainingConfig
from lite_ensam.training.devices import find_devices, has_bf16
from lite_ensam.training.muon import Muon
from lite_ensam.training.presets import PAPER, PRESETS
from lite_ensam.training.trainer import optimizers_of


def test_the_papers_numbers() -> None:
    assert PAPER.steps == 75 * 10_000
    assert (PAPER.batch, PAPER.lr, PAPER.weight_decay, PAPER.clip) == (1, 2e-3, 1e-3, 1.0)
    assert PAPER.model == ModelConfig()
    assert PAPER.patch.channels == ("wide",)
    assert PAPER.patch.window_hu is None
    epochs = {0: 1, 4: 1, 5: 2, 9: 2, 10: 4, 15: 8, 20: 16, 74: 16}
    for epoch, divisor in epochs.items():
        assert PAPER.rate(epoch * 10_000) == pytest.approx(2e-3 / divisor)
        assert PAPER.rate(epoch * 10_000 + 9_999) == pytest.approx(2e-3 / divisor)


def test_the_papers_optimisers_take_every_weight_once() -> None:
    model = LiteEnsam(PAPER.model)
    muon, adamw = optimizers_of(model, PAPER)
    assert isinstance(muon, Muon)
    taken = [[p for group in one.param_groups for p in group["params"]] for one in (muon, adamw)]
    assert all(p.ndim > 1 for p in taken[0])
    assert all(p.ndim == 1 for p in taken[1])
    assert sum(p.numel() for p in taken[0] + taken[1]) == sum(p.numel() for p in model.parameters())
    assert muon.param_groups[0]["match_adamw"] is False


@pytest.mark.parametrize("preset", PRESETS)
def test_a_config_survives_json(preset: str) -> None:
    config = PRESETS[preset]
    assert TrainingConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_a_config_of_an_earlier_version_has_todays_defaults() -> None:
    old = TrainingConfig().to_dict()
    for name in ("crops", "milestones", "match_adamw", "validate_steps"):
        del old[name]
    assert TrainingConfig.from_dict(old) == TrainingConfig()


def test_a_config_from_before_prompts_has_none() -> None:
    old = TrainingConfig().to_dict()
    del old["prompts"]
    assert TrainingConfig.from_dict(old).prompts == PromptOdds(extent=0.0, rounds=(1.0,))


@pytest.mark.parametrize(
    ("odds", "message"),
    [({"extent": 1.5}, "extent must be from 0 to 1"), ({"rounds": (0.5, 0.6)}, "odds that add up to 1")],
)
def test_odds_of_prompts_are_odds(odds: dict, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        PromptOdds(**odds)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crops": "whole"}, "crops must be one of lesion, joint, got 'whole'"),
        ({"batch": 0}, "batch must be 1 or more, got 0"),
        ({"lr": -1.0}, r"lr must be a finite number above 0, got -1\.0"),
        ({"lr": 0.0}, r"lr must be a finite number above 0, got 0\.0"),
        ({"clip": 0.0}, r"clip must be a finite number above 0, got 0\.0"),
        ({"weight_decay": -0.1}, r"weight_decay must be a finite number of 0 or more, got -0\.1"),
        ({"seed": -1}, "seed must be a finite number of 0 or more, got -1"),
        ({"warmup": 1.5}, r"warmup must be from 0 to 1, got 1\.5"),
        ({"cooldown": 3.0}, r"cooldown must be from 0 to 1, got 3\.0"),
        ({"milestones": (5, 0)}, r"milestones must be epochs from 1 on, got \(5, 0\)"),
        ({"ema": 1.0}, r"ema must be at least 0 and below 1, got 1\.0"),
        ({"model": ModelConfig(in_channels=2)}, "the network takes 2 channels, a patch has"),
    ],
)
def test_numbers_that_make_no_sense_are_named(changes: dict, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        replace(TrainingConfig(), **changes)


@pytest.mark.parametrize(
    ("preset", "change", "message"),
    [
        ("cpu", {"patch": {"side_voxels": 44}}, "side_voxels must be a multiple of 8 and 16 or more.*got 44"),
        ("cpu", {"patch": {"side_voxels": 8}}, "side_voxels must be a multiple of 8 and 16 or more.*got 8"),
        ("cpu", {"model": {"blocks": (1,) * 6}}, "multiple of 32 and 64 or more.* 6 levels .*got 48"),
        ("paper", {"model": {"blocks": (1,) * 5}}, "side_multiple must be a multiple of 16.*got 8"),
    ],
)
def test_a_patch_that_the_strides_do_not_divide_is_refused(preset: str, change: dict, message: str) -> None:
    config = PRESETS[preset]
    parts = {name: replace(getattr(config, name), **numbers) for name, numbers in change.items()}
    with pytest.raises(TrainingError, match=message):
        replace(config, **parts)


def test_bfloat16_is_left_where_it_would_be_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    assert not has_bf16(cpu)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    assert has_bf16(cpu)


def test_machines_that_are_not_there_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    with pytest.raises(TrainingError, match="accelerator must be one of auto, cpu, gpu, got 'tpu'"):
        find_devices("tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainingError, match="torch finds no GPU here"):
        find_devices("gpu")
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(MissingExtraError, match=r"lite-ensam\[fabric\]"):
        find_devices("cpu", devices=2)
    assert find_devices("auto").count == 1
