"""Steering answers of one process: how many a second, how late, at what CPU."""

import asyncio
import re
import statistics
import subprocess
import sys
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.delivery.servers import FOLDER, HOST, KEY, Running, running
from bijou.delivery import Pathway, Pathways, Standing, States, Steerer, TokenKeys, serve_edge
from bijou.ports import SystemClock
from tests.contract.conformance.engines import free_port

SESSIONS: Final = 10_000
EVENTS: Final = 10
_EVER: Final = 4_000_000_000
_QUIET, _MOVED, _TOLD = "answers", "answers, each session moved", f"reports of {EVENTS} events"
_LUA: Final = """
local targets, at = {}, 0
local body = os.getenv("BODY")
for line in io.lines(os.getenv("TARGETS")) do targets[#targets + 1] = line end
request = function()
  at = at % #targets + 1
  if body ~= "" then return wrk.format("POST", targets[at], {["Content-Type"] = "application/cmcd"}, body) end
  return wrk.format("GET", targets[at])
end
"""


class Round(msgspec.Struct):
    """One round of wrk, as fast as 16 connections go."""

    answers_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


def measured(*, quick: bool) -> dict[str, Any]:
    """Ask an edge's steering for ten thousand sessions, and tell it what they saw; medians of rounds."""
    rounds, seconds = (3, 1) if quick else (7, 3)
    with tempfile.TemporaryDirectory() as place, _edge() as server:
        folder = Path(place)
        targets = _targets(folder, server.port)
        (folder / "ask.lua").write_text(_LUA)
        event = 'bl=5300,cid="film",e=rr,mtp=5000,rc=200,sid="s",ts=1764000000000,ttfb=12,ttlb=50,v=2,url='
        body = "".join(f'{event}"http://{HOST}:{server.port}/m/{n}.m4s"\n' for n in range(EVENTS))
        seen: dict[str, list[Round]] = {}
        for _ in range(rounds):
            for name, path in targets.items():
                told = body if name == _TOLD else ""
                seen.setdefault(name, []).append(_round(server, folder / "ask.lua", path, told, seconds))
        return {name: msgspec.to_builtins(_median(each)) for name, each in seen.items()}


def shown(result: dict[str, Any], targets: list[dict[str, object]]) -> None:
    """Print the table, and add the issue's row to the targets."""
    table = Table("steering", "a second", "p50 ms", "p99 ms", "CPU us", title="one process, 16 connections")
    for name, row in result.items():
        table.add_row(
            name,
            f"{row['answers_per_s']:,.0f}",
            f"{row['p50_ms']:.2f}",
            f"{row['p99_ms']:.2f}",
            f"{row['cpu_us']:.1f}",
        )
    Console().print(table)
    quiet = result[_QUIET]
    rate, late = quiet["answers_per_s"], quiet["p99_ms"]
    targets.append(
        {
            "name": "steering answers/s a process",
            "value": round(rate),
            "at_least": 20_000,
            "met": rate >= 20_000,
        }
    )
    targets.append({"name": "steering p99, ms", "value": round(late, 3), "at_most": 2.0, "met": late <= 2.0})


def _targets(folder: Path, port: int) -> dict[str, Path]:
    clock = SystemClock()
    states = States(TokenKeys(lambda: [KEY], clock), clock)
    kinds = {_QUIET: folder / "quiet", _MOVED: folder / "moved", _TOLD: folder / "told"}
    for name, path in kinds.items():
        told = "west" if name == _MOVED else "east"
        written = (
            states.write(Standing(f"ses_00000000-03e8-7226-b63c-{n:012x}", "east", told, _EVER, FOLDER))
            for n in range(SESSIONS)
        )
        form = (
            "/cmcd?state={}\n"
            if name == _TOLD
            else f"/steer/{{}}?_HLS_pathway=%22{told}%22&_HLS_throughput=5000000\n"
        )
        path.write_text("".join(form.format(state) for state in written))
    first = kinds[_QUIET].read_text().split("\n", 1)[0]
    answer = httpx.get(f"http://{HOST}:{port}{first}")
    assert answer.json()["PATHWAY-PRIORITY"] == ["east", "west"], answer.text
    return kinds


def _round(server: Running, script: Path, targets: Path, body: str, seconds: int) -> Round:
    before = server.cpu_s()
    told = subprocess.run(
        [
            "wrk",
            "-t1",
            "-c16",
            f"-d{seconds}s",
            "--latency",
            "-s",
            str(script),
            f"http://{HOST}:{server.port}/",
        ],
        capture_output=True,
        text=True,
        check=True,
        env={"TARGETS": str(targets), "BODY": body, "PATH": "/usr/bin:/bin"},
    ).stdout
    if "Non-2xx" in told:
        raise RuntimeError(f"steering refused: {told}")
    asked, rate = re.search(r"(\d+) requests in", told), re.search(r"Requests/sec:\s+([\d.]+)", told)
    assert asked
    assert rate
    cpu_us = (server.cpu_s() - before) / max(1, int(asked[1])) * 1e6
    return Round(float(rate[1]), _milliseconds(told, "50"), _milliseconds(told, "99"), cpu_us)


def _milliseconds(told: str, percentile: str) -> float:
    found = re.search(rf"{percentile}%\s+([\d.]+)(us|ms|s)\b", told)
    assert found, told
    return float(found[1]) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[found[2]]


def _median(rounds: list[Round]) -> Round:
    return Round(
        *(statistics.median(getattr(each, name) for each in rounds) for name in Round.__struct_fields__)
    )


def _edge() -> AbstractContextManager[Running]:
    port = free_port()
    return running("bijou", [sys.executable, "-m", "benchmarks.delivery.steered", str(port)], port)


async def _serve(port: int) -> None:
    clock = SystemClock()
    keys = TokenKeys(lambda: [KEY], clock)
    # By two names it is two regions, of which one probes the other.
    regions = [Pathway("east", f"http://{HOST}:{port}"), Pathway("west", f"http://localhost:{port}")]
    await serve_edge(
        region="east", origin_url=f"http://{HOST}:9", cache_bytes=1 << 20, host=HOST, port=port, idle_s=60,
        connections=1000, clock=clock, stop=asyncio.Event(), ready=lambda _: None, keys=keys,
        steerer=Steerer(Pathways(regions, clock, own="east"), keys, clock),
    )  # fmt: skip


if __name__ == "__main__":
    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    uvloop.run(_serve(int(sys.argv[1])))
