"""Both demos, through the engine that ships; the real one only where pip can fetch its scans."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lite_ensam.core.case import Case
from lite_ensam.core.errors import CaseError, MissingExtraError, OutputError
from lite_ensam.demo import DemoRecord, real_cases, run_demo, run_real_demo
from lite_ensam.demo.real import REQUIREMENT, SOURCE, fetch_scans, read_scan
from lite_ensam.engines.backend import WEIGHTS
from lite_ensam.evaluation import BASELINES
from lite_ensam.io import read_case
from lite_ensam.measurements import measure

FILES = ["ct.nii.gz", "marks.json", "mask.nii.gz", "picture.png", "report.json"]


def spheres(case: Case) -> SimpleNamespace:
    """Stands in for the network: every tumour is the sphere of its line."""
    labels = np.zeros(case.ct.shape, dtype=np.uint16)
    for mark in case.marks:
        labels[BASELINES["sphere"](case, mark).whole()] = mark.label
    measurements = measure(labels, case.marks, case.grid.spacing_mm)
    return SimpleNamespace(labels=labels, measurements=measurements, report={"engine": "sphere"})


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> DemoRecord:
    if not (WEIGHTS / "manifest.json").exists():
        pytest.skip(f"no weights in {WEIGHTS}")
    return run_demo(tmp_path_factory.mktemp("demo") / "made" / "on the way")


def test_the_phantom_demo_writes_all_its_files(phantom: DemoRecord) -> None:
    assert sorted(path.name for path in phantom.folder.iterdir()) == FILES
    assert phantom.picture.stat().st_size > 50_000
    assert phantom.notes == ()


def test_the_phantom_demo_segments_every_tumor(phantom: DemoRecord) -> None:
    case = read_case(phantom.folder / "ct.nii.gz", phantom.folder / "marks.json", phantom.masks[0])
    assert [tumor.label for tumor in phantom.tumors] == [mark.label for mark in case.marks] == [1, 2, 3]
    voxel_ml = np.prod(case.grid.spacing_mm) / 1000
    for tumor in phantom.tumors:
        assert (case.reference == tumor.label).sum() * voxel_ml == pytest.approx(tumor.volume_ml, rel=1e-4)
        assert tumor.dsc > 0.3
        assert 0 < tumor.nsd_2mm <= 1


def test_the_phantom_demo_reports_what_it_did(phantom: DemoRecord) -> None:
    report = json.loads(phantom.report.read_text())
    assert report["demo"]["tumors"][2]["dsc"] == phantom.tumors[2].dsc
    assert len(report["cases"][0]["weights_sha256"]) == 64


def test_a_demo_prints_nothing_and_keeps_what_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_demo(tmp_path, segment=spheres)
    assert capsys.readouterr() == ("", "")
    (tmp_path / "picture.png").write_text("mine")
    with pytest.raises(OutputError, match="overwrite"):
        run_demo(tmp_path, segment=spheres)
    assert (tmp_path / "picture.png").read_text() == "mine"
    run_demo(tmp_path, segment=spheres, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES


def test_a_sphere_scores_as_the_sphere(tmp_path: Path) -> None:
    for tumor in run_demo(tmp_path, segment=spheres).tumors:
        assert (tumor.dsc, tumor.nsd_2mm) == (tumor.sphere_dsc, tumor.sphere_nsd_2mm)


def test_without_the_extra_the_demo_says_what_it_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "surface_distance", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    record = run_demo(tmp_path, segment=spheres)
    assert record.picture is None
    assert {tumor.nsd_2mm for tumor in record.tumors} == {None}
    assert len(record.notes) == 2
    assert all("lite-ensam[evaluate]" in note for note in record.notes)
    assert record.masks[0].exists()


def test_real_scans_are_not_fetched_for_nobody_to_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pydicom", None)
    for call in (run_real_demo, real_cases):
        with pytest.raises(MissingExtraError, match=r"lite-ensam\[dicom\]"):
            call(tmp_path / "demo")
    assert not (tmp_path / "demo").exists()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot make the folder"):
        run_demo(tmp_path / "file" / "demo", segment=spheres)


def test_without_a_network_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    with pytest.raises(CaseError, match=f"pip could not fetch {REQUIREMENT}.*put the wheel into"):
        run_real_demo(tmp_path, segment=spheres)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "holds no cerr/datasets"),
        ({"cerr/datasets/other/a.dcm": "x"}, "holds no cerr/datasets"),
        (None, "is not a wheel"),
    ],
)
def test_a_wheel_without_the_scans_is_refused(tmp_path: Path, members, message) -> None:
    wheel = tmp_path / "pycerr-2.5.1-py3-none-any.whl"
    if members is None:
        wheel.write_text("not a zip file")
    else:
        with zipfile.ZipFile(wheel, "w") as archive:
            for name, text in members.items():
                archive.writestr(name, text)
    with pytest.raises(CaseError, match=message):
        fetch_scans(tmp_path)
    assert list(tmp_path.iterdir()) == [wheel]


def test_what_is_there_stops_the_real_demo_before_it_fetches(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("mine")
    told: list[str] = []
    with pytest.raises(OutputError, match=r"report\.json exists"):
        run_real_demo(tmp_path, segment=spheres, on_step=told.append)
    assert told == []
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_the_scans_come_with_their_licence_and_nothing_else(real_scans: Path) -> None:
    assert [path.name for path in real_scans.iterdir()] == ["scans"]
    assert "NonCommercial 3.0" in (real_scans / "scans" / "README_LICENSE.txt").read_text()
    assert "CC BY-NC 3.0" in SOURCE


def test_the_contours_outline_the_tumor(real_scans: Path) -> None:
    volumes = []
    for patient in fetch_scans(real_scans):
        case = read_scan(patient)
        volumes.append(case.reference.sum() * np.prod(case.grid.spacing_mm) / 1000)
        assert np.median(case.ct[case.reference > 0]) > -500  # tumour, not air
    assert volumes == pytest.approx([358.7, 6.46, 11.6, 123.4], rel=0.01)


def test_the_real_demo_segments_four_tumors(real_scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_second_fetch(*_: object, **__: object) -> None:
        raise AssertionError("real_scans again")

    monkeypatch.setattr(subprocess, "run", no_second_fetch)
    segment = None if (WEIGHTS / "manifest.json").exists() else spheres
    told: list[str] = []
    record = run_real_demo(real_scans, segment=segment, on_step=told.append)
    assert len(told) == 3
    assert [tumor.case for tumor in record.tumors] == ["pat_1", "pat_2", "pat_3", "pat_4"]
    assert all(mask.exists() for mask in record.masks)
    assert record.picture.stat().st_size > 200_000
    sphere = [tumor.sphere_dsc for tumor in record.tumors]
    assert sphere == pytest.approx([0.713, 0.297, 0.667, 0.661], abs=0.002)
    assert all(tumor.dsc > 0.2 for tumor in record.tumors)
