"""docs/guide/training.md from FLARE's data to a Docker image: its commands run as they stand, on made-up files."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tests.flare_files import write_flare, write_flare_folder
from tests.integration.test_paper_training import AS_OPTIONS
from tests.phantoms import ellipsoid_case

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "guide" / "training.md").read_text(encoding="utf-8")
SECTION = GUIDE.split("## From FLARE's data to a Docker image")[1].split("\n## ")[0]
COMMANDS = [line.strip() for line in SECTION.replace("\\\n", " ").splitlines() if line.startswith(" " * 8)]


def commands_of(program: str) -> list[list[str]]:
    return [shlex.split(line) for line in COMMANDS if line.split()[0] == program]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is watched on Linux only")
def test_the_guides_commands_lead_from_flares_data_to_masks(tmp_path: Path) -> None:
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def run(command: list[str], **settings: str) -> None:
        environment = {**os.environ, "PATH": tools, **settings}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=900
        )
        assert done.returncode == 0, done.stderr[-3000:]

    write_flare_folder(tmp_path / "FLARE", n_patients=1)
    validation = tmp_path / "FLARE" / "validation_npz" / "validation_public_npz"
    write_flare(validation, "CT_Lesion_FLARE23Ts_0007", ellipsoid_case(seed=7), recist=True)
    train, export, evaluate = commands_of("lite-ensam")
    assert [command[1] for command in (train, export, evaluate)] == ["train", "export", "evaluate"]
    small = [*AS_OPTIONS, "--set", "validate_steps=3"]
    run([sys.executable, "-m", "lite_ensam", *[a.replace("gpu", "cpu") for a in train[1:]], *small[2:]])
    run([sys.executable, "-m", "lite_ensam", *export[1:]])
    run([sys.executable, "-m", "lite_ensam", *evaluate[1:]])
    tables = (tmp_path / "tables.md").read_text()
    assert "| result | FLARE24 | 1 |" in tables
    assert "| CT_Lesion_FLARE23Ts_0007 |" in tables

    (written,) = (line for line in COMMANDS if line.startswith("printf"))
    run(["sh", "-c", written])
    weights, _ = re.search(r"COPY (\S+) (\S+)", (tmp_path / "runs/paper/Dockerfile").read_text()).groups()  # type: ignore[union-attr]
    inside = tmp_path / "runs" / "paper" / weights  # the last build's context is runs/paper
    run(
        ["sh", str(ROOT / "flare" / "predict.sh")],
        INPUTS=str(validation),
        OUTPUTS="outputs",
        WEIGHTS=str(inside),
    )
    mask = np.asarray(nib.load(tmp_path / "outputs" / "CT_Lesion_FLARE23Ts_0007.nii.gz").dataobj)
    assert set(np.unique(mask)) == {0, 1, 2}


def test_images_are_built_of_files_that_are_there() -> None:
    builds = [command for command in commands_of("docker") if command[1] == "build"]
    base, with_weights = builds
    assert (ROOT / base[base.index("-f") + 1]).is_file()
    assert with_weights[-1] == "runs/paper"
    assert f"FROM {base[base.index('-t') + 1]}" in SECTION
    (container,) = (command for command in commands_of("docker") if command[1] == "container")
    assert with_weights[with_weights.index("-t") + 1] in container
    assert "-m" in container
    copied = re.findall(r"^COPY (?!--from)(\S+) ", (ROOT / "flare" / "Dockerfile").read_text(), re.MULTILINE)
    assert all((ROOT / name).exists() for name in copied)
