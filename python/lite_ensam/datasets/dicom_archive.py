"""CT series of a DICOM archive with the objects that hold lines on them, found by what they refer to."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from lite_ensam.core.errors import CaseError
from lite_ensam.core.types import PathLike
from lite_ensam.datasets.case_files import CaseFiles
from lite_ensam.io.dicom.ct_folder import picture_kind
from lite_ensam.io.dicom.datasets import (
    Dataset,
    is_dicom,
    load_package,
    read_dataset,
    translate_dicom_errors,
)
from lite_ensam.io.dicom.references import referred_frames

__all__ = ["find_series"]

_HOLD_LINES = ("SR", "PR", "RTSTRUCT")
_TAGS = (
    "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Modality", "PatientID", "AcquisitionDate", "SeriesDate",
    "StudyDate", "ContentDate", "ContentTime", "StructureSetDate", "StructureSetTime", "ImageType", "NumberOfFrames",
    "SamplesPerPixel", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
)  # fmt: skip


@dataclass
class _Series:
    """One CT series.

    Parameters
    ----------
    folders : set[str], optional
        That hold its slices.
    header : Dataset, default None
        Header of one slice.
    marks : list[tuple[str, str]], optional
        Objects with lines, each with its date and time.
    """

    folders: set[str] = field(default_factory=set)
    header: Dataset = None
    marks: list[tuple[str, str]] = field(default_factory=list)


def find_series(files: Sequence[Path]) -> tuple[tuple[CaseFiles, ...], tuple[str, ...]]:
    """A case for each CT series that something with lines refers to, in the order of their UIDs; and notes.

    The case is called by its SeriesInstanceUID: names and numbers of patients stay out of file names and logs. Of
    several objects with lines the newest is taken.
    """
    dicom = [path for path in files if is_dicom(path)]
    dead = sum(not path.exists() for path in files)
    if not dicom:
        return (), ()
    load_package()
    series: dict[str, _Series] = defaultdict(_Series)
    series_of: dict[str, str] = {}
    holders, unreadable = [], 0
    for path in dicom:
        try:
            header, is_plane = _header(path)
        except CaseError:
            unreadable += 1
            continue
        if is_plane and (uid := str(header.get("SeriesInstanceUID", ""))):
            series[uid].folders.add(os.fspath(path.parent))
            series[uid].header = header
            series_of[str(header.get("SOPInstanceUID", ""))] = uid
        elif header.get("Modality") in _HOLD_LINES:
            holders.append(path)
    for path in holders:
        try:
            referred, when = _referred(path)
        except CaseError:
            unreadable += 1
            continue
        for uid in sorted({series_of[image] for image in referred if image in series_of}):
            series[uid].marks.append((when, os.fspath(path)))
    cases = tuple(_case_of(uid, series[uid]) for uid in sorted(series) if series[uid].marks)
    counts = {
        f"{len(series) - len(cases)} CT series without lines left out": len(series) - len(cases),
        "of several objects with lines on one series the newest was taken": any(
            len(s.marks) > 1 for s in series.values()
        ),
        f"{unreadable} DICOM files could not be read": unreadable,
        f"{dead} links among the files lead nowhere": dead,
    }
    return cases, tuple(text for text, there in counts.items() if there)


@translate_dicom_errors
def _header(path: PathLike) -> tuple[Dataset, bool]:
    """Header, and whether the file holds slices of a CT, as reading it will find them: no scout, no screenshot."""
    header = read_dataset(path, voxels=False, only=_TAGS)
    return header, header.get("Modality") == "CT" and not picture_kind(header)


@translate_dicom_errors
def _referred(path: PathLike) -> tuple[set[str], str]:
    """UIDs of all images that a file mentions anywhere, and when it was made."""
    content = read_dataset(path)
    return set(referred_frames(content)), _when(content)


def _when(content: Dataset) -> str:
    stamps = (
        f"{content.get(a, '')}{content.get(b, '')}"
        for a, b in (("StructureSetDate", "StructureSetTime"), ("ContentDate", "ContentTime"))
    )
    return next((stamp for stamp in stamps if stamp), "")


def _case_of(uid: str, series: _Series) -> CaseFiles:
    # the deepest folder that holds all of it
    folder = os.path.commonpath(sorted(series.folders))
    header = series.header
    taken = next(
        (
            str(header.get(name))
            for name in ("AcquisitionDate", "SeriesDate", "StudyDate")
            if header.get(name)
        ),
        "",
    )
    try:
        day = date.fromisoformat(taken).isoformat()
    except ValueError:
        day = ""
    patient = str(header.get("PatientID", ""))
    return CaseFiles(
        source="",
        name=uid,
        ct=Path(folder),
        marks=Path(max(series.marks)[1]),
        patient=patient,
        path_name=uid,
        patient_id=patient,
        date=day,
        series=uid,
    )
