"""Weights of one's own: every command that segments takes their folder, and every report names them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import lite_ensam
from lite_ensam.core.errors import EngineError
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.engines import WEIGHTS, load_backend
from lite_ensam.io import read_labels, write_ct, write_marks, write_mask
from lite_ensam.measurements import CONFIDENCE
from lite_ensam.segmentation import Predictor, segment_case
from tests.flare_files import write_flare
from tests.integration.conftest import Run, Scan

SHA256 = "0123456789abcdef"


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The released weights with a wider cube around each line, as somebody else's training might want it."""
    folder = tmp_path_factory.mktemp("runs") / "mine"
    shutil.copytree(WEIGHTS, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["patch"]["side_factor"] *= 1.25
    manifest["weights_sha256"] = SHA256
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture(scope="module")
def expected(mine: Path, scan: Scan) -> np.ndarray:
    """What `lite-ensam evaluate --weights` scores: a predictor with these weights."""
    return segment_case(scan.case, Predictor(load_backend("openvino", weights=mine))).labels


def test_segment(mine: Path, expected: np.ndarray, scan: Scan, run: Run, tmp_path: Path) -> None:
    mask, report = tmp_path / "mask.nii.gz", tmp_path / "report.json"
    done = run("segment", scan.ct, "--marks", scan.marks, "-o", mask, "--report", report, "--weights", mine)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(read_labels(mask), expected)
    told = json.loads(report.read_text())
    assert (told["weights"], told["weights_sha256"]) == ("mine", SHA256)
    released = lite_ensam.segment(scan.case)
    assert (released.labels != expected).any()
    assert (released.report["weights"], len(released.report["weights_sha256"])) == ("weights", 64)


def test_demo_and_flare(mine: Path, run: Run, tmp_path: Path, scan: Scan) -> None:
    assert run("demo", tmp_path / "demo", "--weights", mine).returncode == 0
    told = json.loads((tmp_path / "demo" / "report.json").read_text())
    assert [(case["weights"], case["weights_sha256"]) for case in told["cases"]] == [("mine", SHA256)]

    write_flare(tmp_path / "in", "case", scan.case, recist=True)
    for name, options in (("own", ("--weights", mine)), ("released", ())):
        assert run("flare", tmp_path / "in", tmp_path / name, *options).returncode == 0
    own, released = (read_labels(tmp_path / name / "case.nii.gz") for name in ("own", "released"))
    np.testing.assert_array_equal(own, lite_ensam.segment(tmp_path / "in" / "case.npz", weights=mine).labels)
    assert (own != released).any()


def test_respond(mine: Path, scan: Scan, run: Run, tmp_path: Path) -> None:
    names = [mark.name for mark in scan.case.marks]
    study = {
        "targets": [{"name": name, "organ": name} for name in names],
        "visits": [{"date": day, "ct": str(scan.ct), "marks": str(scan.marks)} for day in (0, 56)],
    }
    (tmp_path / "study.json").write_text(json.dumps(study))
    for name, options in (("own", ("--weights", mine)), ("released", ())):
        done = run("respond", tmp_path / "study.json", "--report", tmp_path / f"{name}.json", *options)
        assert done.returncode == 0, done.stderr
    own, released = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("own", "released"))
    assert own["courses"] != released["courses"]
    assert any(f"weights mine, {SHA256}" in note for note in own["notes"])
    assert not any("weights" in note for note in released["notes"])


