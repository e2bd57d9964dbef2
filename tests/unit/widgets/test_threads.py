"""ipykernel 7 handles what the browser sends in a thread of its own, while cells run in the main one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

from lite_ensam.core.case import Case
from lite_ensam.core.errors import EngineError
from lite_ensam.core.recist import RecistMark
from lite_ensam.io import read_labels
from lite_ensam.widgets import Explorer, RecistViewer, explore
from lite_ensam.widgets.marks_trait import marks_to_json
from tests.unit.widgets.conftest import SphereEngine
from tests.unit.widgets.test_explorer import find, words

SECONDS = 0.4


@pytest.fixture
def explorer(case: Case, engine: SphereEngine, tmp_path: Path) -> Explorer:
    """Both lines have masks; from now on the engine is slow."""
    made = explore(case, folder=tmp_path)
    made.viewer.segment()
    engine.seconds = SECONDS
    engine.started.clear()
    return made


@pytest.fixture
def moved(case: Case) -> tuple[RecistMark, ...]:
    """The first line with its end dragged."""
    (z, y, x), _ = case.marks[0].endpoints_zyx
    return RecistMark(1, ((z, y, x), (z, y, x + 4))), case.marks[1]


def by_browser(viewer: RecistViewer, marks: tuple[RecistMark, ...]) -> None:
    viewer.set_state({"marks": marks_to_json(marks)})


def by_python(viewer: RecistViewer, marks: tuple[RecistMark, ...]) -> None:
    viewer.marks = marks


@contextmanager
def running(action: Callable[[], Any]) -> Iterator[Thread]:
    """A thread that does it, as ipykernel's; joined at the end, which a deadlock would prevent."""
    thread = Thread(target=action, daemon=True)
    thread.start()
    yield thread
    thread.join(20)
    assert not thread.is_alive()


def wait_for_line(viewer: RecistViewer, marks: tuple[RecistMark, ...]) -> None:
    """As soon as a reader can see it, long before its mask."""
    end = time.monotonic() + 20
    while viewer.marks != marks:
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.mark.parametrize("change", [by_browser, by_python])
@pytest.mark.parametrize("read", ["measurements", "labels", "NIfTI", "JSON"])
def test_whoever_reads_gets_the_mask_of_the_new_line(
    explorer: Explorer, case: Case, moved: tuple[RecistMark, ...], change: Any, read: str
) -> None:
    viewer = explorer.viewer
    before, old = viewer.measurements, viewer.labels.copy()
    with running(lambda: change(viewer, moved)):
        wait_for_line(viewer, moved)
        found: Any = (
            getattr(viewer, read)
            if hasattr(viewer, read)
            else read_labels(explorer.save(read), case.grid)
            if read == "NIfTI"
            else json.loads(explorer.save(read).read_text())["tumors"][0]["volume_ml"]
        )
    if read == "measurements":
        assert found == viewer.measurements
        assert found[0].volume_ml < before[0].volume_ml
    elif read == "JSON":
        assert found == pytest.approx(viewer.measurements[0].volume_ml)
        assert found < before[0].volume_ml
    else:
        np.testing.assert_array_equal(found, viewer.labels)
        assert (found != old).any()


def test_a_reader_before_the_observer_brings_masks_up_to_date(
    explorer: Explorer, engine: SphereEngine, moved: tuple[RecistMark, ...]
) -> None:
    viewer, runs = explorer.viewer, engine.runs
    before = viewer.measurements
    with viewer.hold_trait_notifications():
        viewer.marks = moved
        assert viewer.measurements[0].volume_ml < before[0].volume_ml
    assert engine.runs == runs + 1, "the observer has nothing left to do"
    viewer.auto_segment = False
    with viewer.hold_trait_notifications():
        viewer.marks = (RecistMark(1, ((3, 4, 5), (3, 4, 15))), moved[1])
        assert [row.label for row in viewer.measurements] == [2], "a mask of a line that has moved is out"
        assert set(viewer.labels.flat) == {0, 2}


def test_the_first_line_is_saved_at_once(case: Case, engine: SphereEngine, tmp_path: Path) -> None:
    engine.seconds = SECONDS
    explorer = explore(case, (), folder=tmp_path)
    with running(lambda: by_browser(explorer.viewer, case.marks[:1])):
        wait_for_line(explorer.viewer, case.marks[:1])
        assert set(read_labels(explorer.save("NIfTI"), case.grid).flat) == {0, 1}


def test_while_a_line_is_segmented_its_row_is_empty_and_scrolling_goes_on(
    explorer: Explorer, engine: SphereEngine, moved: tuple[RecistMark, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = explorer.viewer
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(viewer, "send", lambda content, buffers=None: sent.append(content))
    with running(lambda: by_browser(viewer, moved)) as thread:
        assert engine.started.wait(20)
        assert [row["label"] for row in viewer.results] == [2]
        assert repr(viewer).startswith("RecistViewer(")
        viewer.set_state({"cursor_zyx": [1, 2, 3]})
        viewer._handle_custom_msg(
            {"kind": "slices", "id": "a", "window": [0, 1], "wants": [[0, 1, True]]}, []
        )
        assert [content["id"] for content in sent] == ["a"]
        assert viewer.cursor_zyx == [1, 2, 3]
        assert thread.is_alive(), "the network still runs"
    assert [row["label"] for row in viewer.results] == [1, 2]


def test_words_of_a_button_outlive_a_segmentation(explorer: Explorer, moved: tuple[RecistMark, ...]) -> None:
    find(explorer, "CSV").click()
    explorer.viewer.marks = moved
    assert "written:" in words(explorer)


def test_a_broken_engine_is_no_old_mask(
    explorer: Explorer, engine: SphereEngine, moved: tuple[RecistMark, ...]
) -> None:
    """With the 3D view open, which follows the masks."""
    find(explorer, "3D").value = True
    engine.seconds, engine.broken = 0.0, EngineError("the weights are damaged")
    runs = engine.runs
    explorer.viewer.marks = moved
    assert explorer.viewer.error == "the weights are damaged"
    assert engine.runs == runs + 1
    with pytest.raises(EngineError, match="damaged"):
        _ = explorer.viewer.labels
    find(explorer, "NIfTI").click()
    assert "damaged" in words(explorer)
