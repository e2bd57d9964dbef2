"""The preset `flare25` does before and after the network what the authors' public code does; numbers by hand."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lite_ensam.core.case import Case
from lite_ensam.core.grid import Grid
from lite_ensam.core.patch_config import FLARE25
from lite_ensam.core.recist import RecistMark
from lite_ensam.segmentation.channels import cut_patches, prepare_joint
from lite_ensam.segmentation.patch_plan import PatchPlan, raster_ends
from lite_ensam.segmentation.predictor import Predictor

SPACING = (5.0, 1.0, 1.0)
WIDE = RecistMark(1, ((50, 40, 40), (50, 260, 369)))
"""In 100 x 301 x 410 voxels its crop is 64 x 284 x 393, of which the two longer sides are halved once."""

PLAIN = np.arange(48, dtype=np.uint8) * np.ones((20, 48, 1), np.uint8)


def scan(ct: np.ndarray, *marks: RecistMark, hu: bool = False) -> Case:
    return Case(ct, Grid.from_spacing(ct.shape, SPACING), marks, hu=hu)


class Says:
    """An engine that says the same of every patch; the manifest is the imported weights'."""

    name = "openvino"

    def __init__(self, logits: np.ndarray) -> None:
        self._logits, self.manifest = logits, SimpleNamespace(patch=FLARE25)

    def logits(self, values: np.ndarray, endpoints_zyx: np.ndarray) -> np.ndarray:
        assert values.shape[2:] == self._logits.shape
        return self._logits[None].copy()


def test_grey_levels_above_zero_are_scaled_by_their_own_range_in_the_whole_scan() -> None:
    ct = np.zeros((8, 120, 120), np.uint8)
    ct[4, 40, 40:44] = 60, 35, 0, 110
    ct[0, 0, 0], ct[7, 119, 119] = 10, 210  # far outside of the crop
    (patch,) = prepare_joint(scan(ct, RecistMark(1, ((4, 40, 40), (4, 40, 43)))), FLARE25)
    assert patch.placement.start_zyx == (0, 8, 8)
    expected = [51 / 201, 26 / 201, 0, 101 / 201]  # (v - 10 + 1) / (210 - 10 + 1)
    np.testing.assert_allclose(patch.values[0, 4, 32, 32:36], expected, rtol=1e-6)
    assert (np.delete(patch.values[0, 4, 32], range(32, 36)) == 0).all()


def test_a_scan_in_hu_is_windowed_to_whole_grey_levels_first() -> None:
    ct = np.full((8, 48, 48), -1000, np.int16)
    ct[4, 20, 20:25] = -160, -159, -158, 40, 1000  # grey levels 0, 0, 1, 127, 255
    (patch,) = prepare_joint(scan(ct, RecistMark(1, ((4, 20, 20), (4, 20, 24))), hu=True), FLARE25)
    np.testing.assert_allclose(patch.values[0, 4, 20, 20:25], [0, 0, 1 / 255, 127 / 255, 1], rtol=1e-6)


def test_a_scan_without_anything_above_zero_is_dark() -> None:
    ct = np.full((8, 48, 48), -1000, np.int16)
    ct[0, 0, 0] = -900
    (patch,) = prepare_joint(scan(ct, RecistMark(1, ((4, 20, 20), (4, 20, 24))), hu=True), FLARE25)
    assert not patch.values.any()


def test_the_crop_ends_a_margin_beyond_the_last_end_which_is_left_out() -> None:
    marks = [RecistMark(1, ((50, 100, 100), (50, 120, 130))), RecistMark(2, ((60, 90, 140), (60, 95, 150)))]
    plan = PatchPlan.of(marks, Grid.from_spacing((150, 512, 512), SPACING), FLARE25)
    for patch in plan.patches:
        assert patch.box == ((18, 58, 68), (92, 152, 182))
        assert patch.placement.patch_shape_zyx == (80, 96, 120)  # 74 x 94 x 114 and zeros at the end
    np.testing.assert_array_equal(plan.patches[0].endpoints_zyx, [(32, 42, 32), (32, 62, 62)])


