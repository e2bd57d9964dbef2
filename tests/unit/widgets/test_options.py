"""Options of `segment` in the viewer: the same names, the same masks, the same sentences where one is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lite_ensam
from lite_ensam.core.case import Case
from lite_ensam.core.errors import LiteEnsamError
from lite_ensam.engines.backend import WEIGHTS
from lite_ensam.widgets import RecistViewer, explore
from lite_ensam.widgets.options import RunOptions
from tests.unit.widgets.conftest import SphereEngine

needs_weights = pytest.mark.skipif(
    not (WEIGHTS / "manifest.json").exists(), reason="the weights are not here"
)

WRONG: list[dict[str, Any]] = [
    {"engine": "tensorflow"},
    {"border": "soft"},
    {"crop": "round"},
    {"window": (3, 3)},
    {"window": "ab"},
    {"n_repeats": 1},
    {"n_repeats": -2},
    {"threads": 0},
    {"threads": 1.5},
    {"weights": "nowhere"},
    {"threshold": float("nan")},
    {"prompts": {9: {"first_slice": 1}}},
]


def sentence(call: Any, case: Case, options: dict[str, Any]) -> str:
    with pytest.raises(LiteEnsamError) as raised:
        call(case, **options)
    return f"{type(raised.value).__name__}: {raised.value}"


@needs_weights
@pytest.mark.parametrize("options", WRONG, ids=repr)
def test_a_wrong_option_is_told_as_segment_tells_it(case: Case, options: dict[str, Any]) -> None:
    assert sentence(explore, case, options) == sentence(lite_ensam.segment, case, options)


@pytest.mark.parametrize(
    "options", [one for one in WRONG if not {"threshold", "prompts"} & one.keys()], ids=repr
)
def test_a_wrong_option_in_the_panel_is_told_too_and_nothing_changes(
    case: Case, engine: SphereEngine, options: dict[str, Any]
) -> None:
    viewer = RecistViewer(case.ct, grid=case.grid, marks=case.marks)
    before, masks = viewer.options, viewer.labels
    viewer.set_state({"options": before | options})
    assert viewer.error
    assert viewer.options == before
    np.testing.assert_array_equal(viewer.labels, masks)


@needs_weights
@pytest.mark.parametrize(
    "options",
    [
        {"border": "edge"},
        {"mirror": True},
        {"window": (-400.0, 400.0)},
        {"crop": "joint"},
        {"prompts": {1: {"last_slice": 14}}, "threshold": 0.5},
    ],
    ids=repr,
)
def test_the_viewer_makes_the_masks_of_segment(case: Case, options: dict[str, Any]) -> None:
    expected = lite_ensam.segment(case, **options)
    viewer = explore(case, **options).viewer
    np.testing.assert_array_equal(viewer.labels, expected.labels)
    changed = RecistViewer(
        case.ct, grid=case.grid, marks=expected.marks, threshold=options.get("threshold", 0.0)
    )
    changed.segment()
    changed.options = changed.options | {
        k: v for k, v in options.items() if k not in ("prompts", "threshold")
    }
    np.testing.assert_array_equal(changed.labels, expected.labels)
    assert changed.error == ""


@needs_weights
def test_a_windowed_scan_is_told_what_its_window_was(case: Case) -> None:
    windowed = np.clip((case.ct.astype(np.float32) + 160) / 400 * 255, 0, 255).astype(np.uint8)
    scan = Case(windowed, case.grid, case.marks, hu=False)
    wide = lite_ensam.segment(scan, window=(-1000.0, 1000.0))
    viewer = explore(scan, window=(-1000.0, 1000.0)).viewer
    np.testing.assert_array_equal(viewer.labels, wide.labels)


def test_other_options_segment_again_and_keep_what_a_reader_said_and_made(
    case: Case, engine: SphereEngine
) -> None:
    viewer = RecistViewer(case.ct, grid=case.grid, marks=case.marks)
    viewer.segment()
    viewer.reject(2)
    viewer.hand.paint(1, [(2, 4, 4)], 1.0)
    runs = engine.runs
    viewer.options = viewer.options | {"mirror": True}
    assert engine.runs == runs + 2
    assert viewer.results[1]["state"] == "rejected"
    assert viewer.labels[2, 4, 4] == 1


@needs_weights
def test_repeats_are_those_of_segment_until_a_hand_edits(case: Case) -> None:
    expected = lite_ensam.segment(case, n_repeats=2).report["tumors"]
    viewer = explore(case, n_repeats=2).viewer
    viewer.segment()
    for row, one in zip(viewer.results, expected, strict=True):
        assert row["volume_sd_ml"] == pytest.approx(one["volume_sd_ml"], rel=1e-6)
    viewer.hand.paint(1, [(2, 4, 4)], 1.0)
    assert ["volume_sd_ml" in row for row in viewer.results] == [False, True]


def test_options_are_json_and_back() -> None:
    options = RunOptions(window=(-100, 200), threads=2, n_repeats=8)
    assert RunOptions.from_json(options.as_json()) == options
    assert options.as_json()["window"] == [-100.0, 200.0]
    assert RunOptions(weights=str(WEIGHTS)).weights == str(WEIGHTS)
