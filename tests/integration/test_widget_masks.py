"""What a reader sees in the notebook is what `lite_ensam.segment` gives for the same line."""

import numpy as np
import pytest

import lite_ensam
from lite_ensam.engines.backend import WEIGHTS
from lite_ensam.widgets import RecistViewer

pytestmark = pytest.mark.skipif(not (WEIGHTS / "manifest.json").exists(), reason=f"no weights in {WEIGHTS}")


def test_the_markers_masks_and_numbers_are_those_of_segment() -> None:
    case = lite_ensam.make_phantom(shape_zyx=(40, 128, 128), spacing_mm=(3.0, 2.0, 2.0))
    viewer = RecistViewer(case.ct, grid=case.grid, marks=case.marks)
    viewer.segment()
    result = lite_ensam.segment(case.ct, case.marks, case.grid.spacing_mm)
    np.testing.assert_array_equal(viewer.labels, result.labels)
    assert viewer.measurements == result.measurements
