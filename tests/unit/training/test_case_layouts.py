"""Data to train on: the three layouts, and that no patient is on both sides of a split."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.flare_files import write_flare_folder
from tests.phantoms import ellipsoid_case

from lite_ensam.core.errors import CaseError, TrainingError
from lite_ensam.datasets import CaseFiles
from lite_ensam.datasets.case_layouts import find_training_cases, read_training_list
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


def named(cases: list[CaseFiles]) -> list[tuple[str, str, str]]:
    return [(case.source, case.name, case.patient) for case in cases]


def test_flares_layout_names_source_and_patient(tmp_path: Path) -> None:
    root = write_flare_folder(tmp_path, n_patients=1)
    expected = [
        ("CT_Lesion", "CT_Lesion_000000_01_01_001-022", "CT_Lesion/CT_Lesion_000000"),
        ("CT_Lesion_FLARE23Ts", "CT_Lesion_FLARE23Ts_0000", "CT_Lesion_FLARE23Ts/CT_Lesion_FLARE23Ts_0000"),
    ]
    for folder in (root, root / "train_npz"):
        train, held_out = find_training_cases(folder)
        assert named(train) == expected
        assert held_out == []


def test_folders_of_cases_are_read_from_train_alone(tmp_path: Path) -> None:
    write_folder_case(tmp_path / "train" / "nodules" / "59_nod7_ann0")
    write_folder_case(tmp_path / "val" / "nodules" / "60_nod1_ann0")
    train, _ = find_training_cases(tmp_path)
    assert named(train) == [("nodules", "59_nod7_ann0", "nodules/59")]


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
    train, held_out = read_training_list(table)
    assert named(train) == [
        ("liver", "one", "p1"),
        ("flare", "CT_Lesion_FLARE23Ts_0000", "flare/CT_Lesion_FLARE23Ts_0000"),
    ]
    assert named(held_out) == [("liver", "two", "p2")]
    for case in (*train, *held_out):
        assert [mark.label for mark in case.read().marks] == [1, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scan,labels\na,b\n", "the columns must be ct and any of labels, marks.*got scan, labels"),
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


def test_a_manifest_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"none\.csv: cannot be read"):
        find_training_cases(tmp_path / "none.csv")


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


def test_a_plan_refuses_to_validate_on_whom_it_trains(tmp_path: Path) -> None:
    root = write_flare_folder(tmp_path / "a", n_patients=1)
    with pytest.raises(TrainingError, match=r"patient CT_Lesion/\S+ is to be trained on and validated on"):
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
    train, held_out = plan.split()
    assert [case.name for case in train] == [f"{kept}_n0"]
    assert len(held_out) == 3
    val = tmp_path / "val"
    write_folder_case(val / "nodules" / "other_1")
    _, looked_at = replace(plan, val=val).split()
    assert [case.name for case in looked_at] == ["other_1"]
    with pytest.raises(TrainingError, match="give no share"):
        replace(plan, val_share=0.5).split()
