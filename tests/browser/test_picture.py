"""How the picture is shown and measured, in a real Chromium, by mouse and by keys: nothing of it changes a lesion."""

from __future__ import annotations

import re

import numpy as np
import pytest

import lite_ensam
from lite_ensam.engines.backend import WEIGHTS
from lite_ensam.widgets import RecistViewer
from lite_ensam.widgets.planes import windowed
from tests.browser.bare_page import BarePage, bare_page
from tests.browser.jupyter_server import chromium

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="no Chromium here: `apt install chromium` brings it"),
    pytest.mark.skipif(not (WEIGHTS / "manifest.json").exists(), reason="the weights are not here"),
]

CASE = lite_ensam.make_phantom(shape_zyx=(40, 128, 128), spacing_mm=(3.0, 2.0, 2.0))
LIVER = CASE.marks[1]
Z, Y, X = (round(middle) for middle in LIVER.midpoint_zyx)
PIXEL = """
([plane, x, y]) => {
    const canvas = document.querySelector(`canvas[data-plane=${plane}]`);
    const box = canvas.getBoundingClientRect();
    const copy = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, Math.round(x - box.left), Math.round(y - box.top), 1, 1, 0, 0, 1, 1);
    return [...copy.getImageData(0, 0, 1, 1).data];
}
"""


def pixel(desk: BarePage, voxel: tuple[float, float, float], number: int = 0) -> list[int]:
    """Red, green and blue where a voxel's centre is drawn, while the plane shows the whole slice."""
    plane = ("axial", "coronal", "sagittal")[number]
    return list(desk.page.evaluate(PIXEL, [plane, *desk.at(voxel, number)])[:3])


def attribute(desk: BarePage, name: str, plane: str = "axial") -> str:
    value: str = desk.page.get_attribute(f"canvas[data-plane={plane}]", f"data-{name}")
    return value


def until_scale(desk: BarePage, plane: str, expected: float) -> None:
    """Wait until a plane has so many pixels a mm."""
    for _ in range(100):
        if float(attribute(desk, "scale", plane)) == pytest.approx(expected, rel=0.02):
            return
        desk.page.wait_for_timeout(50)
    pytest.fail(f"{plane}: {attribute(desk, 'scale', plane)} pixels a mm, expected {expected}")


def test_masks_are_filled_as_much_as_asked_for_or_outlined() -> None:
    viewer = RecistViewer(CASE.ct, grid=CASE.grid, marks=[LIVER])
    inside = (Z, Y + 6, X)
    with bare_page(viewer) as desk:
        desk.canvas("[data-masks='2']")
        desk.press("1")
        desk.until_seen("canvas[data-window='-160 240']")
        grey = [int(windowed(CASE.ct[Z : Z + 1, Y + 6, X], (-160.0, 240.0))[0])] * 3
        color = [int(viewer.color_of(2)[n : n + 2], 16) for n in (1, 3, 5)]
        for key in ("outlines", "fill again", "hidden", "shown"):
            desk.press({"outlines": "o", "fill again": "o", "hidden": "h", "shown": "h"}[key])
            desk.says(
                {"outlines": "Outlines only", "fill again": "Masks are filled"}.get(key, f"Masks are {key}")
            )
            seen = pixel(desk, inside)
            share = 0.0 if key in ("outlines", "hidden") else 0.3
            expected = [g + share * (c - g) for g, c in zip(grey, color, strict=True)]
            assert seen == pytest.approx(expected, abs=4), key
        desk.page.locator("input[data-control=opacity]").fill("1")
        desk.page.wait_for_timeout(100)
        assert pixel(desk, inside) == pytest.approx(color, abs=2)
        desk.picture("picture-opaque")
        desk.page.check("input[data-control=outlineOnly]")
        desk.page.wait_for_timeout(100)
        assert pixel(desk, inside) == pytest.approx(grey, abs=4)
        assert desk.page.is_disabled("input[data-control=opacity]")
        desk.picture("picture-outline")


def test_voxels_are_interpolated_or_shown_as_squares() -> None:
    """Halfway between two voxels the picture is their mean, or one of them."""
    ct = np.zeros((3, 32, 32), np.int16)
    ct[:, :, 16:] = 200
    with bare_page(RecistViewer(ct, (1, 1, 1), marks=(), hu=True)) as desk:
        desk.press("1")
        between = [pixel(desk, (1, 4, x))[0] for x in (15.25, 15.75)]
        desk.press("i")
        desk.says("Voxels are shown as squares")
        squares = [pixel(desk, (1, 4, x))[0] for x in (15.25, 15.75)]
    dark, bright = (int(value) for value in windowed(np.array([0, 200]), (-160.0, 240.0)))
    assert squares == [dark, bright]
    assert dark + 20 < between[0] < between[1] < bright - 20


