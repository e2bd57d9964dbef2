"""One of two acquisitions of a series, chosen wherever a series can be: the second is the one that has the lesion."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lite_ensam import segment
from lite_ensam.cohort import CohortCase, check_rows, read_cohort_manifest
from lite_ensam.cohort.parameters import Parameters
from lite_ensam.cohort.task import process_case
from lite_ensam.core.errors import CaseError, StudyError, TrainingError
from lite_ensam.datasets.training_cases import read_training_list
from lite_ensam.io import read_ct, write_ct, write_marks, write_mask
from lite_ensam.reporting import read_study
from tests.phantoms import Ellipsoid, ellipsoid_case
from tests.unit.io.dicom.files import write_slice


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`ct` with two acquisitions, between each other; `marks.json` and `labels.nii.gz` for the second."""
    folder = tmp_path_factory.mktemp("acquisitions")
    case = ellipsoid_case((12, 40, 48), tumors=[Ellipsoid(1, (6, 20, 24), (12.0, 9.0, 9.0))])
    z_mm, y_mm, x_mm = case.grid.spacing_mm
    empty = np.full_like(case.ct, int(np.median(case.ct)))
    empty[:, :2] = -1000
    (folder / "ct").mkdir()
    for n, (ct, shift) in enumerate(((empty, 0.0), (case.ct, z_mm / 2)), start=1):
        for k, one in enumerate(ct):
            write_slice(
                folder / "ct" / f"{n}_{k}.dcm",
                one + 1024,
                (0.0, 0.0, k * z_mm + shift),
                row_column_mm=(y_mm, x_mm),
                intercept=-1024.0,
                BitsStored=16,
                HighBit=15,
                AcquisitionNumber=n,
                InstanceNumber=k + 1,
            )
    _, source = read_ct(folder / "ct", acquisition=2)
    assert case.reference is not None
    write_marks(folder / "marks.json", case.marks, source)
    write_mask(folder / "labels.nii.gz", case.reference, source)
    write_ct(folder / "ct.nii.gz", case.ct, case.grid)
    return folder


def volume_ml(folder: Path, acquisition: int) -> float:
    (tumor,) = segment(folder / "ct", folder / "marks.json", acquisition=acquisition)
    return tumor.volume_ml


def test_cohorts(folder: Path, tmp_path: Path) -> None:
    (folder / "m.csv").write_text(
        "case,ct,marks,acquisition\na,ct,marks.json,2\nb,ct,marks.json,2.0\nc,ct,marks.json,second\n"
        "d,ct.nii.gz,marks.json,2\n"
    )
    found = read_cohort_manifest(folder / "m.csv")
    assert [(one.row, one.error) for one in found.problems] == [
        (3, "acquisition must be a whole number, got 'second'")
    ]
    (problem,) = check_rows(found.rows)
    assert (problem.case, "series and acquisition choose from a DICOM folder" in problem.error) == ("d", True)
    (tmp_path / "cases").mkdir()
    record = process_case(found.rows[0], Parameters(), str(tmp_path))
    found_ml = record["tumors"][0]["volume_ml"]
    assert found_ml == pytest.approx(volume_ml(folder, 2), abs=0.001)
    assert found_ml != pytest.approx(volume_ml(folder, 1), abs=0.001)
    # the other acquisition is other work
    one, two = (Parameters().identity(row.series, row.acquisition) for row in found.rows[:2])
    assert one == Parameters().identity("", "2") != Parameters().identity()
    assert CohortCase("a", "ct", acquisition="2").choice == {"series_uid": None, "acquisition": 2}
    assert two != Parameters().identity()


def test_a_cohort_draws_on_the_reference_of_the_acquisition(folder: Path, tmp_path: Path) -> None:
    row = CohortCase("a", str(folder / "ct"), reference=str(folder / "labels.nii.gz"), acquisition="2")
    (tmp_path / "cases").mkdir()
    record = process_case(row, Parameters(), str(tmp_path))
    assert record["tumors"][0]["dsc"] > 0.5


def test_studies(folder: Path, tmp_path: Path) -> None:
    def study(acquisition: object) -> Path:
        scan = {"ct": str(folder / "ct"), "marks": str(folder / "marks.json"), "acquisition": acquisition}
        visits = [{"date": 0, **scan}, {"date": 56, "targets": {"1": {"diameter_mm": 10}}}]
        content = {"targets": [{"name": "1", "organ": "liver"}], "visits": visits}
        (tmp_path / "study.json").write_text(json.dumps(content))
        return tmp_path / "study.json"

    (patient,) = read_study(study(2))
    size = patient.study.time_points[0].targets["1"]
    assert size.volume_ml == pytest.approx(volume_ml(folder, 2), abs=0.001)
    assert not any("is not read" in note for note in patient.notes)
    for wrong in ("second", 1.5, True, -1):
        with pytest.raises(StudyError, match="day 0: acquisition must be a whole number"):
            read_study(study(wrong))


def test_training(folder: Path) -> None:
    table = folder / "train.csv"
    table.write_text("ct,marks,labels,acquisition\nct,marks.json,labels.nii.gz,2\n")
    (case,) = read_training_list(table).train
    np.testing.assert_array_equal(case.read().volume, read_ct(folder / "ct", acquisition=2)[0])
    table.write_text("ct,labels,acquisition\nct,labels.nii.gz,x\n")
    with pytest.raises(TrainingError, match="line 2: acquisition must be a whole number"):
        read_training_list(table)


def test_viewer(folder: Path) -> None:
    pytest.importorskip("ipywidgets")
    from lite_ensam import explore

    viewer = explore(folder / "ct", folder / "marks.json", acquisition=2, auto_segment=False).viewer
    np.testing.assert_array_equal(viewer.ct, read_ct(folder / "ct", acquisition=2)[0])


def test_a_file_has_nothing_to_choose_from(folder: Path) -> None:
    for choice in ({"acquisition": 2}, {"series_uid": "1.2.3"}):
        with pytest.raises(
            CaseError, match=rf"ct\.nii\.gz: {next(iter(choice))} chooses from a DICOM folder"
        ):
            read_ct(folder / "ct.nii.gz", **choice)
