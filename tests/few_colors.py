"""Pictures of the documentation, small enough to be cloned with the sources."""

import numpy as np
from PIL import Image


def with_few_colors(picture: Image.Image) -> Image.Image:
    """The picture with 64 greys and 192 colours, among them those that few pixels have (a line, a legend)."""
    image = picture.convert("RGB")
    colors = image.quantize(192, Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*np.repeat(np.linspace(0, 255, 64).astype(int), 3), *colors])
    return image.quantize(palette=palette, dither=Image.Dither.NONE)
