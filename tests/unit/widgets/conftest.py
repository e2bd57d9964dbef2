"""A scan with two tumours, and an engine that needs no weights."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest

from lite_ensam.core.case import Case
from lite_ensam.core.patch_config import PatchConfig
from lite_ensam.engines.backend import WeightsManifest
from lite_ensam.segmentation import Predictor
from lite_ensam.widgets import segmenter
from tests.phantoms import ellipsoid_case


class SphereEngine:
    """Says that the tumour is the sphere of its line, 1 logit for 1 patch voxel; counts its runs."""

    name = "openvino"

    def __init__(self) -> None:
        self.manifest = WeightsManifest(
            PatchConfig(side_voxels=32), 8, np.zeros((3, 1, 2, 2)), "", "", {}, Path()
        )
        self.runs = 0
        self.broken: Exception | None = None
        self.seconds = 0.0
        self.started = Event()

    def logits(self, values: np.ndarray, endpoints_zyx: np.ndarray) -> np.ndarray:
        self.runs += 1
        self.started.set()
        time.sleep(self.seconds)
        if self.broken:
            raise self.broken
        first, last = endpoints_zyx[0]
        place = np.moveaxis(np.indices(values.shape[2:]), 0, -1)
        radius = np.linalg.norm(last - first) / 2
        return (radius - np.linalg.norm(place - (first + last) / 2, axis=-1))[None].astype(np.float32)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> SphereEngine:
    made = SphereEngine()
    predictor: Any = Predictor(made)
    monkeypatch.setattr(segmenter, "_predictor", lambda *_: predictor)
    return made


@pytest.fixture(scope="session")
def case() -> Case:
    return ellipsoid_case()
