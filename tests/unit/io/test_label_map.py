"""Masks, markers and references in whatever order and type they are stored."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from lite_ensam.core.errors import CaseError, MarkError
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.io import LabelMap, read_case, read_ct, read_label_map, read_labels, read_marks
from tests.unit.io import files

ORDERS = list(itertools.product(itertools.permutations(range(3)), itertools.product((0, 1), repeat=3)))
SHAPE = (12, 10, 8)


def labels_ijk() -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:9, 3:5, 4] = 1
    labels[3:5, 3:5, 5] = 1
    labels[9:11, 6:9, 2] = 7
    return labels


@pytest.fixture
def ct(tmp_path: Path) -> Path:
    values = np.random.default_rng(0).integers(-900, 100, SHAPE).astype(np.int16)
    return files.save_nifti(tmp_path / "ct.nii.gz", values)


def restored(
    array: np.ndarray, order: tuple[int, ...], flips: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """The same voxels at the same places in another order, with their affine."""
    affine = files.AFFINE.copy()
    for axis in np.flatnonzero(flips):
        affine[:3, 3] += affine[:3, axis] * (array.shape[axis] - 1)
        affine[:3, axis] *= -1
    affine[:3, :3] = affine[:3, list(order)]
    return np.flip(array, tuple(np.flatnonzero(flips))).transpose(order), affine


@pytest.mark.parametrize(("order", "flips"), ORDERS)
def test_masks_and_markers_are_taken_by_their_affine(
    tmp_path: Path, ct: Path, order: tuple[int, ...], flips: tuple[int, ...]
) -> None:
    source = read_ct(ct)[1]
    mask = files.save_nifti(tmp_path / "mask.nii.gz", *restored(labels_ijk(), order, flips))
    np.testing.assert_array_equal(read_labels(mask, source), labels_ijk().T)
    line = np.where(labels_ijk() == 7, 0, labels_ijk()) * (np.arange(SHAPE[2]) == 4)
    marker = files.save_nifti(tmp_path / "marker.nii.gz", *restored(line.astype(np.uint8), order, flips))
    assert read_marks(marker, source)[0].endpoints_zyx == ((4, 3, 2), (4, 4, 8))


def test_an_npz_is_taken_by_its_direction(tmp_path: Path, ct: Path) -> None:
    flipped = {"spacing": [0.8, 0.7, 2.5], "direction": np.diag([-1.0, -1, 1]).ravel()}
    flipped["origin"] = [-30.0 + 0.8 * 11, -40.0 + 0.7 * 9, -90.0]
    np.savez(tmp_path / "segs.npz", segs=labels_ijk().T[:, ::-1, ::-1], **flipped)
    np.testing.assert_array_equal(read_labels(tmp_path / "segs.npz", read_ct(ct)[1]), labels_ijk().T)


def test_an_oblique_scan_takes_flipped_masks_too(tmp_path: Path) -> None:
    own = ScanSource.from_file_affine(SHAPE, files.oblique_affine())
    affine = files.oblique_affine()
    affine[:3, 3] += affine[:3, 0] * (SHAPE[0] - 1)
    affine[:3, 0] *= -1
    mask = files.save_nifti(tmp_path / "mask.nii.gz", labels_ijk()[::-1], affine)
    np.testing.assert_array_equal(read_labels(mask, own), own.from_file(labels_ijk().T))


@pytest.mark.parametrize("moved_mm", [0.5, 0.8, 9.0])
def test_a_flipped_mask_at_another_place_is_refused_with_both_affines(
    tmp_path: Path, ct: Path, moved_mm: float
) -> None:
    stored, affine = restored(labels_ijk(), (0, 1, 2), (1, 1, 0))
    affine[0, 3] += moved_mm
    mask = files.save_nifti(tmp_path / "mask.nii.gz", stored, affine)
    with pytest.raises(
        CaseError, match=r"mask\.nii\.gz: the labels have another affine than the CT: \[\[0\.8, .*-0\.8"
    ):
        read_labels(mask, read_ct(ct)[1])


@pytest.mark.parametrize("near", [0.99999994, 1.0001, 0.9995])
def test_numbers_near_a_label_are_that_label(tmp_path: Path, ct: Path, near: float) -> None:
    mask = files.save_nifti(
        tmp_path / "mask.nii.gz", (labels_ijk() + (near - 1) * (labels_ijk() > 0)).astype(np.float32)
    )
    np.testing.assert_array_equal(read_labels(mask, read_ct(ct)[1]), labels_ijk().T)


@pytest.mark.parametrize("blend", [0.5, 0.99, 1.25, np.nan])
def test_blends_of_labels_are_refused(tmp_path: Path, blend: float) -> None:
    values = labels_ijk().astype(np.float32)
    values[3, 3, 4] = blend
    with pytest.raises(CaseError, match=r"labels must be whole numbers from 0 to 65535, got"):
        read_labels(files.save_nifti(tmp_path / "mask.nii.gz", values))


def test_tiny_negative_numbers_are_background(tmp_path: Path) -> None:
    values = labels_ijk().astype(np.float64)
    values[0] = -1e-9
    np.testing.assert_array_equal(
        read_labels(files.save_nifti(tmp_path / "mask.nii.gz", values)), labels_ijk().T
    )


def test_an_empty_mask_is_called_so(tmp_path: Path, ct: Path) -> None:
    mask = files.save_nifti(tmp_path / "mask.nii.gz", 0 * labels_ijk())
    with pytest.raises(MarkError, match=r"mask\.nii\.gz: the mask is empty: no voxel has a label"):
        read_case(ct, None, mask)


def test_a_stray_voxel_costs_nobody_else_the_measurement(tmp_path: Path, ct: Path) -> None:
    labels = labels_ijk()
    labels[0, 0, 0] = 3
    case = read_case(ct, None, files.save_nifti(tmp_path / "mask.nii.gz", labels))
    assert [mark.label for mark in case.marks] == [1, 3, 7]


def test_labels_without_a_line_are_named() -> None:
    found = LabelMap(labels_ijk().T, {7: "node"})
    marks = found.draw_marks((2.5, 0.7, 0.8))
    assert [(mark.label, mark.name) for mark in marks] == [(1, ""), (7, "node")]
    assert found.unclaimed(marks[:1]) == ("label 7 of the mask has no line and is left out",)


def test_a_choice_is_for_files_that_have_segments(tmp_path: Path, ct: Path) -> None:
    mask = files.save_nifti(tmp_path / "mask.nii.gz", labels_ijk())
    with pytest.raises(CaseError, match=r"`only` and `fraction` are for a DICOM SEG or RTSTRUCT"):
        read_label_map(mask, read_ct(ct)[1], ["1"])
