"""One scan has one answer, however its axes are stored: masks and volumes of all 48 orders are the same."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

import lite_ensam
from lite_ensam.core.recist import RecistMark
from lite_ensam.datasets.phantom import make_phantom
from tests.unit.io.dicom.files import write_slice

PHANTOM = make_phantom(shape_zyx=(40, 96, 96), spacing_mm=(3.0, 2.5, 2.5))
AXES = ("LR", "PA", "SI")
ORDERS = [
    "".join(codes)
    for order in permutations(AXES)
    for codes in product(*order)
]  # fmt: skip


def stored_as(codes: str, array_xyz: np.ndarray, affine: np.ndarray) -> tuple[nib.Nifti1Image, np.ndarray]:
    """The image with its axes in another order and direction, and what takes its voxels back."""
    image = nib.Nifti1Image(array_xyz, affine)
    there = ornt_transform(io_orientation(affine), axcodes2ornt(codes))
    return image.as_reoriented(there), ornt_transform(axcodes2ornt(codes), io_orientation(affine))


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    return lite_ensam.segment(PHANTOM).labels


def test_there_are_48_orders() -> None:
    assert len(set(ORDERS)) == 48


@pytest.mark.parametrize("codes", ORDERS)
def test_a_mask_does_not_depend_on_the_storage_order(
    tmp_path: Path, codes: str, expected: np.ndarray
) -> None:
    image, back = stored_as(codes, PHANTOM.volume.T, PHANTOM.grid.affine)
    nib.save(image, tmp_path / "ct.nii.gz")
    ends_mm = {mark.label: PHANTOM.grid.voxel_to_mm(mark.endpoints_zyx).tolist() for mark in PHANTOM.marks}
    marks = [{"label": label, "endpoints_mm": ends} for label, ends in ends_mm.items()]
    (tmp_path / "marks.json").write_text(f'{{"marks": {marks}}}'.replace("'", '"'))

    result = lite_ensam.segment(tmp_path / "ct.nii.gz", tmp_path / "marks.json")
    result.save(tmp_path / "mask.nii.gz")

    mask = nib.load(tmp_path / "mask.nii.gz")
    np.testing.assert_allclose(mask.affine, image.affine, atol=1e-4)
    voxels = np.asarray(mask.as_reoriented(back).dataobj).T
    np.testing.assert_array_equal(voxels, expected)


def test_an_edge_border_does_not_depend_on_the_storage_order(tmp_path: Path) -> None:
    volumes = []
    for codes in ("LPS", "RAI", "SAR"):
        image, _ = stored_as(codes, PHANTOM.volume.T, PHANTOM.grid.affine)
        nib.save(image, tmp_path / f"{codes}.nii.gz")
        _, source = lite_ensam.read_ct(tmp_path / f"{codes}.nii.gz")
        ends = source.grid.mm_to_voxel(PHANTOM.grid.voxel_to_mm(PHANTOM.marks[0].endpoints_zyx))
        mark = RecistMark(1, np.rint(ends).tolist())  # type: ignore[arg-type]
        result = lite_ensam.segment(tmp_path / f"{codes}.nii.gz", mark, border="edge", n_repeats=2)
        volumes.append((result.measurements[0].volume_ml, result.report["tumors"][0]["volume_sd_ml"]))
    assert volumes[0] == volumes[1] == volumes[2]


def test_a_dicom_visit_and_its_nifti_have_one_volume(tmp_path: Path) -> None:
    """Converters store rows from the back to the front, DICOM from the front to the back."""
    (tmp_path / "dicom").mkdir()
    for k, stored in enumerate((PHANTOM.volume + 1000).astype(np.int16)):
        write_slice(tmp_path / "dicom" / f"{k}.dcm", stored, (-10.0, -20.0, 3.0 * k), InstanceNumber=k)
    ct, series = lite_ensam.read_ct(tmp_path / "dicom")
    image, _ = stored_as("LAS", ct.T, series.grid.affine)
    nib.save(image, tmp_path / "ct.nii.gz")
    mark = PHANTOM.marks[0]
    of_dicom = lite_ensam.segment(tmp_path / "dicom", mark)
    _, source = lite_ensam.read_ct(tmp_path / "ct.nii.gz")
    ends = source.grid.mm_to_voxel(series.grid.voxel_to_mm(mark.endpoints_zyx))
    of_nifti = lite_ensam.segment(tmp_path / "ct.nii.gz", RecistMark(1, np.rint(ends).tolist()))  # type: ignore[arg-type]
    assert of_dicom.measurements[0].n_voxels == of_nifti.measurements[0].n_voxels > 0
