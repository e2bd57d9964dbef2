import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_ensam import _kernels
from tests.kernels import numpy_reference, strategies

thresholds = st.sampled_from([0.0, 1.0, -0.5])


@given(shape_zyx=strategies.shapes(), tumors=strategies.tumors(on_grid=True), threshold=thresholds)
def test_paint_on_the_patch_grid_matches_reference(shape_zyx, tumors, threshold):
    """Nothing is interpolated, so ties are ties: background first, then the order of the list."""
    labels = _kernels.paint(shape_zyx, tumors, threshold)
    assert labels.dtype == np.uint16
    assert labels.flags.c_contiguous
    np.testing.assert_array_equal(labels, numpy_reference.paint(shape_zyx, tumors, threshold))


@given(shape_zyx=strategies.shapes(min_side=1), tumors=strategies.tumors(), threshold=thresholds)
def test_paint_matches_argmax_of_full_size_maps(shape_zyx, tumors, threshold):
    labels = _kernels.paint(shape_zyx, tumors, threshold)
    maps = np.sort(numpy_reference.logit_maps(shape_zyx, tumors, threshold), axis=0)
    clear = maps[-1] - maps[-2] > 1e-5 if tumors else np.ones(shape_zyx, bool)
    np.testing.assert_array_equal(labels[clear], numpy_reference.paint(shape_zyx, tumors, threshold)[clear])


def tumor(label=1, logits=(1, 1), start=(0, 0, 0), step=(1, 1, 1), content=None):
    logits = np.array([[logits]], np.float32)
    return label, logits, start, step, content or logits.shape


def test_padding_at_the_end_is_not_looked_at():
    assert _kernels.paint((1, 1, 4), [tumor(logits=(-1, -1, 9), content=(1, 1, 2))]).sum() == 0


def test_no_tumor_leaves_background():
    assert not _kernels.paint((2, 3, 4), []).any()


@pytest.mark.parametrize(
    ("tumors", "message"),
    [
        ([tumor(label=0)], r"label of tumors\[0\] must be 1 to 65535, got 0"),
        ([tumor(), tumor(label=65536)], r"label of tumors\[1\] must be 1 to 65535, got 65536"),
        ([tumor(label=7), tumor(label=7)], "tumors must have different labels, got label 7 twice"),
        ([tumor(7, (0, np.nan))], r"logits of tumor 7 must be finite, got NaN at .* = \(0, 0, 1\)"),
        ([tumor(7, (0, np.inf))], "logits of tumor 7 must be finite, got inf"),
        (
            [tumor(7, content=(1, 1, 3))],
            r"content_zyx of tumor 7 must be 1 to .* \(1, 1, 2\), got \(1, 1, 3\)",
        ),
        ([tumor(7, content=(1, 0, 1))], "content_zyx of tumor 7 must be 1 to"),
        ([tumor(content=(1, -1, 1))], r"content_zyx of tumors\[0\] must not be negative, got -1"),
        ([tumor(step=(1, 1, 0))], r"step_zyx positive and finite, got .* step_zyx = \(1, 1, 0\)"),
        ([tumor(start=(1, np.nan, 0))], "start_zyx must be finite"),
        ([(1, np.zeros((2, 2), np.float32), *tumor()[2:])], r"logits of tumors\[0\] must be 3D"),
    ],
)
def test_a_bad_tumor_is_named(tumors, message):
    with pytest.raises(ValueError, match=message):
        _kernels.paint((2, 2, 2), tumors)


@pytest.mark.parametrize(
    ("tumors", "message"),
    [
        (None, "tumors must be a list of tumors, got None"),
        ([1], r"tumors\[0\] must be a tuple \(label, logits, start_zyx, step_zyx, content_zyx\), got 1"),
        ([tumor()[:4]], r"tumors\[0\] must be a tuple"),
        (
            [(1, np.zeros((1, 1, 1)), *tumor()[2:])],
            r"logits of tumors\[0\] must be of dtype float32, got float64",
        ),
        ([("one", *tumor()[1:])], r"label of tumors\[0\] must be an integer, got 'one'"),
    ],
)
def test_what_is_no_tumor_is_refused(tumors, message):
    with pytest.raises(TypeError, match=message):
        _kernels.paint((2, 2, 2), tumors)


def test_a_threshold_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="threshold must be finite, got NaN"):
        _kernels.paint((1, 1, 1), [], np.nan)


def test_a_volume_beyond_memory_is_an_error_not_a_crash():
    with pytest.raises(MemoryError, match="does not fit into memory"):
        _kernels.paint((1 << 20, 1 << 20, 1 << 20), [])
