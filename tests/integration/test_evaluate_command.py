"""`lite-ensam evaluate` from the command line: every file that it can write, on FLARE files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lite_ensam.cli import build_app
from lite_ensam.cli.evaluate import show
from lite_ensam.evaluation import CaseResources, Evaluation
from tests.flare_files import write_flare_folder
from tests.integration.conftest import Run


@pytest.fixture(scope="module")
def flare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_flare_folder(tmp_path_factory.mktemp("flare"), n_patients=1)


def test_scores_tables_page_and_pictures_are_written(flare: Path, tmp_path: Path) -> None:
    names = {"-o": "s.json", "--csv": "s.csv", "--html": "s.html", "--figure2": "f.png", "--worst": "w.png"}
    options = [part for flag, name in names.items() for part in (flag, str(tmp_path / name))]
    done = CliRunner().invoke(build_app(), ["evaluate", str(flare), *options, "--robustness"])
    assert done.exit_code == 0, done.output
    for text in ("CT_Lesion_FLARE23Ts", "ends 1 voxel off", "region_growing", "not a medical device"):
        assert text in done.output
    written = [name for name in names.values() if f": {tmp_path / name}" in done.output.replace("\n", " ")]
    assert written == list(names.values())
    report = json.loads((tmp_path / "s.json").read_text())
    assert report["use"] == "Research use, not a medical device."
    assert {score["scoring"] for score in report["flare"]} == {"FLARE24", "LETT-NeXt"}
    assert report["resources"] == []
    with open(tmp_path / "s.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == 4 * 6  # tumours times methods
    page = (tmp_path / "s.html").read_text()
    assert "Inexact lines" in page
    assert page.count("data:image/png") == 2
    for name in ("f.png", "w.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    again = CliRunner().invoke(build_app(), ["evaluate", str(flare), "--html", str(tmp_path / "s.html")])
    assert again.exit_code != 0
    assert "exists" in str(again.exception)


def test_a_list_that_can_be_trained_on_can_be_scored(
    flare: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = sorted((flare / "train_npz").iterdir())
    (tmp_path / "list.csv").write_text(f"ct,case,source,split\n{first},one,a,val\n{second},two,b,val\n")
    build_app()(["evaluate", str(tmp_path / "list.csv"), "--json"], standalone_mode=False)
    tumors = json.loads(capsys.readouterr().out)["tumors"]
    assert {(one["source"], one["case"]) for one in tumors} == {("a", "one"), ("b", "two")}


def test_all_scores_are_printed_as_json(flare: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build_app()(["evaluate", str(flare), "--json"], standalone_mode=False)
    out, err = capsys.readouterr()
    assert "result" in {row["method"] for row in json.loads(out)["summaries"]}
    assert "scoring" in err


def test_quiet_prints_nothing(flare: Path, run: Run) -> None:
    done = run("evaluate", flare, "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_one_command_writes_the_papers_tables(
    flare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = CaseResources("CT_Lesion", "one", (22, 40, 48), 2, 0.5, 150.0, 60.0, 50.0)
    monkeypatch.setattr("lite_ensam.evaluation.measure_cases", lambda cases, options, told: [taken])
    done = CliRunner().invoke(build_app(), ["evaluate", str(flare), "--paper-tables", str(tmp_path / "t.md")])
    assert done.exit_code == 0, done.output
    text = (tmp_path / "t.md").read_text()
    assert "| result | FLARE24 | 2 |" in text
    assert "| sphere | LETT-NeXt | 2 |" in text
    assert "| one | (22, 40, 48) | 0.50 | 150 | 50 |" in text
    assert "| Average (paper) |  | 14.39 | 4,742 | 50,556 |" in text


def test_labels_that_no_line_claims_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    note = "src/c1: label 7 of the mask has no line and is left out"
    show(Evaluation("folder", 0, (), (), (), (), (note,)))
    assert f"note: {note}" in capsys.readouterr().out
