"""Metrics: values worked out by hand, and NSD against the package that defines it."""

import math
import sys
import warnings

import numpy as np
import pytest
import surface_distance
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lite_ensam.core.errors import CaseError, MissingExtraError
from lite_ensam.core.grid import Grid
from lite_ensam.evaluation.metrics import dsc, flare_nsd, nsd, nsd_at, relative_error

SHAPES = st.tuples(*[st.integers(1, 8)] * 3)
SPACINGS = st.tuples(*[st.sampled_from([0.7, 0.976562, 1.0, 2.5, 3.27])] * 3)


@st.composite
def mask_pairs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Two masks of one shape, neither of them empty."""
    shape = draw(SHAPES)
    pair = []
    for _ in range(2):
        mask = draw(hnp.arrays(np.bool_, shape))
        mask[tuple(draw(st.integers(0, n - 1)) for n in shape)] = True
        pair.append(mask)
    return pair[0], pair[1]


def blank(shape: tuple[int, int, int] = (6, 12, 14)) -> np.ndarray:
    return np.zeros(shape, dtype=np.bool_)


def box(z: slice, y: slice, x: slice, shape: tuple[int, int, int] = (6, 12, 14)) -> np.ndarray:
    mask = blank(shape)
    mask[z, y, x] = True
    return mask


def package_nsd(result, reference, spacing_mm, tolerance_mm) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        distances = surface_distance.compute_surface_distances(reference, result, spacing_mm)
        return surface_distance.compute_surface_dice_at_tolerance(distances, tolerance_mm)


@pytest.mark.parametrize(
    ("result", "reference", "expected"),
    [
        ([1, 1, 1, 0, 0], [0, 1, 1, 1, 0], 4 / 6),
        ([1, 0, 0, 0, 0], [1, 1, 1, 1, 0], 2 / 5),
        ([1, 1, 0, 0, 0], [0, 0, 0, 1, 1], 0.0),
        ([0, 1, 1, 0, 0], [0, 1, 1, 0, 0], 1.0),
        ([0, 0, 0, 0, 0], [0, 0, 0, 0, 0], 1.0),
        ([0, 0, 0, 0, 0], [0, 0, 1, 0, 0], 0.0),
        ([0, 0, 1, 0, 0], [0, 0, 0, 0, 0], 0.0),
    ],
)
def test_dsc_equals_what_was_counted_by_hand(result, reference, expected) -> None:
    a, b = (np.array(values, dtype=np.bool_).reshape(1, 1, -1) for values in (result, reference))
    value = dsc(a, b)
    assert value == pytest.approx(expected, abs=1e-12)
    assert type(value) is float


@given(mask_pairs(), SPACINGS, st.sampled_from([0.0, 0.9, 1.0, 2.0, 3.27]))
def test_nsd_matches_reference(masks, spacing_mm, tolerance_mm) -> None:
    expected = package_nsd(*masks, spacing_mm, tolerance_mm)
    assert nsd(*masks, spacing_mm, tolerance_mm) == pytest.approx(expected, abs=1e-6)


@given(mask_pairs(), SPACINGS)
def test_metrics_are_symmetric(masks, spacing_mm) -> None:
    first, second = masks
    assert dsc(first, second) == dsc(second, first)
    assert nsd(first, second, spacing_mm) == pytest.approx(nsd(second, first, spacing_mm), abs=1e-12)


def test_nsd_of_small_masks_in_a_large_volume_matches_reference() -> None:
    shape = (40, 60, 50)
    result = box(slice(10, 20), slice(30, 41), slice(0, 9), shape)
    reference = box(slice(12, 21), slice(28, 40), slice(0, 11), shape)
    expected = package_nsd(result, reference, (3.0, 0.8, 0.8), 2.0)
    assert 0 < expected < 1
    assert nsd(result, reference, (3.0, 0.8, 0.8)) == pytest.approx(expected, abs=1e-6)


def test_nsd_tolerance_is_in_mm_along_each_axis() -> None:
    cube = box(slice(1, 4), slice(3, 8), slice(3, 9))
    one_slice_up = box(slice(2, 5), slice(3, 8), slice(3, 9))
    assert nsd(cube, one_slice_up, (3.0, 1.0, 1.0), tolerance_mm=3.0) == 1.0
    assert nsd(cube, one_slice_up, (3.0, 1.0, 1.0), tolerance_mm=2.0) < 1.0
    assert nsd(cube, one_slice_up, (2.0, 1.0, 1.0), tolerance_mm=2.0) == 1.0


@pytest.mark.parametrize(
    ("first", "second", "expected"), [(0, 0, 1.0), (0, 1, 0.0), (1, 0, 0.0), (1, 1, 1.0)]
)
def test_nsd_of_empty_masks(first, second, expected) -> None:
    masks = [box(slice(2, 4), slice(2, 9), slice(3, 9)) if full else blank() for full in (first, second)]
    assert nsd(*masks, (1.0, 1.0, 1.0)) == expected


def test_nsd_at_several_tolerances_is_nsd_at_each() -> None:
    masks = box(slice(1, 5), slice(2, 9), slice(3, 9)), box(slice(2, 5), slice(2, 11), slice(1, 9))
    spacing = (2.5, 0.9, 0.9)
    assert nsd_at(*masks, spacing, (2.0, 1.0)) == (nsd(*masks, spacing, 2.0), nsd(*masks, spacing, 1.0))


def test_flare_counts_a_hardly_overlapping_surface_as_missed() -> None:
    assert flare_nsd(0.199, 0.8) == 0.0
    assert flare_nsd(0.2, 0.8) == 0.8


def test_relative_error_is_signed_and_knows_zero() -> None:
    assert relative_error(11.0, 10.0) == pytest.approx(0.1)
    assert relative_error(9.0, 10.0) == pytest.approx(-0.1)
    assert relative_error(0.0, 0.0) == 0.0
    assert relative_error(1.0, 0.0) == math.inf


@pytest.mark.parametrize(
    ("result", "reference", "message"),
    [
        (blank().astype(np.uint8), blank(), "result must be a bool array"),
        (blank(), blank()[0], r"reference must have three axes \(z, y, x\), got shape \(12, 14\)"),
        (blank(), blank((6, 12, 15)), r"result has shape \(6, 12, 14\), reference \(6, 12, 15\)"),
    ],
)
def test_masks_that_do_not_fit_are_named(result, reference, message) -> None:
    with pytest.raises(ValueError, match=message):
        dsc(result, reference)
    with pytest.raises(ValueError, match=message):
        nsd(result, reference, (1.0, 1.0, 1.0))


def test_negative_tolerance_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a tolerance must be 0 mm or more, got \(-1.0,\)"):
        nsd(blank(), blank(), (1.0, 1.0, 1.0), -1.0)


def test_nsd_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "surface_distance", None)
    with pytest.raises(MissingExtraError, match=r"lite-ensam\[evaluate\]"):
        nsd(blank(), blank(), (1.0, 1.0, 1.0))


def test_lists_tensors_and_grids_are_taken_scalars_are_not() -> None:
    one, other = blank(), blank()
    one[1:3, 1:3, 1:3] = other[1:3, 1:3, 2:4] = True
    grid = Grid.from_spacing(one.shape, (2.0, 1.0, 1.0))
    assert dsc(one.tolist(), other.tolist()) == dsc(one, other) == 0.5
    assert nsd(one.tolist(), other, grid) == nsd(one, other, grid.spacing_mm)
    with pytest.raises(CaseError, match=r"spacing_mm must be three positive numbers .* got 1\.0"):
        nsd(one, other, 1.0)
