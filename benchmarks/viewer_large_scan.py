"""How the viewer answers on 512 x 512 x 1,000 voxels: opening, scrolling, a click, the brush, and memory after closing.

The page of `lite-ensam view` in Debian's Chromium, its server in a thread of this process. Times are taken in the page:
from its start, or the mouse's event, to the frame that shows the change.

    python benchmarks/viewer_large_scan.py
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from tests.browser.jupyter_page import JupyterPage
from tests.browser.view_command import served, tab
from viewer_in_browser import WATCH, median

import lite_ensam
from lite_ensam.core.grid import Grid

SHAPE, SPACING = (1000, 512, 512), (0.8, 0.75, 0.75)
SCROLLS, CLICKS, STROKES = 30, 6, 3

WATCH_FROM_START = f"""
addEventListener("DOMContentLoaded", () => {{
    ({WATCH})();
    window.begin();
}});
"""
COUNT_FRAMES = """
() => {
    window.frames_ms = [];
    let last = performance.now();
    const next = (now) => {
        window.frames_ms.push(now - last);
        last = now;
        window.counting = requestAnimationFrame(next);
    };
    window.counting = requestAnimationFrame(next);
}
"""


def volume() -> np.ndarray:
    """The phantom, its voxels repeated."""
    phantom = lite_ensam.make_phantom().ct
    return phantom[np.ix_(*(np.arange(n) * m // n for n, m in zip(SHAPE, phantom.shape, strict=True)))]


def resident_mb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


def scroll(desk: JupyterPage) -> list[float]:
    page = desk.page
    shown = int(desk.canvas("[data-index]").get_attribute("data-index"))
    page.mouse.move(*desk.at((shown, 50, 50)))
    page.evaluate("() => { window.times.scrolls = []; }")
    for step in range(1, SCROLLS + 1):
        page.mouse.wheel(0, 100)
        desk.canvas(f"[data-index='{shown - step}']")
    return page.evaluate("() => window.times.scrolls")


def click(desk: JupyterPage) -> list[float]:
    """A line, then clicks on missed tumour; each is undone."""
    page = desk.page
    z = int(desk.canvas("[data-index]").get_attribute("data-index"))
    desk.drag(desk.at((z, 230, 120)), desk.at((z, 260, 170)))
    desk.canvas("[data-masks='1']")
    times: list[float] = []
    for n in range(CLICKS):
        page.wait_for_timeout(500)  # longer than a double click
        version = page.get_attribute("canvas[data-plane=axial]", "data-mask-version")
        desk.press("+")
        page.evaluate(
            """(version) => {
                const canvas = document.querySelector("canvas[data-plane=axial]");
                window.waited = null;
                let begun = 0;
                addEventListener("pointerup", () => { begun = performance.now(); }, { capture: true, once: true });
                const watch = new MutationObserver(() => {
                    if (canvas.dataset.maskVersion === version) return;
                    watch.disconnect();
                    requestAnimationFrame(() => { window.waited = performance.now() - begun; });
                });
                watch.observe(canvas, { attributes: true });
            }""",
            version,
        )
        page.mouse.click(*desk.at((z, 238 + 2 * n, 150)))
        page.wait_for_function("() => window.waited !== null")
        times.append(page.evaluate("() => window.waited"))
    return times


def brush(desk: JupyterPage) -> list[float]:
    """Milliseconds between frames while the brush is drawn across the axial plane."""
    page = desk.page
    z = int(desk.canvas("[data-index]").get_attribute("data-index"))
    desk.press("r")
    page.mouse.move(*desk.at((z, 200, 200)))
    page.mouse.down()
    page.evaluate(COUNT_FRAMES)
    for stroke in range(STROKES):
        page.mouse.move(*desk.at((z, 210 + 20 * stroke, 320 if stroke % 2 else 200)), steps=40)
    page.evaluate("() => cancelAnimationFrame(window.counting)")
    page.mouse.up()
    return page.evaluate("() => window.frames_ms.slice(1)")


def measured(explorer: Any) -> dict[str, Any]:
    with tab(Grid.from_spacing(SHAPE, SPACING)) as (desk, _), served(explorer) as address:
        desk.page.add_init_script(WATCH_FROM_START)
        desk.page.goto(address)
        desk.page.wait_for_function("() => window.times?.first > 0")
        first = desk.page.evaluate("() => window.times.first")
        desk.page.wait_for_timeout(3000)  # the engine loads in the background
        scrolls, clicks, frames = scroll(desk), click(desk), brush(desk)
    return {
        "page to first picture, ms": round(first),
        "scroll step, median ms (at most 20)": median(scrolls),
        "click to mask on screen, median ms (at most 150)": median(clicks),
        "between frames of a brush stroke, median ms (at most 17)": median(frames),
        "slowest, ms": [round(max(times), 1) for times in (scrolls, clicks, frames)],
    }


def opened() -> tuple[Any, float]:
    """The viewer and the seconds it took; in a function, whose frame would else keep the scan."""
    ct = volume()
    begun = time.perf_counter()
    explorer = lite_ensam.explore(ct, spacing_mm=SPACING, marks=())
    return explorer, time.perf_counter() - begun


def main() -> None:
    explorer, seconds = opened()
    report = {"explore, ms (with the page: at most 1500)": round(1000 * seconds)} | measured(explorer)
    open_mb = resident_mb()
    explorer.close()
    del explorer
    gc.collect()
    report |= {"MB while open, after closing": [open_mb, resident_mb()], "load": round(os.getloadavg()[0], 1)}
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
