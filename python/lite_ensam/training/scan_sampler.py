"""The paper's training patches: random boxes out of whole scans, max-pooled, flipped (section 2.4).

A label of the case is drawn and its box extended by 1 to `margin_voxels` voxels, another number for each side;
other tumours inside are background, which is what teaches the network to mind the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch

from lite_ensam import _kernels
from lite_ensam.core.case import Case
from lite_ensam.core.errors import CaseError, TrainingError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.datasets import CaseFiles
from lite_ensam.segmentation.channels import Patch, cut_patches, prepare_joint
from lite_ensam.segmentation.patch_plan import PatchPlan, Placement, PlannedPatch
from lite_ensam.training.batches import Batch, group_alike
from lite_ensam.training.config import TrainingConfig
from lite_ensam.training.samplers import check_sources, fingerprint, source_index

__all__ = ["ScanSampler", "joint_sample"]

KEPT_SCANS = 16
"""Scans that stay in memory; of a few thousand the next one is hardly ever among them."""


class ScanSampler:
    """Random boxes around the tumours of scans.

    Parameters
    ----------
    cases : at least one, each with a reference
    config : margins, sizes and source weights
    """

    def __init__(self, cases: Sequence[CaseFiles], config: TrainingConfig) -> None:
        if not cases:
            raise TrainingError("no case to train on")
        self._cases, self._config = list(cases), config
        self._by_source: dict[str, list[int]] = {}
        for number, case in enumerate(self._cases):
            self._by_source.setdefault(case.source, []).append(number)
        check_sources(self._by_source, config)
        self.counts = {source: len(members) for source, members in self._by_source.items()}
        self.fingerprint = fingerprint((case.source, case.name) for case in self._cases)
        self._read = lru_cache(KEPT_SCANS)(self._read_anew)

    def batches(self, step: int, rank: int, count: int) -> list[Batch]:
        """Some tumours of a step; each of them is decided by its own number among those of all processes."""
        first = rank * count
        numbers = range(first, first + count)
        return group_alike(
            [self.draw(np.random.default_rng((self._config.seed, step, item))) for item in numbers]
        )

    def draw(self, rng: np.random.Generator) -> Batch:
        """A tumour of a case of a source, with its random surroundings."""
        case = self._read(source_index(rng, self._by_source, self._config.source_weights))
        mark = case.marks[rng.integers(len(case.marks))]
        case, mark = _flipped(case, mark, rng.random(3) < 0.5)
        config, placement = self._config.patch, _random_box(case, mark, rng, self._config)
        planned = PlannedPatch.pooled(mark, placement, case.grid, config)
        plan = PatchPlan(case.grid.shape_zyx, case.grid.flips_zyx, (planned,))
        (patch,) = cut_patches(case, plan, config)
        return _sample(case, patch)

    def _read_anew(self, number: int) -> Case:
        case = self._cases[number].read()
        return case.flipped(case.grid.flips_zyx)  # the network's frame


def joint_sample(case: Case, mark: RecistMark, config: TrainingConfig) -> Batch:
    """The patch of one mark as inference cuts it, with its target."""
    patch = next(patch for patch in prepare_joint(case, config.patch) if patch.mark.label == mark.label)
    return _sample(case.flipped(case.grid.flips_zyx), patch)


def _flipped(case: Case, mark: RecistMark, axes: np.ndarray) -> tuple[Case, RecistMark]:
    """Views of the case mirrored along some axes, with one of its marks."""
    steps = tuple(slice(None, None, -1 if axis else 1) for axis in axes)
    last = np.asarray(case.grid.shape_zyx) - 1
    ends = np.where(axes, last - np.asarray(mark.endpoints_zyx), np.asarray(mark.endpoints_zyx))
    first, second = ((z, y, x) for z, y, x in ends.tolist())
    turned = replace(mark, endpoints_zyx=(first, second))
    grid = Grid.from_spacing(case.grid.shape_zyx, case.grid.spacing_mm)
    flipped = replace(
        case, ct=case.volume[steps], reference=_reference(case)[steps], grid=grid, marks=(turned,)
    )
    return flipped, turned


def _random_box(case: Case, mark: RecistMark, rng: np.random.Generator, config: TrainingConfig) -> Placement:
    """The tumour's box, extended at random, pooled as at inference."""
    start, stop = _kernels.label_boxes(np.equal(_reference(case), mark.label), 1)[1]
    margins = rng.integers(1, config.margin_voxels + 1, size=(2, 3))
    shape = np.asarray(case.grid.shape_zyx)
    # the line's ends stay inside, wherever the mark was drawn
    ends = np.rint(mark.endpoints_zyx).astype(int)
    low = np.clip(np.minimum(start - margins[0], ends.min(axis=0)), 0, shape - 1)
    high = np.clip(np.maximum(stop - 1 + margins[1], ends.max(axis=0)), 0, shape - 1)
    return Placement.joint_placement([low, high], case.grid.shape_zyx, 0, config.most_voxels)


def _sample(case: Case, patch: Patch) -> Batch:
    """Patch and target: a pooled voxel is tumour if one of its voxels is."""
    placement = patch.placement
    low = np.asarray(placement.start_zyx).astype(int)
    high = np.minimum(np.rint(placement.stop_zyx), case.grid.shape_zyx).astype(int)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    inside = np.equal(_reference(case)[box], patch.mark.label).view(np.uint8)
    stop_z, stop_y, stop_x = inside.shape
    pooled = _kernels.crop_max_pool(inside, (0, 0, 0), (stop_z, stop_y, stop_x), placement.block_zyx)
    target = np.zeros(patch.values.shape[1:], dtype=np.float32)
    content = tuple(slice(n) for n in placement.content_zyx)
    target[content] = pooled[content]
    return Batch(
        values=torch.from_numpy(patch.values)[None],
        endpoints_zyx=torch.from_numpy(patch.endpoints_zyx)[None],
        target=torch.from_numpy(target)[None, None],
    )


def _reference(case: Case) -> np.ndarray:
    if case.reference is None:
        raise CaseError(f"{case.name}: has no reference to learn from")
    return case.reference
