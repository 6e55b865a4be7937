"""Ours and three others, each in a process of its own: from one Parquet file to 100 audiences.

The others get what favours them: users are rows, so nobody maps identifiers,
and nothing is kept; what they return is the number of members of each.
"""

# ruff: noqa: PLC0415 - each contender loads its own library, and no other

import json
import resource
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.audience.population import CONSENT, NOW_S, rules

if TYPE_CHECKING:
    from bijou.audience.staging import Progress


def ours(file: Path, folder: Path) -> dict[str, Any]:
    """Ingest (checked, hashed, numbered, durable) and build (a snapshot in roaring bitmaps)."""
    from bijou.audience import Batch, Hasher, Mode, Registry, Texts, read_rule
    from bijou.audience.building import build
    from bijou.audience.ingest import ingest
    from bijou.audience.snapshots import Definition
    from bijou.audience.store import FeatureStore
    from bijou.engines.audience_files import FileSource
    from bijou.ports import Instant, VirtualClock

    hasher = Hasher(bytes(16))
    hasher.many(Texts.of(["compiled beforehand"]))
    now = Instant(NOW_S * 1_000_000)
    shutil.rmtree(folder, ignore_errors=True)
    begun = time.process_time()
    store = FeatureStore(folder, hasher, VirtualClock(now))
    ingest(store, FileSource(file), Batch("all", now, Mode.FULL), _tell)
    ingested = time.process_time()
    registry = Registry.shipped()
    texts = [" and ".join(test.ours for test in rule) for rule in rules()]
    definitions = [Definition(f"a{n:03}", read_rule(text, registry)) for n, text in enumerate(texts)]
    pointer = build(store, definitions, floor=0)
    done = time.process_time()
    members = {each.definition.name: each.members for each in pointer.audiences}
    return {
        "cpu_s": done - begun,
        "ingest_s": ingested - begun,
        "build_s": done - ingested,
        "members": [members[name] for name in sorted(members)],
    }


def _tell(progress: "Progress") -> None:
    if progress.rows and progress.rows % 10_000_000 < 1 << 18:
        print(f"ours: {progress.rows:,} of {progress.of:,} rows staged", file=sys.stderr, flush=True)


def duckdb(file: Path, _: Path) -> dict[str, Any]:
    """One scan, a hundred sums."""
    from duckdb import sql

    begun = time.process_time()
    sums = ", ".join(
        f"sum(CASE WHEN {' AND '.join(test.sql for test in [*rule, CONSENT])} THEN 1 ELSE 0 END)"
        for rule in rules()
    )
    row = sql(f"SELECT {sums} FROM read_parquet('{file}')").fetchall()[0]
    return {"cpu_s": time.process_time() - begun, "members": [int(count or 0) for count in row]}


def polars(file: Path, _: Path) -> dict[str, Any]:
    """One lazy streaming query, a hundred sums."""
    from polars import col, scan_parquet

    begun = time.process_time()
    names = {"c": col}
    sums = [
        eval(" & ".join(f"({test.polars})" for test in [*rule, CONSENT]), names).sum().alias(str(n))
        for n, rule in enumerate(rules())
    ]
    row = scan_parquet(file).select(sums).collect(engine="streaming").row(0)
    return {"cpu_s": time.process_time() - begun, "members": [int(count) for count in row]}


def pandas(file: Path, _: Path) -> dict[str, Any]:
    """The file in memory, a hundred masks."""
    from pandas import read_parquet

    begun = time.process_time()
    frame = read_parquet(file)
    names = {"d": frame}
    members = [
        int(eval(" & ".join(f"({test.pandas})" for test in [*rule, CONSENT]), names).sum())
        for rule in rules()
    ]
    return {"cpu_s": time.process_time() - begun, "members": members}


def main() -> None:
    name, file, folder = sys.argv[1:]
    result = globals()[name](Path(file), Path(folder))
    result["rss_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(result))


if __name__ == "__main__":
    main()
