"""The kernel's half of the widget: traits and messages as a browser sends them, without a browser."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import traitlets

from lite_ensam.case import Case
from lite_ensam.errors import EngineError, LiteEnsamError, MarkError
from lite_ensam.parts import as_part
from lite_ensam.recist import RecistMark
from lite_ensam.widgets import RecistMarker
from lite_ensam.widgets.marks_json import marks_to_json
from lite_ensam.widgets.planes import label_patch, windowed_slice
from tests.unit.widgets.conftest import SphereEngine


@pytest.fixture
def marker(case: Case, engine: SphereEngine) -> RecistMarker:
    return RecistMarker(case.ct, grid=case.grid)


@pytest.fixture
def sent(marker: RecistMarker, monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], list[bytes]]]:
    """Custom messages to the browser."""
    messages: list[tuple[dict[str, Any], list[bytes]]] = []
    monkeypatch.setattr(
        marker, "send", lambda content, buffers=None: messages.append((content, buffers or []))
    )
    return messages


def browser_sets(marker: RecistMarker, **state: Any) -> None:
    marker.set_state(state)


def browser_sends(marker: RecistMarker, **content: Any) -> None:
    marker._handle_custom_msg(content, [])


def test_a_line_from_the_browser_is_a_mark_with_a_mask(marker: RecistMarker, case: Case) -> None:
    heard: list[tuple[RecistMark, ...]] = []
    marker.observe(lambda change: heard.append(change["new"]), "marks")
    browser_sets(marker, marks=marks_to_json(case.marks[:1]))
    assert marker.marks == case.marks[:1]
    assert heard == [case.marks[:1]]
    assert [row["label"] for row in marker.results] == [1]
    assert set(marker.labels.flat) == {0, 1}
    assert marker.labels.shape == case.ct.shape
    assert marker.error == ""
    assert marker.status == ""


def test_marks_set_in_python_reach_the_browser(marker: RecistMarker, case: Case) -> None:
    marker.marks = list(case.marks)
    assert marker.get_state("marks") == {"marks": marks_to_json(case.marks)}
    assert len(marker.results) == 2
    marker.marks = ()
    assert marker.results == []
    assert not marker.labels.any()


def test_marks_come_in_every_form_that_segment_takes(marker: RecistMarker, case: Case) -> None:
    first, second = (mark.endpoints_zyx for mark in case.marks)
    marker.marks = {4: first, 2: np.array(second)}
    assert [(mark.label, mark.endpoints_zyx) for mark in marker.marks] == [(4, first), (2, second)]
    assert {row["label"] for row in marker.results} == {2, 4}
    marker.marks = case.marks[0]
    assert marker.marks == case.marks[:1]
    with pytest.raises(MarkError, match="marks must be RecistMarks, a mapping, an array or a file"):
        marker.marks = 7
    with pytest.raises(MarkError, match="endpoints must be two points"):
        marker.marks = {1: (1, 2)}
    assert marker.marks == case.marks[:1]


def test_a_moved_line_changes_the_numbers(marker: RecistMarker, case: Case) -> None:
    marker.marks = case.marks[:1]
    before, version = marker.results[0]["volume_ml"], marker._mask_version
    (z, y, x), _ = case.marks[0].endpoints_zyx
    browser_sets(marker, marks=marks_to_json([RecistMark(1, ((z, y, x), (z, y, x + 4)))]))
    assert marker.results[0]["volume_ml"] < before
    assert marker._mask_version > version


def test_without_auto_a_line_waits_for_the_button(case: Case, engine: SphereEngine) -> None:
    marker = RecistMarker(case.ct, grid=case.grid, auto_segment=False)
    marker.marks = case.marks
    assert engine.runs == 0
    browser_sends(marker, kind="segment")
    assert engine.runs == 2
    (z, y, x), _ = case.marks[0].endpoints_zyx
    marker.marks = (RecistMark(1, ((z, y, x), (z, y, x + 4))), case.marks[1])
    assert [row["label"] for row in marker.results] == [2], "a mask goes with the line it was made from"


def test_the_threshold_paints_again(marker: RecistMarker, engine: SphereEngine, case: Case) -> None:
    marker.marks = case.marks
    before = marker.results[0]["volume_ml"]
    browser_sets(marker, threshold=3.0)
    assert marker.results[0]["volume_ml"] < before
    assert engine.runs == 2


def test_accept_and_reject(marker: RecistMarker, case: Case) -> None:
    marker.marks = case.marks
    browser_sends(marker, kind="accept", label=1)
    browser_sends(marker, kind="reject", label=2)
    assert [row["state"] for row in marker.results] == ["accepted", "rejected"]
    assert set(marker.labels.flat) == {0, 1}


def test_slices_come_windowed_with_their_masks(marker: RecistMarker, case: Case, sent: list[Any]) -> None:
    marker.marks = case.marks[:1]
    sent.clear()
    z = case.marks[0].slice_index
    browser_sends(
        marker, kind="slices", id="a", window=[-100, 300], wants=[[0, z, True], [2, 3, True], [0, z, False]]
    )
    ((content, buffers),) = sent
    assert content["id"] == "a"
    assert [slice_["image"] for slice_ in content["slices"]] == [True, True, False]
    image, patch = buffers[:2]
    axial = marker.planes[0]
    assert image == windowed_slice(case.ct, axial, z, (-100.0, 300.0)).tobytes()
    expected = label_patch(as_part(marker.labels), axial, z)
    assert patch == expected.codes.tobytes() == buffers[-1]
    where = {"start": expected.start, "shape": expected.codes.shape, "labels": (1,)}
    assert content["slices"][0]["patch"] == where
    assert len(buffers) == 5


def test_new_masks_come_without_being_asked_for(marker: RecistMarker, case: Case, sent: list[Any]) -> None:
    """For the slices that are shown when the line is finished."""
    z, y, x = (round(m) for m in case.marks[0].midpoint_zyx)
    browser_sets(marker, cursor_zyx=[z, y, x], marks=marks_to_json(case.marks[:1]))
    ((content, _),) = sent
    assert content["mask_version"] == marker._mask_version == 1
    assert [(s["plane"], s["index"], s["image"]) for s in content["slices"]] == [
        (0, z, False),
        (1, y, False),
        (2, x, False),
    ]
    assert all(s["patch"]["labels"] == (1,) for s in content["slices"])


def test_a_short_axis_is_kept_and_costs_no_network_run(
    marker: RecistMarker, engine: SphereEngine, case: Case
) -> None:
    (mark,) = marker.marks = case.marks[:1]
    (z, y, x), runs = mark.endpoints_zyx[0], engine.runs
    entry = marks_to_json([mark])[0] | {"short_axis_zyx": [[z, y, x], [z, y + 3, x]]}
    browser_sets(marker, marks=[entry])
    assert marker.marks[0].short_axis_mm(case.grid.spacing_mm) == 3 * case.grid.spacing_mm[1]
    assert engine.runs == runs
    assert [row["label"] for row in marker.results] == [1]
    browser_sets(marker, marks=[entry | {"short_axis_zyx": [[z + 1, y, x], [z + 1, y + 3, x]]}])
    assert "short axis of mark 1" in marker.error
    assert marker.marks[0].short_axis_zyx == ((z, y, x), (z, y + 3, x))


def test_a_tumours_identity_survives_a_correction(marker: RecistMarker, case: Case) -> None:
    """A line out of a DICOM report is corrected with the mouse: it is the same tumour over time."""
    marker.marks = [replace(case.marks[0], tracking_uid="1.2.840.1")]
    (entry,) = marker.get_state("marks")["marks"]
    (z, y, x), end = entry["endpoints_zyx"]
    browser_sets(marker, marks=[entry | {"endpoints_zyx": [[z, y + 1, x], end]}])
    assert marker.marks[0].endpoints_zyx != case.marks[0].endpoints_zyx
    assert marker.marks[0].tracking_uid == "1.2.840.1"


def test_the_engine_is_made_ready_once_the_first_picture_stands(
    marker: RecistMarker, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[int] = []
    monkeypatch.setattr(marker.segmenter, "load", lambda: loads.append(1))
    ask = {"kind": "slices", "id": "a", "window": [0, 1], "wants": [[0, 0, True]]}
    marker.auto_segment = False
    browser_sends(marker, **ask)
    assert not marker._warm, "whoever only looks need not wait for, or pay for, an engine"
    marker.auto_segment = True
    browser_sends(marker, **ask)
    browser_sends(marker, **ask)
    for _ in range(100):
        if loads:
            break
        time.sleep(0.01)
    assert loads == [1]


def test_the_value_under_the_mouse(marker: RecistMarker, case: Case, sent: list[Any]) -> None:
    browser_sends(marker, kind="value", zyx=[3, 4, 5])
    ((content, _),) = sent
    assert content == {"kind": "value", "zyx": [3, 4, 5], "value": case.ct[3, 4, 5]}


def test_a_notebook_without_a_browser_says_what_there_is(marker: RecistMarker, case: Case) -> None:
    marker.marks = case.marks
    shape = " x ".join(str(n) for n in case.ct.shape)
    assert repr(marker) == f"RecistMarker({shape} voxels, 2 line(s), 2 mask(s))"


def test_a_bad_line_from_the_browser_is_said_and_changes_nothing(marker: RecistMarker, case: Case) -> None:
    marker.marks = case.marks[:1]
    browser_sets(marker, marks=[{"label": 1, "endpoints_zyx": [[0, 0, 0], [0, 0, 999]]}])
    assert "outside the volume" in marker.error
    assert marker.marks == case.marks[:1]


def test_an_error_of_the_engine_is_said_in_the_widget(
    marker: RecistMarker, engine: SphereEngine, case: Case
) -> None:
    engine.broken = EngineError("the weights are damaged")
    browser_sets(marker, marks=marks_to_json(case.marks[:1]))
    assert marker.error == "the weights are damaged"
    assert marker.status == ""
    engine.broken = RuntimeError("boom")
    browser_sends(marker, kind="segment")
    assert marker.error == "Something unforeseen went wrong: RuntimeError: boom"
    engine.broken = None
    browser_sends(marker, kind="segment")
    assert marker.error == ""
    assert len(marker.results) == 1


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
def test_a_bad_message_never_raises(marker: RecistMarker, content: dict[str, Any]) -> None:
    browser_sends(marker, **content)
    assert marker.error


def test_in_python_errors_are_raised(marker: RecistMarker, engine: SphereEngine, case: Case) -> None:
    with pytest.raises(MarkError, match="outside the volume"):
        marker.marks = (RecistMark(1, ((0, 0, 0), (0, 0, 500))),)
    with pytest.raises(MarkError, match="no mask yet"):
        marker.accept(1)
    with pytest.raises(traitlets.TraitError, match="lower one first"):
        marker.window = [100.0, -100.0]
    marker.auto_segment = False
    marker.marks = case.marks
    engine.broken = EngineError("broken")
    with pytest.raises(EngineError, match="broken"):
        marker.segment()


def test_the_first_view_is_the_first_line_in_its_window(case: Case, engine: SphereEngine) -> None:
    marker = RecistMarker(case.ct, case.grid.spacing_mm, marks=case.marks)
    assert marker.cursor_zyx == [round(m) for m in case.marks[0].midpoint_zyx]
    assert engine.runs == 0, "marks that were given are segmented when asked for"


def test_a_windowed_scan_is_shown_as_it_is(engine: SphereEngine) -> None:
    scan = np.random.default_rng(0).integers(3, 250, (4, 8, 8), dtype=np.uint8)
    marker = RecistMarker(scan, (5, 1, 1))
    assert marker.window == [scan.min(), scan.max()]
    assert list(marker._scan["windows"]) == ["as stored"]


def test_an_array_needs_a_spacing(case: Case) -> None:
    with pytest.raises(LiteEnsamError, match="spacing_mm is missing"):
        RecistMarker(case.ct)
    with pytest.raises(LiteEnsamError, match="its grid"):
        RecistMarker(case.ct[1:], grid=case.grid)


def test_colours_follow_the_palette_unless_set(marker: RecistMarker) -> None:
    assert marker.color_of(1) == marker.color_of(9)
    marker.colors = {"1": "#123456"}
    assert marker.color_of(1) == "#123456"
