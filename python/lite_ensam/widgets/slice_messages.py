"""The slices that a browser asked for, as one message: pictures in 8 bits, and what they show of the masks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeAlias

from numpy.typing import NDArray

from lite_ensam.widgets.planes import LabelPatch, Plane, label_patch, windowed
from lite_ensam.widgets.segmenter import LesionSegmenter
from lite_ensam.widgets.slabs import Slab, VolumeSlices

__all__ = ["ScanPicture", "VisitPicture", "Want", "slices_message"]

Want: TypeAlias = tuple[int, int, bool]
"""Number of the plane, slice, and whether its picture is wanted too, or the masks only.

Planes 0, 1 and 2 are those of the scan; 3, 4 and 5 show the prior visit on the same slices.
"""


class VisitPicture(Protocol):
    """The part of one visit that a plane shows."""

    def values(self, plane: Plane, index: int, slab: Slab | None = None) -> NDArray[Any]:
        """Grey values (rows, columns) of a slice or slab, in the array's own directions."""
        ...

    def value(self, zyx: Sequence[int]) -> float:
        """Grey value at a voxel (z, y, x) of the scan."""
        ...

    def label_patch(self, plane: Plane, index: int) -> LabelPatch | None:
        """The masks of a slice; None while the scan has no masks."""
        ...


class ScanPicture(VolumeSlices):
    """The scan itself, and the masks that its segmenter has painted."""

    def __init__(self, segmenter: LesionSegmenter) -> None:
        super().__init__(segmenter.ct, segmenter.grid.spacing_mm)
        self._segmenter = segmenter

    def value(self, zyx: Sequence[int]) -> float:
        """Grey value at a voxel (z, y, x)."""
        z, y, x = zyx
        return float(self._segmenter.ct[z, y, x])

    def label_patch(self, plane: Plane, index: int) -> LabelPatch | None:
        """The masks of a slice; None while the scan has no masks."""
        painting = self._segmenter.painting
        return None if painting is None else label_patch(painting.part, plane, index)


def slices_message(
    visits: Sequence[VisitPicture],
    planes: Sequence[Plane],
    wants: Iterable[Want],
    window: tuple[float, float],
    slab: Slab | None,
    mask_version: int,
) -> tuple[dict[str, Any], list[bytes]]:
    """The requested slices, masks and values as one message.

    Parameters
    ----------
    visits : Sequence[VisitPicture]
        The scan, and the prior visit if there is one.
    planes : Sequence[Plane]
        Axial, coronal and sagittal of the scan.
    window : tuple[float, float]
        Values shown as black and as white.
    slab : Slab or None
        Slices that are shown as one; masks are those of the middle slice.
    mask_version : int
        Version of the masks; the browser drops masks of other versions.

    Returns
    -------
    tuple[dict[str, Any], list[bytes]]
        The message, and its buffers: for each slice its picture, if it is wanted, then its label patch, if
        there are masks at all.
    """
    slices, buffers = [], []
    for number, index, with_image in wants:
        visit, plane = visits[number // len(planes)], planes[number % len(planes)]
        entry: dict[str, Any] = {"plane": number, "index": index, "image": with_image}
        if with_image:
            buffers.append(windowed(visit.values(plane, index, slab), window).tobytes())
        if (patch := visit.label_patch(plane, index)) is not None:
            entry["patch"] = {"start": patch.start, "shape": patch.codes.shape, "labels": patch.labels}
            buffers.append(patch.codes.tobytes())
        slices.append(entry)
    message = {
        "kind": "slices",
        "window": list(window),
        "slab": None if slab is None else {"how": slab.how, "mm": slab.mm},
        "mask_version": mask_version,
        "slices": slices,
    }
    return message, buffers
