"""From data on disk to what a run draws and validates: which cases, and in what form."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lite_ensam.core.errors import CaseError, TrainingError
from lite_ensam.datasets import CaseFiles
from lite_ensam.datasets.case_layouts import find_training_cases
from lite_ensam.training.config import TrainingConfig
from lite_ensam.training.crop_cache import LesionCrop, LesionCropCache, cut, turned_views, write_bank
from lite_ensam.training.crop_gallery import write_gallery
from lite_ensam.training.crop_sources import LOOSE_CASES, prepare_banks
from lite_ensam.training.samplers import LesionCropSampler, PatchSampler, fingerprint
from lite_ensam.training.scan_sampler import ScanSampler
from lite_ensam.training.validation import Validation, split_by_patient

__all__ = ["RunSetup", "source_commit"]

GALLERY = "crops.png"
"""A sheet in the run's folder of what the network is shown."""


@dataclass(frozen=True)
class RunSetup:
    """What to train and validate on.

    Parameters
    ----------
    config : of the run; `crops` says in what form
    data : see `layouts`
    run : folder of the run; banks of lesion crops are kept in it
    val : cases to validate on
    val_share : share of each source's patients to validate on instead
    n_synthetic, synthetic_seed : synthetic lesions, of lesion crops only, if the data has backgrounds and shapes
    processes : how many draw them
    """

    config: TrainingConfig
    data: Path
    run: Path
    val: Path | None = None
    val_share: float | None = None
    n_synthetic: int = 0
    synthetic_seed: int = 1
    processes: int = 1

    def prepare(self) -> tuple[PatchSampler, Validation | None]:
        """What is drawn, and what is validated on, if there is anything.

        Raises
        ------
        CaseError
            If there are no cases, or one cannot be read.
        TrainingError
            If the data or the split make no sense.
        """
        train, held_out = self.split()
        if self.config.crops == "joint":
            scans = Validation.of_scans(held_out, self.config) if held_out else None
            return ScanSampler(train, self.config), scans
        bank = LesionCropCache(self._banks(train, held_out))
        if not (self.run / GALLERY).exists():
            tiles = {source: 98 if source == "synthetic" else 28 for source in sorted(bank.by_source)}
            write_gallery(self.run / GALLERY, bank, tiles)
        draws = LesionCropSampler(bank, self.config)
        if not held_out:
            return draws, None
        names = fingerprint((case.source, case.name) for case in held_out)[:12]
        folder = _bank(self.run / "bank" / f"validation-{names}", lesion_crops(held_out, turned=False))
        return draws, Validation.of_bank(LesionCropCache([folder]), self.config)

    def split(self) -> tuple[list[CaseFiles], list[CaseFiles]]:
        """Cases to train on and to validate on; no patient is in both."""
        train, held_out = find_training_cases(self.data)
        if sum((self.val is not None, self.val_share is not None, bool(held_out))) > 1:
            raise TrainingError("validation cases come from one of: a folder, a share, the manifest's split")
        if self.val is not None:
            held_out = find_training_cases(self.val)[0]
        if self.val_share is not None:
            train, held_out = split_by_patient(train, self.val_share, self.config.seed)
        patients = {case.patient for case in train} & {case.patient for case in held_out}
        if patients:
            raise TrainingError(f"patient {sorted(patients)[0]} is to be trained on and validated on")
        return train, held_out

    @property
    def notes(self) -> dict[str, Any]:
        """What the weights' record says of the data."""
        _, held_out = self.split()
        return {
            "data": self.data.name,
            "held_out": sorted(f"{case.source}/{case.name}" for case in held_out),
            "commit": source_commit(),
        }

    def _banks(self, train: list[CaseFiles], held_out: list[CaseFiles]) -> list[Path]:
        """Folders of lesion crops; those that are finished are kept."""
        # two runs' worth of crops may share a folder only if they hold out the same cases
        names = fingerprint((case.source, case.name) for case in held_out)[:12]
        folder = self.run / "bank" / (f"without-{names}" if self.val_share is not None else "")
        if (self.data / "train").is_dir():
            exclude = {*LOOSE_CASES, *(case.name for case in held_out)}
            # lesions of one's own need no backgrounds to put others into
            n_synthetic = self.n_synthetic if (self.data / "backgrounds").is_dir() else 0
            return prepare_banks(self.data, folder, n_synthetic, self.synthetic_seed, exclude, self.processes)
        by_source: dict[str, list[CaseFiles]] = {}
        for case in train:
            by_source.setdefault(case.source, []).append(case)
        return [_bank(folder / source, lesion_crops(cases)) for source, cases in by_source.items()]


def lesion_crops(cases: Iterable[CaseFiles], turned: bool = True) -> Iterator[LesionCrop]:
    """A crop of every lesion; `turned`: also seen along other axes, where voxels are cubes."""
    for files in cases:
        case = files.read()
        for mark in case.marks:
            views = turned_views(case, mark) if turned else iter([(case, mark)])
            for view, drawn in views:
                yield cut(view, drawn, files.source)


def source_commit() -> str | None:
    """Commit of the repository that this program runs from; None for an installed package."""
    folder = Path(__file__).resolve().parent
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--match="],
            cwd=folder, capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def _bank(folder: Path, crops: Iterable[LesionCrop]) -> Path:
    if not (folder / "index.json").is_file() and not write_bank(folder, crops):
        raise CaseError(f"{folder}: no lesion to learn from")
    return folder
