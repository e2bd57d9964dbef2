"""Messages from the browser, validated before use: they may be malformed, or not come from our viewer at all.

Names and shapes are those of `static/contract.d.ts`. All errors are ArgumentErrors of one sentence.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lite_ensam.core.errors import ArgumentError, MarkError, brief
from lite_ensam.core.number_kinds import is_real, is_whole
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.widgets.hand import MOST_SMOOTH_MM, PLANES, Hand
from lite_ensam.widgets.hand_edits import edits_from_json
from lite_ensam.widgets.marks_trait import marks_from_json
from lite_ensam.widgets.measures import measures_from_json
from lite_ensam.widgets.options import RunOptions
from lite_ensam.widgets.slabs import Slab, slab_from_json
from lite_ensam.widgets.slice_messages import Want

__all__ = [
    "SlicesRequest",
    "ToolRequest",
    "check_state",
    "check_thresholds",
    "label_of",
    "slices_request",
    "tool_request",
    "voxel_of",
]

MAX_MARKS = 1000
"""Lines in one message; each costs a run of the network."""

MAX_POINTS = 1000
"""Clicks of one mark."""

_MAX_WANTS = 64
"""Slices in one message. The viewer asks for three that are visible and two ahead."""

_MAX_ID = 64
_MAX_LABEL = 65535
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_LABEL_TEXT = re.compile(r"[1-9][0-9]{0,4}")

Shape = tuple[int, int, int]


@with_short_repr
@dataclass(frozen=True)
class SlicesRequest:
    """Slices that a browser asks for.

    Parameters
    ----------
    wants : tuple[Want, ...]
        The slices.
    window : tuple[float, float]
        Values shown as black and as white, the lower one first.
    slab : Slab or None
        Slices that are shown as one, or None.
    id : str
        Identifier of the request, returned with the answer.
    """

    wants: tuple[Want, ...]
    window: tuple[float, float]
    slab: Slab | None
    id: str


@dataclass(frozen=True)
class ToolRequest:
    """A tool of the hand that a browser asks for.

    Parameters
    ----------
    tool : str
        "fill", "islands" or "smooth".
    label : int
        Label of the lesion.
    mm : float
        Standard deviation of the smoothing, in mm.
    plane : str or None
        Plane whose slices are filled; None takes the plane of the last stroke.
    """

    tool: str
    label: int
    mm: float
    plane: str | None

    def use(self, hand: Hand) -> str:
        """Do it; what was done, as a sentence."""
        if self.tool == "fill":
            return hand.fill_between(self.label, self.plane)
        return hand.remove_islands(self.label) if self.tool == "islands" else hand.smooth(self.label, self.mm)


def check_state(state: Any, shape_zyx: Shape) -> None:
    """Raise ArgumentError or MarkError unless all of the traits and values may be set by a browser.

    Parameters
    ----------
    state : Any
        Trait names and their values as JSON.
    shape_zyx : Shape
        Shape of the scan.
    """
    if not isinstance(state, dict):
        raise ArgumentError(f"the browser must send names and values, got {brief(state)}")
    for name, value in state.items():
        if name not in _CHECKS:
            raise ArgumentError(f"the browser may set {', '.join(_CHECKS)}, but not {brief(name)}")
        _CHECKS[name](value, shape_zyx)


def slices_request(content: Mapping[str, Any], n_planes: int = 3) -> SlicesRequest:
    """The slices that a message of kind "slices" asks for; those beyond the scan are the nearest ones.

    Parameters
    ----------
    content : Mapping[str, Any]
        Content of the message.
    n_planes : int, default 3
        Number of planes: 3, or 6 with a prior visit.
    """
    wants: Any = content.get("wants")
    asked = content.get("id")
    fits = isinstance(wants, list) and len(wants) <= _MAX_WANTS
    if not fits or not all(_is_want(want, n_planes) for want in wants):
        raise ArgumentError(
            f"wants must be at most {_MAX_WANTS} lists of plane (0 to {n_planes - 1}), slice and whether its picture, "
            f"got {brief(wants)}"
        )
    if not isinstance(asked, str) or len(asked) > _MAX_ID:
        raise ArgumentError(f"id must be a text of at most {_MAX_ID} characters, got {brief(asked)}")
    window = content.get("window")
    _check_window(window, (0, 0, 0))
    low, high = window  # type: ignore[misc]  # checked
    slab = slab_from_json(content.get("slab"))
    return SlicesRequest(
        tuple((plane, index, image) for plane, index, image in wants), (low, high), slab, asked
    )


def tool_request(content: Mapping[str, Any]) -> ToolRequest:
    """The tool that a message of kind "tool" asks for."""
    tool, mm, plane = content.get("tool"), content.get("mm", 2.0), content.get("plane")
    if tool not in ("fill", "islands", "smooth"):
        raise ArgumentError(f"tool must be one of fill, islands, smooth, got {brief(tool)}")
    if not _is_finite(mm) or not 0 < mm <= MOST_SMOOTH_MM:
        raise ArgumentError(f"mm must be above 0 and at most {MOST_SMOOTH_MM:g}, got {brief(mm)}")
    if plane is not None and plane not in PLANES:
        raise ArgumentError(f"plane must be one of {', '.join(PLANES)}, got {brief(plane)}")
    return ToolRequest(tool, label_of(content), mm, plane)


def voxel_of(content: Mapping[str, Any], shape_zyx: Shape) -> tuple[int, int, int]:
    """The voxel that a message of kind "value" asks for."""
    _check_voxel("zyx", content.get("zyx"), shape_zyx)
    z, y, x = content["zyx"]
    return z, y, x


def label_of(content: Mapping[str, Any]) -> int:
    """The label that a message of kind "accept" or "reject" names."""
    label = content.get("label")
    if not is_whole(label) or not 1 <= label <= _MAX_LABEL:  # type: ignore[operator]
        raise ArgumentError(f"label must be a whole number from 1 to {_MAX_LABEL}, got {brief(label)}")
    return int(label)  # type: ignore[arg-type]


def _check_marks(value: Any, shape_zyx: Shape) -> None:
    if not isinstance(value, list) or len(value) > MAX_MARKS:
        got = f"{len(value)} of them" if isinstance(value, list) else brief(value)
        raise MarkError(f"marks must be a list of at most {MAX_MARKS} lines, got {got}")
    for mark in marks_from_json(value, shape_zyx):
        if (n := len(mark.inside_zyx) + len(mark.outside_zyx)) > MAX_POINTS:
            raise MarkError(f"mark {mark.label}: at most {MAX_POINTS} points may be clicked, got {n}")


def _check_voxel(name: str, value: Any, shape_zyx: Shape) -> None:
    fits = isinstance(value, list) and len(value) == 3 and all(map(is_whole, value))
    if not fits or not all(0 <= index < n for index, n in zip(value, shape_zyx, strict=True)):
        raise ArgumentError(
            f"{name} must be a voxel (z, y, x) of a scan of shape {shape_zyx}, got {brief(value)}"
        )


def _check_window(value: Any, _: Shape) -> None:
    if not (
        isinstance(value, list) and len(value) == 2 and all(map(_is_finite, value)) and value[0] < value[1]
    ):
        raise ArgumentError(f"window must be two values, the lower one first, got {brief(value)}")


def _check_colors(value: Any, _: Shape) -> None:
    if not isinstance(value, dict) or len(value) > MAX_MARKS:
        got = f"{len(value)} of them" if isinstance(value, dict) else brief(value)
        raise ArgumentError(f"colors must be at most {MAX_MARKS} labels with their colours, got {got}")
    for label, color in value.items():
        if not (_matches(_LABEL_TEXT, label) and int(label) <= _MAX_LABEL and _matches(_COLOR, color)):
            raise ArgumentError(f'colors must give labels colours "#rrggbb", got {brief({label: color})}')


def _check_selected(value: Any, _: Shape) -> None:
    if not is_whole(value) or not 0 <= value <= _MAX_LABEL:
        raise ArgumentError(f"selected must be a label, or 0 for none, got {brief(value)}")


def _check_threshold(value: Any, _: Shape) -> None:
    if not _is_finite(value):
        raise ArgumentError(f"threshold must be a finite number, got {brief(value)}")


def check_thresholds(value: Any, _: Shape = (0, 0, 0)) -> None:
    """Raise ArgumentError unless all are thresholds of labels."""
    if not isinstance(value, dict) or len(value) > MAX_MARKS:
        raise ArgumentError(
            f"thresholds must be at most {MAX_MARKS} labels with thresholds, got {brief(value)}"
        )
    for label, threshold in value.items():
        if not (_matches(_LABEL_TEXT, label) and int(label) <= _MAX_LABEL and _is_finite(threshold)):
            raise ArgumentError(f"thresholds must give labels finite logits, got {brief({label: threshold})}")


def _check_options(value: Any, _: Shape) -> None:
    RunOptions.from_json(value)


def _check_auto_segment(value: Any, _: Shape) -> None:
    if not isinstance(value, bool):
        raise ArgumentError(f"auto_segment must be true or false, got {brief(value)}")


def _check_error(value: Any, _: Shape) -> None:
    if value != "":
        raise ArgumentError(f"error can be wiped by the browser, not set, got {brief(value)}")


_CHECKS: Mapping[str, Callable[[Any, Shape], object]] = MappingProxyType(
    {
        "marks": _check_marks,
        "edits": edits_from_json,
        "measures": measures_from_json,
        "selected": _check_selected,
        "cursor_zyx": lambda value, shape_zyx: _check_voxel("cursor_zyx", value, shape_zyx),
        "window": _check_window,
        "colors": _check_colors,
        "threshold": _check_threshold,
        "thresholds": check_thresholds,
        "options": _check_options,
        "auto_segment": _check_auto_segment,
        "error": _check_error,
    }
)


def _is_finite(value: Any) -> bool:
    """Also of what a float can hold, so that nothing overflows later."""
    return is_real(value) and abs(value) < 1e30 and math.isfinite(value)


def _is_want(want: Any, n_planes: int) -> bool:
    return (
        isinstance(want, list | tuple)
        and len(want) == 3
        and all(map(is_whole, want[:2]))
        and 0 <= want[0] < n_planes
        and isinstance(want[2], bool)
    )


def _matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
