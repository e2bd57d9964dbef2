"""From an archive to the trial's tables by one command: three visits in, SDTM and the board's page out."""

from __future__ import annotations

import csv
import json
import re
import shutil
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import NamedTuple

import pytest

from lite_ensam.io.pacs import dicomweb
from lite_ensam.reporting import read_study
from tests.dicomweb_server import DicomWebServer, serving
from tests.integration.archives import running_orthanc, write_ohif_report
from tests.integration.conftest import Done, Run
from tests.integration.visits import SECRETS, write_visit

pytest.importorskip("requests")
pytest.importorskip("SimpleITK")

MOST_SECONDS = 60.0


class Visits(NamedTuple):
    folders: list[Path]
    studies: list[str]


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> Visits:
    """PR, then PD; the lines of the last visit have no names, so that it is registered."""
    folder = tmp_path_factory.mktemp("visits")
    folders = [folder / f"visit{n}" for n in (1, 2, 3)]
    names = (("lung 1", "lung 2"), ("lung 1", "lung 2"), ("", ""))
    return Visits(folders, [write_visit(one, n, names[n]) for n, one in enumerate(folders)])


@pytest.fixture(autouse=True)
def no_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "no netrc"))
    for name in ("LITE_ENSAM_TOKEN", "LITE_ENSAM_TOKEN_FILE", "LITE_ENSAM_CACHE", "LITE_ENSAM_PLAIN_HTTP"):
        monkeypatch.delenv(name, raising=False)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def told(done: Done, *files: Path) -> list[str]:
    """Secrets of the patient that came out; pictures, whose letters are random, are left out."""
    text = done.stdout + done.stderr + "".join(one.read_text() for one in files)
    text = re.sub(r"data:image/[^\"']*", "", text)
    return [word for word in SECRETS if word in text]


def test_three_visits_in_an_archive_become_tables_and_a_page_within_a_minute(
    visits: Visits,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    board, lesions, sdtm = tmp_path / "board.html", tmp_path / "lesions.csv", tmp_path / "sdtm"
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as orthanc:
        for folder in visits.folders:
            orthanc.put(*folder.iterdir())
        monkeypatch.setenv("NETRC", str(orthanc.login))
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(scratch))
        start = time.process_time()  # others may use this machine, too
        done = run(
            "respond", *(orthanc.study(visits.studies[n]) for n in (2, 0, 1)),  # in no order
            "--board", board, "--sdtm", sdtm, "--lesions", lesions, "--irecist",
        )  # fmt: skip
        seconds = time.process_time() - start
    assert (done.returncode, done.stderr.count("fetched 56 of 56 files")) == (0, 3), done.stderr
    assert seconds < MOST_SECONDS
    assert list(scratch.iterdir()) == []  # nothing that was fetched stays
    responses = [(row["RSTESTCD"], row["VISIT"], row["RSORRES"]) for row in table(sdtm / "rs.csv")]
    for one in (("OVRLRESP", "DAY 56", "PR"), ("OVRLRESP", "DAY 112", "PD"), ("BESTRESP", "", "PR"),
                ("OVRLRESP", "DAY 112", "iUPD")):  # fmt: skip
        assert one in responses
    assert [row["TULNKID"] for row in table(sdtm / "tu.csv")] == ["T01", "T02"]
    sums = [float(row["TRORRES"]) for row in table(sdtm / "tr.csv") if row["TRTESTCD"] == "SUMDIAM"]
    assert sums == pytest.approx([48, 30, 46], abs=6)
    assert len(table(lesions)) == 6
    assert "place after a rigid registration" in done.stdout
    assert board.read_text().count("<img") == 6  # each lesion at each visit
    assert told(done, board, lesions, *sdtm.iterdir()) == []


@pytest.fixture
def server(visits: Visits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DicomWebServer]:
    """The archive of all three studies."""
    monkeypatch.setattr(dicomweb, "WAITS_S", (0.01, 0.01, 0.01))
    with serving(visits.folders[0].parent) as server:
        yield server


def refused(done: Done, words: str) -> None:
    """One sentence and exit code 1."""
    said = [line for line in done.stderr.splitlines() if not line.startswith("fetched ")]
    assert (done.returncode, len(said), done.stdout) == (1, 1, ""), done.stderr
    assert words in said[0]
    assert told(done) == []


