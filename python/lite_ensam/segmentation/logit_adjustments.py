"""Logits brought to what the marks say and to how readers draw, before they are painted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.types import Float64Array
from lite_ensam.segmentation.painting import TumorLogits
from lite_ensam.segmentation.patch_plan import Placement

__all__ = [
    "anchor_endpoints",
    "anchor_prompts",
    "fade_far",
    "fill_end_slices",
    "raise_few_slices",
    "raise_hardly_known",
]

_HELD_SHARE = 0.1
"""Width (standard deviation) of the bell that holds an end of a line, in lengths of the line: two voxels
of a patch of 48. From 1.5 to 3 voxels the Dice coefficient was the same within 0.002 (decision 0012)."""

_POINT_SHARE = 0.4
_POINT_MOST = 1.0
"""About a point that the user gave, a bell this wide, in lengths of the line, and at most this high is added or taken
off before the narrow one: a point says that a region is wrong, not a voxel (docs/developer/experiments.md, 11). A
network that is surer of the region keeps it; what `raise_hardly_known` added there does not count."""

_ACROSS_SHARE = 0.25
_ACROSS_MOST = 2.0
"""Width, in lengths of the line, and most height of the bells at the ends of a short axis that the user gave. More
height helps exact axes more, and harms those whose ends are a voxel off (docs/developer/experiments.md, 17)."""

_HELD_LOGIT = 0.2
"""The logit to which an end is raised: slightly above 0, because resampling to the scan's voxels blurs."""

_NEAR = 1.5
"""Half-lengths of the line from its middle within which logits stay as they are: beyond lie 4.3 % of the volume of 24
sarcomas and 2.0 % of that of 1,484 nodules (decision 0020)."""

_FADING = 2.0
"""Logits taken off for each half-length of the line beyond `_NEAR`: the least of the values that were tried (2, 4, 8),
because more of them cost held-out sarcomas more (decision 0020)."""

_END_LOGIT = 1.5
_END_MM = 1.0
"""Added before a given first or last slice: this much where the slice ends, and e times less each `_END_MM` before. The
network reaches such a slice with half of the tumour's area on it (docs/developer/experiments.md, 12)."""

_THIN_MM, _THICK_MM = 1.0, 2.25
"""On slices up to `_THIN_MM` nothing is added before a given end, from `_THICK_MM` on all of `_END_LOGIT`: contours
taper on thin slices and end flat on thick ones (decision 0028)."""

_FEW_SLICES, _ENOUGH_SLICES = 3.0, 5.5
_FEW_LOGIT = 0.5
"""Added to all logits if the line is at most as long as `_FEW_SLICES` slices are thick; less for more slices, nothing
from `_ENOUGH_SLICES` on (decision 0028)."""

_KNOWN = 0.3, 3.0
_FOLLOWED = 0.2, 1.0
_MOST_LACKING = 3.0
"""In a tumour that the network knows, no more than 30 % of the points on the axes have a logit below 3; otherwise it is
flagged. If in addition more than 20 % are below 1, what is lacking is added, `_MOST_LACKING` at most (decision
0029)."""

_SHARE_AT = (0.8, 1.3), (2.0, 0.0)
"""How far from the middle, in half axes, and how many times what is lacking is added there."""

_LEAST_AXIS_POINTS = 7
"""A third of the points on a line: with fewer of them in tissue, it says nothing."""

_POINT_WEIGHT = 5
"""Points on the axes that a point counts as which the user gave inside: a quarter of the line."""

_MOST_RAISED = 3.0
"""Most that is added: beyond, the network gives an end odds of less than 1 : 20."""


def fade_far(tumor: TumorLogits) -> TumorLogits:
    """Ask for more the farther a voxel is from the line: masks of large tumours run on along muscles otherwise.

    The line is the longest diameter of all axial slices, and sarcomas have 4 % of their volume farther than 1.5
    half-lengths from its middle, nodules 2 %. Logits fade softly, so that long tumours that are clearly seen stay whole
    (decision 0020). Where first and last slice are given, nothing fades.

    Parameters
    ----------
    tumor : TumorLogits
        From a lesion crop, whose voxels are cubes; with the logits as the network gave them, which are
        not changed.
    """
    mark, placement = tumor.mark, tumor.placement
    if mark.both_slices:
        return tumor
    half = placement.length_in_patch(mark.endpoints_zyx) / 2
    z, y, x = (
        np.square((np.arange(n) - middle) / half, dtype=np.float32)
        for n, middle in zip(tumor.logits.shape, placement.to_patch(mark.midpoint_zyx), strict=True)
    )
    beyond = np.sqrt(z[:, None, None] + y[:, None] + x) - np.float32(_NEAR)
    return replace(tumor, logits=tumor.logits - np.float32(_FADING) * np.maximum(beyond, 0))


