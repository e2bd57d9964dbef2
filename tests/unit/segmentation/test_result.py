"""A result answers as people expect of it: by label, as an array, as a table, as a picture."""

from __future__ import annotations

import pickle
import sys
from dataclasses import replace
from html import escape
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lite_ensam.core.case import Case
from lite_ensam.core.errors import LiteEnsamError, MarkError, MissingExtraError, OutputError
from lite_ensam.core.partial_volume import SubVolume, keep_boxes
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.core.short_repr import LONGEST_REPR
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.figures.surface import surface_of
from lite_ensam.io import (
    parse_marks,
    read_case,
    read_labels,
    read_marks,
    read_report,
    write_marks,
    write_mask,
    write_report,
    write_table,
)
from lite_ensam.measurements import measure, measure_case
from lite_ensam.measurements.flags import TOUCHES_EDGE
from lite_ensam.segmentation import Segmentation
from lite_ensam.segmentation.painting import Painting
from lite_ensam.segmentation.predictor import Prediction

PHANTOM = make_phantom((24, 80, 80), (4.0, 3.0, 3.0))


def result_of(case: Case = PHANTOM) -> Segmentation:
    """The reference as if the network had drawn it, on the part of the scan that holds all tumours."""
    assert case.reference is not None
    labels = case.reference.astype(np.uint16)
    z, y, x = (slice(int(n.min()), int(n.max()) + 1) for n in np.nonzero(labels))
    part = SubVolume(labels[z, y, x], (z.start, y.start, x.start), labels.shape)
    painting = Painting(part, {})
    measurements = painting.measure(case.marks, case.grid.spacing_mm, case.ct, case.hu)
    return Segmentation(case, measurements, {}, Prediction((), painting))


def test_tumours_are_found_by_label() -> None:
    result = result_of()
    assert (len(result), 2 in result, 9 in result) == (3, True, False)
    assert [tumor.label for tumor in result] == [1, 2, 3]
    assert result[2] is result.measurements[1]
    np.testing.assert_array_equal(result.mask(2), PHANTOM.reference == 2)
    assert result.mask(2).dtype == np.bool_


@pytest.mark.parametrize(
    "ask", [lambda r: r[9], lambda r: r.mask(9), lambda r: r.plot([1, 9]), lambda r: r["liver"]]
)
def test_a_label_that_is_not_there_names_those_that_are(ask) -> None:
    with pytest.raises(KeyError, match=r"no tumour has the label (9|'liver'); the labels are 1, 2, 3"):
        ask(result_of())


def test_many_labels_are_not_all_named() -> None:
    result = result_of()
    many = tuple(replace(result.measurements[0], label=n) for n in range(1, 8001))
    result = replace(result, measurements=many)
    with pytest.raises(KeyError, match=r"the labels are 1, 2, 3, \.\.\., 8000"):
        result[9000]
    assert len(repr(result)) <= LONGEST_REPR
    assert repr(result).endswith("  ... and 7997 more")


def test_a_result_is_its_label_map() -> None:
    result = result_of()
    labels = np.asarray(result)
    np.testing.assert_array_equal(labels, PHANTOM.reference)
    assert labels is result.labels
    assert np.array(result) is not result.labels
    assert np.asarray(result, dtype=np.uint8).dtype == np.uint8
    assert np.asarray(result, copy=False) is result.labels
    with pytest.raises(ValueError, match="the label map is uint16: as float32 it has to be copied"):
        np.asarray(result, dtype=np.float32, copy=False)


@pytest.mark.parametrize("whole", [False, True])
def test_a_label_map_that_is_changed_does_not_leave_the_numbers_as_they_were(whole: bool) -> None:
    result = result_of()
    if whole:  # the tumours reach to every side: the painted part is the scan
        part = result.prediction.painting.part
        result = replace(
            result,
            prediction=Prediction((), Painting(SubVolume(part.whole(), (0, 0, 0), part.whole_shape_zyx), {})),
        )
    for labels in (result.labels, np.asarray(result)):
        with pytest.raises(ValueError, match="read-only"):
            labels[:] = 0
    with pytest.raises(ValueError, match="read-only"):
        pickle.loads(pickle.dumps(result)).labels[:] = 0
    result.labels.copy()[:] = 0
    assert result.mask(1).sum() == result[1].n_voxels


