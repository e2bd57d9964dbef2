"""Brush and eraser in a real Chromium: what a hand made is seen, saved, counted, undone, and survives the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lite_ensam
from lite_ensam.engines.backend import WEIGHTS
from lite_ensam.io import read_labels
from lite_ensam.widgets import RecistViewer
from lite_ensam.widgets.exports import export_file
from tests.browser.bare_page import bare_page
from tests.browser.jupyter_server import chromium

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="no Chromium here: `apt install chromium` brings it"),
    pytest.mark.skipif(not (WEIGHTS / "manifest.json").exists(), reason="the weights are not here"),
]

CASE = lite_ensam.make_phantom(shape_zyx=(40, 128, 128), spacing_mm=(3.0, 2.0, 2.0))
LIVER = CASE.marks[1]
EDITS = "tr[data-label='2'] .le-edits"


def test_a_mask_is_painted_and_wiped_by_hand(tmp_path: Path) -> None:
    viewer = RecistViewer(CASE.ct, grid=CASE.grid, marks=[LIVER])
    z, y, x = (round(m) for m in LIVER.midpoint_zyx)
    with bare_page(viewer) as desk:
        desk.canvas("[data-masks='2']")
        network = viewer.labels
        desk.press("r")
        desk.says("Paint tumour that is missing")
        size = desk.page.locator("input[title^='brush, mm']")
        size.fill("8")
        size.press("Enter")
        desk.drag(desk.at((z, y + 24, x)), desk.at((z, y + 24, x + 20)))
        desk.until_seen(f"{EDITS} >> text=/by hand: .[1-9]/")
        painted = viewer.labels
        assert (painted[z, y + 24, x : x + 21] == 2).all()
        assert not (painted != network)[[k for k in range(40) if k != z]].any(), "one slice alone"
        count = viewer.results[0]["hand_added_voxels"]
        assert count == (painted != network).sum()
        assert count * 4 == pytest.approx(40 * 8 + np.pi * 4**2, rel=0.15), (
            "mm2 of a stroke 40 mm long, 8 wide"
        )
        desk.picture("brush-painted")

        desk.press("x")
        desk.drag(desk.at((z, y, x - 3), 1), desk.at((z, y, x + 3), 1))
        desk.until_seen(f"{EDITS} >> text=/by hand: .{count} .[1-9]/")
        wiped = viewer.labels
        assert not wiped[z, y, x - 3 : x + 4].any()
        assert wiped[z, y + 6, x] == 2, "the coronal slice alone"

        desk.press("-")
        desk.page.mouse.click(*desk.at((z, y + 12, x)))
        desk.until_seen("tr[data-label='2'] .le-hints >> text=\u22121")
        assert (viewer.labels[z, y + 24, x : x + 21] == 2).all(), "the network has answered; the hand's stays"
        assert not viewer.labels[z, y, x - 3 : x + 4].any()
        saved = read_labels(export_file(viewer, "NIfTI", "scan", tmp_path), viewer.grid)
        np.testing.assert_array_equal(saved, viewer.labels)

        for expected in (wiped, painted, network):
            desk.press("Control+z")
            desk.page.wait_for_timeout(300)
            np.testing.assert_array_equal(viewer.labels, expected)
        desk.page.wait_for_selector(EDITS, state="detached")
        desk.press("Control+y")
        desk.page.click(f"{EDITS} button")
        desk.page.wait_for_selector(EDITS, state="detached")
        np.testing.assert_array_equal(viewer.labels, network)
        assert viewer.error == ""
