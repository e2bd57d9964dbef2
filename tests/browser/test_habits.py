"""What readers' hands know from other viewers, in a real Chromium; no action is met by silence."""

from __future__ import annotations

import pytest

import lite_ensam
from lite_ensam.engines.backend import WEIGHTS
from lite_ensam.widgets import RecistViewer
from tests.browser.bare_page import BarePage, bare_page
from tests.browser.jupyter_server import chromium

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="no Chromium here: `apt install chromium` brings it"),
    pytest.mark.skipif(not (WEIGHTS / "manifest.json").exists(), reason="the weights are not here"),
]

CASE = lite_ensam.make_phantom(shape_zyx=(40, 128, 128), spacing_mm=(3.0, 2.0, 2.0))
UNNAMED = """
() => [...document.querySelectorAll(".le-root :is(button, input, canvas:not([aria-hidden]))")].filter((element) => {
    const label = element.closest("label")?.textContent.trim();
    return !(element.getAttribute("aria-label") || label || element.title || /[a-z]/i.test(element.textContent));
}).length
"""


def scroll(desk: BarePage) -> None:
    """Down is towards the feet, the back and the left; where the scan ends, the reader is told."""
    z, y, x = desk.viewer.cursor_zyx
    for number, (plane, index) in enumerate((("axial", z), ("coronal", y), ("sagittal", x))):
        desk.page.mouse.move(*desk.at((z, y, x), number))
        desk.page.mouse.wheel(0, 100)
        step = (
            -1 if plane == "axial" else 1
        )  # the phantom is stored from feet to head, to the back and the left
        desk.canvas(f"[data-index='{index + step}']", plane)
    position = desk.viewer.grid.voxel_to_mm((z - 1, 0, 0))[2]
    words = desk.page.get_attribute("canvas[data-plane=axial]", "aria-label")
    assert words == f"axial, slice {z} / 40, {position:.1f} mm".replace("-", "\u2212")
    desk.press("End")
    desk.canvas("[data-index='0']")
    desk.press("ArrowDown")
    desk.says("The scan ends here")
    desk.press("Home")
    desk.canvas("[data-index='39']")


def set_window(desk: BarePage) -> None:
    """By number keys, and typed."""
    desk.press("2")
    desk.says("Window: lung")
    assert desk.viewer.window == [-1350, 150]
    width, level = (desk.page.locator(f"input[data-control={name}]") for name in ("width", "level"))
    assert (width.input_value(), level.input_value()) == ("1500", "-600")
    width.fill("400")
    level.fill("50")
    level.press("Enter")
    desk.until_seen("canvas[data-window='-150 250']")
    assert desk.viewer.window == [-150, 250]
    width.fill("0")
    width.press("Enter")
    desk.says("W, the window's width, must be above 0")
    assert desk.viewer.window == [-150, 250]
    desk.press("9")
    desk.says("There are 5 grey windows")


def meet_no_silence(desk: BarePage) -> None:
    z, y, x = desk.viewer.cursor_zyx
    desk.press("Control+z")
    desk.says("There is nothing to undo")
    desk.press("Delete")
    desk.says("Which lesion?")
    desk.press("b")
    desk.says("Draw a line first")
    desk.page.click("button[data-action=segment]")
    desk.says("Draw a line first")
    desk.drag(desk.at((z, y, x), 1), desk.at((z, y, x - 20), 1))
    desk.says("Lines are drawn on the axial plane")
    assert desk.viewer.cursor_zyx == [z, y, x - 20]
    desk.page.mouse.dblclick(*desk.at((z, y + 9, x)))
    desk.canvas(f"[data-index='{y}']", "coronal")
    assert desk.viewer.cursor_zyx == [z, y, x - 20], "a double click is for the zoom"


def read_keys(desk: BarePage) -> None:
    desk.press("?")
    keys = desk.until_seen(".le-keymap:not([hidden])")
    assert "towards the feet" in keys.inner_text()
    desk.picture("habits-keys")
    desk.page.keyboard.press("Escape")
    desk.page.wait_for_selector(".le-keymap", state="hidden")
    desk.page.keyboard.press("s")
    desk.until_seen("button[data-tool='short axis'][aria-pressed=true]")
    desk.page.keyboard.press("Escape")


