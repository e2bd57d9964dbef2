"""What the golden values are: each function here gives some, by name, and the tests hold them against those kept.

Arrays that are kept are label maps (uint8, z, y, x), signs of logits (bool) or numbers (float32).
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.golden import package
from tests.golden.package import Case, Floats, Line, Patch
from tests.golden.scans import ellipsoid, scans

Arrays = dict[str, NDArray[Any]]
VOXELS_OF_A_CHANNEL = 64

_cases = cache(scans)


def patches() -> dict[str, Patch]:
    """Every patch of every scan, with each config."""
    found = {}
    for scan, case in _cases().items():
        for name, config in package.configs().items():
            for n, patch in enumerate(package.channels(case, config), start=1):
                found[f"{scan}/{name}/{n}"] = patch
    for n, patch in enumerate(package.channels(_cases()["phantom"], package.configs()["weights"], True), 1):
        found[f"phantom/joint/{n}"] = patch
    return found


def summary(patch: Patch) -> NDArray[np.float32]:
    """Of each channel mean, deviation, quantiles and some voxels (c, n), then one row for line and place."""
    rows = []
    for channel in patch.values.reshape(len(patch.values), -1).astype(np.float64):
        voxels = np.random.default_rng(0).integers(0, channel.size, VOXELS_OF_A_CHANNEL)
        quantiles = np.quantile(channel, np.linspace(0, 1, 9))
        rows.append(np.concatenate([[channel.mean(), channel.std()], quantiles, channel[voxels]]))
    place = np.concatenate([patch.ends_zyx.ravel(), patch.place.ravel()])
    rows.append(np.pad(place, (0, len(rows[0]) - len(place))))
    return np.array(rows, dtype=np.float32).round(4)


def signs() -> dict[str, Floats]:
    """Logits of every patch of the weights that ship: their signs are kept."""
    return {
        f"{scan}/{n}": logits
        for scan, case in _cases().items()
        for n, logits in enumerate(package.logits(case), start=1)
    }


@cache
def label_maps() -> Arrays:
    """Of the weights that ship."""
    found = {scan: package.segment(case).labels for scan, case in _cases().items()}
    phantom, windowed = _cases()["phantom"], _cases()["windowed"]
    found |= {
        "phantom, edge": package.segment(phantom, border="edge").labels,
        "thick, edge": package.segment(_cases()["thick"], border="edge").labels,
        "phantom, mirror": package.segment(phantom, mirror=True).labels,
        "phantom, mirror, threshold": package.segment(phantom, 1.5, mirror=True).labels,
        "phantom, joint": package.segment(phantom, crop="joint").labels,
        "phantom, window": package.segment(phantom, window=(-160.0, 240.0)).labels,
        "windowed, window": package.segment(windowed, window=(-1000.0, 400.0)).labels,
        "phantom, threshold": package.segment(phantom, threshold=1.5).labels,
    }
    return {name: labels.astype(np.uint8) for name, labels in found.items()}


SHAPE, SPACING_MM = (16, 40, 44), (2.5, 1.0, 0.9)
LINES: dict[int, Line] = {
    1: ((7.0, 15.0, 10.0), (7.0, 20.0, 24.0)),
    2: ((9.0, 18.0, 23.0), (9.0, 30.0, 27.0)),
    3: ((5.0, 33.0, 8.0), (5.0, 33.0, 12.0)),
}


def _logits(label: int, side: int = 24) -> Floats:
    """Hand-made: an ellipsoid of slanted logits about a patch's middle."""
    middle = (side - 1) / 2
    round_ = ellipsoid(
        (side,) * 3, (1.0, 1.0, 1.0), (middle + label / 4, middle, middle - 1), (6.0, 5.0, 4.0)
    )
    slant = np.linspace(-0.6, 0.6, side, dtype=np.float32)
    return (np.maximum(round_, -4) * 2 + slant[:, None] * label).astype(np.float32)


