"""NRRD and MetaImage files, and the geometry of ITK's images.

ITK's world is LPS; its arrays, as NumPy sees them, are in the file's order, slowest axis first (k, j, i).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lite_ensam.core.errors import CaseError
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.core.types import CtVolume, Float64Array, Labels, PathLike
from lite_ensam.core.voxels import as_ct, as_labels
from lite_ensam.io.atomic import atomic_write
from lite_ensam.io.reading import file_suffix, opened, translate_io_errors

if TYPE_CHECKING:
    from lite_ensam.io.stored_voxels import VolumeHeader

__all__ = [
    "ITK_OUTPUT_SUFFIXES",
    "ITK_SUFFIXES",
    "itk_files",
    "itk_source",
    "read_itk_ct",
    "read_itk_labels",
    "write_itk",
]

ITK_OUTPUT_SUFFIXES = (".nrrd", ".mha")
"""One file each. Headers whose voxels lie in a second file are only read: two files cannot be replaced at once."""

ITK_SUFFIXES = (*ITK_OUTPUT_SUFFIXES, ".nhdr", ".mhd")

_NRRD_SUFFIXES = (".nrrd", ".nhdr")
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])

_LEVEL = 4
"""Of compression, as NIfTI files have it."""

_GZIP = 16
"""Added to zlib's window, it writes gzip instead of zlib."""


def read_itk_ct(path: PathLike) -> tuple[CtVolume, ScanSource]:
    """Scan (z, y, x) of a NRRD or MetaImage file; errors as `read_ct`."""
    return _read(path, as_ct)


def read_itk_labels(path: PathLike) -> tuple[Labels, ScanSource]:
    """Label map (z, y, x) of a NRRD or MetaImage file, uint8 or uint16; errors as `read_ct`."""
    return _read(path, as_labels)


def write_itk(path: PathLike, volume: NDArray[Any], source: ScanSource, overwrite: bool = False) -> None:
    """Write a (z, y, x) array as a compressed .nrrd or .mha in the axis order and place of the source's file.

    Raises
    ------
    OutputError
        If it cannot be written; nothing half-written is left.
    """
    from lite_ensam.io.meta_header import meta_header
    from lite_ensam.io.nrrd_header import nrrd_header

    stored = source.to_file(volume)
    stored = np.ascontiguousarray(stored, dtype=stored.dtype.newbyteorder("<"))
    affine, is_nrrd = _LPS_TO_RAS @ source.file_affine, file_suffix(path) == ".nrrd"
    packer = zlib.compressobj(_LEVEL, wbits=zlib.MAX_WBITS + (_GZIP if is_nrrd else 0))
    with atomic_write(path, overwrite) as file:
        packed = packer.compress(stored.data) + packer.flush()
        if is_nrrd:
            file.write(nrrd_header(source.file_shape, affine, stored.dtype))
        else:
            file.write(meta_header(source.file_shape, affine, stored.dtype, len(packed)))
        file.write(packed)


def itk_source(
    shape_ijk: tuple[int, ...], spacing: ArrayLike, origin: ArrayLike, direction: ArrayLike
) -> ScanSource:
    """Source of an ITK image.

    Parameters
    ----------
    shape_ijk : tuple[int, ...]
        Voxels, fastest axis first.
    spacing, origin : ArrayLike
        3 mm each, in i, j, k and in LPS.
    direction : ArrayLike
        9 or (3, 3), row by row.

    Raises
    ------
    CaseError
        If it is not an image of three axes, or its geometry makes no sense.
    """
    if len(shape_ijk) != 3:
        raise CaseError(
            f"a CT or mask has three axes, this image is {len(shape_ijk)}D of shape {shape_ijk} (i, j, k)"
        )
    affine: Float64Array = np.eye(4)
    affine[:3, :3] = np.asarray(direction, dtype=np.float64).reshape(3, 3) * np.asarray(spacing)
    affine[:3, 3] = origin
    return ScanSource.from_file_affine(shape_ijk, _LPS_TO_RAS @ affine)


def itk_files(path: PathLike) -> tuple[PathLike, ...]:
    """A NRRD or MetaImage file and those that hold its voxels; errors as `read_ct`."""
    return path, *(file for file in _read_header(path).voxels.files if file != Path(path))


def _read(path: PathLike, convert: Callable[[NDArray[Any]], NDArray[Any]]) -> tuple[NDArray[Any], ScanSource]:
    header = _read_header(path)
    with translate_io_errors(path):
        shape = header.voxels.shape_kji[::-1]
        with np.errstate(all="ignore"):  # what is not finite then, is refused by Grid
            source = ScanSource.from_file_affine(shape, _LPS_TO_RAS @ header.affine_lps)
        voxels = convert(header.voxels.read())
        return source.from_file(voxels), source.with_notes(header.notes)


def _read_header(path: PathLike) -> VolumeHeader:
    # milliseconds that users of NIfTI need not pay
    from lite_ensam.io.meta_header import read_meta_header
    from lite_ensam.io.nrrd_header import read_nrrd_header

    read_header = read_nrrd_header if file_suffix(path) in _NRRD_SUFFIXES else read_meta_header
    with opened(path) as file:
        return read_header(file, path)
