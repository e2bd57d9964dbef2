"""Crops keep the lesion, its line and the scan's coarseness."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lite_ensam.core.errors import TrainingError
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.training.crop_cache import LINES_A_SIDE, MASK_UNIT, SIDE, LesionCropCache, cut, turned_views


def test_a_bank_gives_back_what_was_written(bank: LesionCropCache) -> None:
    assert len(bank) == 3
    assert bank.by_source == {"globes": [0, 2], "balls": [1]}
    crop = bank[1]
    assert crop.name == "ball 1"
    assert crop.hu.shape == crop.share.shape == (SIDE, SIDE, SIDE)
    assert crop.share[SIDE // 2, SIDE // 2, SIDE // 2] == MASK_UNIT


def test_a_bank_without_index_is_no_bank(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"the crops are damaged .*No such file"):
        LesionCropCache([tmp_path])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("index.json", b"{"),
        ("index.json", b"[]"),
        ("index.json", b'{"side": 96}'),
        ("index.json", b'{"side": 96, "crops": [{}]}'),
        ("hu.bin", b"short"),
        ("share.bin", b""),
    ],
)
def test_a_damaged_bank_says_what_to_do(bank_folder: Path, tmp_path: Path, name: str, content: bytes) -> None:
    folder = Path(shutil.copytree(bank_folder, tmp_path / "bank"))
    (folder / name).write_bytes(content)
    with pytest.raises(
        TrainingError, match=r"the crops are damaged .*delete the folder, and they are cut again"
    ):
        LesionCropCache([folder])


def test_a_crop_holds_the_lesion_at_the_scale_of_its_line() -> None:
    case = make_phantom()
    mark = case.marks[0]
    crop = cut(case, mark, "phantom")
    first, second = np.array(crop.endpoints_zyx)
    # scaled by the line from the outer faces of its end voxels
    outer_mm = mark.length_mm(case.grid.spacing_mm) + case.grid.spacing_mm[1]
    cell_mm = outer_mm * LINES_A_SIDE / SIDE
    assert np.linalg.norm(second - first) * cell_mm == pytest.approx(
        mark.length_mm(case.grid.spacing_mm), rel=1e-6
    )
    np.testing.assert_allclose((first + second) / 2, (SIDE - 1) / 2)
    # the lesion's volume is the same in both grids
    in_crop = crop.share.sum() / MASK_UNIT * cell_mm**3
    in_scan = (case.reference == mark.label).sum() * np.prod(case.grid.spacing_mm)
    assert in_crop == pytest.approx(in_scan, rel=0.05)
    np.testing.assert_allclose(np.array(crop.native_voxel_zyx) * cell_mm, case.grid.spacing_mm)


def test_a_case_without_reference_teaches_nothing() -> None:
    case = replace(make_phantom(), reference=None)
    with pytest.raises(TrainingError, match="has no reference mask"):
        cut(case, case.marks[0], "phantom")


def test_cubic_voxels_give_three_views_with_lines_of_their_own() -> None:
    case = make_phantom(shape_zyx=(96, 96, 96), spacing_mm=(2.0, 2.0, 2.0))
    mark = case.marks[0]
    views = list(turned_views(case, mark))
    assert [view.ct.shape for view, _ in views] == [(96, 96, 96)] * 3
    for view, drawn in views:
        assert view.reference is not None
        assert (view.reference == mark.label).sum() == (case.reference == mark.label).sum()
        for z, y, x in np.array(drawn.endpoints_zyx, dtype=int):
            assert view.reference[z, y, x] == mark.label


def test_flat_voxels_give_one_view() -> None:
    case = make_phantom()
    if max(case.grid.spacing_mm) <= 1.05 * min(case.grid.spacing_mm):
        pytest.fail("the default phantom should have slices thicker than its pixels")
    assert len(list(turned_views(case, case.marks[0]))) == 1
