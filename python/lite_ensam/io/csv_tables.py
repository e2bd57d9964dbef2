"""CSV tables: one reader for all that lite-ensam takes, one form of cells for all that it writes.

A spreadsheet runs a cell that begins with `=`, `+`, `-` or `@` as a formula, also one that a name in a stranger's
DICOM file has put there. Such texts are written behind an apostrophe, which spreadsheets take for "this is text",
and `read_csv` takes it away again. Numbers stay as they are.
"""

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from lite_ensam.core.errors import CaseError, brief, printable
from lite_ensam.io.reading import read_text

__all__ = ["CsvTable", "csv_lines", "csv_text", "plain_cell", "read_csv"]

_FORMULA = r"[\s']*[=+\-@]|'*[\t\r]"
"""How a text begins that must not be written as it is. Apostrophes belong to it, so that reading undoes writing."""

_SEPARATOR = re.compile(r'"?sep=([,;\t])"?\s*(?=\r|\n)', re.IGNORECASE)

_QUOTED = f"'({_FORMULA})"
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"


class CsvTable(NamedTuple):
    """A table as it was read.

    Attributes
    ----------
    columns : tuple[str, ...]
        Headings, without outer spaces.
    rows : tuple[tuple[int, dict[str, str]], ...]
        Line of the file (the headings are line 1) and the cells by heading, without outer spaces; a row that
        is too short lacks its last cells. Rows without any text are left out.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]


def read_csv(path: str | os.PathLike[str]) -> CsvTable:
    """Read a CSV file as `csv_lines` does, with headings in its first line.

    Raises
    ------
    CaseError
        As `csv_lines`; also if it has a heading twice, or a row has more cells than there are headings. The file and
        the line are named.
    """
    where = printable(path)
    (_, headings), *lines = csv_lines(path) or [(1, [])]
    columns = tuple(headings)
    names = Counter(name for name in columns if name and not re.fullmatch(_NUMBER, name))
    if repeated := [name for name, count in names.items() if count > 1]:
        raise CaseError(f"{where}: column {brief(repeated[0])} comes twice")
    for line, cells in lines:
        if any(cells[len(columns) :]):
            raise CaseError(f"{where}: line {line} has {len(cells)} cells, the headings {len(columns)}")
    return CsvTable(columns, tuple((line, dict(zip(columns, cells, strict=False))) for line, cells in lines))


def csv_lines(path: str | os.PathLike[str]) -> list[tuple[int, list[str]]]:
    """Read the lines of a CSV file in UTF-8 that have any text: number of the line, and its cells as `plain_cell`.

    Cells are separated by commas, semicolons or tabs: the one that the first line has most of, or that Excel's own
    first line `sep=;` names; that line is left out.

    Raises
    ------
    CaseError
        If it cannot be read, or is not CSV in UTF-8. The file is named.
    """
    where = printable(path)
    try:
        text = read_text(path)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:  # UTF-16 has them, too
        raise CaseError(f"{where}: is not a CSV file in UTF-8: save the table again as CSV UTF-8")
    first_line = text.lstrip().partition("\n")[0]
    said = _SEPARATOR.match(text)
    delimiter = said[1] if said else max(",;\t", key=first_line.count)
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True
    )
    try:
        lines = [(reader.line_num, [plain_cell(cell) for cell in cells]) for cells in reader][bool(said) :]
    except csv.Error as error:
        raise CaseError(f"{where}: is not a CSV file ({error})") from None
    return [(line, cells) for line, cells in lines if any(cells)]


def csv_text(rows: Iterable[Sequence[Any]], line_end: str = "\r\n") -> str:
    """Rows as CSV; texts that a spreadsheet would run stand behind an apostrophe.

    Examples
    --------
    >>> csv_text([["=1+1", -1.5, "-1.5", "a-b"]], line_end="")
    "'=1+1,-1.5,-1.5,a-b"
    """
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end).writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def _harmless(cell: Any) -> Any:
    is_formula = isinstance(cell, str) and re.match(_FORMULA, cell) and not re.fullmatch(_NUMBER, cell)
    return f"'{cell}" if is_formula else cell


def plain_cell(cell: str) -> str:
    """The text of a cell: without outer spaces, or without the apostrophe that `csv_text` has put before it."""
    return cell[1:] if re.match(_QUOTED, cell) else cell.strip()
