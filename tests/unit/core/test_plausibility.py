"""Where doubts about spacing and intensities begin."""

import numpy as np
import pytest

from lite_ensam.core.plausibility import intensity_error, intensity_note, is_misordered, pixel_problem

FLOAT, WHOLE = np.dtype(np.float32), np.dtype(np.int16)


def test_pixels_are_square_to_a_hundredth() -> None:
    assert pixel_problem((5.0, 0.8, 0.805)) == ""
    assert "not square" in pixel_problem((5.0, 0.8, 0.82))


def test_spacings_in_another_order_are_told_from_odd_pixels() -> None:
    assert is_misordered((0.8, 0.805, 5.0))
    assert not is_misordered((0.8, 0.82, 5.0))
    assert "x, y, z order" in pixel_problem((0.8, 0.8, 5.0))
    assert "x, y, z order" not in pixel_problem((2.0, 0.8, 5.0))


@pytest.mark.parametrize(
    ("low", "high", "dtype", "is_hu", "refused"),
    [
        (-1, 1, FLOAT, None, True),
        (-1, 1, FLOAT, True, True),
        (-1, 1.5, FLOAT, True, False),
        (0, 1, WHOLE, True, True),
        (-40, 59, FLOAT, None, True),
        (-40, 61, FLOAT, None, False),
        (-40, 59, WHOLE, None, False),
        (-40, 59, FLOAT, True, False),
        (0, 59, FLOAT, None, False),
    ],
)
def test_normalised_intensities_are_refused(low, high, dtype, is_hu, refused) -> None:
    assert bool(intensity_error(low, high, dtype, is_hu)) is refused


@pytest.mark.parametrize(
    ("low", "high", "is_hu", "words"),
    [
        (0, 20, None, "scaled or normalised"),
        (0, 21, None, ""),
        (0, 255, None, ""),
        (0, 256, None, "subtract 1024"),
        (-1, 3000, None, ""),
        (1, 255, None, "none is 0"),
        (0, 200, True, "is it windowed"),
        (-1, 200, True, ""),
        (0, 255, False, ""),
        (0, 256, False, "is it in HU"),
        (-1, 255, False, "is it in HU"),
    ],
)
def test_doubtful_intensities_are_noted(low, high, is_hu, words) -> None:
    note = intensity_note(low, high, is_hu)
    assert words in note
    assert bool(note) is bool(words)
