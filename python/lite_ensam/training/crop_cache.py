"""A bank of lesion crops on disk: cutting and resampling scans in every step would cost more than the network.

Each crop is a cube around one line, a little larger and finer than the network's patch, so that random
sub-crops, turns and jittered lines can be drawn from it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lite_ensam import _kernels
from lite_ensam.core.case import Case
from lite_ensam.core.errors import TrainingError, brief, printable
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark, mark_from_mask
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.io import atomic_write
from lite_ensam.io.atomic import translate_output_errors
from lite_ensam.segmentation.patch_plan import Placement

SIDE = 96
"""Voxels a side of a crop."""
LINES_A_SIDE = 2.9
"""Side of a crop in lengths of its line: the patch's 2.5 and room for jitter."""
INDEX = "index.json"
"""A folder without it is no bank yet."""
MASK_UNIT = 200
"""Masks are kept as the share of each voxel that is tumour, in these units."""


@with_short_repr
@dataclass(frozen=True)
class LesionCrop:
    """One lesion in a cube.

    Parameters
    ----------
    hu : int16 (SIDE, SIDE, SIDE)
    share : uint8, how much of each voxel is tumour, 0..MASK_UNIT
    endpoints_zyx : (2, 3) voxel indices in the cube
    native_voxel_zyx : the scan's own voxel in voxels of the cube: how coarse the original was
    source, name : where it comes from
    """

    hu: NDArray[np.int16]
    share: NDArray[np.uint8]
    endpoints_zyx: tuple[tuple[float, float, float], tuple[float, float, float]]
    native_voxel_zyx: tuple[float, float, float]
    source: str
    name: str


def cut(case: Case, mark: RecistMark, source: str) -> LesionCrop:
    """The crop of one marked lesion of a case with a reference mask."""
    if case.reference is None:
        raise TrainingError(f"case {case.name!r} has no reference mask to learn from")
    grid = case.grid
    placement = Placement.lesion_placement(
        mark.outer_endpoints_zyx(), grid.spacing_mm, grid.shape_zyx, LINES_A_SIDE, SIDE
    )
    box = placement.start_zyx, placement.step_zyx, placement.patch_shape_zyx
    hu = _kernels.crop_resample(case.volume, *box)
    mask = (case.reference == mark.label).astype(np.uint8)
    share = _kernels.crop_resample(mask, *box) * MASK_UNIT
    return LesionCrop(
        hu=np.rint(np.clip(hu, -1024, 3071)).astype(np.int16),
        share=np.rint(share).astype(np.uint8),
        endpoints_zyx=_pair(placement.to_patch(mark.endpoints_zyx)),
        native_voxel_zyx=_triple(1 / np.asarray(placement.step_zyx)),
        source=source,
        name=f"{case.name}/{mark.label}",
    )


def turned_views(case: Case, mark: RecistMark) -> Iterator[tuple[Case, RecistMark]]:
    """The case itself and, if its voxels are cubes, the two views with another axis called z.

    A nodule seen from the side is another nodule; the line is drawn anew on the new slices.
    """
    yield case, mark
    spacing = case.grid.spacing_mm
    if case.reference is None or max(spacing) > 1.05 * min(spacing):
        return
    for axes in ((1, 0, 2), (2, 1, 0)):
        ct, reference = case.volume.transpose(axes), case.reference.transpose(axes)
        new_mark = mark_from_mask(reference == mark.label, spacing, mark.label)
        grid = Grid.from_spacing(ct.shape, spacing)
        yield replace(case, ct=ct, reference=reference, grid=grid, marks=(new_mark,)), new_mark


def write_bank(folder: Path, crops: Iterable[LesionCrop]) -> int:
    """Write crops into `folder`; returns how many. The index comes last, so half a bank is no bank.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    with translate_output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    entries: list[dict[str, Any]] = []
    with _bank_file(folder / "hu.bin") as hu, _bank_file(folder / "share.bin") as share:
        for crop in crops:
            hu.write(crop.hu.tobytes())
            share.write(crop.share.tobytes())
            entry = asdict(crop)
            del entry["hu"], entry["share"]
            entries.append(entry)
    with atomic_write(folder / INDEX, overwrite=True) as index:
        index.write(json.dumps({"side": SIDE, "crops": entries}).encode())
    return len(entries)


@contextmanager
def _bank_file(path: Path) -> Iterator[BinaryIO]:
    """A file to be written, on the disk when the block ends."""
    with translate_output_errors(path), path.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


class LesionCropCache:
    """Crops of one or more folders, memory-mapped."""

    def __init__(self, folders: list[Path]) -> None:
        self._entries: list[tuple[int, int, dict[str, Any]]] = []
        self._hu: list[NDArray[np.int16]] = []
        self._share: list[NDArray[np.uint8]] = []
        for folder in folders:
            index = _read_index(folder)
            shape = (len(index["crops"]), SIDE, SIDE, SIDE)
            with _damage_told(folder):
                self._hu.append(np.memmap(folder / "hu.bin", np.int16, "r", shape=shape))
                self._share.append(np.memmap(folder / "share.bin", np.uint8, "r", shape=shape))
            self._entries += [(len(self._hu) - 1, i, entry) for i, entry in enumerate(index["crops"])]
        self.by_source: dict[str, list[int]] = {}
        for i, (_, _, entry) in enumerate(self._entries):
            self.by_source.setdefault(entry["source"], []).append(i)

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, i: int) -> LesionCrop:
        volume, row, entry = self._entries[i]
        return LesionCrop(
            hu=self._hu[volume][row],
            share=self._share[volume][row],
            endpoints_zyx=_pair(np.array(entry["endpoints_zyx"])),
            native_voxel_zyx=_triple(np.array(entry["native_voxel_zyx"])),
            source=entry["source"],
            name=entry["name"],
        )


def _read_index(folder: Path) -> dict[str, Any]:
    with _damage_told(folder):
        index: dict[str, Any] = json.loads((folder / INDEX).read_text())
        side, crops = index["side"], index["crops"]
        _ = [(c["source"], c["name"], c["native_voxel_zyx"]) for c in crops]
    if side != SIDE:
        raise TrainingError(f"bank {folder} holds crops of side {side}, expected {SIDE}")
    return index


@contextmanager
def _damage_told(folder: Path) -> Iterator[None]:
    """What a file that is cut off, missing or no index raises, as a `TrainingError`."""
    try:
        yield
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise TrainingError(
            f"{printable(folder)}: the crops are damaged ({brief(str(error))}); delete the folder, and they are cut "
            "again"
        ) from error


def _triple(values: NDArray[np.floating[Any]]) -> tuple[float, float, float]:
    z, y, x = (float(v) for v in values)
    return z, y, x


def _pair(
    ends: NDArray[np.floating[Any]],
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    return _triple(ends[0]), _triple(ends[1])
