"""How far some weights err on patients that they have not learnt from, for the intervals that results come with."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

from lite_ensam.core.errors import CaseError
from lite_ensam.core.types import PathLike
from lite_ensam.datasets import CaseFiles
from lite_ensam.datasets.training_cases import list_scored_cases
from lite_ensam.measurements import HeldOutErrors, TumorError, TumorMeasurement, measure
from lite_ensam.segmentation.predictor import Predictor, expected_dice

__all__ = ["calibrate"]


def calibrate(
    folder: PathLike,
    predictor: Predictor,
    on_case: Callable[[str, int, int], None] | None = None,
    only: Collection[str] | None = None,
) -> HeldOutErrors:
    """Segment every case of a folder and compare volumes and diameters with the reference's.

    Parameters
    ----------
    folder : PathLike
        Cases in a layout of `datasets.folders`, of patients whom the weights have not learnt from.
    predictor : Predictor
        Runs the weights with lesion crops and readers' borders.
    on_case : Callable[[str, int, int], None] or None, default None
        Called before each case with its name, its number from 0 and how many there are.
    only : Collection[str] or None, default None
        `source/case` of the cases that are taken; None takes all.

    Returns
    -------
    HeldOutErrors
        Quantiles of the errors, which `WeightsManifest.write_held_out_errors` keeps.

    Raises
    ------
    CaseError
        If the folder holds no case, one cannot be read, or there are fewer than 19 tumours with a mask.
    """
    found, _ = list_scored_cases(folder, only)
    errors: list[TumorError] = []
    patients = set()
    for number, files in enumerate(found):
        if on_case is not None:
            on_case(files.key, number, len(found))
        of_case = _errors(files, predictor)
        errors += of_case
        if of_case:
            patients.add((files.source, files.patient or files.name))
    try:
        return HeldOutErrors.of(errors, len(patients))
    except ValueError as error:
        raise CaseError(f"{folder}: {error}") from None


def _errors(files: CaseFiles, predictor: Predictor) -> list[TumorError]:
    case = files.read()
    if case.reference is None:
        raise CaseError(f"{files.key}: has no reference mask")
    prediction = predictor.predict(case)
    spacing_mm = case.grid.spacing_mm
    results = prediction.painting.measure(case.marks, spacing_mm)
    readers = measure(case.reference, case.marks, spacing_mm)
    return [
        TumorError(expected_dice(tumor), *_logarithms(result, reader))
        for tumor, result, reader in zip(prediction.tumors, results, readers, strict=True)
        if result.n_voxels and reader.n_voxels
    ]


def _logarithms(result: TumorMeasurement, reader: TumorMeasurement) -> tuple[float, float, float]:
    """Of result over reader: volume, longest diameter, short axis; nothing is smaller than half a voxel."""
    least_mm = min(result.voxels.spacing_mm[1:]) / 2
    longest, short = (
        math.log(max(getattr(result, name), least_mm) / max(getattr(reader, name), least_mm))
        for name in ("longest_diameter_mm", "short_axis_mm")
    )
    return math.log(result.volume_ml / reader.volume_ml), longest, short
