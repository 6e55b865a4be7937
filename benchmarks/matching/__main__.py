"""`./run bench matching`: the best 50 of a million line items, beside other methods.

Twenty dimensions, one to three conjunctions a line item, lists, negations and
ranges, values by Zipf's law, 40 audiences a viewer, 20 line items to a rule; loose (about 3 % of line
items match) and tight (about 0.1 %). CPU time of whole answers, vocabulary
included, each opportunity put to all methods in turn; every answer of every
peer is compared with ours. `--quick` takes 100,000 line items; `layouts` sweeps what
memory buys, `shards` asks 1, 2 and 4 processes over HTTP.

`./run long matching` compares the matcher with the rules themselves on 10^8
pairs of line item and opportunity.
"""

import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from importlib import metadata
from random import Random
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.matching import layouts, peers, shards
from benchmarks.matching.measuring import (
    BEST,
    Answer,
    cpu_s,
    in_turn,
    loaded,
    quantile,
    resident_mb,
    step,
    target,
)
from bijou.ads.matching import Layout, Line, Matcher, Opportunity, Standing
from bijou.ads.matching.samples import LOOSE, TIGHT, Sampler, Shape, registry
from tests.unit.ads.matching import oracle

LOOP_LINES = 2_000
SHAPES = {"loose": LOOSE, "tight": TIGHT}


def main(words: list[str]) -> int:
    if "--long" in words:
        return every_pair(lines=100_000, opportunities=500)
    quick = "--quick" in words
    if "layouts" in words:
        return layouts.main(quick=quick)
    if "shards" in words:
        return shards.main(quick=quick)
    count = 100_000 if quick else 1_000_000
    rows: list[dict[str, Any]] = []
    targets: list[dict[str, Any]] = []
    for name, shape in SHAPES.items():
        found, aimed = measured(name, shape, count, asked=1_000, asked_of_peers=30 if quick else 60)
        rows += found
        targets += aimed
    mismatches, pairs = compared(lines=10_000, opportunities=50, shapes=SHAPES.values())
    targets.append(target(f"mismatches with the rules in {pairs:,} pairs", mismatches, at_most=0))
    show(rows, targets)
    versions = {name: metadata.version(name) for name in ("numpy", "numba", "pyroaring")}
    result = {"benchmark": "matching", "quick": quick, "line_items": count, "peers": versions}
    print(json.dumps({**result, "rows": rows, "targets": targets}))
    return 0


