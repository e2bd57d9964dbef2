"""Short axes of files that are longer than their lines, or elsewhere: read as given, and noted."""

import json

import pytest

from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark, notes_of
from lite_ensam.io.mark_forms import parse_marks
from tests.unit.io import files

GRID = Grid.from_affine((20, 30, 40), files.AFFINE)
LINE = [[4, 10, 12], [4, 20, 12]]
ACROSS, SWAPPED = [[4, 13, 12], [4, 13, 16]], [[4, 15, 2], [4, 15, 30]]


@pytest.mark.parametrize(
    ("short", "note"),
    [
        (ACROSS, None),
        (
            SWAPPED,
            "mark 1: its short axis of 22.4 mm is longer than its line of 7.0 mm, expected shorter: are they swapped?",
        ),
        ([[4, 13, 30], [4, 13, 34]], "mark 1: its short axis does not go across its line"),
    ],
)
def test_a_short_axis_that_is_longer_or_elsewhere_is_noted(tmp_path, short, note):
    cells = ",".join(str(number) for end in (*LINE, *short) for number in end)
    ends = "z0,y0,x0,z1,y1,x1"
    columns = f"{ends},{','.join(f'short_{name}' for name in ends.split(','))}"
    content = {"marks": [{"label": 1, "endpoints_zyx": LINE, "short_axis_zyx": short}]}
    (tmp_path / "marks.json").write_text(json.dumps(content))
    (tmp_path / "marks.csv").write_text(f"{columns}\n{cells}\n")
    row = {"endpoints_zyx": LINE, "short_axis_zyx": short}
    for marks in (tmp_path / "marks.json", tmp_path / "marks.csv", content, [row]):
        read = parse_marks(marks, GRID)
        assert read == (RecistMark(1, LINE, short_axis_zyx=short),)
        notes = notes_of(read)
        assert len(notes) == (note is not None)
        assert note is None or notes[0].startswith(note)
