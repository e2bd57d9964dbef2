"""Records that are still true and those that are not; tables and page made of them."""

import csv
import json
import os
import re
import time
from dataclasses import asdict
from html import escape
from pathlib import Path

import pyarrow.parquet
import pytest

from lite_ensam.cohort import CohortCase, Limits, Parameters
from lite_ensam.cohort.case_state import CaseState, case_state
from lite_ensam.cohort.failures import CaseFailure, Step
from lite_ensam.cohort.notes import CaseNotes
from lite_ensam.cohort.page import write_page
from lite_ensam.cohort.parameters import Task
from lite_ensam.cohort.record import (
    MASK,
    RECORD,
    case_folder,
    content_hash,
    failure_record,
    file_signature,
    input_hash,
    input_paths,
    obstacle,
    read_record,
    write_record,
)
from lite_ensam.cohort.tables import CASES, TUMORS, review_priority, write_tables
from lite_ensam.core.errors import printable
from lite_ensam.measurements.flags import TOUCHES_EDGE, flag_lists, in_pieces
from tests.unit.reporting.test_pages import EVIL, Balance

FLAGGED = flag_lists([TOUCHES_EDGE, in_pieces(2)])


def tumor(**changed):
    line = [[3.0, 4.0, 5.0], [3.0, 4.0, 9.0]]
    known = {
        "label": 1, "name": "", "recist_mm": 20.0, "recist_slice": 3, "longest_diameter_mm": 20.0,
        "longest_diameter_slice": 3, "short_axis_mm": 10.0, "volume_ml": 2.5, "n_voxels": 100, "recovery_offset": 0.0,
        "n_pieces": 1, "flags": [], "flag_sentences": [], "line_zyx": line,
    }  # fmt: skip
    return known | changed


def done(task, *tumors):
    """The record of a case that is done, with a mask."""
    mask = case_folder(task.folder, task.row) / MASK
    mask.parent.mkdir(parents=True, exist_ok=True)
    mask.write_bytes(b"mask")
    inputs = {
        name: {
            "stamp": file_signature(path),
            "sha256": input_hash(task.row, name) if Path(path).exists() else "",
        }
        for name, path in input_paths(task.row)
    }
    record = failure_record(task, CaseFailure(Step.SCAN, "")) | {
        "status": "done", "inputs": inputs, "notes": ["a note"],
        "mask": {"bytes": 4, "sha256": content_hash(mask)}, "tumors": list(tumors),
        "spacing_mm_zyx": [2.0, 1.0, 1.0], "weights_sha256": "1" * 64,
        "run": {"seconds": {"read": 0.5, "network": 0.25, "load engine": 9.0}, "peak_mb": 200.0, "attempts": 1},
    }  # fmt: skip
    write_record(task.folder, task.row, record)
    return record


def put(path, content, kind):
    """A file, a folder with one, or a link to one, whose size and time are those of all others."""
    file = {"file": path, "folder": path / "1.dcm", "link": path.with_name(f"target of {path.name}")}[kind]
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    os.utime(file, (0, 0))
    if kind == "link":
        path.symlink_to(file)


@pytest.fixture
def task(tmp_path):
    (tmp_path / "ct.nii.gz").write_bytes(b"scan")
    return Task(CohortCase("a", str(tmp_path / "ct.nii.gz")), str(tmp_path / "out"))


