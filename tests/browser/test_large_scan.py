"""512 x 512 x 1,000, counted, not timed: what is sent and drawn depends on what is shown, not on the scan's size."""

from __future__ import annotations

import numpy as np
import pytest

from lite_ensam.widgets import RecistViewer
from tests.browser import bare_page as bare
from tests.browser.jupyter_server import chromium

SHAPE = (1000, 512, 512)
COUNT_DRAWINGS = """
() => {
    window.drawn = 0;
    const { drawImage } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.drawImage = function (...what) {
        window.drawn += 1;
        return drawImage.apply(this, what);
    };
}
"""


@pytest.mark.skipif(chromium() is None, reason="no Chromium here: `apt install chromium` brings it")
def test_a_large_scan_opens_and_scrolls_by_the_slices_that_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    ct = np.zeros(SHAPE, np.int16)  # the system gives pages when they are written to: this takes no memory
    viewer = RecistViewer(ct, (1.0, 0.7, 0.7), marks=(), hu=True, auto_segment=False)
    sent: list[int] = []
    encode = bare.base64.b64encode

    def counted(buffer: bytes) -> bytes:
        sent.append(len(buffer))
        return encode(buffer)

    monkeypatch.setattr(bare.base64, "b64encode", counted)
    with bare.bare_page(viewer) as desk:
        desk.page.wait_for_timeout(1000)
        shown = 512 * 512 + 2 * 1000 * 512
        ahead = 4 * 512 * 512
        assert sum(sent) <= shown + ahead
        sent.clear()
        desk.page.evaluate(COUNT_DRAWINGS)
        steps = 10
        for _ in range(steps):
            before = desk.canvas("").get_attribute("data-index")
            desk.press("ArrowDown")
            desk.canvas(f":not([data-index='{before}'])")  # the browser is ahead of the viewer's cursor
        desk.page.wait_for_timeout(500)
        assert sum(sent) <= (steps + 4) * 512 * 512, "one slice a step and four ahead, none twice"
        assert desk.page.evaluate("() => window.drawn") <= 5 * 3 * steps, (
            "three planes: for the key, and as slices come"
        )
