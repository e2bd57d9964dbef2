"""NRRD headers (teem.sourceforge.net/nrrd/format.html): lines of text `field: value`, up to an empty one.

Own code: ITK's parser writes beyond its buffers when a line is not as it should be, which ends the process.
"""

from __future__ import annotations

import re
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

__all__ = ["nrrd_header", "read_nrrd_header"]

_TYPE_NAMES = {
    "i1": "int8, signed char, int8_t",
    "u1": "uint8, uchar, unsigned char, uint8_t",
    "i2": "int16, short, short int, signed short, signed short int, int16_t",
    "u2": "uint16, ushort, unsigned short, unsigned short int, uint16_t",
    "i4": "int32, int, signed int, int32_t",
    "u4": "uint32, uint, unsigned int, uint32_t",
    "i8": "int64, longlong, long long, long long int, signed long long, signed long long int, int64_t",
    "u8": "uint64, ulonglong, unsigned long long, unsigned long long int, uint64_t",
    "f4": "float",
    "f8": "double",
}
_TYPES = {name: code for code, names in _TYPE_NAMES.items() for name in names.split(", ")}
_NAME_OF_TYPE = {code: names.split(", ")[0] for code, names in _TYPE_NAMES.items()}

_ENCODINGS: Mapping[str, Encoding] = {
    "raw": "raw", "gz": "gzip", "gzip": "gzip", "bz2": "bzip2", "bzip2": "bzip2", "txt": "text", "text": "text",
    "ascii": "text",
}  # fmt: skip
_ENDIANS = {"little": "<", "big": ">"}

_LPS = "left-posterior-superior"
_TO_LPS = {
    _LPS: (1, 1, 1), "lps": (1, 1, 1),
    "left-anterior-superior": (1, -1, 1), "las": (1, -1, 1),
    "right-anterior-superior": (-1, -1, 1), "ras": (-1, -1, 1),
}  # fmt: skip
_VECTOR = re.compile(r"none|\(([^()]*)\)")
_UNIT = re.compile(r'"([^"]*)"|([^\s,]+)')
_MM = {"", "mm", "millimeter", "millimeters", "millimetre", "millimetres"}


def read_nrrd_header(file: BinaryIO, path: PathLike) -> VolumeHeader:
    """Header of an open NRRD file, of which the voxels may lie in others; CaseError if it makes no sense."""
    fields, following = _read_fields(file)
    sizes = parse_sizes(_value(fields, "sizes"), _value(fields, "dimension"), "sizes")
    steps, origin, notes = _geometry(fields, len(sizes))
    in_space = [n for n, step in enumerate(steps) if np.isfinite(step).all()]
    if len(in_space) != 3 or any(size > 1 for n, size in enumerate(sizes) if n not in in_space):
        raise CaseError(f"a CT or mask has three axes in space, this image is {len(sizes)}D of shape {sizes}")
    affine = np.eye(4)
    affine[:3, :3] = np.transpose([steps[n] for n in in_space])
    affine[:3, 3] = origin
    dtype, encoding = _dtype(fields), _ENCODINGS.get(_value(fields, "encoding").lower())
    if encoding is None:
        raise CaseError(
            f"its encoding is {brief(fields['encoding'])}, expected one of {', '.join(_ENCODINGS)}"
        )
    lines, skipped = (
        parse_whole(fields.get(f"{what}skip", "0"), f"{what} skip") for what in ("line", "byte")
    )
    at_end = skipped == -1 and encoding == "raw"
    if lines < 0 or (skipped < 0 and not at_end):
        raise CaseError("line skip and byte skip must not be negative")
    files: tuple[Path, ...] = (Path(path),)
    start = file.tell()
    if "datafile" in fields:
        files, start = data_files(fields["datafile"], following, Path(path).parent), 0
    shape = tuple(sizes[n] for n in reversed(in_space))
    voxels = StoredVoxels(files, shape, dtype, encoding, start + max(0, skipped), lines, at_end)
    return VolumeHeader(affine, voxels, notes)


def nrrd_header(shape_ijk: tuple[int, ...], affine_lps: Float64Array, dtype: np.dtype[Any]) -> bytes:
    """Header of a file whose voxels follow as gzip, little-endian."""

    def vector(numbers: Float64Array) -> str:
        return f"({','.join(map(repr, numbers.tolist()))})"

    lines = (
        "NRRD0004",
        f"type: {_NAME_OF_TYPE[dtype.str[1:]]}",
        "dimension: 3",
        f"space: {_LPS}",
        f"sizes: {' '.join(map(str, shape_ijk))}",
        f"space directions: {' '.join(map(vector, affine_lps[:3, :3].T))}",
        "kinds: domain domain domain",
        "endian: little",
        "encoding: gzip",
        f"space origin: {vector(affine_lps[:3, 3])}",
    )
    return ("\n".join(lines) + "\n\n").encode()


