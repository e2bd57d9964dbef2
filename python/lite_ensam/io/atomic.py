"""Writing a file, or a folder of them, whole or not at all.

The bytes go to a temporary file next to the target, which takes the target's name only when all of
them are on the disk. A crash, a full disk or an exception leaves the target as it was. The temporary file of a killed
process leaves half-written is swept away by the next one that writes into the folder.
"""

import errno
import hashlib
import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

from lite_ensam.core.errors import ArgumentError, LiteEnsamError, OutputError, brief, printable

fcntl: ModuleType | None
try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None

__all__ = [
    "atomic_folder",
    "atomic_write",
    "check_output",
    "check_overwrite",
    "make_folder",
    "scratch_folder",
    "sweep_leftovers",
    "translate_output_errors",
]

_PREFIX, _SUFFIX = ".lite-ensam-", ".tmp"
"""Of the names of temporary files; between them stand the machine and 64 random bits."""

_LOCKED_AFTER_S = 1.0
"""A temporary file of this machine that is older has its lock, if whoever writes it still lives."""

_FORGOTTEN_AFTER_S = 3600.0
"""Nobody on another machine, whose locks may be invisible here, is writing a file that was not touched for so long."""

_PLAIN_WORDS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is larger than the system allows",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "no permission to write there",
    errno.EPERM: "no permission to write there",
    errno.ENAMETOOLONG: "the file name is too long",
    errno.ELOOP: "it is a link that leads to itself",
    errno.EEXIST: "a file of this name is there",
    errno.ENOTDIR: "a part of its path is a file",
}


def output_path(path: object) -> Path:
    """Path of a file to write; ArgumentError if it is of another type."""
    if not isinstance(path, str | os.PathLike):
        raise ArgumentError(f"path must be a text or a path of a file to write, got {brief(path)}")
    return Path(path)


def check_overwrite(overwrite: bool) -> None:
    """Raise ArgumentError unless it is True or False: a text such as "no" would count as True."""
    if not isinstance(overwrite, bool):
        raise ArgumentError(f"overwrite must be True or False, got {brief(overwrite)}")


def check_output(
    path: str | os.PathLike[str], overwrite: bool = False, suffixes: tuple[str, ...] = ()
) -> None:
    """Raise `OutputError` if `path` cannot be written; call it before long work.

    An existing file is replaced only if it is a regular file, or a link to one: never a folder, a pipe,
    a device, or a link that leads nowhere.

    Parameters
    ----------
    path : str or os.PathLike[str]
        The file to be written.
    overwrite : bool, default False
        Whether an existing file may be replaced.
    suffixes : tuple[str, ...], default ()
        If any, the name must end in one of them.
    """
    check_overwrite(overwrite)
    with translate_output_errors(path):
        target = output_path(path)
        folder = target.parent
        if suffixes and not target.name.lower().endswith(suffixes):
            raise _RefusedError(f"the name must end in {' or '.join(suffixes)}")
        if not folder.exists():
            raise _RefusedError(f"the folder {printable(folder)} does not exist")
        if not folder.is_dir():
            raise _RefusedError(f"{printable(folder)} is not a folder")
        mode = _mode(target)
        if mode is not None and stat.S_ISDIR(mode):
            raise _RefusedError("it is a folder")
        if mode is not None and not stat.S_ISREG(mode):
            raise _RefusedError("it exists and is not a regular file")
        if mode is not None and not overwrite:
            raise OutputError(f"{printable(target)} exists; it is replaced only with overwrite=True")
        if not os.access(folder, os.W_OK):
            raise _RefusedError(f"the folder {printable(folder)} is read-only")


