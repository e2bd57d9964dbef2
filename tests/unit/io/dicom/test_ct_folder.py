"""What lies in a folder beside the slices of a CT: passed over and named, never silently and never instead of it."""

import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    EnhancedCTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
    generate_uid,
)

from lite_ensam.core.errors import CaseError
from lite_ensam.io.dicom import datasets, read_ct_series
from lite_ensam.io.dicom.datasets import read_dataset
from tests.unit.io.dicom.files import name_of_slice, new_dataset, stored_volume, write_series, write_slice

STORED = stored_volume()
ODD = "image of another size, spacing, orientation or frame of reference"
NO_PLACE = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_series(tmp_path / "ct", STORED)
    return tmp_path / "ct"


def add(
    folder: Path, shape: tuple[int, int] = (30, 40), without: tuple[str, ...] = (), **more: object
) -> None:
    write_slice(folder / "more.dcm", np.zeros(shape), (0.0, 0.0, 101.0), **more)
    one = pydicom.dcmread(folder / "more.dcm")
    for name in without:
        delattr(one, name)
    one.save_as(folder / "more.dcm")


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"SOPClassUID": SecondaryCaptureImageStorage}, "screen capture"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"], "without": NO_PLACE}, "screen capture"),
        ({"ImageType": ["DERIVED", "SECONDARY", "OTHER", "DOSE_INFO"]}, "screen capture"),
        ({"without": NO_PLACE}, "image without a position"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "scout"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "SCOUT"], "shape": (12, 16)}, "scout"),
        ({"ImageType": "TOPOGRAM"}, "scout"),
        ({"shape": (40, 16), "orientation": (1, 0, 0, 0, 0, -1)}, ODD),
        ({"shape": (12, 16), "orientation": (0, 1, 0, 0, 0, -1)}, ODD),
        ({"shape": (12, 16), "row_column_mm": (0.8, 0.701)}, ODD),
        ({"without": ("PixelSpacing",)}, ODD),
        ({"SamplesPerPixel": 3, "shape": (12, 16)}, "colour image"),
        (
            {"SOPClassUID": MultiFrameGrayscaleWordSecondaryCaptureImageStorage, "NumberOfFrames": 3},
            "multi-frame screen capture",
        ),
        (
            {"SOPClassUID": EnhancedCTImageStorage, "NumberOfFrames": 3},
            "multi-frame image that does not say where its frames lie",
        ),
        (
            {"NumberOfFrames": 3, "series": "1.2.3", "shape": (12, 16)},
            "multi-frame image that does not say where its frames lie",
        ),
    ],
)  # fmt: skip
def test_pictures_are_passed_over_and_named(folder: Path, more: dict, kind: str) -> None:
    add(folder, **more)
    ct, source = read_ct_series(folder)
    np.testing.assert_array_equal(ct, STORED - 1000)
    assert source.notes == (f"passed over 1 x {kind} (more.dcm)",)


def test_of_many_pictures_some_are_named(folder: Path) -> None:
    for n in range(5):
        add(folder, SOPClassUID=SecondaryCaptureImageStorage)
        (folder / "more.dcm").rename(folder / f"screen{n}.dcm")
    (note,) = read_ct_series(folder)[1].notes
    assert note == "passed over 5 x screen capture (screen0.dcm, screen1.dcm, screen2.dcm, ...)"


def test_a_folder_of_pictures_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "ct").mkdir()
    add(tmp_path / "ct", SOPClassUID=SecondaryCaptureImageStorage)
    with pytest.raises(
        CaseError, match=r"holds no DICOM file of a CT, only 1 x screen capture \(more\.dcm\)"
    ):
        read_ct_series(tmp_path / "ct")


@pytest.mark.parametrize("name", NO_PLACE)
def test_a_slice_that_has_lost_its_place_is_no_picture(folder: Path, name: str) -> None:
    add(folder, (12, 16), (name,))
    with pytest.raises(CaseError, match=rf"more\.dcm: {name} is missing or is not \d numbers"):
        read_ct_series(folder)


@pytest.mark.parametrize(
    ("name", "value"), [("PixelSpacing", b"0,8\\0,7 "), ("ImagePositionPatient", b"a\\b\\c ")]
)
def test_numbers_that_are_none_are_named_by_file_and_attribute(folder: Path, name: str, value: bytes) -> None:
    path = folder / name_of_slice(2)
    one = pydicom.dcmread(path)
    one[name] = pydicom.dataelem.RawDataElement(one[name].tag, "DS", len(value), value, 0, False, True)
    one.save_as(path)
    with pytest.raises(CaseError) as error:
        read_ct_series(folder)
    assert f"{path.name}: {name} is missing or is not" in str(error.value)
    assert value.decode().strip() not in str(error.value)


def test_links_to_folders_are_followed_and_circles_do_no_harm(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "ct").symlink_to(folder)
    (folder / "again").symlink_to(tmp_path / "case")
    ct, source = read_ct_series(tmp_path / "case")
    np.testing.assert_array_equal(ct, STORED - 1000)
    assert source.notes == ()


def test_links_that_lead_nowhere_and_slices_that_lost_their_beginning_are_said(folder: Path) -> None:
    (folder / "gone.dcm").symlink_to(folder / "nowhere")
    (folder / "empty.dcm").write_bytes(b"")
    (folder / "._00.dcm").write_bytes(b"of a file system")
    (folder / "README.txt").write_text("not DICOM")
    (note,) = read_ct_series(folder)[1].notes
    assert note == (
        "passed over 1 x file that is not DICOM (empty.dcm); 1 x link that leads nowhere (gone.dcm)"
    )


