"""Rulers and ROIs: the voxels inside, and nothing that does not lie on a slice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lite_ensam.core.case import Case
from lite_ensam.core.errors import ArgumentError
from lite_ensam.core.grid import Grid
from lite_ensam.widgets import RecistViewer
from lite_ensam.widgets.measures import MAX_MEASURES, Measure, measures_from_json, roi_statistics
from lite_ensam.widgets.planes import planes_of
from tests.unit.widgets.conftest import SphereEngine

SHAPE = (6, 30, 40)
AXIAL, CORONAL, _ = planes_of(Grid.from_spacing(SHAPE, (5.0, 2.0, 1.0)))
ROI = {"kind": "ROI", "plane": 0, "index": 2, "ends": [[3, 4], [9, 16]]}


def test_an_roi_tells_of_the_voxels_whose_centres_it_holds() -> None:
    values = np.random.default_rng(0).normal(0, 100, AXIAL.shape)
    found = roi_statistics(values, AXIAL, [(9.5, 4.0), (3.5, 16.0)])  # any two opposite corners
    rows, columns = np.indices(AXIAL.shape)
    inside = ((rows - 6.5) / 3) ** 2 + ((columns - 10) / 6) ** 2 <= 1
    picked = values[inside]
    assert found["voxels"] == inside.sum()
    told = [found[name] for name in ("mean", "sd", "min", "max")]
    assert told == pytest.approx([picked.mean(), picked.std(), picked.min(), picked.max()])
    assert found["area_mm2"] == pytest.approx(np.pi * (3 * 2.0) * (6 * 1.0)), "of the ellipse, in mm"


def test_an_roi_at_the_border_and_one_between_voxels() -> None:
    values = np.arange(30 * 40).reshape(30, 40)
    corner = roi_statistics(values, AXIAL, [(-0.5, -0.5), (0.5, 0.5)])
    assert (corner["mean"], corner["voxels"]) == (0.0, 1)
    between = roi_statistics(values, AXIAL, [(3.2, 3.2), (3.8, 3.8)])
    assert between == {"voxels": 0, "area_mm2": pytest.approx(np.pi * 0.3**2 * 2)}
    assert roi_statistics(values, AXIAL, [(3, 3), (3, 9)]) == {"voxels": 0, "area_mm2": 0.0}


def test_measures_come_as_json() -> None:
    assert measures_from_json([ROI], SHAPE) == (Measure("ROI", 0, 2, ((3.0, 4.0), (9.0, 16.0))),)
    on_prior = ROI | {"plane": 4, "ends": [[5.5, 39.5], [-0.5, 0]]}
    assert measures_from_json([on_prior], SHAPE)[0].plane == 4, "coronal, 6 rows"


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "text",
        [1],
        [{}],
        [ROI] * (MAX_MEASURES + 1),
        *(
            [ROI | change]
            for change in (
                {"kind": "line"},
                {"plane": 6},
                {"plane": -1},
                {"plane": True},
                {"index": 6},
                {"index": 1.5},
                {"ends": [[3, 4]]},
                {"ends": [[3, 4], [9]]},
                {"ends": [[3, 4], [9, 40]]},
                {"ends": [[-1, 4], [9, 16]]},
                {"ends": [[float("nan"), 4], [9, 16]]},
                {"ends": None},
            )
        ),
    ],
)
def test_what_does_not_lie_on_a_slice_is_refused(bad: object) -> None:
    with pytest.raises(ArgumentError, match="measure"):
        measures_from_json(bad, SHAPE)


def test_the_viewer_answers_and_makes_no_lesion(
    case: Case, engine: SphereEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = RecistViewer(case.ct, grid=case.grid)
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(viewer, "send", lambda message, *_: sent.append(message))
    viewer.set_state({"measures": [ROI]})
    viewer._on_message(viewer, {"kind": "roi", "measure": ROI}, [])
    (answer,) = sent
    assert answer["measure"] == ROI
    expected = roi_statistics(case.ct[2], viewer.planes[0], [(3, 4), (9, 16)])
    assert answer["statistics"] == expected
    assert (viewer.marks, viewer.results, viewer.error, engine.runs) == ((), [], "", 0)
    viewer._on_message(viewer, {"kind": "roi", "measure": ROI | {"plane": 3}}, [])
    assert viewer.error == "visit must be 0, or 1 where there is a prior one, got 1"
    viewer.set_state({"measures": [ROI | {"index": 999}]})
    assert "a measure must have kind" in viewer.error
    assert viewer.measures == [ROI]
