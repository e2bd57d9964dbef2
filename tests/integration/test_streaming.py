"""A scan that streams by gives the masks of a scan in memory, voxel for voxel."""

from __future__ import annotations

import itertools
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import lite_ensam
from lite_ensam.core.errors import CaseError
from lite_ensam.core.partial_volume import PartialScan
from lite_ensam.engines import load_backend
from lite_ensam.io import open_scan, read_case, read_labels, write_marks, write_mask
from lite_ensam.segmentation import Predictor
from lite_ensam.segmentation.api import segment_case
from tests.integration.conftest import Scan


def streamed(ct: Path, marks: Path, predictor: Predictor) -> lite_ensam.Case:
    scan = open_scan(ct)
    lines = scan.read_marks(marks)
    return scan.read_case(lines, predictor.plan(lines, scan.source.grid).boxes)


def assert_same(ct: Path, marks: Path, predictor: Predictor, folder: Path) -> None:
    whole, cropped = read_case(ct, marks), streamed(ct, marks, predictor)
    assert isinstance(cropped.ct, PartialScan)
    assert (cropped.ct.shape, cropped.ct.dtype, cropped.hu) == (whole.ct.shape, whole.ct.dtype, whole.hu)
    expected, found = segment_case(whole, predictor), segment_case(cropped, predictor)
    np.testing.assert_array_equal(found.labels, expected.labels)
    assert found.measurements == expected.measurements
    found.save(folder / "part.nii.gz", overwrite=True)
    write_mask(folder / "whole.nii.gz", expected.labels, whole.source, overwrite=True)
    assert (folder / "part.nii.gz").read_bytes() == (folder / "whole.nii.gz").read_bytes()
    np.testing.assert_array_equal(read_labels(folder / "part.nii.gz"), expected.labels)


@pytest.mark.parametrize("crop", ["lesion", "joint"])
def test_the_phantom_streams_to_the_same_mask(scan: Scan, tmp_path: Path, crop: str) -> None:
    assert_same(scan.ct, scan.marks, Predictor(load_backend("openvino"), crop), tmp_path)  # type: ignore[arg-type]


def test_borders_snap_the_same_in_a_scan_that_streams(scan: Scan, tmp_path: Path) -> None:
    assert_same(scan.ct, scan.marks, Predictor(load_backend("openvino"), border="edge"), tmp_path)


def test_every_validation_case_streams_to_the_same_mask(shared_data: Path, tmp_path: Path) -> None:
    predictor = Predictor(load_backend("openvino"))
    folders = sorted((shared_data / "val").glob("*/*"))
    assert folders
    for folder in folders:
        assert_same(folder / "ct.nii.gz", folder / "marks.json", predictor, tmp_path)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_any_axis_order_streams(scan: Scan, tmp_path: Path, order: tuple[int, ...]) -> None:
    image = nib.load(scan.ct)
    affine = np.array(image.affine)
    affine[:3, :3] = affine[:3, order]
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj).transpose(order), affine), tmp_path / "ct.nii.gz")
    _, source = lite_ensam.read_ct(tmp_path / "ct.nii.gz")
    write_marks(tmp_path / "marks.json", scan.case.marks, source)
    predictor = Predictor(load_backend("openvino"))
    assert_same(tmp_path / "ct.nii.gz", tmp_path / "marks.json", predictor, tmp_path)


@pytest.mark.parametrize(("slope", "intercept"), [(1, -1024), (0.5, 0.25), (2, 0)])
@pytest.mark.parametrize("dtype", ["<i2", ">u2", "<i4", ">f4", "<f8"])
def test_scaled_and_converted_voxels_stream(
    scan: Scan, tmp_path: Path, dtype: str, slope: float, intercept: float
) -> None:
    voxels = np.clip(scan.case.ct.astype(np.int32) + 1024, 0, 4000).T
    image = nib.Nifti1Image(voxels.astype(dtype), nib.load(scan.ct).affine)
    image.header.set_data_dtype(np.dtype(dtype))
    nib.save(image, tmp_path / "ct.nii")
    content = bytearray((tmp_path / "ct.nii").read_bytes())
    content[112:120] = np.array(
        [slope, intercept], image.header["scl_slope"].dtype.newbyteorder("<")
    ).tobytes()
    (tmp_path / "ct.nii").write_bytes(content)
    predictor = Predictor(load_backend("openvino"))
    assert_same(tmp_path / "ct.nii", scan.marks, predictor, tmp_path)


def test_a_voxel_on_a_line_that_is_no_number_is_named(scan: Scan, tmp_path: Path) -> None:
    voxels = scan.case.ct.astype(np.float32)
    z, y, x = (round(n) for n in scan.case.marks[0].midpoint_zyx)
    voxels[z, y, x] = np.nan
    nib.save(nib.Nifti1Image(voxels.T, nib.load(scan.ct).affine), tmp_path / "ct.nii.gz")
    with pytest.raises(CaseError, match=rf"ct\.nii\.gz: ct: .*\({z}, {y}, {x}\).*NaN"):
        lite_ensam.segment(tmp_path / "ct.nii.gz", scan.marks)


def test_only_crops_are_kept_and_the_whole_is_not_to_be_had(scan: Scan) -> None:
    case = streamed(scan.ct, scan.marks, Predictor(load_backend("openvino")))
    assert isinstance(case.ct, PartialScan)
    assert sum(part.voxels.size for part in case.ct.parts) < np.prod(case.ct.shape) / 2
    with pytest.raises(CaseError, match="only crops of this scan were kept"):
        _ = case.volume
