"""Training draws from a seed what it drew when the weights were trained with it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tests.golden import store

training = pytest.importorskip("tests.golden.training", reason="training needs torch", exc_type=ImportError)
KEPT = {name: array for name, array in store.arrays().items() if name.startswith("training: ")}


@pytest.fixture(scope="module")
def drawn() -> dict[str, Any]:
    found: dict[str, Any] = training.drawn()
    return found


def test_presets() -> None:
    assert json.loads(json.dumps(training.numbers())) == store.numbers()["training"]


@pytest.mark.parametrize("name", [name.removeprefix("training: ") for name in KEPT])
def test_what_a_seed_draws(drawn: dict[str, Any], name: str) -> None:
    # float32 sums of another machine differ in their last digits
    np.testing.assert_allclose(drawn[name], KEPT[f"training: {name}"], rtol=1e-3, atol=2e-3)
