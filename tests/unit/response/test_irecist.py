"""iRECIST by the tables of Seymour et al. 2017 and the working group's answers (recist.eortc.org)."""

import re
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_ensam.response import (
    IRECIST,
    LesionState,
    NewLesionFinding,
    Response,
    Study,
    Target,
    TargetValue,
    TimePoint,
    Wait,
    best_immune_response,
    respond,
    respond_immune,
)
from tests.unit.response.test_visits import parse_study as parse_plain_study
from tests.unit.response.test_visits import rows

COURSES = rows("irecist.csv")


def parse_new(text: str) -> tuple[str, NewLesionFinding]:
    """`name[?][^, ! or ~][=mm]`: equivocal, larger, unequivocal progression or not evaluable, size."""
    found = re.fullmatch(r"(\w+)(\??)([\^!~]?)(?:=([\d.]+))?", text)
    assert found
    name, equivocal, sign, mm = found.groups()
    return name, NewLesionFinding(
        organ=name,
        is_node=name == "node",
        is_certain=not equivocal,
        state={"!": LesionState.PROGRESSION, "~": LesionState.NOT_EVALUABLE}.get(sign, LesionState.PRESENT),
        diameter_mm=float(mm) if mm else None,
        larger=sign == "^",
    )


def parse_study(row: dict[str, str]) -> Study:
    """As for RECIST 1.1; non-targets that end in ^ are larger, new lesions are listed."""
    parts = [[*text.split(":"), "", ""][:4] for text in row["visits"].split()]
    plain = " ".join(f"{day}:{mm}:{state.rstrip('^')}" for day, mm, state, _ in parts)
    study = parse_plain_study({**row, "visits": plain})
    visits = [
        replace(
            visit,
            non_targets_larger=state.endswith("^"),
            new_lesions={} if new in ("", "yes") else dict(map(parse_new, new.split(";"))),
            new_lesion="yes" if new == "yes" else None,
        )
        for visit, (_, _, state, new) in zip(study.time_points, parts, strict=True)
    ]
    return replace(study, time_points=tuple(visits))


@pytest.mark.parametrize("row", COURSES, ids=lambda row: row["case"])
def test_a_course_is_judged_as_the_paper_says(row: dict[str, str]) -> None:
    judged = respond_immune(parse_study(row))
    assert " ".join(one.overall for one in judged) == row["overall"]
    best = best_immune_response([(one.day, one.overall) for one in judged])
    assert best.response == row["best"]


def test_cases_are_told_apart_and_each_has_source_and_rule() -> None:
    assert len({row["case"] for row in COURSES}) == len(COURSES) >= 50
    assert all(row["source"] and row["rule"] and None not in row for row in COURSES)


@pytest.mark.parametrize("row", rows("irecist_table3.csv"), ids=lambda row: f"example {row['example']}")
def test_table_3_whatever_of_its_alternatives_comes(row: dict[str, str]) -> None:
    columns = [row[name].split() for name in ("first", "second", "third", "fourth", "fifth")]
    for course in product(*columns):
        visits = [(56 + 35 * n, Response(text)) for n, text in enumerate(course)]
        assert best_immune_response(visits).response == row["best"], course


def test_the_words_of_targets_and_non_targets_are_those_of_irecist() -> None:
    (one,) = respond_immune(parse_study({"targets": "liver", "visits": "0:50 56:60:NN"}))
    assert (one.target, one.non_target, one.overall) == ("iUPD", "non-iCR/non-iUPD", "iUPD")


def test_a_reason_says_what_confirmed_and_what_came_too_late() -> None:
    first, second = respond_immune(parse_study({"targets": "liver", "visits": "0:50 56:60 91:66"}))
    assert first.reason == "targets: PD by RECIST 1.1"
    assert second.reason == "targets have grown by 6.0 mm since iUPD"
    late = respond_immune(parse_study({"targets": "liver", "visits": "0:50 56:60 119:66"}))[1]
    assert (
        late.reason
        == "targets have grown by 6.0 mm since iUPD, but 63 days after iUPD: only 28 to 56 confirm"
    )


