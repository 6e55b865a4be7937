"""`./run bench audience`: features to audiences beside DuckDB, Polars and pandas; deltas; profile reads.

`--quick` takes 1 million users instead of 10 (targets hold for 10); `--long`,
or `./run long audience`, takes 100 million, without the others and without
profiles. The last line is the table as JSON. Files go to a folder that is
thrown away, or stay in `--folder`. `audience-kills` is the one that kills.
`audience shards` reads viewers from 1, 2 and 4 shards over HTTP.
"""

import argparse
import json
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.audience import deltas, reads, shards
from benchmarks.audience.population import write

PEERS = ("duckdb", "polars", "pandas")
MB = 1e6
BYTES_A_USER = 150  # 30 the file, 80 features and hashes, what a delta and bitmaps add, and a margin


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench audience", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1 million users")
    parser.add_argument("--long", action="store_true", help="100 million users")
    parser.add_argument("--users", type=int, help="another number of users")
    parser.add_argument("--folder", type=Path, help="keep files here")
    parser.add_argument("--only", choices=["build", "delta", "reads"], action="append")
    if arguments[:1] == ["shards"]:
        return shards.main(arguments[1:])
    asked = parser.parse_args(arguments)
    users = asked.users or (1_000_000 if asked.quick else 100_000_000 if asked.long else 10_000_000)
    parts = asked.only or ["build", "delta", *([] if asked.long else ["reads"])]
    with tempfile.TemporaryDirectory() as thrown_away:
        folder = asked.folder or Path(thrown_away)
        folder.mkdir(parents=True, exist_ok=True)
        lacking = _lacking_room(folder, users)
        if lacking:
            print(lacking, file=sys.stderr)
            return 3
        found = _measured(parts, folder, users)
    _report(found, users, quick=asked.quick)
    return 0


def _lacking_room(folder: Path, users: int) -> str:
    """Say what lacks on the disk, or nothing."""
    needed = users * BYTES_A_USER - sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    free = shutil.disk_usage(folder).free
    if needed <= free:
        return ""
    return (
        f"{users:,} users need {needed / 1e9:.1f} GB more in {folder}, where {free / 1e9:.1f} GB are free;"
        " name a roomier place with --folder, or fewer with --users"
    )


def _measured(parts: list[str], folder: Path, users: int) -> dict[str, Any]:
    file, store = folder / f"{users}.parquet", folder / f"store-{users}"
    _tell(f"writing {users:,} users")
    writing = multiprocessing.get_context("spawn").Process(target=write, args=(file, users))
    writing.start()  # by itself, or its memory would be counted as the contenders', who begin as its copies
    writing.join()
    found: dict[str, Any] = {}
    if "build" in parts or not (store / "manifest.json").is_file():
        for name in ("ours", *(PEERS if "build" in parts and users <= 10_000_000 else ())):
            _tell(name)
            found[name] = _contender(name, file, store)
        _compare(found)
    if "delta" in parts:
        _tell("deltas")
        found["delta"] = deltas.measure(store, folder, users)
    if "reads" in parts:
        _tell("reads")
        found["reads"] = reads.measure(store, users)
    return found


def _contender(name: str, file: Path, store: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.audience.contenders", name, str(file), str(store)],
        stdout=subprocess.PIPE,  # how far it is goes to ours
        text=True,
        check=False,
    )
    if done.returncode:
        return {"failed": f"exit status {done.returncode}"}
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _compare(found: dict[str, Any]) -> None:
    """All who count must count the same."""
    for name in PEERS:
        if name in found and "members" in found[name]:
            assert found[name]["members"] == found["ours"]["members"], f"{name} counts others than ours"


def _report(found: dict[str, Any], users: int, *, quick: bool) -> None:
    table = Table("what", "value", "target", "", box=None, pad_edge=False)
    targets = _targets(found, users)
    for name in ("ours", *PEERS):
        if name in found:
            table.add_row(f"{users:,} users, 30 features, 100 audiences: {name}", _line(found[name]), "", "")
    for part in ("delta", "reads"):
        for key, value in found.get(part, {}).items():
            table.add_row(f"{part}: {key}", f"{value:,.4g}", "", "")
    for each in targets:
        key = "at_least" if "at_least" in each else "at_most"
        verdict = "met" if each["met"] else "MISSED"
        table.add_row(each["name"], f"{each['value']:,.4g}", f"{key} {each[key]:,.4g}", verdict)
    Console(width=None if sys.stdout.isatty() else 150).print(table)
    result = {
        "benchmark": "audience",
        "quick": quick,
        "users": users,
        "peers": {name: version(name) for name in (*PEERS, "redis")},
        "targets": targets,
        "found": {name: _short(value) for name, value in found.items()},
    }
    print(json.dumps(result))


def _line(result: dict[str, Any]) -> str:
    if "failed" in result:
        return f"failed: {result['failed']}"
    parts = [f"{result['cpu_s']:.1f} CPU-s", f"{result['rss_bytes'] / MB:,.0f} MB"]
    if "ingest_s" in result:
        parts.append(f"(ingest {result['ingest_s']:.1f}, build {result['build_s']:.1f})")
    return ", ".join(parts)


def _short(value: Any) -> Any:
    return {k: v for k, v in value.items() if k != "members"} if isinstance(value, dict) else value


def _targets(found: dict[str, Any], users: int) -> list[dict[str, Any]]:
    targets = []
    scale = users / 10_000_000
    if "ours" in found:
        most_mb = 2000 if users > 10_000_000 else 1000
        targets.append(_most("CPU-s to 100 audiences", found["ours"]["cpu_s"], 15 * scale))
        targets.append(_most("MB at most, meanwhile", found["ours"]["rss_bytes"] / MB, most_mb))
    if "delta" in found:
        delta = found["delta"]
        rebuilt_s = found["ours"]["cpu_s"] if "ours" in found else delta["full_build_s"]
        targets.append(_least("1 % delta, times less than a full rebuild", rebuilt_s / delta["delta_s"], 10))
        targets.append(_most("1 % delta visible, s", delta["delta_wall_s"], 10))
        targets.append(_most("a user deleted, s", delta["forget_wall_s"], 1))
    if "reads" in found:
        targets.append(_least("profile reads per CPU-s", found["reads"]["lmdb"], 400_000))
    return targets


def _most(name: str, value: float, bound: float) -> dict[str, Any]:
    return {"name": name, "value": value, "at_most": bound, "met": value <= bound}


def _least(name: str, value: float, bound: float) -> dict[str, Any]:
    return {"name": name, "value": value, "at_least": bound, "met": value >= bound}


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
