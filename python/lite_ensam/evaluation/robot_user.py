"""A robot user that says more than the line: short axis, first and last slice, clicks where the mask is wrong.

Its hand is not steady: points are moved by a voxel, since users that click perfectly flatter (arXiv 2404.01816).
Its actions depend on the seed, the case's name and the label alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.case import Case
from lite_ensam.core.errors import CaseError
from lite_ensam.core.recist import RecistMark, voxel_of
from lite_ensam.core.types import FloatTriple, Mask, float_triple
from lite_ensam.evaluation.metrics import dsc
from lite_ensam.evaluation.segmenting import Segmenting, label_map

__all__ = ["GIVEN", "RobotUser", "RoundScore", "area_under_rounds", "play"]


@dataclass(frozen=True)
class RobotUser:
    """How the robot's hand errs.

    Parameters
    ----------
    seed : int, default 0
        Seed of its draws.
    points_off : int, default 0
        Voxels that every point is off, in a random direction of its slice; 0 moves points by at most a voxel
        in each axis, and only while they stay in the wrong region.
    slices_off : int, default 0
        Slices that the first and the last are off, outwards or inwards.
    """

    seed: int = 0
    points_off: int = 0
    slices_off: int = 0

    def generator(self, case: Case, mark: RecistMark) -> np.random.Generator:
        """Random numbers of one tumour."""
        return np.random.default_rng(
            [self.seed, crc32(case.name.encode("utf-8", "surrogateescape")), mark.label]
        )

    def with_short_axis(self, case: Case, mark: RecistMark) -> RecistMark:
        """The mark with the longest chord of the reference perpendicular to its line, on the line's slice."""
        ends = short_axis_of(reference_of(case, mark)[mark.slice_index], mark, case.grid.spacing_mm)
        return mark if ends is None else replace(mark, short_axis_zyx=ends)

    def with_slices(self, case: Case, mark: RecistMark) -> RecistMark:
        """The mark with the first and the last slice of its reference."""
        filled = np.flatnonzero(reference_of(case, mark).any(axis=(1, 2)))
        off = self.slices_off * self.generator(case, mark).choice([-1, 1], 2)
        first = min(max(int(filled[0] + off[0]), 0), mark.slice_index)
        last = max(min(int(filled[-1] + off[1]), case.grid.shape_zyx[0] - 1), mark.slice_index)
        return replace(mark, first_slice=first, last_slice=last)

    def with_point(
        self, case: Case, mark: RecistMark, mask: Mask, generator: np.random.Generator
    ) -> RecistMark:
        """The mark with one more point, where its mask is most wrong; the mark itself where there is nothing to mend.

        The largest connected region that is missed or leaked into counts; the point is its deepest voxel in mm.
        """
        truth = reference_of(case, mark)
        found = worst_region(mask, truth, case.grid.spacing_mm)
        if found is None:
            return mark
        region, deepest = found
        point = self._moved(deepest, region, generator)
        is_missed, voxel = bool(truth[tuple(deepest)]), voxel_of(point)
        beyond = (mark.first_slice is not None and voxel[0] < mark.first_slice) or (
            mark.last_slice is not None and voxel[0] > mark.last_slice
        )
        if voxel in set(map(voxel_of, mark.inside_zyx + mark.outside_zyx)) or (is_missed and beyond):
            return mark  # a careless hand contradicted itself
        if is_missed:
            return replace(mark, inside_zyx=(*mark.inside_zyx, point))
        return replace(mark, outside_zyx=(*mark.outside_zyx, point))

    def _moved(self, deepest: NDArray[np.int64], region: Mask, generator: np.random.Generator) -> FloatTriple:
        last = np.array(region.shape) - 1
        if self.points_off:
            angle = generator.uniform(0, 2 * np.pi)
            step = np.rint(self.points_off * np.array([0.0, np.sin(angle), np.cos(angle)]))
            return float_triple(np.clip(deepest + step, 0, last))
        moved = np.clip(deepest + generator.integers(-1, 2, 3), 0, last)
        return float_triple(moved if region[tuple(moved)] else deepest)


GIVEN: dict[str, Callable[[RobotUser, Case, RecistMark], RecistMark]] = {
    "line": lambda _, __, mark: mark,
    "+ short axis": RobotUser.with_short_axis,
    "+ slices": RobotUser.with_slices,
    "+ both": lambda user, case, mark: user.with_slices(case, user.with_short_axis(case, mark)),
}
"""Prompts that the robot gives before its first click, by their names in reports."""


