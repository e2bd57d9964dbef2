"""Scans as registration looks at them: coarse voxels, and where the body is (extra `register`)."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.errors import CaseError, MissingExtraError
from lite_ensam.core.grid import Grid
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import CtVolume, Float32Array, Float64Array

__all__ = ["AIR_HU", "UPRIGHT_MM", "UprightBody", "coarse_image", "load_simpleitk", "upright_body"]

UPRIGHT_MM = 8.0
"""Voxels in which bodies are slid along each other: a vertebra is three of them high."""

_COARSE_MM = 4.0
"""Voxels in which SimpleITK refines a place: registrations of copies are 0.02 to 0.36 mm off (decision 0023)."""

AIR_HU, _BRIGHTEST_HU = -1000.0, 300.0
"""Air to soft tissue with contrast; metal and the table's steel say nothing."""

_SOFT_HU = -300.0
"""Between lung and fat: skin and what is under it, not a mattress of foam."""

_LEAST_BODY_ML = 100.0
"""Soft tissue at least 24 mm thick. Less of it is a couch, an empty scan or noise."""


@with_short_repr
@dataclass(frozen=True)
class UprightBody:
    """A scan along the axes of the world, in voxels of `UPRIGHT_MM`.

    Parameters
    ----------
    grey : Float32Array
        Grey values (z, y, x), HU.
    is_seen : NDArray[np.bool_]
        Bool (z, y, x), where the scan has image.
    is_body : NDArray[np.bool_]
        Bool (z, y, x), where the body is, lungs included.
    first_mm : Float64Array
        World (x, y, z) of the first voxel's centre.
    """

    grey: Float32Array
    is_seen: NDArray[np.bool_]
    is_body: NDArray[np.bool_]
    first_mm: Float64Array

    @property
    def rows(self) -> tuple[int, int]:
        """First slice with a body, and the one after the last."""
        found = np.flatnonzero(self.is_body.any(axis=(1, 2)))
        return int(found[0]), int(found[-1]) + 1


def coarse_image(ct: CtVolume, grid: Grid, name: str) -> Any:
    """A SimpleITK image of a scan with voxels of about 4 mm: means of blocks, so that nothing is lost between them.

    Parameters
    ----------
    ct : CtVolume
        Voxels of the scan (z, y, x), HU.
    grid : Grid
        Grid of the scan.
    name : str
        Name for messages: "the first scan".

    Raises
    ------
    CaseError
        If the scan has too few voxels.
    """
    blocks = [max(1, round(_COARSE_MM / mm)) for mm in grid.spacing_mm]
    shape = [n // b for n, b in zip(ct.shape, blocks, strict=True)]
    if min(shape) < 4:
        raise CaseError(f"{name} has {ct.shape} voxels (z, y, x), which is too small to be registered")
    coarse = np.empty(shape, dtype=np.float32)
    height, width = shape[1] * blocks[1], shape[2] * blocks[2]
    for z in range(shape[0]):  # slab by slab: a whole scan in float32 would be 300 MB
        slab = ct[z * blocks[0] : (z + 1) * blocks[0], :height, :width].sum(axis=0, dtype=np.float32)
        coarse[z] = slab.reshape(shape[1], blocks[1], shape[2], blocks[2]).sum(axis=(1, 3))
    coarse /= np.prod(blocks)
    image = load_simpleitk().GetImageFromArray(np.clip(coarse, AIR_HU, _BRIGHTEST_HU))
    image.SetSpacing(np.multiply(grid.spacing_mm, blocks)[::-1].tolist())
    image.SetOrigin(grid.voxel_to_mm([(b - 1) / 2 for b in blocks]).tolist())
    image.SetDirection((grid.affine[:3, :3] / np.asarray(grid.spacing_mm[::-1])).ravel().tolist())
    return image


def upright_body(
    image: Any, name: str, transform: Any = None, lattice_mm: Float64Array | None = None
) -> UprightBody:
    """The body in an image of `coarse_image`.

    Parameters
    ----------
    image : Any
        Image of `coarse_image`.
    name : str
        Name for messages.
    transform : Any, default None
        SimpleITK transform from the world in which the body is wanted to the world of the scan; None is the
        identity.
    lattice_mm : Float64Array or None, default None
        World (x, y, z) of one voxel centre; all voxel centres lie whole steps from it. None puts them
        anywhere.

    Raises
    ------
    CaseError
        If it shows no body.
    """
    sitk = load_simpleitk()
    transform = sitk.Transform() if transform is None else transform
    back, last = transform.GetInverse(), np.asarray(image.GetSize()) - 1
    corners = [
        back.TransformPoint(image.TransformContinuousIndexToPhysicalPoint((last * one).tolist()))
        for one in np.ndindex(2, 2, 2)
    ]
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    if lattice_mm is not None:
        low = lattice_mm + np.floor((low - lattice_mm) / UPRIGHT_MM) * UPRIGHT_MM
    frame = sitk.Image((np.ceil((high - low) / UPRIGHT_MM).astype(int) + 1).tolist(), sitk.sitkUInt8)
    frame.SetSpacing([UPRIGHT_MM] * 3)
    frame.SetOrigin(low.tolist())
    blurred = sitk.SmoothingRecursiveGaussian(image, UPRIGHT_MM / 2)
    grey = sitk.Resample(blurred, frame, transform, sitk.sitkLinear, 3 * AIR_HU)
    body = _largest(grey > _SOFT_HU)
    if body.sum() * UPRIGHT_MM**3 / 1000 < _LEAST_BODY_ML:
        raise CaseError(
            f"{name} has less than {_LEAST_BODY_ML:g} ml of soft tissue, too little to register: is it "
            "empty, not in HU, or a scan of the couch?"
        )
    voxels = sitk.GetArrayFromImage(grey)
    return UprightBody(np.maximum(voxels, AIR_HU), voxels > 2 * AIR_HU, body, low)


def _largest(is_soft: Any) -> NDArray[np.bool_]:
    """The largest piece that is three voxels thick, with what the air outside does not reach in a slice: the lungs."""
    sitk = load_simpleitk()
    thick = sitk.BinaryMorphologicalOpening(is_soft, [1, 1, 1], sitk.sitkBox)
    largest = sitk.GetArrayFromImage(sitk.RelabelComponent(sitk.ConnectedComponent(thick)) == 1)
    slices = [sitk.BinaryFillhole(sitk.GetImageFromArray(one)) for one in largest]
    return np.asarray([sitk.GetArrayFromImage(one) for one in slices], dtype=bool)


def load_simpleitk() -> ModuleType:
    """SimpleITK, or a sentence that names its extra."""
    try:
        import SimpleITK
    except ImportError as error:
        raise MissingExtraError("registration needs SimpleITK: pip install 'lite-ensam[register]'") from error
    package: ModuleType = SimpleITK
    return package
