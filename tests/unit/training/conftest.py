"""A bank of two easy lesions: bright balls in a dark cube, which a second reader drew smaller."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lite_ensam.training.crop_cache import (
    KNOWN_BIT,
    LINES_A_SIDE,
    SIDE,
    LesionCrop,
    LesionCropCache,
    write_bank,
)
from lite_ensam.training.grey_levels import to_grey


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Tiny networks gain nothing from more, and lose much where other work shares the machine."""
    torch.set_num_threads(1)


def ball_crop(name: str, seed: int) -> LesionCrop:
    rng = np.random.default_rng(seed)
    radius, middle = SIDE / LINES_A_SIDE / 2, (SIDE - 1) / 2
    z, y, x = np.indices((SIDE,) * 3) - middle
    distance = np.sqrt(z**2 + y**2 + x**2)
    share = np.clip(radius - distance + 0.5, 0, 1)
    hu = -800 + 850 * share + rng.normal(0, 10, share.shape)
    line = ((middle, middle, middle - radius), (middle, middle, middle + radius))
    short = ((middle, middle, middle - 0.8 * radius), (middle, middle, middle + 0.8 * radius))
    bits = (share > 0.5) | ((distance < 0.8 * radius) << 1) | (1 << KNOWN_BIT)
    return LesionCrop(
        grey=to_grey(hu),
        bits=bits.astype(np.uint8),
        lines=(line, short),
        native_voxel_zyx=(2.0, 1.0, 1.0),
        source="balls" if seed % 2 else "globes",
        name=name,
    )


@pytest.fixture(scope="session")
def bank_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bank")
    assert write_bank(folder, (ball_crop(f"ball {seed}", seed) for seed in range(3))) == 3
    return folder


@pytest.fixture
def bank(bank_folder: Path) -> LesionCropCache:
    return LesionCropCache([bank_folder])
