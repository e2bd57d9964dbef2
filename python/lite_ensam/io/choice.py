"""Selections in DICOM: segments and ROIs by name or number, an acquisition by its number."""

import re
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

from lite_ensam.core.errors import ArgumentError, CaseError, brief
from lite_ensam.core.number_kinds import is_whole

__all__ = ["Choice", "HasUid", "SeriesChoice", "choose", "parse_acquisition", "parse_series"]

_WHOLE = re.compile(r"(\d{1,9})(?:\.0*)?", re.ASCII)
"""Tables that pass through pandas get a point and zeros behind it."""


Choice: TypeAlias = str | int | Sequence[str | int]
"""A name or number, or several."""


class HasUid(Protocol):
    """A series that `list_ct_series` has found."""

    @property
    def uid(self) -> str:
        """Its SeriesInstanceUID."""


SeriesChoice: TypeAlias = str | int | HasUid
"""A series: its SeriesInstanceUID, its number, or what `list_ct_series` returns of it."""


def choose(names: Mapping[int, str], wanted: Choice, what: str) -> tuple[int, ...]:
    """Numbers of what is asked for, in the file's order.

    Parameters
    ----------
    names : Mapping[int, str]
        Names of all, by number.
    wanted : Choice
        Names (every one that is so called; upper and lower case only count where they must) or numbers;
        nothing asks for all.
    what : str
        "ROI" or "segment", for the message.

    Raises
    ------
    CaseError
        If a name or number is unknown; the message lists the known ones.

    Examples
    --------
    >>> choose({1: "GTV", 2: "CTV", 4: "GTV"}, ["gtv"], "ROI")
    (1, 4)
    """
    found: set[int] = set()
    listed = [wanted] if isinstance(wanted, str | int) else wanted
    for text in map(str, listed):
        same = [number for number, name in names.items() if name == text]
        alike = [
            number for number, name in names.items() if name.strip().casefold() == text.strip().casefold()
        ]
        by_number = [number for number in names if str(number) == text.strip()]
        if not (chosen := same or alike or by_number):
            are_unique = len(set(names.values())) == len(names)
            there = ", ".join(repr(name) if are_unique else f"{name!r} ({n})" for n, name in names.items())
            raise CaseError(f"has no {what} {text!r}, only {there or 'none'}")
        found.update(chosen)
    return tuple(number for number in names if number in found or not listed)


def parse_series(choice: object) -> str | None:
    """A series as a text, by UID or number; None of None, `ArgumentError` if it is something else.

    Examples
    --------
    >>> parse_series(3), parse_series("1.2.840.1"), parse_series(None)
    ('3', '1.2.840.1', None)
    """
    named = getattr(choice, "uid", choice)
    if named is None:
        return None
    if is_whole(named):
        return str(int(named))
    is_summary = named is not choice
    if not isinstance(named, str) or not (named.strip() or is_summary):  # a series may have a blank UID
        raise ArgumentError(
            "series_uid must be a SeriesInstanceUID, a SeriesNumber, or one item of the list that `list_ct_series` "
            f"returns, got {brief(named)}"
        )
    return named.strip()


def parse_acquisition(cell: object) -> int | None:
    """Number of an acquisition from a table or a JSON file; None of an empty cell, `CaseError` if it is not a number.

    Examples
    --------
    >>> parse_acquisition("2"), parse_acquisition(2.0), parse_acquisition("")
    (2, 2, None)
    """
    if cell is None or cell == "":
        return None
    found = None if isinstance(cell, bool) else _WHOLE.fullmatch(str(cell).strip())
    if found is None:
        raise CaseError(f"acquisition must be a whole number, got {brief(cell)}")
    return int(found[1])
