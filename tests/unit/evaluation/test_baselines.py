"""Baselines: their size is known, and they use nothing but the CT and the line."""

import math
import sys

import numpy as np
import pytest

from lite_ensam.core.case import Case
from lite_ensam.core.errors import MissingExtraError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark, sphere_mask
from lite_ensam.evaluation.baselines import BASELINES, SHORT_AXIS_SHARE, ellipsoid, region_growing, sphere
from lite_ensam.evaluation.metrics import dsc
from tests.phantoms import Ellipsoid, ellipsoid_case

SPACING = (2.0, 1.0, 1.0)


def case_with(mark: RecistMark, ct: np.ndarray | None = None, spacing_mm=SPACING) -> Case:
    if ct is None:
        ct = np.random.default_rng(0).integers(-50, 50, (40, 80, 80)).astype(np.int16)
    return Case(ct, Grid.from_spacing(ct.shape, spacing_mm), (mark,), hu=True)


@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize(
    "ends",
    [
        ((8, 14, 10), (8, 20, 30)),
        ((0, 0, 0), (0, 0, 5)),  # the volume's corner
        ((5, 3, 3), (5, 3, 3.4)),  # shorter than a voxel
        ((21, -0.5, 0), (21, 39.5, 47)),  # longer than the volume is high
    ],
)
def test_every_floor_gives_a_mask_with_voxels_whatever_the_line(baseline, ends) -> None:
    case = ellipsoid_case()
    mask = BASELINES[baseline](case, RecistMark(7, ends)).whole()
    assert mask.shape == case.ct.shape
    assert mask.dtype == np.bool_
    assert mask.any()


def test_sphere_is_the_one_of_the_line() -> None:
    mark = RecistMark(1, ((20, 30, 30), (20, 46, 42)))
    case = case_with(mark)
    np.testing.assert_array_equal(sphere(case, mark).whole(), sphere_mask(mark, case.ct.shape, SPACING))


def test_ellipsoid_has_the_line_as_long_axis_and_three_quarters_across() -> None:
    mark = RecistMark(1, ((20, 40, 16), (20, 40, 64)))
    case = case_with(mark)
    mask = ellipsoid(case, mark).whole()
    voxel_mm3 = math.prod(SPACING)
    assert mask.sum() * voxel_mm3 == pytest.approx(4 / 3 * math.pi * 24**3 * SHORT_AXIS_SHARE**2, rel=0.02)
    extent_mm = [np.ptp(index) * s for index, s in zip(np.nonzero(mask), SPACING, strict=True)]
    assert extent_mm == pytest.approx([36, 36, 48], abs=2)
    assert not (mask & ~sphere(case, mark).whole()).any()


def test_ellipsoid_turns_with_the_line() -> None:
    along_x = RecistMark(1, ((20, 40, 16), (20, 40, 64)))
    along_y = RecistMark(1, ((20, 16, 40), (20, 64, 40)))
    turned = ellipsoid(case_with(along_y), along_y).whole().transpose(0, 2, 1)
    np.testing.assert_array_equal(ellipsoid(case_with(along_x), along_x).whole(), turned)


def test_region_growing_finds_a_tumor_that_stands_out() -> None:
    tumor = Ellipsoid(1, (11, 10, 24), (8.0, 5.0, 9.0))
    case = ellipsoid_case(tumors=(tumor,))
    mask = region_growing(case, case.marks[0]).whole()
    assert dsc(mask, case.reference == 1) > 0.85
    assert dsc(mask, case.reference == 1) > dsc(sphere(case, case.marks[0]).whole(), case.reference == 1)


def test_region_growing_cuts_a_vessel_off_and_keeps_to_what_it_may_reach() -> None:
    ct = np.full((15, 41, 61), -800, dtype=np.int16)
    ct[5:10, 15:26, 25:36] = 50
    ct[7, 20, :] = 50  # one voxel thick, through the whole scan
    mark = RecistMark(1, ((7, 15, 25), (7, 25, 35)))
    mask = region_growing(case_with(mark, ct, (1.0, 1.0, 1.0)), mark).whole()
    assert mask[7, 20, 26:35].all()
    assert not mask[7, 20, :24].any()
    assert not mask[7, 20, 37:].any()


def test_region_growing_leaves_the_opening_out_where_it_leaves_nothing() -> None:
    ct = np.full((9, 9, 20), -800, dtype=np.int16)
    ct[4, 4, 5:15] = 50
    mark = RecistMark(1, ((4, 4, 5), (4, 4, 14)))
    mask = region_growing(case_with(mark, ct, (1.0, 1.0, 1.0)), mark).whole()
    np.testing.assert_array_equal(mask, ct == 50)


def test_region_growing_takes_unsigned_grey_values() -> None:
    ct = np.full((9, 21, 21), 10, dtype=np.uint8)
    ct[2:7, 6:15, 6:15] = 200
    mark = RecistMark(1, ((4, 6, 6), (4, 14, 14)))
    mask = region_growing(case_with(mark, ct, (1.0, 1.0, 1.0)), mark).whole()
    assert (ct[mask] == 200).all()
    assert mask.sum() > 0.7 * (ct == 200).sum()


def test_region_growing_without_scipy_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    case = ellipsoid_case()
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(MissingExtraError, match=r"lite-ensam\[evaluate\]"):
        region_growing(case, case.marks[0])
