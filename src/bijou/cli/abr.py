"""The adaptive-bitrate laboratory on the command line."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from bijou.abr import (
    KINDS,
    LATENCY_S,
    LIMIT_S,
    Comparison,
    Figure,
    Trace,
    Verdict,
    compare,
    comparison_svg,
    decisions,
    drawn_traces,
    own_policy,
    parse_trace,
    reference_film,
    set_aside,
)
from bijou.cli.terminal import answer, json_option, speaks_plainly, step, write_text
from bijou.ports import InvalidRequest

_DRAWN = 120


@click.group()
def abr() -> None:
    """Compare adaptive-bitrate policies in simulated sessions."""


@abr.command("compare")
@click.argument("traces", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--policies",
    default=",".join(KINDS),
    show_default=True,
    help="Names, and JSON files of policies of our kind, with commas.",
)
@click.option(
    "--held-out",
    type=click.FloatRange(0.0, 1.0),
    default=0.0,
    show_default=True,
    help="Share of the recordings, by a digest of their names, to judge apart; ours was tuned with 0.5.",
)
@click.option("--buffer", "limit_s", default=LIMIT_S, show_default=True, help="Most seconds in the buffer.")
@click.option("--latency", "latency_s", default=LATENCY_S, show_default=True, help="Seconds to a first byte.")
@click.option("--seed", default=1, show_default=True, help="Of the resampling, and of drawn traces.")
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw it too, into this SVG file."
)
@json_option
@speaks_plainly
def compare_policies(
    traces: tuple[Path, ...],
    policies: str,
    held_out: float,
    limit_s: float,
    latency_s: float,
    seed: int,
    plot: Path | None,
    *,
    as_json: bool,
) -> None:
    """Watch ten minutes over every trace under every policy, and say who wins.

    TRACES are folders of text files, one a session: seconds and megabits a
    second on each line. Without any, traces are drawn from the seed.

    \b
    bijou abr compare traces/puffer
    bijou abr compare traces/fcc traces/puffer --held-out 0.5 --plot abr.svg
    """
    try:
        judged = [
            compare(name, reference_film(), one, _policies(policies), limit_s=limit_s, seed=seed)
            for name, one in _groups(traces, held_out, latency_s, seed)
        ]
    except (ValueError, OSError) as error:
        raise InvalidRequest("abr.input", str(error)) from error
    if plot:
        write_text(plot, comparison_svg(judged))
    answer(judged, "\n\n".join(_table(one) for one in judged), as_json=as_json)
    step("plot" if plot else "next", str(plot) if plot else "--plot FILE draws it")


def _policies(words: str) -> dict[str, str | Mapping[str, Any]]:
    chosen: dict[str, str | Mapping[str, Any]] = {}
    for word in filter(None, words.split(",")):
        if word in KINDS:
            chosen[word] = own_policy() if word == "bijou" else word
        else:
            chosen[Path(word).stem] = json.loads(Path(word).read_text(encoding="utf-8"))
    return chosen


def _groups(
    folders: Sequence[Path], held_out: float, latency_s: float, seed: int
) -> list[tuple[str, list[Trace]]]:
    sets = [(folder.name, _read(folder, latency_s)) for folder in folders]
    sets = sets or [("drawn", drawn_traces(_DRAWN, seed=seed))]
    if not held_out:
        return sets
    parted = [(name, *set_aside(one, held_out)) for name, one in sets]
    groups = [(f"{name}, held out", back) for name, _, back in parted]
    groups += [(f"{name}, the others", kept) for name, kept, _ in parted]
    return [(name, one) for name, one in groups if one]


def _read(folder: Path, latency_s: float) -> list[Trace]:
    files = sorted(folder.glob("*.txt")) if folder.is_dir() else [folder]
    if not files:
        raise ValueError(f"{folder} has no .txt files; a folder of traces has one for each session")
    return [parse_trace(file.stem, file.read_text(encoding="utf-8"), latency_s=latency_s) for file in files]


def _table(one: Comparison) -> str:
    lines = [f"{one.name}: {one.traces} sessions of {one.recordings} recordings"]
    lines.append(
        f"{'policy':<12}{'score':>8}{'95 %':>16}{'kb/s':>8}{'rebuffer':>10}{'switches':>10}{'uneven':>8}"
    )
    for row in sorted(one.rows, key=lambda row: -row.score.mean):
        between = f"{row.score.low:.3f} .. {row.score.high:.3f}"
        lines.append(
            f"{row.policy:<12}{row.score.mean:>8.3f}{between:>16}{row.bitrate_bps.mean / 1000:>8.0f}"
            f"{100 * row.rebuffer.mean:>8.3f} %{row.switches.mean:>10.1f}{row.uneven.mean:>8.3f}"
        )
    lines += [_sentence(verdict) for verdict in dict.fromkeys([one.verdict, one.ours]) if verdict]
    return "\n".join(lines)


def _sentence(verdict: Verdict) -> str:
    gain, ratio, change = verdict.score_gain, verdict.switches_ratio, verdict.rebuffer_change
    facts = (
        f"score {_percent(gain)}, rebuffering {_percent(change, 3)} of the time, {ratio.mean:.2f}"
        f" [{ratio.low:.2f}, {ratio.high:.2f}] of the switches"
    )
    if verdict.sure:
        return f"{verdict.winner} beats {verdict.beside}: {facts}"
    if gain.high < 0.0:
        return f"{verdict.winner} loses to {verdict.beside}: {facts}"
    return f"{verdict.winner} and {verdict.beside} cannot be told apart here: {facts}"


def _percent(figure: Figure, digits: int = 1) -> str:
    low, high = 100 * figure.low, 100 * figure.high
    return f"{100 * figure.mean:+.{digits}f} % [{low:+.{digits}f}, {high:+.{digits}f}]"


@abr.command()
@click.option("--seed", default=1, show_default=True, help="Of ladders, rates and buffers.")
def vectors(seed: int) -> None:
    """Print decisions of our policy as JSON, for its twin in the browser to repeat.

    \b
    bijou abr vectors > web/test/abr_vectors.json
    """
    click.echo(vectors_text(seed))


def vectors_text(seed: int = 1) -> str:
    """Return the decisions, one session a line."""
    sessions = decisions(own_policy(), seed=seed)
    return "[\n" + ",\n".join(json.dumps(session) for session in sessions) + "\n]"
