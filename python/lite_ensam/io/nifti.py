"""NIfTI-1 and NIfTI-2 in one file (.nii, .nii.gz): any axis order, dtype and byte order.

The voxels are inflated slice by slice by a kernel, straight into the boxes that are wanted, so a scan is in
memory once at most and never as float64.
"""

from __future__ import annotations

import gzip
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from lite_ensam import _kernels
from lite_ensam.core.errors import CaseError
from lite_ensam.core.partial_volume import PartialScan, SubVolume, VoxelBox, as_subvolume
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.core.types import CtVolume, Labels
from lite_ensam.core.voxels import as_labels, check_numbers, ct_dtype, scaled
from lite_ensam.io.atomic import atomic_write
from lite_ensam.io.nifti_header import NiftiHeader
from lite_ensam.io.reading import file_suffix, opened, translate_io_errors

__all__ = ["NiftiVolume", "read_nifti_ct", "read_nifti_labels", "write_nifti"]

_GZIP_LEVEL = 4
"""As fast as 1 on what is almost all zeros, and a tenth of its size."""

_SPARE = 64 << 20
"""So many bytes may lie before and behind the voxels; a hostile gzip stream would go on for hours."""

_DEFLATE_LIMIT = 1032
"""Deflate never packs tighter: a header that promises more is damaged, and nothing is allocated for it."""

_SPACING_TOLERANCE = 0.01
"""Largest relative difference between the header's spacing (pixdim) and its affine's."""

_UNITS_NOT_MM = {1: "metres", 3: "microns"}


@dataclass(frozen=True)
class NiftiVolume:
    """A NIfTI file whose header was read and makes sense; its voxels are read when they are asked for.

    Parameters
    ----------
    path : str
        The file.
    source : ScanSource
        Its geometry, with what `write_nifti` needs to write into the same grid.
    dtype : np.dtype[Any]
        Dtype of the voxels in the file, byte order included.
    offset : int
        Byte of the (inflated) file at which they begin.
    scale : tuple[float, float]
        Slope and intercept.
    """

    path: str
    source: ScanSource
    dtype: np.dtype[Any]
    offset: int
    scale: tuple[float, float]

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> NiftiVolume:
        """Read the header; CaseError as `read_nifti_ct`."""
        with opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            gzipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            with gzip.GzipFile(fileobj=file) if gzipped else file as stream:
                header = _read_header(cast(BinaryIO, stream))
            source, dtype = _source_of(header), header.dtype()
            if math.prod(source.grid.shape_zyx) * dtype.itemsize > size * (_DEFLATE_LIMIT if gzipped else 1):
                raise EOFError
            return cls(os.fspath(path), source, dtype, _voxel_offset(header), _scale_of(header))

    def read_ct(self) -> CtVolume:
        """The whole scan, see `read_nifti_ct`."""
        with translate_io_errors(self.path):
            (voxels,), dtype, _ = self._boxes([((0, 0, 0), self.source.grid.shape_zyx)])
            return scaled(voxels, dtype, *self.scale)

    def read_crops(self, boxes: Sequence[VoxelBox]) -> PartialScan | None:
        """Voxels of some boxes and the range of all; None if a voxel is NaN or infinite: look at the whole then."""
        with translate_io_errors(self.path):
            voxels, dtype, bounds = self._boxes(boxes)
            if bounds is None:
                return None
            with np.errstate(over="ignore"):
                ends = scaled(
                    np.array([bounds], dtype=self.dtype.newbyteorder("=")), dtype, *self.scale
                ).astype(np.float64)
            if not np.isfinite(ends).all():
                return None
            parts = tuple(
                SubVolume(scaled(found, dtype, *self.scale), start, self.source.grid.shape_zyx)
                for found, (start, _) in zip(voxels, boxes, strict=True)
            )
            return PartialScan(parts, (float(ends.min()), float(ends.max())))

    def read_marker(self) -> Labels:
        """A label map that is nearly empty: as `read_nifti_labels`, but only what is not zero takes memory."""
        if self.scale != (1.0, 0.0):
            return read_nifti_labels(self.path)[0]
        with translate_io_errors(self.path):
            places, values = self._stream(_kernels.read_labelled)
            labels = as_labels(values[None])[0]
            marker = np.zeros(self.source.file_shape[::-1], dtype=labels.dtype)
            marker[tuple(places.T)] = labels
            return self.source.from_file(marker)

    def _boxes(
        self, boxes: Sequence[VoxelBox]
    ) -> tuple[list[NDArray[Any]], np.dtype[Any], tuple[float, float] | None]:
        """Stored voxels (z, y, x) of boxes, the type that the scan shall have, and its stored range."""
        check_numbers(self.dtype, *self.scale)
        in_file = [self.source.box_to_file(box) for box in boxes]
        found, bounds, whole = self._stream(_kernels.read_boxes, in_file, *self.scale)
        dtype = ct_dtype(self.dtype.newbyteorder("="), *self.scale, bounds, whole)
        return [self.source.from_file(voxels) for voxels in found], dtype, bounds

    def _stream(self, read: Callable[..., Any], *arguments: object) -> Any:
        """Parameters for the kernel that reads the file's voxels."""
        shape = self.source.file_shape[::-1]
        try:
            return read(self.path, self.offset, shape, self.dtype.str, *arguments, spare=_SPARE)
        except ValueError as error:
            raise CaseError(str(error)) from None


