"""NIfTI-1 and NIfTI-2 in one file (.nii, .nii.gz): any axis order, dtype and byte order.

nibabel knows the header; the voxels are inflated straight into one array of their stored type, so a
scan is in memory once and never as float64.
"""

import gzip
import math
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from lite_ensam._typing import CtVolume, Labels
from lite_ensam.errors import CaseError
from lite_ensam.io.atomic import atomic_write
from lite_ensam.io.file_grid import FileGrid
from lite_ensam.io.reading import file_suffix, opened
from lite_ensam.io.voxels import as_ct, as_labels

__all__ = ["read_nifti_ct", "read_nifti_labels", "write_nifti"]

_CHUNK = 1 << 20
_SPARE = 64 << 20
"""So many bytes may lie before and behind the voxels; a hostile gzip stream would go on for hours."""

_DEFLATE_LIMIT = 1032
"""Deflate never packs tighter: a header that promises more is damaged, and nothing is allocated for it."""

_GZIP_LEVEL = 4
"""Label maps are almost all zeros; higher levels cost time and save nothing one would notice."""

_HEADERS = {348: nib.Nifti1Header, 540: nib.Nifti2Header}
_SPACING_TOLERANCE = 0.01
"""Largest relative difference between the header's spacing (pixdim) and its affine's."""

_UNITS_NOT_MM = {1: "metres", 3: "microns"}


def read_nifti_ct(path: str | os.PathLike[str]) -> tuple[CtVolume, FileGrid]:
    """Scan of a NIfTI file.

    Returns
    -------
    ct : int16, uint16, uint8 or float32 (z, y, x), scale factors applied; a view with permuted
        strides if the file's axes lie otherwise
    grid : its geometry, with what `write_nifti` needs to write into the same grid

    Raises
    ------
    CaseError
        If the file is missing, truncated, damaged, no NIfTI image, not 3D, or its spacing or affine
        make no sense or disagree; the message names the file and what was found.
    """
    with opened(path) as file:
        stored, grid, scale = _read_stored(file)
        return grid.from_file(as_ct(stored, *scale)), grid


def read_nifti_labels(path: str | os.PathLike[str]) -> tuple[Labels, FileGrid]:
    """Label map, mask or marker of a NIfTI file, as uint8 or uint16 (z, y, x); else as `read_nifti_ct`."""
    with opened(path) as file:
        stored, grid, scale = _read_stored(file)
        values = stored if scale == (1.0, 0.0) else as_ct(stored, *scale)
        return grid.from_file(as_labels(values)), grid


def write_nifti(
    path: str | os.PathLike[str], volume: NDArray[Any], grid: FileGrid, overwrite: bool = False
) -> None:
    """Write a (z, y, x) array into the grid of the file that `grid` was read from.

    Axis order, shape, affine and the header's codes and units are the source's, the dtype is
    `volume`'s. A grid without a header gets a plain one (NIfTI-1, qform and sform the same).

    Parameters
    ----------
    path : .nii or .nii.gz
    volume : shape `grid.shape_zyx`, a real dtype
    grid : from `read_nifti_ct`, or `FileGrid.of` any grid
    overwrite : whether an existing file may be replaced

    Raises
    ------
    OutputError
        If it cannot be written; nothing half-written is left.
    """
    dtype = volume.dtype.newbyteorder("<")
    header = _header_to_write(grid, dtype)
    with atomic_write(path, overwrite) as file, _compressed(file, file_suffix(path) == ".nii.gz") as stream:
        stream.write(header.binaryblock + b"\0\0\0\0")  # the zeros: no header extensions follow
        for slab in grid.to_file(volume):
            stream.write(np.ascontiguousarray(slab, dtype=dtype).data)


def _read_stored(file: BinaryIO) -> tuple[NDArray[Any], FileGrid, tuple[float, float]]:
    """Voxels as stored (k, j, i) in native byte order, their grid, and (slope, intercept)."""
    size = os.fstat(file.fileno()).st_size
    gzipped = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    with gzip.GzipFile(fileobj=file) if gzipped else file as raw:
        stream = cast(BinaryIO, raw)
        header = _read_header(stream)
        grid = _grid_of(header)
        dtype = _dtype_of(header)
        n_bytes = math.prod(grid.shape_zyx) * dtype.itemsize
        if n_bytes > size * (_DEFLATE_LIMIT if gzipped else 1):
            raise EOFError
        stored = np.empty(n_bytes, dtype=np.uint8)
        _skip(stream, _voxel_offset(header) - int(header["sizeof_hdr"]))
        _fill(stream, stored)
        _read_to_end(stream)
    voxels = stored.view(dtype)
    if not dtype.isnative:
        voxels = voxels.byteswap(inplace=True).view(dtype.newbyteorder("="))
    return voxels.reshape(grid.file_shape[::-1]), grid, _scale_of(header)


def _fill(stream: BinaryIO, buffer: NDArray[np.uint8]) -> None:
    """Read until the buffer is full; EOFError if the stream ends before."""
    done = 0
    while done < len(buffer):
        read = stream.readinto(buffer[done : done + _CHUNK].data)  # type: ignore[attr-defined]
        if not read:
            raise EOFError
        done += read


def _skip(stream: BinaryIO, n_bytes: int) -> None:
    while n_bytes > 0:
        chunk = stream.read(min(n_bytes, _CHUNK))
        if not chunk:
            raise EOFError
        n_bytes -= len(chunk)


