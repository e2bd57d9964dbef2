"""Lines drawn on chosen ROIs of an RTSTRUCT and chosen segments of a SEG."""

from pathlib import Path

import numpy as np
import pytest

from lite_ensam.core.errors import MarkError
from lite_ensam.core.recist import RecistMark
from lite_ensam.io import open_scan, parse_marks, read_marks, write_contours, write_marks, write_mask
from lite_ensam.io.dicom import SeriesSource
from tests.unit.io.dicom.reports import LONG, group, number, scoord, uid_of, write_sr
from tests.unit.io.dicom.test_output import series
from tests.unit.io.dicom.test_segmentation_file import saved, seg_of

NAMES = ("liver 1", "node", "dot")


@pytest.fixture
def source(tmp_path: Path) -> SeriesSource:
    return series(tmp_path / "ct")


@pytest.fixture(params=["SEG", "RTSTRUCT"])
def regions(request: pytest.FixtureRequest, tmp_path: Path, source: SeriesSource) -> Path:
    """Three lesions: 13 and 7 voxels wide, and one voxel."""
    labels = np.zeros(source.grid.shape_zyx, np.uint8)
    labels[3, 4, 5:18], labels[2, 8:15, 3], labels[5, 10, 10] = 1, 2, 3
    marks = [RecistMark(n, ((3, 4, 5), (3, 4, 9 + n)), name) for n, name in enumerate(NAMES, start=1)]
    write = write_mask if request.param == "SEG" else write_contours
    write(tmp_path / "regions.dcm", labels, source, marks=marks)
    return tmp_path / "regions.dcm"


def test_lines_are_drawn_on_what_is_chosen(regions: Path, source: SeriesSource) -> None:
    (node,) = read_marks(regions, source, only="NODE")
    assert (node.label, node.name, node.endpoints_zyx) == (2, "node", ((2, 8, 3), (2, 14, 3)))
    both = parse_marks(regions, source, only=["1", "node"])
    assert [mark.name for mark in both] == ["liver 1", "node"]
    assert [mark.name for mark in read_marks(regions, source)] == ["liver 1", "node", "dot"]


def test_what_cannot_be_chosen_is_said(regions: Path, source: SeriesSource, tmp_path: Path) -> None:
    with pytest.raises(
        MarkError, match=r"regions\.dcm: has no (ROI|segment) 'heart', only 'liver 1', 'node', 'dot'"
    ):
        read_marks(regions, source, only=["node", "heart"])
    write_marks(tmp_path / "marks.json", read_marks(regions, source), source)
    line = number(LONG, scoord(uid_of(source, 2), [3.5, 4.5, 9.5, 4.5]))
    for other in (tmp_path / "marks.json", write_sr(tmp_path / "sr.dcm", group(line))):
        with pytest.raises(MarkError, match=rf"{other.name}: `only` is for a DICOM SEG or RTSTRUCT"):
            read_marks(other, source, only="node")
    with pytest.raises(MarkError, match="`only` is for a DICOM SEG or RTSTRUCT, but `marks` is not a path"):
        parse_marks(read_marks(regions, source), source, only="node")
    with pytest.raises(MarkError, match="`only` is for a DICOM SEG or RTSTRUCT, and no `marks` are given"):
        open_scan((np.zeros(source.grid.shape_zyx, np.int16), source)).read_marks(None, only="node")


def test_of_a_fractional_segmentation_half_is_inside(tmp_path: Path, source: SeriesSource) -> None:
    fractions = np.zeros((*source.slices_shape, 1))
    fractions[3, 4, 5:11, 0], fractions[3, 4, 11:14, 0] = 0.75, 0.25
    path = saved(tmp_path, seg_of(source, fractions, "FRACTIONAL", ("liver 1",)))
    assert [mark.endpoints_zyx for mark in read_marks(path, source)] == [((3, 4, 5), (3, 4, 10))]
