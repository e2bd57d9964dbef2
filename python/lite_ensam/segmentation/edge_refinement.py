"""A tumour's border where the grey value is half-way between inside and outside, instead of where readers draw it.

Readers draw around a tumour, the weights have learnt it from them, and so absolute volumes of sharp bodies come out
too large. `refine_to_image_edge` moves each border, within a narrow band, to the half-maximum between the grey values
of the tumour's core and of its surroundings nearby, which is where an edge is said to be
(docs/developer/decisions/0013).
Not of the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from lite_ensam import _kernels
from lite_ensam.core.partial_volume import PartialScan, VoxelBox, slices, subvolume_containing
from lite_ensam.core.types import CtVolume, FloatTriple
from lite_ensam.segmentation.painting import Painting, TumorLogits

__all__ = ["BORDERS", "Border", "refine_to_image_edge"]

Border = Literal["readers", "edge"]
"""Border of masks: "readers" as the training contours were drawn, "edge" at the edge that the scan shows."""

BORDERS: tuple[Border, ...] = get_args(Border)
"""All values of `Border`, the default first."""

Float64Array = NDArray[np.float64]

_REACH = 0.12
"""How far a border may move, in lengths of the line. Readers draw about a voxel outside of what is seen
(decision 0013); no record says why this share."""

_LEAST_REACH_PIXELS = 2.0
"""The least reach, for small tumours: twice what readers are off. It and the values of the kernel
(rust/kernels/src/edge.rs) were chosen on ellipsoids of known volume (decision 0013)."""

_LOCAL = 0.35
"""Standard deviation of the bell under which inside and outside are averaged, in lengths of the line: so near that
a tumour between liver and lung has a threshold on each side."""


def refine_to_image_edge(
    painting: Painting, tumors: Sequence[TumorLogits], ct: CtVolume | PartialScan, spacing_mm: FloatTriple
) -> Painting:
    """Move the border of each tumour to the edge that is seen in the scan.

    A voxel of a band around the border (0.12 lengths of the line to both sides, at least two pixels) is tumour if its
    grey value is nearer to the mean of the tumour's core than to the mean of the surroundings, both near that voxel.
    Darker and brighter surroundings have a mean each: a voxel that is darker than the core is compared with the darker
    ones. Where core and surroundings differ by less than twice the noise, the border stays. Voxels that disagree with
    most of their neighbours are turned over. No tumour takes a voxel of another or vanishes; pieces that are not
    connected with its core are left out. In slices thicker than the reach, borders move within slices alone.

    Parameters
    ----------
    painting : Painting
        Label map as `paint_tumors` made it; it is not changed.
    tumors : Sequence[TumorLogits]
        Those in it.
    ct : CtVolume or PartialScan
        The scan (z, y, x), HU or grey levels; of a scan of which only crops were kept, these hold the tumours'
        patches.
    spacing_mm : FloatTriple
        Spacing in mm, (z, y, x).

    Returns
    -------
    Painting
        Painting on the same box.
    """
    before, origin = painting.part.voxels, painting.part.start_zyx
    after, claims = before.copy(), np.zeros(before.shape, np.uint8)
    masks = _kernels.label_boxes(before, max(tumor.mark.label for tumor in tumors)) + origin
    for tumor in tumors:
        label = tumor.mark.label
        length_mm = tumor.mark.length_mm(spacing_mm)
        reach_mm = max(_REACH * length_mm, _LEAST_REACH_PIXELS * float(np.mean(spacing_mm[1:])))
        margin = np.ceil(3 * reach_mm / np.asarray(spacing_mm)) + 1
        box = _within_patch(tumor, masks[label][0] - margin, masks[label][1] + margin)
        here = slices(*(np.subtract(end, origin).tolist() for end in box))
        part = subvolume_containing(ct, box)
        grey = part.voxels[slices(*(np.subtract(end, part.start_zyx).tolist() for end in box))]
        mask = before[here] == label
        other = (before[here] != 0) & ~mask
        snapped = _kernels.snap_to_edge(mask, other, grey, spacing_mm, reach_mm, _LOCAL * length_mm)
        z = np.arange(box[0][0], box[1][0])
        snapped &= tumor.mark.may_hold(z)[:, None, None]
        after[here][mask] = 0
        after[here][snapped] = label
        claims[here] += snapped
    after[claims > 1] = 0  # background that two tumours reach for stays background
    return Painting(replace(painting.part, voxels=after), painting.recovered)


def _within_patch(tumor: TumorLogits, first_zyx: Float64Array, last_zyx: Float64Array) -> VoxelBox:
    """As much of a box, in the whole scan, as the tumour's patch reaches."""
    place = tumor.placement
    seen = _kernels.resample_box(
        place.volume_shape_zyx, place.start_zyx, place.step_zyx, place.patch_shape_zyx
    )
    first = np.maximum(np.maximum(first_zyx, np.floor(place.start_zyx)), seen[0])
    last = np.minimum(np.minimum(last_zyx, np.ceil(place.stop_zyx)), seen[1])
    (z, y, x), (stop_z, stop_y, stop_x) = first.astype(int).tolist(), last.astype(int).tolist()
    return (z, y, x), (stop_z, stop_y, stop_x)
