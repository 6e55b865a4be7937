"""`./run bench structures`: the table of every structure beside its peers.

`--quick` shrinks the inputs; names of rooms choose some of them:
`./run bench structures limits merging`. The last line is the table as JSON.
"""

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
    quick = "--quick" in arguments
    every = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in _NO_ROOMS)
    chosen = [name for name in arguments if not name.startswith("-")] or every
    unknown = sorted(set(chosen) - set(every))
    if unknown:
        print(f"no such room: {', '.join(unknown)}; there are {', '.join(every)}", file=sys.stderr)
        return 2
    rows = [row for name in chosen for row in _measured(name, quick=quick)]
    _show(rows)
    print(json.dumps({"benchmark": "structures", "quick": quick, "rows": msgspec.to_builtins(rows)}))
    return 0


def _measured(name: str, *, quick: bool) -> list[Row]:
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
