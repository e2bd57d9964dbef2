"""What a hand painted wins over the network, is counted, and goes no farther than its slice and its lesion."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lite_ensam.core.errors import ArgumentError
from lite_ensam.core.grid import Grid
from lite_ensam.core.partial_volume import SubVolume
from lite_ensam.widgets.hand_strokes import Stroke, strokes_from_json, with_strokes
from lite_ensam.widgets.planes import planes_of

SHAPE = (6, 30, 40)
PLANES = planes_of(Grid.from_spacing(SHAPE, (5.0, 2.0, 1.0)))
JSON: dict[str, Any] = {
    "label": 1,
    "erase": False,
    "plane": 0,
    "index": 2,
    "radius_mm": 3,
    "path": [[10, 12]],
}


def labels_of(*boxes: tuple[int, slice, slice, slice]) -> SubVolume:
    """A label map as the network's painting leaves it: the box that holds all labels."""
    labels = np.zeros(SHAPE, np.uint16)
    for label, *place in boxes:
        labels[tuple(place)] = label
    return SubVolume(labels[1:4, 8:16, 8:20].copy(), (1, 8, 8), SHAPE)


def test_a_dot_is_a_disc_in_mm_on_its_slice_even_outside_the_painted_box() -> None:
    part = labels_of()
    painted, edited = with_strokes(part, [Stroke(1, False, 0, 5, 3.0, ((20.0, 30.0),))], PLANES, [1])
    labels = painted.whole()
    rows, columns = np.indices(SHAPE[1:])
    disc = ((rows - 20) * 2.0) ** 2 + (columns - 30) ** 2 <= 9
    np.testing.assert_array_equal(labels[5] == 1, disc)
    assert not labels[:5].any()
    assert edited == {1: int(disc.sum())}
    assert not part.voxels.any(), "the network's map is as it was"


@pytest.mark.parametrize("plane", [0, 1, 2])
def test_a_path_leaves_no_gap_on_any_plane(plane: int) -> None:
    rows, columns = PLANES[plane].shape
    path = ((rows / 2, 1.0), (rows / 2, columns - 2.0))
    painted, _ = with_strokes(labels_of(), [Stroke(2, False, plane, 3, 0.1, path)], PLANES, [2])
    flat = painted.whole().take(3, axis=plane) == 2
    flat_columns = np.flatnonzero(flat.any(axis=0))
    assert {flat_columns[0], flat_columns[-1]} == {1, columns - 2}
    assert painted.whole().astype(bool).sum() == flat.sum()


def test_a_fast_hand_leaves_no_gap() -> None:
    """Two points far apart are joined, as wide as the brush."""
    stroke = Stroke(1, False, 0, 2, 2.0, ((5.0, 5.0), (25.0, 30.0)))
    painted, _ = with_strokes(labels_of(), [stroke], PLANES, [1])
    assert (painted.whole()[2] == 1).any(axis=1)[5:26].all()


def test_a_brush_takes_from_other_lesions_an_eraser_only_from_its_own() -> None:
    left, right = slice(8, 14), slice(14, 20)
    part = labels_of((1, slice(2, 3), slice(8, 16), left), (2, slice(2, 3), slice(8, 16), right))
    across = ((12.0, 10.0), (12.0, 18.0))
    painted, edited = with_strokes(part, [Stroke(1, False, 0, 2, 0.5, across)], PLANES, [1, 2])
    assert set(painted.whole()[2, 12, 10:19]) == {1}
    assert edited == {1: 5, 2: 5}
    erased, edited = with_strokes(part, [Stroke(1, True, 0, 2, 0.5, across)], PLANES, [1, 2])
    assert erased.whole()[2, 12, 10:19].tolist() == [0] * 4 + [2] * 5
    assert edited == {1: 4}


def test_the_last_stroke_on_a_voxel_counts_and_what_is_as_before_is_not_edited() -> None:
    part = labels_of((1, slice(2, 3), slice(8, 16), slice(8, 20)))
    dot = ((12.0, 14.0),)
    back = [Stroke(1, True, 0, 2, 2.0, dot), Stroke(1, False, 0, 2, 2.0, dot)]
    painted, edited = with_strokes(part, back, PLANES, [1])
    np.testing.assert_array_equal(painted.whole(), part.whole())
    assert edited == {}


def test_strokes_of_lesions_that_are_not_shown_and_beside_the_scan_do_nothing() -> None:
    part = labels_of((1, slice(2, 3), slice(8, 16), slice(8, 20)))
    beside = Stroke(1, True, 0, 2, 2.0, ((-50.0, 200.0),))
    other = Stroke(9, False, 0, 2, 2.0, ((12.0, 14.0),))
    painted, edited = with_strokes(part, [beside, other], PLANES, [1])
    np.testing.assert_array_equal(painted.whole(), part.whole())
    assert edited == {}


def test_json_becomes_strokes() -> None:
    (stroke,) = strokes_from_json([JSON], SHAPE)
    assert stroke == Stroke(1, False, 0, 2, 3.0, ((10.0, 12.0),))


@pytest.mark.parametrize(
    "change",
    [
        {"label": 0},
        {"label": True},
        {"label": 65536},
        {"erase": 1},
        {"plane": 3},
        {"plane": None},
        {"index": 6},
        {"index": -1},
        {"index": 1.5},
        {"radius_mm": -1},
        {"radius_mm": float("nan")},
        {"radius_mm": 1e9},
        {"path": []},
        {"path": [[1]]},
        {"path": [[1, float("inf")]]},
        {"path": [[1, "2"]]},
        {"path": [[0, 0]] * 2001},
        {"path": None},
    ],
)
def test_what_is_no_stroke_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match="a stroke must have"):
        strokes_from_json([JSON | change], SHAPE)


@pytest.mark.parametrize("entries", ["text", None, {}, [JSON] * 2001])
def test_what_is_no_list_of_strokes_is_refused(entries: Any) -> None:
    with pytest.raises(ArgumentError, match="strokes must be a list"):
        strokes_from_json(entries, SHAPE)
