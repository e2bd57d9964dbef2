"""A person with a mouse in JupyterLab: draws a line, gets a mask, corrects it; nothing leaves this machine."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lite_ensam.geometry import Grid
from lite_ensam.inference.backend import WEIGHTS
from lite_ensam.phantom import make_phantom
from lite_ensam.recist import RecistMark
from lite_ensam.widgets.planes import planes_of
from tests.browser.lab import (
    ARTEFACTS,
    CHROMIUM_ARGUMENTS,
    Requests,
    chromium,
    open_and_run,
    run_in_kernel,
    running,
    write_notebook,
)

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="no Chromium here: `apt install chromium` brings it"),
    pytest.mark.skipif(not (WEIGHTS / "manifest.json").exists(), reason="the weights are not here"),
]

CASE = make_phantom()
CELL = """
import lite_ensam
from lite_ensam.widgets import RecistMarker
case = lite_ensam.make_phantom()
marker = RecistMarker(case.ct, grid=case.grid)
marker.warm_up()
marker
"""


@dataclass
class Desk:
    """The open notebook, and where things are on it."""

    page: Any
    requests: Requests
    grid: Grid = CASE.grid

    def python(self, expression: str) -> Any:
        """Value of an expression in the notebook's kernel."""
        text = run_in_kernel(self.page, f"import json; print(json.dumps({expression}))")
        try:
            return json.loads(text)
        except ValueError:
            raise AssertionError(f"the kernel answered {text!r}") from None

    def until(self, expression: str, seconds: float = 60) -> None:
        """Wait until an expression is true in the kernel."""
        end = time.monotonic() + seconds
        while not self.python(f"bool({expression})"):
            assert time.monotonic() < end, f"not within {seconds} s: {expression}"
            self.page.wait_for_timeout(100)

    def at(self, voxel_zyx: tuple[float, float, float], plane_number: int = 0) -> tuple[float, float]:
        """Where on the page the centre of a voxel is, while the plane shows the whole slice."""
        plane = planes_of(self.grid)[plane_number]
        box = self.page.locator(f"canvas[data-plane={plane.name}]").bounding_box()
        size_mm = [n * mm for n, mm in zip(plane.shape, plane.pixel_mm, strict=True)]
        scale = min(box["height"] / size_mm[0], box["width"] / size_mm[1])
        place = []
        for axis, side, flip, position in (
            (1, "width", plane.flip_across, voxel_zyx[plane.across]),
            (0, "height", plane.flip_down, voxel_zyx[plane.down]),
        ):
            edge = position + 0.5
            from_start = plane.shape[axis] - edge if flip else edge
            margin = (box[side] - size_mm[axis] * scale) / 2
            place.append(box["x" if axis else "y"] + margin + from_start * plane.pixel_mm[axis] * scale)
        return place[0], place[1]

    def drag(self, start: tuple[float, float], stop: tuple[float, float], button: str = "left") -> None:
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down(button=button)
        mouse.move((start[0] + stop[0]) / 2, (start[1] + stop[1]) / 2)
        mouse.move(*stop)
        mouse.up(button=button)

    def canvas(self, condition: str, plane: str = "axial") -> Any:
        """Wait for a canvas whose attributes say what it shows."""
        return self.page.wait_for_selector(f"canvas[data-plane={plane}]{condition}", timeout=60_000)

    def picture(self, name: str) -> None:
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"{name}.png", timeout=100_000)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder: Path = tmp_path_factory.mktemp("lab")
    write_notebook(folder / "mark.ipynb", CELL)
    with running(folder) as address, playwright.sync_playwright() as session:
        browser = session.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        context = browser.new_context(viewport={"width": 1600, "height": 1050})
        requests = Requests(context)
        page = context.new_page()
        open_and_run(page, address, "mark.ipynb")
        desk = Desk(page, requests)
        try:
            desk.canvas("[data-index]")
            yield desk
        finally:
            desk.picture("marking-last")
            browser.close()


def as_json(*marks: RecistMark) -> list[list[list[float]]]:
    return [[list(end) for end in mark.endpoints_zyx] for mark in marks]


