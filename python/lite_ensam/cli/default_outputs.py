"""Names of outputs that the user did not name: beside the file that they belong to, never over it."""

from __future__ import annotations

import os
from pathlib import Path

_MASK_SUFFIX = {
    ".nii.gz": ".nii.gz", ".nii": ".nii.gz", ".npz": ".npz",
    ".nrrd": ".nrrd", ".nhdr": ".nrrd", ".mha": ".mha", ".mhd": ".mha",
}  # fmt: skip
"""Form of the mask for each form of the scan; a header apart from its voxels becomes one file."""


def mask_beside(ct: Path, sr: Path | None = None) -> Path:
    """The mask's name beside its scan.

    A DICOM folder gets a SEG beside it, not in it; a DICOM report refers to a SEG.

    Examples
    --------
    >>> mask_beside(Path("scans/ct.nii.gz")).as_posix(), mask_beside(Path("ct.nhdr")).name
    ('scans/ct_mask.nii.gz', 'ct_mask.nrrd')
    """
    place = Path(os.path.abspath(ct)) if ct.name in ("", ".", "..") else ct
    if sr is not None or os.path.isdir(ct):
        return place.with_name(f"{place.name}_seg.dcm")
    for suffix, of_mask in _MASK_SUFFIX.items():
        if place.name.lower().endswith(suffix):
            return place.with_name(f"{place.name[: -len(suffix)]}_mask{of_mask}")
    return place.with_name(f"{place.name}_mask.nii.gz")