def test_cohort(mine: Path, scan: Scan, run: Run, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    from lite_ensam.cohort import Parameters

    manifest = tmp_path / "manifest.csv"
    manifest.write_text(f"case,ct,marks\none,{scan.ct},{scan.marks}\n")
    asked = ("cohort", manifest, "-o", tmp_path / "out", "--workers", 1)
    assert run(*asked, "--weights", tmp_path).returncode == 1
    assert run(*asked, "--weights", mine).returncode == 0
    (record,) = (json.loads(path.read_text()) for path in (tmp_path / "out").glob("cases/*/record.json"))
    assert (record["weights"], record["weights_sha256"]) == ("mine", SHA256)

    moved = tmp_path / "elsewhere"
    shutil.copytree(mine, moved)
    identity = Parameters(weights=str(mine)).identity()
    assert identity == Parameters(weights=str(moved)).identity() == record["identity"]
    assert identity != Parameters().identity() == Parameters(weights=str(WEIGHTS)).identity()


def test_a_folder_without_exported_weights_is_refused(scan: Scan, tmp_path: Path) -> None:
    with pytest.raises(
        EngineError, match=r"manifest\.json; weights are a folder made by `lite-ensam export`"
    ):
        lite_ensam.segment(scan.case, weights=tmp_path)


def write_phantoms(folder: Path, count: int) -> None:
    for n in range(count):
        (folder / "phantoms" / str(n)).mkdir(parents=True)
        phantom = lite_ensam.make_phantom(seed=n)
        source, place = ScanSource.of(phantom.grid), folder / "phantoms" / str(n)
        write_ct(place / "ct.nii.gz", phantom.ct, source)
        assert phantom.reference is not None
        write_mask(place / "labels.nii.gz", phantom.reference, source)
        write_marks(place / "marks.json", phantom.marks, source)


def test_only_the_cases_that_training_has_left_out_are_scored(mine: Path, run: Run, tmp_path: Path) -> None:
    write_phantoms(tmp_path / "data", 3)
    weights = tmp_path / "weights"
    shutil.copytree(mine, weights)
    manifest = json.loads((weights / "manifest.json").read_text())

    def scored(held_out: list[str]) -> tuple[int, set[str], str]:
        manifest["record"]["held_out"] = held_out
        (weights / "manifest.json").write_text(json.dumps(manifest))
        done = run("evaluate", tmp_path / "data", "--weights", weights, "--held-out", "--json")
        cases = {one["case"] for one in json.loads(done.stdout)["tumors"]} if done.returncode == 0 else set()
        return done.returncode, cases, done.stderr

    assert scored(["phantoms/1"])[:2] == (0, {"1"})
    assert scored(["phantoms/0", "phantoms/2", "other/1"])[:2] == (0, {"0", "2"})
    code, _, words = scored(["other/1"])
    assert (code, "holds none of the 1 cases that are wanted, such as other/1" in words) == (1, True)
    code, _, words = scored([])
    assert (code, "--held-out needs --weights that were trained with" in " ".join(words.split())) == (2, True)


def test_calibrated_weights_come_with_intervals(mine: Path, scan: Scan, run: Run, tmp_path: Path) -> None:
    folder, weights = tmp_path / "held-out", tmp_path / "weights"
    shutil.copytree(mine, weights)
    write_phantoms(folder, 7)  # of 3 tumours each: 19 are needed
    assert run("evaluate", folder, "--calibrate").returncode == 2
    asked = (
        "segment",
        scan.ct,
        "--marks",
        scan.marks,
        "-o",
        tmp_path / "m.nii.gz",
        "--weights",
        weights,
        "--overwrite",
    )
    manifest = json.loads((weights / "manifest.json").read_text())
    manifest.pop("held_out_errors", None)
    (weights / "manifest.json").write_text(json.dumps(manifest))
    assert run(*asked, "--report", tmp_path / "none.json").returncode == 0

    done = run("evaluate", folder, "--calibrate", "--weights", weights)
    assert done.returncode == 0, done.stderr
    kept = json.loads((weights / "manifest.json").read_text())
    errors = kept.pop("held_out_errors")
    assert kept == manifest
    assert (errors["n_tumors"], errors["n_patients"]) == (21, 7)
    shown = run(*asked, "--report", tmp_path / "report.json")
    assert shown.returncode == 0, shown.stderr
    before, after = (
        json.loads((tmp_path / name).read_text())["tumors"] for name in ("none.json", "report.json")
    )
    for tumor, same in zip(after, before, strict=True):
        assert 0.5 < tumor["expected_dice"] < 1
        factor = np.exp(errors["volume"] * (1 - tumor["expected_dice"]))
        assert tumor["volume_high_ml"] == pytest.approx(tumor["volume_ml"] * factor)
        assert f"({tumor['volume_low_ml']:.2f}-{tumor['volume_high_ml']:.2f})" in shown.stdout.replace(
            "\n", ""
        )
        assert {name: value for name, value in tumor.items() if name not in CONFIDENCE} == same
    raised = lite_ensam.segment(scan.case, weights=weights, threshold=0.5)
    assert raised.measurements[0].confidence is None  # the errors are those at threshold 0
