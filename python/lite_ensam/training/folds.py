"""Folds by patient: who is held out is decided by the patient's name alone, in every source alike."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import numpy as np

from lite_ensam.core.errors import TrainingError
from lite_ensam.datasets import CaseFiles

__all__ = ["Fold", "lidc_patients", "patients_of"]

_SHIFTS = ((80, 81), (103, 114), (147, 169), (219, 242), (319, 362), (447, 530), (575, 681), (675, 805))
"""Numbers k of LIDC cubes and of their patients: the cubes' sources count the patients that they have."""


@dataclass(frozen=True)
class Fold:
    """One part of all patients, held out.

    Parameters
    ----------
    number : int
        Number of the part, 0 to `count` - 1.
    count : int
        Number of parts.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        if not (self.count >= 2 and 0 <= self.number < self.count):
            raise TrainingError(
                f"a fold must be NUMBER/COUNT with a number from 0 to count - 1 and a count of 2 or more, "
                f"got {self.number}/{self.count}"
            )

    def holds(self, patient: str) -> bool:
        """Whether the patient is held out."""
        digest = hashlib.sha256(patient.encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.number

    def holds_any(self, patients: tuple[str, ...]) -> bool:
        """Whether one of some patients is held out."""
        return any(map(self.holds, patients))


def lidc_patients(cube_number: int) -> tuple[str, ...]:
    """LIDC-IDRI's patients that a cube `k_nod...` may be of: one up to 80, beyond it now and then several.

    Cubes are numbered by the sorted patients of a collection from which some are missing, so that the
    patient's number grows at least as fast as the cube's between the pairs that are known.

    Parameters
    ----------
    cube_number : int
        Number k of a cube `k_nod...`.

    Returns
    -------
    tuple[str, ...]
        PatientIDs.

    Examples
    --------
    >>> lidc_patients(9), len(lidc_patients(100))
    (('LIDC-IDRI-0010',), 11)
    """
    if cube_number <= _SHIFTS[0][0]:
        return (f"LIDC-IDRI-{cube_number + 1:04d}",)
    cubes, patients = np.array(_SHIFTS).T
    after = int(np.searchsorted(cubes, cube_number))
    lowest = int(patients[after - 1] + cube_number - cubes[after - 1])
    highest = int(patients[after] - (cubes[after] - cube_number)) if after < len(cubes) else lowest + 60
    return tuple(f"LIDC-IDRI-{number:04d}" for number in range(lowest, highest + 1))


def patients_of(case: CaseFiles) -> tuple[str, ...]:
    """Patients that a case may be of: one, but for some of LIDC's cubes, whose names do not say it for sure.

    Parameters
    ----------
    case : CaseFiles
        Files of the case, with its source and name.

    Returns
    -------
    tuple[str, ...]
        Identifiers of patients.
    """
    if named := re.match(r"LIDC-IDRI-\d{4}", case.name):
        return (named[0],)
    if case.source == "lidc_nodules" and (cube := re.match(r"(\d+)_nod", case.name)):
        return lidc_patients(int(cube[1]))
    return (case.patient,)
