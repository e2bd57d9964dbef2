"""Viewers that are closed or deleted keep neither their scan nor anything in ipywidgets' registry."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np
import pytest
from ipywidgets import VBox, Widget
from ipywidgets.widgets.widget import _instances

from lite_ensam.core.case import Case
from lite_ensam.core.errors import LiteEnsamError
from lite_ensam.core.recist import RecistMark
from lite_ensam.segmentation.predictor import Predictor
from lite_ensam.widgets import Explorer, RecistViewer, explore
from lite_ensam.widgets.marks_trait import marks_to_json
from tests.unit.widgets.conftest import SphereEngine
from tests.unit.widgets.test_explorer import find

Make = Callable[[Case], Any]


def viewer_of(case: Case) -> RecistViewer:
    return RecistViewer(np.array(case.ct), grid=case.grid, marks=case.marks)


def explorer_of(case: Case) -> Explorer:
    made = explore(Case(np.array(case.ct), case.grid, case.marks))
    find(made, "3D").value = True
    return made


def scan_of(widget: Any) -> Any:
    return (widget.viewer if isinstance(widget, Explorer) else widget).ct


@pytest.mark.parametrize("make", [viewer_of, explorer_of])
@pytest.mark.parametrize("end", ["closed", "deleted"])
def test_fifty_viewers_keep_no_scan(case: Case, engine: SphereEngine, make: Make, end: str) -> None:
    gc.collect()
    before = set(_instances)
    scans, kept = [], []
    for _ in range(50 if make is viewer_of else 10):
        widget = make(case)
        (widget.viewer if make is explorer_of else widget).segment()
        widget._repr_mimebundle_()
        scans.append(ref(scan_of(widget)))
        if end == "closed":
            widget.close()
            kept.append(widget)
    del widget
    gc.collect()
    assert [scan for scan in scans if scan() is not None] == []
    assert set(_instances) == before


def test_a_closed_viewer_keeps_marks_masks_and_numbers(case: Case, engine: SphereEngine) -> None:
    viewer = viewer_of(case)
    viewer.segment()
    labels, numbers, runs = viewer.labels.copy(), viewer.measurements, engine.runs
    viewer.close()
    viewer.close()
    assert viewer.marks == case.marks
    assert viewer.measurements == numbers
    np.testing.assert_array_equal(viewer.labels, labels)
    assert engine.runs == runs
    with pytest.raises(LiteEnsamError, match="this viewer is closed and has let its scan go"):
        _ = viewer.ct
    viewer.marks = (RecistMark(7, ((3, 4, 5), (3, 4, 15))),)
    assert "this viewer is closed" in viewer.error
    with pytest.raises(LiteEnsamError, match="this viewer is closed"):
        viewer.segment()


def test_a_closed_viewer_lets_go_of_the_patch_kept_for_clicks(
    case: Case, engine: SphereEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[Predictor] = []
    monkeypatch.setattr(Predictor, "forget", lambda predictor: forgotten.append(predictor))
    viewer = viewer_of(case)
    viewer.segment()
    assert forgotten == []
    viewer.close()
    assert len(forgotten) == 1


def test_a_viewer_outlives_its_explorer(case: Case, engine: SphereEngine) -> None:
    viewer = explorer_of(case).viewer
    gc.collect()
    assert viewer.comm is not None
    viewer.segment()
    assert len(viewer.results) == len(case.marks)


def test_a_viewer_still_hears_its_browser(case: Case, engine: SphereEngine) -> None:
    viewer = RecistViewer(case.ct, grid=case.grid)
    state = {"marks": marks_to_json(case.marks)}
    viewer.comm.handle_msg({"content": {"data": {"method": "update", "state": state}}, "buffers": []})
    assert viewer.marks == case.marks
    assert len(viewer.results) == 2


def test_a_page_that_is_loaded_again_finds_viewers_in_a_box(case: Case, engine: SphereEngine) -> None:
    made = explorer_of(case)
    box = VBox([made])
    asked_for = Widget.get_manager_state()["state"]
    assert {box.model_id, made.model_id, made.viewer.model_id} <= set(asked_for)
    assert asked_for[made.viewer.model_id]["state"]["marks"] == marks_to_json(case.marks)
    box.close()
