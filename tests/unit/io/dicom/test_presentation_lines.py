"""Presentation states (GSPS): which graphics are diameters, and on which image and in which units they lie."""

from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage

from lite_ensam.core.errors import MarkError
from lite_ensam.core.recist import RecistMark, notes_of
from lite_ensam.io import read_marks
from lite_ensam.io.dicom import SeriesSource, read_ct_series
from tests.unit.io.dicom.files import new_dataset, stored_volume, write_series
from tests.unit.io.dicom.reports import uid_of

FLAT, UPRIGHT = [2.5, 4.5, 9.5, 4.5], [5.5, 2.5, 5.5, 6.5]
"""Columns and rows of lines that cross."""


@pytest.fixture
def source(tmp_path: Path) -> SeriesSource:
    write_series(tmp_path / "ct", stored_volume())
    return read_ct_series(tmp_path / "ct")[1]


def new(**attributes: Any) -> Dataset:
    one = Dataset()
    for name, value in attributes.items():
        setattr(one, name, value)
    return one


def references(*uids: str) -> list[Dataset]:
    return [new(ReferencedSOPInstanceUID=uid) for uid in uids]


def graphic(points: list[float], kind: str = "POLYLINE", units: str = "PIXEL", **more: Any) -> Dataset:
    n = len(points) // 2
    return new(
        GraphicType=kind, GraphicAnnotationUnits=units, NumberOfGraphicPoints=n, GraphicData=points, **more
    )


def annotation(*graphics: Dataset, on: list[str] | None = None, **more: Any) -> Dataset:
    one = new(GraphicObjectSequence=list(graphics), **more)
    if on is not None:
        one.ReferencedImageSequence = references(*on)
    return one


def read(source: SeriesSource, path: Path, *annotations: Dataset, **more: Any) -> tuple[RecistMark, ...]:
    state = new_dataset("PR", GrayscaleSoftcopyPresentationStateStorage)
    state.GraphicAnnotationSequence = list(annotations)
    for name, value in more.items():
        setattr(state, name, value)
    state.save_as(path / "pr.dcm", enforce_file_format=True)
    return read_marks(path / "pr.dcm", source)


def test_lines_that_cross_are_long_and_short_axis_of_one_lesion(tmp_path: Path, source: SeriesSource) -> None:
    on = [uid_of(source, 1)]
    far = graphic([11.5, 8.5, 14.5, 10.5])
    together = [annotation(graphic(UPRIGHT), graphic(FLAT), far, on=on)]
    apart = [annotation(graphic(UPRIGHT), on=on), annotation(graphic(FLAT), on=on), annotation(far, on=on)]
    for annotations in (together, apart):
        marks = read(source, tmp_path, *annotations)
        assert [(mark.endpoints_zyx, mark.short_axis_zyx) for mark in marks] == [
            (((1, 4, 2), (1, 4, 9)), ((1, 2, 5), (1, 6, 5))),
            (((1, 8, 11), (1, 10, 14)), None),
        ]
        assert notes_of(marks) == ()


def test_circles_ellipses_and_outlines_give_their_diameters(tmp_path: Path, source: SeriesSource) -> None:
    drawn = {
        "CIRCLE": [6.5, 4.5, 9.5, 4.5],
        "ELLIPSE": [6.5, 2.5, 6.5, 6.5, 2.5, 4.5, 10.5, 4.5],
        "INTERPOLATED": [2.5, 2.5, 8.5, 3.5, 8.5, 7.5, 4.5, 7.5, 2.5, 2.5],
    }
    marks = read(
        source,
        tmp_path,
        *(annotation(graphic(p, kind), on=[uid_of(source, k)]) for k, (kind, p) in enumerate(drawn.items())),
    )
    assert [mark.endpoints_zyx for mark in marks] == [
        ((0, 4, 3), (0, 4, 9)),
        ((1, 4, 2), (1, 4, 10)),
        ((2, 2, 2), (2, 7, 8)),
    ]


