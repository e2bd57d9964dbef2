"""Archives that misbehave: one sentence, exit code 1, and nothing half or lost."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from lite_ensam.core.errors import ArchiveError, ArgumentError
from lite_ensam.io import ObjectChoice, read_ct, read_labels, write_mask
from lite_ensam.io.pacs import dicomweb, send
from lite_ensam.io.pacs.address import StudyAddress, WebRoot, token_for
from tests.dicomweb_server import DicomWebServer, serving
from tests.integration.conftest import Run, Scan
from tests.unit.io.dicom.files import stored_volume, write_series

pytest.importorskip("requests")

SECRETS = ("SECRET", "2025", "1.2.826")
"""Name, dates and UIDs of the patient."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    write_series(folder, stored_volume(), PatientName="SECRET^NAME", PatientID="SECRET-ID")
    return folder


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DicomWebServer]:
    """A study's archive; waits are short, logins those of the test."""
    monkeypatch.setattr(dicomweb, "WAITS_S", (0.01, 0.01, 0.01))
    monkeypatch.setenv("NETRC", str(folder.parent / "no netrc"))
    for name in ("LITE_ENSAM_TOKEN", "LITE_ENSAM_TOKEN_FILE", "LITE_ENSAM_CACHE", "LITE_ENSAM_PLAIN_HTTP"):
        monkeypatch.delenv(name, raising=False)
    with serving(folder) as server:
        yield server


def said(error: pytest.ExceptionInfo[ArchiveError]) -> str:
    message = str(error.value)
    assert not any(word in message for word in SECRETS), message
    assert "\n" not in message
    return message


def is_instance(request: BaseHTTPRequestHandler) -> bool:
    return "/instances/" in request.path


