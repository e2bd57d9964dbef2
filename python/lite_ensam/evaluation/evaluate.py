"""Scoring a way of segmenting on a folder of scans with reference masks, floors beside every number.

The folder holds sources, a source holds cases, a case is a folder with `ct.nii.gz`, `labels.nii.gz` and
`marks.json` (without it the lines are drawn on the labels).
"""

import csv
import io
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from lite_ensam._typing import Labels, Mask
from lite_ensam.case import Case
from lite_ensam.errors import CaseError
from lite_ensam.evaluation.baselines import FLOORS
from lite_ensam.evaluation.scores import OVERALL, Summary, TumorScore, score_mask, summarize
from lite_ensam.io import atomic_write, check_output, read_case, write_report

__all__ = ["RESULT", "Evaluation", "evaluate", "find_cases"]

PathLike: TypeAlias = str | os.PathLike[str]

Segmenting: TypeAlias = Callable[[Case], Labels]
"""From a case to its label map, uint8 or uint16 (z, y, x): each mark's tumour under the mark's label."""

RESULT = "result"
"""Name of what is evaluated, beside the names of the floors."""


@dataclass(frozen=True)
class Evaluation:
    """All scores, and what they come to.

    Parameters
    ----------
    folder : what was evaluated
    seed : of the bootstrap
    summaries : of each source, then overall; in each the result, then the floors
    tumors : one for each tumour and method
    """

    folder: str
    seed: int
    summaries: tuple[Summary, ...]
    tumors: tuple[TumorScore, ...]

    def summary(self, source: str = OVERALL, method: str = RESULT) -> Summary:
        """The summary of one method on one source; KeyError if there is none."""
        for summary in self.summaries:
            if (summary.source, summary.method) == (source, method):
                return summary
        raise KeyError(f"no summary of method {method!r} on {source!r}")

    def write_json(self, path: PathLike, overwrite: bool = False) -> None:
        """Write everything; OutputError if that cannot be done."""
        write_report(path, asdict(self), overwrite)

    def write_csv(self, path: PathLike, overwrite: bool = False) -> None:
        """Write one row for each tumour and method; OutputError if that cannot be done."""
        check_output(path, overwrite, (".csv",))
        rows = [_row(tumor) for tumor in self.tumors]
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        with atomic_write(path, overwrite) as file:
            file.write(text.getvalue().encode())


def evaluate(
    folder: PathLike,
    segment: Segmenting,
    *,
    floors: Sequence[str] = ("sphere",),
    seed: int = 0,
    on_case: Callable[[str, int, int], None] | None = None,
) -> Evaluation:
    """Segment and score every case of a folder.

    Parameters
    ----------
    folder : sources of cases, see the module
    segment : from a case to its label map
    floors : names out of `baselines.FLOORS` that are scored too
    seed : of the bootstrap
    on_case : called before each case with its name, its number from 0 and how many there are

    Raises
    ------
    CaseError
        If the folder holds no case, a case cannot be read, its labels lack a marked tumour, or what
        `segment` returns does not fit.
    ValueError
        If a floor is unknown.
    MissingExtraError
        If `surface-distance` is not installed.
    """
    if unknown := [name for name in floors if name not in FLOORS]:
        raise ValueError(f"floors must be names out of {', '.join(FLOORS)}, got {unknown[0]!r}")
    cases = find_cases(folder)
    tumors: list[TumorScore] = []
    for number, path in enumerate(cases):
        if on_case is not None:
            on_case(f"{path.parent.name}/{path.name}", number, len(cases))
        tumors += _score_case(path, segment, floors)
    return Evaluation(os.fspath(folder), seed, summarize(tumors, seed), tuple(tumors))


def find_cases(folder: PathLike) -> list[Path]:
    """Folder of every case, in alphabetical order; CaseError if there is none."""
    found = sorted(path.parent for path in Path(folder).glob("*/*/ct.nii.gz"))
    if not found:
        raise CaseError(
            f"{os.fspath(folder)}: no case to evaluate; looked for SOURCE/CASE/ct.nii.gz with labels.nii.gz "
            "and marks.json beside it"
        )
    return found


def _score_case(path: Path, segment: Segmenting, floors: Sequence[str]) -> list[TumorScore]:
    case = _read(path)
    start = time.perf_counter()
    labels = segment(case)
    seconds = {RESULT: time.perf_counter() - start}
    if labels.shape != case.grid.shape_zyx:
        raise CaseError(
            f"{path}: the result has shape {labels.shape}, the CT {case.grid.shape_zyx} (z, y, x)"
        )
    masks: dict[str, list[Mask]] = {RESULT: [labels == mark.label for mark in case.marks]}
    for floor in floors:
        start = time.perf_counter()
        masks[floor] = [FLOORS[floor](case, mark) for mark in case.marks]
        seconds[floor] = time.perf_counter() - start
    return [
        TumorScore(
            source=path.parent.name,
            case=path.name,
            label=mark.label,
            recist_mm=mark.length_mm(case.grid.spacing_mm),
            method=method,
            seconds=seconds[method],
            score=score_mask(masks[method][number], mark, case),
        )
        for number, mark in enumerate(case.marks)
        for method in masks
    ]


def _read(path: Path) -> Case:
    marks = path / "marks.json"
    case = read_case(path / "ct.nii.gz", marks if marks.exists() else None, path / "labels.nii.gz")
    present = set(np.unique(np.asarray(case.reference)).tolist())
    for mark in case.marks:
        if mark.label not in present:
            raise CaseError(f"{path}: the labels hold no tumour {mark.label}, which is marked")
    return case


def _row(tumor: TumorScore) -> dict[str, object]:
    flat = asdict(tumor)
    scores = flat.pop("score")
    return {**flat, **scores}
