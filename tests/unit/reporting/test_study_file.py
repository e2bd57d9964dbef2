"""Study files: sizes given, sizes out of reports, and files that make no sense."""

import json
from pathlib import Path
from typing import Any

import pytest

from lite_ensam.core.errors import CaseError, StudyError
from lite_ensam.io import write_report
from lite_ensam.reporting import Patient, read_study
from lite_ensam.response import NewLesion, Response, Target, TargetValue, respond

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
    with pytest.raises(
        StudyError, match=r"not in a report of a segmented scan: the tumour has no 'longest_diam"
    ):
        read_study(write(tmp_path, {"targets": targets, "visits": [{"date": 0, "report": "other.json"}]}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], 'must be {"patients"'),
        ({"patients": []}, 'must be {"patients"'),
        (patient(), "patient number 1: has no visit"),
        ({"targets": [LIVER]}, "patient number 1: 'visits' is missing"),
        (patient(visit("soon")), "visit number 1: a date must be YYYY-MM-DD, YYYYMMDD or a whole number"),
        (patient(visit(0, "wide")), "day 0, liver 1, diameter_mm: sizes must be numbers"),
        (
            patient(visit(0, new_lesion="maybe")),
            "day 0: new_lesion must be one of no, equivocal, yes, got 'maybe'",
        ),
        (
            patient({"date": 0, "targets": {"liver 1": {"mm": 3}}}),
            "'mm' is not a size; sizes are diameter_mm, volume_ml",
        ),
        (patient({"date": 0, "targets": [3]}), "does not have the structure of a patient"),
        (
            patient({"date": 0, "targets": {"liver 1": 30}}),
            'must be numbers, as in {"diameter_mm": 31}, got 30',
        ),
        ({"targets": {"liver 1": LIVER}, "visits": []}, "does not have the structure of a patient"),
        ({"targets": [LIVER], "visits": ["0"]}, "does not have the structure of a patient"),
        (patient(visit(0), visit(56), visit("56")), "visits number 2 and 3 are on one day"),
        (patient(visit(0), slice_mm=True), "slice_mm: sizes must be numbers"),
        (
            patient(visit(0), targets=[LIVER | {"name": None}]),
            "the name of a target must be a text, got None",
        ),
        (patient(visit(0), targets=[LIVER | {"organ": " "}]), "the organ of 'liver 1' must be a text"),
        (patient(visit(0), targets=[LIVER, LIVER | {"name": "Liver  1"}]), "'liver 1' comes more than once"),
        (
            patient(visit(0), {"date": 9, "targets": {"liver 1": {}, "Liver 1": {}}}),
            "'liver 1' has sizes twice",
        ),
        (patient(visit(0), {"date": 9, "report": "a.json", "ct": "a.nii"}), "a report or a ct, not both"),
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


def overall(patient: Patient) -> str:
    return " ".join(one.overall for one in respond(patient.study))


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("no", "PR"),
        ("No ", "PR"),
        (False, "PR"),
        (0, "PR"),
        (None, "PR"),
        ("yes", "CR"),
        ("JA", "CR"),
        (1, "CR"),
    ],
)
def test_words_for_yes_and_no_mean_what_they_say(tmp_path: Path, node: Any, expected: str) -> None:
    """A lesion that shrinks to 8 mm is a partial response, a node of 8 mm is normal."""
    content = patient(visit(0, 50), visit(56, 8), targets=[LIVER | {"node": node}])
    assert overall(*read_study(write(tmp_path, content))) == expected


@pytest.mark.parametrize(
    ("non_targets", "expected"), [("no", "CR"), (False, "CR"), ("yes", "PR"), (None, "CR")]
)
def test_a_study_without_non_targets_may_say_so_in_words(
    tmp_path: Path, non_targets: Any, expected: str
) -> None:
    content = patient(visit(0), visit(56, 0), non_targets=non_targets)
    assert overall(*read_study(write(tmp_path, content))) == expected