def test_blocks_are_pooled_but_for_ragged_ones_and_ends_are_divided() -> None:
    ct = np.random.default_rng(0).integers(0, 256, (100, 301, 410)).astype(np.uint8)
    (patch,) = prepare_joint(scan(ct, WIDE), FLARE25)
    placement = patch.placement
    assert placement.start_zyx == (18, 8, 8)
    assert (placement.content_zyx, placement.block_zyx) == ((64, 142, 196), (1, 2, 2))
    assert placement.patch_shape_zyx == (64, 144, 200)
    assert placement.step_zyx == (1, 2, 393 / 196)
    np.testing.assert_array_equal(patch.endpoints_zyx, [(32, 16, 16), (32, 126, 180.5)])
    pooled = ct[18:82, 8:292, 8:400].reshape(64, 142, 2, 196, 2).max(axis=(2, 4)).astype(np.float32)
    np.testing.assert_allclose(patch.values[0, :, :142, :196], pooled / 255, rtol=1e-6)
    assert not patch.values[0, :, 142:].any()
    assert not patch.values[0, :, :, 196:].any()


def test_five_levels_need_sides_of_sixteen() -> None:
    plan = PatchPlan.of(
        [WIDE], Grid.from_spacing((100, 301, 410), SPACING), replace(FLARE25, side_multiple=16)
    )
    assert plan.patches[0].placement.patch_shape_zyx == (64, 144, 208)


@pytest.mark.parametrize(
    ("line", "ends"),
    [
        (((5, 10, 20), (5, 10, 30)), ((5, 10, 20), (5, 10, 30))),
        (((5, 10, 20), (5, 20, 30)), ((5, 10, 20), (5, 20, 30))),
        (((5, 10, 30), (5, 20, 20)), ((5, 10, 30), (5, 20, 20))),
        # its first row is x = 18..20, its last x = 10..12
        (((5, 10, 20), (5, 12, 10)), ((5, 10, 18), (5, 12, 12))),
    ],
)
def test_ends_are_the_first_and_last_voxel_of_the_line_in_memory(line, ends) -> None:
    assert raster_ends(RecistMark(1, line)) == ends


def test_logits_come_back_as_torch_interpolates_them() -> None:
    ct = np.random.default_rng(1).integers(1, 256, (100, 301, 410)).astype(np.uint8)
    case = scan(ct, WIDE)
    logits = np.random.default_rng(2).standard_normal((64, 144, 200)).astype(np.float32)
    labels = Predictor(Says(logits)).predict(case).labels
    content = torch.from_numpy(logits[None, None, :, :142, :196])
    there = F.interpolate(content, size=(64, 284, 393), mode="trilinear", align_corners=False)[0, 0].numpy()
    expected = np.zeros(ct.shape, np.uint16)
    expected[18:82, 8:292, 8:401] = there > 0
    unsure = np.zeros(ct.shape, np.bool_)
    unsure[18:82, 8:292, 8:401] = np.abs(there) < 1e-5
    assert (labels == expected)[~unsure].all()
    assert unsure.mean() < 1e-4


def test_the_ends_of_a_line_are_not_held() -> None:
    case = scan(PLAIN, RecistMark(1, ((8, 20, 14), (8, 20, 30))))
    logits = np.full((24, 48, 48), -1, np.float32)
    logits[8, 20, 22] = 1
    assert np.argwhere(Predictor(Says(logits)).predict(case).labels).tolist() == [[8, 20, 22]]


def test_a_missing_tumor_is_painted_in_a_sphere_that_is_round_in_voxels() -> None:
    case = scan(PLAIN, RecistMark(1, ((8, 20, 18), (8, 20, 24))))
    prediction = Predictor(Says(np.full((24, 48, 48), -2, np.float32))).predict(case)
    assert prediction.painting.recovered == {1: 3.0}  # 1, then 2 more
    z, y, x = np.nonzero(prediction.labels)
    assert (np.ptp(z), np.ptp(y), np.ptp(x)) == (6, 6, 6)


def test_the_weights_decide_the_crop_unless_somebody_asks_for_another() -> None:
    assert Predictor(Says(np.zeros(1))).crop == "joint"
    assert Predictor(Says(np.zeros(1)), "lesion").crop == "lesion"


def test_a_joint_plan_of_several_lines_cuts_once() -> None:
    ct = np.random.default_rng(3).integers(0, 255, (30, 90, 90)).astype(np.uint8)
    marks = [RecistMark(1, ((9, 40, 40), (9, 44, 50))), RecistMark(2, ((20, 60, 30), (20, 66, 41)))]
    case = scan(ct, *marks)
    first, second = cut_patches(case, PatchPlan.of(marks, case.grid, FLARE25), FLARE25)
    np.testing.assert_array_equal(first.values, second.values)
    assert (first.endpoints_zyx != second.endpoints_zyx).any()