def raise_hardly_known(
    tumor: TumorLogits, tissue_on_axes: Float64Array, before_clicks: NDArray[np.float32] | None = None
) -> TumorLogits:
    """Notice a tumour whose axes the network hardly follows, and raise its logits: a kind that it hardly knows.

    Line and short axis lie in the tumour. Where they lie in lung or air, they were drawn too long, and say nothing.
    Points that the user gave inside count as well, but only for a tumour whose axes alone are not followed: in others
    they mend a region, not the whole. Most is added in the ellipsoid of the axes and of the first and last slice,
    nothing far outside of it. Points say where the ellipsoid is wrong: with one inside, what is lacking is added
    far outside as well, with one outside, no more than that is added anywhere. Where the network found nothing on the
    axes, logits stay as they are (decision 0029).

    Parameters
    ----------
    tumor : TumorLogits
        From a lesion crop, with the logits as the network gave them, which are not changed.
    tissue_on_axes : Float64Array
        Patch indices (n, 3) of points on the axes, as `Patch` has them.
    before_clicks : NDArray[np.float32] or None, default None
        Logits without the mark's points, which decide whether the network knows the tumour: points do not change that.
        None is those of the tumour.
    """
    mark, place = tumor.mark, tumor.placement
    if len(tissue_on_axes) < _LEAST_AXIS_POINTS:
        return tumor
    on_axes = _at_points(tumor.logits, tissue_on_axes)
    without_points = on_axes if before_clicks is None else _at_points(before_clicks, tissue_on_axes)
    if not _lacking(without_points, *_KNOWN) > 0:
        return tumor
    tumor = replace(tumor, is_hardly_known=True)
    if not (max(on_axes) > 0 and _lacking(on_axes, *_FOLLOWED) > 0):
        return tumor
    on_points = _at_points(tumor.logits, place.to_patch(np.reshape(mark.inside_zyx, (-1, 3))))
    lacking = min(_lacking(on_axes + _POINT_WEIGHT * on_points, *_FOLLOWED), _MOST_LACKING)
    share = np.interp(_half_axes_away(tumor), *_SHARE_AT)
    if on_points:
        share = np.maximum(share, 1)
    if mark.outside_zyx:
        share = np.minimum(share, 1)
    added = np.float32(lacking) * share.astype(np.float32)
    return replace(tumor, logits=tumor.logits + added, added=added)


def raise_few_slices(tumor: TumorLogits) -> TumorLogits:
    """Raise all logits of a tumour that spans few slices: readers draw whole slices, the network too little of them.

    Logits stay as they are if first and last slice are given, or if no tumour was found, which `paint_tumors` recovers
    (decision 0028).

    Parameters
    ----------
    tumor : TumorLogits
        From a lesion crop, whose voxels are cubes; its logits are not changed.
    """
    mark, placement = tumor.mark, tumor.placement
    if mark.both_slices or not (tumor.logits > 0).any():
        return tumor
    slices = placement.length_in_patch(mark.endpoints_zyx) * placement.step_zyx[0]
    raised = np.interp(slices, (_FEW_SLICES, _ENOUGH_SLICES), (_FEW_LOGIT, 0))
    return replace(tumor, logits=tumor.logits + np.float32(raised)) if raised else tumor


def fill_end_slices(tumor: TumorLogits, voxel_mm: float) -> TumorLogits:
    """Raise the logits towards a given first and last slice: the user says that the tumour ends there, not before.

    Thick slices are raised more than thin ones (decision 0028).

    Parameters
    ----------
    tumor : TumorLogits
        From a lesion crop, whose voxels are cubes in mm; its logits are not changed.
    voxel_mm : float
        Height of a patch voxel in mm.
    """
    mark, placement = tumor.mark, tumor.placement
    heights = np.arange(len(tumor.logits))
    own = placement.to_patch(mark.midpoint_zyx)[0]
    most = _END_LOGIT * _thickness_share(placement, voxel_mm)
    raised = np.zeros(len(heights))
    for z, side in ((mark.first_slice, -1), (mark.last_slice, 1)):
        if z is None or z == mark.slice_index:
            continue
        end = placement.z_in_patch(z + 0.5 * side)
        to_end_mm = (end - heights) * side * voxel_mm
        is_between = (to_end_mm >= 0) & ((heights - own) * side > 0)
        raised[is_between] += most * np.exp(-to_end_mm[is_between] / _END_MM)
    if not raised.any():
        return tumor
    return replace(tumor, logits=tumor.logits + raised.astype(np.float32)[:, None, None])


