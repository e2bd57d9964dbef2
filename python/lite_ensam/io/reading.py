"""What can go wrong when any file is read, said in plain words."""

import gzip
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from lite_ensam.errors import CaseError

__all__ = ["file_suffix", "plain_errors"]

_SUFFIXES = (".nii.gz", ".nii", ".npz", ".json", ".csv", ".dcm")


def file_suffix(path: str | os.PathLike[str]) -> str:
    """Suffix in lower case of the formats that lite-ensam knows, or an empty string."""
    name = os.fspath(path).lower()
    return next((suffix for suffix in _SUFFIXES if name.endswith(suffix)), "")


@contextmanager
def plain_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what the operating system and the decompressors say into a `CaseError` that names the file."""
    name = os.fspath(path)
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
        raise CaseError(f"{name}: does not fit into memory ({error})") from error
