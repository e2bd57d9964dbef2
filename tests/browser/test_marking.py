"""A person with a mouse in JupyterLab and Notebook 7: draws a line, gets a mask, corrects it; no request leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lite_ensam.core.recist import RecistMark
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.engines.backend import WEIGHTS
from tests.browser.jupyter_page import JupyterPage
from tests.browser.jupyter_server import (
    CHROMIUM_ARGUMENTS,
    Requests,
    chromium,
    open_and_run,
    running,
    write_notebook,
)

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="no Chromium here: `apt install chromium` brings it"),
    pytest.mark.skipif(not (WEIGHTS / "manifest.json").exists(), reason="the weights are not here"),
]

PATIENCE_MS = 120_000
"""A busy machine is slow, not broken."""

CASE = make_phantom()
LUNG = CASE.marks[0]
FIRST, LAST = LUNG.endpoints_zyx
MARKS = "[[list(end) for end in mark.endpoints_zyx] for mark in marker.marks]"
VOLUME = "marker.results[0]['volume_ml']"

MARKING = """
import lite_ensam
from lite_ensam.widgets import RecistViewer
case = lite_ensam.make_phantom()
marker = RecistViewer(case.ct, grid=case.grid)
marker
"""
EXPLORING = """
import lite_ensam
explorer = lite_ensam.explore(lite_ensam.make_phantom())
marker = explorer.viewer
explorer
"""
IN_A_BOX = EXPLORING.replace("explorer\n", "ipywidgets.VBox([explorer])\n").replace(
    "import", "import ipywidgets\nimport", 1
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("lab")
    write_notebook(folder / "marking.ipynb", MARKING)
    write_notebook(folder / "exploring.ipynb", EXPLORING)
    write_notebook(folder / "box.ipynb", IN_A_BOX)
    with running(folder) as address:
        yield address


@pytest.fixture
def desk(address: str, request: pytest.FixtureRequest) -> Iterator[JupyterPage]:
    """The notebook that the test is about, open and run in the application that it names."""
    name, _, host = request.param.partition(" in ")
    if host == "Notebook 7":
        pytest.importorskip("notebook", reason="notebook is not installed: no Notebook 7 to test")
    with playwright.sync_playwright() as session:
        browser = session.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        context = browser.new_context(viewport={"width": 1600, "height": 1050})
        context.set_default_timeout(PATIENCE_MS)
        desk = JupyterPage(context.new_page(), Requests(context), CASE.grid)
        desk.page.on("console", lambda message: message.type == "error" and print(f"browser: {message.text}"))
        desk.page.on("pageerror", lambda error: print(f"page: {error}"))
        try:
            open_and_run(desk.page, address, f"{name}.ipynb", host=host)
            desk.canvas("[data-index]")
            yield desk
        finally:
            desk.picture(f"{request.param}-last".replace(" ", "-"))
            browser.close()


def as_json(*marks: RecistMark) -> list[list[list[float]]]:
    return [[list(end) for end in mark.endpoints_zyx] for mark in marks]


def scroll(desk: JupyterPage) -> None:
    """By wheel, by keys, by the slider; down is towards the feet, where the phantom's slices begin."""
    shown = int(desk.canvas("[data-index]").get_attribute("data-index"))
    desk.page.mouse.move(*desk.at((shown, 10, 10)))
    desk.page.mouse.wheel(0, 100)
    desk.canvas(f"[data-index='{shown - 1}']")
    desk.press("ArrowUp")
    desk.canvas(f"[data-index='{shown}']")
    desk.page.locator(".le-slider").fill(str(LUNG.slice_index))
    desk.canvas(f"[data-index='{LUNG.slice_index}']")


def set_window(desk: JupyterPage) -> None:
    """A preset, then dragged with the right button."""
    desk.page.click("button[data-preset=lung]")
    desk.canvas("[data-window='-1350 150']")
    x, y = desk.at((LUNG.slice_index, 20, 20))
    desk.drag((x, y), (x + 40, y), button="right")
    desk.until("marker.window[1] - marker.window[0] > 1600")
    desk.page.click("button[data-preset=lung]")
    desk.canvas("[data-window='-1350 150']")


