"""What a run leaves on the disk: whole or as before, under names that nobody foresees, and damage is said."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch

from lite_ensam.core.errors import EngineError, OutputError, TrainingError
from lite_ensam.io import atomic
from lite_ensam.model import ModelConfig
from lite_ensam.model.checkpoint import load_weights
from lite_ensam.training.callbacks import append_log, draw_curves, read_log
from lite_ensam.training.config import TrainingConfig
from lite_ensam.training.trainer import BEST, LAST, STATE, Trainer

CONFIG = TrainingConfig()
TINY = replace(
    CONFIG,
    model=ModelConfig(in_channels=CONFIG.model.in_channels, filters=4, blocks=(1, 1, 1, 1), rotation_block=2),
    steps=8,
)


def trainer(folder: Path, config: TrainingConfig = TINY) -> Trainer:
    """A run that is saved and resumed, and draws nothing."""
    return Trainer(config, Mock(counts={}, fingerprint=""), folder)


class FullDisk(io.FileIO):
    """A new file on a disk with room for 10,000 bytes."""

    room = 10_000

    def write(self, content: object) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = super().write(memoryview(content)[: self.room])  # type: ignore[arg-type]
        self.room -= written
        return written


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setattr(atomic, "_create", lambda path: io.BufferedWriter(FullDisk(path, "x")))
        yield


class TestFullDisk:
    def test_the_state_before_stays_to_be_resumed_from(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = trainer(tmp_path)
        run.step = 3
        run.save()
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        run.step = 5
        with monkeypatch.context() as patched:
            patched.setattr(atomic, "_create", lambda path: io.BufferedWriter(FullDisk(path, "x")))
            with pytest.raises(OutputError, match=r"cannot write .*state\.pt: the disk is full"):
                run.save()
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
        assert trainer(tmp_path).step == 3

    @pytest.mark.usefixtures("full_disk")
    def test_weights_are_written_whole_or_not_at_all(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match=r"best\.safetensors: the disk is full"):
            trainer(tmp_path)._save_weights(tmp_path / BEST)
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(OutputError, match=r"cannot write .*file/run"):
            trainer(tmp_path / "file" / "run")


def test_weights_without_their_state_are_not_written_over(tmp_path: Path) -> None:
    trainer(tmp_path).save()
    (tmp_path / STATE).unlink()
    with pytest.raises(TrainingError, match=r"holds weights\.safetensors but no state\.pt to resume from"):
        trainer(tmp_path)


def test_nobody_foresees_the_name_of_a_file_that_is_being_written(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"untouched")
    for name in (STATE, LAST, BEST):
        (tmp_path / f"{name}.tmp").symlink_to(tmp_path / "victim")
    trainer(tmp_path).save()
    assert (tmp_path / "victim").read_bytes() == b"untouched"
    assert load_weights(tmp_path / LAST).record["step"] == 0


def test_files_are_on_the_disk_before_they_take_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, rename = os.fsync, os.replace
    monkeypatch.setattr(atomic.os, "fsync", lambda file: (done.append("fsync"), fsync(file)))
    monkeypatch.setattr(
        atomic.os, "replace", lambda one, other: (done.append(Path(other).name), rename(one, other))
    )
    trainer(tmp_path).save()
    assert done == ["fsync", STATE, "fsync", LAST]


class TestDamage:
    @pytest.mark.parametrize("spoil", ["cut off", "empty", "text", "other", "lacks", "shapes", "config"])
    def test_a_damaged_state_says_so_and_what_to_do(self, tmp_path: Path, spoil: str) -> None:
        trainer(tmp_path).save()
        path = tmp_path / STATE
        content = path.read_bytes()
        state = torch.load(path, weights_only=True)
        if spoil in ("cut off", "empty", "text"):
            path.write_bytes({"cut off": content[:-500], "empty": b"", "text": b"no checkpoint"}[spoil])
        elif spoil == "shapes":
            state["model"] = {name: value[..., :1] for name, value in state["model"].items()}
            torch.save(state, path)
        else:
            changed = {
                "other": [1, 2],
                "lacks": {name: value for name, value in state.items() if name != "optimizers"},
                "config": state | {"config": '{"steps": 3'},
            }
            torch.save(changed[spoil], path)
        with pytest.raises(
            TrainingError, match=r"state\.pt: is damaged, .*put a copy in its place, or use another"
        ):
            trainer(tmp_path)

    def test_an_empty_state_is_called_empty(self, tmp_path: Path) -> None:
        (tmp_path / STATE).touch()
        with pytest.raises(TrainingError, match=r"state\.pt: is damaged, .*\(the file is empty\)"):
            trainer(tmp_path)

    def test_another_config_is_not_damage(self, tmp_path: Path) -> None:
        trainer(tmp_path).save()
        with pytest.raises(TrainingError, match="was started with other settings"):
            trainer(tmp_path, replace(TINY, lr=1.0))

    def test_damaged_weights_are_named(self, tmp_path: Path) -> None:
        trainer(tmp_path).save()
        path = tmp_path / LAST
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(EngineError, match=r"weights\.safetensors is not a weights file"):
            load_weights(path)

    def test_a_log_that_was_cut_off_loses_one_line(self, tmp_path: Path) -> None:
        append_log(tmp_path, 50, {"loss": 1.0})
        with (tmp_path / "log.jsonl").open("ab") as log:
            log.write(b'{"step": 100, "lo')
        append_log(tmp_path, 150, {"loss": 0.5})
        assert [(entry["step"], entry["loss"]) for entry in read_log(tmp_path)] == [(50, 1.0), (150, 0.5)]

    def test_lines_that_make_no_sense_stop_no_run(self, tmp_path: Path) -> None:
        odd = (
            b"\xff\xfe",
            b"[]",
            b"3",
            b'{"step": "x", "loss": 1}',
            b'{"step": 1}',
            b'{"step": 1, "dsc": 0.5}',
        )
        (tmp_path / "log.jsonl").write_bytes(b"\n".join(odd))
        append_log(tmp_path, 50, {"loss": 1.0})
        assert [entry["step"] for entry in read_log(tmp_path)] == [50]
        draw_curves(tmp_path)
        assert (tmp_path / "curves.png").is_file()
