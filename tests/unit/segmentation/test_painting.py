"""Every marked tumour is in the label map, in its place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lite_ensam.core.errors import MarkError
from lite_ensam.core.recist import RecistMark, sphere_mask
from lite_ensam.segmentation.painting import TumorLogits, paint_tumors
from lite_ensam.segmentation.patch_plan import Placement
from lite_ensam.segmentation.predictor import expected_dice
from lite_ensam.segmentation.unreached_slices import unreached_slice_notes
from tests.tumor_logits import SHAPE, SPACING, ball, told


def test_a_ball_comes_back_as_a_ball() -> None:
    tumor = ball(3, 24)
    painting = paint_tumors([tumor], SPACING)
    assert painting.labels.shape == SHAPE
    assert painting.labels.dtype == np.uint16
    assert painting.recovered == {}
    expected = sphere_mask(tumor.mark, SHAPE, SPACING)
    assert set(np.unique(painting.labels)) == {0, 3}
    assert (expected ^ (painting.labels == 3)).sum() <= 0.08 * expected.sum()


def test_touching_tumors_share_the_border_and_keep_their_labels() -> None:
    labels = paint_tumors([ball(1, 20), ball(2, 28)], SPACING).labels
    assert labels[10, 24, 17] == 1
    assert labels[10, 24, 31] == 2
    assert labels[10, 24, 23] == 1
    assert labels[10, 24, 25] == 2


def test_a_tumor_that_the_network_missed_is_raised_inside_its_sphere() -> None:
    painting = paint_tumors([ball(1, 14), ball(2, 34, height=-40)], SPACING)
    assert painting.recovered == {2: 63.0}
    won = painting.labels == 2
    assert won.any()
    assert (won <= sphere_mask(ball(2, 34).mark, SHAPE, SPACING)).all()


def test_a_missed_tumor_in_the_middle_of_another_is_there_too() -> None:
    inner = ball(2, 24, height=-3)
    painting = paint_tumors([ball(1, 24, height=9), inner], SPACING)
    assert set(np.unique(painting.labels)) == {0, 1, 2}


def test_lines_on_top_of_each_other_that_leave_no_voxel_are_named() -> None:
    ends = ((10, 24, 24.0), (10, 24, 24.6))
    tumors = []
    for label in (1, 2, 3, 4):
        mark = RecistMark(label, ends)
        place = Placement.lesion_placement(mark.endpoints_zyx, SPACING, SHAPE, 2.5, 32)
        tumors.append(TumorLogits(mark, np.full((32,) * 3, -9, np.float32), place))
    with pytest.raises(MarkError, match=r"mark \d: .*last voxel of another"):
        paint_tumors(tumors, SPACING)


def test_a_higher_threshold_paints_less() -> None:
    sizes = [int((paint_tumors([ball(1, 24)], SPACING, t).labels == 1).sum()) for t in (-1.0, 0.0, 1.0)]
    assert sizes[0] > sizes[1] > sizes[2] > 0


def test_tumors_are_painted_in_their_own_right_whatever_their_order() -> None:
    tumors = [ball(1, 20), ball(2, 28), ball(7, 36)]
    forward, backward = (paint_tumors(order, SPACING).labels for order in (tumors, tumors[::-1]))
    assert (forward != backward).sum() == pytest.approx(0, abs=40)  # ties on the planes between


def test_nothing_lies_beyond_given_slices() -> None:
    free = paint_tumors([ball(3, 24)], SPACING).labels
    filled = np.flatnonzero(free.any(axis=(1, 2)))
    assert filled[0] < 9
    assert filled[-1] > 11
    both = paint_tumors([told(ball(3, 24), first_slice=9, last_slice=11)], SPACING).labels
    np.testing.assert_array_equal(np.flatnonzero(both.any(axis=(1, 2))), [9, 10, 11])
    np.testing.assert_array_equal(both[9:12], free[9:12])
    alone = paint_tumors([told(ball(3, 24), last_slice=11)], SPACING).labels
    np.testing.assert_array_equal(alone[:12], free[:12])
    assert not alone[12:].any()


@pytest.mark.parametrize("last", [10, 12])
def test_a_missed_tumor_is_recovered_on_its_own_slices_against_those_that_compete_there(last: int) -> None:
    missed = told(ball(1, 24, height=-3), last_slice=last)
    missed.logits[missed.placement.to_patch((13, 24, 24))[0].round().astype(int) :] += (
        20  # best where it may not be
    )
    x = (11, 24, 18), (11, 24, 30)
    beyond = told(
        ball(2, 24, height=9), first_slice=last + 1, endpoints_zyx=tuple((last + 1, *p[1:]) for p in x)
    )
    alone = paint_tumors([missed], SPACING)
    both = paint_tumors([missed, beyond], SPACING)
    assert both.recovered == alone.recovered == {1: 3.0}
    np.testing.assert_array_equal(both.labels[: last + 1] == 1, alone.labels[: last + 1] == 1)
    assert both.labels[10, 24, 24] == 1
    assert not (both.labels[last + 1 :] == 1).any()


def test_a_given_slice_that_the_mask_does_not_reach_is_said() -> None:
    free = paint_tumors([ball(3, 24)], SPACING)
    first, last = (int(np.flatnonzero(free.labels.any(axis=(1, 2)))[end]) for end in (0, -1))
    for told_slices, words in (
        ({"first_slice": first, "last_slice": last}, []),
        ({}, []),
        (
            {"first_slice": first - 2},
            [f"mark 3: first_slice is {first - 2}, but the mask begins at slice {first}"],
        ),
        ({"last_slice": last + 1}, [f"mark 3: last_slice is {last + 1}, but the mask ends at slice {last}"]),
    ):
        tumor = told(ball(3, 24), **told_slices)
        notes = unreached_slice_notes(paint_tumors([tumor], SPACING), [tumor.mark])
        assert notes == words


def test_slices_of_one_tumor_do_not_cut_another() -> None:
    labels = paint_tumors([told(ball(1, 14), first_slice=10, last_slice=10), ball(2, 34)], SPACING).labels
    assert np.flatnonzero((labels == 1).any(axis=(1, 2))).tolist() == [10]
    assert ((labels == 2).sum(axis=(1, 2)) > 0).sum() > 4


@pytest.mark.parametrize("border", [24, 26, 32])
def test_a_tumor_does_not_compete_on_slices_that_its_mark_excludes(border: int) -> None:
    below, above = (
        told(ball(1, 24, height=9), last_slice=10),
        told(ball(2, border), first_slice=11, endpoints_zyx=((11, 24, border - 6), (11, 24, border + 6))),
    )
    labels = paint_tumors([below, above], SPACING).labels
    alone = paint_tumors([replace(above, mark=replace(above.mark, first_slice=None))], SPACING).labels
    np.testing.assert_array_equal(labels[11:], alone[11:])
    assert (labels[:11] == 1).any()
    assert not (labels[:11] == 2).any()


def test_a_point_inside_one_tumor_is_not_anothers() -> None:
    point = (10, 24, 34)
    labels = paint_tumors([told(ball(1, 14), inside_zyx=(point,)), ball(2, 34)], SPACING).labels
    assert labels[point] == 1


def test_the_expected_dice_takes_probabilities_at_their_word() -> None:
    sure = np.full((4, 4, 4), -40, np.float32)
    sure[1:3] = 40
    whole = ball(1, 24)
    assert expected_dice(replace(whole, logits=sure)) == pytest.approx(1)
    unsure = np.full((1, 1, 3), -40, np.float32)
    unsure[0, 0] = (
        np.log(3),
        np.log(1.5),
        -np.log(3),
    )  # probabilities 0.75 and 0.6, in the mask, and 0.25, outside
    expected = 2 * (0.75 + 0.6) / (2 + 1.6)
    assert expected_dice(replace(whole, logits=unsure)) == pytest.approx(expected)


def test_a_raised_mask_is_expected_to_be_worse() -> None:
    """Raised by 2, the third voxel is in the mask; that it is tumour is as likely as before."""
    logits = np.full((1, 1, 4), -40, np.float32)
    logits[0, 0, :3] = np.log(3), np.log(1.5), -np.log(3)
    raised = replace(ball(1, 24), logits=logits + 2, added=np.full_like(logits, 2))
    assert expected_dice(raised) == pytest.approx(2 * (0.75 + 0.6 + 0.25) / (3 + 1.6))


def test_what_was_added_to_a_tumour_takes_nothing_from_its_neighbour() -> None:
    # exact in binary: what is added and taken off again leaves nothing
    known, other = (replace(one, logits=np.round(one.logits * 64) / 64) for one in (ball(1, 20), ball(2, 30)))
    alone = paint_tumors([known, other], SPACING).labels
    higher = replace(other, logits=other.logits + 4, added=np.full_like(other.logits, 4))
    labels = paint_tumors([known, higher], SPACING).labels
    np.testing.assert_array_equal(labels == 1, alone == 1)
    assert (labels == 2).sum() > (alone == 2).sum()
    taken = paint_tumors([known, replace(higher, added=None)], SPACING).labels
    assert (taken == 1).sum() < (alone == 1).sum()
