"""The paper's crop with weights of this project: what is in the box, how large it is, and what is run for each line."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from lite_ensam.core.grid import Grid
from lite_ensam.core.patch_config import PatchConfig
from lite_ensam.core.recist import RecistMark
from lite_ensam.engines import JOINT_WEIGHTS, WEIGHTS, shipped_weights
from lite_ensam.segmentation.channels import prepare_joint
from lite_ensam.segmentation.patch_plan import PatchPlan
from lite_ensam.segmentation.predictor import Predictor
from tests.phantoms import ellipsoid_case

JOINT = PatchConfig(channels=("wide",), crop="joint", margin_voxels=4, most_voxels=20_000)
GRID = Grid.from_spacing((60, 200, 200), (2.0, 1.0, 1.0))


class Counting:
    """An engine that says how often an image came, and of which lines."""

    name = "openvino"

    def __init__(self, config: PatchConfig = JOINT) -> None:
        self.manifest = SimpleNamespace(patch=config)
        self.asked: list[tuple[int, int]] = []

    def logits(self, values: np.ndarray, endpoints_zyx: np.ndarray) -> np.ndarray:
        self.asked.append((len(values), len(endpoints_zyx)))
        return np.stack([np.full(values.shape[2:], ends[0, 0]) for ends in endpoints_zyx]).astype(np.float32)


def test_the_box_holds_the_sphere_of_a_line_and_not_only_its_ends() -> None:
    mark = RecistMark(1, ((30, 100, 80), (30, 100, 120)))
    plan = PatchPlan.of([mark], GRID, replace(JOINT, most_voxels=128**3))
    # a radius of 20 mm is 10 slices, and 4 voxels more on each side
    assert plan.boxes == [((16, 76, 76), (45, 125, 125))]


def test_the_size_of_a_box_is_the_weights() -> None:
    mark = RecistMark(1, ((30, 100, 80), (30, 100, 120)))
    for most, steps in ((80_000, (1, 1, 1)), (20_000, (1, 2, 2)), (3_000, (4, 4, 4))):
        plan = PatchPlan.of([mark], GRID, replace(JOINT, most_voxels=most))
        placement = plan.patches[0].placement
        assert placement.step_zyx == steps
        assert np.prod(placement.content_zyx) <= most


def test_several_lines_are_asked_of_one_image_at_once() -> None:
    engine, case = Counting(), ellipsoid_case()
    prediction = Predictor(engine).predict(case)
    assert engine.asked == [(1, 2)]
    patches = list(prepare_joint(case, JOINT))
    assert patches[0].values is patches[1].values
    for tumor, patch in zip(prediction.tumors, patches, strict=True):
        assert tumor.mark.label == patch.mark.label
        assert tumor.logits[-1, -1, -1] == patch.endpoints_zyx[0, 0]


def test_channels_that_see_the_line_are_asked_one_by_one() -> None:
    engine = Counting(replace(JOINT, channels=("wide", "along")))
    Predictor(engine).predict(ellipsoid_case())
    assert engine.asked == [(1, 1), (1, 1)]


def test_the_weights_that_ship_go_by_the_crop() -> None:
    assert shipped_weights() == shipped_weights("lesion") == WEIGHTS
    assert shipped_weights("joint") == JOINT_WEIGHTS
