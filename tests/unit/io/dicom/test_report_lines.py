"""Structured reports as OHIF, dcmjs and workstations write them: what is a tumour, and what it is called."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from lite_ensam.core.errors import MarkError
from lite_ensam.core.recist import RecistMark, notes_of
from lite_ensam.io import read_marks
from lite_ensam.io.dicom import SeriesSource, read_ct_series
from tests.unit.io.dicom.files import contour, stored_volume, write_series
from tests.unit.io.dicom.reports import (
    LENGTH,
    LONG,
    OLD_LONG,
    REGION,
    SHORT,
    code_item,
    group,
    item,
    number,
    scoord,
    text,
    uid_of,
    write_sr,
)

OLD_SHORT, OLD_LENGTH, AREA = ("G-A186", "SRT"), ("G-D7FE", "SRT"), ("42798000", "SCT")
FINDING, SITE = ("121071", "DCM"), ("363698007", "SCT")
OHIF = "Cornerstone3DTools@^0.1.0:Length"
FLAT, UPRIGHT = [3.5, 4.5, 9.5, 4.5], [6.5, 2.5, 6.5, 6.5]
"""Image coordinates of lines of 4.2 and 3.2 mm that cross."""

FLAT_ZYX, UPRIGHT_ZYX = ((2, 4, 3), (2, 4, 9)), ((2, 2, 6), (2, 6, 6))


@pytest.fixture
def source(tmp_path: Path) -> SeriesSource:
    write_series(tmp_path / "ct", stored_volume())
    return read_ct_series(tmp_path / "ct")[1]


def read(source: SeriesSource, tmp_path: Path, *groups: Dataset) -> tuple[RecistMark, ...]:
    return read_marks(write_sr(tmp_path / "sr.dcm", *groups), source)


def line(source: SeriesSource, k: int, points: list[float] = FLAT, **more: str) -> Dataset:
    return number(LENGTH, scoord(uid_of(source, k), points), **more)


@pytest.mark.parametrize(
    ("kind", "points", "ends"),
    [
        ("CIRCLE", [6.5, 4.5, 9.5, 4.5], ((2, 4, 3), (2, 4, 9))),
        ("CIRCLE", [6.5, 4.5, 6.5, 1.5], ((2, 1, 6), (2, 7, 6))),
        ("ELLIPSE", [6.5, 2.5, 6.5, 6.5, 2.5, 4.5, 10.5, 4.5], ((2, 4, 2), (2, 4, 10))),
    ],
)
@pytest.mark.parametrize("where", ["region", "area", "length"])
def test_circles_and_ellipses_are_diameters(
    tmp_path: Path, source: SeriesSource, kind: str, points: list[float], ends: object, where: str
) -> None:
    drawn = scoord(uid_of(source, 2), points, REGION if where == "region" else None, kind)
    one = {
        "region": drawn,
        "area": number(AREA, drawn, value="14", unit="mm2"),
        "length": number(LENGTH, drawn),
    }
    marks = read(source, tmp_path, group(one[where]))
    assert [mark.endpoints_zyx for mark in marks] == [ends]
    assert notes_of(marks) == ()


def test_what_is_no_tumour_is_named_and_costs_no_other_line(tmp_path: Path, source: SeriesSource) -> None:
    uid = uid_of(source, 2)
    angle = number(("1483009", "SCT"), scoord(uid, [2.5, 2.5, 6.5, 4.5, 9.5, 2.5]), value="20", unit="deg")
    cobb = number(
        ("285285000", "SCT"), scoord(uid, [1.5, 1.5, 9.5, 2.5, 9.5, 8.5, 1.5, 6.5]), value="9", unit="deg"
    )
    count = number(("C", "X"), scoord(uid, FLAT, kind="MULTIPOINT"), value="2", unit="1")
    ratio = number(("R", "X"), scoord(uid, FLAT), value="2", unit="1")
    arrow = scoord(uid, FLAT, REGION)
    probe = number(("111010", "DCM"), scoord(uid, [2.5, 2.5], kind="POINT"))
    rectangle = number(
        AREA, scoord(uid, [1.5, 1.5, 9.5, 1.5, 9.5, 5.5, 1.5, 5.5, 1.5, 1.5]), value="2", unit="mm2"
    )
    radius = number(("131190003", "SCT"), scoord(uid, FLAT), value="4.2")
    others = [group(one, name=f"no {n}") for n, one in enumerate((angle, cobb, count, ratio, arrow, probe))]
    marks = read(
        source,
        tmp_path,
        *others,
        group(line(source, 1), name="liver 1"),
        group(rectangle, name="box"),
        group(radius),
    )
    assert [(mark.label, mark.name, mark.slice_index) for mark in marks] == [(1, "liver 1", 1)]
    expected = [
        "measurement group 1 (no 0) measures an angle",
        "measurement group 2 (no 1) measures an angle",
        "measurement group 3 (no 2) marks 2 points",
        "measurement group 4 (no 3) measures 'words', which is not a length",
        "measurement group 5 (no 4) is a line without a length, such as an arrow",
        "measurement group 6 (no 5) marks 1 point",
        "measurement group 8 (box) is a rectangle, which has no diameter: draw the lesion's long axis or its outline",
        "measurement group 9 is a radius, not a diameter",
    ]
    for said, start in zip(notes_of(marks), expected, strict=True):
        assert said.startswith(f"passed over: {start}")
    with pytest.raises(
        MarkError, match=r"sr\.dcm: holds no line .*: measurement group 1 \(box\) is a rectangle"
    ):
        read(source, tmp_path, group(rectangle, name="box"))


def test_beside_a_long_axis_a_rectangle_and_a_lost_short_axis_are_named(
    tmp_path: Path, source: SeriesSource
) -> None:
    rectangle = scoord(uid_of(source, 2), [1.5, 1.5, 14.5, 1.5, 14.5, 5.5, 1.5, 5.5, 1.5, 1.5], REGION)
    short = number(SHORT, scoord("1.9.9", UPRIGHT))
    marks = read(source, tmp_path, group(rectangle, number(LONG, scoord(uid_of(source, 2), FLAT)), short))
    assert [mark.endpoints_zyx for mark in marks] == [FLAT_ZYX]
    assert [note.removeprefix("passed over: measurement group 1 ")[:16] for note in notes_of(marks)] == [
        "is a rectangle, ",
        "lies on an image",
    ]


def test_a_region_of_two_points_with_a_length_beside_it_is_a_line(
    tmp_path: Path, source: SeriesSource
) -> None:
    region = scoord(uid_of(source, 2), FLAT, REGION)
    marks = read(source, tmp_path, group(region, number(LENGTH, value="4.2")))
    assert [mark.endpoints_zyx for mark in marks] == [FLAT_ZYX]
    assert notes_of(marks) == ()


@pytest.mark.parametrize("codes", [(LONG, SHORT), (OLD_LONG, OLD_SHORT), (LENGTH, SHORT), (LENGTH, LENGTH)])
def test_long_and_short_axis_of_one_group(tmp_path: Path, source: SeriesSource, codes: tuple) -> None:
    uid = uid_of(source, 2)
    (mark,) = read(
        source, tmp_path, group(number(codes[1], scoord(uid, UPRIGHT)), number(codes[0], scoord(uid, FLAT)))
    )
    assert (mark.endpoints_zyx, mark.short_axis_zyx) == (FLAT_ZYX, UPRIGHT_ZYX)


def test_long_and_short_axis_that_seem_swapped_are_noted(tmp_path: Path, source: SeriesSource) -> None:
    uid = uid_of(source, 2)
    marks = read(
        source,
        tmp_path,
        group(number(LONG, scoord(uid, UPRIGHT)), number(SHORT, scoord(uid, [1.5, 4.5, 9.5, 4.5]))),
    )
    assert (marks[0].endpoints_zyx, marks[0].short_axis_zyx) == (UPRIGHT_ZYX, ((2, 4, 1), (2, 4, 9)))
    (note,) = notes_of(marks)
    assert note.startswith("mark 1: its short axis of ")
    assert note.endswith("expected shorter: are they swapped?")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"uid": "1.2.3"}, {"uid": "1.2.3"}),
        ({"name": "liver 1"}, {"name": "liver 1"}),
        ({"name": "liver 1", "uid": "1.2.3"}, {"name": "liver 1", "uid": "1.2.4"}),
        ({"name": OHIF, "uid": "1.2.3"}, {"name": OHIF, "uid": "1.2.3"}),
    ],
)
def test_long_and_short_axis_as_two_groups(
    tmp_path: Path, source: SeriesSource, first: dict[str, str], second: dict[str, str]
) -> None:
    long = group(number(LONG, scoord(uid_of(source, 2), FLAT)), **first)
    short = group(number(SHORT, scoord(uid_of(source, 2), UPRIGHT)), **second)
    other = group(line(source, 1), name="other", uid="1.2.9")
    for groups in ((long, other, short), (short, other, long)):
        marks = read(source, tmp_path, *groups)
        (mark,) = [mark for mark in marks if mark.name != "other"]
        assert (mark.endpoints_zyx, mark.short_axis_zyx) == (FLAT_ZYX, UPRIGHT_ZYX)
        assert mark.name == ("liver 1" if first.get("name") == "liver 1" else "")
        assert mark.tracking_uid == first.get("uid", "")
        assert len(marks) == 2
        assert notes_of(marks) == ()


def test_a_short_axis_goes_to_no_other_lesion(tmp_path: Path, source: SeriesSource) -> None:
    long = group(number(LONG, scoord(uid_of(source, 2), FLAT)), name=OHIF, uid="1.2.3")
    short = group(number(SHORT, scoord(uid_of(source, 2), UPRIGHT)), name=OHIF, uid="1.2.4")
    marks = read(source, tmp_path, long, short)
    assert [mark.short_axis_zyx for mark in marks] == [None]
    assert notes_of(marks) == (
        "passed over: measurement group 2 is a short axis, without a long axis of its lesion",
    )
    elsewhere = group(
        number(LONG, scoord(uid_of(source, 2), FLAT)), number(SHORT, scoord(uid_of(source, 3), UPRIGHT))
    )
    marks = read(source, tmp_path, elsewhere)
    assert [mark.short_axis_zyx for mark in marks] == [None]
    assert "mark 1: its short axis lies on slice z = 3, the line on z = 2" in notes_of(marks)[0]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ([text("121106", "liver segment 7")], "liver segment 7"),
        ([code_item(FINDING, "CORNERSTONEFREETEXT", "left adrenal")], "left adrenal"),
        ([text("121071", "node 3")], "node 3"),
        ([code_item(FINDING, "108369006", "Neoplasm"), code_item(SITE, "10200004", "Liver")], "Liver"),
        ([code_item(("G-C0E3", "SRT"), "T-62000", "Liver")], "Liver"),
        ([code_item(FINDING, "4147007", "Mass")], "Mass"),
        ([text("121106", " ".join(["unchanged since the last visit"] * 3))], ""),
        ([], ""),
    ],
)
@pytest.mark.parametrize(
    "tool",
    [
        OHIF,
        "cornerstoneTools@^4.0.0:Bidirectional",
        "web annotation",
        "Length 3",
        "Planar ROI",
        "1.2.840.113619.2.55",
    ],
)
def test_the_readers_label_names_a_lesion_not_the_tool(
    tmp_path: Path, source: SeriesSource, label: list[Dataset], name: str, tool: str
) -> None:
    (mark,) = read(source, tmp_path, group(*label, line(source, 2), name=tool, uid="1.2.3"))
    assert (mark.name, mark.tracking_uid) == (name, "1.2.3")


def test_the_readers_own_identifier_comes_first(tmp_path: Path, source: SeriesSource) -> None:
    finding = code_item(FINDING, "108369006", "Neoplasm")
    (mark,) = read(source, tmp_path, group(finding, text("121106", "grew"), line(source, 2), name="liver 1"))
    assert mark.name == "liver 1"


def test_equal_names_are_no_identity(tmp_path: Path, source: SeriesSource) -> None:
    site = code_item(SITE, "10200004", "Liver")
    first = group(site, line(source, 1), name=OHIF, uid="1.2.1")
    second = group(site, line(source, 2), name=OHIF, uid="1.2.2")
    third = group(site, text("121106", "dome"), line(source, 3), name=OHIF, uid="1.2.3")
    marks = read(source, tmp_path, first, second, third)
    assert [(mark.name, mark.tracking_uid) for mark in marks] == [
        ("", "1.2.1"),
        ("", "1.2.2"),
        ("dome", "1.2.3"),
    ]
    assert notes_of(marks) == (
        "lesions that share the name 'Liver' were left without one: it does not tell them apart",
    )


def test_a_line_elsewhere_costs_that_line_only(tmp_path: Path, source: SeriesSource) -> None:
    def in_space(frame: str, z: float, rise: float = 0) -> Dataset:
        ends = contour(source.grid, z, [(4, 2), (4, 12)])
        ends[1, 2] += rise
        more = {"GraphicType": "POLYLINE", "ReferencedFrameOfReferenceUID": frame}
        return number(LONG, item("SCOORD3D", GraphicData=ends.ravel().tolist(), **more))

    own = source.frame_of_reference_uid
    marks = read(
        source,
        tmp_path,
        group(number(LONG, scoord("1.9.9", FLAT)), name="other series"),
        group(in_space("9.9", 1), name="other frame"),
        group(in_space(own, 1, rise=5), name="steep"),
        group(in_space(own, 40), name="beyond"),
        group(number(LONG, item("SCOORD", GraphicType="POLYLINE", GraphicData=FLAT)), name="no image"),
        group(in_space(own, 3), name="right"),
    )
    assert [(mark.label, mark.name, mark.slice_index) for mark in marks] == [(1, "right", 3)]
    notes = "\n".join(notes_of(marks))
    for said in (
        "(other series) lies on an image that is not in the CT series",
        "(other frame) lies in another frame of reference than the CT",
        "(steep): mark 1: its endpoints lie on slices z = 1 and z = 3",
        "(beyond): mark 1: endpoint",
        "(no image) refers to 0 images, expected one",
    ):
        assert said in notes
    with pytest.raises(MarkError, match=r"group 1 lies on an image .*; measurement group 2 lies"):
        read(source, tmp_path, *(group(number(LONG, scoord(f"1.9.{n}", FLAT))) for n in (9, 10)))


def test_an_image_may_be_given_by_reference(tmp_path: Path, source: SeriesSource) -> None:
    by_reference = Dataset()
    by_reference.ReferencedContentItemIdentifier = [1, 1, 1, 1]
    there = item("SCOORD", None, (by_reference,), GraphicType="POLYLINE", GraphicData=FLAT)
    library = scoord(uid_of(source, 3), FLAT).ContentSequence[0]
    (mark,) = read(source, tmp_path, group(library, number(LONG, there)))
    assert mark.slice_index == 3


@pytest.mark.parametrize(
    ("value", "unit", "is_said"),
    [
        ("4.2", "mm", False),
        ("4", "mm", False),  # rounded
        ("0.42", "cm", False),
        ("4.3", "mm", False),  # 2 %
        ("4.5", "mm", True),  # 7 %
        ("42", "mm", True),
        ("4.2", "cm", True),
        ("4.2", "MM", False),
        ("6", "px", False),  # not calibrated: pixels cannot be compared
    ],
)
def test_a_value_that_contradicts_its_coordinates_is_said(
    tmp_path: Path, source: SeriesSource, value: str, unit: str, is_said: bool
) -> None:
    marks = read(source, tmp_path, group(line(source, 2, value=value, unit=unit), name="liver 1"))
    assert marks[0].endpoints_zyx == FLAT_ZYX
    said = f"{10 * float(value) if unit == 'cm' else float(value):g}"
    note = (
        f"measurement group 1 (liver 1): the report says {said} mm (words), but its coordinates are 4.2 mm apart; "
        "the coordinates were taken"
    )
    assert notes_of(marks) == ((note,) if is_said else ())


def test_the_radius_of_a_circle_under_the_name_of_a_length_is_said(
    tmp_path: Path, source: SeriesSource
) -> None:
    circle = scoord(uid_of(source, 2), [6.5, 4.5, 9.5, 4.5], kind="CIRCLE")
    marks = read(source, tmp_path, group(number(LONG, circle, value="2.1")))
    assert marks[0].length_mm(source.grid.spacing_mm) == pytest.approx(4.2)
    assert "says 2.1 mm" in notes_of(marks)[0]
    region = read(
        source,
        tmp_path,
        group(scoord(uid_of(source, 2), [6.5, 4.5, 9.5, 4.5], REGION, "CIRCLE"), number(LENGTH, value="2.1")),
    )
    assert "says 2.1 mm" in notes_of(region)[0]
    perimeter = read(source, tmp_path, group(number(("131191004", "SCT"), circle, value="13.2")))
    assert notes_of(perimeter) == ()


@pytest.mark.parametrize("code", [LENGTH, LONG])
def test_lines_that_are_left_over_are_named(
    tmp_path: Path, source: SeriesSource, code: tuple[str, str]
) -> None:
    two = group(
        *(number(code, scoord(uid_of(source, k), p)) for k, p in ((2, FLAT), (3, [3.5, 4.5, 8.5, 4.5])))
    )
    marks = read(source, tmp_path, two, group(line(source, 2), name="copy"))
    assert [mark.endpoints_zyx for mark in marks] == [FLAT_ZYX]
    assert notes_of(marks) == (
        "passed over: measurement group 1 has a line of 3.5 mm beside the longer one that was taken",
        "passed over: measurement group 2 (copy) is a line that was already given",
    )


def test_of_several_lines_of_one_tracking_uid_the_longest_is_the_lesion(
    tmp_path: Path, source: SeriesSource
) -> None:
    groups = [
        group(line(source, 2, UPRIGHT), name=OHIF, uid="1.2.3"),
        group(line(source, 2), name=OHIF, uid="1.2.3"),
        group(line(source, 3, [3.5, 4.5, 8.5, 4.5]), name=OHIF, uid="1.2.3"),
    ]
    (mark,) = marks = read(source, tmp_path, *groups)
    assert (mark.endpoints_zyx, mark.short_axis_zyx) == (FLAT_ZYX, UPRIGHT_ZYX)
    assert notes_of(marks) == (
        "passed over: measurement group 3 has the tracking UID of measurement group 2, which is longer",
    )


@pytest.mark.filterwarnings("ignore::UserWarning")  # beyond 64 KiB pydicom writes values as of unknown type
def test_an_outline_of_20000_points_is_read(tmp_path: Path, source: SeriesSource) -> None:
    angle = np.linspace(0, 2 * np.pi, 20_000)
    points = np.column_stack([8 + 5 * np.cos(angle), 6 + 3 * np.sin(angle)])
    drawn = item(
        "SCOORD3D",
        REGION,
        GraphicType="POLYGON",
        GraphicData=contour(source.grid, 2, points[:, ::-1]).ravel().tolist(),
    )
    (mark,) = read(source, tmp_path, group(drawn))
    assert mark.length_mm(source.grid.spacing_mm) == pytest.approx(7.0, abs=1e-4)


def test_graphics_outside_of_measurement_groups_are_named(tmp_path: Path, source: SeriesSource) -> None:
    marks = read(source, tmp_path, line(source, 1), group(line(source, 2)))
    assert [mark.slice_index for mark in marks] == [2]
    assert notes_of(marks) == ("passed over: graphics outside of measurement groups, 1 in number",)


def test_a_group_is_called_by_the_readers_label(tmp_path: Path, source: SeriesSource) -> None:
    label = code_item(FINDING, "CORNERSTONEFREETEXT", "left adrenal")
    with pytest.raises(MarkError, match=r"measurement group 1 \(left adrenal\) is a line without a length"):
        read(source, tmp_path, group(label, scoord(uid_of(source, 2), FLAT, REGION), name=OHIF))
