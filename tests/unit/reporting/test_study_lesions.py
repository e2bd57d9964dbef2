"""Non-targets and new lesions one by one, readers, reasons and dates; the schema and the example that ship."""

import json
from pathlib import Path
from typing import Any

import pytest

from lite_ensam.core.errors import StudyError
from lite_ensam.io import write_report
from lite_ensam.reporting import (
    Patient,
    read_study,
    study_schema,
    write_example_study,
)
from lite_ensam.reporting.study_file import LESION_KEYS, PATIENT_KEYS, STUDY_KEYS, VISIT_KEYS
from lite_ensam.reporting.study_lesions import NEW_LESION_KEYS, NON_TARGET_KEYS
from lite_ensam.reporting.study_values import DETAILS, SIZES
from lite_ensam.response import (
    LesionState,
    NewLesion,
    NewLesionFinding,
    NonTargetFinding,
    Reading,
    Response,
    Target,
    respond,
    respond_immune,
)

EXAMPLE = Path("python/lite_ensam/reporting/example/study.json")
EFFUSION, NODE = (
    {"name": "effusion", "organ": "pleura"},
    {"name": "node", "organ": "lymph node", "node": True},
)


def read(folder: Path, *later: dict[str, Any], **more: Any) -> Patient:
    """A target of 30 mm, two non-targets, and visits every 56 days in which the target stays 30 mm."""
    visits = [
        {"date": 56 * n, "targets": {"t": {"diameter_mm": 30}}} | one for n, one in enumerate(({}, *later))
    ]
    content = {
        "targets": [{"name": "t", "organ": "liver"}],
        "non_target_lesions": [EFFUSION, NODE],
        "visits": visits,
    }
    path = folder / "study.json"
    path.write_text(json.dumps(content | more))
    (one,) = read_study(path)
    return one


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({"effusion": "present", "node": "absent"}, Response.NON_CR_NON_PD),
        ({"effusion": "gone", "NODE": "disappeared"}, Response.CR),
        ({"effusion": "absent"}, Response.NE),
        ({"effusion": "absent", "node": "not evaluable"}, Response.NE),
        ({"effusion": "unequivocal progression"}, Response.PD),
        ({"effusion": {"state": "present", "larger": True}, "node": "stable"}, Response.NON_CR_NON_PD),
        ({"effusion": "absent", "node": {"diameter_mm": 12}}, Response.NON_CR_NON_PD),
        ({"effusion": "absent", "node": {"diameter_mm": "gone"}}, Response.CR),
        ({"effusion": "absent", "node": {"diameter_mm": 8}}, Response.CR),
        ({"effusion": "absent", "node": {"short_axis_mm": 8}}, Response.CR),
        ({"effusion": "absent", "node": {"state": "absent", "diameter_mm": 8}}, Response.CR),
        ({"effusion": "absent", "node": {"diameter_mm": 10}}, Response.NON_CR_NON_PD),
        ({"effusion": {"diameter_mm": 8}, "node": {"diameter_mm": 8}}, Response.NON_CR_NON_PD),
        ({"effusion": {"reason": "not in the scan"}, "node": "absent"}, Response.NE),
    ],
)
def test_listed_non_targets_say_the_response_of_all(
    tmp_path: Path, states: dict[str, Any], expected: Response
) -> None:
    one = read(tmp_path, {"non_target_lesions": states})
    assert respond(one.study)[0].non_target is expected


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ([12, {"diameter_mm": 8}, {"diameter_mm": 11}], "CR PR"),
        ([12, {"diameter_mm": 8}, "unequivocal progression"], "CR PD"),
        ([12, {"diameter_mm": 8}, {"diameter_mm": 9}], "CR CR"),
        ([12, "absent", {"diameter_mm": 11}], "CR PD"),
        ([12, {"diameter_mm": 8}, "absent", {"diameter_mm": 11}], "CR CR PD"),
        ([12, {"diameter_mm": 8}, "not evaluable", {"diameter_mm": 11}], "CR PR PR"),
        ([12, "absent", {"diameter_mm": 11}, {"diameter_mm": 11}], "CR PD PD"),
    ],
)
def test_a_non_target_node_below_10_mm_is_normal_and_never_was_gone(
    tmp_path: Path, node: list[Any], expected: str
) -> None:
    """Section 4.3.3: all lymph nodes must be below 10 mm; table 3, note a, is on disease that is seen again."""
    first, *later = node
    visits = [
        {
            "date": 0,
            "targets": {"t": {"diameter_mm": 30}},
            "non_target_lesions": {"node": {"diameter_mm": first}},
        }
    ]
    visits += [
        {"date": 56 * n, "targets": {"t": {"diameter_mm": 0}}, "non_target_lesions": {"node": one}}
        for n, one in enumerate(later, start=1)
    ]
    one = read(tmp_path, non_target_lesions=[NODE], visits=visits)
    assert " ".join(visit.overall for visit in respond(one.study)) == expected


