"""Doubtful entries of a study, and what it leaves unsaid: a sentence for each, for readers of the report."""

from __future__ import annotations

from collections.abc import Iterator

from lite_ensam.response import (
    LesionState,
    NewLesionFinding,
    NonTargetFinding,
    Study,
    TargetValue,
    TimePoint,
    name_key,
)
from lite_ensam.response.targets import is_normal_node

__all__ = ["COUNTS_BELOW_10_MM", "is_called_node", "study_doubts"]

COUNTS_BELOW_10_MM = "it counts as a lesion below 10 mm, too; say node if it is a lymph node"

_NODE_WORDS = frozenset({"node", "nodes", "lymph"})


def is_called_node(organ: str) -> bool:
    """Whether an organ is a lymph node by its words."""
    return not _NODE_WORDS.isdisjoint(name_key(organ).split())


def study_doubts(study: Study) -> Iterator[str]:
    """Yield sentences on doubtful entries, visit by visit."""
    yield from _unsaid_new_nodes(study)
    for visit in study.time_points:
        yield from _reasons_with_sizes(visit)
        yield from _normal_new_nodes(visit)
        if visit.day:
            yield from _unsaid_non_targets(study, visit)


def _reasons_with_sizes(visit: TimePoint) -> Iterator[str]:
    """Lesions with a reason for not being evaluable that are evaluated all the same: 0 mm "resected" would be CR."""
    findings: dict[str, TargetValue | NonTargetFinding | NewLesionFinding]
    findings = {**visit.targets, **visit.non_target_states, **visit.new_lesions}
    for name, one in findings.items():
        is_seen = one.has_size if isinstance(one, TargetValue) else one.state is not LesionState.NOT_EVALUABLE
        if one.reading.reason and is_seen:
            what = "state" if isinstance(one, NonTargetFinding) else "size"
            yield (
                f"day {visit.day}, {name}: has a {what} and a reason for not being evaluable; the {what} counts. If "
                "the lesion was removed or could not be evaluated, leave its size empty and call it not evaluable"
            )


def _unsaid_new_nodes(study: Study) -> Iterator[str]:
    found = {name: one for visit in study.time_points for name, one in visit.new_lesions.items()}
    for name, one in found.items():
        if not one.is_node and is_called_node(one.organ):
            yield f"{name} lies in {one.organ!r} but node is not said: {COUNTS_BELOW_10_MM}"


def _normal_new_nodes(visit: TimePoint) -> Iterator[str]:
    for name, one in visit.new_lesions.items():
        if one.diameter_mm and is_normal_node(one.is_node, one.diameter_mm):
            yield (
                f"day {visit.day}, {name}: a lymph node of {one.diameter_mm:g} mm is normal and does not count as a "
                "new lesion (RECIST 1.1, 3.1.1: from 10 mm in the short axis)"
            )


def _unsaid_non_targets(study: Study, visit: TimePoint) -> Iterator[str]:
    if not study.has_non_targets or visit.non_targets is not None:
        return
    listed = [one.name for one in study.non_target_lesions]
    lost = [name for name in listed if name not in visit.non_target_states]
    if not listed:
        yield (
            f"day {visit.day}: the non-targets have no state, so they count as not evaluable. Give non_targets at this "
            "visit if they were evaluated"
        )
    elif lost:
        have, they_count, were = (
            ("has", "it counts", "it was") if len(lost) == 1 else ("have", "they count", "they were")
        )
        yield (
            f"day {visit.day}: {', '.join(lost)} {have} no state, so {they_count} as not evaluable. Give a state at "
            f"this visit if {were} seen or absent"
        )