def test_planes_are_zoomed_and_moved_together_or_alone() -> None:
    with bare_page(RecistViewer(CASE.ct, grid=CASE.grid)) as desk:
        before = {name: float(attribute(desk, "scale", name)) for name in ("axial", "coronal", "sagittal")}
        desk.page.mouse.move(*desk.at((20, 64, 64)))
        desk.page.keyboard.down("Control")
        desk.page.mouse.wheel(0, -100)
        desk.page.keyboard.up("Control")
        for name, scale in before.items():
            until_scale(desk, name, 1.2 * scale)
        start = desk.at((20, 64, 64))
        desk.drag(start, (start[0] + 60, start[1]), button="middle")
        desk.press("k")
        desk.says("Each plane is zoomed by itself")
        desk.page.click("text=fit")
        desk.page.mouse.move(*start)
        desk.page.keyboard.down("Control")
        desk.page.mouse.wheel(0, -100)
        desk.page.keyboard.up("Control")
        until_scale(desk, "axial", 1.2 * before["axial"])
        assert float(attribute(desk, "scale", "coronal")) == pytest.approx(before["coronal"], rel=0.01)


def test_the_crosshair_is_dragged_and_makes_no_line() -> None:
    viewer = RecistViewer(CASE.ct, grid=CASE.grid)
    with bare_page(viewer) as desk:
        desk.press("c")
        desk.says("Drag the crosshair")
        desk.drag(desk.at((20, 64, 64)), desk.at((20, 40, 90)))
        assert viewer.cursor_zyx == [20, 40, 90]
        desk.drag(desk.at((20, 40, 90), 1), desk.at((30, 40, 80), 1))
        assert viewer.cursor_zyx == [30, 40, 80]
        desk.press("Escape")  # by the end of a line, with the tool that draws
        x, _ = desk.at((30, 40, 80))
        bottom = desk.page.locator("canvas[data-plane=axial]").bounding_box()
        y = bottom["y"] + bottom["height"] - 6
        desk.drag((x, y), (desk.at((30, 40, 60))[0], y))
        assert viewer.cursor_zyx == [30, 40, 60], "sideways only"
        assert viewer.marks == ()


def test_a_ruler_measures_and_makes_no_lesion() -> None:
    viewer = RecistViewer(CASE.ct, grid=CASE.grid)
    z, y, x = viewer.cursor_zyx
    with bare_page(viewer) as desk:
        desk.press("d")
        desk.drag(desk.at((z, y, x)), desk.at((z, y + 15, x + 20)))
        words = desk.until_seen("li[data-measure=ruler]").inner_text()
        assert float(re.search(r"([\d.]+) mm", words)[1]) == pytest.approx(50, abs=1.5)  # type: ignore[index]
        assert viewer.marks == ()
        assert len(viewer.measures) == 1
        desk.drag(desk.at((z, y, x), 1), desk.at((z + 10, y, x), 1))
        desk.until_seen("li[data-measure=ruler] >> nth=1")
        assert "coronal" in desk.page.inner_text("li[data-measure=ruler] >> nth=1")
        desk.picture("picture-rulers")
        desk.drag(desk.at((z, y + 15, x + 20)), desk.at((z, y, x + 20)))  # an end is moved
        desk.until_seen("li[data-measure=ruler] >> text=/ruler: (39|40|41)/")
        assert len(viewer.measures) == 2

        desk.press("Control+z")
        desk.until_seen("li[data-measure=ruler] >> text=/ruler: (49|50|51)/")
        desk.press("Delete")
        desk.says("ruler deleted")
        assert len(viewer.measures) == 1
        desk.page.click("li[data-measure=ruler] button[title^=take]")
        desk.page.wait_for_selector("li[data-measure]", state="detached")
        desk.press("Control+z")
        desk.press("Control+z")
        desk.until_seen("li[data-measure=ruler] >> nth=1")
        assert (viewer.marks, viewer.results, viewer.error) == ((), [], "")


