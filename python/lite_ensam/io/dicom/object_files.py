"""Which of several reports or masks of one patient is meant: chosen by description, date and maker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lite_ensam.core.errors import LiteEnsamError, MarkError, MissingMarksError, printable
from lite_ensam.io.dicom.datasets import Dataset, PathLike, files_below, is_dicom, read_dataset
from lite_ensam.io.dicom.harmless import OF_THE_PATIENT, harmless_text
from lite_ensam.io.dicom.references import References
from lite_ensam.io.dicom.segmentation import NAME
from lite_ensam.io.dicom.series_source import SeriesSource
from lite_ensam.io.object_choice import ObjectChoice

__all__ = ["DicomObject", "choose_object", "dicom_objects", "fitting"]

_DOSE_REPORT = "1.2.840.10008.5.1.4.1.1.88.67"
"""Scanners put one next to their slices."""

_DESCRIPTIONS = ("SeriesDescription", "ContentLabel", "ContentDescription", "StructureSetLabel")
_MAKERS = ("Manufacturer", "ManufacturerModelName")
_WHEN = ("Content", "StructureSet", "PresentationCreation", "Series", "InstanceCreation")
"""Date and time that an object was made, the surest first: what attributes begin with that end in Date and Time."""

_READ = (
    "Modality", "SOPClassUID", *_DESCRIPTIONS, *_MAKERS, *OF_THE_PATIENT,
    *(f"{name}{end}" for name in _WHEN for end in ("Date", "Time")),
)  # fmt: skip


@dataclass(frozen=True)
class DicomObject:
    """A file that may hold marks or a mask, with what it says of itself.

    Parameters
    ----------
    path : Path
        The file.
    header : Dataset
        Its elements that say what it is.
    """

    path: Path
    header: Dataset

    @property
    def modality(self) -> str:
        """SR, PR, RTSTRUCT or SEG."""
        return str(self.header.get("Modality") or "")

    @property
    def is_own(self) -> bool:
        """Whether lite-ensam wrote it: a result, not what a reader drew."""
        return str(self.header.get("Manufacturer") or "") == NAME

    @property
    def descriptions(self) -> list[str]:
        """Texts by which it can be chosen; one may be empty."""
        return [str(self.header.get(name) or "") for name in _DESCRIPTIONS]

    @property
    def makers(self) -> list[str]:
        """Names of its maker; one may be empty."""
        return [str(self.header.get(name) or "") for name in _MAKERS]

    @property
    def made_at(self) -> str:
        """Day and time, YYYYMMDDHHMMSS, for comparisons; empty where it does not say."""
        for name in _WHEN:
            if day := str(self.header.get(f"{name}Date") or ""):
                return day.replace(".", "") + str(self.header.get(f"{name}Time") or "")
        return ""

    @cached_property
    def references(self) -> References:
        """The images that it refers to."""
        return References.of(self.path)

    def refers_to(self, series: SeriesSource) -> bool:
        """Whether it refers to the series, or does not say what it refers to."""
        n_images, is_same_space = self.references.count(series.slices)
        is_silent = not (self.references.frames_of_image or self.references.spaces)
        return n_images > 0 or is_same_space or is_silent

    def told(self, others: Sequence[DicomObject]) -> str:
        """For a message: file name, kind, description and maker, and which is the newest; nothing of the patient."""
        texts = [harmless_text(self.header, found) for found in (self.descriptions, self.makers)]
        said = [self.modality, f"'{texts[0]}'" if texts[0] else "", f"made by {texts[1]}" if texts[1] else ""]
        is_newest = len(others) > 1 and self.made_at > max(one.made_at for one in others if one is not self)
        parts = ", ".join([*filter(None, said), *(["the newest"] if is_newest else [])])
        return f"{printable(self.path.name)} ({parts})"


def dicom_objects(folder: PathLike, modalities: Sequence[str]) -> list[DicomObject]:
    """Objects of some modalities in a folder and its subfolders; dose reports are skipped."""
    found = []
    for path in filter(is_dicom, files_below(folder)[0]):
        header = read_dataset(path, voxels=False, only=_READ)
        if header.get("Modality") in modalities and header.get("SOPClassUID") != _DOSE_REPORT:
            found.append(DicomObject(path, header))
    return found


def fitting(
    objects: Iterable[DicomObject], choice: ObjectChoice, allow_own: bool = False
) -> list[DicomObject]:
    """Objects that fit a choice; of several that were made at the same time, all.

    Parameters
    ----------
    objects : Iterable[DicomObject]
        Objects of a folder.
    choice : ObjectChoice
        How they are chosen.
    allow_own : bool, default False
        Whether results of lite-ensam count: as masks they do, as a reader's marks only if `choice.maker`
        names them.
    """
    left = [
        one
        for one in objects
        if any(choice.description.casefold() in text.casefold() for text in one.descriptions)
        and any(choice.maker.casefold() in text.casefold() for text in one.makers)
        and (allow_own or choice.maker or not one.is_own)
    ]
    if choice.date in ("newest", "oldest") and left:
        wanted = (max if choice.date == "newest" else min)(one.made_at for one in left)
        return [one for one in left if one.made_at == wanted]
    day = "" if choice.date in ("newest", "oldest") else choice.date.replace("-", "")
    return [one for one in left if one.made_at.startswith(day)]


def choose_object(
    objects: Sequence[DicomObject],
    choice: ObjectChoice,
    folder: PathLike,
    what: str,
    series: SeriesSource | None = None,
    *,
    allow_own: bool = False,
    error: type[LiteEnsamError] = MarkError,
) -> Path:
    """The one object that is meant.

    Parameters
    ----------
    objects : Sequence[DicomObject]
        Objects of the folder.
    choice : ObjectChoice
        How one is chosen.
    folder : PathLike
        The folder, for messages.
    what : str
        It is to hold, for messages: "marks" or "a mask".
    series : SeriesSource or None, default None
        Series of the CT; objects that refer to another one are left out.
    allow_own : bool, default False
        See `fitting`.
    error : type[LiteEnsamError], default MarkError
        That is raised.

    Raises
    ------
    MarkError, CaseError
        If none is left or several are; the message lists them, and says how to choose.
    """
    where = printable(folder)
    referring = [one for one in objects if series is None or one.refers_to(series)]
    left = fitting(referring, choice, allow_own)
    if len(left) == 1:
        return left[0].path
    how = "by ObjectChoice(description=, date=, maker=), or give its file"
    if left:
        listed = ", ".join(one.told(left) for one in left)
        raise error(f"{where}: holds {len(left)} files that could be {what}: {listed}; choose one {how}")
    readers = [one for one in referring if allow_own or not one.is_own]
    if readers:
        listed = ", ".join(one.told(readers) for one in readers)
        raise error(f"{where}: no file of {what} fits; there are: {listed}; choose one {how}")
    if own := [one for one in referring if one.is_own]:
        listed = ", ".join(one.told(own) for one in own)
        raise error(
            f"{where}: holds no file of {what}, only results of {NAME}: {listed}; give the file if it is meant"
        )
    others = f", only {len(objects)} of other scans" if objects else ""
    others += _in_text(folder) if what == "marks" else ""
    missing = MissingMarksError if error is MarkError else error
    raise missing(
        f"{where}: no {what.removeprefix('a ')} given, and the folder holds no DICOM file of {what}{others}"
    )


def _in_text(folder: PathLike) -> str:
    """For a message: that a folder has marks in another form, which are not looked for."""
    names = sorted(path.name for path in Path(folder).iterdir() if path.suffix.lower() in (".json", ".csv"))
    return f"; give {printable(names[0])} as marks if it holds them" if names else ""
