"""The viewer in each of its states, at three sizes, light and dark: pictures to look at, and those that docs show.

    python -m tests.browser.screenshots                       # or `make screenshots`
    python -m tests.browser.screenshots ct.nii.gz marks.json  # of another scan; leaves the documentation as it is

They go to artefacts/screenshots; those that README.md and docs show go to docs/images, too, with fewer colours.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion

from lite_ensam.core.case import Case
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark, marks_from_labels
from lite_ensam.datasets import make_phantom
from lite_ensam.io import open_scan, read_marks, write_ct, write_marks
from tests.browser.jupyter_page import JupyterPage
from tests.browser.jupyter_server import ARTEFACTS
from tests.browser.view_command import tab, viewing, write_study
from tests.few_colors import with_few_colors

PICTURES = ARTEFACTS / "screenshots"
IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
SIZES = (1280, 800), (1600, 1000), (2560, 1440)

SHOWN_IN_DOCS = {
    "three-planes-1280-light": "viewer.png",
    "2x2-with-3d-1280-dark": "viewer_3d.png",
    "prior-1280-light": "viewer_prior.png",
    "corrected-1280-light": "viewer_corrected.png",
    "key-map-1280-light": "viewer_keys.png",
    "series-1280-light": "viewer_series.png",
}
"""Which picture the documentation shows, and what it is called there."""

FOLDER = "ct · files go to /home/reader/scans"
"""In place of a temporary folder, which has another name each time."""

MOST_BYTES = 150_000  # of a picture in the documentation

State: TypeAlias = tuple[str, Callable[[JupyterPage], object], Callable[[JupyterPage], object]]
"""What it is called, how it is reached from three planes, and how it is left again."""


def main(*given: str) -> None:
    """Take all pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        arguments = list(given) if given else _write_visits(Path(folder))
        scan, marks = arguments[:2]
        opened = open_scan(scan)
        with _opened(opened.source.grid, scan, "--marks", marks, *arguments[2:]) as desk:
            desk.canvas("[data-masks]:not([data-masks=''])")
            desk.page.evaluate(f"() => {{ document.getElementById('words').textContent = {FOLDER!r}; }}")
            first = read_marks(marks, opened.source)[0]
            _correct(desk, first)
            _take_all(desk, _states(first, with_prior=len(arguments) > 2))
        study = Path(folder) / "study"
        write_study(study, ("THORAX 5.0 B30f", 9, 5.0), ("THORAX 1.25 B60f", 24, 1.25))
        with _opened(opened.source.grid, study) as desk:
            desk.page.wait_for_selector("h1 >> text=2 CT series")
            _take_all(desk, [("series", _nothing, _nothing)])
    if not given:
        for name, image in SHOWN_IN_DOCS.items():
            _keep_small(PICTURES / f"{name}.png", IMAGES / image)


@contextmanager
def _opened(grid: Grid, *arguments: object) -> Iterator[JupyterPage]:
    with tab(grid) as (desk, complaints), viewing(*arguments) as (address, _):
        desk.page.goto(address)
        yield desk
    assert complaints == [], complaints


def _write_visits(folder: Path) -> list[str]:
    """The phantom, its lines, and an earlier visit in which it lay elsewhere and its tumours were smaller."""
    now = make_phantom()
    assert now.reference is not None
    move = np.eye(4)
    move[:3, 3] = (24.0, -15.0, 120.0)
    there = Grid.from_affine(now.grid.shape_zyx, move @ now.grid.affine)
    scan, marks = folder / "ct.nii.gz", folder / "marks.json"
    prior, prior_marks = folder / "before.nii.gz", folder / "before.json"
    ct, lines = _with_smaller_tumours(now)
    write_ct(scan, now.ct, now.grid)
    write_marks(marks, now.marks, now.grid)
    write_ct(prior, ct, there)
    write_marks(prior_marks, lines, there)
    return [*map(str, (scan, marks)), "--prior", str(prior), "--prior-marks", str(prior_marks)]


