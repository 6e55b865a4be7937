"""`./run bench abr [TRACES...]`: the session simulator, and our policy beside the known ones.

Speed is sessions of 199 segments a CPU second, one thread, median of rounds; the
peer is sabre's script where BIJOU_SABRE names it. The policy is judged on
recordings that its tuning never saw, in `../shared/traces` or the folders named;
where there are none, on drawn traces, which say nothing of the world. The last
line is the table as JSON. `--quick` takes fewer rounds.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bijou.abr import (
    KINDS,
    Comparison,
    Film,
    Trace,
    compare,
    drawn_traces,
    own_policy,
    parse_trace,
    reference_film,
    set_aside,
    simulate,
)

SHARED = Path(__file__).resolve().parents[3] / "shared" / "traces"
SCRIPT = os.environ.get("BIJOU_SABRE", "")
SABRE_NAMES = {"throughput": "throughput", "bola": "bola", "bola-e": "bolae", "dynamic": "dynamic"}
RIVALS = ("throughput", "bola", "dynamic", "mpc")
Row = dict[str, object]


def main(arguments: list[str]) -> int:
    quick = "--quick" in arguments
    folders = [Path(word) for word in arguments if not word.startswith("-")]
    folders = folders or sorted(path for path in SHARED.glob("*") if path.is_dir())
    sets = {folder.name: read(folder) for folder in folders} or {"drawn": drawn_traces(120, seed=1)}
    film = reference_film()
    rows = speeds(film, [one for traces in sets.values() for one in traces], rounds=3 if quick else 9)
    held = {name: set_aside(traces, 0.5)[1] for name, traces in sets.items()}
    rows += judged(film, "held back", [one for traces in held.values() for one in traces], targets=True)
    if len(held) > 1:
        rows += [row for name, traces in held.items() for row in judged(film, name, traces, targets=False)]
    show(rows)
    peers = {"sabre": Path(SCRIPT).name} if SCRIPT else {}
    print(json.dumps({"benchmark": "abr", "peers": peers, "quick": quick, "targets": rows}))
    return 0


def read(folder: Path) -> list[Trace]:
    return [parse_trace(file.stem, file.read_text()) for file in sorted(folder.glob("*.txt"))]


def speeds(film: Film, traces: list[Trace], *, rounds: int) -> list[Row]:
    spent: dict[str, list[float]] = {policy: [] for policy in KINDS}
    for policy in KINDS:
        simulate(film, traces[:1], policy)  # compiles
    for _ in range(rounds):
        for policy in KINDS:
            start = time.process_time()
            simulate(film, traces, policy)
            spent[policy].append(time.process_time() - start)
    least = {"throughput": 10_000.0, "dynamic": 10_000.0, "bola": 5_000.0}
    rows: list[Row] = []
    for policy, seconds in spent.items():
        rate = len(traces) / statistics.median(seconds)
        rows.append(row(f"sessions a CPU second, {policy}", rate, at_least=least.get(policy)))
        if SCRIPT and policy in SABRE_NAMES:
            peer = sabre(film, traces[:: max(1, len(traces) // 5)], SABRE_NAMES[policy])
            rows.append(row(f"times sabre, {policy}", rate * peer, at_least=None))
    return rows


def sabre(film: Film, traces: list[Trace], policy: str) -> float:
    """Seconds of a child's CPU a session, its start included."""
    before = os.times()
    with tempfile.TemporaryDirectory(prefix="abr-") as folder:
        movie, network = Path(folder) / "movie.json", Path(folder) / "network.json"
        rates = [rate / 1000 for rate in film.bitrates.tolist()]
        shape = {"segment_duration_ms": 1000 * film.segment_s, "bitrates_kbps": rates}
        movie.write_text(json.dumps({**shape, "segment_sizes_bits": film.sizes.tolist()}))
        for trace in traces:
            periods = zip(
                trace.durations.tolist(), trace.rates.tolist(), trace.latencies.tolist(), strict=True
            )
            listed = [
                {"duration_ms": 1000 * long, "bandwidth_kbps": rate / 1000, "latency_ms": 1000 * late}
                for long, rate, late in periods
            ]
            network.write_text(json.dumps(listed))
            command = [sys.executable, SCRIPT, "-n", str(network), "-m", str(movie), "-a", policy, "-b", "25"]
            subprocess.run(command, check=True, capture_output=True, timeout=60)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return used / len(traces)


def judged(film: Film, name: str, traces: list[Trace], *, targets: bool) -> list[Row]:
    if not traces:
        return []
    rows: list[Row] = []
    four = compare(name, film, traces, {**{key: key for key in RIVALS}, "bijou": own_policy()})
    five = compare(name, film, traces, {"bola-e": "bola-e", "bijou": own_policy()})
    for one, words in ((four, "best of four"), (five, "BOLA-E")):
        rows += beside(name, one, words, targets=targets and one is four)
    return rows


def beside(name: str, one: Comparison, words: str, *, targets: bool) -> list[Row]:
    ours = one.ours
    assert ours
    gain, change, ratio = ours.score_gain, ours.rebuffer_change, ours.switches_ratio
    return [
        row(
            f"{name}: score over {words} ({ours.beside}), % [{100 * gain.low:.1f}, {100 * gain.high:.1f}]",
            100 * gain.mean,
            at_least=3.0 if targets else None,
        ),
        row(
            f"{name}: rebuffering beyond {words}'s, points [{100 * change.low:.2f}, {100 * change.high:.2f}]",
            100 * change.mean,
            at_most=0.0 if targets else None,
        ),
        row(f"{name}: switches / {words}'s", ratio.mean, at_most=0.5 if targets else None),
    ]


def row(name: str, value: float, *, at_least: float | None = None, at_most: float | None = None) -> Row:
    made: Row = {"name": name, "value": round(value, 4)}
    if at_least is not None:
        made |= {"at_least": at_least, "met": value >= at_least}
    if at_most is not None:
        made |= {"at_most": at_most, "met": value <= at_most}
    return made


def show(rows: list[Row]) -> None:
    table = Table("what", "here", "asked", "met")
    for one in rows:
        asked = (
            f">= {one['at_least']}"
            if "at_least" in one
            else f"<= {one['at_most']}"
            if "at_most" in one
            else ""
        )
        met = "" if "met" not in one else "yes" if one["met"] else "no"
        table.add_row(str(one["name"]), f"{one['value']:,}", asked, met)
    Console(width=140).print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
