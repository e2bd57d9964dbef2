"""The size of a mask beside that of the ellipse or ellipsoid whose axes the user gave."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lite_ensam.segmentation.painting import TumorLogits

__all__ = ["shrink_to_axes"]

_AREA = 0.9
"""Area of a contour on the line's slice, over that of the ellipse with both axes: median 0.87 of 366 nodules (standard
deviation 11 %), 0.94 of 10 sarcomas (4 %)."""

_VOLUME, _VOLUME_OF_ONE = 0.78, 0.6
"""Volume of a contour over that of the ellipsoid with both axes and the height of its n slices: 0.78 + 0.6 / n, as the
medians are of nodules with 3, 4-5, 6-8, 9-14 and more slices (0.99, 0.91, 0.87, 0.80, 0.74), and of sarcomas (0.84)."""

_WEIGHT = 0.6
_HALF_WEIGHT_PIXELS = 8.0
"""How far the logarithm of a size goes to that of the axes; half as far for a short axis of 8 pixels, because an end
that is a pixel off matters more there (docs/developer/experiments.md, 18)."""

_MOST = 1.0
"""The most that logits are lowered: no voxel is lost to which the network gives odds of more than 2.7 : 1."""


def shrink_to_axes(tumor: TumorLogits) -> TumorLogits:
    """Lower all logits if the mask is larger than the given axes suggest.

    With a short axis, the area on the line's slice is compared with that of the ellipse. With first and last slice as
    well, the volume is then compared with that of the ellipsoid. A smaller mask stays as it is.

    Parameters
    ----------
    tumor : TumorLogits
        From a lesion crop, whose voxels are cubes; its logits are not changed.
    """
    mark, place = tumor.mark, tumor.placement
    if not mark.short_axis_zyx:
        return tumor
    # in patch voxels: contours go around whole pixels, axes from the middle of one to that of another
    pixel = 1 / math.sqrt(place.step_zyx[1] * place.step_zyx[2])
    length, width = (
        place.length_in_patch(ends) + pixel for ends in (mark.endpoints_zyx, mark.short_axis_zyx)
    )
    weight = _WEIGHT / (1 + (_HALF_WEIGHT_PIXELS * pixel / width) ** 2)
    n_rows = len(tumor.logits)
    own = min(max(round(float(place.to_patch(mark.midpoint_zyx)[0])), 0), n_rows - 1)
    expected = _AREA * math.pi / 4 * length * width
    lowered = _excess(tumor.logits[own : own + 1], np.ones(1), expected, weight)
    if mark.both_slices:
        first, last = mark.both_slices
        begin, end = place.to_patch([(first - 0.5, 0, 0), (last + 0.5, 0, 0)])[:, 0]
        rows = np.arange(n_rows)
        shares = np.clip(np.minimum(rows + 0.5, end) - np.maximum(rows - 0.5, begin), 0, 1)
        fullness = _VOLUME + _VOLUME_OF_ONE / (last - first + 1)
        expected = fullness * math.pi / 6 * length * width * float(end - begin)
        lowered += _excess(tumor.logits - np.float32(lowered), shares, expected, weight)
    return replace(tumor, logits=tumor.logits - np.float32(lowered)) if lowered else tumor


def _excess(
    logits: NDArray[np.float32], shares: NDArray[np.float64], expected: float, weight: float
) -> float:
    """How much logits are too high, so that the size of their mask goes a part of the way to what is expected.

    Parameters
    ----------
    logits : NDArray[np.float32]
        Logits (z, y, x).
    shares : NDArray[np.float64]
        Share (z,) of each row's voxels that counts, 0 to 1.
    expected : float
        Expected size in voxels.
    weight : float
        Part of the way, on a logarithmic scale.
    """
    in_mask = logits > 0
    values = logits[in_mask]
    order = np.argsort(-values)
    sizes = np.cumsum(np.broadcast_to(shares[:, None, None], logits.shape)[in_mask][order])
    if not len(sizes) or sizes[-1] <= expected:
        return 0.0
    aim = sizes[-1] ** (1 - weight) * expected**weight
    return min(float(values[order][np.searchsorted(sizes, aim)]), _MOST)
