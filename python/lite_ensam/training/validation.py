"""Held-out lesions: how good the kept weights are while they are still in training.

A look scores plain patches, cut as inference cuts them, on the patch's own grid. That is not the DSC of
`lite-ensam evaluate`, which paints masks into the scan, but rises and falls with it and costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from lite_ensam.core.errors import TrainingError
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.datasets import CaseFiles
from lite_ensam.evaluation import dsc
from lite_ensam.training.augmentation import Sample, draw_sample
from lite_ensam.training.config import TrainingConfig
from lite_ensam.training.crop_cache import LesionCropCache
from lite_ensam.training.scan_sampler import joint_sample

__all__ = ["Validation", "ValidationScore", "split_by_patient"]


@with_short_repr
@dataclass(frozen=True)
class ValidationScore:
    """What one look at the validation lesions found: mean DSC of each source, and their mean."""

    dsc: float
    by_source: dict[str, float]


class Validation:
    """Validation lesions, each cut anew at every look.

    Parameters
    ----------
    lesions : source and patch of each; at least one
    """

    def __init__(self, lesions: Sequence[tuple[str, Callable[[], Sample]]]) -> None:
        if not lesions:
            raise TrainingError("no case to validate on")
        self._lesions = list(lesions)

    def __len__(self) -> int:
        return len(self._lesions)

    @classmethod
    def of_bank(cls, bank: LesionCropCache, config: TrainingConfig) -> Validation:
        """The bank's cubes, without augmentation."""

        def cut(number: int) -> Callable[[], Sample]:
            return lambda: draw_sample(bank[number], np.random.default_rng(0), config.patch, augment=False)

        return cls([(source, cut(n)) for source, members in bank.by_source.items() for n in members])

    @classmethod
    def of_scans(cls, cases: Sequence[CaseFiles], config: TrainingConfig) -> Validation:
        """The joint crop of each mark of some cases; read anew at every look, whole scans are large."""

        def cut(files: CaseFiles, label: int) -> Callable[[], Sample]:
            def sample() -> Sample:
                case = files.read()
                return joint_sample(case, next(m for m in case.marks if m.label == label), config)

            return sample

        return cls([(case.source, cut(case, mark.label)) for case in cases for mark in case.read().marks])

    @torch.no_grad()
    def look(self, model: nn.Module, device: torch.device) -> ValidationScore:
        """Mean DSC of the model's masks (logit above 0); the model is as it was afterwards."""
        scores: dict[str, list[float]] = {}
        training = model.training
        model.eval()
        for source, cut in self._lesions:
            sample = cut()
            logits = model(sample.values[None].to(device), sample.endpoints_zyx[None].to(device))
            mask = (logits[0, 0] > 0).cpu().numpy()
            scores.setdefault(source, []).append(dsc(mask, (sample.target > 0.5).numpy()))
        model.train(training)
        by_source = {source: float(np.mean(values)) for source, values in scores.items()}
        return ValidationScore(float(np.mean(list(by_source.values()))), by_source)


def split_by_patient(
    cases: Sequence[CaseFiles], share: float, seed: int
) -> tuple[list[CaseFiles], list[CaseFiles]]:
    """Cases to train on and to validate on; all cases of a patient go the same way.

    Parameters
    ----------
    cases : to be split
    share : of each source's patients to validate on, above 0 and below 1; at least one of a source that has two
    seed : of the draw

    Raises
    ------
    TrainingError
        If the share makes no sense, or no source has two patients.
    """
    if not 0 < share < 1:
        raise TrainingError(f"the share to validate on must be above 0 and below 1, got {share}")
    held_out: set[str] = set()
    for source in sorted({case.source for case in cases}):
        # a patient may be in several sources: who is held out already stays so
        patients = sorted({case.patient for case in cases if case.source == source} - held_out)
        n_held_out = min(max(1, round(share * len(patients))), len(patients) - 1)
        order = np.random.default_rng(seed).permutation(len(patients))
        held_out |= {patients[number] for number in order[: max(0, n_held_out)]}
    if not held_out:
        raise TrainingError("no source has two patients: nothing can be held out to validate on")
    train = [case for case in cases if case.patient not in held_out]
    return train, [case for case in cases if case.patient in held_out]
