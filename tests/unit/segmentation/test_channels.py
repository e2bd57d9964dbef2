"""Patches hold what they say, at the place they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lite_ensam.core.case import Case
from lite_ensam.core.grid import Grid
from lite_ensam.core.patch_config import (
    GREY_CHANNELS,
    LINE_CHANNELS,
    PAPER_CHANNELS,
    SCAN_CHANNELS,
    PatchConfig,
    check_window,
)
from lite_ensam.core.recist import RecistMark
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.segmentation.channels import CHANNELS, LineFrame, channels_of, prepare_joint, prepare_lesion

CONFIG = PatchConfig()
PAPER = PatchConfig(channels=PAPER_CHANNELS, window_hu=None)


@pytest.fixture(scope="module")
def phantom() -> Case:
    return make_phantom()


def frame(hu: bool = True, crop: np.ndarray | None = None, config: PatchConfig = CONFIG) -> LineFrame:
    if crop is None:
        crop = np.full((9, 21, 21), 40, np.float32)
    ends = np.array([[4.0, 10.0, 5.0], [4.0, 10.0, 15.0]])
    return LineFrame(crop, ends, (2.0, 1.0, 1.0), hu, config)


def test_windows_are_at_least_one_hu_wide_within_a_hundred_thousand() -> None:
    for window in ((0.0, 1.0), (-100_000.0, 100_000.0)):
        check_window(window)
    for window in ((0.0, 0.9), (5.0, 5.0), (5.0, 0.0), (-100_001.0, 0.0), (0.0, 100_001.0)):
        with pytest.raises(ValueError, match="two HU values within"):
            check_window(window)


def test_a_lesion_patch_is_a_cube_centred_on_its_line(phantom: Case) -> None:
    for mark in phantom.marks:
        patch = prepare_lesion(phantom, mark, CONFIG)
        assert patch.values.shape == (len(LINE_CHANNELS), 64, 64, 64)
        assert patch.values.dtype == np.float32
        assert 0 <= patch.values.min() <= patch.values.max() <= 1
        np.testing.assert_allclose(patch.endpoints_zyx.mean(axis=0), 31.5, atol=1e-4)
        assert np.linalg.norm(np.diff(patch.endpoints_zyx, axis=0)) == pytest.approx(64 / 2.5, rel=1e-4)


@pytest.mark.parametrize("factor", [1.0, 0.5, 2.0])
def test_voxel_size_says_how_many_voxels_of_the_scan_lie_between(factor: float) -> None:
    """The same line in mm, on coarser and finer voxels; slices are twice as thick as pixels."""
    spacing = (2 * factor, factor, factor)
    grid = Grid.from_spacing((int(40 / factor), int(100 / factor), int(100 / factor)), spacing)
    z, y = int(19 / factor), int(49 / factor)
    mark = RecistMark(1, ((z, y, int(40 / factor)), (z, y, int(60 / factor))))
    ct = np.random.default_rng(0).normal(40, 10, grid.shape_zyx).astype(np.int16)
    case = Case(ct, grid, (mark,))
    patch = prepare_lesion(case, mark, replace(CONFIG, channels=SCAN_CHANNELS))
    step = mark.length_mm(grid.spacing_mm) * CONFIG.side_factor / 64  # mm a voxel of the patch
    places = (np.arange(64) - 31.5) * step
    z, y, x = (np.square(places / size) for size in spacing)
    voxels = np.sqrt(z[:, None, None] + y[:, None] + x)
    np.testing.assert_allclose(patch.values[0], np.sqrt(np.minimum(voxels / 64, 1)), atol=1e-3)


def test_a_joint_patch_is_the_papers_crop(phantom: Case) -> None:
    patches = list(prepare_joint(phantom, PAPER))
    assert [patch.mark for patch in patches] == list(phantom.marks)
    low, high = float(phantom.ct.min()), float(phantom.ct.max())
    for patch in patches:
        place = patch.placement
        assert all(side % 8 == 0 for side in patch.values.shape[1:])
        assert np.prod(place.content_zyx) <= 128**3
        # one voxel by hand: the largest of its block, scaled by the range of the whole scan
        block = tuple(
            slice(int(s + 3 * f), int(s + 4 * f))
            for s, f in zip(place.start_zyx, place.step_zyx, strict=True)
        )
        expected = (float(phantom.ct[block].max()) - low) / (high - low)
        assert patch.values[0, 3, 3, 3] == pytest.approx(expected, abs=1e-6)
        content = tuple(slice(c, None) for c in place.content_zyx)
        for axis in range(3):
            outside = [slice(None)] * 3
            outside[axis] = content[axis]
            assert not patch.values[0][tuple(outside)].any()


def test_the_line_window_is_centred_on_what_lies_under_the_line() -> None:
    crop = np.full((9, 21, 21), -800, np.float32)
    crop[4, 10, 5:16] = 40
    values = CHANNELS["line_window"](frame(crop=crop))
    assert values[4, 10, 10] == pytest.approx(0.5)
    assert values[0, 0, 0] == 0
    crop[0, 0, 0] = 40 + 87.5
    assert CHANNELS["line_window"](frame(crop=crop))[0, 0, 0] == pytest.approx(0.75)


def test_the_line_window_of_a_windowed_image_spans_the_same_contrast() -> None:
    crop = np.full((9, 21, 21), 100, np.float32)
    crop[0, 0, 0] = 100 + 87.5 / CONFIG.windowed_unit_hu
    assert CHANNELS["line_window"](frame(hu=False, crop=crop))[0, 0, 0] == pytest.approx(0.75)


def test_the_line_channels_measure_from_the_lines_middle() -> None:
    along, across, slices = (CHANNELS[name](frame()) for name in ("along", "across", "slice"))
    for channel in (along, across, slices):
        assert channel[4, 10, 10] == 0
    # the line's end is one half length away, and a crop reaches 2.5 of them
    assert along[4, 10, 15] == along[4, 10, 5] == pytest.approx(1 / 2.5)
    assert across[4, 10, 15] == slices[4, 10, 15] == 0
    assert across[4, 15, 10] == pytest.approx(1 / 2.5)
    assert slices[4 + 2, 10, 10] == pytest.approx(2 * 2.0 / 5.0 / 2.5)


def test_wide_window_of_hu_and_of_windowed_greys() -> None:
    assert CHANNELS["wide"](frame())[0, 0, 0] == pytest.approx(1040 / 1500)
    assert CHANNELS["wide"](frame(hu=False))[0, 0, 0] == pytest.approx(40 / 255)


def test_padding_is_dark_but_far_from_the_line() -> None:
    ct = np.random.default_rng(0).integers(-100, 100, (20, 50, 50)).astype(np.int16)
    mark = RecistMark(1, ((4, 20, 20), (4, 20, 30)))
    (patch,) = prepare_joint(Case(ct, Grid.from_spacing(ct.shape, (3, 1, 1)), (mark,), hu=True), CONFIG)
    assert patch.placement.content_zyx == (20, 50, 50)
    assert patch.values.shape[1:] == (24, 56, 56)
    padding = patch.values[:, 20:, 50:, 50:]
    grey = np.array([name in GREY_CHANNELS for name in LINE_CHANNELS])
    assert not padding[grey].any()
    assert (padding[~grey] > 0.5).all()


def test_a_line_with_margins_ends_at_the_outer_faces_of_its_voxels(phantom: Case) -> None:
    mark = phantom.marks[0]
    plain, wide = (prepare_lesion(phantom, mark, replace(CONFIG, end_margin_voxels=m)) for m in (0.0, 0.5))
    n_voxels = np.linalg.norm(np.subtract(*mark.endpoints_zyx))
    ratio = np.divide(wide.placement.step_zyx, plain.placement.step_zyx)
    np.testing.assert_allclose(ratio, (n_voxels + 1) / n_voxels)
    # in the patch all lines have the same length; the wider one reaches further in the scan
    np.testing.assert_allclose(wide.endpoints_zyx, plain.endpoints_zyx, atol=1e-4)
    ends = wide.placement.to_volume(wide.endpoints_zyx)
    assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(n_voxels + 1, abs=1e-3)


def test_two_lines_in_one_scan_give_two_inputs(phantom: Case) -> None:
    first, second = list(prepare_joint(phantom, CONFIG))[:2]
    assert first.placement == second.placement
    np.testing.assert_array_equal(first.values[0], second.values[0])
    along = LINE_CHANNELS.index("along")
    assert not np.array_equal(first.values[along], second.values[along])


def test_grey_values_alone_decide_not_their_type(phantom: Case) -> None:
    mark = phantom.marks[0]
    as_float = replace(phantom, ct=phantom.ct.astype(np.float32))
    np.testing.assert_allclose(
        prepare_lesion(phantom, mark, CONFIG).values,
        prepare_lesion(as_float, mark, CONFIG).values,
        atol=1e-6,
    )


def test_a_lesion_at_the_scans_corner_sees_the_border_voxels_go_on() -> None:
    ct = np.zeros((8, 16, 16), np.int16)
    ct[:, :8, :8] = 60
    ct[7, 15, 15] = -1000
    mark = RecistMark(1, ((0, 0, 0), (0, 0, 6)))
    patch = prepare_lesion(Case(ct, Grid.from_spacing(ct.shape, (1, 1, 1)), (mark,)), mark, CONFIG)
    beyond = patch.placement.to_volume((0, 0, 0))
    assert (beyond < 0).all()
    assert patch.values[0, 0, 0, 0] == pytest.approx(1060 / 1500)


def test_a_config_survives_json_and_refuses_unknown_channels() -> None:
    import json

    assert PatchConfig.from_dict(json.loads(json.dumps(CONFIG.to_dict()))) == CONFIG
    with pytest.raises(ValueError, match="channels must be names out of"):
        PatchConfig(channels=("wide", "colour"))
    assert channels_of(frame(config=PAPER)).shape == (1, 9, 21, 21)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"side_factor": 0.1}, "side_factor must be 1 or more, .*got 0.1"),
        ({"side_voxels": 0}, "side_voxels must be 1 or more, got 0"),
        ({"end_margin_voxels": -1.0}, "end_margin_voxels must be 0 or more, got -1.0"),
        ({"line_half_width_hu": 0.0}, "line_half_width_hu must be above 0, got 0.0"),
    ],
)
def test_a_patch_that_cannot_be_cut_is_refused(numbers: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PatchConfig(**numbers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("hu", "lung", "fat", "low_hu"),
    [
        (True, -161, -159, None),
        (True, -1000, 40, None),
        (False, 0, 1, None),
        (False, 0, 1, 0),
        (False, 178, 179, -440),
    ],
)
def test_a_patch_says_where_its_line_lies_in_tissue(
    hu: bool, lung: float, fat: float, low_hu: float | None
) -> None:
    """The line's first half lies in lung, the other half in fat or more; 0 of a windowed scan stands for `low_hu`."""
    ct = np.full((9, 41, 41), lung, np.int16)
    ct[:, :, 20:] = fat
    ct[0, 0, 0] = 255
    mark = RecistMark(1, ((4, 20, 10), (4, 20, 30)))
    case = Case(ct, Grid.from_spacing(ct.shape, (1.0, 1.0, 1.0)), (mark,), hu=hu)
    config = CONFIG if low_hu is None else replace(CONFIG, windowed_low_hu=low_hu)
    patch = prepare_lesion(case, mark, config)
    x = patch.placement.to_volume(patch.tissue_on_axes)[:, 2]
    at_the_border = (x > 18.5) & (x < 20.5)  # resampling blurs it
    np.testing.assert_allclose(x[~at_the_border], np.arange(21, 31), atol=1e-9)


def test_a_short_axis_is_looked_at_as_its_line_is() -> None:
    ct = np.full((9, 41, 41), 40, np.int16)
    ct[0, 0, 0] = 255
    mark = RecistMark(1, ((4, 20, 10), (4, 20, 30)), short_axis_zyx=((4, 14, 19), (4, 28, 19)))
    case = Case(ct, Grid.from_spacing(ct.shape, (1.0, 1.0, 1.0)), (mark,))
    patch = prepare_lesion(case, mark, CONFIG)
    points = patch.placement.to_volume(patch.tissue_on_axes)
    assert len(points) == 42
    np.testing.assert_allclose(points[[0, 20]], mark.endpoints_zyx, atol=1e-9)
    np.testing.assert_allclose(points[[21, 41]], mark.short_axis_zyx, atol=1e-9)