@pytest.mark.parametrize("word", ["perhaps", 2, [], ["bone"], {}, "noo", 0.5])
def test_other_words_for_yes_and_no_are_refused(tmp_path: Path, word: Any) -> None:
    with pytest.raises(StudyError, match="non_targets must be yes or no"):
        read_study(write(tmp_path, patient(visit(0), non_targets=word)))
    with pytest.raises(StudyError, match="node must be yes or no"):
        read_study(write(tmp_path, patient(visit(0), targets=[LIVER | {"node": word}])))
    with pytest.raises(StudyError, match="new_lesion must be one of no, equivocal, yes"):
        read_study(write(tmp_path, patient(visit(0), visit(56, new_lesion=word))))


@pytest.mark.parametrize("word", [True, "YES", "y", 1, "oui"])
def test_a_new_lesion_may_be_said_in_any_word_for_yes(tmp_path: Path, word: Any) -> None:
    assert overall(*read_study(write(tmp_path, patient(visit(0), visit(56, new_lesion=word))))) == "PD"


@pytest.mark.parametrize(
    ("dates", "days"),
    [
        (["20250131", "20250228", "20250301"], [0, 28, 29]),
        ([20241220, 20250103, 20250110.0], [0, 14, 21]),
        (["2025-01-31", "20250228", "2025/3/1"], [0, 28, 29]),
        (["2025-01-31 09:30:00", "2025-02-28T23:59:59Z", "2025.03.01"], [0, 28, 29]),
        ([0, "28", 29.0], [0, 28, 29]),
        (["-14", 1, "42.0"], [0, 15, 56]),
    ],
)
def test_dates_are_days_apart(tmp_path: Path, dates: list[Any], days: list[int]) -> None:
    (one,) = read_study(write(tmp_path, patient(*map(visit, dates))))
    assert [point.day for point in one.study.time_points] == days


@pytest.mark.parametrize(
    ("dates", "message"),
    [
        ([0, "2025-03-28"], "visits have both dates and day numbers"),
        (["20250131", 56], "visits have both dates and day numbers"),
        (["2025-01-31", "9999-12-31"], "more than 50 years apart"),
        (["1900-01-01", "2025-01-31"], "more than 50 years apart"),
        ([2024, 2025], "between 1900 and 2100 look like years"),
        (["2025-02-30"], "does not exist in the calendar"),
        ([20251301], "does not exist in the calendar"),
        *[
            ([0, bad], "visit number 2: a date must be YYYY-MM-DD, YYYYMMDD or a whole number of days")
            for bad in (
                0.9, "56.5", "1e2", "5_6", float("inf"), float("-inf"), float("nan"), "inf", 10**400, 250131,
                True, None, "", [], "31.01.2025", "01/31/2025", "31-Jan-2025", "2025-01", "2025-01/31",
            )
        ],
    ],
)  # fmt: skip
def test_dates_that_may_mean_two_things_are_refused_and_not_repeated(
    tmp_path: Path, dates: list[Any], message: str
) -> None:
    with pytest.raises(StudyError, match=message) as caught:
        read_study(write(tmp_path, patient(*map(visit, dates))))
    assert not any(str(one) in str(caught.value) for one in dates if isinstance(one, str) and len(one) > 4)


@pytest.mark.parametrize(
    "size",
    [True, False, -1, float("nan"), float("inf"), "inf", "nan", 10**400, [3], {}, "3_0", "30 mm", "<5"],
)
def test_what_is_not_a_size_is_refused(tmp_path: Path, size: Any) -> None:
    for name in ("diameter_mm", "volume_ml", "diameter_sd_mm"):
        content = patient(visit(0), {"date": 56, "targets": {"liver 1": {"diameter_mm": 9} | {name: size}}})
        with pytest.raises(StudyError, match=f"day 56, liver 1, {name}: sizes must be numbers of 0 or more"):
            read_study(write(tmp_path, content))


