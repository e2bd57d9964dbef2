"""Which cases are trained on: a folder or a list, without those that `exclude.txt` names.

- a folder with `train/<source>/<case>/{ct.nii.gz, labels.nii.gz, marks.json}`, or any other layout of `folders`
- FLARE's, with `train_npz/*.npz`, or such a folder of `.npz` itself: lines are drawn on `gts`, the file's name says
  the source
- a table with a row for each case, see `manifest_table`: `split` is `train` or `val`
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from lite_ensam.core.errors import CaseError, TrainingError, printable
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import PathLike
from lite_ensam.datasets.case_files import CaseFiles, name_parts
from lite_ensam.datasets.folders import FoundCases, list_cases, wanted_cases
from lite_ensam.datasets.manifest_table import MANIFEST_COLUMNS, read_manifest_table
from lite_ensam.io.choice import parse_acquisition
from lite_ensam.io.places import is_address
from lite_ensam.io.reading import read_text

__all__ = [
    "EXCLUDE_FILE",
    "TrainingCases",
    "find_training_cases",
    "list_scored_cases",
    "read_training_list",
]

EXCLUDE_FILE = "exclude.txt"
"""Beside the data, or in its folder `train`: a line `source/case` for each case to be left out, `#` before remarks."""

TRAIN, VAL = "train", "val"
_LISTS = (".csv", ".parquet")
_PARTS = ("train", "train_npz")
_MOST_NAMED = 5


@with_short_repr
@dataclass(frozen=True)
class TrainingCases:
    """The cases of a data set.

    Parameters
    ----------
    train : tuple[CaseFiles, ...]
        Cases to learn from.
    val : tuple[CaseFiles, ...], default ()
        Cases that a list holds out for validation; empty for a folder.
    excluded : tuple[str, ...], default ()
        `source/case` of those that `exclude.txt` has left out.
    notes : tuple[str, ...], default ()
        Notes: names of `exclude.txt` that match no case, files that are not cases.
    """

    train: tuple[CaseFiles, ...]
    val: tuple[CaseFiles, ...] = ()
    excluded: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def find_training_cases(data: Path) -> TrainingCases:
    """Cases of a folder or of a list.

    Raises
    ------
    CaseError
        If no case is left to train on, a file is missing, or the list cannot be read.
    TrainingError
        If a list or `exclude.txt` makes no sense.
    """
    if data.suffix.lower() in _LISTS:
        return read_training_list(data)
    if data.is_file():
        raise CaseError(
            f"{printable(data)}: is a file; expected a folder of cases, a .csv or .parquet list of them, or an archive "
            "of `lite-ensam pack` (.tar.xz)"
        )
    parts = [data / part for part in _PARTS if (data / part).is_dir()]
    # a folder of .npz alone is found from above, a folder of sources by itself
    searched = parts[0] if parts else data
    cases, notes = list_cases(searched)
    ignored = [f"{printable(part)} is left out, since there is {parts[0].name}" for part in parts[1:]]
    # a link that leads nowhere is an error, not a wish to leave nothing out
    files = [
        file for place in dict.fromkeys((data, searched)) if os.path.lexists(file := place / EXCLUDE_FILE)
    ]
    named = {key: file for file in files for key in _read_exclusions(file)}
    known = {case.key for case in cases}
    kept = tuple(case for case in cases if case.key not in named)
    if not kept:
        raise CaseError(f"{printable(data)}: {EXCLUDE_FILE} leaves no case to train on")
    return TrainingCases(
        train=kept,
        excluded=tuple(sorted(known & named.keys())),
        notes=(*notes, *ignored, *_unmatched([key for key in named if key not in known], named)),
    )


def list_scored_cases(data: PathLike, only: Collection[str] | None = None) -> FoundCases:
    """Cases of a folder or of a list, to be scored: of a list all rows, whatever their split.

    Parameters
    ----------
    data : PathLike
        Cases in a layout of `folders`, or a list that `find_training_cases` takes.
    only : Collection[str] or None, default None
        `source/case` of the cases that are wanted; None wants all.

    Returns
    -------
    FoundCases
        Cases by source and name, and notes.

    Raises
    ------
    CaseError
        If no case is found or one cannot be read; for a list also TrainingError, as `read_training_list`.
    """
    path = Path(data)
    if path.suffix.lower() not in _LISTS or path.is_dir():
        return list_cases(path, only)
    cases = tuple(sorted(_rows_of_list(path)[0], key=lambda case: (case.source, case.name)))
    if not cases:
        raise CaseError(f"{printable(path)}: holds no row; expected one for each case to evaluate")
    return FoundCases(wanted_cases(path, cases, only), ())


def read_training_list(path: Path) -> TrainingCases:
    """Cases of a table, to train on and to validate on.

    Raises
    ------
    CaseError
        If the file cannot be read.
    TrainingError
        If a column is unknown, a row names no scan or another split, a file is missing (the row is named), two cases
        cannot be told apart, or no row is to be trained on.
    """
    cases, parts = _rows_of_list(path)
    train, val = (
        tuple(c for c, part in zip(cases, parts, strict=True) if part == one) for one in (TRAIN, VAL)
    )
    if not train:
        raise TrainingError(f"{printable(path)}: no row is to be trained on")
    return TrainingCases(train, val)


def _rows_of_list(path: Path) -> tuple[list[CaseFiles], list[str]]:
    """The case of each row, and its split."""
    table = read_manifest_table(path)
    if "ct" not in table.columns or table.unknown:
        others = ", ".join(name for name in MANIFEST_COLUMNS if name != "ct")
        raise TrainingError(
            f"{printable(path)}: the columns must be ct and any of {others} (or labels), got "
            f"{', '.join(map(printable, table.columns)) or 'none'}"
        )
    parts: list[str] = []
    cases: list[CaseFiles] = []
    for line, cells in table.rows:
        where = f"{printable(path)}, line {line}"
        parts.append(cells["split"] or TRAIN)
        if parts[-1] not in (TRAIN, VAL):
            raise TrainingError(f"{where}: split must be {TRAIN} or {VAL}, got {printable(parts[-1])!r}")
        cases.append(_case_of(cells, path.parent, where))
    return _told_apart(cases, path), parts


def _case_of(cells: dict[str, str], folder: Path, where: str) -> CaseFiles:
    if not cells["ct"]:
        raise TrainingError(f"{where}: names no ct")
    if cells["file_problem"]:
        raise TrainingError(f"{where}: {printable(cells['file_problem'])}")
    columns = [column for column in ("ct", "reference", "marks") if cells[column]]
    if archived := [column for column in columns if is_address(cells[column])]:
        raise TrainingError(
            f"{where}: {archived[0]} lies in an archive; training reads files: fetch it with `lite-ensam convert`"
        )
    paths = {column: Path(cells[column]) for column in columns}
    for column, path in paths.items():
        if not path.exists():
            raise TrainingError(f"{where}: {column}: no such file {printable(path)}")
    try:
        acquisition = parse_acquisition(cells["acquisition"])
    except CaseError as error:
        raise TrainingError(f"{where}: {error}") from None
    ct = paths["ct"]
    named = ct.parent if ct.name == "ct.nii.gz" else ct
    name = cells["case"] or named.name.removesuffix(".gz").removesuffix(".nii").removesuffix(".npz")
    source = cells["source"] or folder.absolute().name
    return CaseFiles(
        source=source,
        name=name,
        ct=ct,
        marks=paths.get("marks"),
        labels=paths.get("reference"),
        patient=cells["patient"] or f"{source}/{name_parts(name)[1]}",
        series=cells["series"],
        acquisition=acquisition,
    )


def _told_apart(cases: list[CaseFiles], path: Path) -> list[CaseFiles]:
    """Cases whose files are called alike take the names of their folders, too."""
    count = Counter(case.key for case in cases)
    apart = [
        replace(case, name=f"{case.ct.absolute().parent.name}__{case.name}") if count[case.key] > 1 else case
        for case in cases
    ]
    if twice := [key for key, n in Counter(case.key for case in apart).items() if n > 1]:
        raise TrainingError(
            f"{printable(path)}: {printable(twice[0])} comes twice; tell the cases apart in a column case"
        )
    return apart


def _read_exclusions(path: Path) -> list[str]:
    try:
        lines = read_text(path).splitlines()
    except UnicodeDecodeError as error:
        raise TrainingError(f"{printable(path)}: is not a text in UTF-8 ({error})") from None
    keys = []
    for number, line in enumerate(lines, start=1):
        key = re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip()
        source, _, name = key.partition("/")
        if key and not (source and name):
            raise TrainingError(
                f"{printable(path)}, line {number}: expected source/case such as sts/STS_007, got {printable(key)!r}"
            )
        keys += [key] if key else []
    return keys


def _unmatched(keys: list[str], files: dict[str, Path]) -> list[str]:
    if not keys:
        return []
    named = ", ".join(map(printable, keys[:_MOST_NAMED]))
    more = f" and {len(keys) - _MOST_NAMED} more" if len(keys) > _MOST_NAMED else ""
    return [f"{printable(files[keys[0]])} names cases that are not there: {named}{more}"]
