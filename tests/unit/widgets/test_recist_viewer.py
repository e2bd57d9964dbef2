"""The kernel's half of the widget: traits and messages as a browser sends them, without a browser."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import traitlets

from lite_ensam.core.case import Case
from lite_ensam.core.coded_concept import CodedConcept
from lite_ensam.core.errors import EngineError, LiteEnsamError, MarkError
from lite_ensam.core.partial_volume import as_subvolume
from lite_ensam.core.recist import RecistMark
from lite_ensam.widgets import RecistViewer
from lite_ensam.widgets.exports import export_file
from lite_ensam.widgets.marks_trait import marks_from_json, marks_to_json
from lite_ensam.widgets.planes import label_patch, windowed_slice
from tests.unit.widgets.conftest import SphereEngine

DOT = {"label": 1, "tool": "brush", "plane": 0, "index": 0, "radius_mm": 2, "ball": False, "path": [[2, 2]]}


@pytest.fixture
def viewer(case: Case, engine: SphereEngine) -> RecistViewer:
    return RecistViewer(case.ct, grid=case.grid)


@pytest.fixture
def sent(viewer: RecistViewer, monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], list[bytes]]]:
    """Custom messages to the browser."""
    messages: list[tuple[dict[str, Any], list[bytes]]] = []
    monkeypatch.setattr(
        viewer, "send", lambda content, buffers=None: messages.append((content, buffers or []))
    )
    return messages


def browser_sets(viewer: RecistViewer, **state: Any) -> None:
    viewer.set_state(state)


def browser_sends(viewer: RecistViewer, **content: Any) -> None:
    viewer._handle_custom_msg(content, [])


def test_a_line_from_the_browser_is_a_mark_with_a_mask(viewer: RecistViewer, case: Case) -> None:
    heard: list[tuple[RecistMark, ...]] = []
    viewer.observe(lambda change: heard.append(change["new"]), "marks")
    browser_sets(viewer, marks=marks_to_json(case.marks[:1]))
    assert viewer.marks == case.marks[:1]
    assert heard == [case.marks[:1]]
    assert [row["label"] for row in viewer.results] == [1]
    assert set(viewer.labels.flat) == {0, 1}
    assert viewer.labels.shape == case.ct.shape
    assert viewer.error == ""
    assert viewer.status == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cursor_zyx", []),
        ("cursor_zyx", [10**6, 0, 0]),
        ("selected", -1),
        ("colors", {"1": "a colour"}),
        ("colors", {1: "#00ff00"}),
        ("measures", [{"kind": "volume"}]),
    ],
)
def test_python_may_set_what_a_browser_may(viewer: RecistViewer, name: str, value: Any) -> None:
    before = getattr(viewer, name)
    with pytest.raises((LiteEnsamError, traitlets.TraitError)):
        setattr(viewer, name, value)
    assert getattr(viewer, name) == before


def test_numbers_in_files_are_those_of_the_masks(viewer: RecistViewer, case: Case, tmp_path: Path) -> None:
    viewer.marks = case.marks
    volume = viewer.results[0]["volume_ml"]
    viewer.results = [dict(row, volume_ml=999.0) for row in viewer.results]
    for kind in ("JSON", "CSV"):
        written = export_file(viewer, kind, "scan", tmp_path, overwrite=False).read_text()
        assert "999" not in written
        assert f"{volume:.2f}"[:4] in written


def test_marks_set_in_python_reach_the_browser(viewer: RecistViewer, case: Case) -> None:
    viewer.marks = list(case.marks)
    assert viewer.get_state("marks") == {"marks": marks_to_json(case.marks)}
    assert len(viewer.results) == 2
    viewer.marks = ()
    assert viewer.results == []
    assert not viewer.labels.any()


def test_marks_come_in_every_form_that_segment_takes(viewer: RecistViewer, case: Case) -> None:
    first, second = (mark.endpoints_zyx for mark in case.marks)
    viewer.marks = {4: first, 2: np.array(second)}
    assert [(mark.label, mark.endpoints_zyx) for mark in viewer.marks] == [(4, first), (2, second)]
    assert {row["label"] for row in viewer.results} == {2, 4}
    viewer.marks = case.marks[0]
    assert viewer.marks == case.marks[:1]
    with pytest.raises(MarkError, match="marks must be RecistMarks, a mapping, an array or a file"):
        viewer.marks = 7
    with pytest.raises(MarkError, match="endpoints must be two points"):
        viewer.marks = {1: (1, 2)}
    assert viewer.marks == case.marks[:1]


def test_a_moved_line_changes_the_numbers(viewer: RecistViewer, case: Case) -> None:
    viewer.marks = case.marks[:1]
    before, version = viewer.results[0]["volume_ml"], viewer._mask_version
    (z, y, x), _ = case.marks[0].endpoints_zyx
    browser_sets(viewer, marks=marks_to_json([RecistMark(1, ((z, y, x), (z, y, x + 4)))]))
    assert viewer.results[0]["volume_ml"] < before
    assert viewer._mask_version > version


def test_without_auto_a_line_waits_for_the_button(case: Case, engine: SphereEngine) -> None:
    viewer = RecistViewer(case.ct, grid=case.grid, auto_segment=False)
    viewer.marks = case.marks
    assert engine.runs == 0
    browser_sends(viewer, kind="segment")
    assert engine.runs == 2
    (z, y, x), _ = case.marks[0].endpoints_zyx
    viewer.marks = (RecistMark(1, ((z, y, x), (z, y, x + 4))), case.marks[1])
    assert [row["label"] for row in viewer.results] == [2], "a mask goes with the line it was made from"


def test_the_threshold_paints_again(viewer: RecistViewer, engine: SphereEngine, case: Case) -> None:
    viewer.marks = case.marks
    before = viewer.results[0]["volume_ml"]
    browser_sets(viewer, threshold=3.0)
    assert viewer.results[0]["volume_ml"] < before
    assert engine.runs == 2


def test_accept_and_reject(viewer: RecistViewer, case: Case) -> None:
    viewer.marks = case.marks
    browser_sends(viewer, kind="accept", label=1)
    browser_sends(viewer, kind="reject", label=2)
    assert [row["state"] for row in viewer.results] == ["accepted", "rejected"]
    assert set(viewer.labels.flat) == {0, 1}


def test_slices_come_windowed_with_their_masks(viewer: RecistViewer, case: Case, sent: list[Any]) -> None:
    viewer.marks = case.marks[:1]
    sent.clear()
    z = case.marks[0].slice_index
    browser_sends(
        viewer, kind="slices", id="a", window=[-100, 300], wants=[[0, z, True], [2, 3, True], [0, z, False]]
    )
    ((content, buffers),) = sent
    assert content["id"] == "a"
    assert [slice_["image"] for slice_ in content["slices"]] == [True, True, False]
    image, patch = buffers[:2]
    axial = viewer.planes[0]
    assert image == windowed_slice(case.ct, axial, z, (-100.0, 300.0)).tobytes()
    expected = label_patch(as_subvolume(viewer.labels), axial, z)
    assert patch == expected.codes.tobytes() == buffers[-1]
    where = {"start": expected.start, "shape": expected.codes.shape, "labels": (1,)}
    assert content["slices"][0]["patch"] == where
    assert len(buffers) == 5


def test_new_masks_come_without_being_asked_for(viewer: RecistViewer, case: Case, sent: list[Any]) -> None:
    """For the slices that are shown when the line is finished."""
    z, y, x = (round(m) for m in case.marks[0].midpoint_zyx)
    browser_sets(viewer, cursor_zyx=[z, y, x], marks=marks_to_json(case.marks[:1]))
    ((content, _),) = sent
    assert content["mask_version"] == viewer._mask_version == 1
    assert [(s["plane"], s["index"], s["image"]) for s in content["slices"]] == [
        (0, z, False),
        (1, y, False),
        (2, x, False),
    ]
    assert all(s["patch"]["labels"] == (1,) for s in content["slices"])


@pytest.mark.parametrize(
    "told",
    [
        {"short_axis_zyx": "a short axis"},
        {"first_slice": 0},
        {"last_slice": "the line's slice"},
        {"inside_zyx": "a point"},
        {"outside_zyx": "a point"},
    ],
)
def test_the_network_answers_all_that_a_reader_tells(
    viewer: RecistViewer, engine: SphereEngine, case: Case, told: dict[str, Any]
) -> None:
    (mark,) = viewer.marks = case.marks[:1]
    z, y, x = (int(a) for a in mark.endpoints_zyx[0])
    values = {"a short axis": [[z, y, x], [z, y + 3, x]], "the line's slice": z, "a point": [[z, y, x + 2]]}
    plain = marks_to_json([mark])[0]
    entry = plain | {name: values.get(value, value) for name, value in told.items()}
    browser_sends(viewer, kind="accept", label=1)
    runs, version = engine.runs, viewer._mask_version
    browser_sets(viewer, marks=[entry])
    assert viewer.error == ""
    assert marks_to_json(viewer.marks) == [entry]
    assert engine.runs > runs
    assert viewer._mask_version > version
    assert viewer.results[0]["state"] == "proposed", "what has changed is to be judged again"
    runs = engine.runs
    browser_sets(viewer, marks=[entry | {"name": "node"}])
    browser_sets(viewer, marks=[plain])
    browser_sets(viewer, marks=[entry])
    assert engine.runs == runs, "a name is not the network's, and undo and redo need no run"


def test_the_mask_obeys_slices_and_points(viewer: RecistViewer, case: Case) -> None:
    (mark,) = viewer.marks = case.marks[:1]
    z, y, x = (round(m) for m in mark.midpoint_zyx)
    assert {bool(viewer.labels[k, y, x]) for k in (z - 1, z, z + 1)} == {True}
    browser_sets(viewer, marks=[marks_to_json([mark])[0] | {"last_slice": z, "outside_zyx": [[z - 1, y, x]]}])
    assert [bool(viewer.labels[k, y, x]) for k in (z - 1, z, z + 1)] == [False, True, False]
    assert viewer.results[0]["volume_ml"] == pytest.approx(
        (viewer.labels == 1).sum() * np.prod(case.grid.spacing_mm) / 1000
    )


def test_what_a_hand_painted_stays_when_the_network_answers(viewer: RecistViewer, case: Case) -> None:
    (mark,) = viewer.marks = case.marks[:1]
    z, y, x = (round(m) for m in mark.midpoint_zyx)
    before, first = viewer.labels, viewer.results[0]
    browser_sends(viewer, kind="accept", label=1)
    dot = {**DOT, "tool": "eraser", "index": z, "path": [[y, x]]}
    browser_sets(viewer, edits=[dot])
    assert viewer.labels[z, y, x] == 0
    (row,) = viewer.results
    assert row["hand_removed_voxels"] == (before != viewer.labels).sum() > 0
    assert row["volume_ml"] < first["volume_ml"]
    assert row["state"] == "proposed", "what has changed is to be judged again"
    browser_sets(viewer, marks=[marks_to_json([mark])[0] | {"inside_zyx": [[z, y, x]]}])
    assert viewer.labels[z, y, x] == 0, "a hand wins over a click"
    browser_sets(viewer, marks=marks_to_json([mark]), threshold=0.5)
    assert viewer.labels[z, y, x] == 0
    browser_sets(viewer, edits=[], threshold=0.0)
    np.testing.assert_array_equal(viewer.labels, before)
    assert viewer.results[0] == first | {"state": "proposed"}


def test_strokes_go_with_their_lesion(viewer: RecistViewer, case: Case) -> None:
    viewer.marks = case.marks
    dot = DOT
    browser_sets(viewer, edits=[dot, dot | {"label": 2}])
    assert (viewer.labels[0] > 0).any()
    viewer.marks = case.marks[1:]
    assert [stroke["label"] for stroke in viewer.edits] == [2]
    viewer.marks = ()
    viewer.marks = case.marks
    assert viewer.edits == []
    assert not (viewer.labels[0] > 0).any(), "a new lesion does not inherit what was painted for an old one"
    browser_sets(viewer, marks=marks_to_json(case.marks[:1]), edits=[dot])
    assert (viewer.labels[0] == 1).any(), "undo brings both back in one message"


def test_a_mask_that_was_wiped_away_is_no_error(viewer: RecistViewer, case: Case) -> None:
    viewer.marks = case.marks[:1]
    n_z, _, _ = case.ct.shape
    wiped = {**DOT, "tool": "eraser", "radius_mm": 100, "path": [[20, 20], [40, 40]]}
    browser_sets(viewer, edits=[wiped | {"index": z} for z in range(n_z)])
    assert viewer.error == ""
    assert not viewer.labels.any()
    assert viewer.results[0]["volume_ml"] == 0
    assert json.dumps(viewer.results, allow_nan=False)


def test_a_short_axis_off_the_lines_slice_is_refused(viewer: RecistViewer, case: Case) -> None:
    (mark,) = viewer.marks = case.marks[:1]
    z, y, x = mark.endpoints_zyx[0]
    entry = marks_to_json([mark])[0] | {"short_axis_zyx": [[z, y, x], [z, y + 3, x]]}
    entry = marks_to_json([mark])[0] | {"short_axis_zyx": [[z, y, x], [z, y + 3, x]]}
    browser_sets(viewer, marks=[entry])
    assert viewer.marks[0].short_axis_mm(case.grid.spacing_mm) == 3 * case.grid.spacing_mm[1]
    browser_sets(viewer, marks=[entry | {"short_axis_zyx": [[z + 1, y, x], [z + 1, y + 3, x]]}])
    assert "mark 1: its short axis lies on slice" in viewer.error
    assert viewer.marks[0].short_axis_zyx == ((z, y, x), (z, y + 3, x))


def test_a_tumours_identity_survives_a_correction(viewer: RecistViewer, case: Case) -> None:
    """A line out of a DICOM report is corrected with the mouse: it is the same tumour over time."""
    viewer.marks = [replace(case.marks[0], tracking_uid="1.2.840.1")]
    (entry,) = viewer.get_state("marks")["marks"]
    (z, y, x), end = entry["endpoints_zyx"]
    browser_sets(viewer, marks=[entry | {"endpoints_zyx": [[z, y + 1, x], end]}])
    assert viewer.marks[0].endpoints_zyx != case.marks[0].endpoints_zyx
    assert viewer.marks[0].tracking_uid == "1.2.840.1"


def test_the_engine_is_made_ready_once_the_first_picture_stands(
    viewer: RecistViewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[int] = []
    monkeypatch.setattr(viewer.segmenter, "load", lambda: loads.append(1))
    ask = {"kind": "slices", "id": "a", "window": [0, 1], "wants": [[0, 0, True]]}
    viewer.auto_segment = False
    browser_sends(viewer, **ask)
    assert not viewer._warm, "whoever only looks need not wait for, or pay for, an engine"
    viewer.auto_segment = True
    browser_sends(viewer, **ask)
    browser_sends(viewer, **ask)
    for _ in range(100):
        if loads:
            break
        time.sleep(0.01)
    assert loads == [1]


def test_the_value_under_the_mouse(viewer: RecistViewer, case: Case, sent: list[Any]) -> None:
    browser_sends(viewer, kind="value", zyx=[3, 4, 5])
    ((content, _),) = sent
    assert content == {"kind": "value", "zyx": [3, 4, 5], "visit": 0, "value": case.ct[3, 4, 5]}


def test_a_notebook_without_a_browser_says_what_there_is(viewer: RecistViewer, case: Case) -> None:
    viewer.marks = case.marks
    shape = " x ".join(str(n) for n in case.ct.shape)
    assert repr(viewer) == f"RecistViewer({shape} voxels, 2 line(s), 2 mask(s))"


def test_a_bad_line_from_the_browser_is_said_and_changes_nothing(viewer: RecistViewer, case: Case) -> None:
    viewer.marks = case.marks[:1]
    browser_sets(viewer, marks=[{"label": 1, "endpoints_zyx": [[0, 0, 0], [0, 0, 999]]}])
    assert "outside the volume" in viewer.error
    assert viewer.marks == case.marks[:1]


def test_an_error_of_the_engine_is_said_in_the_widget(
    viewer: RecistViewer, engine: SphereEngine, case: Case
) -> None:
    engine.broken = EngineError("the weights are damaged")
    browser_sets(viewer, marks=marks_to_json(case.marks[:1]))
    assert viewer.error == "the weights are damaged"
    assert viewer.status == ""
    engine.broken = RuntimeError("boom")
    browser_sends(viewer, kind="segment")
    assert viewer.error == "Something unforeseen went wrong: RuntimeError: boom"
    engine.broken = None
    browser_sends(viewer, kind="segment")
    assert viewer.error == ""
    assert len(viewer.results) == 1


@pytest.mark.parametrize(
    "content",
    [
        {"kind": "accept", "label": 9},
        {"kind": "accept"},
        {"kind": "dance"},
        {"kind": "value", "zyx": [1, 2]},
        {"kind": "value", "zyx": [0, 0, 9999]},
        {"kind": "slices", "id": "a", "window": [0], "wants": [[0, 0, True]]},
        {"kind": "slices", "id": "a", "window": [0, 1], "wants": [[7, 0, True]]},
    ],
)
def test_a_bad_message_never_raises(viewer: RecistViewer, content: dict[str, Any]) -> None:
    browser_sends(viewer, **content)
    assert viewer.error


def test_in_python_errors_are_raised(viewer: RecistViewer, engine: SphereEngine, case: Case) -> None:
    with pytest.raises(MarkError, match="outside the volume"):
        viewer.marks = (RecistMark(1, ((0, 0, 0), (0, 0, 500))),)
    with pytest.raises(MarkError, match="no mask yet"):
        viewer.accept(1)
    with pytest.raises(traitlets.TraitError, match="lower one first"):
        viewer.window = [100.0, -100.0]
    viewer.auto_segment = False
    viewer.marks = case.marks
    engine.broken = EngineError("broken")
    with pytest.raises(EngineError, match="broken"):
        viewer.segment()


def test_the_first_view_is_the_first_line_in_its_window(case: Case, engine: SphereEngine) -> None:
    viewer = RecistViewer(case.ct, case.grid.spacing_mm, marks=case.marks)
    assert viewer.cursor_zyx == [round(m) for m in case.marks[0].midpoint_zyx]
    assert engine.runs == 0, "marks that were given are segmented when asked for"


@pytest.mark.parametrize(
    ("left", "right", "preset"),
    [(-850, -850, "lung"), (40, 40, "soft tissue"), (-900, 40, "soft tissue")],
    ids=["in the lung", "in soft tissue", "under the skin"],
)
def test_the_first_window_is_one_of_the_presets(
    engine: SphereEngine, left: int, right: int, preset: str
) -> None:
    ct = np.full((5, 9, 60), 40, np.int16)
    ct[..., :20], ct[..., 40:] = left, right
    viewer = RecistViewer(ct, (5, 1, 1), marks=[RecistMark(1, ((2, 4, 20), (2, 4, 39)))], hu=True)
    assert viewer.window == list(viewer._scan["windows"][preset])


def test_a_windowed_scan_is_shown_as_it_is(engine: SphereEngine) -> None:
    scan = np.random.default_rng(0).integers(3, 250, (4, 8, 8), dtype=np.uint8)
    viewer = RecistViewer(scan, (5, 1, 1))
    assert viewer.window == [scan.min(), scan.max()]
    assert list(viewer._scan["windows"]) == ["as stored"]


def test_a_scan_of_one_value_is_shown(engine: SphereEngine) -> None:
    assert RecistViewer(np.full((4, 8, 8), 7, np.uint8), (5, 1, 1)).window == [7.0, 8.0]


def test_an_array_needs_a_spacing(case: Case) -> None:
    with pytest.raises(LiteEnsamError, match="spacing_mm is missing"):
        RecistViewer(case.ct)
    with pytest.raises(LiteEnsamError, match="its grid"):
        RecistViewer(case.ct[1:], grid=case.grid)


def test_colours_follow_the_palette_unless_set(viewer: RecistViewer) -> None:
    assert viewer.color_of(1) == viewer.color_of(9)
    viewer.colors = {"1": "#123456"}
    assert viewer.color_of(1) == "#123456"


def test_slices_points_and_site_of_a_mark_survive_the_browser() -> None:
    line = ((4, 10, 2), (4, 10, 12))
    told = RecistMark(1, line, first_slice=3, inside_zyx=((4, 11, 5),), outside_zyx=((5, 1, 1),))
    told = replace(told, finding_site=CodedConcept("10200004", "SCT", "Liver"))
    plain = RecistMark(2, ((4, 20, 2), (4, 20, 12)))
    entries = marks_to_json([told, plain])
    assert marks_from_json(json.loads(json.dumps(entries)), (20, 30, 40)) == (told, plain)
