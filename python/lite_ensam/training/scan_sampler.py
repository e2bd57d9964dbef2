"""The paper's training patches: random boxes out of whole scans, max-pooled, flipped (section 3.2).

A label of the case is drawn and its box extended by 1 to `margin_voxels` voxels, another number for each side;
other tumours inside are background, which is what teaches the network to mind the line. Everything else is as
inference does it: pooling, padding, channels and ends come from `segmentation`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lite_ensam import _kernels
from lite_ensam.core.case import Case
from lite_ensam.core.errors import CaseError, TrainingError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import Float32Array, Mask
from lite_ensam.datasets import CaseFiles
from lite_ensam.segmentation.channels import Patch, cut_patches, prepare_joint
from lite_ensam.segmentation.patch_plan import PatchPlan, Placement, PlannedPatch
from lite_ensam.training.batches import Batch, group_alike
from lite_ensam.training.config import TrainingConfig
from lite_ensam.training.crop_sources import read_beside
from lite_ensam.training.label_pieces import in_large_pieces, pieces_note
from lite_ensam.training.samplers import check_sources, fingerprint, source_index
from lite_ensam.training.scan_bank import SYNTHETIC

__all__ = ["ScanSampler", "joint_sample"]

KEPT_SCANS = 16
"""Scans that stay in memory; of a few thousand the next one is hardly ever among them."""

_CHECKED_SCANS = 8
"""Scans whose labels are looked at for pieces before a run: reading all would cost hours where there are thousands."""

WINDOWS_HU = ((-160.0, 240.0), (-160.0, 240.0), (-1000.0, 400.0), (-200.0, 300.0))
"""Windows that windowed scans were probably made with; those of FLARE are soft tissue or lung."""


@with_short_repr
@dataclass(frozen=True)
class _Scan:
    """A case in the network's frame, and where there is image (bool (z, y, x)); None is everywhere."""

    case: Case
    known: Mask | None = None


class ScanSampler:
    """Random boxes around the tumours of scans.

    Parameters
    ----------
    cases : Sequence[CaseFiles]
        At least one case, each with a reference.
    config : TrainingConfig
        Margins, sizes and source weights.
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

    @cached_property
    def notes(self) -> list[str]:
        """A sentence if labels of the data are in several pieces; some scans, spread evenly, are read for it."""
        numbers = [number for number, case in enumerate(self._cases) if case.source != SYNTHETIC]
        checked = numbers[:: -(-len(numbers) // _CHECKED_SCANS) or 1]
        scans = [self._read(number).case for number in checked]
        pieces = [in_large_pieces(_reference(case) == mark.label) for case in scans for mark in case.marks]
        return pieces_note(
            pieces, "" if checked == numbers else f" in {len(checked)} scans that were checked"
        )

    def batches(self, step: int, rank: int, count: int) -> list[Batch]:
        """Some tumours of a step; each of them is decided by its own number among those of all processes."""
        first = rank * count
        numbers = range(first, first + count)
        return group_alike(
            [self.draw(np.random.default_rng((self._config.seed, step, item))) for item in numbers]
        )

    def draw(self, rng: np.random.Generator) -> Batch:
        """A tumour of a case of a source, with its random surroundings."""
        scan = self._read(source_index(rng, self._by_source, self._config.source_weights))
        mark = scan.case.marks[rng.integers(len(scan.case.marks))]
        scan, mark = _flipped(scan, mark, rng.random(3) < 0.5)
        placement = _random_box(scan.case, mark, rng, self._config)
        if scan.case.hu and rng.random() < self._config.windowed:
            scan = replace(scan, case=_windowed(scan.case, rng))
        config = self._config.patch
        planned = PlannedPatch.pooled(mark, placement, scan.case.grid, config)
        plan = PatchPlan(scan.case.grid.shape_zyx, scan.case.grid.flips_zyx, (planned,))
        (patch,) = cut_patches(scan.case, plan, config)
        return _sample(scan, patch)

    def _read_anew(self, number: int) -> _Scan:
        files = self._cases[number]
        case = files.read()
        known = read_beside(files, case, "known.nii.gz")
        turned = case.flipped(case.grid.flips_zyx)  # the network's frame
        return _Scan(turned, None if known is None else known > 0)


def joint_sample(case: Case, mark: RecistMark, config: TrainingConfig) -> Batch:
    """The patch of one mark as inference cuts it, with its target.

    Parameters
    ----------
    case : Case
        A case with a reference.
    mark : RecistMark
        One of its marks.
    config : TrainingConfig
        Config of the run.

    Returns
    -------
    Batch
        A batch of one patch.
    """
    patch = next(patch for patch in prepare_joint(case, config.patch) if patch.mark.label == mark.label)
    return _sample(_Scan(case.flipped(case.grid.flips_zyx)), patch)


def _flipped(scan: _Scan, mark: RecistMark, axes: NDArray[np.bool_]) -> tuple[_Scan, RecistMark]:
    """Views of the case mirrored along some axes, with one of its marks."""
    case = scan.case
    steps = tuple(slice(None, None, -1 if axis else 1) for axis in axes)
    last = np.asarray(case.grid.shape_zyx) - 1
    ends = np.where(axes, last - np.asarray(mark.endpoints_zyx), np.asarray(mark.endpoints_zyx))
    first, second = ((z, y, x) for z, y, x in ends.tolist())
    turned = replace(mark, endpoints_zyx=(first, second))
    grid = Grid.from_spacing(case.grid.shape_zyx, case.grid.spacing_mm)
    flipped = replace(
        case, ct=case.volume[steps], reference=_reference(case)[steps], grid=grid, marks=(turned,)
    )
    return _Scan(flipped, None if scan.known is None else scan.known[steps]), turned


def _random_box(case: Case, mark: RecistMark, rng: np.random.Generator, config: TrainingConfig) -> Placement:
    """The tumour's box, extended at random, pooled as at inference."""
    start, stop = _kernels.label_boxes(np.equal(_reference(case), mark.label), 1)[1]
    margins = rng.integers(1, config.margin_voxels + 1, size=(2, 3))
    shape = np.asarray(case.grid.shape_zyx)
    # the line's ends stay inside, wherever the mark was drawn
    ends = np.rint(mark.endpoints_zyx).astype(int)
    low = np.clip(np.minimum(start - margins[0], ends.min(axis=0)), 0, shape - 1)
    high = np.clip(np.maximum(stop - 1 + margins[1], ends.max(axis=0)), 0, shape - 1)
    patch = config.patch
    return Placement.joint_placement(
        [low, high], case.grid.shape_zyx, 0, patch.most_voxels, patch.side_multiple
    )


