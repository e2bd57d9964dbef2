"""A still picture of the state, for readers without a kernel: on GitHub, in nbconvert's pages, on paper.

It goes into the cell's output next to the live view, so it has to be cheap: three slices, drawn by Pillow, which
comes with matplotlib. Where nobody watches at all, as under nbconvert or papermill, the picture takes the view's place.
"""

from __future__ import annotations

import base64
import io
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lite_ensam.core.partial_volume import SubVolume
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import CtVolume, FloatTriple
from lite_ensam.widgets.planes import Plane, label_patch, windowed_slice

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ViewerState", "is_watched", "still_png", "with_still"]

_SIDE, _GAP = 448, 6
"""Pixels of the large plane; two small ones stand next to it, one above the other."""

_VIEW = "application/vnd.jupyter.widget-view+json"


def is_watched() -> bool:
    """Whether a cell was run by somebody who can answer: a person's browser, not nbconvert or papermill."""
    if os.environ.get("SERVER_SOFTWARE", "").startswith("voila"):
        return True  # it runs cells as nbconvert does, then shows them live
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    request: dict[str, Any] = getattr(shell, "get_parent", dict)()
    return bool(request.get("content", {}).get("allow_stdin", True))


@with_short_repr
@dataclass(frozen=True, eq=False)
class ViewerState:
    """The state of a viewer at one moment.

    Parameters
    ----------
    ct : CtVolume
        Voxels (z, y, x).
    spacing_mm : FloatTriple
        Spacing in mm, (z, y, x).
    planes : Sequence[Plane]
        The axial, coronal and sagittal plane.
    cursor_zyx : Sequence[int]
        Index of the slice in each plane.
    window : tuple[float, float]
        Values shown as black and as white.
    marks : Sequence[RecistMark]
        The lines.
    colors : Mapping[int, str]
        "#rrggbb" of each label.
    painted : SubVolume or None
        Box of the label map; None if no mask is shown.
    volumes_ml : Mapping[int, float]
        Volume of each segmented lesion in ml, by label.
    """

    ct: CtVolume
    spacing_mm: FloatTriple
    planes: Sequence[Plane]
    cursor_zyx: Sequence[int]
    window: tuple[float, float]
    marks: Sequence[RecistMark]
    colors: Mapping[int, str]
    painted: SubVolume | None
    volumes_ml: Mapping[int, float]


def with_still(bundle: dict[str, Any], state: ViewerState) -> dict[str, Any]:
    """The output of a cell: a widget and the viewer's picture, without the live view where it would stay empty."""
    try:
        png = still_png(state)
    except ImportError:
        return bundle
    kept = {kind: data for kind, data in bundle.items() if is_watched() or kind != _VIEW}
    return kept | {"image/png": base64.b64encode(png).decode()}


def still_png(state: ViewerState) -> bytes:
    """The three planes as the viewer shows them first, with lines and outlines.

    Raises
    ------
    ImportError
        If Pillow is not installed.
    """
    from PIL import Image

    small = (_SIDE - _GAP) // 2
    sheet = Image.new("RGB", (_SIDE + _GAP + small, _SIDE), "white")
    axial, coronal, sagittal = (
        _drawn(state, plane, side) for plane, side in zip(state.planes, (_SIDE, small, small), strict=True)
    )
    sheet.paste(axial, (0, 0))
    sheet.paste(coronal, (_SIDE + _GAP, 0))
    sheet.paste(sagittal, (_SIDE + _GAP, small + _GAP))
    png = io.BytesIO()
    sheet.save(png, "png", compress_level=1)
    return png.getvalue()


def _drawn(state: ViewerState, plane: Plane, side: int) -> Image:
    """A plane in a square."""
    from PIL import Image, ImageDraw

    rows, columns = plane.shape
    height_mm, width_mm = plane.pixel_mm
    scale = side / max(rows * height_mm, columns * width_mm)  # pixels a mm
    size = max(round(columns * width_mm * scale), 1), max(round(rows * height_mm * scale), 1)
    index = state.cursor_zyx[plane.cut]
    grey = windowed_slice(state.ct, plane, index, state.window)
    picture = Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR).convert("RGB")
    _outline(picture, state, plane, index)
    for flipped, how in (
        (plane.flip_across, Image.Transpose.FLIP_LEFT_RIGHT),
        (plane.flip_down, Image.Transpose.FLIP_TOP_BOTTOM),
    ):
        picture = picture.transpose(how) if flipped else picture
    square = Image.new("RGB", (side, side), "black")
    corner = (side - size[0]) // 2, (side - size[1]) // 2
    square.paste(picture, corner)
    pen = ImageDraw.Draw(square)
    if plane.cut == 0:
        for mark in state.marks:
            if mark.slice_index == index:
                ends = [_place(end, plane, size, corner) for end in mark.endpoints_zyx]
                pen.line(ends, fill="black", width=5)
                pen.line(ends, fill=state.colors[mark.label], width=3)
                pen.text(max(ends), _words(mark, state), fill="white", stroke_width=1, stroke_fill="black")
    left, right, top, bottom = plane.sides
    middle = side // 2
    for text, place in (
        *((plane.name, (4, 2)), (left, (4, middle)), (right, (side - 12, middle))),
        *((top, (middle, 2)), (bottom, (middle, side - 14))),
    ):
        pen.text(place, text, fill="white", stroke_width=1, stroke_fill="black")
    return square


def _outline(picture: Image, state: ViewerState, plane: Plane, index: int) -> None:
    """Draw the edges of the masks on a plane's slice, which is not flipped yet."""
    from PIL import Image, ImageChops, ImageFilter

    if state.painted is None:
        return
    patch = label_patch(state.painted, plane, index)
    codes = np.zeros(plane.shape, np.uint8)
    box = tuple(slice(a, a + n) for a, n in zip(patch.start, patch.codes.shape, strict=True))
    codes[box] = patch.codes
    for code, label in enumerate(patch.labels, start=1):
        mask = Image.fromarray(np.where(codes == code, np.uint8(255), np.uint8(0)))
        mask = mask.resize(picture.size, Image.Resampling.NEAREST)
        edge = ImageChops.subtract(mask, mask.filter(ImageFilter.MinFilter(3)))
        picture.paste(state.colors[label], mask=edge)


def _place(
    point: tuple[float, float, float], plane: Plane, size: tuple[int, int], corner: tuple[int, int]
) -> tuple[float, float]:
    """Where the centre of a voxel lies in the square."""
    shares = (point[plane.across] + 0.5) / plane.shape[1], (point[plane.down] + 0.5) / plane.shape[0]
    x, y = (
        corner[n] + size[n] * (1 - share if flipped else share)
        for n, (share, flipped) in enumerate(zip(shares, (plane.flip_across, plane.flip_down), strict=True))
    )
    return x, y


def _words(mark: RecistMark, state: ViewerState) -> str:
    """Its label, line and volume."""
    volume_ml = state.volumes_ml.get(mark.label)
    volume = "" if volume_ml is None else f", {volume_ml:.2f} ml"
    return f"  {mark.label}: {mark.length_mm(state.spacing_mm):.1f} mm{volume}"
