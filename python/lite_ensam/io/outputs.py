"""Checks of output paths: a command never writes over or into what it reads, nor two results into one file.

Asked before any work begins. Files are compared by what they are, not by how they are called: links of both kinds
lead to the same file, and on some file systems so do names that differ in letter case.
"""

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from lite_ensam.core.errors import OutputError, printable
from lite_ensam.core.types import PathLike
from lite_ensam.io.atomic import check_output, output_path

__all__ = ["check_outputs", "needs_slices", "refuse_inputs"]

_SLICER_SUFFIX = ".mrk.json"

_Identity: TypeAlias = tuple[int, int]
"""Device and inode: the same for all names of a file or folder."""


def check_outputs(
    outputs: Iterable[tuple[PathLike | None, tuple[str, ...]]],
    inputs: Iterable[PathLike | None] = (),
    overwrite: bool = False,
) -> None:
    """Raise `OutputError` if a command cannot write its files, or would lose one by writing another.

    Parameters
    ----------
    outputs : Iterable[tuple[PathLike | None, tuple[str, ...]]]
        Each file to be written and what its name must end in; None is not written.
    inputs : Iterable[PathLike | None], default ()
        See `refuse_inputs`.
    overwrite : bool, default False
        Whether files that exist may be replaced.
    """
    wanted = [(output_path(path), suffixes) for path, suffixes in outputs if path is not None]
    refuse_inputs([path for path, _ in wanted], inputs)
    seen: dict[object, Path] = {}
    for path, suffixes in wanted:
        check_output(path, overwrite, suffixes)
        if path.name.lower().endswith(_SLICER_SUFFIX):
            raise OutputError(
                f"cannot write {printable(path)}: {_SLICER_SUFFIX} is 3D Slicer's format, which is only read; name "
                "the file .json"
            )
        for name in (_name_without_case(path), _identity(path)):
            other = seen.setdefault(name, path) if name is not None else path
            if other is not path:
                raise OutputError(
                    f"cannot write {printable(path)}: it is the same file as the output {printable(other)}"
                )


def needs_slices(what: str) -> str:
    """Why a scan that was not read from DICOM cannot become a DICOM object, as a sentence.

    Parameters
    ----------
    what : str
        The object: "a DICOM SEG".
    """
    return f"{what} needs the DICOM slices of its CT: read the CT from its folder"


def refuse_inputs(outputs: Iterable[PathLike], inputs: Iterable[PathLike | None]) -> None:
    """Raise `OutputError` if an output is an input, lies inside an input folder, or is one of its files.

    Parameters
    ----------
    outputs : Iterable[PathLike]
        Files or folders to be written; they need not exist.
    inputs : Iterable[PathLike | None]
        Files and folders that are read; None and what does not exist are skipped.
    """
    given = {found: Path(path) for path in inputs if path is not None and (found := _identity(path))}
    folders = [path for path in given.values() if path.is_dir()]
    contents: dict[_Identity, Path] = {}
    for output in outputs:
        where, here = f"cannot write {printable(output)}", _identity(output)
        if here in given:
            raise OutputError(f"{where}: it is one of the inputs")
        for parent in _parents(output) if folders else ():
            if (inside := _identity(parent)) in given:
                raise OutputError(
                    f"{where}: it lies inside the input folder {printable(given[inside])}; choose another folder"
                )
        if here is not None and folders:
            contents = contents or _contents(folders)
            if here in contents:
                raise OutputError(f"{where}: it is {printable(contents[here])}, a file of an input folder")


def _identity(path: PathLike) -> _Identity | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # not there, or not a possible name: `check_output` says so
        return None
    return status.st_dev, status.st_ino


def _parents(path: PathLike) -> Iterable[Path]:
    """Folders that a path lies in, links followed; also where the last of them are still to be made."""
    try:
        return Path(os.path.realpath(path)).parents
    except (OSError, ValueError):
        return ()


def _name_without_case(path: Path) -> str | None:
    """One name for all that some file system takes for the same, links followed."""
    try:
        return unicodedata.normalize("NFC", os.path.realpath(path)).casefold()
    except (OSError, ValueError):
        return None


def _contents(folders: Iterable[Path]) -> dict[_Identity, Path]:
    """Every file below some folders, by identity: a link among them may lead to a file elsewhere."""
    files = (Path(place, name) for folder in folders for place, _, names in os.walk(folder) for name in names)
    return {found: path for path in files if (found := _identity(path))}
