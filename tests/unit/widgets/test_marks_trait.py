"""Marks go to the browser and come back as they were; what is no mark is refused in words."""

import json

import pytest

from lite_ensam.core.errors import MarkError
from lite_ensam.core.recist import RecistMark
from lite_ensam.widgets.marks_trait import marks_from_json, marks_to_json

SHAPE = (10, 20, 30)
MARKS = (
    RecistMark(2, ((3, 4, 5), (3, 10, 12)), "node", "1.2.3", ((3, 5, 8), (3, 9, 6))),
    RecistMark(7, ((4, 1.5, 2), (4, 1.5, 9.25))),
    RecistMark(
        8,
        ((5, 1, 2), (5, 1, 9)),
        first_slice=0,
        last_slice=7,
        inside_zyx=((6, 2.5, 3), (5, 1, 4)),
        outside_zyx=((9, 9, 9),),
    ),
)


def test_the_way_there_and_back() -> None:
    assert marks_from_json(json.loads(json.dumps(marks_to_json(MARKS))), SHAPE) == MARKS


def test_no_marks_are_fine() -> None:
    assert marks_from_json([], SHAPE) == ()


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([{"label": 1}], "marks must be a list"),
        ("text", "marks must be a list"),
        ([{"label": 0, "endpoints_zyx": [[0, 0, 0], [0, 0, 5]]}], "label must be"),
        ([{"label": 1, "endpoints_zyx": [[0, 0, 0], [0, 0, 99]]}], "outside the volume"),
        ([{"label": 1, "endpoints_zyx": [[0, 0, 0], [5, 0, 9]]}], "one axial slice"),
        ([{"label": 1, "endpoints_zyx": [[0, 0, 0], [0, 0, 9]]}] * 2, "comes 2 times"),
    ],
)
def test_what_is_no_mark_is_refused(entries: object, words: str) -> None:
    with pytest.raises(MarkError, match=words):
        marks_from_json(entries, SHAPE)
