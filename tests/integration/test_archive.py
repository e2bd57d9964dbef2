"""From an archive and back to it: a real Orthanc holds a CT and a report as OHIF writes it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

import lite_ensam
from lite_ensam.core.errors import MarkError
from lite_ensam.core.recist import RecistMark
from lite_ensam.io import ObjectChoice, read_case, read_ct, read_labels
from lite_ensam.io.dicom import SeriesSource
from tests.integration.archives import Orthanc, running_orthanc, write_ohif_report
from tests.integration.conftest import Run, Scan

pytest.importorskip("requests")
pytest.importorskip("pynetdicom")

KILLS = int(os.environ.get("ARCHIVE_KILLS", "4"))
"""More by hand."""


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as one:
        yield one


@pytest.fixture
def source(dicom: Path) -> SeriesSource:
    source = read_ct(dicom)[1]
    assert isinstance(source, SeriesSource)
    return source


@pytest.fixture
def study(
    orthanc: Orthanc,
    dicom: Path,
    scan: Scan,
    source: SeriesSource,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """Address of a study with the phantom's CT and a reader's lines."""
    orthanc.clear()
    monkeypatch.setenv("NETRC", str(orthanc.login))
    for name in ("LITE_ENSAM_TOKEN", "LITE_ENSAM_TOKEN_FILE", "LITE_ENSAM_CACHE"):
        monkeypatch.delenv(name, raising=False)
    orthanc.put(*dicom.iterdir(), write_ohif_report(tmp_path / "ohif.dcm", source, scan.case.marks))
    return orthanc.study(str(source.slices[0].StudyInstanceUID))


def test_one_command_fetches_segments_and_stores_and_the_next_reads_it_again(
    orthanc: Orthanc, study: str, dicom: Path, scan: Scan, run: Run, tmp_path: Path
) -> None:
    seg, sr, report = tmp_path / "seg.dcm", tmp_path / "sr.dcm", tmp_path / "report.json"
    done = run("segment", study, "-o", seg, "--sr", sr, "--report", report, "--to", orthanc.root)
    assert (done.returncode, "stored in the archive: seg.dcm, sr.dcm" in done.stdout) == (0, True), (
        done.stderr
    )
    assert not any(word in done.stdout + done.stderr + report.read_text() for word in ("SECRET", "1.2.826"))
    tumors = json.loads(report.read_text())["tumors"]
    assert [one["name"] for one in tumors] == [mark.name for mark in scan.case.marks]
    here = read_labels(seg, read_ct(dicom)[1])
    # what came back is the same, and has the reader's lines, not ours, for the next time
    back = tmp_path / "back.nii.gz"
    assert run("convert", study, "--ct", study, "-o", back).returncode == 0
    np.testing.assert_array_equal(read_labels(back), here)
    numbers = tmp_path / "numbers.json"
    new = tmp_path / "new.dcm"
    measured = run("measure", study, study, "--report", numbers, "--sr", new, "--to", orthanc.application)
    assert measured.returncode == 0, measured.stderr
    volumes = [one["volume_ml"] for one in json.loads(numbers.read_text())["tumors"]]
    assert volumes == pytest.approx([one["volume_ml"] for one in tumors])
    assert len(orthanc.files("SR")) == 3
    again = run("segment", study, "-o", tmp_path / "again.dcm")
    assert again.returncode == 0, again.stderr
    np.testing.assert_array_equal(read_labels(tmp_path / "again.dcm", read_ct(dicom)[1]), here)
    # the same from Python
    result = lite_ensam.segment(study)
    np.testing.assert_array_equal(result.labels, here)


def test_of_several_reports_one_is_chosen_and_the_message_says_how(
    orthanc: Orthanc, study: str, source: SeriesSource, scan: Scan, run: Run, tmp_path: Path
) -> None:
    first, second, _ = scan.case.marks
    later = {"ContentDate": "20250607", "Manufacturer": "Another maker"}
    orthanc.put(
        write_ohif_report(tmp_path / "one.dcm", source, (first,), "Second read of SECRET"),
        write_ohif_report(tmp_path / "two.dcm", source, (second,), "Follow-up lines", **later),
    )
    out = tmp_path / "mask.nii.gz"
    unclear = run("segment", study, "-o", out)
    assert unclear.returncode == 1
    for part in ("3 files that could be marks", "'Measurements', made by OHIF", "made by Another maker, the newest",
                 "--pick-description, --pick-date or --pick-maker"):  # fmt: skip
        assert part in unclear.stderr
    assert not any(word in unclear.stderr for word in ("SECRET", "2025", "1.2.826", "/tmp"))
    for option, labels in (
        (("--pick-date", "newest"), [0, 1]),
        (("--pick-maker", "another"), [0, 1]),
        (("--pick-description", "MEASURE"), [0, 1, 2, 3]),
    ):
        chosen = run("segment", study, "-o", out, *option, "--overwrite")
        assert (chosen.returncode, np.unique(read_labels(out)).tolist()) == (0, labels), chosen.stderr
    none = run("segment", study, "-o", out, "--pick-date", "2020-01-01", "--overwrite")
    assert (none.returncode, "no file of marks fits; there are:" in none.stderr) == (1, True)
    assert run("segment", study, "-o", out, "--pick-date", "soon").returncode == 2
    assert read_case(study, ObjectChoice(maker="Another")).marks[0].name == second.name


def test_results_of_our_own_are_never_a_readers_lines(
    orthanc: Orthanc, study: str, dicom: Path, scan: Scan, run: Run, tmp_path: Path
) -> None:
    """A folder with the CT and our report."""
    import shutil

    folder = tmp_path / "ct"
    shutil.copytree(dicom, folder)
    assert run("segment", study, "-o", tmp_path / "seg.dcm", "--sr", tmp_path / "sr.dcm").returncode == 0
    shutil.copy(tmp_path / "sr.dcm", folder)
    with pytest.raises(MarkError, match=r"only results of lite-ensam: sr\.dcm"):
        read_case(folder)
    assert len(read_case(folder, tmp_path / "sr.dcm").marks) == 3
    assert len(lite_ensam.segment(folder, ObjectChoice(maker="lite-ensam"))) == 3


def test_the_ct_that_the_report_refers_to_is_fetched_and_no_other(
    orthanc: Orthanc, study: str, dicom: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    series = generate_uid()
    for n, path in enumerate(
        [*dicom.iterdir(), *dicom.iterdir()]
    ):  # a larger one, of which the report does not speak
        other = pydicom.dcmread(path)
        other.SeriesInstanceUID = series
        other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        if n >= len(list(dicom.iterdir())):
            other.ImagePositionPatient[2] += 140  # above
        other.save_as(tmp_path / "other.dcm")
        orthanc.put(tmp_path / "other.dcm")
    cache, out = tmp_path / "cache", tmp_path / "mask.nii.gz"
    done = run("segment", study, "-o", out, "--cache", cache)
    assert (done.returncode, "took one of 2 CT series of the study, with 56 slices" in done.stdout) == (
        0,
        True,
    )
    assert len(list(cache.rglob("*.dcm"))) == 57  # and the report
    named = run("segment", f"{study}/series/{series}", "-o", out, "--overwrite")
    assert (named.returncode, "only 1 of other scans" in named.stderr) == (1, True)


def processes_end(moments: list[float], arguments: list[object]) -> Iterator[float]:
    """Kill a command at some moments, counted from its start; what is left is looked at by who asked."""
    for moment in moments:
        process = subprocess.Popen(
            [sys.executable, "-m", "lite_ensam", *map(str, arguments)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.wait()
        yield moment


def test_killed_at_any_moment_it_leaves_nothing_half(
    orthanc: Orthanc, study: str, dicom: Path, run: Run, tmp_path: Path
) -> None:
    seg, sr = tmp_path / "seg.dcm", tmp_path / "sr.dcm"
    arguments = ["segment", study, "-o", seg, "--sr", sr, "--to", orthanc.root, "--overwrite"]
    arguments += ["--cache", tmp_path / "cache"]
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "lite_ensam", *map(str, arguments)], check=True, capture_output=True
    )
    seconds = time.perf_counter() - start
    expected, source = seg.read_bytes(), read_ct(dicom)[1]
    labels = read_labels(seg, source)
    for _ in processes_end([seconds * (n + 1) / (KILLS + 0.5) for n in range(KILLS)], arguments):
        np.testing.assert_array_equal(read_labels(seg, source), labels)  # whole, the old one or a new one
        pydicom.dcmread(sr)
        for path in (tmp_path / "cache").rglob("*.dcm"):
            assert pydicom.dcmread(path).get("SOPInstanceUID")
        stored = orthanc.files("SEG")
        assert all(len(one.SegmentSequence) == 3 for one in stored)
        for report in orthanc.files("SR"):
            assert report.ContentSequence
    assert len(expected) > 0
    for path in tmp_path.glob(".lite-ensam-*"):  # younger than a second, it may have a living writer
        os.utime(path, (time.time() - 2,) * 2)
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.glob(".lite-ensam-*"))


def test_measure_of_a_corrected_seg_gives_new_numbers_to_the_archive(
    orthanc: Orthanc, study: str, dicom: Path, scan: Scan, source: SeriesSource, run: Run, tmp_path: Path
) -> None:
    from lite_ensam.io import write_mask

    assert scan.case.reference is not None
    corrected = np.where(scan.case.reference == 1, 1, 0).astype(np.uint8)
    write_mask(
        tmp_path / "corrected.dcm",
        corrected,
        source,
        marks=(RecistMark(1, ((38, 68, 37), (38, 75, 52)), "liver"),),
    )
    new = tmp_path / "new_sr.dcm"
    done = run("measure", dicom, tmp_path / "corrected.dcm", "--sr", new, "--to", orthanc.root)
    assert (done.returncode, "stored in the archive: corrected.dcm, new_sr.dcm" in done.stdout) == (0, True)
    seg, report = orthanc.files("SEG")[0], pydicom.dcmread(new)
    referred = [
        one.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for group in report.ContentSequence[-1].ContentSequence
        for one in group.ContentSequence
        if one.ValueType == "IMAGE" and one.ConceptNameCodeSequence[0].CodeValue == "121191"
    ]
    assert referred == [seg.SOPInstanceUID]
    nifti = run("measure", dicom, scan.reference, "--sr", tmp_path / "no.dcm")
    assert (nifti.returncode, "refers to a DICOM SEG" in nifti.stderr) == (1, True)


def test_a_cohort_takes_studies_of_an_archive_and_is_resumed(
    orthanc: Orthanc,
    study: str,
    dicom: Path,
    scan: Scan,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("distributed")
    manifest, out = tmp_path / "manifest.csv", tmp_path / "out"
    manifest.write_text(f"case,ct,marks\nA,{study},\nB,{study},{scan.marks}\n")
    command = ("cohort", manifest, "-o", out, "--workers", 1)
    monkeypatch.setenv("NETRC", str(tmp_path / "no netrc"))
    refused = run(*command)
    assert refused.returncode == 0, refused.stderr
    text = (out / "cases.csv").read_text()
    assert text.count("refuses the login (401)") == 2
    assert "SECRET" not in text
    monkeypatch.setenv("NETRC", str(orthanc.login))
    done = run(*command)  # what an archive refused is tried again
    assert (done.returncode, " 2 " in done.stdout) == (0, True), done.stderr
    for case in "AB":
        mask = read_labels(out / "cases" / case / "mask.nii.gz")
        assert sorted(set(mask.ravel().tolist())) == [0, 1, 2, 3]
    orthanc.clear()  # done is done
    again = run(*command)
    assert again.returncode == 0, again.stderr
    assert json.loads((out / "cases" / "A" / "record.json").read_text())["status"] == "done"
    wrong = manifest.with_name("wrong.csv")
    wrong.write_text(
        f"case,ct,reference\nA,dicomweb+http://elsewhere.example/studies/1.2,\nB,{study},{study}\n"
    )
    told = run("cohort", wrong, "-o", tmp_path / "wrong")
    assert (told.returncode, "1.2" in told.stderr) == (1, False)
    assert all(words in told.stderr for words in ("unencrypted", "reference lies in an archive"))
