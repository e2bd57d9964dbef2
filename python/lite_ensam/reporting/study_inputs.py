"""Which files a study names: a report must not be written over one of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lite_ensam.core.errors import LiteEnsamError
from lite_ensam.core.types import PathLike
from lite_ensam.io.places import is_address
from lite_ensam.io.reading import file_suffix, read_json

__all__ = ["study_inputs"]

_NAMES_OF_FILES = ("report", "ct", "marks")


def study_inputs(path: PathLike | Sequence[PathLike]) -> list[Path]:
    """List a study and the scans, marks and reports that its visits name, without checking them.

    Parameters
    ----------
    path : PathLike or Sequence[PathLike]
        See `read_study`. A .csv names no file; of a folder all files count; an archive has no file.

    Returns
    -------
    list[Path]
        Paths of files and folders.
    """
    if not isinstance(path, str | os.PathLike):
        return [one for place in path if not is_address(place) for one in study_inputs(place)]
    return [Path(path), *_within(path)]


def _within(path: PathLike) -> list[Path]:
    if Path(path).is_dir():
        return [one for one in Path(path).rglob("*") if one.is_file()]
    if file_suffix(path) != ".json":
        return []
    try:
        return [Path(path).parent / name for name in _named(read_json(path)) if not is_address(name)]
    except LiteEnsamError:
        return []


def _named(content: Any) -> Iterator[str]:
    """Values of the keys that name files, wherever they stand."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key in _NAMES_OF_FILES and isinstance(value, str):
                yield value
            else:
                yield from _named(value)
    elif isinstance(content, list):
        for item in content:
            yield from _named(item)
