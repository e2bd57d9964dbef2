import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from lite_ensam import _kernels
from tests.kernels import numpy_reference, strategies

SPACING = (2.0, 1.0, 1.0)


def noise(shape: tuple[int, ...], seed: int, sd: float = 10.0) -> np.ndarray:
    """No two voxels alike: at ties the last bit would decide."""
    return np.random.default_rng(seed).normal(0, sd, shape).astype(np.float32)


def ball(shape: tuple[int, int, int], radius_mm: float, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    from_middle = np.moveaxis(np.indices(shape), 0, -1) - (np.array(shape) - 1) / 2
    return np.linalg.norm(from_middle * spacing_mm, axis=-1) <= radius_mm


@given(
    mask=strategies.arrays((np.bool_, np.uint8), st.sampled_from([0, 0, 1])),
    spacing=strategies.spacings(),
    reach=st.floats(0.5, 6),
    local=st.floats(0.1, 9),
    steps=st.tuples(st.integers(-300, 300), st.integers(-300, 300)),
    share_of_others=st.sampled_from([0, 0.1]),
    seed=st.integers(0, 2**32 - 1),
)
def test_scattered_masks_match_the_reference(mask, spacing, reach, local, steps, share_of_others, seed):
    other = (np.random.default_rng(seed).random(mask.shape) < share_of_others) & (mask == 0)
    brighter = np.arange(mask.shape[2]) > mask.shape[2] // 2
    grey = noise(mask.shape, seed) + np.where(mask != 0, 50, np.where(brighter, *steps)).astype(np.float32)
    arguments = mask, other, grey, spacing, reach, local
    snapped = _kernels.snap_to_edge(*arguments)
    assert snapped.dtype == np.bool_
    assert snapped.flags.c_contiguous
    np.testing.assert_array_equal(snapped, numpy_reference.snap_to_edge(*arguments))


@given(
    shape=strategies.shapes(4, 16),
    spacing=strategies.spacings(),
    reach=st.floats(0.5, 6),
    local=st.floats(0.1, 20),
    around=st.tuples(st.sampled_from([-800, -80, 20]), st.sampled_from([-800, 120, 400])),
    sd=st.sampled_from([1.0, 15.0, 40.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_bodies_match_the_reference_but_for_single_voxels(shape, spacing, reach, local, around, sd, seed):
    """One in 200 of the mask's voxels may differ, and one: wide bells are averaged on blocks."""
    radius = 0.35 * min(side * mm for side, mm in zip(shape, spacing, strict=True))
    halves = np.where(np.arange(shape[2]) < shape[2] // 2, *around)
    grey = (np.where(ball(shape, radius, spacing), 50, halves) + noise(shape, seed, sd)).astype(np.float32)
    mask = ball(shape, radius + 0.5 * reach, spacing)
    arguments = mask, np.zeros_like(mask), grey, spacing, reach, local
    wrong = _kernels.snap_to_edge(*arguments) ^ numpy_reference.snap_to_edge(*arguments)
    assert wrong.sum() <= 1 + 0.005 * mask.sum()


@pytest.mark.parametrize("around", [(-800, -800), (-80, -80), (-800, 200)])
def test_wide_bells_on_blocks_are_as_good_as_exact_ones(around):
    shape, spacing, reach, local = (31, 82, 90), (2.5, 0.8, 0.8), 4.0, 12.0
    hu = np.where(ball(shape, 17, spacing), 50.0, np.where(np.arange(shape[2]) < 45, *around))
    grey = (ndimage.gaussian_filter(hu, (0.3, 0.6, 0.6)) + noise(shape, 0, 15)).astype(np.float32)
    mask = ball(shape, 19, spacing)
    arguments = mask, np.zeros_like(mask), grey, spacing, reach, local
    snapped, expected = _kernels.snap_to_edge(*arguments), numpy_reference.snap_to_edge(*arguments)
    assert (mask ^ snapped).sum() > 0.1 * mask.sum()
    assert (snapped ^ expected).sum() <= 0.0005 * expected.sum()


def test_a_body_in_one_slice_and_at_the_border_is_found():
    body = np.zeros((1, 20, 20), bool)
    body[0, 4:16, :9] = True
    grey = np.where(body, 40, -800).astype(np.int16)
    drawn = np.zeros_like(body)
    drawn[0, 3:17, :10] = True
    snapped = _kernels.snap_to_edge(drawn, np.zeros_like(body), grey, SPACING, 2.0, 4.0)
    assert not (snapped & ~body).any()
    assert (body & ~snapped).sum() <= 2  # corners have few neighbours


def test_any_strides_and_any_value_but_0_do():
    mask = ball((9, 16, 18), 5.0, SPACING)
    grey = (np.where(ball(mask.shape, 4.0, SPACING), 40, -100) + noise(mask.shape, 3)).astype(np.float32)
    other = np.roll(mask, 8, axis=2) & ~mask
    rest = SPACING, 2.0, 4.0
    expected = _kernels.snap_to_edge(mask, other, grey, *rest)
    reversed_mask = np.asfortranarray(mask[::-1])[::-1]
    large = np.repeat(grey, 2, axis=1)[:, ::2]
    snapped = _kernels.snap_to_edge(reversed_mask, other.astype(np.uint8) * 7, large, *rest)
    assert not large.flags.c_contiguous
    np.testing.assert_array_equal(snapped, expected)


@pytest.mark.parametrize("dtype", strategies.VOXEL_DTYPES)
def test_every_dtype_of_grey_values_gives_the_same(dtype):
    mask = ball((9, 16, 18), 5.0, SPACING)
    grey = np.where(ball((9, 16, 18), 4.0, SPACING), 180, 60) + np.rint(noise(mask.shape, 3))
    arguments = SPACING, 2.0, 4.0
    expected = _kernels.snap_to_edge(mask, np.zeros_like(mask), grey.astype(np.float32), *arguments)
    assert (expected ^ mask).any()
    snapped = _kernels.snap_to_edge(mask, np.zeros_like(mask), grey.astype(dtype), *arguments)
    np.testing.assert_array_equal(snapped, expected)


@pytest.mark.parametrize("shape", [(2, 3, 4), (0, 3, 4), (2, 0, 4), (2, 3, 0)])
@pytest.mark.parametrize("value", [False, True])
def test_a_mask_without_core_or_surroundings_comes_back(shape, value):
    mask = np.full(shape, value)
    snapped = _kernels.snap_to_edge(mask, ~mask, noise(shape, 0), SPACING, 2.0, 4.0)
    np.testing.assert_array_equal(snapped, mask)


MASK, GREY = np.zeros((2, 3, 4), np.uint8), np.zeros((2, 3, 4), np.int16)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"mask": MASK.astype(np.uint16)}, "mask must be of dtype uint8 or bool, got uint16"),
        ({"other": [0]}, "other must be a NumPy array of uint8 or bool, got <class 'list'>"),
        ({"other": MASK[0]}, r"other must be 3D \(z, y, x\), got shape \(3, 4\)"),
        ({"other": MASK[:1]}, r"other must have the shape of the mask, \(2, 3, 4\), got \(1, 3, 4\)"),
        ({"grey": GREY[:, :2]}, r"grey must have the shape of the mask, \(2, 3, 4\), got \(2, 2, 4\)"),
        ({"grey": GREY.astype(np.float64)}, "grey must be of dtype int16, uint16, uint8 or float32, got float64"),
        ({"spacing_mm": (1.0, 0.0, 1.0)}, r"spacing_mm must be positive and finite on every axis, got \(1, 0, 1\)"),
        ({"spacing_mm": 1.0}, r"spacing_mm must be three numbers \(z, y, x\), got 1.0"),
        ({"reach_mm": 0.0}, "reach_mm must be positive and finite, got 0"),
        ({"reach_mm": "2"}, "reach_mm must be a number, got '2'"),
        ({"local_mm": float("nan")}, "local_mm must be positive and finite, got NaN"),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_arguments_are_named(wrong, message):
    right = {
        "mask": MASK,
        "other": MASK,
        "grey": GREY,
        "spacing_mm": SPACING,
        "reach_mm": 2.0,
        "local_mm": 4.0,
    }
    with pytest.raises((TypeError, ValueError), match=message):
        _kernels.snap_to_edge(**right | wrong)


@pytest.mark.parametrize("huge", [1e9, 1e200])
def test_bells_and_bands_wider_than_the_volume_do(huge):
    mask = ball((5, 9, 9), 3.0, SPACING)
    for reach, local in ((2.0, huge), (huge, huge)):
        snapped = _kernels.snap_to_edge(mask, ~mask, GREY.max() + noise(mask.shape, 0), SPACING, reach, local)
        assert snapped.any()
