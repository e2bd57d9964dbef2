"""No command writes over or into what it reads: refused with a sentence, before any work, and nothing changes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

import lite_ensam
from lite_ensam import read_case, read_ct, segment, write_marks, write_mask
from lite_ensam.core.errors import MarkError, OutputError
from lite_ensam.core.grid import Grid
from lite_ensam.io import write_ct
from tests.integration.conftest import Run, Scan


@pytest.fixture
def place(scan: Scan, dicom: Path, tmp_path: Path) -> Path:
    """A DICOM folder, a scan with marks and mask, and a study of them, all of which may be spoilt."""
    shutil.copytree(dicom, tmp_path / "series")
    for path, name in ((scan.ct, "ct.nii.gz"), (scan.marks, "marks.json"), (scan.reference, "mask.nii.gz")):
        shutil.copyfile(path, tmp_path / name)
    os.link(tmp_path / "marks.json", tmp_path / "hard_link.json")
    (tmp_path / "soft_link.json").symlink_to("marks.json")
    (tmp_path / "link").symlink_to("series")
    visit = {"ct": "ct.nii.gz", "marks": "marks.json", "date": "2025-01-01"}
    study = {
        "targets": [{"name": "1", "organ": "lung"}],
        "visits": [visit, {"date": "2025-03-01", "report": "r.json"}],
    }
    (tmp_path / "study.json").write_text(json.dumps(study))
    (tmp_path / "r.json").write_text(json.dumps({"tumors": []}))
    return tmp_path


def content(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


INSIDE = "it lies inside the input folder"
INPUT = "it is one of the inputs"
TWICE = "it is the same file as the output"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("segment series --marks marks.json -o series/19.dcm", INSIDE),
        ("segment series --marks marks.json -o link/19.dcm", INSIDE),
        ("segment series --marks marks.json -o series/mask.nii.gz", INSIDE),
        ("segment series --marks marks.json -o x.dcm --sr x.dcm", TWICE),
        ("segment series --marks marks.json -o x.dcm --sr X.DCM", TWICE),
        ("segment series --marks marks.json -o x.dcm --sr ./link/../x.dcm", TWICE),
        ("segment ct.nii.gz --marks marks.json -o m.nii.gz --report hard_link.json", INPUT),
        ("segment ct.nii.gz --marks marks.json -o m.nii.gz --report soft_link.json", INPUT),
        ("segment ct.nii.gz --marks marks.json -o ct.nii.gz", INPUT),
        ("convert series -o series/ct.nii.gz", INSIDE),
        ("convert mask.nii.gz --ct series -o series/0.dcm", INSIDE),
        ("convert mask.nii.gz --ct ct.nii.gz -o mask.nii.gz", INPUT),
        ("measure series mask.nii.gz --report series/report.json", INSIDE),
        ("measure ct.nii.gz mask.nii.gz --marks marks.json --report marks.json", INPUT),
        ("match series marks.json ct.nii.gz marks.json -o series/marks.json", INSIDE),
        ("match ct.nii.gz marks.json ct.nii.gz marks.json -o soft_link.json", INPUT),
        ("respond study.json --report study.json", INPUT),
        ("respond study.json --report marks.json", INPUT),
        ("respond study.json --report r.json", INPUT),
        ("evaluate . -o scores.json", INSIDE),
        ("evaluate . --figure2 f.png --worst f.png", INSIDE),
        ("pack . bank.tar.xz", INSIDE),
        ("flare . .", INPUT),
        ("flare . masks", INSIDE),
        ("cohort . -o .", INPUT),
        ("cohort . -o results", INSIDE),
    ],
)
def test_it_is_refused(
    place: Path, run: Run, monkeypatch: pytest.MonkeyPatch, command: str, message: str
) -> None:
    name, *arguments = command.split()
    if name == "flare":
        shutil.copyfile(place / "ct.nii.gz", place / "a.npz")
    monkeypatch.chdir(place)
    before = content(place)
    overwrite = () if name == "cohort" else ("--overwrite",)
    done = run(name, *arguments, *overwrite)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("lite-ensam: cannot write ")
    assert message in done.stderr
    assert content(place) == before


def test_an_export_does_not_replace_its_own_weights(tmp_path: Path, run: Run) -> None:
    weights = tmp_path / "lite_ensam.safetensors"
    weights.write_bytes(b"weights")
    done = run("export", weights, tmp_path)
    assert (done.returncode, INPUT in done.stderr) == (1, True)
    assert list(tmp_path.iterdir()) == [weights]


@pytest.mark.parametrize("command", ["export", "import"])
def test_weights_go_into_a_folder_with_files_only_if_it_is_asked_for(
    tmp_path: Path, run: Run, command: str
) -> None:
    source, folder = tmp_path / "weights.bin", tmp_path / "mine"
    source.write_bytes(b"weights")
    folder.mkdir()
    (folder / "notes.txt").write_text("foreign")
    arguments = (source, folder) if command == "export" else (source, "-o", folder)
    done = run(command, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{folder} is not empty; choose a new folder." in done.stderr
    assert "replaced only with --overwrite" in done.stderr
    assert f"{source}" in run(command, *arguments, "--overwrite").stderr, "the source is not a weights file"
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("notes.txt", "foreign")]


def test_results_beside_the_inputs_are_written(
    place: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    done = run(
        "segment", "series", "--marks", "marks.json", "-o", "x.dcm", "--sr", "y.dcm", "--report", "z.json"
    )
    assert done.returncode == 0, done.stderr
    for name in ("x.dcm", "y.dcm", "z.json"):
        assert (place / name).is_file()


def test_a_result_in_python_does_not_replace_what_it_was_made_of(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    before = content(place)
    nifti = segment("ct.nii.gz", "marks.json")
    series = segment(place / "link", place / "soft_link.json")
    monkeypatch.chdir(place.parent)
    slice_file = next((place / "series").iterdir())
    for result, output, report, said in (
        (nifti, place / "ct.nii.gz", None, "it is one of the inputs"),
        (series, slice_file, None, INSIDE),
        (series, place / "seg.dcm", slice_file, INSIDE),
        (series, place / "seg.dcm", place / "seg.dcm", "it is the same file as the output"),
        (nifti, place / "mask.png", None, r"the name must end in .*\.nii\.gz"),
    ):
        with pytest.raises(OutputError, match=said):
            result.save(output, overwrite=True, sr=report)
    assert content(place) == before
    nifti.save(place / "mask.nii.gz", overwrite=True)
    assert content(place) != before


def test_nothing_in_python_replaces_the_scan_or_the_lines_that_it_was_given(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    before = content(place)
    ct, source = read_ct("ct.nii.gz")
    case = read_case("ct.nii.gz", "marks.json")
    labels = np.zeros(ct.shape, np.uint8)
    monkeypatch.chdir(place.parent)  # what was read keeps its place, wherever the process goes
    for write in (
        segment(case).save,
        segment((ct, source), case.marks).save,
        segment(nibabel.load(place / "ct.nii.gz"), case.marks).save,
        lambda path, overwrite: write_mask(path, labels, source, overwrite),
        lambda path, overwrite: write_ct(path, ct, source, overwrite),
    ):
        with pytest.raises(OutputError, match=INPUT):
            write(place / "ct.nii.gz", overwrite=True)
    scored = read_case(place / "ct.nii.gz", place / "marks.json", place / "mask.nii.gz")
    with pytest.raises(OutputError, match=INPUT):
        segment(scored).save(place / "mask.nii.gz", overwrite=True)
    assert content(place) == before


def test_lines_go_beside_their_slices_and_replace_their_own_file(place: Path) -> None:
    for ct in ("series", "ct.nii.gz"):
        case = read_case(place / ct, place / "marks.json")
        write_marks(place / "marks.json", case.marks, case.source, overwrite=True)
        write_marks(place / "series" / f"{ct}.json", case.marks, case.source)
        assert read_case(place / ct, place / "series" / f"{ct}.json").marks == case.marks


@pytest.mark.parametrize("kind", ["SEG", "SR", "RTSTRUCT", "NIfTI", "JSON", "CSV"])
def test_the_viewer_writes_nothing_into_the_folder_of_its_slices(place: Path, kind: str) -> None:
    before = content(place)
    explorer = lite_ensam.explore(read_ct(place / "series"), place / "marks.json", folder=place / "series")
    with pytest.raises(OutputError, match=INSIDE):
        explorer.save(kind)
    assert content(place) == before


@pytest.mark.parametrize("name", ["marks.csv", "marks", "ct.nii.gz"])
def test_lines_are_written_as_json_only(place: Path, name: str) -> None:
    case = read_case(place / "ct.nii.gz", place / "marks.json")
    with pytest.raises(OutputError, match=r"the name must end in \.json|" + INPUT):
        write_marks(place / name, case.marks, case.source, overwrite=True)


@pytest.mark.parametrize(
    ("marks", "words"),
    [((), "at least one RECIST line"), (None, "got None"), ([((1, 2, 3), (1, 9))], r"got \(\(1, 2, 3\)")],
)
def test_what_is_no_mark_is_not_written(tmp_path: Path, marks: Any, words: str) -> None:
    with pytest.raises(MarkError, match=words):
        write_marks(tmp_path / "marks.json", marks, Grid.from_spacing((4, 40, 40), (1, 1, 1)))
    assert not list(tmp_path.iterdir())
