"""`./run bench matching layouts`: what memory buys, and what waiting changes cost.

One workload, tight; each layout is built from the same programs. The delta is
swept by how many changed line items wait in it.
"""

import json
import sys
from random import Random
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.matching.measuring import BEST, in_turn, loaded, quantile, step
from bijou.ads.matching import Layout, Matcher, Opportunity
from bijou.ads.matching.row_index import RowIndex
from bijou.ads.matching.samples import TIGHT, Sampler, registry

SHARES = (1 / 1024, 1 / 256, 1 / 128, 1 / 64, 1 / 16, 2.0)
WAITING = (0, 256, 1_024, 4_096, 16_384)


def main(*, quick: bool) -> int:
    count = 50_000 if quick else 200_000
    sampler = Sampler(Random(1), TIGHT)
    matcher = Matcher(registry())
    loaded(matcher, sampler, count)
    asked = [sampler.opportunity() for _ in range(300)]
    rows = [built(matcher, share, asked, count) for share in SHARES]
    rows += waiting(matcher, sampler, asked)
    show(rows, count)
    print(
        json.dumps(
            {"benchmark": "matching layouts", "line_items": count, "peers": {}, "rows": rows, "targets": []}
        )
    )
    return 0


def built(matcher: Matcher, share: float, asked: list[Opportunity], count: int) -> dict[str, Any]:
    """Build the rows and lists of one layout, and walk them."""
    step(f"a row for every value that {share:.2%} of conjunctions name")
    base, vocabulary = matcher._snapshot.base, matcher.vocabulary  # noqa: SLF001 - the programs are taken over
    index = RowIndex(
        base.lines, vocabulary, Layout(row_share=share, rows_bytes_per_conjunction=1e9), native=True
    )

    def answer(opportunity: Opportunity, most: int) -> list[int]:
        found, _ = index.walk(index.plan(vocabulary.known(opportunity)), int(opportunity.at), 0, most)
        return [int(each) for each in found]

    taken = in_turn({"rows": answer}, asked)["rows"]
    mine = index.nbytes() - base.lines.nbytes()
    return {
        "layout": f"rows from {share:.2%}" if share <= 1 else "lists only",
        "rows": index.statistics["rows"],
        "mb_a_million": round(mine / count, 1),
        "p50_us": round(quantile(taken, 50) * 1e3, 1),
        "p99_us": round(quantile(taken, 99) * 1e3, 1),
    }


def waiting(matcher: Matcher, sampler: Sampler, asked: list[Opportunity]) -> list[dict[str, Any]]:
    """Match while more and more changes wait for a merge."""
    rows = []
    ordinals = len(matcher._homes)  # noqa: SLF001 - fresh ones begin there
    changed = 0
    for most in WAITING:
        step(f"{most:,} changes wait")
        for ordinal in range(changed, most):
            matcher.put(sampler.line(ordinals + ordinal, sampler.rule()))
        changed = most
        taken = in_turn({"all": lambda each, count: list(matcher.match(each, count).lines)}, asked)["all"]
        p50, p99 = (float(np.percentile(taken, percent)) * 1e3 for percent in (50, 99))
        rows.append({"layout": f"{most:,} changes wait", "p50_us": round(p50, 1), "p99_us": round(p99, 1)})
    return rows


def show(rows: list[dict[str, Any]], count: int) -> None:
    table = Table(
        "layout", "rows", "MB a million, without programs", "p50 us", "p99 us", box=None, pad_edge=False
    )
    for row in rows:
        cells = (row.get(name, "") for name in ("layout", "rows", "mb_a_million", "p50_us", "p99_us"))
        table.add_row(*map(str, cells))
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(f"best {BEST} of {count:,} line items, tight")
    console.print(table)
