"""Two readers: what differs is named, the adjudicator's word stands, and an open case stays open."""

from pathlib import Path

import pytest

from lite_ensam.core.errors import StudyError
from lite_ensam.io import write_table
from lite_ensam.reporting import (
    Comparison,
    Course,
    Patient,
    adjudication_page,
    adjudication_rows,
    compare_readers,
    judge,
    read_decisions,
)
from lite_ensam.response import VOLUME, Imaging, Study, Target, TargetValue, TimePoint
from tests.unit.reporting.test_board_page import Tables
from tests.unit.reporting.test_pages import EVIL, Balance


def courses(reader: str, **sums_mm: str) -> tuple[Course, ...]:
    """Patients by name, sums of baseline and of visits every 56 days."""
    patients = []
    for name, sums in sums_mm.items():
        visits = [
            TimePoint(56 * n, {"a": TargetValue(float(mm))}, imaging=Imaging(reader=reader))
            for n, mm in enumerate(sums.split())
        ]
        patients.append(Patient(name, Study((Target("a", "liver"),), tuple(visits))))
    return judge(patients, VOLUME)


FIRST = courses("Ada", A="50 30 30", B="50 45 61", C="50 50 50")
SECOND = courses("Ben", A="52 31 33", B="50 48 50", C="50 50 62")


def written(path: Path, *comparisons: Comparison, **changes: dict[str, object]) -> Path:
    rows = [row | changes.get(str(row["patient"])[-1], {}) for row in adjudication_rows(comparisons)]
    write_table(path, rows, overwrite=True)
    return path


def test_readers_agree_or_differ_in_best_response_and_progression() -> None:
    found = compare_readers(FIRST, SECOND)
    assert [one.differences for one in found] == [(), ("progression", "visits"), ("progression", "visits")]
    assert [one.final and one.final.best.response for one in found] == ["PR", None, None]
    assert [row["best_response"] for row in adjudication_rows(found)] == ["PR", None, None]


def test_a_filled_table_decides(tmp_path: Path) -> None:
    table = written(
        tmp_path / "d.csv",
        *compare_readers(FIRST, SECOND),
        **{"2": {"decided_for": 1, "adjudicator": "Cleo", "reason": "grown in the liver"}},
    )
    found = compare_readers(FIRST, SECOND, read_decisions(table))
    rows = adjudication_rows(found)
    assert [(row["progression_day"], row["adjudicator"]) for row in rows] == [
        (None, ""),
        (112, "Cleo"),
        (None, ""),
    ]
    assert found[2].final is None
    page = adjudication_page(found, "as agreed")
    assert Balance(page).fetched == []
    overview, _, second, *_ = Tables(page).tables
    assert overview[2][-4:] == ["progression, visits", "Cleo: Ada", "SD", "112"]
    assert overview[3][-3:] == ["open", "open", "open"]
    assert second[0] == ["target", "baseline", "day 56", "day 112"]
    for text in ("1 of 3 agree", "1 of 2 differences are decided", "grown in the liver", "Targets of Ben"):
        assert text in page
    assert "<h2>Rates</h2>" not in page  # a case is open
    assert page.count('class="sheet"') == 2


def test_rates_stand_when_all_is_decided(tmp_path: Path) -> None:
    decision = {"decided_for": 2, "adjudicator": "Cleo"}
    table = written(tmp_path / "d.csv", *compare_readers(FIRST, SECOND), **{"2": decision, "3": decision})
    page = adjudication_page(compare_readers(FIRST, SECOND, read_decisions(table)), "")
    assert "<h2>Rates</h2>" in page
    assert "1 of 3, 33%" in page


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"decided_for": 3, "adjudicator": "Cleo"},
            "row 3: decided_for must be 1 or 2, the reader that is right",
        ),
        ({"decided_for": 1}, "row 3: adjudicator must say who decided"),
        (
            {"decided_for": 1, "adjudicator": "Cleo", "patient": "patient 9"},
            "row 3 of the decisions is of a patient",
        ),
    ],
)
def test_decisions_that_make_no_sense_are_refused(tmp_path: Path, change: dict, message: str) -> None:
    table = written(tmp_path / "d.csv", *compare_readers(FIRST, SECOND), **{"2": change})
    with pytest.raises(StudyError, match=message):
        compare_readers(FIRST, SECOND, read_decisions(table))


def test_other_patients_are_refused() -> None:
    with pytest.raises(
        StudyError, match=r"patient 3 of the first reader has no RECIST 1\.1 assessment by the second"
    ):
        compare_readers(FIRST, SECOND[:2])
    with pytest.raises(
        StudyError, match=r"patient 3 of the second reader has no RECIST 1\.1 assessment by the first"
    ):
        compare_readers(FIRST[:2], SECOND)


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (  # B is patient 1 now, and A patient 2
            courses("Ada", B="50 45 61", A="50 30 30", C="50 50 50"),
            "row 3 of the decisions: best_response_1 was 'SD' and is now 'PR'",
        ),
        (  # the sizes have changed, the responses have not
            courses("Ada", A="50 30 30", B="50 44 61", C="50 50 50"),
            "row 3 of the decisions: visits_1 was 'day 56 SD 45.0; day 112 PD 61.0' and is now 'day 56 SD 44.0;",
        ),
        (
            courses("Ada", A="50 30 30", B="50 61 61", C="50 50 50"),
            "row 3 of the decisions: best_response_1 was 'SD' and is now 'PD': .* write the table again",
        ),
    ],
)
def test_a_decision_stands_for_the_courses_that_were_seen(
    tmp_path: Path, first: tuple[Course, ...], message: str
) -> None:
    table = written(
        tmp_path / "d.csv",
        *compare_readers(FIRST, SECOND),
        **{"2": {"decided_for": 1, "adjudicator": "Cleo"}},
    )
    with pytest.raises(StudyError, match=message):
        compare_readers(first, SECOND, read_decisions(table))


def test_numbers_that_have_passed_through_pandas_are_the_same(tmp_path: Path) -> None:
    change = {"decided_for": 1.0, "adjudicator": "Cleo", "progression_day_1": 112.0}
    table = written(tmp_path / "d.csv", *compare_readers(FIRST, SECOND), **{"2": change})
    assert ",112.0," in table.read_text()
    assert compare_readers(FIRST, SECOND, read_decisions(table))[1].decision is not None


@pytest.mark.parametrize(
    ("first", "second", "differences"),
    [
        ("50 30 30", "50 50 30", ("visits",)),  # PR on day 56, and on day 112
        ("50 30 30", "50 30", ("visits",)),
        ("50 30 61 30", "50 30 61", ()),  # visits after PD
    ],
)
def test_readers_are_compared_day_by_day(first: str, second: str, differences: tuple[str, ...]) -> None:
    (found,) = compare_readers(courses("Ada", A=first), courses("Ben", A=second))
    assert found.differences == differences


def test_no_message_names_a_patient() -> None:
    first, second = (
        judge([one.patient for one in found], VOLUME, identifiers=True)
        for found in (courses("Ada", SECRET="50 30", B="50 30"), courses("Ben", B="50 30"))
    )
    with pytest.raises(StudyError, match="patient 1 of the first reader has no") as caught:
        compare_readers(first, second)
    assert "SECRET" not in str(caught.value)


def test_names_are_escaped() -> None:
    evil = courses(EVIL, A="50 30"), courses("Ben", A="50 50")
    assert Balance(adjudication_page(compare_readers(*evil), EVIL)).fetched == []
