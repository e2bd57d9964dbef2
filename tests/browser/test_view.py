"""`lite-ensam view` from the shell to the file: a tab without a notebook, and the command ends with it."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

import lite_ensam
from lite_ensam.engines.backend import WEIGHTS
from lite_ensam.io import read_labels, write_ct
from tests.browser.jupyter_server import chromium
from tests.browser.view_command import tab, viewing, write_study

pytest.importorskip("aiohttp", reason="aiohttp is not installed: no lite-ensam view to test")
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="no Chromium here: `apt install chromium` brings it"),
    pytest.mark.skipif(not (WEIGHTS / "manifest.json").exists(), reason="the weights are not here"),
]

CASE = lite_ensam.make_phantom(shape_zyx=(40, 128, 128), spacing_mm=(3.0, 2.0, 2.0))
LIVER = CASE.marks[1]


def press_save(page: Any, kind: str) -> str:
    """What the page says of a file."""
    page.click(f"text=Save {kind}")
    words: str = page.wait_for_selector("#words >> text=/written|exists|cannot/").text_content()
    return words


def test_a_line_becomes_a_file_and_the_command_ends_with_its_tab(tmp_path: Path) -> None:
    scan = tmp_path / "ct.nii.gz"
    write_ct(scan, CASE.ct, CASE.grid)
    with tab(CASE.grid) as (desk, complaints), viewing(scan) as (address, process):
        page = desk.page
        page.goto(address)
        desk.canvas("[data-index]")
        z, y, x = (round(middle) for middle in LIVER.midpoint_zyx)
        page.locator(".le-slider").first.fill(str(z))
        desk.canvas(f"[data-index='{z}']")
        first, last = LIVER.endpoints_zyx
        desk.drag(desk.at(first), desk.at(last))
        desk.canvas("[data-masks='1']")
        asked: list[str] = []
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
        page.close(run_before_unload=True)
        page.wait_for_timeout(500)
        assert asked == ["beforeunload"], "the line is not saved"
        mask = tmp_path / "ct_mask.nii.gz"
        assert press_save(page, "NIfTI") == f"written: {mask}"
        assert read_labels(mask, CASE.grid)[z, y, x] == 1
        page.wait_for_timeout(100)
        assert press_save(page, "NIfTI") == "ct_mask.nii.gz exists: tick “replace files” to write it again"
        desk.picture("view")

        page.reload()  # the scan, the line and the mask are still there
        desk.canvas("[data-masks='1']")
        assert complaints == []
        assert desk.requests.hosts == {"127.0.0.1"}
        page.close(run_before_unload=True)
        assert process.wait(timeout=60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert {path.name for path in tmp_path.iterdir()} == {"ct.nii.gz", "ct_mask.nii.gz"}


def test_neither_marks_nor_a_second_tab_nor_a_lost_server_surprise(tmp_path: Path) -> None:
    scan, results = tmp_path / "ct.nii.gz", tmp_path / "results"
    results.mkdir()
    write_ct(scan, CASE.ct, CASE.grid)
    marks = results / "ct_report.json"  # as the button JSON would call its file
    marks.write_text(json.dumps({"marks": [{"label": 1, "endpoints_zyx": LIVER.endpoints_zyx}]}))
    before = marks.read_bytes()
    with (
        tab(CASE.grid) as (desk, _),
        viewing(scan, "--marks", marks, "--output-dir", results) as (address, process),
    ):
        page = desk.page
        page.goto(address)
        desk.canvas("[data-masks='1']")
        page.check("#replace")
        assert press_save(page, "JSON").endswith("it is one of the inputs")
        assert marks.read_bytes() == before
        assert press_save(page, "CSV") == f"written: {results / 'ct_table.csv'}"

        other = page.context.new_page()
        other.goto(address)
        other.wait_for_selector("#words >> text=This scan is open in another tab")
        other.close()
        page.wait_for_timeout(4000)  # longer than a closed tab is waited for
        assert process.poll() is None

        process.send_signal(signal.SIGINT)
        page.wait_for_selector("#words >> text=ended in its terminal")
        assert process.wait(timeout=60) == 0


def test_one_of_several_series_is_chosen_in_the_page(tmp_path: Path) -> None:
    study = tmp_path / "study"
    write_study(study, ("SCOUTLESS THICK", 5, 5.0), ("THIN <b>B60f</b>", 12, 1.25))
    with tab(CASE.grid) as (desk, complaints), viewing(study) as (address, process):
        page = desk.page
        page.goto(address)
        page.wait_for_selector("h1 >> text=2 CT series in this folder")
        rows = [row.inner_text().split("\t")[:4] for row in page.query_selector_all(".series tbody tr")]
        assert rows == [
            ["1", "SCOUTLESS THICK", "5", "5 x 0.8 x 0.7"],
            ["2", "THIN <b>B60f</b>", "12", "1.25 x 0.8 x 0.7"],
        ]
        assert "Phantom" not in page.content()
        desk.picture("view-series")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")  # by keys: the first one's button has the focus, the second is the next
        desk.canvas("[data-index]")
        assert "/ 12" in page.get_attribute("canvas[data-plane=axial]", "aria-label")
        assert complaints == []
        assert desk.requests.hosts == {"127.0.0.1"}
        page.close()
        assert process.wait(timeout=60) == 0


def test_files_strokes_and_keys_wait_for_nobody(tmp_path: Path) -> None:
    """A stroke is drawn while the network runs, a key is pressed after a button; and the page is loaded again."""
    scan = tmp_path / "ct.nii.gz"
    write_ct(scan, CASE.ct, CASE.grid)
    with tab(CASE.grid) as (desk, complaints), viewing(scan) as (address, process):
        page = desk.page
        page.goto(address)
        page.wait_for_selector(f"#words >> text=ct · files go to {tmp_path}")
        assert page.title() == "lite-ensam", "the browser's history keeps it"
        page.click("text=Save SEG", force=True)
        page.wait_for_selector("#words.bad >> text=a DICOM SEG needs the DICOM slices of its CT")
        assert "needs the DICOM slices" in page.get_attribute("text=Save SEG", "title")

        z, y, x = (round(middle) for middle in LIVER.midpoint_zyx)
        page.locator(".le-slider").first.fill(str(z))
        desk.canvas(f"[data-index='{z}']")
        desk.drag(*(desk.at(end) for end in LIVER.endpoints_zyx))
        desk.press("x")
        desk.drag(desk.at((z, y, x - 4)), desk.at((z, y, x + 4)))
        page.wait_for_selector(
            r"tr[data-label='1'] .le-edits >> text=/by hand: \+0 \u2212[1-9]/", timeout=60_000
        )
        page.click("text=Save JSON")
        page.wait_for_selector("#words >> text=/written: /")
        page.keyboard.press("r")
        page.wait_for_selector(".le-message >> text=Paint tumour")
        page.mouse.click(5, 995)
        page.keyboard.press("d")
        page.wait_for_selector(".le-message >> text=a distance, not a lesion")

        page.click("tr[data-label='1'] button[data-action=reject]")
        page.wait_for_selector(r"tr[data-state=rejected] .le-edits >> text=/^by hand\u00d7$/")
        asked: list[str] = []
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
        page.reload()
        desk.canvas("[data-index]")
        page.keyboard.press("Control+z")
        page.wait_for_selector("tr[data-label='1'] .le-edits", state="detached")  # the stroke
        page.keyboard.press("Control+z")
        page.wait_for_selector("tr[data-label='1']", state="detached")  # the line
        page.keyboard.press("Control+y")
        page.wait_for_selector("tr[data-label='1']")
        with page.expect_event("close"):
            page.close(run_before_unload=True)
        assert process.wait(timeout=60) == 0
        assert asked == ["beforeunload"] * 2, "what was not saved before is not saved now"
        assert complaints == []
