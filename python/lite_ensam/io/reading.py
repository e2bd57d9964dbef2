"""Files are opened for reading here, and here alone what can go wrong is said in plain words."""

import gzip
import json
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from lite_ensam.core.errors import CaseError, brief, printable

__all__ = ["check_input", "file_suffix", "opened", "read_json", "read_text", "translate_io_errors"]

_SUFFIXES = (".nii.gz", ".nii", ".npz", ".nrrd", ".nhdr", ".mha", ".mhd", ".json", ".csv", ".dcm")


def file_suffix(path: str | os.PathLike[str]) -> str:
    """Suffix in lower case of the formats that lite-ensam knows, or an empty string."""
    name = os.fspath(path).lower()
    return next((suffix for suffix in _SUFFIXES if name.endswith(suffix)), "")


def check_input(path: str | os.PathLike[str]) -> None:
    """Raise `CaseError` unless `path` is a regular file: to open a pipe is to wait for its writer."""
    with translate_io_errors(path):
        try:
            mode = os.stat(path).st_mode
        except ValueError as error:  # what no file can be called
            raise CaseError(f"is not a valid file name ({error})") from None
        if stat.S_ISDIR(mode):
            raise IsADirectoryError
        if not stat.S_ISREG(mode):
            raise CaseError("is not a regular file but a pipe, a socket or a device")


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A regular file, open for reading; what goes wrong in the block is a `CaseError` that names it."""
    check_input(path)
    with translate_io_errors(path), open(path, "rb") as file:
        yield file


def read_text(path: str | os.PathLike[str]) -> str:
    """All of a file in UTF-8, with or without a mark of byte order; UnicodeDecodeError for any other file."""
    with opened(path) as file:
        return file.read().decode("utf-8-sig")


def read_json(path: str | os.PathLike[str]) -> Any:
    """The content of a JSON file; CaseError if it is not JSON, or an object has a key twice."""
    try:
        text = read_text(path)
        with translate_io_errors(path):
            return json.loads(text, object_pairs_hook=_without_repeats)
    except CaseError:
        raise
    except RecursionError:
        raise CaseError(f"{printable(path)}: is not a JSON file one can read (too deeply nested)") from None
    except ValueError as error:  # no text, no JSON, or an integer of thousands of digits
        raise CaseError(f"{printable(path)}: is not a JSON file ({error})") from None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise CaseError(f"the key {brief(key)} comes twice in one object")
        content[key] = value
    return content


@contextmanager
def translate_io_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what the operating system and the decompressors say into a `CaseError` that names the file."""
    name = printable(path)
    try:
        yield
    except CaseError as error:
        raise CaseError(f"{name}: {error}") from None
    except FileNotFoundError:
        raise CaseError(f"{name}: no such file") from None
    except IsADirectoryError:
        raise CaseError(f"{name}: is a folder, not a file") from None
    except EOFError:
        raise CaseError(f"{name}: the file is truncated (it ends before its last voxel)") from None
    except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error) as error:
        raise CaseError(f"{name}: the file is damaged ({error}); copy it again") from None
    except OSError as error:
        raise CaseError(f"{name}: cannot be read ({error.strerror or error})") from error
    except MemoryError as error:
        raise CaseError(
            f"{name}: does not fit into memory" + (f" ({error})" if str(error) else "")
        ) from error
