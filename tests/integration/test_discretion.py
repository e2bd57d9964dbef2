"""No patient comes out: names, identifiers, dates and UIDs of files that are marked are in no message, note or log."""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from lite_ensam.io import read_ct
from lite_ensam.io.dicom import SeriesSource
from tests.integration.archives import write_ohif_report
from tests.integration.conftest import Run, Scan

UID = "1.2.99770011"
"""How all UIDs begin."""

MARKED = ("MARKED", "20310203", "2031-02-03", "3 Feb", "19470506", UID)
TOLD = {
    "PatientName": "MARKED^NAME",
    "PatientID": "MARKED-ID",
    "PatientBirthDate": "19470506",
    "AccessionNumber": "MARKED-ACC",
    "StudyID": "MARKED-STUDY",
    "ReferringPhysicianName": "MARKED^DOCTOR",
    "StudyDate": "20310203",
    "SeriesDescription": "Thorax of MARKED",
    "StudyInstanceUID": f"{UID}.1",
    "SeriesInstanceUID": f"{UID}.2",
    "FrameOfReferenceUID": f"{UID}.3",
}


def save(dataset: Dataset, path: Path, **more: object) -> None:
    with warnings.catch_warnings(action="ignore"), config.disable_value_validation():
        for name, value in more.items():
            setattr(dataset, name, value)
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(path)


