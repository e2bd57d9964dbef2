"""Lists of cases, as CSV or Parquet: one table for cohorts and for training."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lite_ensam.core.errors import CaseError, MissingExtraError, brief, printable
from lite_ensam.core.types import PathLike
from lite_ensam.io.csv_tables import read_csv
from lite_ensam.io.places import is_address
from lite_ensam.io.reading import check_input, translate_io_errors

__all__ = ["MANIFEST_COLUMNS", "ManifestTable", "files_here", "load_parquet", "read_manifest_table"]

MANIFEST_COLUMNS = (
    "case",
    "ct",
    "marks",
    "reference",
    "patient",
    "date",
    "series",
    "acquisition",
    "file_problem",
    "source",
    "split",
)
"""Columns of a list of cases. Cohorts need case and ct, training ct."""

_LABELS = "labels"
"""Another word for `reference`."""

_FILES = ("ct", "marks", "reference")
_MOST_MEGABYTES = 2000


class ManifestTable(NamedTuple):
    """A list of cases as it was read.

    Attributes
    ----------
    columns : tuple[str, ...]
        Headings.
    rows : tuple[tuple[int, dict[str, str]], ...]
        Line of the file (of a Parquet table: number of the row + 1), and the text of each of
        `MANIFEST_COLUMNS`, empty where it is missing. Paths are absolute, or relative to the working
        directory if that of the table was; addresses of archives are as they were.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]

    @property
    def unknown(self) -> list[str]:
        """Columns that are not read."""
        return sorted(set(self.columns) - {*MANIFEST_COLUMNS, _LABELS})


def read_manifest_table(path: PathLike) -> ManifestTable:
    """Read a list of cases.

    Parameters
    ----------
    path : PathLike
        .csv (UTF-8, with headings) or .parquet; paths in it are relative to its own folder.

    Raises
    ------
    CaseError
        If it is missing, too large, or no such table.
    MissingExtraError
        For a .parquet without pyarrow.
    """
    where, suffix = printable(path), Path(path).suffix.lower()
    check_input(path)
    if suffix not in (".csv", ".parquet"):
        raise CaseError(f"{where}: is neither a folder nor a table of cases, which ends in .csv or .parquet")
    with translate_io_errors(path):
        megabytes = os.stat(path).st_size / 1e6
    if megabytes > _MOST_MEGABYTES:
        raise CaseError(
            f"{where}: a manifest of {megabytes:.0f} MB is too large for a list of scans; split it"
        )
    headings, rows = read_csv(path) if suffix == ".csv" else _read_parquet(path)
    if {_LABELS, "reference"} <= set(headings):
        raise CaseError(f"{where}: labels and reference are the same column; only one of them may be given")
    folder = Path(path).parent
    return ManifestTable(headings, tuple((line, _cells(cells, folder)) for line, cells in rows))


def load_parquet() -> Any:
    """The package `pyarrow.parquet`; `MissingExtraError` without it."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("cohorts need pyarrow: pip install 'lite-ensam[cohort]'") from error
    return pyarrow.parquet


def _cells(given: Mapping[str, str], folder: Path) -> dict[str, str]:
    cells = {name: given.get(name, "").strip() for name in MANIFEST_COLUMNS}
    cells["reference"] = cells["reference"] or given.get(_LABELS, "").strip()
    return cells | {name: str(folder / place) for name, place in files_here(cells).items()}


def files_here(cells: Mapping[str, str]) -> dict[str, str]:
    """Those of a row's scan, marks and reference that are paths, not addresses of an archive.

    Parameters
    ----------
    cells : Mapping[str, str]
        The text of each of `MANIFEST_COLUMNS`.
    """
    return {name: cells[name] for name in _FILES if cells[name] and not is_address(cells[name])}


def _read_parquet(path: PathLike) -> tuple[tuple[str, ...], tuple[tuple[int, dict[str, str]], ...]]:
    parquet = load_parquet()
    try:
        table = parquet.read_table(path)
        rows: list[Mapping[str, Any]] = table.to_pylist()
    except (OSError, ValueError, KeyError, NotImplementedError) as error:  # pyarrow's own errors are these
        raise CaseError(
            f"{printable(path)}: is not a Parquet file one can read ({brief(str(error))})"
        ) from None
    texts = ({name: "" if value is None else str(value) for name, value in cells.items()} for cells in rows)
    return tuple(table.column_names), tuple(enumerate(texts, start=2))
