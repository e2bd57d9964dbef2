"""Values beyond the 64 KiB that explicit transfer syntaxes can count: contours of thousands of points."""

import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from lite_ensam.core.errors import CaseError
from lite_ensam.io import read_label_map, write_contours
from lite_ensam.io.dicom import SeriesSource, read_ct_series, read_roi
from tests.unit.io.dicom.files import contour, stored_volume, write_rtstruct, write_series


@pytest.fixture
def source(tmp_path: Path) -> SeriesSource:
    write_series(tmp_path / "ct", stored_volume((3, 201, 201)))
    return read_ct_series(tmp_path / "ct")[1]


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom writes such values as of unknown type
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_contour_of_5000_points_is_read(tmp_path: Path, source: SeriesSource, syntax: str) -> None:
    angle = np.linspace(0, 2 * np.pi, 5000, endpoint=False)
    ellipse = np.column_stack([100 + 80 * np.cos(angle), 100 + 70 * np.sin(angle)])
    write_rtstruct(tmp_path / "rs.dcm", {"large": [contour(source.grid, 1, ellipse)]})
    dataset = pydicom.dcmread(tmp_path / "rs.dcm")
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(tmp_path / "rs.dcm", implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True)
    assert (b"UN\0\0" in (tmp_path / "rs.dcm").read_bytes()) == (syntax == ExplicitVRLittleEndian)
    rows, columns = np.ogrid[:201, :201]
    inside = ((rows - 100) / 80) ** 2 + ((columns - 100) / 70) ** 2 <= 1
    mask = read_roi(tmp_path / "rs.dcm", "large", source)
    assert np.count_nonzero(mask[1] != inside) <= 40  # centres on the line, or between it and the chord
    assert not mask[[0, 2]].any()

    content = (tmp_path / "rs.dcm").read_bytes()
    (tmp_path / "rs.dcm").write_bytes(re.sub(rb"\\\d", rb"\\x", content, count=1))
    with pytest.raises(CaseError, match=r"rs\.dcm: ROI 'large' has no contour .* not numbers"):
        read_roi(tmp_path / "rs.dcm", "large", source)


def test_an_outline_of_thousands_of_corners_is_written_and_comes_back(
    tmp_path: Path, source: SeriesSource
) -> None:
    labels = np.zeros(source.grid.shape_zyx, np.uint8)
    rows, columns = np.ogrid[:201, :201]
    labels[1] = (rows - columns) % 4 < 2  # stairs, which a row holds together
    labels[1, 100] = 1
    write_contours(tmp_path / "rt.dcm", labels, source)
    written = pydicom.dcmread(tmp_path / "rt.dcm")
    corners = [one.NumberOfContourPoints for one in written.ROIContourSequence[0].ContourSequence]
    assert max(corners) > 5000
    assert written.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    np.testing.assert_array_equal(read_label_map(tmp_path / "rt.dcm", source).labels, labels)
