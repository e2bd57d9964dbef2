"""Lines written as reports and presentation states have them, item by item, and read back."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import XRayRadiationDoseSRStorage, generate_uid

from lite_ensam.core.errors import MarkError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.io import read_case, read_marks, write_marks
from lite_ensam.io.dicom import SeriesSource, read_ct_series
from tests.unit.io.dicom.files import (
    box_yx,
    contour,
    new_dataset,
    stored_volume,
    write_rtstruct,
    write_series,
)
from tests.unit.io.dicom.reports import (
    LENGTH,
    LONG,
    OLD_LONG,
    REGION,
    SHORT,
    group,
    item,
    number,
    scoord,
    uid_of,
    write_gsps,
    write_sr,
)


@pytest.fixture
def source(tmp_path: Path) -> SeriesSource:
    write_series(tmp_path / "ct", stored_volume())
    return read_ct_series(tmp_path / "ct")[1]


def test_the_long_axis_of_each_group_becomes_a_mark(tmp_path: Path, source: SeriesSource) -> None:
    first = group(
        number(SHORT, scoord(uid_of(source, 2), [5.5, 1.5, 5.5, 11.5])),
        number(LONG, scoord(uid_of(source, 2), [3.5, 4.5, 9.5, 4.5])),
        number(LENGTH, scoord(uid_of(source, 2), [0.5, 4.5, 15.5, 4.5])),
        name="liver 1",
        uid="1.2.3",
    )
    second = group(number(OLD_LONG, scoord(uid_of(source, 4), [2.0, 3.0, 7.25, 8.0])))
    marks = read_marks(write_sr(tmp_path / "sr.dcm", first, second), source)
    # 0.5, 0.5 is the centre of the first pixel; column 3, row 4 of slice 2
    assert [mark.endpoints_zyx for mark in marks] == [
        ((2, 4, 3), (2, 4, 9)),
        ((4, 2.5, 1.5), (4, 7.5, 6.75)),
    ]
    assert [(mark.label, mark.name, mark.tracking_uid) for mark in marks] == [
        (1, "liver 1", "1.2.3"),
        (2, "", ""),
    ]


def test_without_a_long_axis_a_length_or_an_outline_will_do(tmp_path: Path, source: SeriesSource) -> None:
    length = group(number(LENGTH, scoord(uid_of(source, 0), [1.5, 2.5, 6.5, 2.5])))
    outline = [2.5, 2.5, 8.5, 3.5, 8.5, 7.5, 4.5, 7.5, 2.5, 2.5]
    region = group(scoord(uid_of(source, 1), outline, REGION))
    nothing = group(item("NUM", ("118565006", "SCT")))
    marks = read_marks(write_sr(tmp_path / "no suffix", length, nothing, region), source)
    assert marks[0].endpoints_zyx == ((0, 2, 1), (0, 2, 6))
    assert marks[1].endpoints_zyx == ((1, 2, 2), (1, 7, 8))
    assert [mark.label for mark in marks] == [1, 2]


def test_points_in_the_frame_of_reference(tmp_path: Path, source: SeriesSource) -> None:
    ends = contour(source.grid, 3, [(4, 2), (4, 12)])

    def line(frame: str) -> Path:
        there = item("SCOORD3D", GraphicData=ends.ravel().tolist(), ReferencedFrameOfReferenceUID=frame)
        return write_sr(tmp_path / "sr.dcm", group(number(LONG, there), name="node"))

    (mark,) = read_marks(line(source.frame_of_reference_uid), source)
    np.testing.assert_allclose(mark.endpoints_zyx, ((3, 4, 2), (3, 4, 12)), atol=1e-5)
    with pytest.raises(MarkError, match=r"group 1 \(node\) lies in another frame of reference than the CT"):
        read_marks(line("9.9"), source)


def test_marks_on_another_series_are_refused(tmp_path: Path, source: SeriesSource) -> None:
    elsewhere = group(number(LONG, scoord("1.9.9", [3.5, 4.5, 9.5, 4.5])))
    with pytest.raises(
        MarkError,
        match=r"sr\.dcm: holds no line .*: measurement group 1 lies on an image that is not in",
    ):
        read_marks(write_sr(tmp_path / "sr.dcm", elsewhere), source)
    plain = Grid.from_spacing(source.grid.shape_zyx, source.grid.spacing_mm)
    on_slice = group(number(LONG, scoord(uid_of(source, 2), [3.5, 4.5, 9.5, 4.5])))
    with pytest.raises(MarkError, match="the CT must be read from its DICOM folder"):
        read_marks(write_sr(tmp_path / "sr.dcm", on_slice), plain)


def test_a_report_without_a_line_is_refused(tmp_path: Path, source: SeriesSource) -> None:
    with pytest.raises(
        MarkError, match=r"sr\.dcm: holds no line that could be a RECIST mark \(modality SR\)"
    ):
        read_marks(write_sr(tmp_path / "sr.dcm", group(name="empty")), source)
    point = group(number(LONG, scoord(uid_of(source, 2), [3.5, 4.5, 3.5, 4.5])))
    with pytest.raises(MarkError, match="measurement group 1: mark 1: both endpoints are"):
        read_marks(write_sr(tmp_path / "sr.dcm", point), source)
    with pytest.raises(MarkError, match="is of modality 'CT', expected SR, PR, RTSTRUCT or SEG"):
        read_marks(source.slices[0].filename, source)


def test_the_longest_line_of_each_annotation_of_a_presentation_state(
    tmp_path: Path, source: SeriesSource
) -> None:
    cross = [[5.5, 2.5, 5.5, 6.5], [2.5, 4.5, 9.5, 4.5]]
    arrow = [[1.5, 1.5, 2.5, 2.5, 3.5, 1.5]]
    marks = read_marks(write_gsps(tmp_path / "pr", source, cross, arrow, [[1.5, 1.5, 7.5, 1.5]]), source)
    assert [mark.endpoints_zyx for mark in marks] == [((0, 4, 2), (0, 4, 9)), ((2, 1, 1), (2, 1, 7))]
    with pytest.raises(
        MarkError, match="annotation 1 is drawn in units of 'MATRIX', expected PIXEL or DISPLAY"
    ):
        read_marks(write_gsps(tmp_path / "pr", source, cross, units="MATRIX"), source)


def test_each_roi_gets_the_line_of_its_largest_slice(tmp_path: Path, source: SeriesSource) -> None:
    rois = {
        "GTV-1": [contour(source.grid, 1, box_yx(2.6, 7.4)), contour(source.grid, 2, box_yx(3.6, 6.4))],
        "GTV-2": [contour(source.grid, 3, box_yx(0.6, 4.4))],
    }
    write_rtstruct(tmp_path / "rs.dcm", rois)
    marks = read_marks(tmp_path / "rs.dcm", source)
    assert [(mark.label, mark.name, mark.slice_index) for mark in marks] == [(1, "GTV-1", 1), (2, "GTV-2", 3)]
    write_rtstruct(tmp_path / "rs.dcm", {"GTV-1": []})
    with pytest.raises(MarkError, match=r"rs\.dcm: ROI 'GTV-1' has no contours"):
        read_marks(tmp_path / "rs.dcm", source)


def test_a_tracking_uid_that_is_none_is_refused() -> None:
    with pytest.raises(
        MarkError, match="mark 1: its tracking_uid must be at most 64 digits and dots, got 'a b'"
    ):
        RecistMark(1, ((0, 0, 0), (0, 0, 5)), "", "a b")


def test_tracking_uids_survive_json(tmp_path: Path, source: SeriesSource) -> None:
    uid = generate_uid()
    line = group(number(LONG, scoord(uid_of(source, 2), [3.5, 4.5, 9.5, 4.5])), name="liver 1", uid=uid)
    marks = read_marks(write_sr(tmp_path / "sr.dcm", line), source)
    write_marks(tmp_path / "marks.json", marks, source)
    assert read_marks(tmp_path / "marks.json", source) == marks


def test_marks_that_lie_beside_the_slices_need_not_be_named(tmp_path: Path, source: SeriesSource) -> None:
    with pytest.raises(MarkError, match="no marks given, and the folder holds no DICOM file of marks"):
        read_case(tmp_path / "ct")
    (tmp_path / "ct" / "marks.json").write_text("{}")
    with pytest.raises(MarkError, match=r"; give marks\.json as marks if it holds them"):
        read_case(tmp_path / "ct")
    write_sr(tmp_path / "ct" / "lines", group(number(LONG, scoord(uid_of(source, 2), [3.5, 4.5, 9.5, 4.5]))))
    dose = new_dataset("SR", XRayRadiationDoseSRStorage)
    dose.save_as(tmp_path / "ct" / "dose", enforce_file_format=True)
    case = read_case(tmp_path / "ct")
    assert [mark.endpoints_zyx for mark in case.marks] == [((2, 4, 3), (2, 4, 9))]
    write_rtstruct(tmp_path / "ct" / "more", {})
    with pytest.raises(
        MarkError, match=r"holds 2 files that could be marks: lines \(SR\), more \(RTSTRUCT\)"
    ):
        read_case(tmp_path / "ct")