def _windowed(case: Case, rng: np.random.Generator) -> Case:
    """The case as somebody would have stored it who looked through a window."""
    low, high = WINDOWS_HU[rng.integers(len(WINDOWS_HU))] + rng.normal(0.0, 15.0, 2)
    levels = (np.clip(case.volume, low, high).astype(np.float32) - np.float32(low)) * (255 / (high - low))
    greys = np.rint(levels).astype(np.uint8)
    # all alike in that window, as a piece of lung in one of soft tissue: nobody would have marked it there
    return replace(case, ct=greys, hu=False) if np.ptp(greys) else case


def _sample(scan: _Scan, patch: Patch) -> Batch:
    """Patch and target: of a pooled voxel the share that is tumour; of padding nothing is learnt."""
    placement = patch.placement
    low = np.asarray(placement.start_zyx).astype(int)
    high = np.minimum(np.rint(placement.stop_zyx), scan.case.grid.shape_zyx).astype(int)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    content = tuple(slice(n) for n in placement.content_zyx)
    share = _block_means(np.equal(_reference(scan.case)[box], patch.mark.label), placement.block_zyx)[content]
    target, known = (np.zeros(patch.values.shape[1:], dtype=np.float32) for _ in range(2))
    target[content] = share / share.max()  # a tumour that is smaller than a block fills it
    known[content] = 1.0
    if scan.known is not None:
        known[content] = _block_means(scan.known[box], placement.block_zyx)[content] == 1
    return Batch(
        values=torch.from_numpy(patch.values)[None],
        endpoints_zyx=torch.from_numpy(patch.endpoints_zyx)[None],
        target=torch.from_numpy(target)[None, None],
        known=torch.from_numpy(known)[None, None],
    )


def _block_means(mask: NDArray[Any], block_zyx: Sequence[int]) -> Float32Array:
    """Means over blocks; those at the end may be cut short."""
    means = mask.astype(np.float32)
    for axis, block in enumerate(block_zyx):
        side = means.shape[axis]
        starts = np.arange(0, side, block)
        sizes = np.minimum(block, side - starts).astype(np.float32)
        sums = np.add.reduceat(means, starts, axis=axis)
        means = sums / sizes.reshape([-1 if one == axis else 1 for one in range(3)])
    return means


def _reference(case: Case) -> np.ndarray:
    if case.reference is None:
        raise CaseError(f"{case.name}: has no reference to learn from")
    return case.reference
