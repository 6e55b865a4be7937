"""`./run bench structures`: the table of every structure beside its peers.

`--quick` shrinks the inputs; names of rooms choose some of them:
`./run bench structures limits merging`. The last line is the table as JSON.
"""

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.structures.measuring import Row

HERE = Path(__file__).parent
_NO_ROOMS = {"__init__", "__main__", "measuring", "traces"}


def main(arguments: list[str]) -> int:
    every = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in _NO_ROOMS)
    parser = argparse.ArgumentParser(prog="./run bench structures", description=__doc__)
    parser.add_argument("rooms", nargs="*", help=f"some of: {', '.join(every)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="small inputs; targets hold for the full form")
    asked = parser.parse_args(arguments)
    unknown = sorted(set(asked.rooms) - set(every))
    if unknown:
        print(f"no such room: {', '.join(unknown)}; there are {', '.join(every)}", file=sys.stderr)
        return 2
    rows: list[Row] = []
    for name in asked.rooms or every:
        rows += (found := _measured(name, quick=asked.quick))
        _show(found)
    aimed = [row for row in rows if row.at_least is not None]
    met = sum(row.met for row in aimed)
    print(f"ratio: how many times better ours is. Targets: {met} met, {len(aimed) - met} missed.")
    print(json.dumps({"benchmark": "structures", "quick": asked.quick, "rows": msgspec.to_builtins(rows)}))
    return 0


def _measured(name: str, *, quick: bool) -> list[Row]:
    if not sys.stderr.isatty():
        print(f"measuring {name}", file=sys.stderr, flush=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        progress.add_task(f"measuring {name}", total=None)
        rows: list[Row] = import_module(f"benchmarks.structures.{name}").rows(quick=quick)
    return rows


def _show(rows: list[Row]) -> None:
    table = Table("room", "what", "ours", "peer", "theirs", "ratio", "at least", "", box=None, pad_edge=False)
    for row in rows:
        wanted = "" if row.at_least is None else f"{row.at_least:g}x"
        verdict = "" if row.at_least is None else "met" if row.met else "MISSED"
        table.add_row(
            row.room,
            row.what + (f" ({row.note})" if row.note else ""),
            f"{row.ours:.4g} {row.unit}",
            row.peer,
            f"{row.theirs:.4g} {row.unit}",
            f"{row.ratio:.2f}x",
            wanted,
            verdict,
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
