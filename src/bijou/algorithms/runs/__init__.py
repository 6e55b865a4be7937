"""A log-structured table: writes go to memory and a log, and later to sorted runs.

`RunTable` is the table, `MemoryRun` and `SortedRun` are what it reads besides
its memory: sorted, unchanging, the newest first. `encode_run` lays a run out
in bytes, with a sparse index and a `BloomFilter`; `runs_due` says how many of
the newest to merge, `merge_runs` merges them. `frame` and `recover` are the
log's. Nothing here touches a file: `bijou.engines.run_store` does.
"""

from bijou.algorithms.runs.bloom import BloomFilter
from bijou.algorithms.runs.framing import frame, recover
from bijou.algorithms.runs.memory_run import Entry, MemoryRun, Missing, Run
from bijou.algorithms.runs.run_table import RunTable, merge_runs
from bijou.algorithms.runs.sorted_run import DamagedRun, SortedRun, encode_run
from bijou.algorithms.runs.tiers import runs_due

__all__ = [
    "BloomFilter",
    "DamagedRun",
    "Entry",
    "MemoryRun",
    "Missing",
    "Run",
    "RunTable",
    "SortedRun",
    "encode_run",
    "frame",
    "merge_runs",
    "recover",
    "runs_due",
]
