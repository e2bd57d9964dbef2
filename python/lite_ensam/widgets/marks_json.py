"""Marks on their way to the browser and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lite_ensam.errors import MarkError
from lite_ensam.recist import RecistMark, check_marks

__all__ = ["checked_marks", "marks_from_json", "marks_to_json"]


def marks_to_json(marks: Iterable[RecistMark]) -> list[dict[str, Any]]:
    """JSON-ready marks.

    Examples
    --------
    >>> (entry,) = marks_to_json([RecistMark(1, ((4, 10, 2), (4, 10, 12)), "node")])
    >>> entry["label"], entry["name"], entry["endpoints_zyx"], entry["short_axis_zyx"]
    (1, 'node', [[4.0, 10.0, 2.0], [4.0, 10.0, 12.0]], None)
    """
    return [
        {
            "label": mark.label,
            "name": mark.name,
            "tracking_uid": mark.tracking_uid,
            "endpoints_zyx": [list(end) for end in mark.endpoints_zyx],
            "short_axis_zyx": mark.short_axis_zyx and [list(end) for end in mark.short_axis_zyx],
        }
        for mark in marks
    ]


def marks_from_json(entries: Any, shape_zyx: Sequence[int]) -> tuple[RecistMark, ...]:
    """What `marks_to_json` wrote, checked against the scan.

    Raises
    ------
    MarkError
        If an entry is no mark, lies outside the scan, or shares its label with another.
    """
    try:
        marks = [
            RecistMark(
                entry["label"],
                entry["endpoints_zyx"],
                entry.get("name", ""),
                entry.get("tracking_uid", ""),
                entry.get("short_axis_zyx"),
            )
            for entry in entries
        ]
    except (KeyError, TypeError, AttributeError):
        raise MarkError(f"marks must be a list of label, name and endpoints_zyx, got {entries!r}") from None
    return checked_marks(marks, shape_zyx)


def checked_marks(marks: Iterable[RecistMark], shape_zyx: Sequence[int]) -> tuple[RecistMark, ...]:
    """The marks as a tuple, which may be empty.

    Raises
    ------
    MarkError
        If one of them does not fit the scan or the others.
    """
    given = tuple(marks)
    if given:
        check_marks(given, shape_zyx)
    return given
