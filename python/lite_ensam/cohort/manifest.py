"""The list of cases: a CSV or Parquet table, read whole and found good before any work starts."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

from lite_ensam.core.errors import CaseError, CohortError, brief, printable
from lite_ensam.core.number_kinds import is_real
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.datasets.case_files import CaseFiles
from lite_ensam.datasets.manifest_table import MANIFEST_COLUMNS, files_here, read_manifest_table
from lite_ensam.io import write_table
from lite_ensam.io.choice import parse_acquisition
from lite_ensam.io.deeplesion import is_deeplesion
from lite_ensam.io.flare_npz import npz_keys
from lite_ensam.io.reading import file_suffix
from lite_ensam.io.table_rows import is_table, table_rows

__all__ = [
    "CohortCase",
    "CohortManifest",
    "ManifestIssue",
    "cell_errors",
    "manifest_of",
    "read_cohort_manifest",
    "table_problems",
    "write_cohort_manifest",
]

_LONGEST_ID = 100


@dataclass(frozen=True)
class CohortCase:
    """One scan of a cohort.

    Parameters
    ----------
    case : str
        Name of the case, unique; files and tables carry it.
    ct : str
        The scan: a file, a folder of DICOM slices, or a study in an archive (`dicomweb+https://...`).
    marks : str, default ""
        Its lines (see `read_marks`); empty takes those inside an .npz or of a study in an archive, or draws them on
        the reference.
    reference : str, default ""
        Label map to score against, or empty.
    patient, date : str, default ""
        Patient and date for the tables; the date as YYYY-MM-DD, or empty.
    series, acquisition : str, default ""
        SeriesInstanceUID in a DICOM folder and number of one of its acquisitions, or empty.
    file_problem : str, default ""
        Why the case fails although its files are there, as it was found in a folder; empty runs it.
    """

    case: str
    ct: str
    marks: str = ""
    reference: str = ""
    patient: str = ""
    date: str = ""
    series: str = ""
    acquisition: str = ""
    file_problem: str = ""

    def __post_init__(self) -> None:
        for name in (one.name for one in fields(self)):
            object.__setattr__(self, name, _cell_text(name, getattr(self, name)))

    @classmethod
    def of(cls, files: CaseFiles) -> CohortCase:
        """Make the row of a case that was found in a folder.

        Parameters
        ----------
        files : CaseFiles
            Files of the case.

        Returns
        -------
        CohortCase
            The row.
        """
        marks, labels = files.marks, files.labels
        if labels is None and files.ct.suffix.lower() == ".npz" and "gts" in _npz_arrays(files.ct):
            labels = files.ct
        return cls(
            case=files.path_name,
            ct=str(files.ct),
            marks="" if marks is None else str(marks),
            reference="" if labels is None else str(labels),
            patient=files.patient_id,
            date=files.date,
            series=files.series,
            acquisition="" if files.acquisition is None else str(files.acquisition),
            file_problem=files.problem,
        )

    @property
    def choice(self) -> dict[str, Any]:
        """The selection in a DICOM folder, as `open_scan` takes it; CaseError if `acquisition` is not a number."""
        return {"series_uid": self.series or None, "acquisition": parse_acquisition(self.acquisition)}

    @property
    def folder_name(self) -> str:
        """The case as the name of a folder on any system; no two cases share one."""
        name = quote(self.case, safe=" +=@,()[]", errors="surrogateescape")
        return "%2E" + name[1:] if name.startswith(".") else name


_COLUMNS = tuple(field.name for field in fields(CohortCase))


@dataclass(frozen=True)
class ManifestIssue:
    """An error in a manifest.

    Parameters
    ----------
    row : int
        Which row of the table, the first case being 1.
    case : str
        Its name, or empty.
    error : str
        One sentence.
    names_case : bool, default True
        Whether the row has a name that only it has, so that a table of results can list it as failed.
    """

    row: int
    case: str
    error: str
    names_case: bool = True


@with_short_repr
@dataclass(frozen=True)
class CohortManifest:
    """Rows of a manifest, and what is wrong with the table itself; `check_rows` checks the files.

    Parameters
    ----------
    rows : tuple[CohortCase, ...]
        Rows in the order of the table; those with problems are there too.
    problems : tuple[ManifestIssue, ...], default ()
        Problems of the table and its texts.
    notes : tuple[str, ...], default ()
        Notes for the reader: columns that are not read, marks that several scans share.
    path : Path or None, default None
        The table or the folder that it was read from.
    """

    rows: tuple[CohortCase, ...]
    problems: tuple[ManifestIssue, ...] = ()
    notes: tuple[str, ...] = ()
    path: Path | None = None


Rows: TypeAlias = "CohortManifest | Iterable[CohortCase | Mapping[str, Any]] | Any"
"""The cases of a cohort: a manifest, or rows in the forms that `manifest_of` takes."""


def read_cohort_manifest(path: str | os.PathLike[str]) -> CohortManifest:
    """Read a table with the columns `case` and `ct` and, optionally, the other fields of `CohortCase`.

    Parameters
    ----------
    path : str or os.PathLike[str]
        .csv (UTF-8, with headings) or .parquet; paths in it are relative to its own folder.

    Returns
    -------
    CohortManifest
        Rows in the order of the table.

    Raises
    ------
    CohortError
        If it cannot be read, lacks a column or has no row. Errors of single rows are listed, not raised.
    MissingExtraError
        For a .parquet without pyarrow.
    """
    where = printable(path)
    try:
        table = read_manifest_table(path)
    except CaseError as error:
        raise CohortError(str(error)) from None
    if not table.rows:
        raise CohortError(f"{where}: holds no case")
    if missing := [name for name in ("case", "ct") if name not in table.columns]:
        raise CohortError(
            f"{where}: column {missing[0]!r} is missing; there are {brief(', '.join(sorted(table.columns)))}"
        )
    unknown = ", ".join(map(printable, table.unknown))
    rows = tuple(_row(cells) for _, cells in table.rows)
    notes = ((f"columns not read: {unknown}",) if unknown else ()) + _shared_marks(rows)
    return CohortManifest(rows, tuple(table_problems(rows)), notes, Path(path))


def manifest_of(rows: Rows) -> CohortManifest:
    """Make a manifest of rows; one that is a manifest is returned.

    Parameters
    ----------
    rows : Rows
        A `CohortManifest`, as `discover` returns it; `CohortCase`s; or a data frame or mappings with the columns of a
        manifest, whose paths are relative to the working directory.

    Returns
    -------
    CohortManifest
        The manifest with its problems; notes name columns that are not read.

    Raises
    ------
    CohortError
        If they are not rows.
    """
    if isinstance(rows, CohortManifest):
        return rows
    given: Any = table_rows(rows) if is_table(rows) else rows
    wanted = (
        "rows must be a CohortManifest, CohortCases, a data frame or mappings with the columns case and ct"
    )
    if not isinstance(given, Iterable) or isinstance(given, str | Mapping):
        raise CohortError(f"{wanted}, got {brief(rows)}")
    cases, unread = [], set()
    for row in given:
        if isinstance(row, Mapping):
            known = (*MANIFEST_COLUMNS, "labels")
            unread |= {str(name) for name in row if name not in known}
            cells = {name: _cell_text(name, row.get(name)) for name in known}
            cases.append(_row(cells | {"reference": cells["reference"] or cells["labels"]}))
        elif isinstance(row, CohortCase):
            cases.append(row)
        else:
            raise CohortError(f"{wanted}, got {brief(row)}")
    notes = (f"columns not read: {', '.join(map(printable, sorted(unread)))}",) if unread else ()
    return CohortManifest(tuple(cases), tuple(table_problems(cases)), notes)


def _cell_text(name: str, cell: Any) -> str:
    """A cell as text: a path, a number and a date are what they say, None and NaN empty; else CohortError."""
    if isinstance(cell, str):
        return cell
    if _is_missing(cell):
        return ""
    if isinstance(cell, os.PathLike):
        return str(os.fspath(cell))
    if is_real(cell) and float(cell).is_integer():
        return str(int(cell))
    if isinstance(cell, date):
        return cell.isoformat()[:10]
    raise CohortError(f"{name} must be a text or a path, got {brief(cell)}")


def _is_missing(cell: Any) -> bool:
    """Whether it is None, NaN or pandas' NaT or NA; NA is the one that is neither true nor false."""
    try:
        return cell is None or bool(cell != cell)
    except TypeError:
        return True
    except ValueError:  # an array
        return False