class TestCaseState:
    """The table of `case_state`, line by line."""

    def test_without_a_record_of_these_parameters_a_case_is_open(self, task):
        record = done(task, tumor())
        assert case_state(task, None) is CaseState.OPEN
        for parameters in (Parameters(threads=2), Parameters(border="edge")):
            assert case_state(Task(task.row, task.folder, parameters), record) is CaseState.OPEN

    def test_done_as_long_as_inputs_and_mask_stay(self, task):
        record = done(task, tumor())
        assert case_state(task, record) is CaseState.DONE
        (case_folder(task.folder, task.row) / MASK).write_bytes(b"others")
        assert case_state(task, record) is CaseState.OPEN
        (case_folder(task.folder, task.row) / MASK).unlink()
        assert case_state(task, record) is CaseState.OPEN

    def test_a_touched_input_is_settled_by_its_content(self, task):
        record = done(task, tumor())
        os.utime(task.row.ct, (0, 0))
        assert case_state(task, record) is CaseState.UNSURE
        assert case_state(task, record, by_content=True) is CaseState.DONE
        with open(task.row.ct, "ab") as scan:
            scan.write(b"more")
        assert case_state(task, record) is CaseState.UNSURE
        assert case_state(task, record, by_content=True) is CaseState.OPEN

    def test_a_mask_of_the_same_size_is_told_apart_by_its_content(self, task):
        record = done(task, tumor())
        (case_folder(task.folder, task.row) / MASK).write_bytes(b"MASK")
        assert case_state(task, record, by_content=True) is CaseState.OPEN

    @pytest.mark.parametrize(
        ("step", "same", "roomier"),
        [
            (Step.SCAN, CaseState.FAILED, CaseState.FAILED),
            (Step.MARKS, CaseState.FAILED, CaseState.FAILED),
            (Step.SEGMENT, CaseState.FAILED, CaseState.FAILED),
            (Step.PROGRAM, CaseState.FAILED, CaseState.FAILED),
            (Step.TIME, CaseState.FAILED, CaseState.OPEN),
            (Step.MEMORY, CaseState.FAILED, CaseState.OPEN),
            (Step.READ, CaseState.OPEN, CaseState.OPEN),
            (Step.WORKER, CaseState.OPEN, CaseState.OPEN),
        ],
    )
    def test_failures_are_final_as_long_as_what_caused_them_stays(self, task, step, same, roomier):
        tight, roomy = Limits(600, 500), Limits(6000, 5000)
        record = failure_record(Task(task.row, task.folder, limits=tight), CaseFailure(step, "why"))
        assert case_state(Task(task.row, task.folder, limits=tight), record) is same
        assert case_state(Task(task.row, task.folder, limits=Limits(700, 590)), record) is same
        assert case_state(Task(task.row, task.folder, limits=roomy), record) is roomier
        assert (
            case_state(Task(task.row, task.folder, limits=tight), record, by_content=True) is CaseState.OPEN
        )

    def test_a_scan_that_was_missing_and_came_is_tried(self, task, tmp_path):
        away = Task(CohortCase("b", str(tmp_path / "later.nii.gz")), task.folder)
        record = failure_record(away, CaseFailure(Step.SCAN, "no such file"))
        assert case_state(away, record) is CaseState.FAILED
        (tmp_path / "later.nii.gz").write_bytes(b"scan")
        assert case_state(away, record) is CaseState.OPEN

    def test_an_archive_that_is_not_there_today_takes_nothing_back(self, task, tmp_path):
        record = done(task, tumor())
        (tmp_path / "ct.nii.gz").rename(tmp_path / "elsewhere")
        assert case_state(task, record) is CaseState.DONE

    def test_a_corrected_path_to_a_file_that_is_not_there_is_no_archive_that_is_away(self, task, tmp_path):
        record = done(task, tumor())
        corrected = Task(CohortCase("a", str(tmp_path / "other.nii.gz")), task.folder)
        assert case_state(corrected, record) is CaseState.UNSURE

    @pytest.mark.parametrize("name", ["ct", "marks", "reference"])
    @pytest.mark.parametrize("kind", ["file", "folder", "link"])
    def test_another_path_is_settled_by_its_content(self, tmp_path, name, kind):
        for n in (0, 1):
            put(tmp_path / str(n), bytes([n]), kind)
        rows = [CohortCase("a", **{"ct": __file__, name: str(tmp_path / n)}) for n in "01"]
        before, swapped = (Task(row, str(tmp_path / "out")) for row in rows)
        record = done(before, tumor())
        assert case_state(before, record) is CaseState.DONE
        assert case_state(swapped, record) is CaseState.UNSURE
        assert case_state(swapped, record, by_content=True) is CaseState.OPEN

    @pytest.mark.parametrize("kind", ["file", "folder", "link"])
    def test_files_that_took_each_others_places_are_settled_by_their_content(self, tmp_path, kind):
        for n in (0, 1):
            put(tmp_path / str(n), bytes([n]), kind)
        task = Task(CohortCase("a", str(tmp_path / "0")), str(tmp_path / "out"))
        record = done(task, tumor())
        time.sleep(0.02)  # clocks of file systems tick some hundred times a second
        names = [tmp_path / n / "1.dcm" if kind == "folder" else tmp_path / n for n in "01"]
        for source, target in ((names[0], tmp_path / "x"), (names[1], names[0]), (tmp_path / "x", names[1])):
            source.rename(target)
        assert case_state(task, record) is CaseState.UNSURE
        assert case_state(task, record, by_content=True) is CaseState.OPEN

    def test_a_scan_of_deeplesion_with_another_name_has_other_lines(self, tmp_path):
        (tmp_path / "DL_info.csv").write_text("File_name,Measurement_coordinates\n")
        rows = []
        for scan in ("000001_01_01_103-115.nii.gz", "000002_01_01_103-115.nii.gz"):
            (tmp_path / scan).write_bytes(b"scan")
            rows.append(CohortCase("a", str(tmp_path / scan), str(tmp_path / "DL_info.csv")))
        record = done(Task(rows[0], str(tmp_path / "out")), tumor())
        states = [case_state(Task(row, str(tmp_path / "out")), record, by_content=True) for row in rows]
        assert states == [CaseState.DONE, CaseState.OPEN]

    @pytest.mark.parametrize("name", [".DS_Store", "Thumbs.db", "desktop.ini", "._1.dcm"])
    def test_what_file_browsers_leave_in_a_folder_does_not_count(self, tmp_path, name):
        put(tmp_path / "ct", b"slice", "folder")
        task = Task(CohortCase("a", str(tmp_path / "ct")), str(tmp_path / "out"))
        record = done(task, tumor())
        (tmp_path / "ct" / name).write_bytes(b"icons")
        assert case_state(task, record) is CaseState.DONE
        assert case_state(task, record, by_content=True) is CaseState.DONE

    def test_voxels_in_a_file_beside_their_header_count(self, tmp_path):
        header = "NDims = 3\nDimSize = 4 3 2\nElementSpacing = 1 1 2\nElementType = MET_UCHAR\n"
        (tmp_path / "ct.mhd").write_text(header + "ElementDataFile = ct.raw\n")
        (tmp_path / "ct.raw").write_bytes(bytes(24))
        task = Task(CohortCase("a", str(tmp_path / "ct.mhd")), str(tmp_path / "out"))
        record = done(task, tumor())
        assert case_state(task, record) is CaseState.DONE
        (tmp_path / "ct.raw").write_bytes(bytes([1]) * 24)
        os.utime(tmp_path / "ct.raw", (0, 0))
        assert case_state(task, record) is CaseState.UNSURE
        assert case_state(task, record, by_content=True) is CaseState.OPEN

    def test_slices_behind_a_link_to_a_folder_count(self, tmp_path):
        put(tmp_path / "elsewhere", b"slice", "folder")
        (tmp_path / "ct").mkdir()
        (tmp_path / "ct" / "more").symlink_to(tmp_path / "elsewhere")
        task = Task(CohortCase("a", str(tmp_path / "ct")), str(tmp_path / "out"))
        record = done(task, tumor())
        (tmp_path / "elsewhere" / "2.dcm").write_bytes(b"another")
        assert case_state(task, record) is CaseState.UNSURE
        assert case_state(task, record, by_content=True) is CaseState.OPEN