def test_what_is_no_tumour_is_named(tmp_path: Path, source: SeriesSource) -> None:
    on = [uid_of(source, 1)]
    ruler = new(CompoundGraphicType="RULER", CompoundGraphicInstanceID=7)
    others = [
        annotation(graphic([2.5, 2.5, 6.5, 4.5, 9.5, 2.5]), on=on),
        annotation(graphic([2.5, 2.5], "POINT"), on=on),
        annotation(graphic([1.5, 1.5, 9.5, 1.5, 9.5, 5.5, 1.5, 5.5, 1.5, 1.5]), on=on),
        annotation(graphic(FLAT, CompoundGraphicInstanceID=7), on=on, CompoundGraphicSequence=[ruler]),
        annotation(graphic(FLAT), graphic([8.5, 3.5, 9.5, 4.5, 8.5, 5.5]), on=on),
        annotation(graphic(FLAT), graphic([2.5, 4.5, 3.5, 3.5]), graphic([2.5, 4.5, 3.5, 5.5]), on=on),
        annotation(on=on, TextObjectSequence=[new(UnformattedTextValue="words")]),
    ]
    marks = read(source, tmp_path, *others, annotation(graphic(FLAT), on=[uid_of(source, 3)]))
    assert [(mark.label, mark.slice_index) for mark in marks] == [(1, 3)]
    assert [note.removeprefix("passed over: ")[:31] for note in notes_of(marks)] == [
        "annotation 1 is an open line of",
        "annotation 2 marks 1 point, not",
        "annotation 3 is a rectangle, wh",
        "annotation 4 is 'RULER', not a ",
        "annotation 5 is an arrow, not a",
        "annotation 6 is an arrow, not a",
        "annotation 7 is a text",
    ]
    with pytest.raises(MarkError, match=r"modality PR\): annotation 1 is an open line .*; and 2 more"):
        read(source, tmp_path, *others)


def test_ticks_at_the_ends_of_a_line_are_no_lesions_short_axis(tmp_path: Path, source: SeriesSource) -> None:
    ticks = [graphic([x, 4.0, x, 5.0]) for x in (2.5, 9.5)]
    marks = read(source, tmp_path, annotation(graphic(FLAT), *ticks, on=[uid_of(source, 1)]))
    assert [(mark.endpoints_zyx, mark.short_axis_zyx) for mark in marks] == [(((1, 4, 2), (1, 4, 9)), None)]


def test_without_an_image_an_annotation_is_for_all_that_the_state_is_for(
    tmp_path: Path, source: SeriesSource
) -> None:
    def of(*uids: str) -> list[Dataset]:
        return [new(ReferencedImageSequence=references(*uids))]

    line = annotation(graphic(FLAT))
    (mark,) = read(source, tmp_path, line, ReferencedSeriesSequence=of(uid_of(source, 3)))
    assert mark.endpoints_zyx == ((3, 4, 2), (3, 4, 9))
    both = of(uid_of(source, 3), uid_of(source, 2))
    with pytest.raises(MarkError, match="annotation 1 is drawn on 2 images, expected one"):
        read(source, tmp_path, line, ReferencedSeriesSequence=both)
    marks = read(
        source,
        tmp_path,
        line,
        annotation(graphic(FLAT), on=[uid_of(source, 2)]),
        ReferencedSeriesSequence=both,
    )
    assert [mark.slice_index for mark in marks] == [2]
    assert notes_of(marks) == ("passed over: annotation 1 is drawn on 2 images, expected one",)


def test_an_annotation_on_another_series_costs_that_one_only(tmp_path: Path, source: SeriesSource) -> None:
    there, here = annotation(graphic(FLAT), on=["1.9.9"]), annotation(graphic(FLAT), on=[uid_of(source, 2)])
    marks = read(source, tmp_path, there, here)
    assert [mark.slice_index for mark in marks] == [2]
    assert notes_of(marks)[0].startswith(
        "passed over: annotation 1 lies on an image that is not in the CT series"
    )
    with pytest.raises(MarkError, match="annotation 1 lies on an image"):
        read(source, tmp_path, there)


def test_shares_of_the_displayed_area_become_pixels(tmp_path: Path, source: SeriesSource) -> None:
    on = [uid_of(source, 2)]
    # columns 5 to 12 and rows 3 to 6 are displayed, counted from 1: 4.0 to 12.0 and 2.0 to 6.0 on the image
    area = new(DisplayedAreaTopLeftHandCorner=[5, 3], DisplayedAreaBottomRightHandCorner=[12, 6])
    other = new(
        DisplayedAreaTopLeftHandCorner=[1, 1],
        DisplayedAreaBottomRightHandCorner=[16, 12],
        ReferencedImageSequence=references(uid_of(source, 0)),
    )
    line = annotation(graphic([0.0625, 0.625, 0.8125, 0.625], units="DISPLAY"), on=on)
    (mark,) = read(source, tmp_path, line, DisplayedAreaSelectionSequence=[other, area])
    assert mark.endpoints_zyx == ((2, 4, 4), (2, 4, 10))
    right = annotation(graphic(FLAT), on=[uid_of(source, 1)])
    marks = read(source, tmp_path, line, right, DisplayedAreaSelectionSequence=[other])
    assert [mark.slice_index for mark in marks] == [1]
    assert "annotation 1 is drawn in units of 'DISPLAY', without the displayed area" in notes_of(marks)[0]
    turned = read(source, tmp_path, line, right, DisplayedAreaSelectionSequence=[area], ImageRotation=90)
    assert "annotation 1 is drawn in units of 'DISPLAY' on a turned image" in notes_of(turned)[0]
