"""3D Slicer's lines: those that were drawn are read, those that were only begun are named."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from lite_ensam.core.errors import MarkError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import notes_of
from lite_ensam.io.mark_forms import parse_marks
from tests.unit.io import files

GRID = Grid.from_affine((20, 30, 40), files.AFFINE)
ENDS = GRID.voxel_to_mm([(4, 10, 12), (4, 20, 12)])
PLACED = [{"position": end, "positionStatus": "defined"} for end in ENDS.tolist()]
BEGUN = [PLACED[0], {"position": [0.0, 0.0, 0.0], "positionStatus": "preview"}]


def markups(*points: Any) -> dict[str, Any]:
    return {"markups": [{"type": "Line", "coordinateSystem": "RAS", "controlPoints": one} for one in points]}


@pytest.mark.parametrize("begun", [BEGUN, []])
def test_a_line_that_was_only_begun_costs_itself_only(tmp_path, begun):
    content = markups(begun, PLACED)
    (tmp_path / "l.mrk.json").write_text(json.dumps(content))
    for given in (tmp_path / "l.mrk.json", content):
        marks = parse_marks(given, GRID)
        np.testing.assert_allclose(marks[0].endpoints_zyx, [(4, 10, 12), (4, 20, 12)], atol=1e-6)
        assert len(marks) == 1
        assert notes_of(marks) == ("passed over: markup number 1 is a line without two placed points",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (markups(BEGUN, []), "none of its lines has two placed points"),
        (markups([*PLACED, PLACED[0]]), "markup number 1: a line has two placed points, this one has 3"),
        (
            markups([{"position": list(map(str, end))} for end in ENDS.tolist()]),
            "markup number 1: the position of a point must be three numbers x, y, z, got",
        ),
    ],
)
def test_what_is_no_line_is_refused(content, words):
    with pytest.raises(MarkError, match=words):
        parse_marks(content, GRID)
