"""A confused or hostile browser: a sentence, no exception, nothing changed."""

from __future__ import annotations

import base64
import logging
import zlib
from typing import Any

import pytest

from lite_ensam.core.case import Case
from lite_ensam.widgets import RecistViewer
from lite_ensam.widgets.browser_input import MAX_MARKS
from lite_ensam.widgets.marks_trait import marks_to_json
from tests.unit.widgets.conftest import SphereEngine

NAN, INFINITY = float("nan"), float("inf")
LINE = {"label": 1, "endpoints_zyx": [[3, 4, 5], [3, 4, 15]]}
TRAITS = (
    "marks",
    "selected",
    "cursor_zyx",
    "window",
    "colors",
    "edits",
    "threshold",
    "thresholds",
    "options",
    "auto_segment",
    "results",
    "_scan",
)


@pytest.fixture
def viewer(case: Case, engine: SphereEngine) -> RecistViewer:
    made = RecistViewer(case.ct, grid=case.grid, marks=case.marks)
    made.segment()
    return made


def deep(n: int) -> list[Any]:
    nested: list[Any] = []
    for _ in range(n):
        nested = [nested]
    return nested


TOOL = {
    "label": 1,
    "tool": "smooth",
    "start_zyx": [0, 0, 0],
    "shape_zyx": [1, 1, 2],
    "added": base64.b64encode(zlib.compress(b"\x80")).decode(),
    "removed": base64.b64encode(zlib.compress(b"\x00")).decode(),
}
BAD_TOOLS: tuple[dict[str, Any], ...] = (
    {"label": 0},
    {"start_zyx": [-1, 0, 0]},
    {"start_zyx": None},
    {"shape_zyx": [1, 1]},
    {"shape_zyx": [1, 1, 10**6]},
    {"shape_zyx": [0, 1, 1]},
    {"added": "not base 64"},
    {"added": None},
    {"added": ["a"]},
    {"removed": base64.b64encode(b"nothing deflated").decode()},
    {"removed": base64.b64encode(zlib.compress(bytes(10**7))).decode()},
)
BAD_STATES = [
    *(
        {"cursor_zyx": bad}
        for bad in ([NAN, 0, 0], [0, 0], [0, 0, 0, 0], [-1, 0, 0], [0, 0, 48], [0, 0, 1e400], None)
    ),
    *(
        {"cursor_zyx": bad}
        for bad in ("123", {"0": 1}, [True, 0, 0], ["1", 0, 0], [10**400, 0, 0], list(range(10**5)))
    ),
    *(
        {"window": bad}
        for bad in ([NAN, 1.0], [0.0, INFINITY], [1, 0], [0, 0], [0], None, [10**400, 10**401], "01")
    ),
    *({"edits": bad} for bad in (None, "text", [1], [{"label": 1}], [{"tool": []}])),
    *({"edits": [TOOL | bad]} for bad in BAD_TOOLS),
    *({"thresholds": bad} for bad in (None, [], {"1": NAN}, {"one": 1}, {"1": "2"}, {"0": 1}, {"1": True})),
    *(
        {"options": bad}
        for bad in (None, [], {"color": 1}, {"border": "soft"}, {"engine": [1]}, {"threads": 0})
    ),
    *({"options": {"window": bad}} for bad in ("ab", [1], [NAN, 3], [3, 1], 7, [None, 5])),
    *({"options": {"n_repeats": bad}} for bad in (1, -3, "8", 10**9, True, None)),
    *({"options": {"weights": bad}} for bad in ("/nowhere", 3, "a\0b")),
    {"options": {"mirror": 1}},
    *({"measures": bad} for bad in (None, "text", [1], [{"kind": "ruler"}])),
    *({"threshold": bad} for bad in (NAN, -INFINITY, None, "0", True, [0], 10**400)),
    *({"auto_segment": bad} for bad in (1, "yes", None)),
    *({"selected": bad} for bad in (-1, 65536, 1.5, NAN, True, None, 10**400)),
    *(
        {"colors": bad}
        for bad in ({"1": "red"}, {"1": "#12345"}, {"one": "#123456"}, {"1": 7}, {"0": "#123456"}, [], 3)
    ),
    {"colors": {"1": "#123456\n"}},
    {"colors": {str(n): "#123456" for n in range(1, 5000)}},
    *(
        {"marks": bad}
        for bad in (None, 3, "marks", {"1": LINE}, [None], [3], [[]], [{}], deep(900), [deep(900)])
    ),
    *(
        {"marks": [LINE | {"label": bad}]}
        for bad in (0, -1, 65536, NAN, INFINITY, True, "1", None, 10**400, [1])
    ),
    *(
        {"marks": [LINE | {"endpoints_zyx": bad}]}
        for bad in (None, [], 3, "ab", [[3, 4, 5]], [[3, 4], [3, 4]])
    ),
    *(
        {"marks": [LINE | {"endpoints_zyx": [[3, 4, 5], [3, 4, bad]]}]}
        for bad in (NAN, INFINITY, "15", None, 10**400)
    ),
    {"marks": [LINE | {"endpoints_zyx": [[3, 4, 5], [3, 4, 999]]}]},
    {"marks": [LINE | {"endpoints_zyx": [[3, 4, 5], [3, 4, [15]]]}]},
    {"marks": [LINE | {"name": 3}]},
    {"marks": [LINE | {"tracking_uid": "x"}]},
    {"marks": [LINE | {"inside_zyx": [[3, 4, 6]] * 600, "outside_zyx": [[3, 9, 9]] * 401}]},
    {"marks": [LINE | {"first_slice": 4}]},
    {"marks": [LINE | {"inside_zyx": [[3, 4, 500]]}]},
    {"marks": [LINE | {"short_axis_zyx": [[9, 4, 5], [9, 5, 5]]}]},
    {"marks": [LINE, LINE]},
    {"marks": [LINE | {"label": n} for n in range(1, MAX_MARKS + 2)]},
    {"error": "<b>call this number</b>"},
    *(
        {name: {}}
        for name in (
            "results",
            "status",
            "_scan",
            "_esm",
            "_mask_version",
            "comm",
            "ct",
            "layout",
            "nonsense",
        )
    ),
    {"cursor_zyx": [1, 1, 1], "threshold": NAN},
    {"threshold": 2.0, "marks": [LINE | {"label": 0}]},
]


