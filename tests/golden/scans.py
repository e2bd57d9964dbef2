"""Small scans for the golden values, of whole numbers only: no other machine rounds them otherwise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.golden.package import Case, Floats, make_case, make_phantom


def scans() -> dict[str, Case]:
    """By name: the phantom, thick slices, windowed greys, a line at the volume's edge, a mere two voxels."""
    return {
        "phantom": make_phantom(),
        "thick": make_case(
            _tissue((13, 70, 60), (5.0, 0.9, 0.8), (6, 33, 28), (14.0, 8.0, 12.0), seed=1),
            (5.0, 0.9, 0.8),
            [((6.0, 30.25, 14.5), (6.0, 36.5, 42.75))],
            hu=True,
        ),
        "windowed": make_case(
            _window(_tissue((24, 64, 64), (2.0, 0.8, 0.8), (11, 30, 34), (9.0, 10.0, 7.0), seed=2)),
            (2.0, 0.8, 0.8),
            [((11.0, 18.0, 35.0), (11.0, 42.0, 32.0))],
            hu=False,
        ),
        "edge": make_case(
            _tissue((20, 56, 56), (1.5, 0.7, 0.7), (0, 3, 50), (8.0, 6.0, 7.0), seed=3),
            (1.5, 0.7, 0.7),
            [((0.0, -0.5, 43.0), (0.0, 5.0, 55.5))],
            hu=True,
        ),
        "tiny": make_case(
            _tissue((16, 40, 40), (3.0, 0.7, 0.7), (8, 20, 20), (3.0, 1.2, 1.2), seed=4),
            (3.0, 0.7, 0.7),
            [((8.0, 20.0, 19.0), (8.0, 20.0, 21.0))],
            hu=True,
        ),
    }


def _tissue(
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    center_zyx: tuple[int, int, int],
    semi_axes_mm: tuple[float, float, float],
    seed: int,
) -> NDArray[np.int16]:
    """Soft tissue with lung on one side, a bright vessel, and an ellipsoid in it."""
    rng = np.random.default_rng(seed)
    ct = np.full(shape, -60, dtype=np.int16)
    ct[:, :, : shape[2] // 4] = -850
    ct[:, shape[1] // 2 : shape[1] // 2 + 5] = 180
    ct[ellipsoid(shape, spacing_mm, center_zyx, semi_axes_mm) >= 0] = 45
    return (ct + rng.integers(-25, 26, shape)).astype(np.int16)


def ellipsoid(
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    center_zyx: tuple[float, float, float],
    semi_axes_mm: tuple[float, float, float],
) -> Floats:
    """1 in the centre, 0 on the surface, below outside."""
    z, y, x = (
        ((np.arange(n) - c) * s / a) ** 2
        for n, c, s, a in zip(shape, center_zyx, spacing_mm, semi_axes_mm, strict=True)
    )
    return (1 - (z[:, None, None] + y[:, None] + x)).astype(np.float32)


def _window(ct: NDArray[np.int16]) -> NDArray[np.uint8]:
    """HU -160 to 240 as grey levels 0 to 255."""
    return ((np.clip(ct.astype(int), -160, 240) + 160) * 255 // 400).astype(np.uint8)
