import numpy as np
import pytest

from lite_ensam.core.errors import CaseError
from lite_ensam.core.voxels import as_ct, as_labels


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.uint8, np.float32])
def test_what_the_kernels_take_is_not_copied(dtype):
    stored = np.zeros((2, 3, 4), dtype=dtype)
    assert as_ct(stored) is stored


@pytest.mark.parametrize(
    ("low", "high", "dtype"),
    [
        (-32768, 32767, np.int16),
        (0, 65535, np.uint16),
        (-1, 40000, np.float32),
        (-1, 32768, np.float32),
        (0, 65536, np.float32),
        (-(2**24), 2**24, np.float32),
    ],
)
def test_integers_take_the_smallest_type_that_holds_them(low, high, dtype):
    ct = as_ct(np.array([[[low, high]]], dtype=np.int64))
    assert ct.dtype == dtype
    assert ct.tolist() == [[[low, high]]]


@pytest.mark.parametrize(
    ("values", "slope", "intercept", "dtype"),
    [
        ([0, 20000], 1.0, 12767.0, np.int16),
        ([0, 20000], 1.0, 12768.0, np.float32),
        ([0, 20000], -2.0, 7232.0, np.int16),
        ([0, 20000], -2.0, 7231.0, np.float32),
        ([0, 3], 0.5, 0.0, np.float32),
        ([0, 4], 0.5, 0.0, np.float32),
        ([0, 4], 2.0, -1024.0, np.int16),
    ],
)
def test_scaled_numbers_are_int16_if_they_are_whole_and_fit(values, slope, intercept, dtype):
    ct = as_ct(np.array([[[1, *values]]], dtype=np.int16), slope, intercept)
    assert ct.dtype == dtype
    np.testing.assert_allclose(ct[0, 0, 1:], np.multiply(values, slope) + intercept)


@pytest.mark.parametrize("value", [-1, 65536])
def test_labels_out_of_range_are_refused(value):
    with pytest.raises(CaseError, match=rf"from 0 to 65535, got .*{value}"):
        as_labels(np.array([[[0, value]]], dtype=np.int32))


@pytest.mark.parametrize(
    ("value", "label"), [(0.99999994, 1), (2.0009, 2), (-0.0009, 0), (65535.0009, 65535)]
)
def test_numbers_near_a_label_are_that_label(value, label):
    assert as_labels(np.array([[[0, value]]])).tolist() == [[[0, label]]]


@pytest.mark.parametrize("value", [0.5, 1.05, -0.05, 65535.5, np.nan])
def test_numbers_between_labels_are_refused(value):
    with pytest.raises(CaseError, match="labels must be whole numbers from 0 to 65535"):
        as_labels(np.array([[[0, value]]]))


def test_integers_that_float32_cannot_tell_apart_are_refused():
    with pytest.raises(CaseError, match="16777217"):
        as_ct(np.array([[[0, 2**24 + 1]]], dtype=np.int32))


@pytest.mark.parametrize("factors", [(np.nan, 0), (1, np.inf)])
def test_scale_factors_must_be_finite(factors):
    with pytest.raises(CaseError, match="finite"):
        as_ct(np.zeros((1, 1, 1), dtype=np.int16), *factors)


def test_a_scale_beyond_all_numbers_gives_infinity_without_a_warning():
    assert np.isinf(as_ct(np.full((1, 1, 2), 9, dtype=np.int16), 1e308, -1e308)).all()


def test_objects_are_no_voxels():
    with pytest.raises(CaseError, match="real numbers"):
        as_ct(np.array([[["a"]]]))


@pytest.mark.parametrize(("highest", "dtype"), [(255, np.uint8), (256, np.uint16), (65535, np.uint16)])
def test_labels_are_uint8_if_they_fit(highest, dtype):
    assert as_labels(np.array([[[0, highest]]], dtype=np.int32)).dtype == dtype


def test_bool_is_label_one():
    assert as_labels(np.array([[[True, False]]])).tolist() == [[[1, 0]]]


def test_text_is_no_label():
    with pytest.raises(CaseError, match="whole numbers"):
        as_labels(np.array([[["a"]]]))


@pytest.mark.parametrize("convert", [as_ct, as_labels])
@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array(3), r"must be an array \(z, y, x\)"),
        (3, "must be an array"),
        (None, "must be an array"),
        ([[1, 2], [3]], "must be an array"),
        (np.ma.masked_equal([[[1, 2]]], 2), "masked"),
        (np.zeros((1, 1, 1), dtype=complex), "numbers, got complex128"),
    ],
)
def test_what_is_no_plain_array_is_refused(convert, values, message):
    with pytest.raises(CaseError, match=message):
        convert(values)


def test_nothing_masked_is_an_array():
    assert as_labels(np.ma.masked_equal([[[1, 2]]], 3)).tolist() == [[[1, 2]]]
