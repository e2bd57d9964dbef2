"""The message that takes slices to the browser: grey pictures, and what they show of the label map."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from lite_ensam._typing import CtVolume
from lite_ensam.parts import Part
from lite_ensam.widgets.planes import Plane, label_patch, windowed_slice

__all__ = ["Want", "slices_message"]

Want: TypeAlias = tuple[int, int, bool]
"""Number of the plane, slice, and whether its picture is wanted too, or the masks only."""


def slices_message(
    ct: CtVolume,
    painted: Part | None,
    planes: Sequence[Plane],
    wants: Iterable[Want],
    window: tuple[float, float],
    mask_version: int,
) -> tuple[dict[str, Any], list[bytes]]:
    """What is wanted of the scan, as one message.

    Parameters
    ----------
    ct : (z, y, x)
    painted : the label map's box, or None without masks
    planes : what the numbers in `wants` count
    window : values shown as black and as white
    mask_version : of `painted`; the browser forgets masks of another

    Returns
    -------
    The message, and its buffers: for each slice its picture, if it is wanted, then its label patch, if there are
    masks at all.

    Raises
    ------
    KeyError, TypeError, ValueError, IndexError
        If `wants` or `window` are none.
    """
    low, high = window
    slices, buffers = [], []
    for number, index, with_image in wants:
        plane = planes[int(number)]
        entry: dict[str, Any] = {"plane": number, "index": index, "image": bool(with_image)}
        if with_image:
            buffers.append(windowed_slice(ct, plane, int(index), (float(low), float(high))).tobytes())
        if painted is not None:
            patch = label_patch(painted, plane, int(index))
            entry["patch"] = {"start": patch.start, "shape": patch.codes.shape, "labels": patch.labels}
            buffers.append(patch.codes.tobytes())
        slices.append(entry)
    message = {"kind": "slices", "window": [low, high], "mask_version": mask_version, "slices": slices}
    return message, buffers
