"""Voxels as NRRD and MetaImage files store them: raw, compressed or as text, in the header's own file or in others."""

from __future__ import annotations

import bz2
import gzip
import math
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.errors import CaseError
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import Float64Array
from lite_ensam.io.reading import opened

__all__ = [
    "Encoding",
    "StoredVoxels",
    "VolumeHeader",
    "data_files",
    "header_line",
    "parse_numbers",
    "parse_sizes",
    "parse_whole",
]

Encoding: TypeAlias = Literal["raw", "gzip", "zlib", "bzip2", "text"]

_LONGEST_LINE = 1 << 20
"""Bytes of a header's line; any other file may lack line ends."""

_MOST_AXES = 16

_MOST_FILES = 100_000

_PIECE = 1 << 20

_MOST_INFLATED = {"raw": 1, "gzip": 1032, "zlib": 1032, "bzip2": 1 << 21, "text": 4}
"""Bytes that one of a file can become at most: for a header that promises more nothing is allocated."""

_NUMBERED = re.compile(r"([^%]*%0?\d?d[^%]*?)\s+(\d{1,9})\s+(\d{1,9})\s+(-?\d{1,9})(\s+\d)?")
"""As `slice%03d.raw 1 100 1`: a name, the first and last number, the step (-1 counts down), and perhaps the number of
axes of each file. Files hold equal shares, however many axes these have."""


@with_short_repr
@dataclass(frozen=True)
class StoredVoxels:
    """Where and how voxels are stored.

    Parameters
    ----------
    files : tuple[Path, ...]
        Files in order; each holds an equal share of the voxels.
    shape_kji : tuple[int, ...]
        Slowest axis first.
    dtype : np.dtype[Any]
        Byte order included.
    encoding : Encoding, default "raw"
        How each file is packed.
    start : int, default 0
        Bytes before them in each file.
    lines : int, default 0
        Lines to be skipped behind the start.
    at_end : bool, default False
        Whether they are the last bytes of each file, how many others there may be before them.
    """

    files: tuple[Path, ...]
    shape_kji: tuple[int, ...]
    dtype: np.dtype[Any]
    encoding: Encoding = "raw"
    start: int = 0
    lines: int = 0
    at_end: bool = False

    def read(self) -> NDArray[Any]:
        """The array (k, j, i); of text float64.

        Raises
        ------
        CaseError
            If a file is missing, damaged, too short, or at least one slice too long.
        EOFError
            If the files are far too short for what the header promises.
        """
        n_voxels = math.prod(self.shape_kji)
        if n_voxels % len(self.files):
            raise CaseError(f"{n_voxels} voxels cannot be divided equally among {len(self.files)} files")
        most = _MOST_INFLATED[self.encoding] * sum(map(_size_of, self.files))
        dtype = np.dtype(np.float64) if self.encoding == "text" else self.dtype
        if n_voxels * dtype.itemsize > most + dtype.itemsize:
            raise EOFError
        voxels = np.empty(n_voxels, dtype)
        for path, share in zip(self.files, voxels.reshape(len(self.files), -1), strict=True):
            with opened(path) as file:
                self._fill(share, file)
        return voxels.reshape(self.shape_kji)

    def _fill(self, share: NDArray[Any], file: BinaryIO) -> None:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(self.start, size - share.nbytes) if self.at_end else self.start)
        for _ in range(self.lines):
            if not file.readline(_LONGEST_LINE):
                raise EOFError
        if self.encoding == "text":
            share[:] = _numbers_of_text(file.read(), share.size)
            return
        room = share.view(np.uint8).data
        beyond, one_slice = 0, min(share.nbytes, math.prod(self.shape_kji[1:]) * self.dtype.itemsize)
        for piece in self._pieces(file):
            n_taken = min(len(piece), len(room))
            room[:n_taken] = piece[:n_taken]
            room = room[n_taken:]
            beyond += len(piece) - n_taken
            if beyond >= one_slice:
                raise CaseError("holds more voxels than its header says")
        if room:
            raise EOFError

    def _pieces(self, file: BinaryIO) -> Iterator[bytes]:
        """Bytes of the voxels, piece by piece: a hostile file goes on for ever."""
        if self.encoding == "zlib":
            inflater = zlib.decompressobj(wbits=47)  # zlib or gzip, whichever it is
            while not inflater.eof and (packed := inflater.unconsumed_tail or file.read(_PIECE)):
                yield inflater.decompress(packed, _PIECE)
        elif self.encoding == "gzip":
            yield from iter(partial(gzip.GzipFile(fileobj=file).read, _PIECE), b"")
        elif self.encoding == "bzip2":
            yield from iter(partial(bz2.BZ2File(file).read, _PIECE), b"")
        else:
            yield from iter(partial(file.read, _PIECE), b"")


