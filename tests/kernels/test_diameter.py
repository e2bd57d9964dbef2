import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_ensam import _kernels
from tests.kernels import numpy_reference, strategies


@given(labels=strategies.few_labels(), spacing_mm=strategies.spacings())
def test_in_plane_diameters_matches_all_pairs(labels, spacing_mm):
    found = _kernels.in_plane_diameters(labels, 1, spacing_mm)
    slices = [
        np.argwhere((labels == 1) & (np.arange(len(labels)) == z)[:, None, None]) for z in range(len(labels))
    ]
    pairs = [(*numpy_reference.farthest_pair(voxels, spacing_mm), voxels) for voxels in slices if len(voxels)]
    if not pairs:
        assert found is None
        return
    squared, ends, voxels = max(pairs, key=lambda pair: pair[0])  # the first of equals
    longest_mm, endpoints, short_mm, (a, b) = found
    assert (longest_mm, endpoints) == (math.sqrt(squared), ends)
    np.testing.assert_allclose(short_mm, numpy_reference.short_axis_mm(voxels, ends, spacing_mm), atol=1e-9)
    across, along = ((np.array(pair[1]) - pair[0]) * spacing_mm for pair in [(a, b), ends])
    np.testing.assert_allclose(np.linalg.norm(across), short_mm, atol=1e-9)
    assert abs(across @ along) < 1e-9
    assert a <= b
    assert a[0] == b[0] == ends[0][0]


@given(labels=strategies.few_labels((np.uint8, np.uint16)), spacing_mm=strategies.spacings())
def test_bool_and_integer_masks_measure_the_same(labels, spacing_mm):
    of_label = _kernels.in_plane_diameters(labels, 1, spacing_mm)
    assert _kernels.in_plane_diameters(labels == 1, 1, spacing_mm) == of_label


@given(radius=st.integers(3, 60), z=st.integers(0, 2))
def test_a_disc_measures_its_diameter_both_ways(radius, z):
    y, x = np.indices((121, 121)) - 60
    mask = np.zeros((3, 121, 121), bool)
    mask[z] = y * y + x * x <= radius * radius
    longest_mm, ((slice_, *_), _), short_mm, _ = _kernels.in_plane_diameters(mask, 1, (5, 0.5, 0.5))
    assert slice_ == z
    assert longest_mm == pytest.approx(radius)
    assert short_mm == pytest.approx(radius)


def test_a_whole_slice_of_voxels_is_exact():
    mask = np.ones((1, 512, 512), np.uint8)
    longest_mm, ends, short_mm, _ = _kernels.in_plane_diameters(mask, 1, (1, 1, 1))
    assert ends == ((0, 0, 0), (0, 511, 511))
    assert (longest_mm, short_mm) == pytest.approx((511 * math.sqrt(2), 511 * math.sqrt(2)))


def test_one_voxel_measures_nothing():
    mask = np.zeros((3, 3, 3), np.uint16)
    mask[2, 1, 0] = 9
    assert _kernels.in_plane_diameters(mask, 9, (1, 1, 1)) == (
        0.0,
        ((2, 1, 0), (2, 1, 0)),
        0.0,
        ((2.0, 1.0, 0.0), (2.0, 1.0, 0.0)),
    )


@pytest.mark.parametrize("dtype", strategies.LABEL_DTYPES)
def test_an_absent_label_has_no_diameters(dtype):
    assert _kernels.in_plane_diameters(np.zeros((2, 2, 2), dtype), 1, (1, 1, 1)) is None
    assert _kernels.in_plane_diameters(np.ones((2, 2, 2), dtype), 300, (1, 1, 1)) is None
    assert _kernels.in_plane_diameters(np.zeros((2, 0, 2), dtype), 1, (1, 1, 1)) is None


def test_bytes_that_are_no_bool_do_not_matter():
    mask = np.array([[[1, 2]]], np.uint8).view(bool)
    assert _kernels.in_plane_diameters(mask, 1, (1, 1, 1))[0] == 0


@pytest.mark.parametrize("label", [0, -1, 65536])
def test_a_label_that_cannot_be_is_refused(label):
    with pytest.raises(ValueError, match=f"label must be 1 to 65535, got {label}"):
        _kernels.in_plane_diameters(np.ones((1, 1, 1), np.uint8), label, (1, 1, 1))


def test_a_spacing_that_is_no_length_is_refused():
    with pytest.raises(ValueError, match=r"spacing_mm must be positive .* got \(1, 0, 1\)"):
        _kernels.in_plane_diameters(np.ones((1, 1, 1), np.uint8), 1, (1, 0, 1))
    with pytest.raises(TypeError, match="spacing_mm must be three numbers"):
        _kernels.in_plane_diameters(np.ones((1, 1, 1), np.uint8), 1, (1, 1))
