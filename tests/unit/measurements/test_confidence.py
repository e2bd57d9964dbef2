"""Intervals and quality scores: what they promise, on made-up errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lite_ensam.measurements import CONFIDENCE, HeldOutErrors, TumorError


def made_up(rng: np.random.Generator, n: int) -> list[TumorError]:
    """Tumours whose volumes err the more the lower the expected Dice is."""
    dice = rng.uniform(0.6, 0.95, n)
    volumes = rng.normal(0, 1.2 * (1 - dice))
    diameters, axes = rng.normal(0, 0.08, n), rng.normal(0.03, 0.2, n)
    return [TumorError(*row) for row in np.column_stack((dice, volumes, diameters, axes)).tolist()]


def test_intervals_hold_what_they_promise_for_sure_and_unsure_tumours() -> None:
    rng = np.random.default_rng(0)
    errors = HeldOutErrors.of(made_up(rng, 1000), 500)
    held: dict[str, list[bool]] = {"sure": [], "unsure": [], "longest": [], "short": []}
    for tumor in made_up(rng, 4000):
        readers = (
            10 * math.exp(-tumor.volume),
            30 * math.exp(-tumor.longest_diameter),
            20 * math.exp(-tumor.short_axis),
        )
        found = errors.confidence(tumor.expected_dice, 10, 30, 20)
        intervals = found.volume_interval_ml, found.longest_diameter_interval_mm, found.short_axis_interval_mm
        volume, longest, short = (
            low <= value <= high for value, (low, high) in zip(readers, intervals, strict=True)
        )
        held["sure" if tumor.expected_dice > 0.8 else "unsure"].append(volume)
        held["longest"].append(longest)
        held["short"].append(short)
    for name, within in held.items():
        assert 0.93 < np.mean(within) < 0.97, name


def test_an_interval_is_a_factor_that_grows_as_the_expected_dice_falls() -> None:
    errors = HeldOutErrors(100, 50, volume=2.0, longest_diameter=0.1, short_axis=0.3)
    found = errors.confidence(0.75, 8.0, 40.0, 20.0)
    assert found.volume_interval_ml == pytest.approx((8 / math.exp(0.5), 8 * math.exp(0.5)))
    assert found.longest_diameter_interval_mm == pytest.approx((40 / math.exp(0.1), 40 * math.exp(0.1)))
    assert found.short_axis_interval_mm == pytest.approx((20 / math.exp(0.3), 20 * math.exp(0.3)))
    assert tuple(found.to_dict()) == CONFIDENCE
    assert found.to_dict()["volume_high_ml"] == found.volume_interval_ml[1]
    assert found.to_dict()["short_axis_low_mm"] == found.short_axis_interval_mm[0]


def test_too_few_tumours_have_no_quantile() -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(ValueError, match="18 tumours are too few"):
        HeldOutErrors.of(made_up(rng, 18), 18)
    errors = made_up(rng, 19)
    assert HeldOutErrors.of(errors, 19).longest_diameter == max(abs(one.longest_diameter) for one in errors)


@pytest.mark.parametrize(
    "wrong", [{"volume": 0}, {"short_axis": math.inf}, {"n_tumors": 0}, {"volume": math.nan}]
)
def test_errors_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    kept = HeldOutErrors(100, 50, 2.0, 0.1, 0.3).to_dict()
    assert HeldOutErrors.from_dict(kept).to_dict() == kept
    with pytest.raises(ValueError, match="positive"):
        HeldOutErrors.from_dict(kept | wrong)
