"""Logits are brought to what marks say and to how readers draw before they are painted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from lite_ensam.core.recist import RecistMark
from lite_ensam.segmentation.logit_adjustments import (
    anchor_endpoints,
    anchor_prompts,
    fade_far,
    fill_end_slices,
    raise_few_slices,
    raise_hardly_known,
)
from lite_ensam.segmentation.painting import TumorLogits, obey_prompts, paint_tumors
from lite_ensam.segmentation.patch_plan import Placement
from tests.tumor_logits import SPACING, ball, told


def tip_voxels(tumor: TumorLogits, x: float) -> bool:
    """Whether the voxel at (10, 24, x) is painted."""
    return bool(paint_tumors([anchor_endpoints(tumor)], SPACING).labels[10, 24, round(x)])


def test_the_ends_of_a_line_are_in_the_mask_when_the_network_is_unsure_of_them() -> None:
    tumor = ball(1, 24, height=3.5)  # 1.5 mm short on every side
    assert not paint_tumors([tumor], SPACING).labels[10, 24, 18]
    before = tumor.logits.copy()
    held = anchor_endpoints(tumor)
    assert tip_voxels(tumor, 18)
    assert tip_voxels(tumor, 30)
    np.testing.assert_array_equal(tumor.logits, before, "the network's logits are left as they are")
    assert (held.logits >= before).all()
    far = paint_tumors([held], SPACING).labels != paint_tumors([tumor], SPACING).labels
    changed = np.argwhere(far) * SPACING
    ends = np.array([(10, 24, 18), (10, 24, 30)]) * SPACING
    nearest = np.linalg.norm(changed[:, None] - ends[None], axis=-1).min(axis=1)
    assert nearest.max() < 4, "only what is about the ends has grown"


def test_an_end_that_is_tumour_already_changes_nothing() -> None:
    tumor = ball(1, 24, height=7)
    np.testing.assert_array_equal(anchor_endpoints(tumor).logits, tumor.logits)


def test_an_inexact_end_is_not_reached() -> None:
    assert not tip_voxels(ball(1, 24, height=1.0), 18)


def test_a_tumour_of_which_nothing_was_found_is_left_to_its_sphere() -> None:
    tumor = ball(1, 24, height=-2)
    assert anchor_endpoints(tumor) is tumor


def test_ends_outside_of_the_patch_are_no_error() -> None:
    tumor = ball(1, 24)
    moved = RecistMark(1, ((10, 24, -200.0), (10, 24, 30.0)))
    held = anchor_endpoints(TumorLogits(moved, tumor.logits, tumor.placement))
    assert np.isfinite(held.logits).all()


def test_a_mask_reaches_slices_that_the_network_does_not_rule_out() -> None:
    tumor = told(ball(3, 24), first_slice=6, last_slice=17)
    labels = paint_tumors([anchor_prompts(tumor)], SPACING).labels
    filled = np.flatnonzero(labels.any(axis=(1, 2)))
    assert filled[0] == 6
    assert filled[-1] < 17, "8 mm beyond the border the network is sure"


def test_logits_rise_towards_given_end_slices() -> None:
    shape = (20, 8, 8)
    mark = RecistMark(1, ((10, 4, 2), (10, 4, 6)))
    flat = TumorLogits(
        mark, np.zeros(shape, np.float32), Placement(shape, (0, 0, 0), (1, 1, 1), shape, shape)
    )

    def raised(**known: int) -> NDArray[np.float32]:
        logits = fill_end_slices(told(flat, **known), 2.0).logits
        np.testing.assert_array_equal(logits, np.broadcast_to(logits[:, :1, :1], shape))
        return logits[:, 0, 0]

    first = raised(first_slice=6)
    # slice 6 begins 1 mm before its middle; the middles of those after it are 3, 5 and 7 mm from there
    np.testing.assert_allclose(first[6:10], 1.5 * np.exp([-1.0, -3.0, -5.0, -7.0]), rtol=1e-5)
    assert not first[:6].any()
    assert not first[10:].any(), "the line's slice and the other side are as the network says"
    np.testing.assert_array_equal(raised(last_slice=14)[1:], first[:0:-1])
    np.testing.assert_array_equal(raised(first_slice=6, last_slice=14), first + raised(last_slice=14))
    same = told(flat, first_slice=10, last_slice=10)
    assert fill_end_slices(same, 2.0) is same


@pytest.mark.parametrize("off", [-2, 2])
def test_a_mask_is_as_wide_as_its_short_axis(off: int) -> None:
    free = paint_tumors([ball(3, 24)], SPACING).labels
    across = np.flatnonzero(free[10, :, 24])
    low, high = across[0] - off, across[-1] + off
    tumor = told(ball(3, 24), short_axis_zyx=((10, low, 24), (10, high, 24)))
    labels = paint_tumors([anchor_prompts(tumor)], SPACING).labels
    found = np.flatnonzero(labels[10, :, 24])
    assert (found[0], found[-1]) == (low, high)
    assert (labels[10, 24] == free[10, 24]).all(), "the line is as long as before"
    assert (np.count_nonzero(labels) > np.count_nonzero(free)) == (off > 0)


def test_a_network_that_is_sure_keeps_its_border_beside_a_short_axis() -> None:
    tumor = ball(3, 24)
    sure = replace(tumor, logits=10 * tumor.logits)
    free = paint_tumors([sure], SPACING).labels
    across = np.flatnonzero(free[10, :, 24])
    wide = told(sure, short_axis_zyx=((10, across[0] - 3, 24), (10, across[-1] + 3, 24)))
    found = np.flatnonzero(paint_tumors([anchor_prompts(wide)], SPACING).labels[10, :, 24])
    assert len(found) <= len(across) + 2


def test_points_are_as_they_are_given_and_so_is_what_lies_about_them() -> None:
    inside, outside = (10, 24, 33), (10, 24, 20)
    tumor = told(ball(3, 24), inside_zyx=(inside,), outside_zyx=(outside,))
    free = paint_tumors([ball(3, 24)], SPACING).labels
    assert (free[inside], free[outside]) == (0, 3)
    labels = paint_tumors([anchor_prompts(tumor)], SPACING).labels
    assert (labels[inside], labels[outside]) == (3, 0)
    assert (labels != free).sum() > 2, "not a single voxel alone"
    far = (1, 2, 46)
    assert paint_tumors([told(ball(3, 24), inside_zyx=(far,))], SPACING).labels[far] == 3


def test_marks_without_slices_and_points_are_painted_as_ever() -> None:
    tumor = ball(3, 24)
    assert anchor_prompts(tumor) is tumor
    painting = paint_tumors([tumor], SPACING)
    assert obey_prompts(painting, [tumor.mark]) is painting


def test_logits_fade_beyond_one_and_a_half_half_lengths() -> None:
    line = ((16.0, 16.0, 8.0), (16.0, 16.0, 24.0))  # half as long as 8 voxels
    place = Placement((32, 32, 32), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (32, 32, 32), (32, 32, 32))
    logits = np.full((32, 32, 32), 5, np.float32)
    tumor = TumorLogits(RecistMark(1, line), logits, place)
    faded = fade_far(tumor).logits
    assert (logits == 5).all()
    z, y, x = np.indices(logits.shape) - 16
    half_lengths = np.sqrt(z**2 + y**2 + x**2) / 8
    np.testing.assert_array_equal(faded[half_lengths <= 1.5], 5)
    assert faded[0, 16, 16] == pytest.approx(5 - 2 * 0.5)  # 16 voxels, two half-lengths
    assert faded[16, 0, 0] == pytest.approx(5 - 2 * (np.sqrt(2) * 2 - 1.5), abs=1e-5)
    for known, fades in (({"first_slice": 3}, True), ({"first_slice": 3, "last_slice": 30}, False)):
        faded_now = fade_far(TumorLogits(RecistMark(1, line, **known), logits, place)).logits
        assert (faded_now < 5).any() == fades


@pytest.mark.parametrize(
    ("thickness_mm", "pixel_mm", "share"),
    [
        (0.7, 0.5, 0),
        (1, 0.5, 0),
        (1.25, 0.5, 0.2),
        (2.5, 0.5, 1),
        (5, 0.5, 1),
        (0.7, 0.7, 0),
        (1, 1, 1),
        (1, 0.99, 0),
    ],
)
def test_contours_end_flat_on_thick_slices_and_taper_on_thin_ones(
    thickness_mm: float, pixel_mm: float, share: float
) -> None:
    steps = (0.5 / thickness_mm, 0.5 / pixel_mm, 0.5 / pixel_mm)  # patch voxels of half a millimetre
    place = Placement((40,) * 3, (0, 0, 0), steps, (32,) * 3, (32,) * 3)
    z = round(6 / thickness_mm)
    mark = RecistMark(1, ((z, 2, 2), (z, 2, 8)), last_slice=z + 1)
    raised = fill_end_slices(TumorLogits(mark, np.zeros((32,) * 3, np.float32), place), 0.5).logits.max()
    end = place.to_patch((z + 1.5, 0, 0))[0]
    assert raised == pytest.approx(share * 1.5 * np.exp(-0.5 * (end - np.floor(end))), rel=1e-5)


@pytest.mark.parametrize(
    ("thickness_mm", "raised"), [(5, 0.5), (4, 0.5), (3, 0.3), (2.4, 0.1), (2, 0), (1, 0)]
)
def test_a_tumour_of_few_slices_is_raised(thickness_mm: float, raised: float) -> None:
    # a line of 12 mm in patch voxels of 1.5 mm
    place = Placement((24, 24, 24), (0, 0, 0), (1.5 / thickness_mm, 1.5, 1.5), (16,) * 3, (16,) * 3)
    tumor = TumorLogits(RecistMark(1, ((3, 6, 6), (3, 6, 18))), np.ones((16,) * 3, np.float32), place)
    logits = raise_few_slices(tumor).logits
    np.testing.assert_allclose(logits, 1 + raised, rtol=1e-6)
    assert (tumor.logits == 1).all()
    assert raise_few_slices(told(tumor, first_slice=2, last_slice=4)).logits is tumor.logits
    np.testing.assert_array_equal(raise_few_slices(told(tumor, last_slice=4)).logits, logits)
    missed = replace(tumor, logits=tumor.logits - 1.25)
    assert raise_few_slices(missed) is missed, "the sphere of its line recovers it"


def uneven(under_line: NDArray[np.float64], **known) -> TumorLogits:
    """A line of 21 voxels along x with these logits under it; -2 elsewhere."""
    shape = (24, 24, 40)
    logits = np.full(shape, -2, np.float32)
    logits[12, 12, 10:31] = under_line
    mark = RecistMark(1, ((12, 12, 10), (12, 12, 30)), **known)
    return TumorLogits(mark, logits, Placement(shape, (0, 0, 0), (1, 1, 1), shape, shape))


ON_LINE = np.stack([np.full(21, 12.0), np.full(21, 12.0), np.arange(10.0, 31.0)], axis=1)
MIDDLE, END, BEYOND = (12, 12, 20), (12, 12, 30), (12, 12, 34)


def lacking(tumor: TumorLogits, on_axes: NDArray[np.float64] = ON_LINE) -> float:
    """The lacking amount; a voxel at the border of the ellipsoid gets 1.2 times as much."""
    added = raise_hardly_known(tumor, on_axes).added
    return 0.0 if added is None else float(added[END]) / 1.2


def test_logits_rise_if_less_than_eighty_percent_of_the_line_are_likely_tumour() -> None:
    # 17 of 21 points have 0.25 and more: 0.75 is lacking
    tumor = uneven(np.array([-3.0] * 4 + [0.25] + [2.0] * 16))
    before = tumor.logits.copy()
    higher = raise_hardly_known(tumor, ON_LINE)
    assert lacking(tumor) == pytest.approx(0.75)
    assert higher.added is not None
    np.testing.assert_array_equal(higher.logits, before + higher.added)
    assert higher.logits.dtype == np.float32
    np.testing.assert_array_equal(tumor.logits, before, "the network's logits are left as they are")
    np.testing.assert_allclose(higher.without_added().logits, before, atol=1e-6)
    followed = raise_hardly_known(uneven(np.array([-3.0] * 4 + [1.0] + [2.0] * 16)), ON_LINE)
    assert followed.added is None
    assert followed.without_added() is followed


def test_a_tumour_is_hardly_known_if_less_than_seventy_percent_of_the_line_are_surely_tumour() -> None:
    """15 of 21 points make 70 %."""
    for level, hardly in ((3.0, False), (2.9, True)):
        tumor = raise_hardly_known(uneven(np.array([2.0] * 6 + [level] + [4.0] * 14)), ON_LINE)
        assert tumor.is_hardly_known is hardly
        assert tumor.added is None


def test_a_line_that_is_too_long_raises_no_tumour_that_the_network_knows() -> None:
    """A quarter of it lies beyond the border."""
    tumor = raise_hardly_known(uneven(np.array([-6.0] * 5 + [4.0] * 16)), ON_LINE)
    assert tumor.added is None
    assert not tumor.is_hardly_known


def test_points_do_not_make_a_tumour_known_or_unknown() -> None:
    known, unknown = (np.full((24, 24, 40), level, np.float32) for level in (4, 0.5))
    low = uneven(np.full(21, 0.5))
    assert raise_hardly_known(low, ON_LINE, known).added is None
    assert not raise_hardly_known(low, ON_LINE, known).is_hardly_known
    assert raise_hardly_known(low, ON_LINE, unknown).added is not None
    inside = ((12, 14, 20), (12, 14, 21))  # where the network says no
    followed = raise_hardly_known(uneven(np.full(21, 4.0), inside_zyx=inside), ON_LINE, unknown)
    assert followed.added is None
    assert followed.is_hardly_known


def test_no_more_than_three_is_taken_to_lack() -> None:
    assert lacking(uneven(np.array([-5.0] * 15 + [1.0] * 6))) == pytest.approx(3.0)


def test_most_is_added_in_the_sphere_of_the_line_and_nothing_far_outside() -> None:
    """Twice in the middle, 1.2 times at the border, nothing from 1.3 half-lengths on, in every direction."""
    added = raise_hardly_known(uneven(np.full(21, 0.01)), ON_LINE).added
    assert added is not None
    assert added[MIDDLE] == pytest.approx(2 * 0.99)
    for z, y, x in ((0, 0, 10), (0, 10, 0), (10, 0, 0), (-10, 0, 0), (0, -6, 8)):
        assert added[12 + z, 12 + y, 20 + x] == pytest.approx(1.2 * 0.99)
    assert added[BEYOND] == 0
    assert added[12, 12, 7] == 0


def test_the_ellipsoid_is_as_wide_and_high_as_the_mark_says() -> None:
    known = {"short_axis_zyx": ((12, 8, 20), (12, 16, 20)), "first_slice": 7, "last_slice": 14}
    added = raise_hardly_known(uneven(np.full(21, 0.5), **known), ON_LINE).added
    assert added is not None
    assert added[12, 16, 20] == added[12, 8, 20] == pytest.approx(0.6), "the short axis ends here"
    assert added[12, 12, 30] == pytest.approx(0.6)
    low, high = (np.interp(away, (0.8, 1.3), (1, 0)) for away in (5 / 5.5, 2 / 2.5))
    assert added[7, 12, 20] == pytest.approx(low), "the first slice ends half a slice lower"
    assert added[14, 12, 20] == pytest.approx(high), "the last one half a slice higher"
    np.testing.assert_allclose(
        added[12, 13:15, 28], np.interp(np.hypot(0.8, [0.25, 0.5]), (0.8, 1.3), (1, 0))
    )


def test_the_ellipsoid_of_a_short_axis_beside_the_middle_lies_beside_it() -> None:
    added = raise_hardly_known(
        uneven(np.full(21, 0.5), short_axis_zyx=((12, 10, 20), (12, 18, 20))), ON_LINE
    ).added
    assert added is not None
    assert added[12, 18, 20] == added[12, 10, 20] == pytest.approx(0.6)


def test_the_ellipsoid_turns_with_its_line() -> None:
    shape = (24, 40, 40)
    mark = RecistMark(1, ((12, 12, 12), (12, 28, 28)), short_axis_zyx=((12, 22, 18), (12, 18, 22)))
    logits = np.full(shape, 0.5, np.float32)
    tumor = TumorLogits(mark, logits, Placement(shape, (0, 0, 0), (1, 1, 1), shape, shape))
    added = raise_hardly_known(tumor, np.full((21, 3), 20.0) * (0.6, 1, 1)).added
    assert added is not None
    assert added[12, 28, 28] == added[12, 12, 12] == pytest.approx(0.6)
    assert added[12, 22, 18] == added[12, 18, 22] == pytest.approx(0.6)
    assert added[12, 24, 16] == 0


def test_the_part_of_a_line_that_lies_in_lung_does_not_count() -> None:
    """Ten of its 21 points lie in lung: the line was drawn too long, and the mask is not too small."""
    tumor = uneven(np.array([4.0] * 11 + [-6.0] * 10))
    assert lacking(tumor) == pytest.approx(3)
    assert lacking(tumor, ON_LINE[:11]) == 0
    even = uneven(np.full(21, 0.5))
    assert lacking(even, ON_LINE[:6]) == 0, "hardly anything of the line is tissue"
    assert lacking(even, ON_LINE[:7]) == pytest.approx(0.5)


def test_where_nothing_was_found_on_the_axes_nothing_is_added() -> None:
    tumor = uneven(np.full(21, -0.5))
    tumor.logits[0, 0, 0] = 9  # whatever lies in the patch's corner
    raised = raise_hardly_known(tumor, ON_LINE)
    assert raised.added is None
    assert raised.is_hardly_known


def test_a_point_inside_counts_as_a_quarter_of_the_line_where_the_line_is_not_followed() -> None:
    inside = ((12, 14, 20),)  # its logit is -2
    levels = np.arange(21) / 8
    # the fifth of 21 has 0.5; the sixth of 26, five of them -2, has 0
    assert lacking(uneven(levels)) == pytest.approx(0.5)
    added = raise_hardly_known(uneven(levels, inside_zyx=inside), ON_LINE).added
    assert added is not None
    assert added[END] == pytest.approx(1.2)
    assert added[MIDDLE] == pytest.approx(2)
    assert added[12, 12, 5] == pytest.approx(1), "the ellipsoid is too small"
    sure = raise_hardly_known(uneven(np.full(21, 4.0), inside_zyx=(*inside, (12, 14, 21))), ON_LINE)
    assert sure.added is None, "it mends a region, not the whole"


def test_with_a_point_outside_nowhere_more_is_added_than_lacks() -> None:
    added = raise_hardly_known(uneven(np.full(21, 0.5), outside_zyx=((12, 18, 20),)), ON_LINE).added
    assert added is not None
    assert added[MIDDLE] == added[END] == pytest.approx(0.5)
    assert added[BEYOND] == 0


def test_a_point_outside_takes_off_what_was_added_about_it() -> None:
    point = (12, 18, 20)
    plain = uneven(np.full(21, 4.0), outside_zyx=(point,))
    plain.logits[:, 14:22] = -0.3
    higher = replace(plain, logits=plain.logits + 2, added=np.full_like(plain.logits, 2))
    near = np.s_[12, 18, 14:27]
    assert (anchor_prompts(plain).logits[near] < 0).all()
    left = anchor_prompts(higher).logits[near]
    assert (left < 0.2).sum() >= 7
    only_a_hole = anchor_prompts(replace(higher, added=None)).logits[near]
    assert (only_a_hole < 0.2).sum() < (left < 0.2).sum()
