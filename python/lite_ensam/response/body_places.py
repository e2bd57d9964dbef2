"""Two bodies slid along each other: how well they fit at each place along z."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.types import Float32Array, Float64Array, IntTriple
from lite_ensam.response.coarse_scan import AIR_HU, UPRIGHT_MM, UprightBody

__all__ = ["Place", "centre_drift", "fit_at", "mirrored", "places_along_z"]

_LEAST_SHARED_MM, _LEAST_SHARED = 40.0, 0.25
"""Minimum overlap of two bodies along z to be tried: in mm, and as a share of the shorter. Less fits
anywhere; other values were not compared, as far as is recorded."""


@dataclass(frozen=True)
class Place:
    """One body next to the other.

    Parameters
    ----------
    offset_zyx : IntTriple
        Voxel i of the first body lies on voxel i + offset of the second body.
    score : float
        Correlation of the grey values where both scans have image and either body lies.
    n_slices : int
        Number of slices on which both bodies lie.
    """

    offset_zyx: IntTriple
    score: float
    n_slices: int


def places_along_z(first: UprightBody, second: UprightBody) -> list[Place]:
    """Every place at which enough of both bodies lies side by side; slices are centred on each other in plane.

    Offsets in plane are 0: a body that is tilted against the other one is centred slice by slice.
    """
    (low, high), (other_low, other_high) = first.rows, second.rows
    shorter = min(high - low, other_high - other_low)
    least = min(shorter, round(max(_LEAST_SHARED_MM / UPRIGHT_MM, _LEAST_SHARED * shorter)))
    half = np.maximum(_half_extent(first), _half_extent(second))
    one, other = _centred(first, half), _centred(second, half)
    return [
        fit_at(one, other, (dz, 0, 0)) for dz in range(other_low - high + least, other_high - low - least + 1)
    ]


def fit_at(first: UprightBody, second: UprightBody, offset_zyx: IntTriple) -> Place:
    """How well two bodies fit at an offset."""
    here, there = [], []
    for n, other_n, offset in zip(first.grey.shape, second.grey.shape, offset_zyx, strict=True):
        low, high = max(0, -offset), min(n, other_n - offset)
        here.append(slice(low, max(low, high)))
        there.append(slice(low + offset, max(low, high) + offset))
    mine, other = tuple(here), tuple(there)
    both = first.is_body[mine] & second.is_body[other]
    either = first.is_body[mine] | second.is_body[other]
    seen = either & first.is_seen[mine] & second.is_seen[other]
    n_slices = int(np.count_nonzero(both.any(axis=(1, 2))))
    return Place(offset_zyx, _correlation(first.grey[mine][seen], second.grey[other][seen]), n_slices)


def centre_drift(first: UprightBody, second: UprightBody, dz: int) -> tuple[Float64Array, Float64Array]:
    """How the centres of the second body lie next to those of the first, as a straight line along z.

    Returns
    -------
    offset_yx : Float64Array
        Offset (y, x) in voxels, at the middle slice of the first body's array.
    slope_yx : Float64Array
        Offset (y, x) in voxels per slice: the tilt of the second body.
    """
    n = min(len(first.grey), len(second.grey) - dz)
    rows = np.arange(max(0, -dz), max(0, -dz, n))
    gap = _centres(second)[rows + dz] - _centres(first)[rows]
    known = np.isfinite(gap).all(axis=1)
    middle = (len(first.grey) - 1) / 2
    slope, offset = np.polyfit(rows[known] - middle, gap[known], 1)
    return offset, slope


def mirrored(body: UprightBody) -> UprightBody:
    """Left for right."""
    return replace(
        body,
        grey=body.grey[:, :, ::-1],
        is_seen=body.is_seen[:, :, ::-1],
        is_body=body.is_body[:, :, ::-1],
    )


def _centres(body: UprightBody) -> Float64Array:
    """(z, 2): y and x of the body's centre on each slice; NaN without a body."""
    count = body.is_body.sum(axis=(1, 2)).astype(np.float64)
    count[count == 0] = np.nan
    y, x = (np.arange(n) for n in body.is_body.shape[1:])
    sums = [body.is_body.sum(axis=2) @ y, body.is_body.sum(axis=1) @ x]
    centres: Float64Array = np.stack(sums, axis=1) / count[:, None]
    return centres


def _half_extent(body: UprightBody) -> NDArray[np.int_]:
    """How far the body reaches from its centres, in voxels along y and x, and one more."""
    z, *yx = np.nonzero(body.is_body)
    reach: NDArray[np.int_] = np.ceil(np.abs(np.stack(yx, axis=1) - _centres(body)[z]).max(axis=0)).astype(
        int
    )
    return reach + 1


def _centred(body: UprightBody, half_yx: NDArray[np.int_]) -> UprightBody:
    """Each slice moved so that the body's centre is in its middle, cut or filled up to twice the half.

    Between voxels it is interpolated: half a voxel is 4 mm, and an outline 4 mm off tells bodies apart that are alike.
    """
    centres = np.nan_to_num(_centres(body))
    low = np.floor(centres).astype(int)  # in padded slices, whose first voxel is at -half
    share = (centres - low).astype(np.float32)[:, :, None, None]
    height, width = (2 * half_yx + 1).tolist()

    def moved(voxels: NDArray[Any], fill: float) -> Float32Array:
        around = [(0, 0), *((n, n + 1) for n in half_yx.tolist())]
        padded = np.pad(voxels.astype(np.float32), around, constant_values=fill)
        wide = np.stack(
            [one[y : y + height + 1, x : x + width + 1] for one, (y, x) in zip(padded, low, strict=True)]
        )
        rows = wide[:, :-1] * (1 - share[:, 0]) + wide[:, 1:] * share[:, 0]
        found: Float32Array = rows[:, :, :-1] * (1 - share[:, 1]) + rows[:, :, 1:] * share[:, 1]
        return found

    return replace(
        body,
        grey=moved(body.grey, AIR_HU),
        is_seen=moved(body.is_seen, 0) > 0.5,
        is_body=moved(body.is_body, 0) > 0.5,
    )


def _correlation(mine: NDArray[Any], other: NDArray[Any]) -> float:
    if mine.size < 2 or mine.std() == 0 or other.std() == 0:
        return 0.0
    return float(np.corrcoef(mine, other)[0, 1])
