"""A real Orthanc with its DICOMweb plug-in on 127.0.0.1, and reports as OHIF writes them."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import (
    HTTPBasicAuthHandler,
    HTTPPasswordMgrWithDefaultRealm,
    ProxyHandler,
    Request,
    build_opener,
)

import pydicom
import pytest
from pydicom.dataset import Dataset

from lite_ensam.core.recist import RecistMark
from lite_ensam.io.dicom import SeriesSource
from tests.unit.io.dicom.files import new_dataset
from tests.unit.io.dicom.reports import LENGTH, code_item, group, item, number, scoord

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
NAME, PASSWORD = "reader", "a password"
_STARTS_WITHIN_S = 60.0


@dataclass(frozen=True)
class Orthanc:
    """One that runs.

    `login` is a file in the form of ~/.netrc.
    """

    http_port: int
    dicom_port: int
    login: Path

    @property
    def root(self) -> str:
        return f"dicomweb+http://127.0.0.1:{self.http_port}/dicom-web"

    @property
    def application(self) -> str:
        return f"ae://ORTHANC@127.0.0.1:{self.dicom_port}"

    def study(self, uid: str) -> str:
        return f"{self.root}/studies/{uid}"

    def rest(self, path: str, data: bytes | None = None, method: str | None = None) -> bytes:
        passwords = HTTPPasswordMgrWithDefaultRealm()
        url = f"http://127.0.0.1:{self.http_port}"
        passwords.add_password(None, url, NAME, PASSWORD)
        opener = build_opener(ProxyHandler({}), HTTPBasicAuthHandler(passwords))
        with opener.open(Request(url + path, data, method=method), timeout=60) as answer:
            return bytes(answer.read())

    def put(self, *paths: Path) -> None:
        for path in paths:
            self.rest("/instances", path.read_bytes())

    def files(self, modality: str) -> list[Dataset]:
        """All objects of a modality that it holds."""
        found = []
        for series in json.loads(self.rest("/series")):
            told = json.loads(self.rest(f"/series/{series}"))
            if told["MainDicomTags"]["Modality"] == modality:
                for one in told["Instances"]:
                    data = self.rest(f"/instances/{one}/file")
                    found.append(pydicom.dcmread(pydicom.filebase.DicomBytesIO(data)))
        return found

    def clear(self) -> None:
        for one in json.loads(self.rest("/patients")):
            self.rest(f"/patients/{one}", method="DELETE")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def running_orthanc(folder: Path) -> Iterator[Orthanc]:
    """Skips the test where there is no Orthanc."""
    if shutil.which("Orthanc") is None or not PLUGIN.exists():
        pytest.skip(
            "no Orthanc with DICOMweb here: apt-get install orthanc-dicomweb (make test does, as root)"
        )
    login = folder / "netrc"
    login.write_text(f'machine 127.0.0.1 login {NAME} password "{PASSWORD}"\n')
    one = Orthanc(free_port(), free_port(), login)
    settings = {
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "HttpPort": one.http_port,
        "DicomPort": one.dicom_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {NAME: PASSWORD},
        "DicomAlwaysAllowStore": True,
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(["Orthanc", folder / "orthanc.json"], stdout=log, stderr=log)
    try:
        end = time.monotonic() + _STARTS_WITHIN_S
        while time.monotonic() < end:
            try:
                one.rest("/system")
                break
            except OSError:
                time.sleep(0.2)
        else:
            pytest.skip(f"Orthanc does not start here: {(folder / 'log').read_text()[-500:]}")
        yield one
    finally:
        process.terminate()
        process.wait()


def write_ohif_report(
    path: Path,
    source: SeriesSource,
    marks: tuple[RecistMark, ...],
    description: str = "Measurements",
    **more: object,
) -> Path:
    """As OHIF writes it: a group of each line, tracked under the tool's name, labelled with free text."""
    first = source.slices[0]
    groups = []
    for mark in marks:
        image, columns_rows = source.image_of_points(mark.endpoints_zyx)
        line = number(
            LENGTH,
            scoord(str(image.SOPInstanceUID), [float(one) for one in columns_rows.ravel()]),
            value=f"{mark.length_mm(source.grid.spacing_mm):.2f}",
        )
        finding = code_item(("121071", "DCM"), "CORNERSTONEFREETEXT", mark.name)
        uid = pydicom.uid.generate_uid()
        groups.append(group(finding, line, name="Cornerstone3DTools@^0.1.0:Length", uid=uid))
    report = new_dataset("SR", pydicom.uid.Comprehensive3DSRStorage)
    for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate",
                 "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"):  # fmt: skip
        setattr(report, name, first.get(name))
    report.SeriesInstanceUID = pydicom.uid.generate_uid()
    report.SeriesDescription, report.Manufacturer, report.ManufacturerModelName = (
        description,
        "OHIF",
        "viewer",
    )
    report.ContentDate, report.ContentTime, report.SeriesNumber, report.InstanceNumber = (
        "20250103",
        "101010",
        9,
        1,
    )
    report.ContentSequence = [item("CONTAINER", ("126010", "DCM"), tuple(groups))]
    for name, value in more.items():
        setattr(report, name, value)
    report.save_as(path, enforce_file_format=True)
    return path
