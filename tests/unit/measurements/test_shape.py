"""Shapes whose numbers are known: balls, ellipsoids, boxes, lines; and a slow twin."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lite_ensam.core.recist import RecistMark
from lite_ensam.measurements import measure, measure_shape
from tests.kernels import numpy_reference
from tests.phantoms import Ellipsoid

SPACINGS = [(1.0, 1.0, 1.0), (2.5, 0.8, 0.8), (5.0, 0.7, 0.7), (0.8, 1.0, 3.0)]


def ellipsoid_surface(a: float, b: float, c: float) -> float:
    """By summing its parts; exact to five digits."""
    theta, phi = np.meshgrid((np.arange(400) + 0.5) * np.pi / 400, (np.arange(400) + 0.5) * np.pi / 200)
    parts = np.sqrt(
        (b * c * np.sin(theta) ** 2 * np.cos(phi)) ** 2
        + (a * c * np.sin(theta) ** 2 * np.sin(phi)) ** 2
        + (a * b * np.sin(theta) * np.cos(theta)) ** 2
    )
    return float(parts.sum() * np.pi / 400 * np.pi / 200)


def drawn(semi_axes_mm: tuple[float, float, float], spacing_mm: tuple[float, float, float]) -> np.ndarray:
    shape = [2 * int(np.ceil(a / s)) + 5 for a, s in zip(semi_axes_mm, spacing_mm, strict=True)]
    center = tuple((n - 1) / 2 for n in shape)
    return Ellipsoid(1, center, semi_axes_mm).mask(shape, spacing_mm).astype(np.uint8)


@pytest.mark.parametrize("spacing_mm", SPACINGS)
@pytest.mark.parametrize("semi_axes_mm", [(15.0, 15.0, 15.0), (12.0, 18.0, 15.0), (25.0, 14.0, 18.0)])
def test_an_ellipsoid_within_half_a_voxel(
    semi_axes_mm: tuple[float, float, float], spacing_mm: tuple[float, float, float]
) -> None:
    shape = measure_shape(drawn(semi_axes_mm, spacing_mm), 1, spacing_mm)
    assert shape is not None
    half = float(np.linalg.norm(spacing_mm)) / 2
    # Each end is a voxel centre: at most half a voxel inside the body's own end.
    assert 2 * max(semi_axes_mm) - 2 * half <= shape.longest_diameter_3d_mm <= 2 * max(semi_axes_mm) + 1e-9
    smaller, larger = (ellipsoid_surface(*(a + d for a in semi_axes_mm)) for d in (-half, half))
    assert smaller < shape.surface_mm2 < larger
    assert shape.surface_mm2 == pytest.approx(ellipsoid_surface(*semi_axes_mm), rel=0.05)


@pytest.mark.parametrize("spacing_mm", SPACINGS[:2])
def test_a_ball_is_round_and_a_rod_is_not(spacing_mm: tuple[float, float, float]) -> None:
    ball = measure_shape(drawn((15.0, 15.0, 15.0), spacing_mm), 1, spacing_mm)
    rod = measure_shape(drawn((40.0, 5.0, 5.0), spacing_mm), 1, spacing_mm)
    assert ball is not None
    assert rod is not None
    assert ball.sphericity == pytest.approx(1.0, abs=0.03)
    of_rod = math.cbrt(36 * math.pi * (4 / 3 * math.pi * 1000) ** 2) / ellipsoid_surface(40, 5, 5)
    assert rod.sphericity == pytest.approx(of_rod, abs=0.05)


def test_the_longest_diameter_may_run_through_slices() -> None:
    labels = np.zeros((4, 6, 6), np.uint16)
    labels[0, 1, 1] = labels[3, 4, 4] = labels[1:3, 2:4, 2:4] = 300
    labels[0, 5, 5] = 300  # a piece by itself
    shape = measure_shape(labels, 300, (2.0, 1.0, 1.0))
    assert shape is not None
    assert shape.longest_diameter_3d_zyx == ((0, 1, 1), (3, 4, 4))
    assert shape.longest_diameter_3d_mm == pytest.approx(math.hypot(6, 3, 3))


@given(
    mask=hnp.arrays(np.bool_, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6)),
    spacing_mm=st.tuples(*[st.sampled_from([0.7, 1.0, 2.5])] * 3),
)
def test_longest_diameter_matches_reference(mask: np.ndarray, spacing_mm: tuple[float, float, float]) -> None:
    shape = measure_shape(mask.astype(np.uint8), 1, spacing_mm)
    points = np.argwhere(numpy_reference.largest_piece(mask, 1)[0]) * spacing_mm
    if not len(points):
        assert shape is None
        return
    assert shape is not None
    longest = np.linalg.norm(points[:, None] - points[None], axis=-1).max()
    assert shape.longest_diameter_3d_mm == pytest.approx(longest)
    first, second = shape.longest_diameter_3d_zyx
    assert mask[tuple(int(i) for i in first)]
    assert mask[tuple(int(i) for i in second)]
    assert 0 < shape.sphericity <= 1


def test_the_surface_does_not_depend_on_where_the_box_ends() -> None:
    labels = drawn((6.0, 6.0, 6.0), (1.0, 1.0, 1.0))
    wider = np.pad(labels, 7)
    assert measure_shape(labels, 1, (1.0, 1.0, 1.0)).surface_mm2 == pytest.approx(  # type: ignore[union-attr]
        measure_shape(wider, 1, (1.0, 1.0, 1.0)).surface_mm2  # type: ignore[union-attr]
    )


def test_greys_are_those_under_the_label() -> None:
    ct = np.array([[[-1000, 40, 50, 90, 3000]]], np.int16)
    marks = [RecistMark(2, ((0, 0, 1), (0, 0, 3))), RecistMark(3, ((0, 0, 0), (0, 0, 4)))]
    labels = np.array([[[0, 2, 2, 2, 1]]], np.uint8)
    seen, missing = measure(labels, marks, (1.0, 1.0, 1.0), ct)
    greys = seen.intensity
    assert greys is not None
    assert (greys.mean, greys.median, greys.unit) == (60, 50, "HU")
    assert greys.sd == pytest.approx(math.sqrt((400 + 100 + 900) / 3))
    assert missing.intensity is None
    assert measure(labels, marks, (1.0, 1.0, 1.0))[0].intensity is None
    with pytest.raises(ValueError, match=r"labels have shape \(1, 1, 4\), the ct \(1, 1, 5\)"):
        measure(labels[..., :4], marks, (1.0, 1.0, 1.0), ct)
