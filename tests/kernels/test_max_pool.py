import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_ensam import _kernels
from tests.kernels import numpy_reference, strategies

factors = strategies.triples(st.integers(1, 4))


@given(data=st.data(), volume=strategies.volumes(), factor_zyx=factors)
def test_crop_max_pool_matches_reference(data, volume, factor_zyx):
    start_zyx, stop_zyx = data.draw(strategies.boxes(volume.shape))
    pooled = _kernels.crop_max_pool(volume, start_zyx, stop_zyx, factor_zyx)
    assert pooled.dtype == volume.dtype
    assert pooled.flags.c_contiguous
    np.testing.assert_array_equal(
        pooled, numpy_reference.crop_max_pool(volume, start_zyx, stop_zyx, factor_zyx)
    )


@given(data=st.data(), volume=strategies.volumes(min_side=1), factor_zyx=factors)
def test_pooling_then_scaling_equals_scaling_then_pooling(data, volume, factor_zyx):
    """Preprocessing may pool raw grey values, as long as the range is that of the whole scan."""
    low, high = _kernels.value_range(volume)
    box = data.draw(strategies.boxes(volume.shape))
    pooled_first = _kernels.min_max(_kernels.crop_max_pool(volume, *box, factor_zyx), low, high)
    scaled_first = _kernels.crop_max_pool(_kernels.min_max(volume, low, high), *box, factor_zyx)
    assert pooled_first.tobytes() == scaled_first.tobytes()


def test_a_ragged_edge_does_not_win_with_invented_zeros():
    air = np.full((3, 3, 3), -1000, np.int16)
    assert (_kernels.crop_max_pool(air, (0, 0, 0), (3, 3, 3), (2, 2, 2)) == -1000).all()


@pytest.mark.parametrize(
    ("start", "stop", "factor", "message"),
    [
        (
            (0, 0, 0),
            (2, 3, 5),
            (1, 1, 1),
            r"box must satisfy .* <= \(2, 3, 4\), got .* stop_zyx = \(2, 3, 5\)",
        ),
        ((0, 2, 0), (2, 1, 4), (1, 1, 1), r"box must satisfy .* got start_zyx = \(0, 2, 0\)"),
        ((0, -1, 0), (2, 3, 4), (1, 1, 1), r"start_zyx must not be negative, got -1"),
        ((0, 0, 0), (2, 3, 4), (1, 0, 1), r"factor_zyx must be at least 1 on every axis, got \(1, 0, 1\)"),
        ((0, 0, 0), (2, 3, 1 << 70), (1, 1, 1), "stop_zyx must fit into 64 bits"),
    ],
)
def test_a_bad_box_is_refused(start, stop, factor, message):
    with pytest.raises(ValueError, match=message):
        _kernels.crop_max_pool(np.zeros((2, 3, 4), np.uint8), start, stop, factor)


@pytest.mark.parametrize("start", [(0, 0), (0, 0, 0, 0), 0, "zyx", (0, 0, 0.5)])
def test_a_corner_that_is_no_triple_of_integers_is_refused(start):
    with pytest.raises(TypeError, match="start_zyx must be "):
        _kernels.crop_max_pool(np.zeros((2, 3, 4), np.uint8), start, (2, 3, 4), (1, 1, 1))
