"""The folder of a run: never that of its inputs, made, locked for one run alone, and watched until that ends."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from lite_ensam.cohort.manifest import CohortCase, CohortManifest
from lite_ensam.cohort.record import MASK, RECORD, case_folder, input_paths, obstacle
from lite_ensam.core.errors import CohortError, OutputError, printable
from lite_ensam.io import make_folder, refuse_inputs
from lite_ensam.io.places import is_address
from lite_ensam.io.reading import file_suffix

__all__ = [
    "ABOUT",
    "LOCK",
    "MANIFEST",
    "LockedFolder",
    "foreign_results",
    "is_own_manifest",
    "locked",
    "make_run_folder",
    "refuse_overlap",
]

LOCK, MANIFEST = ".lock", "manifest.csv"
_CASES = "cases"
_TABLES = tuple(f"{name}.{kind}" for name in ("cases", "tumors", "timing") for kind in ("csv", "parquet"))
ABOUT = "cohort.json"
"""Says that a folder is a cohort's: what stands there under our names may be written over."""

_PAGE = "index.html"
_WRITTEN = (MANIFEST, ABOUT, _PAGE, "workers.log", LOCK, *_TABLES)
_MOST_NAMED = 5


def refuse_overlap(folder: Path, manifest: CohortManifest) -> None:
    """Raise `OutputError` if a run into a folder would write over or into what it reads, or over somebody's files.

    The folder may hold the manifest: one that is called as the run's own is left as it is.

    Parameters
    ----------
    folder : Path
        Folder of the results.
    manifest : CohortManifest
        Its cases, and where they were found.
    """
    written = [
        folder / name for name in _WRITTEN if not (name == MANIFEST and is_own_manifest(folder, manifest))
    ]
    refuse_inputs([folder, *written] if manifest.path else [], [manifest.path])
    others = [path.name for path in written if os.path.lexists(path) and path.name != LOCK]
    if others and not (folder / ABOUT).is_file():
        raise OutputError(
            f"cannot write into {printable(folder)}: it holds {others[0]}, which no cohort has written; choose another "
            "folder"
        )
    own = os.path.realpath(folder)
    of_cases = {str(case_folder(own, row)) for row in manifest.rows}
    results = {os.path.join(own, name) for name in _WRITTEN}
    results |= {os.path.join(place, name) for place in of_cases for name in (MASK, RECORD)}
    above = {own, os.path.join(own, _CASES), *of_cases}
    for number, row in enumerate(manifest.rows, start=1):
        for name, path in input_paths(row):
            if is_address(path):
                continue
            real = _real_path(path)
            is_series = name == "ct" and not file_suffix(path)
            if real in results or (is_series and (real in above or own.startswith(real + os.sep))):
                raise OutputError(
                    f"cannot write into {printable(folder)}: row {number}, case {printable(row.case)}: the run would "
                    f"write over or into {printable(path)}, which it reads; choose another folder"
                )


def foreign_results(folder: Path, rows: Sequence[CohortCase]) -> tuple[str, ...]:
    """A note if the folder holds results of cases that no row names, such as one that was renamed."""
    own = {row.folder_name.casefold(): row.folder_name for row in rows}
    with os.scandir(folder / _CASES) as entries:
        found = [entry for entry in entries if os.path.lexists(Path(entry) / RECORD)]
    others = []
    for entry in found:
        name = own.get(entry.name.casefold(), "")
        # a file system may take A for a
        if entry.name != name and not (name and _is_same(Path(entry), Path(entry).with_name(name))):
            others.append(entry.name)
    if not others:
        return ()
    named = ", ".join(map(printable, sorted(others)[:_MOST_NAMED]))
    more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
    return (
        f"{printable(folder / _CASES)} holds results of cases that the manifest does not name: {named}{more}; they are "
        "in no table: delete these folders if you do not need them",
    )


def _is_same(one: Path, other: Path) -> bool:
    return other.exists() and one.samefile(other)


def is_own_manifest(folder: Path, manifest: CohortManifest) -> bool:
    """Whether a manifest was read from where the run keeps its own."""
    own = folder / MANIFEST
    return manifest.path is not None and own.exists() and own.samefile(manifest.path)


def make_run_folder(folder: Path) -> None:
    """Make a run's folder with room for its cases, unless it is there; `OutputError` if that cannot be."""
    make_folder(folder / _CASES)


class LockedFolder:
    """A folder that is this run's alone, as long as it is the one that was locked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._identity = self._now()

    def check(self) -> None:
        """Raise `CohortError` if the folder was moved or deleted meanwhile."""
        if self._now() != self._identity:
            raise CohortError(
                f"{printable(self.path)}: the folder of the results vanished while the run went on; "
                "run again, and what is missing is done"
            )

    def withdraw_tables(self) -> None:
        """Remove tables and page of an earlier run, before work begins that they would contradict until it ends."""
        for name in (*_TABLES, _PAGE):
            try:
                (self.path / name).unlink(missing_ok=True)
            except OSError as error:
                raise OutputError(
                    f"cannot remove {printable(self.path / name)}: {error.strerror or error}"
                ) from error

    def check_records(self, rows: Sequence[CohortCase]) -> None:
        """Raise `CohortError` if records of cases that this run has seen to were deleted meanwhile."""
        self.check()
        gone = (row for row in rows if not os.path.lexists(case_folder(self.path, row) / RECORD))
        lost = [row.case for row in gone if not obstacle(self.path, row)]
        if lost:
            raise CohortError(
                f"{printable(self.path)}: {len(lost)} records vanished while the run went on, that of case "
                f"{printable(lost[0])} among them; run again, and what is missing is done"
            )

    def _now(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self.path / LOCK)
        except OSError:
            return None
        return status.st_dev, status.st_ino


@contextmanager
def locked(folder: Path) -> Iterator[LockedFolder]:
    """The folder for this run alone: the system ends the lock with the process, however that ends."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise CohortError(f"{printable(folder)}: another run is writing into this folder") from None
    except OSError as error:
        raise CohortError(f"{printable(folder)}: cannot be locked ({error.strerror or error})") from error
    try:
        yield LockedFolder(folder)
    finally:
        lock.release()


def _real_path(path: str) -> str:
    folder, name = os.path.split(path)
    real = os.path.join(_real_folder(folder), name)
    return os.path.realpath(real) if os.path.islink(real) else real


@lru_cache(maxsize=4096)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)
