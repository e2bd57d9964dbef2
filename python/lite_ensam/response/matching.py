"""Which lesion of a later scan is which of baseline: by identity where marks have one, else by place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from lite_ensam.core.recist import RecistMark
from lite_ensam.core.types import Float64Array
from lite_ensam.response.names import name_key

__all__ = ["NEAR_MM", "Match", "match_by_identity", "match_by_place", "renamed"]

NEAR_MM = 20.0
"""How far a lesion may seem to have moved: a rigid registration does not follow breath. Copies
with a breath of up to 20 mm were registered 1.2 to 4.8 mm off (decision 0023)."""

_CLEARLY_NEARER = 2.0
"""A match is doubtful unless the next lesion of baseline is as many times farther away. The value was not compared with
others: no pair of real visits was at hand (decision 0023)."""


@dataclass(frozen=True)
class Match:
    """A lesion of a later scan and the lesion of baseline that it matches.

    Parameters
    ----------
    label : int
        Its label in the later scan.
    before : int or None
        Label of the same lesion at baseline; None if it has no match and may be new.
    distance_mm : float or None, default None
        Distance in mm between their places, after registration; None if identity decided.
    is_doubtful : bool, default False
        Whether another lesion of baseline lies less than twice as far away.
    """

    label: int
    before: int | None
    distance_mm: float | None = None
    is_doubtful: bool = False


def match_by_identity(before: Sequence[RecistMark], now: Sequence[RecistMark]) -> tuple[Match, ...]:
    """Match marks by tracking UID, then by name; marks without either in common are left out.

    Names are compared by `name_key`. A UID or name that several marks of one scan have tells them not apart, so it
    matches none of them.

    Parameters
    ----------
    before, now : Sequence[RecistMark]
        Marks of baseline and of the later scan.

    Returns
    -------
    tuple[Match, ...]
        A match for each mark of the later scan that was recognised.
    """
    found: list[Match] = []
    taken: set[int] = set()
    for attribute in ("tracking_uid", "name"):
        known = _by_unique(attribute, before)
        for key, label in _by_unique(attribute, now).items():
            old = known.get(key)
            if old is None or old in taken or any(one.label == label for one in found):
                continue
            found.append(Match(label, old))
            taken.add(old)
    return tuple(found)


def _by_unique(attribute: str, marks: Sequence[RecistMark]) -> dict[str, int]:
    """Label of each mark whose UID or name, if it has one, is its own."""
    keys = [name_key(getattr(mark, attribute)) for mark in marks]
    count = Counter(keys)
    return {key: mark.label for key, mark in zip(keys, marks, strict=True) if key and count[key] == 1}


def match_by_place(
    before_mm: Mapping[int, Float64Array],
    now_mm: Mapping[int, Float64Array],
    reach_mm: Mapping[int, float] | None = None,
) -> tuple[Match, ...]:
    """Match the nearest pairs, each lesion once.

    Parameters
    ----------
    before_mm, now_mm : Mapping[int, Float64Array]
        Places (3,) by label, in one world.
    reach_mm : Mapping[int, float] or None, default None
        How far from its place a lesion of baseline may lie, in mm, by label; `NEAR_MM` for labels that are
        left out.

    Returns
    -------
    tuple[Match, ...]
        One for every lesion of `now_mm`, by label; those that are too far from all have `before` None.

    Examples
    --------
    >>> here, there = {1: np.zeros(3)}, {7: np.array([3.0, 4.0, 0.0]), 8: np.array([50.0, 0.0, 0.0])}
    >>> [(one.label, one.before, one.distance_mm) for one in match_by_place(here, there)]
    [(7, 1, 5.0), (8, None, None)]
    """
    distance = {
        (new, old): float(np.linalg.norm(place - known))
        for new, place in now_mm.items()
        for old, known in before_mm.items()
    }
    found: dict[int, Match] = {}
    for (new, old), mm in sorted(distance.items(), key=lambda pair: pair[1]):
        if new in found or any(one.before == old for one in found.values()):
            continue
        if mm > (reach_mm or {}).get(old, NEAR_MM):
            continue
        others = [distance[new, other] for other in before_mm if other != old]
        found[new] = Match(new, old, mm, min(others, default=np.inf) < _CLEARLY_NEARER * mm)
    return tuple(found.get(label, Match(label, None)) for label in sorted(now_mm))


def renamed(
    now: Sequence[RecistMark], before: Sequence[RecistMark], matches: Sequence[Match]
) -> tuple[RecistMark, ...]:
    """Give matched marks the label, name, tracking UID and site of baseline, and new marks unused labels.

    Parameters
    ----------
    now, before : Sequence[RecistMark]
        Marks of the later scan and of baseline.
    matches : Sequence[Match]
        Matches of their labels.

    Returns
    -------
    tuple[RecistMark, ...]
        The marks of the later scan, in their order.
    """
    known = {mark.label: mark for mark in before}
    same = {one.label: known[one.before] for one in matches if one.before is not None}
    free = (label for label in count(max(known, default=0) + 1))
    marks = []
    for mark in now:
        if mark.label not in same:
            marks.append(replace(mark, label=next(free)))
            continue
        old = same[mark.label]
        uid, site = old.tracking_uid or mark.tracking_uid, old.finding_site or mark.finding_site
        marks.append(replace(mark, label=old.label, name=old.name, tracking_uid=uid, finding_site=site))
    return tuple(marks)
