"""The picture beside the live view: what readers without a kernel see of it."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lite_ensam.core.case import Case
from lite_ensam.widgets import Explorer, explore, recist_viewer, still
from lite_ensam.widgets.still import still_png
from tests.unit.widgets.conftest import SphereEngine

VIEW = "application/vnd.jupyter.widget-view+json"


def shown(widget: Any) -> dict[str, Any]:
    bundle = widget._repr_mimebundle_()
    return bundle[0] if isinstance(bundle, tuple) else bundle


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


@pytest.fixture
def explorer(case: Case, engine: SphereEngine) -> Explorer:
    return explore(case)


def test_a_live_notebook_gets_the_view_and_a_picture_without_waiting_for_masks(
    explorer: Explorer, engine: SphereEngine
) -> None:
    for widget in (explorer, explorer.viewer):
        bundle = shown(widget)
        assert VIEW in bundle
        assert base64.b64decode(bundle["image/png"])[:4] == b"\x89PNG"
    assert engine.runs == 0


def test_where_nobody_watches_the_picture_has_masks_and_takes_the_views_place(
    explorer: Explorer, engine: SphereEngine, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nbconvert would prefer a view that stays black in its pages."""
    for module in (still, recist_viewer):
        monkeypatch.setattr(module, "is_watched", lambda: False)
    before = still_png(explorer.viewer.state())
    bundle = shown(explorer)
    assert VIEW not in bundle
    assert engine.runs == len(case.marks)
    assert (pixels(base64.b64decode(bundle["image/png"])) != pixels(before)).any()


def test_the_picture_lies_as_the_marker_does(explorer: Explorer) -> None:
    """A mask's colour is where the line is: no plane is mirrored."""
    viewer = explorer.viewer
    viewer.colors = {"1": "#ff0000"}
    viewer.marks = viewer.marks[:1]
    viewer.segment()
    red = (pixels(still_png(viewer.state()))[:448, :448] == (255, 0, 0)).all(axis=2)
    row, column = (float(found.mean()) for found in np.nonzero(red))
    axial, (_, y, x) = viewer.planes[0], viewer.marks[0].midpoint_zyx
    side_mm = max(n * mm for n, mm in zip(axial.shape, axial.pixel_mm, strict=True))
    for place, n, mm, flipped, at in (
        (row, axial.shape[0], axial.pixel_mm[0], axial.flip_down, y),
        (column, axial.shape[1], axial.pixel_mm[1], axial.flip_across, x),
    ):
        from_middle_mm = (at + 0.5 - n / 2) * mm * (-1 if flipped else 1)
        assert place == pytest.approx(224 + from_middle_mm * 448 / side_mm, abs=12)


def test_without_pillow_there_is_the_view_alone(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: Any) -> bytes:
        raise ImportError("PIL")

    monkeypatch.setattr(still, "still_png", missing)
    assert set(shown(explorer)) == {"text/plain", VIEW}
