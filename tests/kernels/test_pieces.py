import numpy as np
import pytest
from hypothesis import given

from lite_ensam import _kernels
from tests.kernels import numpy_reference, strategies


@given(labels=strategies.few_labels())
def test_largest_piece_matches_reference(labels):
    mask, n_pieces = _kernels.largest_piece(labels, 1)
    expected, n_expected = numpy_reference.largest_piece(labels, 1)
    assert mask.dtype == np.bool_
    assert mask.flags.c_contiguous
    np.testing.assert_array_equal(mask, expected)
    assert n_pieces == n_expected


def test_touching_at_a_corner_is_one_piece():
    labels = np.zeros((2, 4, 4), np.uint16)
    labels[0, 1, 1] = labels[1, 2, 2] = 300
    assert _kernels.largest_piece(labels, 300)[1] == 1
    labels[1, 2, 2] = 0
    labels[1, 3, 3] = 300
    mask, n_pieces = _kernels.largest_piece(labels, 300)
    assert n_pieces == 2
    assert np.argwhere(mask).tolist() == [[0, 1, 1]]  # of equal pieces the first


def test_a_comb_that_only_its_last_row_joins_is_one_piece():
    comb = np.zeros((1, 40, 81), bool)
    comb[0, :, ::2] = True
    assert _kernels.largest_piece(comb, 1)[1] == 41
    comb[0, -1] = True
    mask, n_pieces = _kernels.largest_piece(comb, 1)
    assert n_pieces == 1
    np.testing.assert_array_equal(mask, comb)


def test_an_absent_label_has_no_piece():
    for shape in ((2, 2, 2), (0, 3, 3), (3, 0, 3), (3, 3, 0)):
        mask, n_pieces = _kernels.largest_piece(np.zeros(shape, np.uint8), 7)
        assert n_pieces == 0
        assert mask.shape == shape
        assert not mask.any()


@pytest.mark.parametrize("label", [0, -1, 65536])
def test_a_label_that_cannot_be_is_refused(label):
    with pytest.raises(ValueError, match=f"label must be 1 to 65535, got {label}"):
        _kernels.largest_piece(np.ones((1, 1, 1), np.uint8), label)


def test_int16_labels_are_refused():
    with pytest.raises(TypeError, match="labels must be of dtype uint8, uint16 or bool, got int16"):
        _kernels.largest_piece(np.zeros((1, 1, 1), np.int16), 1)
