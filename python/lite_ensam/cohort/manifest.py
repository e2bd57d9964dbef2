"""The list of cases: a CSV or Parquet table, read whole and found good before any work starts."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lite_ensam.core.errors import CaseError, CohortError, MissingExtraError, brief, printable
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.io import write_table
from lite_ensam.io.reading import check_input, read_text, translate_io_errors

__all__ = [
    "CohortCase",
    "CohortManifest",
    "ManifestIssue",
    "load_parquet",
    "read_cohort_manifest",
    "table_problems",
    "write_cohort_manifest",
]

_LONGEST_ID = 100
_MOST_MEGABYTES = 2000
_FILES = ("ct", "marks", "reference")


@dataclass(frozen=True)
class CohortCase:
    """One scan of a cohort.

    Parameters
    ----------
    case : name of the case, unique; files and tables carry it
    ct : the scan: a file, or a folder of DICOM slices
    marks : its lines (see `read_marks`); empty takes those inside an .npz, or draws them on the reference
    reference : label map to score against, or empty
    patient, date : for the tables; the date as YYYY-MM-DD, or empty
    series : SeriesInstanceUID in a DICOM folder, or empty
    """

    case: str
    ct: str
    marks: str = ""
    reference: str = ""
    patient: str = ""
    date: str = ""
    series: str = ""

    @property
    def folder_name(self) -> str:
        """The case as the name of a folder on any system; no two cases share one."""
        name = quote(self.case, safe=" +=@,()[]", errors="surrogateescape")
        return "%2E" + name[1:] if name.startswith(".") else name


MANIFEST_COLUMNS = tuple(field.name for field in fields(CohortCase))


@dataclass(frozen=True)
class ManifestIssue:
    """What is wrong with a manifest.

    Parameters
    ----------
    row : which row of the table, the first case being 1
    case : its name, or empty
    error : one sentence
    """

    row: int
    case: str
    error: str


@with_short_repr
@dataclass(frozen=True)
class CohortManifest:
    """Rows, and what is wrong with them as a table: whether the files are good is asked by `check_rows`.

    Parameters
    ----------
    rows : in the order of the table; those with problems are there too
    problems : of the table and its texts
    notes : what a reader should know: columns that mean nothing here
    """

    rows: tuple[CohortCase, ...]
    problems: tuple[ManifestIssue, ...] = ()
    notes: tuple[str, ...] = ()


def read_cohort_manifest(path: str | os.PathLike[str]) -> CohortManifest:
    """Rows of a table with the columns `case` and `ct` and, if you like, the others of `CohortCase`.

    Parameters
    ----------
    path : .csv (UTF-8, with headings) or .parquet; paths in it are relative to its own folder

    Raises
    ------
    CohortError
        If it cannot be read, lacks a column or has no row. What is wrong with single rows is listed, not raised.
    MissingExtraError
        For a .parquet without pyarrow.
    """
    where, suffix = printable(path), Path(path).suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise CohortError(f"{where}: a manifest is a .csv or .parquet table")
    try:
        check_input(path)
        _check_size(path)
        cells = list(_csv_rows(path) if suffix == ".csv" else _parquet_rows(path))
    except CaseError as error:
        raise CohortError(str(error)) from None
    if not cells:
        raise CohortError(f"{where}: holds no case")
    found = set(cells[0])
    if missing := [name for name in ("case", "ct") if name not in found]:
        raise CohortError(
            f"{where}: column {missing[0]!r} is missing; there are {brief(', '.join(sorted(found)))}"
        )
    unknown = sorted(found - set(MANIFEST_COLUMNS))
    notes = (f"columns that mean nothing here: {', '.join(map(printable, unknown))}",) if unknown else ()
    base = Path(path).parent.absolute()
    rows = tuple(_row(one, base) for one in cells)
    return CohortManifest(rows, tuple(table_problems(rows)), notes)


def write_cohort_manifest(
    path: str | os.PathLike[str], rows: Sequence[CohortCase], overwrite: bool = False
) -> None:
    """Write rows as CSV that `read_cohort_manifest` gives back, paths absolute; `OutputError` if that cannot be."""
    write_table(path, [{name: getattr(row, name) for name in MANIFEST_COLUMNS} for row in rows], overwrite)


def load_parquet() -> Any:
    """The package `pyarrow.parquet`; `MissingExtraError` without it."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("cohorts need pyarrow: pip install 'lite-ensam[cohort]'") from error
    return pyarrow.parquet