@pytest.mark.parametrize(("mm", "ml"), [(0, 3.2), (3.0, 0), ("too small", 0), ("gone", 0.5)])
def test_a_lesion_is_not_gone_and_seen_at_once(tmp_path: Path, mm: Any, ml: float) -> None:
    later = {"date": 56, "targets": {"liver 1": {"diameter_mm": mm, "volume_ml": ml}}}
    with pytest.raises(StudyError, match=r"day 56, liver 1: .* contradict each other"):
        read_study(write(tmp_path, patient(visit(0), later)))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("too small", TargetValue(5.0)),
        ("Too small to measure", TargetValue(5.0)),
        ("gone", TargetValue(0.0, 0.0)),
        (0, TargetValue(0.0, 0.0)),
        ("not evaluable", TargetValue()),
        ("NE", TargetValue()),
        (None, TargetValue()),
        (" 12.5 ", TargetValue(12.5)),
    ],
)
def test_sizes_in_words(tmp_path: Path, size: Any, expected: TargetValue) -> None:
    (one,) = read_study(write(tmp_path, patient(visit(0), visit(56, size))))
    assert one.study.time_points[1].targets == {"liver 1": expected}


@pytest.mark.parametrize(
    ("days", "message"),
    [
        ((-28, -3, 53), "days -28 and -3 are both before treatment .* leave out the earlier one"),
        ((53, 0, -3), "days -3 and 0 are both before treatment"),
        ((-28, -28, -3), "visits number 1 and 2 are on one day"),
    ],
)
def test_baseline_is_the_last_scan_before_treatment(tmp_path: Path, days: list[int], message: str) -> None:
    """Section 3.2.1: as close as possible to the start of treatment."""
    with pytest.raises(StudyError, match=message):
        read_study(write(tmp_path, patient(*map(visit, days))))


@pytest.mark.parametrize(("days", "first"), [((-3, 53), -3), ((1, 57), 1), ((0, 56), None)])
def test_days_that_are_counted_from_another_one_are_told(
    tmp_path: Path, days: list[int], first: int | None
) -> None:
    (one,) = read_study(write(tmp_path, patient(*map(visit, days))))
    assert [point.day for point in one.study.time_points] == [0, 56]
    told = (f"the first visit, on day {first}, is baseline: days are counted from it",)
    assert one.notes == (told if first is not None else ())


def test_of_dates_the_first_is_baseline(tmp_path: Path) -> None:
    (one,) = read_study(write(tmp_path, patient(*map(visit, ("2025-01-01", "2025-01-26", "2025-03-23")))))
    assert ([point.day for point in one.study.time_points], one.notes) == ([0, 25, 81], ())


def test_lesions_that_split_or_merged_can_be_said(tmp_path: Path) -> None:
    two = [LIVER, {"name": "liver 2", "organ": "liver"}]
    sizes = [
        {"liver 1": {"diameter_mm": 40}, "liver 2": {"diameter_mm": 20}},
        {"liver 1": [{"diameter_mm": 20}, {"diameter_mm": 15}], "liver 2": {"diameter_mm": "too small"}},
        {"liver 1": {"diameter_mm": 50}, "liver 2": {"merged_into": "Liver 1"}},
    ]
    visits = [{"date": 56 * n, "targets": one} for n, one in enumerate(sizes)]
    (one,) = read_study(write(tmp_path, patient(*visits, targets=two)))
    judged = respond(one.study)
    assert [(point.sum, str(point.overall)) for point in judged] == [(40.0, "PR"), (50.0, "PD")]
    assert "day 56, liver 1: 2 fragments are added up, 20 + 15 = 35 mm" in one.notes[0]
    assert "day 112, liver 2: has merged into liver 1" in one.notes[1]


