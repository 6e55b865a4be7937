"""Adaptive-bitrate policies and the simulator that compares them; pure.

A policy of ours is data: an expression over buffer, throughput and ladder that
the simulator here and the player in the browser evaluate alike. The known ones
(throughput, BOLA, BOLA-E, dynamic, MPC) stand beside it to be compared with.
It fetches nothing and reads no files; traces and films are handed in.
"""

from bijou.abr.choosing import Chooser, Ladder, ladder_of
from bijou.abr.film import Film, film_of, reference_film
from bijou.abr.judging import Comparison, Figure, Row, Verdict, compare, recording, set_aside
from bijou.abr.plotting import comparison_svg
from bijou.abr.simulator import KINDS, LIMIT_S, Outcomes, own_policy, simulate
from bijou.abr.traces import LATENCY_S, Trace, drawn_traces, parse_trace, trace
from bijou.abr.vectors import decisions

__all__ = [
    "KINDS",
    "LATENCY_S",
    "LIMIT_S",
    "Chooser",
    "Comparison",
    "Figure",
    "Film",
    "Ladder",
    "Outcomes",
    "Row",
    "Trace",
    "Verdict",
    "compare",
    "comparison_svg",
    "decisions",
    "drawn_traces",
    "film_of",
    "ladder_of",
    "own_policy",
    "parse_trace",
    "recording",
    "reference_film",
    "set_aside",
    "simulate",
    "trace",
]
