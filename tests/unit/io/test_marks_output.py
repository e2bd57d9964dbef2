"""What stands in a written file of marks; that it is read back is tested with the reader."""

import json

from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.io import write_marks


def test_prompts_that_a_mark_lacks_are_not_written(tmp_path):
    mark = RecistMark(1, ((4, 10, 12), (4, 20, 12)))
    write_marks(tmp_path / "marks.json", [mark], Grid.from_spacing((20, 30, 40), (2.0, 1.0, 1.0)))
    (entry,) = json.loads((tmp_path / "marks.json").read_text())["marks"]
    assert set(entry) == {"label", "endpoints_zyx", "length_mm"}