def test_a_new_node_below_10_mm_is_normal_and_told(tmp_path: Path) -> None:
    new = {"name": "n", "organ": "axilla", "node": True}
    visits = [{"new_lesions": [new | {"diameter_mm": mm}]} for mm in (7, 10)]
    one = read(tmp_path, *visits, non_target_lesions=[])
    assert [visit.overall for visit in respond(one.study)] == ["SD", "PD"]
    assert one.notes == (
        "day 56, n: a lymph node of 7 mm is normal and does not count as a new lesion (RECIST 1.1, 3.1.1: from 10 mm "
        "in the short axis)",
    )
    lung = {"new_lesions": [new | {"diameter_mm": 7, "node": False}]}
    assert respond(read(tmp_path, lung, non_target_lesions=[]).study)[0].overall is Response.PD


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ({"node": {"diameter_mm": 8}}, "'node' is a lymph node below 10 mm in the short axis at baseline"),
        ({"effusion": "absent"}, "non-target 'effusion' is absent at baseline"),
        ({"effusion": "PD"}, "non-target 'effusion' is unequivocal progression at baseline"),
    ],
)
def test_non_targets_of_baseline_are_disease(tmp_path: Path, states: dict[str, Any], message: str) -> None:
    baseline = {"date": 0, "targets": {"t": {"diameter_mm": 30}}, "non_target_lesions": states}
    with pytest.raises(StudyError, match=message):
        read(tmp_path, visits=[baseline])


@pytest.mark.parametrize("word", ["CR", "PD"])
def test_non_targets_have_no_response_at_baseline(tmp_path: Path, word: str) -> None:
    baseline = {"date": 0, "targets": {"t": {"diameter_mm": 30}}, "non_targets": word}
    with pytest.raises(
        StudyError, match=f"non-targets are {word} at baseline: a response needs a later visit"
    ):
        read(tmp_path, visits=[baseline])


def test_a_lesion_with_a_reason_that_is_evaluated_all_the_same_is_asked_about(tmp_path: Path) -> None:
    resected = {"diameter_mm": 0, "reason": "resected"}
    states = {"effusion": {"state": "absent", "reason": "drained"}, "node": {"reason": "motion"}}
    one = read(tmp_path, {"targets": {"t": resected}, "non_target_lesions": states})
    assert [note.partition(";")[0] for note in one.notes] == [
        "day 56, t: has a size and a reason for not being evaluable",
        "day 56, effusion: has a state and a reason for not being evaluable",
    ]


def test_non_targets_that_a_visit_forgets_are_told(tmp_path: Path) -> None:
    states = {"effusion": "present", "node": "present"}
    one = read(
        tmp_path,
        {"non_target_lesions": states},
        {"non_target_lesions": {"node": "absent"}},
        {"non_targets": "PD"},
    )
    assert [note.partition(", ")[0] for note in one.notes] == ["day 112: effusion has no state"]
    one = read(tmp_path, {"non_targets": "non-CR/non-PD"}, {}, non_target_lesions=[])
    assert [note.partition(", ")[0] for note in one.notes] == ["day 112: the non-targets have no state"]


def test_what_the_reader_says_of_all_non_targets_counts(tmp_path: Path) -> None:
    """Section 4.3.3: unequivocal progression is a matter of the overall burden."""
    states = {"effusion": "present", "node": "present"}
    one = read(tmp_path, {"non_target_lesions": states, "non_targets": "PD"})
    assert respond(one.study)[0].overall is Response.PD


