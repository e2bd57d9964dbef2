"""Where training patches come from: any draw is decided by its random numbers alone."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from lite_ensam.core.errors import TrainingError
from lite_ensam.training.augmentation import Sample, draw_sample, sample_index
from lite_ensam.training.config import TrainingConfig
from lite_ensam.training.crop_cache import LINES_A_SIDE, LesionCropCache

__all__ = ["LesionCropSampler", "PatchSampler", "check_sources", "fingerprint"]

WIDEST_DRAW = 1.12
"""A line that is drawn longer than it is takes a wider crop: see `jitter_ends`."""


@runtime_checkable
class PatchSampler(Protocol):
    """What the trainer draws from."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Lesions or cases of each source."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the names of all that can be drawn."""
        ...

    def draw(self, rng: np.random.Generator) -> Sample:
        """One patch; safe to be called from several threads."""
        ...


class LesionCropSampler:
    """Augmented cubes around single lesions, out of a bank.

    Raises
    ------
    TrainingError
        If the config names other sources than the bank, or wants wider cubes than it holds.
    """

    def __init__(self, bank: LesionCropCache, config: TrainingConfig) -> None:
        check_sources(bank.by_source, config)
        if config.patch.side_factor * WIDEST_DRAW > LINES_A_SIDE:
            raise TrainingError(
                f"side_factor {config.patch.side_factor} needs more than the bank's {LINES_A_SIDE} lines a side"
            )
        self._bank, self._config = bank, config
        self.counts = {source: len(members) for source, members in bank.by_source.items()}
        self.fingerprint = fingerprint(
            (crop.source, crop.name) for crop in map(bank.__getitem__, range(len(bank)))
        )

    def draw(self, rng: np.random.Generator) -> Sample:
        """A lesion of a source drawn by weight, augmented."""
        crop = self._bank[sample_index(rng, self._bank.by_source, self._config.source_weights)]
        return draw_sample(crop, rng, self._config.patch, lines=self._config.lines)


def check_sources(found: Mapping[str, object], config: TrainingConfig) -> None:
    """Raise `TrainingError` unless the config weighs all sources, and one of them above 0, or none."""
    unknown = sorted(set(found) ^ set(config.source_weights)) if config.source_weights else []
    if unknown:
        raise TrainingError(f"source_weights and the data's sources differ in {', '.join(unknown)}")
    shares = config.source_weights.values()
    if shares and not (min(shares) >= 0 and 0 < sum(shares) < math.inf):
        raise TrainingError(f"source_weights must be at least 0 and not all 0, got {config.source_weights}")


def fingerprint(names: object) -> str:
    """SHA-256 of names, in order."""
    return hashlib.sha256(json.dumps(list(names)).encode()).hexdigest()  # type: ignore[call-overload]