def _check_size(path: str | os.PathLike[str]) -> None:
    with translate_io_errors(path):
        megabytes = os.stat(path).st_size / 1e6
    if megabytes > _MOST_MEGABYTES:
        raise CohortError(
            f"{printable(path)}: a manifest of {megabytes:.0f} MB is no list of scans; split it"
        )


def _csv_rows(path: str | os.PathLike[str]) -> Iterator[dict[str, str]]:
    try:
        reader = csv.reader(StringIO(read_text(path), newline=""), strict=True)
        headings = [text.strip() for text in next(reader, [])]
        if repeated := [name for name, n in Counter(headings).items() if n > 1]:
            raise CohortError(f"{printable(path)}: column {brief(repeated[0])} comes twice")
        for cells in reader:
            if any(cells):
                if len(cells) > len(headings):
                    raise CohortError(
                        f"{printable(path)}: line {reader.line_num} has {len(cells)} cells, the headings "
                        f"{len(headings)}"
                    )
                padded = [*cells, *[""] * (len(headings) - len(cells))]
                yield dict(zip(headings, padded, strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise CohortError(f"{printable(path)}: is not a CSV file in UTF-8 ({error})") from None


def _parquet_rows(path: str | os.PathLike[str]) -> Iterator[dict[str, str]]:
    parquet = load_parquet()
    try:
        table = parquet.read_table(path)
        rows: list[Mapping[str, Any]] = table.to_pylist()
    except (OSError, ValueError, KeyError, NotImplementedError) as error:  # pyarrow's own errors are these
        raise CohortError(
            f"{printable(path)}: is not a Parquet file one can read ({brief(str(error))})"
        ) from None
    for cells in rows:
        yield {name: "" if value is None else str(value) for name, value in cells.items()}


def _row(cells: Mapping[str, str], base: Path) -> CohortCase:
    texts = {name: cells.get(name, "").strip() for name in MANIFEST_COLUMNS}
    for name in _FILES:
        if texts[name]:
            texts[name] = str(base / texts[name])
    return CohortCase(**texts)


def table_problems(rows: Sequence[CohortCase]) -> Iterator[ManifestIssue]:
    """All that can be seen without opening a file."""
    first: dict[str, int] = {}
    for number, row in enumerate(rows, start=1):
        for error in _row_errors(row):
            yield ManifestIssue(number, row.case, error)
        if row.case:
            # file systems of Windows and macOS take A for a
            before = first.setdefault(row.case.casefold(), number)
            if before != number:
                yield ManifestIssue(number, row.case, f"case {brief(row.case)} was row {before} already")


def _row_errors(row: CohortCase) -> Iterator[str]:
    if not row.case:
        yield "has no case"
    elif len(row.folder_name.encode()) > _LONGEST_ID:
        yield f"case {brief(row.case)} is too long: {_LONGEST_ID} bytes fit, and what is no plain letter takes three"
    elif printable(row.case) != row.case:
        yield f"case {brief(row.case)} holds control characters"
    if not row.ct:
        yield "has no ct"
    if row.date:
        try:
            date.fromisoformat(row.date)
        except ValueError:
            yield f"date must be YYYY-MM-DD, got {brief(row.date)}"
    if any("\0" in getattr(row, name) for name in MANIFEST_COLUMNS):
        yield "holds a zero byte"
