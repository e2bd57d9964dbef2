"""Fill between slices, keep parts, smooth: on shapes whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from lite_ensam.widgets.mask_tools import border_shift_mm, fill_between, keep_parts, smooth

SPACING = (4.0, 1.0, 0.5)


def disc(shape: tuple[int, int], middle_mm: tuple[float, float], radius_mm: float) -> np.ndarray:
    """On pixels of 1.0 x 0.5 mm."""
    rows, columns = np.indices(shape)
    return np.hypot(rows * 1.0 - middle_mm[0], columns * 0.5 - middle_mm[1]) <= radius_mm


def ball(shape: tuple[int, int, int], middle_mm: tuple[float, ...], radius_mm: float) -> np.ndarray:
    place = np.moveaxis(np.indices(shape), 0, -1) * SPACING
    return np.linalg.norm(place - middle_mm, axis=-1) <= radius_mm


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_between_two_discs_lie_discs_of_radii_in_between(axis: int) -> None:
    flat = np.zeros((7, 60, 120), bool)
    flat[0], flat[6] = disc((60, 120), (30, 30), 16), disc((60, 120), (30, 30), 4)
    mask = np.moveaxis(flat, 0, axis)
    spacing = np.insert([1.0, 0.5], axis, 4.0)
    filled = np.moveaxis(fill_between(mask, [0, 6], axis, tuple(spacing)), axis, 0)
    for n in range(7):
        assert filled[n].sum() * 0.5 == pytest.approx(np.pi * (16 - 2 * n) ** 2, rel=0.08), n
    np.testing.assert_array_equal(filled[[0, 6]], flat[[0, 6]])


def test_an_oblique_tube_stays_a_tube_and_its_middle_moves_evenly() -> None:
    mask = np.zeros((5, 60, 120), bool)
    mask[0], mask[4] = disc((60, 120), (15, 15), 5), disc((60, 120), (45, 39), 5)
    filled = fill_between(mask, [0, 4], 0, SPACING)
    for n in (1, 2, 3):
        assert filled[n].sum() == pytest.approx(mask[0].sum(), rel=0.1)
        middle = np.argwhere(filled[n]).mean(axis=0) * (1.0, 0.5)
        np.testing.assert_allclose(middle, (15 + 7.5 * n, 15 + 6 * n), atol=0.6)


def test_what_lay_between_gives_way_and_slices_beside_stay() -> None:
    mask = np.zeros((6, 60, 120), bool)
    mask[1] = mask[4] = disc((60, 120), (30, 30), 8)
    mask[2] = True
    mask[5] = disc((60, 120), (30, 30), 3)
    filled = fill_between(mask, [1, 4], 0, SPACING)
    np.testing.assert_array_equal(filled[2], mask[1])
    np.testing.assert_array_equal(filled[[0, 5]], mask[[0, 5]])
    assert mask[2].all(), "the given mask is as it was"


def test_the_part_that_holds_a_voxel_is_kept_not_the_largest() -> None:
    mask = np.zeros((3, 20, 20), bool)
    mask[:, :10, :10] = True
    mask[1, 12:15, 12:15] = True
    mask[1, 15, 15] = True  # touches over a corner
    mask[0, 18, 18] = True
    kept, n_gone = keep_parts(mask, np.array([[1, 13, 13], [1, 99, 0]]))
    assert (int(kept.sum()), n_gone) == (10, 2)
    kept, n_gone = keep_parts(mask, np.array([[2, 18, 2]]))
    assert (int(kept.sum()), n_gone) == (300, 2), "the line is beside the mask: the largest part"
    kept, n_gone = keep_parts(np.zeros((2, 2, 2), bool), np.array([[0, 0, 0]]))
    assert (int(kept.sum()), n_gone) == (0, 0)


def test_smoothing_takes_bumps_and_fills_notches_and_keeps_the_volume_to_the_voxel() -> None:
    shape = (14, 60, 120)
    mask = body = ball(shape, (26, 30, 30), 16)
    mask = body.copy()
    mask[6, 30, 92:104] = True  # a spike, 0.5 mm high
    mask[6, 14:24, 60] = False  # a scratch
    smoothed = smooth(mask, np.ones(shape, bool), SPACING, 2.0)
    assert smoothed.sum() == mask.sum()
    assert not smoothed[6, 30, 98:].any()
    assert smoothed[6, 18:24, 60].all()
    assert border_shift_mm(body, smoothed, SPACING) <= 2.0
    assert border_shift_mm(mask, smoothed, SPACING) == pytest.approx(103 * 0.5 - 46, abs=1.5)


def test_smoothing_takes_no_voxel_that_is_not_free() -> None:
    mask = np.zeros((6, 20, 20), bool)
    mask[2:4, 4:16, 4:16] = True
    free = np.ones(mask.shape, bool)
    free[4:] = False
    smoothed = smooth(mask, free, (1.0, 1.0, 1.0), 1.5)
    assert smoothed.sum() == mask.sum()
    assert not smoothed[4:].any()
    assert smoothed[1].any()


def test_a_border_shift_is_in_mm_of_the_patient() -> None:
    mask = np.zeros((9, 9, 9), bool)
    mask[3:6, 3:6, 3:6] = True
    for axis, mm in enumerate(SPACING):
        longer = mask | np.roll(mask, 2, axis)
        assert border_shift_mm(mask, longer, SPACING) == pytest.approx(2 * mm)
        assert border_shift_mm(longer, mask, SPACING) == pytest.approx(2 * mm)
    assert border_shift_mm(mask, mask, SPACING) == 0
