"""Keys beside `marks` in JSON: noted if they say nothing of the coordinates, refused if they may say another frame."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lite_ensam.core.errors import MarkError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark, notes_of
from lite_ensam.io.mark_forms import parse_marks
from tests.unit.io import files

GRID = Grid.from_affine((20, 30, 40), files.AFFINE)
LINE = [[4, 10, 12], [4, 20, 12]]
MARK = RecistMark(1, LINE)


def write(folder: Path, content: dict[str, Any]) -> Path:
    (folder / "marks.json").write_text(json.dumps(content))
    return folder / "marks.json"


@pytest.mark.parametrize("key", ["first_slice", "inside_zyx", "short_axis_mm", "prompts"])
def test_what_belongs_into_a_mark_is_not_lost_beside_it(tmp_path, key):
    content = {"marks": [{"endpoints_zyx": LINE}], key: 4}
    for given in (write(tmp_path, content), content):
        with pytest.raises(MarkError, match=f"'{key}' stands beside the marks and is not read"):
            parse_marks(given, GRID)
    (*marks,) = noted = parse_marks(
        {
            "name": "visit 1",
            "baseline": 1,
            "contrast": "portal",
            "index": 3,
            "marks": [{"endpoints_zyx": LINE}],
        },
        GRID,
    )
    assert marks == [MARK]
    assert notes_of(noted) == ("keys beside the marks that are not read: 'name, baseline, contrast, index'",)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("reader", "ALI"), ("patient", "Lia"), ("split", "all"), ("site", "air"), ("axis", "zzz"),
        ("order", 1), ("scale", 1.0), ("offset", 0), ("space", "zyx"), ("unit", "voxel"),
    ],
)  # fmt: skip
def test_keys_that_say_nothing_else_of_the_frame_are_noted(tmp_path, key, value):
    content = {"marks": [{"endpoints_zyx": LINE}], key: value}
    for given in (write(tmp_path, content), content):
        marks = parse_marks(given, GRID)
        assert marks == (MARK,)
        assert notes_of(marks) == (f"keys beside the marks that are not read: '{key}'",)


@pytest.mark.parametrize(
    ("key", "value", "read_in", "refused_in"),
    [
        ("unit", "mm", ("voxel", "ras", "lps"), ()),
        ("space", "RAS", ("voxel", "ras"), ("lps",)),
        ("coordinateSystem", "LPS", ("lps",), ("voxel", "ras")),
        ("unit", "cm", (), ("voxel",)),
        ("space", "zyx", (), ("voxel",)),
    ],
)
def test_frames_beside_lines_in_millimetres_may_say_what_is_read_anyway(
    tmp_path, key, value, read_in, refused_in
):
    for marks_in in (*read_in, *refused_in):
        sign = -1 if marks_in == "lps" else 1
        ends = (GRID.affine[:3, :3] @ np.array(LINE)[:, ::-1].T).T + GRID.affine[:3, 3]
        content = {"marks": [{"endpoints_mm": (ends * (sign, sign, 1)).tolist()}], key: value}
        for given in (write(tmp_path, content), content):
            if marks_in in refused_in:
                with pytest.raises(MarkError, match=f"'{key}' stands beside the marks and is not read"):
                    parse_marks(given, GRID, marks_in)
                continue
            (mark,) = marks = parse_marks(given, GRID, marks_in)
            np.testing.assert_allclose(mark.endpoints_zyx, LINE)
            assert notes_of(marks) == (f"keys beside the marks that are not read: '{key}'",)
