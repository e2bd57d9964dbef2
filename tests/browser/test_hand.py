"""The hand's tools in a real Chromium: ball, fill between, islands, smooth; thresholds of one lesion; options."""

from __future__ import annotations

import numpy as np
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
LIVER = CASE.marks[1]
Z, Y, X = (round(m) for m in LIVER.midpoint_zyx)
EDITS = "tr[data-label='2'] .le-edits"


def type_into(desk: BarePage, name: str, value: str) -> None:
    field = desk.page.locator(f"input[aria-label='{name}']")
    field.fill(value)
    field.press("Enter")


def paint_a_ball(desk: BarePage) -> None:
    """On the coronal plane: it is seen while it is drawn on the axial one too, and reaches the slices beside."""
    viewer, before = desk.viewer, desk.viewer.labels
    desk.press("t")
    desk.says("3D: brush and eraser are balls")
    type_into(desk, "width of the brush in mm", "24")
    mouse = desk.page.mouse
    mouse.move(*desk.at((Z, Y, X + 22), 1))
    mouse.down()
    mouse.move(*desk.at((Z, Y, X + 26), 1))
    desk.picture("hand-ball-drawn")
    mouse.up()
    desk.until_seen(f"{EDITS} >> text=/by hand: .[1-9]/")
    added = viewer.labels != before
    for axis, (first, last) in enumerate(((Z - 4, Z + 4), (Y - 6, Y + 6), (X + 16, X + 32))):
        reached = np.flatnonzero(added.any(axis=tuple({0, 1, 2} - {axis})))
        assert abs(reached[0] - first) <= (4 if axis == 2 else 1), axis  # the tumour is there already
        assert abs(reached[-1] - last) <= 1, axis  # a pixel of the screen is less than a voxel


def wipe_with_a_ball(desk: BarePage) -> None:
    """As deep as it is wide: slices before and behind, too."""
    viewer = desk.viewer
    desk.press("x")
    desk.says("Wipe what is not tumour")
    type_into(desk, "width of the brush in mm", "8")
    desk.drag(desk.at((Z, Y - 9, X + 24)), desk.at((Z, Y + 9, X + 24)))
    desk.until_seen(f"{EDITS} >> text=/by hand: .[1-9]/")
    desk.page.wait_for_timeout(300)
    assert not viewer.labels[Z - 1 : Z + 2, Y, X + 23 : X + 26].any()


def keep_the_main_part(desk: BarePage) -> None:
    """An island far away is painted, and taken away."""
    viewer = desk.viewer
    desk.press("u")
    desk.says("Lesion 2")
    desk.press("r")
    desk.page.mouse.click(*desk.at((Z, Y - 30, X)))
    desk.until_seen(EDITS)
    desk.page.wait_for_timeout(300)
    assert viewer.labels[Z, Y - 30, X] == 2
    desk.page.click("button[data-action=islands]")
    desk.says("Lesion 2 lost 1 island, ")
    assert viewer.labels[Z, Y - 30, X] == 0


def smooth_and_undo(desk: BarePage) -> None:
    viewer = desk.viewer
    before = viewer.labels
    type_into(desk, "how much is smoothed, in mm", "99")
    desk.says("A mask is smoothed by 0.1 to 20 mm.")
    type_into(desk, "how much is smoothed, in mm", "4")
    desk.press("g")
    desk.says("Lesion 2 was smoothed by 4 mm: its border moved by up to")
    desk.picture("hand-smooth")
    after = viewer.labels
    assert (after == 2).sum() == (before == 2).sum()
    assert (after != before).any()
    desk.press("Control+z")
    desk.page.wait_for_timeout(300)
    np.testing.assert_array_equal(viewer.labels, before)
    desk.press("Control+y")
    desk.page.wait_for_timeout(300)
    np.testing.assert_array_equal(viewer.labels, after)


def test_ball_islands_and_smooth_are_seen_told_and_undone() -> None:
    viewer = RecistViewer(CASE.ct, grid=CASE.grid, marks=[LIVER])
    with bare_page(viewer) as desk:
        desk.canvas("[data-masks='2']")
        network = viewer.labels
        paint_a_ball(desk)
        wipe_with_a_ball(desk)
        keep_the_main_part(desk)
        smooth_and_undo(desk)
        for _ in viewer.edits:
            desk.press("Control+z")
        desk.page.wait_for_selector(EDITS, state="detached")
        np.testing.assert_array_equal(viewer.labels, network)
        assert desk.page.is_disabled("button[data-action=undo]")
        assert viewer.error == ""


