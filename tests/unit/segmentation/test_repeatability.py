"""Repeated segmentation: how lines are drawn anew, how patches are mirrored, and what comes out of it."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lite_ensam.core.case import Case
from lite_ensam.core.errors import LiteEnsamError
from lite_ensam.core.patch_config import PatchConfig
from lite_ensam.core.recist import RecistMark
from lite_ensam.segmentation import BORDERS, estimate_repeatability
from lite_ensam.segmentation.predictor import Predictor
from lite_ensam.segmentation.repeatability import END_SD, redrawn_marks
from tests.phantoms import Ellipsoid, ellipsoid_case

SPACING, SHAPE = (2.5, 1.0, 1.0), (22, 40, 48)


class BallBackend:
    """Sees a ball with the line as its diameter, shifted to larger x of the patch as it came by `bias` voxels."""

    name, manifest = "openvino", SimpleNamespace(patch=PatchConfig())

    def __init__(self, bias: float = 0.0) -> None:
        self.bias, self.lines, self.patches = bias, list[Any](), list[Any]()

    def logits(self, values: np.ndarray, endpoints_zyx: np.ndarray) -> np.ndarray:
        (ends,) = endpoints_zyx
        self.lines.append(ends)
        self.patches.append(values[0])
        centre = np.add(ends.mean(axis=0), (0, 0, self.bias))
        offsets = np.indices(values.shape[2:]) - centre[:, None, None, None]
        radius = np.linalg.norm(ends[1] - ends[0]) / 2
        return (radius - np.linalg.norm(offsets, axis=0))[None].astype(np.float32)


def test_lines_are_drawn_as_one_reader_draws_them_twice() -> None:
    mark = RecistMark(3, ((8, 20, 4), (8, 20, 44)), "liver 1", "1.2.3")
    lines = redrawn_marks(mark, (1.0, 1.0, 1.0), SHAPE, 2000)
    lengths = np.array([line.length_mm((1.0, 1.0, 1.0)) for line in lines])
    assert np.std(lengths) / 40 == pytest.approx(np.sqrt(2) * END_SD, rel=0.06)
    assert np.mean(lengths) == pytest.approx(40, abs=0.3)
    slices = np.array([line.slice_index for line in lines])
    assert (slices != 8).mean() > 0.3
    assert np.abs(slices - 8).max() * 1.0 < 5 * END_SD * 40
    assert {(line.label, line.name, line.tracking_uid) for line in lines} == {(3, "liver 1", "1.2.3")}
    assert redrawn_marks(mark, SPACING, SHAPE, 4) == redrawn_marks(mark, SPACING, SHAPE, 4)
    assert redrawn_marks(mark, SPACING, SHAPE, 4, seed=1) != redrawn_marks(mark, SPACING, SHAPE, 4)


def test_what_else_is_known_of_a_tumour_is_known_each_time() -> None:
    mark = RecistMark(
        3, ((8, 20, 4), (8, 20, 44)), "", "", ((8, 15, 24), (8, 26, 24)), 8, 9, ((9, 20, 20),), ((8, 20, 46),)
    )
    lines = redrawn_marks(mark, (1.0, 1.0, 1.0), SHAPE, 200)
    told = {(line.first_slice, line.last_slice, line.inside_zyx, line.outside_zyx) for line in lines}
    assert told == {(8, 9, ((9.0, 20.0, 20.0),), ((8.0, 20.0, 46.0),))}
    assert {line.slice_index for line in lines} == {8, 9}
    across = np.array([line.short_axis_zyx for line in lines])
    assert np.std(across[:, 1, 1]) == pytest.approx(
        0.5, rel=0.2
    )  # of 11 mm less than the least, half a voxel
    without = RecistMark(3, mark.endpoints_zyx)
    plain = redrawn_marks(without, SPACING, SHAPE, 5)
    assert [line.short_axis_zyx for line in plain] == [None] * 5


def test_lines_at_the_scans_corner_stay_inside_and_short_ones_stay_lines() -> None:
    for mark in (RecistMark(1, ((0, 0, 0), (0, 0, 47))), RecistMark(1, ((21, 39, 46), (21, 39, 47)))):
        for line in redrawn_marks(mark, SPACING, SHAPE, 50):
            points = np.array(line.endpoints_zyx)
            assert (points >= 0).all()
            assert (points <= np.array(SHAPE) - 1).all()
            assert line.length_mm(SPACING) >= 0.5


def test_a_network_that_follows_the_line_has_the_lines_noise() -> None:
    case = ellipsoid_case((40, 60, 60), (1.0, 1.0, 1.0))
    case = Case(case.ct, case.grid, (RecistMark(1, ((20, 30, 10), (20, 30, 50))),), hu=True)
    (noise,) = estimate_repeatability(case, Predictor(BallBackend()), n_repeats=40)  # type: ignore[arg-type]
    assert (noise.label, noise.n_repeats) == (1, 40)
    assert noise.diameter_sd_mm == pytest.approx(np.sqrt(2) * END_SD * 40, rel=0.3)
    volume_ml = np.pi / 6 * 40**3 / 1000
    assert noise.volume_sd_ml / volume_ml == pytest.approx(3 * np.sqrt(2) * END_SD, rel=0.3)


def test_noise_is_that_of_the_borders_that_were_asked_for() -> None:
    case = ellipsoid_case((40, 60, 60), (1.0, 1.0, 1.0), [Ellipsoid(1, (20, 30, 30), (12.0, 12.0, 12.0))])
    readers, edge = (
        estimate_repeatability(case, Predictor(BallBackend(), border=border), n_repeats=8)[0]  # type: ignore[arg-type]
        for border in BORDERS
    )
    assert 0 < edge.volume_sd_ml < readers.volume_sd_ml


def test_mirrored_patches_show_a_network_that_leans_to_one_side(monkeypatch: pytest.MonkeyPatch) -> None:
    same_line = lambda mark, spacing, shape, n_repeats, seed: (mark,) * n_repeats  # noqa: E731
    monkeypatch.setattr("lite_ensam.segmentation.repeatability.redrawn_marks", same_line)
    case = ellipsoid_case()
    slanted = RecistMark(1, ((8, 10, 14), (8, 18, 20)))
    case, backend = Case(case.ct, case.grid, (slanted,), hu=True), BallBackend()
    (steady,) = estimate_repeatability(case, Predictor(backend, mirror=False), n_repeats=4)  # type: ignore[arg-type]
    assert steady.volume_sd_ml == 0
    assert all(tuple(ends[0]) <= tuple(ends[1]) for ends in backend.lines)
    assert [ends[1, 2] > ends[0, 2] for ends in backend.lines] == [True, False, False, True]
    first, *mirrored = backend.patches
    for axis, patch in zip((3, 2, 1), mirrored, strict=True):
        np.testing.assert_array_equal(patch, np.flip(first, axis))
    near_edge = RecistMark(1, ((8, 20, 36), (8, 20, 47)))  # what leans out of the scan is lost
    case = Case(case.ct, case.grid, (near_edge,), hu=True)
    (leaning,) = estimate_repeatability(case, Predictor(BallBackend(6.0), mirror=False), n_repeats=4)  # type: ignore[arg-type]
    assert leaning.volume_sd_ml > 0.02


def test_what_cannot_be_repeated_is_said() -> None:
    with pytest.raises(LiteEnsamError, match="n_repeats must be a whole number of at least 2"):
        estimate_repeatability(ellipsoid_case(), Predictor(BallBackend()), n_repeats=1)  # type: ignore[arg-type]
    with pytest.raises(LiteEnsamError, match="not on the joint crop"):
        estimate_repeatability(ellipsoid_case(), Predictor(BallBackend(), "joint"))  # type: ignore[arg-type]