def test_a_study_is_read_as_its_folder_is_and_leaves_nothing(
    server: DicomWebServer, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ct, source = read_ct(server.address)
    expected, own = read_ct(folder)
    np.testing.assert_array_equal(ct, expected)
    np.testing.assert_array_equal(source.grid.affine, own.grid.affine)
    assert list(tmp_path.iterdir()) == []


def test_what_fails_for_a_while_is_tried_again(server: DicomWebServer, folder: Path) -> None:
    def fault(request: BaseHTTPRequestHandler, n: int) -> bool:
        if n > 3:
            return False
        if not is_instance(request) or n == 1:
            request.say(503, b"busy")
        elif n == 2:
            request.say_part(b"\0" * 5000, cut=700)
        else:
            request.say_part(
                b"\0" * 5000, cut=700, length=False
            )  # only the boundary says that it is not whole
        return True

    server.fault = fault
    np.testing.assert_array_equal(read_ct(server.address)[0], read_ct(folder)[0])
    assert {server.counts[path] for path in (*server.paths("/instances/"), *server.paths("/metadata"))} == {4}


@pytest.mark.parametrize("length", [True, False])
def test_a_transfer_that_is_cut_each_time_is_an_error(
    server: DicomWebServer, length: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(request: BaseHTTPRequestHandler, n: int) -> bool:
        if is_instance(request):
            request.say_part(b"\0" * 5000, cut=3000, length=length)
        return is_instance(request)

    server.fault = fault
    cache = tmp_path / "cache"
    monkeypatch.setenv("LITE_ENSAM_CACHE", str(cache))
    with pytest.raises(ArchiveError) as error:
        read_ct(server.address)
    assert ("breaks" in said(error), "4 times" in said(error)) == (True, True)
    assert [path for path in cache.rglob("*") if path.is_file()] == []


def test_a_byte_now_and_then_is_too_slow(server: DicomWebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicomweb, "SLOW_AFTER_S", 0.3)

    def fault(request: BaseHTTPRequestHandler, n: int) -> bool:
        if is_instance(request):
            request.drip(5)
        return is_instance(request)

    server.fault = fault
    with pytest.raises(ArchiveError, match="sends too slowly"):
        read_ct(server.address)


def test_an_answer_of_another_kind_is_not_taken_for_a_slice(server: DicomWebServer) -> None:
    def fault(request: BaseHTTPRequestHandler, n: int) -> bool:
        if is_instance(request):
            request.say(200, b"<html>Please log in</html>", "text/html")
        return is_instance(request)

    server.fault = fault
    with pytest.raises(ArchiveError) as error:
        read_ct(server.address)
    assert "sends something else" in said(error)


def test_the_token_is_in_a_file_or_the_environment_and_a_wrong_one_is_a_sentence(
    server: DicomWebServer, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.token = "abc.def"
    for wrong in ("", "abc.deg"):
        monkeypatch.setenv("LITE_ENSAM_TOKEN", wrong)
        with pytest.raises(ArchiveError, match=r"refuses the login \(401\)") as error:
            read_ct(server.address)
        assert "abc" not in said(error)
    assert set(server.counts.values()) == {2}  # another try would not change it
    monkeypatch.setenv("LITE_ENSAM_TOKEN", "abc.def")
    assert read_ct(server.address)[0].shape == (5, 12, 16)
    file = tmp_path / "tokens"
    monkeypatch.setenv("LITE_ENSAM_TOKEN_FILE", str(file))
    file.write_text(f"pacs.example.org other\n127.0.0.1:{server.server_port} abc.def\n")
    assert read_ct(server.address)[0].shape == (5, 12, 16)
    assert token_for("pacs.example.org") == "other"
    assert token_for("elsewhere") == ""  # a token goes to no other host


def test_nobody_there_is_a_sentence(server: DicomWebServer) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = server.address.replace(str(server.server_port), str(free.getsockname()[1]))
    with pytest.raises(ArchiveError) as error:
        read_ct(dead)
    assert "cannot be reached" in said(error)
    with pytest.raises(ArchiveError, match=r"no such study"):
        read_ct(f"{server.root}/studies/1.2.3")
    with pytest.raises(ArchiveError, match="no such series"):
        read_ct(f"{server.address}/series/1.2.3")


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("dicomweb+http://pacs.example.org/dicom-web/studies/1.2", "unencrypted"),
        ("dicomweb+https://me:pw@pacs.example.org/dicom-web/studies/1.2", "netrc"),
        ("dicomweb+https://pacs.example.org/dicom-web", "must end in /studies/UID"),
        ("dicomweb+https://pacs.example.org/dicom-web/studies/SECRET", "must end in /studies/UID"),
        ("dicomweb+ftp://pacs.example.org/dicom-web/studies/1.2", "must be dicomweb"),
    ],
)
def test_addresses_that_are_none_or_would_tell_secrets_are_refused(address: str, why: str) -> None:
    with pytest.raises(ArgumentError, match=why) as error:
        StudyAddress.parse(address)
    assert not any(word in str(error.value) for word in ("SECRET", "pw@"))


def test_plain_http_needs_leave_except_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert WebRoot.parse("dicomweb+http://[::1]:8042/dicom-web").is_this_machine
    monkeypatch.setenv("LITE_ENSAM_PLAIN_HTTP", "1")
    assert WebRoot.parse("dicomweb+http://pacs/dicom-web/").url == "http://pacs/dicom-web"


def test_an_archive_on_this_machine_is_not_asked_for_through_a_proxy(
    server: DicomWebServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    before, written = dict(os.environ), []
    # slices come in threads: each would take back what another one wrote
    monkeypatch.setattr(os, "putenv", lambda key, value: written.append(key))
    np.testing.assert_array_equal(read_ct(server.address)[0], read_ct(folder)[0])
    assert written == []
    assert dict(os.environ) == before


def test_a_cache_is_fetched_into_once(
    server: DicomWebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITE_ENSAM_CACHE", str(tmp_path / "cache"))
    first, again = read_ct(server.address)[0], read_ct(server.address)[0]
    np.testing.assert_array_equal(first, again)
    assert {server.counts[path] for path in server.paths("/instances/")} == {1}
    # a hash holds "2025" now and then
    names = [re.sub("[0-9a-f]{32}", "", str(path.relative_to(tmp_path))) for path in tmp_path.rglob("*")]
    assert names
    assert not any(word in name for name in names for word in SECRETS), names


@pytest.fixture
def seg(folder: Path, tmp_path: Path) -> Path:
    labels = np.zeros((5, 12, 16), np.uint8)
    labels[1:4, 3:6, 4:8] = 1
    write_mask(tmp_path / "seg.dcm", labels, read_ct(folder)[1])
    return tmp_path / "seg.dcm"


def store_answer(uid: str, reason: int | None) -> Dataset:
    item, answer = Dataset(), Dataset()
    item.ReferencedSOPInstanceUID = uid
    if reason is None:
        answer.ReferencedSOPSequence = [item]
    else:
        item.FailureReason = reason
        answer.FailedSOPSequence = [item]
    return answer


def test_refusals_name_the_file_and_the_reason(server: DicomWebServer, seg: Path, tmp_path: Path) -> None:
    send([seg], server.root)
    uid = str(server.stored[0].SOPInstanceUID)
    for status, reason, words in (
        (409, 0x0111, "has a file of this identity already"),
        (409, 0xA700, "no room"),
    ):
        server.answer = (status, store_answer(uid, reason))
        with pytest.raises(ArchiveError) as error:
            send([seg], server.root)
        assert all(
            part in said(error) for part in ("stored 0 of 1", "not seg.dcm", words, "stay as they are")
        )
    server.answer = (409, store_answer(uid, 0x0111))
    send([seg], server.root, known=[seg])  # it may be there already
    other = tmp_path / "other.dcm"
    write_mask(other, np.pad(np.ones((1, 3, 3), np.uint8), ((2, 2), (4, 5), (6, 7))), read_ct_of(server))
    server.answer = (202, store_answer(uid, None))
    with pytest.raises(ArchiveError, match=r"stored 1 of 2 files, not other\.dcm: it does not confirm"):
        send([seg, other], server.root)


def read_ct_of(server: DicomWebServer) -> object:
    return read_ct(server.address)[1]


def test_a_lost_answer_is_no_duplicate(server: DicomWebServer, seg: Path) -> None:
    def fault(request: BaseHTTPRequestHandler, n: int) -> bool:
        if request.command == "POST" and n == 1:
            request.close_connection = True  # it was stored, and nobody hears it
        return request.command == "POST" and n == 1

    server.fault = fault
    uid = str(pydicom_uid(seg))
    server.answer = (409, store_answer(uid, 0x0111))
    send([seg], server.root)


def pydicom_uid(path: Path) -> object:
    import pydicom

    return pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID


def test_results_stay_where_the_archive_refuses_them(
    dicom: Path, scan: Scan, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dicomweb, "WAITS_S", ())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = f"dicomweb+http://127.0.0.1:{free.getsockname()[1]}/dicom-web"
    seg, sr = tmp_path / "seg.dcm", tmp_path / "sr.dcm"
    done = run("segment", dicom, "--marks", scan.marks, "-o", seg, "--sr", sr, "--to", dead)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "cannot be reached" in done.stderr
    assert read_labels(seg, read_ct(dicom)[1]).max() == 3
    again = run("send", seg, sr, "--to", dead)
    assert (again.returncode, "cannot be reached" in again.stderr) == (1, True)
    wrong = run("send", seg, "--to", "ae://nobody")
    assert (wrong.returncode, "ae://AET@HOST:PORT" in wrong.stderr) == (1, True)
    (tmp_path / "no dicom.dcm").write_text("no DICOM")
    for path, words in ((tmp_path / "no dicom.dcm", "no dicom.dcm: "), (scan.ct, f"{scan.ct.name}: ")):
        other = run("send", seg, path, "--to", dead)
        assert (other.returncode, words in other.stderr, other.stdout) == (1, True, "")
    nifti = run("segment", dicom, "--marks", scan.marks, "-o", tmp_path / "m.nii.gz", "--to", dead)
    assert (nifti.returncode, "sends DICOM" in nifti.stderr) == (2, True)


def test_a_choice_needs_a_day_that_is_one() -> None:
    with pytest.raises(ArgumentError, match="date must be newest, oldest or YYYY-MM-DD"):
        ObjectChoice(date="yesterday")
