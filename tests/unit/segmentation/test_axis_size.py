"""Masks much larger than the user's axes allow become smaller; all others stay as the network drew them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from lite_ensam.core.recist import RecistMark
from lite_ensam.segmentation.axis_size import shrink_to_axes
from lite_ensam.segmentation.painting import TumorLogits
from lite_ensam.segmentation.patch_plan import Placement

SHAPE = (24, 24, 24)
LINE = ((12.0, 12.0, 4.0), (12.0, 12.0, 19.0))
SHORT = ((12.0, 7.0, 11.0), (12.0, 16.0, 11.0))
WEIGHT = 0.6 / (1 + (8 / 10) ** 2)
"""Of a short axis of ten pixels."""


def ball(radius: float, slope: float = 0.2, voxel: float = 1.0, **known: object) -> TumorLogits:
    """A ball in a patch, radius in scan voxels, whose logits fall by `slope` a scan voxel; `voxel` is a patch voxel's
    size in scan voxels. No two logits are the same."""
    side = round(24 / voxel)
    place = Placement(SHAPE, (0, 0, 0), (voxel,) * 3, (side,) * 3, (side,) * 3)
    voxels = place.to_volume(np.stack(np.indices((side,) * 3), axis=-1))
    distances = np.linalg.norm(voxels - (12, 12, 11.5), axis=-1)
    uneven = np.random.default_rng(0).uniform(0, 1e-3, distances.shape)
    logits = (slope * (radius - distances) + uneven).astype(np.float32)
    return TumorLogits(RecistMark(1, LINE, **known), logits, place)  # type: ignore[arg-type]


def lowered(tumor: TumorLogits) -> tuple[float, NDArray[np.float32]]:
    """How far all logits were lowered, and what they are now."""
    before, after = tumor.logits.copy(), shrink_to_axes(tumor).logits
    np.testing.assert_array_equal(tumor.logits, before)
    difference = before - after
    assert np.ptp(difference) < 1e-5
    return float(difference.mean()), after


def part_of_the_way(size: float, expected: float) -> float:
    return size ** (1 - WEIGHT) * expected**WEIGHT


@pytest.mark.parametrize("voxel", [1.0, 0.5])
def test_the_area_on_the_lines_slice_goes_towards_that_of_the_ellipse(voxel: float) -> None:
    tumor = ball(9, voxel=voxel, short_axis_zyx=SHORT)
    row = round(12 / voxel + (1 / voxel - 1) / 2)  # patch voxels 24 and 25 are slice 12; the even one of both
    _, after = lowered(tumor)
    ellipse = (
        0.9 * math.pi / 4 * 16 * 10 / voxel**2
    )  # axes of 15 and 9 go from the middle of a pixel to another's
    aim = part_of_the_way((tumor.logits[row] > 0).sum(), ellipse)
    assert (after[row] > 0).sum() == pytest.approx(aim, abs=1)


def test_with_slices_the_volume_goes_towards_that_of_the_ellipsoid() -> None:
    _, by_area = lowered(ball(9, short_axis_zyx=SHORT))
    _, after = lowered(ball(9, short_axis_zyx=SHORT, first_slice=8, last_slice=15))
    ellipsoid = (0.78 + 0.6 / 8) * math.pi / 6 * 16 * 10 * 8
    aim = part_of_the_way((by_area[8:16] > 0).sum(), ellipsoid)
    assert (after[8:16] > 0).sum() == pytest.approx(aim, abs=1)


def test_a_part_of_a_patch_voxel_counts_as_a_part() -> None:
    """Slices 9 to 15 end within patch voxels of 0.8 scan voxels."""
    tumor = ball(9, voxel=0.8, short_axis_zyx=SHORT, first_slice=9, last_slice=15)
    _, by_area = lowered(ball(9, voxel=0.8, short_axis_zyx=SHORT))
    _, after = lowered(tumor)
    edges = np.arange(31) * 0.8
    shares = np.clip(np.minimum(edges[1:], 16) - np.maximum(edges[:-1], 9), 0, 0.8) / 0.8
    ellipsoid = (0.78 + 0.6 / 7) * math.pi / 6 * 16 * 10 * 7 / 0.8**3
    aim = part_of_the_way((shares * (by_area > 0).sum(axis=(1, 2))).sum(), ellipsoid)
    assert (shares * (after > 0).sum(axis=(1, 2))).sum() == pytest.approx(aim, abs=1)


def test_logits_are_lowered_by_one_at_most_for_each_size() -> None:
    assert lowered(ball(9, slope=3, short_axis_zyx=SHORT))[0] == pytest.approx(1, abs=1e-5)
    both = ball(9, slope=3, short_axis_zyx=SHORT, first_slice=8, last_slice=15)
    assert lowered(both)[0] == pytest.approx(2, abs=1e-5)


@pytest.mark.parametrize(
    ("radius", "known"),
    [
        (9, {}),
        (9, {"first_slice": 8, "last_slice": 15}),
        (5, {"short_axis_zyx": SHORT}),
        (4, {"short_axis_zyx": SHORT, "first_slice": 8, "last_slice": 15}),
        (-40, {"short_axis_zyx": SHORT, "first_slice": 8, "last_slice": 15}),
    ],
    ids=["line", "slices", "small", "small with slices", "nothing found"],
)
def test_what_is_no_larger_than_the_axes_stays(radius: float, known: dict[str, object]) -> None:
    tumor = ball(radius, **known)
    assert shrink_to_axes(tumor) is tumor


def test_one_slice_alone_says_nothing_of_the_volume() -> None:
    area = lowered(ball(9, short_axis_zyx=SHORT))[0]
    assert lowered(ball(9, short_axis_zyx=SHORT, first_slice=8))[0] == pytest.approx(area)
