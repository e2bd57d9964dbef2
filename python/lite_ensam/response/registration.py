"""Where a place of one scan lies in another scan of the same patient: rigid registration (extra `register`).

SimpleITK does it: mutual information of both scans at 8 and 4 mm, moved and turned as one body. Organs that move on
their own, with breath above all, are not followed; what is left of them is a centimetre or two.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from lite_ensam.core.errors import CaseError, MissingExtraError
from lite_ensam.core.grid import Grid
from lite_ensam.core.types import CtVolume, Float64Array

__all__ = ["register", "transform_points"]

_COARSEST_MM = 4.0
_RANGE_HU = (-1000.0, 300.0)
"""What is looked at: air to soft tissue with contrast; metal and the table's steel say nothing."""

_SHIFTS_MM = tuple(range(-200, 201, 25))
_SHRINKS, _BLURS_MM = (2, 1), (4.0, 2.0)
_LEAST_CORRELATION = 0.5
"""Two scans of one body, one laid upon the other, agree better than this."""

_LEAST_SHARED = 0.25
"""Of the first scan; two that share a slab alone agree by chance."""


def register(ct: CtVolume, grid: Grid, other_ct: CtVolume, other_grid: Grid) -> Float64Array:
    """Rigid transform (4, 4) of world mm (x, y, z) from one scan to another.

    Parameters
    ----------
    ct, grid : the scan that places are known in, HU
    other_ct, other_grid : the scan that they are looked for in; any size, spacing and orientation

    Raises
    ------
    CaseError
        If the scans do not agree after it: another patient, or another part of the body.
    MissingExtraError
        If SimpleITK is not installed.
    """
    sitk = _load()
    fixed, moving = (_image(sitk, *one) for one in ((ct, grid), (other_ct, other_grid)))
    start = max(_starts(sitk, fixed, moving), key=lambda one: _correlation(sitk, fixed, moving, one))
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(32)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(0.25, seed=1)  # without a seed, the clock is one
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=2.0, minStep=0.005, numberOfIterations=150, relaxationFactor=0.6
    )
    method.SetNumberOfThreads(1)  # sums of several come out differently in the last digits from run to run
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(_SHRINKS)
    method.SetSmoothingSigmasPerLevel(_BLURS_MM)
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInitialTransform(start, inPlace=True)
    try:
        method.Execute(fixed, moving)
    except RuntimeError as error:
        raise CaseError("the scans cannot be laid upon each other: they share too little") from error
    correlation = _correlation(sitk, fixed, moving, start)
    if not correlation >= _LEAST_CORRELATION:
        raise CaseError(
            f"the scans do not fit upon each other (correlation {correlation:.2f}, expected {_LEAST_CORRELATION} or "
            "more): are they of one patient and one part of the body?"
        )
    origin = np.array(start.TransformPoint((0.0, 0.0, 0.0)))
    ends = np.array([start.TransformPoint(tuple(axis)) for axis in np.eye(3).tolist()])
    transform = np.eye(4)
    transform[:3, :3], transform[:3, 3] = (ends - origin).T, origin
    return transform


def transform_points(transform: Float64Array, points_mm: Float64Array) -> Float64Array:
    """Points (..., 3) in mm after a transform (4, 4)."""
    result: Float64Array = points_mm @ transform[:3, :3].T + transform[:3, 3]
    return result


def _image(sitk: ModuleType, ct: CtVolume, grid: Grid) -> Any:
    """A scan with voxels of about 4 mm: means of blocks, so that nothing is lost between them."""
    blocks = [max(1, int(_COARSEST_MM / mm)) for mm in grid.spacing_mm]
    z, y, x = (n // b for n, b in zip(ct.shape, blocks, strict=True))
    if min(z, y, x) < 4:
        raise CaseError(f"a scan of {ct.shape} voxels is too small to be laid upon another")
    whole = ct[: z * blocks[0], : y * blocks[1], : x * blocks[2]]
    shape = (z, blocks[0], y, blocks[1], x, blocks[2])
    coarse = np.clip(whole.reshape(shape).mean(axis=(1, 3, 5), dtype=np.float32), *_RANGE_HU)
    image = sitk.GetImageFromArray(coarse)
    spacing_xyz = np.multiply(grid.spacing_mm, blocks)[::-1]
    image.SetSpacing(spacing_xyz.tolist())
    first = grid.voxel_to_mm([(b - 1) / 2 for b in blocks])
    image.SetOrigin(first.tolist())
    image.SetDirection((grid.affine[:3, :3] / np.asarray(grid.spacing_mm[::-1])).ravel().tolist())
    return image


def _starts(sitk: ModuleType, fixed: Any, moving: Any) -> Iterator[Any]:
    """Transforms to begin with: centres of mass upon each other, then shifted along the body."""
    centres = sitk.CenteredTransformInitializerFilter.MOMENTS
    for shift_mm in _SHIFTS_MM:
        start = sitk.CenteredTransformInitializer(fixed, moving, sitk.Euler3DTransform(), centres)
        start.SetTranslation(np.add(start.GetTranslation(), (0.0, 0.0, shift_mm)).tolist())
        yield start


def _correlation(sitk: ModuleType, fixed: Any, moving: Any, transform: Any) -> float:
    """Of the grey values where both scans are."""
    nowhere = 2 * _RANGE_HU[0]
    there = sitk.GetArrayFromImage(sitk.Resample(moving, fixed, transform, sitk.sitkLinear, nowhere))
    here = sitk.GetArrayFromImage(fixed)
    both = there > nowhere / 2 - 1
    if np.count_nonzero(both) < _LEAST_SHARED * both.size or here[both].std() == 0 or there[both].std() == 0:
        return 0.0
    return float(np.corrcoef(here[both], there[both])[0, 1])


def _load() -> ModuleType:
    try:
        import SimpleITK
    except ImportError as error:
        raise MissingExtraError("registration needs SimpleITK: pip install 'lite-ensam[register]'") from error
    package: ModuleType = SimpleITK
    return package
