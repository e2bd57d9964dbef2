"""The page of an evaluation: every table is there, names are escaped, nothing is fetched."""

import re
from dataclasses import replace

import numpy as np
import pytest

from lite_ensam.core.case import Case
from lite_ensam.evaluation import CHANGES, CaseResources, Evaluation, evaluate
from lite_ensam.evaluation.tumor_gallery import picture_tumors, worst_tumors
from lite_ensam.reporting import EvaluationPictures, evaluation_page
from tests.flare_files import write_flare
from tests.phantoms import ellipsoid_case


def spheres(case: Case) -> np.ndarray:
    from lite_ensam.core.recist import sphere_mask

    labels = np.zeros(case.grid.shape_zyx, dtype=np.uint8)
    for mark in case.marks:
        labels[sphere_mask(mark, case.grid.shape_zyx, case.grid.spacing_mm)] = mark.label
    return labels


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    root = tmp_path_factory.mktemp("cases")
    write_flare(root, "<b>bold&_1", ellipsoid_case())
    return evaluate(root, spheres, changes=tuple(CHANGES))


def test_the_page_holds_every_table_and_picture(found: Evaluation) -> None:
    taken = CaseResources("s", "c", (22, 40, 48), 2, 1.25, 210.0, 130.0, 129.0)
    pictures = EvaluationPictures(b"not looked at", picture_tumors(found, worst_tumors(found), spheres))
    page = evaluation_page(replace(found, resources=(taken,)), {"Weights": "none"}, pictures)
    for heading in (
        "Scores", "Inexact lines", "As the literature on FLARE counts", "Time and memory",
        "Figure 2: tumours at percentiles of the DSC", "The 2 worst tumours", "Every tumour", "How it was made",
    ):  # fmt: skip
        assert f"<h2>{heading}</h2>" in page
    assert "Research use, not a medical device." in page
    assert page.count("data:image/png;base64,") == 2
    assert "<b>bold" not in page
    assert "&lt;b&gt;bold&amp;" in page
    assert not re.search(r'(?:src|href)="(?!data:)', page)


def test_what_was_not_measured_has_no_table(found: Evaluation) -> None:
    plain = replace(found, summaries=tuple(s for s in found.summaries if s.method not in CHANGES))
    page = evaluation_page(
        plain, {}, EvaluationPictures(b"", picture_tumors(found, worst_tumors(found, 1), spheres))
    )
    assert "Time and memory" not in page
    assert "Inexact lines" not in page


def test_dsc_lost_is_what_the_change_costs(found: Evaluation) -> None:
    page = evaluation_page(
        found, {}, EvaluationPictures(b"", picture_tumors(found, worst_tumors(found, 1), spheres))
    )
    lost = found.summary().dsc.value - found.summary(method="line 15 % short").dsc.value
    assert f"{lost:+.3f}" in page
