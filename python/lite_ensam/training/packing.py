"""A data folder small enough to carry: what training cuts out of the scans, in fewer grey levels, in one .tar.xz.

The archive unpacks to the folder layout that `lite-ensam train` reads. Scans are cut to the cubes of their
lesions, averaged to no finer voxels than those of a crop, and kept in every other one of the 256 levels of
`grey_levels`: steps of 8 HU in soft tissue, 24 in lung, in 8 bits; shapes and backgrounds go along.
"""

from __future__ import annotations

import gzip
import io
import json
import lzma
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam import _kernels
from lite_ensam.core.case import Case
from lite_ensam.core.errors import CaseError, OutputError
from lite_ensam.core.grid import Grid
from lite_ensam.core.types import Float64Array, IntTriple, Labels, Mask, float_triple, int_triple
from lite_ensam.datasets import CaseFiles
from lite_ensam.datasets.training_cases import find_training_cases
from lite_ensam.io import atomic_write, check_outputs, read_ct, read_labels, write_ct, write_mask
from lite_ensam.io.atomic import atomic_folder
from lite_ensam.io.nifti import read_nifti_labels
from lite_ensam.training.crop_cache import LINES_A_SIDE, SIDE
from lite_ensam.training.grey_levels import HU_OF_GREY, to_grey

__all__ = ["pack", "unpack"]

_ROOM = 1.1
"""Beyond the cube of a line, for readers whose own line lies a little off it."""

_BACKGROUND_MM = (5.0, 1.8, 1.8)
"""No finer voxels (z, y, x) of a background, which is as many scans of trunks have it."""

_LEVELS = ".levels.nii.gz"
"""End of the names of an archive's scans, which are levels instead of HU."""

_PACKED_HU: NDArray[np.int16] = np.rint((HU_OF_GREY[::2] + HU_OF_GREY[1::2]) / 2).astype(np.int16)
"""HU of the levels of an archive: the middles of pairs."""


