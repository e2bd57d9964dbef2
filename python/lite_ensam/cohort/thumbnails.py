"""Axial slices of tumours out of their scans and masks on disk: no more of a scan is kept than is shown."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from lite_ensam.cohort.manifest import CohortCase
from lite_ensam.cohort.record import MASK, case_folder
from lite_ensam.core.errors import LiteEnsamError
from lite_ensam.core.grid import Grid
from lite_ensam.core.partial_volume import VoxelBox, slices, subvolume_containing
from lite_ensam.core.recist import RecistMark
from lite_ensam.figures.tumor_planes import TumorPicture, render_thumbnail
from lite_ensam.io import open_scan, read_labels

__all__ = ["thumbnails"]

_AROUND = 1.5
"""Half the side that is cut out, in lengths of the line; at least `_LEAST_MM`."""

_LEAST_MM = 30.0

_READERS = 2
"""Scans that are inflated ahead of the one that is drawn; each keeps no more than its slice."""


def thumbnails(
    tumors: Iterable[tuple[CohortCase, Mapping[str, Any]]], folder: str | os.PathLike[str]
) -> Iterator[bytes | LiteEnsamError]:
    """A PNG for each tumour of cases that are done: slice of its line, line and mask.

    The error instead, where scan or mask cannot be read any more, or matplotlib is missing.
    """
    with ThreadPoolExecutor(_READERS) as readers:
        cuts = [readers.submit(_cut, row, tumor, folder) for row, tumor in tumors]
        for cut in cuts:
            try:
                yield render_thumbnail(cut.result())
            except LiteEnsamError as error:
                yield error


def _cut(row: CohortCase, tumor: Mapping[str, Any], folder: str | os.PathLike[str]) -> TumorPicture:
    start, stop = np.asarray(tumor["line_zyx"], dtype=float).tolist()
    mark = RecistMark(int(tumor["label"]), (tuple(start), tuple(stop)))
    scan = open_scan(row.ct, referred_by=row.marks or row.reference or None, **row.choice)
    grid = scan.source.grid
    box = _box(mark, grid)
    part = subvolume_containing(scan.read_case((mark,), [box], hu=scan.known_hu).ct, box)
    inside = slices(
        np.subtract(box[0], part.start_zyx).tolist(), np.subtract(box[1], part.start_zyx).tolist()
    )
    labels = read_labels(Path(case_folder(folder, row)) / MASK, scan.source)
    affine = grid.affine.copy()
    affine[:3, 3] = grid.voxel_to_mm(box[0])
    voxels = np.ascontiguousarray(part.voxels[inside])
    first, last = (np.subtract(end, box[0]).tolist() for end in mark.endpoints_zyx)
    near = RecistMark(mark.label, (tuple(first), tuple(last)))
    here = Grid(voxels.shape, grid.spacing_mm, affine)
    return TumorPicture(voxels, here, near, labels[slices(*box)] == mark.label)


def _box(mark: RecistMark, grid: Grid) -> VoxelBox:
    """The line's slice, and around it what is shown."""
    half_mm = max(_LEAST_MM, _AROUND * mark.length_mm(grid.spacing_mm))
    half = np.array([0.0, *(half_mm / np.asarray(grid.spacing_mm[1:]))])
    low = np.clip(np.floor(mark.midpoint_zyx - half), 0, np.subtract(grid.shape_zyx, 1)).astype(int)
    high = np.clip(np.ceil(mark.midpoint_zyx + half) + 1, low + 1, grid.shape_zyx).astype(int)
    high[0] = low[0] + 1
    (z0, y0, x0), (z1, y1, x1) = low.tolist(), high.tolist()
    return (z0, y0, x0), (z1, y1, x1)
