"""One CT series out of a folder of DICOM files: which one, in what order, whether it is whole."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.errors import CaseError, printable
from lite_ensam.core.types import CtVolume
from lite_ensam.io.dicom.datasets import (
    Dataset,
    PathLike,
    is_dicom,
    load_package,
    read_dataset,
    read_numbers,
    translate_dicom_errors,
)
from lite_ensam.io.dicom.series_source import SeriesSource
from lite_ensam.io.reading import translate_io_errors

__all__ = ["read_ct_series"]

_ALIKE = {"Rows": 1, "Columns": 1, "PixelSpacing": 2, "ImageOrientationPatient": 6}
"""What all slices must have in common, and how many numbers it is."""

_RESCALE = ("RescaleSlope", "RescaleIntercept")
"""From what is stored to HU."""

_MADE_OF_SLICES = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")

_MAY_BE_EMPTY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
"""Type 2: DICOM lets them be empty, not left out, as some de-identification leaves them."""

_CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
"""Pictures of tables and dose reports often say they are CT."""


@translate_dicom_errors
def read_ct_series(folder: PathLike, series_uid: str | None = None) -> tuple[CtVolume, SeriesSource]:
    """A CT series of a folder and its subfolders, in HU.

    Files that are not DICOM or not slices of a CT (an RTSTRUCT or PDF beside the slices, localizers, pictures of
    dose reports) are passed over, and so are copies of a slice. Any transfer syntax will do that pydicom has a
    decoder for.

    Parameters
    ----------
    folder : whatever the files are called
    series_uid : SeriesInstanceUID; None takes the series with the most slices (of equals the smallest UID)
        and says so in the source's `notes`, unless the folder holds several patients

    Returns
    -------
    ct : int16 (z, y, x), or float32 if the HU are not whole numbers; slices are sorted by position, axes
        permuted so that z runs along the body, nothing is flipped. Slices that are shifted in plane (a tilted gantry)
        are moved by whole pixels, planes between unevenly spaced slices interpolated: see `Stack`
    source : its geometry and its slices' headers; its `notes` say what was chosen, moved and interpolated

    Raises
    ------
    CaseError
        If the folder holds no CT or not this series, it must be said which of several patients is meant, or
        several slices in a row are missing (the gaps are listed), two lie at one place, or slices differ in size,
        orientation or spacing, only some say how to get HU, or they cannot be decoded.
    MissingExtraError
        If pydicom is not installed.
    """
    where = printable(folder)
    slices, notes = _choose(where, list(_ct_headers(folder)), series_uid)
    for one in slices:
        for name in _MAY_BE_EMPTY:
            if name not in one:
                setattr(one, name, None)
    try:
        source = SeriesSource.of_slices(_sorted(slices), notes + _fill_in_uids(slices))
        return source.volume_of_hu(_read_hu(source.slices)), source
    except CaseError as error:
        raise CaseError(f"{where}: {error}") from None


def _ct_headers(folder: PathLike) -> Iterator[Dataset]:
    """Headers of all files that are a slice of a CT, whatever they are called."""
    load_package()
    with translate_io_errors(folder):
        if not Path(folder).is_dir():
            raise CaseError("no such folder")
    for path in sorted(Path(folder).rglob("*")):
        if not path.is_file() or not is_dicom(path):
            continue
        header = _with_uids(read_dataset(path, voxels=False))
        if header.get("SOPClassUID") in (None, "", _CT_IMAGE) and not (
            "Modality" in header and "Rows" in header
        ):
            # passed over, it would look like a missing slice
            raise CaseError(
                f"{printable(path)}: the file is truncated or damaged (Modality or Rows is missing)"
            )
        is_picture = header.get("SOPClassUID") == _SECONDARY_CAPTURE
        is_localizer = "LOCALIZER" in (header.get("ImageType") or ())
        if header.get("Modality") != "CT" or "Rows" not in header or is_picture or is_localizer:
            continue
        if int(header.get("NumberOfFrames") or 1) > 1:
            raise CaseError(f"{printable(path)}: is a multi-frame CT, expected one slice a file")
        yield header


def _with_uids(header: Dataset) -> Dataset:
    """The header with the UIDs that de-identification has blanked but left in the file's meta information."""
    for name in ("SOPInstanceUID", "SOPClassUID"):
        if not header.get(name) and (kept := header.file_meta.get(f"MediaStorage{name}")):
            setattr(header, name, kept)
    return header


