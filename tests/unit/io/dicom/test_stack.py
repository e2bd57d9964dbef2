"""How uneven slices may lie, and where they come to lie."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset

from lite_ensam.core.errors import CaseError
from lite_ensam.io.dicom.stack import Stack
from tests.unit.io.dicom.files import AXIAL


def stack(*heights_mm: float, shift_mm: float = 0.0) -> Stack:
    """Slices of 8 rows of 0.8 mm and 8 columns of 0.7 mm, each shifted further to the back."""
    slices = []
    for k, height in enumerate(heights_mm):
        one = Dataset()
        one.Rows = one.Columns = 8
        one.PixelSpacing = [0.8, 0.7]
        one.ImageOrientationPatient = list(AXIAL)
        one.ImagePositionPatient = [0.0, k * shift_mm, height]
        slices.append(one)
    return Stack.of(slices)


def test_positions_may_be_a_tenth_of_a_slice_off() -> None:
    even = stack(0, 1, 2.08, 3, 4)
    assert even.step_mm.tolist() == [0.7, 0.8, 1.0]
    assert even.planes.tolist() == [0, 1, 2, 3, 4]
    assert stack(0, 1, 2.15, 3, 4).step_mm[2] == pytest.approx(0.85)


def test_slices_nearer_than_others_make_the_planes_closer() -> None:
    close = stack(0, 1, 2, 2.3, 3, 4, 5, 6)
    assert close.step_mm[2] == pytest.approx(0.3)
    assert close.shape[0] == 21


def test_slices_at_one_place_and_slices_nearer_than_a_quarter_are_refused() -> None:
    with pytest.raises(CaseError, match=r"several slices are at the same position \(2 mm\)"):
        stack(0, 1, 2, 2, 3, 4, 5, 6)
    with pytest.raises(
        CaseError,
        match=r"0\.2 to 1 mm apart, expected 1 mm\. The slices at 2 mm are too close to the next one",
    ):
        stack(0, 1, 2, 2.2, 3, 4, 5, 6)
    with pytest.raises(
        CaseError,
        match=r"1\.25 to 5 mm apart, expected 5 mm\. The slices at 0 mm, 1\.25 mm, 2\.5 mm, 3\.75 mm",
    ):
        stack(0, 1.25, 2.5, 3.75, 5, 10, 15, 20, 25, 30)


def test_one_slice_may_be_missing_not_one_and_a_bit() -> None:
    assert stack(0, 1, 2, 4.08, 5.08, 6.08).shape[0] == 7
    with pytest.raises(CaseError, match=r"too far apart to bridge from 2 to 4\.2 mm"):
        stack(0, 1, 2, 4.2, 5.2, 6.2)


@pytest.mark.parametrize("heights", [(0, 2.5, 12.5), (0, 2.5, 5, 15, 25), (0, 10, 20, 22.5, 25)])
def test_several_missing_slices_are_not_invented_where_slices_are_few(heights: tuple[float, ...]) -> None:
    with pytest.raises(CaseError, match=r"expected 2\.5 mm throughout; too far apart"):
        stack(*heights)


def test_planes_between_slices_are_weighted_by_nearness() -> None:
    uneven = stack(0, 1, 2, 3.5, 4.5)
    assert uneven.plane_of_slice.tolist() == [0, 1, 2, 4, 5]
    slices = np.array([0, 0, 0, 300, 400], np.int16)[:, None, None] * np.ones((8, 8), np.int16)
    assert uneven.fill(slices)[:, 0, 0].tolist() == [0, 0, 0, 200, 350, 400]


def test_points_of_two_planes_lie_on_no_slice() -> None:
    even = stack(0, 1, 2)
    assert even.to_slice(np.array([[1.0, 2, 3], [1.0, 4, 5]])) is not None
    assert even.to_slice(np.array([[1.0, 2, 3], [1.3, 4, 5]])) is None


def test_places_between_and_beyond_uneven_slices_are_counted_in_slices() -> None:
    uneven = stack(0, 1, 2, 4, 5)
    heights = np.array([-2.0, 0.0, 1.25, 3.0, 4.0, 5.5])
    points = np.column_stack([np.zeros(6), np.zeros(6), heights])
    assert uneven.slices_from_world(points)[:, 0].tolist() == [-2, 0, 1.25, 2.5, 3, 4.5]


def test_slices_shifted_by_more_than_twice_their_height_are_of_no_one_scan() -> None:
    assert stack(0, 1, 2, shift_mm=0.8 * 7).shape == (3, 22, 8)
    with pytest.raises(CaseError, match="too far for one scan"):
        stack(0, 1, 2, shift_mm=0.8 * 9)
