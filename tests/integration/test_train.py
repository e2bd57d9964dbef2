"""`lite-ensam train` from the command line: the paper's preset on FLARE files, settings, and what is refused."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lite_ensam.cli import build_app
from lite_ensam.core.errors import LiteEnsamError, OutputError, TrainingError
from lite_ensam.model.checkpoint import load_weights
from lite_ensam.training.batches import Batch
from lite_ensam.training.config import TrainingConfig
from lite_ensam.training.packing import pack
from lite_ensam.training.trainer import Trainer
from tests.flare_files import write_flare, write_flare_folder
from tests.integration.conftest import Run
from tests.phantoms import ellipsoid_case

SMALL = [
    "--accelerator", "cpu", "--set", "epoch_steps=2", "--set", "milestones=1,2", "--set", "margin_voxels=6",
    "--set", "patch.most_voxels=4000", "--set", "model.blocks=1,1,1,1", "--set", "model.filters=4",
    "--set", "model.rotation_block=8",
]  # fmt: skip


@pytest.fixture(scope="module")
def flare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_flare_folder(tmp_path_factory.mktemp("flare"))


def train(*arguments: str) -> str:
    done = CliRunner().invoke(build_app(), ["train", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_papers_preset_trains_on_flare_files_from_end_to_end(flare: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    settings = [str(flare), "--run", str(run), *SMALL, "--steps", "4", "--set", "validate_steps=4"]
    told = train(*settings, "--val-share", "0.5")
    assert "CT_Lesion_FLARE23Ts: 1" in told
    assert "validation: 4 lesions" in told
    assert "step 0 of 4 on 1 x cpu in" in told
    weights = load_weights(run / "weights.safetensors")
    config = TrainingConfig.from_dict(weights.record["training"])
    assert (config.crops, config.batch, config.ema, config.milestones) == ("joint", 1, 0.0, (1, 2))
    assert (config.patch.most_voxels, config.model.blocks) == (4000, (1, 1, 1, 1))
    assert weights.patch.channels == ("wide",)
    record = weights.record
    assert (record["step"], record["preset"], record["data"]) == (4, "paper", flare.name)
    assert len(record["held_out"]) == 2
    for name in ("best.safetensors", "state.pt", "log.jsonl", "curves.png"):
        assert (run / name).is_file()


def test_settings_are_listed_with_type_presets_and_meaning() -> None:
    listed = CliRunner().invoke(build_app(), ["train", "--list-settings"]).output.splitlines()
    said = dict(zip(listed[::2], listed[1::2], strict=True))
    assert (
        said["lr: number [paper 0.002; joint 0.002; cpu 0.002; gpu 0.004]"]
        == "    Learning rate of Muon and AdamW."
    )
    milestones = (
        "milestones: list of whole numbers with commas between [paper 5,10,15,20; joint (); cpu (); gpu ()]"
    )
    assert said[milestones].startswith("    Epochs at which the learning rate is halved, as in the paper;")
    window = "[paper none; joint -700.0,300.0; cpu -1000.0,500.0; gpu -1000.0,500.0]"
    assert f"patch.window_hu: list of 2 numbers with commas between or none {window}" in said
    assert any(line.startswith("model.decoder: word out of concat_half, add [") for line in said)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--set", "milestones=5,x"],
            "milestones takes a list of whole numbers with commas between, got '5,x'",
        ),
        (
            ["--set", "patch.sid_voxels=9"],
            "no setting is called 'patch.sid_voxels'; did you mean patch.side_voxels?",
        ),
        (["--batch", "0"], "batch must be 1 or more, got 0"),
        (["--lr", "0.1", "--set", "lr=0.2"], "lr is set twice"),
        (["--set", "model.decoder=sideways"], "takes a word out of concat_half, add, got 'sideways'"),
        (["--set", "model.rotation_block=7"], "rotation_block must divide the head size 16, got 7"),
        (["--weight", "sts=-1"], "expected SOURCE=SHARE such as sts=0.3, got 'sts=-1'"),
        (["--weight", "sts"], "expected SOURCE=SHARE such as sts=0.3, got 'sts'"),
    ],
)
def test_settings_that_make_no_sense_are_usage_errors(
    flare: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = CliRunner().invoke(
        build_app(), ["train", str(flare), "--run", str(tmp_path), *arguments], env={"COLUMNS": "200"}
    )
    assert done.exit_code == 2
    assert message in " ".join(done.output.replace("│", " ").split())


@pytest.mark.parametrize("place", ["", "runs/mine", "train_npz"])
def test_a_run_does_not_go_into_its_data(flare: Path, run: Run, place: str) -> None:
    before = sorted(flare.rglob("*"))
    done = run("train", flare, "--run", flare / place)
    assert done.returncode == 1
    assert f"cannot write {flare / place}: it " in done.stderr
    assert sorted(flare.rglob("*")) == before


def test_ctrl_c_ends_a_run_that_the_same_command_goes_on_with(
    flare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Trainer.train_step

    def interrupted(self: Trainer, batches: list[Batch]) -> float:
        if self.step == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, batches)

    settings = [str(flare), "--run", str(tmp_path), *SMALL, "--steps", "4", "--val-share", "0.5"]
    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "train_step", interrupted)
        done = CliRunner().invoke(build_app(), ["train", *settings])
    assert (done.exit_code, "stopped after step 2; the same command resumes it" in done.output) == (130, True)
    assert "no validation yet; the first is after step 10000" in done.output
    assert "best.safetensors" not in done.output
    assert signal.getsignal(signal.SIGINT) is before
    told = train(*settings)
    assert "step 2 of 4" in told
    assert "stopped" not in told


def test_a_finished_run_says_so_and_is_not_taken_for_one_on_other_patients(
    flare: Path, tmp_path: Path
) -> None:
    settings = [str(flare), "--run", str(tmp_path / "runs" / "mine"), *SMALL, "--steps", "2"]
    train(*settings, "--val-share", "0.5")
    before = {path: path.read_bytes() for path in (tmp_path / "runs" / "mine").iterdir()}
    again = train(*settings, "--val-share", "0.5")
    assert "is already finished (step 2): nothing is trained" in " ".join(again.split())
    other = CliRunner().invoke(build_app(), ["train", *settings])
    assert isinstance(other.exception, TrainingError)
    assert "other held-out cases (2, now 0; " in str(other.exception)
    assert {path: path.read_bytes() for path in (tmp_path / "runs" / "mine").iterdir()} == before
    weights = tmp_path / "runs" / "mine" / "weights.safetensors"
    weights.unlink()  # as if the disk had been full at the end
    train(*settings, "--val-share", "0.5")
    assert weights.read_bytes() == before[weights]


def test_a_folder_without_cases_leaves_no_run(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for data in ("nowhere", "empty"):
        done = CliRunner().invoke(
            build_app(), ["train", str(tmp_path / data), "--run", str(tmp_path / "runs" / "mine"), *SMALL]
        )
        assert isinstance(done.exception, LiteEnsamError)
    assert not (tmp_path / "runs").exists()


def test_weights_to_start_from_that_do_not_fit_are_named_before_any_work(flare: Path, tmp_path: Path) -> None:
    settings = [str(flare), *SMALL, "--steps", "1"]
    train(*settings, "--run", str(tmp_path / "one"))
    start = str(tmp_path / "one" / "weights.safetensors")
    other = [*settings, "--run", str(tmp_path / "two"), "--start", start]
    done = CliRunner().invoke(build_app(), ["train", *other, "--set", "model.decoder_floor=8"])
    assert isinstance(done.exception, TrainingError)
    assert str(done.exception).startswith(f"{start}: the weights to start from belong to another network: ")
    assert "model.decoder_floor 4, the run's 8" in str(done.exception)
    assert "preparing crops" not in done.output
    channels = ["--set", "patch.channels=wide,clicks", "--set", "model.in_channels=2"]
    told = train(*other, *channels)
    assert "note: channels that the weights do not have start without effect: clicks" in told


def test_an_archive_is_unpacked_into_a_new_folder(flare: Path, tmp_path: Path) -> None:
    pack(flare, tmp_path / "bank.tar.xz")
    run = tmp_path / "runs" / "packed"
    told = train(str(tmp_path / "bank.tar.xz"), "--run", str(run), *SMALL, "--steps", "1")
    assert "step 0 of 1" in told
    assert (run / "data" / "train").is_dir()


def test_a_place_where_no_run_can_be_written_is_told_before_any_work(flare: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = CliRunner().invoke(build_app(), ["train", str(flare), "--run", str(tmp_path / "file" / "run")])
    assert isinstance(done.exception, OutputError)
    assert "cannot make the folder" in str(done.exception)
    assert "preparing crops" not in done.output


def test_a_long_run_on_a_cpu_is_told(flare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trainer, "run", lambda self: setattr(self, "step", self.config.steps))
    settings = [str(flare), "--run", str(tmp_path), *SMALL]
    assert "750000 steps take weeks on a CPU; --preset cpu" in train(*settings)
    assert "weeks" not in train(*settings, "--steps", "4")


def test_a_run_does_not_write_over_the_weights_it_starts_from(flare: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").write_bytes(b"weights")
    done = run("train", flare, "--run", tmp_path, "--start", tmp_path / "weights.safetensors")
    assert (done.returncode, "it is one of the inputs" in done.stderr) == (1, True)


def test_masks_of_several_lesions_under_one_label_are_noted(tmp_path: Path) -> None:
    case = ellipsoid_case()
    assert case.reference is not None
    write_flare(tmp_path / "data", "P_1", replace(case, reference=np.minimum(case.reference, 1)))
    told = train(str(tmp_path / "data"), "--run", str(tmp_path / "run"), *SMALL, "--steps", "1")
    assert "note: 1 of 1 labels consist of several pieces; one label is one tumour: give each" in told


def test_cases_that_are_left_out_in_vain_are_said(flare: Path, tmp_path: Path) -> None:
    shutil.copytree(flare, tmp_path / "data")
    (tmp_path / "data" / "exclude.txt").write_text(
        "CT_Lesion_FLARE23Ts/CT_Lesion_FLARE23Ts_0000\nsts/STS_1\n"
    )
    told = train(str(tmp_path / "data"), "--run", str(tmp_path / "run"), *SMALL, "--steps", "1")
    assert "exclude.txt names cases that are not there: sts/STS_1" in told
    assert "CT_Lesion_FLARE23Ts: 1" in told
    record = load_weights(tmp_path / "run" / "weights.safetensors").record
    assert record["excluded"] == ["CT_Lesion_FLARE23Ts/CT_Lesion_FLARE23Ts_0000"]
