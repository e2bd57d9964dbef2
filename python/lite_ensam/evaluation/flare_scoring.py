"""The two ways in which FLARE's results are counted in the literature; a number must say which it is.

- `FLARE24`: the challenge's script. All tumours of a case are one mask; NSD at 2 mm in the file's spacing; NSD
  is 0 where the DSC is below 0.2; two empty masks score 1. Mean over cases.
- `LETT-NeXt`: as that paper counts (arXiv 2606.30108). Each tumour by itself, then the mean over a case's
  tumours, then the mean over cases; NSD at 2 mm.

In both every case counts the same, whatever its source.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lite_ensam.core.types import FloatTriple, Mask
from lite_ensam.evaluation.metrics import dsc, flare_nsd, nsd
from lite_ensam.evaluation.scores import TumorScore

__all__ = ["FLARE24", "LETT_NEXT", "CaseScore", "FlareScore", "flare_scores", "score_case"]

FLARE24, LETT_NEXT = "FLARE24", "LETT-NeXt"


@dataclass(frozen=True)
class CaseScore:
    """All tumours of a case as one mask, by FLARE24's rules."""

    source: str
    case: str
    method: str
    dsc: float
    nsd_2mm: float


@dataclass(frozen=True)
class FlareScore:
    """Scores of one method.

    Parameters
    ----------
    scoring : str
        "FLARE24" or "LETT-NeXt".
    method : str
        "result", a changed mark, or the name of a baseline.
    n_cases : int
        How many.
    dsc, dsc_sd, nsd_2mm, nsd_2mm_sd : float
        Mean over cases and its standard deviation.
    """

    scoring: str
    method: str
    n_cases: int
    dsc: float
    dsc_sd: float
    nsd_2mm: float
    nsd_2mm_sd: float


def score_case(result: Mask, reference: Mask, spacing_mm: FloatTriple) -> tuple[float, float]:
    """DSC and NSD of all tumours of a case as one mask, bool (z, y, x), by FLARE24's rules."""
    overlap = dsc(result, reference)
    return overlap, flare_nsd(overlap, nsd(result, reference, spacing_mm, 2.0))


def flare_scores(cases: Sequence[CaseScore], tumors: Sequence[TumorScore]) -> tuple[FlareScore, ...]:
    """Both countings of every method, methods in order of appearance."""
    scores = []
    for method in dict.fromkeys(case.method for case in cases):
        merged = [(case.dsc, case.nsd_2mm) for case in cases if case.method == method]
        scores.append(_mean(FLARE24, method, merged))
        apart: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for tumor in tumors:
            if tumor.method == method:
                pair = (tumor.score.dsc, tumor.score.nsd_2mm)
                apart.setdefault((tumor.source, tumor.case), []).append(pair)
        scores.append(_mean(LETT_NEXT, method, [np.mean(pairs, axis=0) for pairs in apart.values()]))
    return tuple(scores)


def _mean(scoring: str, method: str, pairs: Iterable[Iterable[float]]) -> FlareScore:
    values = np.array([list(pair) for pair in pairs])
    (dsc_mean, nsd_mean), (dsc_sd, nsd_sd) = values.mean(axis=0).tolist(), values.std(axis=0).tolist()
    return FlareScore(scoring, method, len(values), dsc_mean, dsc_sd, nsd_mean, nsd_sd)
