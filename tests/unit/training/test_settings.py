"""Settings by name: read as what they are, refused with the field, what it takes, what came and the nearest name."""

from __future__ import annotations

import re

import pytest

from lite_ensam.core.errors import TrainingError
from lite_ensam.training.config import TrainingConfig
from lite_ensam.training.presets import CPU, PRESETS
from lite_ensam.training.settings import apply_settings, list_settings


@pytest.mark.parametrize(
    ("setting", "read", "expected"),
    [
        ("steps=90", lambda c: c.steps, 90),
        ("lr=1e-3", lambda c: c.lr, 0.001),
        ("lr = 1", lambda c: c.lr, 1.0),
        ("bf16=false", lambda c: c.bf16, False),
        ("bf16=True", lambda c: c.bf16, True),
        ("crops=joint", lambda c: c.crops, "joint"),
        ("milestones=5,10", lambda c: c.milestones, (5, 10)),
        ("milestones=[5, 10]", lambda c: c.milestones, (5, 10)),
        ("milestones=5", lambda c: c.milestones, (5,)),
        ("milestones=()", lambda c: c.milestones, ()),
        ("model.decoder=add", lambda c: c.model.decoder, "add"),
        ("model.blocks=(1, 1, 2)", lambda c: c.model.blocks, (1, 1, 2)),
        ("lines.exact=0.3", lambda c: c.lines.exact, 0.3),
        ("patch.window_hu=-160,240", lambda c: c.patch.window_hu, (-160.0, 240.0)),
        ("patch.window_hu=none", lambda c: c.patch.window_hu, None),
        ('source_weights={"sts": 0.3, "lidc": 1}', lambda c: c.source_weights, {"sts": 0.3, "lidc": 1.0}),
    ],
)
def test_values_are_read_as_what_they_are(setting, read, expected) -> None:
    value = read(apply_settings(CPU, [setting]))
    assert (value, type(value)) == (expected, type(expected))


def test_settings_that_only_fit_together_are_set_together() -> None:
    config = apply_settings(CPU, ["patch.channels=wide, along", "model.in_channels=2"])
    assert (config.patch.channels, config.model.in_channels) == (("wide", "along"), 2)
    assert config.steps == CPU.steps


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["lr=fast"], "lr takes a number, got 'fast'"),
        (["lr=1e999"], "lr takes a number, got '1e999'"),
        (["steps=1.5"], "steps takes a whole number, got '1.5'"),
        (["steps=true"], "steps takes a whole number, got 'true'"),
        (["bf16=1"], "bf16 takes a true or false, got '1'"),
        (["crops=whole"], "crops takes a word out of lesion, joint, got 'whole'"),
        (["milestones=5,x"], "milestones takes a list of whole numbers with commas between, got '5,x'"),
        (
            ["patch.window_hu=5"],
            "patch.window_hu takes a list of 2 numbers with commas between or none, got '5'",
        ),
        (["lr"], "expected NAME=VALUE such as lr=0.001, got 'lr'"),
        (["lr=1", "lr=2"], "lr is set twice"),
        (
            ["patch.sid_voxels=40"],
            r"no setting is called 'patch.sid_voxels'; did you mean patch.side_voxels\?",
        ),
        (["patch.side-voxels=40"], r"did you mean patch.side_voxels\?"),
        (["side_voxels=40"], r"did you mean patch.side_voxels\?"),
        (["lines=0.3"], "no setting is called 'lines': it is a group, of lines.exact, lines.scaled"),
        (["patch.crop=joint"], "patch.crop follows crops: set crops=joint instead"),
        (["colour=red"], "no setting is called 'colour'; --list-settings lists them"),
        (["batch=0"], "batch must be 1 or more, got 0"),
        (["model.in_channels=2"], "the network takes 2 channels, a patch has 11"),
    ],
)
def test_what_makes_no_sense_is_said(settings, message) -> None:
    with pytest.raises(TrainingError, match=message):
        apply_settings(CPU, settings)


def test_every_setting_has_a_type_and_a_line_and_can_be_set_to_what_it_is() -> None:
    for config in PRESETS.values():
        for setting in list_settings(config):
            assert setting.takes
            assert re.match(r"""["A-Z0]""", setting.text), setting.name
            assert ", default" not in setting.text
            value = setting.value
            text = ",".join(map(str, value)) if isinstance(value, tuple) and value else str(value)
            assert apply_settings(config, [f"{setting.name}={text}"]) == config


def test_names_are_those_of_the_record() -> None:
    config = TrainingConfig()
    numbers = config.to_dict()
    for setting in list_settings(config):
        found = numbers
        for part in setting.name.split("."):
            found = found[part]
        assert found == setting.value
