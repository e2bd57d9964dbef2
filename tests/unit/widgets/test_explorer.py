"""`explore`: from every kind of input to a widget, and from the widget to files that can be read again."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
import pytest

import lite_ensam
from lite_ensam.core.case import Case
from lite_ensam.core.errors import CaseError, MarkError, OutputError
from lite_ensam.core.recist import RecistMark
from lite_ensam.io import read_labels, read_marks, write_ct, write_marks
from lite_ensam.io.dicom import series
from lite_ensam.measurements.confidence import CONFIDENCE
from lite_ensam.widgets import Explorer, explore
from lite_ensam.widgets.exports import EXPORT_KINDS
from tests.unit.widgets.conftest import SphereEngine

DICOM = {"SEG": "a DICOM SEG", "SR": "a structured report", "RTSTRUCT": "an RTSTRUCT"}


@pytest.fixture
def explorer(case: Case, engine: SphereEngine, tmp_path: Path) -> Explorer:
    made = explore(case, folder=tmp_path)
    made.viewer.segment()
    return made


def find(widget: Any, description: str) -> Any:
    """The button of that name."""
    return next(
        found
        for found in _all(widget)
        if isinstance(found, ipywidgets.Button | ipywidgets.ToggleButton) and found.description == description
    )


def _all(widget: Any) -> list[Any]:
    return [widget, *(found for child in getattr(widget, "children", ()) for found in _all(child))]


def words(explorer: Explorer) -> str:
    return next(found.value for found in _all(explorer) if isinstance(found, ipywidgets.HTML))


def test_it_is_public(case: Case, engine: SphereEngine) -> None:
    assert lite_ensam.explore is explore
    assert lite_ensam.explore(case).viewer.marks == case.marks


def test_a_file_and_its_marks(case: Case, engine: SphereEngine, tmp_path: Path) -> None:
    write_ct(tmp_path / "ct.nii.gz", case.ct, case.grid)
    write_marks(tmp_path / "marks.json", case.marks, case.grid)
    opened = explore(tmp_path / "ct.nii.gz", tmp_path / "marks.json")
    assert opened.name == "ct"
    np.testing.assert_array_equal(opened.viewer.ct, case.ct)
    assert len(opened.viewer.marks) == 2
    assert explore(tmp_path / "ct.nii.gz").viewer.marks == ()


def test_a_folder_of_dicom_slices(
    case: Case, engine: SphereEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series, "read_series", lambda *_: (case.ct, case.source))
    (tmp_path / "series_2").mkdir()
    assert explore(tmp_path / "series_2").name == "series_2"


def test_an_array_with_lines_or_a_marker_volume(case: Case, engine: SphereEngine) -> None:
    spacing = case.grid.spacing_mm
    assert explore(case.ct, case.marks[0], spacing).viewer.marks == case.marks[:1]
    ends = {2: case.marks[0].endpoints_zyx}
    assert explore(case.ct, ends, spacing).viewer.marks == (RecistMark(2, ends[2]),)
    viewer = np.zeros(case.ct.shape, np.uint8)
    viewer[3, 4, 5:9] = 7
    assert explore(case.ct, viewer, spacing).viewer.marks == (RecistMark(7, ((3, 4, 5), (3, 4, 8))),)


def test_what_does_not_fit_is_refused(case: Case, engine: SphereEngine) -> None:
    with pytest.raises(CaseError, match="spacing_mm is missing"):
        explore(case.ct)
    with pytest.raises(CaseError, match="spacing_mm belongs to arrays"):
        explore(case, spacing_mm=(1, 1, 1))
    with pytest.raises(CaseError, match="no such file"):
        explore("nowhere.nii.gz")
    with pytest.raises(MarkError, match="or the ct's"):
        explore(case.ct, np.zeros((2, 2, 2), np.uint8), (1, 1, 1))


def test_files_hold_what_is_seen(explorer: Explorer, case: Case) -> None:
    viewer = explorer.viewer
    viewer.reject(2)
    paths = {kind: explorer.save(kind) for kind in EXPORT_KINDS if kind not in DICOM}
    np.testing.assert_array_equal(read_labels(paths["NIfTI"], case.grid), viewer.labels)
    report = json.loads(paths["JSON"].read_text())
    assert [tumor["state"] for tumor in report["tumors"]] == ["proposed", "rejected"]
    assert report["threshold"] == 0
    assert [mark.label for mark in read_marks(paths["JSON"], case.grid)] == [1, 2]
    with open(paths["CSV"], newline="") as file:
        first, second = csv.DictReader(file)
    assert set(first) >= {*CONFIDENCE, "hand_added_voxels", "hand_removed_voxels"}
    assert set(first) >= report["tumors"][0].keys() - {"n_repeats"}, "what the report says, the table says"
    assert float(first["volume_ml"]) == pytest.approx(viewer.results[0]["volume_ml"])
    assert (second["state"], second["volume_ml"]) == ("rejected", "")
    for read, mark in zip(read_marks(paths["CSV"], case.grid), case.marks, strict=True):
        np.testing.assert_allclose(read.endpoints_zyx, mark.endpoints_zyx)
    assert paths["PNG"].read_bytes()[:4] == b"\x89PNG"


def test_saved_marks_are_those_on_the_screen(explorer: Explorer, case: Case) -> None:
    (z, y, x), last = case.marks[0].endpoints_zyx
    short = ((z, y - 1, x + 2), (z, y + 2, x + 2))
    told = RecistMark(
        1, ((z, y, x), last), "node", "", short, 1, round(z) + 2, ((z, y, x + 3),), ((z + 3, y, x),)
    )
    explorer.viewer.marks = [told]
    assert read_marks(explorer.save("JSON"), case.grid) == (told,)
    assert read_marks(explorer.save("CSV"), case.grid) == (replace(told, inside_zyx=(), outside_zyx=()),)
    np.testing.assert_array_equal(read_labels(explorer.save("NIfTI"), case.grid), explorer.viewer.labels)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("threshold", "much", "threshold must be a finite logit"),
        ("border", "mine", "border must be one of"),
        ("mirror", 1, "mirror must be of type bool"),
    ],
)
def test_options_of_a_report_that_make_no_sense_are_refused(
    case: Case, engine: SphereEngine, tmp_path: Path, name: str, value: object, words: str
) -> None:
    report = explore(case, folder=tmp_path).save("JSON")
    report.write_text(json.dumps(json.loads(report.read_text()) | {name: value}))
    with pytest.raises(MarkError, match=rf"report\.json: {words}"):
        explore(case, report)


def test_words_of_other_programs_are_no_options(case: Case, engine: SphereEngine) -> None:
    entries = [{"endpoints_zyx": mark.endpoints_zyx, "label": mark.label} for mark in case.marks]
    other = {"marks": entries, "border": "irregular", "crop": "1", "threshold": "high"}
    assert explore(case, other).viewer.options["border"] == "readers"


def test_files_say_how_much_was_made_by_hand(explorer: Explorer, case: Case) -> None:
    viewer = explorer.viewer
    z, y, x = (round(m) for m in case.marks[0].midpoint_zyx)
    viewer.hand.paint(1, [(z, y, x), (z, y, x + 15)], 4.0, plane="coronal")
    report = json.loads(explorer.save("JSON").read_text())
    edited = [tumor["hand_added_voxels"] for tumor in report["tumors"]]
    assert edited[0] > 0
    assert edited[1] == 0
    with open(explorer.save("CSV"), newline="") as file:
        assert [int(row["hand_added_voxels"]) for row in csv.DictReader(file)] == edited
    saved = read_labels(explorer.save("NIfTI"), case.grid)
    np.testing.assert_array_equal(saved, viewer.labels)
    assert saved[z, y, x + 15] == 1


@pytest.mark.parametrize("kind", DICOM)
def test_dicom_objects_need_a_scan_that_is_dicom(explorer: Explorer, tmp_path: Path, kind: str) -> None:
    why = f"{DICOM[kind]} needs the DICOM slices of its CT: read the CT from its folder"
    button = find(explorer, kind)
    assert (button.disabled, button.tooltip) == (True, why)
    with pytest.raises(OutputError, match=why):
        explorer.save(kind)
    assert list(tmp_path.iterdir()) == []


def test_buttons_write_and_say_so(explorer: Explorer, tmp_path: Path) -> None:
    find(explorer, "CSV").click()
    assert "written:" in words(explorer)
    find(explorer, "CSV").click()
    assert "exists: tick" in words(explorer), "nothing is replaced unless asked for"
    next(box for box in _all(explorer) if isinstance(box, ipywidgets.Checkbox)).value = True
    find(explorer, "CSV").click()
    assert "written:" in words(explorer)
    assert [path.name for path in tmp_path.iterdir()] == [f"{explorer.name}_table.csv"]


def test_without_lines_or_masks_there_is_nothing_to_save(
    case: Case, engine: SphereEngine, tmp_path: Path
) -> None:
    empty = explore(case, (), folder=tmp_path, auto_segment=False)
    for kind in EXPORT_KINDS:
        with pytest.raises(OutputError, match="no line has been drawn"):
            empty.save(kind)
    empty.viewer.marks = case.marks
    for kind in ("NIfTI", "PNG"):
        with pytest.raises(OutputError, match="no line has been segmented"):
            empty.save(kind)
    with pytest.raises(OutputError, match="kind must be one of"):
        empty.save("DOCX")
    assert list(tmp_path.iterdir()) == []


def test_the_3d_view_follows_the_marks(explorer: Explorer, case: Case) -> None:
    toggle, place = find(explorer, "3D"), explorer.children[-1]
    assert place.children == ()
    toggle.value = True
    (plot,) = place.children
    assert len(plot.objects) == 3 * len(case.marks)
    explorer.viewer.marks = case.marks[:1]
    (plot,) = place.children
    assert len(plot.objects) == 3
    toggle.value = False
    assert place.children == ()


def test_a_still_picture_for_readers_without_a_kernel(explorer: Explorer) -> None:
    assert explorer.picture()._repr_png_()[:4] == b"\x89PNG"
