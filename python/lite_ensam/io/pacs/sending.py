"""Results to an archive: stored, all of them, or a sentence that says which are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lite_ensam.core.errors import ArchiveError, ArgumentError, printable
from lite_ensam.core.types import PathLike
from lite_ensam.io.pacs.address import AeAddress, StudyAddress, WebRoot
from lite_ensam.io.pacs.store_status import DUPLICATE, StoreOutcome, reason_in_words

__all__ = ["check_destination", "send"]


def check_destination(to: str) -> Callable[[Mapping[str, Path]], StoreOutcome]:
    """Check an address before long work, and return the function that stores files there.

    Parameters
    ----------
    to : str
        `dicomweb+https://HOST/dicom-web`, with `/studies/...` or without, or `ae://AET@HOST:PORT`.

    Returns
    -------
    Callable[[Mapping[str, Path]], StoreOutcome]
        Function that stores files by SOPInstanceUID and returns what became of them.

    Raises
    ------
    ArgumentError
        If it is neither.
    MissingExtraError
        If what it needs is not installed.
    """
    if to.startswith("ae://"):
        from lite_ensam.io.pacs import dimse

        dimse.load_pynetdicom()
        address = AeAddress.parse(to)
        return lambda files: dimse.store(files, address)
    if not to.startswith(("dicomweb+", "https://", "http://")):
        raise ArgumentError("to must be dicomweb+https://HOST/dicom-web or ae://AET@HOST:PORT")
    from lite_ensam.io.pacs.dicomweb import DicomWeb

    root = StudyAddress.parse(to).root if "/studies/" in to else WebRoot.parse(to)
    return DicomWeb(root).store


def send(files: Sequence[PathLike], to: str, known: Sequence[PathLike] = ()) -> None:
    """Store DICOM files in an archive.

    Parameters
    ----------
    files : Sequence[PathLike]
        Files in an order in which no file refers to a later one.
    to : str
        See `check_destination`.
    known : Sequence[PathLike], default ()
        Those of `files` that the archive may already have.

    Raises
    ------
    ArchiveError
        If a file is not stored; the message names it and says why. Files on this machine stay as they are.
    CaseError
        If a file is not DICOM.
    """
    store = check_destination(to)
    by_uid = {_uid(Path(path)): Path(path) for path in files}
    there = {_uid(Path(path)) for path in known}
    refused = {
        by_uid[uid]: code
        for uid, code in store(by_uid).refused.items()
        if uid in by_uid and not (uid in there and code == DUPLICATE)
    }
    if refused:
        n_stored = len(by_uid) - len(refused)
        told = "; ".join(
            f"not {printable(path.name)}: {reason_in_words(code)}" for path, code in refused.items()
        )
        raise ArchiveError(
            f"the archive stored {n_stored} of {len(by_uid)} files, {told}. The files on this machine stay as they are"
        )


def _uid(path: Path) -> str:
    from lite_ensam.io.dicom.datasets import read_dataset

    return str(read_dataset(path, voxels=False, only=("SOPInstanceUID",)).SOPInstanceUID)