@pytest.mark.parametrize("state", BAD_STATES, ids=lambda state: repr(state)[:60])
def test_a_bad_state_is_refused_whole(
    viewer: RecistViewer, state: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    before, masks = viewer.get_state(TRAITS), viewer.labels.copy()
    viewer._handle_msg(
        {"content": {"data": {"method": "update", "state": state, "buffer_paths": []}}, "buffers": []}
    )
    assert viewer.error
    assert len(viewer.error) < 300
    assert "unforeseen" not in viewer.error
    assert viewer.get_state(TRAITS) == before
    assert (viewer.labels == masks).all()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_the_browser_hears_which_work_a_refusal_leaves(
    viewer: RecistViewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(viewer, "send", lambda message, buffers=None: sent.append(message))
    monkeypatch.setattr(viewer, "send_state", lambda key=None: sent.append(key))
    viewer.set_state({"marks": [LINE | {"label": 0}]})
    work = {name: viewer.get_state(name)[name] for name in ("marks", "edits", "thresholds", "measures")}
    assert sent == ["error", {"kind": "refused", "work": work}, ["marks"]]
    sent.clear()
    viewer.set_state({"window": [1, 0]})
    assert sent == ["error", ["window"]]


SLICES = {"kind": "slices", "id": "a", "window": [0, 1], "wants": [[0, 0, True]]}
BAD_REQUESTS = [
    *(
        {"kind": "value", "zyx": bad}
        for bad in ([NAN, 0, 0], [-1, 0, 0], [0, 0, INFINITY], [0, 0], None, "012", 3)
    ),
    {"kind": "value"},
    *(SLICES | {"window": bad} for bad in ([NAN, 1], [1, 0], [0], None, [0, 10**400])),
    *(
        SLICES | {"wants": bad}
        for bad in ([[3, 0, True]], [[-1, 0, True]], [[0, NAN, True]], [[0, 0]], [0], None, {})
    ),
    *(
        SLICES | {"wants": bad}
        for bad in ([[0, 0, 1]], [[0, INFINITY, True]], [[True, 0, True]], [[0, 0, True]] * 65)
    ),
    *(SLICES | {"id": bad} for bad in (None, 3, "a" * 65)),
    *(
        {"kind": kind, "label": bad}
        for kind in ("accept", "reject")
        for bad in (NAN, INFINITY, 0, 9, "1", None, 10**400)
    ),
    *(
        {"kind": "tool", "tool": "smooth", "label": 1} | bad
        for bad in ({"mm": 0}, {"mm": NAN}, {"mm": "2"}, {"mm": 21})
    ),
    *({"kind": "tool", "tool": bad, "label": 1} for bad in (None, [], "scissors", 3)),
    *({"kind": "tool", "tool": "fill", "label": 1, "plane": bad} for bad in ("oblique", 0, [])),
    *({"kind": "tool", "tool": "islands", "label": bad} for bad in (0, 9, "1", None)),
    *({"kind": bad} for bad in ("dance", None, 3, [], "x" * 10**6)),
    {},
    [],
    None,
    "segment",
]


@pytest.mark.parametrize("content", BAD_REQUESTS, ids=lambda content: repr(content)[:60])
def test_a_bad_request_is_refused(
    viewer: RecistViewer, content: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(viewer, "send", lambda *message: sent.append(message))
    before = viewer.get_state(TRAITS)
    viewer._handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})
    assert viewer.error
    assert len(viewer.error) < 300
    assert "unforeseen" not in viewer.error
    assert not sent
    assert viewer.get_state(TRAITS) == before
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "update",
        {},
        {"state": {}},
        {"method": "update", "state": {}, "buffer_paths": [["marks", 0]]},
        {"method": "update", "state": {}, "buffer_paths": 3},
        {"method": "update", "state": []},
        {"method": "update", "state": None},
    ],
)
def test_a_message_of_another_kind_is_refused(viewer: RecistViewer, data: Any) -> None:
    before = viewer.get_state(TRAITS)
    viewer._handle_msg({"content": {"data": data}, "buffers": []})
    assert viewer.error
    assert viewer.get_state(TRAITS) == before


def test_a_good_state_is_taken(viewer: RecistViewer, case: Case) -> None:
    state = {
        "marks": marks_to_json(case.marks[:1]),
        "selected": 1,
        "cursor_zyx": [1, 2, 3],
        "window": [-100, 300.5],
        "colors": {"1": "#aB3456"},
        "edits": [TOOL],
        "threshold": 1,
        "thresholds": {"1": 0.5},
        "auto_segment": False,
        "error": "",
    }
    viewer._handle_msg(
        {"content": {"data": {"method": "update", "state": state, "buffer_paths": []}}, "buffers": []}
    )
    assert viewer.error == ""
    assert viewer.get_state(list(state)) == state
