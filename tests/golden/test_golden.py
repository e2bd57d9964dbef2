"""Channels, logits, label maps and numbers are what they were when the weights were made (see tests/README.md)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.golden import package, store, values

EXACT = bool(os.environ.get("GOLDEN_EXACT"))
"""Nothing may differ, not even by another CPU's rounding: for moves of code on one machine."""

KEPT = store.arrays()
NUMBERS = store.numbers()


def _names(group: str) -> list[str]:
    return [name.removeprefix(f"{group}: ") for name in KEPT if name.startswith(f"{group}: ")]


def assert_same_labels(labels: NDArray[Any], name: str) -> None:
    """Byte for byte if asked for; else a voxel in a thousand may lie on the border and be rounded over it."""
    kept = KEPT[name]
    assert labels.shape == kept.shape
    allowed = 0 if EXACT else max(2, np.count_nonzero(kept) // 1000)
    assert np.count_nonzero(labels != kept) <= allowed


def assert_same_numbers(here: Any, kept: Any, path: str, rel: float = 1e-5) -> None:
    """Values of JSON; floats may differ by a share."""
    if isinstance(kept, dict):
        assert here.keys() == kept.keys(), path
        for name, value in kept.items():
            assert_same_numbers(here[name], value, f"{path}/{name}", rel)
    elif isinstance(kept, list):
        assert len(here) == len(kept), path
        for n, value in enumerate(kept):
            assert_same_numbers(here[n], value, f"{path}/{n}", rel)
    elif isinstance(kept, float):
        assert here == pytest.approx(kept, rel=1e-5 if EXACT else rel, abs=1e-5), path
    else:
        assert here == kept, path


@pytest.fixture(scope="module")
def patches() -> dict[str, package.Patch]:
    return values.patches()


@pytest.fixture(scope="module")
def logits() -> dict[str, Any]:
    return values.signs()


@pytest.fixture(scope="module")
def numbers() -> dict[str, Any]:
    maps = {name: KEPT[f"labels: {name}"] for name in _names("labels")}
    found: dict[str, Any] = store.plain(values.numbers(maps))
    return found


def test_nothing_kept_is_left_out(patches: dict[str, Any], logits: dict[str, Any]) -> None:
    assert sorted(patches) == sorted(_names("patch"))
    assert sorted(logits) == sorted(_names("signs"))
    assert sorted(values.label_maps()) == sorted(_names("labels"))


@pytest.mark.parametrize("name", _names("patch"))
def test_channels(patches: dict[str, package.Patch], name: str) -> None:
    kept, here = KEPT[f"patch: {name}"], values.summary(patches[name])
    assert here.shape == kept.shape
    if EXACT:
        assert values.sha256(patches[name].values) == NUMBERS["patches"][name]
    off = np.abs(here - kept) > 5e-4
    # a voxel of the phantom may be rounded to the next HU on another machine
    assert off[:-1].mean(axis=1).max() <= 0.02
    assert not off[-1].any()


@pytest.mark.parametrize("name", _names("signs"))
def test_signs_of_logits(logits: dict[str, Any], name: str) -> None:
    kept, here = KEPT[f"signs: {name}"], logits[name]
    assert here.shape == kept.shape
    sure = np.abs(here) > 0.05
    assert np.array_equal(here[sure] > 0, kept[sure])
    assert np.count_nonzero(here > 0) == pytest.approx(np.count_nonzero(kept), rel=2e-3, abs=2)


@pytest.mark.parametrize("name", _names("labels"))
def test_label_maps(name: str) -> None:
    assert_same_labels(values.label_maps()[name], f"labels: {name}")


@pytest.mark.parametrize("name", _names("painted"))
def test_painting_of_hand_made_logits(name: str) -> None:
    assert_same_labels(values.painted()[name], f"painted: {name}")


def test_mirrored_patches() -> None:
    for name, logits in values.looks().items():
        np.testing.assert_allclose(logits, KEPT[f"looks: {name}"], atol=0.02, err_msg=name)


@pytest.mark.parametrize("name", _names("held"))
def test_held_ends(name: str) -> None:
    assert np.allclose(values.held()[name], KEPT[f"held: {name}"], atol=2e-3)


@pytest.mark.parametrize("name", [name for name in NUMBERS if name not in ("patches", "real", "training")])
def test_numbers(numbers: dict[str, Any], name: str) -> None:
    # noise comes out of label maps made here, the rest of those that are kept
    assert_same_numbers(numbers[name], NUMBERS[name], name, rel=0.02 if name == "noise" else 1e-5)


@pytest.fixture
def real_cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[package.Case]:
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_DEFAULT_TIMEOUT", "10")
    try:
        cases = package.real_cases(tmp_path)
    except package.CaseError as error:
        pytest.skip(f"no real scans here: {error}")
    return cases


def test_four_real_tumors(real_cases: list[package.Case]) -> None:
    here = store.plain(values.real(real_cases))
    assert here.keys() == NUMBERS["real"].keys()
    for name, kept in NUMBERS["real"].items():
        if EXACT:
            assert here[name] == kept
        assert here[name]["n_voxels"] == pytest.approx(kept["n_voxels"], rel=2e-3)
        assert here[name]["volume_ml"] == pytest.approx(kept["volume_ml"], rel=2e-3)
        assert here[name]["longest_diameter_mm"] == pytest.approx(kept["longest_diameter_mm"], rel=0.03)
