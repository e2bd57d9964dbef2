"""Scoring a way of segmenting on a folder of scans with reference masks, baselines next to every number."""

import os
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np

from lite_ensam.core.about import DISCLAIMER
from lite_ensam.core.case import Case
from lite_ensam.core.errors import CaseError
from lite_ensam.core.partial_volume import SubVolume, TumorMasks, slices
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import Mask, PathLike
from lite_ensam.datasets import CaseFiles
from lite_ensam.datasets.case_files import DRAWN, are_lines_drawn
from lite_ensam.datasets.training_cases import list_scored_cases
from lite_ensam.evaluation.baselines import BASELINES
from lite_ensam.evaluation.flare_scoring import CaseScore, FlareScore, flare_scores, score_case
from lite_ensam.evaluation.perturbations import CHANGES, change_marks
from lite_ensam.evaluation.resources import CaseResources
from lite_ensam.evaluation.scores import OVERALL, Summary, TumorScore, score_mask, summarize
from lite_ensam.evaluation.segmenting import Segmenting, label_map
from lite_ensam.io import write_report, write_table

__all__ = ["RESULT", "Evaluation", "evaluate"]


RESULT = "result"
"""Name of the evaluated method, next to the names of the baselines."""


@with_short_repr
@dataclass(frozen=True)
class Evaluation:
    """Scores of all tumours, their means and intervals.

    Parameters
    ----------
    folder : str
        What was evaluated.
    seed : int
        Seed of the bootstrap and of changed marks.
    summaries : tuple[Summary, ...]
        Summaries of each source, then overall; in each the result, the result on changed marks, the
        baselines.
    flare : tuple[FlareScore, ...]
        Each method as the literature on FLARE counts, in both ways.
    tumors : tuple[TumorScore, ...]
        One for each tumour and method.
    cases : tuple[CaseScore, ...]
        All tumours of a case as one mask, for each method.
    notes : tuple[str, ...], default ()
        Notes of the folder and of each case: what was skipped, how scans were read.
    resources : tuple[CaseResources, ...], default ()
        What a fresh process took for each case, if that was measured.
    """

    folder: str
    seed: int
    summaries: tuple[Summary, ...]
    flare: tuple[FlareScore, ...]
    tumors: tuple[TumorScore, ...]
    cases: tuple[CaseScore, ...]
    notes: tuple[str, ...] = ()
    resources: tuple[CaseResources, ...] = ()

    def summary(self, source: str = OVERALL, method: str = RESULT) -> Summary:
        """Return the summary of one method on one source; KeyError names the ones that exist.

        Parameters
        ----------
        source : str, default OVERALL
            Name of a source; `OVERALL` is the mean over sources.
        method : str, default RESULT
            Name of a method, such as `RESULT`.

        Returns
        -------
        Summary
            The summary.
        """
        for summary in self.summaries:
            if (summary.source, summary.method) == (source, method):
                return summary
        known = ", ".join(f"{one.method!r} on {one.source!r}" for one in self.summaries)
        raise KeyError(f"no summary of {method!r} on {source!r}; there are {known}")

    def to_dict(self) -> dict[str, Any]:
        """Return all scores as a JSON-ready dictionary.

        Returns
        -------
        dict[str, Any]
            All numbers by name.
        """
        return {"use": DISCLAIMER} | asdict(self)

    def write_json(self, path: PathLike, overwrite: bool = False) -> None:
        """Write all scores as JSON; OutputError if they cannot be written.

        Parameters
        ----------
        path : PathLike
            The file to write.
        overwrite : bool, default False
            Whether an existing file may be replaced.
        """
        write_report(path, self.to_dict(), overwrite)

    def write_csv(self, path: PathLike, overwrite: bool = False) -> None:
        """Write a row for each tumour and method as CSV; OutputError if they cannot be written.

        Parameters
        ----------
        path : PathLike
            The file to write.
        overwrite : bool, default False
            Whether an existing file may be replaced.
        """
        write_table(path, [_row(tumor) for tumor in self.tumors], overwrite)


