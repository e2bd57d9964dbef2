"""Files that lie in a Python package, fetched by the package's name from wherever pip is set up to look."""

import os
import subprocess
import sys
from pathlib import Path

from lite_ensam.core.errors import CaseError

__all__ = ["pip_download"]


def pip_download(requirement: str, into: Path, *options: str) -> Path:
    """The wheel or sdist of a package, without what it depends on.

    Parameters
    ----------
    requirement : str
        Name and version, as `pycerr==2.5.1`.
    into : Path
        A folder that is there and empty.
    *options : str
        Options of `pip download`, as `--only-binary=:all:`.

    Raises
    ------
    CaseError
        If pip does not bring it; the message ends with what pip said last.
    """
    quiet = ("--no-deps", "--no-input", "--disable-pip-version-check", "--quiet")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        *quiet,
        *options,
        "--dest",
        os.fspath(into),
        requirement,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    brought = next(into.iterdir(), None)
    if done.returncode or brought is None:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise CaseError(
            f"pip could not fetch {requirement} ({said[-1].strip() if said else 'it said nothing'})"
        )
    return brought