def write_cohort_manifest(path: str | os.PathLike[str], rows: Rows, overwrite: bool = False) -> None:
    """Write rows as CSV for `read_cohort_manifest`, paths absolute; `OutputError` if they cannot be written.

    Parameters
    ----------
    path : str or os.PathLike[str]
        CSV file to write.
    rows : Rows
        The cases, see `manifest_of`.
    overwrite : bool, default False
        Whether an existing file may be replaced.
    """
    write_table(
        path, [{name: getattr(row, name) for name in _COLUMNS} for row in manifest_of(rows).rows], overwrite
    )


def _row(cells: Mapping[str, str]) -> CohortCase:
    absolute = {name: str(Path(place).absolute()) for name, place in files_here(cells).items()}
    return CohortCase(**{name: cells[name] for name in _COLUMNS} | absolute)


def _shared_marks(rows: Sequence[CohortCase]) -> tuple[str, ...]:
    """A note on files of marks that several scans name: right for two phases of a scan, wrong for two patients."""
    scans: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.marks:
            scans[row.marks].add(row.ct)
    shared = [path for path, own in scans.items() if len(own) > 1 and not _chooses_by_scan(path)]
    if not shared:
        return ()
    files = "file of marks is" if len(shared) == 1 else "files of marks are"
    return (
        f"{len(shared)} {files} used for several scans, such as {printable(Path(shared[0]).name)}; each scan gets all "
        "lines of the file. If the lines are of different scans, write one file for each scan",
    )


