"""The paper's patches: random boxes around one tumour, pooled and flipped, the line always on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.flare_files import write_flare_folder
from tests.phantoms import ellipsoid_case

from lite_ensam.core.case import Case
from lite_ensam.core.errors import TrainingError
from lite_ensam.core.patch_config import PatchConfig
from lite_ensam.datasets import CaseFiles, find_cases
from lite_ensam.datasets.training_cases import find_training_cases
from lite_ensam.io import write_ct, write_marks, write_mask
from lite_ensam.training.presets import PAPER
from lite_ensam.training.scan_sampler import ScanSampler, joint_sample

SMALL = replace(PAPER, margin_voxels=9, patch=replace(PAPER.patch, most_voxels=7000))


@dataclass(frozen=True)
class Made(CaseFiles):
    """A case that is in memory already."""

    case: Case | None = None

    def read(self) -> Case:
        assert self.case is not None
        return self.case


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
        assert (float(sample.target.min()), float(sample.target.max())) == (0.0, 1.0)
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


def test_a_pooled_voxel_is_tumor_to_the_share_of_its_voxels() -> None:
    config = replace(PAPER, patch=replace(PAPER.patch, most_voxels=12_000))
    case = ellipsoid_case()
    sample = joint_sample(case, case.marks[0], config)
    content, pad = (22, 20, 24), sample.target.shape[2:]  # 22 x 40 x 48 in blocks of 1 x 2 x 2
    whole = np.equal(case.reference, case.marks[0].label).reshape(22, 20, 2, 24, 2).mean(axis=(2, 4))
    found = sample.target[0, 0].numpy()
    np.testing.assert_array_equal(found[:22, :20, :24], whole)
    assert found.sum() == whole.sum()
    assert sample.known is not None
    assert (sample.known.sum(), pad) == (np.prod(content), (24, 24, 24))  # of padding nothing is learnt


def test_a_tumor_smaller_than_a_block_fills_it() -> None:
    case = ellipsoid_case()
    reference = np.zeros_like(case.reference)
    reference[8, 14, 14] = 1
    case = replace(case, reference=reference, marks=case.marks[:1])
    config = replace(PAPER, patch=replace(PAPER.patch, most_voxels=2_000))
    assert joint_sample(case, case.marks[0], config).target.sum() == 1


def test_nothing_is_learnt_where_a_scan_holds_no_image(tmp_path: Path) -> None:
    case = ellipsoid_case()
    folder = tmp_path / "train" / "made" / "case_1"
    folder.mkdir(parents=True)
    known = np.ones(case.ct.shape, np.uint8)
    known[14:] = 0
    write_ct(folder / "ct.nii.gz", case.volume, case.grid)
    write_mask(folder / "labels.nii.gz", case.reference, case.grid)
    write_mask(folder / "known.nii.gz", known, case.grid)
    write_marks(folder / "marks.json", case.marks[:1], case.grid)
    config = replace(SMALL, margin_voxels=40, patch=PAPER.patch)
    draws = ScanSampler(find_training_cases(tmp_path).train, config)
    seen = {float(draws.draw(np.random.default_rng(n)).known[0, 0].amax((1, 2)).sum()) for n in range(9)}
    assert max(seen) == 14  # slices, whichever way round


def test_scans_in_hu_are_seen_through_windows_as_often_as_asked(tmp_path: Path) -> None:
    case = ellipsoid_case()
    hu = PatchConfig(channels=PAPER.patch.channels, crop="joint", window_hu=(-1000.0, 1000.0))
    share = []
    for odds in (0.0, 1.0):
        draws = ScanSampler(
            [Made("made", "case", tmp_path, case=case)], replace(SMALL, windowed=odds, patch=hu)
        )
        patches = [draws.draw(np.random.default_rng(n)).values for n in range(12)]
        share.append(np.mean([float((patch == 0).float().mean()) for patch in patches]))
    assert share[0] < 0.4 < share[1]  # lung is black in a window of soft tissue


def test_a_scan_that_a_window_leaves_black_is_seen_in_hu(tmp_path: Path) -> None:
    case = ellipsoid_case()
    lung = replace(case, ct=np.clip(case.volume, -1200, -800))
    draws = ScanSampler([Made("made", "case", tmp_path, case=lung)], replace(SMALL, windowed=1.0))
    patches = [draws.draw(np.random.default_rng(n)).values for n in range(12)]
    assert all(float(patch.max()) > float(patch.min()) for patch in patches)


def test_no_case_and_unknown_sources_are_refused(draws: ScanSampler) -> None:
    with pytest.raises(TrainingError, match="no case to train on"):
        ScanSampler([], SMALL)
    with pytest.raises(TrainingError, match="no other; CT_Lesion_FLARE23Ts, liver are on one side only"):
        ScanSampler(draws._cases, replace(SMALL, source_weights={"CT_Lesion": 1.0, "liver": 1.0}))


def test_labels_in_pieces_are_noted_after_a_look_at_some_scans() -> None:
    case = ellipsoid_case()
    one = replace(case, reference=np.minimum(case.reference, 1), marks=case.marks[:1])
    made = [Made("a", str(n), Path(), case=one if n < 2 else case) for n in range(3)]
    assert ScanSampler(made, SMALL).notes == [
        "2 of 4 labels consist of several pieces; one label is one tumour: give each lesion its own label"
    ]
    many = [Made("a", str(n), Path(), case=one) for n in range(20)]
    (note,) = ScanSampler(many, SMALL).notes
    assert note.startswith("7 of 7 labels in 7 scans that were checked consist")
    assert ScanSampler(made[2:], SMALL).notes == []
