"""What a reader sees in the notebook is what `lite_ensam.segment` gives for the same line."""

from dataclasses import replace

import numpy as np
import pytest

import lite_ensam
from lite_ensam.engines.backend import WEIGHTS
from lite_ensam.widgets import RecistViewer

pytestmark = pytest.mark.skipif(not (WEIGHTS / "manifest.json").exists(), reason=f"no weights in {WEIGHTS}")


@pytest.mark.parametrize("told", [False, True])
def test_the_markers_masks_and_numbers_are_those_of_segment(told: bool) -> None:
    case = lite_ensam.make_phantom(shape_zyx=(40, 128, 128), spacing_mm=(3.0, 2.0, 2.0))
    viewer = RecistViewer(case.ct, grid=case.grid, marks=case.marks)
    viewer.segment()
    marks = case.marks
    if told:
        z, y, x = (round(m) for m in marks[1].midpoint_zyx)
        points = {"inside_zyx": ((z + 3, y, x),), "outside_zyx": ((z, y, x + 2), (z - 1, y + 20, x))}
        told_of = replace(marks[1], last_slice=z + 3, short_axis_zyx=((z, y - 5, x), (z, y + 5, x)), **points)
        marks = (marks[0], told_of, marks[2])
        viewer.marks = marks
    result = lite_ensam.segment(case.ct, marks, case.grid.spacing_mm)
    np.testing.assert_array_equal(viewer.labels, result.labels)
    assert viewer.measurements == result.measurements
