"""Who is held out is decided by the patient, whatever source the case is in."""

from __future__ import annotations

from pathlib import Path

import pytest

from lite_ensam.core.errors import TrainingError
from lite_ensam.datasets import CaseFiles
from lite_ensam.training.folds import Fold, lidc_patients, patients_of


def case(source: str, name: str) -> CaseFiles:
    return CaseFiles(source, name, Path("ct.nii.gz"), patient=f"{source}/{name}")


def test_every_patient_is_in_one_fold_and_folds_are_alike_in_size() -> None:
    patients = [f"LIDC-IDRI-{number:04d}" for number in range(1000)]
    sizes = []
    for number in range(5):
        held = [patient for patient in patients if Fold(number, 5).holds(patient)]
        sizes.append(len(held))
    assert sum(sizes) == 1000
    assert min(sizes) > 160


@pytest.mark.parametrize("parts", [(5, 5), (-1, 5), (0, 1)])
def test_a_fold_that_is_none_is_refused(parts: tuple[int, int]) -> None:
    with pytest.raises(TrainingError, match="a fold must be NUMBER/COUNT"):
        Fold(*parts)


@pytest.mark.parametrize(("cube", "patient"), [(0, "0001"), (59, "0060"), (103, "0114"), (447, "0530")])
def test_cubes_whose_patient_is_known(cube: int, patient: str) -> None:
    assert f"LIDC-IDRI-{patient}" in lidc_patients(cube)
    if cube <= 80:
        assert len(lidc_patients(cube)) == 1


def test_between_known_pairs_the_patient_may_be_one_of_several() -> None:
    assert lidc_patients(104)[0] == "LIDC-IDRI-0115", "at least as far on as the cube"
    assert lidc_patients(146)[-1] == "LIDC-IDRI-0168", "and not beyond the next known one"
    assert 5 < len(lidc_patients(125)) < 30


def test_nodules_and_cubes_of_one_patient_are_held_out_together() -> None:
    native, other = (case("lidc_native", f"LIDC-IDRI-0010_n{n}") for n in range(2))
    assert patients_of(native) == patients_of(other) == ("LIDC-IDRI-0010",)
    assert patients_of(case("lidc_nodules", "9_nod2_ann0")) == ("LIDC-IDRI-0010",)
    assert patients_of(case("sts", "STS_003")) == ("sts/STS_003",)
