"""The paper's patches: random boxes around one tumour, pooled and flipped, the line always on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.flare_files import write_flare_folder
from tests.phantoms import ellipsoid_case

from lite_ensam.core.errors import TrainingError
from lite_ensam.datasets import find_cases
from lite_ensam.training.presets import PAPER
from lite_ensam.training.scan_sampler import ScanSampler, joint_sample

SMALL = replace(PAPER, margin_voxels=9, patch=replace(PAPER.patch, most_voxels=7000))


@pytest.fixture(scope="module")
def draws(tmp_path_factory: pytest.TempPathFactory) -> ScanSampler:
    root = write_flare_folder(tmp_path_factory.mktemp("flare"), n_patients=3)
    cases = [case for case in find_cases(root) if not case.name.endswith(("0001", "0002"))]
    return ScanSampler(cases, SMALL)


def drawn(draws: ScanSampler, n: int = 60) -> list:
    return [draws.draw(np.random.default_rng((7, n))) for n in range(n)]


def test_a_patch_fits_the_network_and_its_line_lies_on_the_tumor(draws: ScanSampler) -> None:
    shapes = set()
    for sample in drawn(draws):
        assert sample.values.shape == sample.target.shape
        assert all(side % 8 == 0 for side in sample.target.shape[2:])
        assert 0 <= float(sample.values.min()) < float(sample.values.max()) <= 1
        assert set(sample.target.unique().tolist()) == {0.0, 1.0}
        middle = sample.endpoints_zyx[0].mean(dim=0).round().long()
        assert sample.target[0, 0][tuple(middle)] == 1
        first, second = sample.endpoints_zyx[0].tolist()
        assert first < second  # lexicographic, after all flips
        shapes.add(tuple(sample.target.shape))
    assert len(shapes) > 3  # margins differ


def test_the_same_numbers_draw_the_same_patch(draws: ScanSampler) -> None:
    one, other = (draws.draw(np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(one.values, other.values)
    assert torch.equal(one.target, other.target)


def test_sources_are_drawn_alike_whatever_their_size(draws: ScanSampler) -> None:
    assert draws.counts == {"CT_Lesion": 3, "CT_Lesion_FLARE23Ts": 1}
    picked = []
    original = draws._read
    draws._read = lambda number: picked.append(number) or original(number)
    try:
        drawn(draws, 200)
    finally:
        draws._read = original
    assert 70 < picked.count(3) < 130


def test_tumors_are_seen_from_both_sides_of_every_axis(draws: ScanSampler) -> None:
    lung = set()  # the phantom's front is lung: dark where y is small, or large after a flip
    for sample in drawn(draws, 20):
        halves = np.array_split(sample.values[0, 0].numpy()[: sample.target.shape[2] // 2], 2, axis=1)
        lung.add(bool(halves[0].mean() < halves[1].mean()))
    assert lung == {True, False}


def test_large_boxes_are_pooled_and_small_ones_are_not(draws: ScanSampler) -> None:
    voxels = [sample.target.numel() for sample in drawn(draws)]
    assert max(voxels) <= 7000 * 3  # before padding to multiples of 8 there are at most 7000
    whole = ScanSampler(draws._cases, replace(SMALL, patch=PAPER.patch))
    assert max(sample.target.numel() for sample in drawn(whole)) > max(voxels)


def test_a_validation_patch_is_the_one_that_inference_cuts() -> None:
    from lite_ensam.segmentation.channels import prepare_joint

    case = ellipsoid_case()
    for mark, patch in zip(case.marks, prepare_joint(case, PAPER.patch), strict=True):
        sample = joint_sample(case, mark, PAPER)
        np.testing.assert_array_equal(sample.values[0].numpy(), patch.values)
        content = tuple(slice(n) for n in case.grid.shape_zyx)  # the margin reaches beyond the whole scan
        np.testing.assert_array_equal(sample.target[0, 0].numpy()[content], case.reference == mark.label)


def test_no_case_and_unknown_sources_are_refused(draws: ScanSampler) -> None:
    with pytest.raises(TrainingError, match="no case to train on"):
        ScanSampler([], SMALL)
    with pytest.raises(TrainingError, match="differ in CT_Lesion_FLARE23Ts, liver"):
        ScanSampler(draws._cases, replace(SMALL, source_weights={"CT_Lesion": 1.0, "liver": 1.0}))