def test_new_lesions_are_listed_with_size_and_doubt(tmp_path: Path) -> None:
    first = {"name": "new 1", "organ": "lung", "site": "left", "diameter_mm": 12, "equivocal": "yes"}
    second = {"name": "new 1", "organ": "lung", "diameter_mm": 13, "reader": "r", "larger": 1}
    one = read(tmp_path, {"new_lesions": [first]}, {"new_lesions": [second]}, {"new_lesions": []})
    doubtful, sure, none = one.study.follow_up
    assert [visit.new_lesion for visit in one.study.follow_up] == [
        NewLesion.EQUIVOCAL,
        NewLesion.YES,
        NewLesion.NO,
    ]
    assert doubtful.new_lesions["new 1"] == NewLesionFinding(
        "lung", "left", is_certain=False, diameter_mm=12.0
    )
    assert sure.new_lesions["new 1"].reading == Reading(reader="r")
    assert (sure.new_lesions["new 1"].larger, none.new_lesions) == (True, {})
    assert [visit.overall for visit in respond(one.study)][:2] == [Response.PD, Response.PD]


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        ({"targets": {"t": None}}, ["PD", "NE", "PD"]),
        ({"new_lesions": [{"name": "n", "organ": "lung", "state": "not evaluable"}]}, ["PD", "SD", "PD"]),
        ({"targets": {"t": None}, "new_lesion": "no"}, ["SD", "NE", "PD"]),
        ({"targets": {"t": None}, "new_lesions": []}, ["SD", "NE", "PD"]),
        ({}, ["SD", "SD", "PD"]),
    ],
)
def test_a_visit_that_could_not_be_evaluated_keeps_the_first_date(
    tmp_path: Path, between: dict[str, Any], expected: list[str]
) -> None:
    new = {"name": "n", "organ": "lung", "diameter_mm": 12}
    listed = ({"new_lesions": [new | {"equivocal": True}]}, between, {"new_lesions": [new]})
    assert [one.overall for one in respond(read(tmp_path, *listed, non_target_lesions=[]).study)] == expected


def test_a_new_lesion_that_is_gone_is_not_there(tmp_path: Path) -> None:
    gone = {"name": "new 1", "organ": "lung", "diameter_mm": "gone"}
    one = read(tmp_path, {"new_lesions": [gone]})
    assert one.study.follow_up[0].new_lesion is NewLesion.NO


def test_readers_reasons_dates_and_details_are_kept(tmp_path: Path) -> None:
    sizes = {"diameter_mm": None, "reason": "motion", "reader": "r2"}
    first = {"diameter_mm": 30, "short_axis_mm": 21, "mean_hu": -40.5, "reader": "r1"}
    path = tmp_path / "study.json"
    visits = [
        {"date": "2031-01-06", "targets": {"t": first}},
        {"date": "20310303", "targets": {"t": sizes}, "modality": "MR", "reader": "r"},
    ]
    path.write_text(
        json.dumps({"targets": [{"name": "t", "organ": "liver", "site": "VI"}], "visits": visits})
    )
    (patient,) = read_study(path)
    baseline, later = patient.study.time_points
    assert patient.study.targets == (Target("t", "liver", site="VI"),)
    assert baseline.targets["t"].reading == Reading("r1", None, 21.0, -40.5)
    assert later.targets["t"].reading == Reading("r2", reason="motion")
    assert (baseline.imaging.date, later.imaging.date) == ("2031-01-06", "2031-03-03")
    assert (later.imaging.modality, later.imaging.reader) == ("MR", "r")


