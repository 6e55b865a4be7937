"""`./run bench delivery`: the edge beside nginx and Varnish, and its eviction beside libCacheSim's policies.

Peers are Debian's packages, started here on loopback with one worker each and
stopped again. `wrk` asks, on one thread; rounds are interleaved, medians are
shown, and the CPU a request costs stands beside what two busy cores let through.
Varnish and nginx run as `bijou deploy` configures them where they cache, and
nginx as it is fastest where it serves files. `./run bench delivery eviction`
measures eviction alone, `steering` the steering answers, `serving` the servers alone, `fill` what an origin
has to give at the peak where edges are filled ahead; `fill --real` the same with processes that do it, where
a day takes three minutes. `--quick` takes less of everything, `--long` plays more of `fill`.
"""

import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.delivery import crowds, eviction, filled, filled_live, steered
from benchmarks.delivery.servers import (
    BODY_S,
    HOST,
    PLAYLIST,
    SEGMENT,
    SIZES,
    TTFB_S,
    Running,
    fetches,
    nginx_cache,
    nginx_static,
    origin,
    ours,
    token,
    varnish,
)

_MANY: Final = 10_000
_PARTS: Final = ("serving", "eviction", "fill", "steering")
_FLAGS: Final = frozenset({"--quick", "--long", "--real"})
_LUA: Final = """
local targets, at = {}, 0
for line in io.lines(os.getenv("TARGETS")) do targets[#targets + 1] = line end
request = function() at = at % #targets + 1 return wrk.format("GET", targets[at]) end
"""


class Load(msgspec.Struct):
    """One round of wrk."""

    requests_per_s: float
    cpu_us: float


def main(words: list[str]) -> int:
    if {"-h", "--help"} & set(words):
        print(__doc__)
        return 0
    if strange := set(words) - _FLAGS - set(_PARTS):
        known = ", ".join([*_PARTS, *sorted(_FLAGS)])
        print(f"{', '.join(sorted(strange))}: not known here; it takes {known}", file=sys.stderr)
        return 2
    quick = "--quick" in words
    parts = {word for word in words if not word.startswith("--")} or set(_PARTS)
    needed = [name for name in ("nginx", "varnishd", "wrk") if shutil.which(name) is None]
    if "serving" in parts and needed:
        print(
            f"this needs {', '.join(needed)} (Debian: apt install nginx-light varnish wrk)", file=sys.stderr
        )
        return 3
    result: dict[str, Any] = {"benchmark": "delivery", "quick": quick, "peers": _peers()}
    targets: list[dict[str, object]] = []
    if "serving" in parts:
        with tempfile.TemporaryDirectory() as folder:
            result |= _serving(Path(folder), targets, quick=quick)
    if "eviction" in parts:
        result["eviction"] = eviction.measured(quick=quick)
        _show_eviction(result["eviction"], targets)
    if "fill" in parts and "--real" in words:
        result["fill_real"] = filled_live.measured(quick=quick)
        _show_live(result["fill_real"], targets)
    elif "fill" in parts:
        result["fill"] = filled.measured(quick=quick, long="--long" in words)
        _show_fill(result["fill"], targets)
    if "steering" in parts:
        result["steering"] = steered.measured(quick=quick)
        steered.shown(result["steering"], targets)
    _show_targets(targets)
    print(json.dumps(result | {"targets": targets}))
    return 0


def _peers() -> dict[str, str]:
    def said(*command: str) -> str:
        try:
            told = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError:
            return "absent"
        found = re.search(r"(\d+\.\d+\.\d+)", told.stdout + told.stderr)
        return found[1] if found else "?"

    try:
        policies = metadata.version("libcachesim")
    except metadata.PackageNotFoundError:
        policies = "absent"
    return {
        "nginx": said("nginx", "-v"),
        "varnish": said("varnishd", "-V"),
        "wrk": said("wrk", "-v"),
        "libcachesim": policies,
    }


