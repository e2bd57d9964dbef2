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
from lite_ensam.core.errors import MissingExtraError
from lite_ensam.core.partial_volume import PartialScan, VoxelBox, slices, subvolume_containing
from lite_ensam.core.types import CtVolume, FloatTriple
from lite_ensam.segmentation.painting import Painting, TumorLogits

__all__ = ["BORDERS", "Border", "check_edge_extra", "mask_to_image_edge", "refine_to_image_edge"]

Border = Literal["readers", "edge"]
"""Border of masks: "readers" as the training contours were drawn, "edge" at the edge that the scan shows."""

BORDERS: tuple[Border, ...] = get_args(Border)
"""All values of `Border`, the default first."""

Bools = NDArray[np.bool_]
Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]

_REACH = 0.12
"""How far a border may move, in lengths of the line. Readers draw about a voxel outside of what is seen
(decision 0013); no record says why this share."""

_LEAST_REACH_PIXELS = 2.0
"""The least reach, for small tumours: twice what readers are off.

The values below, but for `_LEAST_SHARE`, were chosen on ellipsoids of known volume (decision 0013)."""

_LOCAL = 0.35
"""Standard deviation of the bell under which inside and outside are averaged, in lengths of the line: so near that
a tumour between liver and lung has a threshold on each side."""

_LEAST_CONTRAST = 2.0
"""Of inside to outside, in standard deviations of the noise; where it is less, no edge is seen and the border stays."""

_LEAST_SHARE = 0.15
"""Of the surroundings nearby, for those darker than the tumour, or those brighter, to count. No other
value was tried, as far as is recorded."""

_MOST_BLUR_PIXELS = 1.2
"""Most smoothing, of the faintest tumours."""

_BLUR_TIMES_CONTRAST = 2.0
"""The grey values are smoothed by this many pixels divided by the contrast in standard deviations of the noise."""

_NEIGHBOURHOOD = np.zeros((3, 3, 3), np.uint8)
_NEIGHBOURHOOD[1] = 1
_NEIGHBOURHOOD[::2, 1, 1] = 1
_LEAST_ALIKE = 4
"""A voxel that agrees with fewer of its ten neighbours (eight in its slice, two next to it) is taken for noise.
A plain majority would round small tumours off (decision 0013)."""


def check_edge_extra() -> None:
    """Raise MissingExtraError without SciPy."""
    try:
        import scipy.ndimage  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("border edge needs SciPy: pip install 'lite-ensam[edge]'") from error


def refine_to_image_edge(
    painting: Painting, tumors: Sequence[TumorLogits], ct: CtVolume | PartialScan, spacing_mm: FloatTriple
) -> Painting:
    """Move the border of each tumour to the edge that is seen in the scan.

    Each voxel of a band around the border (0.12 lengths of the line to both sides, at least two pixels) is tumour if
    it is nearer to the mean of the tumour's core around it than to that of what surrounds the tumour there: of what is
    darker than the core, for a voxel that is darker, of what is brighter, for one that is brighter. Where they differ
    from the core by less than twice the noise, the border stays where it was. Voxels that
    disagree with most of their neighbours are turned over. No tumour takes a voxel of another or vanishes; pieces
    that are not connected with its core are left out. In slices thicker than the reach, borders move within
    slices alone.

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

    Raises
    ------
    MissingExtraError
        Without SciPy (extra `edge`).
    """
    check_edge_extra()
    before, origin = painting.part.voxels, painting.part.start_zyx
    after, claims = before.copy(), np.zeros(before.shape, np.uint8)
    masks = _kernels.label_boxes(before, max(tumor.mark.label for tumor in tumors)) + origin
    for tumor in tumors:
        label = tumor.mark.label
        length_mm = tumor.mark.length_mm(spacing_mm)
        reach_mm = _reach_mm(length_mm, spacing_mm)
        margin = np.ceil(3 * reach_mm / np.asarray(spacing_mm)) + 1
        box = _within_patch(tumor, masks[label][0] - margin, masks[label][1] + margin)
        here = slices(*(np.subtract(end, origin).tolist() for end in box))
        part = subvolume_containing(ct, box)
        grey = part.voxels[slices(*(np.subtract(end, part.start_zyx).tolist() for end in box))]
        mask = before[here] == label
        other = (before[here] != 0) & ~mask
        snapped = _snap(mask, other, grey.astype(np.float32), spacing_mm, reach_mm, _LOCAL * length_mm)
        after[here][mask] = 0
        after[here][snapped] = label
        claims[here] += snapped
    after[claims > 1] = 0  # background that two tumours reach for stays background
    return Painting(replace(painting.part, voxels=after), painting.recovered)


