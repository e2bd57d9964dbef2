"""One phantom in many forms, for the tables of what `segment` takes and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.io import write_ct

SimpleITK = pytest.importorskip("SimpleITK")

BARE = make_phantom(shape_zyx=(40, 96, 96), spacing_mm=(3.0, 2.5, 2.5))
SPACING = BARE.grid.spacing_mm
AFFINE = np.array([[-2.5, 0, 0, 20.0], [0, -2.5, 0, 15.0], [0, 0, 3.0, -700.0], [0, 0, 0, 1.0]])
PLACED = Grid.from_affine(BARE.grid.shape_zyx, AFFINE)
CT = BARE.volume
MARKS = tuple(RecistMark(mark.label, mark.endpoints_zyx) for mark in BARE.marks)
ENDS = [[list(end) for end in mark.endpoints_zyx] for mark in MARKS]
ENDS_RAS = [PLACED.voxel_to_mm(ends).tolist() for ends in ENDS]
ENDS_LPS = (np.array(ENDS_RAS) * (-1, -1, 1)).tolist()
ENTRIES = [{"endpoints_zyx": ends} for ends in ENDS]
ROWS = [
    {"label": n, **dict(zip(("z0", "y0", "x0", "z1", "y1", "x1"), np.ravel(ends).tolist(), strict=True))}
    for n, ends in enumerate(ENDS, start=1)
]

Call = tuple[tuple[Any, ...], dict[str, Any]]


def call(*arguments: Any, **options: Any) -> Call:
    return arguments, options


def on_array(marks: Any, **options: Any) -> Callable[[Path], Call]:
    """These marks on the bare array."""
    return lambda folder: call(CT, marks, SPACING, **options)


def placed(marks: Any, **options: Any) -> Callable[[Path], Call]:
    """These marks on the array with its place in the world."""
    return lambda folder: call(CT, marks, grid=PLACED, **options)


def in_file(name: str) -> Callable[[Path], Call]:
    def write(folder: Path) -> Call:
        write_ct(folder / name, CT, PLACED)
        return call(folder / name, MARKS)

    return write


def with_marks(name: str, content: Any, **options: Any) -> Callable[[Path], Call]:
    """A NIfTI file with a file of marks beside it."""

    def write(folder: Path) -> Call:
        write_ct(folder / "ct.nii.gz", CT, PLACED)
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
        return call(folder / "ct.nii.gz", folder / name, **options)

    return write


def nibabel_image(affine: np.ndarray = AFFINE) -> nib.Nifti1Image:
    return nib.Nifti1Image(np.ascontiguousarray(CT.T), affine)


def itk_image() -> Any:
    image = SimpleITK.GetImageFromArray(CT)
    image.SetSpacing(SPACING[::-1])
    image.SetOrigin((-20.0, -15.0, -700.0))
    return image


def marker() -> np.ndarray:
    drawn = np.zeros(CT.shape, np.uint8)
    for mark in MARKS:
        for end in np.rint(mark.endpoints_zyx).astype(int):
            drawn[tuple(end)] = mark.label
    return drawn


def slicer(system: str, ends_mm: list[Any], kind: str = "Line", **changes: Any) -> dict[str, Any]:
    """What 3D Slicer writes."""
    return {
        "@schema": "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/"
        "Schema/markups-schema-v1.0.3.json#",
        "markups": [
            {
                "type": kind,
                "coordinateSystem": system,
                "coordinateUnits": "mm",
                "locked": False,
                "labelFormat": "%N-%d",
                "controlPoints": [
                    {"id": str(n), "label": f"L-{n}", "position": end, "positionStatus": "defined"}
                    for n, end in enumerate(line, start=1)
                ],
                "measurements": [{"name": "length", "enabled": True, "value": 12.5, "units": "mm"}],
            }
            | changes
            for line in ends_mm
        ],
    }


class Frame:
    """What is known of a pandas data frame: columns, and rows on demand."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows, self.columns = rows, list(rows[0])

    def to_dict(self, orient: str) -> list[dict[str, Any]]:
        assert orient == "records"
        return self.rows


class NamedAxes:
    """What is known of an xarray with its axes in the order x, y, z."""

    dims = ("x", "y", "z")
    coords: Mapping[str, Any] = {
        name: np.arange(n) * step for name, n, step in zip("zyx", CT.shape, SPACING, strict=True)
    }

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(CT.T, dtype)


class ArrayLike:
    """An array of some other library."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self.array, dtype)


class MetaTensor(ArrayLike):
    """What is known of MONAI's images: a channel in front, i, j, k, and an affine."""

    affine = AFFINE
