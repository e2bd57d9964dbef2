"""The CT slices of a folder of DICOM files, and the images that are skipped and named in a note."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lite_ensam.core.errors import CaseError, printable
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.io.dicom.datasets import (
    Dataset,
    PathLike,
    files_below,
    is_dicom,
    load_package,
    read_dataset,
)
from lite_ensam.io.dicom.frames import frames_of, has_placed_frames, n_frames
from lite_ensam.io.reading import translate_io_errors

__all__ = ["CtFolder", "add_header", "picture_kind", "read_ct_folder"]

_CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
"""Pictures of tables and dose reports often say they are CT; so do films, whose classes begin with this one's."""

_SCOUTS = ("LOCALIZER", "LOCALISER", "SCOUT", "TOPOGRAM", "SURVIEW", "SCANOGRAM")
_SCREENS = ("SCREEN", "DOSE_INFO", "DOSE INFO", "DOSE REPORT", "DOSE_REPORT", "PROTOCOL", "CSA REPORT")
"""How words of ImageType begin."""

_PLACE = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
_OTHER_IMAGES = frozenset({"MR", "PT", "NM", "US", "CR", "DX", "MG", "XA", "RF"})
"""Modalities of images that people may want segmented, and that the weights were not trained on."""
_MOST_NAMED = 3


@with_short_repr
@dataclass
class CtFolder:
    """Headers of CT planes in a folder, without voxels, and the rest.

    Parameters
    ----------
    planes : list[Dataset], optional
        Planes of slices, one a file, and of frames of multi-frame images.
    images : dict[str, Dataset], optional
        Multi-frame images by their file's name.
    passed_over : dict[str, list[str]], optional
        Files' names by the kind of picture they are.
    broken : dict[Path, str], optional
        Files that might be slices, cut off in their header, with their SeriesInstanceUID if it is known.
    other_images : dict[str, int], optional
        Number of images of each other modality.
    """

    planes: list[Dataset] = field(default_factory=list)
    images: dict[str, Dataset] = field(default_factory=dict)
    passed_over: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    broken: dict[Path, str] = field(default_factory=dict)
    other_images: Counter[str] = field(default_factory=Counter)

    def check_whole(self, series_uid: str) -> None:
        """CaseError if a broken file may be of the series: passed over, it would look like a missing slice."""
        for path, uid in self.broken.items():
            if uid in ("", series_uid):
                raise CaseError(
                    f"{printable(path)}: the file is truncated or damaged (Modality or Rows is missing)"
                )

    def instead(self) -> str:
        """Pictures and images of other modalities, for the error if no plane was found; an empty text without them."""
        others = [
            f"{number} x {modality} image, and the weights were trained on CT alone"
            for modality, number in sorted(self.other_images.items())
        ]
        return "; ".join([*filter(None, [told_files(self.passed_over)]), *others])

    def notes(self) -> list[str]:
        """A sentence that names the skipped files."""
        return [f"passed over {told}"] if (told := told_files(self.passed_over)) else []


def told_files(names_by_kind: Mapping[str, list[str]]) -> str:
    """Kinds with their numbers and some of their files' names."""
    kinds = []
    for kind, names in sorted(names_by_kind.items()):
        more = ", ..." if len(names) > _MOST_NAMED else ""
        kinds.append(f"{len(names)} x {kind} ({', '.join(sorted(names)[:_MOST_NAMED])}{more})")
    return "; ".join(kinds)


def read_ct_folder(folder: PathLike) -> CtFolder:
    """Everything of CT in a folder and its subfolders, whatever the files are called.

    Raises
    ------
    CaseError
        If the folder does not exist, or a file cannot be read.
    MissingExtraError
        If pydicom is not installed.
    """
    load_package()
    with translate_io_errors(folder):
        if not Path(folder).is_dir():
            raise CaseError("no such folder")
        files, dead = files_below(folder)
    content = CtFolder()
    if dead:
        content.passed_over["link that leads nowhere"] = [printable(path.name) for path in dead]
    others = []
    for path in files:
        if is_dicom(path):
            _add(content, path)
        elif not path.name.startswith("."):
            others.append(path)
    suffixes = {Path(str(plane.filename)).suffix.lower() for plane in content.planes} | {".dcm"}
    for path in others:  # a slice that lost its beginning looks so; a table or a letter has another ending
        if path.suffix.lower() in suffixes - {""}:
            content.passed_over["file that is not DICOM"].append(printable(path.name))
    return content


def picture_kind(header: Dataset) -> str:
    """The kind of a CT image that is not a slice of the scan (a scout, say); an empty text if it is a slice."""
    sop_class = str(header.get("SOPClassUID") or "")
    words = [str(word).upper() for word in _words(header.get("ImageType"))]
    if sop_class == _SECONDARY_CAPTURE or sop_class.startswith(f"{_SECONDARY_CAPTURE}."):
        return "multi-frame screen capture" if n_frames(header) > 1 else "screen capture"
    if any(word.startswith(_SCOUTS) for word in words):
        return "scout"
    if any(word.startswith(_SCREENS) for word in words):
        return "screen capture"
    if int(header.get("SamplesPerPixel") or 1) != 1:
        return "colour image"
    if has_placed_frames(header):
        return ""
    if n_frames(header) > 1:
        return "multi-frame image that does not say where its frames lie"
    if not any(header.get(name) for name in _PLACE):
        return "image without a position"
    return ""


def _words(value: object) -> Iterator[object]:
    yield from [value] if isinstance(value, str) else value or ()  # type: ignore[misc,attr-defined]


def _add(content: CtFolder, path: Path) -> None:
    header = _with_uids(read_dataset(path, voxels=False))
    is_ct_class = str(header.get("SOPClassUID") or _CT_IMAGE) == _CT_IMAGE
    if is_ct_class and not ("Modality" in header and "Rows" in header):
        content.broken[path] = str(header.get("SeriesInstanceUID") or "")
        return
    modality = header.get("Modality")
    if modality == "CT" and "Rows" in header:
        add_header(content, header, path.name)
    elif modality in _OTHER_IMAGES:
        content.other_images[modality] += 1


def add_header(content: CtFolder, header: Dataset, name: str) -> None:
    """Sort an image of modality CT into planes and what is skipped, where it has a name."""
    if kind := picture_kind(header):
        content.passed_over[kind].append(printable(name))
    elif has_placed_frames(header):
        content.images[str(header.filename)] = header
        content.planes += frames_of(header)
    else:
        content.planes.append(header)


def _with_uids(header: Dataset) -> Dataset:
    """The header with the UIDs that de-identification has blanked but left in the file's meta information."""
    for name in ("SOPInstanceUID", "SOPClassUID"):
        if not header.get(name) and (kept := header.file_meta.get(f"MediaStorage{name}")):
            setattr(header, name, kept)
    return header