def test_slices_between_painted_ones_are_filled() -> None:
    viewer = RecistViewer(CASE.ct, grid=CASE.grid, marks=[LIVER])
    with bare_page(viewer) as desk:
        desk.canvas("[data-masks='2']")
        desk.press("j")
        desk.says("Nothing to fill: paint lesion 2 on two axial slices")
        top = int(np.flatnonzero((viewer.labels == 2).any(axis=(1, 2)))[-1])
        desk.page.locator(".le-slider").first.fill(str(top + 4))
        desk.canvas(f"[data-index='{top + 4}']")
        desk.press("r")
        desk.page.mouse.click(*desk.at((top + 4, Y, X)))
        desk.until_seen(EDITS)
        desk.press("j")
        desk.says(f"Lesion 2 was filled on axial slices {top + 2} to {top + 4}")
        assert (viewer.labels[top : top + 5] == 2).any(axis=(1, 2)).all()
        desk.picture("hand-filled")
        desk.press("Control+z")
        desk.page.wait_for_timeout(300)
        assert not (viewer.labels[top + 1 : top + 4] == 2).any()


def test_a_threshold_moves_one_lesion_and_its_slide_is_one_step_back() -> None:
    viewer = RecistViewer(CASE.ct, grid=CASE.grid, marks=CASE.marks)
    with bare_page(viewer) as desk:
        desk.canvas("[data-masks]")
        desk.until_seen("tr[data-label='3'] td[data-kind=volume] >> text=/[0-9]/")
        before = viewer.labels
        slider = desk.page.locator("input[data-control=threshold]")
        assert slider.is_disabled(), "no lesion is chosen"
        desk.page.click("tr[data-label='2'] td[data-kind=line]")
        desk.until_seen("label:has(input[data-control=threshold]) >> text=threshold of 2")
        slider.focus()
        for _ in range(4):
            desk.page.keyboard.press("ArrowRight")
        desk.until_seen(f"{EDITS} >> text=threshold 1.00")
        assert viewer.thresholds == {"2": 1.0}
        assert (viewer.labels == 2).sum() < (before == 2).sum()
        for other in (1, 3):
            np.testing.assert_array_equal(viewer.labels == other, before == other)
        desk.picture("hand-threshold")
        desk.press("Control+z")
        desk.until_seen("label:has(input[data-control=threshold]) >> text=0.75")
        for _ in range(3):
            desk.press("Control+z")
        desk.page.wait_for_selector(EDITS, state="detached")
        np.testing.assert_array_equal(viewer.labels, before)


def test_options_of_segment_are_changed_in_the_panel_and_wrong_ones_told() -> None:
    viewer = RecistViewer(CASE.ct, grid=CASE.grid, marks=[LIVER])
    with bare_page(viewer) as desk:
        desk.canvas("[data-masks='2']")
        before = viewer.labels
        desk.page.click(".le-options summary")
        desk.picture("hand-options")
        desk.page.check("input[data-option=mirror]")
        desk.until_seen(f"canvas[data-mask-version='{viewer._mask_version}']")
        assert viewer.options["mirror"] is True
        expected = lite_ensam.segment(CASE.ct, [LIVER], CASE.grid.spacing_mm, mirror=True)
        desk.page.wait_for_timeout(500)
        np.testing.assert_array_equal(viewer.labels, expected.labels)
        assert (viewer.labels != before).any()
        repeats = desk.page.locator("input[data-option=n_repeats]")
        repeats.fill("1")
        repeats.press("Enter")
        desk.until_seen(".le-error >> text=n_repeats must be a whole number of at least 2")
        assert repeats.input_value() == "0", "as it was"
        weights = desk.page.locator("input[data-option=weights]")
        weights.fill("/nowhere")
        weights.press("Enter")
        desk.until_seen(".le-error >> text=weights: no such file /nowhere/manifest.json")
        np.testing.assert_array_equal(viewer.labels, expected.labels)