class TestReadRecord:
    def write(self, task, record):
        place = case_folder(task.folder, task.row)
        place.mkdir(parents=True, exist_ok=True)
        (place / RECORD).write_text(record if isinstance(record, str) else json.dumps(record))

    @pytest.mark.parametrize(
        "text", ["", "[]", '{"case": "a", "status": "done"}', '{"case": "other"}', "[" * 9999]
    )
    def test_damaged_records_are_none(self, task, text):
        self.write(task, text)
        assert read_record(task.folder, task.row) is None

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("tumors", [{}]), ("tumors", [tumor(volume_ml="2")]), ("tumors", [tumor(volume_ml=float("nan"))]),
            ("tumors", [tumor(n_voxels=10**30)]), ("tumors", [tumor(flags="f")]), ("tumors", [tumor(name="\ud800")]),
            ("tumors", [tumor(line_zyx=[[1, 2, 3]])]), ("spacing_mm_zyx", []), ("mask", {"sha256": "0"}),
            ("inputs", {"ct": []}), ("inputs", {"ct": {"stamp": "1"}}), ("notes", None), ("run", []),
            ("run", {"seconds": {"read": "1"}}), ("run", {"worker": 7}), ("weights_sha256", None), ("status", ["done"]),
            ("case", "b"), ("identity", 3),
        ],
    )  # fmt: skip
    def test_a_record_that_holds_something_odd_is_none_and_ends_no_run(self, task, key, value):
        good = done(task, tumor())
        assert read_record(task.folder, task.row) == good
        self.write(task, good | {key: value})
        assert read_record(task.folder, task.row) is None
        write_tables([task.row], task.folder)
        assert "not run" in write_page([task.row], task.folder).read_text()

    @pytest.mark.parametrize(("key", "value"), [("step", "lunch"), ("error", None), ("limits", [])])
    def test_an_odd_failure_is_none(self, task, key, value):
        record = failure_record(task, CaseFailure(Step.TIME, "why"))
        self.write(task, record)
        assert read_record(task.folder, task.row) == record
        self.write(task, record | {key: value})
        assert read_record(task.folder, task.row) is None

    def test_what_stands_in_the_way_of_a_case_is_said(self, task):
        place = case_folder(task.folder, task.row)
        (place / MASK).mkdir(parents=True)
        assert obstacle(task.folder, task.row).endswith("mask.nii.gz is in the way: it is not a file")
        (place / MASK).rmdir()
        (place / RECORD).symlink_to("nowhere")
        assert obstacle(task.folder, task.row).endswith("record.json is in the way: it is not a file")
        write_tables([task.row], task.folder)
        with open(Path(task.folder) / "cases.csv", newline="") as file:
            (row,) = csv.DictReader(file)
        assert row["error"].endswith("record.json is in the way: it is not a file")


