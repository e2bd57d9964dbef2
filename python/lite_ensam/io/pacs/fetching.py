"""A study of an archive as a folder on this machine: metadata first, then only the files that are needed."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

from lite_ensam.core.errors import ArchiveError, CaseError
from lite_ensam.core.types import PathLike
from lite_ensam.io.atomic import atomic_write, scratch_folder, translate_output_errors
from lite_ensam.io.dicom.ct_folder import CtFolder, add_header
from lite_ensam.io.dicom.datasets import Dataset, load_package, read_dataset
from lite_ensam.io.dicom.harmless import OF_THE_PATIENT, is_called
from lite_ensam.io.dicom.marks import candidate_marks
from lite_ensam.io.dicom.references import References
from lite_ensam.io.dicom.series import choose_series
from lite_ensam.io.object_choice import ObjectChoice
from lite_ensam.io.pacs.address import StudyAddress
from lite_ensam.io.pacs.dicomweb import N_CONNECTIONS, DicomWeb

__all__ = ["CACHE", "FetchedFile", "FetchedStudy", "Progress", "fetch_study"]

CACHE = "LITE_ENSAM_CACHE"
"""Variable of the environment: a folder that keeps what was fetched."""

Progress: TypeAlias = Callable[[int, int], None]
"""Callback after each file: number of files fetched, and number in all."""

_ANY = ObjectChoice()

_OBJECTS = ("SR", "PR", "RTSTRUCT")
"""Modalities that hold marks."""

_TO_CHOOSE_BY = (
    "Modality", "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "ImageType",
    "Rows", "Columns", "SamplesPerPixel", "NumberOfFrames", "PerFrameFunctionalGroupsSequence",
    "SharedFunctionalGroupsSequence", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SeriesNumber",
    "SeriesDescription", *OF_THE_PATIENT,
)  # fmt: skip
"""Attributes that tell a CT's planes from scouts and pictures, and which series marks refer to."""


class FetchedStudy(os.PathLike[str]):
    """Temporary folder of fetched files; removed after its last use, at the latest when the process ends.

    Parameters
    ----------
    notes : Sequence[str], default ()
        Sentences on what was selected.

    Attributes
    ----------
    folder : Path
        Where the files lie.
    """

    def __init__(self, notes: Sequence[str] = ()) -> None:
        self.notes = tuple(notes)
        scratch, remove = scratch_folder(Path(tempfile.gettempdir()))
        weakref.finalize(self, remove)
        self.folder = scratch / "study"
        self.folder.mkdir()

    def __fspath__(self) -> str:
        return str(self.folder)

    def __str__(self) -> str:
        return str(self.folder)


class FetchedFile(os.PathLike[str]):
    """A file of a fetched study; it keeps the study on disk.

    Parameters
    ----------
    study : FetchedStudy
        Study that keeps the file on disk.
    path : Path
        Path of the file.
    """

    def __init__(self, study: FetchedStudy, path: Path) -> None:
        self.study, self.path = study, path

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True)
class _Instance:
    """A file that is needed: its UIDs, and what it is called here."""

    series_uid: str
    uid: str
    name: str


def fetch_study(
    address: StudyAddress,
    kinds: Sequence[str] = ("CT", *_OBJECTS),
    choice: ObjectChoice = _ANY,
    referred_by: PathLike | None = None,
    cache: PathLike | None = None,
    on_progress: Progress | None = None,
) -> FetchedStudy:
    """Fetch the files of a study that a command needs: one CT series, reports, presentation states and masks.

    Parameters
    ----------
    address : StudyAddress
        Address of the study. A series UID selects the CT; a series that is not a CT is fetched alone.
    kinds : Sequence[str], default ("CT", *_OBJECTS)
        Modalities that are needed.
    choice : ObjectChoice, default _ANY
        Which report selects the CT series, if there are several.
    referred_by : PathLike or None, default None
        File of marks or mask that selects the CT series instead.
    cache : PathLike or None, default None
        Folder that keeps the fetched files for later commands. None takes the folder in the environment
        variable `LITE_ENSAM_CACHE`; without either, the files are removed.
    on_progress : Progress or None, default None
        See `Progress`.

    Returns
    -------
    FetchedStudy
        The folder, as a path.

    Raises
    ------
    ArchiveError
        If the archive does not answer, refuses, has no such study, or a file does not come whole.
    CaseError
        If the study holds no CT and one is needed.
    MissingExtraError
        If requests is not installed.
    """
    server = DicomWeb(address.root)
    series = server.search_series(address.study_uid)
    modality_of = {str(one.SeriesInstanceUID): str(one.get("Modality") or "") for one in series}
    address = replace(address, series_uid=_uid_of(address.series_uid, series))
    if not modality_of or (address.series_uid and address.series_uid not in modality_of):
        which = "no such series in this study" if modality_of else "no such study"
        raise ArchiveError(f"{address.root.host}: has {which}")
    alone = modality_of.get(address.series_uid, "CT") != "CT"
    study = FetchedStudy()
    fetch = _Fetch(
        server, address.study_uid, study.folder, cache or os.environ.get(CACHE) or None, on_progress
    )
    fetch.run(
        one
        for uid, modality in modality_of.items()
        if (uid == address.series_uid if alone else modality in kinds and modality != "CT")
        for one in fetch.instances(modality, fetch.headers(uid))
    )
    if alone or "CT" not in kinds:
        return study
    marks = [referred_by] if referred_by else candidate_marks(study, choice)
    referred = References.of(marks[0] if len(marks) == 1 else None)
    cts = [uid for uid, modality in modality_of.items() if modality == "CT"]
    if not cts:
        others = ", ".join(sorted(set(modality_of.values())))
        raise CaseError(f"{address.root.host}: the study holds no CT, only {others}")
    headers, study.notes = _chosen_ct(fetch, cts, address.series_uid, referred)
    fetch.run(fetch.instances("CT", headers))
    return study