def _read_fields(file: BinaryIO) -> tuple[dict[str, str], list[str]]:
    """Fields by name, without its spaces and in lower case; and the lines behind them that name files."""
    if not re.fullmatch(rb"NRRD000[1-5]\s*", file.readline(16)):
        raise CaseError("is not a NRRD file: it must begin with NRRD0001 to NRRD0005")
    fields: dict[str, str] = {}
    number = 1
    while line := header_line(file):
        number += 1
        if line.startswith("#") or re.match(
            "[^:]*:=", line
        ):  # remarks, and what programs keep for themselves
            continue
        name, colon, value = line.partition(":")
        key = name.replace(" ", "").lower()
        if not colon or key in fields:
            raise CaseError(f"line {number} of its header is {'a second one' if colon else 'no field'}")
        fields[key] = value.strip()
        if key == "datafile" and fields[key].startswith("LIST"):
            return fields, list(iter(lambda: header_line(file), None))  # type: ignore[arg-type]
    return fields, []


def _value(fields: Mapping[str, str], name: str) -> str:
    if name not in fields:
        raise CaseError(f"its header has no field {name!r}")
    return fields[name]


def _geometry(
    fields: Mapping[str, str], n_axes: int
) -> tuple[list[Float64Array], Float64Array, tuple[str, ...]]:
    """Step along each axis in mm (LPS), NaN of axes that are not in space; the first voxel's place; notes."""
    units = fields.get("spaceunits", fields.get("units", ""))
    # each in quotation marks, by the format's definition; some programs leave them out
    said = [quoted or bare for quoted, bare in _UNIT.findall(units)]
    if other := [unit for unit in said if unit.strip().lower() not in _MM]:
        raise CaseError(f"spacing must be in mm, its header says {brief(other[0])}")
    space = fields.get("space", "").lower().removesuffix("-time")
    notes: tuple[str, ...] = ()
    if (to_lps := _TO_LPS.get(space)) is None:
        to_lps = _TO_LPS[_LPS]
        notes = (
            f"the NRRD header does not say where the patient's left, back and head are: taken as {_LPS}",
        )
    if "spacedirections" in fields:
        steps = [_vector(match) for match in _VECTOR.finditer(fields["spacedirections"])]
        if len(steps) != n_axes:
            raise CaseError(f"space directions must be {n_axes} vectors, its header has {len(steps)}")
        origin = _VECTOR.fullmatch(fields.get("spaceorigin", "(0,0,0)"))
        if origin is None:
            raise CaseError("space origin must be a vector (x,y,z)")
        return [step * to_lps for step in steps], _vector(origin) * to_lps, notes
    spacings = parse_numbers(_value(fields, "spacings"), n_axes, "spacings")
    if any(spacing <= 0 for spacing in spacings):
        raise CaseError("spacings must be positive")
    if "spaceorigin" in fields or space in _TO_LPS:  # NRRD's definition has them only with directions
        raise CaseError(
            "the header has `spacings` together with `space` or `space origin`; expected `space directions`. Without "
            "them the axis directions are unknown: save the file again with space directions"
        )
    in_space = np.flatnonzero(np.isfinite(spacings))
    steps = [np.full(3, np.nan) for _ in spacings]
    for axis, n in enumerate(in_space[:3]):
        steps[n] = np.eye(3)[axis] * spacings[n]
    origin_mm = np.zeros(3)
    if "axismins" in fields:
        mins = parse_numbers(fields["axismins"], n_axes, "axis mins")
        if not np.isnan(mins[in_space]).all():  # of all axes, it is NRRD's word for not known
            origin_mm[: len(in_space[:3])] = _first_voxel(fields, mins, spacings)[in_space[:3]]
    return steps, origin_mm, notes


def _first_voxel(fields: Mapping[str, str], mins: Float64Array, spacings: Float64Array) -> Float64Array:
    """Place of the first voxel's centre along each axis.

    By NRRD's definition `axis mins` are where cells begin, or where nodes lie; where `centers` does not say which, they
    are cells for ITK.
    """
    n_axes = len(mins)
    centers = fields.get("centers", fields.get("centerings", "")).lower().split() or ["cell"] * n_axes
    if len(centers) != n_axes or np.isnan(mins[np.isfinite(spacings)]).any():
        raise CaseError(
            f"`axis mins` and `centers` need one value for each of the {n_axes} axes; correct the header"
        )
    is_node = np.array([center == "node" for center in centers])
    first: Float64Array = np.where(is_node, mins, mins + spacings / 2)
    return first


def _vector(match: re.Match[str]) -> Float64Array:
    if match[1] is None:
        return np.full(3, np.nan)
    return parse_numbers(match[1].replace(",", " "), 3, "a vector of space directions or space origin")


def _dtype(fields: Mapping[str, str]) -> np.dtype[Any]:
    code = _TYPES.get(" ".join(_value(fields, "type").lower().split()))
    if code is None:
        raise CaseError(f"voxels must be real numbers of 8 to 64 bits, its type is {brief(fields['type'])}")
    endian = _ENDIANS.get(fields.get("endian", "").lower())
    if endian is None and code[1] != "1" and _ENCODINGS.get(_value(fields, "encoding").lower()) != "text":
        raise CaseError("endian must be little or big, which its header lacks")
    return np.dtype((endian or "<") + code)
