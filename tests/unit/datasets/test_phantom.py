import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lite_ensam.core.errors import ArgumentError, CaseError
from lite_ensam.core.recist import mark_from_mask
from lite_ensam.datasets.phantom import make_phantom


@pytest.fixture(scope="module")
def phantom():
    return make_phantom()


def test_it_is_a_ct_in_hu_with_three_marked_tumors(phantom):
    assert phantom.ct.dtype == np.int16
    assert phantom.hu
    assert phantom.ct.min() < -950
    assert [mark.label for mark in phantom.marks] == [1, 2, 3]
    assert all(mark.name for mark in phantom.marks)
    assert set(np.unique(phantom.reference)) == {0, 1, 2, 3}


def test_marks_are_drawn_on_the_reference(phantom):
    for mark in phantom.marks:
        drawn = mark_from_mask(phantom.reference == mark.label, phantom.grid.spacing_mm, mark.label)
        assert drawn.endpoints_zyx == mark.endpoints_zyx


def test_tumors_are_of_a_size_worth_measuring(phantom):
    for mark in phantom.marks:
        assert 15 < mark.length_mm(phantom.grid.spacing_mm) < 60


def surroundings(phantom, label: int) -> np.ndarray:
    """Grey values of the voxels one or two steps outside a tumour, in its slice."""
    mask = phantom.reference == label
    grown = mask.copy()
    for axis in (1, 2):
        for step in (-2, -1, 1, 2):
            grown |= np.roll(mask, step, axis)
    return phantom.ct[grown & ~mask & (phantom.reference == 0)]


def test_surroundings_differ(phantom):
    lung, liver, aorta = (surroundings(phantom, label) for label in (1, 2, 3))
    assert np.median(lung) < -500
    inside = phantom.ct[phantom.reference == 2].mean()
    assert 20 < liver.mean() - inside < 60  # faint: a few times the noise
    assert (aorta > 150).mean() > 0.05  # it touches the aorta
    assert (aorta < -500).mean() > 0.2  # and the lung


def test_spiculated_nodule_fills_less_of_its_sphere_than_a_ball_does(phantom):
    voxel_mm3 = np.prod(phantom.grid.spacing_mm)
    radius_mm = phantom.marks[0].radius_mm(phantom.grid.spacing_mm)
    share = np.count_nonzero(phantom.reference == 1) * voxel_mm3 / (4 / 3 * np.pi * radius_mm**3)
    assert share < 0.6


def test_same_seed_same_voxels(phantom):
    np.testing.assert_array_equal(make_phantom(seed=0).ct, phantom.ct)
    assert (make_phantom(seed=1).ct != phantom.ct).any()


@settings(max_examples=10)
@given(
    st.tuples(st.integers(16, 30), st.integers(64, 90), st.integers(64, 90)),
    st.tuples(st.floats(1, 6), st.floats(0.5, 3), st.floats(0.5, 3)),
    st.integers(0, 2**32),
)
def test_any_shape_and_spacing_will_do(shape, spacing_mm, seed):
    case = make_phantom(shape, spacing_mm, seed)
    assert case.ct.shape == shape
    assert np.bincount(case.reference.ravel(), minlength=4).min() >= 8


def test_too_small_or_no_grid_is_refused():
    for seed in (-1, 0.5, True):
        with pytest.raises(ArgumentError, match=f"seed must be a whole number of 0 or more, got {seed}"):
            make_phantom(seed=seed)
    with pytest.raises(ArgumentError, match=r"at least \(16, 64, 64\), got \(4, 64, 64\)"):
        make_phantom((4, 64, 64))
    with pytest.raises(CaseError, match="spacing_mm"):
        make_phantom(spacing_mm=(0, 1, 1))
