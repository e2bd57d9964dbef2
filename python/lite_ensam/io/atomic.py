"""Writing a file whole or not at all.

The bytes go to a temporary file beside the target, which takes the target's name only when all of
them are on the disk. A crash, a full disk or an exception leaves the target as it was.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from lite_ensam.core.errors import OutputError, printable

__all__ = ["atomic_write", "check_output"]

_PLAIN_WORDS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is larger than the system allows",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "no permission to write there",
    errno.EPERM: "no permission to write there",
    errno.ENAMETOOLONG: "the file name is too long",
    errno.ELOOP: "it is a link that leads to itself",
}


def check_output(
    path: str | os.PathLike[str], overwrite: bool = False, suffixes: tuple[str, ...] = ()
) -> None:
    """Raise `OutputError` if `path` surely cannot be written; to be asked before long work.

    What exists may be replaced only if it is a regular file, or a link to one: never a folder, a pipe,
    a device, or a link that leads nowhere.

    Parameters
    ----------
    path : the file to be written
    overwrite : whether an existing file may be replaced
    suffixes : if any, the name must end in one of them
    """
    with _plain_errors(path):
        target = Path(path)
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
    path : the file to be written; a symbolic link is followed
    overwrite : whether an existing file may be replaced

    Raises
    ------
    OutputError
        If the folder is missing or read-only, the file exists and may not be replaced, or the disk
        is full. No temporary file is left.
    """
    with _plain_errors(path):
        check_output(path, overwrite)
        target = Path(os.path.realpath(path))
        temporary = target.with_name(f".lite-ensam-{secrets.token_hex(8)}.tmp")
        try:
            with _create(temporary) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            check_output(target, overwrite)  # somebody may have written it meanwhile
            os.replace(temporary, target)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


def _create(path: Path) -> BinaryIO:
    """New binary file with the permissions that the user's umask gives."""
    return open(path, "xb")


def _mode(target: Path) -> int | None:
    """What kind of file has the name, links followed; None if it is free."""
    try:
        return os.stat(target).st_mode
    except FileNotFoundError:
        if os.path.lexists(target):
            raise _RefusedError("it is a link that leads nowhere") from None
        return None
    except ValueError as error:  # what no file can be called
        raise _RefusedError(f"it is no name of a file ({error})") from None


class _RefusedError(Exception):
    """A reason not to write, which `_plain_errors` puts behind the name of the file."""


@contextmanager
def _plain_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except _RefusedError as refused:
        raise OutputError(f"cannot write {printable(path)}: {refused}") from None
    except OSError as error:
        reason = _PLAIN_WORDS.get(error.errno or 0, error.strerror or str(error))
        raise OutputError(f"cannot write {printable(path)}: {reason}") from error