@pytest.mark.parametrize(
    ("visit", "message"),
    [
        ({"non_target_lesions": {"ascites": "present"}}, "'ascites' is not a non-target of this study"),
        ({"non_target_lesions": {"effusion": "bigger"}}, "day 56, effusion: state must be one of present"),
        ({"non_target_lesions": {"effusion": {"larger": 1}}}, "day 56, effusion: state is missing"),
        ({"non_target_lesions": {"effusion": {"size": 1}}}, "'size' is not understood"),
        ({"non_target_lesions": ["effusion"]}, "must be states by name"),
        (
            {"non_target_lesions": {"node": {"state": "absent", "larger": 1}}},
            "that is absent cannot be larger",
        ),
        (
            {"non_target_lesions": {"node": {"state": "absent", "diameter_mm": 12}}},
            "absent and 12 mm contradict",
        ),
        (
            {"non_target_lesions": {"node": {"state": "present", "diameter_mm": 8}}},
            "present and 8 mm contradict each other: .* a lymph node below 10 mm is normal",
        ),
        (
            {"non_target_lesions": {"node": {"state": "NE", "diameter_mm": 8}}},
            "not evaluable and 8 mm contradict",
        ),
        (
            {"non_target_lesions": {"node": {"diameter_mm": 18, "short_axis_mm": 12}}},
            "day 56, node: diameter_mm 18 and short_axis_mm 12 contradict .* lymph node is its short axis",
        ),
        (
            {"new_lesions": [{"name": "n", "organ": "x", "diameter_mm": 9, "short_axis_mm": 12}]},
            "day 56, n: the short axis of 12 mm is longer than the longest diameter of 9 mm",
        ),
        (
            {"targets": {"t": {"diameter_mm": 30, "longest_diameter_mm": 50}}},
            "day 56, t: diameter_mm 30 and longest_diameter_mm 50 contradict",
        ),
        (
            {"targets": {"t": {"diameter_mm": 30, "short_axis_mm": 40}}},
            "day 56, t: the short axis of 40 mm is longer than the longest diameter of 30 mm",
        ),
        ({"non_target_lesions": {"Node": "absent", "node": "present"}}, "'node' comes twice"),
        (
            {"non_target_lesions": {"node": "present"}, "non_targets": "CR"},
            "are CR, but 'node' is still seen",
        ),
        (
            {"non_target_lesions": {"effusion": "absent", "node": "absent"}, "non_targets": "PD"},
            "non-targets are PD, but each that is listed is absent",
        ),
        (
            {
                "non_target_lesions": {"effusion": "absent", "node": {"diameter_mm": 8}},
                "non_targets": "non-CR/non-PD",
            },
            "non-targets are non-CR/non-PD, but each that is listed is absent",
        ),
        (
            {"non_target_lesions": {"effusion": "absent", "node": "absent"}, "non_targets_larger": True},
            "non-targets are larger, but each that is listed is absent",
        ),
        ({"non_targets": "CR", "non_targets_larger": True}, "non-targets that are CR cannot be larger"),
        ({"new_lesions": True}, "new_lesions must be a list"),
        ({"new_lesions": [{"organ": "lung"}]}, "the name of a new lesion must be a text"),
        ({"new_lesions": [{"name": "n"}]}, "the organ of 'n' must be a text"),
        ({"new_lesions": [{"name": "t", "organ": "lung"}]}, "'t' names two lesions"),
        ({"new_lesions": [{"name": "n", "organ": "x"}, {"name": "N", "organ": "y"}]}, "'n' comes twice"),
        (
            {"new_lesions": [{"name": "n", "organ": "x"}], "new_lesion": "no"},
            "new_lesion is no, but new_lesions",
        ),
        ({"new_lesions": [{"name": "n", "organ": "x"}], "new_lesion": "equivocal"}, "listed say yes"),
        ({"new_lesions": [{"name": "n", "organ": "x", "state": "absent", "diameter_mm": 3}]}, "contradict"),
    ],
)
def test_lesions_that_make_no_sense_are_refused(tmp_path: Path, visit: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        read(tmp_path, visit)


def test_baseline_has_no_new_lesions_and_non_targets_are_not_denied(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="non_targets is no, but non_target_lesions has lesions"):
        read(tmp_path, non_targets="no")
    visit = {"date": 0, "targets": {"t": {"diameter_mm": 30}}, "new_lesions": [{"name": "n", "organ": "x"}]}
    with pytest.raises(StudyError, match="baseline cannot have a new lesion"):
        read(tmp_path, visits=[visit])


def test_a_tumour_of_a_report_that_is_listed_is_not_asked_about(tmp_path: Path) -> None:
    sizes = {"short_axis_mm": 9.0, "volume_ml": 1.0, "n_voxels": 99}
    names = {"t": 30.0, "effusion": 20.0, "new 1": 12.0, "new 2": 11.0}
    tumors = [sizes | {"name": name, "longest_diameter_mm": mm} for name, mm in names.items()]
    write_report(tmp_path / "report.json", {"tumors": tumors})
    visit = {"targets": None, "report": "report.json", "new_lesions": [{"name": "new 1", "organ": "lung"}]}
    one = read(tmp_path, visit | {"non_target_lesions": {"effusion": "present", "node": "absent"}})
    assert [note for note in one.notes if "a new lesion?" in note] == [
        "day 56: new 2 (11.0 mm) in report.json is not a target of this study: a new lesion?"
    ]
    assert one.study.follow_up[0].targets["t"].reading == Reading("", 30.0, 9.0)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"cohort": [1]}, "cohort must be a text"),
        ({"non_target_lesions": "effusion"}, "non_target_lesions must be a list such as"),
        (
            {"non_target_lesions": [{"name": "a", "organ": "b", "site": ["x"]}]},
            "the site of 'a' must be a text",
        ),
    ],
)
def test_patients_that_make_no_sense_are_refused(tmp_path: Path, more: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        read(tmp_path, **more)


def test_csv_says_the_same_as_json(tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    path.write_text(
        "patient,cohort,trial,date,target,role,organ,site,node,diameter_mm,state,larger,equivocal,reader,reason,modality\n"
        "A,arm 1,T,2031-01-06,t,,liver,VI,,30,,,,r1,,CT\n"
        "A,,,2031-01-06,effusion,non-target,pleura,,,,,,,,,\n"
        "A,,,2031-01-06,node,Non target,lymph node,,yes,12,,,,,,\n"
        "A,,,2031-03-03,t,,liver,,,,,,,r2,motion,MR\n"
        "A,,,2031-03-03,effusion,,,,,,present,yes,,,,\n"
        "A,,,2031-03-03,node,,,,,gone,,,,,,\n"
        "A,,,2031-03-03,new 1,new,lung,left,,12,,,yes,r2,,\n"
    )
    (one,) = read_study(path)
    study = one.study
    assert (one.cohort, one.trial, one.notes) == ("arm 1", "T", ())
    assert study.targets == (Target("t", "liver", site="VI"),)
    assert study.non_target_lesions == (Target("effusion", "pleura"), Target("node", "lymph node", True))
    baseline, later = study.time_points
    assert baseline.non_target_states["node"] == NonTargetFinding(
        LesionState.PRESENT, reading=Reading(short_axis_mm=12.0)
    )
    assert later.targets["t"].reading == Reading("r2", reason="motion")
    assert later.non_target_states["effusion"] == NonTargetFinding(LesionState.PRESENT, larger=True)
    assert later.non_target_states["node"].state is LesionState.ABSENT
    assert later.new_lesions == {
        "new 1": NewLesionFinding("lung", "left", is_certain=False, diameter_mm=12.0, reading=Reading("r2"))
    }
    assert (later.imaging.modality, later.imaging.date) == ("MR", "2031-03-03")


def test_a_target_may_be_given_by_the_axis_that_counts(tmp_path: Path) -> None:
    later = {"targets": {"t": {"longest_diameter_mm": 18, "short_axis_mm": 11}}}
    one = read(tmp_path, later)
    assert one.study.time_points[1].targets["t"].diameter_mm == 18
    assert respond(one.study)[0].target is Response.PR


def test_a_lesion_that_is_too_small_may_have_any_axis(tmp_path: Path) -> None:
    small = {"diameter_mm": "too small to measure", "longest_diameter_mm": 3}
    one = read(tmp_path, {"targets": {"t": small}, "non_target_lesions": {"effusion": small}})
    assert one.study.time_points[1].targets["t"].diameter_mm == 5
    assert one.study.time_points[1].non_target_states["effusion"].state is LesionState.PRESENT


def test_the_example_ships_and_shows_what_a_study_can_say(tmp_path: Path) -> None:
    path, schema = write_example_study(tmp_path / "made")
    assert json.loads(schema.read_text()) == study_schema()
    assert path.read_text() == EXAMPLE.read_text()
    patients = read_study(path)
    assert [one.cohort for one in patients] == ["A", "A", "B", "B"]
    assert {one.trial for one in patients} == {"EXAMPLE-1"}
    recist = [" ".join(one.overall for one in respond(patient.study)) for patient in patients]
    immune = [" ".join(one.overall for one in respond_immune(patient.study)) for patient in patients]
    assert recist == ["PR NE PR", "PD PD", "PD PD", "SD SD"]
    assert immune == ["iPR NE iPR", "iUPD iPR", "iUPD iCPD", "iSD iSD"]
    split = patients[0].study.time_points[1].targets["liver 1"]
    assert (split.diameter_mm, split.reading.flags) == (29.0, ("split",))


def test_the_schema_takes_the_example_and_refuses_what_is_misspelt() -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="the schema is not checked: jsonschema is missing")
    validator = jsonschema.Draft202012Validator(study_schema())
    validator.check_schema(study_schema())
    study = json.loads(EXAMPLE.read_text())
    assert list(validator.iter_errors(study)) == []
    assert list(validator.iter_errors(study["patients"][0])) == []
    for path, key in (
        (study, "about"),
        (study["patients"][0], "arm"),
        (study["patients"][0]["visits"][0], "day"),
    ):
        path[key] = 1
        assert list(validator.iter_errors(study)) != [], key
        del path[key]
    study["patients"][1]["visits"][1]["new_lesions"][0]["state"] = "huge"
    assert list(validator.iter_errors(study)) != []


def test_the_schema_has_the_keys_that_are_read() -> None:
    kinds = study_schema()["$defs"]

    def keys(name: str) -> set[str]:
        return set(kinds[name]["properties"])

    assert keys("study") == set(STUDY_KEYS)
    assert keys("patient") == set(PATIENT_KEYS)
    assert keys("lesion") == set(LESION_KEYS)
    assert keys("visit") == set(VISIT_KEYS)
    assert keys("sizes") == {*SIZES, *DETAILS}
    assert keys("non_target_finding") == set(NON_TARGET_KEYS)
    assert keys("new_lesion") == set(NEW_LESION_KEYS)
