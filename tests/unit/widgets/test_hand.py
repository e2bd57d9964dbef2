"""Tools of the hand on a viewer: what they change, what they leave, what they say, and that nothing later wipes it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lite_ensam.core.case import Case
from lite_ensam.core.errors import ArgumentError, MarkError
from lite_ensam.core.recist import notes_of
from lite_ensam.io import parse_marks, write_ct
from lite_ensam.widgets import RecistViewer, explore
from tests.unit.widgets.conftest import SphereEngine


@pytest.fixture
def viewer(case: Case, engine: SphereEngine) -> RecistViewer:
    made = RecistViewer(case.ct, grid=case.grid, marks=case.marks)
    made.segment()
    return made


def middle(viewer: RecistViewer, label: int = 1) -> tuple[int, int, int]:
    z, y, x = (round(m) for m in viewer.marks[label - 1].midpoint_zyx)
    return z, y, x


def test_a_ball_reaches_as_many_mm_to_all_sides_and_an_eraser_takes_it_back(viewer: RecistViewer) -> None:
    before, (z, y, x) = viewer.labels, (11, 8, 40)
    assert not before[z - 3 : z + 4, y - 7 : y + 8, x - 7 : x + 8].any()
    viewer.hand.paint(1, [(z, y, x)], 6.0, ball=True)
    place = (np.moveaxis(np.indices(before.shape), 0, -1) - (z, y, x)) * viewer.grid.spacing_mm
    expected = np.linalg.norm(place, axis=-1) <= 6.0
    np.testing.assert_array_equal(viewer.labels != before, expected)
    assert viewer.results[0]["hand_added_voxels"] == expected.sum()
    viewer.hand.paint(1, [(z, y, x)], 6.0, ball=True, erase=True, plane="sagittal")
    np.testing.assert_array_equal(viewer.labels, before)
    assert viewer.results[0]["hand_added_voxels"] == 0


def test_two_painted_slices_are_enough_for_those_between(viewer: RecistViewer) -> None:
    z, y, x = middle(viewer)
    top = int(np.flatnonzero((viewer.labels == 1).any(axis=(1, 2)))[-1])
    viewer.hand.paint(1, [(top + 4, y, x)], 4.0)
    assert not (viewer.labels[top + 1 : top + 4] == 1).any()
    assert viewer.hand.fill_between(1) == f"Lesion 1 was filled on axial slices {top + 2} to {top + 4}"
    areas = (viewer.labels == 1).sum(axis=(1, 2))[top : top + 5]
    assert areas.all()
    assert (viewer.labels[top + 1 : top + 4, y, x] == 1).all()
    viewer.hand.paint(1, [(z, y, x)], 30.0, erase=True)
    viewer.hand.paint(1, [(z, y, x)], 3.0)
    words = viewer.hand.fill_between(1)
    assert words.startswith(f"Lesion 1 was filled on axial slices {z + 2} to "), (
        "from what was painted last on"
    )
    assert (viewer.labels[z + 1] == 1).sum() < 60


def test_filling_says_what_it_needs(viewer: RecistViewer) -> None:
    before = viewer.labels
    needs = "paint lesion 1 on two axial slices, with others between them, by the brush that is not 3D"
    assert viewer.hand.fill_between(1) == f"Nothing to fill: {needs}"
    viewer.hand.paint(1, [middle(viewer)], 4.0, ball=True)
    assert viewer.hand.fill_between(1) == f"Nothing to fill: {needs}"
    assert viewer.hand.fill_between(1, "coronal").startswith(
        "Nothing to fill: paint lesion 1 on two coronal slices"
    )
    np.testing.assert_array_equal(viewer.labels, before)


def test_islands_go_but_for_those_with_the_line_or_a_click(viewer: RecistViewer) -> None:
    network = viewer.labels
    assert viewer.hand.remove_islands(1) == "Lesion 1 has no islands: it is one piece"
    viewer.hand.paint(1, [(2, 4, 4)], 1.0)
    viewer.hand.paint(1, [(19, 4, 40)], 2.0)
    n_island = int((viewer.labels != network).sum())
    volume = n_island * 2.5 / 1000
    assert viewer.hand.remove_islands(1) == f"Lesion 1 lost 2 islands, {n_island} voxels ({volume:.2f} ml)"
    np.testing.assert_array_equal(viewer.labels, network)
    first, second = viewer.marks
    viewer.edits = viewer.edits[:-1]
    viewer.marks = (replace(first, inside_zyx=((2, 4, 4),)), second)
    assert viewer.hand.remove_islands(1).startswith("Lesion 1 lost 1 island, ")
    assert viewer.labels[2, 4, 4] == 1


def test_smoothing_says_how_far_the_border_moved_and_keeps_volume_and_neighbours(
    viewer: RecistViewer,
) -> None:
    z, y, x = middle(viewer)
    viewer.hand.paint(1, [(z, y, x), (z, y, x + 20)], 1.0)
    before = viewer.labels
    words = viewer.hand.smooth(1, 3)
    after = viewer.labels
    assert (after == 1).sum() == (before == 1).sum()
    np.testing.assert_array_equal(after == 2, before == 2)
    assert after[z, y, x + 18] == 0
    volume = (after == 1).sum() * 2.5 / 1000
    start = "Lesion 1 was smoothed by 3 mm: its border moved by up to "
    assert words.startswith(start)
    assert words.endswith(f" mm, its volume is {volume:.2f} ml as before")
    assert 3 < float(words.removeprefix(start).split()[0]) < 20
    assert viewer.hand.smooth(1, np.float32(2)).startswith("Lesion 1 was smoothed by 2 mm")
    for bad in (0, -1, 21, float("nan"), "2", True):
        with pytest.raises(ArgumentError, match="mm must be above 0 and at most 20"):
            viewer.hand.smooth(1, bad)  # type: ignore[arg-type]


def test_smoothing_obeys_slices_and_clicks(viewer: RecistViewer) -> None:
    z, y, x = middle(viewer)
    first, second = viewer.marks
    viewer.marks = (replace(first, last_slice=z, outside_zyx=((z - 1, y, x),)), second)
    viewer.hand.smooth(1, 4)
    assert not (viewer.labels[z + 1 :] == 1).any()
    assert viewer.labels[z - 1, y, x] == 0


def test_what_a_tool_made_stays_when_the_network_answers_or_a_threshold_moves(viewer: RecistViewer) -> None:
    z, y, x = middle(viewer)
    viewer.hand.paint(1, [(z, y, x), (z, y, x + 20)], 1.0)
    viewer.hand.smooth(1, 3)
    smoothed = viewer.labels
    first, second = viewer.marks
    viewer.marks = (replace(first, outside_zyx=((z, y + 5, x),)), second)
    viewer.thresholds = {1: 0.5}
    assert not (viewer.labels[z, y, x + 15 :] == 1).any()
    assert (smoothed != viewer.labels).any()
    viewer.thresholds = {}
    viewer.marks = (first, second)
    np.testing.assert_array_equal(viewer.labels, smoothed)


def test_a_lesion_without_a_mask_cannot_be_edited(viewer: RecistViewer) -> None:
    viewer.reject(2)
    for label in (2, 7):
        with pytest.raises(
            MarkError, match=f"lesion {label} has no mask to edit: segment or accept it first"
        ):
            viewer.hand.smooth(label)
    with pytest.raises(ArgumentError, match="plane must be one of axial, coronal, sagittal, got 'oblique'"):
        viewer.hand.fill_between(1, "oblique")
    with pytest.raises(ArgumentError, match=r"path_zyx must be points \(z, y, x\) on one axial slice"):
        viewer.hand.paint(1, [(1, 2, 3), (2, 2, 3)], 4)
    with pytest.raises(ArgumentError, match="an edit must be a stroke"):
        viewer.hand.paint(1, [(999, 2, 3)], 4)


def test_a_threshold_of_its_own_moves_one_lesion(viewer: RecistViewer, engine: SphereEngine) -> None:
    before, runs = viewer.labels, engine.runs
    viewer.accept(1)
    viewer.accept(2)
    viewer.thresholds = {1: 2.0}
    assert (viewer.labels == 1).sum() < (before == 1).sum()
    np.testing.assert_array_equal(viewer.labels == 2, before == 2)
    assert [row["state"] for row in viewer.results] == ["proposed", "accepted"]
    assert engine.runs == runs
    assert viewer.threshold_of(1) == 2.0
    viewer.threshold = 2.0
    viewer.thresholds = {2: 0.0}
    np.testing.assert_array_equal(viewer.labels == 2, before == 2)
    assert (viewer.labels == 1).sum() < (before == 1).sum()


def test_a_threshold_of_its_own_gives_the_mask_that_it_gives_to_all(viewer: RecistViewer, case: Case) -> None:
    viewer.threshold = 1.5
    expected = viewer.labels
    viewer.threshold = 0.0
    viewer.thresholds = {1: 1.5, 2: 1.5}
    np.testing.assert_array_equal(viewer.labels, expected)


def edit_all(viewer: RecistViewer) -> None:
    z, y, x = middle(viewer)
    viewer.hand.paint(1, [(z, y, x), (z, y, x + 20)], 2.0, ball=True)
    viewer.hand.paint(2, [middle(viewer, 2)], 3.0, erase=True, plane="coronal")
    viewer.hand.smooth(1, 3)
    viewer.thresholds = {2: -0.5}
    viewer.accept(1)


def test_a_saved_report_takes_the_work_up_again(case: Case, engine: SphereEngine, tmp_path: Path) -> None:
    scan = tmp_path / "ct.nii.gz"
    write_ct(scan, case.ct, case.grid)
    first = explore(scan, list(case.marks), folder=tmp_path)
    first.viewer.segment()
    edit_all(first.viewer)
    report = first.save("JSON")
    second = explore(scan, report, folder=tmp_path)
    np.testing.assert_array_equal(second.viewer.labels, first.viewer.labels)
    assert second.viewer.edits == first.viewer.edits
    assert [row["state"] for row in second.viewer.results] == ["accepted", "proposed"]
    content = json.loads(report.read_text())
    third = explore(scan, content)
    np.testing.assert_array_equal(third.viewer.labels, first.viewer.labels)
    assert content["thresholds"] == {"2": -0.5}
    counts = [(row["hand_added_voxels"], row["hand_removed_voxels"]) for row in content["tumors"]]
    assert all(sum(pair) for pair in counts)


def test_edits_of_another_scan_are_refused_and_those_that_make_no_sense(
    viewer: RecistViewer, case: Case, tmp_path: Path
) -> None:
    edit_all(viewer)
    content = {"marks": [{"label": 1, "endpoints_zyx": case.marks[0].endpoints_zyx}], "edits": viewer.edits}
    with pytest.raises(
        MarkError, match=r"edits by hand were made on a scan of shape \(9, 9, 9\) \(z, y, x\)"
    ):
        explore(case, content | {"shape_zyx": (9, 9, 9)})
    path = tmp_path / "report.json"
    path.write_text(json.dumps(content | {"shape_zyx": case.ct.shape, "edits": [{"tool": "saw"}]}))
    with pytest.raises(MarkError, match=r"report\.json: an edit must be a stroke"):
        explore(case, path)
    kept = explore(case, content | {"shape_zyx": case.ct.shape}).viewer.edits
    assert {edit["label"] for edit in kept} == {1}, "lesion 2 is not marked"


def test_segment_says_that_it_leaves_edits_out(viewer: RecistViewer, case: Case) -> None:
    edit_all(viewer)
    entries = [{"label": 1, "endpoints_zyx": case.marks[0].endpoints_zyx}]
    marks = {"marks": entries, "edits": viewer.edits, "shape_zyx": case.ct.shape}
    (note,) = notes_of(parse_marks(marks, case.grid))
    assert "edits by hand" in note
    assert notes_of(parse_marks({"marks": entries, "edits": [], "thresholds": {}}, case.grid)) == ()
