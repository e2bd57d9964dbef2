"""A sheet of what a bank holds: synthetic lesions next to real ones, each on the slice of its line."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lite_ensam.io import atomic_write, check_output
from lite_ensam.training.crop_cache import SIDE, LesionCrop, LesionCropCache
from lite_ensam.training.grey_levels import HU_OF_GREY

Pixels = NDArray[np.uint8]

OUTLINE_RGB, LINE_RGB = (86, 180, 233), (240, 228, 66)
"""Sky blue and yellow of Okabe and Ito's palette."""

HALF_WINDOW_HU, LUNG_WINDOW_HU = 200.0, (-1100.0, 300.0)
"""Grey values from black to white, for people: about the lesion's median, and in lung."""

GAP = 4
"""White pixels between crops."""


def write_gallery(
    path: Path,
    bank: LesionCropCache,
    tiles: dict[str, int],
    columns: int = 14,
    seed: int = 0,
    overwrite: bool = False,
) -> None:
    """Write a PNG of crops drawn at random, a block of rows for each source.

    Parameters
    ----------
    path : Path
        PNG to write.
    bank : LesionCropCache
        Crop cache that the crops are drawn from.
    tiles : dict[str, int]
        Number of crops by source, for the sources that are shown.
    columns : int, default 14
        Number of crops in a row.
    seed : int, default 0
        Seed of the draw.
    overwrite : bool, default False
        Whether a file that is there may be replaced.
    """
    from matplotlib.image import imsave

    check_output(path, overwrite, (".png",))
    rng = np.random.default_rng(seed)
    rows: list[Pixels] = []
    for source, wanted in tiles.items():
        members = bank.by_source[source]
        chosen = rng.permutation(members)[:wanted]
        block = [tile(bank[int(i)]) for i in chosen]
        block += [np.full_like(block[0], 255)] * (-len(block) % columns)
        rows += [np.concatenate(block[i : i + columns], axis=1) for i in range(0, len(block), columns)]
        rows.append(np.full((3 * GAP, rows[-1].shape[1], 3), 255, np.uint8))
    png = BytesIO()
    imsave(png, np.concatenate(rows[:-1]), format="png")
    with atomic_write(path, overwrite) as file:
        file.write(png.getvalue())


def tile(crop: LesionCrop) -> Pixels:
    """The slice of the line with outline and line, uint8 (SIDE + GAP, SIDE + GAP, 3)."""
    start, stop = np.asarray(crop.lines[0])
    z = int(np.clip(round(start[0]), 0, SIDE - 1))
    hu, inside = HU_OF_GREY[crop.grey[z]], crop.contour()[z]
    middle = float(np.median(hu[inside])) if inside.any() else float(np.median(hu))
    in_lung = middle < -150 or np.median(hu) < -400
    low, high = LUNG_WINDOW_HU if in_lung else (middle - HALF_WINDOW_HU, middle + HALF_WINDOW_HU)
    grey = np.clip((hu - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    pixels = np.full((SIDE + GAP, SIDE + GAP, 3), 255, np.uint8)
    picture = pixels[:SIDE, :SIDE]
    picture[:] = grey[..., None]
    padded = np.pad(inside, 1)
    whole = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    picture[inside & ~whole] = OUTLINE_RGB
    along = np.rint(start + np.linspace(0, 1, SIDE)[:, None] * (stop - start)).astype(int)
    _, y, x = np.clip(along, 0, SIDE - 1).T
    picture[y, x] = LINE_RGB
    return pixels
