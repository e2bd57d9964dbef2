"""How far a tumour's numbers would differ if the same scan were marked and segmented again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from lite_ensam.core.case import Case
from lite_ensam.core.errors import ArgumentError, brief
from lite_ensam.core.number_kinds import is_whole
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.types import EndpointPair, Float64Array, FloatTriple, endpoint_pair
from lite_ensam.measurements import TumorRepeatability, measure
from lite_ensam.segmentation.channels import prepare_lesion
from lite_ensam.segmentation.predictor import Predictor

__all__ = ["estimate_repeatability", "redrawn_marks"]

END_SD = 0.043
"""Standard deviation of each end of a line that is drawn again, in lengths of the line.

One reader's repeated longest diameters differ by -17.8 % to +16.1 % (pooled 95 % limits of agreement; Yoon et al., Eur
J Cancer 53 (2016) 5-15): a standard deviation of 8.7 % of a difference, 6.1 % of one length, 4.3 % of one end."""

_LEAST_END_SD_VOXELS = 0.3
"""A click on a voxel is known no better."""

_FLIPS: tuple[tuple[int, ...], ...] = ((), (2,), (1,), (0,))
"""Mirrors of a patch, by axes; a predictor that averages adds each one's opposite: all eight."""


def estimate_repeatability(
    case: Case,
    predictor: Predictor,
    n_repeats: int = 8,
    threshold: float = 0.0,
    seed: int = 0,
    on_repeat: Callable[[int, int], None] | None = None,
) -> tuple[TumorRepeatability, ...]:
    """Segment every tumour of a case repeatedly, each time with a perturbed line and another mirror image of the patch.

    The deviations are those of reader and network on one scan. They do not cover breathing, contrast, dose or kernel,
    which differ between scans.

    Parameters
    ----------
    case : Case
        Scan and marks; of a scan of which only crops were kept, these must hold the patches of
        `redrawn_marks` lines.
    predictor : Predictor
        A predictor with lesion crops.
    n_repeats : int, default 8
        2 or more.
    threshold : float, default 0.0
        As in `Predictor.predict`.
    seed : int, default 0
        Seed of the lines; the same seed gives the same numbers.
    on_repeat : Callable[[int, int], None] or None, default None
        Called after each segmentation with how many are done and how many there are in all.

    Returns
    -------
    tuple[TumorRepeatability, ...]
        One for each mark, in order.

    Raises
    ------
    LiteEnsamError
        If there are fewer than two repeats, or the predictor takes the joint crop.
    """
    if predictor.crop != "lesion":
        raise ArgumentError("noise is measured on lesion crops, not on the joint crop")
    check_repeats(n_repeats)
    n_repeats = int(n_repeats)  # NumPy's integers are not for JSON
    case = case.flipped(case.grid.flips_zyx)  # so that storage does not decide how lines are redrawn
    config, spacing = predictor.patch_config(case.hu), case.grid.spacing_mm
    found: list[TumorRepeatability] = []
    for mark in case.marks:
        rows = []
        for n, again in enumerate(redrawn_marks(mark, spacing, case.ct.shape, n_repeats, seed)):
            patch = prepare_lesion(case, again, config)
            tumor = predictor.predict_patch(patch, _FLIPS[n % len(_FLIPS)])
            painting = predictor.paint([tumor], case, threshold)
            (one,) = measure(painting.part, [again], spacing)
            rows.append((one.volume_ml, one.longest_diameter_mm, one.short_axis_mm))
            if on_repeat is not None:
                on_repeat(len(found) * n_repeats + len(rows), len(case.marks) * n_repeats)
        sds = np.std(rows, axis=0, ddof=1).tolist()
        found.append(TumorRepeatability(mark.label, n_repeats, *sds))
    return tuple(found)


def check_repeats(n_repeats: int) -> None:
    """Raise ArgumentError if there are too few repeats for a standard deviation."""
    if not is_whole(n_repeats) or n_repeats < 2:
        raise ArgumentError(
            f"n_repeats must be a whole number of at least 2, for a standard deviation, got {brief(n_repeats)}"
        )


def redrawn_marks(
    mark: RecistMark, spacing_mm: FloatTriple, shape_zyx: Sequence[int], n_repeats: int, seed: int = 0
) -> tuple[RecistMark, ...]:
    """The line as the same reader might draw it again: ends moved in plane by `END_SD`, perhaps on the next slice.

    A short axis is drawn again, too. Given slices and points stay as they are, so that the line stays between them.

    Parameters
    ----------
    mark : RecistMark
        The line.
    spacing_mm : FloatTriple
        Spacing in mm, (z, y, x).
    shape_zyx : Sequence[int]
        Shape of the scan, which the lines stay in.
    n_repeats : int
        Number of lines, at least 2.
    seed : int, default 0
        Seed of the draw, together with the mark's label.

    Raises
    ------
    LiteEnsamError
        If there are fewer than two repeats.
    """
    check_repeats(n_repeats)
    rng = np.random.default_rng((seed, mark.label))
    spacing, first, last = np.asarray(spacing_mm), np.zeros(3), np.asarray(shape_zyx) - 1
    if mark.first_slice is not None:
        first[0] = mark.first_slice
    if mark.last_slice is not None:
        last[0] = mark.last_slice

    def moved(ends_zyx: EndpointPair) -> Float64Array:
        """Ends at other places; the longer the line, the further."""
        sd = np.maximum(END_SD * _length(ends_zyx, spacing) / spacing, _LEAST_END_SD_VOXELS)
        return np.asarray(ends_zyx) + rng.normal(0, sd, (2, 3))

    lines: list[RecistMark] = []
    while len(lines) < n_repeats:
        line = moved(mark.endpoints_zyx)
        line[:, 0] = mark.slice_index + np.rint(
            rng.normal(0, END_SD * mark.length_mm(spacing_mm) / spacing[0])
        )
        drawn = [(mark.endpoints_zyx, np.clip(line, first, last))]
        if mark.short_axis_zyx is not None:
            across = moved(mark.short_axis_zyx)
            across[:, 0] = line[:, 0]
            drawn.append((mark.short_axis_zyx, np.clip(across, first, last)))
        # of a line of a voxel or two both ends may fall together
        if all(_length(again, spacing) >= 0.5 * _length(before, spacing) for before, again in drawn):
            ends, *short = (endpoint_pair(again) for _, again in drawn)
            lines.append(replace(mark, endpoints_zyx=ends, short_axis_zyx=short[0] if short else None))
    return tuple(lines)


def _length(ends_zyx: ArrayLike, spacing_mm: Float64Array) -> float:
    start, stop = np.asarray(ends_zyx)
    return float(np.linalg.norm((stop - start) * spacing_mm))
