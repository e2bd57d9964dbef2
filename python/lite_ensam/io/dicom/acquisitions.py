"""Several acquisitions, phases or reconstructions in one series: told apart, one of them taken.

Their slices coincide or alternate along the body. Read as one stack they would be refused, or worse, become a volume
that changes phase from slice to slice. Attributes are tried one after the other until one tells them apart. Blocks of
a scan that follow each other along the body (step and shoot) are one acquisition, whatever their attributes say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.errors import CaseError
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import Float64Array
from lite_ensam.io.dicom.datasets import Dataset, read_directions, read_numbers
from lite_ensam.io.dicom.references import References

__all__ = ["Acquisition", "choose_acquisition", "split_acquisitions"]

_TELL_APART: tuple[tuple[str, ...], ...] = (
    ("AcquisitionNumber",),
    ("AcquisitionDateTime",),
    ("AcquisitionDate", "AcquisitionTime"),
    ("ContrastBolusAgent",),
    ("ContrastBolusAgentAdministered",),
    ("ContrastBolusAgentPhase",),
    ("TemporalPositionIdentifier",),
    ("TemporalPositionIndex",),
    ("NominalPercentageOfCardiacPhase",),
    ("TriggerTime",),
    ("KVP",),
    ("MonoenergeticEnergyEquivalent",),
    ("ImageType",),
    ("ConvolutionKernel",),
    ("SliceThickness",),
    ("ReconstructionDiameter",),
    ("SeriesDescription",),
    ("ImageComments",),
    ("ContentDate", "ContentTime"),
    ("InstanceNumber",),
)
"""The first that tells acquisitions apart is the one that counts; what was left together is split further."""

_IN_ORDER = {
    ("AcquisitionDateTime",),
    ("AcquisitionDate", "AcquisitionTime"),
    ("ContentDate", "ContentTime"),
    ("InstanceNumber",),
}
"""Grow along the body within an acquisition, and begin again with the next."""

_WEAK = (("ContentDate", "ContentTime"), ("InstanceNumber",))
"""May be anything: they count only if the acquisitions that they tell apart are equally long, and no single slices."""

_SAME_PLACE_MM = 1e-3
_WIDEST_GAP = 2.1
"""In usual distances: one missing slice."""

_NO_GAP = 1.5
"""Largest distance of even slices, in smallest ones: places are rounded."""


@with_short_repr
@dataclass(frozen=True)
class Acquisition:
    """One stack of slices out of a series.

    Parameters
    ----------
    number : int
        AcquisitionNumber where that is another one for each, else counted from 1.
    slices : tuple[Dataset, ...]
        Slices in any order.
    told_by : tuple[str, ...]
        Attributes that tell it from the others.
    """

    number: int
    slices: tuple[Dataset, ...]
    told_by: tuple[str, ...]


def split_acquisitions(slices: Sequence[Dataset]) -> tuple[Acquisition, ...]:
    """The acquisitions of slices that have size, orientation and pixel spacing in common; mostly one."""
    normal = np.cross(*read_directions(slices[0]))
    heights = np.array([float(normal @ read_numbers(one, "ImagePositionPatient", 3)) for one in slices])
    _check_positions(slices, heights)
    told_by: list[str] = []
    parts = _split(slices, heights, np.arange(len(slices)), _TELL_APART, told_by)
    stacks = [tuple(slices[n] for n in part) for part in parts]
    numbers = [_own_number(stack) for stack in stacks]
    if None in numbers or len(set(numbers)) < len(stacks):
        numbers = list(range(1, len(stacks) + 1))
    return tuple(
        Acquisition(number or 0, stack, tuple(dict.fromkeys(told_by)))
        for number, stack in zip(numbers, stacks, strict=True)
    )


def _check_positions(slices: Sequence[Dataset], heights: Float64Array) -> None:
    """CaseError if all slices claim one position, but SliceLocation is another one for each.

    Times of one place (perfusion) have one SliceLocation; a program that writes the first position on all slices
    leaves nothing to order them by.
    """
    locations = {_comparable(one, "SliceLocation") for one in slices}
    if len(slices) > 1 and len(locations) == len(slices) and len(_places(heights)) == 1:
        raise CaseError(
            f"{len(slices)} slices have the same ImagePositionPatient but different SliceLocation, so their positions "
            "are unknown; export the scan again"
        )


def choose_acquisition(
    acquisitions: Sequence[Acquisition], number: int | None, referred: References
) -> tuple[Acquisition, list[str]]:
    """One acquisition, and what there is to say about the choice.

    Parameters
    ----------
    acquisitions : Sequence[Acquisition]
        Acquisitions from `split_acquisitions`.
    number : int or None
        Number of the one that is wanted; None takes the one that `referred` names most of, else the one with
        the most slices, of equals the first.
    referred : References
        What marks or a mask refer to.

    Raises
    ------
    CaseError
        If the series has no acquisition with this number.
    """
    listed = ", ".join(f"{one.number} ({len(one.slices)} slices)" for one in acquisitions)
    if number is not None:
        for one in acquisitions:
            if number == one.number:
                return one, []
        raise CaseError(f"holds no acquisition {number}, only {listed}")
    if len(acquisitions) == 1:
        return acquisitions[0], []

    def worth(one: Acquisition) -> tuple[int, int]:
        return referred.count(one.slices)[0], len(one.slices)

    taken = max(acquisitions, key=worth)
    is_referred = len({worth(one)[0] for one in acquisitions}) > 1
    why = f"to which {referred.name} refers" if is_referred else "the first of the largest"
    return taken, [
        f"the series holds {len(acquisitions)} acquisitions, told apart by {' and '.join(taken.told_by)}: {listed}; "
        f"took {taken.number}, {why}; --acquisition or acquisition= takes another"
    ]


def _split(
    slices: Sequence[Dataset],
    heights: Float64Array,
    part: NDArray[np.int64],
    names: Sequence[tuple[str, ...]],
    told_by: list[str],
) -> list[NDArray[np.int64]]:
    """Indices of the slices of each acquisition among those of `part`; attributes that told them apart are added."""
    for n, name in enumerate(names):
        values = [_value(slices[k], name) for k in part]
        for groups in _groupings(values, heights[part], name in _IN_ORDER):
            stacks = [part[stack] for stack in _stacked(groups, heights[part])]
            if name in _WEAK and (len(set(map(len, stacks))) > 1 or len(stacks[0]) == 1):
                continue
            if len(stacks) > 1 and _is_better(stacks, heights, part):
                told_by += name
                return [
                    piece
                    for stack in stacks
                    for piece in _split(slices, heights, stack, names[n + 1 :], told_by)
                ]
    return [part]


def _groupings(
    values: Sequence[tuple[tuple[float, str], ...]], heights: Float64Array, is_ordered: bool
) -> list[list[NDArray[np.int64]]]:
    """Ways to group slices by an attribute: one group a value, and, of what is in order, one a passage of the body."""
    index = {value: n for n, value in enumerate(sorted(set(values)))}
    codes = np.array([index[value] for value in values])
    by_value = [np.flatnonzero(codes == code) for code in range(len(index))]
    if not is_ordered:
        return [by_value]
    passages = min((_passages(codes, sign * heights) for sign in (1, -1)), key=len)
    return [by_value, passages]


def _passages(codes: NDArray[np.int64], heights: Float64Array) -> list[NDArray[np.int64]]:
    """Runs along which slices climb when they are put in order."""
    order = np.lexsort((heights, codes))
    falls = np.flatnonzero(np.diff(heights[order]) < -_SAME_PLACE_MM) + 1
    return [np.sort(run) for run in np.split(order, falls)]


def _stacked(groups: Sequence[NDArray[np.int64]], heights: Float64Array) -> list[NDArray[np.int64]]:
    """Groups that lie next to each other along the body together, those that overlap apart."""
    ends = sorted((heights[group].min(), heights[group].max()) for group in groups)
    if all(high + 2 * _SAME_PLACE_MM < low for (_, high), (low, _) in pairwise(ends)):
        return [np.concatenate(groups)]
    stacks: list[list[NDArray[np.int64]]] = []
    ranges: list[list[tuple[float, float]]] = []
    for group in groups:
        low, high = heights[group].min() - _SAME_PLACE_MM, heights[group].max() + _SAME_PLACE_MM
        fits = [all(high < below or low > above for below, above in taken) for taken in ranges]
        n = fits.index(True) if any(fits) else len(stacks)
        if n == len(stacks):
            stacks.append([])
            ranges.append([])
        stacks[n].append(group)
        ranges[n].append((low, high))
    return [np.concatenate(members) for members in stacks]


def _is_better(stacks: Sequence[NDArray[np.int64]], heights: Float64Array, part: NDArray[np.int64]) -> bool:
    """Whether each stack is a regular scan, while all slices together are not.

    Values that jitter from slice to slice (trigger times) would tear a scan into pieces full of gaps.
    """
    whole, parts = _places(heights[part]), [_places(heights[stack]) for stack in stacks]
    largest = max(parts, key=len)
    if len(whole) < len(part):  # several slices at one place
        gaps = np.diff(largest)
        return len(largest) >= len(whole) / 2 and (
            len(gaps) < 2 or float(gaps.max() / np.median(gaps)) <= _WIDEST_GAP
        )
    return _is_even(largest) and (not _is_even(whole) or all(map(_is_even, parts)))


def _is_even(heights: Float64Array) -> bool:
    gaps = np.diff(heights)
    return len(gaps) > 1 and float(gaps.max() / gaps.min()) <= _NO_GAP


def _places(heights: Float64Array) -> Float64Array:
    """Heights in order, those of one place once."""
    ordered = np.sort(heights)
    places: Float64Array = ordered[np.append(True, np.diff(ordered) > _SAME_PLACE_MM)]
    return places


def _value(one: Dataset, names: tuple[str, ...]) -> tuple[tuple[float, str], ...]:
    """An attribute's value, numbers in their order; it is compared, never shown."""
    return tuple(_comparable(one, name) for name in names)


def _comparable(one: Dataset, name: str) -> tuple[float, str]:
    try:
        text = str(one.get(name, "")).strip()
    except Exception:  # pydicom cannot decode it: as good as missing
        return 0.0, ""
    try:
        return float(text), ""
    except ValueError:
        return np.inf if text else 0.0, text


def _own_number(stack: Sequence[Dataset]) -> int | None:
    """AcquisitionNumber, if all slices have the same."""
    values = {_comparable(one, "AcquisitionNumber") for one in stack}
    (number, text), *others = values
    return int(number) if not others and not text and np.isfinite(number) and number > 0 else None
