"""Voxels of CT planes in Hounsfield units, as far as the files say how to get them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.errors import CaseError
from lite_ensam.core.types import CtVolume
from lite_ensam.io.dicom.datasets import Dataset, file_name, load_package, read_dataset, read_numbers

__all__ = ["check_rescale", "read_hu", "stored_frames"]

_RESCALE = ("RescaleSlope", "RescaleIntercept")
"""From what is stored to HU."""

_LUT = "ModalityLUTSequence"
_UNITS = ("", "HU", "HU_MOD")
"""RescaleType of what is in HU; it may be left out."""

_LARGEST_PLANE = 1 << 26
"""Pixels: 8192 x 8192. A header that says more is damaged, and would fill the memory."""


def check_rescale(planes: Sequence[Dataset]) -> tuple[bool, list[str]]:
    """Whether the voxels of slices can be had in HU, and what there is to say about it.

    Raises
    ------
    CaseError
        If only some of the slices say how.
    """
    by_table = [bool(one.get(_LUT)) for one in planes]
    if any(by_table) and not all(by_table):
        raise CaseError(
            f"{file_name(planes[by_table.index(False)])}: {_LUT} is missing, which other slices have"
        )
    if all(by_table):
        kinds = {str(one[_LUT][0].get("ModalityLUTType") or "") for one in planes}
        return _in_hu(kinds, f"ModalityLUTType in {_LUT}")
    lacking = {name: [one for one in planes if _is_blank(one, name)] for name in _RESCALE}
    for name, where in lacking.items():
        if where and len(where) < len(planes):  # their grey values would be those of something else
            raise CaseError(f"{file_name(where[0])}: {name} is missing or empty, which other slices have")
    missing = [name for name, where in lacking.items() if where]
    if missing:
        return False, [
            f"{' and '.join(missing)} of all slices are missing or empty (as in {file_name(planes[0])}): grey values "
            "are as stored and not known to be HU"
        ]
    return _in_hu({str(one.get("RescaleType") or "") for one in planes}, "RescaleType")


def read_hu(planes: Sequence[Dataset]) -> CtVolume:
    """All voxels (slice, row, column): int16 if the HU are whole numbers, else float32."""
    rows, columns = int(planes[0].Rows), int(planes[0].Columns)
    if not 0 < rows * columns <= _LARGEST_PLANE:
        raise CaseError(
            f"{file_name(planes[0])}: Rows and Columns are {rows} x {columns}, expected at most 8192 x 8192: "
            "the file is damaged"
        )
    volume: CtVolume = np.empty((len(planes), rows, columns), dtype=np.int16)
    for k, stored in stored_frames(planes):
        hu = _hu(stored, planes[k])
        if hu.dtype == np.float32 and volume.dtype == np.int16:
            volume = volume.astype(np.float32)
        volume[k] = hu
    return volume


def stored_frames(planes: Sequence[Dataset]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Number of a plane and its pixels (row, column) as they are stored; each file is read once."""
    by_file: dict[str, list[int]] = defaultdict(list)
    for k, one in enumerate(planes):
        by_file[str(one.filename)].append(k)
    for filename, members in by_file.items():
        dataset = read_dataset(filename)
        _check_bits(dataset)
        frames = [int(planes[k].get("ReferencedFrameNumber") or 1) - 1 for k in members]
        try:
            yield from zip(members, load_package().pixels.iter_pixels(dataset, indices=frames), strict=True)
        except Exception as error:  # pydicom and its decoders have many
            syntax = dataset.file_meta.TransferSyntaxUID
            hint = "; pip install 'lite-ensam[dicom,jpeg]' has decoders" if syntax.is_compressed else ""
            raise CaseError(
                f"{file_name(planes[members[0]])}: voxels cannot be decoded ({syntax.name}: {error}){hint}"
            ) from error


def _check_bits(image: Dataset) -> None:
    """CaseError if grey values do not lie in the lowest bits (PS3.5, 8.1.1): decoded, they would be other numbers."""
    stored, high = image.get("BitsStored"), image.get("HighBit")
    if stored == image.get("BitsAllocated"):  # they have one place only
        return
    if stored is not None and high is not None and int(high) != int(stored) - 1:
        raise CaseError(
            f"{file_name(image)}: HighBit is {high}, expected {int(stored) - 1} with BitsStored {stored}: grey values "
            "would be read from the wrong bits; export the scan again"
        )


def _in_hu(kinds: set[str], name: str) -> tuple[bool, list[str]]:
    other = sorted(kind for kind in kinds if kind.upper() not in _UNITS)
    return not other, [f"{name} of the slices is {other[0]!r}: grey values are not in HU"] if other else []


def _is_blank(one: Dataset, name: str) -> bool:
    try:
        if one.get(name) in (None, ""):
            return True
    except Exception:  # there is something, but not a number
        pass
    read_numbers(one, name, 1)
    return False


def _hu(stored: NDArray[Any], header: Dataset) -> CtVolume:
    """One slice (row, column)."""
    hu: NDArray[Any]
    if header.get(_LUT):
        hu = load_package().pixels.apply_modality_lut(stored, header)
        if hu.dtype == np.uint16:
            hu = hu.astype(np.int16)  # tables have no sign, HU have; there are none above 32767
    elif any(_is_blank(header, name) for name in _RESCALE):
        hu = stored
    else:
        slope, intercept = (read_numbers(header, name, 1).item() for name in _RESCALE)
        hu = stored * slope + intercept
    as_int16: NDArray[np.int16] = np.clip(hu, -(2**15), 2**15 - 1).astype(np.int16)
    return as_int16 if np.array_equal(as_int16, hu) else hu.astype(np.float32)