def measured(
    name: str, shape: Shape, count: int, *, asked: int, asked_of_peers: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Build one workload and put opportunities to everybody."""
    sampler = Sampler(Random(1), shape)
    sample = list(sampler.lines(LOOP_LINES))
    matcher = Matcher(registry())
    step(f"{name}: {count:,} line items")
    before_mb = resident_mb()
    compile_us, build_s = loaded(matcher, sampler, count)
    gc.collect()
    grown_mb = resident_mb() - before_mb
    opportunities = [sampler.opportunity() for _ in range(asked)]
    share = statistics.mean(len(matcher.match(each, count).lines) for each in opportunities[:30]) / count

    def ours(opportunity: Opportunity, most: int) -> list[int]:
        return list(matcher.match(opportunity, most).lines)

    step(f"{name}: the peers' indexes")
    shared = peers.Lists(matcher)
    answers: dict[str, Answer] = {
        "bijou": ours,
        "numpy packed bitsets": peers.packed(matcher),
        "pyroaring index": peers.roaring(shared),
        "counting index": peers.counting(shared),
    }
    step(f"{name}: {asked_of_peers} opportunities, all methods in turn")
    taken = in_turn(answers, opportunities[:asked_of_peers])
    taken["bijou"] = in_turn({"bijou": ours}, opportunities)["bijou"]
    step(f"{name}: a loop over rules, a sample of {LOOP_LINES:,}")
    loop = peers.loop(sample, registry())
    taken["a Python loop over rules, scaled"] = [
        each * count / LOOP_LINES for each in in_turn({"loop": loop}, opportunities[:5])["loop"]
    ]
    rows = [
        {"workload": name, "method": method, "p50_ms": quantile(times, 50), "p99_ms": quantile(times, 99)}
        for method, times in taken.items()
    ]
    statistics_now = matcher.statistics()
    rows.append(
        {"workload": name, "share_that_matches": share, "build_cpu_s": build_s, "resident_mb": grown_mb}
    )
    rows[-1].update({"compile_us_a_rule": compile_us, **statistics_now})
    p50 = {row["method"]: row["p50_ms"] for row in rows if "method" in row}
    targets = [
        target(f"{name}: p99 of the best {BEST}, ms of CPU", quantile(taken["bijou"], 99), at_most=1),
        target(
            f"{name}: counting index / bijou",
            p50["counting index"] / p50["bijou"],
            at_least=20 if name == "tight" else None,
        ),
        target(f"{name}: memory, MB for a million", statistics_now["bytes"] / count, at_most=200),
    ]
    if name == "tight":
        step("tight: changes and a merge")
        del shared, answers
        more, aimed = changes(matcher, sampler, count)
        rows += more
        targets += aimed
    return rows, targets


def changes(
    matcher: Matcher, sampler: Sampler, count: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Time changes of line items in a full matcher, and the merge after them."""
    chance = Random(2)
    lines = [msgspec.structs.replace(each, ordinal=chance.randrange(count)) for each in sampler.lines(1_000)]
    works: dict[str, Callable[[Line], object]] = {
        "pause and go on, each": lambda line: (
            matcher.stand(line.ordinal, Standing.PAUSED),
            matcher.stand(line.ordinal, Standing.ACTIVE),
        ),
        "put, its rule compiled before": lambda line: matcher.put(line, compiled[line.ordinal]),
        "put, its rule new": matcher.put,
    }
    compiled = {line.ordinal: matcher.compile(line.rule) for line in lines}
    rows = []
    for name, work in works.items():
        times = []
        for line in lines:
            before = time.process_time_ns()
            work(line)
            times.append((time.process_time_ns() - before) / 1e3 / (2 if "each" in name else 1))
        rows.append({"change": name, "p50_us": quantile(times, 50), "p99_us": quantile(times, 99)})
    matcher.match(sampler.opportunity(), 1)  # the first beside a delta compiles its loop
    visible_s = []
    for line in lines[:100]:
        opportunity = sampler.opportunity()
        first = Line(line.ordinal, -1)
        before_s = time.perf_counter()
        matcher.put(first)
        assert matcher.match(opportunity, 1).lines == (line.ordinal,)
        visible_s.append(time.perf_counter() - before_s)
        matcher.put(line)
    step(f"merge of {matcher.statistics()['delta_line_items']:,} changes")
    full = [sampler.opportunity() for _ in range(200)]
    with_delta = in_turn({"bijou": lambda each, most: list(matcher.match(each, most).lines)}, full)["bijou"]
    rows.append(
        {
            "change": "match beside a delta",
            "p50_us": quantile(with_delta, 50) * 1e3,
            "p99_us": quantile(with_delta, 99) * 1e3,
        }
    )
    rows.append({"change": "merge of all", "cpu_s": cpu_s(matcher.merge)})
    put_us = next(row["p50_us"] for row in rows if row["change"] == "put, its rule compiled before")
    return rows, [
        target("one change, us of CPU (targeting compiled where it was checked)", put_us, at_most=10),
        target("one change visible, s", max(visible_s), at_most=1),
    ]


def every_pair(*, lines: int, opportunities: int) -> int:
    """The long form: 10^8 pairs, and a tenth of that with most values in lists of shared groups."""
    targets = []
    for layout, some in ((Layout(), lines), (Layout(group_share=2.0, row_share=1 / 64), lines // 10)):
        mismatches, pairs = compared(
            lines=some, opportunities=opportunities, shapes=SHAPES.values(), layout=layout
        )
        targets.append(target(f"mismatches in {pairs:,} pairs, {layout}", mismatches, at_most=0))
        step(f"{mismatches} mismatches in {pairs:,} pairs")
    show([], targets)
    print(json.dumps({"benchmark": "matching", "long": True, "peers": {}, "targets": targets}))
    return 0 if all(each["met"] for each in targets) else 1


def compared(*, lines: int, opportunities: int, shapes: Any, layout: Layout | None = None) -> tuple[int, int]:
    """Count the pairs on which the matcher and the rules disagree."""
    mismatches = pairs = 0
    for shape in shapes:
        sampler = Sampler(Random(3), shape)
        asked = [sampler.opportunity() for _ in range(opportunities)]
        truth = oracle.ManyOpportunities(asked, registry())
        step(f"{lines:,} line items x {opportunities} opportunities, by their rules")
        expected: list[set[int]] = [set() for _ in asked]

        def noted(line: Line, truth: Any = truth, expected: list[set[int]] = expected) -> Line:
            for number in truth.serving(line).tolist():
                expected[number].add(line.ordinal)
            return line

        matcher = Matcher(registry(), layout)
        matcher.load(noted(line) for line in sampler.lines(lines))
        for number, opportunity in enumerate(asked):
            mismatches += len(expected[number] ^ set(matcher.match(opportunity, lines).lines))
        pairs += lines * opportunities
    return mismatches, pairs


def show(rows: list[dict[str, Any]], targets: list[dict[str, Any]]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 140)
    table = Table("workload", "method", "p50 ms", "p99 ms", box=None, pad_edge=False)
    for row in rows:
        if "method" in row:
            table.add_row(row["workload"], row["method"], f"{row['p50_ms']:.3f}", f"{row['p99_ms']:.3f}")
    console.print(table)
    for row in rows:
        if "method" not in row:
            console.print(
                "  ".join(
                    f"{key} {value:,.4g}" if isinstance(value, float) else f"{key} {value}"
                    for key, value in row.items()
                )
            )
    aims = Table("what", "value", "target", "", box=None, pad_edge=False)
    for each in targets:
        bound = f"<= {each['at_most']}" if "at_most" in each else f">= {each['at_least']}"
        is_aim = each.get("at_most", each.get("at_least")) is not None
        verdict = ("met" if each["met"] else "MISSED") if is_aim else ""
        aims.add_row(each["name"], f"{each['value']:,.4g}", bound if is_aim else "", verdict)
    console.print(aims)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
