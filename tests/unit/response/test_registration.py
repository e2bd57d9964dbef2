"""Scans of one body that lies elsewhere: places are found again within half a voxel, other bodies are refused."""

import sys

import numpy as np
import pytest

from lite_ensam.core.errors import CaseError, MissingExtraError
from lite_ensam.core.grid import Grid
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.response.registration import register, transform_points

BODY = make_phantom((56, 96, 96), (3.0, 3.0, 3.0))


def turned(degrees_xyz: tuple[float, float, float], shift_mm: tuple[float, float, float]) -> np.ndarray:
    matrix = np.eye(4)
    for axis, degrees in enumerate(degrees_xyz):
        cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
        one = np.eye(4)
        a, b = [n for n in range(3) if n != axis]
        one[a, a], one[a, b], one[b, a], one[b, b] = cos, -sin, sin, cos
        matrix = matrix @ one
    matrix[:3, 3] = shift_mm
    return matrix


def elsewhere(matrix: np.ndarray, low: int, high: int) -> tuple[np.ndarray, Grid]:
    """The body after a movement, slices `low` to `high` of it, with noise of its own."""
    ct = BODY.volume[low:high] + np.random.default_rng(1).normal(0, 15, (high - low, 96, 96))
    start = np.eye(4)
    start[2, 3] = low
    return np.rint(ct).astype(np.int16), Grid.from_affine(ct.shape, matrix @ BODY.grid.affine @ start)


@pytest.mark.parametrize(
    ("degrees", "shift", "slices"),
    [
        ((0, 0, 0), (0, 0, 0), (0, 56)),
        ((4, -3, 8), (80, -25, 300), (0, 56)),
        ((0, 5, 0), (10, 0, 0), (16, 56)),
    ],
    ids=["same place", "moved and turned", "begins elsewhere"],
)
def test_places_are_found_again(degrees, shift, slices) -> None:
    pytest.importorskip("SimpleITK", reason="SimpleITK is not installed (extra register)")
    matrix = turned(degrees, shift)
    found = register(BODY.volume, BODY.grid, *elsewhere(matrix, *slices))
    np.testing.assert_allclose(found[:3, :3] @ found[:3, :3].T, np.eye(3), atol=1e-9)
    points = BODY.grid.voxel_to_mm([mark.midpoint_zyx for mark in BODY.marks])
    off_mm = np.linalg.norm(transform_points(found, points) - transform_points(matrix, points), axis=-1)
    assert off_mm.max() < 1.5  # half a voxel


def test_what_is_another_body_is_refused() -> None:
    pytest.importorskip("SimpleITK", reason="SimpleITK is not installed (extra register)")
    noise = np.random.default_rng(0).normal(0, 300, BODY.ct.shape).astype(np.int16)
    with pytest.raises(CaseError, match=r"scans (do not fit|cannot be laid) upon each other"):
        register(BODY.volume, BODY.grid, noise, BODY.grid)
    with pytest.raises(CaseError, match="too small to be laid upon another"):
        register(BODY.volume, BODY.grid, noise[:2], Grid.from_spacing((2, 96, 96), (3.0, 3.0, 3.0)))


def test_without_simpleitk_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    with pytest.raises(MissingExtraError, match=r"lite-ensam\[register\]"):
        register(BODY.volume, BODY.grid, BODY.volume, BODY.grid)
