"""The session in the JSON of the viewer: edits by hand, thresholds, options, and which masks a reader accepted."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from lite_ensam.core.errors import ArgumentError, MarkError, brief, printable
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import IntTriple
from lite_ensam.io.marks_files import REPORT_OPTIONS, is_own_report
from lite_ensam.io.reading import file_suffix, read_json
from lite_ensam.segmentation.predictor import checked_threshold
from lite_ensam.widgets.browser_input import check_thresholds
from lite_ensam.widgets.hand_edits import edits_from_json
from lite_ensam.widgets.options import RunOptions
from lite_ensam.widgets.segmenter import State

__all__ = ["OPTIONS", "Session", "read_session"]

OPTIONS = tuple(name for name in REPORT_OPTIONS if name != "threshold")
"""Of the options of `lite_ensam.segment`, those that a report says and that masks follow from."""


@with_short_repr
@dataclass(frozen=True)
class Session:
    """Work on some lines that the lines alone do not hold.

    Parameters
    ----------
    edits : list[dict[str, Any]], optional
        Edits by hand, as JSON.
    thresholds : dict[str, float], optional
        Thresholds of single lesions, by label as text.
    states : dict[int, State], optional
        Verdicts of the reader on masks, by label.
    threshold : float, default 0.0
        Threshold of all other lesions.
    options : dict[str, Any], optional
        Of `OPTIONS`, those that the file says.
    """

    edits: list[dict[str, Any]] = field(default_factory=list)
    thresholds: dict[str, float] = field(default_factory=dict)
    states: dict[int, State] = field(default_factory=dict)
    threshold: float = 0.0
    options: dict[str, Any] = field(default_factory=dict)


def read_session(marks: Any, shape_zyx: IntTriple) -> Session:
    """The work that came with some lines; an empty one unless they are a report of the viewer.

    Parameters
    ----------
    marks : Any
        Path of a JSON file, or its content.
    shape_zyx : IntTriple
        Shape of the scan.

    Raises
    ------
    MarkError
        If the edits were made on a scan of another shape, or make no sense.
    """
    where = ""
    if isinstance(marks, str | os.PathLike):
        if file_suffix(marks) != ".json":
            return Session()
        where, marks = f"{printable(marks)}: ", read_json(marks)
    if not isinstance(marks, Mapping) or "marks" not in marks:
        return Session()
    try:
        return _session_of(marks, shape_zyx)
    except ArgumentError as error:
        raise MarkError(f"{where}{error}") from None


def _session_of(content: Mapping[str, Any], shape_zyx: IntTriple) -> Session:
    edits, thresholds = content.get("edits") or [], content.get("thresholds") or {}
    shape = content.get("shape_zyx")
    if edits and (not isinstance(shape, list | tuple) or tuple(shape) != shape_zyx):
        raise ArgumentError(
            f"its edits by hand were made on a scan of shape {brief(shape)} (z, y, x), this one has {shape_zyx}"
        )
    edits_from_json(edits, shape_zyx)
    check_thresholds(thresholds)
    tumors = content.get("tumors")
    states: dict[int, State] = {
        row["label"]: row["state"]
        for row in (tumors if isinstance(tumors, list) else ())
        if isinstance(row, Mapping)
        and isinstance(row.get("label"), int)
        and row.get("state") in get_args(State)
    }
    said = content if is_own_report(content) else {}
    options = {name: said[name] for name in OPTIONS if said.get(name) is not None}
    RunOptions.from_json(options)  # checks them
    return Session(
        [dict(edit) for edit in edits],
        dict(thresholds),
        states,
        checked_threshold(said.get("threshold", 0.0)),
        options,
    )
