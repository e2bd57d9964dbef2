import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_ensam.core.errors import CaseError
from lite_ensam.core.partial_volume import (
    PartialScan,
    SubVolume,
    as_subvolume,
    merged_boxes,
    slices,
    subvolume_containing,
    value_range,
)
from tests.kernels import strategies

SHAPE = (6, 7, 8)
VOLUME = np.arange(336, dtype=np.int16).reshape(SHAPE)


def cropped(*boxes):
    parts = tuple(SubVolume(VOLUME[slices(*box)], box[0], SHAPE) for box in boxes)
    return PartialScan(parts, (0.0, 335.0))


def test_a_part_of_a_crop_is_that_of_the_scan():
    first, second = ((0, 0, 0), (2, 7, 8)), ((3, 1, 1), (6, 5, 5))
    ct = cropped(first, second)
    assert (ct.shape, ct.dtype) == (SHAPE, np.int16)
    assert value_range(ct) == value_range(VOLUME)
    box = (4, 2, 1), (6, 5, 4)
    part = subvolume_containing(ct, box)
    assert (part.start_zyx, part.stop_zyx) == second
    assert subvolume_containing(VOLUME, box).voxels is VOLUME
    with pytest.raises(CaseError, match=r"\(1, 0, 0\) to \(4, 1, 1\) \(z, y, x\) of the scan were not kept"):
        subvolume_containing(ct, ((1, 0, 0), (4, 1, 1)))


def test_the_whole_is_zero_outside_its_part():
    box = (1, 2, 3), (4, 5, 6)
    whole = SubVolume(VOLUME[slices(*box)], box[0], SHAPE).whole()
    np.testing.assert_array_equal(whole[slices(*box)], VOLUME[slices(*box)])
    assert np.count_nonzero(whole) == 27
    assert as_subvolume(VOLUME).whole() is VOLUME


def test_boxes_become_one_where_that_costs_nothing():
    first, beside, apart = ((0, 0, 0), (2, 4, 4)), ((2, 0, 0), (4, 4, 4)), ((5, 6, 7), (6, 7, 8))
    assert merged_boxes([first, beside, apart], SHAPE) == [((0, 0, 0), (4, 4, 4)), apart]
    assert merged_boxes([first, ((3, 0, 0), (4, 4, 4))], SHAPE) == [first, ((3, 0, 0), (4, 4, 4))]


def test_boxes_that_hold_more_than_the_scan_become_the_scan():
    crossing = [
        ((0, 0, 0), (6, 7, 4)),
        ((0, 0, 3), (3, 7, 8)),
        ((3, 0, 3), (6, 5, 8)),
    ]
    assert sum(int(np.prod(np.subtract(b, a))) for a, b in crossing) > VOLUME.size
    assert merged_boxes(crossing, SHAPE) == [((0, 0, 0), SHAPE)]


@given(boxes=st.lists(strategies.boxes(SHAPE), max_size=6))
def test_merged_boxes_hold_all_boxes_in_no_more_voxels(boxes):
    merged = merged_boxes(boxes, SHAPE)
    for box in boxes:
        assert any(SubVolume(np.empty(np.subtract(b, a)), a, SHAPE).holds(box) for a, b in merged)
    sizes = [int(np.prod(np.subtract(stop, start))) for start, stop in merged]
    assert sum(sizes) <= max(1, min(VOLUME.size, sum(int(np.prod(np.subtract(b, a))) for a, b in boxes)))
