"""A folder of visits is a study: dates, scans, lines and targets are found in it, and what is unclear is refused."""

import sys
from pathlib import Path

import numpy as np
import pytest

from lite_ensam.core.coded_concept import CodedConcept
from lite_ensam.core.errors import MissingExtraError, StudyError
from lite_ensam.core.recist import RecistMark
from lite_ensam.io import read_ct, write_ct, write_marks, write_report
from lite_ensam.reporting import judge, read_study, study_inputs
from lite_ensam.reporting.study_scans import StudyScans
from lite_ensam.reporting.study_visits import visit_folders, visits_entry
from lite_ensam.response import VOLUME, respond
from tests.phantoms import ellipsoid_case
from tests.unit.io.dicom.files import stored_volume, write_series
from tests.unit.reporting.test_study_sizes import tumor

CASE = ellipsoid_case()


def visit(folder: Path, *marks: RecistMark) -> Path:
    folder.mkdir(parents=True)
    write_ct(folder / "ct.nii.gz", CASE.ct, CASE.grid)
    write_marks(folder / "lines.json", marks, CASE.grid)
    return folder


def mark(label: int, length: float, name: str = "", organ: str = "") -> RecistMark:
    """A line of whole voxels."""
    site = CodedConcept("1", "99", organ) if organ else None
    return RecistMark(label, ((4, 10, 5), (4, 10, 5 + length)), name, finding_site=site)


def test_reports_of_each_visit_are_judged_by_the_names_of_their_folders(tmp_path: Path) -> None:
    for day, mm in (("2025-03-28", 20.0), ("2025-01-31", 30.0), ("2025-06-30", 29.0)):
        (tmp_path / day).mkdir()
        write_report(tmp_path / day / "report.json", {"tumors": [tumor(mm=mm)]})
    patients = read_study(tmp_path)
    (course,) = [one for one in judge(patients, VOLUME) if one.criteria is not VOLUME]
    assert [(one.day, one.overall) for one in course.visits] == [(56, "PR"), (150, "PD")]
    assert patients[0].notes[0].startswith("targets are chosen by size: liver 1; organs are not known")
    assert tmp_path / "2025-01-31" / "report.json" in study_inputs(tmp_path)


def test_scans_lines_and_organs_are_found(tmp_path: Path) -> None:
    spacing = CASE.grid.spacing_mm[2]
    long, short = np.ceil(30 / spacing), np.ceil(12 / spacing)
    lines = [mark(n, long - n, f"liver {n}", "Liver") for n in (1, 2, 3)] + [mark(4, short, "", "Lymph node")]
    visit(tmp_path / "0", *lines)
    visit(tmp_path / "56", *lines)
    entry, notes = visits_entry(visit_folders(tmp_path))
    assert [(one["name"], one["organ"], one["node"]) for one in entry["targets"]] == [
        ("liver 1", "Liver", False),
        ("liver 2", "Liver", False),
    ]
    second = tmp_path / "56"
    assert entry["visits"][1] == {
        "ct": second / "ct.nii.gz",
        "marks": str(second / "lines.json"),
        "date": "56",
    }
    assert notes == [
        "targets are chosen by size: liver 1, liver 2",
        "not followed, being more than RECIST 1.1 allows or too small for a target: liver 3, 4",
    ]


def test_dicom_says_the_date_itself(tmp_path: Path) -> None:
    for name, date in (("first", "20250131"), ("second", "20250328")):
        write_series(tmp_path / name, stored_volume((5, 60, 60)), StudyDate=date)
        write_marks(
            tmp_path / name / "lines.csv.json", [RecistMark(1, ((2, 10, 5), (2, 10, 45)), "a")], CASE.grid
        )
    entry, _ = visits_entry(visit_folders(tmp_path))
    assert [(one["ct"].name, one["date"]) for one in entry["visits"]] == [
        ("first", "20250131"),
        ("second", "20250328"),
    ]


def test_a_date_that_the_scan_contradicts_and_a_scan_given_twice_are_told(tmp_path: Path) -> None:
    line = RecistMark(1, ((2, 10, 5), (2, 10, 45)), "a")
    for name, date, last in (
        ("2025-01-31", "20250131", 0),
        ("2025-03-28", "20260328", 0),
        ("20250601", "20250601", 9),
    ):
        stored = stored_volume((5, 60, 60))
        stored[-1, -1, -1] += last
        write_series(tmp_path / name, stored, StudyDate=date)
        write_marks(tmp_path / name / "lines.json", [line], read_ct(tmp_path / name)[1])
    (patient,) = read_study(tmp_path)
    told = [note for note in patient.notes if "StudyDate" in note or "voxels as" in note]
    assert told == [
        "day 56: the StudyDate of the scan differs from the visit's date, which is used",
        "day 56: the scan has the same voxels as that of day 0: was one taken twice?",
    ]


