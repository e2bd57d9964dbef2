"""`lite-ensam train` from the command line: the paper's preset on FLARE files, and in two processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lite_ensam.cli import build_app
from lite_ensam.model.checkpoint import load_weights
from lite_ensam.training.config import TrainingConfig
from tests.flare_files import write_flare_folder

SMALL = [
    "--accelerator", "cpu", "--epoch-steps", "2", "--milestones", "1,2", "--margin-voxels", "6",
    "--most-voxels", "4000", "--model-blocks", "1,1,1,1", "--model-filters", "4", "--model-rotation-block", "8",
]  # fmt: skip


@pytest.fixture(scope="module")
def flare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_flare_folder(tmp_path_factory.mktemp("flare"))


def train(*arguments: str) -> str:
    done = CliRunner().invoke(build_app(), ["train", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def losses_of(run: Path) -> list[float]:
    entries = map(json.loads, (run / "log.jsonl").read_text().splitlines())
    return [entry["loss"] for entry in entries if "loss" in entry]


def test_the_papers_preset_trains_on_flare_files_from_end_to_end(flare: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    settings = [str(flare), "--run", str(run), *SMALL, "--steps", "4", "--validate-steps", "4"]
    told = train(*settings, "--val-share", "0.5")
    assert "CT_Lesion_FLARE23Ts: 1" in told
    assert "validation: 4 lesions" in told
    assert "step 0 of 4 on 1 x cpu in" in told
    weights = load_weights(run / "weights.safetensors")
    config = TrainingConfig.from_dict(weights.record["training"])
    assert (config.crops, config.batch, config.ema, config.milestones) == ("joint", 1, 0.0, (1, 2))
    assert (config.most_voxels, config.model.blocks) == (4000, (1, 1, 1, 1))
    assert weights.patch.channels == ("wide",)
    record = weights.record
    assert (record["step"], record["preset"], record["data"]) == (4, "paper", flare.name)
    assert len(record["held_out"]) == 2
    for name in ("best.safetensors", "state.pt", "log.jsonl", "curves.png"):
        assert (run / name).is_file()


def test_flags_are_made_from_the_config_and_its_docstring() -> None:
    text = CliRunner().invoke(build_app(), ["train", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    for flag in ("--lr", "--milestones", "--patch-side-voxels", "--model-decoder", "--no-bf16"):
        assert flag in text
    assert "epochs from which on the rate is halved once more" in " ".join(text.replace("│", " ").split())
    assert "--source-weights" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--milestones", "5,x"], "--milestones: expected int values with commas between, got '5,x'"),
        (["--batch", "0"], "batch must be 1 or more, got 0"),
        (["--model-decoder", "sideways"], "decoder must be 'concat_half' or 'add', got 'sideways'"),
        (["--weight", "sts=-1"], "expected SOURCE=SHARE such as sts=0.3, got 'sts=-1'"),
        (["--weight", "sts"], "expected SOURCE=SHARE such as sts=0.3, got 'sts'"),
    ],
)
def test_flags_that_make_no_sense_are_usage_errors(
    flare: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = CliRunner().invoke(
        build_app(), ["train", str(flare), "--run", str(tmp_path), *arguments], env={"COLUMNS": "200"}
    )
    assert done.exit_code == 2
    assert message in " ".join(done.output.replace("│", " ").split())


def test_two_processes_have_the_losses_of_one_with_twice_the_batch(flare: Path, tmp_path: Path) -> None:
    pytest.importorskip("lightning_fabric")
    steps = [str(flare), *SMALL, "--steps", "3"]
    train(*steps, "--run", str(tmp_path / "one"), "--batch", "2")
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "-m",
        "--",
    ]
    command += ["lite_ensam", "train", *steps, "--run", str(tmp_path / "two"), "--batch", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "step 0 of 3 on 2 x cpu" in done.stdout
    one, two = losses_of(tmp_path / "one"), losses_of(tmp_path / "two")
    assert len(one) == 1
    assert two == pytest.approx(one, rel=1e-4)
    records = [load_weights(tmp_path / name / "weights.safetensors").record for name in ("one", "two")]
    assert [record["processes"] for record in records] == [1, 2]
    first, second = (load_weights(tmp_path / name / "weights.safetensors").model for name in ("one", "two"))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert (a - b).abs().max() < 2e-3
