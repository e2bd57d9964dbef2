"""Golden values of training: what is drawn from a lesion with a seed, and the presets. Needs torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lite_ensam.datasets import CaseFiles
from lite_ensam.training.batches import Batch
from lite_ensam.training.config import TrainingConfig
from lite_ensam.training.crop_cache import LesionCrop, LesionCropCache, cut, write_bank
from lite_ensam.training.presets import PRESETS
from lite_ensam.training.samplers import DeviceBank, LesionCropSampler
from lite_ensam.training.scan_sampler import ScanSampler, joint_sample
from lite_ensam.training.synthetic import Background, Shape, draw_scene
from tests.golden.package import Case, make_phantom

N_SAMPLES, N_BOXES, N_SCENES = 32, 6, 24


def use_one_thread() -> None:
    """Small tensors gain nothing from more, and lose much where other work shares the machine."""
    torch.set_num_threads(1)


def numbers() -> dict[str, Any]:
    """Both presets, and the default."""
    presets = {"default": TrainingConfig(), **PRESETS}
    return {name: preset.to_dict() for name, preset in presets.items()}


def _rates() -> NDArray[np.float32]:
    """Learning rates, in thousandths, over a short and a long run."""
    found = []
    for config in (TrainingConfig(), *PRESETS.values()):
        found += [config.rate(step) for step in np.linspace(0, config.steps - 1, 12).astype(int).tolist()]
    return np.array(found, dtype=np.float32) * 1000


def drawn() -> dict[str, NDArray[np.float32]]:
    """Summaries of crops and of samples drawn from them, and the learning rates."""
    case, config = make_phantom(), TrainingConfig()
    crops = [cut(case, mark, "phantom") for mark in case.marks]
    found = {f"crop {n}": _of_crop(crop) for n, crop in enumerate(crops)}
    with TemporaryDirectory() as folder:
        write_bank(Path(folder), crops)
        bank = LesionCropCache([Path(folder)])
        sampler = LesionCropSampler(bank, config)
        for step in range(N_SAMPLES // config.batch):
            (batch,) = sampler.batches(step, 0, config.batch)
            found |= {f"sample {step}.{n}": _of_sample(batch, n) for n in range(len(batch))}
        ((_, plain),) = DeviceBank(bank, torch.device("cpu")).plain_batches(config)
    found["plain sample"] = _of_sample(plain, 1)
    found["joint sample"] = _of_sample(joint_sample(case, case.marks[1], PRESETS["paper"]))
    paper = PRESETS["paper"]
    paper = replace(paper, patch=replace(paper.patch, most_voxels=2**17))
    scans = ScanSampler([_Files("phantom", "phantom", Path(), case=case)], paper)
    for seed in range(N_BOXES):
        found[f"box {seed}"] = _of_sample(scans.draw(np.random.default_rng(seed)))
    return found | {"rates": _rates()}


@dataclass(frozen=True)
class _Files(CaseFiles):
    """A case that is in memory already, where one on disk is expected."""

    case: Case | None = None

    def read(self) -> Case:
        assert self.case is not None
        return self.case


def scenes() -> dict[str, NDArray[np.float32]]:
    """Summaries of made-up lesions in the phantom."""
    case = make_phantom()
    assert case.reference is not None
    ct = case.volume.astype(np.int16)
    region = np.where(ct > -300, 1, 0).astype(np.uint8)
    region[:, 30:130, 25:135][ct[:, 30:130, 25:135] < -600] = 2
    background = Background(ct, region, case.grid.spacing_mm)
    box = tuple(slice(n.min(), n.max() + 1) for n in np.nonzero(case.reference == 1))
    shape = Shape(case.reference[box] == 1, case.grid.spacing_mm)
    found = {}
    for seed in range(N_SCENES):
        scene = draw_scene(np.random.default_rng(seed), [background], ([shape], [shape]), 48, 3.4)
        if scene is None:
            found[f"scene {seed}"] = np.zeros(1, np.float32)
            continue
        inside = scene.hu[scene.mask]
        values = [
            scene.voxel_mm,
            scene.mask.sum(),
            inside.mean(),
            inside.std(),
            scene.hu.mean(),
            scene.hu.std(),
        ]
        found[f"scene {seed}"] = np.array(values, dtype=np.float32).round(3)
    return found


def _of_crop(crop: LesionCrop) -> NDArray[np.float32]:
    grey, bits = crop.grey.astype(np.float64), crop.bits.astype(np.float64)
    values = [grey.mean(), grey.std(), bits.mean(), bits.max(), *np.ravel(crop.lines), *crop.native_voxel_zyx]
    return np.array(values, dtype=np.float32).round(3)


def _of_sample(batch: Batch, number: int = 0) -> NDArray[np.float32]:
    values = batch.values[number].flatten(1).numpy().astype(np.float64)
    target, ends = batch.target[number].numpy().ravel(), batch.endpoints_zyx[number].numpy()
    voxels = np.random.default_rng(0).integers(0, target.size, 6)
    rows = [[channel.mean(), channel.std(), *channel[voxels]] for channel in values]
    return np.concatenate([*rows, ends.ravel(), [target.mean()]]).astype(np.float32).round(4)
