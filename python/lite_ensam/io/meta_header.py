"""MetaImage headers (itk.org/Wiki/MetaIO/Documentation): lines of text `Key = value`, ElementDataFile the last."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lite_ensam.core.errors import CaseError, brief
from lite_ensam.core.types import Float64Array, PathLike
from lite_ensam.io.stored_voxels import (
    Encoding,
    StoredVoxels,
    VolumeHeader,
    data_files,
    header_line,
    parse_numbers,
    parse_sizes,
    parse_whole,
)

__all__ = ["meta_header", "read_meta_header"]

_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}  # fmt: skip
_NAME_OF_TYPE = {code: name for name, code in reversed(_TYPES.items())}

_LOCAL = "local"
_AS_STORED = {
    "ElementNumberOfChannels": 1,
    "ElementToIntensityFunctionSlope": 1,
    "ElementToIntensityFunctionOffset": 0,
}
"""Fields with the one value that voxels have which are grey values as they are stored."""


def read_meta_header(file: BinaryIO, path: PathLike) -> VolumeHeader:
    """Header of an open MetaImage file, of which the voxels may lie in others; CaseError if it makes no sense."""
    fields = _read_fields(file)
    said = fields["elementdatafile"]
    following = []
    if said.startswith("LIST"):
        following = list(iter(lambda: header_line(file), None))
    sizes = parse_sizes(_value(fields, "DimSize"), _value(fields, "NDims"), "DimSize")
    if len(sizes) < 3 or any(size > 1 for size in sizes[3:]):
        raise CaseError(
            f"a CT or mask has three axes, this image is {len(sizes)}D of shape {sizes} (i, j, k)"
        )
    for name, expected in _AS_STORED.items():
        if parse_numbers(fields.get(name.lower(), str(expected)), 1, name)[0] != expected:
            raise CaseError(f"{name} must be {expected}: voxels must be grey values as they are stored")
    if fields.get("distanceunits", "mm").lower() not in ("mm", "?", ""):
        raise CaseError(f"spacing must be in mm, its header says {brief(fields['distanceunits'])}")
    is_local = said.lower() == _LOCAL
    files = (Path(path),) if is_local else data_files(said, following, Path(path).parent)
    skipped = parse_whole(fields.get("headersize", "0"), "HeaderSize")
    start = max(0, skipped) + (file.tell() if is_local else 0)
    encoding: Encoding = "raw"
    if _is_true(fields, "compresseddata"):
        encoding = "zlib"
    elif not _is_true(fields, "binarydata", True):
        encoding = "text"
    voxels = StoredVoxels(files, sizes[2::-1], _dtype(fields), encoding, start, at_end=skipped < 0)
    return VolumeHeader(_affine(fields, len(sizes)), voxels)


def meta_header(
    shape_ijk: tuple[int, ...], affine_lps: Float64Array, dtype: np.dtype[Any], n_packed: int
) -> bytes:
    """Header of a file whose voxels follow as `n_packed` bytes of zlib, little-endian."""
    spacing = np.linalg.norm(affine_lps[:3, :3], axis=0)

    def text(numbers: Float64Array) -> str:
        return " ".join(map(repr, numbers.tolist()))

    lines = (
        "ObjectType = Image",
        "NDims = 3",
        "BinaryData = True",
        "BinaryDataByteOrderMSB = False",
        "CompressedData = True",
        f"CompressedDataSize = {n_packed}",
        f"TransformMatrix = {text((affine_lps[:3, :3] / spacing).T.ravel())}",
        f"Offset = {text(affine_lps[:3, 3])}",
        f"ElementSpacing = {text(spacing)}",
        f"DimSize = {' '.join(map(str, shape_ijk))}",
        f"ElementType = {_NAME_OF_TYPE[dtype.str[1:]]}",
        "ElementDataFile = LOCAL",
    )
    return ("\n".join(lines) + "\n").encode()


def _read_fields(file: BinaryIO) -> dict[str, str]:
    """Fields by key in lower case, up to ElementDataFile, behind which voxels or names of files follow."""
    fields: dict[str, str] = {}
    number = 0
    while "elementdatafile" not in fields:
        line = header_line(file)
        number += 1
        if line is None:
            raise CaseError("is not a MetaImage file: its header does not come to ElementDataFile")
        if not line:
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            raise CaseError(f"is not a MetaImage file: line {number} of its header is not a field")
        if key.lower() in fields:
            raise CaseError(f"line {number} of its header is a second one of its kind")
        fields[key.lower()] = value
    return fields


def _value(fields: Mapping[str, str], *names: str) -> str:
    """The first of some fields that is there; they are names of one thing."""
    found = next((fields[name.lower()] for name in names if name.lower() in fields), None)
    if found is None:
        raise CaseError(f"its header has no field {names[0]}")
    return found


def _is_true(fields: Mapping[str, str], name: str, otherwise: bool = False) -> bool:
    return fields[name][:1].lower() in ("t", "1") if name in fields else otherwise


def _affine(fields: Mapping[str, str], n_axes: int) -> Float64Array:
    identity, zero = " ".join(map(str, np.eye(n_axes).ravel())), "0 " * n_axes
    spacing = parse_numbers(_value(fields, "ElementSpacing", "ElementSize"), n_axes, "ElementSpacing")[:3]
    if not (spacing > 0).all():
        raise CaseError("ElementSpacing must be positive")
    said = _value({**fields, "": identity}, "TransformMatrix", "Rotation", "Orientation", "")
    axes = parse_numbers(said, n_axes**2, "TransformMatrix").reshape(n_axes, n_axes)[:3, :3]
    lengths = np.linalg.norm(axes, axis=1)
    if not np.allclose(lengths, 1, atol=1e-3):
        raise CaseError("TransformMatrix must have rows of length 1")
    affine = np.eye(4)
    affine[:3, :3] = axes.T * spacing  # a row of the matrix is an axis of the image
    said = _value({**fields, "": zero}, "Offset", "Position", "Origin", "")
    affine[:3, 3] = parse_numbers(said, n_axes, "Offset")[:3]
    return affine


def _dtype(fields: Mapping[str, str]) -> np.dtype[Any]:
    name = _value(fields, "ElementType")
    if name not in _TYPES:
        raise CaseError(f"voxels must be real numbers of 8 to 64 bits, its ElementType is {brief(name)}")
    is_big = _is_true(fields, "binarydatabyteordermsb") or _is_true(fields, "elementbyteordermsb")
    return np.dtype((">" if is_big else "<") + _TYPES[name])
