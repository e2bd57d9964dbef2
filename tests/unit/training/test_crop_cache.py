"""Crops keep the lesion, its line and the scan's coarseness."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from lite_ensam.core.errors import TrainingError
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.training.config import TrainingConfig
from lite_ensam.training.crop_cache import (
    KNOWN_BIT,
    LINES_A_SIDE,
    SIDE,
    Contours,
    LesionCropCache,
    cut,
    turned_views,
    write_bank,
)
from lite_ensam.training.label_pieces import in_large_pieces
from lite_ensam.training.samplers import LesionCropSampler


def test_a_bank_gives_back_what_was_written(bank: LesionCropCache) -> None:
    assert len(bank) == 3
    assert bank.by_source == {"globes": [0, 2], "balls": [1]}
    crop = bank[1]
    assert crop.name == "ball 1"
    assert crop.grey.shape == crop.bits.shape == (SIDE, SIDE, SIDE)
    assert crop.contour(0).sum() > crop.contour(1).sum() > 0
    assert (crop.bits >> KNOWN_BIT == 1).all()
    grey, bits = bank.arrays()
    np.testing.assert_array_equal(grey[1], crop.grey)
    np.testing.assert_array_equal(bits[1], crop.bits)
    assert bank.lines()[1] == crop.lines


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
        ("grey.bin", b"short"),
        ("bits.bin", b""),
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
    first, second = np.array(crop.lines[0])
    # scaled by the line from the outer faces of its end voxels
    outer_mm = mark.length_mm(case.grid.spacing_mm) + case.grid.spacing_mm[1]
    cell_mm = outer_mm * LINES_A_SIDE / SIDE
    assert np.linalg.norm(second - first) * cell_mm == pytest.approx(
        mark.length_mm(case.grid.spacing_mm), rel=1e-6
    )
    np.testing.assert_allclose((first + second) / 2, (SIDE - 1) / 2)
    # the lesion's volume is the same in both grids
    in_crop = crop.contour().sum() * cell_mm**3
    in_scan = (case.reference == mark.label).sum() * np.prod(case.grid.spacing_mm)
    assert in_crop == pytest.approx(in_scan, rel=0.05)
    np.testing.assert_allclose(np.array(crop.native_voxel_zyx) * cell_mm, case.grid.spacing_mm)


def test_a_case_without_reference_teaches_nothing() -> None:
    case = replace(make_phantom(), reference=None)
    with pytest.raises(TrainingError, match="has no reference mask"):
        cut(case, case.marks[0], "phantom")


def test_cubic_voxels_give_two_more_views_with_lines_of_their_own() -> None:
    case = make_phantom(shape_zyx=(96, 96, 96), spacing_mm=(2.0, 2.0, 2.0))
    mark = case.marks[0]
    views = list(turned_views(case, mark))
    assert [view.ct.shape for view, _ in views] == [(96, 96, 96)] * 2
    for view, drawn in views:
        assert view.reference is not None
        assert (view.reference == mark.label).sum() == (case.reference == mark.label).sum()
        for z, y, x in np.array(drawn.endpoints_zyx, dtype=int):
            assert view.reference[z, y, x] == mark.label


def test_flat_voxels_give_no_other_view() -> None:
    case = make_phantom()
    if max(case.grid.spacing_mm) <= 1.05 * min(case.grid.spacing_mm):
        pytest.fail("the default phantom should have slices thicker than its pixels")
    assert not list(turned_views(case, case.marks[0]))


def test_readers_keep_their_own_contours_and_lines() -> None:
    case = make_phantom()
    mark, spacing = case.marks[0], case.grid.spacing_mm
    whole = case.reference == mark.label
    small = ndimage.binary_erosion(whole, iterations=2)
    dot = np.zeros_like(whole)
    dot[tuple(np.argwhere(whole)[0])] = True
    readers = (whole | (small << 1) | (dot << 2)).astype(np.uint8)
    contours = Contours.of_case(case, mark).with_readers(readers, spacing)
    assert len(contours.masks) == 3, "a single voxel is no contour"
    crop = cut(case, mark, "phantom", contours)
    assert crop.contour(0).sum() == crop.contour(1).sum() > crop.contour(2).sum()
    lengths = [np.linalg.norm(np.subtract(*ends)) for ends in crop.lines]
    assert lengths[0] == lengths[1] > lengths[2]


def test_what_lies_beyond_the_scan_or_its_slices_is_not_known() -> None:
    case = make_phantom()
    mark = case.marks[0]
    known = np.ones(case.grid.shape_zyx, dtype=bool)
    known[mark.slice_index + 2 :] = False
    contours = replace(Contours.of_case(case, mark), known=known)
    crop = cut(case, mark, "phantom", contours)
    seen = (crop.bits >> KNOWN_BIT).astype(bool)
    assert seen[: SIDE // 2].any()
    assert not seen[-SIDE // 4 :].any()
    assert not (crop.contour() & ~seen).any(), "nothing is said where nothing is seen"


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [([], False), ([(2, 8)], False), ([(2, 8), (12, 18)], True), ([(2, 12), (14, 15)], False)],
)
def test_stray_voxels_are_no_second_lesion(pieces: list[tuple[int, int]], expected: bool) -> None:
    mask = np.zeros((20, 20, 20), dtype=np.bool_)
    for start, stop in pieces:
        mask[start:stop, start:stop, start:stop] = True
    assert in_large_pieces(mask) is expected


def test_pieces_that_touch_at_a_corner_are_one() -> None:
    mask = np.zeros((8, 8, 8), dtype=np.bool_)
    mask[:4, :4, :4] = mask[4:, 4:, 4:] = True
    assert not in_large_pieces(mask)


def test_labels_in_pieces_are_noted_from_a_cache_too(bank: LesionCropCache, tmp_path: Path) -> None:
    crops = [replace(bank[number], in_pieces=number < 2) for number in range(3)]
    write_bank(tmp_path, [*crops, crops[0]])  # a lesion seen along another axis counts once
    assert LesionCropSampler(LesionCropCache([tmp_path]), TrainingConfig()).notes == [
        "2 of 3 labels consist of several pieces; one label is one tumour: give each lesion its own label"
    ]
    index = json.loads((tmp_path / "index.json").read_text())
    for entry in index["crops"]:
        del entry["in_pieces"]  # as earlier versions wrote it
    (tmp_path / "index.json").write_text(json.dumps(index))
    assert LesionCropSampler(LesionCropCache([tmp_path]), TrainingConfig()).notes == []


def test_a_mask_of_several_lesions_under_one_label_is_found_when_its_crop_is_cut() -> None:
    case = make_phantom()
    assert case.reference is not None
    (first, *_) = case.marks
    one = replace(case, reference=np.minimum(case.reference, 1), marks=(replace(first, label=1),))
    assert cut(one, one.marks[0], "a").in_pieces
    assert not cut(case, first, "a").in_pieces