def _fill_in_uids(slices: Sequence[Dataset]) -> list[str]:
    """UIDs of study, series and frame that de-identification has blanked, made of the slices' own; what was done.

    The same slices get the same ones each time, so that what is written of them belongs together.
    """
    own = sorted(str(one.get("SOPInstanceUID") or "") for one in slices)
    blank = [name for name in _MADE_OF_SLICES if not any(one.get(name) for one in slices)]
    if not blank or not all(own) or len(set(own)) < len(own):
        return []
    for name in blank:
        made = load_package().uid.generate_uid(entropy_srcs=[name, *own])
        for one in slices:
            setattr(one, name, made)
    return [
        f"{', '.join(blank)} of the slices are blank: results have new ones, made of the slices' own UIDs"
    ]


def _choose(
    where: str, headers: Sequence[Dataset], series_uid: str | None
) -> tuple[list[Dataset], list[str]]:
    """Slices of one series, each once, and what there is to say about the choice."""
    if not headers:
        raise CaseError(f"{where}: holds no DICOM file of a CT")
    by_series: dict[str, dict[str, Dataset]] = defaultdict(dict)
    for header in headers:
        by_series[str(header.get("SeriesInstanceUID", ""))][_identity(header)] = header
    listed = ", ".join(f"{uid} ({len(by_series[uid])} slices)" for uid in sorted(by_series))
    n_patients = len({str(header.get("PatientID", "")) for header in headers})
    if series_uid is None and len(by_series) > 1 and n_patients > 1:
        raise CaseError(f"{where}: holds CT of {n_patients} patients; say which series is meant: {listed}")
    if series_uid is not None and series_uid not in by_series:
        raise CaseError(f"{where}: holds no CT series {series_uid}, only {listed}")
    chosen = series_uid or min(by_series, key=lambda uid: (-len(by_series[uid]), uid))
    slices = list(by_series[chosen].values())
    if len({str(header.get("PatientID", "")) for header in slices}) > 1:
        raise CaseError(f"{where}: the series {chosen} holds slices of more than one patient")
    notes = []
    if series_uid is None and len(by_series) > 1:
        notes.append(f"took the largest of {len(by_series)} CT series: {chosen}; there were {listed}")
    copies = sum(str(header.get("SeriesInstanceUID", "")) == chosen for header in headers) - len(slices)
    if copies:
        notes.append(f"passed over {copies} copies of slices")
    return slices, notes


def _identity(header: Dataset) -> str:
    """What copies of a slice have in common: its UID, where it has one, and its place."""
    uid = str(header.get("SOPInstanceUID") or header.filename)
    return f"{uid} at {header.get('ImagePositionPatient')}"


def _sorted(slices: Sequence[Dataset]) -> list[Dataset]:
    """By position along their normal, checked to be alike."""
    for name, n_numbers in _ALIKE.items():
        values = [read_numbers(one, name, n_numbers) for one in slices]
        if any(not np.allclose(value, values[0], rtol=0, atol=1e-4) for value in values):
            raise CaseError(f"{name} differs between slices")
    for name in _RESCALE:
        lacking = [one for one in slices if one.get(name) is None]
        if lacking and len(lacking) < len(slices):  # their grey values would be those of something else
            where = f"slice {lacking[0].get('InstanceNumber', '')}".strip()
            raise CaseError(f"{where}: {name} is missing, which other slices have")
    normal = np.cross(*read_numbers(slices[0], "ImageOrientationPatient", 6).reshape(2, 3))
    return sorted(slices, key=lambda one: float(normal @ read_numbers(one, "ImagePositionPatient", 3)))


def _read_hu(slices: Sequence[Dataset]) -> CtVolume:
    """All voxels (slice, row, column): int16 if the HU are whole numbers, else float32."""
    volume: CtVolume = np.empty((len(slices), int(slices[0].Rows), int(slices[0].Columns)), dtype=np.int16)
    for k, header in enumerate(slices):
        hu = _hu(header)
        if hu.dtype == np.float32 and volume.dtype == np.int16:
            volume = volume.astype(np.float32)
        volume[k] = hu
    return volume


def _hu(header: Dataset) -> CtVolume:
    """One slice (row, column)."""
    one = read_dataset(header.filename)
    try:
        stored: NDArray[Any] = one.pixel_array
    except Exception as error:  # pydicom and its decoders have many
        syntax = one.file_meta.TransferSyntaxUID
        hint = "; pip install 'lite-ensam[dicom,jpeg]' has decoders" if syntax.is_compressed else ""
        raise CaseError(
            f"slice {one.get('InstanceNumber')}: voxels cannot be decoded ({syntax.name}: {error}){hint}"
        ) from error
    hu = stored * float(one.get("RescaleSlope", 1)) + float(one.get("RescaleIntercept", 0))
    as_int16 = np.clip(hu, -(2**15), 2**15 - 1).astype(np.int16)
    return as_int16 if np.array_equal(as_int16, hu) else hu.astype(np.float32)
