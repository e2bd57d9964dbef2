"""Images of other libraries as (z, y, x) arrays with their geometry; none of these libraries is imported here.

An object is known by what it has: nibabel's images, MONAI's and TorchIO's tensors by their `affine` (RAS, array order
i, j, k), SimpleITK's and itk's images by their direction (LPS, array order k, j, i), xarray's by their axes' names.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.errors import CaseError
from lite_ensam.core.grid import Grid
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.core.types import PathLike, int_triple
from lite_ensam.core.voxels import as_numpy
from lite_ensam.io.itk_files import itk_source

__all__ = ["has_geometry", "volume_of_image"]

_ITK_METHODS = ("GetSpacing", "GetOrigin", "GetDirection")
_UNITS_NOT_MM = {"meter": "metres", "micron": "micrometres"}


def has_geometry(image: Any) -> bool:
    """Whether an object is an image that says where its voxels lie."""
    return _is_itk(image) or hasattr(image, "affine") or _has_named_axes(image)


def volume_of_image(image: Any, spacing_mm: Sequence[float] | None = None) -> tuple[NDArray[Any], ScanSource]:
    """Voxels and geometry of an image.

    Parameters
    ----------
    image : Any
        Image of nibabel, SimpleITK, itk, xarray (axes z, y, x, any order), MONAI or TorchIO.
    spacing_mm : Sequence[float] or None, default None
        Spacing in mm, (z, y, x) of an array of xarray without coordinates.

    Returns
    -------
    voxels : NDArray[Any]
        Voxels (z, y, x), any real dtype, a view where possible.
    source : ScanSource
        Its geometry; `array_axes` is the image's own array order.

    Raises
    ------
    CaseError
        If it has not three axes or its geometry makes no sense.
    """
    if _has_named_axes(image):
        return _volume_with_named_axes(image, spacing_mm)
    if spacing_mm is not None:
        raise CaseError("spacing_mm belongs to arrays; an image has its own")
    return _volume_of_itk(image) if _is_itk(image) else _volume_with_affine(image)


def _is_itk(image: Any) -> bool:
    return all(hasattr(image, name) for name in _ITK_METHODS)


def _has_named_axes(image: Any) -> bool:
    return {str(name) for name in getattr(image, "dims", ())} >= {"z", "y", "x"} and hasattr(image, "coords")


def _volume_of_itk(image: Any) -> tuple[NDArray[Any], ScanSource]:
    sitk = sys.modules.get("SimpleITK")
    is_sitk = sitk is not None and isinstance(image, sitk.Image)
    stored = sitk.GetArrayViewFromImage(image) if is_sitk and sitk is not None else np.asarray(image)
    direction = np.asarray(image.GetDirection(), dtype=np.float64)
    source = itk_source(stored.shape[::-1], tuple(image.GetSpacing()), tuple(image.GetOrigin()), direction)
    z, y, x = (2 - axis for axis in source.file_axes_zyx)  # axes of the stored array (k, j, i)
    source = replace(source, array_axes=_inverse((z, y, x)))
    return source.from_array(stored), source


def _volume_with_affine(image: Any) -> tuple[NDArray[Any], ScanSource]:
    if "Analyze" in type(image).__name__ or type(image).__name__.startswith("Spm"):
        raise CaseError("ct is an Analyze image, which has no orientation to rely on; save it as NIfTI first")
    if image.affine is None:
        raise CaseError("ct has no affine: give its array (z, y, x) with spacing_mm=, or a Grid with grid=")
    units = getattr(getattr(image, "header", None), "get_xyzt_units", None)
    if units is not None and (unit := _UNITS_NOT_MM.get(units()[0])):
        raise CaseError(f"ct: spacing must be in mm, its header says {unit}")
    stored = _three_axes(
        as_numpy(getattr(image, "dataobj", image)), has_channel=not hasattr(image, "dataobj")
    )
    source = ScanSource.from_file_affine(stored.shape, as_numpy(image.affine))
    source = replace(source, array_axes=_inverse(source.file_axes_zyx)).with_inputs(*_files_of(image))
    return source.from_array(stored), source


def _files_of(image: Any) -> list[PathLike]:
    """The file that an image of nibabel, MONAI or TorchIO was read from, if it says so; SimpleITK's do not."""
    meta = getattr(image, "meta", None)
    named = (
        getattr(image, "get_filename", lambda: None)(),
        meta.get("filename_or_obj") if isinstance(meta, Mapping) else None,
        getattr(image, "path", None),
    )
    return [name for name in named if name and isinstance(name, str | os.PathLike)]


def _volume_with_named_axes(
    image: Any, spacing_mm: Sequence[float] | None
) -> tuple[NDArray[Any], ScanSource]:
    names = [str(name) for name in image.dims]
    if len(names) != 3:
        raise CaseError(f"ct must have the axes z, y and x, got {', '.join(names)}")
    stored = np.asarray(image)
    shape = tuple(stored.shape[names.index(name)] for name in "zyx")
    grid = Grid.from_spacing(shape, spacing_mm or [_step_mm(image, name) for name in "zyx"])
    source = ScanSource(grid, array_axes=int_triple(["zyx".index(name) for name in names]))
    return source.from_array(stored), source


def _step_mm(image: Any, name: str) -> float:
    places = np.asarray(image.coords.get(name, []), dtype=np.float64)
    steps = np.diff(places)
    if steps.size == 0 or not np.allclose(steps, steps[0], rtol=1e-3):
        raise CaseError(f"ct needs evenly spaced coordinates along {name}, in mm, or spacing_mm")
    return abs(float(steps[0]))


def _three_axes(stored: NDArray[Any], has_channel: bool) -> NDArray[Any]:
    """An array (i, j, k): without NIfTI's axes of one point at the end, or a tensor's one channel in front."""
    if has_channel and stored.ndim == 4 and stored.shape[0] == 1:
        stored = stored.reshape(stored.shape[1:])
    if stored.ndim < 3 or any(n != 1 for n in stored.shape[3:]):
        raise CaseError(f"a CT has three axes, this image is {stored.ndim}D of shape {stored.shape}")
    volume: NDArray[Any] = stored.reshape(stored.shape[:3])
    return volume


def _inverse(axes: tuple[int, int, int]) -> tuple[int, int, int]:
    """Axes z, y, x of each axis of an array, of the array's axes that are z, y, x."""
    return int_triple([axes.index(axis) for axis in range(3)])
