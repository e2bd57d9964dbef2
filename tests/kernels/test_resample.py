import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from lite_ensam import _kernels
from tests.kernels import numpy_reference, strategies

patch_shapes = strategies.triples(st.integers(1, 6))


@given(
    volume=strategies.arrays((np.int16, np.uint16, np.uint8), min_side=1)
    | strategies.arrays((np.float32,), st.floats(-3000, 3000, width=32), min_side=1),
    start_zyx=strategies.triples(strategies.crop_starts()),
    step_zyx=strategies.triples(strategies.crop_steps()),
    shape_zyx=patch_shapes,
)
def test_crop_resample_matches_reference(volume, start_zyx, step_zyx, shape_zyx):
    patch = _kernels.crop_resample(volume, start_zyx, step_zyx, shape_zyx)
    assert patch.dtype == np.float32
    assert patch.flags.c_contiguous
    expected = numpy_reference.crop_resample(volume, start_zyx, step_zyx, shape_zyx)
    largest = max(1.0, np.abs(volume.astype(np.float64)).max())
    np.testing.assert_allclose(patch, expected, rtol=0, atol=4e-7 * largest)


@given(
    volume=strategies.arrays((np.int16,), min_side=1),
    start_zyx=strategies.triples(st.floats(-6, 14)),
    step=st.floats(0.05, 1),
)
def test_enlarging_is_scipys_linear_interpolation(volume, start_zyx, step):
    patch = _kernels.crop_resample(volume, start_zyx, (step, step, step), (5, 5, 5))
    index = np.reshape(start_zyx, (3, 1, 1, 1)) + (np.indices((5, 5, 5)) + 0.5) * step - 0.5
    expected = ndimage.map_coordinates(volume.astype(np.float64), index, order=1, mode="nearest")
    np.testing.assert_allclose(patch, expected, rtol=0, atol=0.02)


@given(volume=strategies.volumes(min_side=1), start_zyx=strategies.triples(st.integers(-3, 8)))
def test_whole_voxels_at_step_one_are_copied(volume, start_zyx):
    patch = _kernels.crop_resample(volume, start_zyx, (1, 1, 1), (4, 4, 4))
    clamped = [
        np.clip(np.arange(4) + start, 0, side - 1)
        for start, side in zip(start_zyx, volume.shape, strict=True)
    ]
    np.testing.assert_array_equal(patch, volume[np.ix_(*clamped)].astype(np.float32))


@given(volume=strategies.arrays((np.uint8,), min_side=1), factor_zyx=strategies.triples(st.integers(2, 3)))
def test_shrinking_a_whole_volume_keeps_its_mean(volume, factor_zyx):
    whole = np.tile(volume, factor_zyx)
    patch = _kernels.crop_resample(whole, (0, 0, 0), factor_zyx, volume.shape)
    np.testing.assert_allclose(patch.mean(dtype=np.float64), whole.mean(), rtol=1e-6)


def test_voxels_outside_the_box_are_not_read():
    volume = np.full((9, 9, 9), np.nan, np.float32)
    volume[2:6, 2:6, 2:6] = 3
    for step, side in [(2.0, 2), (1.0, 4), (0.5, 4)]:
        start = 2.5 if step < 1 else 2.0
        patch = _kernels.crop_resample(volume, (start,) * 3, (step,) * 3, (side,) * 3)
        assert (patch == 3).all()


@pytest.mark.parametrize(
    ("start", "step", "shape", "message"),
    [
        ((0, 0, 0), (1, 0, 1), (1, 1, 1), r"step_zyx positive and finite, got .* step_zyx = \(1, 0, 1\)"),
        ((0, 0, 0), (1, -1, 1), (1, 1, 1), "step_zyx positive"),
        ((0, 0, 0), (1, np.nan, 1), (1, 1, 1), "step_zyx positive"),
        ((np.inf, 0, 0), (1, 1, 1), (1, 1, 1), r"start_zyx must be finite .* got start_zyx = \(inf, 0, 0\)"),
        ((0, 0, 0), (1, 1, 1), (1, 0, 1), r"shape_zyx must be at least 1 on every axis, got \(1, 0, 1\)"),
        ((0, 0, 0), (1, 1, 1), (1, -1, 1), "shape_zyx must not be negative, got -1"),
    ],
)
def test_a_bad_box_is_refused(start, step, shape, message):
    with pytest.raises(ValueError, match=message):
        _kernels.crop_resample(np.zeros((2, 2, 2), np.int16), start, step, shape)


def test_an_empty_volume_is_refused():
    with pytest.raises(ValueError, match="volume must hold at least one voxel"):
        _kernels.crop_resample(np.zeros((2, 0, 2), np.int16), (0, 0, 0), (1, 1, 1), (1, 1, 1))


def test_a_patch_beyond_memory_is_an_error_not_a_crash():
    with pytest.raises(MemoryError, match=r"\(1, 1048576, 1099511627776\) does not fit into memory"):
        _kernels.crop_resample(np.zeros((2, 2, 2), np.int16), (0, 0, 0), (1, 1, 1), (1, 1 << 20, 1 << 40))