def _chooses_by_scan(marks: str) -> bool:
    try:
        return file_suffix(marks) == ".csv" and is_deeplesion(marks)
    except CaseError:  # `check_rows` says what is wrong with it
        return False


def _npz_arrays(path: Path) -> frozenset[str]:
    try:
        return npz_keys(path)
    except CaseError:  # `check_rows` says what is wrong with it
        return frozenset()


def table_problems(rows: Sequence[CohortCase], has_rows: bool = True) -> Iterator[ManifestIssue]:
    """All that can be seen without opening a file; a folder has no rows that a reader could count."""
    first: dict[str, tuple[int, CohortCase]] = {}
    for number, row in enumerate(rows, start=1):
        for error in _name_errors(row):
            yield ManifestIssue(number, row.case, error, names_case=False)
        for error in cell_errors(row):
            yield ManifestIssue(number, row.case, error)
        if row.case:
            # file systems of Windows and macOS take A for a
            before, other = first.setdefault(row.case.casefold(), (number, row))
            if before != number:
                scans = f"{printable(other.ct) or '-'} and {printable(row.ct) or '-'}"
                where = f" (here and in row {before}; letter case is ignored)" if has_rows else ""
                error = f"two cases have the name {brief(row.case)}{where}: {scans}; rename one"
                yield ManifestIssue(number, row.case, error, names_case=False)


def _name_errors(row: CohortCase) -> Iterator[str]:
    if not row.case:
        yield "has no case"
    elif len(row.folder_name.encode()) > _LONGEST_ID:
        yield (
            f"case {brief(row.case)} is too long: at most {_LONGEST_ID} bytes fit, "
            "and every sign but a plain letter takes three"
        )
    elif printable(row.case) != row.case:
        yield f"case {brief(row.case)} holds control characters"


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text  # 20240102 and weeks are ISO dates as well
    except ValueError:
        return False


def cell_errors(row: CohortCase) -> Iterator[str]:
    """Sentences about cells of a row that are invalid, its name left out."""
    if row.file_problem:
        yield printable(row.file_problem)
    if not row.ct:
        yield "has no ct"
    if row.date and not _is_day(row.date):
        yield f"date must be YYYY-MM-DD, got {brief(row.date)}"
    try:
        parse_acquisition(row.acquisition)
    except CaseError as error:
        yield str(error)
    if any("\0" in getattr(row, name) for name in _COLUMNS):
        yield "holds a zero byte"
