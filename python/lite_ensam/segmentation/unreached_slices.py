"""Given first and last slices that a mask does not reach: line and slices may be of different tumours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lite_ensam.core.partial_volume import TumorMasks
from lite_ensam.core.recist import RecistMark
from lite_ensam.segmentation.painting import Painting

__all__ = ["unreached_slice_notes"]


def unreached_slice_notes(painting: Painting, marks: Sequence[RecistMark]) -> list[str]:
    """A note on each given slice that has no voxel of its tumour.

    Parameters
    ----------
    painting : Painting
        Label map of the scan.
    marks : Sequence[RecistMark]
        The marks, in its frame.
    """
    told = [mark for mark in marks if (mark.first_slice, mark.last_slice) != (None, None)]
    masks = TumorMasks(painting.part)
    notes = []
    for mark in told:
        filled = np.flatnonzero(masks[mark.label].voxels.any(axis=(1, 2)))
        if not filled.size:
            continue
        first, last = (int(z) + masks[mark.label].start_zyx[0] for z in (filled[0], filled[-1]))
        if mark.first_slice not in (None, first):
            notes.append(
                f"mark {mark.label}: first_slice is {mark.first_slice}, but the mask begins at slice {first}"
            )
        if mark.last_slice not in (None, last):
            notes.append(
                f"mark {mark.label}: last_slice is {mark.last_slice}, but the mask ends at slice {last}"
            )
    return notes
