"""`lite-ensam listen`: pushed CT and report in, SEG and SR out, whatever happens in between."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pydicom
import pytest

from lite_ensam.core.errors import ArchiveError, OutputError
from lite_ensam.io import ObjectChoice, read_ct, read_labels
from lite_ensam.io.dicom import SeriesSource
from lite_ensam.io.pacs import send
from tests.integration.archives import free_port, write_ohif_report
from tests.integration.conftest import Scan
from tests.unit.io.dicom.files import stored_volume, write_series

pytest.importorskip("pynetdicom")

from lite_ensam.listener import Inbox, Listener, ListenerSettings
from lite_ensam.listener.receiver import receiving

SECRETS = ("SECRET", "2025", "1.2.826")


class Archive:
    """What takes the results: a receiver of ours, which keeps SEGs, too."""

    def __init__(self) -> None:
        self.port, self.taken, self.status = free_port(), [], 0x0000

    @property
    def address(self) -> str:
        return f"ae://ARCHIVE@127.0.0.1:{self.port}"

    def store(self, event: object) -> int:
        if self.status == 0:
            dataset = event.dataset
            dataset.file_meta = event.file_meta
            self.taken.append(dataset)
        return self.status

    def modalities(self) -> list[str]:
        return [one.Modality for one in self.taken]


@pytest.fixture
def archive() -> Iterator[Archive]:
    import pynetdicom

    archive = Archive()
    application = pynetdicom.AE("ARCHIVE")
    application.supported_contexts = pynetdicom.AllStoragePresentationContexts
    handlers = [(pynetdicom.evt.EVT_C_STORE, archive.store)]
    server = application.start_server(("127.0.0.1", archive.port), block=False, evt_handlers=handlers)
    yield archive
    server.shutdown()


@pytest.fixture
def study(dicom: Path, scan: Scan, tmp_path: Path) -> Path:
    """Files of CT and report."""
    folder = tmp_path / "study"
    shutil.copytree(dicom, folder)
    source = read_ct(dicom)[1]
    assert isinstance(source, SeriesSource)
    write_ohif_report(folder / "sr.dcm", source, scan.case.marks)
    return folder


def listener(folder: Path, archive: Archive, said: list[str], **more: object) -> Listener:
    settings = ListenerSettings(archive.address, quiet_s=0.0, **more)  # type: ignore[arg-type]
    return Listener(Inbox(folder), settings, said.append)


def wait_for(condition: object, seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.1)


def test_a_pushed_study_is_answered(
    study: Path, dicom: Path, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    one, port, stop = listener(tmp_path / "inbox", archive, said), free_port(), Event()
    thread = Thread(target=one.run, kwargs={"port": port, "stop": stop})
    thread.start()
    try:
        wait_for(lambda: said)
        address = f"ae://LITE-ENSAM@127.0.0.1:{port}"
        halves = [sorted(study.iterdir())[0::2], sorted(study.iterdir())[1::2]]
        with ThreadPoolExecutor(2) as pool:  # two associations at the same time
            list(pool.map(lambda files: send(files, address), halves))
        wait_for(lambda: archive.modalities() == ["SEG", "SR"])
        with pytest.raises(ArchiveError, match="refuses the connection"):
            send([study / "sr.dcm"], f"ae://ANOTHER@127.0.0.1:{port}")
        other_kind = pydicom.dcmread(study / "sr.dcm")
        other_kind.SOPClassUID = other_kind.file_meta.MediaStorageSOPClassUID = pydicom.uid.MRImageStorage
        other_kind.save_as(tmp_path / "IM0001", enforce_file_format=True)  # files need not be called .dcm
        with pytest.raises(ArchiveError, match="does not accept MR Image Storage in the transfer syntax"):
            send([tmp_path / "IM0001"], address)
        # what the archive sends on to us is ours: nothing happens
        for n, result in enumerate(archive.taken):
            result.save_as(tmp_path / f"{n}.dcm", enforce_file_format=True)
        send([tmp_path / "1.dcm"], address)
    finally:
        stop.set()
        thread.join()
    one.work()
    assert archive.modalities() == ["SEG", "SR"]
    expected = read_labels(tmp_path / "0.dcm", read_ct(dicom)[1])
    assert np.unique(expected).tolist() == [0, 1, 2, 3]
    assert not any(word in text for text in said for word in SECRETS), said
    # a hash holds "2025" now and then
    names = [re.sub("[0-9a-f]{32}", "", str(path)) for path in (tmp_path / "inbox").rglob("*")]
    assert not any(word in name for name in names for word in SECRETS), names


def fill(inbox: Inbox, files: list[Path]) -> None:
    for path in files:
        header = pydicom.dcmread(path, stop_before_pixels=True)
        inbox.put(header.StudyInstanceUID, header.SOPInstanceUID, path.read_bytes(), sender=1)
    inbox.close(1)


def test_what_an_archive_refuses_is_sent_again_and_what_was_sent_is_not(
    study: Path, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lite_ensam.listener.service.AGAIN_S", 0.0)
    said: list[str] = []
    fill(Inbox(tmp_path / "inbox"), list(study.iterdir()))
    archive.status = 0xA700
    listener(tmp_path / "inbox", archive, said).work()
    assert ("no room left" in said[-1], "tried again" in said[-1]) == (True, True)
    results = [path.read_bytes() for path in sorted((tmp_path / "inbox").rglob("results/*.dcm"))]
    assert len(results) == 2
    archive.status = 0
    again = listener(tmp_path / "inbox", archive, said)  # as after a restart: nothing is segmented again
    again.work()
    again.work()
    assert archive.modalities() == ["SEG", "SR"]
    assert [path.read_bytes() for path in sorted((tmp_path / "inbox").rglob("results/*.dcm"))] == results
    gone = listener(tmp_path / "inbox", archive, said, keep_days=0.0)
    gone.work()
    assert list((tmp_path / "inbox").rglob("*.dcm")) == []


def test_an_incomplete_study_is_a_sentence_and_is_done_when_the_rest_comes(
    study: Path, archive: Archive, tmp_path: Path
) -> None:
    said: list[str] = []
    files = sorted(study.iterdir())
    late = [study / f"{k}.dcm" for k in (20, 21, 22)]
    fill(Inbox(tmp_path / "inbox"), [path for path in files if path not in late])
    one = listener(tmp_path / "inbox", archive, said)
    one.work()
    one.work()
    assert (len(said), archive.taken) == (1, [])  # said once
    assert ("missing" in said[0], "It is kept" in said[0]) == (True, True)
    fill(one.inbox, late)
    one.work()
    assert archive.modalities() == ["SEG", "SR"]
    assert not any(word in text for text in said for word in SECRETS), said


def test_a_study_without_lines_waits_for_them_and_the_newest_may_be_chosen(
    study: Path, scan: Scan, dicom: Path, archive: Archive, tmp_path: Path
) -> None:
    said: list[str] = []
    report = study / "sr.dcm"
    fill(Inbox(tmp_path / "inbox"), [path for path in study.iterdir() if path != report])
    one = listener(tmp_path / "inbox", archive, said, choice=ObjectChoice(date="newest"))
    one.work()
    assert "holds no DICOM file of marks" in said[-1]
    source = read_ct(dicom)[1]
    assert isinstance(source, SeriesSource)
    newer = write_ohif_report(tmp_path / "newer.dcm", source, scan.case.marks[:1], ContentDate="20250909")
    fill(one.inbox, [report, newer])
    one.work()
    assert [len(seg.SegmentSequence) for seg in archive.taken[:1]] == [1]


def test_a_study_that_ends_the_process_is_given_up(study: Path, archive: Archive, tmp_path: Path) -> None:
    said: list[str] = []
    fill(Inbox(tmp_path / "inbox"), list(study.iterdir()))
    one = listener(tmp_path / "inbox", archive, said)
    (received,) = one.inbox.studies()
    state = received.state()
    received.write_state(type(state)(state.objects, "tried", 3))
    one.work()
    assert "ended the listener 3 times" in said[-1]


def test_results_that_find_no_room_are_made_again(
    study: Path, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lite_ensam.segmentation import Segmentation

    monkeypatch.setattr("lite_ensam.listener.service.AGAIN_S", 0.0)
    said: list[str] = []
    fill(Inbox(tmp_path / "inbox"), list(study.iterdir()))
    one = listener(tmp_path / "inbox", archive, said)

    def full(*_: object, **__: object) -> None:
        raise OutputError("cannot write seg.dcm: the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Segmentation, "save", full)
        for _ in range(4):
            one.work()
    assert ("the disk is full" in said[-1], "tried again" in said[-1]) == (True, True)
    one.work()
    assert archive.modalities() == ["SEG", "SR"]


def test_a_full_disk_refuses_and_keeps_what_it_has(study: Path, archive: Archive, tmp_path: Path) -> None:
    inbox, said, port = Inbox(tmp_path / "inbox"), [], free_port()
    with receiving(inbox, "127.0.0.1", port, "FULL", (), said.append):
        first, second = sorted(study.glob("1*.dcm"))[:2]
        send([first], f"ae://FULL@127.0.0.1:{port}")
        inbox.keep_free_bytes = 1 << 62
        with pytest.raises(ArchiveError, match="it has no room left"):
            send([second], f"ae://FULL@127.0.0.1:{port}")
    assert len(list((tmp_path / "inbox").rglob("objects/*"))) == 1
    assert "nearly full" in said[0]


def test_only_senders_that_are_named_may_send_and_a_folder_has_one_listener(
    archive: Archive, tmp_path: Path
) -> None:
    write_series(tmp_path / "ct", stored_volume())
    inbox, port = Inbox(tmp_path / "inbox"), free_port()
    with receiving(inbox, "127.0.0.1", port, "US", ("FRIEND",), print), pytest.raises(ArchiveError):
        send(sorted((tmp_path / "ct").iterdir())[:1], f"ae://US@127.0.0.1:{port}")
    with inbox.alone(), pytest.raises(OutputError, match="another listener"), Inbox(inbox.folder).alone():
        pass
    with (
        receiving(inbox, "127.0.0.1", port, "US", (), print),
        pytest.raises(OutputError, match="choose another --port"),
        receiving(inbox, "127.0.0.1", port, "US", (), print),
    ):
        pass


def test_killed_and_started_again_it_goes_on(study: Path, archive: Archive, tmp_path: Path) -> None:
    port, inbox = free_port(), tmp_path / "inbox"
    command = [sys.executable, "-m", "lite_ensam", "listen", inbox, "--to", archive.address, "--port", port]
    command += ["--quiet-seconds", "1"]
    address = f"ae://LITE-ENSAM@127.0.0.1:{port}"

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [str(one) for one in command],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        assert process.stdout is not None
        while "listening" not in process.stdout.readline():
            assert process.poll() is None
        return process

    process = start()
    files = sorted(study.iterdir())
    send(files[:30], address)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    process = start()
    try:
        send(files[30:], address)
        wait_for(lambda: archive.modalities() == ["SEG", "SR"])
        process.send_signal(signal.SIGTERM)
        log = process.communicate(timeout=60)[0]
        assert process.returncode == 128 + signal.SIGTERM
        assert not any(word in log for word in SECRETS)
    finally:
        process.kill()
        process.communicate()
