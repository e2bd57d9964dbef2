"""From data on disk to what a run draws and validates: which cases, and in what form."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from lite_ensam.core.errors import CaseError, TrainingError, printable
from lite_ensam.datasets import CaseFiles
from lite_ensam.datasets.training_cases import EXCLUDE_FILE, TrainingCases, find_training_cases
from lite_ensam.training.config import TrainingConfig
from lite_ensam.training.crop_cache import INDEX, LesionCropCache, write_bank
from lite_ensam.training.crop_gallery import write_gallery
from lite_ensam.training.crop_sources import lesion_crops, synthetic_crops, synthetic_scans
from lite_ensam.training.devices import Devices
from lite_ensam.training.folds import Fold, patients_of
from lite_ensam.training.samplers import LesionCropSampler, PatchSampler, fingerprint
from lite_ensam.training.scan_bank import write_scans
from lite_ensam.training.scan_sampler import ScanSampler
from lite_ensam.training.validation import Validation, split_by_patient

__all__ = ["RunSetup", "source_commit"]

GALLERY = "crops.png"
"""A sheet in the run's folder of what the network is shown."""


@dataclass(frozen=True)
class RunSetup:
    """The data of a run: training and validation.

    Parameters
    ----------
    config : TrainingConfig
        Config of the run; `crops` selects the form of the data.
    data : Path
        See `find_training_cases`.
    run : Path
        Folder of the run; crop caches are kept in it.
    val : Path or None, default None
        Cases to validate on.
    val_share : float or None, default None
        Share of each source's patients to validate on, instead of `val`.
    fold : Fold or None, default None
        Patients that are left out of training and of synthetic shapes. They are the validation cases unless
        `val` names others.
    n_synthetic, synthetic_seed : int
        Number and seed of synthetic lesions, if the data has backgrounds and shapes.
    processes : int, default 1
        Number of processes that draw synthetic lesions.
    """

    config: TrainingConfig
    data: Path
    run: Path
    val: Path | None = None
    val_share: float | None = None
    fold: Fold | None = None
    n_synthetic: int = 0
    synthetic_seed: int = 1
    processes: int = 1

    def prepare(self, machine: Devices | None = None) -> tuple[PatchSampler, Validation | None]:
        """Make the training sampler, and the validation set if one was given.

        Parameters
        ----------
        machine : Devices or None, default None
            Devices of the run.

        Returns
        -------
        tuple[PatchSampler, Validation | None]
            Sampler and validation.

        Raises
        ------
        CaseError
            If no case is found, or one cannot be read.
        TrainingError
            If the data or the split make no sense.
        """
        device = (machine or Devices()).device
        cases = self.cases
        if self.config.crops == "joint":
            scans = Validation.of_scans(cases.val, self.config) if cases.val else None
            return ScanSampler([*cases.train, *self._synthetic_scans()], self.config), scans
        bank = LesionCropCache(self._banks())
        if not (self.run / GALLERY).exists():
            tiles = {source: 98 if source == "synthetic" else 28 for source in sorted(bank.by_source)}
            write_gallery(self.run / GALLERY, bank, tiles)
        draws = LesionCropSampler(bank, self.config, device)
        if not cases.val:
            return draws, None
        folder = self._bank("validation", cases.val, turned=False)
        return draws, Validation.of_bank(LesionCropCache([folder]), self.config, device)

    @cached_property
    def cases(self) -> TrainingCases:
        """Cases to train on and to validate on; no patient is in both."""
        found = find_training_cases(self.data)
        if self.fold is not None and (self.val_share is not None or found.val):
            raise TrainingError(
                "a fold holds out patients by itself: give no share, and no split in the list"
            )
        if self.fold is not None:
            fold = self.fold
            held = tuple(case for case in found.train if all(map(fold.holds, patients_of(case))))
            kept = tuple(case for case in found.train if not any(map(fold.holds, patients_of(case))))
            if not kept or not (held or self.val):
                raise TrainingError(
                    _empty_fold(fold, found.train, "held out" if kept else "left to train on")
                )
            found = replace(found, train=kept, val=held)
        elif sum((self.val is not None, self.val_share is not None, bool(found.val))) > 1:
            raise TrainingError("validation cases come from one of: a folder, a share, the manifest's split")
        if self.val is not None:
            others = find_training_cases(self.val)
            found = replace(found, val=others.train, notes=(*found.notes, *others.notes))
        if self.val_share is not None:
            train, val = split_by_patient(found.train, self.val_share, self.config.seed)
            found = replace(found, train=tuple(train), val=tuple(val))
        learnt, validated = ({case.patient: case.key for case in part} for part in (found.train, found.val))
        if patients := sorted(learnt.keys() & validated.keys()):
            first = patients[0]
            raise TrainingError(
                f"patient {printable(first)} is to be trained on and validated on: cases {printable(learnt[first])} "
                f"and {printable(validated[first])}. Leave one of the two out, in {EXCLUDE_FILE} or in the list"
            )
        return found

    @property
    def notes(self) -> dict[str, Any]:
        """The data's entry in the weights' record."""
        return {
            "data": self.data.name,
            "held_out": sorted(case.key for case in self.cases.val),
            "excluded": list(self.cases.excluded),
            "commit": source_commit(),
        }

    def _banks(self) -> list[Path]:
        """Folders of lesion crops; those that are finished are kept."""
        by_source: dict[str, list[CaseFiles]] = {}
        for case in self.cases.train:
            by_source.setdefault(case.source, []).append(case)
        banks = [self._bank(source, cases) for source, cases in by_source.items()]
        if self._draws_synthetic:
            folder = self._synthetic_folder("synthetic")
            if not (folder / INDEX).is_file():
                write_bank(folder, synthetic_crops(*self._synthetic))
            banks.append(folder)
        return banks

    def _synthetic_scans(self) -> tuple[CaseFiles, ...]:
        if not self._draws_synthetic:
            return ()
        return write_scans(self._synthetic_folder("synthetic-scans"), synthetic_scans(*self._synthetic))

    @property
    def _draws_synthetic(self) -> bool:
        """Whether there is anything to put lesions into; lesions of one's own need none."""
        return bool(self.n_synthetic) and (self.data / "backgrounds").is_dir()

    @property
    def _synthetic(self) -> tuple[Path, int, int, int, Fold | None]:
        return self.data, self.n_synthetic, self.synthetic_seed, self.processes, self.fold

    def _synthetic_folder(self, name: str) -> Path:
        fold = "" if self.fold is None else f"-without-{self.fold.number}-of-{self.fold.count}"
        return self.run / "bank" / f"{name}-{self.synthetic_seed}-{self.n_synthetic}{fold}"

    def _bank(self, name: str, cases: Sequence[CaseFiles], turned: bool = True) -> Path:
        """The folder of some cases' crops; it is called by the cases, so that other cases have another."""
        names = fingerprint((case.source, case.name) for case in cases)[:12]
        folder = self.run / "bank" / f"{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}-{names}"
        if not (folder / INDEX).is_file() and not write_bank(folder, lesion_crops(cases, turned)):
            raise CaseError(f"{folder}: no lesion to learn from")
        return folder


def _empty_fold(fold: Fold, cases: Sequence[CaseFiles], missing: str) -> str:
    """Sentence about a fold of few patients: the hashes of their names may all be on one side."""
    patients = {patient for case in cases for patient in patients_of(case)}
    return (
        f"fold {fold.number}/{fold.count} of {len(patients)} patients: no case is {missing}; name another number, a "
        "smaller count, or a share of the patients (--val-share 0.2)"
    )


def source_commit() -> str | None:
    """Find the commit of the repository that this program runs from; None for an installed package.

    Returns
    -------
    str or None
        SHA-1 of the commit, with "-dirty" behind it if files were changed.
    """
    folder = Path(__file__).resolve().parent
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--match="],
            cwd=folder, capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
