"""Cells that a spreadsheet would run are written as texts and read back as they were; numbers stay numbers."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_ensam.core.errors import CaseError
from lite_ensam.io import write_table
from lite_ensam.io.csv_tables import csv_text, read_csv
from lite_ensam.reporting import read_study


def written(*cells):
    (row,) = csv.reader(io.StringIO(csv_text([cells]), newline=""))
    return row


@pytest.mark.parametrize(
    "text", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1", '=HYPERLINK("http://x")', "'=1", "-"]
)
def test_a_formula_is_written_as_a_text(text):
    assert written(text) == [f"'{text}"]


@pytest.mark.parametrize(
    "text", ["liver", "a=b", "O'Neil", "'quoted'", "-12.5", "+3", "-1e-5", "2026-01-02", ""]
)
def test_other_texts_and_numbers_stay_as_they_are(text):
    assert written(text) == [text]


def test_numbers_stay_numbers():
    assert written(-1.5, -3, None, True) == ["-1.5", "-3", "", "True"]


@given(st.lists(st.text(st.sampled_from("=+-@'\t\r\n a1\",;"), max_size=6), min_size=1, max_size=4))
def test_reading_undoes_writing(tmp_path_factory, cells):
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_text(csv_text([["first", *map(str, range(len(cells)))], ["x", *cells]]), newline="")
    ((_, row),) = read_csv(path).rows
    # outer spaces are kept only behind the apostrophe
    assert [row[str(n)].strip() for n in range(len(cells))] == [cell.strip() for cell in cells]


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;", "sep=;\r"])
def test_the_first_line_of_excel_names_the_separator(tmp_path, first):
    path = tmp_path / "t.csv"
    path.write_bytes(f"{first}\na;b,c\n1;2\n".encode())
    assert read_csv(path) == (("a", "b,c"), ((3, {"a": "1", "b,c": "2"}),))


def test_every_table_that_is_written_is_harmless(tmp_path):
    write_table(tmp_path / "t.csv", [{"=name": "=cmd|' /C calc'!A0", "mm": -2.5}])
    assert (tmp_path / "t.csv").read_text().splitlines() == ["'=name,mm", "'=cmd|' /C calc'!A0,-2.5"]
    assert read_csv(tmp_path / "t.csv").rows == ((2, {"=name": "=cmd|' /C calc'!A0", "mm": "-2.5"}),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,a\n1,2\n", "column 'a' comes twice"),
        (b"a,b\n1,2,3\n", "line 2 has 3 cells, the headings 2"),
        (b'a,b\n"1,2\n', r"is not a CSV file \(unexpected end of data\)"),
        ("a,b\nö,2\n".encode("cp1252"), "is not a CSV file in UTF-8: save the table again as CSV UTF-8$"),
        ("a,b\nö,2\n".encode("utf-16"), "is not a CSV file in UTF-8: save the table again as CSV UTF-8$"),
        ("a,b\n1,2\n".encode("utf-16-le"), "is not a CSV file in UTF-8: save the table again as CSV UTF-8$"),
    ],
)
def test_what_is_no_table_is_refused_by_name_and_line(tmp_path, content, message):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(CaseError, match=rf"t\.csv: {message}"):
        read_csv(tmp_path / "t.csv")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_columns_are_separated_by_commas_semicolons_or_tabs(tmp_path, separator):
    text = 'a,"b, c; d",e\n1,"2, 3; 4",5\n'.replace(',"', f'{separator}"').replace('",', f'"{separator}')
    (tmp_path / "t.csv").write_text(text)
    assert read_csv(tmp_path / "t.csv") == (
        ("a", "b, c; d", "e"),
        ((2, {"a": "1", "b, c; d": "2, 3; 4", "e": "5"}),),
    )


def test_rows_that_are_empty_or_short_and_a_byte_order_mark(tmp_path):
    (tmp_path / "t.csv").write_bytes(b'\xef\xbb\xbf a , b\n\n,\n1\n 2 ," x"\n')
    assert read_csv(tmp_path / "t.csv") == (("a", "b"), ((4, {"a": "1"}), (5, {"a": "2", "b": "x"})))


def test_a_study_reads_such_names_too(tmp_path):
    rows = [
        {"patient": "=A1", "date": day, "target": "+lung", "organ": "-x", "diameter_mm": mm}
        for day, mm in (("2025-01-01", 40.0), ("2025-03-01", 20.0))
    ]
    write_table(tmp_path / "study.csv", rows)
    assert "'=A1" in (tmp_path / "study.csv").read_text()
    (patient,) = read_study(tmp_path / "study.csv")
    assert patient.identifier == "=A1"
    assert [target.name for target in patient.study.targets] == ["+lung"]
