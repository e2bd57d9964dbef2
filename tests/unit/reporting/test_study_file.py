"""Study files: sizes given, sizes out of reports, and files that make no sense."""

import json
from pathlib import Path
from typing import Any

import pytest

from lite_ensam.core.errors import CaseError, StudyError
from lite_ensam.io import write_report
from lite_ensam.reporting import read_study
from lite_ensam.response import NewLesion, Response, Target, TargetValue

LIVER = {"name": "liver 1", "organ": "liver"}


def patient(*visits: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"patient": "SECRET", "targets": [LIVER], "visits": list(visits)} | more


def visit(date: Any, mm: Any = 20, **more: Any) -> dict[str, Any]:
    return {"date": date, "targets": {"liver 1": {"diameter_mm": mm}}} | more


def write(folder: Path, content: Any) -> Path:
    path = folder / "study.json"
    path.write_text(json.dumps(content))
    return path


def test_json_gives_targets_days_and_states(tmp_path: Path) -> None:
    later = visit("2025-03-01", 12.5, non_targets="non-CR/non-PD", new_lesion="equivocal")
    (one,) = read_study(write(tmp_path, {"patients": [patient(later, visit("2025-01-04"), slice_mm=2.5)]}))
    study = one.study
    assert one.identifier == "SECRET"
    assert study.targets == (Target("liver 1", "liver"),)
    assert [point.day for point in study.time_points] == [0, 56]
    assert study.time_points[1].targets == {"liver 1": TargetValue(12.5)}
    assert study.time_points[1].non_targets is Response.NON_CR_NON_PD
    assert study.time_points[1].new_lesion is NewLesion.EQUIVOCAL
    assert study.has_non_targets
    assert study.slice_mm == 2.5


def test_csv_says_the_same_as_json(tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    path.write_text(
        "patient,date,target,organ,node,diameter_mm,volume_ml,non_targets,new_lesion\n"
        "A,2025-01-04,liver 1,liver,,20,4.2,,\n"
        "A,2025-01-04,node 1,node,yes,18,,,\n"
        "B,0,lung 1,lung,no,11,,,\n"
        "A,2025-03-01,liver 1,liver,,12.5,,CR,no\n"
        "A,2025-03-01,node 1,node,yes,,,,\n"
    )
    first, second = read_study(path)
    assert (first.identifier, second.identifier) == ("A", "B")
    assert first.study.targets == (Target("liver 1", "liver"), Target("node 1", "node", True))
    assert first.study.time_points[1].targets == {"liver 1": TargetValue(12.5), "node 1": TargetValue()}
    assert first.study.time_points[1].non_targets is Response.CR
    assert first.study.time_points[0].targets["liver 1"].volume_ml == 4.2


def test_sizes_may_come_from_reports_of_scans(tmp_path: Path) -> None:
    tumor = {"longest_diameter_mm": 30.0, "short_axis_mm": 21.0, "volume_ml": 9.0}
    sds = {"diameter_sd_mm": 1.5, "short_axis_sd_mm": 1.2, "volume_sd_ml": 0.8}
    write_report(
        tmp_path / "visit.json",
        {"tumors": [tumor | sds | {"name": "node 1"}, tumor | {"name": "", "label": 2}]},
    )
    targets = [
        {"name": "node 1", "organ": "node", "node": True},
        {"name": "2", "organ": "lung"},
    ]
    both = [{"date": day, "report": "visit.json"} for day in (0, 7)]
    (one,) = read_study(write(tmp_path, {"targets": targets, "visits": both}))
    assert one.study.baseline.targets == {
        "node 1": TargetValue(21.0, 9.0, 1.2, 0.8),
        "2": TargetValue(30.0, 9.0),
    }
    write_report(tmp_path / "other.json", {"tumors": [{"name": "2"}]})
    with pytest.raises(StudyError, match=r"other\.json: is no report of a segmented scan: a tumor has no"):
        read_study(write(tmp_path, {"targets": targets, "visits": [{"date": 0, "report": "other.json"}]}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], 'must be {"patients"'),
        ({"patients": []}, 'must be {"patients"'),
        (patient(), "patient number 1: has no visit"),
        ({"targets": [LIVER]}, "patient number 1: 'visits' is missing"),
        (patient(visit("soon")), "a date must be YYYY-MM-DD or a number of days"),
        (patient(visit(0, "wide")), "day 0, liver 1: sizes must be numbers"),
        (patient(visit(0, new_lesion="maybe")), "new_lesion one of no, equivocal, yes, got None and 'maybe'"),
        (patient({"date": 0, "targets": {"liver 1": {"mm": 3}}}), "'mm' is none of diameter_mm, volume_ml"),
        (patient({"date": 0, "targets": [3]}), "is not built as a patient must be"),
        (patient(visit(0, 3)), "longest diameter of 3 mm at baseline"),
        (patient({"date": 0, "report": "none.json"}), r"none\.json: no such file"),
    ],
)
def test_what_makes_no_sense_is_said_without_the_patients_name(
    tmp_path: Path, content: Any, message: str
) -> None:
    with pytest.raises(StudyError, match=message) as caught:
        read_study(write(tmp_path, content))
    assert "SECRET" not in str(caught.value)
    assert "study.json" in str(caught.value)


def test_files_that_are_no_study(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(CaseError, match="is not a JSON file"):
        read_study(tmp_path / "a.json")
    (tmp_path / "a.csv").write_text("patient,date\n")
    with pytest.raises(StudyError, match="target is missing"):
        read_study(tmp_path / "a.csv")
    with pytest.raises(StudyError, match=r"must be a file of type \.json or \.csv"):
        read_study(tmp_path / "a.txt")
    with pytest.raises(CaseError, match="no such file"):
        read_study(tmp_path / "none.json")
