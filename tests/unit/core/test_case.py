from dataclasses import replace

import numpy as np
import pytest

from lite_ensam.core.case import Case, guess_hu
from lite_ensam.core.errors import CaseError, MarkError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from tests.phantoms import ellipsoid_case

GRID = Grid.from_spacing((3, 8, 8), (5.0, 1.0, 1.0))
MARKS = (RecistMark(1, ((1, 2, 2), (1, 6, 2))),)


def scan(dtype: type = np.int16, low: float = -1000, high: float = 400) -> np.ndarray:
    return np.linspace(low, high, 3 * 8 * 8).reshape(3, 8, 8).astype(dtype)


class TestCase:
    def test_a_valid_one_is_built(self):
        case = Case(scan(), GRID, MARKS, np.zeros((3, 8, 8), dtype=np.uint8), "A1")
        assert case.hu is True
        assert case.marks == MARKS

    def test_marks_become_a_tuple(self):
        assert Case(scan(), GRID, list(MARKS)).marks == MARKS

    @pytest.mark.parametrize("dtype", [np.int32, np.int64, np.float64, ">i2"])
    def test_any_numbers_are_a_scan_or_a_reference(self, dtype):
        case = Case(scan(np.int16).astype(dtype), GRID, MARKS, np.full((3, 8, 8), 300, dtype))
        assert case.ct.dtype == np.int16
        assert (case.ct == scan(np.int16)).all()
        assert case.reference.dtype == np.uint16
        assert (case.reference == 300).all()

    def test_fractions_of_a_hounsfield_unit_stay(self):
        assert Case(scan(np.float64), GRID, MARKS).ct.dtype == np.float32

    @pytest.mark.parametrize("dtype", [bool, complex, str])
    def test_what_is_no_number_is_refused_by_name(self, dtype):
        with pytest.raises(CaseError, match=f"ct must be real numbers, got {np.dtype(dtype).name}"):
            Case(scan().astype(dtype), GRID, MARKS)

    def test_shape_and_grid_must_agree(self):
        with pytest.raises(CaseError, match=r"\(3, 8, 7\), its grid \(3, 8, 8\)"):
            Case(scan()[:, :, 1:], GRID, MARKS)

    @pytest.mark.parametrize(
        ("value", "word"), [(np.nan, "NaN"), (np.inf, "infinite"), (-np.inf, "infinite")]
    )
    def test_the_first_bad_voxel_is_named(self, value, word):
        ct = scan(np.float32)
        ct[1, 2, 3] = ct[2, 0, 0] = value
        with pytest.raises(CaseError, match=rf"ct: voxel \(z, y, x\) = \(1, 2, 3\) is {word}"):
            Case(ct, GRID, MARKS)

    def test_a_constant_scan_is_refused(self):
        with pytest.raises(CaseError, match="every voxel of the ct is -1000"):
            Case(np.full((3, 8, 8), -1000, dtype=np.int16), GRID, MARKS)

    def test_a_scan_scaled_to_one_is_refused(self):
        with pytest.raises(CaseError, match="lie in 0 to 1: scale them back to HU"):
            Case(scan(np.float32, 0, 1), GRID, MARKS)
        assert Case(scan(np.float32, 0, 1.5), GRID, MARKS).hu is False

    def test_marks_are_checked(self):
        with pytest.raises(MarkError, match="outside"):
            Case(scan(), GRID, (RecistMark(1, ((3, 2, 2), (3, 6, 2))),))
        with pytest.raises(MarkError, match="label 1 comes 2 times"):
            Case(scan(), GRID, MARKS * 2)
        with pytest.raises(MarkError, match="no mark"):
            Case(scan(), GRID, ())

    def test_the_reference_is_checked(self):
        with pytest.raises(CaseError, match="reference has shape"):
            Case(scan(), GRID, MARKS, np.zeros((3, 8, 7), dtype=np.uint8))
        with pytest.raises(CaseError, match=r"reference must be whole numbers .* got 0\.5"):
            Case(scan(), GRID, MARKS, np.full((3, 8, 8), 0.5))
        with pytest.raises(CaseError, match=r"reference must be whole numbers .* got -1 to 0"):
            Case(scan(), GRID, MARKS, np.full((3, 8, 8), -1))

    def test_what_is_no_plain_array_is_refused(self):
        with pytest.raises(CaseError, match=r"reference must be an array \(z, y, x\), got 'mask'"):
            Case(scan(), GRID, MARKS, "mask")
        with pytest.raises(CaseError, match="masked"):
            Case(np.ma.masked_less(scan(), np.sort(scan().ravel())[9]), GRID, MARKS)

    def test_its_name_is_printable(self):
        assert Case(scan(), GRID, MARKS, name="a\nb\udc80").name == r"a\nb\udc80"

    def test_one_slice_is_a_volume(self):
        grid = Grid.from_spacing((1, 8, 8), (5.0, 1.0, 1.0))
        assert Case(scan()[:1], grid, (RecistMark(1, ((0, 2, 2), (0, 6, 2))),)).ct.shape == (1, 8, 8)

    def test_any_strides_will_do(self):
        ct = np.asfortranarray(scan())[::-1]
        assert Case(ct, GRID, MARKS).ct is ct

    def test_the_callers_word_on_hu_counts(self):
        assert Case(scan(np.int16, 0, 255), GRID, MARKS, hu=True).hu is True
        assert replace(Case(scan(), GRID, MARKS), hu=False).hu is False


class TestGuessHu:
    @pytest.mark.parametrize(
        ("ct", "hu"),
        [
            (scan(np.int16, -1000, 400), True),
            (scan(np.float32, -1000, 400), True),
            (scan(np.int16, -160, 240), True),
            (scan(np.uint16, 0, 4000), True),
            (scan(np.int16, 0, 256), True),
            (scan(np.int16, -1, 255), True),
            (scan(np.uint8, 0, 255), False),
            (scan(np.int16, 0, 255), False),
            (scan(np.float32, 0, 255), False),
        ],
    )
    def test_by_range(self, ct, hu):
        assert guess_hu(ct) is hu
        assert Case(ct, GRID, MARKS).hu is hu

    def test_nan_is_an_error(self):
        with pytest.raises(CaseError, match="NaN"):
            guess_hu(np.full((1, 1, 1), np.nan, dtype=np.float32))


def test_ellipsoid_phantoms_have_the_volume_they_say():
    case = ellipsoid_case()
    voxel_ml = np.prod(case.grid.spacing_mm) / 1000
    from tests.phantoms import TWO_TUMORS

    for tumor in TWO_TUMORS:
        volume_ml = np.count_nonzero(case.reference == tumor.label) * voxel_ml
        assert volume_ml == pytest.approx(tumor.volume_ml, rel=0.06)
    np.testing.assert_array_equal(case.ct, ellipsoid_case().ct)
    assert (case.ct != ellipsoid_case(seed=1).ct).any()