def draw_line(desk: JupyterPage) -> float:
    """Python has exactly the voxels under the mouse, and the mask comes; its volume."""
    desk.drag(desk.at(FIRST), desk.at(LAST))
    desk.until("marker.results")
    assert desk.python(MARKS) == as_json(LUNG)
    desk.page.wait_for_selector(".le-message", state="hidden")
    for plane in ("axial", "coronal", "sagittal"):
        desk.canvas("[data-masks='1']", plane)
    volume: float = desk.python(VOLUME)
    assert volume > 1
    desk.page.wait_for_selector(f"tr[data-label='1'] td[data-kind=volume] >> text={volume:.2f}")
    desk.picture("marking-line")
    return volume


def correct(desk: JupyterPage, volume: float) -> None:
    """An end is dragged: other numbers. Undo, redo; then the whole line."""
    middle = tuple(round((a + b) / 2) for a, b in zip(FIRST, LAST, strict=True))
    desk.drag(desk.at(LAST), desk.at(middle))
    desk.until(f"marker.results and {VOLUME} < {volume!r}")
    assert desk.python(MARKS) == as_json(RecistMark(1, (FIRST, middle)))
    desk.press("Control+z")
    desk.until(f"marker.results and {VOLUME} == {volume!r}")
    assert desk.python(MARKS) == as_json(LUNG)
    desk.press("Control+y")
    desk.until(f"marker.results and {VOLUME} < {volume!r}")
    desk.press("Control+z")
    desk.until(f"marker.results and {VOLUME} == {volume!r}")

    grip = tuple(round(0.7 * a + 0.3 * b) for a, b in zip(FIRST, LAST, strict=True))
    desk.drag(desk.at(grip), desk.at((grip[0], grip[1] + 3, grip[2])))
    moved = [[[z, y + 3, x] for z, y, x in mark] for mark in as_json(LUNG)]
    desk.until(f"{MARKS} == {moved!r}")
    desk.press("Control+z")
    desk.until(f"marker.results and {MARKS} == {as_json(LUNG)!r}")


def draw_short_axis(desk: JupyterPage, volume: float) -> None:
    """Across the line, with its own tool; the network answers, the line's tool is back; undo takes it away."""
    (z, y0, x0), (_, y1, x1) = FIRST, LAST
    middle, across = ((y0 + y1) / 2, (x0 + x1) / 2), (round((x1 - x0) * 0.4), round((y0 - y1) * 0.4))
    ends = [[z, round(middle[0]) - across[0], round(middle[1]) - across[1]]]
    ends.append([z, ends[0][1] + 2 * across[0], ends[0][2] + 2 * across[1]])
    desk.page.click("button[data-tool='short axis']")
    desk.drag(desk.at(ends[0]), desk.at(ends[1]))
    drawn = "[list(end) for end in marker.marks[0].short_axis_zyx or ()]"
    desk.until(f"{drawn} == {sorted(ends)!r}")
    assert desk.python(MARKS) == as_json(LUNG)
    desk.until("marker.results")
    desk.page.wait_for_selector("button[data-tool=line][aria-pressed=true]")
    desk.page.wait_for_selector("tr[data-label='1'] td[data-kind=drawn-short] >> text=/[0-9]/")
    desk.picture("marking-short-axis")
    desk.press("Control+z")
    desk.until(f"{drawn} == [] and marker.results and {VOLUME} == {volume!r}")


def read_value(desk: JupyterPage) -> None:
    """The scan's own value under the mouse, not the 8 bits of the picture, which stays in its place."""
    canvas = desk.page.locator("canvas[data-plane=axial]")
    desk.page.mouse.move(5, 5)
    desk.page.wait_for_selector(".le-place:text-is('')", state="attached")
    empty = canvas.bounding_box()
    z, y, x = (round(a) for a in FIRST)
    value = float(CASE.volume[z, y, x])
    desk.page.mouse.move(*desk.at((z, y, x)))
    desk.page.wait_for_selector(f".le-place >> text=/z {z}  y {y}  x {x}  {value:g} HU/")
    assert canvas.bounding_box() == empty
    desk.page.mouse.wheel(0, 100)
    value = float(CASE.volume[z - 1, y, x])
    desk.page.wait_for_selector(f".le-place >> text=/z {z - 1}  y {y}  x {x}  {value:g} HU/")


