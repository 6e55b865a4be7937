"""A comparison as a drawing: score against switches, and against rebuffering."""

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log10

from bijou.abr.judging import Comparison, Figure, Row

_WIDTH, _HEIGHT, _LEGEND = 440, 310, 34
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 24, 40, 50
_INKS = {"bijou": "#d98e1f", "bola": "#3b7ddd", "bola-e": "#1f9d8f", "dynamic": "#8a5fd0", "mpc": "#c4473f"}
_OTHERS = ("#6d6d75", "#b0588e", "#7a8c2c", "#4d7f9e")
_STYLE = """\
svg { font: 12px system-ui, sans-serif; background: var(--paper) }
svg { --ink: #1b1b1f; --faint: #d9d9de; --paper: #fff }
@media (prefers-color-scheme: dark) { svg { --ink: #ececf1; --faint: #3a3a42; --paper: #16161a } }
text { fill: var(--ink) } .grid { stroke: var(--faint) } .whisker { stroke-width: 1.5; opacity: 0.6 }
.head { font-weight: 600 }"""


def comparison_svg(comparisons: Sequence[Comparison]) -> str:
    """Draw two panels a comparison: dots are means, whiskers their intervals.

    Up and to the left is better.
    """
    names = list(dict.fromkeys(row.policy for one in comparisons for row in one.rows))
    inks = _inks(names)
    panels = []
    for line, one in enumerate(comparisons):
        top = _LEGEND + line * _HEIGHT
        switches = [row.switches for row in one.rows]
        percent = [_scaled(row.rebuffer, 100.0) for row in one.rows]
        panels.append(_panel(one, "changes of rung in a session", switches, inks, (0, top)))
        panels.append(_panel(one, "rebuffering, % of the time", percent, inks, (_WIDTH, top)))
    width, height = 2 * _WIDTH, _LEGEND + max(1, len(comparisons)) * _HEIGHT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img"><title>Adaptive-bitrate policies compared</title>'
        f"<style>{_STYLE}</style>{_legend(names, inks)}{''.join(panels)}</svg>\n"
    )


def _inks(names: Sequence[str]) -> dict[str, str]:
    others = [name for name in names if name not in _INKS]
    return {**_INKS, **{name: _OTHERS[at % len(_OTHERS)] for at, name in enumerate(others)}}


def _legend(names: Sequence[str], inks: dict[str, str]) -> str:
    return "".join(
        f'<circle cx="{_LEFT + 110 * at}" cy="20" r="5" fill="{inks[name]}"/>'
        f'<text x="{_LEFT + 10 + 110 * at}" y="24">{escape(name)}</text>'
        for at, name in enumerate(names)
    )


def _scaled(figure: Figure, by: float) -> Figure:
    return Figure(figure.mean * by, figure.low * by, figure.high * by)


def _panel(
    one: Comparison, words: str, across: Sequence[Figure], inks: dict[str, str], at: tuple[int, int]
) -> str:
    x = _Axis([0.0, *(figure.high for figure in across)], _LEFT, _WIDTH - _RIGHT)
    scores = [end for row in one.rows for end in (row.score.low, row.score.high)]
    y = _Axis(scores, _HEIGHT - _BOTTOM, _TOP)
    parts = [f'<text class="head" x="{_LEFT}" y="24">{escape(one.name)}: score</text>'] if not at[0] else []
    parts.append(f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 12}" text-anchor="end">{escape(words)}</text>')
    parts += [_line_across(x.at(value), value) for value in x.ticks()]
    parts += [_line_along(y.at(value), value) for value in y.ticks()]
    parts += [_dot(row, figure, x, y, inks[row.policy]) for row, figure in zip(one.rows, across, strict=True)]
    return f'<g transform="translate({at[0]} {at[1]})">{"".join(parts)}</g>'


class _Axis:
    """Values laid along a line of pixels, between round numbers."""

    def __init__(self, values: Sequence[float], start: float, stop: float) -> None:
        low, high = min(values), max(values)
        rough = max(high - low, 1e-9) / 4
        unit = 10.0 ** floor(log10(rough))
        self._step = next(step * unit for step in (1, 2, 5, 10) if step * unit >= rough)
        self._first, self._last = floor(low / self._step), ceil(high / self._step)
        self._last = max(self._last, self._first + 1)
        self._start, self._stop = start, stop

    def at(self, value: float) -> float:
        share = (value / self._step - self._first) / (self._last - self._first)
        return round(self._start + share * (self._stop - self._start), 1)

    def ticks(self) -> list[float]:
        return [step * self._step for step in range(self._first, self._last + 1)]


def _line_across(x: float, value: float) -> str:
    foot = _HEIGHT - _BOTTOM
    return (
        f'<line class="grid" x1="{x}" y1="{_TOP}" x2="{x}" y2="{foot}"/>'
        f'<text x="{x}" y="{foot + 18}" text-anchor="middle">{value:.4g}</text>'
    )


def _line_along(y: float, value: float) -> str:
    return (
        f'<line class="grid" x1="{_LEFT}" y1="{y}" x2="{_WIDTH - _RIGHT}" y2="{y}"/>'
        f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{value:.4g}</text>'
    )


def _dot(row: Row, figure: Figure, x: _Axis, y: _Axis, ink: str) -> str:
    cx, cy = x.at(figure.mean), y.at(row.score.mean)
    words = f"{row.policy}: score {row.score.mean:.3f}, {figure.mean:.3g}"
    wide = f'x1="{x.at(figure.low)}" y1="{cy}" x2="{x.at(figure.high)}" y2="{cy}"'
    tall = f'x1="{cx}" y1="{y.at(row.score.low)}" x2="{cx}" y2="{y.at(row.score.high)}"'
    return (
        f'<g stroke="{ink}"><title>{escape(words)}</title><line class="whisker" {wide}/>'
        f'<line class="whisker" {tall}/><circle cx="{cx}" cy="{cy}" r="5" fill="{ink}"/></g>'
    )