def test_a_task_goes_through_json_as_it_is():
    parameters = Parameters(window=(-160.0, 240.0), hu=True)
    task = Task(CohortCase("ä\ud800", "/x"), "/out", parameters, Limits(memory_mb=500))
    assert "\n" not in task.to_json()
    assert Task.from_json(task.to_json()) == task


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, 0),
        ({"longest_diameter_mm": 40.0, "flags": ["one", "two"]}, 3),
        ({"longest_diameter_mm": 10.0}, 1),
        ({"n_voxels": 0, "longest_diameter_mm": 0.0, "flags": ["empty"]}, 16),
    ],
)
def test_oddness(changed, expected):
    assert review_priority(tumor(**changed)) == expected


class TestOutput:
    def cohort(self, tmp_path):
        out = str(tmp_path / "out")
        rows = [
            CohortCase(EVIL, "/ct.npz", patient="P", date="2026-01-02"),
            CohortCase("bad", "/ct.npz"),
            CohortCase("not yet", "/ct.npz"),
        ]
        done(
            Task(rows[0], out),
            tumor(dsc=0.5),
            tumor(label=2, **FLAGGED, volume_ml=float(2**-3), dsc=None),
            tumor(label=3, **FLAGGED),
        )
        case_folder(out, rows[1]).parent.mkdir(exist_ok=True)
        write_record(out, rows[1], failure_record(Task(rows[1], out), CaseFailure(Step.SCAN, EVIL)))
        return rows, tmp_path / "out"

    def test_tables_have_a_row_for_every_case_and_tumour(self, tmp_path):
        rows, out = self.cohort(tmp_path)
        write_tables(rows, out)
        tables = {}
        for name, columns in (("cases", CASES), ("tumors", TUMORS)):
            table = pyarrow.parquet.read_table(out / f"{name}.parquet")
            assert {field.name: str(field.type) for field in table.schema} == columns
            tables[name] = table.to_pylist()
            with open(out / f"{name}.csv", newline="") as file:
                texts = [
                    {key: None if value is None else str(value) for key, value in row.items()}
                    for row in tables[name]
                ]
                assert [{k: v or None for k, v in row.items()} for row in csv.DictReader(file)] == texts
        good, bad, waiting = tables["cases"]
        assert (good["n_tumors"], good["volume_ml"], good["mean_dsc"]) == (3, 5.125, 0.5)
        assert [good["flags"], good["flag_sentences"]] == ["; ".join(texts) for texts in FLAGGED.values()]
        assert [row["flags"] for row in tables["tumors"]] == [None, good["flags"], good["flags"]]
        assert (bad["status"], bad["step"], bad["error"], bad["n_tumors"]) == ("failed", "scan", EVIL, None)
        assert (waiting["status"], waiting["step"]) == ("failed", "not run")
        assert [(row["case"], row["label"], row["patient"]) for row in tables["tumors"]] == [
            (EVIL, 1, "P"),
            (EVIL, 2, "P"),
            (EVIL, 3, "P"),
        ]
        (timing,) = pyarrow.parquet.read_table(out / "timing.parquet").to_pylist()
        assert timing["total_s"] == 0.75  # the engine is loaded once, not for each case

    def test_the_page_is_whole_and_escapes_what_it_shows(self, tmp_path):
        rows, out = self.cohort(tmp_path)
        text = write_page(rows, out).read_text()
        assert Balance(text).fetched == []
        assert "3: 1 done, 2 failed" in text
        assert text.count("no picture: /ct.npz: no such file") == 3  # a scan that is gone spoils no page
        for sentence in FLAGGED["flag_sentences"]:
            assert f"<td>{escape(sentence)}</td><td>2</td><td>66.7%</td>" in text

    def test_notes_are_on_the_page_and_in_the_summary(self, tmp_path):
        rows, out = self.cohort(tmp_path)
        assert write_tables(rows, out).notes.summary() == (
            "cases with notes: 1, see index.html and the column notes of cases.csv",
            f"case {printable(EVIL)}: a note",
        )
        text = write_page(rows, out, [EVIL]).read_text()
        assert re.search(rf">{re.escape(escape(EVIL))}</t.>\s*<td[^>]*>a note</td>", text)
        Balance(text)

    def test_many_notes_are_counted(self):
        notes = CaseNotes()
        for n in range(300):
            notes.add(f"case {n}", [f"note {n}", *["shared"] * (n % 3 == 0)])
        notes.add("quiet", [])
        counted, shared, *single = notes.summary()
        assert (counted.split(",")[0], shared) == ("cases with notes: 300", "100 cases: shared")
        assert single == [f"case case {n}: note {n}" for n in range(4)]
        assert len(notes.listed) == 200

    def test_the_page_shows_the_oddest_first(self, tmp_path):
        out = str(tmp_path / "out")
        rows = [CohortCase(f"case {n}", "/ct.npz") for n in range(25)]
        for n, row in enumerate(rows):
            done(Task(row, out), tumor(longest_diameter_mm=20.0 + n))
        text = write_page(rows, out).read_text()
        shown = [n for n in range(25) if f"<b>case {n}, tumour 1</b>" in text]
        assert shown == list(range(5, 25))
        assert text.index("case 24, tumour") < text.index("case 5, tumour")

    def test_a_cohort_of_failures_has_a_page_too(self, tmp_path):
        text = write_page([CohortCase("a", "/ct.npz")], tmp_path).read_text()
        assert "No case is done." in text
        Balance(text)


def test_limits_of_a_record_are_those_of_its_task(task):
    assert failure_record(task, CaseFailure(Step.TIME, ""))["limits"] == asdict(Limits())
