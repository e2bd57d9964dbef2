"""The JSON report that goes with a mask: what was done, with what, and what came out."""

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from lite_ensam.errors import CaseError, printable
from lite_ensam.io.atomic import atomic_write, check_output
from lite_ensam.io.reading import read_json

__all__ = ["read_report", "write_report"]


def write_report(path: str | os.PathLike[str], report: Mapping[str, Any], overwrite: bool = False) -> None:
    """Write a report as indented JSON, whole or not at all.

    Parameters
    ----------
    path : .json
    report : nested mappings and sequences of numbers, texts, None, paths, NumPy arrays and scalars,
        dataclasses. Numbers that are not finite, which JSON does not know, become null
    overwrite : whether an existing file may be replaced

    Raises
    ------
    OutputError
        If it cannot be written; nothing half-written is left.
    TypeError
        If the report holds something else.
    """
    check_output(path, overwrite, (".json",))
    text = json.dumps(_plain(report), indent=2, ensure_ascii=False, allow_nan=False)
    with atomic_write(path, overwrite) as file:
        # A file's name may hold bytes that are no text: they become the escapes that JSON has for them.
        file.write((text + "\n").encode(errors="backslashreplace"))


def read_report(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read back what `write_report` wrote.

    Raises
    ------
    CaseError
        If the file is missing or is no report.
    """
    report = read_json(path)
    if not isinstance(report, dict):
        raise CaseError(f"{printable(path)}: is not a report: its JSON is no object")
    return report


def _plain(value: Any) -> Any:
    """The same in what JSON knows."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"a report holds numbers, texts and collections of them, got {type(value).__name__}")