def read_nifti_ct(path: str | os.PathLike[str]) -> tuple[CtVolume, ScanSource]:
    """Scan of a NIfTI file.

    Returns
    -------
    ct : CtVolume
        Voxels (z, y, x), int16, uint16, uint8 or float32, scale factors applied; a view with permuted strides
        if the file's axes have another order.
    source : ScanSource
        Its geometry, with what `write_nifti` needs to write into the same grid.

    Raises
    ------
    CaseError
        If the file is missing, truncated, damaged, no NIfTI image, not 3D, or its spacing or affine
        make no sense or disagree; the message names the file and what was found.
    """
    volume = NiftiVolume.open(path)
    return volume.read_ct(), volume.source


def read_nifti_labels(path: str | os.PathLike[str]) -> tuple[Labels, ScanSource]:
    """Label map, mask or marker of a NIfTI file, as uint8 or uint16 (z, y, x); else as `read_nifti_ct`."""
    volume = NiftiVolume.open(path)
    with translate_io_errors(path):
        (voxels,), dtype, _ = volume._boxes([((0, 0, 0), volume.source.grid.shape_zyx)])
        plain = volume.scale == (1.0, 0.0)
        return as_labels(voxels if plain else scaled(voxels, dtype, *volume.scale)), volume.source


def write_nifti(
    path: str | os.PathLike[str],
    volume: NDArray[Any] | SubVolume,
    source: ScanSource,
    overwrite: bool = False,
) -> None:
    """Write a (z, y, x) array into the grid of the file that `source` was read from.

    Axis order, shape, affine and the header's codes and units are that file's, the dtype is
    `volume`'s. A source without a header gets a plain one (NIfTI-1, qform and sform the same).

    Parameters
    ----------
    path : str or os.PathLike[str]
        .nii or .nii.gz.
    volume : NDArray[Any] or SubVolume
        Shape `source.grid.shape_zyx`, a real dtype; or a part of such a volume, which is zero elsewhere.
    source : ScanSource
        Source from `read_nifti_ct`, or `ScanSource.of` any grid.
    overwrite : bool, default False
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If it cannot be written; nothing half-written is left.
    """
    part = as_subvolume(volume)
    dtype = part.voxels.dtype.newbyteorder("<")
    header = _header_to_write(source, dtype)
    deflater = _kernels.Deflater(_GZIP_LEVEL) if file_suffix(path) == ".nii.gz" else None
    with atomic_write(path, overwrite) as file:
        # the zeros: no header extensions follow
        for block in chain([header.to_bytes() + bytes(4)], _slabs(part, source, dtype)):
            if deflater is None:
                file.write(bytes(block) if isinstance(block, int) else block)
            elif isinstance(block, int):
                file.write(deflater.compress_zeros(block))
            else:
                file.write(deflater.compress(block))
        if deflater is not None:
            file.write(deflater.finish())


