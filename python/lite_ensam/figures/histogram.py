"""A distribution as SVG, for a page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

__all__ = ["histogram"]

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 360, 200, 44, 10, 22, 40
_BINS = 24
_COLOR = "#0072b2"
_LEAST_SPREAD = 0.02


def histogram(values: Sequence[float], title: str, unit: str, log: bool = False) -> str:
    """Bars of how many values there are, with median and range in words.

    Parameters
    ----------
    values : Sequence[float]
        Values; those that are not finite, and with `log` those not above 0, are left out and counted in the title.
    title, unit : str
        Name and unit of the values.
    log : bool, default False
        Bins of equal width on a logarithmic axis.
    """
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    shown = finite[finite > 0] if log else finite
    if not shown.size:
        return ""
    edges = _edges(shown, log)
    counts, _ = np.histogram(shown, edges)
    says = f"{title}: {shown.size} values, median {np.median(shown):.3g} {unit}, {shown.min():.3g} to {shown.max():.3g}"
    if left_out := len(values) - shown.size:
        says += f"; {left_out} left out"
    width = (_WIDTH - _LEFT - _RIGHT) / len(counts)
    tallest = _HEIGHT - _TOP - _BOTTOM
    drawn = []
    for n, count in enumerate(counts.tolist()):
        height = tallest * count / counts.max()
        drawn.append(
            f'<rect x="{_LEFT + n * width:.1f}" y="{_HEIGHT - _BOTTOM - height:.1f}" width="{width - 1:.1f}" '
            f'height="{height:.1f}" fill="{_COLOR}"><title>{edges[n]:.3g} to {edges[n + 1]:.3g} {escape(unit)}: '
            f"{count}</title></rect>"
        )
    ticks = {0: "start", len(counts) // 2: "middle", len(counts): "end"}
    for n, anchor in ticks.items():
        drawn.append(_text(_LEFT + n * width, _HEIGHT - _BOTTOM + 14, f"{edges[n]:.3g}", anchor))
    drawn.append(_text(_LEFT - 6, _TOP + 8, str(counts.max()), "end"))
    drawn.append(_text(_LEFT - 6, _HEIGHT - _BOTTOM, "0", "end"))
    axis_says = ", ".join(text for text in (unit, "log scale" if log else "") if text)
    drawn.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 8, axis_says, "middle"))
    drawn.append(_text(_LEFT, 13, f"{title}, median {np.median(shown):.3g} {unit}".strip(), "start"))
    axis = f"M{_LEFT} {_TOP}V{_HEIGHT - _BOTTOM}H{_WIDTH - _RIGHT}"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" role="img" font-size="12"><title>{escape(says)}'
        f'</title>{"".join(drawn)}<path d="{axis}" fill="none" stroke="#888"/></svg>'
    )


def _edges(values: np.ndarray[tuple[int], np.dtype[np.float64]], log: bool) -> list[float]:
    low, high = float(values.min()), float(values.max())
    if high - low < _LEAST_SPREAD * abs(high):  # ticks with three digits could not tell the ends apart
        low, high = (
            (low / 1.1, high * 1.1) if log else (low - 0.05 * abs(low) - 0.5, high + 0.05 * abs(high) + 0.5)
        )
    edges = np.geomspace(low, high, _BINS + 1) if log else np.linspace(low, high, _BINS + 1)
    edges[0], edges[-1] = low, high  # rounding must not leave the extremes out
    return [float(edge) for edge in edges]


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#1a1a1a">{escape(text)}</text>'
