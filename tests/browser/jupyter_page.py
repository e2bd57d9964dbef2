"""An open notebook with the viewer in it: where voxels are on the page, what the kernel knows."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from lite_ensam.core.grid import Grid
from lite_ensam.widgets.planes import planes_of
from tests.browser.jupyter_server import ARTEFACTS, Requests, run_in_kernel


@dataclass
class JupyterPage:
    """The open notebook, and where things are on it."""

    page: Any
    requests: Requests
    grid: Grid

    def run(self, code: str) -> str:
        """What `code` prints in the notebook's kernel."""
        return run_in_kernel(self.page, code)

    def python(self, expression: str) -> Any:
        """Value of an expression in the notebook's kernel."""
        text = self.run(f"import json; print(json.dumps({expression}))")
        try:
            return json.loads(text)
        except ValueError:
            raise AssertionError(f"the kernel answered {text!r}") from None

    def until(self, expression: str, seconds: float = 120) -> None:
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

    def press(self, keys: str) -> None:
        self.page.locator(".le-root").focus()
        self.page.keyboard.press(keys)

    def canvas(self, condition: str, plane: str = "axial") -> Any:
        """Wait for a canvas whose attributes say what it shows."""
        return self.page.wait_for_selector(f"canvas[data-plane={plane}]{condition}", timeout=120_000)

    def picture(self, name: str, selector: str | None = None) -> None:
        """Screenshot of the page, or of the first element of that kind, to be looked at."""
        ARTEFACTS.mkdir(exist_ok=True)
        shown = self.page.locator(selector).first if selector else self.page
        shown.screenshot(path=ARTEFACTS / f"{name}.png", timeout=100_000)