@pytest.fixture(scope="module")
def marked(dicom: Path, scan: Scan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a CT and a reader's lines in which everything is marked."""
    folder = tmp_path_factory.mktemp("case") / "ct"
    folder.mkdir()
    for path in dicom.iterdir():
        one = pydicom.dcmread(path)
        save(one, folder / f"{int(path.stem):03}.dcm", **TOLD, SOPInstanceUID=f"{UID}.4.{path.stem}")
    source = read_ct(folder)[1]
    assert isinstance(source, SeriesSource)
    write_ohif_report(folder / "sr.dcm", source, scan.case.marks)
    save(
        pydicom.dcmread(folder / "sr.dcm"),
        folder / "sr.dcm",
        SOPInstanceUID=f"{UID}.5",
        ContentDate="20310203",
    )
    return folder


Damage = Callable[[Path], None]


def of_one(name: str, value: object, file: str = "007.dcm") -> Damage:
    def change(folder: Path) -> None:
        save(pydicom.dcmread(folder / file), folder / file, **{name: value})

    return change


def of_all(name: str, value: object) -> Damage:
    def change(folder: Path) -> None:
        for path in folder.glob("0*.dcm"):
            of_one(name, value, path.name)(folder)

    return change


def without(name: str) -> Damage:
    def change(folder: Path) -> None:
        for path in folder.glob("0*.dcm"):
            one = pydicom.dcmread(path)
            delattr(one, name)
            one.save_as(path)

    return change


def cut(folder: Path) -> None:
    path = folder / "007.dcm"
    path.write_bytes(path.read_bytes()[:900])


def gap(folder: Path) -> None:
    for n in range(7, 15):
        (folder / f"{n:03}.dcm").unlink()


def second_series(folder: Path) -> None:
    for n in range(10):
        one = pydicom.dcmread(folder / f"{n:03}.dcm")
        save(one, folder / f"other-{n}.dcm", SeriesInstanceUID=f"{UID}.8", SOPInstanceUID=f"{UID}.9.{n}",
             SeriesNumber=20310203)  # fmt: skip


def second_patient(folder: Path) -> None:
    second_series(folder)
    (folder / "sr.dcm").unlink()
    for path in folder.glob("other-*"):
        save(pydicom.dcmread(path), path, PatientID="MARKED-OTHER")


def second_report(folder: Path) -> None:
    one = pydicom.dcmread(folder / "sr.dcm")
    save(one, folder / "sr2.dcm", SOPInstanceUID=f"{UID}.6", SeriesDescription="Reading of MARKED^NAME 20310203",
         Manufacturer="MARKED")  # fmt: skip


def elsewhere(folder: Path) -> None:
    """The report speaks of slices that are not there."""
    for path in folder.glob("0*.dcm"):
        save(pydicom.dcmread(path), path, SOPInstanceUID=generate_uid(prefix=f"{UID}."))


def changed_report(change: Callable[[Dataset], None]) -> Damage:
    def damage(folder: Path) -> None:
        report = pydicom.dcmread(folder / "sr.dcm")
        for group in report.ContentSequence[0].ContentSequence:
            for item in group.ContentSequence:
                if item.ValueType == "NUM":
                    change(item)
        report.save_as(folder / "sr.dcm")

    return damage


def beyond(item: Dataset) -> None:
    item.ContentSequence[0].GraphicData = [9000.0, 1.0, 9000.0, 40.0]


def in_degrees(item: Dataset) -> None:
    item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue = "deg"


DAMAGES = {
    "nothing": lambda folder: None,
    "cut": cut,
    "gap": gap,
    "second series": second_series,
    "second patient": second_patient,
    "second report": second_report,
    "another series": elsewhere,
    "lines beyond": changed_report(beyond),
    "angles": changed_report(in_degrees),
    "report of somebody else": of_one("PatientID", "MARKED-OTHER", "sr.dcm"),
    "no position": without("ImagePositionPatient"),
    "no spacing": without("PixelSpacing"),
    "no slope": without("RescaleSlope"),
    "a birth date of words": of_all("PatientBirthDate", "MARKED 19470506"),
    "an age of words": of_all("PatientAge", "MARKED"),
    "a study date of words": of_all("StudyDate", "3 Feb 2031 MARKED"),
    "a study UID of words": of_all("StudyInstanceUID", "MARKED"),
    "no study UID": of_all("StudyInstanceUID", ""),
    "another modality": of_all("Modality", "MARKED"),
    "a character set of words": of_all("SpecificCharacterSet", "MARKED"),
    "one slice of another patient": of_one("PatientID", "MARKED-OTHER"),
    "one slice of another size": of_one("Rows", 3),
    "one slice twice": of_one("ImagePositionPatient", [0, 0, 0]),
    "no report": lambda folder: (folder / "sr.dcm").unlink(),
}  # fmt: skip


_SEGMENTED = ("nothing", "second series", "a study UID of words", "no study UID")


@pytest.mark.parametrize("name", DAMAGES)
def test_whatever_is_wrong_nobody_is_named(
    name: str, marked: Path, scan: Scan, run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    folder = tmp_path / "study"
    shutil.copytree(marked, folder)
    DAMAGES[name](folder)
    caplog.clear()
    commands = [
        ("-v", "convert", folder, "-o", tmp_path / "ct.nii.gz"),
        ("convert", folder / "sr.dcm", "--ct", folder, "-o", tmp_path / "lines.json"),
        ("convert", folder, "-o", tmp_path / "x.nii.gz", "--series", "4"),
    ]
    if name in _SEGMENTED:
        seg, sr = tmp_path / "seg.dcm", tmp_path / "sr.dcm"
        commands += [
            ("-v", "segment", folder, "-o", seg, "--sr", sr, "--report", tmp_path / "report.json"),
            ("measure", folder, seg, "--report", tmp_path / "m.json"),
            ("segment", folder, "-o", seg),
            ("respond", folder, folder, "--csv", tmp_path / "r.csv"),
        ]
    for command in commands:
        done = run(*command)
        said = done.stdout + done.stderr + caplog.text
        assert [word for word in MARKED if word in said] == [], said
        assert "unexpected" not in done.stderr
        assert len(done.stderr.splitlines()) == (1 if done.returncode else 0), done.stderr
    for path in (*tmp_path.glob("*.json"), *tmp_path.glob("*.csv")):
        assert [word for word in MARKED if word in path.read_text()] == [], path.name
