"""New lesions over time: which of them are certain, looking back, and what those that are not listed are called."""

from collections.abc import Sequence
from dataclasses import replace

from lite_ensam.response.lesions import LesionState, NewLesionFinding
from lite_ensam.response.study import NewLesion, TimePoint

__all__ = ["certain_new_lesions", "unseen_new_lesions"]


def certain_new_lesions(visits: Sequence[TimePoint]) -> list[dict[str, NewLesionFinding]]:
    """New lesions of each visit that are there and certain, by name.

    An equivocal lesion is certain from the initial scan on if the visits that follow show it until one is certain
    (section 4.3.5). A visit at which it could not be evaluated refutes nothing. A visit that only says that there is a
    new lesion has one of its own; in a row of such visits it is the same.

    Parameters
    ----------
    visits : Sequence[TimePoint]
        Visits after baseline, in order.
    """
    found = []
    sure: set[str] = set()
    for visit, lesions in zip(reversed(visits), reversed(_there(visits)), strict=True):
        unseen = {name for name in sure if not visit.tells_new_lesions or name in unseen_new_lesions(visit)}
        certain = {name for name, one in lesions.items() if one.is_certain or name in sure}
        found.append(
            {name: replace(one, is_certain=True) for name, one in lesions.items() if name in certain}
        )
        sure = certain | unseen
    return found[::-1]


def unseen_new_lesions(visit: TimePoint) -> frozenset[str]:
    """Names of the new lesions that a visit lists and could not evaluate."""
    return frozenset(
        name for name, one in visit.new_lesions.items() if one.state is LesionState.NOT_EVALUABLE
    )


def _there(visits: Sequence[TimePoint]) -> list[dict[str, NewLesionFinding]]:
    """New lesions that are seen, certain or not."""
    found = []
    first: int | None = None
    for visit in visits:
        if visit.new_lesions or visit.new_lesion in (None, NewLesion.NO):
            first = first if not visit.tells_new_lesions else None
            found.append({name: one for name, one in visit.new_lesions.items() if one.is_there})
        else:
            first = visit.day if first is None else first
            is_certain = visit.new_lesion is NewLesion.YES
            found.append({f"new lesion of day {first}": NewLesionFinding("", is_certain=is_certain)})
    return found
