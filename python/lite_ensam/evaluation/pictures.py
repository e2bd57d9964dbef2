"""One tumour in three planes: the CT with its line, the result and, if there is one, the reference.

Planes are shown as radiologists are used to: the patient's right on the left, front on top of the axial
plane and on the left of the sagittal one, head up. All three have the same scale.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lite_ensam._typing import CtVolume, Floats, FloatTriple, IntTriple, Mask
from lite_ensam.case import guess_hu
from lite_ensam.errors import MissingExtraError
from lite_ensam.geometry import Grid
from lite_ensam.io import atomic_write, check_output
from lite_ensam.recist import RecistMark

__all__ = ["LUNG_WINDOW_HU", "SOFT_TISSUE_WINDOW_HU", "choose_window", "write_picture"]

Axes: TypeAlias = Any
"""matplotlib's Axes; the package is imported only where it is used."""

SOFT_TISSUE_WINDOW_HU = (-160.0, 240.0)
LUNG_WINDOW_HU = (-1350.0, 150.0)

_AERATED_HU = -400.0
"""Below this it is lung (or air); fat ends at about -150."""

_REFERENCE_COLOR, _RESULT_COLOR, _LINE_COLOR = "#56b4e9", "#e69f00", "#f0e442"
"""Sky blue, orange and yellow of Okabe and Ito's palette: told apart with any colour vision, on grey."""

_MARGIN = 1.5
"""Side of the field of view in largest extents of what is outlined."""

_LEAST_SIDE_MM = 30.0
_SCALE_BAR_MM = 10.0


@dataclass(frozen=True)
class _Plane:
    """How one of the three planes lies on paper."""

    name: str
    cut: int
    across: int
    up: int

    def take(self, volume: NDArray[Any], at_zyx: IntTriple) -> NDArray[Any]:
        """Slice through a voxel; rows follow the upright axis, columns the one across."""
        flat: NDArray[Any] = np.take(volume, at_zyx[self.cut], axis=self.cut)
        return flat if self.up < self.across else flat.T


_PLANES = (_Plane("axial", 0, 2, 1), _Plane("coronal", 1, 2, 0), _Plane("sagittal", 2, 1, 0))

_LETTERS = {2: ("R", "L"), 1: ("A", "P"), 0: ("H", "F")}
"""Per axis z, y, x what stands at its left or top, and at its right or bottom."""


def write_picture(
    path: str | os.PathLike[str],
    ct: CtVolume,
    grid: Grid,
    mark: RecistMark,
    result: Mask,
    reference: Mask | None = None,
    title: str = "",
    *,
    overwrite: bool = False,
) -> None:
    """Write an axial, a coronal and a sagittal plane through the middle of a line as a PNG.

    Parameters
    ----------
    path : .png
    ct : (z, y, x), HU (shown in a lung or soft-tissue window, see `choose_window`) or windowed
    grid : of the CT; its affine says where the patient's right, front and head are
    mark : the line; the axial plane is its slice
    result, reference : bool (z, y, x), outlined voxel by voxel; the reference may be missing
    title : above the planes
    overwrite : whether an existing file may be replaced

    Raises
    ------
    ValueError
        If the shapes differ.
    MissingExtraError
        If matplotlib is not installed.
    OutputError
        If the file cannot be written; nothing half-written is left.
    """
    masks = {"result": result} if reference is None else {"reference": reference, "result": result}
    for name, volume in {"ct": ct, **masks}.items():
        if volume.shape != grid.shape_zyx:
            raise ValueError(f"{name} has shape {volume.shape}, the grid {grid.shape_zyx} (z, y, x)")
    check_output(path, overwrite, (".png",))
    figure = _figure(ct, grid, mark, masks, title)
    with atomic_write(path, overwrite) as file:
        figure.savefig(file, format="png", dpi=120, metadata={"Software": None})


def choose_window(ct: CtVolume, mark: RecistMark) -> FloatTriple | tuple[float, float]:
    """Grey values shown as black and white, chosen by what lies under the line and just beyond it.

    Lung if the tumour itself is aerated or if both ends of the line run out into lung; else soft
    tissue. A scan that is not in HU is shown from its darkest to its brightest voxel.

    Returns
    -------
    low, high
    """
    if not guess_hu(ct):
        return float(ct.min()), float(ct.max())
    inside = np.median(_along_line(ct, mark, 0.0, 1.0))
    beyond = [np.median(_along_line(ct, mark, *part)) for part in ((-0.4, -0.1), (1.1, 1.4))]
    in_lung = inside < _AERATED_HU or max(beyond) < _AERATED_HU
    return LUNG_WINDOW_HU if in_lung else SOFT_TISSUE_WINDOW_HU


def _along_line(ct: CtVolume, mark: RecistMark, first: float, last: float) -> CtVolume:
    """Voxels from `first` to `last` line lengths along the line, 0 and 1 being its ends."""
    start, stop = np.asarray(mark.endpoints_zyx)
    points = np.rint(start + np.linspace(first, last, 33)[:, None] * (stop - start)).astype(int)
    z, y, x = np.clip(points, 0, np.asarray(ct.shape) - 1).T
    return ct[z, y, x]
