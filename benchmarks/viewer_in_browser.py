"""How long a person at the marker waits: first view, a scroll step, from a finished line to its mask on the screen.

JupyterLab and Debian's Chromium on this machine, a scan of 512 x 512 x 150 voxels (the phantom, resampled by
repeating voxels). Times are taken in the page: from the mouse's event to the frame that shows the change. The numbers
of a lesion follow its mask.

    python benchmarks/viewer_in_browser.py
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.browser.jupyter_page import JupyterPage
from tests.browser.jupyter_server import (
    CHROMIUM_ARGUMENTS,
    Requests,
    chromium,
    open_and_run,
    running,
    write_notebook,
)

from lite_ensam.core.grid import Grid

SHAPE, SPACING = (150, 512, 512), (2.0, 0.75, 0.75)
SCROLLS, LINES = 40, 10

SCAN = f"""
import numpy as np
import lite_ensam
phantom = lite_ensam.make_phantom().ct
places = np.ix_(*(np.arange(n) * m // n for n, m in zip({SHAPE}, phantom.shape)))
volume = phantom[places]
lite_ensam.explore
"""
EXPLORE = f"""
explorer = lite_ensam.explore(volume, spacing_mm={SPACING})
marker = explorer.viewer
explorer
"""

WATCH = """
() => {
    window.times = { first: null, scrolls: [], masks: [], numbers: [] };
    const since = { wheel: 0, mask: 0, numbers: 0 };
    let begun = 0;
    window.begin = () => { begun = performance.now(); };
    // The next frame is the first that shows what was drawn.
    const noteFrom = (list, start) => requestAnimationFrame(() => list.push(performance.now() - start));
    const drawn = ({ target, attributeName }) => {
        if (target.dataset?.plane !== "axial") return;
        if (attributeName === "data-index" && window.times.first === null) {
            window.times.first = 0;
            requestAnimationFrame(() => { window.times.first = performance.now() - begun; });
        }
        if (attributeName === "data-index" && since.wheel) {
            noteFrom(window.times.scrolls, since.wheel);
            since.wheel = 0;
        }
        if (attributeName === "data-masks" && since.mask && target.dataset.masks !== "") {
            noteFrom(window.times.masks, since.mask);
            since.mask = 0;
        }
    };
    const note = (changes) => {
        changes.forEach(drawn);
        const volume = document.querySelector("tr[data-label='1'] td[data-kind=volume]");
        if (since.numbers && /[0-9]/.test(volume?.textContent)) {
            noteFrom(window.times.numbers, since.numbers);
            since.numbers = 0;
        }
    };
    new MutationObserver(note).observe(document, { subtree: true, attributes: true, childList: true });
    document.addEventListener("wheel", () => { since.wheel = performance.now(); }, true);
    document.addEventListener("pointerup", () => { since.mask = since.numbers = performance.now(); }, true);
}
"""


def measured(page: Any) -> dict[str, Any]:
    """Milliseconds of the first view, each scroll step and each line."""
    desk = JupyterPage(page, Requests(page.context), Grid.from_spacing(SHAPE, SPACING))
    page.evaluate(WATCH)
    page.evaluate(
        """() => {
            const { commands } = window.jupyterapp;
            window.begin();
            commands.execute('notebook:run-cell-and-select-next');
        }"""
    )
    desk.canvas("[data-index]")
    page.wait_for_timeout(5000)  # the engine loads in the background
    middle = int(desk.canvas("[data-index]").get_attribute("data-index"))
    page.evaluate("() => { window.times.scrolls = []; }")
    page.mouse.move(*desk.at((middle, 50, 50)))
    for step in range(SCROLLS):
        page.mouse.wheel(0, 100)
        desk.canvas(f"[data-index='{middle + step + 1}']")
    for n in range(LINES):
        z = middle + SCROLLS
        start, stop = (z, 200 + 4 * n, 120 + 8 * n), (z, 230 + 4 * n, 170 + 8 * n)
        desk.run("marker.marks = ()")
        desk.canvas("[data-masks='']")
        desk.drag(desk.at(start), desk.at(stop))
        desk.canvas("[data-masks='1']")
        page.wait_for_selector("tr[data-label='1'] td[data-kind=volume] >> text=/[0-9]/")
        page.wait_for_timeout(100)
    times: dict[str, Any] = page.evaluate("() => window.times")
    return times


def median(times: list[float]) -> float:
    return round(statistics.median(times), 1)


def main() -> None:
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        write_notebook(Path(folder) / "bench.ipynb", SCAN, EXPLORE)
        with running(Path(folder)) as address, sync_playwright() as session:
            browser = session.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
            page = browser.new_context(viewport={"width": 1600, "height": 1050}).new_page()
            open_and_run(page, address, "bench.ipynb", "notebook:run-cell-and-select-next")
            page.wait_for_timeout(8000)
            times = measured(page)
            browser.close()
    report = {
        "first view, ms (at most 1000)": round(times["first"]),
        "scroll step, median ms (at most 50)": median(times["scrolls"]),
        "line finished to mask on screen, median ms (at most 500)": median(times["masks"]),
        "line finished to mask and numbers, median ms": median(times["numbers"]),
        "slowest, ms": {name: round(max(times[name]), 1) for name in ("scrolls", "masks", "numbers")},
        "n": {name: len(times[name]) for name in ("scrolls", "masks", "numbers")},
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
