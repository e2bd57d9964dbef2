"""Parts of the viewer's own 3D picture: the surface of each mask and its line, in world mm."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from lite_ensam.core.grid import Grid
from lite_ensam.core.partial_volume import SubVolume, TumorMasks
from lite_ensam.core.recist import RecistMark
from lite_ensam.figures.surface import surface_of

__all__ = ["surfaces_message"]


def surfaces_message(
    painted: SubVolume | None, marks: Iterable[RecistMark], grid: Grid
) -> tuple[dict[str, Any], list[bytes]]:
    """Surfaces of all masks, as one message.

    Parameters
    ----------
    painted : SubVolume or None
        Box of the label map; None if no mask is shown.
    marks : Iterable[RecistMark]
        The lines; a line whose label has no voxel is left out.
    grid : Grid
        Grid of the map.

    Returns
    -------
    tuple[dict[str, Any], list[bytes]]
        The message, and two buffers for each surface: float32 vertices (n, 3) in world mm (x, y, z), then
        uint32 triangles (m, 3).
    """
    surfaces, buffers = [], []
    masks = None if painted is None else TumorMasks(painted)
    for mark in marks if masks is not None else ():
        surface = surface_of(masks[mark.label], grid)  # type: ignore[index]
        if not len(surface.triangles):
            continue
        line_mm = grid.voxel_to_mm(mark.endpoints_zyx)
        surfaces.append({"label": mark.label, "line_mm": np.round(line_mm, 3).tolist()})
        buffers += [surface.vertices_mm.astype("<f4").tobytes(), surface.triangles.astype("<u4").tobytes()]
    return {"kind": "surfaces", "surfaces": surfaces}, buffers