def painted() -> Arrays:
    """Label maps of hand-made logits: two that meet, one that has to be raised, borders at an edge."""
    two = {label: (LINES[label], _logits(label)) for label in (1, 2)}
    missing = {**two, 3: (LINES[3], np.full((24, 24, 24), -9.5, np.float32))}
    rng = np.random.default_rng(5)
    noise = rng.integers(-14, 15, SHAPE).astype(np.int16)
    ct = noise.copy()
    ct[ellipsoid(SHAPE, SPACING_MM, (7, 17, 17), (9.0, 5.5, 6.5)) >= 0] += 90
    ct[ellipsoid(SHAPE, SPACING_MM, (9, 24, 25), (7.0, 6.0, 4.0)) >= 0] += 60
    small = {1: (LINES[3], _logits(1) * 2 - 0.5)}
    faint = noise.copy()
    faint[ellipsoid(SHAPE, SPACING_MM, (5, 33, 10), (3.0, 2.6, 2.2)) >= 0] += 45
    found = {
        "small, edge": package.paint(small, SHAPE, SPACING_MM, edge_of=faint),
        "two": package.paint(two, SHAPE, SPACING_MM),
        "two above 0.7": package.paint(two, SHAPE, SPACING_MM, threshold=0.7),
        "one raised": package.paint(missing, SHAPE, SPACING_MM),
        "two, edge": package.paint(two, SHAPE, SPACING_MM, edge_of=ct),
        "two, edge of a faint scan": package.paint(two, SHAPE, SPACING_MM, edge_of=noise + (ct - noise) // 6),
        "two, edge of thick slices": package.paint(two, SHAPE, (6.0, 1.0, 0.9), edge_of=ct),
    }
    return {name: one.labels.astype(np.uint8) for name, one in found.items()}


def looks() -> Arrays:
    """Some logits of patches that were mirrored, or averaged with their mirror image."""
    case, found = _cases()["thick"], {}
    for axes in ((), (0,), (1,), (2,)):
        found[f"axes {axes}"] = package.look(case, axes)
    found["with its opposite"] = package.look(case, mirror=True)
    voxels = np.random.default_rng(0).integers(0, found["axes ()"].size, VOXELS_OF_A_CHANNEL)
    return {name: logits.ravel()[voxels].round(3) for name, logits in found.items()}


def held() -> Arrays:
    """Hand-made logits with the ends of their lines held in: rows of voxels through both ends."""
    far = {"held": _logits(1), "far outside": _logits(1) * 6 - 5, "nothing found": _logits(1) - 9}
    near = {name: package.hold(values, LINES[1], SHAPE, SPACING_MM) for name, values in far.items()}
    short = package.hold(_logits(1), LINES[3], SHAPE, SPACING_MM)
    return {
        name: np.concatenate([values[11, ::2, ::2].ravel(), values[:, 9, 7]]).round(3)
        for name, values in {**near, "short line": short}.items()
    }


def numbers(maps: Arrays) -> dict[str, Any]:
    """All that is measured of the label maps above, as they are kept; noise; and where the flags turn."""
    cases = _cases()
    phantom = cases["phantom"]
    assert phantom.reference is not None
    missing = {3: (LINES[3], np.full((24, 24, 24), -9.5, np.float32))}
    return {
        "measured": {scan: package.numbers(case, maps[scan]) for scan, case in cases.items()},
        "measured on the reference": package.numbers(phantom, phantom.reference),
        "noise": package.spread(cases["thick"]),
        "redrawn": {scan: package.redrawn(case, 4) for scan, case in cases.items()},
        "redrawn, of a voxel": package.redrawn(
            _blank((9, 9, 9), (2.0, 1.0, 1.0), [((4.0, 4.0, 4.0), (4.0, 4.0, 5.0))]), 30
        ),
        "raised by": package.paint(missing, SHAPE, SPACING_MM).raised,
        "disagrees": {"100": _agreeing_mm(100), "4": _agreeing_mm(4)},
        "is aerated": _air_limits(),
        "touches edge": _touching(),
    }


def _agreeing_mm(line_mm: int) -> list[float]:
    """Shortest and longest diameter, in steps of half a millimetre, that a line does not disagree with."""
    case = _blank((3, 3, 400), (1.0, 0.5, 0.5), [((1.0, 1.0, 10.0), (1.0, 1.0, 10.0 + 2 * line_mm))])
    fine = []
    for n in range(1, 300):
        labels = np.zeros((3, 3, 400), np.uint8)
        labels[1, 1, 5 : 5 + n] = 1
        (one,) = package.numbers(case, labels).values()
        if not one["disagrees"]:
            fine.append(one["longest_diameter_mm"])
    return [min(fine), max(fine)]


def _air_limits() -> list[float]:
    """The highest HU of a mask that is air, and the most voxels of a hundred that may be dense."""
    hu = max(hu for hu in range(-1000, 0) if package.is_aerated(np.full(50, hu)))
    dense = max(n for n in range(100) if package.is_aerated(np.where(np.arange(100) < n, 40, -950)))
    return [hu, dense]


def _touching() -> list[list[int]]:
    """Voxels of a 4 x 5 x 6 volume, among those on its middle lines, that touch its edge."""
    case = _blank((4, 5, 6), (1.0, 1.0, 1.0), [((1.0, 1.0, 1.0), (1.0, 1.0, 3.0))])
    found = []
    for axis, n in enumerate((4, 5, 6)):
        for index in range(n):
            labels, place = np.zeros((4, 5, 6), np.uint8), [2, 2, 2]
            place[axis] = index
            labels[tuple(place)] = 1
            (one,) = package.numbers(case, labels).values()
            if one["touches_edge"]:
                found.append(place)
    return found


def _blank(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float], lines: list[Line]) -> Case:
    ct = np.zeros(shape, np.int16)
    ct[0, 0, 0] = -1000
    return package.make_case(ct, spacing_mm, lines, hu=True)


def sha256(array: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def real(cases: list[Case]) -> dict[str, dict[str, Any]]:
    """Of the real demo's four tumours: voxels, volume, longest diameter, and a hash of the label map."""
    found = {}
    for case in cases:
        labels = package.segment(case).labels.astype(np.uint8)
        (one,) = package.numbers(case, labels).values()
        found[case.name] = {
            **{name: one[name] for name in ("n_voxels", "volume_ml", "longest_diameter_mm", "short_axis_mm")},
            "sha256": sha256(labels),
        }
    return found
