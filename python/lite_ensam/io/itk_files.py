"""NRRD and MetaImage files, read and written by SimpleITK (extra `nrrd`), and the geometry of ITK's images.

ITK's world is LPS; its arrays, as NumPy sees them, are in the file's order, slowest axis first (k, j, i).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lite_ensam.core.errors import CaseError, MissingExtraError
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.core.types import CtVolume, Float64Array, Labels
from lite_ensam.io.atomic import atomic_write
from lite_ensam.io.reading import check_input, file_suffix, translate_io_errors
from lite_ensam.io.voxels import as_ct, as_labels

__all__ = [
    "ITK_OUTPUT_SUFFIXES",
    "ITK_SUFFIXES",
    "itk_source",
    "read_itk_ct",
    "read_itk_labels",
    "write_itk",
]

ITK_OUTPUT_SUFFIXES = (".nrrd", ".mha")
"""One file each. Headers whose voxels lie in a second file are only read: two files cannot be replaced at once."""

ITK_SUFFIXES = (*ITK_OUTPUT_SUFFIXES, ".nhdr", ".mhd")

_READERS = {".nrrd": "NrrdImageIO", ".nhdr": "NrrdImageIO", ".mha": "MetaImageIO", ".mhd": "MetaImageIO"}
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def read_itk_ct(path: str | os.PathLike[str]) -> tuple[CtVolume, ScanSource]:
    """Scan (z, y, x) of a NRRD or MetaImage file; errors as `read_ct`, and MissingExtraError without SimpleITK."""
    return _read(path, as_ct)


def read_itk_labels(path: str | os.PathLike[str]) -> tuple[Labels, ScanSource]:
    """Label map (z, y, x) of a NRRD or MetaImage file, uint8 or uint16; errors as `read_itk_ct`."""
    return _read(path, as_labels)


def write_itk(
    path: str | os.PathLike[str], volume: NDArray[Any], source: ScanSource, overwrite: bool = False
) -> None:
    """Write a (z, y, x) array as a compressed .nrrd or .mha in the axis order and place of the source's file.

    Raises
    ------
    OutputError
        If it cannot be written; nothing half-written is left.
    """
    sitk = _simple_itk()
    from tempfile import TemporaryDirectory

    image = sitk.GetImageFromArray(np.ascontiguousarray(source.to_file(volume)))
    affine = _LPS_TO_RAS @ source.file_affine
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    image.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
    with atomic_write(path, overwrite) as file, TemporaryDirectory(prefix="lite-ensam-") as folder:
        written = Path(folder) / f"volume{file_suffix(path)}"
        sitk.WriteImage(image, str(written), useCompression=True)
        file.write(written.read_bytes())


def itk_source(
    shape_ijk: tuple[int, ...], spacing: ArrayLike, origin: ArrayLike, direction: ArrayLike
) -> ScanSource:
    """Source of an ITK image.

    Parameters
    ----------
    shape_ijk : voxels, fastest axis first
    spacing, origin : 3 mm each, in i, j, k and in LPS
    direction : 9 or (3, 3), row by row

    Raises
    ------
    CaseError
        If it is no image of three axes, or its geometry makes no sense.
    """
    if len(shape_ijk) != 3:
        raise CaseError(
            f"a CT has three axes, this image is {len(shape_ijk)}D of shape {shape_ijk} (i, j, k)"
        )
    affine: Float64Array = np.eye(4)
    affine[:3, :3] = np.asarray(direction, dtype=np.float64).reshape(3, 3) * np.asarray(spacing)
    affine[:3, 3] = origin
    return ScanSource.from_file_affine(shape_ijk, _LPS_TO_RAS @ affine)


def _read(
    path: str | os.PathLike[str], convert: Callable[[NDArray[Any]], NDArray[Any]]
) -> tuple[NDArray[Any], ScanSource]:
    check_input(path)
    sitk = _simple_itk()
    with translate_io_errors(path), _itk_errors():
        image = sitk.ReadImage(os.fspath(path), imageIO=_READERS[file_suffix(path)])
        if image.GetNumberOfComponentsPerPixel() != 1:
            raise CaseError(
                "voxels must be real numbers, the file stores several to a voxel (colour or vectors)"
            )
        source = itk_source(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())
        return source.from_file(convert(sitk.GetArrayFromImage(image))), source


def _simple_itk() -> Any:
    try:
        import SimpleITK
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "NRRD and MetaImage files need SimpleITK: pip install 'lite-ensam[nrrd]'"
        ) from error
    return SimpleITK


@contextmanager
def _itk_errors() -> Iterator[None]:
    """ITK's reasons run over many lines of C++; the last one says it."""
    try:
        yield
    except RuntimeError as error:
        raise CaseError(
            f"is not an image that SimpleITK can read ({str(error).strip().splitlines()[-1].strip()})"
        ) from None
