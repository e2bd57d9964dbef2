"""From logits on patches to one label map of the scan, with every marked tumour in it (paper, section 2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam import _kernels
from lite_ensam.core.errors import MarkError
from lite_ensam.core.partial_volume import PartialScan, SubVolume, VoxelBox, slices
from lite_ensam.core.recist import RecistMark, voxel_of
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import CtVolume, Flips, FloatTriple, IntTriple, int_triple
from lite_ensam.measurements import TumorMeasurement, measure
from lite_ensam.measurements.flags import RECOVERED
from lite_ensam.segmentation.patch_plan import Placement

TumorArgument = tuple[
    int, NDArray[np.float32], tuple[float, float, float], tuple[float, float, float], tuple[int, int, int]
]


@with_short_repr
@dataclass(frozen=True)
class TumorLogits:
    """The network's output for one tumour.

    Parameters
    ----------
    mark : RecistMark
        The tumour's line, in the network's frame.
    logits : NDArray[np.float32]
        Float32 (z, y, x) on the patch; above the threshold is tumour.
    placement : Placement
        Where the patch lies in the volume.
    added : NDArray[np.float32] or None, default None
        Float32 (z, y, x), what `raise_hardly_known` added to the logits; None if it added nothing.
    is_hardly_known : bool, default False
        Whether the network hardly follows the mark's axes.
    """

    mark: RecistMark
    logits: NDArray[np.float32]
    placement: Placement
    added: NDArray[np.float32] | None = None
    is_hardly_known: bool = False

    def without_added(self) -> TumorLogits:
        """The tumour with logits as they would be if nothing had been added."""
        return self if self.added is None else replace(self, logits=self.logits - self.added, added=None)


@with_short_repr
@dataclass(frozen=True)
class Painting:
    """A label map and which tumours had to be recovered to be in it.

    Parameters
    ----------
    part : SubVolume
        Uint16 (z, y, x), the box that holds all tumours; 0 is background, and all there is outside.
    recovered : dict[int, float]
        Label -> offset that was added to its logits inside the line's sphere.
    """

    part: SubVolume
    recovered: dict[int, float]

    def flipped(self, flips_zyx: Flips) -> Painting:
        """The same label map with some axes reversed; a view."""
        return Painting(self.part.flipped(flips_zyx), self.recovered)

    @cached_property
    def labels(self) -> NDArray[np.uint16]:
        """The whole label map, uint16 (z, y, x), read-only; made when it is asked for."""
        labels = self.part.whole()
        labels.flags.writeable = False
        return labels

    def __getstate__(self) -> dict[str, Any]:
        """Without `labels`, which are made again: they are large, and pickled arrays can be written to."""
        return {name: value for name, value in self.__dict__.items() if name != "labels"}

    def measure(
        self,
        marks: Sequence[RecistMark],
        spacing_mm: FloatTriple,
        ct: CtVolume | PartialScan | None = None,
        hu: bool = True,
    ) -> tuple[TumorMeasurement, ...]:
        """Measure the tumours of some marks, see `measurements.measure`; those that were recovered are flagged."""
        measured = measure(self.part, marks, spacing_mm, ct, hu)
        return tuple(one.flagged(RECOVERED) if one.label in self.recovered else one for one in measured)


def paint_tumors(
    tumors: Sequence[TumorLogits], spacing_mm: tuple[float, float, float], threshold: float = 0.0
) -> Painting:
    """Paint all tumours into one label map of the volume they were cut from.

    Logits are brought back to the scan's voxels by trilinear interpolation, slice by slice; the highest
    one above the threshold wins a voxel, background wins ties. On slices that its mark excludes, a tumour does not
    compete. Hardly known tumours win by what was added to them only voxels that no tumour has without it. A tumour that
    got no voxel has its logits raised inside the sphere of its line by 1, 3, 7, ... until it has one.

    Parameters
    ----------
    tumors : Sequence[TumorLogits]
        At least one; all of one volume.
    spacing_mm : tuple[float, float, float]
        Spacing in mm, (z, y, x), for the sphere.
    threshold : float, default 0.0
        Logit above which a voxel is tumour.
    """
    start, stop = _painted_box(tumors)
    shape = tumors[0].placement.volume_shape_zyx
    labels = _paint_box(tumors, (start, stop), threshold)
    if len(tumors) > 1 and any(tumor.added is not None for tumor in tumors):
        own = _paint_box([tumor.without_added() for tumor in tumors], (start, stop), threshold)
        labels = np.where(own, own, labels)
    part = SubVolume(labels, start, shape)
    counts = _kernels.label_counts(labels, max(t.mark.label for t in tumors))
    missing = [tumor for tumor in tumors if counts[tumor.mark.label] == 0]
    recovered = {}
    if missing:
        labels = part.whole()
        for tumor in missing:
            recovered[tumor.mark.label] = _raise(labels, tumors, tumor.mark, spacing_mm, threshold)
        part = SubVolume(labels[slices(start, stop)], start, shape)
    return obey_prompts(Painting(part, recovered), [tumor.mark for tumor in tumors])


def _paint_box(tumors: Sequence[TumorLogits], box: VoxelBox, threshold: float) -> NDArray[np.uint16]:
    """Labels of a box, painted between the slices at which tumours begin or stop to compete."""
    (first, y, x), (stop, stop_y, stop_x) = box
    bands = [
        _kernels.paint(
            (next_z - z, stop_y - y, stop_x - x), _competing(tumors, z, first_z=0), threshold, (z, y, x)
        )
        for z, next_z in pairwise(_limits(tumors, first, stop))
    ]
    return bands[0] if len(bands) == 1 else np.concatenate(bands)


def _limits(tumors: Sequence[TumorLogits], first: int, stop: int) -> list[int]:
    """First and stop, and the slices between them at which tumours begin or stop to compete."""
    marks = [tumor.mark for tumor in tumors]
    begins = [mark.first_slice for mark in marks if mark.first_slice is not None]
    ends = [mark.last_slice + 1 for mark in marks if mark.last_slice is not None]
    return sorted({first, stop, *(z for z in begins + ends if first < z < stop)})


def _competing(tumors: Sequence[TumorLogits], z: int, first_z: int) -> list[TumorArgument]:
    """Tumours that may lie on a slice, in a volume that begins at slice `first_z`, as the kernels take them."""
    arguments: list[TumorArgument] = []
    for tumor in tumors:
        if tumor.mark.may_hold(np.array(z)):
            place = tumor.placement
            start_z, y, x = place.start_zyx
            start = start_z - first_z, y, x
            arguments.append((tumor.mark.label, tumor.logits, start, place.step_zyx, place.content_zyx))
    return arguments


def obey_prompts(painting: Painting, marks: Sequence[RecistMark]) -> Painting:
    """The label map with given points as they are given; beyond given slices `paint_tumors` paints nothing.

    Parameters
    ----------
    painting : Painting
        Painting of all marks.
    marks : Sequence[RecistMark]
        The marks in its frame.
    """
    told = [mark for mark in marks if mark.inside_zyx or mark.outside_zyx]
    if not told:
        return painting
    part = painting.part
    labels = part.voxels.copy()

    def place(point_zyx: FloatTriple) -> IntTriple | None:
        voxel = np.subtract(voxel_of(point_zyx), part.start_zyx)
        return int_triple(voxel) if ((voxel >= 0) & (voxel < labels.shape)).all() else None

    for mark in told:
        for voxel in filter(None, map(place, mark.outside_zyx)):
            if labels[voxel] == mark.label:
                labels[voxel] = 0
    for mark in told:
        for voxel in filter(None, map(place, mark.inside_zyx)):
            labels[voxel] = mark.label
        middle = place(mark.midpoint_zyx)
        if middle is not None and not (labels == mark.label).any():
            labels[middle] = mark.label
    return replace(painting, part=replace(part, voxels=labels))


def _raise(
    labels: NDArray[np.uint16],
    tumors: Sequence[TumorLogits],
    mark: RecistMark,
    spacing_mm: tuple[float, float, float],
    threshold: float,
) -> float:
    """Paint a missing tumour inside its line's sphere, where the same tumours compete; the offset that this took."""
    limits = _limits(tumors, 0, len(labels))
    first, stop = next((z, end) for z, end in pairwise(limits) if z <= mark.slice_index < end)
    z, y, x = mark.midpoint_zyx
    radius_mm = mark.radius_mm(spacing_mm)
    try:
        _, offset, _ = _kernels.recover_missing_tumor(
            labels[first:stop],
            _competing(tumors, mark.slice_index, first),
            mark.label,
            (z - first, y, x),
            radius_mm,
            spacing_mm,
            threshold,
        )
    except ValueError as error:  # no voxel is left for it: lines on top of each other
        raise MarkError(f"mark {mark.label}: {error}") from None
    return offset


def _painted_box(tumors: Sequence[TumorLogits]) -> VoxelBox:
    """The voxels that any of the tumours may be painted on; never empty."""
    placements = [tumor.placement for tumor in tumors]
    shape = np.array(placements[0].volume_shape_zyx)
    points = [np.asarray(voxel_of(point)) for tumor in tumors for point in tumor.mark.inside_zyx]
    starts = [*(np.asarray(p.start_zyx) for p in placements), *points]
    stops = [*(np.asarray(p.stop_zyx) for p in placements), *(point + 1 for point in points)]
    start = np.clip(np.floor(np.min(starts, axis=0)), 0, shape - 1).astype(int)
    stop = np.clip(np.ceil(np.max(stops, axis=0)), start + 1, shape).astype(int)
    (z, y, x), (stop_z, stop_y, stop_x) = start.tolist(), stop.tolist()
    return (z, y, x), (stop_z, stop_y, stop_x)