def test_hands_find_what_they_know() -> None:
    with bare_page(RecistViewer(CASE.ct, grid=CASE.grid)) as desk:
        scroll(desk)
        set_window(desk)
        meet_no_silence(desk)
        read_keys(desk)
        assert desk.page.evaluate(UNNAMED) == 0


def test_keys_go_from_lesion_to_lesion() -> None:
    viewer = RecistViewer(CASE.ct, grid=CASE.grid, marks=CASE.marks)
    with bare_page(viewer) as desk:
        desk.canvas("[data-masks]:not([data-masks=''])")
        for key, label in (("n", 1), ("n", 2), ("n", 3), ("n", 1), ("p", 3)):
            desk.press(key)
            desk.until_seen(f"tr.le-selected[data-label='{label}']")
            desk.canvas(f"[data-index='{viewer.marks[label - 1].slice_index}']")
        desk.press("Delete")
        desk.says("Lesion 3 deleted")
        desk.page.wait_for_selector("tr[data-label='3']", state="detached")
        assert desk.page.evaluate(UNNAMED) == 0


def test_keys_are_heard_after_buttons_fields_and_sliders() -> None:
    """Rows of the table are made again at each change, and a focus that is lost with them takes the keys along."""
    viewer = RecistViewer(CASE.ct, grid=CASE.grid, marks=CASE.marks[:1])
    with bare_page(viewer) as desk:
        desk.canvas("[data-masks='1']")
        keys = desk.page.keyboard
        for action in ("accept", "reject", "accept"):
            desk.page.click(f"tr[data-label='1'] button[data-action={action}]")
            desk.until_seen(f"tr[data-state={action}ed] button[data-action={action}]:focus")
            keys.press("x")
            desk.says("Wipe what is not tumour")
            keys.press("Escape")
        name = desk.page.locator("tr[data-label='1'] input[type=text]")
        name.fill("node")
        name.press("Enter")
        keys.press("r")
        desk.says("Paint tumour that is missing")
        desk.page.locator("input[data-control=threshold]").fill("2")
        assert viewer.thresholds == {"1": 2.0}
        keys.press("Control+z")  # the threshold
        keys.press("Control+z")  # the name
        desk.page.wait_for_timeout(200)
        assert (viewer.thresholds, viewer.marks[0].name) == ({}, CASE.marks[0].name)
        desk.page.click("tr[data-label='1'] button[data-action=delete]")
        desk.page.wait_for_selector("tr[data-label='1']", state="detached")
        desk.page.click("button[data-action=undo]")
        desk.until_seen("tr[data-label='1']")
        desk.until_seen("button[data-action=undo]:disabled")
        keys.press("x")
        desk.says("Wipe what is not tumour")


def test_a_tool_says_at_once_that_it_was_heard() -> None:
    viewer = RecistViewer(CASE.ct, grid=CASE.grid, marks=CASE.marks[:1])
    with bare_page(viewer) as desk:
        desk.canvas("[data-masks='1']")
        desk.page.evaluate("() => { window.python = () => new Promise(() => {}); }")  # Python never answers
        for key, words in (("j", "Filling between"), ("u", "Looking for islands"), ("g", "Smoothing")):
            desk.press(key)
            desk.says(words)


@pytest.mark.parametrize(("width", "height"), [(1280, 600), (900, 640), (760, 620)])
def test_the_picture_fits_a_small_window(width: int, height: int) -> None:
    """In the page of `lite-ensam view`, however many rows the tools take."""
    viewer = RecistViewer(CASE.ct, grid=CASE.grid)
    with bare_page(viewer, width, height) as desk:
        desk.page.wait_for_timeout(300)
        box = desk.page.locator("canvas[data-plane=axial]").bounding_box()
        assert box["y"] + box["height"] <= height
        assert box["height"] >= 240
