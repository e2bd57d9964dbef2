"""One CT series out of a folder of DICOM files: which one, in what order, whether it is whole."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import NamedTuple

import numpy as np

from lite_ensam.core.errors import CaseError, printable
from lite_ensam.core.types import CtVolume, Float64Array
from lite_ensam.io.choice import SeriesChoice, parse_acquisition, parse_series
from lite_ensam.io.dicom.acquisitions import Acquisition, choose_acquisition, split_acquisitions
from lite_ensam.io.dicom.ct_folder import read_ct_folder
from lite_ensam.io.dicom.datasets import (
    Dataset,
    PathLike,
    file_name,
    load_package,
    read_directions,
    read_numbers,
    translate_dicom_errors,
)
from lite_ensam.io.dicom.harmless import harmless_number, is_called, series_handle, series_name
from lite_ensam.io.dicom.hounsfield import check_rescale, read_hu, stored_frames
from lite_ensam.io.dicom.patient import clean_patient
from lite_ensam.io.dicom.references import References
from lite_ensam.io.dicom.series_source import SeriesSource

__all__ = ["choose_series", "read_ct_series", "read_series"]

_ALIKE_MM, _ALIKE_COSINE = 1e-4, 1e-3
"""Tolerances of PixelSpacing and orientation, which all slices share besides Rows and Columns."""

_HOW = "its number, its UID, or the name after 'called'"

_FEWEST = 3
"""Images of another size or orientation are a stack of their own if there are so many, else a scout or a picture."""

_ODD = "image of another size, spacing, orientation or frame of reference"

_FRAME = "FrameOfReferenceUID"
_MADE_OF_SLICES = ("StudyInstanceUID", "SeriesInstanceUID", _FRAME)


def read_ct_series(
    folder: PathLike,
    series_uid: SeriesChoice | None = None,
    acquisition: int | None = None,
    referred_by: PathLike | None = None,
) -> tuple[CtVolume, SeriesSource]:
    """Read a CT series of a folder and its subfolders, in HU.

    Slices in files of their own, or frames of enhanced (multi-frame) CT. Other files (RTSTRUCT,
    PDF, scouts, screen captures, films) are skipped, and so are copies of a slice, also under
    UIDs of their own. Any transfer syntax will do that pydicom has a decoder for.

    Parameters
    ----------
    folder : PathLike
        Whatever the files are called; links to folders are followed.
    series_uid : SeriesChoice or None, default None
        SeriesInstanceUID or SeriesNumber, or one item of the list that `list_ct_series` returns; None takes the
        series that `referred_by` refers to, else the one with the most slices (of equals the smallest UID), and says
        so in the source's `notes`.
    acquisition : int or None, default None
        Acquisition of a series with several acquisitions, phases or reconstructions at the same places the
        number of one, as the notes list them; None takes the one that `referred_by` refers to, else the
        largest.
    referred_by : PathLike or None, default None
        A DICOM file of marks or of a mask that refers to images, or None; any other file will do, too.

    Returns
    -------
    ct : CtVolume
        Voxels (z, y, x), int16, or float32 if the HU are not whole numbers. Slices are sorted by position and axes
        permuted so that z runs along the body; nothing is flipped. Slices that are shifted in plane (a tilted gantry)
        are moved by whole pixels, and planes between unevenly spaced slices are interpolated: see `Stack`. Where the
        files do not say how to get HU, the values are as stored and the source's `has_hu` is False.
    source : SeriesSource
        Geometry and headers of the slices; `notes` say what was chosen, skipped, moved and interpolated.

    Raises
    ------
    CaseError
        If the folder holds no CT or not this series or acquisition, it must be said which of several patients is
        meant, its slices are of two studies, several slices in a row are missing (the gaps are listed), different ones
        lie at one place that nothing tells apart, only some slices say how to get HU, a single slice has no thickness,
        or they cannot be decoded.
    MissingExtraError
        If pydicom is not installed.
    """
    return read_series(folder, parse_series(series_uid), parse_acquisition(acquisition), referred_by)


@translate_dicom_errors
def read_series(
    folder: PathLike, series: str | None, acquisition: int | None, referred_by: PathLike | None
) -> tuple[CtVolume, SeriesSource]:
    """`read_ct_series` of a choice that is parsed already."""
    where = printable(folder)
    content = read_ct_folder(folder)
    referred = References.of(referred_by)
    try:
        planes, notes = choose_series(content.planes, series, referred, content.instead())
        content.check_whole(str(planes[0].get("SeriesInstanceUID", "")))
        planes, copies = _without_copies(planes)
        _check_one_study(planes)
        stacks, odd, doubts = _stacks(planes)
        taken, said = choose_acquisition(stacks, acquisition, referred)
        content.passed_over |= odd
        notes += [*said, *copies, *doubts, *content.notes()]
        slices = _sorted(taken.slices)
        has_hu, units = check_rescale(slices)
        images = [content.images.get(str(one.filename), one) for one in slices]
        images = list({id(image): image for image in images}.values())
        notes += [*_fill_in_uids(slices), *clean_patient(images[0]), *units]
        source = SeriesSource.of_slices(slices, notes, images)
        return source.volume_of_hu(read_hu(source.slices)), replace(source, has_hu=has_hu)
    except CaseError as error:
        message = str(error)
        raise CaseError(message if message.startswith(where) else f"{where}: {message}") from None


def choose_series(
    planes: Sequence[Dataset], series_uid: str | None, referred: References, instead: str
) -> tuple[list[Dataset], list[str]]:
    """Planes of one series, and what there is to say about the choice."""
    if not planes:
        raise CaseError("holds no DICOM file of a CT" + (f", only {instead}" if instead else ""))
    by_series: dict[str, list[Dataset]] = defaultdict(list)
    for plane in planes:
        by_series[str(plane.get("SeriesInstanceUID", ""))].append(plane)
    n_slices = {uid: len({_identity(plane) for plane in members}) for uid, members in by_series.items()}
    first = {uid: members[0] for uid, members in by_series.items()}
    numbers = Counter(harmless_number(header) for header in first.values())
    names = {
        uid: series_name(header)
        + (f", called {series_handle(header)}" if numbers[harmless_number(header)] > 1 else "")
        + f", {n_slices[uid]} slices"
        for uid, header in first.items()
    }
    listed = "; ".join(names[uid] for uid in sorted(by_series, key=lambda uid: (names[uid], uid)))
    if series_uid is not None:
        called = [uid for uid, header in first.items() if is_called(header, series_uid)]
        found = [series_uid] if series_uid in by_series else called
        if len(found) != 1:
            several = f"{len(found)} series of this number" if found else "no such CT series"
            raise CaseError(f"holds {several}; choose one by {_HOW}: {listed}")
        return _of_one_patient(by_series[found[0]]), []
    counts = {uid: referred.count(members) for uid, members in by_series.items()}
    is_referred = len(set(counts.values())) > 1
    n_patients = len({str(plane.get("PatientID", "")) for plane in planes})
    if len(by_series) > 1 and n_patients > 1 and not is_referred:
        raise CaseError(f"holds CT of {n_patients} patients; say which series is meant, by {_HOW}: {listed}")
    worth = {uid: (*counts[uid], n_slices[uid]) for uid in by_series}
    equals = sorted(uid for uid in by_series if worth[uid] == max(worth.values()))
    chosen = equals[0]
    taken = _of_one_patient(by_series[chosen])
    if len(by_series) == 1:
        return taken, []
    which, why = ("one", f" to which {referred.name} refers") if is_referred else ("largest", "")
    if len(equals) > 1:  # lines may have been drawn on the other
        return taken, [
            f"took one of {len(equals)} equally large CT series{why} ({names[chosen]}), which nothing tells from the "
            f"others: check that it is the one that is meant, or choose by {_HOW}; there are: {listed}"
        ]
    return taken, [
        f"took the {which} of {len(by_series)} CT series{why} ({names[chosen]}); there are: {listed}"
    ]


def _of_one_patient(planes: list[Dataset]) -> list[Dataset]:
    if len({str(plane.get("PatientID", "")) for plane in planes}) > 1:
        raise CaseError(f"{series_name(planes[0])} holds slices of more than one patient")
    return planes


def _check_one_study(planes: Sequence[Dataset]) -> None:
    """CaseError if slices are of several studies: a series belongs to one (PS3.3, A.1.2.3), and so do its results."""
    studies = {str(plane.get("StudyInstanceUID") or "") for plane in planes} - {""}
    if len(studies) > 1:
        raise CaseError(
            f"{series_name(planes[0])} holds slices of {len(studies)} studies (StudyInstanceUID), expected one: put "
            "the slices of each study into a folder of their own"
        )


def _identity(plane: Dataset) -> str:
    """The identity that copies of a slice share: its UID (if present), its position and its frame number."""
    uid = str(plane.get("SOPInstanceUID") or plane.filename)
    return f"{uid} at {plane.get('ImagePositionPatient')} {plane.get('ReferencedFrameNumber', '')}"


def _without_copies(planes: Sequence[Dataset]) -> tuple[list[Dataset], list[str]]:
    """Each plane once: no files that are there twice, and of equal pixels at one place only the first."""
    own = list({_identity(plane): plane for plane in reversed(planes)}.values())[::-1]
    by_place: dict[str, list[int]] = defaultdict(list)
    for n, plane in enumerate(own):
        if not plane.get("ImagePositionPatient"):
            continue
        by_place[f"{plane.get('ImagePositionPatient')} {plane.get('ImageOrientationPatient')}"].append(n)
    shared = [n for members in by_place.values() if len(members) > 1 for n in members]
    seen, again = set(), set()
    for k, stored in stored_frames([own[n] for n in shared]):
        plane = own[shared[k]]
        look = (
            str(plane.ImagePositionPatient),
            stored.shape,
            sha256(stored.tobytes()).digest(),
            _rescale(plane),
        )
        (again.add(shared[k]) if look in seen else seen.add(look))
    kept = [plane for n, plane in enumerate(own) if n not in again]
    n_copies = len(planes) - len(kept)
    return kept, [f"passed over {n_copies} x copy of a slice"] if n_copies else []


def _rescale(plane: Dataset) -> str:
    return " ".join(str(plane.get(name)) for name in ("RescaleSlope", "RescaleIntercept"))


def _stacks(planes: Sequence[Dataset]) -> tuple[list[Acquisition], dict[str, list[str]], list[str]]:
    """Acquisitions of planes of one size, spacing and orientation; the names of files that are of none; notes."""
    sizes = [(int(plane.Rows), int(plane.Columns)) for plane in planes]
    usual = max(sorted(set(sizes)), key=sizes.count)
    # unknown where several are named is another one; unknown beside a single one is not
    frames = Counter(str(plane.get(_FRAME) or "") for plane in planes)
    n_frames = len(frames.keys() - {""})
    # de-identification gave (nearly) each slice one of its own: they do not tell scans apart
    is_each_its_own = n_frames > 1 and (2 * n_frames > len(planes) or max(frames.values()) < _FEWEST)
    has_frames = n_frames > 1 and not is_each_its_own
    notes = [f"{n_frames} different {_FRAME} of {len(planes)} slices: they are ignored"] * is_each_its_own
    alike: list[tuple[_StackKey, list[Dataset]]] = []
    odd: list[Dataset] = []
    for plane, size in zip(planes, sizes, strict=True):
        try:
            spacing_mm, directions = read_numbers(plane, "PixelSpacing", 2), read_directions(plane)
            read_numbers(plane, "ImagePositionPatient", 3)
        except CaseError:
            if size == usual:
                raise
            odd.append(plane)
            continue
        frame = str(plane.get(_FRAME) or "") if has_frames else ""
        key = _StackKey(size, spacing_mm, directions, str(plane.get("StackID", "")), frame)
        for other, members in alike:
            if not key.differences(other):
                members.append(plane)
                break
        else:
            alike.append((key, [plane]))
    groups = sorted(alike, key=lambda group: len(group[1]), reverse=True)
    (first, largest), *others = groups
    kept = [(key, members) for key, members in others if len(members) >= _FEWEST]
    odd += [plane for _, members in others[len(kept) :] for plane in members]
    parts = [part for members in (largest, *(own for _, own in kept)) for part in split_acquisitions(members)]
    if told := tuple(dict.fromkeys(name for key, _ in kept for name in key.differences(first))):
        parts = [Acquisition(n, part.slices, (*told, *part.told_by)) for n, part in enumerate(parts, start=1)]
    names = sorted({file_name(plane) for plane in odd})
    return parts, {_ODD: names} if names else {}, notes


class _StackKey(NamedTuple):
    """The properties that all slices of one scan share.

    Attributes
    ----------
    size : tuple[int, int]
        Rows and columns.
    spacing_mm : Float64Array
        PixelSpacing (2,).
    directions : Float64Array
        Unit vectors (2, 3), see `read_directions`.
    stack : str
        StackID of frames; empty of files.
    frame : str
        FrameOfReferenceUID: positions of two frames have nothing to do with each other (PS3.3, C.7.4.1.1.1). Empty
        where the series has one, or so many that they tell nothing.
    """

    size: tuple[int, int]
    spacing_mm: Float64Array
    directions: Float64Array
    stack: str
    frame: str

    def differences(self, other: "_StackKey") -> tuple[str, ...]:
        """Names of the properties that tell the two apart; empty if they may be of one scan."""
        same = {
            "size": self.size == other.size,
            "spacing": np.allclose(self.spacing_mm, other.spacing_mm, rtol=0, atol=_ALIKE_MM),
            "orientation": np.allclose(self.directions, other.directions, rtol=0, atol=_ALIKE_COSINE),
            "StackID": self.stack == other.stack,
            "frame of reference": self.frame == other.frame,
        }
        return tuple(name for name, is_same in same.items() if not is_same)


def _sorted(slices: Sequence[Dataset]) -> list[Dataset]:
    """By position along their normal."""
    normal = np.cross(*read_directions(slices[0]))
    return sorted(slices, key=lambda one: float(normal @ read_numbers(one, "ImagePositionPatient", 3)))


def _fill_in_uids(slices: Sequence[Dataset]) -> list[str]:
    """UIDs of study, series and frame that de-identification has blanked, made of the slices' own; what was done.

    The same slices get the same ones each time, so that what is written of them belongs together.
    """
    own = sorted(str(one.get("SOPInstanceUID") or "") for one in slices)
    notes = []
    without = [one for one in slices if not one.get(_FRAME)]
    if 0 < len(without) < len(slices):
        named = next(str(one[_FRAME].value) for one in slices if one.get(_FRAME))
        for one in without:
            setattr(one, _FRAME, named)
        notes.append(
            f"{_FRAME} of {len(without)} of {len(slices)} slices is blank: taken as that of the others"
        )
    blank = [name for name in _MADE_OF_SLICES if not any(one.get(name) for one in slices)]
    if not blank or not all(own) or len(set(own)) < len(own):
        return notes
    for name in blank:
        made = load_package().uid.generate_uid(entropy_srcs=[name, *own])
        for one in slices:
            setattr(one, name, made)
    return [
        *notes,
        f"{', '.join(blank)} of the slices are blank: results have new ones, made of the slices' own UIDs",
    ]
