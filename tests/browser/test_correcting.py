"""A wrong mask is put right by mouse and keys in a real Chromium; the released network answers each step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lite_ensam
from lite_ensam.engines.backend import WEIGHTS
from lite_ensam.io import read_labels, read_marks
from lite_ensam.widgets import RecistViewer
from lite_ensam.widgets.exports import export_file
from tests.browser.bare_page import BarePage, bare_page
from tests.browser.jupyter_server import chromium

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="no Chromium here: `apt install chromium` brings it"),
    pytest.mark.skipif(not (WEIGHTS / "manifest.json").exists(), reason="the weights are not here"),
]

CASE = lite_ensam.make_phantom(shape_zyx=(40, 128, 128), spacing_mm=(3.0, 2.0, 2.0))
LIVER = CASE.marks[1]
Z = LIVER.slice_index
MIDDLE = tuple(round(m) for m in LIVER.midpoint_zyx)
TABLE = "tr[data-label='2'] .le-hints"


def voxels(viewer: RecistViewer) -> int:
    return int((viewer.labels == LIVER.label).sum())


def click_points(desk: BarePage) -> None:
    """A minus on an axial slice, then a plus on the coronal plane: the mask obeys on all planes."""
    viewer = desk.viewer
    assert viewer.labels[MIDDLE] == LIVER.label
    desk.press("-")
    desk.says("Click where the mask is wrong")
    desk.page.mouse.click(*desk.at(MIDDLE))
    desk.until_seen(f"{TABLE} >> text=\u22121")
    assert viewer.marks[0].outside_zyx == (MIDDLE,)
    assert viewer.labels[MIDDLE] == 0
    above = (Z + 9, *MIDDLE[1:])
    assert viewer.labels[above] == 0, "beyond the tumour"
    desk.page.click("button[data-tool=plus]")
    desk.page.mouse.click(*desk.at(above, plane_number=1))
    desk.until_seen(f"{TABLE} >> text=+1 \u22121")
    assert viewer.marks[0].inside_zyx == (above,)
    assert viewer.labels[above] == LIVER.label
    assert viewer.cursor_zyx == list(above), "all planes go where the click was"
    for plane, place in (("axial", Z + 9), ("coronal", MIDDLE[1]), ("sagittal", MIDDLE[2])):
        desk.canvas(f"[data-index='{place}'][data-masks='2']", plane)
    desk.picture("correcting-points")


def tell_slices(desk: BarePage) -> None:
    """The plus is beyond where the lesion shall begin: told so. It is taken away by a click on it, then it begins."""
    viewer = desk.viewer
    desk.page.locator(".le-slider").fill(str(Z + 2))
    desk.press("b")
    desk.says("A + of lesion 2 lies beyond, on slice")
    assert viewer.marks[0].last_slice is None
    desk.page.locator(".le-slider").fill(str(Z + 9))
    desk.canvas(f"[data-index='{Z + 9}']")
    desk.page.wait_for_timeout(500)  # else a double click, which is one
    desk.page.mouse.click(*desk.at((Z + 9, *MIDDLE[1:])))
    desk.until_seen(f"{TABLE} >> text=/^\u22121/")
    desk.page.locator(".le-slider").fill(str(Z + 2))
    desk.page.click("button[data-action=begins]")
    desk.says(f"Lesion 2 begins on slice {Z + 3}")
    assert viewer.marks[0].last_slice == Z + 2, "the head is at the scan's last slice"
    assert not (viewer.labels[Z + 3 :] == LIVER.label).any()
    assert (viewer.labels[Z + 2] == LIVER.label).any()
    desk.page.locator(".le-slider").fill(str(Z - 2))
    desk.press("e")
    desk.says(f"Lesion 2 ends on slice {Z - 1}")
    assert not (viewer.labels[: Z - 2] == LIVER.label).any()
    assert desk.page.get_attribute(".le-band", "title") == f"lesion 2: \u22121 · slices {Z - 1} to {Z + 3}"
    desk.canvas("[data-masks='2']")
    desk.picture("correcting-slices")


def save(desk: BarePage, folder: Path) -> None:
    """Files hold what is on the screen, and give the same mask again."""
    viewer = desk.viewer
    mask, report = (export_file(viewer, kind, "scan", folder) for kind in ("NIfTI", "JSON"))
    np.testing.assert_array_equal(read_labels(mask, viewer.grid), viewer.labels)
    marks = read_marks(report, viewer.grid)
    assert marks == viewer.marks
    again = lite_ensam.segment(CASE.ct, marks, CASE.grid.spacing_mm)
    np.testing.assert_array_equal(again.labels, viewer.labels)


def undo_all(desk: BarePage, before: int, after: int) -> None:
    """Minus, plus, plus away, begins, ends: five steps back and five on."""
    viewer = desk.viewer
    for _ in range(5):
        desk.press("Control+z")
    desk.page.wait_for_selector(TABLE, state="detached")
    assert (viewer.marks, voxels(viewer)) == ((LIVER,), before)
    assert desk.page.is_disabled("button[data-action=undo]")
    for _ in range(5):
        desk.press("Control+y")
    desk.until_seen(f"{TABLE} >> text=to {Z + 3}")
    assert voxels(viewer) == after
    desk.page.click(f"{TABLE} button")
    desk.page.wait_for_selector(TABLE, state="detached")
    assert voxels(viewer) == before


def test_a_mask_is_put_right_with_clicks_and_slices(tmp_path: Path) -> None:
    viewer = RecistViewer(CASE.ct, grid=CASE.grid, marks=[LIVER])
    with bare_page(viewer) as desk:
        desk.canvas("[data-masks='2']")
        before = voxels(viewer)
        click_points(desk)
        tell_slices(desk)
        save(desk, tmp_path)
        undo_all(desk, before, voxels(viewer))
        assert viewer.error == ""


def test_a_short_axis_is_seen_on_every_plane_and_asked_of_the_network() -> None:
    viewer = RecistViewer(CASE.ct, grid=CASE.grid, marks=[LIVER])
    with bare_page(viewer) as desk:
        desk.canvas("[data-masks='2']")
        runs = viewer.segmenter.lesions[2]
        desk.press("s")
        z, y, x = MIDDLE
        desk.drag(desk.at((z, y - 6, x)), desk.at((z, y + 6, x)))
        desk.until_seen("tr[data-label='2'] td[data-kind=drawn-short] >> text=24.0")
        assert viewer.marks[0].short_axis_zyx == ((z, y - 6, x), (z, y + 6, x))
        assert viewer.segmenter.lesions[2].tumor.logits is not runs.tumor.logits
        desk.picture("correcting-short-axis")