def test_what_an_archive_does_wrong_is_a_sentence_and_nothing_is_written_or_lost(
    visits: Visits, server: DicomWebServer, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = tmp_path / "board.html"
    board.write_text("of yesterday")
    cache = tmp_path / "cache"
    addresses = [f"{server.root}/studies/{one}" for one in visits.studies]
    command = ("respond", *addresses, "--board", board, "--overwrite", "--cache", cache)
    server.token = "right"
    monkeypatch.setenv("LITE_ENSAM_TOKEN", "wrong")
    refused(run(*command), "refuses the login (401)")
    server.token = ""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = addresses[2].replace(str(server.server_port), str(free.getsockname()[1]))
    refused(run(*command[:3], dead, *command[4:]), "cannot be reached")
    fetched = {path: server.counts[path] for path in server.paths("/instances/")}

    def cut(request: BaseHTTPRequestHandler, n: int) -> bool:
        is_last = visits.studies[2] in request.path and "/instances/" in request.path
        if is_last:
            request.say_part(b"\0" * 5000, cut=3000)
        return is_last

    server.fault = cut
    refused(run(*command), "breaks the connection, 4 times")
    refused(run("respond", f"{server.root}/studies/1.2.3", *command[2:]), "has no such study")
    assert board.read_text() == "of yesterday"
    kept = len(fetched)
    assert kept >= 2 * len(list(visits.folders[0].iterdir()))
    assert all(server.counts[path] == n for path, n in fetched.items())  # what came before came once


def test_folders_of_visits_are_a_course_too_and_a_study_file_may_name_addresses(
    visits: Visits, server: DicomWebServer, run: Run, tmp_path: Path
) -> None:
    report = tmp_path / "r.csv"
    here = run("respond", *visits.folders[:2], "--csv", report)
    assert here.returncode == 0, here.stderr
    expected = table(report)
    assert [row["overall"] for row in expected if row["criteria"] == "RECIST 1.1"] == ["PR"]
    organs = [{"name": f"lung {n}", "organ": "lung"} for n in (1, 2)]
    first, second = (f"{server.root}/studies/{one}" for one in visits.studies[:2])
    days = [{"date": 0, "ct": first}, {"date": 56, "ct": second}]
    study = tmp_path / "study.json"
    study.write_text(json.dumps({"targets": organs, "visits": days}))
    named = run("respond", study, "--csv", report, "--overwrite")
    assert named.returncode == 0, named.stderr
    assert table(report) == expected
    both = run("adjudicate", study, study, "--csv", tmp_path / "a.csv", "--cache", tmp_path / "cache")
    assert (both.returncode, "differs" in both.stdout) == (0, True), both.stderr
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_visits_that_make_no_course_are_a_sentence(visits: Visits, run: Run, tmp_path: Path) -> None:
    first, second, _ = visits.folders
    silent = tmp_path / "silent"
    shutil.copytree(second, silent)
    (silent / "report.dcm").unlink()
    refused(run("respond", first, silent), "visit number 2: ")
    shutil.copy(second / "report.dcm", silent)
    shutil.copy(first / "report.dcm", silent / "other.dcm")  # of the visit before
    assert run("respond", first, silent).returncode == 0
    (silent / "report.dcm").unlink()
    refused(run("respond", first, silent), "visit number 2: ")
    refused(run("respond", first, first), "on one day")
    refused(run("respond", first, tmp_path / "nowhere"), "visit number 2: is not a folder")
    write_visit(tmp_path / "else", 1, PatientID="SECRET-OTHER")
    refused(run("respond", first, tmp_path / "else"), "are of different patients by their Patient IDs")
    write_visit(tmp_path / "undated", 1, StudyDate="")
    refused(run("respond", first, tmp_path / "undated"), "visit number 2 has no date")
    refused(run("respond", first), "contains no visit folder")


def test_of_several_readers_one_is_picked_for_all_visits(visits: Visits, tmp_path: Path) -> None:
    from lite_ensam.io import ObjectChoice, read_case

    folders = []
    for folder in visits.folders[:2]:
        shutil.copytree(folder, tmp_path / folder.name)
        case = read_case(folder)
        one = case.marks[0]
        write_ohif_report(tmp_path / folder.name / "two.dcm", case.source, (one,), Manufacturer="Other")
        folders.append(tmp_path / folder.name)
    (patient,) = read_study(folders, choice=ObjectChoice(maker="other"))
    assert [one.name for one in patient.study.targets] == ["lung 1"]
