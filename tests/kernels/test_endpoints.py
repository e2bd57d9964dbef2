import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_ensam import _kernels
from tests.kernels import numpy_reference, strategies


@given(marker=strategies.few_labels(strategies.MARKER_DTYPES), spacing_mm=strategies.spacings())
def test_marker_endpoints_matches_reference(marker, spacing_mm):
    """Every slice has a label of its own, none of a single voxel."""
    for label, slice_ in enumerate(marker, start=1):
        slice_[slice_ > 0] = label if np.count_nonzero(slice_) > 1 else 0
    assert _kernels.marker_endpoints(marker, spacing_mm) == numpy_reference.marker_endpoints(
        marker, spacing_mm
    )


points = st.tuples(st.integers(0, 40), st.integers(0, 40))


@given(
    z=st.integers(0, 2),
    ends=st.lists(points, min_size=2, max_size=2, unique=True),
    spacing_mm=strategies.spacings(),
)
def test_a_drawn_line_is_found_by_its_ends(z, ends, spacing_mm):
    (y0, x0), (y1, x1) = ends
    share = np.linspace(0, 1, 100)
    marker = np.zeros((3, 41, 41), np.uint8)
    marker[z, np.rint(y0 + share * (y1 - y0)).astype(int), np.rint(x0 + share * (x1 - x0)).astype(int)] = 4
    expected = sorted([(z, y0, x0), (z, y1, x1)])
    assert _kernels.marker_endpoints(marker, spacing_mm) == [(4, tuple(expected))]


def test_a_large_filled_disc_is_exact():
    y, x = np.indices((512, 512)) - 255
    disc = (y * y + x * x <= 250 * 250).astype(np.uint8)[None]
    assert _kernels.marker_endpoints(disc, (1.0, 1.0, 1.0)) == [(1, ((0, 5, 255), (0, 505, 255)))]
    assert _kernels.marker_endpoints(disc, (1.0, 1.0, 1.01)) == [(1, ((0, 255, 5), (0, 255, 505)))]


@pytest.mark.parametrize("dtype", strategies.MARKER_DTYPES)
@pytest.mark.parametrize("shape", [(0, 4, 4), (3, 0, 4), (3, 4, 4)])
def test_a_marker_of_zeros_has_no_lines(dtype, shape):
    assert _kernels.marker_endpoints(np.zeros(shape, dtype), (1, 1, 1)) == []


def test_labels_come_in_order_and_keep_their_numbers():
    marker = np.zeros((2, 3, 3), np.int32)
    marker[1, 0, :2] = 70000
    marker[0, 2, 1:] = 3
    assert [label for label, _ in _kernels.marker_endpoints(marker, (1, 1, 1))] == [3, 70000]


def marker_with(voxels):
    marker = np.zeros((4, 4, 4), np.int16)
    for voxel, label in voxels.items():
        marker[voxel] = label
    return marker


@pytest.mark.parametrize(
    ("voxels", "message"),
    [
        ({(0, 0, 0): -2, (0, 0, 1): -2}, "marker labels must not be negative, got -2"),
        ({(1, 2, 3): 5}, r"label 5 has a single voxel, \(z, y, x\) = \(1, 2, 3\): a RECIST line needs two"),
        ({(1, 2, 3): 5, (3, 0, 0): 5}, "label 5 must lie on one axial slice, got slices 1, 3"),
    ],
)
def test_a_bad_line_is_named(voxels, message):
    with pytest.raises(ValueError, match=message):
        _kernels.marker_endpoints(marker_with(voxels), (1, 1, 1))


@pytest.mark.parametrize("spacing_mm", [(1, 0, 1), (1, 1, -1), (np.nan, 1, 1), (1, np.inf, 1)])
def test_a_spacing_that_is_no_length_is_refused(spacing_mm):
    with pytest.raises(ValueError, match="spacing_mm must be positive and finite on every axis, got"):
        _kernels.marker_endpoints(np.zeros((1, 1, 1), np.uint8), spacing_mm)


def test_float_markers_are_refused():
    with pytest.raises(TypeError, match="marker must be of dtype uint8, uint16, int16 or int32, got float32"):
        _kernels.marker_endpoints(np.zeros((1, 1, 1), np.float32), (1, 1, 1))