def test_a_later_visit_without_lines_is_refused_with_what_to_write_instead(tmp_path: Path) -> None:
    folder = tmp_path / "patient"
    visit(folder / "0", mark(1, 20, "a"))
    later = visit(folder / "56", mark(1, 20, "a"))
    way = "if this is a later visit whose lesions are gone .* diameter_mm of 0 \\(gone\\) or null \\(not evaluable\\)"
    study = tmp_path / "study.json"
    given = {
        "targets": [{"name": "a", "organ": "liver"}],
        "visits": [
            {"date": 0, "ct": "patient/0/ct.nii.gz", "marks": "patient/0/lines.json"},
            {"date": 56, "ct": "patient/56/ct.nii.gz", "marks": "patient/56/lines.json"},
        ],
    }
    write_report(study, given)
    write_report(later / "lines.json", {"marks": []}, overwrite=True)
    for place, where in ((folder, "visit number 2"), (study, "day 56")):
        with pytest.raises(StudyError, match=rf"{where}: no line was found\. .*{way}"):
            read_study(place)
    (later / "lines.json").unlink()
    with pytest.raises(StudyError, match=rf"visit number 2: no line was found\. .*{way}"):
        read_study(folder)
    for said, response in ((0, "CR"), (None, "NE")):
        visits = [given["visits"][0], {"date": 56, "targets": {"a": {"diameter_mm": said}}}]
        write_report(study, given | {"visits": visits}, overwrite=True)
        (patient,) = read_study(study)
        assert [one.overall for one in respond(patient.study)] == [response]


def test_what_is_unclear_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"contains no visit folder\. Create one"):
        read_study(tmp_path)
    baseline = visit(tmp_path / "baseline", mark(1, 20, "a"))
    with pytest.raises(StudyError, match=r"^visit number 1 has no date: call its folder by it"):
        read_study(tmp_path)
    baseline = baseline.rename(tmp_path / "0")
    write_ct(baseline / "mask.nii.gz", CASE.ct, CASE.grid)
    with pytest.raises(
        StudyError, match=r"^visit number 1 has 2 scans: leave one, or name it in a study file"
    ):
        read_study(tmp_path)
    (baseline / "mask.nii.gz").unlink()
    (baseline / "lines.json").unlink()
    write_marks(baseline / "lines.json", [mark(1, 2, "tiny")], CASE.grid)
    with pytest.raises(StudyError, match="baseline, has no lesion that is large enough for a target"):
        read_study(tmp_path)


def test_no_message_on_a_folder_names_the_patient_or_a_date(tmp_path: Path) -> None:
    patient = tmp_path / "DOE_JOHN"
    visit(patient / "1999-01-31", mark(1, 20, "a"))
    scan = patient / "1999-01-31" / "ct.nii.gz"
    for content in (b"", b"not a scan"):
        scan.write_bytes(content)
        with pytest.raises(StudyError, match=r"^visit number 1: ct\.nii\.gz: ") as caught:
            read_study(patient)
        assert "DOE" not in str(caught.value)
        assert "1999" not in str(caught.value)


def test_no_note_on_a_folder_names_the_patient_or_a_date(tmp_path: Path) -> None:
    for day, names in (("1999-01-31", ("liver 1",)), ("1999-03-28", ("liver 1", "new"))):
        (tmp_path / "DOE_JOHN" / day).mkdir(parents=True)
        tumors = [tumor(name=name) for name in names]
        write_report(tmp_path / "DOE_JOHN" / day / "report.json", {"tumors": tumors})
    (patient,) = read_study(tmp_path / "DOE_JOHN")
    assert (
        "day 56: new (30.0 mm) in report.json is not a target of this study: a new lesion?" in patient.notes
    )
    assert not [note for note in patient.notes if "DOE" in note or "1999" in note]


def test_without_matplotlib_no_scan_is_segmented_for_a_page_with_pictures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for wanted in ({"draw": True}, {"draw_slices": True}):
        with pytest.raises(MissingExtraError, match=r"lite-ensam\[evaluate\]"):
            StudyScans(tmp_path, **wanted).report({"ct": "not read.nii.gz"}, 0)
