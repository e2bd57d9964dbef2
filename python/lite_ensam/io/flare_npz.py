"""FLARE's .npz: images windowed to 0-255, marker, spacing and, in training files, the reference.

Keys read: `imgs` (z, y, x); `recist` and `gts` (z, y, x, one value a tumour); `spacing` (x, y, z mm);
`origin` (3 mm) and `direction` (9, row by row), both in the ITK frame (left, posterior, superior).
Keys written: `segs`, `spacing`, `origin`, `direction`. Nothing that is pickled is ever opened.
"""

import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.errors import CaseError, brief
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.core.types import CtVolume, Labels
from lite_ensam.core.voxels import as_ct, as_labels
from lite_ensam.io.atomic import atomic_write
from lite_ensam.io.reading import opened

__all__ = ["npz_keys", "read_npz_ct", "read_npz_labels", "write_npz"]

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])

_MOST_VOLUME_BYTES = 2 << 30
"""Twice a scan of 512 x 512 x 2048 voxels of 16 bits; an archive of megabytes can promise any number of these."""

_MOST_NUMBERS_BYTES = 64 << 10
"""Of spacing, origin and direction: NumPy's header and nine numbers take less than a kilobyte."""


def npz_keys(path: str | os.PathLike[str]) -> frozenset[str]:
    """Names of the arrays in an .npz; no array is read."""
    with _opened(path) as arrays:
        return frozenset(arrays.files)


def read_npz_ct(path: str | os.PathLike[str]) -> tuple[CtVolume, ScanSource]:
    """Scan of a FLARE .npz: key `imgs`, in its own axis order (FLARE's lines lie on imgs[z]).

    Raises
    ------
    CaseError
        If the file is missing, damaged, no .npz, or has pickled objects; if `imgs` or `spacing` is
        missing, not 3D or beyond 2 GiB when inflated, or the geometry makes no sense.
    """
    with _opened(path) as arrays:
        ct = as_ct(_volume(arrays, "imgs"))
        return ct, _source_of(arrays, ct.shape)


def read_npz_labels(path: str | os.PathLike[str], key: str) -> tuple[Labels, ScanSource | None]:
    """Marker (`recist`), reference (`gts`) or result (`segs`) of an .npz as uint8 or uint16 (z, y, x).

    The source is None if the file has no `spacing`: results of other programs often have none.
    """
    with _opened(path) as arrays:
        labels = as_labels(_volume(arrays, key))
        return labels, _source_of(arrays, labels.shape) if "spacing" in arrays.files else None


def write_npz(
    path: str | os.PathLike[str], key: str, volume: NDArray[Any], source: ScanSource, overwrite: bool = False
) -> None:
    """Write a (z, y, x) array under `key`, in the axis order of the source's file, with its geometry.

    Raises
    ------
    OutputError
        If it cannot be written; nothing half-written is left.
    """
    affine_lps = _LPS_TO_RAS @ source.file_affine
    spacing_xyz = np.linalg.norm(affine_lps[:3, :3], axis=0)
    arrays = {
        key: np.ascontiguousarray(source.to_file(volume)),
        "spacing": spacing_xyz,
        "origin": affine_lps[:3, 3],
        "direction": (affine_lps[:3, :3] / spacing_xyz).ravel(),
    }
    with atomic_write(path, overwrite) as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Any]:
    with opened(path) as file:
        if not zipfile.is_zipfile(file):
            raise CaseError("is not an .npz file, or is truncated (an .npz is a zip archive)")
        file.seek(0)
        with _plain_damage("the archive"):
            arrays = np.load(file, allow_pickle=False)
        with arrays:
            yield arrays


@contextmanager
def _plain_damage(what: str) -> Iterator[None]:
    """Turn whatever NumPy and zipfile meet in a hostile file into a `CaseError`.

    They raise a dozen types: for encryption, unknown compression, headers that are not Python or promise
    impossible shapes.
    """
    try:
        yield
    except (CaseError, OSError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error):
        raise  # `opened` has plain words for these
    except Exception as error:
        if "pickle" in str(error):
            raise CaseError(f"{what} holds pickled Python objects, which are never opened") from None
        raise CaseError(f"{what} is damaged or encrypted ({brief(error)})") from None


def _array(arrays: Any, key: str, most_bytes: int) -> NDArray[Any]:
    """An array that inflates to at most so many bytes; what the archive's own list says is more is not read.

    The list cannot lie to any use: zipfile inflates no more of a member than the list says.
    """
    if key not in arrays.files:
        raise CaseError(f"has no array {key!r}; it holds {brief(sorted(arrays.files))}")
    with _plain_damage(f"array {key!r}"):
        names = arrays.zip.namelist()
        size = arrays.zip.getinfo(key if key in names else f"{key}.npy").file_size
        if size > most_bytes:
            raise CaseError(
                f"array {key!r} is {size / 2**20:,.1f} MiB when inflated, expected at most "
                f"{most_bytes / 2**20:,.1f} MiB"
            )
        array: NDArray[Any] = arrays[key]
    if not isinstance(array, np.ndarray):
        raise CaseError(f"{key!r} is not an array")
    return array


def _volume(arrays: Any, key: str) -> NDArray[Any]:
    volume = _array(arrays, key, _MOST_VOLUME_BYTES)
    if volume.ndim != 3:
        raise CaseError(f"array {key!r} must be 3D (z, y, x), it has shape {volume.shape}")
    return volume


def _source_of(arrays: Any, shape_zyx: tuple[int, ...]) -> ScanSource:
    spacing_xyz = _numbers(arrays, "spacing", 3)
    if (spacing_xyz <= 0).any():
        raise CaseError(f"spacing must be positive, the file says {spacing_xyz.tolist()} mm (x, y, z)")
    origin = _numbers(arrays, "origin", 3) if "origin" in arrays.files else np.zeros(3)
    direction = _numbers(arrays, "direction", 9) if "direction" in arrays.files else np.eye(3)
    lengths = np.linalg.norm(direction.reshape(3, 3), axis=0) if np.abs(direction).max() < 2 else np.inf
    if not np.allclose(lengths, 1, rtol=1e-3):
        raise CaseError(
            f"direction must have columns of length 1, the file says {direction.ravel().tolist()}"
        )
    affine_lps = np.eye(4)
    affine_lps[:3, :3] = direction.reshape(3, 3) * spacing_xyz
    affine_lps[:3, 3] = origin
    return ScanSource.from_file_affine(shape_zyx[::-1], _LPS_TO_RAS @ affine_lps, axes_as_stored=True)


def _numbers(arrays: Any, key: str, count: int) -> NDArray[np.float64]:
    numbers = _array(arrays, key, _MOST_NUMBERS_BYTES)
    if numbers.size != count or numbers.dtype.kind not in "iuf" or not np.isfinite(numbers).all():
        raise CaseError(
            f"array {key!r} must be {count} finite numbers, got {brief(numbers.ravel()[: count + 1].tolist())}"
        )
    return numbers.astype(np.float64).ravel()
