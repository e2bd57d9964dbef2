"""A bank of lesion crops on disk: cutting and resampling scans in every step would cost more than the network.

Each crop is a cube around one line, a little larger and finer than the network's patch, so that random
sub-crops, turns and jittered lines can be drawn from it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lite_ensam import _kernels
from lite_ensam.core.case import Case
from lite_ensam.core.errors import MarkError, TrainingError, brief, printable
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark, mark_from_mask
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import EndpointPair, FloatTriple, Mask, endpoint_pair, float_triple
from lite_ensam.io import atomic_write
from lite_ensam.io.atomic import translate_output_errors
from lite_ensam.segmentation.patch_plan import Placement
from lite_ensam.training.grey_levels import to_grey
from lite_ensam.training.label_pieces import in_large_pieces

SIDE = 80
"""Voxels a side of a crop: 28 a line, where patches of 48 voxels have 19. No other value was tried, as
far as is recorded."""

LINES_A_SIDE = 2.9
"""Side of a crop in lengths of its line: the patch's 2.5 and room for lines that are drawn too long."""

INDEX = "index.json"
"""A folder without it is not a complete crop cache."""

MOST_CONTOURS = 6
"""A bit each; what all agree on comes first. LIDC has four readers at most."""

KNOWN_BIT = 7
"""Of a voxel that holds image: beyond a scan's border nothing is known, and nothing is learnt."""

_FEWEST_VOXELS = 8
"""A reader's contour of fewer is not learnt from: two voxels a side say little of a shape. The value was not compared
with others, as far as is recorded."""


@with_short_repr
@dataclass(frozen=True)
class LesionCrop:
    """One lesion in a cube, perhaps contoured by several readers.

    Parameters
    ----------
    grey : NDArray[np.uint8]
        Uint8 (SIDE, SIDE, SIDE), see `grey_levels`.
    bits : NDArray[np.uint8]
        Uint8 (SIDE, SIDE, SIDE): bit i is contour i, bit `KNOWN_BIT` marks voxels inside the scan.
    lines : tuple[EndpointPair, ...]
        End points of the line of each contour, voxel indices in the cube; contour 0 is the consensus of the
        readers.
    native_voxel_zyx : FloatTriple
        Voxel size of the scan (z, y, x), in voxels of the cube.
    source, name : str
        Source and name of the case.
    in_pieces : bool, default False
        Whether the lesion's label consists of several large pieces, see `in_large_pieces`.
    """

    grey: NDArray[np.uint8]
    bits: NDArray[np.uint8]
    lines: tuple[EndpointPair, ...]
    native_voxel_zyx: FloatTriple
    source: str
    name: str
    in_pieces: bool = False

    def contour(self, number: int = 0) -> Mask:
        """Contour's mask, bool (SIDE, SIDE, SIDE)."""
        return np.asarray((self.bits >> number) & 1, dtype=np.bool_)


@with_short_repr
@dataclass(frozen=True)
class Contours:
    """Readers' contours of one lesion, on its scan's voxels.

    Parameters
    ----------
    marks : tuple[RecistMark, ...]
        One line for each mask.
    masks : tuple[Mask, ...]
        Bool (z, y, x); the first is the consensus of the readers.
    known : Mask or None, default None
        Bool (z, y, x), voxels inside the scan; None is everywhere.
    """

    marks: tuple[RecistMark, ...]
    masks: tuple[Mask, ...]
    known: Mask | None = None

    @classmethod
    def of_case(cls, case: Case, mark: RecistMark) -> Contours:
        """The reference of a marked lesion."""
        if case.reference is None:
            raise TrainingError(f"case {case.name!r} has no reference mask to learn from")
        return cls((mark,), (case.reference == mark.label,))

    def with_readers(self, readers: NDArray[np.uint8], spacing_mm: FloatTriple) -> Contours:
        """The readers' own contours added, bit i of `readers` being reader i's; what is too small to mark is not."""
        marks, masks = list(self.marks), list(self.masks)
        for reader in range(8):
            mask = np.asarray((readers >> reader) & 1, dtype=np.bool_)
            if np.count_nonzero(mask) < _FEWEST_VOXELS or len(masks) == MOST_CONTOURS:
                continue
            try:
                marks.append(mark_from_mask(mask, spacing_mm, 1))
            except MarkError:
                continue
            masks.append(mask)
        return replace(self, marks=tuple(marks), masks=tuple(masks))


def cut(case: Case, mark: RecistMark, source: str, contours: Contours | None = None) -> LesionCrop:
    """The crop of one marked lesion of a case with a reference mask, or with contours of readers."""
    contours = contours or Contours.of_case(case, mark)
    grid = case.grid
    placement = Placement.lesion_placement(
        mark.outer_endpoints_zyx(), grid.spacing_mm, grid.shape_zyx, LINES_A_SIDE, SIDE
    )
    box = placement.start_zyx, placement.step_zyx, placement.patch_shape_zyx

    def shares(mask: Mask) -> NDArray[np.float32]:
        return _kernels.crop_resample(np.ascontiguousarray(mask).view(np.uint8), *box)

    z, y, x = (
        (edges > 0) & (edges < side)
        for edges, side in zip(
            (placement.to_volume(np.arange(SIDE)[:, None].repeat(3, 1)) + 0.5).T, grid.shape_zyx, strict=True
        )
    )
    known = z[:, None, None] & y[None, :, None] & x[None, None, :]
    if contours.known is not None:
        known &= shares(contours.known) > 0.99
    bits = known.astype(np.uint8) << KNOWN_BIT
    for number, mask in enumerate(contours.masks):
        bits |= (known & (shares(mask) > 0.5)).astype(np.uint8) << number
    return LesionCrop(
        grey=to_grey(_kernels.crop_resample(case.volume, *box)),
        bits=bits,
        lines=tuple(endpoint_pair(placement.to_patch(drawn.endpoints_zyx)) for drawn in contours.marks),
        native_voxel_zyx=float_triple(1 / np.asarray(placement.step_zyx)),
        source=source,
        name=f"{case.name}/{mark.label}",
        in_pieces=in_large_pieces(contours.masks[0]),
    )


