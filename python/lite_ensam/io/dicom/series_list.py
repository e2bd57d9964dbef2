"""Which CT series a folder holds, in a few numbers each, for somebody who chooses one; nothing of the patient."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from lite_ensam.core.errors import CaseError, printable
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import FloatTriple
from lite_ensam.io.dicom.ct_folder import read_ct_folder
from lite_ensam.io.dicom.datasets import (
    Dataset,
    PathLike,
    read_directions,
    read_numbers,
    translate_dicom_errors,
)
from lite_ensam.io.dicom.harmless import series_number

__all__ = ["SeriesSummary", "list_ct_series"]


@with_short_repr
@dataclass(frozen=True)
class SeriesSummary:
    """Summary of a CT series.

    Parameters
    ----------
    uid : str
        SeriesInstanceUID.
    number : int or None
        SeriesNumber, or None.
    description : str
        SeriesDescription, perhaps empty.
    n_slices : int
        Images, or frames of multi-frame images.
    spacing_mm : FloatTriple or None
        Spacing in mm, (z, y, x), z the usual distance of neighbouring slices; None where the headers do not
        say.
    patient : int
        1, 2, ... for each PatientID in the folder.
    """

    uid: str
    number: int | None
    description: str
    n_slices: int
    spacing_mm: FloatTriple | None
    patient: int


@translate_dicom_errors
def list_ct_series(folder: PathLike) -> tuple[SeriesSummary, ...]:
    """List the CT series of a folder and its subfolders by number; only headers are read.

    Parameters
    ----------
    folder : PathLike
        Folder with DICOM files, or with folders of them.

    Returns
    -------
    tuple[SeriesSummary, ...]
        A summary of each series, by SeriesNumber.

    Raises
    ------
    CaseError
        If the folder does not exist, or a file cannot be read.
    MissingExtraError
        If pydicom is not installed.
    """
    by_series: dict[str, list[Dataset]] = defaultdict(list)
    patients: dict[str, int] = {}
    for plane in read_ct_folder(folder).planes:
        by_series[str(plane.get("SeriesInstanceUID", ""))].append(plane)
        patients.setdefault(str(plane.get("PatientID", "")), len(patients) + 1)
    found = [_summary(uid, planes, patients) for uid, planes in by_series.items()]
    return tuple(
        sorted(
            found, key=lambda one: (one.patient, one.number is None, one.number or 0, -one.n_slices, one.uid)
        )
    )


def _summary(uid: str, planes: list[Dataset], patients: dict[str, int]) -> SeriesSummary:
    first = planes[0]
    places = {str(plane.get("ImagePositionPatient")) for plane in planes}
    number = series_number(first)
    return SeriesSummary(
        uid=uid,
        number=int(number) if number.lstrip("-").isdigit() else None,
        description=printable(str(first.get("SeriesDescription") or "")),
        n_slices=len(places) if len(places) > 1 else len(planes),
        spacing_mm=_spacing(planes),
        patient=patients[str(first.get("PatientID", ""))],
    )


def _spacing(planes: list[Dataset]) -> FloatTriple | None:
    try:
        row, column = read_numbers(planes[0], "PixelSpacing", 2).tolist()
        normal = np.cross(*read_directions(planes[0]))
        heights = [float(normal @ read_numbers(plane, "ImagePositionPatient", 3)) for plane in planes]
    except CaseError:
        return None
    steps = np.diff(np.unique(np.round(heights, 3)))
    return (float(np.median(steps)), row, column) if len(steps) else None
