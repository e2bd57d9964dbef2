from datetime import date

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_ensam.cohort import (
    CohortCase,
    CohortManifest,
    check_rows,
    read_cohort_manifest,
    write_cohort_manifest,
)
from lite_ensam.cohort.manifest import manifest_of
from lite_ensam.core.errors import CohortError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.io import write_ct, write_marks
from tests.phantoms import ellipsoid_case


def manifest(folder, text):
    path = folder / "manifest.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


class TestReading:
    def test_paths_are_relative_to_the_table(self, tmp_path):
        found = read_cohort_manifest(
            manifest(tmp_path, "ct,case,site\nscans/a.nii.gz,a,here\n/b.npz , b ,\n\n")
        )
        assert found.rows == (CohortCase("a", str(tmp_path / "scans/a.nii.gz")), CohortCase("b", "/b.npz"))
        assert found.problems == ()
        assert found.notes == ("columns not read: site",)

    def test_columns_may_be_separated_by_semicolons(self, tmp_path):
        found = read_cohort_manifest(manifest(tmp_path, "case;ct;patient\na;/a.npz;x, y\n"))
        assert found.rows == (CohortCase("a", "/a.npz", patient="x, y"),)

    def test_parquet_says_the_same_as_csv(self, tmp_path):
        columns = {"case": ["a", "b"], "ct": ["a.npz", "b.npz"], "date": ["2026-01-02", None]}
        pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "manifest.parquet")
        text = manifest(tmp_path, "case,ct,date\na,a.npz,2026-01-02\nb,b.npz\n")
        assert read_cohort_manifest(tmp_path / "manifest.parquet").rows == read_cohort_manifest(text).rows

    def test_what_was_written_is_read(self, tmp_path):
        rows = (CohortCase("ä, 1", "/a b.npz", "/m.json", "/r.npz", 'O"Neil', "2026-01-02", "1.2.3"),)
        write_cohort_manifest(tmp_path / "m.csv", rows)
        assert read_cohort_manifest(tmp_path / "m.csv").rows == rows

    def test_marks_that_several_scans_share_are_a_note(self, tmp_path):
        (tmp_path / "DL_info.csv").write_text("File_name,Measurement_coordinates\n")
        rows = "case,ct,marks\na,a.nii,{0}\nb,b.nii,{0}\nc,c.nii,c.json\n"
        shared = read_cohort_manifest(manifest(tmp_path, rows.format("all.csv"))).notes
        assert shared == (
            "1 file of marks is used for several scans, such as all.csv; each scan gets all lines of the file. If the "
            "lines are of different scans, write one file for each scan",
        )
        assert read_cohort_manifest(manifest(tmp_path, rows.format("DL_info.csv"))).notes == ()

    def test_what_a_spreadsheet_would_run_comes_back_as_it_was(self, tmp_path):
        rows = tuple(
            CohortCase(case, "/a.npz", patient=case) for case in ("=1+1", "-2", "+a", "@b", "'=c", "'d")
        )
        write_cohort_manifest(tmp_path / "m.csv", rows)
        assert read_cohort_manifest(tmp_path / "m.csv").rows == rows
        cells = [line.split(",")[0] for line in (tmp_path / "m.csv").read_text().splitlines()[1:]]
        assert cells == ["'=1+1", "-2", "'+a", "'@b", "''=c", "'d"]

    def test_every_problem_is_in_one_report(self, tmp_path):
        lines = ["case,ct,date", "a,a.npz,", "A,b.npz,", ",c.npz,", "d,,yesterday", f"{'e' * 101},e.npz,"]
        problems = read_cohort_manifest(manifest(tmp_path, "\n".join(lines))).problems
        assert [(one.row, one.error.split(":")[0]) for one in problems] == [
            (2, "two cases have the name 'A' (here and in row 1; letter case is ignored)"),
            (3, "has no case"),
            (4, "has no ct"),
            (4, "date must be YYYY-MM-DD, got 'yesterday'"),
            (5, f"case '{'e' * 76}... is too long"),
        ]

    @pytest.mark.parametrize("day", ["20240102", "2024-W01-1", "2024-1-2", "2024-01-02T00:00", "02.01.2024"])
    def test_dates_in_another_form_are_refused(self, tmp_path, day):
        (problem,) = read_cohort_manifest(manifest(tmp_path, f"case,ct,date\na,a.npz,{day}\n")).problems
        assert problem.error == f"date must be YYYY-MM-DD, got '{day}'"

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "holds no case"),
            ("case,ct\n", "holds no case"),
            ("case,scan\na,b\n", "column 'ct' is missing; there are 'case, scan'"),
            ("case,case,ct\na,a,b\n", "column 'case' comes twice"),
            ("case,ct\na,b,c\n", "line 2 has 3 cells, the headings 2"),
            (b"case,ct\n\xff,b\n", "not a CSV file in UTF-8: save the table again as CSV UTF-8"),
            ('case,ct\n"a,b\n', r"not a CSV file \("),
        ],
    )
    def test_what_is_no_manifest(self, tmp_path, text, words):
        with pytest.raises(CohortError, match=words):
            read_cohort_manifest(manifest(tmp_path, text))

    def test_other_files_are_refused(self, tmp_path):
        (tmp_path / "m.parquet").write_bytes(b"PAR1 and rubbish")
        (tmp_path / "m.xlsx").write_bytes(b"PK")
        for name, words in (
            ("m.parquet", "not a Parquet file"),
            ("m.xlsx", "is neither a folder nor a table of cases, which ends in .csv or .parquet"),
            ("none.csv", "no such"),
        ):
            with pytest.raises(CohortError, match=words):
                read_cohort_manifest(tmp_path / name)


