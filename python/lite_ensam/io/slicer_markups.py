"""3D Slicer's markups (.mrk.json): each markup of type Line is one RECIST line, in world millimetres."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lite_ensam.core.errors import MarkError, brief
from lite_ensam.core.grid import real_array
from lite_ensam.io.mark_entries import MarkEntry, MarkFrame

__all__ = ["check_markups_frame", "entries_of_markups", "is_markups", "markups_notes"]

_SIGNS = {"RAS": (1.0, 1.0, 1.0), "LPS": (-1.0, -1.0, 1.0)}

_SLICERS_OWN_NAMES = ("", "L", "F", "MarkupsLine")
"""Slicer's name for the ends of a line whose reader gave no name."""


def is_markups(content: Any) -> bool:
    """Whether a JSON file's content is a file of markups."""
    return isinstance(content, Mapping) and "markups" in content


def check_markups_frame(content: Any, marks_in: MarkFrame) -> None:
    """Raise `MarkError` if a file of markups, which says its frame itself, is said to be in another one."""
    if is_markups(content) and marks_in != "voxel":
        raise MarkError(f'a file of 3D Slicer knows where its lines lie: leave marks_in="{marks_in}" out')


def entries_of_markups(content: Mapping[str, Any]) -> list[tuple[str, MarkEntry]]:
    """Where each line comes from, and its entry without a label, with `endpoints_mm` in RAS.

    A line whose points were not placed is left out, see `markups_notes`.

    Raises
    ------
    MarkError
        If a markup is of another type than Line, has other than two points, is neither in LPS nor RAS nor in mm, or no
        line was placed.
    """
    markups = content["markups"]
    if not isinstance(markups, list) or not all(isinstance(markup, Mapping) for markup in markups):
        raise MarkError(f"markups must be a list of objects, got {brief(markups)}")
    unplaced = _unplaced(markups)
    if markups and len(unplaced) == len(markups):
        raise MarkError("none of its lines has two placed points: draw a line in Slicer and save it again")
    return [
        (where, _entry(markup, where))
        for n, markup in enumerate(markups, start=1)
        if n not in unplaced and (where := f"markup number {n}")
    ]


def markups_notes(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Notes on lines that were left out of what `entries_of_markups` returned."""
    return tuple(
        f"passed over: markup number {n} is a line without two placed points"
        for n in _unplaced(content["markups"])
    )


def _unplaced(markups: Sequence[Mapping[str, Any]]) -> list[int]:
    """Numbers of the lines that were begun and not drawn, as Slicer saves them, too."""
    return [
        n
        for n, markup in enumerate(markups, start=1)
        if markup.get("type") == "Line"
        and isinstance(markup.get("controlPoints", []), list)
        and len(_placed(markup)) < 2
    ]


def _placed(markup: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    points = markup.get("controlPoints")
    listed = [one for one in points if isinstance(one, Mapping)] if isinstance(points, list) else []
    return [one for one in listed if one.get("positionStatus", "defined") == "defined"]


def _entry(markup: Mapping[str, Any], where: str) -> MarkEntry:
    kind = markup.get("type")
    if kind != "Line":
        raise MarkError(f"{where} is of type {brief(kind)}; only a markup of type 'Line' is a RECIST line")
    system = markup.get("coordinateSystem", "LPS")  # the default of Slicer's schema
    signs = _SIGNS.get(system) if isinstance(system, str) else None
    if signs is None:
        raise MarkError(f"{where}: coordinateSystem must be LPS or RAS, got {brief(system)}")
    unit = markup.get("coordinateUnits", "mm")
    if unit != "mm" and unit != ["mm", "mm", "mm"]:
        raise MarkError(f"{where}: coordinateUnits must be mm, got {brief(unit)}")
    placed = _placed(markup)
    if len(placed) != 2:
        raise MarkError(f"{where}: a line has two placed points, this one has {len(placed)}")
    positions: Any = [one.get("position") for one in placed]
    ends = real_array(positions)
    if ends.shape != (2, 3):
        raise MarkError(
            f"{where}: the position of a point must be three numbers x, y, z, got {brief(positions)}"
        )
    return {
        "endpoints_mm": (np.asarray(ends, dtype=np.float64) * signs).tolist(),
        "name": _name(markup, placed),
    }


def _name(markup: Mapping[str, Any], points: list[Mapping[str, Any]]) -> str:
    """The markup's name, or what the labels of its points ("liver-1", "liver-2") have in common."""
    if isinstance(name := markup.get("name"), str) and name:
        return name
    names = {re.sub(r"[-_ ]*\d*$", "", str(point.get("label") or "")) for point in points}
    name = names.pop() if len(names) == 1 else ""
    return "" if name in _SLICERS_OWN_NAMES else name
