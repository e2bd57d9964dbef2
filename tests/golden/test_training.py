"""Training draws from a seed what it drew when the weights were trained with it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tests.golden import store

training = pytest.importorskip("tests.golden.training", reason="training needs torch", exc_type=ImportError)
KEPT = {name: array for name, array in store.arrays().items() if name.startswith("training: ")}
NAMES = [name.removeprefix("training: ") for name in KEPT]


@pytest.fixture(scope="module")
def drawn() -> dict[str, Any]:
    training.use_one_thread()
    found: dict[str, Any] = training.drawn()
    return found


@pytest.fixture(scope="module")
def scenes() -> dict[str, Any]:
    found: dict[str, Any] = training.scenes()
    return found


def test_presets() -> None:
    assert json.loads(json.dumps(training.numbers())) == store.numbers()["training"]


def assert_close(here: Any, name: str) -> None:
    """Sums of float32 differ in their last digits from machine to machine."""
    np.testing.assert_allclose(here, KEPT[f"training: {name}"], rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("scene")])
def test_samples(drawn: dict[str, Any], name: str) -> None:
    assert_close(drawn[name], name)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("scene")])
def test_scenes(scenes: dict[str, Any], name: str) -> None:
    assert_close(scenes[name], name)
