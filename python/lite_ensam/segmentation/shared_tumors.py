"""Lines that lie on one tumour: each would get a share of its voxels, and both volumes would be too small."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from lite_ensam.segmentation.painting import TumorLogits

__all__ = ["shared_tumor_notes"]


def shared_tumor_notes(tumors: Sequence[TumorLogits], threshold: float = 0.0) -> list[str]:
    """A note on each pair of lines that the network saw on one tumour.

    Parameters
    ----------
    tumors : Sequence[TumorLogits]
        The tumours of one scan, before they compete for voxels.
    threshold : float, default 0.0
        Logit above which a voxel is tumour.
    """
    return [
        f"marks {one} and {other} seem to lie on one tumour, which is divided between them: give a tumour one line"
        for one, other in _shared(tumors, threshold)
    ]


def _shared(tumors: Sequence[TumorLogits], threshold: float) -> Iterator[tuple[int, int]]:
    if len(tumors) < 2:
        return
    tumors = [tumor.without_added() for tumor in tumors]
    # of each line its two ends and its middle: (line, point, z y x)
    points = np.array([[*tumor.mark.endpoints_zyx, tumor.mark.midpoint_zyx] for tumor in tumors])
    inside = np.array([_is_tumor(tumor, points, threshold) for tumor in tumors])
    both_ends, middle = np.logical_and(inside[..., 0], inside[..., 1]), inside[..., 2]
    for n, one in enumerate(tumors):
        for m, other in enumerate(tumors[:n]):
            if both_ends[n, m] or both_ends[m, n] or (middle[n, m] and middle[m, n]):
                yield other.mark.label, one.mark.label


def _is_tumor(tumor: TumorLogits, points_zyx: NDArray[np.float64], threshold: float) -> NDArray[np.bool_]:
    """Whether points (..., 3) of the volume, in the network's frame, lie in what the network calls this tumour."""
    voxels = np.rint(tumor.placement.to_patch(points_zyx)).astype(np.int64)
    on_patch: NDArray[np.bool_] = np.asarray(((voxels >= 0) & (voxels < tumor.logits.shape)).all(axis=-1))
    z, y, x = np.moveaxis(np.where(on_patch[..., None], voxels, 0), -1, 0)
    competes = tumor.mark.may_hold(np.rint(points_zyx[..., 0]).astype(np.int64))
    found: NDArray[np.bool_] = on_patch & competes & (tumor.logits[z, y, x] > threshold)
    return found
