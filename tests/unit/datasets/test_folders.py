"""What should have been a case is one, or a failure with a sentence: links, letter case, damage, what macOS leaves."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from lite_ensam.cohort import check_rows, discover, discovery, read_cohort_manifest, write_cohort_manifest
from lite_ensam.core.errors import CaseError, CohortError, TrainingError
from lite_ensam.datasets import CaseFiles, find_cases
from lite_ensam.datasets.file_tree import list_files
from lite_ensam.datasets.folders import find_cases_and_notes, list_cases
from lite_ensam.datasets.training_cases import list_scored_cases


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def whole_case(folder: Path, name: str) -> None:
    touch(folder, f"{name}/ct.nii.gz", f"{name}/labels.nii.gz", f"{name}/marks.json")


def keys(folder: Path) -> list[str]:
    return [case.key for case in find_cases(folder)]


class TestScoredCases:
    def test_sources_and_cases_are_folders_at_any_depth(self, tmp_path):
        for name in ("b/1", "a/2", "a/1", "deep/er/c/9"):
            whole_case(tmp_path, name)
        assert keys(tmp_path) == ["a/1", "a/2", "b/1", "c/9"]
        assert keys(tmp_path / "b") == ["b/1"]

    def test_other_layouts_have_sources_and_patients_too(self, tmp_path):
        root = tmp_path / "study"
        touch(root, "imagesTr/CT_9_1_0000.nii.gz", "labelsTr/CT_9_1.nii.gz", "marksTr/CT_9_1.json")
        touch(root, "sub-01/ses-20260102/sub-01_ses-20260102_ct.nii.gz", "sub-02/sub-02_ct.nii")
        touch(root, "derivatives/reader/sub-01/ses-20260102/sub-01_ses-20260102_dseg.nii.gz")
        touch(root, "derivatives/reader/sub-02/sub-02_dseg.nii")
        assert [(case.key, case.patient) for case in find_cases(root)] == [
            ("CT/CT_9_1", "CT/CT_9"),
            ("study/sub-01_ses-20260102", "study/sub-01"),
            ("study/sub-02", "study/sub-02"),
        ]

    def test_names_of_files_may_be_in_capitals(self, tmp_path):
        touch(tmp_path, "a/1/CT.NII.GZ", "a/1/Labels.nii.gz", "a/1/MARKS.json")
        (case,) = find_cases(tmp_path)
        assert [path.name for path in (case.ct, case.labels, case.marks)] == [
            "CT.NII.GZ", "Labels.nii.gz", "MARKS.json",
        ]  # fmt: skip

    def test_each_patient_gets_its_own_labels_where_letter_case_counts(self, tmp_path):
        touch(tmp_path, "images/a_0000.nii", "images/A_0000.nii", "labels/a.nii", "labels/A.nii")
        if len(os.listdir(tmp_path / "labels")) == 1:
            pytest.skip("this file system takes A for a")
        assert {case.name: case.labels.name for case in find_cases(tmp_path)} == {"a": "a.nii", "A": "A.nii"}

    def test_folders_behind_links_are_followed_once(self, tmp_path):
        whole_case(tmp_path / "elsewhere", "1")
        (tmp_path / "data" / "a").mkdir(parents=True)
        (tmp_path / "data" / "a" / "1").symlink_to(tmp_path / "elsewhere" / "1")
        (tmp_path / "data" / "a" / "loop").symlink_to(tmp_path / "data")
        cases, notes = list_cases(tmp_path / "data")
        assert [case.key for case in cases] == ["a/1"]
        assert notes == ("links to folders that are listed already: a/loop",)

    @pytest.mark.parametrize(
        ("spoil", "message"),
        [
            (lambda case: link(case / "ct.nii.gz"), r"a/2/ct\.nii\.gz: is a link that leads nowhere"),
            (lambda case: link(case / "marks.json"), r"a/2/marks\.json: is a link that leads nowhere"),
            (lambda case: link(case / "labels.nii.gz"), r"a/2/labels\.nii\.gz: is a link that leads nowhere"),
            (lambda case: (case / "labels.nii.gz").unlink(), r"a/2/ct\.nii\.gz: has no reference beside it"),
            (lambda case: (case / "ct.nii.gz").unlink(), r"a/2/ct\.nii\.gz: no such file"),
            (lambda case: case.with_name("3").symlink_to("nowhere"), r"a/3/ct\.nii\.gz: no such file"),
            (lambda case: touch(case, "more/2/ct.nii", "more/a/2/ct.nii"), "two cases are called a/2"),
        ],
    )
    def test_a_case_that_is_not_whole_is_named_before_any_work(self, tmp_path, spoil, message):
        for name in ("a/1", "a/2"):
            whole_case(tmp_path, name)
        spoil(tmp_path / "a" / "2")
        with pytest.raises(CaseError, match=message):
            find_cases(tmp_path)

    def test_npz_files_count_whatever_they_are_called(self, tmp_path):
        for name in ("CT_1.npz", "CT_2.NPZ", "deep/er/CT_3.npz"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            with open(tmp_path / name, "wb") as file:
                np.savez(file, imgs=np.zeros((1, 1, 1)), gts=np.zeros((1, 1, 1)))
        np.savez(tmp_path / "result.npz", segs=np.zeros((1, 1, 1)))
        (tmp_path / "CT_4.npz").write_bytes(b"damaged")
        (tmp_path / "._CT_1.npz").write_bytes(b"macOS")
        cases, notes = list_cases(tmp_path)
        assert [case.key for case in cases] == ["CT/CT_1", "CT/CT_2", "CT/CT_3", "CT/CT_4"]
        assert notes == (".npz files without the array imgs, which are not cases: result.npz",)
        (tmp_path / "CT_5.npz").symlink_to("nowhere.npz")
        with pytest.raises(CaseError, match=r"CT_5\.npz: is a link that leads nowhere"):
            find_cases(tmp_path)

    def test_a_folder_that_cannot_be_listed_is_named(self, tmp_path):
        with pytest.raises(CaseError, match=r"nowhere: cannot be listed \(No such file"):
            find_cases(tmp_path / "nowhere")


class TestCohorts:
    def test_dead_links_and_halves_of_cases_are_rows_with_problems(self, tmp_path):
        for name in ("p1", "p2", "p3", "p4"):
            whole_case(tmp_path, name)
        link(tmp_path / "p2" / "ct.nii.gz")
        link(tmp_path / "p3" / "marks.json")
        (tmp_path / "p4" / "ct.nii.gz").unlink()
        (tmp_path / "p5").symlink_to("nowhere")
        (tmp_path / "p6.npz").symlink_to("nowhere")
        (tmp_path / "._p7.npz").write_bytes(b"macOS")
        (tmp_path / "p1" / "latest").symlink_to("nowhere")
        manifest = discover(tmp_path)
        assert [row.case for row in manifest.rows] == ["p6", "p1", "p2", "p3", "p4", "p5"]
        assert manifest.notes == ("links that lead nowhere: p1/latest",)
        problems = {problem.case: problem.error for problem in check_rows(manifest.rows)}
        for case, name in (("p2", "ct.nii.gz"), ("p4", "ct.nii.gz"), ("p5", "ct.nii.gz"), ("p6", "p6.npz")):
            assert problems[case].endswith(f"{name}: no such file")
        assert any("marks.json: no such file" in one.error for one in check_rows(manifest.rows))


class TestTwoReaders:
    @pytest.mark.parametrize(
        ("names", "problem"),
        [
            (
                [
                    "sub-02/sub-02_ct.nii",
                    *(f"derivatives/{r}/sub-02/sub-02_marks.json" for r in ("radA", "radB")),
                ],
                "there are 2 files of marks: derivatives/radA/sub-02/sub-02_marks.json and "
                "derivatives/radB/sub-02/sub-02_marks.json. Keep one, or write a manifest that names the right one",
            ),
            (
                ["sub-02/sub-02_ct.nii", "sub-02/sub-02_dseg.nii", "derivatives/r/sub-02/sub-02_dseg.nii"],
                "there are 2 references: sub-02/sub-02_dseg.nii and derivatives/r/sub-02/sub-02_dseg.nii. Keep",
            ),
            (
                ["p/ct.nii", "p/marks.json", "p/marks.csv"],
                "there are 2 files of marks: p/marks.csv and p/marks.json. Keep",
            ),
            (
                ["p/ct.nii", "p/labels.nii", "p/labels.nii.gz"],
                "there are 2 references: p/labels.nii and p/labels.nii.gz",
            ),
            (
                ["images/a_0000.nii", "marks/a.json", "marks/a_0000.json"],
                "there are 2 files of marks: marks/a.json and marks/a_0000.json. Keep",
            ),
        ],
    )
    def test_their_marks_are_not_mixed_up_by_chance(self, tmp_path, names, problem):
        touch(tmp_path, *names)
        manifest = discover(tmp_path)
        ((number, error, runs_past),) = [(p.row, p.error, p.names_case) for p in manifest.problems]
        assert (number, error[: len(problem)], runs_past) == (1, problem, True)
        write_cohort_manifest(tmp_path / "manifest.csv", manifest.rows)
        again = read_cohort_manifest(tmp_path / "manifest.csv")
        assert (again.rows, again.problems) == (manifest.rows, manifest.problems)
        with pytest.raises(TrainingError, match=re.escape(problem)):
            list_scored_cases(tmp_path / "manifest.csv")
        with pytest.raises(CaseError, match=re.escape(problem)):
            find_cases(tmp_path)

    def test_marks_beside_the_scan_go_with_a_readers_reference(self, tmp_path):
        touch(tmp_path, "sub-1/sub-1_ct.nii", "sub-1/sub-1_marks.json", "derivatives/r/sub-1/sub-1_dseg.nii")
        touch(
            tmp_path,
            "sub-2/sub-2_ct.nii",
            *(f"derivatives/r/sub-2/sub-2_{n}" for n in ("marks.csv", "dseg.nii")),
        )
        manifest = discover(tmp_path)
        assert (manifest.problems, manifest.notes) == ((), ())
        assert all(row.marks and row.reference for row in manifest.rows)

    @pytest.mark.parametrize("n", [1, 2])
    def test_marks_and_reference_of_different_derivatives_are_noted(self, tmp_path, n):
        for k in range(1, n + 1):
            touch(tmp_path, f"sub-{k}/sub-{k}_ct.nii", f"derivatives/a/sub-{k}/sub-{k}_marks.csv")
            touch(tmp_path, f"derivatives/b/sub-{k}/sub-{k}_dseg.nii")
        manifest = discover(tmp_path)
        assert manifest.problems == ()
        assert all(row.marks and row.reference for row in manifest.rows)
        cases, notes = list_cases(tmp_path)
        assert len(cases) == n
        assert (
            notes
            == manifest.notes
            == (
                f"marks and reference of {'1 case' if n == 1 else '2 cases'} are of different derivatives, such as "
                "derivatives/a/sub-1/sub-1_marks.csv and derivatives/b/sub-1/sub-1_dseg.nii: are they of one reader?",
            )
        )


class TestScansThatAreMissing:
    @pytest.mark.parametrize(
        ("names", "case", "ct"),
        [
            (["B/c2/marks.json", "B/c2/labels.nii.gz"], "B__c2", "B/c2/ct.nii.gz"),
            (["c2/Labels.NII"], "c2", "c2/ct.nii.gz"),
        ],
    )  # fmt: skip
    def test_marks_or_labels_in_the_folder_of_a_case_without_its_scan_fail(self, tmp_path, names, case, ct):
        touch(tmp_path, *names)
        manifest = discover(tmp_path)
        row = manifest.rows[-1]
        assert (row.case, row.ct, manifest.notes) == (case, str(tmp_path / ct), ())
        assert len(manifest.rows) == 1
        errors = [problem.error for problem in check_rows(manifest.rows) if problem.case == case]
        assert f"{tmp_path / ct}: no such file" in errors
        with pytest.raises(CaseError, match="no such file"):
            find_cases(tmp_path)

    def test_other_marks_and_masks_without_a_scan_are_one_note(self, tmp_path):
        touch(tmp_path, "imagesTr/a_0000.nii", "labelsTr/a.nii", *(f"labelsTs/{n}.nii.gz" for n in range(12)))
        touch(tmp_path, "labelsTr/b.nii.gz", "marksTr/b.csv", "marksTr/dataset.json", "marksTr/marks.json")
        touch(tmp_path, "sub-1/anat/sub-1_T1w.nii", "sub-1/anat/sub-1_dseg.nii", "sub-9/sub-9_marks.json")
        touch(tmp_path, "derivatives/r/sub-8/sub-8_marks.csv")
        cases, notes = list_cases(tmp_path)
        assert [case.name for case in cases] == ["a"]
        assert notes == (
            "19 files of marks or masks without a scan, which are not cases: derivatives/r/sub-8/sub-8_marks.csv, "
            "labelsTr/b.nii.gz, labelsTs/0.nii.gz, labelsTs/1.nii.gz, labelsTs/10.nii.gz and 14 more",
        )
        manifest = discover(tmp_path)
        assert ([row.case for row in manifest.rows], manifest.notes) == (["imagesTr__a"], notes)

    def test_without_any_scan_the_note_is_in_the_message(self, tmp_path):
        touch(tmp_path, "sub-9/sub-9_marks.json")
        note = "1 files of marks or masks without a scan, which are not cases: sub-9/sub-9_marks.json"
        with pytest.raises(CaseError, match=f"no case to evaluate; .*; {note}"):
            list_cases(tmp_path)
        with pytest.raises(CohortError, match=f"holds no case .*; {note}"):
            discover(tmp_path)

    def test_marks_beside_a_scan_of_another_name_are_a_note(self, tmp_path):
        touch(tmp_path, "CT_1.npz", "marks.json")
        assert discover(tmp_path).notes == (
            "files of marks or labels that belong to no case: the scans next to them have other names: marks.json",
        )

    def test_scans_that_are_missing_do_not_hide_a_dicom_archive(self, tmp_path, monkeypatch):
        touch(tmp_path, "series/1.dcm", "series/marks.json")
        series = CaseFiles("", "1.2.3", tmp_path / "series", tmp_path / "sr.dcm", path_name="1.2.3")
        monkeypatch.setattr(discovery, "find_series", lambda files: ((series,), ("from the archive",)))
        manifest = discover(tmp_path)
        assert [row.case for row in manifest.rows] == ["1.2.3"]
        left_out = "1 cases of marks or labels without a scan left out: the scans are DICOM"
        assert manifest.notes == ("from the archive", left_out)


class TestNames:
    def test_letter_case_does_not_count_where_it_tells_no_scans_apart(self, tmp_path):
        touch(tmp_path, "ImagesTr/Y_0000.nii.gz", "labelsTr/y.nii.gz", "MarksTr/Y.JSON")
        touch(tmp_path, "sub-X/sub-X_CT.nii", "sub-X/SUB-x_Marks.json", "derivatives/r/sub-X/sub-x_DSEG.nii")
        (flare, bids) = discover(tmp_path).rows
        assert (flare.marks, flare.reference) == (
            str(tmp_path / "MarksTr/Y.JSON"), str(tmp_path / "labelsTr/y.nii.gz"),
        )  # fmt: skip
        assert (bids.case, Path(bids.marks).name, Path(bids.reference).name) == (
            "sub-X", "SUB-x_Marks.json", "sub-x_DSEG.nii",
        )  # fmt: skip

    def test_a_scan_never_takes_the_labels_of_one_in_other_letter_case(self, tmp_path):
        touch(tmp_path, "images/a_0000.nii", "images/A_0000.nii", "labels/a.nii")
        if len(os.listdir(tmp_path / "images")) == 1:
            pytest.skip("this file system takes A for a")
        cases, _ = find_cases_and_notes(list_files(tmp_path))
        assert {case.name: case.labels and case.labels.name for case in cases} == {"A": None, "a": "a.nii"}

    def test_marks_may_be_called_as_the_file_of_the_scan(self, tmp_path):
        touch(tmp_path, "imagesTr/L_1_0000.nii", "labelsTr/L_1_0000.nii", "marksTr/L_1_0000.json")
        ((case,), notes) = list_cases(tmp_path)
        assert (case.name, case.marks.name, case.labels.name) == ("L_1", "L_1_0000.json", "L_1_0000.nii")
        assert notes == ()

    def test_a_number_that_ends_a_name_is_no_channel(self, tmp_path):
        touch(
            tmp_path, "images/L_0000.nii", "images/L_0000_0000.nii", "marks/L_0000.json", "labels/L_0000.nii"
        )
        cases, _ = find_cases_and_notes(list_files(tmp_path))
        assert {case.name: bool(case.marks and case.labels) for case in cases} == {"L": False, "L_0000": True}


def link(path: Path) -> None:
    """Put a link that leads nowhere in place of a file."""
    path.unlink()
    path.symlink_to("nowhere")


def test_the_shared_inputs_with_dead_links(shared_data, tmp_path):
    folder = shared_data.parent / "cases" / "batch" / "cohort_dangling"
    if not folder.is_dir():
        pytest.skip("the shared inputs with dead links are not here")
    for case in folder.iterdir():
        (tmp_path / case.name).mkdir()
        for file in case.iterdir():
            (tmp_path / case.name / file.name).symlink_to(file)
    (tmp_path / "p5" / "ct.nii.gz").symlink_to("nowhere")
    manifest = discover(tmp_path)
    assert [row.case for row in manifest.rows] == ["p1", "p5"]
    (problem,) = check_rows(manifest.rows)
    assert (problem.case, problem.error.endswith("p5/ct.nii.gz: no such file")) == ("p5", True)


def test_one_name_is_not_all_that_it_holds(tmp_path):
    for name in ("src/p1", "src/p10"):
        whole_case(tmp_path, name)
    for only in ("src/p10", ["src/p10"]):
        assert [case.key for case in list_cases(tmp_path, only).cases] == ["src/p10"]
