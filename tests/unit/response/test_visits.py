"""Courses worked out by hand, each with the sentence of the guideline that decides it."""

import csv
from pathlib import Path

import pytest

from lite_ensam.core.errors import StudyError
from lite_ensam.reporting import Patient, judge
from lite_ensam.response import (
    VOLUME,
    LesionState,
    NewLesion,
    NewLesionFinding,
    Response,
    Study,
    Target,
    TargetValue,
    TimePoint,
    best_overall_response,
    respond,
)

FOLDER = Path(__file__).parent
NEW = {"": None, "?": NewLesion.EQUIVOCAL, "new": NewLesion.YES}


def rows(name: str) -> list[dict[str, str]]:
    with open(FOLDER / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


COURSES = rows("visits.csv")


def parse_response(text: str) -> Response | None:
    return None if text in ("", "-") else Response("non-CR/non-PD" if text == "NN" else text)


def parse_visit(text: str, targets: tuple[Target, ...]) -> TimePoint:
    """`day:mm+mm[:non-targets[:new]]`; a size of - was not measured."""
    day, sizes, non_targets, new = [*text.split(":"), "", ""][:4]
    values = {
        target.name: TargetValue(None if size == "-" else float(size))
        for target, size in zip(targets, sizes.split("+") if sizes else [], strict=True)
    }
    return TimePoint(int(day), values, parse_response(non_targets), NEW[new])


def parse_study(row: dict[str, str]) -> Study:
    targets = tuple(Target(f"T{n}", organ, organ == "node") for n, organ in enumerate(row["targets"].split()))
    visits = tuple(parse_visit(text, targets) for text in row["visits"].split())
    return Study(targets, visits, has_non_targets=any(visit.non_targets for visit in visits))


@pytest.mark.parametrize("row", COURSES, ids=lambda row: row["case"])
def test_a_course_is_judged_as_the_guideline_says(row: dict[str, str]) -> None:
    judged = respond(parse_study(row))
    assert [one.overall for one in judged] == [parse_response(text) for text in row["overall"].split()]
    visits = [(one.day, one.overall) for one in judged]
    assert best_overall_response(visits).response == parse_response(row["best"])
    confirmed = best_overall_response(visits, confirmation=True)
    assert confirmed.response == parse_response(row["best_confirmed"])


def test_there_are_enough_cases_and_each_has_its_section_and_sentence() -> None:
    assert len({row["case"] for row in COURSES}) == len(COURSES) >= 40
    assert all(row["section"] and row["rule"] and None not in row for row in COURSES)


@pytest.mark.parametrize("row", rows("table3.csv"), ids=lambda row: f"{row['first']}-{row['second']}")
@pytest.mark.parametrize(("least_stable_days", "column"), [(42, "best_if_sd_lasted"), (90, "best_if_not")])
def test_table_3_of_the_guideline(row: dict[str, str], least_stable_days: int, column: str) -> None:
    course = [(56, Response(row["first"])), (84, Response(row["second"]))]
    best = best_overall_response(course, confirmation=True, least_stable_days=least_stable_days)
    assert best.response == row[column]


def test_table_3_pr_then_sd_is_sd() -> None:
    course = [(28, Response.PR), (56, Response.SD)]
    assert best_overall_response(course, confirmation=True).response is Response.SD


def test_days_of_best_response_and_progression() -> None:
    best = best_overall_response(
        [(56, Response.SD), (112, Response.PR), (168, Response.PR), (224, Response.PD)]
    )
    assert (best.response, best.day, best.progression_day, best.confirmed) == (Response.PR, 112, 224, True)


def test_a_node_in_the_limit_of_a_float_is_judged_by_what_was_meant() -> None:
    study = parse_study({"targets": "liver liver", "visits": "0:17.1+11.7 56:20.52+14.04"})
    assert respond(study)[0].overall is Response.PD  # 28.8 to 34.56: exactly 20 %, and 5.76 mm


def test_an_equivocal_lesion_is_certain_from_its_first_scan_unless_a_visit_denies_it() -> None:
    """Section 4.3.5; a visit that could not be evaluated denies nothing."""

    def course(**between: object) -> list[str]:
        sizes = {"a": TargetValue(30.0)}
        doubtful, sure = (
            TimePoint(day, sizes, new_lesions={"n": NewLesionFinding("lung", is_certain=day == 112)})
            for day in (56, 112)
        )
        visits = (TimePoint(0, sizes), doubtful, TimePoint(84, **between), sure)
        return [one.overall for one in respond(Study((Target("a", "liver"),), visits))]

    unseen = NewLesionFinding("lung", state=LesionState.NOT_EVALUABLE)
    assert course() == ["PD", "NE", "PD"]
    assert course(targets={"a": TargetValue()}) == ["PD", "NE", "PD"]
    assert course(targets={"a": TargetValue(30.0)}, new_lesions={"n": unseen}) == ["PD", "SD", "PD"]
    assert course(targets={"a": TargetValue(30.0)}) == ["SD", "SD", "PD"]
    assert course(new_lesion="no") == ["SD", "NE", "PD"]
    assert course(new_lesions={"m": NewLesionFinding("bone", is_certain=False)}) == ["SD", "NE", "PD"]


def test_a_lesion_that_was_confirmed_later_is_no_longer_equivocal() -> None:
    judged = respond(parse_study({"targets": "liver", "visits": "0:50 56:48:-:? 84:48:-:? 112:48:-:new"}))
    assert [one.new_lesion for one in judged] == ["yes", "yes", "yes"]
    refuted = respond(parse_study({"targets": "liver", "visits": "0:50 56:48:-:? 84:48"}))
    assert [one.new_lesion for one in refuted] == ["equivocal", "no"]


def test_a_target_too_faint_to_measure_counts_five_millimetres() -> None:
    """Section 4.3.2: a default value of 5 mm should be assigned."""
    visits = (
        TimePoint(0, {"a": TargetValue(20.0)}),
        TimePoint(56, {"a": TargetValue.too_small_to_measure()}),
    )
    (found,) = respond(Study((Target("a", "liver"),), visits))
    assert (found.sum, found.overall) == (5.0, Response.PR)


def test_what_users_have_is_taken_or_refused_in_words() -> None:
    visits = tuple(TimePoint(day, {"a": TargetValue(mm)}) for day, mm in ((0, 50.0), (56, 30.0), (112, 36.0)))
    study = Study((Target("a", "liver"),), visits)
    judged = respond(study)
    assert respond(Patient("x", study)) == judged  # type: ignore[arg-type]
    pairs = [(one.day, one.overall) for one in judged]
    assert best_overall_response(judged) == best_overall_response(pairs)  # type: ignore[arg-type]
    for ask, words in (
        (lambda: TimePoint(0, {"a": 30.0}), "day 0: 'a' must be a TargetValue"),  # type: ignore[dict-item]
        (lambda: TargetValue("12"), "diameter_mm must be 0 or more, .* got '12'"),  # type: ignore[arg-type]
        (lambda: respond([study]), "study must be a Study, or one patient"),  # type: ignore[arg-type]
        (lambda: best_overall_response(study), "visits must be pairs of day and Response"),  # type: ignore[arg-type]
    ):
        with pytest.raises(StudyError, match=words):
            ask()
    assert judge(Patient("x", study), VOLUME) == judge([Patient("x", study)], VOLUME)