@contextmanager
def atomic_write(path: str | os.PathLike[str], overwrite: bool = False) -> Iterator[BinaryIO]:
    """Open a temporary file that becomes `path` when the block ends without an exception.

    Parameters
    ----------
    path : str or os.PathLike[str]
        The file to be written; a symbolic link is followed.
    overwrite : bool, default False
        Whether an existing file may be replaced.

    Yields
    ------
    BinaryIO
        The temporary file, open for writing.

    Raises
    ------
    OutputError
        If the folder is missing or read-only, the file exists and may not be replaced, or the disk
        is full. No temporary file is left.
    """
    with translate_output_errors(path):
        check_output(path, overwrite)
        target = Path(os.path.realpath(path))
        _sweep_once(target.parent)
        temporary = _temporary(target)
        try:
            with _create(temporary) as file:
                with suppress(OSError):  # a disk that knows no locks is never swept
                    _lock(file)
                yield file
                file.flush()
                os.fsync(file.fileno())
            check_output(target, overwrite)  # somebody may have written it meanwhile
            os.replace(temporary, target)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Make a temporary folder that becomes `path` when the block ends without an exception.

    Raises
    ------
    OutputError
        If something has the name already, or the folder cannot be made; nothing temporary is left. An error in
        the block is raised as it is.
    """
    with translate_output_errors(path):
        target = Path(os.path.realpath(path))
        if os.path.lexists(target):
            raise _RefusedError("it exists")
        _sweep_once(target.parent)
        temporary = _temporary(target)
        temporary.mkdir()
    lock = None
    try:
        if fcntl is not None:
            lock = os.open(temporary, os.O_RDONLY)
            with suppress(OSError):
                _lock(lock)
        yield temporary
        with translate_output_errors(path):
            temporary.rename(target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    finally:
        if lock is not None:
            os.close(lock)


def make_folder(path: str | os.PathLike[str], *, parents: bool = True) -> list[Path]:
    """Make a folder, unless it is there; if that fails, none of the folders on the way to it is left.

    Parameters
    ----------
    path : str or os.PathLike[str]
        The folder.
    parents : bool, default True
        Whether the folders on the way to it may be made as well.

    Returns
    -------
    list[Path]
        The folders that are new, the deepest first.

    Raises
    ------
    OutputError
        If it cannot be made.
    """
    folder, missing = Path(path), list[Path]()
    try:
        missing += [one for one in (folder, *folder.parents) if not one.exists()]
        folder.mkdir(parents=parents, exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError: an invalid name
        for one in missing:
            with suppress(OSError, ValueError):
                one.rmdir()
        raise OutputError(f"cannot make the folder {printable(path)}: {_reason(error)}") from error
    return missing


def scratch_folder(parent: Path) -> tuple[Path, Callable[[], None]]:
    """A new folder that only this user may read, and what removes it; a killed process leaves it to the next one.

    Raises
    ------
    OutputError
        If it cannot be made.
    """
    with translate_output_errors(parent):
        _sweep_once(parent)
        folder = _temporary(parent / "folder")
        folder.mkdir(mode=0o700)
    lock = None
    if fcntl is not None:
        lock = os.open(folder, os.O_RDONLY)
        with suppress(OSError):
            _lock(lock)

    def remove() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)

    return folder, remove


def sweep_leftovers(folder: Path, alone: bool = False) -> None:
    """Remove what killed processes have left half-written in a folder; files that are still being written stay.

    A writer holds a lock on its temporary file, which the system frees when the process ends, however it ends. A
    lock of another machine may be invisible on a network disk, so files of other machines must be an hour old.

    Parameters
    ----------
    folder : Path
        Files that cannot be read or removed are skipped.
    alone : bool, default False
        Whether nobody else can be writing into the folder: then neither lock nor age is asked for.
    """
    with suppress(OSError):
        for entry in os.scandir(folder):
            if entry.name.startswith(_PREFIX) and entry.name.endswith(_SUFFIX):
                with suppress(OSError):
                    _remove_leftover(entry, alone)


def _remove_leftover(entry: os.DirEntry[str], alone: bool) -> None:
    is_folder = entry.is_dir(follow_symlinks=False)
    if not alone:
        is_ours = entry.name.startswith(f"{_PREFIX}{_machine()}-")
        has_lock = is_ours and not (is_folder and fcntl is None)
        if time.time() - entry.stat().st_mtime < (_LOCKED_AFTER_S if has_lock else _FORGOTTEN_AFTER_S):
            return
    lock = None if alone or fcntl is None else os.open(entry, os.O_RDONLY if is_folder else os.O_RDWR)
    try:
        if lock is not None:  # Windows removes no file that is open
            _lock(lock)
        if is_folder:
            shutil.rmtree(entry)
        else:
            os.unlink(entry)
    finally:
        if lock is not None:
            os.close(lock)


def _temporary(target: Path) -> Path:
    """A name next to a target that nobody can foresee."""
    return target.with_name(f"{_PREFIX}{_machine()}-{secrets.token_hex(8)}{_SUFFIX}")


@lru_cache(maxsize=1024)
def _sweep_once(folder: Path) -> None:
    """Sweep a folder the first time that this process writes into it."""
    sweep_leftovers(folder)


@cache
def _machine() -> str:
    """A name for this machine until it is started again: all that see each other's locks have the same."""
    try:
        name = Path("/proc/sys/kernel/random/boot_id").read_text()
    except OSError:
        import platform

        name = platform.node()
    return hashlib.sha256(name.encode()).hexdigest()[:8]


def _lock(file: BinaryIO | int) -> None:
    """Lock an open file or folder for as long as it is open; OSError if somebody else has locked it."""
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _create(path: Path) -> BinaryIO:
    """New binary file with the permissions that the user's umask gives."""
    return open(path, "xb")


def _mode(target: Path) -> int | None:
    """The kind of file with that name, links followed; None if it is free."""
    try:
        return os.stat(target).st_mode
    except FileNotFoundError:
        if os.path.lexists(target):
            raise _RefusedError("it is a link that leads nowhere") from None
        return None
    except ValueError as error:  # what no file can be called
        raise _RefusedError(f"it is not a valid file name ({error})") from None


class _RefusedError(Exception):
    """A reason not to write, which `translate_output_errors` puts behind the name of the file."""


@contextmanager
def translate_output_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what the operating system says while a file is written into an `OutputError` that names it."""
    try:
        yield
    except _RefusedError as refused:
        raise OutputError(f"cannot write {printable(path)}: {refused}") from None
    except LiteEnsamError:  # some are OSErrors, too, and their sentences are whole
        raise
    except OSError as error:
        raise OutputError(f"cannot write {printable(path)}: {_reason(error)}") from error


def _reason(error: OSError | ValueError) -> str:
    """The operating system's words, or plainer ones."""
    if isinstance(error, ValueError):
        return str(error)
    return _PLAIN_WORDS.get(error.errno or 0, error.strerror or str(error))
