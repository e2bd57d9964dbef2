"""`explore`: one call from a scan to a viewer with masks, numbers, 3D and files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam._typing import CtVolume
from lite_ensam.case import Case
from lite_ensam.errors import CaseError
from lite_ensam.geometry import Grid
from lite_ensam.inference.backend import Engine
from lite_ensam.io import VOLUME_SUFFIXES, GivenMarks, given_marks, read_ct
from lite_ensam.io.flare_npz import npz_keys
from lite_ensam.io.voxels import as_ct
from lite_ensam.recist import RecistMark

if TYPE_CHECKING:
    from lite_ensam.widgets.explorer import Explorer

__all__ = ["explore"]

PathLike = str | os.PathLike[str]


def explore(
    ct: PathLike | NDArray[Any] | Case,
    marks: GivenMarks | None = None,
    spacing_mm: Sequence[float] | None = None,
    *,
    hu: bool | None = None,
    auto_segment: bool = True,
    threshold: float = 0.0,
    engine: Engine = "openvino",
    threads: int | None = None,
    folder: PathLike = ".",
) -> Explorer:
    """Show a scan in the notebook; draw RECIST lines with the mouse, see masks, numbers and 3D, save them.

    Parameters
    ----------
    ct : a file (.nii, .nii.gz, FLARE .npz), a folder of DICOM slices, an array (z, y, x), or a `Case`
    marks : lines to begin with, in any form that `lite_ensam.segment` takes. None takes those inside an .npz or a
        `Case`, if there are any
    spacing_mm : (z, y, x) of an array; a file knows its own
    hu : True for Hounsfield units, False for a windowed scan, None to look at the values
    auto_segment : whether a line is segmented as soon as it is finished; lines to begin with are
        segmented once the picture stands
    threshold : logit above which a voxel is tumour
    engine, threads : see `lite_ensam.segment`
    folder : where the buttons write files

    Returns
    -------
    Explorer
        A widget. Its `marker` has the marks, masks and measurements as they are at any time.

    Raises
    ------
    LiteEnsamError
        `CaseError` for a bad scan, `MarkError` for bad marks.
    MissingExtraError
        If the extra `widgets` is not installed.

    Examples
    --------
    >>> from lite_ensam.phantom import make_phantom
    >>> explorer = explore(make_phantom())
    >>> explorer.marker.segment()
    >>> [row["label"] for row in explorer.marker.results]
    [1, 2, 3]
    """
    from lite_ensam.widgets import Explorer, RecistMarker  # says which extra to install

    volume, grid, given, known_hu, name = _opened(ct, marks, spacing_mm)
    marker = RecistMarker(
        volume,
        grid=grid,
        marks=given,
        hu=known_hu if hu is None else hu,
        auto_segment=auto_segment,
        threshold=threshold,
        engine=engine,
        threads=threads,
    )
    return Explorer(marker, name=name, folder=folder)


def _opened(
    ct: PathLike | NDArray[Any] | Case, marks: GivenMarks | None, spacing_mm: Sequence[float] | None
) -> tuple[CtVolume, Grid, tuple[RecistMark, ...], bool | None, str]:
    """Volume, grid, marks, whether it is in HU (None: not known), and name."""
    if spacing_mm is not None and isinstance(ct, Case | str | os.PathLike):
        raise CaseError("spacing_mm belongs to arrays; a file or a Case has its own")
    if isinstance(ct, Case):
        given = ct.marks if marks is None else given_marks(marks, ct.grid)
        return ct.volume, ct.grid, given, ct.hu, ct.name or "scan"
    if isinstance(ct, str | os.PathLike):
        volume, grid = read_ct(ct)
        name = Path(ct).name
        endings = sorted(VOLUME_SUFFIXES, key=len, reverse=True)
        suffix = next((end for end in endings if name.lower().endswith(end)), "")  # a folder has none
        if marks is None and suffix == ".npz" and "recist" in npz_keys(ct):
            marks = ct
        given = given_marks(() if marks is None else marks, grid)
        return volume, grid, given, None, name[: len(name) - len(suffix)] or "scan"
    if spacing_mm is None:
        raise CaseError("spacing_mm is missing: an array does not know its voxel size (z, y, x) in mm")
    volume = as_ct(np.asarray(ct))
    array_grid = Grid.from_spacing(volume.shape, spacing_mm)
    given = given_marks(() if marks is None else marks, array_grid)
    return volume, array_grid, given, None, "scan"
