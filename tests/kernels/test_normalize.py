import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_ensam import _kernels
from tests.kernels import numpy_reference, strategies


@given(volume=strategies.volumes(min_side=1))
def test_value_range_matches_reference(volume):
    assert _kernels.value_range(volume) == (volume.min(), volume.max())


@given(volume=strategies.volumes(), cuts=st.lists(st.integers(0, 9), max_size=3))
def test_slabs_give_the_range_of_the_whole(volume, cuts):
    values = _kernels.ValueRange()
    for slab in np.split(volume, sorted(cuts)):
        values.update(slab)
    assert values.n_slices == len(volume)
    expected = (volume.min(), volume.max()) if volume.size else (None, None)
    assert (values.low, values.high) == expected


def test_one_scan_may_come_in_slabs_of_several_dtypes():
    values = _kernels.ValueRange()
    values.update(np.full((1, 1, 1), 65535, np.uint16))
    values.update(np.full((2, 1, 1), -32768, np.int16))
    values.update(np.full((1, 1, 1), 0.5, np.float32))
    assert (values.low, values.high, values.n_slices) == (-32768.0, 65535.0, 4)


@given(
    volume=strategies.arrays((np.float32,), min_side=1),
    bad=st.sampled_from([np.nan, np.inf, -np.inf]),
    places=st.lists(st.integers(0, 728), min_size=1, max_size=3),
)
def test_the_first_bad_voxel_is_named(volume, bad, places):
    volume = volume.copy(order="K")
    indices = [np.unravel_index(place % volume.size, volume.shape) for place in places]
    for index in indices:
        volume[index] = bad
    z, y, x = min(tuple(map(int, index)) for index in indices)
    values = _kernels.ValueRange()
    values.update(np.zeros((3, 1, 1), np.uint8))
    what = "NaN" if np.isnan(bad) else "infinite"
    with pytest.raises(ValueError, match=rf"^voxel \(z, y, x\) = \({z + 3}, {y}, {x}\) is {what}$"):
        values.update(volume)
    assert (values.low, values.high, values.n_slices) == (0.0, 0.0, 3)


@given(volume=strategies.volumes(), low=st.floats(-2000, 2000), width=st.floats(0, 70000))
def test_min_max_matches_reference(volume, low, width):
    scaled = _kernels.min_max(volume, low, low + width)
    assert scaled.flags.c_contiguous
    np.testing.assert_array_equal(scaled, numpy_reference.min_max(volume, low, low + width))
    assert scaled.dtype == np.float32


@given(volume=strategies.volumes(min_side=1))
def test_the_range_of_a_scan_becomes_zero_to_one(volume):
    low, high = _kernels.value_range(volume)
    scaled = _kernels.min_max(volume, low, high)
    assert scaled.min() == 0
    assert scaled.max() == (high > low)


def test_nan_is_not_hidden():
    assert np.isnan(_kernels.min_max(np.full((1, 1, 1), np.nan, np.float32), 0, 1)).all()


@pytest.mark.parametrize(("low", "high"), [(1, 0), (np.nan, 1), (0, np.inf), (-np.inf, 0)])
def test_a_range_that_is_none_is_refused(low, high):
    with pytest.raises(ValueError, match="low and high must be finite with low <= high, got low = "):
        _kernels.min_max(np.zeros((1, 1, 1), np.int16), low, high)


def test_an_empty_volume_has_no_range():
    with pytest.raises(ValueError, match=r"volume must hold at least one voxel, got shape \(0, 2, 3\)"):
        _kernels.value_range(np.zeros((0, 2, 3), np.int16))


FIELDS = np.dtype([("flag", "u1"), ("value", "<f4")])


@pytest.mark.parametrize(
    ("volume", "error", "message"),
    [
        (
            [[[1]]],
            TypeError,
            "volume must be a NumPy array of int16, uint16, uint8 or float32, got <class 'list'>",
        ),
        (
            np.zeros((1, 1, 1)),
            TypeError,
            "volume must be of dtype int16, uint16, uint8 or float32, got float64",
        ),
        (np.zeros((1, 1, 1), ">i2"), TypeError, "volume must be of dtype .*, got >i2"),
        (np.zeros((1, 2), np.int16), ValueError, r"volume must be 3D \(z, y, x\), got shape \(1, 2\)"),
        (np.zeros((2, 2, 2), FIELDS)["value"], ValueError, "volume must be aligned in memory"),
    ],
)
def test_an_array_that_is_no_volume_is_refused(volume, error, message):
    with pytest.raises(error, match=message):
        _kernels.value_range(volume)
