"""A damaged file gives what it still holds, or one plain error: never another exception, a warning or a hang.

Quick here; `python -m tests.fuzz 10` gives each reader ten minutes. What once failed lies in `found/`.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lite_ensam.core.errors import LiteEnsamError
from tests.fuzz.readers import Reader, make_readers

NAMES = (
    "scan.nii", "labels.nii", "crops.nii", "marker.nii", "scan.nii.gz", "labels.nii.gz", "crops.nii.gz",
    "marker.nii.gz", "scan.nrrd", "labels.nrrd", "scan.mha", "labels.mha", "scan.nhdr", "scan.mhd", "npz", "marks.json",
    "lines.mrk.json",
    "marks.csv", "marks_mm.csv", "DL_info.csv", "study.csv", "manifest.csv",
    "manifest.parquet", "study.json", "report.json", "record.json", "slice.dcm", "sr.dcm", "gsps.dcm", "rtstruct.dcm",
    "contours.dcm", "seg.dcm", "tid1500.dcm", "state.msg", "slices.msg", "value.msg",
)  # fmt: skip
FOUND = sorted(path for path in Path(__file__).with_name("found").iterdir() if path.suffix == ".bin")


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reader]:
    return make_readers(tmp_path_factory.mktemp("readers"))


def feed(reader: Reader, content: bytes) -> bool:
    """Let a reader have a file; whether it made sense of it. The good file is put back."""
    good = reader.file.read_bytes()
    said = None
    try:
        reader.file.write_bytes(content)
        reader.read(reader.file)
    except LiteEnsamError as error:
        said = str(error)
    finally:
        reader.file.write_bytes(good)
    assert said is None or len(said.splitlines()) == 1
    return said is None


def test_every_reader_reads_its_good_file(readers: dict[str, Reader]) -> None:
    assert tuple(readers) == NAMES
    for name, reader in readers.items():
        assert feed(reader, reader.file.read_bytes()), name


@pytest.mark.parametrize("name", NAMES)
@settings(
    max_examples=25,
    deadline=timedelta(seconds=10),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_damaged_files(readers: dict[str, Reader], name: str, data: st.DataObject) -> None:
    reader = readers[name]
    good = reader.file.read_bytes()
    feed(reader, data.draw(reader.strategy(good, good)))


def test_what_once_failed(readers: dict[str, Reader]) -> None:
    for path in FOUND:
        feed(readers[path.name.split("@")[0]], path.read_bytes())
