"""All that is drawn: tumours in three planes, surfaces, charts, pages of HTML."""

from lite_ensam.figures.surface import Surface, surface_of
from lite_ensam.figures.tumor_planes import (
    TumorPicture,
    draw_tumors,
    render_picture,
    render_thumbnail,
    write_picture,
)

__all__ = [
    "Surface",
    "TumorPicture",
    "draw_tumors",
    "render_picture",
    "render_thumbnail",
    "surface_of",
    "write_picture",
]
