"""A study and everything that is made of it, through the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from lite_ensam.reporting import response_schema
from tests.integration.conftest import Run

STUDY = "patient,date,target,organ,diameter_mm\nA,0,t,liver,100\nA,42,t,liver,65\nA,84,t,liver,75\nA,140,t,liver,90\n"


def test_the_demo_writes_every_output_without_a_name(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    done = run("demo", folder, "--study")
    assert (done.returncode, done.stderr) == (0, "")
    written = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert written == {
        "study.json", "study.schema.json", "response.json", "response.csv", "response.html", "board.html",
        "lesions.csv", "rates.csv", "sdtm/tu.csv", "sdtm/tr.csv", "sdtm/rs.csv",
        "redcap/redcap_data.csv", "redcap/redcap_dictionary.csv",
    }  # fmt: skip
    for name in written - {"study.json", "study.schema.json"}:
        text = (folder / name).read_text()
        assert "EX-00" not in text, name
        assert "2031-" not in text, name
    schema = pytest.importorskip("jsonschema", reason="the schema is not checked: jsonschema is missing")
    validator = schema.Draft202012Validator(response_schema())
    validator.check_schema(response_schema())
    validator.validate(json.loads((folder / "response.json").read_text()))
    with (folder / "lesions.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 38
    before = (folder / "response.json").read_bytes()
    again = run("demo", folder, "--study")
    assert (again.returncode, "study.json exists" in again.stderr) == (1, True)
    assert (folder / "response.json").read_bytes() == before
    assert run("demo", folder, "--study", "--overwrite").returncode == 0
    assert run("demo", folder, "--study", "--real").returncode == 2


def test_choices_reach_every_output(run: Run, tmp_path: Path) -> None:
    study = tmp_path / "study.csv"
    study.write_text(STUDY)
    report, page, rates = tmp_path / "r.json", tmp_path / "r.html", tmp_path / "rates.csv"
    done = run(
        "respond", study, "--report", report, "--html", page, "--rates", rates,
        "--keep-pr", "--confirmation-days", "28,84", "--irecist-days", "28,84", "--stable-days", 49,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    sentence = (
        "CR and PR confirmed after 28 to 84 days; SD must last 49 days from baseline; PR lasts until PD; iUPD is "
        "confirmed after 28 to 84 days"
    )
    for text in (done.stdout, report.read_text(), page.read_text(), rates.read_text()):
        assert sentence in text
    recist, immune = json.loads(report.read_text())["courses"]
    assert (recist["criteria"], immune["criteria"]) == ("RECIST 1.1, PR until PD", "iRECIST, PR until PD")
    assert [visit["overall"] for visit in recist["visits"]] == ["PR", "PR", "PD"]
    assert [visit["overall"] for visit in immune["visits"]] == ["iPR", "iPR", "iUPD"]
    assert (recist["best_response"], recist["confirmed"], immune["best_response"]) == ("PR", True, "iPR")
    plain = run("respond", study, "--report", report, "--overwrite", "--confirmation")
    assert plain.returncode == 0
    (course,) = json.loads(report.read_text())["courses"]
    assert ([visit["overall"] for visit in course["visits"]], course["best_response"]) == (
        ["PR", "SD", "PD"],
        "SD",
    )


@pytest.mark.parametrize(
    "options", [("--volume", "cube"), ("--confirmation-days", "84,28"), ("--irecist-days", "soon")]
)
def test_options_that_make_no_sense_are_wrong_usage(
    run: Run, tmp_path: Path, options: tuple[str, str]
) -> None:
    study = tmp_path / "study.csv"
    study.write_text(STUDY)
    done = run("respond", study, *options)
    assert (done.returncode, options[0] in done.stderr) == (2, True)


def test_no_table_is_written_over_another_or_over_the_study(run: Run, tmp_path: Path) -> None:
    study, same = tmp_path / "study.csv", tmp_path / "same.csv"
    study.write_text(STUDY)
    folder = tmp_path / "sdtm"
    for options in (
        ("--lesions", study),
        ("--csv", same, "--rates", same),
        ("--sdtm", folder, "--lesions", folder / "tr.csv"),
    ):
        done = run("respond", study, *options, "--overwrite")
        assert (done.returncode, "cannot write" in done.stderr) == (1, True)
        assert study.read_text() == STUDY
        assert not same.exists()
    file = tmp_path / "file"
    file.touch()
    done = run("respond", study, "--sdtm", file)
    assert (done.returncode, "cannot make the folder" in done.stderr) == (1, True)


def test_a_refused_command_makes_no_folder(run: Run, tmp_path: Path) -> None:
    study, rates = tmp_path / "study.csv", tmp_path / "rates.csv"
    study.write_text(STUDY)
    rates.write_text("kept")
    new = tmp_path / "new"
    for options in (
        ("--sdtm", new / "sdtm", "--redcap", tmp_path / "redcap", "--rates", rates),
        ("--sdtm", new / "sdtm", "--rates", new / "sdtm" / "rates.txt"),
        ("--sdtm", new / "sdtm", "--redcap", study / "redcap"),
    ):
        done = run("respond", study, *options)
        assert (done.returncode, "cannot" in done.stderr or "exists" in done.stderr) == (1, True), done.stderr
        assert sorted(path.name for path in tmp_path.iterdir()) == ["rates.csv", "study.csv"]
        assert rates.read_text() == "kept"


def test_other_outputs_may_lie_in_folders_that_are_made(run: Run, tmp_path: Path) -> None:
    study, out = tmp_path / "study.csv", tmp_path / "out"
    study.write_text(STUDY)
    report, rates = out / "response.json", out / "sdtm" / ".." / "sdtm" / "rates.csv"
    done = run("respond", study, "--sdtm", out / "sdtm", "--report", report, "--rates", rates)
    assert (done.returncode, done.stderr) == (0, "")
    assert report.is_file()
    assert rates.is_file()


def test_no_folder_is_made_inside_an_input(run: Run, tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    target = {"name": "t", "organ": "liver"}
    study = tmp_path / "study.json"
    study.write_text(json.dumps({"targets": [target], "visits": [{"date": 0, "ct": "scans"}]}))
    done = run("respond", study, "--sdtm", scans / "sdtm")
    assert (done.returncode, "lies inside the input folder" in done.stderr) == (1, True)
    assert list(scans.iterdir()) == []
