"""Gentle sound for the sample films: pads, bells and weather, all generated.

Formulas cost about a tenth of a microsecond a term and sample, so they run at
12 kHz, on one ear where two hear the same, and a bell only while it rings.
"""

from collections.abc import Iterable
from math import tau

RATE_HZ = 48_000
_TONE_RATE_HZ = 12_000
_HALL = "aecho=0.8:0.72:67|113|179|263:0.34|0.27|0.2|0.14"

Source = str


def pad(
    voices_hz: list[float], *, swell_s: float, start_s: float | None = None, end_s: float | None = None
) -> str:
    """A chord that breathes, as a formula for `chords`.

    Args:
        voices_hz: The chord's notes; the ears hear them 0.2 % apart.
        swell_s: Period of the breathing.
        start_s: When it enters, over two seconds; None: it is there.
        end_s: When it has left, over two seconds; None: it stays.
    """
    voices = "+".join(
        _breathing(hz, swell_s * (1 + 0.13 * place), place) for place, hz in enumerate(voices_hz)
    )
    gate = "1"
    if start_s is not None:
        gate += f"*clip((t-{start_s})/2,0,1)"
    if end_s is not None:
        gate += f"*clip(({end_s}-t)/2,0,1)"
    there = f"between(t,{start_s or 0},{end_s or 999})"
    return f"if({there},0.012*{gate}*({voices}),0)"


def _breathing(hz: float, period_s: float, phase: int) -> str:
    tone = f"{60 / hz**0.5:.2f}*sin({tau * hz:.3f}*(1+0.001*@side)*t)"
    return f"{tone}*(0.6+0.4*sin({tau / period_s:.4f}*t+{phase}))"


def chords(*pads: str) -> Source:
    """A stereo source of pads."""
    sides = "|".join("+".join(pads).replace("@side", side) for side in ("(-1)", "1"))
    return f"aevalsrc='{sides}':s={_TONE_RATE_HZ},aresample={RATE_HZ},{_HALL}"


def bells(notes: Iterable[tuple[float, float]], *, decay: float, overtone: float) -> Source:
    """Struck notes in a hall, from (second, hertz) pairs.

    Args:
        notes: When and which.
        decay: Nepers a second.
        overtone: Ratio of the one partial above: 2.76 a bar, 3 a string, 2 a reed.
    """
    struck = "+".join(
        f"if(between(t,{at:.4f},{at + 7 / decay:.4f}),exp({-decay}*(t-{at:.4f}))*min(1,(t-{at:.4f})*160)"
        f"*(sin({tau * hz:.3f}*t)+0.35*exp(-4*(t-{at:.4f}))*sin({tau * hz * overtone:.3f}*t)),0)"
        for at, hz in notes
    )
    return f"{beat(f'0.10*({struck})')},{_HALL}"


def beat(formula: str) -> Source:
    """A formula of the time `t`, heard a little later on the right."""
    source = f"aevalsrc='{formula}':s={_TONE_RATE_HZ},aresample={RATE_HZ}"
    return f"{source},aformat=channel_layouts=stereo,adelay=0|11"


def noise(colour: str, seed: int, *, shape: str, amplitude: float = 0.5) -> Source:
    """Two independent noises, one an ear.

    Args:
        colour: `white`, `pink`, `brown` or `velvet`.
        seed: Of the left; the right has the next.
        shape: Filters, such as `lowpass=400`.
        amplitude: Before the filters, 0 to 1.
    """
    left, right = (f"anoisesrc=c={colour}:a={amplitude}:r={RATE_HZ}:s={seed + ear}" for ear in (0, 1))
    joined = f"[left {seed}][right {seed}]join=channel_layout=stereo"
    return f"{left}[left {seed}];{right}[right {seed}];{joined},{shape}"


def mixed(*sources: tuple[Source, float], gain_db: float) -> str:
    """Mix (source, weight) pairs; `gain_db` brings the whole to about -20 LUFS."""
    labelled = ";".join(f"{source}[source {n}]" for n, (source, _) in enumerate(sources))
    names = "".join(f"[source {n}]" for n in range(len(sources)))
    weights = " ".join(f"{weight:g}" for _, weight in sources)
    return (
        f"{labelled};{names}amix=inputs={len(sources)}:weights='{weights}':normalize=0,volume={gain_db:g}dB"
    )