@dataclass(frozen=True)
class RoundScore:
    """DSC of one tumour after some clicks.

    Parameters
    ----------
    case : str
        Name of the case.
    label : int
        Label of the tumour in the case.
    given : str
        A name out of `GIVEN`.
    clicks : int
        0, 1, ...
    dsc : float
        Dice similarity coefficient of its mask.
    """

    case: str
    label: int
    given: str
    clicks: int
    dsc: float


def play(
    case: Case,
    segment: Segmenting,
    given: str = "line",
    clicks: int = 5,
    user: RobotUser = RobotUser(),
) -> Iterator[RoundScore]:
    """Let the robot mend the masks of a case, one point for each tumour and round.

    Parameters
    ----------
    case : Case
        Case with a reference.
    segment : Segmenting
        Function from a case to its label map, uint8 or uint16 (z, y, x).
    given : str, default "line"
        What the robot tells at the start, a name out of `GIVEN`.
    clicks : int, default 5
        Rounds after the first answer.
    user : RobotUser, optional
        The robot.

    Yields
    ------
    RoundScore
        The score of each tumour after each answer.
    """
    marks = [GIVEN[given](user, case, mark) for mark in case.marks]
    hands = [user.generator(case, mark) for mark in case.marks]
    for number in range(clicks + 1):
        labels = label_map(segment, replace(case, marks=tuple(marks)))
        for place, mark in enumerate(marks):
            mask = labels == mark.label
            yield RoundScore(case.name, mark.label, given, number, dsc(mask, reference_of(case, mark)))
            if number < clicks:
                marks[place] = user.with_point(case, mark, mask, hands[place])


def area_under_rounds(scores: Sequence[float]) -> float:
    """Area under DSC over the rounds by trapezoids, divided by their number: 1 is a perfect mask all along."""
    return float(np.trapezoid(scores)) / (len(scores) - 1)


def reference_of(case: Case, mark: RecistMark) -> Mask:
    """The tumour's reference mask; CaseError if it is missing."""
    truth: Mask | None = None if case.reference is None else np.equal(case.reference, mark.label)
    if truth is None or not truth.any():
        raise CaseError(f"{case.name}: has no reference of tumour {mark.label}")
    return truth


def worst_region(mask: Mask, truth: Mask, spacing_mm: FloatTriple) -> tuple[Mask, NDArray[np.int64]] | None:
    """The largest connected region of missed or leaked voxels, and its deepest voxel in mm; None if none is wrong."""
    from scipy import ndimage

    largest: Mask | None = None
    for wrong in (truth & ~mask, mask & ~truth):
        parts, count = ndimage.label(wrong)
        if count == 0:
            continue
        sizes = np.bincount(parts.ravel())
        sizes[0] = 0
        part = parts == int(sizes.argmax())
        if largest is None or np.count_nonzero(part) > np.count_nonzero(largest):
            largest = part
    if largest is None:
        return None
    where = np.argwhere(largest)
    low, high = where.min(axis=0), where.max(axis=0) + 1
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    depth = ndimage.distance_transform_edt(np.pad(largest[box], 1), sampling=spacing_mm)
    deepest = np.array(np.unravel_index(int(depth.argmax()), depth.shape)) - 1 + low
    return largest, deepest


def short_axis_of(
    slice_mask: Mask, mark: RecistMark, spacing_mm: FloatTriple
) -> tuple[FloatTriple, FloatTriple] | None:
    """The longest chord of a slice perpendicular to the line, within a voxel; None without such a chord.

    Parameters
    ----------
    slice_mask : Mask
        Bool (y, x), the line's slice.
    mark : RecistMark
        The line.
    spacing_mm : FloatTriple
        Spacing in mm, (z, y, x).
    """
    voxels = np.argwhere(slice_mask)
    (_, ay, ax), (_, by, bx) = mark.endpoints_zyx
    size = np.array(spacing_mm[1:])
    unit = np.array([by - ay, bx - ax]) * size
    unit = unit / np.linalg.norm(unit)
    places = voxels * size
    along, across = places @ unit, places @ np.array([unit[1], -unit[0]])
    rows = np.floor((along - along.min(initial=0.0)) / size.min()).astype(int) if len(voxels) else along
    best: tuple[float, int, int] = (0.0, 0, 0)
    for row in np.unique(rows):
        members = np.flatnonzero(rows == row)
        first, last = members[across[members].argmin()], members[across[members].argmax()]
        best = max(best, (float(across[last] - across[first]), int(first), int(last)))
    if best[0] <= 0:
        return None
    z = float(mark.slice_index)
    first_end, last_end = ((z, float(y), float(x)) for y, x in voxels[list(best[1:])])
    return first_end, last_end
