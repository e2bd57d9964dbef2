"""Lines as users have them: as dictionaries, in tables with an index, of a case."""

from dataclasses import asdict, replace

import pytest

from lite_ensam.core.coded_concept import CodedConcept
from lite_ensam.core.errors import ArgumentError, OutputError
from lite_ensam.core.recist import notes_of
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.io import read_marks, write_marks
from lite_ensam.io.mark_forms import parse_marks
from lite_ensam.io.marks_files import mark_entry

LUNG = CodedConcept("39607008", "SCT", "Lung")


def test_a_mark_as_a_dictionary_is_the_mark():
    case = make_phantom()
    entries = [asdict(mark) for mark in case.marks]
    assert parse_marks(entries, case) == case.marks
    full = replace(case.marks[0], inside_zyx=(case.marks[0].midpoint_zyx,), finding_site=LUNG)
    assert parse_marks([asdict(full)], case) == (full,)


def test_an_index_that_is_called_like_a_column_is_read():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    case = make_phantom()
    columns = {f"{axis}{end}": [] for end in (0, 1) for axis in "zyx"}
    for mark in case.marks:
        for end, point in enumerate(mark.endpoints_zyx):
            for axis, number in zip("zyx", point, strict=True):
                columns[f"{axis}{end}"].append(number)
    table = pandas.DataFrame({"label": [7, 3, 5], **columns})
    for form in (table, table.set_index("label"), table.set_index(["label", "z0"])):
        assert [mark.label for mark in parse_marks(form, case)] == [7, 3, 5]
    named = parse_marks(table.set_index(pandas.Index(["a", "b", "c"], name="place")), case)
    assert notes_of(named) == ("columns not read: 'place'",)


def test_lines_in_any_form_are_written_but_not_under_3d_slicers_suffix(tmp_path):
    case = make_phantom()
    for n, (marks, source) in enumerate(
        (
            (case, None),
            (case.marks, case),
            ({"marks": [mark_entry(mark, case.source) for mark in case.marks]}, case.grid),
        )
    ):
        write_marks(tmp_path / f"{n}.json", marks, source)
        assert read_marks(tmp_path / f"{n}.json", case) == case.marks
    with pytest.raises(OutputError, match=r"\.mrk\.json is 3D Slicer's format, .* name the file \.json"):
        write_marks(tmp_path / "lines.mrk.json", case)
    with pytest.raises(ArgumentError, match="geometry must be a Grid, a ScanSource"):
        write_marks(tmp_path / "lines.json", case.marks)
