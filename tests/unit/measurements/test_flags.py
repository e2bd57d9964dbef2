"""Flags: each is there when it should be, says the same everywhere, and diameters stay within one piece."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from lite_ensam.core.partial_volume import SubVolume
from lite_ensam.core.recist import RecistMark, marks_from_labels
from lite_ensam.core.short_repr import LONGEST_REPR
from lite_ensam.measurements import Flag, TumorMeasurement, measure, measure_shape
from lite_ensam.measurements.flags import DISAGREES_WITH_LINE, EMPTY, in_pieces, sentences
from lite_ensam.segmentation.painting import Painting
from tests.phantoms import Ellipsoid

SPACING = (5.0, 0.8, 0.8)
SHAPE = (20, 128, 128)


def balls(*balls: tuple[tuple[int, int, int], float]) -> NDArray[np.uint8]:
    labels = np.zeros(SHAPE, np.uint8)
    for center, radius_mm in balls:
        labels[Ellipsoid(1, center, (radius_mm,) * 3).mask(SHAPE, SPACING)] = 1
    return labels


def measured(labels: NDArray[np.uint8], mark: RecistMark | None = None) -> TumorMeasurement:
    (tumor,) = measure(labels, [mark] if mark else marks_from_labels(labels, SPACING), SPACING)
    return tumor


def codes(tumor: TumorMeasurement) -> list[str]:
    return [flag.code for flag in tumor.flags]


BALL = ((10, 64, 64), 15.0)


def test_a_stray_voxel_changes_no_diameter() -> None:
    whole, labels = measured(balls(BALL)), balls(BALL)
    labels[10, 110, 110] = 1
    tumor = measured(labels)
    assert (tumor.longest_diameter_mm, tumor.short_axis_mm) == (
        whole.longest_diameter_mm,
        whole.short_axis_mm,
    )
    assert tumor.recist_mm == whole.recist_mm
    assert tumor.shape is not None
    assert whole.shape is not None
    assert tumor.shape.longest_diameter_3d_zyx == whole.shape.longest_diameter_3d_zyx
    # the volume is that of all voxels
    assert tumor.n_voxels == whole.n_voxels + 1
    assert tumor.volume_ml == pytest.approx(whole.volume_ml + 5.0 * 0.8 * 0.8 / 1000)
    assert tumor.n_pieces == 2
    assert tumor.flags == (in_pieces(2),)
    assert in_pieces(2) == Flag("in_pieces", "in 2 pieces: diameters are of the largest")


def test_two_balls_are_not_measured_from_one_to_the_other() -> None:
    large, both = (
        measured(balls(((10, 40, 40), 7.0))),
        measured(balls(((10, 40, 40), 7.0), ((10, 80, 80), 6.0))),
    )
    assert both.longest_diameter_zyx == large.longest_diameter_zyx
    assert both.longest_diameter_mm == large.longest_diameter_mm < 15
    assert codes(both) == ["in_pieces"]
    line_across = RecistMark(1, ((10, 40, 40), (10, 80, 80)))
    assert codes(measured(balls(((10, 40, 40), 7.0), ((10, 80, 80), 6.0)), line_across)) == [
        "disagrees_with_line",
        "in_pieces",
    ]


def test_pieces_that_touch_at_a_corner_are_one() -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[5, 20:30, 20:30] = labels[6, 30:34, 30:34] = 1
    tumor = measured(labels)
    assert tumor.n_pieces == 1
    assert tumor.flags == ()


@pytest.mark.parametrize("height", [1, 4])
def test_what_is_one_voxel_wide_is_measured_and_flagged(height: int) -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[5 : 5 + height, 60, 60] = 1
    tumor = measured(labels)
    assert (tumor.longest_diameter_mm, tumor.n_voxels) == (0.0, height)
    assert codes(tumor) == ["too_small"]
    assert measure_shape(labels, 1, SPACING).longest_diameter_3d_mm == 5.0 * (height - 1)  # type: ignore[union-attr]


def test_a_label_without_voxels_is_empty_and_nothing_else() -> None:
    tumor = measured(np.zeros(SHAPE, np.uint8), RecistMark(1, ((0, 0, 0), (0, 0, 9))))
    assert tumor.flags == (EMPTY,)
    assert tumor.n_pieces == 0


def test_a_tumour_that_was_recovered_is_flagged() -> None:
    marks = (RecistMark(1, ((10, 40, 35), (10, 40, 45))), RecistMark(2, ((10, 80, 75), (10, 80, 85))))
    labels = balls(((10, 40, 40), 4.0), ((10, 80, 80), 4.0))
    labels[:, 60:][labels[:, 60:] == 1] = 2
    part = SubVolume(labels[5:15], (5, 0, 0), SHAPE)
    first, second = Painting(part, {2: 7.0}).measure(marks, SPACING)
    assert (codes(first), codes(second)) == ([], ["recovered"])


def test_flags_of_others_are_added() -> None:
    tumor = measured(balls(BALL))
    two_lines = Flag("two_lines", "two lines on one tumour")
    more = tumor.flagged(two_lines)
    assert more.flags == (two_lines,)
    assert more.has("two_lines")
    assert not tumor.has("two_lines")
    assert tumor.flagged() is tumor
    assert more.shape == tumor.shape
    assert repr(more).endswith("mm; two lines on one tumour>")


def test_json_has_codes_and_sentences() -> None:
    labels = balls(BALL)
    labels[0, 0, 0] = 1
    tumor = measured(labels, RecistMark(1, ((10, 64, 64), (10, 64, 70)), "liver"))
    for numbers in (tumor.to_dict(), tumor.all_numbers()):
        assert numbers["flags"] == ["disagrees_with_line", "in_pieces", "touches_edge"]
        assert numbers["flag_sentences"] == [flag.sentence for flag in tumor.flags]
        assert numbers["name"] == "liver"
        assert not any(isinstance(value, np.ndarray) for value in numbers.values())
    assert sentences(tumor.flags).startswith(f"{DISAGREES_WITH_LINE.sentence}; in 2 pieces")
    assert len(repr(measured(labels, RecistMark(1, ((10, 64, 64), (10, 64, 70)), "x" * 999)))) <= LONGEST_REPR


def test_shape_is_computed_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def counted(*arguments: object) -> None:
        asked.append(1)

    monkeypatch.setattr("lite_ensam.measurements.tumor.measure_shape", counted)
    tumor = measured(balls(BALL))
    tumor.to_dict()
    assert asked == []
    assert tumor.shape is tumor.shape is None
    assert asked == [1]


def test_a_measurement_keeps_no_scan_alive() -> None:
    labels, ct = balls(BALL), np.zeros(SHAPE, np.int16)
    (tumor,) = measure(labels, marks_from_labels(labels, SPACING), SPACING, ct)
    assert tumor.voxels.values is not None
    for kept, scan in ((tumor.voxels.mask.voxels, labels), (tumor.voxels.values, ct)):
        assert not np.shares_memory(kept, scan)
        assert kept.size < 0.1 * scan.size


@pytest.mark.parametrize(
    ("short_axis", "is_across"),
    [
        ((60, 64, 68, 64), True),
        ((56, 60, 72, 68), True),  # 63 degrees
        ((56, 59, 72, 69), False),  # 58 degrees
        ((65, 64, 75, 64), True),  # begins a pixel beside the line
        ((66, 64, 76, 64), False),
        ((60, 80, 68, 80), True),  # at the line's end
        ((60, 82, 68, 82), False),
        ((60, 46, 68, 46), False),
        ((52, 64, 62, 64), False),
        ((47, 64, 80, 64), True),  # 33 pixels, as long as the line and a pixel
        ((46, 64, 81, 64), False),
        ((64, 60, 64, 70), False),  # along the line
        ((20, 20, 30, 20), False),
    ],
)
def test_a_short_axis_that_does_not_go_across_its_line_is_told(
    short_axis: tuple[int, int, int, int], is_across: bool
) -> None:
    y, x, other_y, other_x = short_axis
    for turned in (False, True):  # columns for rows
        line, axis = ((64, 48), (64, 80)), ((y, x), (other_y, other_x))
        points = [[(10, *(point[::-1] if turned else point)) for point in ends] for ends in (line, axis)]
        mark = RecistMark(1, tuple(points[0]), short_axis_zyx=tuple(points[1]))
        assert ("short_axis_not_across" in codes(measured(balls(BALL), mark))) is not is_across


def test_pixels_that_are_no_squares_do_not_turn_a_short_axis() -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[10, 60:68, 48:80] = 1
    mark = RecistMark(1, ((10, 60, 48), (10, 68, 80)), short_axis_zyx=((10, 72, 60), (10, 56, 68)))
    spacing = (5.0, 2.0, 1.0)  # (16, 32) mm and (-32, 8) mm: at right angles
    assert not measure(labels, [mark], spacing)[0].has("short_axis_not_across")
    assert measure(labels, [mark], (5.0, 0.25, 1.0))[0].has("short_axis_not_across")
