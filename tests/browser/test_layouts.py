"""The picture fills what there is of the page, alone or with two small planes, and the whole screen if asked to."""

from __future__ import annotations

from typing import Any

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


def box(desk: BarePage, selector: str) -> dict[str, Any]:
    found: dict[str, Any] = desk.page.locator(selector).bounding_box()
    return found


@pytest.mark.parametrize(
    ("width", "height", "least"), [(1280, 800, 500), (1600, 1000, 700), (2560, 1440, 1100)]
)
def test_planes_are_as_large_as_the_window_lets_them(width: int, height: int, least: int) -> None:
    """Three planes and the table side by side, all in the window."""
    viewer = RecistViewer(CASE.ct, grid=CASE.grid, marks=CASE.marks)
    with bare_page(viewer, width, height) as desk:
        desk.canvas("[data-masks]:not([data-masks=''])")
        axial, coronal, sagittal = (box(desk, f".le-{name}") for name in ("axial", "coronal", "sagittal"))
        assert axial["width"] == pytest.approx(axial["height"], abs=1)
        assert axial["width"] >= least
        assert coronal["height"] + sagittal["height"] == pytest.approx(axial["height"] - 6, abs=2)
        assert box(desk, ".le-table")["y"] < axial["y"] + 200, "beside"
        root = box(desk, ".le-root")
        assert root["width"] == width
        assert root["height"] <= height
        for dark in (False, True):
            desk.page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", dark)
            desk.picture(f"layout-{width}{'-dark' if dark else ''}")


def test_one_plane_alone_is_drawn_on_scrolled_and_clicked() -> None:
    """Keys and slider scroll the plane that is shown; lines are drawn on it exactly where the mouse is."""
    viewer = RecistViewer(CASE.ct, grid=CASE.grid)
    (first, last), z = CASE.marks[1].endpoints_zyx, CASE.marks[1].slice_index
    with bare_page(viewer) as desk:
        desk.press("v")
        desk.until_seen(".le-scene:not([hidden])")
        desk.press("v")
        desk.page.wait_for_selector(".le-coronal", state="hidden")
        assert box(desk, ".le-axial")["width"] > 1000
        desk.page.locator(".le-slider").fill(str(z))
        desk.canvas(f"[data-index='{z}']")
        desk.drag(desk.at(first), desk.at(last))
        desk.until_seen("tr[data-label='1'] td[data-kind=volume] >> text=/[0-9]/")
        assert viewer.marks[0].endpoints_zyx == (first, last)

        desk.page.select_option("select[data-control=layout]", "coronal")
        desk.page.wait_for_selector(".le-axial", state="hidden")
        y = viewer.cursor_zyx[1]
        desk.page.keyboard.press("ArrowDown")
        desk.canvas(f"[data-index='{y + 1}'][data-masks='1']", "coronal")
        desk.page.keyboard.press("-")
        desk.says("Click where the mask is wrong")
        point = (z, y + 1, viewer.cursor_zyx[2])
        desk.page.mouse.click(*desk.at(point, 1))
        desk.until_seen("tr[data-label='1'] .le-hints")
        assert viewer.marks[0].outside_zyx == (point,)
        desk.picture("layout-coronal")

        desk.press("v")
        desk.press("v")
        desk.canvas(f"[data-index='{z}'][data-masks='1']")
        assert box(desk, ".le-coronal")["width"] > 200


def test_the_whole_screen_and_back() -> None:
    viewer = RecistViewer(CASE.ct, grid=CASE.grid, marks=CASE.marks[:1])
    with bare_page(viewer, 1280, 800) as desk:
        desk.page.evaluate("() => { document.getElementById('place').style.width = '900px'; }")
        desk.page.wait_for_function("() => document.querySelector('.le-root').clientWidth === 900")
        before = box(desk, ".le-axial")["width"]
        desk.page.click("button[data-action='full screen']")
        desk.until_seen("button[data-action='full screen'][aria-pressed=true]")
        desk.page.wait_for_function("() => document.querySelector('.le-root').clientWidth === 1280")
        assert box(desk, ".le-axial")["width"] > before
        assert box(desk, ".le-foot")["y"] < 800
        desk.picture("layout-full-screen")
        desk.press("f")
        desk.page.wait_for_function("() => document.querySelector('.le-root').clientWidth === 900")
        desk.until_seen("button[data-action='full screen'][aria-pressed=false]")
        desk.page.evaluate("() => { document.querySelector('.le-root').requestFullscreen = undefined; }")
        desk.press("f")
        desk.says("This page does not allow full screen")