class TestFolderNames:
    @given(st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=2, unique=True))
    def test_no_two_cases_share_a_folder_and_none_leaves_it(self, cases):
        one, other = (CohortCase(case, "x").folder_name for case in cases)
        assert one != other
        assert not {"/", "\\", "\0", ":"} & set(one)
        assert not one.startswith(".")

    def test_plain_names_stay_as_they_are(self):
        assert CohortCase("LIDC-IDRI-0001 (2)", "x").folder_name == "LIDC-IDRI-0001 (2)"
        assert CohortCase("../up", "x").folder_name == "%2E.%2Fup"


class TestChecks:
    def test_files_are_looked_at_before_anything_runs(self, tmp_path):
        case = ellipsoid_case()
        ct, marks, outside = tmp_path / "ct.nii.gz", tmp_path / "marks.json", tmp_path / "outside.json"
        write_ct(ct, case.ct, case.grid)
        write_marks(marks, case.marks, case.grid)
        wide = Grid.from_spacing((9, 9, 512), (1, 1, 1))
        write_marks(outside, [RecistMark(1, ((5, 5, 5), (5, 5, 500)))], wide)
        all_lines = "case,z0,y0,x0,z1,y1,x1\np0,5,5,5,5,5,9\np1,6,5,5,6,5,9\n"
        (tmp_path / "all.csv").write_text(all_lines)
        (tmp_path / "rubbish.nii.gz").write_bytes(b"no image")
        (tmp_path / "empty").mkdir()
        (tmp_path / "notes.txt").write_text("")

        def row(name, scan, *more):
            return CohortCase(name, str(tmp_path / scan), *(str(tmp_path / path) for path in more))

        np.savez(tmp_path / "gts.npz", imgs=np.zeros((1, 1, 1)), gts=np.zeros((1, 1, 1)))
        rows = [
            row("good", "ct.nii.gz", "marks.json"),
            row("outside", "ct.nii.gz", "outside.json"),
            row("rubbish", "rubbish.nii.gz", "nowhere.json"),
            row("empty", "empty", "marks.json"),
            row("no marks", "ct.nii.gz"),
            row("text", "notes.txt", "marks.json"),
            row("reference", "ct.nii.gz", "marks.json", "notes.txt"),
            row("p1", "ct.nii.gz", "all.csv"),
            row("gts", "gts.npz"),
        ]
        seen = []
        found = check_rows(rows, seen.append)
        assert seen == [1, 2, 3, 4, 5, 6, 7, 8, 9]
        expected = [
            (2, "outside the volume"),
            (3, "not a NIfTI image"),
            (3, "no such file"),
            (4, "folder is empty"),
            (5, "has no marks"),
            (6, "a scan is a file of type"),
            (7, "a reference is a file of type"),
            (8, "these are lines of several scans"),
            (9, "has no marks"),
        ]
        assert [one.row for one in found] == [number for number, _ in expected]
        for one, (_, words) in zip(found, expected, strict=True):
            assert words in one.error


class TestRows:
    def test_they_come_as_a_manifest_a_table_mappings_or_cases(self, tmp_path):
        pandas = pytest.importorskip("pandas", reason="pandas is not installed")
        ct = tmp_path / "ct.nii"
        expected = (CohortCase("a", str(ct)), CohortCase("b", str(ct), acquisition="2", date="2026-01-02"))
        rows = [
            {"case": "a", "ct": ct, "marks": None},
            {"case": "b", "ct": str(ct), "acquisition": 2.0, "date": date(2026, 1, 2), "age": 70},
        ]
        cases = [CohortCase("a", ct, None), CohortCase("b", ct, acquisition=2, date=date(2026, 1, 2))]
        table = pandas.DataFrame(rows)
        for form in (rows, cases, table, table.set_index("case"), CohortManifest(expected)):
            assert manifest_of(form).rows == expected
        assert manifest_of(rows).notes == ("columns not read: age",)
        write_cohort_manifest(tmp_path / "list.csv", manifest_of(rows))
        assert read_cohort_manifest(tmp_path / "list.csv").rows == expected
        assert [one.case for one in check_rows(manifest_of(rows))] == ["a", "b"]

    @pytest.mark.parametrize("wrong", [3, "list", {"case": "a"}, ["a"], [("a", "ct")]])
    def test_other_things_are_refused(self, wrong):
        with pytest.raises(
            CohortError, match="rows must be a CohortManifest, CohortCases, a data frame or mappings"
        ):
            manifest_of(wrong)

    def test_what_pandas_lacks_is_an_empty_cell(self):
        pandas = pytest.importorskip("pandas", reason="pandas is not installed")
        for missing in (pandas.NA, pandas.NaT, float("nan"), None):
            assert CohortCase("a", "ct.nii", patient=missing, date=missing) == CohortCase("a", "ct.nii")

    def test_a_cell_that_is_none_is_refused(self):
        with pytest.raises(CohortError, match=r"ct must be a text or a path, got \[1\]"):
            CohortCase("a", [1])