def test_a_protocol_may_wait_longer_for_confirmation() -> None:
    study = parse_study({"targets": "liver", "visits": "0:50 56:60 119:66"})
    assert respond_immune(study, Wait(28, 84))[1].overall is Response.ICPD


def test_progression_is_dated_back_to_the_iupd_that_was_confirmed() -> None:
    def day(text: str) -> int | None:
        visits = [(56 + 35 * n, Response(word)) for n, word in enumerate(text.split())]
        return best_immune_response(visits).progression_day

    assert day("iUPD iSD iUPD NE iUPD iCPD") == 126
    assert day("iUPD iCPD iCPD") == 56
    assert day("iSD iUPD NE") == 91
    assert day("iUPD NE iCPD") == 56
    assert day("iUPD iSD") is None


def test_an_ipr_that_must_be_confirmed_is_isd_else() -> None:
    course = [(56, Response.IPR), (91, Response.IUPD), (126, Response.IPR), (140, Response.IPR)]
    assert best_immune_response(course).response is Response.IPR
    assert best_immune_response(course, confirmation=True).response is Response.ISD
    assert best_immune_response([*course, (154, Response.IPR)], confirmation=True).response is Response.IPR


def test_pr_is_kept_until_iupd_where_the_protocol_says_so() -> None:
    """recist.eortc.org: sums of 100, 70, 70, 80, 80 and 80 are iPR throughout."""
    visits = [TimePoint(42 * n, {"a": TargetValue(mm)}) for n, mm in enumerate((100.0, 70, 70, 80, 80, 80))]
    study = Study((Target("a", "liver"),), tuple(visits))
    kept = respond_immune(study, criteria=IRECIST.keeping_response())
    assert [one.overall for one in kept] == ["iPR"] * 5
    assert [one.overall for one in respond_immune(study)] == ["iPR", "iPR", "iSD", "iSD", "iSD"]


def test_recist_takes_back_an_equivocal_lesion_to_its_own_first_scan_only() -> None:
    """Section 4.3.5, where lesions are listed: the one that was equivocal must be the one that is confirmed."""
    same = parse_study({"targets": "liver", "visits": "0:50 56:50:-:n? 112:50:-:n"})
    other = parse_study({"targets": "liver", "visits": "0:50 56:50:-:n? 112:50:-:m"})
    assert [one.overall for one in respond(same)] == ["PD", "PD"]
    assert [one.overall for one in respond(other)] == ["SD", "PD"]


@given(
    st.lists(
        st.tuples(st.integers(7, 100), st.integers(0, 90), st.sampled_from(["", "n=12", "n=18", "n;m"])),
        min_size=1,
        max_size=8,
    )
)
def test_whatever_the_course_icpd_follows_iupd_in_time_and_nothing_else_changes(
    visits: list[tuple[int, int, str]],
) -> None:
    text, day = "0:50", 0
    for days, mm, new in visits:
        day += days
        text += f" {day}:{mm}" + (f":-:{new}" if new else "")
    study = parse_study({"targets": "liver", "visits": text})
    plain, immune = respond(study), respond_immune(study)
    first_pd = next((n for n, one in enumerate(plain) if one.overall is Response.PD), len(plain))
    assert [one.overall for one in immune[:first_pd]] == [f"i{one.overall}" for one in plain[:first_pd]]
    assert all(one.overall is Response.IUPD for one in immune[first_pd : first_pd + 1])
    confirmed = next((n for n, one in enumerate(immune) if one.overall is Response.ICPD), None)
    if confirmed is not None:
        assert all(one.overall is Response.ICPD for one in immune[confirmed:])
        gaps = [immune[confirmed].day - one.day for one in immune[:confirmed] if one.overall is Response.IUPD]
        assert any(28 <= gap <= 56 for gap in gaps)
        assert immune[confirmed - 1].overall in (Response.IUPD, Response.NE)
