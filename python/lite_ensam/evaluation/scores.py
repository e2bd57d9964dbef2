"""The numbers of one tumour, and what many of them come to.

Scores go from tumour to case to source to overall: a case's score is the mean over its tumours, a
source's the mean over its cases, and overall every source counts the same, whatever its size. Errors of
volume and diameter have long tails, so a source's is the median size over its tumours.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lite_ensam.core.case import Case
from lite_ensam.core.partial_volume import on_common_box
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.types import Float64Array
from lite_ensam.evaluation.metrics import dsc, nsd_at, relative_error
from lite_ensam.measurements import measure

__all__ = [
    "OVERALL",
    "Interval",
    "MaskScore",
    "Summary",
    "TumorScore",
    "score_mask",
    "summarize",
]

OVERALL = "overall"
"""Name for the mean over sources, in place of a source's name."""

_DRAWS = 2000
"""Draws of the bootstrap; not tuned."""

_MEANS = ("dsc", "nsd_2mm", "nsd_1mm")
_MEDIANS = ("volume_error", "longest_diameter_error")


@dataclass(frozen=True)
class MaskScore:
    """Scores of one mask against its reference.

    Parameters
    ----------
    volume_ml, reference_ml : float
        Volumes of both.
    dsc : float
        Dice similarity coefficient.
    nsd_2mm, nsd_1mm : float
        Normalised surface Dice at a tolerance of 2 and 1 mm, in the scan's own spacing.
    volume_error, longest_diameter_error : float
        Signed, as a share of the reference; 0.1 is 10 % too large.
    """

    volume_ml: float
    reference_ml: float
    dsc: float
    nsd_2mm: float
    nsd_1mm: float
    volume_error: float
    longest_diameter_error: float


@dataclass(frozen=True)
class TumorScore:
    """Scores of one method on one tumour.

    Parameters
    ----------
    source, case : str
        Names of the folders.
    label : int
        The tumour's value in the labels.
    recist_mm : float
        Length of its line.
    method : str
        "result" or the name of a baseline.
    seconds : float
        Wall time of the method on the whole case.
    score : MaskScore
        The mask's numbers.
    """

    source: str
    case: str
    label: int
    recist_mm: float
    method: str
    seconds: float
    score: MaskScore


@dataclass(frozen=True)
class Interval:
    """A number and its bootstrap 95 % interval; cases are resampled within each source.

    Parameters
    ----------
    value : float
        Mean or median.
    low, high : float
        Ends of the interval.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """Mean scores of one method on one source, or overall.

    Parameters
    ----------
    source : str
        Its name, or "overall": the mean over sources.
    method : str
        "result" or the name of a baseline.
    n_cases, n_tumors : int
        How many.
    dsc, nsd_2mm, nsd_1mm : Interval
        Mean over cases of the mean over a case's tumours.
    volume_error, longest_diameter_error : Interval
        Median over tumours of the error's size, as a share.
    seconds : float
        Mean a case.
    """

    source: str
    method: str
    n_cases: int
    n_tumors: int
    dsc: Interval
    nsd_2mm: Interval
    nsd_1mm: Interval
    volume_error: Interval
    longest_diameter_error: Interval
    seconds: float


def score_mask(result: Any, mark: RecistMark, case: Case) -> MaskScore:
    """Compute all scores of one tumour's mask against the case's reference.

    Parameters
    ----------
    result : Any
        Mask (z, y, x) of the tumour, bool or with one label: an array-like, or the `SubVolume` that holds it.
    mark : RecistMark
        Says which tumour of the reference it is.
    case : Case
        Case with a reference.

    Returns
    -------
    MaskScore
        Dice, surface Dice, volumes and errors.
    """
    result = case.source.mask_part(result, "result")
    reference, spacing = case.reference_masks[mark.label], case.grid.spacing_mm
    line = RecistMark(1, mark.endpoints_zyx)
    ours, theirs = (measure(mask, [line], spacing)[0] for mask in (result, reference))
    masks = on_common_box(result, reference)
    nsd_2mm, nsd_1mm = nsd_at(*masks, spacing, (2.0, 1.0))
    return MaskScore(
        ours.volume_ml,
        theirs.volume_ml,
        dsc(*masks),
        nsd_2mm,
        nsd_1mm,
        relative_error(ours.volume_ml, theirs.volume_ml),
        relative_error(ours.longest_diameter_mm, theirs.longest_diameter_mm),
    )


def summarize(tumors: Sequence[TumorScore], seed: int) -> tuple[Summary, ...]:
    """Summaries of each source in alphabetical order, then overall; methods in order of appearance.

    The bootstrap draws the same cases for every method, so that their intervals can be compared.
    """
    sources = sorted({tumor.source for tumor in tumors})
    methods = list(dict.fromkeys(tumor.method for tumor in tumors))
    groups = {
        (source, method): _by_case(t for t in tumors if (t.source, t.method) == (source, method))
        for source in sources
        for method in methods
    }
    drawn = {
        (source, method): _draw(cases, np.random.default_rng([seed, sources.index(source)]))
        for (source, method), cases in groups.items()
    }
    summaries = [_summary(*key, cases, drawn[key]) for key, cases in groups.items()]
    for method in methods:
        cases = [case for source in sources for case in groups[source, method]]
        means = {
            name: np.mean([drawn[source, method][name] for source in sources], axis=0)
            for name in (*_MEANS, *_MEDIANS)
        }
        summaries.append(_summary(OVERALL, method, cases, means))
    return tuple(summaries)


def _by_case(tumors: Iterable[TumorScore]) -> list[list[TumorScore]]:
    cases: dict[str, list[TumorScore]] = {}
    for tumor in tumors:
        cases.setdefault(tumor.case, []).append(tumor)
    return list(cases.values())


def _draw(cases: Sequence[Sequence[TumorScore]], rng: np.random.Generator) -> dict[str, Float64Array]:
    """Every statistic of one source, of its cases as they are (first) and of each bootstrap draw."""
    n_cases = len(cases)
    draws = np.vstack([np.arange(n_cases), rng.integers(n_cases, size=(_DRAWS, n_cases))])
    values = {
        name: [np.array([getattr(tumor.score, name) for tumor in case]) for case in cases]
        for name in (*_MEANS, *_MEDIANS)
    }
    statistics = {}
    for name in _MEANS:
        of_case = np.array([scores.mean() for scores in values[name]])
        statistics[name] = of_case[draws].mean(axis=1)
    for name in _MEDIANS:
        sizes = [np.abs(errors) for errors in values[name]]
        statistics[name] = np.array([np.median(np.concatenate([sizes[i] for i in draw])) for draw in draws])
    return statistics


def _summary(
    source: str, method: str, cases: Sequence[Sequence[TumorScore]], statistics: Mapping[str, Float64Array]
) -> Summary:
    intervals = {}
    for name, (value, *draws) in statistics.items():
        low, high = np.quantile(draws, (0.025, 0.975), method="inverted_cdf").tolist()
        intervals[name] = Interval(float(value), low, high)
    seconds = float(np.mean([max(tumor.seconds for tumor in case) for case in cases]))
    return Summary(source, method, len(cases), sum(map(len, cases)), **intervals, seconds=seconds)
