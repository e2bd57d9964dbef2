"""`predict.sh` as the FLARE challenge calls it, without its container."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from lite_ensam.core.case import Case
from lite_ensam.datasets.phantom import make_phantom
from tests.integration.conftest import Run

PREDICT = Path(__file__).resolve().parents[2] / "flare" / "predict.sh"
SPACING_XYZ, ORIGIN, DIRECTION = (0.9, 0.8, 2.5), (-10.0, 20.0, 30.0), (0, 1, 0, -1, 0, 0, 0, 0, 1)


@pytest.fixture(scope="module")
def case() -> Case:
    return make_phantom()


def write_case(path: Path, case: Case, labels: dict[int, int]) -> None:
    """A case as FLARE packs it: windowed to 0-255, lines drawn with their tumours' labels."""
    windowed = np.clip((case.volume + 160) / 400 * 255, 0, 255).astype(np.uint8)
    recist = np.zeros(case.ct.shape, np.uint8)
    for mark in case.marks:
        start, stop = np.array(mark.endpoints_zyx)
        line = np.rint(start + np.linspace(0, 1, 200)[:, None] * (stop - start)).astype(int)
        recist[tuple(line.T)] = labels[mark.label]
    np.savez_compressed(
        path, imgs=windowed, recist=recist, spacing=SPACING_XYZ, origin=ORIGIN, direction=DIRECTION
    )


