"""What could be undone before a page was loaded again can be undone after it."""

from __future__ import annotations

from typing import Any

import pytest

from lite_ensam.core.case import Case
from lite_ensam.core.recist import RecistMark
from lite_ensam.widgets import RecistViewer
from lite_ensam.widgets.history import History, Work
from lite_ensam.widgets.marks_trait import marks_to_json
from lite_ensam.widgets.session import Session
from tests.unit.widgets.conftest import SphereEngine


def work(n_lesions: int = 0, **thresholds: float) -> Work:
    marks = tuple(RecistMark(n + 1, ((n, 1, 1), (n, 1, 9))) for n in range(n_lesions))
    return Work(marks, [], {label.removeprefix("of_"): value for label, value in thresholds.items()}, [])


def steps(history: History) -> tuple[list[int], list[int]]:
    """How many lesions each step back has, and each step forth."""
    known = history.to_json()
    done, undone = ([len(one["marks"]) for one in known[name]] for name in ("done", "undone"))
    return done, undone


def test_work_that_comes_back_was_undone_and_other_work_ends_what_could_be_redone() -> None:
    history = History(work())
    for n in (1, 2, 3, 3):
        history.note(work(n))
    assert steps(history) == ([0, 1, 2], [])
    history.note(work(2))
    history.note(work(1))
    assert steps(history) == ([0], [3, 2])
    history.note(work(2))
    assert steps(history) == ([0, 1], [3])
    history.note(work(7))
    assert steps(history) == ([0, 1, 2], [])


def test_a_slide_of_a_threshold_is_one_step() -> None:
    history = History(work(2))
    for value in (0.25, 0.5, 0.75):
        history.note(work(2, of_1=value))
    history.note(work(2, of_1=0.75, of_2=1.0))
    assert [one["thresholds"] for one in history.to_json()["done"]] == [{}, {"1": 0.75}]


def test_a_slide_after_undo_and_one_that_came_back_can_be_undone() -> None:
    history = History(work(2))
    history.note(work(2, of_1=0.5))
    history.note(work(2))
    for value in (0.25, 0.75):
        history.note(work(2, of_1=value))
    known = history.to_json()
    assert ([one["thresholds"] for one in known["done"]], known["undone"]) == ([{}], [])


def test_thirty_steps_are_kept() -> None:
    history = History(work())
    for n in range(1, 41):
        history.note(work(n))
    assert steps(history)[0] == list(range(10, 40))


def ask(viewer: RecistViewer, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The answer to a page that has been loaded."""
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(viewer, "send", lambda message, buffers=None: sent.append(message))
    viewer._handle_custom_msg({"kind": "history"}, [])
    (answer,) = sent
    return answer


def test_a_page_that_is_loaded_again_is_told_the_steps(
    case: Case, engine: SphereEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = RecistViewer(case.ct, grid=case.grid, marks=case.marks[:1])
    given, two = marks_to_json(case.marks[:1]), marks_to_json(case.marks[:2])
    viewer.set_state({"marks": two, "edits": [], "thresholds": {}, "measures": []})
    viewer.set_state({"marks": two, "edits": [], "thresholds": {"1": 1.5}, "measures": []})
    viewer.set_state({"marks": two, "edits": [], "thresholds": {}, "measures": []})
    answer = ask(viewer, monkeypatch)
    assert [one["marks"] for one in answer["done"]] == [given]
    assert [one["thresholds"] for one in answer["undone"]] == [{"1": 1.5}]


def test_a_lesion_and_its_edits_go_in_one_step(
    case: Case, engine: SphereEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = RecistViewer(case.ct, grid=case.grid, marks=case.marks[:1])
    viewer.thresholds = {"1": 1.0}
    viewer.marks = []
    last = ask(viewer, monkeypatch)["done"][-1]
    assert (len(last["marks"]), last["thresholds"]) == (1, {"1": 1.0})


def test_saved_work_is_where_undo_ends(
    case: Case, engine: SphereEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = RecistViewer(case.ct, grid=case.grid, marks=case.marks[:1])
    viewer.resume(Session(thresholds={"1": 2.0}))
    assert ask(viewer, monkeypatch)["done"] == []
