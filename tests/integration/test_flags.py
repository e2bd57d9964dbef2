"""The same flags wherever a tumour is told of: terminal, notebook, JSON, CSV, pages, cohorts, response, viewer."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from html import escape
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import lite_ensam
from lite_ensam.cli.demo import show
from lite_ensam.core.case import Case
from lite_ensam.core.recist import RecistMark
from lite_ensam.demo.record import show_cases
from lite_ensam.io import write_mask
from lite_ensam.measurements import measure
from lite_ensam.measurements.flags import AERATED, TOUCHES_EDGE, in_pieces
from tests.integration.conftest import Run, Scan


def words(text: str) -> str:
    """Without a table's borders and line breaks."""
    return " ".join(text.replace("│", " ").split())


def test_measure_says_the_same_everywhere(scan: Scan, run: Run, tmp_path: Path) -> None:
    labels = scan.case.reference.copy()
    labels[0, 0, 0] = 2  # a stray voxel at the edge, in air
    write_mask(tmp_path / "mask.nii.gz", labels, scan.case.grid)
    files = [tmp_path / f"m.{kind}" for kind in ("json", "csv", "html")]
    options = ["--report", files[0], "--csv", files[1], "--html", files[2]]
    done = run("measure", scan.ct, tmp_path / "mask.nii.gz", *options, "--marks", scan.marks)
    assert (done.returncode, done.stderr) == (0, "")
    expected = {"in_pieces": in_pieces(2).sentence, "touches_edge": TOUCHES_EDGE.sentence}
    lung, liver, mass = json.loads(files[0].read_text())["tumors"]
    assert dict(zip(liver["flags"], liver["flag_sentences"], strict=True)) == expected
    assert [one["n_pieces"] for one in (lung, liver, mass)] == [1, 2, 1]
    assert "in_pieces" not in lung["flags"] + mass["flags"]
    with open(files[1], newline="") as file:
        row = list(csv.DictReader(file))[1]
    assert (row["flags"], row["flag_sentences"]) == ("; ".join(expected), "; ".join(expected.values()))
    for sentence in expected.values():
        assert words(done.stdout).count(sentence) == 1
        assert escape(sentence) in files[2].read_text()
    # a report of it says the same to who follows the tumour
    study = {
        "targets": [{"name": "faint nodule in the liver", "organ": "liver"}],
        "visits": [{"date": day, "report": files[0].name} for day in (0, 56)],
    }
    (tmp_path / "study.json").write_text(json.dumps(study))
    done = run(
        "respond", tmp_path / "study.json", "--html", tmp_path / "r.html", "--report", tmp_path / "r.json"
    )
    assert (done.returncode, done.stderr) == (0, "")
    for sentence in expected.values():
        assert words(done.stdout).count(sentence) == 2
        assert escape(sentence) in (tmp_path / "r.html").read_text()
        assert sentence in json.dumps(json.loads((tmp_path / "r.json").read_text())["notes"])


@pytest.fixture
def odd(scan: Scan) -> Case:
    """The phantom with a line in the air of its corner, much of which the mask does not follow."""
    corner = RecistMark(4, ((3, 2, 2), (3, 2, 40)), "corner")
    return Case(scan.case.ct, scan.case.grid, (*scan.case.marks[:2], corner), scan.case.reference, hu=True)


def test_segment_says_the_same_everywhere(odd: Case, scan: Scan, run: Run, tmp_path: Path) -> None:
    marks, report = tmp_path / "marks.json", tmp_path / "r.json"
    lines = [{"label": m.label, "endpoints_zyx": m.endpoints_zyx, "name": m.name} for m in odd.marks]
    marks.write_text(json.dumps({"marks": lines}))
    done = run("segment", scan.ct, "--marks", marks, "-o", tmp_path / "m.nii.gz", "--report", report)
    assert (done.returncode, done.stderr) == (0, "")
    result = lite_ensam.segment(scan.ct, marks)
    codes = [flag.code for flag in result[4].flags]
    assert {"aerated", "touches_edge"} <= set(codes)
    told = json.loads(report.read_text())["tumors"]
    assert [one["flags"] for one in told] == [[flag.code for flag in one.flags] for one in result]
    for flag in result[4].flags:
        assert flag.sentence in told[2]["flag_sentences"]
        assert flag.sentence in words(done.stdout)
        assert escape(flag.sentence) in result._repr_html_()
        assert flag.sentence in repr(result[4])


