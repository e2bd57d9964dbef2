import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_ensam import _kernels
from tests.kernels import numpy_reference, strategies


@given(labels=strategies.few_labels(), n_labels=st.integers(3, 300))
def test_label_counts_matches_reference(labels, n_labels):
    counts = _kernels.label_counts(labels, n_labels)
    assert counts.dtype == np.uint64
    np.testing.assert_array_equal(counts, np.bincount(labels.ravel(), minlength=n_labels + 1))


@given(labels=strategies.few_labels(), n_labels=st.integers(3, 9))
def test_label_boxes_matches_reference(labels, n_labels):
    boxes = _kernels.label_boxes(labels, n_labels)
    assert boxes.dtype == np.int64
    np.testing.assert_array_equal(boxes, numpy_reference.label_boxes(labels, n_labels))


@pytest.mark.parametrize("kernel", [_kernels.label_counts, _kernels.label_boxes])
class TestBoth:
    def test_a_label_above_the_number_of_labels_is_named(self, kernel):
        labels = np.array([[[0, 65535, 9, 2]]], np.uint16)
        with pytest.raises(ValueError, match="labels must not exceed n_labels = 2, got label 9"):
            kernel(labels, 2)
        assert len(kernel(labels, 65535)) == 65536

    @pytest.mark.parametrize("n_labels", [-1, 65536])
    def test_a_number_of_labels_that_cannot_be_is_refused(self, kernel, n_labels):
        with pytest.raises(ValueError, match=f"n_labels must be 0 to 65535, got {n_labels}"):
            kernel(np.zeros((1, 1, 1), np.uint8), n_labels)

    def test_int16_labels_are_refused(self, kernel):
        with pytest.raises(TypeError, match="labels must be of dtype uint8, uint16 or bool, got int16"):
            kernel(np.zeros((1, 1, 1), np.int16), 1)

    def test_a_number_of_labels_that_is_no_integer_is_refused(self, kernel):
        with pytest.raises(TypeError, match=r"n_labels must be an integer, got 1\.5"):
            kernel(np.zeros((1, 1, 1), np.uint8), 1.5)