def anchor_endpoints(tumor: TumorLogits) -> TumorLogits:
    """Raise the logits about the ends of the line until the ends are tumour, as the line says they are.

    A tumour's tip is a voxel or two wide, and a network that is unsure of each of them leaves it out:
    without this, longest diameters come out short (decision 0012). About an end that lies below
    `_HELD_LOGIT`, a bell a tenth of the line wide is added. Where the network is sure that an end
    lies outside, the line was drawn inexactly: more than `_MOST_RAISED` is never added. A tumour of which
    nothing was found is left to `paint_tumors`.

    Parameters
    ----------
    tumor : TumorLogits
        The network's output; its logits are not changed.
    """
    logits = tumor.logits
    if not (logits > 0).any():
        return tumor
    placement, endpoints_zyx = tumor.placement, tumor.mark.endpoints_zyx
    width = max(_HELD_SHARE * placement.length_in_patch(endpoints_zyx), 1.0)
    held = logits.copy()
    for end in placement.to_patch(endpoints_zyx):
        _bring(held, end, _HELD_LOGIT, width, _MOST_RAISED)
    return replace(tumor, logits=held)


def anchor_prompts(tumor: TumorLogits) -> TumorLogits:
    """Bring the logits to what the mark's short axis, slices and points say, as `anchor_endpoints` does for the line.

    The ends of a short axis are tumour, and a voxel beyond them is not. On a first or last slice that the mask does
    not reach, the likeliest voxel is raised, unless the network is sure that the tumour does not go there. About a
    point inside that lies below `_HELD_LOGIT`, a wide and low and a narrow bell are added; about one outside that lies
    above its opposite, they are taken off. Points come last, and have the last word.

    Parameters
    ----------
    tumor : TumorLogits
        The network's output; its logits are not changed.
    """
    mark, placement = tumor.mark, tumor.placement
    slices = [z for z in (mark.first_slice, mark.last_slice) if z is not None]
    known = slices or mark.short_axis_zyx or mark.inside_zyx or mark.outside_zyx
    if not known or not (tumor.logits > 0).any():
        return tumor
    length = placement.length_in_patch(mark.endpoints_zyx)
    width, wide = max(_HELD_SHARE * length, 1.0), max(_POINT_SHARE * length, 1.0)
    held = tumor.logits.copy()
    if mark.short_axis_zyx:
        first, last = np.asarray(mark.short_axis_zyx, dtype=np.float64)
        outwards = (last - first) / max(float(np.linalg.norm(last - first)), 1.0)
        across = max(_ACROSS_SHARE * length, 1.0)
        for end, beyond in ((first, first - outwards), (last, last + outwards)):
            _bring(held, placement.to_patch(end), _HELD_LOGIT, across, _ACROSS_MOST)
            _bring(held, placement.to_patch(beyond), -_HELD_LOGIT, across, _ACROSS_MOST)
    for z in slices:
        on_slice = round(placement.z_in_patch(z))
        if 0 <= on_slice < len(held):
            likeliest = divmod(int(held[on_slice].argmax()), held.shape[2])
            _, *in_plane = np.rint(placement.to_volume((on_slice, *likeliest))).tolist()
            _bring(held, placement.to_patch((z, *in_plane)), _HELD_LOGIT, width, _MOST_RAISED)
    for points, sign in ((mark.inside_zyx, 1.0), (mark.outside_zyx, -1.0)):
        for point in points:
            place = placement.to_patch(point)
            most = _POINT_MOST if tumor.added is None else _POINT_MOST + _between_voxels(tumor.added, place)
            _bring(held, place, sign * _HELD_LOGIT, wide, most)
            _bring(held, place, sign * _HELD_LOGIT, width)
    return replace(tumor, logits=held)


def _lacking(logits: list[float], lowest: float, wanted: float) -> float:
    """How much must be added until all logits but a share, the lowest, are as high as wanted; 0 or less if they are."""
    return wanted - float(np.quantile(logits, lowest))


