"""The hull of a film's plan, drawn: as SVG, as a page around it, or in letters for a terminal; pure."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby, pairwise
from math import ceil, floor, log2

from msgspec import Struct

from bijou.encoding import Curve, FilmPlan, Tried

TRIAL_BITS = "Bits are those of quick trial encodes; the encode itself takes fewer."

_WIDTH, _HEIGHT = 420, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 14, 34, 40
_STYLE = """\
svg { font: 12px system-ui, sans-serif; background: var(--paper) }
svg { --ink: #1b1b1f; --faint: #d9d9de; --paper: #fff }
@media (prefers-color-scheme: dark) { svg { --ink: #ececf1; --faint: #3a3a42; --paper: #16161a } }
text { fill: var(--ink) } .grid { stroke: var(--faint) } .target { stroke: var(--ink); stroke-dasharray: 5 4 }
.hull { fill: none; stroke-width: 1.5 } .chosen { stroke: var(--paper); stroke-width: 1.5 }"""


class _Axes(Struct, frozen=True):
    """Bit rate, doubling at each line, from left to right; quality from bottom to top."""

    low: int
    high: int
    worst: float
    best: float

    def x(self, bps: float) -> float:
        """Share of the width."""
        return (log2(max(bps, 1)) - self.low) / (self.high - self.low)

    def y(self, vmaf: float) -> float:
        """Share of the height, from the top."""
        return (self.best - vmaf) / (self.best - self.worst)

    def rates(self) -> range:
        """Where lines are drawn, as powers of two."""
        return range(self.low, self.high + 1, max(1, (self.high - self.low) // 6))

    def scores(self) -> range:
        """Where lines are drawn."""
        return range(floor(self.worst), floor(self.best) + 1, 5)


def hull_svg(plan: FilmPlan) -> str:
    """Draw what bits buy in each shot: one panel a rung, a line a shot, a dot where it was taken.

    Example:
        >>> from bijou.catalog import MediaInfo
        >>> hull_svg(FilmPlan("r", "0", MediaInfo("mov", 1, 1), (), ()))[:4]
        '<svg'
    """
    panels = [
        _panel(plan, name, place * _WIDTH) for place, name in enumerate(rung.name for rung in plan.ladder)
    ]
    width = max(1, len(panels)) * _WIDTH
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT}" width="{width}"'
        f' height="{_HEIGHT}" role="img"><title>What bits buy: {escape(plan.recipe)}</title>'
        f"<style>{_STYLE}</style>{''.join(panels)}</svg>\n"
    )


def hull_page(plan: FilmPlan, name: str) -> str:
    """Return an HTML page with the drawing and every choice in a table.

    Args:
        name: Of the film, as people know it.
    """
    rows = "".join(
        f"<tr><td>{chunk.index + 1}<td>{chunk.start_s:.2f}<td>{chunk.duration_s:.2f}<td>{len(chunk.shots_s)}"
        f"<td>{chunk.ends}<td>{escape(rung.rung)}<td>{crfs_text(rung.crfs)}<td>{rung.vmaf:.1f}"
        f"<td>{rung.bps / 1000:.0f}<td>{escape(rung.because)}"
        for chunk in plan.chunks
        for rung in chunk.rungs
    )
    head = "".join(
        f"<th>{word}"
        for word in (
            "chunk",
            "from s",
            "length s",
            "shots",
            "ends",
            "rendition",
            "crf",
            "VMAF",
            "kb/s",
            "because",
        )
    )
    title = f"{escape(name)} by {escape(plan.recipe)}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        "<style>body{font:14px system-ui,sans-serif;margin:2rem;color-scheme:light dark}"
        "table{border-collapse:collapse}td,th{padding:.2rem .7rem;text-align:left}"
        "div{overflow-x:auto}</style>"
        f"<h1>{title}</h1><p>Each line is what bits buy in one shot, each dot what was taken, the dashed line"
        f" what is aimed at. {TRIAL_BITS}</p><div>{hull_svg(plan)}</div>"
        f"<div><table><tr>{head}{rows}</table></div></html>\n"
    )


def hull_letters(plan: FilmPlan, width: int = 72, height: int = 14) -> str:
    """Draw the same in letters: `.` what could be had, `o` what was taken, `-` the target."""
    return "\n".join(line for rung in plan.ladder for line in _letters(plan, rung.name, width, height))


def crfs_text(crfs: Sequence[float]) -> str:
    """Return rate factors as people read them, the same ones in a row counted.

    Example:
        >>> crfs_text((23.0,)), crfs_text((18.0, 24.0, 24.0))
        ('23', '18 24x2')
    """
    runs = [(crf, len(list(run))) for crf, run in groupby(crfs)]
    return " ".join(f"{crf:g}" + (f"x{count}" if count > 1 else "") for crf, count in runs)


def _curves(plan: FilmPlan, rung: str) -> list[Curve]:
    made = [one for chunk in plan.chunks for one in chunk.rungs if one.rung == rung]
    return [curve for one in made for curve in one.curves]


def _target(plan: FilmPlan, rung: str) -> float:
    return next((one.target_vmaf for chunk in plan.chunks for one in chunk.rungs if one.rung == rung), 0.0)


def _axes(curves: Sequence[Curve], target: float) -> _Axes:
    points = [point for curve in curves for point in (*curve.hull, *curve.measured)]
    rates = [log2(max(point.bps, 1)) for point in points] or [10.0]
    worst = min([target, *(point.vmaf for point in points)])
    low = floor(min(rates))
    return _Axes(low, max(low + 1, ceil(max(rates))), 5.0 * floor(max(0.0, worst) / 5), 100.0)


def _panel(plan: FilmPlan, rung: str, left: int) -> str:
    curves, target = _curves(plan, rung), _target(plan, rung)
    axes = _axes(curves, target)
    parts = [*_frame(axes), _line(axes, target)]
    parts += [_curve(axes, curve, 360 * number // max(1, len(curves))) for number, curve in enumerate(curves)]
    size = next(f"{one.width}x{one.height}" for one in plan.ladder if one.name == rung)
    head = f'<text x="{_LEFT}" y="20">{escape(rung)}, {size}: VMAF {target:g} wanted</text>'
    return f'<g transform="translate({left} 0)">{head}{"".join(parts)}</g>'


def _at(axes: _Axes, bps: float, vmaf: float) -> tuple[float, float]:
    x = _LEFT + axes.x(bps) * (_WIDTH - _LEFT - _RIGHT)
    y = _TOP + axes.y(vmaf) * (_HEIGHT - _TOP - _BOTTOM)
    return round(x, 1), round(y, 1)


def _frame(axes: _Axes) -> Iterator[str]:
    for power in axes.rates():
        x, bottom = _at(axes, 2**power, axes.worst)
        yield f'<path class="grid" d="M{x} {_TOP}V{bottom}"/>'
        yield f'<text x="{x}" y="{bottom + 16}" text-anchor="middle">{_rate_text(2**power)}</text>'
    for score in axes.scores():
        x, y = _at(axes, 2**axes.low, score)
        yield f'<path class="grid" d="M{x} {y}H{_WIDTH - _RIGHT}"/>'
        yield f'<text x="{x - 6}" y="{y + 4}" text-anchor="end">{score}</text>'
    yield f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 6}" text-anchor="end">bits a second</text>'


def _line(axes: _Axes, target: float) -> str:
    x, y = _at(axes, 2**axes.low, target)
    return f'<path class="target" d="M{x} {y}H{_WIDTH - _RIGHT}"/>'


def _curve(axes: _Axes, curve: Curve, hue: int) -> str:
    ink = f"hsl({hue} 65% 48%)"
    points = " ".join("{},{}".format(*_at(axes, point.bps, point.vmaf)) for point in curve.hull)
    dots = "".join(_dot(axes, curve, point, ink, 2) for point in curve.measured)
    chosen = _dot(axes, curve, curve.chosen, ink, 5, "chosen")
    return f'<polyline class="hull" stroke="{ink}" points="{points}"/>{dots}{chosen}'


def _dot(axes: _Axes, curve: Curve, point: Tried, ink: str, radius: int, kind: str = "tried") -> str:
    x, y = _at(axes, point.bps, point.vmaf)
    said = (
        f"shot at {curve.start_s:.2f} s, {curve.duration_s:.2f} s long: crf {point.crf:g},"
        f" VMAF {point.vmaf:.1f}, {_rate_text(point.bps)}b/s"
    )
    return (
        f'<circle class="{kind}" cx="{x}" cy="{y}" r="{radius}" fill="{ink}"><title>{said}</title></circle>'
    )


def _rate_text(bps: float) -> str:
    """Return a bit rate in as few letters as will do."""
    return f"{bps / 1e6:.1f}M" if bps >= 1e6 else f"{bps / 1e3:.0f}k"


def _letters(plan: FilmPlan, rung: str, width: int, height: int) -> Iterator[str]:
    curves, target = _curves(plan, rung), _target(plan, rung)
    axes = _axes(curves, target)
    grid = [[" "] * width for _ in range(height)]

    def put(point: Tried, letter: str) -> None:
        x, y = round(axes.x(point.bps) * (width - 1)), round(axes.y(point.vmaf) * (height - 1))
        if 0 <= x < width and 0 <= y < height:
            grid[y][x] = letter

    aimed = round(axes.y(target) * (height - 1))
    grid[aimed] = ["-"] * width
    for curve in curves:
        for point in curve.hull:
            put(point, ".")
    for curve in curves:
        put(curve.chosen, "o")
    yield f"{rung}  VMAF {target:g} wanted"
    for row, letters in enumerate(grid):
        score = axes.best - row * (axes.best - axes.worst) / (height - 1)
        yield f"{score:5.0f} |{''.join(letters).rstrip()}"
    yield "      +" + "-" * width
    yield "       " + _ruler(axes, width)


def _ruler(axes: _Axes, width: int) -> str:
    text = ""
    for power, following in pairwise([*axes.rates(), axes.high + 1]):
        place = round((power - axes.low) / (axes.high - axes.low) * (width - 1))
        text = text.ljust(place) + _rate_text(2**power)
        if following > axes.high:
            break
    return f"{text}  bits a second"
