"""Changed marks: by how much, on the same slice, inside the scan, and the same draw each time."""

from dataclasses import replace

import numpy as np
import pytest

from lite_ensam.core.errors import MarkError
from lite_ensam.core.recist import RecistMark
from lite_ensam.evaluation.perturbations import CHANGES, change_marks
from tests.phantoms import ellipsoid_case

JITTER, SHORT = CHANGES


def ends_of(case) -> np.ndarray:
    return np.array([mark.endpoints_zyx for mark in case.marks])


def test_a_jittered_end_lies_on_one_of_the_eight_voxels_around_it() -> None:
    case = ellipsoid_case()
    given = ends_of(case).reshape(-1, 3)
    seen = set()
    for seed in range(40):
        for end in ends_of(change_marks(case, JITTER, seed)).reshape(-1, 3):
            move = min(end - given, key=np.linalg.norm)  # ends are kept in ascending order
            seen.add(tuple(np.rint(move).tolist()))
            assert np.rint(move) == pytest.approx(move)
    assert seen == {(0, y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)}


def test_the_draw_depends_on_seed_case_and_label_alone() -> None:
    case = ellipsoid_case()
    one, other = case.marks
    first = ends_of(change_marks(case, JITTER, 0))
    np.testing.assert_array_equal(first[1:], ends_of(change_marks(replace(case, marks=(other,)), JITTER, 0)))
    assert (first != ends_of(change_marks(replace(case, name="another"), JITTER, 0))).any()
    assert (first != ends_of(change_marks(case, JITTER, 1))).any()
    assert one.label == 1


def test_a_short_line_lacks_15_percent_and_keeps_its_middle() -> None:
    case = ellipsoid_case()
    short = change_marks(case, SHORT, 0)
    for before, after in zip(case.marks, short.marks, strict=True):
        spacing = case.grid.spacing_mm
        assert after.length_mm(spacing) == pytest.approx(0.85 * before.length_mm(spacing))
        assert after.midpoint_zyx == pytest.approx(before.midpoint_zyx)


def test_an_end_at_the_border_stays_inside() -> None:
    case = ellipsoid_case()
    corner = replace(case, marks=(RecistMark(1, ((0, 0, 0), (0, 0, 5))),))
    for seed in range(20):
        assert ends_of(change_marks(corner, JITTER, seed)).min() >= 0


def test_a_line_that_no_draw_leaves_is_refused() -> None:
    case = ellipsoid_case()
    dot = replace(case, marks=(RecistMark(1, ((3, 3, 3), (3, 3, 3 + 1.1e-6))),))
    with pytest.raises(MarkError, match="too short a line to be drawn with line 15 % short"):
        change_marks(dot, SHORT, 0)