def test_a_cohort_says_the_same(odd: Case, scan: Scan, run: Run, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra cohort)")
    marks = tmp_path / "marks.json"
    lines = [{"label": m.label, "endpoints_zyx": m.endpoints_zyx, "name": m.name} for m in odd.marks]
    marks.write_text(json.dumps({"marks": lines}))
    (tmp_path / "manifest.csv").write_text(f"case,ct,marks,reference\na,{scan.ct},{marks},{scan.reference}\n")
    out = tmp_path / "out"
    done = run("cohort", tmp_path / "manifest.csv", "-o", out, "--workers", "1")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    record = json.loads(next(out.glob("cases/*/record.json")).read_text())
    corner = record["tumors"][2]
    assert AERATED.sentence in corner["flag_sentences"]
    assert "aerated" in corner["flags"]
    with open(out / "tumors.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[2]["flags"] == "; ".join(corner["flags"])
    assert rows[2]["flag_sentences"] == "; ".join(corner["flag_sentences"])
    assert float(rows[0]["dsc"]) > 0.75
    assert rows[2]["dsc"] == ""  # the reference has no such tumour
    for sentence in corner["flag_sentences"]:
        assert escape(sentence) in (out / "index.html").read_text()


def test_the_viewer_has_them_in_rows_and_files(odd: Case, tmp_path: Path) -> None:
    explorer = lite_ensam.explore(odd, auto_segment=False, folder=tmp_path)
    explorer.viewer.segment()
    row = explorer.viewer.results[2]
    assert AERATED.sentence in row["flag_sentences"]
    assert row["flags"] == [flag.code for flag in explorer.viewer.measurements[2].flags]
    explorer.save("CSV", overwrite=True)
    (table,) = tmp_path.glob("*_table.csv")
    with open(table, newline="") as file:
        corner = list(csv.DictReader(file))[2]
    assert corner["flags"] == "; ".join(row["flags"])
    assert corner["flag_sentences"] == "; ".join(row["flag_sentences"])
    assert len(repr(explorer)) <= 300
    assert len(repr(explorer.viewer)) <= 300


def test_a_demo_tells_its_flags(odd: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = np.zeros(odd.ct.shape, np.uint16)
    labels[0, 0, 0], labels[28, 28:60, 28:60] = 1, 2
    stand_in = SimpleNamespace(
        labels=labels, measurements=measure(labels, odd.marks[:2], odd.grid.spacing_mm), report={}
    )
    record = show_cases(
        {tmp_path: replace(odd, marks=odd.marks[:2])}, tmp_path, "made up", lambda _: stand_in
    )
    show(record, known_volumes=True)
    told = json.loads((tmp_path / "report.json").read_text())["demo"]["tumors"][0]
    assert told["flags"] == ["disagrees_with_line", "too_small", "touches_edge"]
    printed = words(capsys.readouterr().out)
    assert all(sentence in printed for sentence in told["flag_sentences"])


def test_a_stored_scan_is_let_go_by_its_result(scan: Scan) -> None:
    result = lite_ensam.segment(scan.ct, scan.marks)
    held = sum(part.voxels.nbytes for part in result.case.ct.parts)
    assert held < 0.7 * scan.case.ct.nbytes
    again = lite_ensam.segment(scan.case.ct, scan.case.marks, scan.case.grid.spacing_mm)
    assert again.case.ct is scan.case.ct
    assert np.array_equal(np.asarray(again), np.asarray(result))
