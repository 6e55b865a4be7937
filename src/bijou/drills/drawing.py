"""Figures over time as a drawing: panels above each other, lines in each, marks across; pure."""

from collections.abc import Callable, Sequence
from html import escape
from math import ceil, floor, log10

import msgspec

_WIDTH, _HEIGHT, _LEGEND, _FOOT = 760, 190, 30, 34
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 20, 30, 16
_INKS = ("#3b7ddd", "#d98e1f", "#1f9d8f", "#c4473f", "#8a5fd0", "#6d6d75", "#7a8c2c")
_STYLE = """\
svg { font: 12px system-ui, sans-serif; background: var(--paper) }
svg { --ink: #1b1b1f; --faint: #d9d9de; --paper: #fff }
@media (prefers-color-scheme: dark) { svg { --ink: #ececf1; --faint: #3a3a42; --paper: #16161a } }
text { fill: var(--ink) } .grid { stroke: var(--faint) } .mark { stroke: var(--ink); stroke-dasharray: 4 3 }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round } .head { font-weight: 600 }"""


class Line(msgspec.Struct, frozen=True):
    """One figure over time, as (seconds, value)."""

    name: str
    points: list[tuple[float, float]]


class Panel(msgspec.Struct, frozen=True):
    """Lines on one scale that begins at 0.

    Args:
        top: Where the scale ends at least.
    """

    title: str
    lines: list[Line]
    top: float = 0.0


def timeline_svg(title: str, panels: Sequence[Panel], marks: Sequence[tuple[float, str]] = ()) -> str:
    """Draw panels over one time axis in seconds, with marks across all of them.

    Example:
        >>> timeline_svg("t", [Panel("p", [Line("a", [(0, 1), (1, 2)])])])[:4]
        '<svg'
    """
    times = [at for panel in panels for line in panel.lines for at, _ in line.points] or [0.0]
    first, last = min(times), max(*times, min(times) + 1e-9)

    def x(at: float) -> float:
        return round(_LEFT + (at - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT), 1)

    height = _LEGEND + len(panels) * _HEIGHT + _FOOT
    parts = [_panel(panel, _LEGEND + number * _HEIGHT, x) for number, panel in enumerate(panels)]
    foot = _LEGEND + len(panels) * _HEIGHT
    parts += [
        f'<text x="{x(at)}" y="{foot + 12}" text-anchor="middle">{at:g}</text>'
        for at in _round_values(first, last, 8)
        if first <= at <= last
    ]
    parts.append(f'<text x="{_WIDTH - _RIGHT}" y="{foot + 28}" text-anchor="end">seconds</text>')
    for at, words in marks:
        place = x(min(last, max(first, at)))
        parts.append(f'<line class="mark" x1="{place}" y1="{_LEGEND}" x2="{place}" y2="{foot}"/>')
        side, by = ("start", 4) if place < _WIDTH / 2 else ("end", -4)
        parts.append(f'<text x="{place + by}" y="{_LEGEND + 12}" text-anchor="{side}">{escape(words)}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}"'
        f' height="{height}" role="img"><title>{escape(title)}</title><style>{_STYLE}</style>'
        f'<text class="head" x="{_LEFT}" y="18">{escape(title)}</text>{"".join(parts)}</svg>\n'
    )


def _panel(panel: Panel, top: int, x: Callable[[float], float]) -> str:
    highest = max([panel.top, *(value for line in panel.lines for _, value in line.points)], default=0.0)
    ticks = _round_values(0.0, max(highest, 1e-9), 4)
    scale = ticks[-1]
    foot, ceiling = top + _HEIGHT - _BOTTOM, top + _TOP

    def y(value: float) -> float:
        return round(foot - value / scale * (foot - ceiling), 1)

    parts = []
    for tick in ticks:
        parts.append(
            f'<line class="grid" x1="{_LEFT}" y1="{y(tick)}" x2="{_WIDTH - _RIGHT}" y2="{y(tick)}"/>'
        )
        parts.append(f'<text x="{_LEFT - 6}" y="{y(tick) + 4}" text-anchor="end">{tick:g}</text>')
    place = _LEFT
    for number, line in enumerate(panel.lines):
        ink = _INKS[number % len(_INKS)]
        points = " ".join(f"{x(at)},{y(value)}" for at, value in line.points)
        parts.append(f'<polyline class="line" stroke="{ink}" points="{points}"/>')
        parts.append(f'<circle cx="{place + 4}" cy="{foot + 9}" r="4" fill="{ink}"/>')
        parts.append(f'<text x="{place + 12}" y="{foot + 13}">{escape(line.name)}</text>')
        place += 30 + 8 * len(line.name)
    parts.append(f'<text class="head" x="{_LEFT}" y="{ceiling - 6}">{escape(panel.title)}</text>')
    return "".join(parts)


def _round_values(low: float, high: float, about: int) -> list[float]:
    """Round numbers from below `low` to above `high`."""
    rough = max(high - low, 1e-9) / about
    unit = 10.0 ** floor(log10(rough))
    step = next(times * unit for times in (1, 2, 5, 10) if times * unit >= rough * 0.999)
    return [round(number * step, 9) for number in range(floor(low / step), ceil(high / step) + 1)]