def _slabs(part: SubVolume, source: ScanSource, dtype: np.dtype[Any]) -> Iterator[bytes | int]:
    """Bytes of each slice of a volume in the file's order, or how many where all are zero; one is made at a time."""
    (first, top, left), (last, bottom, right) = source.box_to_file((part.start_zyx, part.stop_zyx))
    voxels = source.to_file(part.voxels)
    n_slabs, *shape = source.file_shape[::-1]
    nothing = np.zeros(shape, dtype)
    for k in range(n_slabs):
        if first <= k < last and voxels[k - first].any():
            slab = nothing.copy()
            slab[top:bottom, left:right] = voxels[k - first]
            yield slab.tobytes()
        else:
            yield nothing.nbytes


def _read_header(stream: BinaryIO) -> NiftiHeader:
    """The header as it is in the file; nothing is repaired in silence."""
    start = stream.read(4)
    size, _ = NiftiHeader.size_of(start) or (4, "")
    block = start + stream.read(size - 4)
    if len(block) < size and len(start) == 4:
        raise EOFError
    header = NiftiHeader.from_bytes(block)
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


_UNORIENTED_NOTE = (
    "the NIfTI header says nothing of the orientation (sform and qform codes are 0): the axes are taken to run to the "
    "patient's left, to the front, and to the head"
)


def _source_of(header: NiftiHeader) -> ScanSource:
    dim = header["dim"].tolist()
    shape = tuple(dim[1 : dim[0] + 1]) if 1 <= dim[0] <= 7 else tuple(dim)
    if len(shape) < 3 or any(n != 1 for n in shape[3:]):
        raise CaseError(f"a CT or mask has three axes, this image is {len(shape)}D of shape {shape}")
    spacing = header["pixdim"][1:4].tolist()
    if not all(math.isfinite(s) and s > 0 for s in spacing):
        raise CaseError(f"spacing must be positive, the header says {spacing} mm (pixdim, file order)")
    unit = _UNITS_NOT_MM.get(int(header["xyzt_units"]) & 7)
    if unit is not None:
        raise CaseError(f"spacing must be in mm, the header says {unit}")
    with np.errstate(all="ignore"):  # what is not finite then, is refused by Grid
        affine = header.affine()
    source = ScanSource.from_file_affine(shape[:3], affine, header=header)
    of_affine = np.linalg.norm(source.file_affine[:3, :3], axis=0)
    if not np.allclose(of_affine, spacing, rtol=_SPACING_TOLERANCE, atol=0):
        raise CaseError(
            f"the header contradicts itself: spacing is {_text(spacing)} mm by its pixdim, "
            f"{_text(of_affine)} mm by its affine (file order)"
        )
    says_nothing = header["sform_code"] <= 0 and header["qform_code"] <= 0
    return source.with_notes([_UNORIENTED_NOTE] if says_nothing else [])


def _voxel_offset(header: NiftiHeader) -> int:
    offset = float(header["vox_offset"])
    lowest = header.lowest_offset
    if offset > _SPARE:
        raise CaseError(f"its voxels are said to begin at byte {offset:g} (vox_offset), which is too far on")
    return int(offset) if offset > lowest else lowest


def _scale_of(header: NiftiHeader) -> tuple[float, float]:
    """Slope and intercept; a slope of zero or NaN means none (the NIfTI standard)."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    return (1.0, 0.0) if slope == 0 or not math.isfinite(slope) else (slope, intercept)


def _header_to_write(source: ScanSource, dtype: np.dtype[Any]) -> NiftiHeader:
    """Little-endian header of the grid's file for voxels of another dtype."""
    if source.header is None:
        header = NiftiHeader.plain(source.file_shape, source.file_affine)
    else:
        header = source.header.to_little_endian()
        for name in ("cal_min", "cal_max", "intent_code", "intent_name", "descrip", "aux_file"):
            header[name] = np.zeros_like(header[name])  # these spoke of the CT's grey values
    header.set_dtype(dtype)
    header["scl_slope"], header["scl_inter"] = 1, 0
    header["vox_offset"] = header.lowest_offset
    return header


def _text(spacing_mm: Iterable[float]) -> str:
    return " x ".join(f"{s:.4g}" for s in spacing_mm)
