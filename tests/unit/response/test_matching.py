"""Lesions known again: by tracking UID, by name, by the nearest place."""

import numpy as np
import pytest

from lite_ensam.core.recist import RecistMark
from lite_ensam.response import Match, match_by_identity, match_by_place, renamed


def mark(label: int, name: str = "", uid: str = "") -> RecistMark:
    return RecistMark(label, ((label, 1, 1), (label, 1, 9)), name, uid)


def place(*mm: float) -> np.ndarray:
    return np.array([*mm, 0.0, 0.0])[:3]


def test_the_tracking_uid_goes_before_the_name() -> None:
    before = (mark(1, "liver 1", "1.1"), mark(2, "liver 2", "1.2"), mark(3, "lung"))
    now = (mark(1, "liver 1", "1.2"), mark(2, "liver 2", "9.9"), mark(5, "lung"), mark(6))
    assert match_by_identity(before, now) == (Match(1, 2), Match(5, 3))


def test_names_are_compared_without_case_and_spaces() -> None:
    assert match_by_identity((mark(1, "Liver 1"),), (mark(4, " liver  1"),)) == (Match(4, 1),)


def test_a_name_or_uid_that_two_marks_share_tells_them_not_apart() -> None:
    twins = (mark(1, "liver 1", "1.1"), mark(2, "liver 1", "1.1"), mark(3, "lung"))
    assert match_by_identity(twins, (mark(7, "liver 1", "1.1"), mark(8, "lung"))) == (Match(8, 3),)
    assert match_by_identity((mark(7, "liver 1", "1.1"), mark(8, "lung")), twins) == (Match(3, 8),)


def test_the_nearest_pairs_are_matched_each_lesion_once() -> None:
    before = {1: place(0), 2: place(30), 3: place(100)}
    now = {10: place(28), 11: place(33), 12: place(4), 13: place(160)}
    found = match_by_place(before, now)
    assert [(one.label, one.before, one.distance_mm) for one in found] == [
        (10, 2, 2.0),
        (11, None, None),
        (12, 1, 4.0),
        (13, None, None),
    ]


def test_how_far_is_too_far_can_be_said_for_each_lesion() -> None:
    before, now = {1: place(0), 2: place(200)}, {1: place(35), 2: place(235)}
    assert [one.before for one in match_by_place(before, now)] == [None, None]
    assert [one.before for one in match_by_place(before, now, {1: 40.0})] == [1, None]


def test_a_lesion_may_seem_to_have_moved_by_two_centimetres() -> None:
    found = match_by_place({1: place(0), 2: place(100)}, {1: place(20.0), 2: place(79.9)})
    assert [one.before for one in found] == [1, None]


@pytest.mark.parametrize(("other_mm", "doubtful"), [(17.0, True), (20.9, True), (21.1, False), (30.0, False)])
def test_a_lesion_between_two_is_doubtful(other_mm: float, doubtful: bool) -> None:
    (one,) = match_by_place({1: place(0), 2: place(other_mm)}, {1: place(7)})
    assert (one.before, one.is_doubtful) == (1, doubtful)


def test_marks_take_what_the_lesion_was_called_and_new_ones_a_label_of_their_own() -> None:
    before = (mark(1, "liver 1", "1.1"), mark(4, "lung"))
    now = (mark(1), mark(2, "mine", "2.2"), mark(3, "theirs", "3.3"))
    matches = (Match(1, 4, 3.0), Match(2, 1, 2.0), Match(3, None))
    found = renamed(now, before, matches)
    assert [(one.label, one.name, one.tracking_uid) for one in found] == [
        (4, "lung", ""),
        (1, "liver 1", "1.1"),
        (5, "theirs", "3.3"),
    ]
    assert [one.endpoints_zyx for one in found] == [one.endpoints_zyx for one in now]
