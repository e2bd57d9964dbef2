"""The sheet shows each source's crops with their outlines and lines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from lite_ensam.core.errors import OutputError
from lite_ensam.training.crop_cache import SIDE, LesionCropCache
from lite_ensam.training.crop_gallery import GAP, LINE_RGB, OUTLINE_RGB, tile, write_gallery


def test_a_tile_shows_the_line_inside_the_outline(bank: LesionCropCache) -> None:
    pixels = tile(bank[0])
    line = np.argwhere((pixels == LINE_RGB).all(axis=2))
    outline = np.argwhere((pixels == OUTLINE_RGB).all(axis=2))
    assert len(line) > 20
    assert len(outline) > 60
    # a ball: the line is as long as the outline is wide, and lies on its middle row
    assert np.ptp(line[:, 1]) == pytest.approx(np.ptp(outline[:, 1]), abs=2)
    assert set(line[:, 0]) <= {SIDE // 2 - 1, SIDE // 2}


def test_a_sheet_has_a_block_of_rows_for_each_source(bank: LesionCropCache, tmp_path: Path) -> None:
    path = tmp_path / "sheet.png"
    write_gallery(path, bank, {"globes": 2, "balls": 1}, columns=1)
    side = SIDE + GAP
    assert imread(path).shape[:2] == (3 * side + 3 * GAP, side)
    with pytest.raises(OutputError, match="exists"):
        write_gallery(path, bank, {"balls": 1})