def evaluate(
    folder: PathLike,
    segment: Segmenting,
    *,
    baselines: Sequence[str] = ("sphere",),
    changes: Sequence[str] = (),
    seed: int = 0,
    on_case: Callable[[str, int, int], None] | None = None,
    only: Collection[str] | None = None,
) -> Evaluation:
    """Segment and score every case of a folder.

    Parameters
    ----------
    folder : PathLike
        Cases in a layout of `datasets.folders`, or a CSV or Parquet list of them.
    segment : Segmenting
        Function from a case to its label map.
    baselines : Sequence[str], default ("sphere",)
        Names out of `BASELINES` that are scored too.
    changes : Sequence[str], default ()
        Names out of `CHANGES`: the result is scored on marks changed so, too.
    seed : int, default 0
        Seed of the bootstrap and of changed marks.
    on_case : Callable[[str, int, int], None] or None, default None
        Called before each case with its name, its number from 0 and how many there are.
    only : Collection[str] or None, default None
        `source/case` of the cases that are scored, such as those that training has left out; None scores all.

    Returns
    -------
    Evaluation
        Scores of each tumour, and their means with intervals.

    Raises
    ------
    CaseError
        If the folder holds no case, a case cannot be read, its labels lack a marked tumour, or what
        `segment` returns does not fit.
    ValueError
        If a baseline or a change is unknown.
    MissingExtraError
        If `surface-distance` is not installed.
    """
    for what, names, known in (
        ("baselines", baselines, list(BASELINES)),
        ("changes", changes, list(CHANGES)),
    ):
        if unknown := [name for name in names if name not in known]:
            raise ValueError(f"{what} must be names out of {', '.join(known)}, got {unknown[0]!r}")
    found, notes = list_scored_cases(folder, only)
    if n_drawn := sum(are_lines_drawn(files.ct, files.marks) for files in found):
        notes = (*notes, f"no lines were given for {n_drawn} of {len(found)} cases; {DRAWN}")
    tumors: list[TumorScore] = []
    cases: list[CaseScore] = []
    for number, files in enumerate(found):
        if on_case is not None:
            on_case(files.key, number, len(found))
        case = files.read()
        notes = (*notes, *(f"{files.key}: {note}" for note in case.source.notes))
        masks = _result_masks(case, segment, changes, seed) | _baseline_masks(case, baselines)
        tumors += _tumor_scores(files, case, masks)
        cases += _case_scores(files, case, masks)
    summaries = summarize(tumors, seed)
    return Evaluation(
        os.fspath(folder), seed, summaries, flare_scores(cases, tumors), tuple(tumors), tuple(cases), notes
    )


_Masks: TypeAlias = dict[str, tuple[list[SubVolume], float]]
"""By method: a mask for each mark, on its box, and the seconds that all of them took."""


def _result_masks(case: Case, segment: Segmenting, changes: Sequence[str], seed: int) -> _Masks:
    given = {RESULT: case} | {change: change_marks(case, change, seed) for change in changes}
    masks: _Masks = {}
    for method, marked in given.items():
        start = time.perf_counter()
        labels = label_map(segment, marked)
        seconds = time.perf_counter() - start
        if labels.shape != case.grid.shape_zyx:
            raise CaseError(
                f"{case.name}: the result has shape {labels.shape}, the CT {case.grid.shape_zyx} (z, y, x)"
            )
        tumors = TumorMasks(labels)
        masks[method] = ([tumors[mark.label] for mark in case.marks], seconds)
    return masks


def _baseline_masks(case: Case, baselines: Sequence[str]) -> _Masks:
    masks: _Masks = {}
    for baseline in baselines:
        start = time.perf_counter()
        drawn = [BASELINES[baseline](case, mark) for mark in case.marks]
        masks[baseline] = (drawn, time.perf_counter() - start)
    return masks


def _tumor_scores(files: CaseFiles, case: Case, masks: _Masks) -> list[TumorScore]:
    return [
        TumorScore(
            source=files.source,
            case=files.name,
            label=mark.label,
            recist_mm=mark.length_mm(case.grid.spacing_mm),
            method=method,
            seconds=seconds,
            score=score_mask(drawn[number], mark, case),
        )
        for number, mark in enumerate(case.marks)
        for method, (drawn, seconds) in masks.items()
    ]


def _case_scores(files: CaseFiles, case: Case, masks: _Masks) -> list[CaseScore]:
    if case.reference is None:
        raise CaseError(f"{case.name}: has no reference")
    reference: Mask = np.isin(case.reference, [mark.label for mark in case.marks])
    return [
        CaseScore(
            files.source,
            files.name,
            method,
            *score_case(_union(drawn, reference.shape), reference, case.grid.spacing_mm),
        )
        for method, (drawn, _) in masks.items()
    ]


def _union(drawn: Sequence[SubVolume], shape_zyx: tuple[int, ...]) -> Mask:
    union: Mask = np.zeros(shape_zyx, np.bool_)
    for mask in drawn:
        union[slices(mask.start_zyx, mask.stop_zyx)] |= mask.voxels
    return union


def _row(tumor: TumorScore) -> dict[str, object]:
    flat = asdict(tumor)
    scores = flat.pop("score")
    return {**flat, **scores}