def test_all_numbers_of_measure_are_there() -> None:
    result = result_of()
    tumor = result[2]
    assert tumor.shape is not None
    assert tumor.intensity is not None
    assert 0.8 < tumor.shape.sphericity <= 1
    assert tumor.intensity.mean == pytest.approx(PHANTOM.volume[PHANTOM.reference == 2].mean())
    assert tumor.intensity.unit == "HU"


def test_a_table_has_a_row_for_each_tumour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=list))
    rows = result_of().to_dataframe()
    assert [row["label"] for row in rows] == [1, 2, 3]
    assert {"name", "volume_ml", "sphericity", "grey_mean", "flags", "flag_sentences"} <= rows[0].keys()
    assert rows[0]["flags"] == ""
    assert rows[0]["longest_diameter_zyx"] == result_of()[1].longest_diameter_zyx


def test_pandas_makes_the_table() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    table = result_of().to_dataframe()
    assert isinstance(table, pandas.DataFrame)
    assert table.shape[0] == 3
    assert table.set_index("label").volume_ml[2] == pytest.approx(result_of()[2].volume_ml)


def test_without_pandas_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match="to_dataframe needs pandas: pip install pandas"):
        result_of().to_dataframe()


def test_a_plot_has_three_planes_for_each_tumour_that_is_asked_for() -> None:
    result = result_of()
    assert len(result.plot().axes) == 9
    figure = result.plot([3, 1])
    assert [text.get_text()[:2] for text in figure.texts] == ["3 ", "1 "]
    assert [text.get_text()[:2] for text in result.plot(3).texts] == ["3 "]
    assert figure._repr_png_().startswith(b"\x89PNG")  # what a notebook shows


def test_crops_of_a_scan_are_enough_to_plot() -> None:
    boxes = []
    for mark in PHANTOM.marks:
        ends = np.asarray(mark.endpoints_zyx).astype(int)
        low = np.clip(ends.min(axis=0) - 12, 0, PHANTOM.ct.shape)
        high = np.clip(ends.max(axis=0) + 13, 0, PHANTOM.ct.shape)
        boxes.append((tuple(low.tolist()), tuple(high.tolist())))
    result = result_of()
    cropped = replace(result, case=replace(PHANTOM, ct=keep_boxes(PHANTOM.ct, boxes)))
    shown, expected = ([axes.images[0] for axes in one.plot([1]).axes] for one in (cropped, result))
    for ours, whole in zip(shown, expected, strict=True):
        assert ours.get_clim() == whole.get_clim()
        # the same voxel has the same place in mm
        left, right, bottom, top = ours.get_extent()
        all_left, all_right, all_bottom, all_top = whole.get_extent()
        rows, columns = whole.get_array().shape
        column = round((left - all_left) / (all_right - all_left) * columns)
        row = round((bottom - all_bottom) / (all_top - all_bottom) * rows)
        part = ours.get_array()
        np.testing.assert_array_equal(
            part, whole.get_array()[row : row + part.shape[0], column : column + part.shape[1]]
        )
        assert (right > left, top > bottom) == (True, True)


def test_repr_and_notebook_say_the_flags() -> None:
    case = make_phantom((24, 80, 80), (4.0, 3.0, 3.0))
    assert case.reference is not None
    case.reference[0, 0, 0] = 3
    result = result_of(
        replace(case, marks=(*case.marks[:2], RecistMark(3, case.marks[2].endpoints_zyx, "<b>mass")))
    )
    assert [flag.code for flag in result[3].flags] == ["in_pieces", "touches_edge"]
    page = result._repr_html_()
    for flag in result[3].flags:
        assert flag.sentence in repr(result)
        assert escape(flag.sentence) in page
    assert TOUCHES_EDGE.sentence in repr(result[3])
    assert "<b>" not in page
    assert "&lt;b&gt;mass" in page
    assert repr(result).splitlines()[0] == "Segmentation of 3 tumour(s), 24 x 80 x 80 voxels"
    assert len(repr(result)) <= LONGEST_REPR


CUBE = make_phantom((64, 64, 64), (3.0, 3.5, 4.0))
"""Of a shape that does not tell its axes apart."""


