"""A cohort from manifest to tables: what is done is kept, what is bad is a row."""

from __future__ import annotations

import csv
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lite_ensam.cohort import (
    Cohort,
    CohortCase,
    Parameters,
    Progress,
    check_rows,
    open_manifest,
    run_cohort,
    write_cohort_manifest,
)
from lite_ensam.cohort import task as task_module
from lite_ensam.cohort.parameters import Task
from lite_ensam.cohort.task import run_case
from lite_ensam.core.errors import CohortError, OutputError
from lite_ensam.io import read_case, read_labels, read_report, write_ct, write_marks, write_mask
from lite_ensam.segmentation import segment
from tests.integration.cohorts import CORRUPT, LIMITS, N_GOOD, PLAIN, outcome
from tests.integration.conftest import Run, Undisturbed
from tests.phantoms import ellipsoid_case


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


def test_a_record_that_holds_something_odd_is_made_again(undisturbed: Undisturbed, done: Path) -> None:
    for n, (key, value) in enumerate((("tumors", [{"flags": 3}]), ("spacing_mm_zyx", "thin"), ("run", [1]))):
        path = done / f"cases/scan_{n}/record.json"
        path.write_text(json.dumps(read_report(path) | {key: value}))
    progress = again(undisturbed, done).progress
    assert (progress.kept, progress.done) == (N_GOOD + 1 - 3, 3)
    assert outcome(done) == undisturbed.outcome


