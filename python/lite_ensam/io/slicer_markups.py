"""3D Slicer's markups (.mrk.json): each markup of type Line is one RECIST line, in world millimetres."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from lite_ensam.core.errors import MarkError, brief
from lite_ensam.core.grid import real_array
from lite_ensam.io.mark_entries import MarkEntry, MarkFrame

__all__ = ["check_markups_frame", "entries_of_markups", "is_markups"]

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


def entries_of_markups(content: Mapping[str, Any]) -> list[MarkEntry]:
    """Entries of all markups, in order, without labels, with `endpoints_mm` in RAS.

    Raises
    ------
    MarkError
        If a markup is of another type than Line, has not two placed points, or is neither in LPS nor RAS nor in mm.
    """
    markups = content["markups"]
    if not isinstance(markups, list) or not all(isinstance(markup, Mapping) for markup in markups):
        raise MarkError(f"markups must be a list of objects, got {brief(markups)}")
    return [_entry(markup, f"markup number {n}") for n, markup in enumerate(markups, start=1)]


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
    points = markup.get("controlPoints")
    listed = [one for one in points if isinstance(one, Mapping)] if isinstance(points, list) else []
    placed = [one for one in listed if one.get("positionStatus", "defined") == "defined"]
    positions: Any = [one.get("position") for one in placed]
    ends = real_array(positions)
    if ends.shape != (2, 3):
        raise MarkError(f"{where}: a line has two placed points x, y, z, this one has {len(placed)}")
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