def _serving(folder: Path, targets: list[dict[str, object]], *, quick: bool) -> dict[str, Any]:
    rounds, seconds = (2, 1) if quick else (7, 2)
    folder.chmod(0o755)
    result: dict[str, Any] = {}
    with ExitStack() as stack:
        source = stack.enter_context(origin())
        servers = [
            stack.enter_context(ours(source.port, signed=True)),
            stack.enter_context(ours(source.port, signed=False)),
            stack.enter_context(nginx_static(folder, signed=False)),
            stack.enter_context(nginx_static(folder, signed=True)),
            stack.enter_context(varnish(folder / "varnish", source.port)),
        ]
        many = folder / "targets"
        for path in (SEGMENT, PLAYLIST):
            kind = path.rpartition(".")[2]
            many.write_text("".join(f"{path}?token={token(f'ses_{n}')}\n" for n in range(_MANY)))
            loads = _loads(servers, path, rounds, seconds, folder / "many.lua", many)
            result[f"{SIZES[kind]} bytes"] = {name: msgspec.to_builtins(load) for name, load in loads.items()}
            _show_loads(f"{SIZES[kind]:,} bytes", loads, SIZES[kind])
            _judge_loads(path, loads, targets)
        result["stalled_viewer_bytes"] = _stalled([servers[0], servers[2]], 200 if quick else 1000, targets)
    result["flash"] = _flashes(folder, 200 if quick else 1000, 1 if quick else 3, targets)
    return result


def _loads(
    servers: list[Running], path: str, rounds: int, seconds: int, script: Path, many: Path
) -> dict[str, Load]:
    script.write_text(_LUA)
    seen: dict[str, list[Load]] = {}
    for server in servers:
        _warm(server, path)
    for _ in range(rounds):
        for server in servers:
            seen.setdefault(server.name, []).append(_load(server, server.target(path), seconds))
        manifold = _load(servers[0], path, seconds, script, many)
        seen.setdefault(f"{servers[0].name}, {_MANY} tokens", []).append(manifold)
    return {
        name: Load(
            statistics.median(load.requests_per_s for load in loads),
            statistics.median(load.cpu_us for load in loads),
        )
        for name, loads in seen.items()
    }


def _warm(server: Running, path: str) -> None:
    """Ask until the object is here; a cache on a busy machine may first hold its origin for dead."""
    for _ in range(50):
        if httpx.get(f"http://{HOST}:{server.port}{server.target(path)}").status_code == 200:
            return
        time.sleep(0.1)
    raise RuntimeError(f"{server.name} does not serve {path}")


def _load(
    server: Running, target: str, seconds: int, script: Path | None = None, many: Path | None = None
) -> Load:
    lua = ["-s", str(script)] if script else []
    before = server.cpu_s()
    told = subprocess.run(
        ["wrk", "-t1", "-c16", f"-d{seconds}s", *lua, f"http://{HOST}:{server.port}{target}"],
        capture_output=True, text=True, check=True, env={"TARGETS": str(many or ""), "PATH": "/usr/bin:/bin"},
    ).stdout  # fmt: skip
    if "Non-2xx" in told:
        raise RuntimeError(f"{server.name} refused {target}: {told}")
    found = re.search(r"(\d+) requests in", told)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", told)
    assert found
    assert rate
    return Load(float(rate[1]), (server.cpu_s() - before) / max(1, int(found[1])) * 1e6)


def _judge_loads(path: str, loads: dict[str, Load], targets: list[dict[str, object]]) -> None:
    ours_signed, static, linked = loads["bijou, signed"], loads["nginx static"], loads["nginx secure_link"]
    if path == SEGMENT:
        for peer, load in (("static", static), ("secure_link", linked)):
            ratio = ours_signed.requests_per_s / load.requests_per_s
            targets.append(_target(f"signed 2 MB, MB/s / nginx {peer}", ratio, at_least=1.5))
            cpu = ours_signed.cpu_us / load.cpu_us
            targets.append(_target(f"signed 2 MB, CPU a request / nginx {peer}", cpu, at_most=0.7))
    else:
        ratio = ours_signed.requests_per_s / linked.requests_per_s
        targets.append(_target("signed 10 KB / nginx secure_link", ratio, at_least=0.95))