def predict(inputs: Path, outputs: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": tools, "INPUTS": str(inputs), "OUTPUTS": str(outputs), **settings}
    return subprocess.run(
        ["sh", PREDICT], env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def test_every_case_gets_a_mask_with_its_labels_and_geometry(case: Case, tmp_path: Path) -> None:
    inputs, outputs = tmp_path / "inputs", tmp_path / "outputs"
    inputs.mkdir()
    write_case(inputs / "CT_Lesion_FLARE23Ts_0001.npz", case, {1: 1, 2: 2, 3: 3})
    write_case(inputs / "CT_Lesion_FLARE23Ts_0002__recist1.npz", case, {1: 7, 2: 200, 3: 12})
    done = predict(inputs, outputs)
    assert (done.returncode, done.stderr) == (0, "")
    assert "not a medical device" in done.stdout
    names = {f"{path.stem}.nii.gz" for path in inputs.iterdir()}
    assert {path.name for path in outputs.iterdir()} == names
    for name, labels in zip(sorted(names), ({1, 2, 3}, {7, 200, 12}), strict=True):
        mask = nib.load(outputs / name)
        voxels = np.asarray(mask.dataobj)
        assert voxels.shape == case.ct.shape[::-1]
        assert set(np.unique(voxels)) == {0, *labels}
        lps = np.array(DIRECTION).reshape(3, 3) * SPACING_XYZ
        np.testing.assert_allclose(mask.affine[:3, :3], np.diag([-1, -1, 1]) @ lps, atol=1e-5)
        np.testing.assert_allclose(mask.affine[:3, 3], np.multiply(ORIGIN, [-1, -1, 1]), atol=1e-5)
    again = predict(inputs, outputs, FORMAT="npz")
    assert again.returncode == 0, again.stderr
    for name in names:
        arrays = np.load(outputs / f"{name.removesuffix('.nii.gz')}.npz")
        assert arrays["segs"].dtype == np.uint8
        np.testing.assert_array_equal(arrays["segs"], np.asarray(nib.load(outputs / name).dataobj).T)
        np.testing.assert_allclose(arrays["spacing"], SPACING_XYZ)


def test_a_bad_case_is_named_and_the_others_are_done(case: Case, tmp_path: Path) -> None:
    inputs, outputs = tmp_path / "inputs", tmp_path / "outputs"
    inputs.mkdir()
    (inputs / "a.npz").write_bytes(b"no archive")
    write_case(inputs / "b.npz", case, {1: 1, 2: 2, 3: 3})
    done = predict(inputs, outputs)
    assert done.returncode == 1
    assert "a.npz" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in outputs.iterdir()] == ["b.nii.gz"]


def test_crop_and_weights_are_set_by_the_environment(case: Case, tmp_path: Path) -> None:
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    write_case(inputs / "a.npz", case, {1: 1, 2: 2, 3: 3})
    done = predict(inputs, tmp_path / "outputs", CROP="joint", WEIGHTS=str(tmp_path / "none"))
    assert done.returncode == 1
    assert f"weights: no such file {tmp_path / 'none' / 'manifest.json'}" in done.stderr


def test_a_folder_without_cases_is_an_error(tmp_path: Path) -> None:
    done = predict(tmp_path, tmp_path / "outputs")
    assert done.returncode == 1
    assert "no folder with .npz files" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_case_without_lines_is_told_of_nothing_that_this_command_does_not_take(
    case: Case, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    np.savez(
        tmp_path / "in" / "a.npz", imgs=np.clip(case.volume, 0, 255).astype(np.uint8), spacing=SPACING_XYZ
    )
    done = run("flare", tmp_path / "in", tmp_path / "out")
    assert done.returncode == 1
    assert "a.npz: holds no array `recist`" in done.stderr
    assert "--marks" not in done.stderr


def test_whatever_is_called_npz_is_a_case_or_a_failure(case: Case, run: Run, tmp_path: Path) -> None:
    inputs, outputs = tmp_path / "in", tmp_path / "out"
    (inputs / "folder.npz").mkdir(parents=True)
    for name in ("a.npz", "C.NPZ", "c.npz"):
        with open(inputs / name, "wb") as file:
            write_case(file, case, {1: 1, 2: 2, 3: 3})  # type: ignore[arg-type]
    (inputs / "b.npz").symlink_to("nowhere.npz")
    (inputs / "._a.npz").write_bytes(b"macOS")
    (inputs / "notes.txt").write_text("")
    done = run("flare", inputs, outputs)
    assert done.returncode == 1
    assert "2 of 5 cases" in done.stdout
    assert sorted(path.name for path in outputs.iterdir()) == ["C.nii.gz", "a.nii.gz"]
    for words in ("b.npz: no such file", "folder.npz: is a folder", r"c.npz: its mask would be that of"):
        assert words in done.stderr
    assert "._a.npz" not in done.stderr


@pytest.mark.parametrize("outputs", ["in", "in/masks", "link"])
def test_masks_are_not_written_among_the_inputs(case: Case, run: Run, tmp_path: Path, outputs: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to("in")
    write_case(tmp_path / "in" / "a.npz", case, {1: 1, 2: 2, 3: 3})
    before = (tmp_path / "in" / "a.npz").read_bytes()
    done = run("flare", tmp_path / "in", tmp_path / outputs, "--format", "npz", "--overwrite")
    assert done.returncode == 1
    assert f"cannot write {tmp_path / outputs}: it " in done.stderr
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["a.npz"]
    assert (tmp_path / "in" / "a.npz").read_bytes() == before


def test_a_mask_does_not_replace_the_scan_that_a_link_leads_to(case: Case, run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    write_case(tmp_path / "out" / "a.npz", case, {1: 1, 2: 2, 3: 3})
    (tmp_path / "in" / "a.npz").symlink_to(tmp_path / "out" / "a.npz")
    before = (tmp_path / "out" / "a.npz").read_bytes()
    done = run("flare", tmp_path / "in", tmp_path / "out", "--format", "npz", "--overwrite")
    assert done.returncode == 1
    assert "a file of an input folder" in done.stderr
    assert (tmp_path / "out" / "a.npz").read_bytes() == before


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is watched on Linux only")
def test_one_command_makes_table_4_of_any_folder(case: Case, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_case(tmp_path / "in" / "CT_Lesion_FLARE23Ts_0001.npz", case, {1: 1, 2: 2, 3: 3})
    script = PREDICT.parents[1] / "benchmarks" / "flare_table4.py"
    command = [
        sys.executable,
        script,
        "--data",
        tmp_path / "in",
        "--crops",
        "lesion",
        "--output",
        tmp_path / "out",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    table = (tmp_path / "out" / "flare_table4_lesion.md").read_text()
    size = ", ".join(map(str, case.ct.shape))
    (row,) = (line for line in table.splitlines() if line.startswith("| CT_Lesion_FLARE23Ts_0001 |"))
    assert f"| ({size}) |" in row
    seconds, peak, area = (float(number.replace(",", "")) for number in row.split("|")[3:6])
    assert seconds > 0
    assert 50 < peak < 4000  # the challenge tolerates 4 GB and ends a container at 8
    assert 0 < area < seconds * peak
    assert "| 0001 (paper) | (55, 512, 512) | 17.22 | 3,994 | 55,847 |" in table
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["CT_Lesion_FLARE23Ts_0001.npz"]
