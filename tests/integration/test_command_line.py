"""Habits of a command line: -h, quiet, verbose, results as JSON, names of outputs that were not given."""

import json
import shutil
from pathlib import Path

import pytest
import typer

from lite_ensam.cli import COMMANDS, build_app
from lite_ensam.cli.default_outputs import mask_beside
from lite_ensam.io import read_labels
from tests.integration.conftest import Run, Scan


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_its_options_and_their_defaults(
    run: Run, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 500)
    done = run(command, "-h")
    assert done.returncode == 0
    words = " ".join(done.stdout.split())
    assert f"Example: lite-ensam {COMMANDS[command].example}" in words
    group = typer.main.get_command(build_app([command]))
    assert isinstance(group, typer.core.TyperGroup)
    for option in group.commands[command].params:
        assert isinstance(option, typer.core.TyperOption | typer.core.TyperArgument)
        assert option.help or option.hidden
        assert " ".join((option.help or "").split()) in words  # "[...]" in it would be taken for a style
        if isinstance(option.show_default, str):
            assert f"[default: ({option.show_default})]" in words


def test_the_help_lists_commands_by_group_and_offers_completion(run: Run) -> None:
    text = run("-h").stdout
    assert all(group in text for group in {command.group for command in COMMANDS.values()})
    assert "--install-completion" in text


def test_a_mask_without_a_name_lies_beside_its_scan(run: Run, scan: Scan, tmp_path: Path) -> None:
    ct = shutil.copy(scan.ct, tmp_path / "ct.nii.gz")
    done = run("segment", ct, "--marks", scan.marks)
    assert done.returncode == 0, done.stderr
    assert set(read_labels(tmp_path / "ct_mask.nii.gz").ravel().tolist()) == {0, 1, 2, 3}
    again = run("segment", ct, "--marks", scan.marks)
    assert again.returncode == 1
    assert "--overwrite" in again.stderr


def test_a_dicom_folder_gets_its_segmentation_beside_it(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    assert mask_beside(tmp_path / "study") == tmp_path / "study_seg.dcm"
    assert mask_beside(Path("ct.mhd"), sr=Path("sr.dcm")).name == "ct.mhd_seg.dcm"


def test_results_as_json_are_all_of_stdout(run: Run, scan: Scan, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = run(
        "segment", scan.ct, "--marks", scan.marks, "-o", tmp_path / "m.nii.gz", "--json", "--report", report
    )
    assert json.loads(done.stdout) == json.loads(report.read_text(encoding="utf-8"))
    assert [tumor["label"] for tumor in json.loads(done.stdout)["tumors"]] == [1, 2, 3]


def test_every_command_with_results_prints_them_as_json(run: Run, scan: Scan, tmp_path: Path) -> None:
    report, csv = tmp_path / "report.json", tmp_path / "table.csv"
    measured = run("measure", scan.ct, scan.reference, "--json", "--report", report)
    assert json.loads(measured.stdout) == json.loads(report.read_text(encoding="utf-8"))
    assert [tumor["label"] for tumor in json.loads(measured.stdout)["tumors"]] == [1, 2, 3]
    study = tmp_path / "study.csv"
    study.write_text("patient,date,target,organ,diameter_mm\nA,0,t,liver,100\nA,42,t,liver,65\n")
    judged = run("respond", study, "--json", "--report", report, "--csv", csv, "--overwrite")
    assert json.loads(judged.stdout) == json.loads(report.read_text(encoding="utf-8"))
    assert json.loads(judged.stdout)["courses"][0]["best_response"] == "PR"
    compared = run("adjudicate", study, study, "--json")
    (one,) = json.loads(compared.stdout)["comparisons"]
    assert (one["best_response_1"], one["best_response"], one["differs"]) == ("PR", "PR", "")
    assert {done.stderr for done in (measured, judged, compared)} == {""}


def test_quiet_prints_errors_only_and_verbose_the_steps(run: Run, scan: Scan, tmp_path: Path) -> None:
    command = ("segment", scan.ct, "--marks", scan.marks, "-o", tmp_path / "m.nii.gz")
    quiet = run("-q", *command)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    asked = run("-q", *command, "--overwrite", "--json")
    assert [tumor["label"] for tumor in json.loads(asked.stdout)["tumors"]] == [1, 2, 3]
    loud = run(*command, "--overwrite", "--verbose")
    assert "seconds: " in loud.stdout
    assert "load engine" in loud.stdout
    failed = run(*command, "--quiet")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "--overwrite" in failed.stderr


def test_demo_says_why_the_phantoms_masks_are_larger(run: Run, tmp_path: Path) -> None:
    done = run("demo", tmp_path / "demo")
    assert "slightly outside the visible border" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    "command",
    [
        ("segment", "{study}", "--line", "1,2,3,1,5,6"),
        ("match", "ct_1.nii.gz", "lines_1.json", "ct_2.nii.gz", "{study}"),
    ],
)
def test_what_is_in_an_archive_needs_a_name_for_its_output(run: Run, command: tuple[str, ...]) -> None:
    study = "dicomweb+https://pacs.example.org/dicom-web/studies/1.2"
    refused = run(*(word.format(study=study) for word in command))
    assert refused.returncode == 2
    assert "--output" in refused.stderr
    assert "1.2" not in refused.stderr
