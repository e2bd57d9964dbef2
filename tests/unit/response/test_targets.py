"""Which lesions become targets, and studies that break the rules."""

from typing import Any

import pytest

from lite_ensam.core.errors import StudyError
from lite_ensam.response import (
    BaselineLesion,
    NewLesion,
    Response,
    Study,
    Target,
    TargetValue,
    TimePoint,
    check_targets,
    choose_targets,
    respond,
)


def lesion(name: str, organ: str, long_mm: float, short_mm: float = 8.0) -> BaselineLesion:
    return BaselineLesion(Target(name, organ, organ == "node"), long_mm, short_mm)


def chosen(*lesions: BaselineLesion, slice_mm: float = 0.0) -> tuple[str, str]:
    targets, others = choose_targets(lesions, slice_mm)
    return (" ".join(one.target.name for one in targets), " ".join(one.target.name for one in others))


def test_the_two_largest_of_an_organ_become_targets() -> None:
    assert chosen(lesion("a", "liver", 20), lesion("b", "liver", 40), lesion("c", "liver", 30)) == (
        "b c",
        "a",
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("right lung", "Left lung"),
        ("lung, right", "lung"),
        ("kidney (left)", "right kidney"),
        ("lt adrenal", "adrenal"),
    ],
)
def test_a_pair_of_organs_is_one_organ(first: str, second: str) -> None:
    targets = [Target(f"{organ} {n}", organ) for organ in (first, second) for n in (1, 2)]
    with pytest.raises(StudyError, match="at most 2 targets of an organ, got 4 of"):
        check_targets(targets)
    assert len(choose_targets([BaselineLesion(one, 20.0, 15.0) for one in targets])[0]) == 2


def test_a_side_alone_is_the_organ_that_it_is_called() -> None:
    check_targets([Target(str(n), organ) for n, organ in enumerate(("left", "left", "right", "right"))])


def test_five_at_most() -> None:
    seven = [lesion(f"{organ}{n}", organ, 20 + n) for n in (1, 2) for organ in ("liver", "lung", "bone")]
    targets, others = choose_targets(seven)
    assert len(targets) == 5
    assert [one.target.name for one in others] == ["bone1"]


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (lesion("a", "liver", 10.0), ("a", "")),
        (lesion("a", "liver", 9.9), ("", "a")),
        (lesion("a", "node", 30.0, 15.0), ("a", "")),
        (lesion("a", "node", 30.0, 14.9), ("", "a")),
        (lesion("a", "node", 30.0, 10.0), ("", "a")),
        (lesion("a", "node", 30.0, 9.9), ("", "")),
    ],
)
def test_least_sizes(one: BaselineLesion, expected: tuple[str, str]) -> None:
    assert chosen(one) == expected


def test_an_organ_is_one_however_it_is_spelled() -> None:
    spelled = [lesion(str(n), organ, 20 + n) for n, organ in enumerate(("liver", "LIVER", "liver ", "Liver"))]
    assert chosen(*spelled) == ("3 2", "0 1")


def test_thick_slices_raise_the_least_diameter() -> None:
    assert chosen(lesion("a", "liver", 14), slice_mm=5.0) == ("a", "")
    assert chosen(lesion("a", "liver", 14), slice_mm=7.5) == ("", "a")


def test_a_nodes_rank_is_its_short_axis() -> None:
    nodes = lesion("long", "node", 50, 16), lesion("round", "node", 22, 21), lesion("mid", "node", 30, 18)
    assert chosen(*nodes) == ("round mid", "long")


def visit(day: int, mm: float | None = 20.0, **more: Any) -> TimePoint:
    return TimePoint(day, {"a": TargetValue(mm)}, **more)


A = Target("a", "liver")


@pytest.mark.parametrize(
    ("targets", "visits", "message"),
    [
        ((A, A), [visit(0)], "'a' comes more than once"),
        (tuple(Target(str(n), str(n)) for n in range(6)), [visit(0)], "at most 5 targets, got 6"),
        (
            tuple(Target(str(n), "liver") for n in range(3)),
            [visit(0)],
            "at most 2 targets of an organ, got 3",
        ),
        ((A,), [visit(7)], "must be baseline, on day 0"),
        ((A,), [], "must be baseline, on day 0"),
        ((A,), [visit(0), visit(9), visit(9)], "day 9 comes after day 9"),
        ((A,), [visit(0, None)], "'a' was not measured at baseline"),
        ((A,), [visit(0, 8.0)], "longest diameter of 8 mm at baseline, RECIST 1.1 asks for at least 10 mm"),
        (
            tuple(Target(name, f"{name} axilla", True) for name in ("left", "right", "third")),
            [visit(0, 20.0)],
            "at most 2 targets of an organ, got 3 of 'lymph nodes'",
        ),
        ((Target("a", "node", True),), [visit(0, 12.0)], "short axis of 12 mm .* at least 15 mm"),
        ((A,), [visit(0), TimePoint(9, {"b": TargetValue(1.0)})], "day 9: 'b' is not a target"),
        ((A,), [visit(0), visit(9, non_targets=Response.CR)], "non-targets are CR, but baseline had none"),
        ((A,), [visit(0, new_lesion=NewLesion.YES)], "baseline cannot have a new lesion"),
        ((), [TimePoint(0)], "needs at least one target or non-target lesion"),
        ((A, Target(" A", "lung")), [visit(0)], "'a' comes more than once"),
        (
            tuple(Target(str(n), organ) for n, organ in enumerate(("liver", "Liver", " liver "))),
            [visit(0)],
            "at most 2 targets of an organ, got 3 of 'liver'",
        ),
    ],
)
def test_a_study_that_breaks_the_rules_says_which(
    targets: tuple[Target, ...], visits: list[TimePoint], message: str
) -> None:
    with pytest.raises(StudyError, match=message):
        Study(targets, tuple(visits))


def test_values_that_make_no_sense_are_refused() -> None:
    with pytest.raises(StudyError, match="diameter_mm must be 0 or more"):
        TargetValue(-1.0)
    with pytest.raises(StudyError, match="short axis must be 0 mm or more, got nan"):
        lesion("a", "liver", 20, float("nan"))
    with pytest.raises(StudyError, match="day 5: non-targets are CR, non-CR/non-PD, PD or NE, got PR"):
        TimePoint(5, non_targets=Response.PR)
    with pytest.raises(StudyError, match=r"diameter_mm must be 0 or more, .*, got False"):
        TargetValue(False)
    with pytest.raises(StudyError, match="is_node must be True or False, got 'no'"):
        Target("a", "liver", "no")  # type: ignore[arg-type]
    with pytest.raises(StudyError, match="has_non_targets must be True or False, got 'no'"):
        Study((A,), (visit(0),), "no")  # type: ignore[arg-type]
    with pytest.raises(StudyError, match="slice_mm must be 0 mm or more, got nan"):
        Study((A,), (visit(0),), slice_mm=float("nan"))
    for day in (float("inf"), 0.5, True):
        with pytest.raises(StudyError, match="day must be a whole number"):
            TimePoint(day)  # type: ignore[arg-type]


def test_a_text_counts_as_the_word_that_it_is() -> None:
    seen = visit(56, new_lesion="yes", non_targets="non-CR/non-PD")
    assert (seen.new_lesion, seen.non_targets) == (NewLesion.YES, Response.NON_CR_NON_PD)
    assert respond(Study((A,), (visit(0), visit(56, new_lesion="yes"))))[0].overall is Response.PD
    with pytest.raises(StudyError, match="day 56: new_lesion must be one of no, equivocal, yes, got 'maybe'"):
        visit(56, new_lesion="maybe")
