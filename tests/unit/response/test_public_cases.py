"""Cases of the guideline's tables and of public programs; each that is decided otherwise here has its argument.

Sources: tables 1 to 3 of RECIST 1.1; EORTC's questions and clarifications; the tests of heyhey-yoyo/RECIST-tracker, of
pharmaverse/admiralonco (best overall response) and of stiigg/sas-r-hybrid-clinical-pipeline (its 25 subjects, limits
and confirmation). Only numbers and results were taken over. `why` names the row of docs/guide/response.md.
"""

import re
from collections import Counter
from pathlib import Path

import pytest

from lite_ensam.core.errors import StudyError
from lite_ensam.response import (
    BaselineLesion,
    BestResponse,
    Protocol,
    Response,
    Target,
    Wait,
    best_overall_response,
    choose_targets,
)
from tests.unit.response.test_irecist import parse_study
from tests.unit.response.test_visits import parse_response, rows

CASES = rows("public_cases.csv")
DOCS = Path(__file__).parents[3] / "docs" / "guide" / "response.md"
WORDS = {Response.NON_CR_NON_PD: "NN"}


def parse_options(text: str) -> dict[str, str]:
    """`keep`, `stable DAYS`, `wait LEAST[-MOST]`."""
    return dict(re.findall(r"(keep|stable|wait) ?([\d-]*)", text))


def parse_protocol(row: dict[str, str]) -> Protocol:
    options = parse_options(row["options"])
    wait = [int(days) for days in options.get("wait", "28").split("-")]
    return Protocol(
        confirmation=row["asked"].startswith("confirmed"),
        confirming_wait=Wait(*wait),
        least_stable_days=int(options.get("stable", 42)),
        keeps_response="keep" in options,
        immune=row["asked"].startswith("immune"),
    )


def answer(row: dict[str, str]) -> str:
    """What is said here to what was asked."""
    protocol = parse_protocol(row)
    if row["targets"] == "-":  # visits are responses themselves
        course = [
            (int(day), parse_response(word)) for day, word in (v.split(":") for v in row["visits"].split())
        ]
        best: BestResponse = best_overall_response(
            course,  # type: ignore[arg-type]
            confirmation=protocol.confirmation,
            least_confirmation_days=protocol.confirming_wait.least,
            least_stable_days=protocol.least_stable_days,
        )
        return WORDS.get(best.response, best.response)
    # the plain visits of RECIST 1.1 say "new", those of iRECIST name lesions
    visits = row["visits"].replace(":new", ":yes")
    try:
        study = parse_study({**row, "visits": visits})
    except StudyError:
        return "refused"
    found, best = protocol.judge(study, protocol.criteria(None)[-1])
    if row["asked"] == "confirmed":
        return "yes" if best.confirmed else "no"
    if row["asked"] in ("overall", "immune"):
        return " ".join(WORDS.get(one.overall, one.overall) for one in found)
    return WORDS.get(best.response, best.response)


@pytest.mark.parametrize("row", CASES, ids=lambda row: f"{row['source']}: {row['case']}")
def test_a_public_case_is_decided_as_its_row_says(row: dict[str, str]) -> None:
    assert answer(row) == row["here"]


def test_each_difference_is_argued_in_the_documentation() -> None:
    different = [row for row in CASES if row["theirs"] != row["here"]]
    assert all(row["why"] for row in different)
    assert not any(row["why"] for row in CASES if row not in different)
    docs = DOCS.read_text(encoding="utf-8")
    for why in {row["why"] for row in different}:
        assert f"| {why} |" in docs
    assert len(CASES) >= 149
    assert f"Of {len(CASES)} rule cases" in docs
    assert f"{len(CASES) - len(different)} agree" in docs


def test_cases_are_told_apart() -> None:
    assert max(Counter((row["source"], row["case"]) for row in CASES).values()) == 1
    assert all(None not in row for row in CASES)


def test_the_largest_are_chosen_two_an_organ() -> None:
    """stiigg's subject 013: eight lesions, of which five add up to 190 mm."""
    sizes = [
        ("liver", 45),
        ("liver", 40),
        ("liver", 28),
        ("lung", 38),
        ("lung", 35),
        ("node", 32),
        ("node", 25),
    ]
    lesions = [BaselineLesion(Target(f"{organ} {mm}", organ, organ == "node"), mm, mm) for organ, mm in sizes]
    chosen, others = choose_targets(lesions)
    assert sum(one.summed_mm for one in chosen) == 190
    assert {one.target.name for one in others} == {"liver 28", "node 25"}