def test_a_tumour_is_marked_and_corrected(desk: Desk) -> None:
    ends = "[[list(end) for end in mark.endpoints_zyx] for mark in marker.marks]"
    lung = CASE.marks[0]
    z = lung.slice_index
    page = desk.page

    # Scroll there: by wheel, by keys, then by the slider.
    shown = int(desk.canvas("[data-index]").get_attribute("data-index"))
    page.mouse.move(*desk.at((shown, 10, 10)))
    page.mouse.wheel(0, 100)
    desk.canvas(f"[data-index='{shown + 1}']")
    page.locator(".le-root").focus()
    page.keyboard.press("ArrowUp")
    desk.canvas(f"[data-index='{shown}']")
    page.locator(".le-slider").fill(str(z))
    desk.canvas(f"[data-index='{z}']")

    # Windows: a preset, then by dragging with the right button.
    page.click("button[data-preset=lung]")
    desk.canvas("[data-window='-1350 150']")
    start = desk.at((z, 20, 20))
    desk.drag(start, (start[0] + 40, start[1]), button="right")
    desk.until("marker.window[1] - marker.window[0] > 1600")
    page.click("button[data-preset=lung]")
    desk.canvas("[data-window='-1350 150']")

    # Draw the line: Python has exactly these voxels, and the mask comes.
    first, last = lung.endpoints_zyx
    desk.drag(desk.at(first), desk.at(last))
    desk.until("marker.results")
    assert desk.python(ends) == as_json(lung)
    desk.canvas("[data-masks='1']")
    desk.canvas("[data-masks='1']", "coronal")
    desk.canvas("[data-masks='1']", "sagittal")
    before = desk.python("marker.results[0]")
    assert before["volume_ml"] > 1
    page.wait_for_selector(f"tr[data-label='1'] td[data-kind=volume] >> text={before['volume_ml']:.2f}")
    desk.picture("marking-line")

    # Drag an end: the numbers change; undo: they come back.
    middle = tuple(round((a + b) / 2) for a, b in zip(first, last, strict=True))
    desk.drag(desk.at(last), desk.at(middle))
    desk.until(f"marker.results and marker.results[0]['volume_ml'] != {before['volume_ml']!r}")
    assert desk.python(ends) == as_json(RecistMark(1, (first, middle)))
    assert desk.python("marker.results[0]['volume_ml']") < before["volume_ml"]
    page.keyboard.press("Control+z")
    desk.until(f"marker.results and marker.results[0]['volume_ml'] == {before['volume_ml']!r}")
    assert desk.python(ends) == as_json(lung)
    page.keyboard.press("Control+y")
    desk.until(f"marker.results and marker.results[0]['volume_ml'] != {before['volume_ml']!r}")
    page.keyboard.press("Control+z")
    desk.until(f"marker.results and marker.results[0]['volume_ml'] == {before['volume_ml']!r}")

    # Move the whole line by three voxels and back.
    grip = tuple(0.7 * a + 0.3 * b for a, b in zip(first, last, strict=True))
    grip = tuple(round(p) for p in grip)
    desk.drag(desk.at(grip), desk.at((grip[0], grip[1] + 3, grip[2])))
    moved = [[[z_, y + 3, x] for z_, y, x in mark] for mark in as_json(lung)]
    desk.until(f"{ends} == {moved!r}")
    page.keyboard.press("Control+z")
    desk.until(f"{ends} == {as_json(lung)!r}")

    # The threshold paints again; accept; a mark set in Python appears; delete.
    page.locator("input[data-control=threshold]").fill("2")
    desk.until(f"marker.results[0]['volume_ml'] < {before['volume_ml']!r}")
    page.locator("input[data-control=threshold]").fill("0")
    desk.until(f"marker.results[0]['volume_ml'] == {before['volume_ml']!r}")
    page.click("tr[data-label='1'] button[data-action=accept]")
    desk.until("marker.results[0]['state'] == 'accepted'")
    run_in_kernel(page, "marker.marks = case.marks")
    page.wait_for_selector("tr[data-label='3'] td[data-kind=volume] >> text=/[0-9]/")
    page.click("tr[data-label='2'] td[data-kind=line]")
    desk.canvas("[data-masks*='2']")
    page.click("button[data-preset='soft tissue']")
    desk.canvas("[data-window='-160 240']")
    desk.picture("marking-three-lesions")
    page.locator(".le-root").focus()
    page.keyboard.press("Delete")
    desk.until("[mark.label for mark in marker.marks] == [1, 3]")
    assert desk.python("sorted({int(v) for v in set(marker.labels.flat)})") == [0, 1, 3]

    assert desk.python("marker.error") == ""
    assert desk.requests.hosts == {"127.0.0.1"}
