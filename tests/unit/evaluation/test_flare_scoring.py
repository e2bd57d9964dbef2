"""FLARE's two countings, worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from lite_ensam.evaluation.flare_scoring import FLARE24, LETT_NEXT, CaseScore, flare_scores, score_case
from lite_ensam.evaluation.scores import MaskScore, TumorScore

SPACING = (5.0, 1.0, 1.0)


def bar(start: int, stop: int) -> np.ndarray:
    mask = np.zeros((3, 5, 40), dtype=np.bool_)
    mask[1, 1:4, start:stop] = True
    return mask


def test_a_case_counts_its_surface_only_from_a_dsc_of_a_fifth_on() -> None:
    assert score_case(bar(0, 10), bar(0, 10), SPACING) == (1.0, 1.0)
    overlap, surface = score_case(bar(0, 10), bar(9, 19), SPACING)
    assert overlap == pytest.approx(0.1)
    assert surface == 0.0
    overlap, surface = score_case(bar(0, 10), bar(7, 17), SPACING)
    assert overlap == pytest.approx(0.3)
    assert surface > 0


def test_two_empty_masks_score_one_and_a_missed_case_zero() -> None:
    assert score_case(bar(0, 0), bar(0, 0), SPACING) == (1.0, 1.0)
    assert score_case(bar(0, 0), bar(0, 4), SPACING) == (0.0, 0.0)


def tumor(case: str, label: int, dsc: float, nsd: float) -> TumorScore:
    score = MaskScore(1.0, 1.0, dsc, nsd, nsd, 0.0, 0.0)
    return TumorScore("a" if case == "one" else "b", case, label, 10.0, "result", 0.1, score)


def test_flare24_takes_cases_and_lett_next_tumors_then_cases() -> None:
    tumors = [tumor("one", 1, 0.9, 0.8), tumor("one", 2, 0.5, 0.6), tumor("two", 1, 0.1, 0.4)]
    cases = [CaseScore("a", "one", "result", 0.85, 0.75), CaseScore("b", "two", "result", 0.1, 0.0)]
    flare24, lett_next = flare_scores(cases, tumors)
    assert (flare24.scoring, lett_next.scoring) == (FLARE24, LETT_NEXT)
    assert (flare24.dsc, flare24.nsd_2mm) == pytest.approx((0.475, 0.375))
    assert (lett_next.dsc, lett_next.nsd_2mm) == pytest.approx((0.4, 0.55))
    assert lett_next.dsc_sd == pytest.approx(0.3)
    assert flare24.n_cases == lett_next.n_cases == 2


def test_each_method_has_its_own_scores_in_order_of_appearance() -> None:
    tumors = [tumor("one", 1, 0.9, 0.8), replace(tumor("one", 1, 0.3, 0.2), method="sphere")]
    cases = [CaseScore("a", "one", method, 0.5, 0.5) for method in ("result", "sphere")]
    scores = flare_scores(cases, tumors)
    assert [(score.method, score.scoring) for score in scores] == [
        ("result", FLARE24), ("result", LETT_NEXT), ("sphere", FLARE24), ("sphere", LETT_NEXT),
    ]  # fmt: skip
    assert scores[3].dsc == pytest.approx(0.3)
