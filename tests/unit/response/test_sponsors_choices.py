"""What RECIST 1.1 leaves to the sponsor, and cases that other public programs decide otherwise."""

import pytest
import typer

from lite_ensam.cli.protocol_options import parse_limits, parse_wait
from lite_ensam.core.errors import StudyError
from lite_ensam.response import (
    RECIST_1_1,
    Protocol,
    Response,
    Study,
    Target,
    TargetValue,
    TimePoint,
    best_overall_response,
    respond,
)
from tests.unit.response.test_visits import parse_study


def overall(visits: str, targets: str = "liver", keeps_response: bool = False) -> str:
    criteria = RECIST_1_1.keeping_response() if keeps_response else RECIST_1_1
    return " ".join(
        one.overall for one in respond(parse_study({"targets": targets, "visits": visits}), criteria)
    )


@pytest.mark.parametrize(
    ("visits", "own_sum", "until_pd"),
    [
        ("0:100 42:65 84:75", "PR SD", "PR PR"),
        ("0:100 42:65 84:65 126:72", "PR PR SD", "PR PR PR"),
        ("0:100 42:70 84:70 126:80 168:80 210:80", "PR PR SD SD SD", "PR PR PR PR PR"),
        ("0:100 42:80 84:75", "SD SD", "SD SD"),
        ("0:100 42:65 84:- 126:75", "PR NE SD", "PR NE PR"),
        ("0:100 42:60 84:72 126:71", "PR PD SD", "PR PD SD"),
        ("0:100 42:65 84:75:-:new 126:75", "PR PD SD", "PR PD SD"),
        ("0:50 42:0:CR 84:0:CR 126:30:NN", "CR CR PD", "CR CR PD"),
    ],
)
def test_pr_is_judged_by_each_sum_or_kept_until_pd(visits: str, own_sum: str, until_pd: str) -> None:
    assert overall(visits) == own_sum
    assert overall(visits, keeps_response=True) == until_pd


def test_a_kept_pr_confirms_the_first() -> None:
    study = parse_study({"targets": "liver", "visits": "0:100 42:65 84:75"})
    kept = [(one.day, one.overall) for one in respond(study, RECIST_1_1.keeping_response())]
    plain = [(one.day, one.overall) for one in respond(study)]
    assert best_overall_response(kept, confirmation=True).response is Response.PR
    assert best_overall_response(plain, confirmation=True).response is Response.SD


@pytest.mark.parametrize(("second", "confirmed"), [(83, False), (84, True), (140, True), (141, False)])
def test_a_confirmation_comes_within_its_window(second: int, confirmed: bool) -> None:
    best = best_overall_response(
        [(56, Response.PR), (second, Response.PR)],
        confirmation=True,
        least_confirmation_days=28,
        most_confirmation_days=84,
    )
    assert best.confirmed is confirmed
    assert best.response is (Response.PR if confirmed else Response.SD)


def test_a_window_that_the_first_pair_misses_may_hold_a_later_one() -> None:
    course = [(56, Response.PR), (150, Response.PR), (190, Response.CR)]
    best = best_overall_response(course, confirmation=True, most_confirmation_days=84)
    assert (best.response, best.day) == (Response.PR, 150)


def test_pr_then_sd_is_sd_however_early() -> None:
    """Table 3: PR / SD / SD has no proviso of a minimal duration, unlike CR / SD and PR / PD."""
    early = [(14, Response.PR), (28, Response.SD)]
    assert best_overall_response(early, confirmation=True).response is Response.SD
    assert best_overall_response(early, confirmation=True).day == 28
    assert (
        best_overall_response([(14, Response.PR), (28, Response.PD)], confirmation=True).response
        is Response.PD
    )


def test_pr_then_pd_is_sd_where_sd_lasted() -> None:
    study = parse_study({"targets": "liver lung", "visits": "0:80+70 56:50+50 112:60+60"})
    course = [(one.day, one.overall) for one in respond(study)]
    assert course == [(56, Response.PR), (112, Response.PD)]
    assert best_overall_response(course, confirmation=True).response is Response.SD


def test_a_single_early_sd_is_not_evaluable_unless_the_protocol_asks_for_less() -> None:
    study = parse_study({"targets": "liver liver lung", "visits": "0:50+40+20 28:25+50+15"})
    course = [(one.day, one.overall) for one in respond(study)]
    assert course == [(28, Response.SD)]
    assert best_overall_response(course).response is Response.NE
    assert best_overall_response(course, least_stable_days=28).response is Response.SD


def test_a_target_of_3_mm_is_not_measurable_at_baseline() -> None:
    with pytest.raises(StudyError, match=r"3\.2 mm at baseline, RECIST 1\.1 asks for at least 10 mm"):
        Study((Target("a", "liver"),), (TimePoint(0, {"a": TargetValue(3.2)}),))


def test_a_node_that_passes_10_mm_again_goes_by_the_sum() -> None:
    assert overall("0:20 56:9 112:11", targets="node") == "CR PR"


def test_a_name_says_which_rule_was_taken() -> None:
    assert RECIST_1_1.keeping_response().name == "RECIST 1.1, PR until PD"


@pytest.mark.parametrize(
    ("text", "limits"), [("sphere", (-0.657, 0.728)), ("40,60", (-0.4, 0.6)), ("-40,+60", (-0.4, 0.6))]
)
def test_limits_of_volume_are_named_or_given(text: str, limits: tuple[float, float]) -> None:
    criteria = parse_limits(text)
    assert (criteria.response, criteria.progression, criteria.unit) == (*limits, "ml")


@pytest.mark.parametrize("text", ["cube", "40", "100,50", "a,b", "40,60,80", "nan,60"])
def test_limits_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="two percentages PR,PD such as 40,60"):
        parse_limits(text)


@pytest.mark.parametrize("text", ["", "x", "84,28", "-1", "1,2,3"])
def test_waits_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="LEAST or LEAST,MOST such as 28,84"):
        parse_wait(text, "--confirmation-days")


def test_a_protocol_says_what_was_chosen() -> None:
    protocol = Protocol(True, parse_wait("28,84", ""), 56, keeps_response=True, immune=True)
    assert protocol.sentence == (
        "CR and PR confirmed after 28 to 84 days; SD must last 56 days from baseline; PR lasts until PD; iUPD is "
        "confirmed after 28 to 56 days"
    )
    assert [one.name for one in protocol.criteria(None)] == [
        "RECIST 1.1, PR until PD",
        "iRECIST, PR until PD",
    ]


def test_a_protocol_reaches_every_set_of_criteria() -> None:
    study = parse_study({"targets": "liver", "visits": "0:100 42:65 84:75 126:90 161:99"})
    protocol = Protocol(confirmation=True, keeps_response=True, immune=True)
    recist, immune = (protocol.judge(study, one) for one in protocol.criteria(None))
    assert [one.overall for one in recist[0]] == ["PR", "PR", "PD", "PD"]
    assert [one.overall for one in immune[0]] == ["iPR", "iPR", "iUPD", "iCPD"]
    assert (recist[1].response, immune[1].response) == ("PR", "iPR")
    assert (recist[1].progression_day, immune[1].progression_day) == (126, 126)
