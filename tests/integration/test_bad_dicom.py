"""DICOM that is damaged, mixed or somebody else's, and archives that swell: a clear sentence, exit code 1, no file."""

from __future__ import annotations

import gzip
import resource
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import EncapsulatedPDFStorage, generate_uid

from lite_ensam.io import read_ct, read_labels
from lite_ensam.io.dicom import SeriesSource, build_report, build_segmentation, write_dataset
from lite_ensam.measurements import measure
from tests.integration.conftest import Run, Scan
from tests.unit.io import files
from tests.unit.io.dicom.files import new_dataset, write_slice


def one_file(folder: Path) -> Path:
    return sorted(folder.iterdir())[3]


def truncate(folder: Path) -> None:
    path = one_file(folder)
    path.write_bytes(path.read_bytes()[:-200])


def truncate_header(folder: Path) -> None:
    path = one_file(folder)
    path.write_bytes(path.read_bytes()[:300])


def add_patient(folder: Path) -> None:
    one = pydicom.dcmread(one_file(folder))
    one.PatientID, one.SOPInstanceUID = "SECRET-OTHER", generate_uid()
    one.ImagePositionPatient = [0, 0, 500]
    one.save_as(folder / "other")


def drop(tag: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        one = pydicom.dcmread(one_file(folder))
        delattr(one, tag)
        one.save_as(one_file(folder))

    return change


def drop_from_all(tag: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        for path in folder.iterdir():
            one = pydicom.dcmread(path)
            delattr(one, tag)
            one.save_as(path)

    return change


def add_series_of_another_patient(folder: Path) -> None:
    other = generate_uid()
    for path in sorted(folder.iterdir())[:2]:
        one = pydicom.dcmread(path)
        one.PatientID, one.SeriesInstanceUID, one.SOPInstanceUID = "SECRET-OTHER", other, generate_uid()
        one.save_as(folder / f"other-{path.name}")


def leave_a_letter_alone(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    write_letter(folder / "letter.dcm")


def write_letter(path: Path) -> None:
    pdf = new_dataset("DOC", EncapsulatedPDFStorage)
    pdf.PatientName, pdf.EncapsulatedDocument = "SECRET^NAME", b"%PDF-1.4 "
    pdf.save_as(path, enforce_file_format=True)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (truncate, "voxels cannot be decoded"),
        (truncate_header, "3.dcm: the file is truncated or damaged"),
        (add_patient, "holds slices of more than one patient"),
        (drop("ImagePositionPatient"), "ImagePositionPatient is missing"),
        (drop("PixelSpacing"), "PixelSpacing is missing"),
        (drop("Rows"), "3.dcm: the file is truncated or damaged"),
        (drop("PixelData"), "voxels cannot be decoded"),
        (drop("BitsAllocated"), "voxels cannot be decoded"),
        (drop("Modality"), "3.dcm: the file is truncated or damaged"),
        (drop("ImageOrientationPatient"), "3.dcm: ImageOrientationPatient is missing"),
        (drop("RescaleIntercept"), "3.dcm: RescaleIntercept is missing or empty, which other slices have"),
        (drop("StudyInstanceUID"), "lack what a DICOM SEG needs: StudyInstanceUID is missing"),
        (add_series_of_another_patient, "holds CT of 2 patients; say which series is meant"),
        (leave_a_letter_alone, "holds no DICOM file of a CT"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_bad_series_is_told_and_nothing_is_written(
    spoil: Callable[[Path], None], message: str, run: Run, tmp_path: Path
) -> None:
    who = {"PatientName": "SECRET^NAME", "PatientID": "SECRET-ID"}
    folder, out = tmp_path / "ct", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    for k, one in enumerate(np.random.default_rng(0).integers(0, 2000, (8, 32, 32))):
        write_slice(folder / f"{k}.dcm", one, (0.0, 0.0, 2.5 * k), InstanceNumber=k + 1, **who)
    (tmp_path / "m.json").write_text('{"marks": [{"label": 1, "endpoints_zyx": [[4, 8, 8], [4, 8, 20]]}]}')
    spoil(folder)
    done = run(
        "segment", folder, "--marks", tmp_path / "m.json", "-o", out / "s.dcm", "--report", out / "r.json"
    )
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "SECRET" not in done.stdout + done.stderr
    assert list(out.iterdir()) == []


def test_a_pdf_among_the_slices_changes_nothing_and_marks_of_another_series_are_refused(
    dicom: Path, scan: Scan, run: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "ct"
    folder.mkdir()
    for path in dicom.iterdir():
        (folder / path.name).symlink_to(path)
    write_letter(folder / "letter.pdf")
    seg, sr = tmp_path / "seg.dcm", tmp_path / "sr.dcm"
    assert run("segment", folder, "--marks", scan.marks, "-o", seg, "--sr", sr).returncode == 0
    assert read_labels(seg, read_ct(dicom)[1]).max() == 3
    other = tmp_path / "other"
    other.mkdir()
    for k, one in enumerate(scan.case.volume[:9]):
        write_slice(
            other / f"{k}.dcm", one + 1024, (0.0, 0.0, 2.5 * k), series="1.2.3.4", BitsStored=16, HighBit=15
        )
    done = run("segment", other, "--marks", sr, "-o", tmp_path / "out.dcm")
    assert done.returncode == 1
    assert "not in the CT series that was read" in done.stderr
    assert "SECRET" not in done.stderr
    assert not (tmp_path / "out.dcm").exists()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:300]), "is of modality 'None', expected SR"),
        (lambda path: path.write_bytes(path.read_bytes()[:-500]), "marks.dcm: the file is truncated"),
        (
            lambda path: drop_from_all("ContentSequence")(path.parent),
            "holds no line that could be a RECIST mark",
        ),
        (lambda path: path.write_bytes(b"Dear colleague"), "marks.dcm: is not a DICOM file"),
        (lambda path: write_letter(path), "is of modality 'DOC', expected SR, PR, RTSTRUCT or SEG"),
    ],
    ids=["header cut off", "end cut off", "no content", "no DICOM", "a letter"],
)
def test_bad_files_of_marks_are_told_and_nothing_is_written(
    spoil: Callable[[Path], object], message: str, dicom: Path, scan: Scan, run: Run, tmp_path: Path
) -> None:
    marks, out = tmp_path / "marks" / "marks.dcm", tmp_path / "out"
    for folder in (marks.parent, out):
        folder.mkdir()
    _, series = read_ct(dicom)
    assert isinstance(series, SeriesSource)
    segmentation = build_segmentation(scan.case.reference, series, scan.case.marks)
    measured = measure(scan.case.reference, scan.case.marks, series.grid.spacing_mm)
    write_dataset(marks, build_report(segmentation, series, scan.case.marks, measured))
    spoil(marks)
    done = run("segment", dicom, "--marks", marks, "-o", out / "s.dcm", "--sr", out / "sr.dcm")
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "SECRET" not in done.stdout + done.stderr
    assert list(out.iterdir()) == []


