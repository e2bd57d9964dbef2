"""Grey values become HU as the files say; where they do not say, nobody pretends that they are HU."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

from lite_ensam.core.case import Case
from lite_ensam.core.errors import CaseError
from lite_ensam.core.recist import RecistMark
from lite_ensam.io import open_scan, read_ct
from tests.unit.io.dicom.files import item, name_of_slice, stored_volume, write_series

STORED = stored_volume()
MARKS = (RecistMark(1, ((2, 3, 3), (2, 3, 9))),)


def change(
    folder: Path, *, of: tuple[int, ...] = (0, 1, 2, 3, 4), without: tuple[str, ...] = (), **values
) -> None:
    for k in of:
        one = pydicom.dcmread(folder / name_of_slice(k))
        for name in without:
            delattr(one, name)
        for name, value in values.items():
            setattr(one, name, value)
        one.save_as(folder / name_of_slice(k))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_series(tmp_path / "ct", STORED)
    return tmp_path / "ct"


def test_grey_values_in_other_than_the_lowest_bits_are_refused(folder: Path) -> None:
    change(folder, HighBit=15)
    with pytest.raises(CaseError, match=r"\.dcm: HighBit is 15, expected 11 with BitsStored 12"):
        read_ct(folder)


def test_where_all_bits_are_stored_high_bit_says_nothing(folder: Path) -> None:
    change(folder, BitsStored=16, HighBit=11)
    ct, source = read_ct(folder)
    np.testing.assert_array_equal(ct, STORED - 1000)
    assert source.notes == ()


BOTH = ("RescaleSlope", "RescaleIntercept")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"without": BOTH}, "RescaleSlope and RescaleIntercept"),
        ({"RescaleSlope": None, "RescaleIntercept": None}, "RescaleSlope and RescaleIntercept"),
        ({"without": BOTH[:1]}, "RescaleSlope"),
        ({"RescaleIntercept": ""}, "RescaleIntercept"),
    ],
)
def test_without_rescale_values_are_as_stored_and_not_called_hu(
    folder: Path, changes: dict, named: str
) -> None:
    change(folder, **changes)
    ct, source = read_ct(folder)
    np.testing.assert_array_equal(ct, STORED)
    assert source.has_hu is False
    (note,) = source.notes
    first = name_of_slice(0)
    assert note.startswith(
        f"{named} of all slices are missing or empty (as in {first}): grey values are as stored"
    )
    with pytest.raises(CaseError, match="does not say how its grey values become HU: say hu=True"):
        Case(ct, source.grid, MARKS, source=source)
    assert Case(ct, source.grid, MARKS, hu=True, source=source).hu is True
    assert open_scan(folder).known_hu is False


@pytest.mark.parametrize(("kind", "has_hu"), [("HU", True), ("", True), ("US", False), ("Z_EFF", False)])
def test_the_unit_that_is_named_counts(folder: Path, kind: str, has_hu: bool) -> None:
    change(folder, RescaleType=kind)
    ct, source = read_ct(folder)
    np.testing.assert_array_equal(ct, STORED - 1000)
    assert source.has_hu is has_hu
    assert source.notes == (
        () if has_hu else (f"RescaleType of the slices is '{kind}': grey values are not in HU",)
    )


def test_one_slice_without_rescale_is_refused_by_name(folder: Path) -> None:
    change(folder, of=(3,), RescaleSlope=None)
    name = name_of_slice(3)
    with pytest.raises(CaseError, match=f"{name}: RescaleSlope is missing or empty, which other slices have"):
        read_ct(folder)


def test_a_factor_that_is_no_number_is_named_not_quoted(folder: Path) -> None:
    path = folder / name_of_slice(1)
    path.write_bytes(path.read_bytes().replace(b"-1000.0 ", b"-1000,0 "))
    with pytest.raises(
        CaseError, match=f"{path.name}: RescaleIntercept is missing or is not a number"
    ) as error:
        read_ct(folder)
    assert "1000,0" not in str(error.value)


def lut(first: int, values: np.ndarray, kind: str = "HU") -> list[pydicom.Dataset]:
    table = item(ModalityLUTType=kind, LUTDescriptor=[len(values), first, 16])
    table.add_new("LUTData", "OW", values.astype("<i2").tobytes())
    return [table]


def test_a_modality_lut_is_applied(folder: Path) -> None:
    squeezed = np.arange(3000) // 2 - 900  # no slope and intercept do that
    change(folder, without=BOTH, ModalityLUTSequence=lut(0, squeezed))
    ct, source = read_ct(folder)
    np.testing.assert_array_equal(ct, squeezed[STORED])
    assert (source.has_hu, source.notes) == (True, ())


def test_a_modality_lut_of_another_unit_is_not_hu(folder: Path) -> None:
    change(folder, without=BOTH, ModalityLUTSequence=lut(0, np.arange(3000), "OD"))
    source = read_ct(folder)[1]
    assert source.has_hu is False
    assert "ModalityLUTType in ModalityLUTSequence of the slices is 'OD'" in source.notes[0]


def test_a_modality_lut_of_some_slices_is_refused(folder: Path) -> None:
    change(folder, of=(0, 1), without=BOTH, ModalityLUTSequence=lut(0, np.arange(3000)))
    with pytest.raises(
        CaseError, match=f"{name_of_slice(2)}: ModalityLUTSequence is missing, which other slices"
    ):
        read_ct(folder)
