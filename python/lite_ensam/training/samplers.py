"""Where training patches come from: seed, step and process alone decide what is drawn."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from lite_ensam.core.errors import TrainingError
from lite_ensam.training.batch_channels import channels_of_batch
from lite_ensam.training.batches import Batch
from lite_ensam.training.config import TrainingConfig
from lite_ensam.training.crop_cache import KNOWN_BIT, LINES_A_SIDE, LesionCropCache
from lite_ensam.training.grey_levels import HU_OF_GREY
from lite_ensam.training.label_pieces import pieces_note
from lite_ensam.training.lesion_batches import Chance, CropBatch, draw_patches
from lite_ensam.training.prompts import cut_to_extent, draw_extent
from lite_ensam.training.scan_bank import SYNTHETIC

__all__ = ["LesionCropSampler", "PatchSampler", "check_sources", "fingerprint", "seeded"]

_CPU = torch.device("cpu")

WIDEST_DRAW = 1.12
"""A line that is drawn longer than it is takes a wider crop: see `jitter_lines`."""

_LIKE_SIZE = 0.2
"""Lesions are of like size if they differ by less than a factor of e^0.2, about a fifth."""


@runtime_checkable
class PatchSampler(Protocol):
    """A source of batches for the trainer."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Lesions or cases of each source."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the names of all that can be drawn."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """Sentences about the data that a user should read before the run."""
        ...

    def batches(self, step: int, rank: int, count: int) -> list[Batch]:
        """Draw the patches of a step, those of one shape in one batch; several threads may call this at once.

        Parameters
        ----------
        step : int
            Number of the step; seed, step and rank alone decide what is drawn.
        rank : int
            Number of the process, 0 with one.
        count : int
            Number of patches.

        Returns
        -------
        list[Batch]
            `count` patches in all.
        """
        ...


class LesionCropSampler:
    """Augmented cubes around single lesions, out of a bank that lies on the training device.

    Parameters
    ----------
    bank : LesionCropCache
        Crop cache on disk.
    config : TrainingConfig
        Config of the run.
    device : torch.device, default _CPU
        Device that the crops are copied to.

    Raises
    ------
    TrainingError
        If the config names other sources than the bank, or wants wider cubes than it holds.
    """

    def __init__(self, bank: LesionCropCache, config: TrainingConfig, device: torch.device = _CPU) -> None:
        check_sources(bank.by_source, config)
        if config.patch.side_factor * WIDEST_DRAW > LINES_A_SIDE:
            raise TrainingError(
                f"side_factor {config.patch.side_factor} needs more than the bank's {LINES_A_SIDE} lines a side"
            )
        if config.patch.window_hu is None:
            raise TrainingError("a whole scan's range is not known of a lesion's crop: give window_hu")
        self._bank, self._config = DeviceBank(bank, device, config.size_balance), config
        self.counts = {source: len(members) for source, members in bank.by_source.items()}
        self.fingerprint = fingerprint(bank.names())
        drawn = [found for (source, _), found in bank.in_pieces().items() if source != SYNTHETIC]
        self.notes = pieces_note(drawn)

    def batches(self, step: int, rank: int, count: int) -> list[Batch]:
        """Lesions of sources drawn by weight, augmented, with what else a user may know of them."""
        config = self._config
        chance = Chance(seeded(self._bank.device, config.seed, step, rank), count)
        crops = self._bank.draw(chance, config.source_weights, config.readers)
        drawn = draw_patches(crops, config.patch, config.lines, chance, config.redrawn)
        extent = draw_extent(chance, drawn, config.prompts)
        values = channels_of_batch(drawn, config.patch, extent)
        odds = torch.tensor(config.prompts.rounds, device=values.device)
        rounds = torch.multinomial(odds, count, replacement=True, generator=chance.generator)
        target = cut_to_extent(drawn.target, extent)
        return [Batch(values, drawn.ends, target, drawn.known, rounds)]


class DeviceBank:
    """A bank of crops as tensors of one device.

    Parameters
    ----------
    bank : LesionCropCache
        Crop cache on disk.
    device : torch.device
        Device that all crops are copied to.
    size_balance : float, default 0.0
        0 draws all lesions of a source equally often, 1 draws all sizes equally often (`size_odds`).
    """

    def __init__(self, bank: LesionCropCache, device: torch.device, size_balance: float = 0.0) -> None:
        self.device = device
        self.grey, self.bits = (torch.from_numpy(whole).to(device) for whole in bank.arrays())
        lines = bank.lines()
        self.contours = torch.tensor([len(of_crop) for of_crop in lines], device=device)
        most = max(map(len, lines))
        padded = [list(of_crop) + [of_crop[0]] * (most - len(of_crop)) for of_crop in lines]
        self.lines = torch.tensor(padded, dtype=torch.float32, device=device)
        self.native_voxel = torch.tensor(bank.native_voxels(), dtype=torch.float32, device=device)
        self.by_source = {
            source: torch.tensor(members, device=device) for source, members in sorted(bank.by_source.items())
        }
        self._limits = {
            source: size_odds(self.native_voxel[members], size_balance).cumsum(0)
            for source, members in self.by_source.items()
        }
        self._hu_of_grey = torch.from_numpy(HU_OF_GREY).to(device)

    def draw(self, chance: Chance, weights: Mapping[str, float], readers: float) -> CropBatch:
        """Crops of sources drawn by weight (all alike without weights), a share with one reader's contour."""
        odds = [weights.get(source, 0.0) if weights else 1.0 for source in self.by_source]
        source = _drawn_by(chance.uniform(), torch.tensor(odds, device=self.device).cumsum(0))
        picked = torch.zeros(chance.count, dtype=torch.long, device=self.device)
        place = chance.uniform()
        for number, (name, members) in enumerate(self.by_source.items()):
            of_source = members[_drawn_by(place, self._limits[name])]
            picked = torch.where(source == number, of_source, picked)
        others = (self.contours[picked] - 1).clamp(min=0)
        reader = 1 + (chance.uniform() * others).long().minimum((others - 1).clamp(min=0))
        alone = chance.happens(readers) & (others > 0)
        return self.crops(picked, torch.where(alone, reader, 0))

    def crops(self, picked: Tensor, contours: Tensor) -> CropBatch:
        """Crops by number, each with one of its contours."""
        hu = self._hu_of_grey[self.grey[picked].long()]
        bits = self.bits[picked]
        share = (bits >> contours.to(torch.uint8)[:, None, None, None]) & 1
        volumes = torch.stack([hu, share.float(), (bits >> KNOWN_BIT).float()], dim=1)
        return CropBatch(volumes, self.lines[picked, contours], self.native_voxel[picked])

    def plain_batches(self, config: TrainingConfig, size: int = 8) -> Iterator[tuple[str, Batch]]:
        """Each lesion once as inference would cut it, with what its readers agree on; by source."""
        for source, members in self.by_source.items():
            for part in members.split(size):
                drawn = draw_patches(self.crops(part, torch.zeros_like(part)), config.patch, config.lines)
                values = channels_of_batch(drawn, config.patch)
                yield source, Batch(values, drawn.ends, drawn.target, drawn.known)


