"""The lesions in 3D and the prior visit beside the scan, in a real Chromium."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import lite_ensam
from lite_ensam.core.grid import Grid
from lite_ensam.engines.backend import WEIGHTS
from lite_ensam.widgets import RecistViewer, explore
from tests.browser.bare_page import BarePage, bare_page
from tests.browser.jupyter_server import chromium

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="no Chromium here: `apt install chromium` brings it"),
    pytest.mark.skipif(not (WEIGHTS / "manifest.json").exists(), reason="the weights are not here"),
]

CASE = lite_ensam.make_phantom(shape_zyx=(40, 128, 128), spacing_mm=(3.0, 2.0, 2.0))


def share_of(desk: BarePage, label: int) -> int:
    """Pixels of the 3D picture in a lesion's hue."""
    shot = Image.open(io.BytesIO(desk.page.locator(".le-scene").screenshot())).convert("HSV")
    hue, saturation, bright = np.moveaxis(np.asarray(shot, dtype=int), -1, 0)
    wanted = Image.new("RGB", (1, 1), desk.viewer.color_of(label)).convert("HSV").getpixel((0, 0))[0]
    away = np.abs(hue - wanted)
    return int(np.sum((np.minimum(away, 256 - away) < 5) & (saturation > 60) & (bright > 60)))


def test_lesions_in_3d_turn_by_mouse_and_keys_and_follow_their_masks() -> None:
    viewer = RecistViewer(CASE.ct, grid=CASE.grid, marks=CASE.marks)
    with bare_page(viewer) as desk:
        desk.canvas("[data-masks]:not([data-masks=''])")
        desk.page.select_option("select[data-control=layout]", "2 x 2 with 3D")
        desk.canvas("[data-surfaces='1 2 3']", "'3D'")
        assert all(share_of(desk, label) > 500 for label in (1, 2, 3))
        desk.picture("scene-2x2")
        box = desk.page.locator("canvas[data-plane='3D']").bounding_box()
        axial, coronal = (
            desk.page.locator(f"canvas[data-plane={name}]").bounding_box() for name in ("axial", "coronal")
        )
        assert [axial[side] for side in ("width", "height")] == pytest.approx(
            [box[side] for side in ("width", "height")], abs=2
        )
        assert axial["y"] == coronal["y"] < box["y"]

        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        desk.drag(middle, (middle[0] + 120, middle[1]))
        desk.canvas("[data-eye='1.35 0.40 1.00']", "'3D'")
        desk.page.focus("canvas[data-plane='3D']")
        desk.page.keyboard.press("ArrowUp")
        desk.page.keyboard.press("+")
        desk.canvas("[data-eye='1.35 0.20 1.20']", "'3D'")
        z = viewer.cursor_zyx[0]
        assert attribute_index(desk) == z, "keys turn the picture that has the focus, and scroll nothing"
        desk.page.click("tr[data-label='2'] button[data-action=reject]")
        desk.canvas("[data-surfaces='1 3']", "'3D'")
        assert share_of(desk, 2) == 0


def attribute_index(desk: BarePage) -> int:
    return int(desk.page.get_attribute("canvas[data-plane=axial]", "data-index"))


def test_the_prior_visit_is_scrolled_zoomed_and_measured_beside_the_scan() -> None:
    """The patient lay elsewhere on the table; what stands side by side is the same place of the body."""
    pytest.importorskip("SimpleITK", reason="SimpleITK is not installed (extra register)")
    move = np.eye(4)
    move[:3, 3] = (24.0, -15.0, 120.0)
    start = np.eye(4)
    start[2, 3] = 4
    prior = CASE.ct[4:], Grid.from_affine((36, 128, 128), move @ CASE.grid.affine @ start)
    lines = [
        lite_ensam.RecistMark(mark.label, tuple((z - 4, y, x) for z, y, x in mark.endpoints_zyx))
        for mark in CASE.marks[1:2]
    ]
    viewer = explore(CASE, prior=prior, prior_marks=lines).viewer
    with bare_page(viewer) as desk:
        desk.canvas("[data-masks]:not([data-masks=''])")
        desk.page.select_option("select[data-control=layout]", "axial beside prior")
        z = CASE.marks[1].slice_index
        desk.page.locator(".le-slider").fill(str(z))
        desk.canvas(f"[data-index='{z}'][data-masks='2']")
        desk.canvas(f"[data-index='{z}'][data-masks='2']", "'prior axial'")
        desk.picture("prior-beside")
        boxes = [
            desk.page.locator(f"canvas[data-plane='{name}']").bounding_box()
            for name in ("axial", "prior axial")
        ]
        assert boxes[0]["height"] == boxes[1]["height"] > 500
        middle = boxes[1]["x"] + boxes[1]["width"] / 2, boxes[1]["y"] + boxes[1]["height"] / 2
        desk.page.mouse.move(*middle)
        desk.page.mouse.wheel(0, 100)
        for name in ("axial", "'prior axial'"):
            desk.canvas(f"[data-index='{z - 1}']", name)
        desk.drag(middle, (middle[0] + 40, middle[1]))
        desk.says("The prior visit is for comparison")
        assert len(viewer.marks) == 3
        desk.press("d")
        desk.drag(middle, (middle[0] + 80, middle[1]))
        desk.until_seen("li[data-measure=ruler] >> text=/prior, axial/")
        axial, beside = (
            desk.page.get_attribute(f"canvas[data-plane='{name}']", "data-scale")
            for name in ("axial", "prior axial")
        )
        assert axial == beside
        assert viewer.error == ""
