"""From logits on patches to one label map of the scan, with every marked tumour in it (paper, section 2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lite_ensam import _kernels
from lite_ensam.core.errors import MarkError
from lite_ensam.core.partial_volume import SubVolume, VoxelBox, slices
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.types import Flips
from lite_ensam.segmentation.patch_plan import Placement

TumorArgument = tuple[
    int, NDArray[np.float32], tuple[float, float, float], tuple[float, float, float], tuple[int, int, int]
]

_HELD_SHARE = 0.1
"""Width (standard deviation) of the bell that holds an end of a line, in lengths of the line."""

_HELD_LOGIT = 0.2
"""What an end's logit is raised to: a little above 0, for the way to the scan's voxels blurs."""

_MOST_RAISED = 3.0
"""Most that is added: beyond, the network gives an end odds of less than 1 : 20."""


@dataclass(frozen=True)
class TumorLogits:
    """What the network said of one tumour.

    Parameters
    ----------
    mark : the tumour's line, in the network's frame
    logits : float32 (z, y, x) on the patch; above the threshold is tumour
    placement : where the patch lies in the volume
    """

    mark: RecistMark
    logits: NDArray[np.float32]
    placement: Placement


@dataclass(frozen=True)
class Painting:
    """A label map and which tumours had to be raised to be in it.

    Parameters
    ----------
    part : uint16 (z, y, x), the box that holds all tumours; 0 is background, and all there is outside
    recovered : label -> offset that was added to its logits inside the line's sphere
    """

    part: SubVolume
    recovered: dict[int, float]

    def flipped(self, flips_zyx: Flips) -> Painting:
        """The same label map with some axes reversed; a view."""
        return Painting(self.part.flipped(flips_zyx), self.recovered)

    @cached_property
    def labels(self) -> NDArray[np.uint16]:
        """The whole label map, uint16 (z, y, x); made when it is asked for."""
        return self.part.whole()


def anchor_endpoints(tumor: TumorLogits) -> TumorLogits:
    """Raise the logits about the ends of the line until the ends are tumour, as the line says they are.

    A tumour's tip is a voxel or two wide, and a network that is unsure of each of them leaves it out:
    without this, longest diameters come out short (decision 0012). About an end that lies below
    `_HELD_LOGIT`, a bell a tenth of the line wide is added. Where the network is sure that an end
    lies outside, the line is a careless one: more than `_MOST_RAISED` is never added. A tumour of which
    nothing was found is left to `paint_tumors`.

    Parameters
    ----------
    tumor : with the logits as the network gave them; they are not changed
    """
    logits = tumor.logits
    if not (logits > 0).any():
        return tumor
    ends = tumor.placement.to_patch(tumor.mark.endpoints_zyx)
    width = max(_HELD_SHARE * float(np.linalg.norm(ends[1] - ends[0])), 1.0)
    held = logits.copy()
    for end in ends:
        lacking = min(_HELD_LOGIT - _between_voxels(held, end), _MOST_RAISED)
        low = np.maximum(np.floor(end - 3 * width), 0).astype(int)
        high = np.minimum(np.ceil(end + 3 * width) + 1, logits.shape).astype(int)
        if lacking <= 0 or (high - low < 2).any():
            continue
        z, y, x = (
            np.exp(-0.5 * ((np.arange(a, b) - e) / width) ** 2)
            for a, b, e in zip(low, high, end, strict=True)
        )
        bell = (z[:, None, None] * y[None, :, None] * x[None, None, :]).astype(np.float32)
        bell *= np.float32(lacking / _between_voxels(bell, end - low))
        held[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] += bell
    return TumorLogits(tumor.mark, held, tumor.placement)


def _between_voxels(values: NDArray[np.float32], point_zyx: NDArray[np.float64]) -> float:
    """Trilinear interpolation at a point in voxel indices; outside, the value of the border."""
    inside = np.clip(point_zyx, 0, np.array(values.shape) - 1)
    first = np.minimum(inside.astype(int), np.array(values.shape) - 2)
    z, y, x = first.tolist()
    part = values[z : z + 2, y : y + 2, x : x + 2]
    for share in (inside - first).tolist():
        part = part[0] * (1 - share) + part[1] * share
    return float(part)


def paint_tumors(
    tumors: Sequence[TumorLogits], spacing_mm: tuple[float, float, float], threshold: float = 0.0
) -> Painting:
    """Paint all tumours into one label map of the volume they were cut from.

    Logits are brought back to the scan's voxels by trilinear interpolation, slice by slice; the highest
    one above the threshold wins a voxel, background wins ties. A tumour that got no voxel has its logits
    raised inside the sphere of its line by 1, 3, 7, ... until it has one.

    Parameters
    ----------
    tumors : at least one; all of one volume
    spacing_mm : (z, y, x), for the sphere
    threshold : logit above which a voxel is tumour
    """
    arguments: list[TumorArgument] = [
        (t.mark.label, t.logits, t.placement.start_zyx, t.placement.step_zyx, t.placement.content_zyx)
        for t in tumors
    ]
    start, stop = _painted_box(tumors)
    shape = tumors[0].placement.volume_shape_zyx
    size_z, size_y, size_x = np.subtract(stop, start).tolist()
    labels = _kernels.paint((size_z, size_y, size_x), arguments, threshold, start)
    part = SubVolume(labels, start, shape)
    counts = _kernels.label_counts(labels, max(t.mark.label for t in tumors))
    missing = [tumor for tumor in tumors if counts[tumor.mark.label] == 0]
    recovered = {}
    if missing:
        labels = part.whole()
        for tumor in missing:
            recovered[tumor.mark.label] = _raise(labels, arguments, tumor.mark, spacing_mm, threshold)
        part = SubVolume(labels[slices(start, stop)], start, shape)
    return Painting(part, recovered)


def _raise(
    labels: NDArray[np.uint16],
    arguments: list[TumorArgument],
    mark: RecistMark,
    spacing_mm: tuple[float, float, float],
    threshold: float,
) -> float:
    """Paint a missing tumour inside its line's sphere; returns the offset that this took."""
    radius_mm = mark.radius_mm(spacing_mm)
    try:
        _, offset, _ = _kernels.recover_missing_tumor(
            labels, arguments, mark.label, mark.midpoint_zyx, radius_mm, spacing_mm, threshold
        )
    except ValueError as error:  # no voxel is left for it: lines on top of each other
        raise MarkError(f"mark {mark.label}: {error}") from None
    return offset


def _painted_box(tumors: Sequence[TumorLogits]) -> VoxelBox:
    """The voxels that any of the tumours may be painted on; never empty."""
    placements = [tumor.placement for tumor in tumors]
    shape = np.array(placements[0].volume_shape_zyx)
    start = np.clip(np.floor(np.min([p.start_zyx for p in placements], axis=0)), 0, shape - 1).astype(int)
    stop = np.clip(np.ceil(np.max([p.stop_zyx for p in placements], axis=0)), start + 1, shape).astype(int)
    (z, y, x), (stop_z, stop_y, stop_x) = start.tolist(), stop.tolist()
    return (z, y, x), (stop_z, stop_y, stop_x)