def _read_to_end(stream: BinaryIO) -> None:
    """A gzip stream checks its CRC and length only at its end."""
    spare = 0
    while chunk := stream.read(_CHUNK):
        spare += len(chunk)
        if spare > _SPARE:
            raise CaseError(f"has more than {_SPARE >> 20} MiB after its last voxel: its header is wrong")


def _read_header(stream: BinaryIO) -> nib.Nifti1Header:
    """The header as it is in the file; nibabel's own checks would repair some faults in silence."""
    start = stream.read(4)
    for order in "<>":
        header_class = _HEADERS.get(struct.unpack(order + "i", start)[0]) if len(start) == 4 else None
        if header_class is not None:
            size = header_class.template_dtype.itemsize
            block = start + stream.read(size - 4)
            if len(block) < size:
                raise EOFError
            header = header_class(block, endianness=order, check=False)
            break
    else:
        raise CaseError("is not a NIfTI image" + ("" if start else " (the file is empty)"))
    magic = header["magic"].item()
    if magic == header.pair_magic:
        raise CaseError("is one half of a .hdr/.img pair; save the scan as one .nii or .nii.gz file")
    if magic != header.single_magic:
        raise CaseError(
            f"is not a NIfTI image: its magic is {magic!r}, expected {header.single_magic!r} "
            "(an Analyze file has no orientation to rely on)"
        )
    if header["pixdim"][0] not in (-1, 1):
        header["pixdim"][0] = 1  # the standard: anything else means 1
    return header


def _grid_of(header: nib.Nifti1Header) -> FileGrid:
    dim = header["dim"].tolist()
    shape = tuple(dim[1 : dim[0] + 1]) if 1 <= dim[0] <= 7 else tuple(dim)
    if len(shape) < 3 or any(n != 1 for n in shape[3:]):
        raise CaseError(f"a CT has three axes, this image is {len(shape)}D of shape {shape}")
    spacing = header["pixdim"][1:4].tolist()
    if not all(math.isfinite(s) and s > 0 for s in spacing):
        raise CaseError(f"spacing must be positive, the header says {spacing} mm (pixdim, file order)")
    unit = _UNITS_NOT_MM.get(int(header["xyzt_units"]) & 7)
    if unit is not None:
        raise CaseError(f"spacing must be in mm, the header says {unit}")
    try:
        with np.errstate(all="ignore"):  # what is not finite then, is refused by Grid
            affine = header.get_best_affine()
    except ValueError as error:
        raise CaseError(f"the header's orientation (qform) makes no sense: {error}") from None
    grid = FileGrid.from_file_affine(shape[:3], affine, header=header)
    of_affine = np.linalg.norm(grid.file_affine[:3, :3], axis=0)
    if not np.allclose(of_affine, spacing, rtol=_SPACING_TOLERANCE, atol=0):
        raise CaseError(
            f"the header contradicts itself: spacing is {_text(spacing)} mm by its pixdim, "
            f"{_text(of_affine)} mm by its affine (file order)"
        )
    return grid


def _dtype_of(header: nib.Nifti1Header) -> np.dtype[Any]:
    code = int(header["datatype"])
    try:
        dtype: np.dtype[Any] = np.dtype(header.get_data_dtype())
    except (HeaderDataError, KeyError):
        raise CaseError(f"unknown voxel type (NIfTI datatype {code})") from None
    if dtype.kind not in "iuf":
        raise CaseError(f"voxels must be real numbers, the file stores {dtype} (NIfTI datatype {code})")
    return dtype


def _voxel_offset(header: nib.Nifti1Header) -> int:
    offset = float(header["vox_offset"])
    lowest = int(header.single_vox_offset)
    if offset > _SPARE:
        raise CaseError(f"its voxels are said to begin at byte {offset:g} (vox_offset), which is too far on")
    return int(offset) if offset > lowest else lowest


def _scale_of(header: nib.Nifti1Header) -> tuple[float, float]:
    """Slope and intercept; a slope of zero or NaN means none (the NIfTI standard)."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    return (1.0, 0.0) if slope == 0 or not math.isfinite(slope) else (slope, intercept)


def _header_to_write(grid: FileGrid, dtype: np.dtype[Any]) -> nib.Nifti1Header:
    """Little-endian header of the grid's file for voxels of another dtype."""
    if grid.header is None:
        fits_nifti1 = max(grid.file_shape) <= np.iinfo(np.int16).max
        header = (nib.Nifti1Header if fits_nifti1 else nib.Nifti2Header)(endianness="<")
        header.set_data_shape(grid.file_shape)
        header.set_qform(grid.file_affine, code="scanner")
        header.set_sform(grid.file_affine, code="scanner")
        header.set_xyzt_units("mm")
        header["magic"] = header.single_magic
    else:
        header = grid.header.as_byteswapped("<")
        for name in ("cal_min", "cal_max", "intent_code", "intent_name", "descrip", "aux_file"):
            header[name] = np.zeros_like(header[name])  # these spoke of the CT's grey values
    header.set_data_dtype(dtype)
    header["scl_slope"], header["scl_inter"] = 1, 0
    header["vox_offset"] = header.single_vox_offset
    return header


def _text(spacing_mm: Iterable[float]) -> str:
    return " x ".join(f"{s:.4g}" for s in spacing_mm)


@contextmanager
def _compressed(file: BinaryIO, gzipped: bool) -> Iterator[BinaryIO]:
    """The file itself, or a gzip stream into it without name and time: same voxels, same bytes."""
    if not gzipped:
        yield file
        return
    with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=_GZIP_LEVEL, mtime=0) as stream:
        yield cast(BinaryIO, stream)
