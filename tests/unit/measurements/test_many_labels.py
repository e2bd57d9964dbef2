"""A label map with thousands of labels takes the time of its voxels, not of voxels times labels."""

from __future__ import annotations

import time

import numpy as np
import pytest

from lite_ensam.core.case import Case
from lite_ensam.core.grid import Grid
from lite_ensam.core.partial_volume import TumorMasks
from lite_ensam.core.recist import marks_from_labels
from lite_ensam.measurements import measure_case

A_SIDE = 20
MOST_SECONDS = 60.0
"""Of processor time, for what takes 8 on a slow core; comparing the map with each label took several minutes."""


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    """8,000 boxes of 5 x 6 x 5 voxels in 200 x 200 x 200."""
    number = np.arange(1, A_SIDE**3 + 1, dtype=np.uint16).reshape((A_SIDE,) * 3)
    labels = np.kron(number, np.ones((10, 10, 10), np.uint16))
    z, y, x = np.ogrid[tuple(slice(n) for n in labels.shape)]
    labels *= (z % 10 < 5) & (y % 10 < 6) & (x % 10 < 5)
    return labels


def test_eight_thousand_labels_are_marked_and_measured_in_seconds(labels: np.ndarray) -> None:
    spacing = (1.0, 1.0, 1.0)
    ct = np.random.default_rng(0).integers(-100, 100, labels.shape, dtype=np.int16)
    start = time.process_time()
    marks = marks_from_labels(labels, spacing)
    case = Case(ct, Grid.from_spacing(labels.shape, spacing), marks, labels, hu=True)
    tumors = measure_case(case, labels)
    rows = [tumor.all_numbers() for tumor in tumors]
    seconds = time.process_time() - start
    assert [row["label"] for row in rows] == list(range(1, 8001))
    assert {row["n_voxels"] for row in rows} == {150}
    assert {round(row["longest_diameter_3d_mm"], 6) for row in rows} == {
        round(float(np.hypot(np.hypot(4, 5), 4)), 6)
    }
    at = 4321
    assert rows[at - 1]["grey_mean"] == pytest.approx(ct[labels == at].mean())
    assert rows[at - 1]["longest_diameter_slice"] in np.argwhere(labels == at)[:, 0]
    assert seconds < MOST_SECONDS


def test_masks_of_many_labels_are_views_of_their_boxes(labels: np.ndarray) -> None:
    masks = TumorMasks(labels)
    assert masks.labels == tuple(range(1, 8001))
    assert masks[8000].start_zyx == (190, 190, 190)
    assert masks[8000].voxels.shape == (5, 6, 5)
    assert not masks[9000].voxels.size
    assert not masks[0].voxels.size
