"""A cohort from manifest to tables: what is done is kept, what is bad is a row."""

from __future__ import annotations

import csv
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lite_ensam.cohort import Cohort, Parameters, open_manifest, run_cohort
from lite_ensam.cohort.parameters import Task
from lite_ensam.cohort.task import run_case
from lite_ensam.core.errors import CohortError
from lite_ensam.io import read_labels, read_report
from lite_ensam.segmentation import segment
from tests.integration.cohorts import CORRUPT, LIMITS, N_GOOD, PLAIN, outcome
from tests.integration.conftest import Run, Undisturbed


def table(folder: Path, name: str = "cases") -> list[dict[str, str]]:
    with open(folder / f"{name}.csv", newline="") as file:
        return list(csv.DictReader(file))


def again(undisturbed: Undisturbed, folder: Path, **changed: object) -> Cohort:
    return run_cohort(
        undisturbed.manifest, folder, **{"parameters": PLAIN, "limits": LIMITS, "workers": 1} | changed
    )  # type: ignore[arg-type]


@pytest.fixture
def done(undisturbed: Undisturbed, tmp_path: Path) -> Path:
    """A folder of results that may be spoilt."""
    return Path(shutil.copytree(undisturbed.folder, tmp_path / "done"))


def test_every_case_is_a_row_and_the_corrupt_one_says_why(undisturbed: Undisturbed) -> None:
    rows = table(undisturbed.folder)
    assert [row["case"] for row in rows] == ["scan_0", CORRUPT, *(f"scan_{n}" for n in range(1, N_GOOD))]
    (failed,) = [row for row in rows if row["status"] != "done"]
    assert (failed["case"], failed["step"]) == (CORRUPT, "scan")
    assert "truncated" in failed["error"]
    assert all(float(row["mean_dsc"]) > 0.5 for row in rows if row["status"] == "done")
    assert len(table(undisturbed.folder, "tumors")) == sum(1 + seed % 2 for seed in range(N_GOOD))
    page = (undisturbed.folder / "index.html").read_text()
    assert page.count("<figure") == page.count("data:image/png") == len(table(undisturbed.folder, "tumors"))
    assert "truncated" in page


def test_masks_are_those_of_segment(undisturbed: Undisturbed) -> None:
    row = open_manifest(undisturbed.manifest).rows[0]
    expected = segment(row.ct, row.marks, threads=1).labels
    np.testing.assert_array_equal(read_labels(undisturbed.folder / "cases/scan_0/mask.nii.gz"), expected)


def test_a_second_run_does_nothing(undisturbed: Undisturbed, done: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in done.rglob("cases/*/*")}
    progress = again(undisturbed, done).progress
    assert (progress.kept, progress.done, progress.failed, progress.failed_before) == (N_GOOD + 1, 0, 0, 1)
    assert {path: path.stat().st_mtime_ns for path in done.rglob("cases/*/*")} == before
    assert outcome(done) == undisturbed.outcome


def test_what_is_missing_or_spoilt_is_made_again(undisturbed: Undisturbed, done: Path) -> None:
    (done / "cases/scan_1/mask.nii.gz").unlink()
    (done / "cases/scan_2/record.json").write_text('{"case": "scan_2"')
    (done / "cases/scan_3/mask.nii.gz").write_bytes(b"short")
    (done / "cases/scan_3/.lite-ensam-0123.tmp").write_bytes(b"half")
    progress = again(undisturbed, done).progress
    assert (progress.kept, progress.done) == (N_GOOD + 1 - 3, 3)
    assert outcome(done) == undisturbed.outcome


def test_a_touched_file_is_known_by_its_content_and_a_changed_one_is_not(
    undisturbed: Undisturbed, done: Path, tmp_path: Path
) -> None:
    rows = list(open_manifest(undisturbed.manifest).rows)
    moved, changed = tmp_path / "elsewhere.nii.gz", tmp_path / "marks.json"
    shutil.copyfile(rows[0].ct, moved)
    changed.write_text(Path(rows[2].marks).read_text().replace('"label": 1', '"label": 7'))
    before = (done / "cases/scan_0/mask.nii.gz").stat().st_mtime_ns
    rows[0], rows[2] = replace(rows[0], ct=str(moved)), replace(rows[2], marks=str(changed), reference="")
    progress = run_cohort(rows, done, PLAIN, LIMITS, workers=1, check=False).progress
    assert (progress.kept, progress.done) == (N_GOOD + 1 - 2, 2)
    assert (done / "cases/scan_0/mask.nii.gz").stat().st_mtime_ns == before
    assert 7 in read_labels(done / "cases/scan_1/mask.nii.gz")
    os.utime(moved)
    task = Task(rows[0], str(done), PLAIN, LIMITS)
    assert run_case(task).seconds < 0.2  # hashed, not segmented
    assert (done / "cases/scan_0/mask.nii.gz").stat().st_mtime_ns == before


def test_other_parameters_do_it_again(undisturbed: Undisturbed, done: Path) -> None:
    rows = open_manifest(undisturbed.manifest).rows[:1]
    progress = run_cohort(rows, done, Parameters(threshold=1.0), LIMITS, workers=1).progress
    assert progress.done == 1
    record = read_report(done / "cases/scan_0/record.json")
    assert record["parameters"]["threshold"] == 1.0
    assert record["tumors"][0]["volume_ml"] < float(table(undisturbed.folder, "tumors")[0]["volume_ml"])


def test_a_case_that_fails_keeps_no_mask_of_an_earlier_run(undisturbed: Undisturbed, done: Path) -> None:
    rows = [replace(open_manifest(undisturbed.manifest).rows[0], marks=str(done / "manifest.csv"))]
    assert run_cohort(rows, done, PLAIN, LIMITS, workers=1, check=False).progress.failed == 1
    assert sorted(path.name for path in (done / "cases/scan_0").iterdir()) == ["record.json"]


def test_a_bad_manifest_begins_nothing(undisturbed: Undisturbed, tmp_path: Path) -> None:
    rows = [*open_manifest(undisturbed.manifest).rows]
    rows[0] = replace(rows[0], ct=str(tmp_path / "nowhere.nii.gz"))
    with pytest.raises(CohortError, match=r"row 1, case scan_0: .*nowhere\.nii\.gz: no such file"):
        run_cohort(rows, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_line(undisturbed: Undisturbed, done: Path, tmp_path: Path, run: Run) -> None:
    ran = run("cohort", undisturbed.manifest, "-o", done, "--workers", 1, "--memory", "1500MB")
    assert ran.returncode == 0, ran.stderr
    assert "1 failed" in ran.stdout
    assert outcome(done) == undisturbed.outcome

    bad = tmp_path / "bad.csv"
    bad.write_text("case,ct,marks\na,nowhere.nii.gz,marks.json\na,nowhere.npz,\n")
    ran = run("cohort", bad, "-o", tmp_path / "out")
    assert ran.returncode == 1
    for words in (
        "was row 1 already",
        "nowhere.nii.gz: no such file",
        "marks.json: no such file",
        "4 problems",
    ):
        assert words in ran.stderr
    assert not (tmp_path / "out").exists()
    assert run("cohort", bad, "-o", tmp_path, "--workers", "many").returncode == 2
    assert run("cohort", undisturbed.manifest.parent, "-o", tmp_path / "found", "--check").returncode == 1
    listed = (tmp_path / "found" / "manifest.csv").read_text()
    assert all(f"scan_{n}," in listed for n in range(N_GOOD))
