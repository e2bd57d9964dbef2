"""mRECIST (Lencioni and Llovet 2010) and Choi (Choi et al. 2007) by the rows of their tables."""

import re
from pathlib import Path

import pytest

from lite_ensam.core.errors import StudyError
from lite_ensam.reporting import Patient, judge, read_study
from lite_ensam.response import (
    CHOI,
    MRECIST,
    VOLUME,
    Protocol,
    Reading,
    Study,
    Target,
    TargetValue,
    TimePoint,
    respond,
)
from tests.unit.response.test_visits import NEW, parse_response, rows

COURSES = rows("mrecist_choi.csv")


def parse_value(text: str) -> TargetValue:
    """`mm[/viable mm][@HU]`."""
    found = re.fullmatch(r"([\d.]+)(?:/([\d.]+))?(?:@(-?[\d.]+))?", text)
    assert found
    mm, viable, hu = (None if one is None else float(one) for one in found.groups())
    return TargetValue(mm, viable_mm=viable, reading=Reading(mean_hu=hu))


def parse_study(row: dict[str, str]) -> Study:
    targets = tuple(Target(f"T{n}", organ, organ == "node") for n, organ in enumerate(row["targets"].split()))
    visits = []
    for text in row["visits"].split():
        day, sizes, non_targets, new = [*text.split(":"), "", ""][:4]
        values = {one.name: parse_value(size) for one, size in zip(targets, sizes.split("+"), strict=True)}
        visits.append(TimePoint(int(day), values, parse_response(non_targets), NEW[new]))
    return Study(targets, tuple(visits), has_non_targets=any(one.non_targets for one in visits))


@pytest.mark.parametrize("row", COURSES, ids=lambda row: f"{row['criteria']}: {row['case']}")
def test_a_course_is_judged_as_the_table_says(row: dict[str, str]) -> None:
    criteria = {"mRECIST": MRECIST, "Choi": CHOI}[row["criteria"]]
    assert " ".join(one.overall for one in respond(parse_study(row), criteria)) == row["overall"]


def test_the_density_is_said_at_each_visit() -> None:
    (found,) = respond(parse_study({"targets": "liver", "visits": "0:100@100 56:120@70"}), CHOI)
    assert (found.reason, found.density_change) == ("density -30%", pytest.approx(-0.3))
    (plain,) = respond(parse_study({"targets": "liver", "visits": "0:100@100 56:120@70"}))
    assert (plain.reason, plain.density_change) == ("", None)


@pytest.mark.parametrize(
    ("protocol", "missing"),
    [
        (Protocol(viable=True), "mRECIST needs the viable_mm"),
        (Protocol(density=True), "Choi needs the mean_hu"),
    ],
)
def test_criteria_that_baseline_lacks_the_numbers_for_are_refused(protocol: Protocol, missing: str) -> None:
    study = parse_study({"targets": "liver lung", "visits": "0:50@90+20 56:40@80+20"})
    with pytest.raises(StudyError, match=f"patient number 1: {missing}"):
        judge([Patient("A", study)], VOLUME, protocol)


def test_a_file_says_what_is_viable_and_how_dense(tmp_path: Path) -> None:
    table = tmp_path / "study.csv"
    table.write_text(
        "patient,date,target,organ,diameter_mm,viable_mm,mean_hu\n"
        "A,0,liver 1,liver,50,40,90\nA,56,liver 1,liver,50,0,60\n"
    )
    courses = judge(read_study(table), VOLUME, Protocol(viable=True, density=True))
    assert [(one.criteria.name, one.best.response) for one in courses] == [
        ("RECIST 1.1", "SD"),
        ("mRECIST", "CR"),
        ("Choi", "PR"),
    ]
    table.write_text("patient,date,target,organ,diameter_mm,viable_mm\nA,0,liver 1,liver,50,51\n")
    with pytest.raises(
        StudyError, match="viable_mm 51 is more than diameter_mm 50: it is a part of the lesion"
    ):
        read_study(table)