def turned_views(case: Case, mark: RecistMark) -> Iterator[tuple[Case, RecistMark]]:
    """The two views with another axis called z, of a case whose voxels are cubes; of others none.

    A nodule seen from the side is another nodule; the line is redrawn on the new slices.
    """
    spacing = case.grid.spacing_mm
    if case.reference is None or max(spacing) > 1.05 * min(spacing):
        return
    for axes in ((1, 0, 2), (2, 1, 0)):
        ct, reference = case.volume.transpose(axes), case.reference.transpose(axes)
        new_mark = mark_from_mask(reference == mark.label, spacing, mark.label)
        grid = Grid.from_spacing(ct.shape, spacing)
        yield replace(case, ct=ct, reference=reference, grid=grid, marks=(new_mark,)), new_mark


def write_bank(folder: Path, crops: Iterable[LesionCrop]) -> int:
    """Write crops into `folder`; returns how many. The index comes last, so an incomplete crop cache is never read.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    with translate_output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    entries: list[dict[str, Any]] = []
    with _bank_file(folder / "grey.bin") as grey, _bank_file(folder / "bits.bin") as bits:
        for crop in crops:
            grey.write(crop.grey.tobytes())
            bits.write(crop.bits.tobytes())
            names = ("lines", "native_voxel_zyx", "source", "name", "in_pieces")
            entries.append({name: getattr(crop, name) for name in names})
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

    def __init__(self, folders: Sequence[Path]) -> None:
        self._entries: list[tuple[int, int, dict[str, Any]]] = []
        self._grey: list[NDArray[np.uint8]] = []
        self._bits: list[NDArray[np.uint8]] = []
        for folder in folders:
            index = _read_index(folder)
            shape = (len(index["crops"]), SIDE, SIDE, SIDE)
            with _damage_told(folder):
                self._grey.append(np.memmap(folder / "grey.bin", np.uint8, "r", shape=shape))
                self._bits.append(np.memmap(folder / "bits.bin", np.uint8, "r", shape=shape))
            self._entries += [(len(self._grey) - 1, i, entry) for i, entry in enumerate(index["crops"])]
        self.by_source: dict[str, list[int]] = {}
        for i, (_, _, entry) in enumerate(self._entries):
            self.by_source.setdefault(entry["source"], []).append(i)

    def __len__(self) -> int:
        return len(self._entries)

    def names(self) -> list[tuple[str, str]]:
        """Source and name of each crop."""
        return [(entry["source"], entry["name"]) for _, _, entry in self._entries]

    def lines(self) -> list[tuple[EndpointPair, ...]]:
        """The lines of each crop's contours."""
        return [tuple(endpoint_pair(ends) for ends in entry["lines"]) for _, _, entry in self._entries]

    def in_pieces(self) -> dict[tuple[str, str], bool]:
        """Whether each lesion's label consists of several large pieces; caches of earlier versions do not say it."""
        return {(one["source"], one["name"]): one.get("in_pieces", False) for _, _, one in self._entries}

    def native_voxels(self) -> list[FloatTriple]:
        """The scan's own voxel of each crop."""
        return [float_triple(entry["native_voxel_zyx"]) for _, _, entry in self._entries]

    def arrays(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Grey levels and bits of all crops, (n, SIDE, SIDE, SIDE)."""
        return np.concatenate(self._grey), np.concatenate(self._bits)

    def __getitem__(self, i: int) -> LesionCrop:
        volume, row, entry = self._entries[i]
        return LesionCrop(
            grey=self._grey[volume][row],
            bits=self._bits[volume][row],
            lines=tuple(endpoint_pair(ends) for ends in entry["lines"]),
            native_voxel_zyx=float_triple(entry["native_voxel_zyx"]),
            source=entry["source"],
            name=entry["name"],
            in_pieces=entry.get("in_pieces", False),
        )


def _read_index(folder: Path) -> dict[str, Any]:
    with _damage_told(folder):
        index: dict[str, Any] = json.loads((folder / INDEX).read_text())
        side, crops = index["side"], index["crops"]
        _ = [(c["source"], c["name"], c["native_voxel_zyx"], c["lines"]) for c in crops]
    if side != SIDE:
        raise TrainingError(f"bank {folder} holds crops of side {side}, expected {SIDE}")
    return index


@contextmanager
def _damage_told(folder: Path) -> Iterator[None]:
    """Errors of a truncated, missing or invalid index, as a `TrainingError`."""
    try:
        yield
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise TrainingError(
            f"{printable(folder)}: the crops are damaged ({brief(str(error))}); delete the folder, and they are cut "
            "again"
        ) from error
