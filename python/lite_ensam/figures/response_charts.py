"""Waterfall, spider and swimmer plot as SVG: what response over time is usually looked at in."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.response import Criteria, Response

__all__ = ["Bar", "Lane", "Line", "spider", "swimmer", "waterfall"]

COLORS = {
    Response.CR: "#0072b2",
    Response.PR: "#56b4e9",
    Response.SD: "#999999",
    Response.NON_CR_NON_PD: "#999999",
    Response.PD: "#d55e00",
    Response.NE: "#dddddd",
    Response.ICR: "#0072b2",
    Response.IPR: "#56b4e9",
    Response.ISD: "#999999",
    Response.NON_ICR_NON_IUPD: "#999999",
    Response.IUPD: "#e69f00",
    Response.ICPD: "#d55e00",
}
"""Blue shrinks, vermilion grows: told apart with any colour vision (Okabe and Ito)."""

_LINE_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 760, 380, 64, 150, 16, 56
_LEAST_BAR_NAME_WIDTH, _LEAST_DAY_WIDTH = 75, 28
_LANE, _LANE_LEFT = 26, 120
_MOST_SHOWN = 1.5
"""Changes above +150 % are cut off there, and say so."""


@dataclass(frozen=True)
class Bar:
    """Best change of one patient or lesion, as a share of baseline."""

    name: str
    change: float
    response: Response


@with_short_repr
@dataclass(frozen=True)
class Line:
    """Changes of one patient or lesion: (day, share of baseline), baseline included."""

    name: str
    points: Sequence[tuple[int, float]]


@with_short_repr
@dataclass(frozen=True)
class Lane:
    """Responses of one patient: (day, response) of each visit after baseline, and the best of them."""

    name: str
    visits: Sequence[tuple[int, Response]]
    best: Response


def waterfall(bars: Sequence[Bar], criteria: Criteria) -> str:
    """Bars of best change, the largest growth first, coloured by response; `criteria`'s limits dotted."""
    ordered = sorted(bars, key=lambda bar: -bar.change)
    low, high = _range([bar.change for bar in ordered], criteria)
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(ordered))
    width = min(70.0, 0.7 * step)
    drawn = []
    for n, bar in enumerate(ordered):
        x = _LEFT + (n + 0.5) * step
        shown = min(bar.change, high)
        top, bottom = sorted((_y(shown, low, high), _y(0, low, high)))
        drawn.append(
            f'<rect x="{x - width / 2:.1f}" y="{top:.1f}" width="{width:.1f}" '
            f'height="{max(1.0, bottom - top):.1f}" fill="{COLORS[bar.response]}">'
            f"<title>{escape(bar.name)}: {bar.change:+.0%}, {bar.response}</title></rect>"
        )
        number_y = top - 4 if bar.change >= 0 else bottom + 14
        drawn.append(_text(x, number_y, f"{bar.change:+.0%}", "middle"))
        drawn.append(_bar_name(x, bar.name, step))
    there = [one for one in COLORS if one in {bar.response for bar in ordered}]
    for n, one in enumerate(there):
        y = _TOP + 20 * n
        drawn.append(f'<rect x="{_WIDTH - 60}" y="{y}" width="12" height="12" fill="{COLORS[one]}"/>')
        drawn.append(_text(_WIDTH - 42, y + 11, str(one), "start"))
    title = "Waterfall plot of the best change from baseline"
    return _svg(title, low, high, criteria, drawn, limits_outside=True)


def spider(lines: Sequence[Line], criteria: Criteria) -> str:
    """Change from baseline over days, one line each, named at its end; `criteria`'s limits dotted."""
    low, high = _range([change for line in lines for _, change in line.points], criteria)
    last = max([day for line in lines for day, _ in line.points] + [1])
    drawn = []
    ends: list[tuple[float, float, str, str]] = []
    for n, line in enumerate(lines):
        color = _LINE_COLORS[n % len(_LINE_COLORS)]
        points = [
            (_LEFT + (_WIDTH - _LEFT - _RIGHT) * day / last, _y(min(change, high), low, high))
            for day, change in line.points
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        drawn += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{color}"/>' for x, y in points]
        ends.append((*points[-1], line.name, color))
    below = -1e9
    for x, y, name, color in sorted(ends, key=lambda end: end[1]):
        below = max(y + 4, below + 15)  # names of lines that end together stay legible
        drawn.append(_text(x + 8, below, name, "start", color))
    written = -1e9
    for day in sorted({day for line in lines for day, _ in line.points}):
        x = _LEFT + (_WIDTH - _LEFT - _RIGHT) * day / last
        if x - written < _LEAST_DAY_WIDTH:
            continue
        written = x
        drawn.append(_text(x, _HEIGHT - _BOTTOM + 20, str(day), "middle"))
    drawn.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 10, "days since baseline", "middle"))
    return _svg("Spider plot of the change from baseline", low, high, criteria, drawn)


