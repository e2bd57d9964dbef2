"""The marker in a bare page that forbids all requests, as VS Code's outputs do: no Jupyter, no server, no address.

anywidget hands a module's text to whatever hosts it, which imports it from a blob and calls `render` with a model.
The page below does just that, in a shadow root, with a model that holds values and answers with grey slices.
"""

from __future__ import annotations

from typing import Any

import pytest

from lite_ensam.phantom import make_phantom
from lite_ensam.widgets import RecistMarker
from tests.browser.lab import CHROMIUM_ARGUMENTS, Requests, chromium

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = pytest.mark.skipif(
    chromium() is None, reason="no Chromium here: `apt install chromium` brings it"
)

PAGE = """
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; script-src 'unsafe-inline' blob:; style-src 'unsafe-inline'">
<div id="place" style="width: 1300px"></div>
"""
HOST = """
async ({ state, esm, css }) => {
    const listeners = {};
    const tell = (name, ...what) => (listeners[name] ?? []).forEach((listener) => listener(...what));
    const model = {
        get: (name) => state[name],
        set: (name, value) => { state[name] = value; tell(`change:${name}`); },
        save_changes: () => { window.saved = structuredClone(state); },
        on: (name, listener) => { (listeners[name] ??= []).push(listener); },
        off: (name, listener) => { listeners[name] = (listeners[name] ?? []).filter((l) => l !== listener); },
        send: (message) => {
            if (message.kind !== "slices") return;
            const slices = message.wants.map(([plane, index, image]) => ({ plane, index, image }));
            const sizes = slices.filter(({ image }) => image).map(({ plane }) => state._scan.planes[plane].shape);
            const buffers = sizes.map(([rows, columns]) => new DataView(new ArrayBuffer(rows * columns)));
            const answer = { ...message, slices, mask_version: state._mask_version };
            setTimeout(() => tell("msg:custom", answer, buffers));
        },
    };
    const module = await import(URL.createObjectURL(new Blob([esm], { type: "text/javascript" })));
    const root = document.getElementById("place").attachShadow({ mode: "open" });
    const style = document.createElement("style");
    style.textContent = css;
    const el = document.createElement("div");
    root.append(style, el);
    window.close_ = module.default.render({ model, el });
    window.counts = () => Object.values(listeners).flat().length;
}
"""


@pytest.fixture
def page() -> Any:
    with playwright.sync_playwright() as session:
        browser = session.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
        yield page
        browser.close()


def test_it_renders_and_draws_where_nothing_may_be_fetched(page: Any) -> None:
    complaints: list[str] = []
    page.on(
        "console", lambda message: message.type in ("error", "warning") and complaints.append(message.text)
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    requests = Requests(page.context)
    case = make_phantom(shape_zyx=(16, 64, 64), spacing_mm=(5.0, 4.0, 4.0))
    state = RecistMarker(case.ct, grid=case.grid).get_state()
    page.set_content(PAGE)
    parts = {"esm": state.pop("_esm"), "css": state.pop("_css")}
    kept = {name: value for name, value in state.items() if not str(value).startswith("IPY_MODEL")}
    page.evaluate(HOST, parts | {"state": kept})

    canvas = page.wait_for_selector("canvas[data-plane=axial][data-index]")
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 140)
    page.mouse.up()
    page.wait_for_selector("tr[data-label='1']")
    (mark,) = page.evaluate("() => window.saved.marks")
    assert mark["label"] == 1
    assert mark["endpoints_zyx"][0] != mark["endpoints_zyx"][1]
    page.mouse.wheel(0, 100)
    page.wait_for_selector(f"canvas[data-plane=axial][data-index='{int(mark['endpoints_zyx'][0][0]) + 1}']")

    page.evaluate("() => window.close_()")
    assert page.evaluate("() => window.counts()") == 0, "a closed view listens no more"
    assert complaints == []
    assert requests.hosts == set()