def test_a_gz_that_swells_is_refused_before_it_fills_the_memory(scan: Scan, run: Run, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.nii.gz"
    bomb.write_bytes(scan.ct.read_bytes() + gzip.compress(bytes(2**20)) * 2000)  # 2 GB of zeros in 2 MB
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = run("segment", bomb, "--marks", scan.marks, "-o", tmp_path / "out.nii.gz")
    assert done.returncode == 1
    assert "has more than 64 MiB after its last voxel" in done.stderr
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bomb.nii.gz"]


def test_an_npz_that_swells_is_refused_before_it_is_inflated(run: Run, tmp_path: Path) -> None:
    bomb = files.swelling(files.save_flare(tmp_path / "bomb.npz", imgs=None), "imgs.npy", 3072)
    assert bomb.stat().st_size < 4 << 20
    done = run("segment", bomb, "-o", tmp_path / "out.npz", "--report", tmp_path / "r.json")
    assert done.returncode == 1
    assert "bomb.npz: array 'imgs' is 3,072.0 MiB when inflated, expected at most 2,048.0 MiB" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == [bomb]


def test_bad_dicom_is_told_and_nothing_is_written(dicom: Path, scan: Scan, run: Run, tmp_path: Path) -> None:
    def refused(message: str, *arguments: object) -> None:
        done = run(*arguments)
        assert done.returncode == 1
        assert message in done.stderr
        assert "SECRET" not in done.stderr + done.stdout
        assert not (tmp_path / "out.dcm").exists()

    out = ("-o", tmp_path / "out.dcm")
    refused(".dcm needs a DICOM folder as CT", "segment", scan.ct, "--marks", scan.marks, *out)
    refused("holds no such CT series", "segment", dicom, "--marks", scan.marks, "--series", "1.2.3", *out)
    (tmp_path / "empty").mkdir()
    refused("holds no DICOM file of a CT", "segment", tmp_path / "empty", "--marks", scan.marks, *out)
    refused("lines need their scan", "convert", scan.marks, "-o", tmp_path / "marks.json")
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in list(dicom.iterdir())[:3]:
        one = pydicom.dcmread(path)
        del one.ImagePositionPatient
        one.save_as(broken / path.name)
    refused("ImagePositionPatient is missing", "segment", broken, "--marks", scan.marks, *out)
    (tmp_path / "study.json").write_text('{"patient": "SECRET", "targets": [], "visits": []}')
    refused("patient number 1: has no visit", "respond", tmp_path / "study.json")