def _with_smaller_tumours(case: Case) -> tuple[np.ndarray, Sequence[RecistMark]]:
    """Their rims are as grey as what lies around them; and their lines."""
    ct, labels = case.ct.copy(), case.reference.copy()
    for label in np.unique(labels)[1:]:
        tumour = case.reference == label
        around = binary_dilation(tumour, iterations=4) & ~binary_dilation(tumour, iterations=2)
        rim = binary_dilation(tumour) & ~binary_erosion(tumour, iterations=2)
        ct[rim] = np.median(case.ct[around]) + np.random.default_rng(0).normal(0, 14, rim.sum())
        labels[rim & tumour] = 0
    return ct, marks_from_labels(labels, case.grid.spacing_mm)


def _correct(desk: JupyterPage, mark: RecistMark) -> None:
    """The first lesion ends two slices below its line, and its mask is painted on and wiped by hand."""
    z, y, x = (round(middle) for middle in mark.midpoint_zyx)
    for key in ("n", "ArrowDown", "ArrowDown", "e", "ArrowUp", "ArrowUp", "r"):
        desk.press(key)
    desk.canvas(f"[data-index='{z}']")
    desk.drag(desk.at((z, y - 5, x)), desk.at((z, y - 5, x + 6)))
    desk.press("x")
    desk.drag(desk.at((z, y + 6, x - 4)), desk.at((z, y + 6, x + 4)))
    desk.press("Escape")
    desk.page.wait_for_selector("tr[data-label='1'] .le-hints")


def _states(first: RecistMark, with_prior: bool) -> Sequence[State]:
    def layout(
        name: str, canvas: str = "axial", shows: str = "[data-index]"
    ) -> Callable[[JupyterPage], object]:
        def choose(desk: JupyterPage) -> None:
            desk.page.select_option("select[data-control=layout]", name)
            desk.canvas(shows, canvas)

        return choose

    def look_closer(desk: JupyterPage) -> None:
        z, y, x = first.midpoint_zyx
        desk.press("r")
        desk.page.mouse.move(*desk.at((z, y + 4, x + 4)))
        desk.page.keyboard.down("Control")
        for _ in range(5):
            desk.page.mouse.wheel(0, -100)
        desk.page.keyboard.up("Control")

    def look_at_all(desk: JupyterPage) -> None:
        desk.page.click("text=fit")
        desk.press("Escape")

    def fold(desk: JupyterPage) -> None:
        desk.page.click(".le-options summary")

    def measure(desk: JupyterPage) -> None:
        z = desk.page.get_attribute("canvas[data-plane=axial]", "data-index")
        height, width = desk.grid.shape_zyx[1:]
        for key, *shares in (("d", 0.3, 0.45), ("a", 0.6, 0.7)):
            desk.press(key)
            ends = [(int(z), height * share, width * share) for share in shares]
            desk.drag(*(desk.at(end) for end in ends))
        desk.page.wait_for_selector("li[data-measure=ROI] >> text=/SD/")

    def measure_no_more(desk: JupyterPage) -> None:
        desk.press("Delete")
        desk.press("Delete")
        desk.press("Escape")

    three = layout("three planes")
    states: list[State] = [
        ("three-planes", three, three),
        ("one-plane", layout("axial"), three),
        ("coronal", layout("coronal", "coronal"), three),
        ("2x2-with-3d", layout("2 x 2 with 3D", "'3D'", "[data-surfaces]:not([data-surfaces=''])"), three),
        ("corrected", look_closer, look_at_all),
        ("options", fold, fold),
        ("measured", measure, measure_no_more),
        ("key-map", lambda desk: desk.press("?"), lambda desk: desk.page.keyboard.press("Escape")),
    ]
    if with_prior:
        states.append(("prior", layout("axial beside prior", "'prior axial'"), three))
    return states


def _nothing(_: JupyterPage) -> None:
    """This state is there already."""


def _take_all(desk: JupyterPage, states: Sequence[State]) -> None:
    for width, height in SIZES:
        desk.page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            desk.page.emulate_media(color_scheme=scheme)
            for name, enter, leave in states:
                enter(desk)
                desk.page.wait_for_timeout(400)  # slices that come after the first, and the mouse's voxel
                desk.page.screenshot(path=PICTURES / f"{name}-{width}-{scheme}.png")
                leave(desk)


def _keep_small(picture: Path, kept: Path) -> None:
    with_few_colors(Image.open(picture)).save(kept, optimize=True)
    if kept.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{kept}: {kept.stat().st_size} bytes, more than {MOST_BYTES}")


if __name__ == "__main__":
    main(*sys.argv[1:])