def _stalled(servers: list[Running], viewers: int, targets: list[dict[str, object]]) -> dict[str, float]:
    each = {server.name: crowds.stalled_bytes(server, SEGMENT, viewers=viewers) for server in servers}
    targets.append(_target("KB a stalled viewer", each["bijou, signed"] / 1000, at_most=2.0))
    print(
        f"memory of a stalled viewer: {', '.join(f'{name} {size:,.0f} bytes' for name, size in each.items())}"
    )
    return each


def _flashes(
    folder: Path, viewers: int, rounds: int, targets: list[dict[str, object]]
) -> dict[str, dict[str, float]]:
    seen: dict[str, list[tuple[float, float, int]]] = {}
    for number in range(rounds):
        with ExitStack() as stack:
            sources = [stack.enter_context(origin(TTFB_S, BODY_S)) for _ in range(3)]
            servers = [
                stack.enter_context(ours(sources[0].port, signed=False)),
                stack.enter_context(varnish(folder / f"flash-v{number}", sources[1].port)),
                stack.enter_context(nginx_cache(folder / f"flash-n{number}", sources[2].port)),
            ]
            for server, source in zip(servers, sources, strict=True):
                crowd = uvloop.run(crowds.flash(server, PLAYLIST, viewers=viewers, size=SIZES["m3u8"]))
                first = crowd.first_s
                at = fetches(source)
                assert len(first) > 0.99 * viewers, f"{server.name} refused {crowd.refused}"
                seen.setdefault(server.name, []).append(
                    (first[len(first) // 2], first[int(len(first) * 0.99)], at)
                )
    table = {
        name: {
            "p50_s": statistics.median(row[0] for row in rows),
            "p99_s": statistics.median(row[1] for row in rows),
            "origin_fetches": max(row[2] for row in rows),
        }
        for name, rows in seen.items()
    }
    for name, row in table.items():
        print(f"flash crowd of {viewers}, {name}: {json.dumps(row)}")
    mine, lock, cache = table["bijou"], table["nginx proxy_cache_lock"], table["Varnish"]
    targets.append(_target("flash crowd, origin fetches", mine["origin_fetches"], at_most=1))
    targets.append(
        _target(
            "flash crowd, p99 first byte beyond the origin's, ms", 1000 * (mine["p99_s"] - TTFB_S), at_most=30
        )
    )
    targets.append(_target("flash crowd, nginx p99 / ours", lock["p99_s"] / mine["p99_s"], at_least=3))
    targets.append(_target("flash crowd, ours p99 / Varnish", mine["p99_s"] / cache["p99_s"], at_most=1.1))
    return table


def _target(name: str, value: float, **bound: float) -> dict[str, object]:
    (kind, limit) = next(iter(bound.items()))
    met = value >= limit if kind == "at_least" else value <= limit
    return {"name": name, "value": round(value, 3), **bound, "met": met}


def _show_loads(title: str, loads: dict[str, Load], size: int) -> None:
    base = loads["nginx static"]
    table = Table("server", "requests/s", "MB/s", "/ nginx static", "CPU us", "/ nginx static", title=title)
    for name, load in loads.items():
        table.add_row(
            name, f"{load.requests_per_s:,.0f}", f"{load.requests_per_s * size / 1e6:,.0f}",
            f"{load.requests_per_s / base.requests_per_s:.2f}", f"{load.cpu_us:.1f}",
            f"{load.cpu_us / base.cpu_us:.2f}",
        )  # fmt: skip
    Console().print(table)


def _show_eviction(measured: dict[str, Any], targets: list[dict[str, object]]) -> None:
    hits: dict[str, list[float | None]] = measured["byte_hits"]
    table = Table(
        "policy", *(f"{share:.0%}" for share in eviction.SHARES), title="byte hits by share of the footprint"
    )
    for name, row in sorted(hits.items(), key=lambda item: -(item[1][1] or 0)):
        table.add_row(name, *("-" if value is None else f"{value:.4f}" for value in row))
    Console().print(table)
    mine = [value or 0.0 for value in hits["playheads"]]
    online = [row for name, row in hits.items() if name not in {"Belady", "playheads"}]
    for at, (share, points) in enumerate(zip(eviction.SHARES, (1.5, 3, 3), strict=True)):
        best = max(row[at] or 0.0 for row in online)
        targets.append(
            _target(
                f"byte hits at {share:.0%}, points over the best online",
                100 * (mine[at] - best),
                at_least=points,
            )
        )
    queues, belady = hits["S3FIFO"][2], hits["Belady"][2]
    if queues is not None and belady is not None:
        gap = (mine[2] - queues) / (belady - queues)
        targets.append(_target("share of the gap from S3-FIFO to Belady at 20%", gap, at_least=0.5))
    worst = min(min(points) for points in measured["foreign"].values())
    targets.append(_target("worst points against S3-FIFO on foreign traces", 100 * worst, at_least=-0.5))
    print(f"against S3-FIFO on foreign traces: {json.dumps(measured['foreign'])}")


def _show_fill(measured: dict[str, Any], targets: list[dict[str, object]]) -> None:
    title = f"origin egress on the {measured['held_back']} days held back, Mb/s"
    table = Table("disk", "way", "worst 5 min", "beside LRU", "p95", "mean", "of it fills", title=title)
    for share, row in measured["by_share"].items():
        alone = row["ways"]["LRU"]["peak_mbps"]
        for name, way in row["ways"].items():
            table.add_row(
                share, name, f"{way['peak_mbps']:,.0f}", f"{way['peak_mbps'] / alone - 1:+.0%}",
                f"{way['p95_mbps']:,.0f}", f"{way['mean_mbps']:,.0f}", f"{way['filled_share']:.0%}",
            )  # fmt: skip
        table.add_row(share, "any fixed set, requests independent", "", f"{row['bound'] - 1:+.0%}")
        for name in row["ways"]:
            if not name.startswith("fill"):
                continue
            less = 100 * (1 - row["ways"][name]["peak_mbps"] / alone)
            targets.append(
                _target(f"% less peak origin egress than LRU, {name}, disk {share}", less, at_least=40)
            )
    Console().print(table)


def _show_live(measured: dict[str, Any], targets: list[dict[str, object]]) -> None:
    title = f"origin egress on the {measured['held_back']} days held back, Mb/s, real processes"
    table = Table("edge", "worst 15 min", "beside", "p95", "beside", "evening", "beside", "mean", title=title)
    ways = measured["ways"]
    alone = next(iter(ways.values()))
    for name, way in ways.items():
        cells = [name]
        for column in ("peak_mbps", "p95_mbps", "evening_mbps"):
            cells += [f"{way[column]:,.1f}", f"{way[column] / alone[column] - 1:+.0%}"]
        table.add_row(*cells, f"{way['mean_mbps']:,.1f}")
        if way is not alone:
            less = 100 * (1 - way["evening_mbps"] / alone["evening_mbps"])
            targets.append(_target(f"% less origin egress in the evening, real, {name}", less, at_least=40))
    Console().print(table)


def _show_targets(targets: list[dict[str, object]]) -> None:
    table = Table("target", "value", "bound", "met")
    for row in targets:
        bound = f">= {row['at_least']}" if "at_least" in row else f"<= {row['at_most']}"
        table.add_row(str(row["name"]), str(row["value"]), bound, "yes" if row["met"] else "no")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
