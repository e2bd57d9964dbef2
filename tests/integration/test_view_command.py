"""`lite-ensam view` until its server runs: what is opened, what is refused with one sentence, and the exit code.

tests/browser/test_view.py goes on from there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import generate_uid

from lite_ensam.core.errors import OutputError
from tests.dicomweb_server import serving
from tests.integration.conftest import Run, Scan

pytest.importorskip("aiohttp", reason="aiohttp is not installed: no lite-ensam view to test")

from lite_ensam.widgets.series_choice import SeriesChoice
from lite_ensam.widgets.view_server import ViewServer


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[ViewServer]:
    """Servers that would have run."""
    servers: list[ViewServer] = []
    monkeypatch.setattr(ViewServer, "run", lambda server, _: servers.append(server))
    return servers


def test_a_dicom_folder_is_shown_and_files_go_beside_it(
    run: Run, dicom: Path, scan: Scan, opened: list[ViewServer]
) -> None:
    done = run("view", dicom, "--no-browser")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    (server,) = opened
    assert server.viewer.grid.shape_zyx == scan.case.grid.shape_zyx
    assert Path(server.explorer._folder.value) == dicom.parent


def test_the_series_that_is_asked_for_is_shown(
    run: Run, dicom: Path, opened: list[ViewServer], tmp_path: Path
) -> None:
    folder, uid = tmp_path / "study", generate_uid()
    folder.mkdir()
    slices = [(pydicom.dcmread(path), path) for path in dicom.iterdir()]
    slices.sort(key=lambda one: one[0].ImagePositionPatient[2])
    for number, (one, path) in enumerate(slices):
        (folder / path.name).write_bytes(path.read_bytes())
        if number < 8:  # a second, smaller series
            one.SeriesInstanceUID, one.SOPInstanceUID = uid, generate_uid()
            one.save_as(folder / f"other-{path.name}")
    done = run("view", folder, "--no-browser")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (choice,) = (server.shown for server in opened)
    assert isinstance(choice, SeriesChoice)
    assert sorted(one.n_slices for one in choice.series) == [8, len(slices)]
    place = next(n for n, one in enumerate(choice.series) if one.uid == uid)
    assert choice.open(place).viewer.grid.shape_zyx[0] == 8
    done = run("view", folder, "--series", uid, "--no-browser")
    assert done.returncode == 0, done.stderr
    assert opened[1].viewer.grid.shape_zyx[0] == 8
    done = run("view", folder, "--series", "1.2.3", "--no-browser")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)


def test_what_cannot_be_shown_or_written_is_said(
    run: Run, dicom: Path, opened: list[ViewServer], tmp_path: Path
) -> None:
    for arguments, words in (
        ([tmp_path / "none.nii.gz"], "no such file or folder"),
        ([dicom, "--output-dir", dicom], "lies inside the input folder"),
        ([dicom, "--output-dir", tmp_path / "none"], "--output-dir must be a folder that exists"),
        ([dicom, "--marks", tmp_path / "none.json"], "none.json: no such file"),
    ):
        done = run("view", *arguments, "--no-browser")
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1), done.stderr
        assert words in done.stderr
    for wrong in ([], [dicom, "--threads", "0"], [dicom, "--no-such-option"]):
        assert run("view", *wrong).returncode == 2
    assert opened == []


def test_options_of_segment_are_options_of_view(
    run: Run, dicom: Path, opened: list[ViewServer], tmp_path: Path
) -> None:
    given = ("--window", "-200,300", "--border", "edge", "--mirror", "--repeats", "4", "--crop", "lesion")
    line = ("--line", "38,68,37,38,75,52", "--first-slice", "33")
    done = run("view", dicom, *line, *given, "--threads", "1", "--no-browser")
    assert done.returncode == 0, done.stderr
    viewer = opened[0].viewer
    (mark,) = viewer.marks
    assert (mark.endpoints_zyx, mark.first_slice) == (((38, 68, 37), (38, 75, 52)), 33)
    expected = {
        "window": [-200, 300],
        "border": "edge",
        "mirror": True,
        "n_repeats": 4,
        "crop": "lesion",
        "threads": 1,
    }
    assert viewer.options == expected | {"engine": "openvino", "weights": ""}
    for wrong in (("--weights", tmp_path / "none"), ("--repeats", "1")):
        told = run("view", dicom, *line, *wrong, "--no-browser")
        of_segment = run("segment", dicom, *line, *wrong, "-o", tmp_path / "mask.nii.gz")
        assert told.returncode == of_segment.returncode == 1
        assert told.stderr == of_segment.stderr


def test_without_aiohttp_the_extra_is_named(run: Run, dicom: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    monkeypatch.delitem(sys.modules, "lite_ensam.widgets.view_server")
    done = run("view", dicom, "--no-browser")
    assert done.returncode == 1
    assert done.stderr == "lite-ensam: view needs aiohttp: pip install 'lite-ensam[view]'\n"


def test_a_button_never_writes_over_an_input(
    run: Run, dicom: Path, scan: Scan, opened: list[ViewServer], tmp_path: Path
) -> None:
    assert run("view", dicom, "--output-dir", tmp_path, "--no-browser").returncode == 0
    explorer = opened[0].explorer
    (tmp_path / f"{explorer.name}_mask.nii.gz").hardlink_to(sorted(dicom.iterdir())[0])
    explorer.viewer.marks = scan.case.marks[:1]
    with pytest.raises(OutputError, match="a file of an input folder"):
        explorer.save("NIfTI", overwrite=True)
    explorer._folder.value = str(dicom)
    with pytest.raises(OutputError, match="lies inside the input folder"):
        explorer.save("CSV")


def test_scan_and_prior_visit_come_from_an_archive(
    run: Run, dicom: Path, scan: Scan, opened: list[ViewServer], tmp_path: Path
) -> None:
    pytest.importorskip("requests", reason="requests is not installed (extra pacs)")
    pytest.importorskip("SimpleITK", reason="SimpleITK is not installed (extra register)")
    with serving(dicom) as archive:
        done = run(
            "view", archive.address, "--prior", archive.address, "--output-dir", tmp_path, "--no-browser"
        )
    assert done.returncode == 0, done.stderr
    viewer = opened[0].viewer
    assert viewer.grid.shape_zyx == scan.case.grid.shape_zyx
    assert viewer._scan["prior"] == [], "a prior visit without lines"
    assert Path(opened[0].explorer._folder.value) == tmp_path
