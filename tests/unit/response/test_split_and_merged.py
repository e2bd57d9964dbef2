"""Lesions that split, merge or become too small to measure (RECIST 1.1, section 4.3.2 and appendix II)."""

import pytest

from lite_ensam.core.errors import StudyError
from lite_ensam.response import (
    VOLUME,
    Response,
    Study,
    Target,
    TargetValue,
    TimePoint,
    respond,
    respond_immune,
)

ONE, TWO, NODE = Target("one", "liver"), Target("two", "liver"), Target("node", "lymph node", True)
SIZES = {"one": TargetValue(30.0, 14.0), "two": TargetValue(20.0, 4.0), "node": TargetValue(20.0, 4.0)}


def study(one: TargetValue, two: TargetValue, node: float | None = None) -> Study:
    targets = (ONE, TWO) if node is None else (ONE, TWO, NODE)
    later = {"one": one, "two": two} | ({} if node is None else {"node": TargetValue(node)})
    baseline = {target.name: SIZES[target.name] for target in targets}
    return Study(targets, (TimePoint(0, baseline), TimePoint(56, later)))


def test_fragments_count_their_sum_and_their_deviations_add_in_squares() -> None:
    whole = TargetValue.added_up([TargetValue(20.0, 3.0, 1.5, 0.3), TargetValue(15.0, 2.0, 2.0, 0.4)])
    assert whole == TargetValue(35.0, 5.0, 2.5, 0.5)


@pytest.mark.parametrize(
    ("fragments", "overall"),
    [((40.0, None), "PD"), ((20.0, 20.0, None), "PD"), ((12.0, None), "NE"), ((None, None), "NE")],
)
def test_a_fragment_that_was_not_measured_hides_no_pd(
    fragments: tuple[float | None, ...], overall: str
) -> None:
    """Section 4.4.2: the lesion is at least as large as the fragments that were measured."""
    value = TargetValue.added_up([TargetValue(mm) for mm in fragments])
    assert (value.diameter_mm, value.least("diameter")) == (None, sum(mm or 0 for mm in fragments))
    course = study(value, TargetValue(20.0))
    assert respond(course)[0].overall == overall
    assert respond_immune(course)[0].overall == {"PD": "iUPD"}.get(overall, overall)


def test_a_fragment_that_is_seen_after_cr_is_pd_whatever_the_other() -> None:
    """Table 3, note a: disease that is back."""
    gone = {"one": TargetValue(0.0)}
    back = {"one": TargetValue.added_up([TargetValue(4.0), TargetValue()])}
    visits = (TimePoint(0, {"one": SIZES["one"]}), TimePoint(56, gone), TimePoint(112, back))
    assert [one.overall for one in respond(Study((ONE,), visits))] == ["CR", "PD"]


def test_a_merged_target_counts_with_the_one_that_it_is_part_of() -> None:
    judged = respond(study(TargetValue(45.0, 20.0), TargetValue(merged_into="one")))[0]
    assert (judged.sum, judged.overall) == (45.0, Response.SD)
    by_volume = respond(study(TargetValue(45.0, 20.0), TargetValue(merged_into="one")), VOLUME)[0]
    assert (by_volume.sum, by_volume.overall) == (20.0, Response.SD)


@pytest.mark.parametrize(
    ("mm", "node", "overall"), [(0.0, None, "CR"), (None, None, "NE"), (0.0, 12.0, "PR")]
)
def test_a_merged_target_is_gone_only_with_the_other(
    mm: float | None, node: float | None, overall: str
) -> None:
    assert respond(study(TargetValue(mm), TargetValue(merged_into="one"), node))[0].overall == overall


@pytest.mark.parametrize(
    ("one", "two", "message"),
    [
        (TargetValue(30.0), TargetValue(merged_into="three"), "'three': that is not another target"),
        (TargetValue(30.0), TargetValue(merged_into="two"), "'two': that is not another target"),
        (TargetValue(merged_into="two"), TargetValue(merged_into="one"), "which has merged itself"),
        (TargetValue(30.0), TargetValue(merged_into="node"), "of a node the short axis counts"),
    ],
)
def test_what_cannot_have_merged_is_refused(one: TargetValue, two: TargetValue, message: str) -> None:
    with pytest.raises(StudyError, match=f"day 56: .* cannot have merged into .*{message}"):
        study(one, two, 20.0)


def test_a_merged_target_has_no_size_and_none_is_merged_at_baseline() -> None:
    with pytest.raises(StudyError, match="merged into 'one' has no size of its own"):
        TargetValue(3.0, merged_into="one")
    with pytest.raises(StudyError, match="at baseline each target is measured by itself"):
        Study((ONE, TWO, NODE), (TimePoint(0, SIZES | {"two": TargetValue(merged_into="one")}),))


def test_what_is_too_small_to_measure_counts_5_mm_and_is_not_gone() -> None:
    judged = respond(study(TargetValue.too_small_to_measure(), TargetValue(0.0)))[0]
    assert (judged.sum, judged.overall) == (5.0, Response.PR)
