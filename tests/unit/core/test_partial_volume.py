import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_ensam.core.errors import CaseError
from lite_ensam.core.partial_volume import (
    PartialScan,
    SubVolume,
    TumorMasks,
    as_subvolume,
    keep_boxes,
    merged_boxes,
    on_common_box,
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


@given(st.data())
def test_voxels_on_a_box_are_the_wholes(data):
    box, other = (data.draw(strategies.boxes(SHAPE)) for _ in range(2))
    part = SubVolume(VOLUME[slices(*box)], box[0], SHAPE)
    np.testing.assert_array_equal(part.on(other), part.whole()[slices(*other)])
    cut = part.cut(other)
    np.testing.assert_array_equal(cut.whole()[slices(*other)], part.on(other))
    if cut.voxels.size:
        assert np.shares_memory(cut.voxels, VOLUME)


@given(labels=strategies.few_labels())
def test_masks_of_labels_are_those_of_comparing(labels):
    masks = TumorMasks(labels)
    assert masks.labels == tuple(n for n in np.unique(labels).tolist() if n)
    for label in (1, 2, 3, 300):
        mask = masks[label]
        np.testing.assert_array_equal(mask.whole(), labels == label)
        if mask.voxels.size:
            assert all(mask.voxels.any(axis=tuple({0, 1, 2} - {axis}))[[0, -1]].all() for axis in range(3))


@given(st.data())
def test_two_masks_on_their_common_box_lose_nothing(data):
    parts = []
    for _ in range(2):
        box = data.draw(strategies.boxes(SHAPE))
        parts.append(SubVolume(VOLUME[slices(*box)] % 3 == 0, box[0], SHAPE))
    one, other = on_common_box(*parts)
    assert one.shape == other.shape
    both = parts[0].whole() & parts[1].whole()
    assert np.count_nonzero(one & other) == np.count_nonzero(both)
    assert [np.count_nonzero(mask) for mask in (one, other)] == [part.voxels.sum() for part in parts]


def test_kept_boxes_are_copies():
    boxes = [((0, 0, 0), (2, 3, 3)), ((4, 4, 4), (6, 7, 8))]
    kept = keep_boxes(VOLUME, boxes)
    assert kept.value_range == (0.0, 335.0)
    for box in boxes:
        part = subvolume_containing(kept, box)
        np.testing.assert_array_equal(part.cut(box).voxels, VOLUME[slices(*box)])
        assert not np.shares_memory(part.voxels, VOLUME)
    assert keep_boxes(kept, boxes) is kept
