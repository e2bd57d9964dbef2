"""The browser's half keeps to what lets it load anywhere: JupyterLab, Notebook, VS Code, behind JupyterHub, offline.

anywidget hands `_esm` to the page as text and imports it from there. So it has to be one module that imports and
fetches nothing, touches only its own element, and speaks to Python through anywidget's model alone. What the model
holds is written down for the type checker in `contract.d.ts`: it must be what Python's half has.
"""

import dataclasses
import re
from pathlib import Path
from typing import Any, get_args

import anywidget
import pytest

from lite_ensam.core.case import Case
from lite_ensam.measurements import TumorMeasurement
from lite_ensam.widgets import RecistViewer, frontend
from lite_ensam.widgets.frontend import CSS, ESM
from lite_ensam.widgets.hand_edits import Stroke
from lite_ensam.widgets.history import Work
from lite_ensam.widgets.marks_trait import marks_to_json
from lite_ensam.widgets.options import RunOptions
from lite_ensam.widgets.planes import Plane
from lite_ensam.widgets.segmenter import State
from tests.unit.widgets.conftest import SphereEngine

MODEL = {"get", "set", "save_changes", "on", "off", "send"}
"""What anywidget promises of a model, wherever the widget is shown."""

NEEDS_A_NETWORK_OR_A_HOST = (
    *(r"\w+://", r"""["'`]//""", r"\bfetch\(", "XMLHttpRequest", "WebSocket", "EventSource", "sendBeacon"),
    *(
        r"\bimport\b",
        r"\brequire\(",
        r"\bdefine\(",
        "importScripts",
        "new Worker",
        r"\beval\(",
        r"new Function",
    ),
    *(
        r"(?<![.\w])window\.(?!devicePixelRatio)",
        r"document\.(?!createElement)",
        "localStorage",
        "sessionStorage",
    ),
)


STATIC = Path(frontend.__file__).parent / "static"


def code() -> str:
    """The module without its comments."""
    return re.sub(r"//\s.*|(?s:/\*\*.*?\*/)", "", ESM)


def members(interface: str) -> set[str]:
    """Names in an interface of `contract.d.ts`, one a line."""
    contract = (STATIC / "contract.d.ts").read_text(encoding="utf-8")
    found = re.search(
        rf"^export interface {interface}\b[^{{]*{{\n(.*?)^}}", contract, re.MULTILINE | re.DOTALL
    )
    assert found, interface
    return set(re.findall(r"^  (\w+)\??:", found[1], re.MULTILINE))


def test_every_file_is_part_of_the_module() -> None:
    bundled = {f"{name}.js" for name in re.findall(r"^const (\w+)_js = ", ESM, re.MULTILINE)}
    assert {path.name for path in STATIC.iterdir()} == bundled | {"widget.js", "contract.d.ts", "viewer.css"}


def test_the_module_exports_one_render_function() -> None:
    assert re.findall(r"^export .*", ESM, flags=re.MULTILINE) == ["export default { render };"]
    assert ESM.rstrip().endswith("export default { render };")


@pytest.mark.parametrize("pattern", NEEDS_A_NETWORK_OR_A_HOST)
def test_the_module_fetches_nothing_and_knows_no_host(pattern: str) -> None:
    assert re.findall(pattern, code()) == []


@pytest.mark.parametrize("pattern", [r"\w+://", "@import", r"url\(", "@font-face"])
def test_the_styles_fetch_nothing(pattern: str) -> None:
    assert re.findall(pattern, CSS) == []


def test_styles_touch_nothing_but_the_widget() -> None:
    selectors = re.findall(r"^([^\s@}][^{]*)\{", CSS, flags=re.MULTILINE)
    assert len(selectors) > 30
    assert [s for group in selectors for s in group.split(",") if not s.strip().startswith(".le-")] == []


def test_only_what_every_host_has_is_asked_of_the_model() -> None:
    assert set(re.findall(r"\bmodel\.(\w+)", code())) == MODEL
    names = re.findall(r"""["'`]((?:change|msg):[^"'`]*)["'`]""", code())
    assert len(names) > 5
    assert [name for name in names if " " in name] == [], "one event at a time: not every host splits names"


def test_the_page_gets_the_module_as_text(case: Case, engine: SphereEngine) -> None:
    """No address, absolute or not: behind a hub's proxy none would be right."""
    state = RecistViewer(case.ct, grid=case.grid).get_state()
    assert state["_esm"] == ESM
    assert state["_css"] == CSS


def test_the_contract_names_what_python_has(
    case: Case, engine: SphereEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = RecistViewer(case.ct, grid=case.grid, marks=case.marks)
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(viewer, "send", lambda message, _: sent.append(message))
    viewer.segment()
    own = set(RecistViewer.class_trait_names(sync=True)) - set(
        anywidget.AnyWidget.class_trait_names(sync=True)
    )
    assert members("Traits") == own
    assert members("Scan") == set(viewer._scan)
    assert members("Plane") == {field.name for field in dataclasses.fields(Plane)}
    assert members("Stroke") == {field.name for field in dataclasses.fields(Stroke)}
    assert members("Work") == set(Work._fields)
    assert members("RunOptions") == {field.name for field in dataclasses.fields(RunOptions)}
    viewer.hand.paint(1, [(0, 0, 0)], 1)
    viewer.hand.remove_islands(1)
    assert members("ToolEdit") == set(viewer.edits[1])
    assert members("Mark") == set(marks_to_json(viewer.marks)[0])
    numbers = {field.name for field in dataclasses.fields(TumorMeasurement)}
    assert members("Numbers") <= numbers | {"flag_sentences"}
    assert members("Result") | members("Numbers") <= set(viewer.results[0])
    assert members("SlicesMessage") == set(sent[0])
    assert members("LabelPatch") == set(sent[0]["slices"][0]["patch"]) | {"codes"}
    contract = (STATIC / "contract.d.ts").read_text(encoding="utf-8")
    assert "state: " + " | ".join(f'"{state}"' for state in get_args(State)) in contract
