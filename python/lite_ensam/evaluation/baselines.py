"""Masks from geometry and grey values alone: baselines that a network has to beat.

All of them see what the network sees, the CT and the line, and are fitted to nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType, ModuleType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.case import Case
from lite_ensam.core.errors import MissingExtraError
from lite_ensam.core.partial_volume import SubVolume, as_subvolume
from lite_ensam.core.recist import RecistMark, sphere_box
from lite_ensam.core.types import FloatTriple, IntTriple

__all__ = ["BASELINES", "SHORT_AXIS_SHARE", "ellipsoid", "region_growing", "sphere"]

Baseline: TypeAlias = Callable[[Case, RecistMark], SubVolume]
"""From a case and one of its lines to a mask: bool, the part of the volume that holds it."""

SHORT_AXIS_SHARE = 0.75
"""The line does not tell the short axis. 0.75 of the longest diameter is the median of 4,927 marks that
radiologists drew with both axes (DeepLesion); nothing is known of the extent along z, so it gets the same."""

_WITHIN_SD = 2.0
"""How far a voxel's value may be from the mean under the line, in standard deviations; not tuned: it is a baseline."""

_LEAST_SD_HU = 10.0
"""Scanner noise: a line over three equal voxels must not ask for exactly that value."""

_REACH = 1.2
"""Radius of the sphere that region growing may not leave, in half lengths of the line."""


def sphere(case: Case, mark: RecistMark) -> SubVolume:
    """Sphere with the line as its diameter."""
    return sphere_box(mark, case.grid.shape_zyx, case.grid.spacing_mm)


def ellipsoid(case: Case, mark: RecistMark) -> SubVolume:
    """Ellipsoid: the line is its long axis, the two others are 0.75 of it."""
    around = sphere(case, mark)  # holds the ellipsoid
    spacing = np.asarray(case.grid.spacing_mm)
    start, stop = np.asarray(mark.endpoints_zyx) * spacing
    half = (stop - start) / 2
    radius_mm = float(np.linalg.norm(half))
    offsets_mm = (np.argwhere(around.voxels) + around.start_zyx) * spacing - (start + stop) / 2
    along = offsets_mm @ half / radius_mm
    across_squared = (offsets_mm**2).sum(axis=1) - along**2
    inside = along**2 + across_squared / SHORT_AXIS_SHARE**2 <= radius_mm**2 * (1 + 1e-9)
    mask = np.zeros_like(around.voxels)
    mask[around.voxels] = inside
    mask[tuple(np.subtract(_nearest_voxel(mark.midpoint_zyx, case.grid.shape_zyx), around.start_zyx))] = True
    return replace(around, voxels=mask)


def region_growing(case: Case, mark: RecistMark) -> SubVolume:
    """Voxels that look like those under the line and are connected with it.

    Within two standard deviations of the mean under the line, inside a sphere of 1.2 times the
    line's radius, opened by one voxel (that cuts vessels off), connected to the line. If the opening
    leaves nothing there, it is left out; if still nothing is left, the mask is the line.

    Raises
    ------
    MissingExtraError
        If SciPy is not installed.
    """
    ndimage = _ndimage()
    middle = np.asarray(mark.midpoint_zyx)
    wider = RecistMark(mark.label, (middle + _REACH * (np.asarray(mark.endpoints_zyx) - middle)).tolist())
    allowed = sphere(case, wider)
    line = _line_voxels(mark, case.grid.shape_zyx)
    under_line = case.volume[line].astype(np.float64)
    reach_hu = _WITHIN_SD * max(float(under_line.std()), _LEAST_SD_HU)

    voxels = as_subvolume(case.volume).cut((allowed.start_zyx, allowed.stop_zyx)).voxels
    line_in_box = tuple(index - first for index, first in zip(line, allowed.start_zyx, strict=True))
    allowed.voxels[line_in_box] = True
    alike = allowed.voxels & (np.abs(voxels - under_line.mean()) <= reach_hu)
    for candidates in (ndimage.binary_opening(alike), alike):
        components, _ = ndimage.label(candidates)
        touched = np.unique(components[line_in_box])
        if touched.any():
            return replace(allowed, voxels=np.isin(components, touched[touched > 0]))
    mask = np.zeros_like(alike)
    mask[line_in_box] = True
    return replace(allowed, voxels=mask)


BASELINES: Mapping[str, Baseline] = MappingProxyType(
    {"sphere": sphere, "ellipsoid": ellipsoid, "region_growing": region_growing}
)
"""Every baseline by the name that reports use."""


def _line_voxels(
    mark: RecistMark, shape_zyx: tuple[int, ...]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Index arrays (z, y, x) of the voxels under the line, each once."""
    start, stop = np.asarray(mark.endpoints_zyx)
    steps = 2 * int(np.ceil(np.abs(stop - start).max())) + 1  # half a voxel apart at most
    points = np.rint(np.linspace(start, stop, steps)).astype(np.intp)
    z, y, x = np.unique(np.clip(points, 0, np.asarray(shape_zyx) - 1), axis=0).T
    return z, y, x


def _nearest_voxel(point_zyx: FloatTriple, shape_zyx: tuple[int, ...]) -> IntTriple:
    z, y, x = np.clip(np.rint(point_zyx).astype(int), 0, np.asarray(shape_zyx) - 1).tolist()
    return z, y, x


def _ndimage() -> ModuleType:
    try:
        from scipy import ndimage
    except ImportError as error:
        raise MissingExtraError("region growing needs SciPy: pip install 'lite-ensam[evaluate]'") from error
    package: ModuleType = ndimage
    return package
