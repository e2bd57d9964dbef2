"""What a hand painted wins over the network, is counted, and goes no farther than its slice and its lesion."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from lite_ensam.core.errors import ArgumentError
from lite_ensam.core.grid import Grid
from lite_ensam.core.partial_volume import SubVolume
from lite_ensam.widgets.hand_edits import (
    HandVoxels,
    Stroke,
    ToolEdit,
    edits_from_json,
    tool_edit_json,
    with_edits,
)
from lite_ensam.widgets.planes import planes_of

BRUSH, ERASER = "brush", "eraser"
SHAPE = (6, 30, 40)
SPACING = (5.0, 2.0, 1.0)
PLANES = planes_of(Grid.from_spacing(SHAPE, SPACING))
JSON: dict[str, Any] = {
    "label": 1,
    "tool": "brush",
    "plane": 0,
    "index": 2,
    "radius_mm": 3,
    "ball": False,
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
    painted, edited = with_edits(part, [Stroke(1, BRUSH, 0, 5, 3.0, False, ((20.0, 30.0),))], SPACING, [1])
    labels = painted.whole()
    rows, columns = np.indices(SHAPE[1:])
    disc = ((rows - 20) * 2.0) ** 2 + (columns - 30) ** 2 <= 9
    np.testing.assert_array_equal(labels[5] == 1, disc)
    assert not labels[:5].any()
    assert edited == {1: HandVoxels(int(disc.sum()), 0)}
    assert not part.voxels.any(), "the network's map is as it was"


@pytest.mark.parametrize("plane", [0, 1, 2])
def test_a_path_leaves_no_gap_on_any_plane(plane: int) -> None:
    rows, columns = PLANES[plane].shape
    path = ((rows / 2, 1.0), (rows / 2, columns - 2.0))
    painted, _ = with_edits(labels_of(), [Stroke(2, BRUSH, plane, 3, 0.1, False, path)], SPACING, [2])
    flat = painted.whole().take(3, axis=plane) == 2
    flat_columns = np.flatnonzero(flat.any(axis=0))
    assert {flat_columns[0], flat_columns[-1]} == {1, columns - 2}
    assert painted.whole().astype(bool).sum() == flat.sum()


def test_a_fast_hand_leaves_no_gap() -> None:
    """Two points far apart are joined, as wide as the brush."""
    stroke = Stroke(1, BRUSH, 0, 2, 2.0, False, ((5.0, 5.0), (25.0, 30.0)))
    painted, _ = with_edits(labels_of(), [stroke], SPACING, [1])
    assert (painted.whole()[2] == 1).any(axis=1)[5:26].all()


def test_a_brush_takes_from_other_lesions_an_eraser_only_from_its_own() -> None:
    left, right = slice(8, 14), slice(14, 20)
    part = labels_of((1, slice(2, 3), slice(8, 16), left), (2, slice(2, 3), slice(8, 16), right))
    across = ((12.0, 10.0), (12.0, 18.0))
    painted, edited = with_edits(part, [Stroke(1, BRUSH, 0, 2, 0.5, False, across)], SPACING, [1, 2])
    assert set(painted.whole()[2, 12, 10:19]) == {1}
    assert edited == {1: HandVoxels(5, 0), 2: HandVoxels(0, 5)}
    erased, edited = with_edits(part, [Stroke(1, ERASER, 0, 2, 0.5, False, across)], SPACING, [1, 2])
    assert erased.whole()[2, 12, 10:19].tolist() == [0] * 4 + [2] * 5
    assert edited == {1: HandVoxels(0, 4)}


def test_the_last_stroke_on_a_voxel_counts_and_what_is_as_before_is_not_edited() -> None:
    part = labels_of((1, slice(2, 3), slice(8, 16), slice(8, 20)))
    dot = ((12.0, 14.0),)
    back = [Stroke(1, ERASER, 0, 2, 2.0, False, dot), Stroke(1, BRUSH, 0, 2, 2.0, False, dot)]
    painted, edited = with_edits(part, back, SPACING, [1])
    np.testing.assert_array_equal(painted.whole(), part.whole())
    assert edited == {}


def test_strokes_of_lesions_that_are_not_shown_and_beside_the_scan_do_nothing() -> None:
    part = labels_of((1, slice(2, 3), slice(8, 16), slice(8, 20)))
    beside = Stroke(1, ERASER, 0, 2, 2.0, False, ((-50.0, 200.0),))
    other = Stroke(9, BRUSH, 0, 2, 2.0, False, ((12.0, 14.0),))
    painted, edited = with_edits(part, [beside, other], SPACING, [1])
    np.testing.assert_array_equal(painted.whole(), part.whole())
    assert edited == {}


def test_json_becomes_strokes() -> None:
    (stroke,) = edits_from_json([JSON], SHAPE)
    assert stroke == Stroke(1, BRUSH, 0, 2, 3.0, False, ((10.0, 12.0),))


@pytest.mark.parametrize(
    "change",
    [
        {"label": 0},
        {"label": True},
        {"label": 65536},
        {"tool": "scissors"},
        {"tool": None},
        {"tool": []},
        {"ball": 1},
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
    with pytest.raises(ArgumentError, match="an edit must be a stroke"):
        edits_from_json([JSON | change], SHAPE)


@pytest.mark.parametrize("entries", ["text", None, {}, [JSON] * 2001])
def test_what_is_no_list_of_strokes_is_refused(entries: Any) -> None:
    with pytest.raises(ArgumentError, match="edits must be a list"):
        edits_from_json(entries, SHAPE)


def test_what_a_tool_changed_is_kept_to_the_voxel_and_laid_over_any_mask() -> None:
    before = labels_of((1, slice(2, 3), slice(8, 16), slice(8, 14))).mask_of(1)
    after = before.voxels.copy()
    after[1, :, :3] = False
    after[2, 3, 7] = True
    entry = tool_edit_json(1, "smooth", before, after)
    assert entry is not None
    assert (entry["start_zyx"], entry["shape_zyx"]) == ([2, 8, 8], [2, 8, 8])
    (edit,) = edits_from_json(json.loads(json.dumps([entry])), SHAPE)
    assert isinstance(edit, ToolEdit)
    assert (edit.label, edit.tool, int(edit.added.sum()), int(edit.removed.sum())) == (1, "smooth", 1, 24)
    painted, edited = with_edits(
        labels_of((1, slice(2, 3), slice(8, 16), slice(8, 14))), [edit], SPACING, [1]
    )
    np.testing.assert_array_equal(painted.on((before.start_zyx, before.stop_zyx)), after)
    assert edited == {1: HandVoxels(1, 24)}
    painted, edited = with_edits(labels_of(), [edit], SPACING, [1])
    assert painted.whole().sum() == painted.whole()[3, 11, 15] == 1
    assert edited == {1: HandVoxels(1, 0)}
    assert tool_edit_json(1, "smooth", before, before.voxels) is None


@pytest.mark.parametrize("plane", [0, 1, 2])
def test_a_ball_is_round_in_mm_on_every_plane_and_stays_in_the_scan(plane: int) -> None:
    middle = np.array((1, 15, 20))
    stroke = Stroke(1, BRUSH, plane, int(middle[plane]), 9.0, True, (tuple(np.delete(middle, plane)),))
    painted, _ = with_edits(labels_of(), [stroke], SPACING, [1])
    place = (np.moveaxis(np.indices(SHAPE), 0, -1) - middle) * SPACING
    np.testing.assert_array_equal(painted.whole() == 1, np.linalg.norm(place, axis=-1) <= 9)


def test_a_ball_along_a_path_is_a_tube() -> None:
    path = ((15.0, 10.0), (15.0, 30.0))
    painted, _ = with_edits(labels_of(), [Stroke(1, BRUSH, 0, 3, 6.0, True, path)], SPACING, [1])
    labels = painted.whole()
    for z in (2, 4):
        rows, columns = np.nonzero(labels[z])
        assert np.ptp(rows) * 2.0 == 4.0, "of 2 * sqrt(36 - 25) mm, in rows of 2 mm"
        assert (columns.min(), columns.max()) == (7, 33)
    assert not labels[[0, 1, 5]].any()
