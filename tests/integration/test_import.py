"""`lite-ensam import`: the authors' checkpoint segments from the command line as their own code does."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

import lite_ensam
from lite_ensam.core.case import Case
from lite_ensam.core.patch_config import FLARE25
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.engines import load_backend
from lite_ensam.engines.openvino_backend import OpenVinoBackend
from lite_ensam.io import read_labels
from lite_ensam.segmentation.channels import prepare_joint
from tests.authors_network import Authors, Kind, authors_logits, checkpoint_of, saved_checkpoint
from tests.flare_files import write_flare
from tests.integration.conftest import Run, Scan

KIND = Kind(filters=4, blocks=(1, 1, 1, 1), head=8)


@dataclass(frozen=True)
class Imported:
    network: Authors
    checkpoint: Path
    weights: Path


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    """In a process of its own: the exporter does not go with the types that tests check."""
    folder = tmp_path_factory.mktemp("authors")
    made = Imported(
        saved_checkpoint(folder / "theirs.pth", KIND, seed=3), folder / "theirs.pth", folder / "weights"
    )
    command = [sys.executable, "-m", "lite_ensam", "import", made.checkpoint, "-o", made.weights]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"--weights {made.weights}" in done.stdout
    return made


def write_case(path: Path, case: Case) -> tuple[np.ndarray, np.ndarray]:
    """A FLARE case with its lines drawn one voxel thick, one of them down to the left."""
    imgs = np.clip((case.volume + 160.0) * 255 / 400, 0, 255).astype(np.uint8)
    recist = np.zeros(case.ct.shape, np.uint8)
    for mark in case.marks:
        (z, y, x), (_, last_y, last_x) = np.rint(mark.endpoints_zyx)
        if mark.label == 2:
            last_y, x, last_x = y + 3, max(x, last_x), min(x, last_x)
        steps = int(max(last_y - y, abs(last_x - x)))
        for n in range(steps + 1):
            at = round(y + n / steps * (last_y - y)), round(x + n / steps * (last_x - x))
            recist[int(z), *at] = mark.label
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, imgs=imgs, recist=recist, spacing=case.grid.spacing_mm[::-1])
    return imgs, recist


def test_flare_paints_what_the_authors_code_paints(imported: Imported, run: Run, tmp_path: Path) -> None:
    imgs, recist = write_case(tmp_path / "in" / "a.npz", make_phantom((90, 280, 301), (2.0, 1.1, 1.1)))
    done = run("flare", tmp_path / "in", tmp_path / "out", "--weights", imported.weights)
    assert done.returncode == 0, done.stderr
    labels = read_labels(tmp_path / "out" / "a.nii.gz")
    logits, box = authors_logits(imported.network, imgs, recist)
    assert logits[0].size > 128**3  # it is pooled
    every = np.concatenate([np.zeros_like(logits[:1]), logits])
    first, second = np.sort(every, axis=0)[[-1, -2]]
    sure = first - second > 1e-3
    assert sure.mean() > 0.9
    assert (np.abs(logits[0] - logits[1]).mean()) > 0.005  # it hangs on the line
    expected = every.argmax(axis=0)
    assert {1, 2, 3} <= set(np.unique(expected).tolist())
    np.testing.assert_array_equal(labels[box][sure], expected[sure])
    labels[box] = 0
    assert not labels.any()


@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_logits_of_a_large_box_are_theirs(imported: Imported, engine: str) -> None:
    patch = next(prepare_joint(make_phantom((90, 280, 301), (2.0, 1.1, 1.1)), FLARE25))
    values, ends = patch.values[None], patch.endpoints_zyx[None]
    with torch.inference_mode():
        expected = imported.network(torch.from_numpy(values), torch.from_numpy(ends))[:, 0].numpy()
    assert values.size > 500_000
    assert expected.std() > 0.3
    found = load_backend(engine, weights=imported.weights).logits(values, ends)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, expected, atol=1e-4, rtol=0)


def test_one_image_is_encoded_once_for_all_lines(imported: Imported, monkeypatch: pytest.MonkeyPatch) -> None:
    patches = list(prepare_joint(make_phantom((40, 64, 72), (4.0, 4.0, 4.0)), FLARE25))
    values, ends = patches[0].values[None], np.stack([patch.endpoints_zyx for patch in patches])
    openvino, reference = (load_backend(name, 1, imported.weights) for name in ("openvino", "torch"))  # type: ignore[arg-type]
    one_by_one = np.concatenate([openvino.logits(values, line[None]) for line in ends])
    ran: list[str] = []
    run_graph = OpenVinoBackend._run
    monkeypatch.setattr(
        OpenVinoBackend, "_run", lambda self, graph, feeds: ran.append(graph) or run_graph(self, graph, feeds)
    )
    together = openvino.logits(values, ends)
    assert ran == ["encoder", "decoder", "decoder", "decoder"]
    np.testing.assert_array_equal(together, one_by_one)
    np.testing.assert_allclose(together, reference.logits(values, ends), atol=1e-4, rtol=0)
    assert np.abs(together[0] - together[1]).max() > 1e-3


def test_segment_takes_crop_and_channels_from_the_weights(
    imported: Imported, scan: Scan, run: Run, tmp_path: Path
) -> None:
    mask, report = tmp_path / "mask.nii.gz", tmp_path / "report.json"
    asked = ("segment", scan.ct, "--marks", scan.marks, "-o", mask, "--report", report)
    done = run(*asked, "--weights", imported.weights)
    assert done.returncode == 0, done.stderr
    assert "do much worse" not in done.stdout
    told = json.loads(report.read_text())
    assert (told["crop"], told["channels"], told["weights"]) == ("joint", ["positive"], "weights")
    # read from a stream or not, by one engine or the other: the same mask, but for a voxel on the border
    for result in (
        lite_ensam.segment(scan.case, weights=imported.weights),
        lite_ensam.segment(scan.ct, scan.marks, weights=imported.weights, engine="torch"),
    ):
        assert (result.labels != read_labels(mask)).mean() < 1e-4
    done = run(*asked, "--weights", imported.weights, "--crop", "lesion", "--overwrite")
    assert "crop lesion: the weights were trained on joint crops" in done.stdout


def test_evaluate_scores_their_crop(
    imported: Imported, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[str] = []
    monkeypatch.setattr(
        "lite_ensam.evaluation.measure_cases", lambda cases, options, told: measured.extend(options) or []
    )
    write_flare(tmp_path / "data", "CT_Lesion_0001", make_phantom(), recist=True)
    scores, page = tmp_path / "scores.json", tmp_path / "page.html"
    asked = ("evaluate", tmp_path / "data", "-o", scores, "--html", page, "--weights", imported.weights)
    assert run(*asked, "--resources").returncode == 0
    assert measured[-2:] == ["--weights", str(imported.weights)]
    assert measured[measured.index("--crop") + 1] == "joint"
    assert "openvino, joint" in page.read_text()
    result = lite_ensam.segment(tmp_path / "data" / "CT_Lesion_0001.npz", weights=imported.weights)
    reference = make_phantom().reference
    assert reference is not None
    for one in json.loads(scores.read_text())["tumors"]:
        if one["method"] == "result":
            found, true = result.labels == one["label"], reference == one["label"]
            expected = 2 * (found & true).sum() / (found.sum() + true.sum())
            assert one["score"]["dsc"] == pytest.approx(expected, abs=1e-6)


def test_a_cohort_knows_the_crop_of_its_weights(imported: Imported) -> None:
    pytest.importorskip("distributed")
    from lite_ensam.cohort import Parameters

    theirs = Parameters(weights=str(imported.weights)).identity()
    assert theirs == Parameters(crop="joint", weights=str(imported.weights)).identity()
    assert theirs != Parameters(crop="lesion", weights=str(imported.weights)).identity()
    assert Parameters().identity() == Parameters(crop="lesion").identity()


def test_what_cannot_be_imported_leaves_everything_as_it_was(
    imported: Imported, run: Run, tmp_path: Path
) -> None:
    whole = imported.checkpoint.read_bytes()
    content = checkpoint_of(imported.network)
    state = dict(content["model_state_dict"])
    del state["mask_decoder.up_layers.2.head.bias"]
    (tmp_path / "cut.pth").write_bytes(whole[:20_000])
    torch.save({"model_state_dict": state}, tmp_path / "lacking.pth")
    old = tmp_path / "old"
    old.mkdir()
    (old / "manifest.json").write_text("kept")
    for name in ("cut.pth", "lacking.pth", "none.pth", "old"):
        for folder in (tmp_path / "new", old):
            done = run("import", tmp_path / name, "-o", folder, "--overwrite")
            assert done.returncode == 1
            assert done.stderr.count("\n") == 1
            assert name in done.stderr
    assert not (tmp_path / "new").exists()
    assert [(path.name, path.read_text()) for path in old.iterdir()] == [("manifest.json", "kept")]


def test_a_checkpoint_is_not_replaced_by_what_is_made_of_it(
    imported: Imported, run: Run, tmp_path: Path
) -> None:
    inside = tmp_path / "lite_ensam.bin"
    inside.write_bytes(imported.checkpoint.read_bytes())
    for folder, why in ((tmp_path, "it is one of the inputs"), (inside, "a file of this name is there")):
        done = run("import", inside, "-o", folder)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert why in done.stderr
    assert inside.read_bytes() == imported.checkpoint.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["lite_ensam.bin"]