@with_short_repr
@dataclass(frozen=True)
class VolumeHeader:
    """Content of a NRRD or MetaImage header.

    Parameters
    ----------
    affine_lps : Float64Array
        Matrix (4, 4) from file index (i, j, k, 1) to world mm that grow to the left, the back and the head.
    voxels : StoredVoxels
        Where they are stored.
    notes : tuple[str, ...], default ()
        Notes for readers of the results.
    """

    affine_lps: Float64Array
    voxels: StoredVoxels
    notes: tuple[str, ...] = ()


def header_line(file: BinaryIO) -> str | None:
    """The next line of a header without its end; None at the end of the file."""
    line = file.readline(_LONGEST_LINE)
    if len(line) == _LONGEST_LINE:
        raise CaseError("a line of its header does not end")
    return line.decode("utf-8", "replace").strip() if line else None


def data_files(said: str, following: Sequence[str], folder: Path) -> tuple[Path, ...]:
    """Files that hold a header's voxels.

    Parameters
    ----------
    said : str
        A name; a numbered one with its range (`slice%03d.raw 1 100 1`); or LIST.
    following : Sequence[str]
        Lines behind the header, the names of a LIST.
    folder : Path
        The header's own, which names are relative to.
    """
    if said.split()[:1] == ["LIST"]:
        names = [line for line in following if line]
    elif numbered := _NUMBERED.fullmatch(said):
        first, last, step = map(int, numbered.groups()[1:4])
        numbers = range(first, last + (-1 if step < 0 else 1), step or 1)
        names = [numbered[1] % number for number in numbers[: _MOST_FILES + 1]]
    else:
        names = [said]
    if not 1 <= len(names) <= _MOST_FILES or not all(names):
        raise CaseError(f"names {len(names)} files of voxels, expected 1 to {_MOST_FILES}")
    return tuple(folder / name for name in names)


def parse_sizes(text: str, n_axes: str, name: str) -> tuple[int, ...]:
    """Voxels along each axis, fastest first; `n_axes` is how many axes the header speaks of, `name` the field."""
    count = parse_whole(n_axes, "the number of axes")
    if not 1 <= count <= _MOST_AXES:
        raise CaseError(f"a CT or mask has three axes, its header says {count}")
    sizes = parse_numbers(text, count, name).tolist()
    if any(size < 1 or not _is_whole(size) for size in sizes):
        raise CaseError(f"{name} must be whole numbers of at least 1")
    return tuple(map(int, sizes))


def parse_whole(text: str, name: str) -> int:
    """One whole number of a header's field."""
    (number,) = parse_numbers(text, 1, name).tolist()
    if not _is_whole(number):
        raise CaseError(f"{name} must be a whole number")
    return int(number)


def parse_numbers(text: str, count: int, name: str) -> Float64Array:
    """So many numbers of a header's field; NaN where it says so."""
    try:
        numbers = np.array([float(word) for word in text.split()])
    except ValueError:
        numbers = np.empty(0)
    if numbers.size != count or np.isinf(numbers).any():
        raise CaseError(f"{name} must be {count} number{'s' if count > 1 else ''}, which its header lacks")
    return numbers


def _is_whole(number: float) -> bool:
    return abs(number) <= 2**53 and number % 1 == 0


def _numbers_of_text(text: bytes, count: int) -> Float64Array:
    words = list(filter(None, (word.strip(b",") for word in text.split())))  # "1, 2": Teem reads it, too
    if len(words) < count:
        raise EOFError
    if len(words) > count:
        raise CaseError("holds more voxels than its header says")
    try:
        return np.array([float(word) for word in words])
    except ValueError:
        raise CaseError("a voxel is not a number") from None


def _size_of(path: Path) -> int:
    with opened(path) as file:
        return os.fstat(file.fileno()).st_size
