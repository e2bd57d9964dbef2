"""What a user knows of a tumour beyond its line, said on the command line or by `prompts=`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

import lite_ensam
from lite_ensam.core.errors import MarkError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import NotedMarks, RecistMark, notes_of
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.io import read_labels
from lite_ensam.segmentation.api import with_prompts
from tests.integration.conftest import Run, Scan


def test_options_are_the_marks_own_fields(scan: Scan, run: Run, tmp_path: Path) -> None:
    plain = lite_ensam.segment(scan.case)
    z, y, x = map(int, np.argwhere(plain.mask(1))[0])  # a voxel on the mask's lowest slice
    line = scan.case.marks[0].slice_index
    assert z < line - 1
    known = {
        "first_slice": z + 1,
        "outside_zyx": [[line, y - 12, x]],
        "inside_zyx": [[line, *map(int, scan.case.marks[0].midpoint_zyx[1:])]],
    }
    entries = json.loads(scan.marks.read_text())["marks"]
    entries[0] |= known
    (tmp_path / "marks.json").write_text(json.dumps({"marks": entries}))
    from_file = lite_ensam.segment(scan.ct, tmp_path / "marks.json")
    assert not from_file.mask(1)[: z + 1].any()
    assert plain.mask(1)[z].any()

    (inside,), (outside,) = known["inside_zyx"], known["outside_zyx"]
    mask = tmp_path / "mask.nii.gz"
    done = run(
        "segment", scan.ct, "--marks", scan.marks, "-o", mask, "--first-slice", f"1:{z + 1}",
        "--inside", f"1:{','.join(map(str, inside))}", "--outside", f"1:{','.join(map(str, outside))}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(read_labels(mask), from_file.labels)
    by_argument = lite_ensam.segment(scan.case, prompts={1: known})
    np.testing.assert_array_equal(by_argument.labels, from_file.labels)


@pytest.mark.parametrize(
    "form",
    [
        lambda points: points,
        lambda points: (tuple(point) for point in points),
        np.array,
        lambda points: np.array(points, np.int16).tolist(),
        lambda points: pytest.importorskip("pandas").DataFrame(points, columns=["z", "y", "x"]),
        lambda points: [np.array(point) for point in points],
    ],
)
def test_points_in_any_form_are_those_points(form) -> None:
    line, points = [[10, 40, 20], [10, 40, 60]], [[10, 40, 30], [11, 41, 40]]
    source = ScanSource(Grid.from_spacing((24, 80, 80), (4.0, 3.0, 3.0)))
    (mark,) = with_prompts([RecistMark(1, line)], {1: {"inside_zyx": form(points)}}, source)
    assert mark.inside_zyx == ((10, 40, 30), (11, 41, 40))
    (mark,) = with_prompts([RecistMark(1, line)], {1: {"inside_zyx": form(points[:1])}}, source)
    assert mark.inside_zyx == ((10, 40, 30),)


def test_the_only_line_needs_no_label(scan: Scan, run: Run, tmp_path: Path) -> None:
    mark = scan.case.marks[0]
    ends = ",".join(f"{value:g}" for end in mark.endpoints_zyx for value in end)
    mask, last = tmp_path / "mask.nii.gz", mark.slice_index + 1
    done = run("segment", scan.ct, "--line", ends, "--last-slice", last, "-o", mask)
    assert done.returncode == 0, done.stderr
    found = read_labels(mask) > 0
    assert found[last].any()
    assert not found[last + 1 :].any()


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (("--first-slice", "9"), 1, "there are 3 lines, say which label is meant, as 1:33"),
        (("--first-slice", "7:9"), 1, "no line has the label 7; the labels are 1, 2, 3"),
        (("--first-slice", "1:55"), 1, "first_slice 55 lies after the line's slice"),
        (("--inside", "1:500,1,1"), 1, "point (500, 1, 1) (z, y, x) lies outside the volume"),
        (("--first-slice", "1:x"), 2, "--first-slice: expected 33, or LABEL:33, got '1:x'"),
        (("--inside", "1:2,3"), 2, "--inside: expected 44,112,110, or LABEL:44,112,110, got '1:2,3'"),
        (("--last-slice", "1:50", "--last-slice", "1:51"), 2, "--last-slice is given twice for one tumour"),
        (("--short-axis", "1:38,66,47,38,77"), 2, "--short-axis: expected 38,66,47,38,77,42, or LABEL:"),
        (
            ("--short-axis", "1:1,66,47,1,77,42"),
            1,
            "mark 1: its short axis lies on slice z = 1, the line on z = 38",
        ),
    ],
)
def test_what_makes_no_sense_is_said(
    options: tuple[str, ...], code: int, sentence: str, scan: Scan, run: Run, tmp_path: Path
) -> None:
    mask = tmp_path / "mask.nii.gz"
    done = run("segment", scan.ct, "--marks", scan.marks, "-o", mask, *options)
    assert done.returncode == code
    assert sentence in " ".join(done.stderr.replace("│", " ").split())
    assert not mask.exists()


def test_a_short_axis_elsewhere_is_printed_once(scan: Scan, run: Run, tmp_path: Path) -> None:
    content = json.loads(scan.marks.read_text())
    (z, y0, x0), (_, y1, x1) = content["marks"][0]["endpoints_zyx"]
    along = [[z, y0 + (y1 - y0) / 3, x0 + (x1 - x0) / 3], [z, (y0 + y1) / 2, (x0 + x1) / 2]]
    content["marks"][0]["short_axis_zyx"] = along
    (tmp_path / "marks.json").write_text(json.dumps(content))
    mask, report = tmp_path / "mask.nii.gz", tmp_path / "report.json"
    done = run("segment", scan.ct, "--marks", tmp_path / "marks.json", "-o", mask, "--report", report)
    assert done.returncode == 0, done.stderr
    assert "note: mark 1: its short axis" not in " ".join(done.stdout.split())
    assert "short axis does not" in " ".join(done.stdout.split())
    written = json.loads(report.read_text())
    assert "short_axis_not_across" in written["tumors"][0]["flags"]
    assert any(note.startswith("mark 1: its short axis does not go across") for note in written["notes"])


def test_a_short_axis_is_that_of_the_file(scan: Scan, run: Run, tmp_path: Path) -> None:
    mark = scan.case.marks[0]
    (z, y0, x0), (_, y1, x1) = mark.endpoints_zyx
    across = np.array([-(x1 - x0), y1 - y0]) / 6  # half as long as half the line, at right angles to it
    middle = np.array([y0 + y1, x0 + x1]) / 2
    ends = [
        [z, *np.round(middle + sign * across, 2).tolist()] for sign in (-1, 1)
    ]  # a line ends between voxels
    entries = json.loads(scan.marks.read_text())["marks"]
    entries[0] |= {"short_axis_zyx": ends}
    (tmp_path / "marks.json").write_text(json.dumps({"marks": entries}))
    from_file = lite_ensam.segment(scan.ct, tmp_path / "marks.json")
    mask = tmp_path / "mask.nii.gz"
    given = f"1:{','.join(str(value) for end in ends for value in end)}"
    done = run("segment", scan.ct, "--marks", scan.marks, "-o", mask, "--short-axis", given)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(read_labels(mask), from_file.labels)
    assert from_file.mask(1).sum() < lite_ensam.segment(scan.case).mask(1).sum(), "a third of its width"


def test_prompts_of_no_line_are_refused_in_python() -> None:
    phantom = lite_ensam.make_phantom()
    with pytest.raises(MarkError, match=r"must be some of first_slice, .*, got 'first_slize'"):
        lite_ensam.segment(phantom, prompts={1: {"first_slize": 1}})
    with pytest.raises(MarkError, match="no line has the label '7'; the labels are 1, 2, 3"):
        lite_ensam.segment(phantom, prompts={"7": {"first_slice": 1}})
    with pytest.raises(MarkError, match="the label 1 comes twice"):
        lite_ensam.segment(phantom, prompts={1: {"first_slice": 30}, "1": {"first_slice": 35}})
    alone = replace(phantom, marks=phantom.marks[:1])
    for misspelt in ({"first_slize": 1}, {"first_slice": 30, "inside": [[38, 70, 40]]}):
        with pytest.raises(MarkError, match=r"must be some of first_slice, .*, got '(first_slize|inside)'"):
            lite_ensam.segment(alone, prompts=misspelt)
    with pytest.raises(MarkError, match="there are 3 lines, say which label is meant"):
        lite_ensam.segment(phantom, prompts={"first_slice": 1})
    for shapeless in ([{"first_slice": 1}], {1: 33}, {1: "first_slice"}):
        with pytest.raises(
            MarkError, match=r'^prompts: must be .* such as \{1: \{"first_slice": 33\}\}, got'
        ):
            lite_ensam.segment(phantom, prompts=shapeless)  # type: ignore[arg-type]
    with pytest.raises(MarkError, match=r"mark 1: inside_zyx must be points of three .*, got \(5,\)"):
        lite_ensam.segment(phantom, prompts={1: {"inside_zyx": 5}})
    with pytest.raises(MarkError, match="no line has the label 9"):
        lite_ensam.segment(phantom, prompts={9: {"first_slice": 1}})


def test_what_was_passed_over_of_a_file_is_still_said() -> None:
    marks = NotedMarks([RecistMark(1, ((4, 10, 2), (4, 10, 12)))], ["passed over: a point"])
    source = ScanSource(Grid.from_spacing((9, 20, 20), (1.0, 1.0, 1.0)))
    for prompts in ({}, {1: {"first_slice": 3}}):
        assert notes_of(with_prompts(marks, prompts, source)) == ("passed over: a point",)


def test_prompts_of_one_line_in_the_forms_that_people_try() -> None:
    phantom = lite_ensam.make_phantom()
    case = replace(phantom, marks=phantom.marks[:1])
    z, y, x = map(int, np.rint(case.marks[0].midpoint_zyx))
    expected = lite_ensam.segment(case, prompts={1: {"first_slice": z, "outside_zyx": [[z, y, x]]}})
    for given in (
        {"first_slice": z, "outside_zyx": [[z, y, x]]},
        {"1": {"first_slice": float(z), "outside_zyx": [z, y, x]}},
        {None: {"first_slice": np.int64(z), "outside_zyx": np.array([z, y, x])}},
    ):
        made = lite_ensam.segment(case, prompts=given)  # type: ignore[arg-type]
        np.testing.assert_array_equal(made.labels, expected.labels)
    assert not expected.labels[:z].any()
    assert not expected.labels[z, y, x]


def test_points_lie_where_the_line_does_whatever_the_axes_of_the_file(run: Run, tmp_path: Path) -> None:
    phantom = lite_ensam.make_phantom()
    axial = nib.Nifti1Image(phantom.ct.transpose(2, 1, 0), np.diag([-1.6, -1.6, 2.5, 1.0]))
    turn = ornt_transform(io_orientation(axial.affine), axcodes2ornt("SAL"))
    sagittal = axial.as_reoriented(turn)
    path, mask = tmp_path / "ct.nii.gz", tmp_path / "mask.nii.gz"
    nib.save(sagittal, path)
    line, point, short = [[37, 91, 38], [52, 84, 38]], [45, 88, 38], [[42, 81, 38], [48, 94, 38]]
    entry = {"endpoints_zyx": line, "outside_zyx": [point], "short_axis_zyx": short}

    def as_text(points: list[list[int]]) -> str:
        return ",".join(str(number) for one in points for number in one)

    (tmp_path / "marks.json").write_text(json.dumps({"marks": [entry]}))
    expected = lite_ensam.segment(path, tmp_path / "marks.json")
    done = run(
        "segment", path, "--line", as_text(line), "--outside", as_text([point]), "--short-axis", as_text(short),
        "-o", mask,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    stored = np.asarray(nib.load(mask).dataobj).T  # k, j, i
    assert stored.any()
    assert not stored[tuple(point)]
    np.testing.assert_array_equal(read_labels(mask), expected.labels)
    by_image = lite_ensam.segment(sagittal, line, prompts={"outside_zyx": point, "short_axis_zyx": short})
    np.testing.assert_array_equal(np.asarray(by_image.labels).T, stored)