def test_a_fragment_that_was_not_measured_is_told_and_hides_no_pd(tmp_path: Path) -> None:
    later = {"date": 56, "targets": {"liver 1": [{"diameter_mm": 40}, {"diameter_mm": None}]}}
    (one,) = read_study(write(tmp_path, patient(visit(0, 30), later)))
    assert [found.overall for found in respond(one.study)] == ["PD"]
    assert one.notes == (
        "day 56, liver 1: a fragment was not measured, so the lesion is at least 40 mm: not evaluable, unless that "
        "alone already makes it PD (RECIST 1.1, 4.4.2)",
    )


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (
            {"liver 1b": {"diameter_mm": 15}},
            "'liver 1b' is not a target of this study; the fragments .* list",
        ),
        ({"liver 1": []}, "a list of fragments must hold one at least"),
        ({"liver 1": [{"diameter_mm": 15}, 3]}, "liver 1: sizes must be numbers"),
        (
            {"liver 1": {"merged_into": "bone"}},
            r"merged_into must be another target \(liver 1, node 1\), got 'bone'",
        ),
        ({"liver 1": {"merged_into": "node 1"}}, "of a node the short axis counts"),
        ({"liver 1": {"merged_into": "node 1", "diameter_mm": 3}}, "has no size of its own"),
        ({"node 1": [{"diameter_mm": 9}, {"diameter_mm": 8}]}, "sizes of a lymph node are not added up"),
        ({"liver 1": {"tumors": ["a"]}}, "the visit has neither"),
    ],
)
def test_splits_and_merges_that_make_no_sense_are_refused(
    tmp_path: Path, targets: dict[str, Any], message: str
) -> None:
    node = {"name": "node 1", "organ": "axilla", "node": True}
    first = {"date": 0, "targets": {"liver 1": {"diameter_mm": 30}, "node 1": {"diameter_mm": 20}}}
    with pytest.raises(StudyError, match=f"day 56.*{message}"):
        read_study(write(tmp_path, patient(first, {"date": 56, "targets": targets}, targets=[LIVER, node])))
    halves = {"date": 0, "targets": {"liver 1": [{"diameter_mm": 15}, {"diameter_mm": 16}]}}
    with pytest.raises(StudyError, match="day 0, liver 1: the sizes at baseline are not added up"):
        read_study(write(tmp_path, patient(halves)))


def test_one_patient_has_one_entry_whatever_the_spelling(tmp_path: Path) -> None:
    twice = [patient(visit(0), visit(56)), patient(visit(0), visit(112)) | {"patient": " secret"}]
    with pytest.raises(StudyError, match="patients number 1 and 2 have one identifier") as caught:
        read_study(write(tmp_path, {"patients": twice}))
    assert "secret" not in str(caught.value).lower()
    nameless = [one | {"patient": ""} for one in twice]
    assert len(read_study(write(tmp_path, {"patients": nameless}))) == 2


def test_what_is_doubtful_in_a_file_is_noted(tmp_path: Path) -> None:
    two = [LIVER, {"name": "n", "organ": "Lymph node"}]
    first = {"date": 0, "targets": {"liver 1": {"diameter_mm": 30}, "n": {"diameter_mm": 20}}}
    later = {"date": 56, "targets": {"N": {"diameter_mm": 20}}, "new_lesion_s": True}
    content = {
        "patients": [patient(first, later, targets=two), patient(visit(0)) | {"patient": "B"}],
        "about": 3,
    }
    one, other = read_study(write(tmp_path, content))
    assert overall(one) == "NE"
    assert one.notes == (
        "'about' beside the patients is not read",
        "n lies in 'Lymph node' but node is not said: its longest diameter counts, not its short axis",
        "day 56: 'new_lesion_s' is not read",
        "day 56: nothing is said of liver 1; the study file has no size. Not evaluable; if the lesion is gone, give "
        "it a diameter_mm of 0",
    )
    assert other.notes == ("a single visit is given: a response needs at least two",)