def wipe(desk: JupyterPage) -> None:
    """By keys that are commands of the notebook, too: X cuts a cell, B makes one."""
    z, y, x = (round(middle) for middle in LUNG.midpoint_zyx)
    cells = desk.page.locator(".jp-Notebook .jp-Cell")
    before = cells.count()
    desk.press("x")
    desk.drag(desk.at((z, y, x - 3)), desk.at((z, y, x + 3)))
    desk.until("marker.results and marker.results[0]['hand_removed_voxels'] > 0")
    for key in ("b", "Control+z", "Control+z"):
        desk.press(key)
    desk.until("not marker.edits and marker.marks[0].last_slice is None")
    desk.press("Escape")
    assert cells.count() == before


def save_notebook(desk: JupyterPage) -> None:
    """JupyterLab's own key, while the marker has the focus."""
    dirty = "window.jupyterapp.shell.currentWidget.context.model.dirty"
    desk.page.evaluate(f"() => {{ {dirty} = true; }}")
    desk.press("Control+s")
    desk.page.wait_for_function(f"() => !{dirty}")


def judge(desk: JupyterPage, volume: float) -> None:
    """The threshold paints again; accept; marks set in Python appear; delete."""
    threshold = desk.page.locator("input[data-control=threshold]")
    threshold.fill("2")
    desk.until(f"{VOLUME} < {volume!r}")
    threshold.fill("0")
    desk.until(f"{VOLUME} == {volume!r}")
    desk.page.click("tr[data-label='1'] button[data-action=accept]")
    desk.until("marker.results[0]['state'] == 'accepted'")
    desk.run("marker.marks = case.marks")
    desk.page.wait_for_selector("tr[data-label='3'] td[data-kind=volume] >> text=/[0-9]/")
    desk.page.click("tr[data-label='2'] td[data-kind=line]")
    desk.page.click("button[data-preset='soft tissue']")
    desk.canvas("[data-masks*='2'][data-window='-160 240']")
    desk.picture("marking-three-lesions")
    desk.press("Delete")
    desk.until("[mark.label for mark in marker.marks] == [1, 3]")
    assert desk.python("sorted({int(v) for v in set(marker.labels.flat)})") == [0, 1, 3]
    desk.page.locator(".le-table input[type=number] >> nth=1").fill("7")
    desk.page.locator(".le-table input[type=text] >> nth=1").fill("node")
    desk.press("Escape")
    desk.until("[(mark.label, mark.name) for mark in marker.marks][1:] == [(7, 'node')]")
    assert desk.python("sorted({int(v) for v in set(marker.labels.flat)})") == [0, 1, 7]


@pytest.mark.parametrize("desk", ["marking in JupyterLab", "marking in Notebook 7"], indirect=True)
def test_a_tumour_is_marked_and_corrected(desk: JupyterPage) -> None:
    scroll(desk)
    set_window(desk)
    volume = draw_line(desk)
    correct(desk, volume)
    draw_short_axis(desk, volume)
    wipe(desk)
    read_value(desk)
    save_notebook(desk)
    judge(desk, volume)
    assert desk.python("marker.error") == ""
    assert desk.requests.hosts == {"127.0.0.1"}
    assert desk.requests.astray == set()


AT_ONCE = """
import json, time
end = time.monotonic() + 20
while marker.marks == before and time.monotonic() < end:
    time.sleep(0.001)
moved, volume = marker.marks != before, marker.measurements[0].volume_ml
saved = lite_ensam.io.read_labels(explorer.save("NIfTI", overwrite=True), marker.grid)
print(json.dumps([moved, volume, int((saved == 1).sum())]))
"""


