"""Weights come back from disk as they were, rounded to half precision and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lite_ensam.core.errors import EngineError
from lite_ensam.core.patch_config import PatchConfig
from lite_ensam.model import LiteEnsam, ModelConfig
from lite_ensam.model.checkpoint import Weights, load_weights, save_weights

CONFIG = ModelConfig(in_channels=5, blocks=(1, 1, 1, 1), rotation_block=2, decoder_floor=8)


def test_weights_survive_the_disk_with_their_configs(tmp_path: Path) -> None:
    model = LiteEnsam(CONFIG).eval()
    patch = PatchConfig(side_factor=2.25, window_hu=None)
    save_weights(tmp_path / "w.safetensors", Weights(model, patch, {"step": 7}))
    back = load_weights(tmp_path / "w.safetensors")
    assert (back.model.config, back.patch, back.record) == (CONFIG, patch, {"step": 7})
    for name, value in model.state_dict().items():
        torch.testing.assert_close(back.model.state_dict()[name], value.half().float(), rtol=0, atol=0)
    assert [path.name for path in tmp_path.iterdir()] == ["w.safetensors"]


def test_weights_that_are_missing_or_damaged_are_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"no such file .*none\.safetensors"):
        load_weights(tmp_path / "none.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"\x08" + b"\0" * 40)
    with pytest.raises(EngineError, match=r"bad\.safetensors is not a weights file"):
        load_weights(tmp_path / "bad.safetensors")
