"""Which tumours of an evaluation are looked at, and what is written above their pictures."""

from collections.abc import Iterable, Sequence

from lite_ensam.core.errors import ArgumentError, brief, printable
from lite_ensam.core.number_kinds import is_real, is_whole
from lite_ensam.core.partial_volume import TumorMasks
from lite_ensam.datasets.training_cases import list_scored_cases
from lite_ensam.evaluation.evaluate import RESULT, Evaluation
from lite_ensam.evaluation.scores import TumorScore
from lite_ensam.evaluation.segmenting import Segmenting, label_map
from lite_ensam.figures.tumor_planes import TumorPicture

__all__ = ["PERCENTILES", "at_percentiles", "picture_tumors", "worst_tumors"]

PERCENTILES = (5, 25, 50, 75, 95)
"""Of the DSC, as in the paper's Figure 2."""


def worst_tumors(evaluation: Evaluation, n_tumors: int = 10) -> list[TumorScore]:
    """Select the tumours with the lowest DSC of the result, the lowest first.

    Parameters
    ----------
    evaluation : Evaluation
        An evaluation of `evaluate`.
    n_tumors : int, default 10
        How many, at most.

    Returns
    -------
    list[TumorScore]
        At most so many scores.
    """
    if not is_whole(n_tumors) or n_tumors < 0:
        raise ArgumentError(f"n_tumors must be a whole number of 0 or more, got {brief(n_tumors)}")
    return _by_dsc(evaluation)[:n_tumors]


def at_percentiles(evaluation: Evaluation, percentiles: Sequence[int] = PERCENTILES) -> list[TumorScore]:
    """Select the tumours nearest to percentiles of the result's DSC.

    Parameters
    ----------
    evaluation : Evaluation
        An evaluation of `evaluate`.
    percentiles : Sequence[int], default PERCENTILES
        Percentiles of the DSC, 0 to 100.

    Returns
    -------
    list[TumorScore]
        A score for each percentile.

    Raises
    ------
    ArgumentError
        If one is not a number from 0 to 100.
    """
    if wrong := [percent for percent in percentiles if not (is_real(percent) and 0 <= percent <= 100)]:
        raise ArgumentError(f"percentiles must be numbers from 0 to 100, got {brief(wrong[0])}")
    ordered = _by_dsc(evaluation)
    return [ordered[round(percent / 100 * (len(ordered) - 1))] for percent in percentiles]


def picture_tumors(
    evaluation: Evaluation, chosen: Iterable[TumorScore], segment: Segmenting
) -> list[TumorPicture]:
    """Read and segment the chosen tumours' cases again, for masks that were not kept.

    Parameters
    ----------
    evaluation : Evaluation
        What they were chosen from; its folder must still be there.
    chosen : Iterable[TumorScore]
        Scores of its result.
    segment : Segmenting
        The same that was evaluated.

    Returns
    -------
    list[TumorPicture]
        Pictures in the order of the scores.
    """
    chosen = list(chosen)
    wanted = {f"{tumor.source}/{tumor.case}" for tumor in chosen}
    if not wanted:
        return []
    files = {(case.source, case.name): case for case in list_scored_cases(evaluation.folder, wanted).cases}
    spheres = {
        (tumor.source, tumor.case, tumor.label): tumor.score.dsc
        for tumor in evaluation.tumors
        if tumor.method == "sphere"
    }
    pictures = []
    for tumor in chosen:
        case = files[tumor.source, tumor.case].read()
        mark = next(mark for mark in case.marks if mark.label == tumor.label)
        result, reference = TumorMasks(label_map(segment, case))[mark.label], case.reference_masks[mark.label]
        extents = (len(result.voxels), len(reference.voxels), case.grid.spacing_mm[0])
        title = _title(tumor, spheres.get((tumor.source, tumor.case, tumor.label)), extents)
        pictures.append(TumorPicture(case.volume, case.grid, mark, result, reference, title))
    return pictures


def _by_dsc(evaluation: Evaluation) -> list[TumorScore]:
    results = [tumor for tumor in evaluation.tumors if tumor.method == RESULT]
    return sorted(results, key=lambda tumor: tumor.score.dsc)


def _title(tumor: TumorScore, sphere: float | None, extents: tuple[int, int, float]) -> str:
    score, (ours, theirs, slice_mm) = tumor.score, extents
    name = printable(f"{tumor.source}/{tumor.case}, tumour {tumor.label}")
    beside = "" if sphere is None else f" (sphere {sphere:.2f})"
    return (
        f"{name}: DSC {score.dsc:.2f}{beside}, NSD 2 mm {score.nsd_2mm:.2f}, volume {score.volume_ml:.2f} ml "
        f"({score.volume_error:+.0%}), {ours} of {theirs} slices of {slice_mm:.3g} mm"
    )
