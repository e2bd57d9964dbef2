"""Reports that go with a mask: JSON of what was done and what came out, the same as a table."""

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from lite_ensam.core.errors import ArgumentError, CaseError, brief, printable
from lite_ensam.io.atomic import atomic_write, check_output
from lite_ensam.io.csv_tables import csv_text
from lite_ensam.io.outputs import check_outputs
from lite_ensam.io.reading import read_json
from lite_ensam.io.table_rows import is_table, table_rows
from lite_ensam.measurements import TumorMeasurement

__all__ = ["read_report", "report_text", "rounded", "write_report", "write_table", "write_text"]


_LARGEST = 10_000
"""Numbers in an array with three axes: lines and their ends are fewer, the voxels of a scan more."""


def write_report(path: str | os.PathLike[str], report: Mapping[str, Any], overwrite: bool = False) -> None:
    """Write a report as indented JSON, completely or not at all.

    Parameters
    ----------
    path : str or os.PathLike[str]
        .json.
    report : Mapping[str, Any]
        Nested mappings and sequences of numbers, texts, None, paths, NumPy arrays and scalars, dataclasses.
        Numbers that are not finite, which JSON does not know, become null. Of a `Segmentation`, its `report`.
    overwrite : bool, default False
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If it cannot be written; nothing half-written is left.
    ArgumentError
        If the report holds the voxels of a scan or a mask.
    TypeError
        If the report holds something else.
    """
    check_outputs([(path, (".json",))], overwrite=overwrite)
    write_text(path, report_text(report), overwrite)


def report_text(report: Mapping[str, Any]) -> str:
    """A report as indented JSON.

    Parameters
    ----------
    report : Mapping[str, Any]
        As `write_report` takes it.

    Examples
    --------
    >>> report_text({"volume_ml": 1.5})
    '{\\n  "volume_ml": 1.5\\n}\\n'
    """
    return json.dumps(_plain(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_report(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a report of `write_report`.

    Parameters
    ----------
    path : str or os.PathLike[str]
        JSON file of a report.

    Returns
    -------
    dict[str, Any]
        The content of the report.

    Raises
    ------
    CaseError
        If the file is missing or is not a report.
    """
    report = read_json(path)
    if not isinstance(report, dict):
        raise CaseError(f"{printable(path)}: is not a report: its JSON is not an object")
    return report


def write_table(
    path: str | os.PathLike[str], rows: Sequence[Mapping[str, Any]], overwrite: bool = False
) -> None:
    """Write rows as CSV, completely or not at all; texts that a spreadsheet would execute are escaped (`csv_text`).

    Parameters
    ----------
    path : str or os.PathLike[str]
        .csv.
    rows : Sequence[Mapping[str, Any]]
        Mappings, a data frame, or a `Segmentation`, whose rows are its tumours. Their keys, in the order of their
        first coming, are the columns; what a row lacks and None are empty,
        lists and tuples are written as JSON, floats with six significant digits.
    overwrite : bool, default False
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If it cannot be written; nothing half-written is left.
    ArgumentError
        If `rows` are not rows.
    """
    check_output(path, overwrite, (".csv",))
    rows = _rows(rows)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = ([_cell(row.get(name)) for name in columns] for row in rows)
    write_text(path, csv_text([columns, *cells]), overwrite)


def _rows(rows: Any) -> list[Mapping[str, Any]]:
    """Rows as mappings: those of a data frame, or the numbers of a result's tumours."""
    listed = table_rows(rows) if is_table(rows) else rows
    if not isinstance(listed, Iterable) or isinstance(listed, Mapping | str):
        raise ArgumentError(f"rows must be mappings, a data frame or a Segmentation, got {brief(rows)}")
    found = [one.table_row() if isinstance(one, TumorMeasurement) else one for one in listed]
    if wrong := [one for one in found if not isinstance(one, Mapping)]:
        raise ArgumentError(f"rows must be mappings, a data frame or a Segmentation, got {brief(wrong[0])}")
    return found


def rounded(value: Any) -> Any:
    """Round the floats of a table's cell, and those in its lists, to six significant digits.

    Parameters
    ----------
    value : Any
        A cell: a number, a text or a list of them.

    Returns
    -------
    Any
        The cell, with rounded floats.

    Examples
    --------
    >>> rounded(6.297600187683107), rounded([4, 12.000000001]), rounded(3)
    (6.2976, [4, 12.0], 3)
    """
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def write_text(path: str | os.PathLike[str], text: str, overwrite: bool = False) -> None:
    """Write a text as UTF-8, completely or not at all; invalid characters become escapes.

    Parameters
    ----------
    path : str or os.PathLike[str]
        File to write.
    text : str
        Its content.
    overwrite : bool, default False
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If it cannot be written; nothing half-written is left.
    """
    with atomic_write(path, overwrite) as file:
        file.write(text.encode(errors="backslashreplace"))


def _cell(value: Any) -> Any:
    plain = rounded(_plain(value))
    return json.dumps(plain) if isinstance(plain, list | dict) else plain


def _plain(value: Any) -> Any:
    """The same in what JSON knows; of a result its report, of a tumour its numbers."""
    if dataclasses.is_dataclass(value) and isinstance(own := getattr(value, "report", None), Mapping):
        value = own
    if isinstance(value, TumorMeasurement):
        value = value.all_numbers()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    is_lines = isinstance(value, np.ndarray) and value.shape[1:] == (2, 3)
    if isinstance(value, np.ndarray) and value.ndim > 2 and value.size > _LARGEST and not is_lines:
        raise ArgumentError(f"a report holds numbers and texts, got voxels: an array of shape {value.shape}")
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"a report holds numbers, texts and collections of them, got {type(value).__name__}")