def swimmer(lanes: Sequence[Lane]) -> str:
    """A lane for each patient from baseline to the last visit, coloured by best response; a dot for each visit."""
    ordered = sorted(lanes, key=lambda lane: -max([day for day, _ in lane.visits], default=0))
    last = max([day for lane in lanes for day, _ in lane.visits] + [1])
    height = _TOP + _LANE * len(ordered) + _BOTTOM
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" role="img" font-size="12">',
        "<title>Swimmer plot of the responses</title>",
    ]
    width = _WIDTH - _LANE_LEFT - _RIGHT
    for n, lane in enumerate(ordered):
        y = _TOP + _LANE * n + _LANE / 2
        end = max([day for day, _ in lane.visits], default=0)
        parts.append(
            f'<rect x="{_LANE_LEFT}" y="{y - 6:.1f}" width="{max(1.0, width * end / last):.1f}" height="12" '
            f'fill="{COLORS[lane.best]}" fill-opacity="0.45"><title>{escape(lane.name)}: {lane.best}</title></rect>'
        )
        parts.append(_text(_LANE_LEFT - 8, y + 4, lane.name, "end"))
        for day, response in lane.visits:
            x = _LANE_LEFT + width * day / last
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{COLORS[response]}" stroke="#1a1a1a">'
                f"<title>day {day}: {response}</title></circle>"
            )
    bottom = _TOP + _LANE * len(ordered)
    written = -1e9
    for day in sorted({0, *(day for lane in lanes for day, _ in lane.visits)}):
        x = _LANE_LEFT + width * day / last
        if x - written >= _LEAST_DAY_WIDTH:
            written = x
            parts.append(_text(x, bottom + 18, str(day), "middle"))
    parts.append(_text(_LANE_LEFT + width / 2, bottom + 38, "days since baseline", "middle"))
    seen = {response for lane in lanes for _, response in lane.visits} | {lane.best for lane in lanes}
    for n, one in enumerate(one for one in COLORS if one in seen):
        y = _TOP + 18 * n
        parts.append(f'<rect x="{_WIDTH - 130}" y="{y}" width="12" height="12" fill="{COLORS[one]}"/>')
        parts.append(_text(_WIDTH - 112, y + 11, str(one), "start"))
    return "\n".join([*parts, "</svg>"])


def _range(changes: Sequence[float], criteria: Criteria) -> tuple[float, float]:
    """Lowest and highest share shown, with some air."""
    low = min([*changes, criteria.response, 0.0])
    high = min(max([*changes, criteria.progression, 0.0]), _MOST_SHOWN)
    return low - 0.12, high + 0.12


def _y(change: float, low: float, high: float) -> float:
    return _TOP + (high - change) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)


def _bar_name(x: float, name: str, step: float) -> str:
    """Under its bar, aslant where bars are many."""
    y = _HEIGHT - _BOTTOM + 18
    if step >= _LEAST_BAR_NAME_WIDTH:
        return _text(x, y, name, "middle")
    return f'<g transform="rotate(-35 {x:.1f} {y})">{_text(x, y, name, "end")}</g>'


def _text(x: float, y: float, text: str, anchor: str, color: str = "#1a1a1a") -> str:
    # the white rim keeps text legible over bars and lines
    rim = 'stroke="white" stroke-width="3" paint-order="stroke"'
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {where} fill="{color}" {rim}>{escape(text)}</text>'


def _svg(
    says: str,
    low: float,
    high: float,
    criteria: Criteria,
    drawn: Sequence[str],
    limits_outside: bool = False,
) -> str:
    """Axis, zero line and limits around what is drawn; limits are named next to the plot or in it."""
    right = _WIDTH - _RIGHT
    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" role="img" font-size="12">']
    parts.append(f"<title>{escape(says)}</title>")
    for percent in range(-100, 151, 25):
        if low <= percent / 100 <= high:
            y = _y(percent / 100, low, high)
            stroke = "#1a1a1a" if percent == 0 else "#eeeeee"
            parts.append(f'<line x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="{stroke}"/>')
            parts.append(_text(_LEFT - 8, y + 4, f"{percent:+d} %" if percent else "0", "end"))
    labels = []
    for limit in (criteria.response, criteria.progression):
        y = _y(limit, low, high)
        parts.append(
            f'<line x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#666" stroke-dasharray="2 4"/>'
        )
        x, above, anchor = (right + 6, -4, "start") if limits_outside else (right - 4, 4, "end")
        labels.append(_text(x, y - above, f"{limit:+.1%}".replace(".0%", "%"), anchor, "#666666"))
    return "\n".join([*parts, *drawn, *labels, "</svg>"])