def mask_to_image_edge(
    mask: Bools, ct: CtVolume, spacing_mm: FloatTriple, length_mm: float, known: Bools | None = None
) -> Bools:
    """Move the border of one mask to the edge that is seen in the scan, as `refine_to_image_edge` does.

    Parameters
    ----------
    mask : NDArray[np.bool_]
        Bool (z, y, x), a tumour.
    ct : CtVolume
        The scan (z, y, x), HU or grey levels.
    spacing_mm : FloatTriple
        Spacing in mm, (z, y, x).
    length_mm : float
        Length of the tumour's line in mm.
    known : NDArray[np.bool_] or None, default None
        Bool (z, y, x), voxels that hold image; None is everywhere.

    Returns
    -------
    NDArray[np.bool_]
        Bool (z, y, x), the tumour up to its edge.

    Raises
    ------
    MissingExtraError
        Without SciPy (extra `edge`).
    """
    check_edge_extra()
    moved = np.zeros_like(mask)
    if not mask.any():
        return moved
    reach_mm = _reach_mm(length_mm, spacing_mm)
    margin = np.ceil(3 * reach_mm / np.asarray(spacing_mm)) + 1
    (first, last) = _kernels.label_boxes(mask.astype(np.uint16), 1)[1]
    first, last = np.maximum(first - margin, 0), np.minimum(last + margin, mask.shape)
    box = slices(first.astype(int).tolist(), last.astype(int).tolist())
    beyond = np.zeros_like(mask[box]) if known is None else ~known[box]
    grey = ct[box].astype(np.float32)
    moved[box] = _snap(mask[box], beyond, grey, spacing_mm, reach_mm, _LOCAL * length_mm)
    return moved


def _reach_mm(length_mm: float, spacing_mm: FloatTriple) -> float:
    return max(_REACH * length_mm, _LEAST_REACH_PIXELS * float(np.mean(spacing_mm[1:])))


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


def _snap(
    mask: Bools, other: Bools, grey: Float32Array, spacing_mm: FloatTriple, reach_mm: float, local_mm: float
) -> Bools:
    """One tumour's new mask on its box; `other` are voxels that belong to other tumours."""
    from scipy import ndimage

    outwards = ndimage.distance_transform_edt(~mask, sampling=spacing_mm)
    inwards = ndimage.distance_transform_edt(mask, sampling=spacing_mm)
    core = inwards > min(reach_mm, 0.6 * float(inwards.max()))
    shell = (outwards > 0.5 * reach_mm) & (outwards < 2 * reach_mm) & ~other
    band = (outwards <= reach_mm) & (inwards <= reach_mm) & ~other
    if not (core.any() and shell.any() and band.any()):
        return mask
    sigma = np.maximum(local_mm, 1.5 * reach_mm) / np.asarray(spacing_mm)
    inside, _ = _mean_nearby(grey, core, sigma)
    # darker and brighter surroundings (lung, an aorta) apart: their common mean may be as bright as the tumour
    sides = [_mean_nearby(grey, shell & side, sigma) for side in (grey < inside, grey >= inside)]
    around = np.where(grey < inside, *(mean for mean, _ in sides))
    noise = float(np.sqrt((np.var((grey - inside)[core]) + np.var((grey - around)[shell])) / 2))
    weight = sides[0][1] + sides[1][1]
    to_darker, to_brighter = (
        np.where(share > _LEAST_SHARE * weight, np.abs(mean - inside), np.float32(0)) for mean, share in sides
    )
    contrast = np.maximum(to_darker, to_brighter)
    seen = float(np.median(contrast[band]))
    blur = min(_BLUR_TIMES_CONTRAST * noise / max(seen, 1e-6), _MOST_BLUR_PIXELS)
    above = ndimage.gaussian_filter(grey, blur * min(spacing_mm[1:]) / np.asarray(spacing_mm)) - inside
    nearer_inside = ((to_darker == 0) | (above > -to_darker / 2)) & (
        (to_brighter == 0) | (above < to_brighter / 2)
    )
    sure = band & (contrast > _LEAST_CONTRAST * noise)
    if not sure.any():
        return mask
    snapped = np.where(sure, nearer_inside, mask) | core
    inside_here = ndimage.correlate(snapped.astype(np.uint8), _NEIGHBOURHOOD)
    alike = np.where(snapped, inside_here, _NEIGHBOURHOOD.sum() - inside_here) - 1
    snapped = (snapped ^ (sure & (alike < _LEAST_ALIKE))) | core
    parts, _ = ndimage.label(snapped, np.ones((3, 3, 3)))
    kept = np.unique(parts[core])  # a piece of wall in the band may be larger than a small tumour
    return np.isin(parts, kept)


def _mean_nearby(grey: Float32Array, where: Bools, sigma: Float64Array) -> tuple[Float32Array, Float32Array]:
    """Mean of the voxels `where`, weighted by a bell about each voxel; and the sum of the weights."""
    weights = _wide_bell(where.astype(np.float32), sigma)
    sums = _wide_bell(np.where(where, grey, np.float32(0)), sigma)
    return np.asarray(sums / np.maximum(weights, 1e-6)), weights


def _wide_bell(values: Float32Array, sigma: Float64Array) -> Float32Array:
    """SciPy's `gaussian_filter` as a matrix product along each axis.

    These bells are as wide as a third of the line, hundreds of voxels: a product takes a fifth of the
    filter's time.
    """
    from scipy import ndimage

    for axis, (side, width) in enumerate(zip(values.shape, sigma, strict=True)):
        weights = ndimage.gaussian_filter1d(np.eye(side, dtype=np.float32), width, axis=0)
        values = np.moveaxis(np.tensordot(weights, values, (1, axis)), 0, axis)
    return values
