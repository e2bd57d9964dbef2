"""Masks of lines that come and go: the network runs once a line, painting needs no network."""

import numpy as np
import pytest

from lite_ensam.core.case import Case
from lite_ensam.core.errors import EngineError, MarkError
from lite_ensam.core.recist import RecistMark
from lite_ensam.measurements.flags import AERATED
from lite_ensam.widgets.segmenter import LesionSegmenter
from tests.unit.widgets.conftest import SphereEngine


@pytest.fixture
def segmenter(case: Case, engine: SphereEngine) -> LesionSegmenter:
    return LesionSegmenter(case.ct, case.grid, case.hu)


def shorter(mark: RecistMark) -> RecistMark:
    start, stop = mark.endpoints_zyx
    middle = tuple((a + b) / 2 for a, b in zip(start, stop, strict=True))
    return RecistMark(mark.label, (start, middle))


def test_every_line_gets_a_mask_and_numbers(segmenter: LesionSegmenter, case: Case) -> None:
    segmenter.run(case.marks)
    segmenter.paint()
    assert segmenter.labels is not None
    assert set(segmenter.labels.flat) == {0, 1, 2}
    rows = segmenter.rows()
    assert [row["label"] for row in rows] == [1, 2]
    for row, mark in zip(rows, case.marks, strict=True):
        assert row["longest_diameter_mm"] == pytest.approx(mark.length_mm(case.grid.spacing_mm), abs=2.5)
        assert row["state"] == "proposed"
        assert row["seconds"] > 0


def test_an_unchanged_line_is_not_run_again(
    segmenter: LesionSegmenter, engine: SphereEngine, case: Case
) -> None:
    first, second = case.marks
    segmenter.run(case.marks)
    moved = (shorter(first), second)
    assert segmenter.keep_only(moved)
    assert segmenter.missing(moved) == moved[:1]
    segmenter.run(segmenter.missing(moved))
    assert engine.runs == 3
    assert segmenter.keep_only(case.marks)
    segmenter.run(segmenter.missing(case.marks))
    assert engine.runs == 3, "undoing a line takes its mask from memory"


def test_a_higher_threshold_gives_smaller_masks_without_the_network(
    segmenter: LesionSegmenter, engine: SphereEngine, case: Case
) -> None:
    segmenter.run(case.marks)
    volumes = []
    for threshold in (-2.0, 0.0, 2.0):
        segmenter.paint(threshold)
        volumes.append(sum(m.volume_ml for m in segmenter.measurements))
    assert volumes == sorted(volumes, reverse=True)
    assert len(set(volumes)) == 3
    assert engine.runs == 2


def test_a_rejected_mask_is_not_painted_and_comes_back(segmenter: LesionSegmenter, case: Case) -> None:
    segmenter.run(case.marks)
    segmenter.set_state(1, "rejected")
    segmenter.paint()
    assert set(segmenter.labels.flat) == {0, 2}
    assert "volume_ml" not in segmenter.rows()[0]
    segmenter.set_state(1, "accepted")
    segmenter.paint()
    assert set(segmenter.labels.flat) == {0, 1, 2}


def test_all_rejected_is_an_empty_map(segmenter: LesionSegmenter, case: Case) -> None:
    segmenter.run(case.marks[:1])
    segmenter.set_state(1, "rejected")
    segmenter.paint()
    assert segmenter.painting is None
    assert not segmenter.labels.any()
    assert segmenter.measurements == ()


def test_a_lesion_without_a_mask_cannot_be_accepted(segmenter: LesionSegmenter) -> None:
    with pytest.raises(MarkError, match="lesion 3 has no mask yet"):
        segmenter.set_state(3, "accepted")


def test_what_was_segmented_survives_an_error(
    segmenter: LesionSegmenter, engine: SphereEngine, case: Case
) -> None:
    segmenter.run(case.marks[:1])
    engine.broken = EngineError("the engine broke")
    with pytest.raises(EngineError, match="broke"):
        segmenter.run(case.marks[1:])
    assert list(segmenter.lesions) == [1]


def test_an_engine_that_fails_leaves_no_half_mask(
    segmenter: LesionSegmenter, engine: SphereEngine, case: Case
) -> None:
    engine.broken = EngineError("the engine broke")
    with pytest.raises(EngineError, match="broke"):
        segmenter.run(case.marks[:1])
    assert segmenter.lesions == {}
    engine.broken = None
    segmenter.run(case.marks[:1])
    assert list(segmenter.lesions) == [1]


@pytest.mark.parametrize("hu", [True, False])
def test_a_mask_of_air_is_told_where_greys_are_hu(engine: SphereEngine, case: Case, hu: bool) -> None:
    ramp = np.linspace(*((-1000, -990) if hu else (0, 255)), case.ct.shape[2]).astype(np.int16)
    segmenter = LesionSegmenter(np.ascontiguousarray(np.broadcast_to(ramp, case.ct.shape)), case.grid, hu)
    segmenter.run(case.marks)
    segmenter.paint()
    assert ["aerated" in row["flags"] for row in segmenter.rows()] == [hu, hu]
    assert [AERATED.sentence in row["flag_sentences"] for row in segmenter.rows()] == [hu, hu]


def test_progress_is_told_in_words(segmenter: LesionSegmenter, case: Case) -> None:
    told: list[str] = []
    segmenter.run(case.marks, told.append)
    assert told[0] == "loading the engine …"
    assert told[-1] == "segmenting lesion 2 (2 of 2) …"
