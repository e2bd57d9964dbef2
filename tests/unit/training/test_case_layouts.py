"""Data to train on: the layouts, what is left out, and that no patient is on both sides of a split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.flare_files import write_flare_folder
from tests.phantoms import ellipsoid_case

from lite_ensam.core.errors import CaseError, TrainingError
from lite_ensam.datasets import CaseFiles
from lite_ensam.datasets.training_cases import find_training_cases, read_training_list
from lite_ensam.io import write_ct, write_marks, write_mask
from lite_ensam.training.config import TrainingConfig
from lite_ensam.training.folds import Fold
from lite_ensam.training.presets import PAPER
from lite_ensam.training.setup import RunSetup
from lite_ensam.training.validation import split_by_patient


def write_folder_case(folder: Path) -> None:
    case = ellipsoid_case()
    folder.mkdir(parents=True)
    write_ct(folder / "ct.nii.gz", case.ct, case.grid)
    write_mask(folder / "labels.nii.gz", case.reference, case.grid)
    write_marks(folder / "marks.json", case.marks, case.grid)


def named(cases: Sequence[CaseFiles]) -> list[tuple[str, str, str]]:
    return [(case.source, case.name, case.patient) for case in cases]


def test_flares_layout_names_source_and_patient(tmp_path: Path) -> None:
    root = write_flare_folder(tmp_path, n_patients=1)
    expected = [
        ("CT_Lesion", "CT_Lesion_000000_01_01_001-022", "CT_Lesion/CT_Lesion_000000"),
        ("CT_Lesion_FLARE23Ts", "CT_Lesion_FLARE23Ts_0000", "CT_Lesion_FLARE23Ts/CT_Lesion_FLARE23Ts_0000"),
    ]
    for folder in (root, root / "train_npz"):
        found = find_training_cases(folder)
        assert named(found.train) == expected
        assert found.val == ()


def test_folders_of_cases_are_read_from_train_alone(tmp_path: Path) -> None:
    write_folder_case(tmp_path / "train" / "nodules" / "59_nod7_ann0")
    write_folder_case(tmp_path / "val" / "nodules" / "60_nod1_ann0")
    assert named(find_training_cases(tmp_path).train) == [("nodules", "59_nod7_ann0", "nodules/59")]


def test_a_manifest_gives_files_source_patient_and_split(tmp_path: Path) -> None:
    write_folder_case(tmp_path / "scans" / "one")
    write_folder_case(tmp_path / "scans" / "two")
    write_flare_folder(tmp_path, n_patients=1)
    table = tmp_path / "cases.csv"
    table.write_text(
        "ct,labels,marks,source,patient,split\n"
        "scans/one/ct.nii.gz,scans/one/labels.nii.gz,scans/one/marks.json,liver,p1,train\n"
        "scans/two/ct.nii.gz,scans/two/labels.nii.gz,,liver,p2,val\n"
        "train_npz/CT_Lesion_FLARE23Ts_0000.npz,,,flare,,\n"
    )
    found = read_training_list(table)
    assert named(found.train) == [
        ("liver", "one", "p1"),
        ("flare", "CT_Lesion_FLARE23Ts_0000", "flare/CT_Lesion_FLARE23Ts_0000"),
    ]
    assert named(found.val) == [("liver", "two", "p2")]
    for case in (*found.train, *found.val):
        assert [mark.label for mark in case.read().marks] == [1, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scan,labels\na,b\n", "the columns must be ct and any of case, marks, .*got scan, labels"),
        ("ct,side\na,b\n", "got ct, side"),
        ("ct,split\nct.nii.gz,test\n", "line 2: split must be train or val, got 'test'"),
        ("ct\nnowhere.nii.gz\n", r"line 2: ct: no such file .*nowhere\.nii\.gz"),
        ("ct,source\n,liver\n", "line 2: names no ct"),
        ("ct,split\nct.nii.gz,val\n", "no row is to be trained on"),
        ("", "got none"),
    ],
)
def test_a_manifest_that_makes_no_sense_says_where(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "ct.nii.gz").touch()
    (tmp_path / "cases.csv").write_text(text)
    with pytest.raises(TrainingError, match=message):
        read_training_list(tmp_path / "cases.csv")


def test_a_file_that_is_no_list_says_what_was_expected(tmp_path: Path) -> None:
    write_folder_case(tmp_path / "one")
    with pytest.raises(CaseError, match=r"ct\.nii\.gz: is a file; expected a folder of cases, a \.csv or"):
        find_training_cases(tmp_path / "one" / "ct.nii.gz")


def test_a_manifest_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"none\.csv: no such file"):
        find_training_cases(tmp_path / "none.csv")


def test_two_scans_that_are_called_alike_are_told_apart(tmp_path: Path) -> None:
    for folder in ("p1", "p2"):
        write_folder_case(tmp_path / folder)
        (tmp_path / folder / "ct.nii.gz").rename(tmp_path / folder / "scan.nii.gz")
    table = tmp_path / "cases.csv"
    table.write_text("ct,labels\np1/scan.nii.gz,p1/labels.nii.gz\np2/scan.nii.gz,p2/labels.nii.gz\n")
    assert [case.name for case in read_training_list(table).train] == ["p1__scan", "p2__scan"]
    table.write_text("ct,labels\np1/scan.nii.gz,p1/labels.nii.gz\np1/scan.nii.gz,p1/labels.nii.gz\n")
    with pytest.raises(TrainingError, match="/p1__scan comes twice"):
        read_training_list(table)


def test_a_manifest_of_a_cohort_can_be_trained_on(tmp_path: Path) -> None:
    write_folder_case(tmp_path / "one")
    (tmp_path / "m.csv").write_text(
        "case,ct,marks,reference,patient,date,series\na,one/ct.nii.gz,,one/labels.nii.gz,p1,2026-01-02,\n"
    )
    (case,) = find_training_cases(tmp_path / "m.csv").train
    assert (case.name, case.patient, case.labels) == ("a", "p1", tmp_path / "one" / "labels.nii.gz")


class TestExclusion:
    def two_sources(self, tmp_path: Path) -> Path:
        """`a/case_1`, `a/case_2`, `b/case_1`, `b/case_2`."""
        for source in "ab":
            for name in ("case_1", "case_2"):
                write_folder_case(tmp_path / "train" / source / name)
        return tmp_path

    def test_two_sources_may_call_their_cases_alike(self, tmp_path: Path) -> None:
        data = self.two_sources(tmp_path)
        draws, _ = RunSetup(TrainingConfig(), data, tmp_path / "run").prepare()
        assert draws.counts == {"a": 4, "b": 4}  # two lesions a case
        draws, validation = RunSetup(TrainingConfig(), data, tmp_path / "run", val_share=0.5).prepare()
        assert draws.counts == {"a": 2, "b": 2}
        assert validation is not None
        assert len(validation) == 4

    @pytest.mark.parametrize("place", ["", "train"])
    def test_a_case_is_left_out_by_source_and_name(self, tmp_path: Path, place: str) -> None:
        data = self.two_sources(tmp_path)
        (data / place / "exclude.txt").write_text(
            "# loose contours\n\na/case_1  # beside the tumour\nb/none#2\n"
        )
        plan = RunSetup(TrainingConfig(), data, tmp_path / "run")
        assert [case.key for case in plan.cases.train] == ["a/case_2", "b/case_1", "b/case_2"]
        assert plan.prepare()[0].counts == {"a": 2, "b": 4}
        assert plan.notes["excluded"] == ["a/case_1"]
        (note,) = plan.cases.notes
        assert note.endswith("exclude.txt names cases that are not there: b/none#2")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("case_1\n", "line 1: expected source/case such as sts/STS_007, got 'case_1'"),
            ("\na/\n", "line 2: expected source/case"),
            ("a/case_1\na/case_2\nb/case_1\nb/case_2\n", "leaves no case to train on"),
        ],
    )
    def test_a_list_that_makes_no_sense_says_where(self, tmp_path: Path, text: str, message: str) -> None:
        data = self.two_sources(tmp_path)
        (data / "exclude.txt").write_text(text)
        with pytest.raises((CaseError, TrainingError), match=message):
            find_training_cases(data)

    def test_a_list_behind_a_dead_link_is_an_error(self, tmp_path: Path) -> None:
        data = self.two_sources(tmp_path)
        (data / "exclude.txt").symlink_to("nowhere")
        with pytest.raises(CaseError, match=r"exclude\.txt: no such file"):
            find_training_cases(data)

    def test_the_shared_list_names_cases_that_are_there(self, shared_data: Path) -> None:
        if not (shared_data / "train" / "exclude.txt").is_file():
            pytest.skip("the shared data have no train/exclude.txt")
        found = find_training_cases(shared_data)
        listed = (shared_data / "train" / "exclude.txt").read_text().split()
        assert list(found.excluded) == sorted(listed)
        assert found.notes == ()
        assert not {case.key for case in found.train} & set(listed)


def test_other_cases_are_other_banks(tmp_path: Path) -> None:
    for name in ("59_nod7", "60_nod1"):
        write_folder_case(tmp_path / "train" / "nodules" / name)
    assert RunSetup(TrainingConfig(), tmp_path, tmp_path / "run").prepare()[0].counts == {"nodules": 4}
    write_folder_case(tmp_path / "train" / "nodules" / "61_nod1")
    assert RunSetup(TrainingConfig(), tmp_path, tmp_path / "run").prepare()[0].counts == {"nodules": 6}


def cases_of(patients: dict[str, list[int]]) -> list[CaseFiles]:
    """Two cases of each patient of each source."""
    return [
        CaseFiles(source, f"{number}_{scan}", Path("ct"), patient=f"{number}")
        for source, numbers in patients.items()
        for number in numbers
        for scan in "ab"
    ]


def test_a_share_of_each_sources_patients_is_held_out() -> None:
    cases = cases_of({"a": list(range(10)), "b": list(range(20, 24)), "c": [30]})
    train, held_out = split_by_patient(cases, 0.3, seed=1)
    assert not {case.patient for case in train} & {case.patient for case in held_out}
    assert sorted(map(str, named(train + held_out))) == sorted(map(str, named(cases)))
    counts = {source: len({c.patient for c in held_out if c.source == source}) for source in "abc"}
    assert counts == {"a": 3, "b": 1, "c": 0}
    assert split_by_patient(cases, 0.3, seed=1) == (train, held_out)
    assert any(split_by_patient(cases, 0.3, seed)[1] != held_out for seed in range(2, 9))


def test_a_patient_of_two_sources_stays_on_one_side() -> None:
    cases = cases_of({"a": [1, 2, 3, 4], "b": [1, 2, 3, 4, 5]})
    for seed in range(10):
        train, held_out = split_by_patient(cases, 0.5, seed)
        assert not {case.patient for case in train} & {case.patient for case in held_out}


def test_a_share_that_holds_nothing_out_is_refused() -> None:
    with pytest.raises(TrainingError, match="above 0 and below 1, got 1"):
        split_by_patient(cases_of({"a": [1, 2]}), 1.0, 0)
    with pytest.raises(TrainingError, match="no source has two patients"):
        split_by_patient(cases_of({"a": [1], "b": [2]}), 0.5, 0)
    cubes = [
        CaseFiles("lidc_nodules", f"{number}_nod1", Path()) for number in (104, 105)
    ]  # of several patients
    with pytest.raises(TrainingError, match=r"a share of 0\.5 of the patients leaves no case to .*\(--val\)"):
        split_by_patient(cubes, 0.5, 0)


def test_a_plan_refuses_to_validate_on_whom_it_trains(tmp_path: Path) -> None:
    root = write_flare_folder(tmp_path / "a", n_patients=1)
    with pytest.raises(
        TrainingError,
        match=r"patient CT_Lesion/\S+ is to be trained on and validated on: cases CT_Lesion/\S+ and CT_Lesion/\S+\. "
        r"Leave one of the two out, in exclude\.txt",
    ):
        RunSetup(PAPER, root, tmp_path / "run", val=root).prepare()
    with pytest.raises(TrainingError, match="one of: a folder, a share, the manifest's split"):
        RunSetup(PAPER, root, tmp_path / "run", val=root, val_share=0.5).prepare()


def test_lesions_of_flare_files_become_banks_without_those_held_out(tmp_path: Path) -> None:
    root = write_flare_folder(tmp_path, n_patients=2)
    plan = RunSetup(TrainingConfig(), root, tmp_path / "run", val_share=0.5)
    draws, validation = plan.prepare()
    assert draws.counts == {"CT_Lesion": 2, "CT_Lesion_FLARE23Ts": 2}
    assert validation is not None
    assert len(validation) == 4
    held_out = plan.notes["held_out"]
    assert len(held_out) == 2
    again, _ = plan.prepare()
    assert again.fingerprint == draws.fingerprint


def test_folders_of_cases_need_no_backgrounds(tmp_path: Path) -> None:
    for name in ("59_nod7", "59_nod8", "60_nod1"):
        write_folder_case(tmp_path / "train" / "nodules" / name)
    plan = RunSetup(TrainingConfig(), tmp_path, tmp_path / "run", val_share=0.5, n_synthetic=3)
    draws, validation = plan.prepare()
    assert set(draws.counts) == {"nodules"}
    # two lesions a case; one patient of two is held out
    assert validation is not None
    assert {draws.counts["nodules"], len(validation)} == {2, 4}


def test_a_fold_holds_out_patients_by_name_and_what_may_be_theirs(tmp_path: Path) -> None:
    fold = Fold(0, 2)
    names = [f"LIDC-IDRI-{number:04d}" for number in range(1, 40)]
    held = next(name for name in names if fold.holds(name))
    kept = next(name for name in names if not fold.holds(name))
    for name in (f"{held}_n0", f"{held}_n1", f"{kept}_n0"):
        write_folder_case(tmp_path / "train" / "lidc_native" / name)
    # a cube of the patient who is held out, by its number
    write_folder_case(tmp_path / "train" / "lidc_nodules" / f"{int(held[-4:]) - 1}_nod1_ann0")
    plan = RunSetup(TrainingConfig(), tmp_path, tmp_path / "run", fold=fold)
    assert [case.name for case in plan.cases.train] == [f"{kept}_n0"]
    assert len(plan.cases.val) == 3
    val = tmp_path / "val"
    write_folder_case(val / "nodules" / "other_1")
    assert [case.name for case in replace(plan, val=val).cases.val] == ["other_1"]
    with pytest.raises(TrainingError, match="give no share"):
        _ = replace(plan, val_share=0.5).cases


def test_a_fold_that_holds_nobody_or_everybody_out_is_refused(tmp_path: Path) -> None:
    names = [f"P{number}" for number in range(4)]
    for name in names:
        write_folder_case(tmp_path / "train" / "a" / name)
    plan = RunSetup(TrainingConfig(), tmp_path, tmp_path / "run")
    empty = next(n for n in range(50) if not any(map(Fold(n, 50).holds, (f"a/{name}" for name in names))))
    with pytest.raises(
        TrainingError,
        match=rf"fold {empty}/50 of 4 patients: no case is held out; name another number, a smaller count",
    ):
        _ = replace(plan, fold=Fold(empty, 50)).cases
    held = next(n for n in range(50) if Fold(n, 50).holds("a/P0"))
    (tmp_path / "exclude.txt").write_text("a/P1\na/P2\na/P3\n")
    with pytest.raises(TrainingError, match=f"fold {held}/50 of 1 patients: no case is left to train on"):
        _ = replace(plan, fold=Fold(held, 50)).cases
    val = tmp_path / "val"
    write_folder_case(val / "nodules" / "other_1")
    assert len(replace(plan, fold=Fold(empty, 50), val=val).cases.val) == 1
