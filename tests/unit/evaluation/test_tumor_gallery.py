"""Which tumours are shown: the worst ones, and those at the paper's percentiles."""

from dataclasses import replace

import numpy as np
import pytest

from lite_ensam.core.case import Case
from lite_ensam.evaluation import Evaluation, at_percentiles, evaluate, picture_tumors, worst_tumors
from lite_ensam.evaluation.percentiles import render_percentiles
from tests.flare_files import write_flare_folder


def shifted(case: Case) -> np.ndarray:
    return np.roll(case.reference, 2, axis=2)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return evaluate(write_flare_folder(tmp_path_factory.mktemp("flare")), shifted)


def with_dscs(evaluation: Evaluation, values: list[float]) -> Evaluation:
    first = next(tumor for tumor in evaluation.tumors if tumor.method == "result")
    tumors = tuple(
        replace(first, label=n + 1, score=replace(first.score, dsc=value)) for n, value in enumerate(values)
    )
    return replace(evaluation, tumors=tumors)


def test_the_worst_come_first_and_are_ten_at_most(found: Evaluation) -> None:
    many = with_dscs(found, np.random.default_rng(0).permutation(40).tolist())
    assert [tumor.score.dsc for tumor in worst_tumors(many)] == list(range(10))
    assert len(worst_tumors(found)) == 8


def test_percentiles_of_the_dsc_are_the_papers(found: Evaluation) -> None:
    many = with_dscs(found, np.random.default_rng(0).permutation(101).tolist())
    assert [tumor.score.dsc for tumor in at_percentiles(many)] == [5, 25, 50, 75, 95]
    assert [t.score.dsc for t in at_percentiles(with_dscs(found, [0.5]))] == [0.5] * 5


def test_pictures_hold_the_masks_that_were_scored(found: Evaluation) -> None:
    worst = worst_tumors(found, 2)
    for score, picture in zip(worst, picture_tumors(found, worst, shifted), strict=True):
        masks = {name: mask.whole() for name, mask in picture.masks.items()}
        np.testing.assert_array_equal(masks["result"], np.roll(masks["reference"], 2, axis=2))
        assert picture.title.startswith(f"{score.source}/{score.case}, tumour {score.label}: DSC 0.")
        assert "(sphere 0." in picture.title
        assert "of 2.5 mm" in picture.title


def test_figure_2_is_a_picture_with_a_column_a_percentile(found: Evaluation) -> None:
    import io

    from matplotlib.image import imread

    five = at_percentiles(found)
    pixels = imread(io.BytesIO(render_percentiles(picture_tumors(found, five, shifted), five)))
    height, width = pixels.shape[:2]
    assert width > 3.5 * height
    for column in np.array_split(np.rint(pixels[..., :3] * 255).astype(int), 5, axis=1):
        for rgb in ((86, 180, 233), (213, 94, 0), (240, 228, 66)):
            assert (np.abs(column - rgb).max(axis=-1) <= 2).sum() > 50
