"""Names in every character set, dates that are none: what is written carries the ones and leaves out the others."""

import logging
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest

from lite_ensam.core.recist import RecistMark
from lite_ensam.io.dicom import (
    SeriesSource,
    build_report,
    build_rtstruct,
    build_segmentation,
    read_ct_series,
    write_dataset,
)
from lite_ensam.measurements import measure
from tests.unit.io.dicom.files import stored_volume, write_series

NAMES = {
    "latin 1": ("ISO_IR 100", "Müller^Jürgen"),
    "latin 2": ("ISO_IR 101", "Łuczak^Grażyna"),
    "cyrillic": ("ISO_IR 144", "Иванов^Пётр"),
    "greek": ("ISO_IR 126", "Διονυσιος"),
    "arabic": ("ISO_IR 127", "قباني^لنزار"),
    "hebrew": ("ISO_IR 138", "שרון^דבורה"),
    "thai": ("ISO_IR 166", "นามสกุล^ชื่อ"),
    "japanese": (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    "half width": (["ISO 2022 IR 13", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
    "korean": (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
    "GB18030": ("GB18030", "Wang^XiaoDong=王^小东"),
    "GBK": ("GBK", "Wang^XiaoDong=王^小东"),
    "utf 8": ("ISO_IR 192", "Wang^XiaoDong=王^小東"),
    "ascii": ("", "Doe^John"),
}
LESION = "Läsion Leber 病灶 печень"


def objects(folder: Path) -> tuple[SeriesSource, dict[str, pydicom.Dataset]]:
    """SEG, report and contours of one tumour with a name, as they come back from their files."""
    _, source = read_ct_series(folder)
    labels = np.zeros(source.grid.shape_zyx, np.uint8)
    labels[1:4, 3:6, 4:7] = 1
    marks = (RecistMark(1, ((2, 3, 4), (2, 5, 6)), LESION),)
    segmentation = build_segmentation(labels, source, marks)
    measured = measure(labels, marks, source.grid.spacing_mm)
    made = {
        "seg": segmentation,
        "sr": build_report(segmentation, source, marks, measured),
        "rt": build_rtstruct(labels, source, {1: LESION}),
    }
    for name, dataset in made.items():
        write_dataset(folder.parent / f"{name}.dcm", dataset)
    return source, {name: pydicom.dcmread(folder.parent / f"{name}.dcm") for name in made}


def set_bytes(folder: Path, name: str, raw: bytes, characters: object = "") -> None:
    """Give all slices a value as it stands in the file."""
    stand_in = ("1" if name == "PatientWeight" else "X") * len(raw)
    for path in folder.iterdir():
        one = pydicom.dcmread(path)
        with pydicom.config.disable_value_validation(), warnings.catch_warnings(action="ignore"):
            setattr(one, name, stand_in)
            one.SpecificCharacterSet = characters
            if characters is None:
                del one.SpecificCharacterSet
            one.save_as(path)
        path.write_bytes(path.read_bytes().replace(stand_in.encode(), raw))


def texts(dataset: pydicom.Dataset) -> list[str]:
    return [str(one.value) for one in dataset.iterall() if one.VR in ("LO", "UT", "PN", "SH")]


@pytest.mark.parametrize("which", NAMES)
def test_names_survive_in_all_that_is_written(tmp_path: Path, which: str) -> None:
    characters, name = NAMES[which]
    more = {"SpecificCharacterSet": characters} if characters else {}
    write_series(tmp_path / "ct", stored_volume(), **more, PatientName=name, ReferringPhysicianName=name)
    source, made = objects(tmp_path / "ct")
    assert source.identifiers["Patient"] == name
    assert source.notes == ()
    for dataset in made.values():
        assert str(dataset.PatientName) == str(dataset.ReferringPhysicianName) == name
        assert dataset.SpecificCharacterSet == "ISO_IR 192"
        assert LESION in texts(dataset)


def test_utf_8_that_nobody_declared_is_recognised_and_called_a_guess(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", stored_volume(), SpecificCharacterSet="ISO_IR 192", PatientName="王^小明")
    set_bytes(tmp_path / "ct", "PatientName", "王^小明".encode(), None)
    source, made = objects(tmp_path / "ct")
    assert {str(dataset.PatientName) for dataset in made.values()} == {"王^小明"}
    assert source.notes == (
        "SpecificCharacterSet of the slices is missing: characters of PatientName are a guess",
    )


def test_escapes_that_pydicom_leaves_in_chinese_names_are_gone(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", stored_volume())
    # PS3.5, K.2
    name = b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab="
    set_bytes(tmp_path / "ct", "PatientName", name, ["", "ISO 2022 IR 58"])
    source, made = objects(tmp_path / "ct")
    assert source.identifiers["Patient"] == "Zhang^XiaoDong=张^小东"
    assert {str(dataset.PatientName) for dataset in made.values()} == {"Zhang^XiaoDong=张^小东"}


@pytest.mark.parametrize(
    "value", ["14.03.1961", "2020-03-14", "unknown", "19610000", "20201340", "1961", "SECRET"]
)
@pytest.mark.parametrize("name", ["PatientBirthDate", "StudyDate"])
def test_dates_that_are_none_are_left_empty_and_never_quoted(tmp_path: Path, name: str, value: str) -> None:
    write_series(tmp_path / "ct", stored_volume(), **{name: value})
    source, made = objects(tmp_path / "ct")
    assert [dataset[name].value for dataset in made.values()] == ["", "", ""]
    (note,) = source.notes
    assert note == f"{name} of the slices is not a valid DICOM value: left empty in what is written"


def test_old_dates_with_dots_are_dates(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", stored_volume(), StudyDate="2020.03.14")
    source, made = objects(tmp_path / "ct")
    assert ([dataset.StudyDate for dataset in made.values()], source.notes) == (["20200314"] * 3, ())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("StudyTime", "10:15 SECRET"),
        ("PatientSex", "SECRET"),
        ("PatientWeight", "72,5 SECRET"),
        ("StudyID", "SECRET" * 20),
        ("AccessionNumber", "SECRET" * 20),
        ("PatientID", "SECRET" * 20),
        ("PatientName", "SECRET" * 20),
        ("PatientAge", "SECRET"),
    ],
)
def test_values_that_break_the_standard_stop_nothing_and_are_never_shown(
    tmp_path: Path, name: str, value: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    write_series(tmp_path / "ct", stored_volume())
    set_bytes(tmp_path / "ct", name, value.encode())
    with caplog.at_level(logging.DEBUG, "lite_ensam"):
        source, _ = objects(tmp_path / "ct")
    out, err = capfd.readouterr()
    assert "SECRET" not in "".join(source.notes) + out + err + caplog.text


def test_what_was_stripped_is_empty(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", stored_volume(), PatientName=None, StudyDate="")
    source, made = objects(tmp_path / "ct")
    assert source.notes == ()
    assert {str(dataset.PatientName) for dataset in made.values()} == {""}
