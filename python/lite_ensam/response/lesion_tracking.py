"""Match the lesions of a later scan to earlier ones: by identity, else by their place after a rigid registration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lite_ensam.core.case import Case
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import Float64Array
from lite_ensam.response.matching import NEAR_MM, Match, match_by_identity, match_by_place, renamed
from lite_ensam.response.registration import register_scans, transform_points

__all__ = ["TrackedLesions", "track_lesions"]


@with_short_repr
@dataclass(frozen=True)
class TrackedLesions:
    """Marks of a later scan with the labels, names and tracking UIDs of baseline.

    Parameters
    ----------
    marks : tuple[RecistMark, ...]
        Marks of the later scan, in their own order.
    matches : tuple[Match, ...]
        One match for each mark.
    lost : tuple[RecistMark, ...]
        Marks of baseline that no mark of the later scan matches.
    how : str
        How lesions were matched, in words.
    """

    marks: tuple[RecistMark, ...]
    matches: tuple[Match, ...]
    lost: tuple[RecistMark, ...]
    how: str


def track_lesions(before: Case, now: Case, near_mm: float = NEAR_MM) -> TrackedLesions:
    """Match the marks of a later scan with the lesions of baseline.

    Parameters
    ----------
    before, now : Case
        Scan and marks of baseline and of the later visit.
    near_mm : float, default NEAR_MM
        How far from its earlier place a lesion may lie, in mm; for a large lesion half its length, if that is
        more.

    Returns
    -------
    TrackedLesions
        Marks with the identity of baseline's lesions, and how they were matched.

    Raises
    ------
    CaseError
        If identity does not say it all and the scans do not fit upon each other.
    MissingExtraError
        If SimpleITK is needed and not installed.
    """
    matches = {one.label: one for one in match_by_identity(before.marks, now.marks)}
    how = "tracking UIDs and names"
    taken = {one.before for one in matches.values()}
    left = [mark for mark in now.marks if mark.label not in matches]
    free = [mark for mark in before.marks if mark.label not in taken]
    if left and free:
        transform, way = _transform(before, now)
        how = f"{how}; {way}" if matches else way
        places = {
            mark.label: transform_points(transform, before.grid.voxel_to_mm(mark.midpoint_zyx))
            for mark in free
        }
        reach = {mark.label: max(near_mm, mark.radius_mm(before.grid.spacing_mm)) for mark in free}
        here = {mark.label: now.grid.voxel_to_mm(mark.midpoint_zyx) for mark in left}
        matches |= {one.label: one for one in match_by_place(places, here, reach)}
    found = tuple(matches.get(mark.label, Match(mark.label, None)) for mark in now.marks)
    seen = {one.before for one in found}
    return TrackedLesions(
        renamed(now.marks, before.marks, found),
        found,
        tuple(mark for mark in before.marks if mark.label not in seen),
        how,
    )


def _transform(before: Case, now: Case) -> tuple[Float64Array, str]:
    """From the world of the one scan to that of the other, and how it was found."""
    if "" != before.source.frame_of_reference_uid == now.source.frame_of_reference_uid:
        return np.eye(4), "place in the common frame of reference"
    found = register_scans(before.volume, before.grid, now.volume, now.grid)
    return found.transform, f"place after a rigid registration (SimpleITK; {found.sentence})"
