"""The robot user clicks where the mask is most wrong, and its points mend a mask that obeys them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lite_ensam.core.case import Case
from lite_ensam.core.errors import CaseError
from lite_ensam.core.recist import voxel_of
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.evaluation.robot_user import (
    RobotUser,
    area_under_rounds,
    play,
    reference_of,
    short_axis_of,
    worst_region,
)

SPACING = (2.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def phantom() -> Case:
    return make_phantom()


def test_the_largest_wrong_region_counts_and_its_deepest_voxel() -> None:
    truth, mask = np.zeros((20, 30, 30), bool), np.zeros((20, 30, 30), bool)
    truth[5:8, 5:10, 5:10] = True  # 75 voxels missed
    mask[14:18, 20:29, 20:29] = True  # 324 leaked
    region, deepest = worst_region(mask, truth, SPACING)
    assert region.sum() == 324
    assert np.abs(deepest - (15.5, 24, 24)).max() <= 1, "several are as deep"
    region, deepest = worst_region(mask & False, truth, SPACING)
    assert (region == truth).all()
    assert tuple(deepest) == (6, 7, 7)
    assert worst_region(truth, truth, SPACING) is None


def test_points_are_inside_if_missed_and_outside_if_leaked(phantom: Case) -> None:
    mark = phantom.marks[0]
    truth, user = reference_of(phantom, mark), RobotUser()
    missed = user.with_point(phantom, mark, truth & False, np.random.default_rng(0))
    assert len(missed.inside_zyx) == 1
    assert truth[voxel_of(missed.inside_zyx[0])]
    leaked = user.with_point(phantom, missed, ~(truth & False), np.random.default_rng(0))
    assert leaked.inside_zyx == missed.inside_zyx
    assert not truth[voxel_of(leaked.outside_zyx[0])]
    assert user.with_point(phantom, leaked, truth, np.random.default_rng(0)) == leaked


def test_a_careless_hand_is_as_far_off_as_it_says(phantom: Case) -> None:
    mark = phantom.marks[0]
    nothing = reference_of(phantom, mark) & False
    _, deepest = worst_region(nothing, reference_of(phantom, mark), phantom.grid.spacing_mm)
    careless = RobotUser(points_off=2).with_point(phantom, mark, nothing, np.random.default_rng(3))
    off = np.subtract(careless.inside_zyx[0], deepest)
    assert off[0] == 0
    assert 1.4 <= np.linalg.norm(off) <= 3
    slices = RobotUser(slices_off=1).with_slices(phantom, mark)
    exact = RobotUser().with_slices(phantom, mark)
    assert abs(slices.first_slice - exact.first_slice) == abs(slices.last_slice - exact.last_slice) == 1


def test_slices_are_the_references_first_and_last(phantom: Case) -> None:
    for mark in phantom.marks:
        told = RobotUser().with_slices(phantom, mark)
        filled = np.flatnonzero(reference_of(phantom, mark).any(axis=(1, 2)))
        assert (told.first_slice, told.last_slice) == (filled[0], filled[-1])


def test_the_short_axis_is_the_longest_chord_across_the_line(phantom: Case) -> None:
    y, x = np.indices((40, 40))
    ellipse = ((y - 20) / 6.2) ** 2 + ((x - 20) / 12.2) ** 2 <= 1
    mark = replace(phantom.marks[0], endpoints_zyx=((4, 20, 8), (4, 20, 32)))
    ends = np.array(short_axis_of(ellipse, mark, SPACING))
    assert np.abs(ends[1] - ends[0]).tolist() == [0, 12, 0]
    assert short_axis_of(ellipse & False, mark, SPACING) is None
    for real in phantom.marks:
        assert RobotUser().with_short_axis(phantom, real).short_axis_zyx is not None


def test_rounds_go_up_for_a_mask_that_takes_each_point(phantom: Case) -> None:
    """A way of segmenting that paints 5 mm about each point inside, and takes away 5 mm about each outside."""

    def segment(case: Case) -> np.ndarray:
        labels = np.zeros(case.grid.shape_zyx, np.uint8)
        place = np.moveaxis(np.indices(labels.shape), 0, -1) * case.grid.spacing_mm
        for mark in case.marks:
            for points, label in ((mark.inside_zyx, mark.label), (mark.outside_zyx, 0)):
                for point in points:
                    labels[np.linalg.norm(place - np.multiply(point, case.grid.spacing_mm), axis=-1) < 5] = (
                        label
                    )
        return labels

    scores = list(play(phantom, segment, clicks=4))
    assert [score.clicks for score in scores[:: len(phantom.marks)]] == [0, 1, 2, 3, 4]
    for mark in phantom.marks:
        rounds = [score.dsc for score in scores if score.label == mark.label]
        assert rounds[0] == 0
        assert rounds[-1] > rounds[1] > 0
    assert scores == list(play(phantom, segment, clicks=4)), "the seed decides"


def test_the_area_under_rounds_is_their_mean_by_trapezoids() -> None:
    assert area_under_rounds([0.5, 0.7, 0.9]) == pytest.approx(0.7)
    assert area_under_rounds([1.0, 1.0]) == 1.0


def test_a_case_without_reference_is_refused(phantom: Case) -> None:
    with pytest.raises(CaseError, match="has no reference of tumour"):
        list(play(replace(phantom, reference=None), lambda case: np.zeros(case.ct.shape, np.uint8)))
