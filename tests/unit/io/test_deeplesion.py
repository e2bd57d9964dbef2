"""DeepLesion's table, with a scan as its own script writes it."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from lite_ensam.core.errors import MarkError
from lite_ensam.io import read_case

ROWS = """File_name,Patient_index,Measurement_coordinates,Bounding_boxes
000001_01_01_109.png,1,"5, 3, 11, 9, 6, 8, 9, 5","1, 2, 3, 4"
000001_01_01_110.png,1,"2.5, 3, 8.5, 3, 5, 2, 5, 4","1, 2, 3, 4"
000001_01_01_900.png,1,"1, 1, 5, 5, 1, 2, 3, 4","1, 2, 3, 4"
000001_01_02_109.png,1,"1, 1, 5, 5, 1, 2, 3, 4","1, 2, 3, 4"
000001_01_01_111.png,1,"1, 1, wide, 5","1, 2, 3, 4"
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "DL_info.csv"
    path.write_text(ROWS)
    return path


def save_scan(folder: Path, name: str = "000001_01_01_108-110.nii.gz") -> Path:
    """Rows, columns, slices, and an affine that says so."""
    voxels = np.arange(12 * 14 * 3).reshape(12, 14, 3).astype(np.int16) - 100
    affine = np.array([[0, -0.8, 0, 0], [-0.8, 0, 0, 0], [0, 0, -5.0, 0], [0, 0, 0, 1]])
    nib.save(nib.Nifti1Image(voxels, affine), folder / name)
    return folder / name


def test_lines_of_the_scans_slices_counted_from_one(tmp_path: Path, table: Path) -> None:
    case = read_case(save_scan(tmp_path), table)
    assert [(mark.label, mark.endpoints_zyx) for mark in case.marks] == [
        (1, ((1, 2, 4), (1, 8, 10))),
        (2, ((2, 2, 1.5), (2, 2, 7.5))),
    ]
    # x = 5, y = 3 of the table is column 4, row 2 of the picture
    assert case.ct[1, 2, 4] == (2 * 14 + 4) * 3 + 1 - 100


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "ct.nii.gz",
            r"DL_info\.csv: is DeepLesion's table, so the scan must be called .*, got 'ct\.nii\.gz'",
        ),
        ("000009_01_01_108-110.nii.gz", "has no line on slices 108 to 110 of 000009_01_01"),
        (
            "000001_01_01_109-111.nii.gz",
            "line 6: Measurement_coordinates must be eight numbers, got '1, 1, wide",
        ),
    ],
)
def test_what_does_not_fit_is_said(tmp_path: Path, table: Path, name: str, message: str) -> None:
    with pytest.raises(MarkError, match=message):
        read_case(save_scan(tmp_path, name), table)
