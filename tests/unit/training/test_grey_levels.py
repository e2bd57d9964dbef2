"""256 levels hold Hounsfield units to a few units in soft tissue."""

from __future__ import annotations

import numpy as np

from lite_ensam.training.grey_levels import HU_OF_GREY, to_grey


def test_levels_are_256_and_rise() -> None:
    assert HU_OF_GREY.shape == (256,)
    assert (np.diff(HU_OF_GREY) > 0).all()


def test_soft_tissue_comes_back_within_two_units_and_lung_within_seven() -> None:
    soft, lung = np.arange(-200, 301), np.arange(-1024, -200)
    assert np.abs(HU_OF_GREY[to_grey(soft)] - soft).max() <= 2
    assert np.abs(HU_OF_GREY[to_grey(lung)] - lung).max() <= 7


def test_what_is_beyond_goes_to_the_outermost_levels() -> None:
    np.testing.assert_array_equal(to_grey(np.array([-3000, 3000])), [0, 255])
