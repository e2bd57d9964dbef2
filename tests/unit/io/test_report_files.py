import json
import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from lite_ensam.core.errors import ArgumentError, CaseError, OutputError
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.io import read_report, write_report, write_table
from lite_ensam.io.csv_tables import read_csv


@dataclass
class Measurement:
    label: int
    volume_ml: np.float32


def test_it_holds_what_measurements_are_made_of(tmp_path):
    report = {
        "file": Path("a") / "b",
        "tumors": [Measurement(1, np.float32(0.5))],
        "counts": np.array([1, 2]),
        "points": ((1.0, np.float64(2)), None),
        "ok": np.bool_(True),
        "name": "Größe",
        3: {"z"},
    }
    write_report(tmp_path / "r.json", report)
    assert read_report(tmp_path / "r.json") == {
        "file": str(Path("a") / "b"),
        "tumors": [{"label": 1, "volume_ml": 0.5}],
        "counts": [1, 2],
        "points": [[1.0, 2.0], None],
        "ok": True,
        "name": "Größe",
        "3": ["z"],
    }


def test_numbers_that_are_not_finite_become_null(tmp_path):
    write_report(tmp_path / "r.json", {"a": np.nan, "b": [np.inf], "c": np.array([-np.inf])})
    assert json.loads((tmp_path / "r.json").read_text()) == {"a": None, "b": [None], "c": [None]}


def test_other_things_are_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(TypeError, match="got function"):
        write_report(tmp_path / "r.json", {"a": lambda: 0})
    assert not list(tmp_path.iterdir())


def test_its_name_must_say_json(tmp_path):
    with pytest.raises(OutputError, match=r"must end in \.json"):
        write_report(tmp_path / "r.txt", {})


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000, b"9" * 5001])
def test_what_is_no_report_is_refused(tmp_path, content):
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(CaseError, match=r"r\.json: is not a"):
        read_report(tmp_path / "r.json")


def test_no_such_report(tmp_path):
    with pytest.raises(CaseError, match="no such file"):
        read_report(tmp_path / "r.json")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "r.json")
    with pytest.raises(CaseError, match="not a regular file"):
        read_report(tmp_path / "r.json")


def test_a_file_name_that_is_no_text_stops_no_report(tmp_path):
    name = os.fsdecode(b"scan\xff.nii")
    write_report(tmp_path / "r.json", {"file": name})
    assert read_report(tmp_path / "r.json") == {"file": name}


def test_tables_hold_no_noise_of_floats(tmp_path):
    row = {"ml": 6.297600187683107, "mm": np.float32(0.1), "n": 12345678, "ends": ((4, 0.30000000000000004),)}
    write_table(tmp_path / "t.csv", [row | {"none": None, "small": 1.23456789e-7}])
    assert (tmp_path / "t.csv").read_text().splitlines() == [
        "ml,mm,n,ends,none,small",
        '6.2976,0.1,12345678,"[[4, 0.3]]",,1.23457e-07',
    ]


def test_tables_hold_days_and_many_lines(tmp_path):
    lines = np.zeros((2000, 2, 3))
    write_table(tmp_path / "t.csv", [{"day": date(2026, 1, 2), "lines": lines}])
    (row,) = read_csv(tmp_path / "t.csv").rows
    assert row[1]["day"] == "2026-01-02"
    assert json.loads(row[1]["lines"]) == lines.tolist()


def test_voxels_are_no_report_and_rows_are_rows(tmp_path):
    with pytest.raises(
        ArgumentError, match="a report holds numbers and texts, got voxels: an array of shape"
    ):
        write_report(tmp_path / "report.json", make_phantom())
    for wrong in ("abc", {"a": 1}, [3], 5):
        with pytest.raises(ArgumentError, match="rows must be mappings, a data frame or a Segmentation, got"):
            write_table(tmp_path / "table.csv", wrong)
    assert list(tmp_path.iterdir()) == []