def read_at_once(desk: JupyterPage) -> None:
    """A cell that is run while a corrected line is being segmented, in another thread of the kernel."""
    desk.run("before, old = marker.marks, marker.measurements[0].volume_ml")
    middle = tuple(round((a + b) / 2) for a, b in zip(FIRST, LAST, strict=True))
    desk.drag(desk.at(LAST), desk.at(middle))
    moved, volume, voxels = json.loads(desk.run(AT_ONCE))
    assert moved
    desk.until("len(marker.results) == 3 and not marker.status")
    assert desk.python("old") > volume == desk.python(VOLUME)
    assert voxels == desk.python("int((marker.labels == 1).sum())")
    desk.press("Control+z")
    desk.until(f"marker.marks == before and {VOLUME} == old")
    desk.run("import os; os.remove('phantom-0_mask.nii.gz')")


def look_in_3d(desk: JupyterPage) -> None:
    """The canvas is there. WebGL in software takes 4 s on two idle cores, and a minute on busy ones."""
    assert desk.page.evaluate("() => !!document.createElement('canvas').getContext('webgl2')"), (
        "no WebGL here"
    )
    desk.page.click("button:has-text('3D')")
    desk.until("explorer.children[-1].children", seconds=120)
    desk.page.wait_for_selector(".k3d-target canvas", state="attached", timeout=300_000)


@pytest.mark.parametrize("desk", ["exploring in JupyterLab"], indirect=True)
def test_a_scan_is_explored_and_saved(desk: JupyterPage) -> None:
    """Lines that are there at the start get masks by themselves; the 3D view opens; files are written."""
    desk.until("len(marker.results) == 3")
    desk.canvas("[data-masks='1 3']")
    desk.page.mouse.move(5, 5)
    desk.picture("exploring-marker", ".le-root")
    read_at_once(desk)
    look_in_3d(desk)
    desk.page.click("button:has-text('NIfTI')")
    desk.page.wait_for_selector("text=/written: .*phantom-0_mask.nii.gz/")
    labels = "lite_ensam.io.read_labels('phantom-0_mask.nii.gz', marker.grid)"
    assert desk.python(f"bool(({labels} == marker.labels).all())")
    desk.page.click("button:has-text('NIfTI')")
    desk.page.wait_for_selector("text=tick “replace files”")
    desk.page.wait_for_timeout(5000)  # WebGL in software
    desk.picture("exploring-3d", ".k3d-target canvas")
    assert desk.requests.hosts == {"127.0.0.1"}
    assert desk.requests.astray == set()


@pytest.mark.parametrize("desk", ["exploring in JupyterLab", "box in JupyterLab"], indirect=True)
def test_a_notebook_that_is_closed_and_opened_shows_the_work(desk: JupyterPage) -> None:
    """The kernel goes on; lines, masks and what was corrected are there, and more can be corrected."""
    command = "([name, given]) => window.jupyterapp.commands.execute(name, given)"
    name = desk.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.path")
    desk.until("len(marker.results) == 3")
    desk.page.click("tr[data-label='2'] td[data-kind=line]")
    desk.press("Delete")
    desk.until("[mark.label for mark in marker.marks] == [1, 3]")
    desk.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
    desk.page.evaluate(command, ["application:close", {}])
    desk.page.wait_for_selector(".le-root", state="detached")
    desk.page.evaluate(command, ["docmanager:open", {"path": name}])
    desk.page.wait_for_selector("tr[data-label='3'] td[data-kind=volume] >> text=/[0-9]/")
    desk.page.click("tr[data-label='3'] td[data-kind=line]")
    desk.canvas("[data-masks='1 3']")
    desk.press("Control+z")
    desk.page.wait_for_selector("tr[data-label='2'] td[data-kind=volume] >> text=/[0-9]/")


@pytest.mark.parametrize("desk", ["exploring in JupyterLab"], indirect=True)
def test_a_viewer_whose_kernel_is_gone_says_so(desk: JupyterPage) -> None:
    desk.until("len(marker.results) == 3")
    desk.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    desk.page.wait_for_selector(".le-error >> text=Run its cell again")