def size_odds(native_voxel: Tensor, balance: float) -> Tensor:
    """How often each lesion of a source is drawn, so that the few large ones are learnt as well as the many small ones.

    Parameters
    ----------
    native_voxel : Tensor
        Float32 (n, 3), voxel size of the scan (z, y, x) in voxels of the crop, whose side is a multiple of
        the line: small for a lesion of many voxels.
    balance : float
        0 gives equal odds; 1 gives odds inversely proportional to the number of lesions of similar size.

    Returns
    -------
    Tensor
        Float32 (n,), above 0.
    """
    size = native_voxel[:, 1:].mean(1).log()
    alike = ((size[:, None] - size[None]).abs() < _LIKE_SIZE).sum(1)
    return alike.float() ** -balance


def _drawn_by(chances: Tensor, limits: Tensor) -> Tensor:
    """Index of the odds, given as their sums so far, that a number from 0 to 1 falls to."""
    return torch.bucketize(chances * limits[-1], limits, right=True).clamp(max=len(limits) - 1)


def seeded(device: torch.device, *numbers: int) -> torch.Generator:
    """A generator that some whole numbers decide.

    Parameters
    ----------
    device : torch.device
        Device of the generator.
    *numbers : int
        Whole numbers that the seed is derived from.

    Returns
    -------
    torch.Generator
        The generator.
    """
    seed = int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
    return torch.Generator(device).manual_seed(seed % 2**63)


def source_index(
    rng: np.random.Generator, by_source: Mapping[str, Sequence[int]], weights: Mapping[str, float]
) -> int:
    """Index of a case: its source by weight (all alike without weights), then any case of it."""
    sources = sorted(by_source)
    odds = np.array([weights.get(source, 0.0) if weights else 1.0 for source in sources])
    members = by_source[sources[int(rng.choice(len(sources), p=odds / odds.sum()))]]
    return members[int(rng.integers(len(members)))]


def check_sources(found: Mapping[str, object], config: TrainingConfig) -> None:
    """Raise `TrainingError` unless the config weighs all sources, and one of them above 0, or none.

    Parameters
    ----------
    found : Mapping[str, object]
        Mapping whose keys are the sources of the data.
    config : TrainingConfig
        Config with `source_weights`.
    """
    unknown = sorted(set(found) ^ set(config.source_weights)) if config.source_weights else []
    if unknown:
        raise TrainingError(
            f"source_weights must name every source of the data ({', '.join(sorted(found))}) and no other; "
            f"{', '.join(unknown)} {'is' if len(unknown) == 1 else 'are'} on one side only"
        )
    shares = config.source_weights.values()
    if shares and not (min(shares) >= 0 and 0 < sum(shares) < math.inf):
        raise TrainingError(f"source_weights must be at least 0 and not all 0, got {config.source_weights}")


def fingerprint(names: object) -> str:
    """SHA-256 of names, in order.

    Parameters
    ----------
    names : object
        An iterable of names.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    return hashlib.sha256(json.dumps(list(names)).encode()).hexdigest()  # type: ignore[call-overload]