def result_of_image() -> Segmentation:
    """A result as of an image of nibabel: its own array is (i, j, k)."""
    return result_of(replace(CUBE, source=ScanSource(CUBE.grid, array_axes=(2, 1, 0))))


def test_the_nouns_of_one_result_fit_each_other_whatever_axes_the_image_has(tmp_path: Path) -> None:
    result = result_of_image()
    np.testing.assert_array_equal(result.labels, CUBE.reference.T)
    np.testing.assert_array_equal(result.labels_zyx, CUBE.reference)
    for measured in (
        measure(result),
        measure(result.labels, result),
        measure(result.labels_zyx, result.marks, result.grid),
        measure_case(result.case, result),
        measure(result, result.marks, result.grid.spacing_mm, result.case.ct),
    ):
        assert measured == tuple(result)
    assert measure(result)[0].intensity == result[1].intensity
    for n, arguments in enumerate(
        ((result,), (result, result), (result.labels, result), (result.labels_zyx, result.grid))
    ):
        write_mask(tmp_path / f"{n}.nii.gz", *arguments)
        np.testing.assert_array_equal(read_labels(tmp_path / f"{n}.nii.gz"), CUBE.reference)
    surface = surface_of(CUBE.reference == 2, CUBE.grid)
    for again in (
        surface_of(result.mask(2), result),
        surface_of(result.mask(2), result.source),
        surface_of(result.labels_zyx == 2, result.grid),
    ):
        np.testing.assert_array_equal(again.vertices_mm, surface.vertices_mm)


def test_a_case_of_a_result_is_measured_as_its_arrays_lie() -> None:
    """The arrays of a `Case` are (z, y, x), whatever order the image had that the result's source came from."""
    result = result_of_image()
    case = Case(CUBE.volume, result, result, CUBE.reference)
    assert measure(case.reference, case) == measure_case(CUBE, CUBE.reference)


def test_a_result_is_a_scan_with_lines(tmp_path: Path) -> None:
    result, case = result_of(), PHANTOM
    for marks in (result, case):
        assert parse_marks(marks, result) == case.marks
        assert Case(case.ct, case.source, marks).marks == case.marks
        write_marks(tmp_path / "marks.json", marks, overwrite=True)
        assert read_marks(tmp_path / "marks.json", result) == case.marks
        assert read_case(marks).marks == case.marks
    again = read_case(case.ct, result, result, grid=result)
    assert again.grid == case.grid
    np.testing.assert_array_equal(again.reference, case.reference)


def test_lines_of_another_scan_are_refused() -> None:
    other = make_phantom((24, 80, 80), (5.0, 3.0, 3.0))
    words = (
        "marks belong to another scan: it has voxels of 4 x 3 x 3 mm .*, this scan has voxels of 5 x 3 x 3 mm"
    )
    for use in (parse_marks, lambda marks, source: Case(other.ct, source, marks)):
        with pytest.raises(MarkError, match=words):
            use(result_of(), other.grid)


def test_labels_that_are_of_another_order_are_refused_where_the_shape_tells(tmp_path: Path) -> None:
    result = result_of(replace(PHANTOM, source=ScanSource(PHANTOM.grid, array_axes=(2, 1, 0))))
    words = "must have the scan's shape .* got .*; pass `result.labels` together with `result.source`"
    for write in (
        lambda: write_mask(tmp_path / "mask.nii.gz", result.labels, result.grid),
        lambda: write_mask(tmp_path / "mask.nii.gz", result.labels_zyx, result.source),
        lambda: surface_of(result.mask(1), result.grid),
        lambda: measure(result.labels_zyx, result),
    ):
        with pytest.raises(LiteEnsamError, match=words):
            write()


def test_a_result_is_written_as_its_report_and_its_table(tmp_path: Path) -> None:
    result = replace(result_of(), report={"version": "1"})
    write_report(tmp_path / "report.json", result)
    assert read_report(tmp_path / "report.json") == {"version": "1"}
    write_table(tmp_path / "table.csv", result)
    assert (tmp_path / "table.csv").read_text().startswith("label,name,n_voxels")
    with pytest.raises(
        OutputError, match="a structured report refers to a DICOM SEG, so that path must end in"
    ):
        result.save(tmp_path / "mask.nii.gz", sr=tmp_path / "report.dcm")
