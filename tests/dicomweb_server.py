"""A small DICOMweb server for the tests, which misbehaves as it is told."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

Fault = Callable[[BaseHTTPRequestHandler, int], bool]
"""Given a request and how many with its path there were, this one counted: whether it has been answered, badly."""

BOUNDARY = "one-part"


class DicomWebServer(ThreadingHTTPServer):
    """Serves the files of one study on 127.0.0.1.

    `fault` may spoil answers; `token` is asked for if there is one; `answer` is that to STOW: status and dataset.
    """

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        self.instances = [
            (pydicom.dcmread(path, stop_before_pixels=True), path.read_bytes()) for path in files
        ]
        self.study = str(self.instances[0][0].StudyInstanceUID)
        self.fault: Fault = lambda request, n: False
        self.token = ""
        self.answer: tuple[int, Dataset] | None = None
        self.stored: list[Dataset] = []
        self.counts: dict[str, int] = {}

    @property
    def root(self) -> str:
        return f"dicomweb+http://127.0.0.1:{self.server_port}/dicom-web"

    @property
    def address(self) -> str:
        return f"{self.root}/studies/{self.study}"

    def paths(self, word: str) -> list[str]:
        return [path for path in self.counts if word in path]


@contextmanager
def serving(folder: Path) -> Iterator[DicomWebServer]:
    server = DicomWebServer(folder)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: DicomWebServer

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if self.is_spoilt(path):
            return
        found = re.fullmatch(
            r"/dicom-web/studies/([0-9.]+)/series(?:/([0-9.]+)/(metadata|instances/([0-9.]+)))?", path
        )
        mine = [one for one in self.server.instances if found and one[0].StudyInstanceUID == found[1]]
        if not found or not mine:
            self.say(404, b"")
        elif found[2] is None:
            by_series = {str(header.SeriesInstanceUID): header for header, _ in mine}
            offset = int((re.findall(r"offset=(\d+)", self.path) or [0])[0])
            self.say_json([one.to_json_dict() for one in by_series.values()][offset:])
        elif found[3] == "metadata":
            self.say_json([one.to_json_dict() for one, _ in mine if one.SeriesInstanceUID == found[2]])
        else:
            self.say_part(next(data for header, data in mine if header.SOPInstanceUID == found[4]))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.is_spoilt(self.path):
            return
        boundary = re.search(r"boundary=(\S+)", self.headers["Content-Type"])[1].encode()
        parts = [part.partition(b"\r\n\r\n")[2] for part in body.split(b"\r\n--" + boundary)[1:-1]]
        datasets = [pydicom.dcmread(BytesIO(part)) for part in parts]
        if self.server.answer is not None:
            status, answer = self.server.answer
            self.say_json(answer.to_json_dict(), status)
            return
        self.server.stored += datasets
        answer = Dataset()
        answer.ReferencedSOPSequence = []
        for one in datasets:
            item = Dataset()
            item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = one.SOPClassUID, one.SOPInstanceUID
            answer.ReferencedSOPSequence.append(item)
        self.say_json(answer.to_json_dict())

    def is_spoilt(self, path: str) -> bool:
        counts = self.server.counts
        counts[path] = counts.get(path, 0) + 1
        if self.server.token and self.headers["Authorization"] != f"Bearer {self.server.token}":
            self.say(401, b"")
            return True
        return self.server.fault(self, counts[path])

    def say_json(self, content: object, status: int = 200) -> None:
        self.say(status, json.dumps(content).encode(), "application/dicom+json")

    def say_part(self, data: bytes, cut: int | None = None, length: bool = True) -> None:
        """A multipart answer; cut off after so many bytes, with a length or, as old servers do, without."""
        body = b"--%b\r\nContent-Type: application/dicom\r\n\r\n%b\r\n--%b--\r\n" % (
            BOUNDARY.encode(), data, BOUNDARY.encode()
        )  # fmt: skip
        self.send_response(200)
        self.send_header(
            "Content-Type", f'multipart/related; type="application/dicom"; boundary="{BOUNDARY}"'
        )
        if length:
            self.send_header("Content-Length", str(len(body)))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body[:cut])
        self.close_connection = cut is not None or not length

    def drip(self, seconds: float) -> None:
        """A byte now and then."""
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/related; boundary={BOUNDARY}")
        self.send_header("Content-Length", "100000")
        self.end_headers()
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                self.wfile.write(b"-")
                time.sleep(0.05)
        except OSError:  # who asked has gone
            pass
        self.close_connection = True

    def say(self, status: int, body: bytes, kind: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
