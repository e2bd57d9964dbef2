"""Diameters of graphics, compared with all pairs of points."""

from itertools import combinations
from time import process_time

import numpy as np
import pytest

from lite_ensam.core.errors import MarkError
from lite_ensam.io.dicom.drawings import crosses, length_mm, read_drawing

SPACING = np.array([2.5, 0.8, 0.7])


def outline(n: int, seed: int = 0) -> np.ndarray:
    """A closed blob on slice 3, (n, 3)."""
    rng = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    radius = 20 * (1 + 0.2 * np.sin(3 * angle + seed)) + rng.uniform(0, 0.5, n)
    return np.column_stack([np.full(n, 3.0), 50 + radius * np.sin(angle), 60 + 1.4 * radius * np.cos(angle)])


def all_pairs_mm(points: np.ndarray) -> float:
    return max(length_mm(np.array(pair), SPACING) for pair in combinations(points, 2))


@pytest.mark.parametrize("seed", range(12))
def test_the_ends_of_an_outline_are_its_two_farthest_points(seed: int) -> None:
    points = outline(3 + seed * 7, seed)
    drawn = read_drawing("POLYGON", points, SPACING)
    assert length_mm(drawn.ends_zyx, SPACING) == pytest.approx(all_pairs_mm(points))
    on_a_grid = np.rint(points)
    closed = np.vstack([on_a_grid, on_a_grid[:1]])
    mm = length_mm(read_drawing("POLYLINE", closed, SPACING).ends_zyx, SPACING)
    assert mm == pytest.approx(all_pairs_mm(on_a_grid))


def test_an_outline_of_20000_points_takes_less_than_a_second() -> None:
    angle = np.linspace(0, 2 * np.pi, 20_000)
    circle = np.column_stack([np.zeros(20_000), 256 + 100 * np.sin(angle), 256 + 100 * np.cos(angle)])
    start = process_time()
    ends = read_drawing("POLYLINE", circle, np.array([2.5, 0.8, 0.8])).ends_zyx
    assert process_time() - start < 1
    assert length_mm(ends, np.array([2.5, 0.8, 0.8])) == pytest.approx(160, abs=1e-4)


def test_circles_and_ellipses_give_their_diameters() -> None:
    center, rim = [2, 38, 50], [2, 38, 63]
    assert read_drawing("CIRCLE", np.array([center, rim], float), SPACING).ends_zyx.tolist() == [
        [2, 38, 37],
        [2, 38, 63],
    ]
    axes = np.array([[2, 30, 50], [2, 46, 50], [2, 38, 40], [2, 38, 60]], float)  # 12.8 and 14 mm
    assert read_drawing("ELLIPSE", axes, SPACING).ends_zyx.tolist() == [[2, 38, 40], [2, 38, 60]]


@pytest.mark.parametrize(
    ("kind", "points", "message"),
    [
        ("POINT", [(0, 1, 1)], "marks 1 point, not a diameter"),
        ("MULTIPOINT", [(0, 1, 1), (0, 5, 5)], "marks 2 points, not a diameter"),
        ("POLYLINE", [(0, 1, 1), (0, 5, 5), (0, 1, 9)], "is an open line of 3 points"),
        ("POLYLINE", [(0, 1, x) for x in range(9)], "is an open line of 9 points"),
        ("POLYLINE", [(0, 1, 1), (0, 1, 9), (0, 5, 9), (0, 5, 1), (0, 1, 1)], "is a rectangle"),
        ("POLYLINE", [(0, 1, 1), (0, 1, 9), (0, 5, 9), (0, 5, 1)], "is a rectangle"),
        ("POLYGON", [(0, 1, 1), (0, 1, 4), (0, 1, 9), (0, 5, 9), (0, 5, 1)], "is a rectangle"),
        ("POLYGON", [(0, 1, 1), (2, 1, 9), (0, 5, 9)], "is an outline on slices z = 0 to 2"),
        ("ELLIPSOID", [(0, 1, 1)] * 6, "is 'ELLIPSOID' of 6 points, not a diameter"),
        ("CIRCLE", [(0, 1, 1)] * 3, "is 'CIRCLE' of 3 points, not a diameter"),
        ("POLYLINE", [(0, 1, 1), (0, np.nan, 9)], "has coordinates that are not finite"),
    ],
)
def test_what_is_not_a_diameter_is_said(kind: str, points: list[tuple[float, ...]], message: str) -> None:
    with pytest.raises(MarkError, match=message):
        read_drawing(kind, np.array(points, float), SPACING)


def test_lines_cross_between_their_ends_only() -> None:
    line = np.array([(2, 4, 0), (2, 4, 10)], float)
    assert crosses(line, np.array([(2, 2, 5), (2, 6, 6)], float))
    assert not crosses(line, np.array([(3, 2, 5), (3, 6, 6)], float))  # on another slice
    assert not crosses(line, np.array([(2, 2, 10), (2, 6, 10)], float))  # a tick at its end
    assert not crosses(line, np.array([(2, 6, 0), (2, 6, 10)], float))
    assert not crosses(line, line)
