"""Ordinary and odd CT folders through the command line: what is done is printed, what is not known is not claimed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from lite_ensam.io import read_ct, read_labels
from tests.integration.conftest import Run, Scan


@pytest.fixture
def folder(dicom: Path, tmp_path: Path) -> Path:
    """A copy of the phantom's slices that may be changed."""
    (tmp_path / "ct").mkdir()
    for path in dicom.iterdir():
        (tmp_path / "ct" / path.name).write_bytes(path.read_bytes())
    return tmp_path / "ct"


def change(folder: Path, edit: Callable[[pydicom.Dataset], object], prefix: str = "") -> None:
    for path in sorted(folder.iterdir()):
        one = pydicom.dcmread(path)
        with pydicom.config.disable_value_validation():
            edit(one)
            one.save_as(folder / f"{prefix}{path.name}")


def test_without_rescale_nothing_claims_hu(folder: Path, scan: Scan, run: Run, tmp_path: Path) -> None:
    change(folder, lambda one: (delattr(one, "RescaleSlope"), delattr(one, "RescaleIntercept")))
    converted = run("convert", folder, "-o", tmp_path / "ct.nii.gz")
    assert converted.returncode == 0
    assert "note: RescaleSlope and RescaleIntercept of all slices are missing" in converted.stdout
    np.testing.assert_array_equal(read_ct(tmp_path / "ct.nii.gz")[0], scan.case.volume + 1024)
    mask = tmp_path / "mask.nii.gz"
    refused = run("segment", folder, "--marks", scan.marks, "-o", mask)
    assert refused.returncode == 1
    assert "does not say how its grey values become HU: say --hu if they are HU" in refused.stderr
    assert not mask.exists()
    assert run("segment", folder, "--marks", scan.marks, "-o", mask, "--hu").returncode == 0
    measured = run("measure", folder, scan.reference, "--report", tmp_path / "m.json")
    assert measured.returncode == 0
    tumors = json.loads((tmp_path / "m.json").read_text())["tumors"]
    assert {one["grey_unit"] for one in tumors} == {"grey value"}
    assert "not known to be HU" in measured.stdout
    told = run("measure", folder, scan.reference, "--report", tmp_path / "hu.json", "--hu")
    assert told.returncode == 0
    assert {one["grey_unit"] for one in json.loads((tmp_path / "hu.json").read_text())["tumors"]} == {"HU"}


def test_one_acquisition_is_taken_and_the_other_can_be_had(
    folder: Path, scan: Scan, run: Run, tmp_path: Path
) -> None:
    def later(one: pydicom.Dataset) -> None:
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        one.AcquisitionNumber, one.RescaleIntercept = 2, -924
        x, y, z = one.ImagePositionPatient
        one.ImagePositionPatient = [x, y, z + scan.case.grid.spacing_mm[0] / 2]

    change(folder, lambda one: setattr(one, "AcquisitionNumber", 1))
    change(folder, later, prefix="later-")
    done = run("segment", folder, "--marks", scan.marks, "-o", tmp_path / "seg.dcm", "--acquisition", 2)
    assert (done.returncode, done.stderr) == (0, "")
    done = run("convert", folder, "-o", tmp_path / "1.nii.gz")
    assert "note: the series holds 2 acquisitions" in done.stdout
    assert run("convert", folder, "--acquisition", 2, "-o", tmp_path / "2.nii.gz").returncode == 0
    for name, more in (("1", 0), ("2", 100)):
        ct = read_ct(tmp_path / f"{name}.nii.gz")[0]
        np.testing.assert_array_equal(ct, scan.case.volume + more)
    # a mask of the second is measured on the second
    done = run("measure", folder, tmp_path / "seg.dcm")
    assert (done.returncode, "took 2, to which seg.dcm refers" in done.stdout.replace("\n", " ")) == (0, True)


def test_a_date_that_is_none_stops_nothing_and_is_not_printed(
    folder: Path, scan: Scan, run: Run, tmp_path: Path
) -> None:
    change(folder, lambda one: setattr(one, "PatientBirthDate", "SECRET.1961"))
    seg, sr = tmp_path / "seg.dcm", tmp_path / "sr.dcm"
    done = run("segment", folder, "--marks", scan.marks, "-o", seg, "--sr", sr)
    assert done.returncode == 0
    assert "PatientBirthDate of the slices is not a valid DICOM value" in done.stdout
    assert "SECRET" not in done.stdout + done.stderr
    for path in (seg, sr):
        assert pydicom.dcmread(path).PatientBirthDate == ""
        assert str(pydicom.dcmread(path).PatientName) == "SECRET^NAME"
    assert read_labels(seg, read_ct(folder)[1]).max() == 3


def test_the_one_report_in_a_folder_says_which_series_is_meant(
    folder: Path, scan: Scan, run: Run, tmp_path: Path
) -> None:
    sr = tmp_path / "sr.dcm"
    done = run("segment", folder, "--marks", scan.marks, "-o", tmp_path / "seg.dcm", "--sr", sr)
    assert done.returncode == 0
    series = generate_uid()

    def thin(one: pydicom.Dataset) -> None:
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        one.SeriesInstanceUID = series

    change(folder, thin, prefix="other-")
    more = pydicom.dcmread(next(folder.glob("other-*")))
    more.SOPInstanceUID = generate_uid()
    more.ImagePositionPatient = [*more.ImagePositionPatient[:2], -scan.case.grid.spacing_mm[0]]
    more.save_as(folder / "other-more.dcm")  # the larger series now
    told = run("convert", folder, "-o", tmp_path / "a.nii").stdout
    assert "took the largest of 2 CT series (series 1, called 1#" in told
    assert series not in told
    report = pydicom.dcmread(sr)
    report.Manufacturer = "A reader's workstation"  # a result of ours is never taken for a reader's lines
    report.save_as(folder / "sr.dcm")
    done = run("segment", folder, "-o", tmp_path / "again.dcm")
    assert (done.returncode, done.stderr) == (0, "")
    assert "to which sr.dcm refers" in done.stdout.replace("\n", " ")