def test_what_stands_in_the_way_of_one_case_stops_no_other(undisturbed: Undisturbed, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    (folder / "cases/scan_0/record.json").mkdir(parents=True)
    (folder / "cases/scan_1").write_text("a file")
    progress = again(undisturbed, folder, check=False).progress
    assert (progress.done, progress.failed) == (N_GOOD - 2, 3)
    errors = {row["case"]: row["error"] for row in table(folder)}
    assert errors["scan_0"].endswith("record.json is in the way: it is not a file")
    assert errors["scan_1"].endswith("scan_1 is in the way: it is not a folder")


def test_half_written_files_of_kept_cases_are_swept(undisturbed: Undisturbed, done: Path) -> None:
    halves = [
        done / ".lite-ensam-1.tmp",
        *(done / f"cases/{n}/.lite-ensam-2.tmp" for n in ("scan_0", CORRUPT)),
    ]
    for half in halves:
        half.write_bytes(b"half")
    assert again(undisturbed, done).progress.kept == N_GOOD + 1
    assert not any(half.exists() for half in halves)


def test_a_run_that_ends_between_mask_and_record_is_not_taken_for_done(
    undisturbed: Undisturbed, done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = open_manifest(undisturbed.manifest).rows[0]
    with monkeypatch.context() as patched:
        patched.setattr(task_module, "write_record", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run_case(Task(row, str(done), Parameters(threshold=1.0), LIMITS))
    assert not (done / "cases/scan_0/record.json").exists()
    assert again(undisturbed, done).progress.done == 1
    assert outcome(done) == undisturbed.outcome


class TestFolder:
    """The folder of results is watched, and never that of the inputs."""

    @pytest.mark.parametrize("back", [False, True])
    def test_a_folder_that_vanishes_is_an_error(
        self, undisturbed: Undisturbed, tmp_path: Path, back: bool
    ) -> None:
        folder = tmp_path / "out"

        def vanish(progress: Progress) -> None:
            if progress.done == 1 and not (tmp_path / "moved").exists():
                folder.rename(tmp_path / "moved")
                if back:
                    (folder / "cases").mkdir(parents=True)

        with pytest.raises(CohortError, match="the folder of the results vanished while the run went on"):
            again(undisturbed, folder, check=False, on_progress=vanish)
        assert not (folder / "cases.csv").exists()

    def test_records_that_vanish_are_an_error(self, undisturbed: Undisturbed, tmp_path: Path) -> None:
        def vanish(progress: Progress) -> None:
            shutil.rmtree(tmp_path / "cases/scan_0", ignore_errors=True)

        with pytest.raises(CohortError, match=r"1 records vanished .* case scan_0 among them"):
            again(undisturbed, tmp_path, check=False, on_progress=vanish)
        assert again(undisturbed, tmp_path, check=False).progress.done == 1
        assert outcome(tmp_path) == undisturbed.outcome

    def test_the_manifest_that_is_read_is_not_rewritten(
        self, undisturbed: Undisturbed, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shutil.copytree(undisturbed.manifest.parent, tmp_path / "data")
        monkeypatch.chdir(tmp_path / "data")
        text = "case,ct,marks,site\nscan_0,scan_0/ct.nii.gz,scan_0/marks.json,here\n"
        Path("manifest.csv").write_text(text)
        for options in ((), ("--check",)):
            done = run("cohort", "manifest.csv", "-o", ".", "--workers", 1, *options)
            assert done.returncode == 0, done.stderr
            assert Path("manifest.csv").read_text() == text
        assert [row["status"] for row in table(Path())] == ["done"]
        Path("manifest.csv").rename("cases.csv")
        done = run("cohort", "cases.csv", "-o", ".")
        assert (done.returncode, "it is one of the inputs" in done.stderr) == (1, True)
        assert Path("cases.csv").read_text() == text

    @pytest.mark.parametrize("name", ["manifest.csv", "cases.csv", "index.html"])
    def test_files_of_somebody_else_are_left_alone(
        self, undisturbed: Undisturbed, tmp_path: Path, run: Run, name: str
    ) -> None:
        (tmp_path / name).write_text("mine")
        done = run("cohort", undisturbed.manifest, "-o", tmp_path, "--go-on")
        assert done.returncode == 1
        assert f"it holds {name}, which no cohort has written" in done.stderr
        assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]

    @pytest.mark.parametrize("place", ["", "scan_0", "results", "link"])
    def test_results_do_not_go_into_the_folder_that_is_looked_through(
        self, undisturbed: Undisturbed, run: Run, tmp_path: Path, place: str
    ) -> None:
        data = Path(shutil.copytree(undisturbed.manifest.parent, tmp_path / "data"))
        (tmp_path / "link").symlink_to(data)
        before = sorted(data.rglob("*"))
        output = tmp_path / "link" if place == "link" else data / place
        for options in ((), ("--check",)):
            done = run("cohort", data, "-o", output, "--go-on", *options)
            assert done.returncode == 1
            assert f"cannot write {output}: it " in done.stderr
        assert sorted(data.rglob("*")) == before

    def test_results_go_neither_over_nor_into_a_scan(self, undisturbed: Undisturbed, tmp_path: Path) -> None:
        row = open_manifest(undisturbed.manifest).rows[0]
        out = tmp_path / "out"
        mask = out / "cases" / "a" / "mask.nii.gz"
        mask.parent.mkdir(parents=True)
        shutil.copyfile(row.reference, mask)
        (tmp_path / "link.nii.gz").symlink_to(mask)
        series = tmp_path / "series"
        (series / "results").mkdir(parents=True)
        for changed, folder in (
            (replace(row, case="a", reference=str(mask)), out),
            (replace(row, case="a", reference=str(tmp_path / "link.nii.gz")), out),
            (replace(row, case="a", ct=str(mask.parent)), out),
            (replace(row, ct=str(series)), series / "results"),
            (replace(row, ct=str(series)), series),
        ):
            with pytest.raises(OutputError, match=r"row 1, case .*: the run would write over or into"):
                run_cohort([changed], folder, PLAIN, LIMITS, workers=1, check=False)
        assert mask.read_bytes() == Path(row.reference).read_bytes()
        assert list(series.rglob("*")) == [series / "results"]


def test_labels_without_a_line_are_a_note(undisturbed: Undisturbed, tmp_path: Path) -> None:
    row = open_manifest(undisturbed.manifest).rows[2]
    case = read_case(row.ct, row.marks, row.reference)
    write_marks(tmp_path / "marks.json", case.marks[:1], case.source)
    changed = replace(row, marks=str(tmp_path / "marks.json"))
    run_cohort([changed], tmp_path / "out", PLAIN, LIMITS, workers=1)
    (noted,) = table(tmp_path / "out")
    assert noted["notes"].endswith("labels of the reference without a line are passed over: 2")


def test_lines_without_a_label_of_the_reference_are_a_note(undisturbed: Undisturbed, tmp_path: Path) -> None:
    row = open_manifest(undisturbed.manifest).rows[2]
    case = read_case(row.ct, row.marks, row.reference)
    assert case.reference is not None
    write_mask(tmp_path / "labels.nii.gz", np.where(case.reference == 1, 1, 0).astype(np.uint8), case.source)
    changed = replace(row, reference=str(tmp_path / "labels.nii.gz"))
    run_cohort([changed], tmp_path / "out", PLAIN, LIMITS, workers=1)
    (noted,) = table(tmp_path / "out")
    assert noted["notes"].endswith("lines whose label the reference does not have are not scored: 2")


def test_lines_that_are_drawn_on_the_reference_are_a_note(
    undisturbed: Undisturbed, tmp_path: Path, run: Run
) -> None:
    rows = [replace(row, marks="") for row in open_manifest(undisturbed.manifest).rows if row.reference]
    rows[0] = open_manifest(undisturbed.manifest).rows[0]
    write_cohort_manifest(tmp_path / "manifest.csv", rows)
    ran = run("cohort", tmp_path / "manifest.csv", "-o", tmp_path / "out", "--workers", 1)
    assert ran.returncode == 0, ran.stderr
    drawn = "no lines were given; lines were drawn on the reference, on each tumour's largest slice. Scores are better"
    assert [drawn in row["notes"] for row in table(tmp_path / "out")] == [False, *[True] * (N_GOOD - 1)]
    assert f"note: cases with notes: {N_GOOD - 1}, see index.html" in ran.stdout
    assert f"note: {N_GOOD - 1} cases: {drawn}" in ran.stdout
    page = (tmp_path / "out" / "index.html").read_text()
    assert page.count("no lines were given") == N_GOOD - 1


def test_two_scans_of_one_name_in_a_folder_are_both_named(tmp_path: Path, run: Run) -> None:
    (tmp_path / "data" / "p0").mkdir(parents=True)
    scans = [tmp_path / "data" / "p0" / name for name in ("ct.nii", "ct.nii.gz")]
    for scan in scans:
        scan.write_bytes(b"x")
    ran = run("cohort", tmp_path / "data", "-o", tmp_path / "out")
    assert ran.returncode == 1
    assert (
        f"\ncase p0: two cases have the name 'p0': {scans[0]} and {scans[1]}; rename one" in f"\n{ran.stderr}"
    )
    assert "Rename the files so that each case has a unique, valid name" in ran.stderr
    assert "Give row" not in ran.stderr


def test_results_of_a_case_that_was_renamed_are_a_note(undisturbed: Undisturbed, done: Path) -> None:
    rows = list(open_manifest(undisturbed.manifest).rows)
    rows[0] = replace(rows[0], case="new name")
    result = run_cohort(rows, done, PLAIN, LIMITS, workers=1, check=False)
    (note,) = [note for note in result.notes if "the manifest does not name" in note]
    assert "does not name: scan_0; they are in no table: delete these folders if" in note
    assert "does not name: scan_0" in result.page.read_text()
    assert (done / "cases/scan_0/mask.nii.gz").exists()
    assert "scan_0" not in [row["case"] for row in table(done)]


def test_tables_of_an_earlier_run_do_not_outlive_its_masks(undisturbed: Undisturbed, done: Path) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        again(undisturbed, done, parameters=Parameters(threshold=1.0), check=False, on_progress=interrupt)
    named = {name for name in os.listdir(done) if name.endswith((".csv", ".parquet", ".html"))}
    assert named == {"manifest.csv"}
    again(undisturbed, done, check=False)
    assert outcome(done) == undisturbed.outcome


def test_tables_stay_while_nothing_is_done(undisturbed: Undisturbed, done: Path) -> None:
    seen: list[bool] = []
    again(undisturbed, done, on_progress=lambda _: seen.append((done / "cases.csv").exists()))
    assert len(seen) == N_GOOD + 1
    assert all(seen)


def test_an_empty_file_fails_as_that_and_not_for_want_of_marks(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    (tmp_path / "empty.nii.gz").write_bytes(b"")
    row = CohortCase("empty", str(tmp_path / "empty.nii.gz"))
    run_cohort([row], tmp_path / "out", PLAIN, LIMITS, workers=1, check=False)
    (failed,) = table(tmp_path / "out")
    assert (failed["step"], failed["error"]) == ("scan", check_rows([row])[0].error)
    assert "the file is empty" in failed["error"]


def test_results_follow_the_paths_of_a_corrected_manifest(undisturbed: Undisturbed, tmp_path: Path) -> None:
    first = open_manifest(undisturbed.manifest).rows[0]
    scans = []
    for n in (0, 1):  # of the same size and time
        case = ellipsoid_case(seed=n)
        scans.append(tmp_path / f"s{n}.nii")
        write_ct(scans[n], case.ct, case.grid)
        os.utime(scans[n], (0, 0))
    assert scans[0].stat().st_size == scans[1].stat().st_size
    a, b = (
        replace(first, case=name, reference="", ct=str(scan)) for name, scan in zip("AB", scans, strict=True)
    )
    run_cohort([replace(a, ct=b.ct), replace(b, ct=a.ct)], tmp_path / "out", PLAIN, LIMITS, workers=1)
    progress = run_cohort([a, b], tmp_path / "out", PLAIN, LIMITS, workers=1).progress
    assert (progress.kept, progress.done) == (0, 2)
    run_cohort([a, b], tmp_path / "fresh", PLAIN, LIMITS, workers=1)
    assert outcome(tmp_path / "out") == outcome(tmp_path / "fresh")


def test_other_parameters_do_it_again(undisturbed: Undisturbed, done: Path) -> None:
    rows = open_manifest(undisturbed.manifest).rows[:1]
    progress = run_cohort(rows, done, Parameters(threshold=1.0), LIMITS, workers=1).progress
    assert progress.done == 1
    record = read_report(done / "cases/scan_0/record.json")
    assert record["parameters"]["threshold"] == 1.0
    assert record["tumors"][0]["volume_ml"] < float(table(undisturbed.folder, "tumors")[0]["volume_ml"])


def test_a_case_that_fails_keeps_no_mask_of_an_earlier_run(
    undisturbed: Undisturbed, done: Path, tmp_path: Path
) -> None:
    (tmp_path / "marks.csv").write_text("no,marks\n")
    rows = [replace(open_manifest(undisturbed.manifest).rows[0], marks=str(tmp_path / "marks.csv"))]
    assert run_cohort(rows, done, PLAIN, LIMITS, workers=1, check=False).progress.failed == 1
    assert sorted(path.name for path in (done / "cases/scan_0").iterdir()) == ["record.json"]


def test_a_bad_manifest_begins_nothing(undisturbed: Undisturbed, tmp_path: Path) -> None:
    rows = [*open_manifest(undisturbed.manifest).rows]
    rows[0] = replace(rows[0], ct=str(tmp_path / "nowhere.nii.gz"))
    with pytest.raises(CohortError, match=r"row 1, case scan_0: .*nowhere\.nii\.gz: no such file"):
        run_cohort(rows, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_going_on_runs_all_but_rows_with_bad_cells(
    undisturbed: Undisturbed, tmp_path: Path, run: Run
) -> None:
    rows = [*open_manifest(undisturbed.manifest).rows[:1]] * 5
    cells = ({}, {"date": "2031-02-30"}, {"acquisition": "two"}, {"ct": ""}, {"marks": "", "reference": ""})
    rows = [
        replace(row, case=f"row {n}", **cell) for n, (row, cell) in enumerate(zip(rows, cells, strict=True))
    ]
    write_cohort_manifest(tmp_path / "manifest.csv", rows)
    ran = run("cohort", tmp_path / "manifest.csv", "-o", tmp_path / "out", "--workers", 1)
    assert ran.returncode == 1
    assert "Correct the manifest and the files, or run with --go-on" in ran.stderr
    no_marks = "has no marks: a file of marks, or a reference to draw them on, is needed"
    assert no_marks in ran.stderr
    ran = run("cohort", tmp_path / "manifest.csv", "-o", tmp_path / "out", "--workers", 1, "--go-on")
    assert ran.returncode == 0, ran.stderr
    found = table(tmp_path / "out")
    assert [(one["status"], one["step"]) for one in found] == [
        ("done", ""), *[("failed", "manifest")] * 3, ("failed", "marks"),
    ]  # fmt: skip
    assert found[1]["error"] == "date must be YYYY-MM-DD, got '2031-02-30'"
    assert found[4]["error"].endswith(no_marks)
    # a mended cell is tried again, although no file has changed
    mended = [replace(rows[1], date="2031-02-28")]
    run_cohort(mended, tmp_path / "out", PLAIN, LIMITS, workers=1)
    assert [one["status"] for one in table(tmp_path / "out")] == ["done"]

    write_cohort_manifest(tmp_path / "manifest.csv", [*rows, replace(rows[0], case="")], overwrite=True)
    ran = run("cohort", tmp_path / "manifest.csv", "-o", tmp_path / "new", "--workers", 1, "--go-on")
    assert ran.returncode == 1
    assert "nothing was run. Give row 6 a unique, valid name in the column case" in ran.stderr
    assert "run with --go-on" not in ran.stderr
    assert not (tmp_path / "new").exists()


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
        "two cases have the name 'a' (here and in row 1",
        "nowhere.nii.gz: no such file",
        "marks.json: no such file",
        "problems: 4, cases: 2",
    ):
        assert words in ran.stderr
    assert not (tmp_path / "out").exists()
    assert run("cohort", bad, "-o", tmp_path, "--workers", "many").returncode == 2
    assert run("cohort", undisturbed.manifest.parent, "-o", tmp_path / "found", "--check").returncode == 1
    listed = (tmp_path / "found" / "manifest.csv").read_text()
    assert all(f"scan_{n}," in listed for n in range(N_GOOD))
