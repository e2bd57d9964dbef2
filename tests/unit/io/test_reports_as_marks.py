"""A report of `segment` or the viewer as a file of lines: its indices are those of its own scan."""

from __future__ import annotations

import json

import pytest

from lite_ensam.core.errors import MarkError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.io.mark_forms import parse_marks
from tests.unit.io import files

GRID = Grid.from_affine((20, 30, 40), files.AFFINE)
LINE = [[4, 10, 12], [4, 20, 12]]
MARK = RecistMark(1, LINE)
REPORT = {"disclaimer": "", "version": "0.1.0", "marks": [{"label": 1, "endpoints_zyx": LINE}]}
FLIPPED = GRID.flipped((False, False, True))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"shape_zyx": [33, 103, 104]}, "it has 33 x 103 x 104 voxels .*, this scan has 20 x 30 x 40"),
        ({"shape_zyx": [40, 30, 20]}, "it has 40 x 30 x 20 voxels"),
        ({"spacing_mm_zyx": [1, 2]}, "it has voxels of 1 x 2 mm"),
        ({"spacing_mm_zyx": [n * 1.02 for n in GRID.spacing_mm]}, "it has voxels of"),
        ({"affine": [[0.0] * 4] * 4}, "has another position"),
        ({"affine": "unknown"}, "has another position"),
        (
            {"affine": FLIPPED.affine.tolist()},
            "axes have other directions. Use the marks of this scan, or give",
        ),
    ],
)
def test_the_report_of_another_scan_is_refused(tmp_path, said, words):
    path = tmp_path / "report.json"
    path.write_text(json.dumps(REPORT | said))
    for marks in (path, REPORT | said):
        with pytest.raises(MarkError, match=words):
            parse_marks(marks, GRID)


def test_a_report_of_this_scan_is_read_whoever_wrote_it():
    """Old reports do not say their affine, those of arrays cannot; other files may hold any such names."""
    here = {"shape_zyx": [20, 30, 40], "spacing_mm_zyx": list(GRID.spacing_mm)}
    for said in ({}, here, here | {"affine": None}, here | {"affine": GRID.affine.tolist()}):
        assert parse_marks(REPORT | said, GRID) == (MARK,)
    bare = Grid.from_spacing((20, 30, 40), GRID.spacing_mm)
    assert parse_marks(REPORT | here | {"affine": GRID.affine.tolist()}, bare) == (MARK,)
    assert parse_marks({"marks": REPORT["marks"], "shape_zyx": [1, 2, 3]}, GRID) == (MARK,)
