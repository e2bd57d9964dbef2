"""Names of outputs that the user did not name: next to the file that they belong to, never over it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from lite_ensam.core.types import PathLike

_MASK_SUFFIX = {
    ".nii.gz": ".nii.gz", ".nii": ".nii.gz", ".npz": ".npz",
    ".nrrd": ".nrrd", ".nhdr": ".nrrd", ".mha": ".mha", ".mhd": ".mha",
}  # fmt: skip
"""Form of the mask for each form of the scan; a header apart from its voxels becomes one file."""


def mask_beside(scan: PathLike, sr: Path | None = None) -> Path:
    """The mask's name next to its scan.

    A DICOM folder gets a SEG next to it, not in it; a DICOM report refers to a SEG. A scan in an archive has no place
    here: BadParameter.

    Examples
    --------
    >>> mask_beside(Path("scans/ct.nii.gz")).as_posix(), mask_beside(Path("ct.nhdr")).name
    ('scans/ct_mask.nii.gz', 'ct_mask.nrrd')
    """
    ct = _file_here(scan)
    place = Path(os.path.abspath(ct)) if ct.name in ("", ".", "..") else ct
    if sr is not None or os.path.isdir(ct):
        return place.with_name(f"{place.name}_seg.dcm")
    for suffix, of_mask in _MASK_SUFFIX.items():
        if place.name.lower().endswith(suffix):
            return place.with_name(f"{place.name[: -len(suffix)]}_mask{of_mask}")
    return place.with_name(f"{place.name}_mask.nii.gz")


def lines_beside(marks: PathLike) -> Path:
    """The name of a later scan's named lines next to the lines themselves; as `mask_beside`.

    Examples
    --------
    >>> lines_beside("scans/lines_2.json").as_posix()
    'scans/lines_2_named.json'
    """
    file = _file_here(marks)
    return file.with_name(f"{file.name.split('.')[0]}_named.json")


def _file_here(place: PathLike) -> Path:
    from lite_ensam.io.places import is_address

    if is_address(place):
        raise typer.BadParameter(
            "the input comes from an archive and not from a folder; name the output with --output"
        )
    return Path(place)
