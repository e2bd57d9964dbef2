"""The paper's preset on two hundred made-up cases in FLARE's layout: it learns, resumes exactly, and knows several
processes and a GPU."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lite_ensam.datasets.training_cases import find_training_cases
from lite_ensam.model import ModelConfig
from lite_ensam.model.checkpoint import load_weights
from lite_ensam.training.devices import Devices
from lite_ensam.training.presets import PAPER
from lite_ensam.training.scan_sampler import ScanSampler
from lite_ensam.training.trainer import Trainer
from tests.flare_files import write_flare
from tests.phantoms import Ellipsoid, ellipsoid_case

N_CASES = 200
SMALL = replace(
    PAPER,
    model=ModelConfig(filters=4, blocks=(1, 1, 1, 1), rotation_block=8),
    patch=replace(PAPER.patch, most_voxels=3000),
    margin_voxels=6,
    epoch_steps=8,
    milestones=(1, 2),
    steps=24,
)
AS_OPTIONS = [
    "--accelerator", "cpu", "--set", "model.filters=4", "--set", "model.blocks=1,1,1,1", "--set",
    "model.rotation_block=8", "--set", "patch.most_voxels=3000", "--set", "margin_voxels=6",
    "--set", "epoch_steps=2", "--set", "milestones=1,2", "--steps", "3",
]  # fmt: skip
"""The same from the command line, three steps long."""


@pytest.fixture(scope="module")
def flare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("flare")
    for n in range(N_CASES):
        ball = Ellipsoid(1, (6, 12 + n % 3, 12 - n % 4), (7.5, 4.0 + n % 3, 6.0), hu=90.0)
        name = f"CT_Lesion_{n:06d}_01_01_001-012" if n % 2 else f"CT_Lesion_FLARE23Ts_{n:04d}"
        write_flare(root / "train_npz", name, ellipsoid_case((12, 28, 28), tumors=[ball], seed=n))
    return root


@pytest.fixture(scope="module")
def cases(flare: Path) -> ScanSampler:
    return ScanSampler(find_training_cases(flare).train, SMALL)


def losses(folder: Path) -> list[float]:
    entries = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return [entry["loss"] for entry in entries if "loss" in entry]


def train(folder: Path, run: Path, *options: str, processes: int = 1) -> str:
    """`lite-ensam train` in processes of its own; what it printed."""
    several = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), "-m", "--"]
    command = [sys.executable, "-m", *(several if processes > 1 else []), "lite_ensam", "train"]
    command += [str(folder), "--run", str(run), *AS_OPTIONS, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_sources_are_the_names_beginnings_and_drawn_alike(cases: ScanSampler) -> None:
    assert cases.counts == {"CT_Lesion": 100, "CT_Lesion_FLARE23Ts": 100}


def test_a_run_that_was_stopped_twice_has_the_losses_and_weights_of_an_unbroken_one(
    cases: ScanSampler, tmp_path: Path
) -> None:
    unbroken = Trainer(SMALL, cases, tmp_path / "unbroken")
    for stop in (8, 16, 24):
        unbroken.run(stop_at=stop)
        Trainer(SMALL, cases, tmp_path / "broken").run(stop_at=stop)
    assert losses(tmp_path / "broken") == losses(tmp_path / "unbroken")
    first, _, last = losses(tmp_path / "broken")
    assert last < 0.9 * first
    one, other = (
        load_weights(tmp_path / name / "weights.safetensors").model.state_dict()
        for name in ("unbroken", "broken")
    )
    assert all(torch.equal(one[name], other[name]) for name in one)
    rates = [SMALL.rate(step) for step in (0, 7, 8, 16)]
    assert rates == [2e-3, 2e-3, 1e-3, 5e-4]


def test_two_processes_have_the_losses_of_one_with_twice_the_batch(flare: Path, tmp_path: Path) -> None:
    pytest.importorskip("lightning_fabric")
    train(flare, tmp_path / "one", "--batch", "2")
    told = train(flare, tmp_path / "two", "--batch", "1", processes=2)
    assert "step 0 of 3 on 2 x cpu" in told
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert len(one) == 1
    assert two == pytest.approx(one, rel=1e-4)
    first, second = (load_weights(tmp_path / name / "weights.safetensors") for name in ("one", "two"))
    assert [weights.record["processes"] for weights in (first, second)] == [1, 2]
    for a, b in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert (a - b).abs().max() < 2e-3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU: the paper's preset is not run on one")
def test_a_gpu_begins_with_the_losses_of_the_cpu(cases: ScanSampler, tmp_path: Path) -> None:
    for device in ("cpu", "cuda"):
        config = replace(SMALL, bf16=False)
        Trainer(config, cases, tmp_path / device, machine=Devices(device)).run(stop_at=2)
    assert losses(tmp_path / "cuda") == pytest.approx(losses(tmp_path / "cpu"), rel=1e-2)