def test_an_roi_tells_the_hu_inside() -> None:
    viewer = RecistViewer(CASE.ct, grid=CASE.grid, marks=[LIVER], auto_segment=False)
    with bare_page(viewer) as desk:
        desk.press("a")
        corners = (Z, Y - 8, X - 10), (Z, Y + 8, X + 10)
        desk.drag(*(desk.at(corner) for corner in corners))
        words = desk.until_seen("li[data-measure=ROI] >> text=/SD/").inner_text().replace("\u2212", "-")
        (row, column), (row_to, column_to) = viewer.measures[0]["ends"]
        assert (row, column_to) == (pytest.approx(Y - 8, abs=0.6), pytest.approx(X + 10, abs=0.6))
        rows, columns = np.indices(CASE.ct.shape[1:])
        middle, radii = (
            ((row + row_to) / 2, (column + column_to) / 2),
            ((row_to - row) / 2, (column_to - column) / 2),
        )
        inside = ((rows - middle[0]) / radii[0]) ** 2 + ((columns - middle[1]) / radii[1]) ** 2 <= 1
        found = CASE.ct[Z][inside].astype(float)
        told = [float(number) for number in re.findall(r"(?:mean|SD|min|max) (-?[\d.]+)", words)]
        assert told == pytest.approx([found.mean(), found.std(), found.min(), found.max()], abs=0.6)
        assert f"{np.pi * radii[0] * radii[1] * 4:.0f} mm\u00b2" in words
        desk.picture("picture-roi")
        assert len(viewer.marks) == 1
        desk.press("Control+z")
        desk.page.wait_for_selector("li[data-measure]", state="detached")


def test_slabs_show_the_brightest_the_mean_or_the_darkest_of_their_slices() -> None:
    ct = np.random.default_rng(3).integers(-150, 230, (24, 24, 24)).astype(np.int16)
    viewer = RecistViewer(ct, (2, 2, 2), marks=(), hu=True)
    (index, *_) = viewer.cursor_zyx
    with bare_page(viewer) as desk:
        for key in ("1", "i", "m"):
            desk.press(key)
        desk.says("Slab: max, 10 mm")
        for how, name in ((np.max, "max"), (np.mean, "mean"), (np.min, "min")):
            desk.canvas(f"[data-slab='{name}, 10 mm']", "sagittal")
            desk.page.wait_for_timeout(500)
            for number in range(3):
                slices = ct.take(range(index - 2, index + 3), axis=number)
                expected = windowed(how(slices, axis=number), (-160.0, 240.0))
                for place in ((3, 3), (19, 17)):
                    z, y, x = np.insert(place, number, index)
                    assert pixel(desk, (z, y, x), number)[0] == pytest.approx(int(expected[place]), abs=1)
            desk.press("m")
        desk.says("Slab: single slices")
        assert attribute(desk, "slab") == ""


def test_a_slab_is_scrolled_thickened_and_typed() -> None:
    viewer = RecistViewer(CASE.ct, grid=CASE.grid, marks=CASE.marks)
    with bare_page(viewer) as desk:
        desk.canvas("[data-masks]:not([data-masks=''])")
        desk.page.select_option("select[data-control=slab]", "max")
        z = viewer.cursor_zyx[0]
        desk.press("ArrowDown")
        desk.canvas(f"[data-index='{z - 1}'][data-slab='max, 10 mm']")
        desk.press("]")
        desk.says("Slab: max, 15 mm")
        field = desk.page.locator("input[data-control='slab thickness']")
        field.fill("40")
        field.press("Enter")
        desk.canvas("[data-slab='max, 40 mm']")
        desk.picture("picture-slab")
        field.fill("0")
        field.press("Enter")
        desk.says("A slab is 1 to 1000 mm thick")
        assert viewer.error == ""


def test_everything_is_done_by_keys_alone() -> None:
    """The crosshair is the mouse: a line, a click, a ruler."""
    viewer = RecistViewer(CASE.ct, grid=CASE.grid)

    def step(key: str, times: int) -> None:
        for _ in range(times):
            desk.press(f"Shift+Arrow{key}")

    with bare_page(viewer) as desk:
        desk.page.locator(".le-slider").fill(str(Z))
        desk.canvas(f"[data-index='{Z}']")
        desk.page.mouse.click(*desk.at((Z, Y, X - 8)))
        desk.press("Space")
        desk.says("Shift + arrows: draw")
        step("Right", 16)
        desk.press("Space")
        desk.until_seen("tr[data-label='1'] td[data-kind=volume] >> text=/[0-9]/")
        assert viewer.marks[0].endpoints_zyx == ((Z, Y, X - 8), (Z, Y, X + 8))
        desk.press("-")
        step("Down", 20)
        desk.press("Space")
        desk.until_seen("tr[data-label='1'] .le-hints")
        assert len(viewer.marks[0].outside_zyx) == 1
        desk.press("d")
        desk.press("Space")
        step("Left", 5)
        desk.press("Space")
        desk.until_seen("li[data-measure=ruler] >> text=/ruler: 10.0 mm/")
        desk.press("Space")
        step("Left", 3)
        desk.press("Escape")
        desk.page.wait_for_timeout(100)
        assert len(viewer.measures) == 1, "given up"