def pack(data: Path, archive: Path, overwrite: bool = False) -> int:
    """Write all that can be trained on of a folder of cases into an archive.

    Parameters
    ----------
    data : Path
        Folder with `train/<source>/<case>/{ct.nii.gz, ...}`, and optionally `backgrounds/` and `shapes/`.
    archive : Path
        The .tar.xz to write.
    overwrite : bool, default False
        Whether an archive that is there may be replaced.

    Returns
    -------
    int
        Size of the archive in bytes.

    Raises
    ------
    CaseError
        If no case is found, or one cannot be read.
    OutputError
        If the archive cannot be written, or would lie in the data.
    """
    check_outputs([(archive, (".xz",))], [data], overwrite)
    kept = find_training_cases(data).train
    with (
        atomic_write(archive, overwrite) as file,
        lzma.open(file, "wb", preset=6) as compressed,
        tarfile.open(fileobj=compressed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
        tempfile.TemporaryDirectory() as unpacked,
    ):
        for files in kept:
            for path in _packed_case(files, Path(unpacked)):
                _add(tar, path, f"train/{files.source}/{files.name}/{path.name}")
        for path in _packed_backgrounds(data / "backgrounds", Path(unpacked)):
            _add(tar, path, f"backgrounds/{path.name}")
        for path in sorted((data / "shapes").rglob("*")):
            if path.is_file():
                _add(tar, path, f"shapes/{path.parent.name}/{path.name}")
    return archive.stat().st_size


def unpack(archive: Path, folder: Path) -> Path:
    """The folder of an archive's cases; one that is there is taken as it is.

    Parameters
    ----------
    archive : Path
        Archive of `pack`.
    folder : Path
        Folder to write to; if it exists, the archive is not read.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    CaseError
        If the archive cannot be read.
    OutputError
        If the folder cannot be made; nothing of it is left.
    """
    if folder.is_dir():
        return folder
    try:
        with atomic_folder(folder) as unfinished:
            with tarfile.open(archive, "r:xz") as tar:
                tar.extractall(unfinished, filter="data")
            for path in unfinished.rglob(f"*{_LEVELS}"):
                levels, source = read_nifti_labels(path)
                write_ct(path.with_name(path.name.replace(_LEVELS, ".nii.gz")), _PACKED_HU[levels], source)
                path.unlink()
    except OutputError:  # an OSError too, of what is written
        raise
    except (OSError, tarfile.TarError, lzma.LZMAError, EOFError) as error:
        raise CaseError(f"{archive}: cannot be unpacked as a .tar.xz of cases ({error})") from None
    return folder


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    """Add a file, without owner and date; gzip inside is undone, for xz does better on what is not compressed."""
    content = path.read_bytes()
    if path.name.endswith(".gz"):
        content = gzip.compress(gzip.decompress(content), compresslevel=0, mtime=0)
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _packed_case(files: CaseFiles, folder: Path) -> Iterator[Path]:
    """Files of a case, cut and averaged."""
    case = files.read()
    box = _lesion_box(case)
    lengths = [mark.length_mm(case.grid.spacing_mm) for mark in case.marks]
    factors = _factors(case.grid, np.full(3, min(lengths) * LINES_A_SIDE / SIDE))
    yield from _written(
        folder / f"ct{_LEVELS}", _levels(_averaged(case.volume, box, factors)), case.grid, box, factors
    )
    if case.reference is not None:
        labels = _by_majority({n: case.reference == n for n in _values(case.reference)}, box, factors)
        yield from _written(folder / "labels.nii.gz", labels, case.grid, box, factors)
    for name in ("readers", "known"):
        path = files.ct.with_name(f"{name}.nii.gz")
        if path.is_file():
            bits = read_labels(path, case.source)
            packed = _by_majority({1 << n: (bits >> n) & 1 == 1 for n in range(8)}, box, factors)
            yield from _written(folder / path.name, packed, case.grid, box, factors)
    start, step = np.array(box[0]), np.array(factors)
    marks = folder / "marks.json"
    entries = [
        {
            "label": mark.label,
            "endpoints_zyx": ((np.array(mark.endpoints_zyx) + 0.5 - start) / step - 0.5).round(4).tolist(),
        }
        for mark in case.marks
    ]
    marks.write_text(json.dumps({"marks": entries}))
    yield marks


def _packed_backgrounds(folder: Path, unpacked: Path) -> Iterator[Path]:
    for region_path in sorted(folder.glob("*_region.nii.gz")):
        ct_path = folder / region_path.name.replace("_region", "")
        ct, source = read_ct(ct_path)
        box: tuple[IntTriple, IntTriple] = ((0, 0, 0), source.grid.shape_zyx)
        factors = _factors(source.grid, np.array(_BACKGROUND_MM))
        yield from _written(
            unpacked / ct_path.name.replace(".nii.gz", _LEVELS),
            _levels(_averaged(ct, box, factors)),
            source.grid,
            box,
            factors,
        )
        regions = read_labels(region_path, source)
        region = _by_majority({n: regions == n for n in _values(regions)}, box, factors)
        yield from _written(unpacked / region_path.name, region, source.grid, box, factors)


_Box = tuple[IntTriple, IntTriple]


def _lesion_box(case: Case) -> _Box:
    """The voxels of all cubes of a case's lines, with some room."""
    spacing, shape = np.array(case.grid.spacing_mm), np.array(case.grid.shape_zyx)
    low, high = shape.copy(), np.zeros(3, dtype=int)
    for mark in case.marks:
        reach = mark.length_mm(case.grid.spacing_mm) * LINES_A_SIDE * _ROOM / 2 / spacing + 2
        middle = np.array(mark.midpoint_zyx)
        low = np.minimum(low, np.floor(middle - reach).astype(int))
        high = np.maximum(high, np.ceil(middle + reach).astype(int) + 1)
    return int_triple(np.clip(low, 0, shape)), int_triple(np.clip(high, 0, shape))


def _factors(grid: Grid, finest_mm: Float64Array) -> IntTriple:
    """How many voxels become one on each axis, so that none is finer than asked."""
    return int_triple(np.maximum(np.floor(finest_mm / grid.spacing_mm), 1))


def _averaged(array: NDArray[Any], box: _Box, factors: IntTriple) -> NDArray[np.float32]:
    start, stop = box
    shape = int_triple(np.maximum((np.array(stop) - start) // factors, 1))
    step = float_triple(factors)
    return _kernels.crop_resample(np.ascontiguousarray(array), float_triple(start), step, shape)


def _levels(hu: NDArray[np.float32]) -> NDArray[np.uint8]:
    return to_grey(hu) // 2


def _values(labels: Labels) -> list[int]:
    values: list[int] = np.unique(labels).tolist()
    return [value for value in values if value]


def _by_majority(masks: Mapping[int, Mask], box: _Box, factors: IntTriple) -> NDArray[np.uint8]:
    """Each mask's value (or bit) where more than half of a voxel is in the mask."""
    shape = tuple(np.maximum((np.array(box[1]) - box[0]) // factors, 1).tolist())
    packed = np.zeros(shape, dtype=np.uint8)
    for value, mask in masks.items():
        if mask.any():
            packed |= np.uint8(value) * (_averaged(mask.astype(np.uint8), box, factors) > 0.5)
    return packed


def _written(path: Path, array: NDArray[Any], grid: Grid, box: _Box, factors: IntTriple) -> Iterator[Path]:
    """The file of an array that was cut out of a grid and averaged."""
    step = np.array(factors, dtype=float)
    affine = np.array(grid.affine)
    first = np.array(box[0]) + (step - 1) / 2
    affine[:3, 3] += grid.affine[:3, [2, 1, 0]] @ first
    affine[:3, :3] *= step[::-1]
    shape: IntTriple = array.shape  # type: ignore[assignment]
    packed = Grid.from_affine(shape, affine)
    write_mask(path, array, packed, overwrite=True)
    yield path
