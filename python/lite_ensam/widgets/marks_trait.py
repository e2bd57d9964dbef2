"""The viewer's trait `marks`: lines in any form, from Python, and as JSON to the browser and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import traitlets

from lite_ensam.core.coded_concept import CodedConcept
from lite_ensam.core.errors import MarkError, brief
from lite_ensam.core.recist import RecistMark, check_marks
from lite_ensam.io import MarksLike, parse_marks

__all__ = ["Marks", "checked_marks", "marks_from_json", "marks_to_json"]

_POINTS, _SITE = ("inside_zyx", "outside_zyx"), "finding_site"
"""Of a mark; the viewer does not show the site, and gives it back."""


class Marks(traitlets.Tuple):  # type: ignore[type-arg]
    """Marks in any form that `lite_ensam.segment` takes, kept as a tuple of `RecistMark`s."""

    def validate(self, widget: Any, marks: MarksLike) -> tuple[RecistMark, ...]:
        """Marks that lie in the scan."""
        return checked_marks(parse_marks(marks, widget.source), widget.grid.shape_zyx)

    def set(self, widget: Any, marks: Any) -> None:
        """Change them while nobody reads masks or numbers."""
        with widget.lock:
            super().set(widget, marks)


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
            "first_slice": mark.first_slice,
            "last_slice": mark.last_slice,
        }
        | {name: [list(point) for point in getattr(mark, name)] for name in _POINTS}
        | ({_SITE: mark.finding_site.as_dict()} if mark.finding_site else {})
        for mark in marks
    ]


def marks_from_json(entries: Any, shape_zyx: Sequence[int]) -> tuple[RecistMark, ...]:
    """Read marks that `marks_to_json` wrote, and check them against the scan.

    Raises
    ------
    MarkError
        If an entry is not a mark, lies outside the scan, or shares its label with another.
    """
    try:
        marks = [
            RecistMark(
                entry["label"],
                entry["endpoints_zyx"],
                entry.get("name", ""),
                entry.get("tracking_uid", ""),
                entry.get("short_axis_zyx"),
                entry.get("first_slice"),
                entry.get("last_slice"),
                entry.get("inside_zyx", ()),
                entry.get("outside_zyx", ()),
                None if entry.get(_SITE) is None else CodedConcept.of(entry[_SITE]),
            )
            for entry in entries
        ]
    except (KeyError, TypeError, AttributeError):
        raise MarkError(
            f"marks must be a list of label, name and endpoints_zyx, got {brief(entries)}"
        ) from None
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
