"""The buttons that write files, pressed by mouse: what is read back is what is on the screen."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lite_ensam.engines.backend import WEIGHTS
from lite_ensam.io import open_scan, read_labels, read_marks
from lite_ensam.widgets import explore
from lite_ensam.widgets.exports import EXPORT_KINDS
from tests.browser.jupyter_page import JupyterPage
from tests.browser.jupyter_server import (
    CHROMIUM_ARGUMENTS,
    Requests,
    chromium,
    open_and_run,
    running,
    write_notebook,
)
from tests.browser.test_put_right import Y, Z, write_scan
from tests.browser.view_command import served, tab

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="no Chromium here: `apt install chromium` brings it"),
    pytest.mark.skipif(not (WEIGHTS / "manifest.json").exists(), reason="the weights are not here"),
]

LINE = ((Z, Y, 41.0), (Z, Y, 65.0))
FILES = {kind: f"scan{ending}" for kind, (ending, _) in EXPORT_KINDS.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A DICOM folder `scan` and marks.json."""
    write_scan(tmp_path / "scan")
    (tmp_path / "marks.json").write_text(json.dumps({"marks": [{"label": 1, "endpoints_zyx": LINE}]}))
    return tmp_path


def work(desk: JupyterPage) -> dict[str, str]:
    """Wipe a bit of the mask by hand, and rename the lesion; the numbers that then stand in its row."""
    desk.canvas("[data-masks='1']")
    volume = "tr[data-label='1'] td[data-kind=volume]"
    before = desk.page.wait_for_selector(f"{volume} >> text=/[0-9]/").text_content()
    desk.press("x")
    desk.drag(desk.at((Z, Y - 4, 50)), desk.at((Z, Y - 4, 60)))
    desk.page.wait_for_selector("tr[data-label='1'] .le-edits >> text=/by hand/")
    desk.page.wait_for_function(
        "([cell, before]) => document.querySelector(cell).textContent !== before", arg=[volume, before]
    )
    desk.press("Escape")
    kinds = ("volume", "longest", "short")
    return {kind: desk.page.text_content(f"tr[data-label='1'] td[data-kind={kind}]") for kind in kinds}


def assert_files_are_the_screen(folder: Path, labels: np.ndarray, shown: Mapping[str, str]) -> None:
    source = open_scan(folder / "scan").source
    assert {path.name for path in folder.iterdir()} >= set(FILES.values())
    assert labels.any()
    for kind in ("SEG", "RTSTRUCT", "NIfTI"):
        np.testing.assert_array_equal(read_labels(folder / FILES[kind], source), labels, err_msg=kind)
    for kind in ("SR", "JSON", "CSV"):
        (mark,) = read_marks(folder / FILES[kind], source)
        np.testing.assert_allclose(mark.endpoints_zyx, LINE, atol=0.01, err_msg=kind)
    (tumor,) = json.loads((folder / FILES["JSON"]).read_text())["tumors"]
    with open(folder / FILES["CSV"], newline="") as file:
        (row,) = csv.DictReader(file)
    for saved in (tumor, row):
        assert f"{float(saved['volume_ml']):.2f}" == shown["volume"]
        assert f"{float(saved['longest_diameter_mm']):.1f}" == shown["longest"]
        assert f"{float(saved['short_axis_mm']):.1f}" == shown["short"]
        assert int(saved["hand_removed_voxels"]) > 0
    with Image.open(folder / FILES["PNG"]) as picture:
        assert min(picture.size) > 200


def test_buttons_of_view_write_what_is_on_the_screen(folder: Path) -> None:
    pytest.importorskip("aiohttp", reason="aiohttp is not installed: no lite-ensam view to test")
    explorer = explore(folder / "scan", folder / "marks.json", folder=folder)
    viewer = explorer.viewer
    with tab(viewer.grid) as (desk, complaints), served(explorer) as address:
        desk.page.goto(address)
        shown = work(desk)
        for kind in FILES:
            desk.page.click(f"#saves >> text=Save {kind}")
            desk.page.wait_for_selector(f"#words >> text=/written: .*{FILES[kind]}/")
        version = desk.page.get_attribute("canvas[data-plane=axial]", "data-mask-version")
        assert version == str(viewer._mask_version), "the screen shows these masks"
        desk.picture("view-saved")
        assert complaints == []
    assert_files_are_the_screen(folder, viewer.labels, shown)


CELL = """
import lite_ensam
explorer = lite_ensam.explore("scan", "marks.json")
explorer
"""


def test_buttons_of_jupyterlab_write_what_is_on_the_screen(folder: Path) -> None:
    sync_api: Any = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    write_notebook(folder / "saving.ipynb", CELL)
    with running(folder) as address, sync_api.sync_playwright() as session:
        browser = session.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        page = browser.new_context(viewport={"width": 1600, "height": 1050}).new_page()
        page.set_default_timeout(120_000)
        desk = JupyterPage(page, Requests(page.context), open_scan(folder / "scan").source.grid)
        open_and_run(page, address, "saving.ipynb")
        shown = work(desk)
        for kind in FILES:
            page.click(f"button.jupyter-button:text-is('{kind}')")  # not the viewer's own Segment
            page.wait_for_selector(f"text=/written: .*{FILES[kind]}/")
        desk.picture("jupyterlab-saved")
        desk.run("import numpy as np; np.save('labels.npy', explorer.viewer.labels)")
        browser.close()
    assert_files_are_the_screen(folder, np.load(folder / "labels.npy"), shown)
