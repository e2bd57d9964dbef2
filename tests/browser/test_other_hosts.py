"""The viewer in a bare page that forbids all requests, as VS Code's outputs do: no Jupyter, no server, no address.

anywidget hands a module's text to whatever hosts it, which imports it from a blob and calls `render` with a model.
The page below does just that, in a shadow root, with a model that holds values and answers with grey slices.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.widgets import RecistViewer
from tests.browser.jupyter_page import JupyterPage
from tests.browser.jupyter_server import CHROMIUM_ARGUMENTS, Requests, chromium

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
def desk() -> Iterator[JupyterPage]:
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
        desk = JupyterPage(page, Requests(page.context), CASE.grid)
        state = RecistViewer(CASE.ct, grid=CASE.grid).get_state()
        parts = {"esm": state.pop("_esm"), "css": state.pop("_css")}
        kept = {name: value for name, value in state.items() if not str(value).startswith("IPY_MODEL")}
        page.set_content(PAGE)
        page.evaluate(HOST, parts | {"state": kept})
        desk.canvas("[data-index]")
        yield desk
        browser.close()
    assert complaints == []
    assert desk.requests.hosts == set()


def reads(desk: JupyterPage, place: tuple[float, float], y: int, x: int) -> None:
    """The voxel that stands below the slider when the mouse is at a place."""
    desk.page.mouse.move(place[0] + 9, place[1])
    desk.page.mouse.move(*place)
    desk.page.wait_for_selector(f".le-place >> text=/y {y}  x {x} /", timeout=10_000)


def test_a_line_is_drawn_where_nothing_may_be_fetched(desk: JupyterPage) -> None:
    shown = int(desk.canvas("[data-index]").get_attribute("data-index"))
    desk.drag(desk.at((shown, 20, 30)), desk.at((shown, 25, 44)))
    desk.page.wait_for_selector("tr[data-label='1']")
    (mark,) = desk.page.evaluate("() => window.saved.marks")
    assert (mark["label"], mark["endpoints_zyx"]) == (1, [[shown, 20, 30], [shown, 25, 44]])
    desk.page.mouse.wheel(0, 100)
    desk.canvas(f"[data-index='{shown - 1}']")  # towards the feet
    desk.page.wait_for_selector(f".le-place >> text=/z {shown - 1}  y 25  x 44 /")
    desk.page.evaluate("() => window.close_()")
    assert desk.page.evaluate("() => window.counts()") == 0, "a closed view listens no more"


def saved(desk: JupyterPage, key: str) -> list[list[list[int]] | None]:
    """The ends of each mark's line or short axis, as Python has them."""
    marks = desk.page.evaluate("() => window.saved?.marks ?? []")
    return [mark[key] for mark in marks]


def says(desk: JupyterPage, words: str) -> None:
    desk.page.wait_for_selector(f".le-message >> text={words}", timeout=10_000)


def draw(desk: JupyterPage, tool: str, first: tuple[int, int], last: tuple[int, int]) -> None:
    """With a tool, from one voxel (y, x) of the slice to another."""
    desk.page.click(f"button[data-tool='{tool}']")
    z = int(desk.canvas("[data-index]").get_attribute("data-index"))
    desk.drag(desk.at((z, *first)), desk.at((z, *last)))


def test_a_short_axis_belongs_to_the_line_that_it_crosses(desk: JupyterPage) -> None:
    draw(desk, "line", (20, 10), (20, 22))
    draw(desk, "line", (45, 40), (45, 54))
    draw(desk, "short axis", (56, 8), (61, 8))
    says(desk, "does not cross a line")
    assert saved(desk, "short_axis_zyx") == [None, None], "centimetres away from both"
    draw(desk, "short axis", (17, 16), (23, 16))
    z = int(desk.canvas("[data-index]").get_attribute("data-index"))
    first = [[z, 17, 16], [z, 23, 16]]
    assert saved(desk, "short_axis_zyx") == [first, None], "not the selected lesion's"
    draw(desk, "short axis", (36, 47), (54, 47))
    says(desk, "longer than its line")
    assert saved(desk, "short_axis_zyx") == [first, None]
    desk.drag(desk.at((z, 18, 16)), desk.at((z, 30, 40)))  # the short axis as a whole, off its line
    says(desk, "does not cross the line of lesion 1")
    assert saved(desk, "short_axis_zyx") == [first, None]


def test_a_drag_that_is_too_short_for_a_line_is_told_so(desk: JupyterPage) -> None:
    x, y = desk.at((8, 20, 24))
    desk.drag((x, y), (x + 3, y))
    says(desk, "Too short for a line")
    assert saved(desk, "endpoints_zyx") == []
    desk.page.mouse.click(x + 40, y)
    desk.page.wait_for_selector(".le-message >> text=Scroll to a tumour", timeout=10_000)


def test_words_on_the_picture_are_whole_and_outlined(desk: JupyterPage) -> None:
    desk.page.evaluate(
        """() => {
            window.words = [];
            const canvas = CanvasRenderingContext2D.prototype;
            const { fillText, strokeText } = canvas;
            let outlined = "";
            canvas.strokeText = function (text, ...at) { outlined = text; strokeText.call(this, text, ...at); };
            canvas.fillText = function (text, x, y) {
                const { width } = this.measureText(text);
                const inside = x >= 0 && y >= 12 && x + width <= this.canvas.clientWidth;
                window.words.push([text, inside, outlined === text]);
                fillText.call(this, text, x, y);
            };
        }"""
    )
    draw(desk, "line", (1, 50), (1, 63))
    draw(desk, "short axis", (0, 60), (3, 62))
    words = {text: whole for text, *whole in desk.page.evaluate("() => window.words")}
    assert any(text.startswith("1: 52.0 mm") for text in words)
    assert any("° to the line" in text for text in words)
    assert "axial" in words
    assert [text for text, whole in words.items() if whole != [True, True]] == []


def test_keys_that_are_not_the_markers_are_the_notebooks(desk: JupyterPage) -> None:
    desk.page.evaluate(
        "() => { window.heard = []; addEventListener('keydown', ({ key }) => window.heard.push(key)); }"
    )
    for keys in ("Control+s", "Alt+p", "d", "Control+z", "ArrowDown"):
        desk.press(keys)
    heard = desk.page.evaluate("() => window.heard")
    assert [key for key in heard if len(key) == 1 or key.startswith("Arrow")] == ["s", "p"]


def test_picture_and_numbers_stand_side_by_side_on_a_laptop(desk: JupyterPage) -> None:
    """960 pixels are what JupyterLab leaves of 1400 when its sidebar is open."""
    draw(desk, "line", (20, 10), (20, 22))
    desk.page.evaluate("() => { document.getElementById('place').style.width = '960px'; }")
    table, plane = (desk.page.locator(q).bounding_box() for q in (".le-table", ".le-axial"))
    assert table["y"] < plane["y"] + plane["height"] / 2
    assert table["x"] >= plane["x"] + plane["width"]
    assert table["x"] + table["width"] <= 8 + 960


def test_the_voxel_under_the_mouse_stays_there_in_a_zoom_and_goes_along_in_a_pan(desk: JupyterPage) -> None:
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


def test_an_error_is_shown_in_words_until_it_is_clicked_away(desk: JupyterPage) -> None:
    desk.page.evaluate("() => window.model.set('error', 'the weights are damaged')")
    desk.page.click(".le-error >> text=the weights are damaged")
    assert desk.page.evaluate("() => window.saved.error") == ""
    desk.page.wait_for_selector(".le-error", state="hidden")
