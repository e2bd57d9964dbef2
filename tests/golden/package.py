"""The package as the golden values see it: all of its names that they need, here and nowhere else.

Where something moves or is renamed, this file follows; the values must not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.case import Case
from lite_ensam.core.errors import CaseError
from lite_ensam.core.grid import Grid
from lite_ensam.core.patch_config import PatchConfig
from lite_ensam.core.recist import RecistMark
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.demo.real import real_cases
from lite_ensam.engines.backend import WEIGHTS, WeightsManifest
from lite_ensam.engines.loading import load_backend
from lite_ensam.measurements import measure
from lite_ensam.measurements.intensity import is_aerated
from lite_ensam.segmentation import Predictor, estimate_repeatability
from lite_ensam.segmentation.channels import prepare_joint, prepare_lesion
from lite_ensam.segmentation.edge_refinement import refine_to_image_edge
from lite_ensam.segmentation.logit_adjustments import anchor_endpoints
from lite_ensam.segmentation.painting import TumorLogits, paint_tumors
from lite_ensam.segmentation.patch_plan import Placement
from lite_ensam.segmentation.repeatability import redrawn_marks

__all__ = [
    "Case",
    "CaseError",
    "LabelMap",
    "Line",
    "Patch",
    "channels",
    "configs",
    "hold",
    "is_aerated",
    "logits",
    "look",
    "make_case",
    "make_phantom",
    "numbers",
    "paint",
    "real_cases",
    "redrawn",
    "segment",
    "spread",
]

Floats = NDArray[np.float32]
Line = tuple[tuple[float, float, float], tuple[float, float, float]]
"""Both ends, voxel indices (z, y, x)."""


@dataclass(frozen=True)
class Patch:
    """Channels (c, z, y, x), the line's ends (2, 3) in the patch, and start and step (2, 3) in the volume."""

    values: Floats
    ends_zyx: Floats
    place: NDArray[np.float64]


@dataclass(frozen=True)
class LabelMap:
    """Label map (z, y, x) and by how much each tumour was raised to be in it."""

    labels: NDArray[np.uint16]
    raised: dict[int, float]


def make_case(ct: NDArray[Any], spacing_mm: Sequence[float], lines: Sequence[Line], hu: bool) -> Case:
    """A scan with lines labelled 1, 2, ..."""
    marks = tuple(RecistMark(n, line) for n, line in enumerate(lines, start=1))
    return Case(ct, Grid.from_spacing(ct.shape, spacing_mm), marks, hu=hu)


def configs() -> dict[str, PatchConfig]:
    """Of the weights that ship, the default, and as the paper scales a scan."""
    plain = PatchConfig()
    return {
        "weights": WeightsManifest.read(WEIGHTS).patch,
        "default": plain,
        "paper": replace(plain, window_hu=None, channels=("wide",)),
    }


def channels(case: Case, config: PatchConfig, joint: bool = False) -> list[Patch]:
    """What enters the network for each line."""
    if joint:
        patches = list(prepare_joint(case, config))
    else:
        patches = [prepare_lesion(case, mark, config) for mark in case.marks]
    return [
        Patch(p.values, p.endpoints_zyx, np.array([p.placement.start_zyx, p.placement.step_zyx]))
        for p in patches
    ]


@cache
def _backend() -> Any:
    return load_backend("openvino", threads=2)


def logits(case: Case) -> list[Floats]:
    """What the weights that ship say of each line's patch, float32 (z, y, x); nothing is held yet."""
    patches = [prepare_lesion(case, mark, WeightsManifest.read(WEIGHTS).patch) for mark in case.marks]
    return [_backend().logits(p.values[None], p.endpoints_zyx[None])[0] for p in patches]


def look(case: Case, axes: tuple[int, ...] = (), **options: Any) -> Floats:
    """What the weights that ship say of the first line, its ends held, the patch mirrored along some axes."""
    predictor = Predictor(_backend(), **options)
    patch = prepare_lesion(case, case.marks[0], predictor.patch_config(case.hu))
    return predictor.predict_patch(patch, axes).logits


def redrawn(case: Case, repeats: int) -> list[Any]:
    """Ends of the first line as the same reader might draw it again."""
    lines = redrawn_marks(case.marks[0], case.grid.spacing_mm, case.ct.shape, repeats)
    return [line.endpoints_zyx for line in lines]


def segment(case: Case, threshold: float = 0.0, **options: Any) -> LabelMap:
    """The label map of the weights that ship; options of `Predictor`."""
    painting = Predictor(_backend(), **options).predict(case, threshold).painting
    return LabelMap(painting.labels, painting.recovered)


def spread(case: Case, **options: Any) -> list[float]:
    """Standard deviations of volume, longest diameter and short axis of each tumour, marked again four times."""
    found = estimate_repeatability(case, Predictor(_backend(), **options), n_repeats=4)
    return [sd for t in found for sd in (t.volume_sd_ml, t.diameter_sd_mm, t.short_axis_sd_mm)]


def _tumor(label: int, line: Line, values: Floats, shape: Sequence[int], spacing: Sequence[float]) -> Any:
    mark = RecistMark(label, line)
    placement = Placement.lesion_placement(mark.endpoints_zyx, spacing, shape, 2.5, values.shape[0])
    return TumorLogits(mark, values, placement)


def hold(values: Floats, line: Line, shape: Sequence[int], spacing_mm: Sequence[float]) -> Floats:
    """Logits (z, y, x) of a patch around a line, with the line's ends held in the tumour."""
    return anchor_endpoints(_tumor(1, line, values, shape, spacing_mm)).logits


def paint(
    tumors: dict[int, tuple[Line, Floats]],
    shape: Sequence[int],
    spacing_mm: Sequence[float],
    threshold: float = 0.0,
    edge_of: NDArray[Any] | None = None,
) -> LabelMap:
    """Label map of tumours (label: line and logits of its patch); borders at the edge in a scan if it is given."""
    found = [_tumor(label, *tumor, shape, spacing_mm) for label, tumor in tumors.items()]
    painting = paint_tumors(found, tuple(spacing_mm), threshold)
    if edge_of is not None:
        painting = refine_to_image_edge(painting, found, edge_of, tuple(spacing_mm))
    return LabelMap(painting.labels, painting.recovered)


def numbers(case: Case, labels: NDArray[Any]) -> dict[str, dict[str, Any]]:
    """All that is measured of each tumour."""
    found: dict[str, dict[str, Any]] = {}
    for one in measure(labels, case.marks, case.grid.spacing_mm, case.ct, case.hu):
        flags = {name: one.has(code) for name, code in _FLAGS.items()}
        greys = vars(one.intensity) if one.intensity is not None else {}
        known = {
            k: v
            for k, v in one.all_numbers().items()
            if not k.startswith(("grey_", "flag")) and k not in _NEW
        }
        found[str(one.label)] = known | flags | {k: v for k, v in greys.items() if k != "unit"}
    return found


_FLAGS = {"disagrees": "disagrees_with_line", "touches_edge": "touches_edge", "is_aerated": "aerated"}
_NEW = {"name", "n_pieces"}
"""What is measured since the values were kept."""
