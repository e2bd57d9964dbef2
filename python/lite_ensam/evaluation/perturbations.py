"""Perturbed lines: the cost of annotation noise.

A result that is scored on changed marks is listed next to the result itself, under the name of the change;
the reference stays what it is, and the bootstrap draws the same cases for both.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TypeAlias
from zlib import crc32

import numpy as np

from lite_ensam.core.case import Case
from lite_ensam.core.errors import MarkError
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.types import Float64Array

__all__ = ["CHANGES", "change_marks"]

Change: TypeAlias = Callable[[Float64Array, np.random.Generator], Float64Array]
"""From a line's ends (2, 3), voxel indices, to other ends on the same slice."""

_SHORTER = 0.15
"""Share of a line that is left out: nearly as much as the 18 % by which one reader's longest diameters may differ."""

_TRIES = 100
_SHORTEST = 1e-3
"""Draws of a line, until one is longer than this many voxels."""

_NEIGHBOURS = np.array([(0, y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)], dtype=float)


def _one_voxel_off(ends: Float64Array, rng: np.random.Generator) -> Float64Array:
    """Each end moves to one of the eight voxels around it."""
    moved: Float64Array = ends + _NEIGHBOURS[rng.integers(len(_NEIGHBOURS), size=2)]
    return moved


def _too_short(ends: Float64Array, rng: np.random.Generator) -> Float64Array:
    """Both ends move towards the middle: 15 % of the line's length is missing."""
    middle = ends.mean(axis=0)
    shorter: Float64Array = middle + (1 - _SHORTER) * (ends - middle)
    return shorter


CHANGES: Mapping[str, Change] = MappingProxyType(
    {"ends 1 voxel off": _one_voxel_off, "line 15 % short": _too_short}
)
"""Every change by the name that reports use."""


def change_marks(case: Case, change: str, seed: int) -> Case:
    """The case with all its marks changed; what is drawn depends on seed, case and label alone.

    Parameters
    ----------
    case : Case
        Its name goes into the draw.
    change : str
        A name out of `CHANGES`.
    seed : int
        Seed of the draw.

    Raises
    ------
    MarkError
        If a line is so short that every draw leaves it without length.
    """
    marks = tuple(_changed(case, mark, change, seed) for mark in case.marks)
    return replace(case, marks=marks)


def _changed(case: Case, mark: RecistMark, change: str, seed: int) -> RecistMark:
    rng = np.random.default_rng([seed, crc32(case.name.encode("utf-8", "surrogateescape")), mark.label])
    ends = np.asarray(mark.endpoints_zyx)
    last = np.asarray(case.grid.shape_zyx) - 1
    for _ in range(_TRIES):
        moved = np.clip(CHANGES[change](ends, rng), np.minimum(ends, 0), np.maximum(ends, last))
        if np.abs(moved[1] - moved[0]).max() > _SHORTEST:
            start, stop = ((z, y, x) for z, y, x in moved.tolist())
            return replace(mark, endpoints_zyx=(start, stop))
    raise MarkError(f"mark {mark.label}: too short a line to be drawn with {change}")
