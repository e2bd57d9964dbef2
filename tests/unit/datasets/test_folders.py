"""What should have been a case is one, or a failure with a sentence: links, letter case, damage, what macOS leaves."""

import os
from pathlib import Path

import numpy as np
import pytest

from lite_ensam.cohort import check_rows, discover
from lite_ensam.core.errors import CaseError
from lite_ensam.datasets import find_cases
from lite_ensam.datasets.folders import list_cases


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
