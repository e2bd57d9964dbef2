"""What the viewer's own 3D picture is made of: closed surfaces where the tumours are, in mm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lite_ensam.core.case import Case
from lite_ensam.core.recist import RecistMark
from lite_ensam.widgets import RecistViewer
from tests.unit.widgets.conftest import SphereEngine


def asked(viewer: RecistViewer, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], list[bytes]]:
    sent: list[tuple[dict[str, Any], list[bytes]]] = []
    monkeypatch.setattr(viewer, "send", lambda message, buffers=None: sent.append((message, buffers or [])))
    viewer._on_message(viewer, {"kind": "surfaces"}, [])
    assert viewer.error == ""
    return sent[-1]


def test_each_mask_has_a_surface_about_its_line(
    case: Case, engine: SphereEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = RecistViewer(case.ct, grid=case.grid, marks=case.marks)
    viewer.segment()
    message, buffers = asked(viewer, monkeypatch)
    assert [one["label"] for one in message["surfaces"]] == [1, 2]
    assert len(buffers) == 4
    for one, mark, vertices, triangles in zip(
        message["surfaces"], case.marks, buffers[::2], buffers[1::2], strict=True
    ):
        ends = case.grid.voxel_to_mm(mark.endpoints_zyx)
        np.testing.assert_allclose(one["line_mm"], ends, atol=1e-3)
        points = np.frombuffer(vertices, "<f4").reshape(-1, 3)
        corners = np.frombuffer(triangles, "<u4").reshape(-1, 3)
        assert corners.max() == len(points) - 1
        reach = np.linalg.norm(ends[1] - ends[0]) / 2
        np.testing.assert_allclose(points.mean(axis=0), ends.mean(axis=0), atol=0.2 * reach)
        assert np.linalg.norm(points - ends.mean(axis=0), axis=1).max() < 1.5 * reach


def test_without_masks_there_is_nothing(
    case: Case, engine: SphereEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = RecistViewer(case.ct, grid=case.grid, marks=case.marks, auto_segment=False)
    assert asked(viewer, monkeypatch) == ({"kind": "surfaces", "surfaces": []}, [])
    viewer.segment()
    viewer.reject(1)
    message, buffers = asked(viewer, monkeypatch)
    assert ([one["label"] for one in message["surfaces"]], len(buffers)) == ([2], 2)


def test_a_line_that_waits_for_its_mask_is_passed_over(
    case: Case, engine: SphereEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = RecistViewer(case.ct, grid=case.grid, marks=case.marks, auto_segment=False)
    viewer.segment()
    viewer.marks = [*case.marks, RecistMark(3, ((3, 4, 5), (3, 4, 15)))]
    message, _ = asked(viewer, monkeypatch)
    assert [one["label"] for one in message["surfaces"]] == [1, 2]
