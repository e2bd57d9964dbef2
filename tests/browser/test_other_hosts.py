"""The marker in a bare page that forbids all requests, as VS Code's outputs do: no Jupyter, no server, no address.

anywidget hands a module's text to whatever hosts it, which imports it from a blob and calls `render` with a model.
The page below does just that, in a shadow root, with a model that holds values and answers with grey slices.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lite_ensam.phantom import make_phantom
from lite_ensam.widgets import RecistMarker
from tests.browser.desk import Desk
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
    window.model = model;
    window.close_ = module.default.render({ model, el });
    window.counts = () => Object.values(listeners).flat().length;
}
"""


CASE = make_phantom(shape_zyx=(16, 64, 64), spacing_mm=(5.0, 4.0, 4.0))


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A marker in the bare page; what the browser complains of fails the test."""
    complaints: list[str] = []
    with playwright.sync_playwright() as session:
        browser = session.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
        page.on(
            "console",
            lambda message: message.type in ("error", "warning") and complaints.append(message.text),
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        desk = Desk(page, Requests(page.context), CASE.grid)
        state = RecistMarker(CASE.ct, grid=CASE.grid).get_state()
        parts = {"esm": state.pop("_esm"), "css": state.pop("_css")}
        kept = {name: value for name, value in state.items() if not str(value).startswith("IPY_MODEL")}
        page.set_content(PAGE)
        page.evaluate(HOST, parts | {"state": kept})
        desk.canvas("[data-index]")
        yield desk
        browser.close()
    assert complaints == []
    assert desk.requests.hosts == set()


def reads(desk: Desk, place: tuple[float, float], y: int, x: int) -> None:
    """The voxel that stands below the slider when the mouse is at a place."""
    desk.page.mouse.move(place[0] + 9, place[1])
    desk.page.mouse.move(*place)
    desk.page.wait_for_selector(f".le-place >> text=/y {y}  x {x} /", timeout=10_000)


def test_a_line_is_drawn_where_nothing_may_be_fetched(desk: Desk) -> None:
    shown = int(desk.canvas("[data-index]").get_attribute("data-index"))
    desk.drag(desk.at((shown, 20, 30)), desk.at((shown, 25, 44)))
    desk.page.wait_for_selector("tr[data-label='1']")
    (mark,) = desk.page.evaluate("() => window.saved.marks")
    assert (mark["label"], mark["endpoints_zyx"]) == (1, [[shown, 20, 30], [shown, 25, 44]])
    desk.page.mouse.wheel(0, 100)
    desk.canvas(f"[data-index='{shown + 1}']")
    desk.page.evaluate("() => window.close_()")
    assert desk.page.evaluate("() => window.counts()") == 0, "a closed view listens no more"


def test_the_voxel_under_the_mouse_stays_there_in_a_zoom_and_goes_along_in_a_pan(desk: Desk) -> None:
    x, y = desk.at((8, 20, 24))
    reads(desk, (x, y), 20, 24)
    desk.page.keyboard.down("Control")
    for _ in range(4):
        desk.page.mouse.wheel(0, -100)
    desk.page.keyboard.up("Control")
    reads(desk, (x, y), 20, 24)
    desk.drag((x, y), (x + 40, y + 30), button="middle")
    reads(desk, (x + 40, y + 30), 20, 24)
    desk.page.click("button >> text=fit")
    reads(desk, (x, y), 20, 24)


def test_an_error_is_shown_in_words_until_it_is_clicked_away(desk: Desk) -> None:
    desk.page.evaluate("() => window.model.set('error', 'the weights are damaged')")
    desk.page.click(".le-error >> text=the weights are damaged")
    assert desk.page.evaluate("() => window.saved.error") == ""
    desk.page.wait_for_selector(".le-error", state="hidden")