def test_a_folder_that_cannot_be_listed_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir
    (folder / "locked").mkdir()

    def refuse(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(CaseError, match="Permission denied"):
        read_ct_series(folder)


def test_a_damaged_file_of_another_series_does_not_stop_the_work(folder: Path) -> None:
    for series, uid in (("own", None), ("other", generate_uid())):
        one = pydicom.dcmread(folder / name_of_slice(0))
        one.SeriesInstanceUID = uid or one.SeriesInstanceUID
        del one.Rows
        one.save_as(folder / f"{series}.dcm")
    with pytest.raises(CaseError, match=r"own\.dcm: the file is truncated or damaged \(Modality or Rows"):
        read_ct_series(folder)
    (folder / "own.dcm").unlink()
    np.testing.assert_array_equal(read_ct_series(folder)[0], STORED - 1000)


def without_preamble(one: pydicom.Dataset, path: Path) -> None:
    one.save_as(path)
    path.write_bytes(path.read_bytes()[128 + 4 :])


def without_meta(syntax: str, start: bytes = b"") -> Callable[[pydicom.Dataset, Path], None]:
    def write(one: pydicom.Dataset, path: Path) -> None:
        is_little, is_implicit = syntax != ExplicitVRBigEndian, syntax == ImplicitVRLittleEndian
        del one.file_meta
        one.preamble = None
        if not is_little:
            one.PixelData = np.frombuffer(one.PixelData, "<u2").astype(">u2").tobytes()
        with path.open("wb") as file:
            file.write(start)
            pydicom.dcmwrite(file, one, implicit_vr=is_implicit, little_endian=is_little)

    return write


@pytest.mark.parametrize(
    "write",
    [
        without_preamble,
        without_meta(ImplicitVRLittleEndian),
        without_meta(ExplicitVRLittleEndian),
        without_meta(ExplicitVRBigEndian),
        without_meta(ExplicitVRLittleEndian, bytes(128) + b"DICM"),
    ],
    ids=["no preamble", "implicit", "explicit", "big endian", "preamble alone"],
)
@pytest.mark.parametrize("which", [range(5), range(2)], ids=["all", "some"])
def test_slices_without_preamble_or_meta_information_are_read(
    folder: Path, write: Callable, which: range
) -> None:
    for k in which:
        write(pydicom.dcmread(folder / name_of_slice(k)), folder / name_of_slice(k))
    ct, source = read_ct_series(folder)
    np.testing.assert_array_equal(ct, STORED - 1000)
    assert source.notes == ()


@pytest.mark.parametrize(
    "start", [b"\x08\x00", b"\x08\x00\x05\x00CS\xff\xff" + bytes(40), b"PK\x03\x04" + bytes(200)]
)
def test_bytes_that_are_no_dicom_file_are_none(folder: Path, start: bytes) -> None:
    (folder / "other").write_bytes(start)
    np.testing.assert_array_equal(read_ct_series(folder)[0], STORED - 1000)


def deflated(path: Path, n_bytes: int) -> Path:
    """A letter of so many zeros, deflated."""
    one = new_dataset("DOC", EncapsulatedPDFStorage)
    one.PatientName = "SECRET^NAME"
    one.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    one.EncapsulatedDocument = bytes(n_bytes)
    one.save_as(path, enforce_file_format=True)
    return path


def test_a_deflated_file_is_read_if_it_is_small_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = deflated(tmp_path / "a.dcm", 4 << 20)
    assert len(read_dataset(path).EncapsulatedDocument) == 4 << 20
    monkeypatch.setattr(datasets, "_LARGEST_INFLATED", 1 << 20)
    inflate = zlib.decompress
    monkeypatch.setattr(zlib, "decompress", lambda *_: pytest.fail("the whole was inflated"))
    with pytest.raises(CaseError, match=r"a\.dcm: is more than 1 MiB when inflated") as error:
        read_dataset(path)
    assert "SECRET" not in str(error.value)
    monkeypatch.setattr(zlib, "decompress", inflate)
    assert path.stat().st_size < 1 << 20


def test_a_deflated_slice_is_a_slice(folder: Path) -> None:
    path = folder / name_of_slice(1)
    one = pydicom.dcmread(path)
    one.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    one.save_as(path)
    np.testing.assert_array_equal(read_ct_series(folder)[0], STORED - 1000)
    shutil.copy(path, folder / "copy")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CaseError, match="the file is damaged"):
        read_ct_series(folder)


def test_a_header_that_claims_a_gigantic_image_is_refused(folder: Path) -> None:
    for path in folder.iterdir():
        one = pydicom.dcmread(path)
        one.Rows = one.Columns = 60000
        one.save_as(path)
    with pytest.raises(CaseError, match="Rows and Columns are 60000 x 60000, expected at most 8192 x 8192"):
        read_ct_series(folder)


def test_a_single_slice_is_as_thick_as_it_says_and_no_volume_otherwise(tmp_path: Path) -> None:
    one = tmp_path / "ct" / "one.dcm"
    one.parent.mkdir()
    write_slice(one, STORED[0], (0, 0, 0))
    source = read_ct_series(tmp_path / "ct")[1]
    assert source.grid.spacing_mm[0] == 2.5
    assert source.notes == ("there is only one slice: it is taken to be 2.5 mm thick, as its header says",)
    for thickness in ("", "0"):
        write_slice(one, STORED[0], (0, 0, 0), SliceThickness=thickness, SpacingBetweenSlices="3")
        assert read_ct_series(tmp_path / "ct")[1].grid.spacing_mm[0] == 3.0
        write_slice(one, STORED[0], (0, 0, 0), SliceThickness=thickness)
        with pytest.raises(CaseError, match=r"one\.dcm: is the only slice, and SliceThickness and Spacing"):
            read_ct_series(tmp_path / "ct")
