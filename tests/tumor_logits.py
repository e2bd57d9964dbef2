"""Hand-made logits of one tumour: a ball."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lite_ensam.core.recist import RecistMark
from lite_ensam.segmentation.painting import TumorLogits
from lite_ensam.segmentation.patch_plan import Placement

SHAPE, SPACING = (20, 48, 48), (2.0, 1.0, 1.0)


def ball(label: int, x: float, height: float = 5.0) -> TumorLogits:
    """A tumour of radius 6 mm around (10, 24, x): the logit falls by one a mm."""
    mark = RecistMark(label, ((10, 24, x - 6), (10, 24, x + 6)))
    place = Placement.lesion_placement(mark.endpoints_zyx, SPACING, SHAPE, 2.5, 32)
    voxels = place.to_volume(np.stack(np.indices((32,) * 3), axis=-1))
    distance_mm = np.linalg.norm((voxels - (10, 24, x)) * SPACING, axis=-1)
    return TumorLogits(mark, (6 - distance_mm + height - 5).astype(np.float32), place)


def told(tumor: TumorLogits, **known) -> TumorLogits:
    return replace(tumor, mark=replace(tumor.mark, **known))
