"""axe-core finds nothing serious in any state of the viewer, light or dark; and colours are told apart by everybody."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lite_ensam
from lite_ensam.core.colors import PALETTE
from lite_ensam.engines.backend import WEIGHTS
from lite_ensam.io import write_ct
from lite_ensam.widgets import RecistViewer
from tests.browser.bare_page import BarePage, bare_page
from tests.browser.jupyter_page import JupyterPage
from tests.browser.jupyter_server import chromium
from tests.browser.view_command import tab, viewing, write_study

CASE = lite_ensam.make_phantom(shape_zyx=(40, 128, 128), spacing_mm=(3.0, 2.0, 2.0))

COLOR_BLIND = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
"""What is left of linear RGB: Machado, Oliveira and Fernandes 2009, severity 1."""

LEAST_DIFFERENCE = 10.0
"""CIE76 distance of two colours that are told apart side by side; 2.3 is just noticeable."""


def serious(page: Any, context: str) -> list[str]:
    """What axe-core finds serious or critical, and where."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed"
    )
    found: dict[str, Any] = axe.Axe().run(page, context=context).response
    assert len(found["passes"]) > 5, "axe-core has looked"
    return [
        f"{one['id']}: {node['html'][:150]} {node.get('failureSummary', '')[:200]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


@pytest.mark.skipif(chromium() is None, reason="no Chromium here: `apt install chromium` brings it")
@pytest.mark.skipif(not (WEIGHTS / "manifest.json").exists(), reason="the weights are not here")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious_in_any_state(dark: bool) -> None:
    viewer = RecistViewer(CASE.ct, grid=CASE.grid)
    (first, last), z = CASE.marks[0].endpoints_zyx, CASE.marks[0].slice_index
    found: dict[str, list[str]] = {}

    def look(desk: BarePage, state: str) -> None:
        found[state] = serious(desk.page, ".le-root")
        desk.picture(f"accessible-{state}{'-dark' if dark else ''}")

    with bare_page(viewer) as desk:
        desk.page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", dark)
        look(desk, "empty")
        desk.page.locator(".le-slider").fill(str(z))
        desk.canvas(f"[data-index='{z}']")
        desk.drag(desk.at(first), desk.at(last))
        desk.until_seen("tr[data-label='1'] td[data-kind=volume] >> text=/[0-9]/")
        desk.press("b")
        desk.until_seen("tr[data-label='1'] .le-hints")
        desk.press("d")
        desk.drag(desk.at((z, 30, 30)), desk.at((z, 30, 60)))
        desk.press("a")
        desk.drag(desk.at((z, 60, 60)), desk.at((z, 80, 90)))
        desk.until_seen("li[data-measure=ROI] >> text=/SD/")
        desk.press("m")
        look(desk, "measured")
        desk.page.click("tr[data-label='1'] button[data-action=accept]")
        desk.until_seen("tr[data-state=accepted]")
        desk.page.select_option("select[data-control=layout]", "2 x 2 with 3D")
        desk.canvas("[data-surfaces='1']", "'3D'")
        look(desk, "3d")
        desk.press("?")
        desk.until_seen(".le-keymap:not([hidden])")
        look(desk, "keys")
        desk.page.keyboard.press("Escape")
        desk.page.click("tr[data-label='1'] button[data-action=reject]")
        desk.until_seen("tr[data-state=rejected]")
        look(desk, "rejected")
    assert {state: faults for state, faults in found.items() if faults} == {}


@pytest.mark.skipif(chromium() is None, reason="no Chromium here: `apt install chromium` brings it")
def test_axe_finds_nothing_serious_on_the_list_of_series_and_beside_a_prior_visit(tmp_path: Path) -> None:
    """In `lite-ensam view`, whose page has no more than the viewer: all of it is looked at."""
    pytest.importorskip("aiohttp", reason="aiohttp is not installed: no lite-ensam view to test")
    pytest.importorskip("SimpleITK", reason="SimpleITK is not installed (extra register)")
    study, scan = tmp_path / "study", tmp_path / "ct.nii.gz"
    write_study(study, ("THICK", 5, 5.0), ("THIN", 12, 1.25))
    write_ct(scan, CASE.ct, CASE.grid)
    found: dict[str, list[str]] = {}

    def look(desk: JupyterPage, state: str) -> None:
        for scheme in ("light", "dark"):
            desk.page.emulate_media(color_scheme=scheme)
            found[f"{state}, {scheme}"] = serious(desk.page, "html")

    with tab(CASE.grid) as (desk, _), viewing(study) as (address, _):
        desk.page.goto(address)
        desk.page.wait_for_selector("h1 >> text=2 CT series")
        look(desk, "series")
    with tab(CASE.grid) as (desk, _), viewing(scan, "--prior", scan) as (address, _):
        desk.page.goto(address)
        desk.canvas("[data-index]")
        desk.page.select_option("select[data-control=layout]", "axial beside prior")
        desk.canvas("[data-index]", "'prior axial'")
        look(desk, "prior")
        desk.page.click("text=Save NIfTI")
        desk.page.wait_for_selector("#words.bad >> text=/no line/")
        look(desk, "refused")
    assert {state: faults for state, faults in found.items() if faults} == {}


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear sRGB, D65."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = (to_xyz @ np.clip(rgb, 0, 1)) / (0.9505, 1.0, 1.089)
    fx, fy, fz = (v ** (1 / 3) if v > 216 / 24389 else (841 / 108) * v + 4 / 29 for v in (x, y, z))
    return np.array([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)])


@pytest.mark.parametrize("kind", ["full sight", *COLOR_BLIND])
def test_neighbouring_lesions_are_told_apart_by_everybody(kind: str) -> None:
    """The first six colours of the palette; all lesions are told apart by their numbers, which stand beside them."""
    matrix = np.array(COLOR_BLIND.get(kind, np.eye(3)))
    codes = np.array([[int(color[n : n + 2], 16) for n in (1, 3, 5)] for color in PALETTE[:6]]) / 255
    linear = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    seen = [lab(matrix @ color) for color in linear]
    differences = {
        (PALETTE[m], PALETTE[n]): round(float(np.linalg.norm(one - other)), 1)
        for (m, one), (n, other) in combinations(enumerate(seen), 2)
    }
    assert {pair: far for pair, far in differences.items() if far < LEAST_DIFFERENCE} == {}