def _uid_of(wanted: str, series: Sequence[Dataset]) -> str:
    """SeriesInstanceUID of a series that is given by its UID, its number or `series_handle`."""
    called = [str(one.SeriesInstanceUID) for one in series if is_called(one, wanted)]
    return called[0] if wanted and len(called) == 1 else wanted


def _chosen_ct(
    fetch: _Fetch, cts: Sequence[str], series_uid: str, referred: References
) -> tuple[list[Dataset], tuple[str, ...]]:
    """Headers of the CT series that is meant, chosen as in a folder; and what there is to say about it."""
    if series_uid or len(cts) == 1:
        return fetch.headers(series_uid or cts[0]), ()
    headers = [header for uid in cts for header in fetch.headers(uid)]
    content = CtFolder()
    for header in headers:
        add_header(content, header, "")
    planes, _ = choose_series(content.planes, None, referred, content.instead())
    chosen = str(planes[0].SeriesInstanceUID)
    taken = [header for header in headers if str(header.get("SeriesInstanceUID")) == chosen]
    why = "the one that the marks refer to, else the largest; the address may name another one"
    return taken, (f"took one of {len(cts)} CT series of the study, with {len(planes)} slices: {why}",)


class _Fetch:
    """Files of one study on their way.

    Parameters
    ----------
    server : DicomWeb
        Server of the archive.
    study_uid : str
        StudyInstanceUID.
    folder : Path
        Folder that the files are written to.
    cache : PathLike or None
        Folder that keeps the files, or None.
    on_progress : Progress or None
        Called for each file, or None.
    """

    def __init__(
        self,
        server: DicomWeb,
        study_uid: str,
        folder: Path,
        cache: PathLike | None,
        on_progress: Progress | None,
    ) -> None:
        self.server, self.study_uid, self.folder = server, study_uid, folder
        self.cache = None if cache is None else Path(cache) / _hidden(f"{server.root.url} {study_uid}")
        self.on_progress, self.counts = on_progress, Counter[str]()
        if self.cache is not None:
            with translate_output_errors(self.cache):
                self.cache.mkdir(mode=0o700, parents=True, exist_ok=True)

    def headers(self, series_uid: str) -> list[Dataset]:
        """Headers of a series."""
        found = self.server.series_metadata(self.study_uid, series_uid, _TO_CHOOSE_BY)
        for header in found:
            header.filename, header.file_meta = "a slice", load_package().dataset.FileMetaDataset()
            header.SeriesInstanceUID = series_uid
        return found

    def instances(self, modality: str, headers: Sequence[Dataset]) -> Iterator[_Instance]:
        """The files of a series."""
        for header in headers:
            self.counts[modality] += 1
            name = f"{modality.lower()}-{self.counts[modality]}.dcm"
            yield _Instance(str(header.SeriesInstanceUID), str(header.SOPInstanceUID), name)

    def run(self, wanted: Iterator[_Instance]) -> None:
        """Fetch files, a few at a time; the first that fails ends it."""
        instances = list(wanted)
        pool = ThreadPoolExecutor(N_CONNECTIONS, "lite-ensam-fetch")
        try:
            running = {pool.submit(self._fetch, one): one for one in instances}
            for n_done, done in enumerate(as_completed(running), start=1):
                self._check(running[done], done.result())
                if self.on_progress is not None:
                    self.on_progress(n_done, len(instances))
        finally:
            pool.shutdown(cancel_futures=True)

    def _fetch(self, one: _Instance) -> Path:
        """Its file, from the cache or the archive."""
        path = self.folder / one.name if self.cache is None else self.cache / f"{_hidden(one.uid)}.dcm"
        if not path.exists():
            with atomic_write(path) as file:
                self.server.retrieve(self.study_uid, one.series_uid, one.uid, file)
        return path

    def _check(self, one: _Instance, path: Path) -> None:
        """Put a file where it belongs; `ArchiveError` if it is not what was asked for."""
        try:
            is_right = (
                str(read_dataset(path, voxels=False, only=("SOPInstanceUID",)).SOPInstanceUID) == one.uid
            )
        except (CaseError, AttributeError):
            is_right = False
        if not is_right:
            path.unlink()
            raise ArchiveError(
                f"{self.server.root.host}: sends something else than the file that was asked for"
            )
        if self.cache is None:
            return
        link = self.folder / one.name
        try:
            link.symlink_to(path.absolute())
        except FileExistsError:
            raise
        except OSError:  # Windows, without the right to make links
            shutil.copyfile(path, link)


def _hidden(text: str) -> str:
    """A name for a file that tells nothing of the patient: UIDs are identifiers, too."""
    return sha256(text.encode()).hexdigest()[:32]