def _half_axes_away(tumor: TumorLogits) -> Float64Array:
    """Distance of each voxel (z, y, x) from the line's middle, in half axes of the ellipsoid that the mark describes.

    Without a short axis it is as wide as it is long; without a first or last slice, as high to that side.
    """
    mark, place = tumor.mark, tumor.placement
    first, last = place.to_patch(mark.endpoints_zyx)
    middle, half = (first + last) / 2, max(place.length_in_patch(mark.endpoints_zyx) / 2, 0.5)
    y_along, x_along = (last - first)[1:] / max(float(np.linalg.norm(last - first)), 1.0)
    z, y, x = (np.arange(n) - at for n, at in zip(tumor.logits.shape, middle, strict=True))
    along = (y[:, None] * y_along + x * x_along) / half
    across = (y[:, None] * x_along - x * y_along) / half
    if mark.short_axis_zyx:
        ends = (place.to_patch(mark.short_axis_zyx) - middle)[:, 1:] @ (x_along, -y_along)
        across = (across * half - ends.mean()) / max(abs(ends[1] - ends[0]) / 2, 0.5)
    high = np.full(len(z), half)
    for slice_, side in ((mark.first_slice, -1), (mark.last_slice, 1)):
        if slice_ is not None:
            end = place.z_in_patch(slice_ + 0.5 * side)
            high[z * side > 0] = max((end - middle[0]) * side, 0.5)
    away: Float64Array = np.sqrt(np.square(z / high)[:, None, None] + np.square(along) + np.square(across))
    return away


def _thickness_share(placement: Placement, voxel_mm: float) -> float:
    """0 for thin slices, 1 for thick ones.

    Cubes of `_THIN_MM` and more count as thick: scanners hardly make them. Such a scan was resampled, and its tumours
    end as flat as on the slices that it was made from, which are not known.
    """
    steps = placement.step_zyx
    thickness_mm = voxel_mm / steps[0]
    if max(steps) <= 1.001 * min(steps) and thickness_mm > 0.999 * _THIN_MM:
        return 1.0
    return float(np.interp(thickness_mm, (_THIN_MM, _THICK_MM), (0, 1)))


def _bring(
    logits: NDArray[np.float32],
    point_zyx: NDArray[np.float64],
    wanted: float,
    width: float,
    most: float = np.inf,
) -> None:
    """Add a bell about a point, in place, so that the logit there is at least `wanted`, or at most, if that is below 0.

    Parameters
    ----------
    logits : NDArray[np.float32]
        Logits (z, y, x).
    point_zyx : NDArray[np.float64]
        Voxel indices.
    wanted : float
        The wanted logit at the point.
    width : float
        Standard deviation of the bell in voxels.
    most : float, default np.inf
        That is added or taken off at the point.
    """
    lacking = wanted - _between_voxels(logits, point_zyx)
    low = np.maximum(np.floor(point_zyx - 3 * width), 0).astype(int)
    high = np.minimum(np.ceil(point_zyx + 3 * width) + 1, logits.shape).astype(int)
    if lacking * wanted <= 0 or (high - low < 2).any():
        return
    z, y, x = (
        np.exp(-0.5 * ((np.arange(a, b) - place) / width) ** 2)
        for a, b, place in zip(low, high, point_zyx, strict=True)
    )
    bell = (z[:, None, None] * y[None, :, None] * x[None, None, :]).astype(np.float32)
    bell *= np.float32(np.clip(lacking, -most, most) / _between_voxels(bell, point_zyx - low))
    logits[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] += bell


def _at_points(values: NDArray[np.float32], points_zyx: Float64Array) -> list[float]:
    """`_between_voxels` of points (n, 3)."""
    return [_between_voxels(values, point) for point in points_zyx]


def _between_voxels(values: NDArray[np.float32], point_zyx: NDArray[np.float64]) -> float:
    """Trilinear interpolation at a point in voxel indices; outside, the value of the border."""
    inside = np.clip(point_zyx, 0, np.array(values.shape) - 1)
    first = np.minimum(inside.astype(int), np.array(values.shape) - 2)
    z, y, x = first.tolist()
    part = values[z : z + 2, y : y + 2, x : x + 2]
    for share in (inside - first).tolist():
        part = part[0] * (1 - share) + part[1] * share
    return float(part)
