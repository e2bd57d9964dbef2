"""Study files in CSV: rows of targets and visits become what the JSON form says, contradictions are refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from lite_ensam.core.errors import CaseError, StudyError, brief, printable
from lite_ensam.core.types import PathLike
from lite_ensam.io.csv_tables import csv_lines
from lite_ensam.reporting.study_values import (
    DETAILS,
    SIZES,
    Day,
    parse_day,
    parse_diameter,
    parse_new_lesion,
    parse_non_targets,
    parse_yes_no,
)
from lite_ensam.response import name_key

__all__ = ["read_table"]

_NEEDED = ("patient", "date", "target", "organ", "diameter_mm")
_OF_A_FINDING = ("state", "larger", "equivocal")
_OF_A_VISIT = ("non_targets", "non_targets_larger", "new_lesion")
_OF_A_LESION = (*SIZES, "fragment", "merged_into", *_OF_A_FINDING, *DETAILS)
_KNOWN = (*_NEEDED, *_OF_A_LESION, *_OF_A_VISIT, "node", "role", "site", "cohort", "trial")
_DIAMETERS = ("diameter_mm", "viable_mm", "longest_diameter_mm", "short_axis_mm")
_ROLES = ("target", "non-target", "new")
_OF_A_ROLE = MappingProxyType(
    {"target": ("fragment", "merged_into"), "non-target": ("state", "larger"), "new": _OF_A_FINDING}
)
"""Columns that decide on the response, and that not every lesion has."""
_SAYS_NOTHING = ("", "no", "false", "0", "present")
"""Cells that change no response, so that any lesion may have them."""


@dataclass(frozen=True)
class _Row:
    """A row that holds something.

    Parameters
    ----------
    number : int
        Row number as in a spreadsheet: the first line is row 1.
    cells : Mapping[str, str]
        Cells by column, without outer spaces; unknown columns keep their headings.
    day : Day
        Day of the visit.
    """

    number: int
    cells: Mapping[str, str]
    day: Day

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def without(self, column: str) -> _Row:
        """The row with an empty cell in a column."""
        return replace(self, cells={**self.cells, column: ""})


def read_table(path: PathLike) -> tuple[list[dict[str, Any]], list[str]]:
    """Entries of patients in the form of the JSON file, and notes on what was not read.

    Raises
    ------
    StudyError
        If the file is not such a table, or rows contradict each other; messages name rows, not patients.
    """
    rows, notes = _rows(path)
    patients: dict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        patients[name_key(row["patient"])].append(row)
    if "" in patients and len(patients) > 1:
        raise StudyError(f"row {patients[''][0].number} does not say whose it is: fill in its patient")
    for number, own in enumerate(patients.values(), start=1):
        if (count := len({row["patient"] for row in own})) > 1:
            notes.append(
                f"{count} spellings are taken for patient number {number}: case and spaces do not count"
            )
    entries = [_entry(own) for own in patients.values()]
    return entries, notes + _unread_sizes(entries, rows)


def _rows(path: PathLike) -> tuple[list[_Row], list[str]]:
    try:
        lines = csv_lines(path)
    except CaseError as error:
        raise StudyError(str(error).removeprefix(f"{printable(path)}: ")) from None
    headings = lines[0][1] if lines else []
    columns = [name_key(heading).replace(" ", "_") for heading in headings]
    if missing := [name for name in _NEEDED if name not in columns]:
        raise StudyError(f"the first line must name the columns {','.join(_NEEDED)}; {missing[0]} is missing")
    if repeated := [name for name in _KNOWN if columns.count(name) > 1]:
        raise StudyError(f"the first line names the column {repeated[0]} twice")
    if len(lines) == 1:
        raise StudyError("has a first line alone: a row for each target and visit must follow")
    unread = [
        heading
        for place, (heading, name) in enumerate(zip(headings, columns, strict=True))
        if name not in _KNOWN and any(any(cells[place : place + 1]) for _, cells in lines[1:])
    ]
    rows = []
    for number, cells in lines[1:]:
        if len(cells) > len(columns):
            raise StudyError(
                f"row {number} has {len(cells)} cells for {len(columns)} columns: write decimals with a point, "
                "and texts that hold the separator in quotation marks"
            )
        by_column = dict(zip(columns, cells, strict=False))
        with _named(number):
            for name in _DIAMETERS:
                parse_diameter(by_column.get(name), name)
            rows.append(_Row(number, by_column, parse_day(by_column.get("date"))))
    return rows, [f"column {brief(heading)} is not read" for heading in unread]


def _entry(rows: Sequence[_Row]) -> dict[str, Any]:
    """One patient."""
    first_day = min(row.day for row in rows)
    of_target: dict[str, list[_Row]] = defaultdict(list)
    of_day: dict[Day, list[_Row]] = defaultdict(list)
    for row in rows:
        of_day[row.day].append(row)
        if row["target"]:
            of_target[name_key(row["target"])].append(row)
        elif lost := [name for name in _OF_A_LESION if row[name] and name != "modality"]:
            raise StudyError(f"row {row.number} has a {lost[0]} but does not say of which target")
    lesions = [_Lesion(key, own) for key, own in of_target.items()]
    for one in lesions:
        _refuse_other_roles(of_target[one.key], one.role)
    by_role = {role: [one for one in lesions if one.role == role] for role in _ROLES}
    visits = []
    for day, own in of_day.items():
        visit: dict[str, Any] = {"date": day}
        modalities = {name_key(row["modality"]): row["modality"] for row in own[::-1] if row["modality"]}
        if len(modalities) == 1:  # of the visit; several are each of their lesion
            ((visit["modality"],), own) = modalities.values(), [row.without("modality") for row in own]
        found = {one.key: [row for row in own if name_key(row["target"]) == one.key] for one in lesions}
        visit["targets"] = {
            one.name: _sizes(found[one.key], one.entry, day == first_day)
            for one in by_role["target"]
            if found[one.key]
        }
        visit["non_target_lesions"] = {
            one.name: _finding(found[one.key], (*_OF_A_ROLE["non-target"], "diameter_mm"))
            for one in by_role["non-target"]
            if found[one.key]
        }
        visit["new_lesions"] = [
            one.entry | _finding(found[one.key], (*_OF_A_FINDING, "diameter_mm"))
            for one in by_role["new"]
            if found[one.key]
        ] or None  # an empty list would say that there is no new lesion
        for column, parse in _PARSERS.items():
            visit[column] = _agreed(own, column, parse)
        visits.append(visit)
    return {
        "patient": rows[0]["patient"],
        "cohort": _agreed(rows, "cohort", name_key),
        "trial": _agreed(rows, "trial", name_key),
        "targets": [one.entry for one in by_role["target"]],
        "non_target_lesions": [one.entry for one in by_role["non-target"]],
        "visits": visits,
    }


class _Lesion:
    """A lesion of a patient, as all its rows say it."""

    def __init__(self, key: str, rows: Sequence[_Row]) -> None:
        self.key, self.name = key, rows[0]["target"]
        self.role = _parse_role(_agreed(rows, "role", _parse_role))
        self.entry = {
            "name": self.name,
            "organ": _agreed(rows, "organ", name_key),
            "site": _agreed(rows, "site", name_key),
            "node": _agreed(rows, "node", lambda cell: parse_yes_no(cell, "node")),
        }


def _refuse_other_roles(rows: Sequence[_Row], role: str) -> None:
    """StudyError if a cell is of lesions of another role: it would be lost, and with it perhaps a PD."""
    others = {name for names in _OF_A_ROLE.values() for name in names}.difference(_OF_A_ROLE[role])
    for row in rows:
        if lost := [
            name for name in _OF_A_LESION if name in others and name_key(row[name]) not in _SAYS_NOTHING
        ]:
            roles = " or ".join(one for one in _ROLES if lost[0] in _OF_A_ROLE[one])
            raise StudyError(
                f"row {row.number}: the column {lost[0]} is only for the role {roles}, but this lesion has the role "
                f"{role}. Correct the role or empty the cell"
                + (" and give a diameter_mm (0 is gone)" if role == "target" else "")
            )


def _unread_sizes(entries: Sequence[Mapping[str, Any]], rows: Sequence[_Row]) -> list[str]:
    """A note on sizes that count for targets only: of other lesions the diameter alone is read."""
    targets = {
        (name_key(entry["patient"]), name_key(one["name"])) for entry in entries for one in entry["targets"]
    }
    others = [row for row in rows if (name_key(row["patient"]), name_key(row["target"])) not in targets]
    unread = [name for name in SIZES if name != "diameter_mm" and any(row[name] for row in others)]
    return [f"{', '.join(unread)} of non-targets and new lesions: not read"] if unread else []


def _parse_role(cell: str) -> str:
    """Target, non-target or new; an empty cell is a target."""
    word = name_key(cell).replace(" ", "-")
    if word in ("", *_ROLES):
        return word or "target"
    raise StudyError(f"role must be one of {', '.join(_ROLES)}, got {brief(cell)}")


def _finding(rows: Sequence[_Row], columns: Sequence[str]) -> dict[str, Any]:
    """The finding in the row of a lesion that is not a target; a second row of one visit is refused."""
    if len(rows) > 1:
        raise StudyError(
            f"rows {' and '.join(str(row.number) for row in rows)} give the same lesion at the same visit: keep one"
        )
    return {name: rows[0][name] for name in (*columns, *DETAILS) if rows[0][name]}


_PARSERS: Mapping[str, Callable[[str], Any]] = MappingProxyType(
    {
        "non_targets": parse_non_targets,
        "non_targets_larger": lambda cell: parse_yes_no(cell, "non_targets_larger"),
        "new_lesion": parse_new_lesion,
    }
)


def _agreed(rows: Iterable[_Row], column: str, parse: Callable[[str], Any]) -> str:
    """The value on which all rows agree; empty cells are ignored."""
    first, meant = None, None
    for row in rows:
        if not row[column]:
            continue
        with _named(row.number):
            meaning = parse(row[column])
        if first is None:
            first, meant = row, meaning
        elif meaning != meant:
            raise StudyError(
                f"rows {first.number} and {row.number} contradict each other in column {column}: correct one"
            )
    return "" if first is None else first[column]


def _sizes(rows: Sequence[_Row], target: Mapping[str, Any], is_baseline: bool) -> Any:
    """Sizes of one target at one visit; a list where the rows are fragments of it."""
    sizes = [{name: row[name] for name in (*SIZES, "merged_into", *DETAILS) if row[name]} for row in rows]
    if len(rows) == 1:
        return sizes[0]
    both = f"rows {' and '.join(str(row.number) for row in rows)} give the same target at the same visit"
    if is_baseline or parse_yes_no(target["node"], "node"):
        why = "at baseline each lesion is measured once" if is_baseline else "a lymph node is measured once"
        raise StudyError(f"{both}: {why}, so keep one of them")
    if not all(size.get("diameter_mm") for size in sizes):
        raise StudyError(
            f"{both}, but not each has a diameter_mm: keep one, or give the size of each fragment"
        )
    labels = {name_key(row["fragment"]) for row in rows} - {""}
    if not labels and _are_apart(rows):
        return sizes
    if len(labels) < len(rows):
        raise StudyError(
            f"{both}: keep one of them, or, if the lesion has split, number its fragments in a column fragment"
        )
    return sizes


def _are_apart(rows: Sequence[_Row]) -> bool:
    """Whether rows can only be fragments: sizes differ and are not 0, all but the known columns is alike."""
    compared = set(_KNOWN) - {"reader", "modality"}
    rest = {tuple(cell for column, cell in row.cells.items() if column not in compared) for row in rows}
    mm = [parse_diameter(row["diameter_mm"], f"row {row.number}, diameter_mm") for row in rows]
    return len(rest) == 1 and len(set(mm)) == len(mm) and all(mm)


@contextmanager
def _named(row: int) -> Iterator[None]:
    """Errors in the block name the row."""
    try:
        yield
    except StudyError as error:
        raise StudyError(f"row {row}: {error}") from None
