"""Held-out lesions: how good the kept weights are while they are still in training.

A look scores plain patches, cut as inference cuts them, on the patch's own grid. That is not the DSC of
`lite-ensam evaluate`, which paints masks into the scan, but rises and falls with it and costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from lite_ensam.core.errors import TrainingError
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.datasets import CaseFiles
from lite_ensam.evaluation import dsc
from lite_ensam.training.batches import Batch
from lite_ensam.training.config import TrainingConfig
from lite_ensam.training.crop_cache import LesionCropCache
from lite_ensam.training.folds import patients_of
from lite_ensam.training.samplers import DeviceBank
from lite_ensam.training.scan_sampler import joint_sample

__all__ = ["Validation", "ValidationScore", "split_by_patient"]

_CPU = torch.device("cpu")


@with_short_repr
@dataclass(frozen=True)
class ValidationScore:
    """Scores of one validation: mean DSC of each source, and their mean.

    Parameters
    ----------
    dsc : float
        Mean over sources, 0 to 1.
    by_source : dict[str, float]
        Mean DSC of the lesions of each source.
    """

    dsc: float
    by_source: dict[str, float]


class Validation:
    """Validation lesions, each cut again for every validation.

    Parameters
    ----------
    lesions : Callable[[], Iterable[tuple[str, Batch]]]
        Returns source and patches of all lesions; it is called for every validation.
    count : int
        Number of lesions, at least one.
    """

    def __init__(self, lesions: Callable[[], Iterable[tuple[str, Batch]]], count: int) -> None:
        if count < 1:
            raise TrainingError("no case to validate on")
        self._lesions, self._count = lesions, count

    def __len__(self) -> int:
        return self._count

    @classmethod
    def of_bank(
        cls, bank: LesionCropCache, config: TrainingConfig, device: torch.device = _CPU
    ) -> Validation:
        """The bank's cubes, without augmentation, and with nothing but their lines."""
        lesions = DeviceBank(bank, device)
        return cls(lambda: lesions.plain_batches(config), len(bank))

    @classmethod
    def of_scans(cls, cases: Sequence[CaseFiles], config: TrainingConfig) -> Validation:
        """The joint crop of each mark of some cases; read again for every validation, since whole scans are large."""

        def lesions() -> Iterable[tuple[str, Batch]]:
            for files in cases:
                case = files.read()
                for mark in case.marks:
                    yield files.source, joint_sample(case, mark, config)

        return cls(lesions, sum(len(case.read().marks) for case in cases))

    @torch.no_grad()
    def look(self, model: nn.Module, device: torch.device) -> ValidationScore:
        """Mean DSC of the model's masks (logit above 0) where there is image; the model is as it was afterwards."""
        scores: dict[str, list[float]] = {}
        training = model.training
        model.eval()
        for source, batch in self._lesions():
            patches = batch.to(device)
            masks = (model(patches.values, patches.endpoints_zyx) > 0).cpu().numpy()
            known = np.ones_like(masks) if batch.known is None else batch.known.cpu().numpy() > 0.5
            truth = batch.target.cpu().numpy() > 0.5
            scores.setdefault(source, []).extend(
                dsc((mask & seen)[0], (right & seen)[0])
                for mask, right, seen in zip(masks, truth, known, strict=True)
            )
        model.train(training)
        by_source = {source: float(np.mean(values)) for source, values in scores.items()}
        return ValidationScore(float(np.mean(list(by_source.values()))), by_source)


def split_by_patient(
    cases: Sequence[CaseFiles], share: float, seed: int
) -> tuple[list[CaseFiles], list[CaseFiles]]:
    """Cases to train on and to validate on; all cases of a patient go the same way.

    Parameters
    ----------
    cases : Sequence[CaseFiles]
        Cases to split.
    share : float
        Share of each source's patients to validate on, above 0 and below 1; at least one of a source that has
        two.
    seed : int
        Seed of the draw.

    Returns
    -------
    tuple[list[CaseFiles], list[CaseFiles]]
        Cases to train on, and cases to validate on.

    Raises
    ------
    TrainingError
        If the share makes no sense, or no source has two patients.
    """
    if not 0 < share < 1:
        raise TrainingError(f"the share to validate on must be above 0 and below 1, got {share}")
    held_out: set[str] = set()
    patients = {id(case): patients_of(case) for case in cases}
    for source in sorted({case.source for case in cases}):
        # a patient may be in several sources: who is held out already stays so
        of_source = {patients[id(case)][0] for case in cases if case.source == source}
        names = sorted(of_source - held_out)
        n_held_out = min(max(1, round(share * len(names))), len(names) - 1)
        order = np.random.default_rng(seed).permutation(len(names))
        held_out |= {names[number] for number in order[: max(0, n_held_out)]}
    if not held_out:
        raise TrainingError("no source has two patients: nothing can be held out to validate on")
    train = [case for case in cases if not held_out & set(patients[id(case)])]
    val = [case for case in cases if held_out >= set(patients[id(case)])]
    if not train or not val:
        raise TrainingError(
            f"a share of {share:g} of the patients leaves no case to {'train' if not train else 'validate'} on: the "
            f"{len(cases)} cases may belong to several patients; name cases to validate on (--val)"
        )
    return train, val
