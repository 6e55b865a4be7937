"""What an origin of its own process has to give, when real edges fill ahead from it and when they do not.

`./run bench delivery fill --real` prints it. One origin, and two edges with
the same memory and the same disk, each a process; of one, a part of the disk
is filled by its own plans, at hours and in windows of its own, from what it
counted itself. Viewers of `days` fetch everything from both, over HTTP. Only
two things are not as in a house: a day takes three minutes, for viewers and
plans alike, and objects are a few hundred times smaller. With so few viewers
the worst quarter of an hour is chance; what is judged is the evening's mean.
"""

import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import uvloop

from benchmarks.delivery.days import DAY_S, Days, made
from benchmarks.delivery.filled import SLOT_S, Floats
from benchmarks.delivery.servers import HOST, KEY, Running, running
from bijou.delivery import Fills, Seals, TokenKeys, serve_edge, serve_origin
from bijou.engines.files import FileBlobs
from bijou.ports import Instant, SystemClock
from tests.contract.conformance.engines import free_port

MIDNIGHT: Final = Instant.parse("2026-03-02T00:00:00Z")
SHRUNK: Final = 400
"""How many times smaller than a film's the objects are."""
DISK_SHARE: Final = 0.2
FILLED_PART: Final = 0.9
RATE_SHARE: Final = 0.15

_CONNECTIONS: Final = 16
_SAMPLED_S: Final = 900
_EVENING_H: Final = (18, 22)
_SEED: Final = 21


class Scale(msgspec.Struct, frozen=True):
    """How large the run is."""

    days: int
    held_back: int
    titles: int
    new_a_day: int
    sessions_a_day: int
    day_takes_s: float

    @property
    def speed(self) -> float:
        """Seconds of a day that pass in one."""
        return DAY_S / self.day_takes_s


QUICK: Final = Scale(3, 1, 12, 1, 100, 14.0)
"""Says that it runs, and nothing else: it ends before the filled part is full."""
WHOLE: Final = Scale(5, 2, 40, 2, 500, 160.0)


class FastClock:
    """A clock that runs faster than the machine's, alike in all processes of a run.

    Args:
        began_ns: The machine's monotonic moment at which it showed `MIDNIGHT`.
    """

    def __init__(self, began_ns: int, speed: float) -> None:
        self._began_ns = began_ns
        self._speed = speed
        self._clock = SystemClock()

    def now(self) -> Instant:
        return Instant(MIDNIGHT + self.monotonic_ns() // 1000)

    def monotonic_ns(self) -> int:
        return round((self._clock.monotonic_ns() - self._began_ns) * self._speed)

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(max(0.0, seconds) / self._speed)


class Wish(msgspec.Struct):
    """What an edge process is told."""

    port: int
    origin_port: int
    cache_bytes: int
    disk_bytes: int
    filled_bytes: int
    rate_bps: int
    folder: str
    began_ns: int
    speed: float


def measured(*, quick: bool) -> dict[str, Any]:
    """Return what each edge asked of the origin on the days held back."""
    scale = QUICK if quick else WHOLE
    days = _shrunk(made(_SEED, days=scale.days, titles=scale.titles, new_a_day=scale.new_a_day,
                        sessions_a_day=scale.sessions_a_day))  # fmt: skip
    print(
        f"{len(days.at_s):,} requests in {scale.days} days of {scale.day_takes_s:g} s, "
        f"{len(days.sizes):,} objects of {days.sizes.sum() / 1e6:,.0f} MB", flush=True,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _publish(folder, days)
        seen, late_s = _played(folder, days, scale)
    from_day = scale.days - scale.held_back
    return {
        "days": scale.days, "held_back": scale.held_back, "requests": len(days.at_s),
        "objects": len(days.sizes), "catalogue_bytes": int(days.sizes.sum()), "disk_share": DISK_SHARE,
        "late_p50_p90_p99_s": [round(each, 1) for each in late_s],
        "ways": {name: _judged(rows, days, from_day) for name, rows in seen.items()},
    }  # fmt: skip


def _shrunk(days: Days) -> Days:
    return days._replace(
        sizes=np.maximum(1, days.sizes // SHRUNK), paths=[_renumbered(path) for path in days.paths]
    )


def _renumbered(path: str) -> str:
    """Count from 1, as segments do."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/{int(name[:5]) + 1:05}.m4s"


def _publish(folder: Path, days: Days) -> None:
    """Lay out the blobs, each as old as its title."""
    noise = memoryview(np.random.default_rng(1).bytes(int(days.sizes.max())))
    at = 0
    for title in days.titles:
        born_ns = (MIDNIGHT // 1_000_000 + int(title.available_at_s)) * 1_000_000_000
        for rendition in title.renditions:
            for _ in rendition.paths:
                file = folder / "blobs" / days.paths[at][1:]
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(noise[: int(days.sizes[at])])
                os.utime(file, ns=(born_ns, born_ns))
                at += 1


def _played(folder: Path, days: Days, scale: Scale) -> tuple[dict[str, list[dict[str, int]]], list[float]]:
    disk = int(days.sizes.sum() * DISK_SHARE)
    peak = np.bincount((days.at_s // SLOT_S).astype(int) % 288, days.sizes[days.objects]).max() / scale.days
    rate_bps = round(RATE_SHARE * peak * 8 / SLOT_S)
    parts = {"as it is": 0.0, f"{FILLED_PART:.0%} of the disk filled": FILLED_PART}
    with contextlib.ExitStack() as stack:
        began_ns = time.monotonic_ns()
        origin_port = free_port()
        stack.enter_context(_process("origin", [str(folder), str(origin_port)], origin_port))
        edges = {}
        for number, (name, part) in enumerate(parts.items()):
            wish = Wish(
                free_port(), origin_port, disk // 20, disk - int(disk * part), int(disk * part), rate_bps,
                str(folder / f"edge{number}"), began_ns, scale.speed,
            )  # fmt: skip
            told = [msgspec.json.encode(wish).decode()]
            edges[name] = stack.enter_context(_process("edge", told, wish.port)).port
        return uvloop.run(_watch(days, edges, FastClock(began_ns, scale.speed), scale))


@contextlib.contextmanager
def _process(kind: str, words: list[str], port: int) -> Iterator[Running]:
    arguments = [sys.executable, "-m", "benchmarks.delivery.filled_live", kind, *words]
    with running(kind, arguments, port) as server:
        yield server


async def _watch(
    days: Days, edges: dict[str, int], clock: FastClock, scale: Scale
) -> tuple[dict[str, list[dict[str, int]]], list[float]]:
    """Have all viewers ask every edge at their moments.

    Returns:
        What each edge said every 15 minutes; and how late answers were on the days held back,
        in seconds of the days': half of them, nine of ten, ninety-nine of a hundred at most.
    """
    lines: dict[str, asyncio.Queue[tuple[float, str]]] = {name: asyncio.Queue() for name in edges}
    late_s: list[float] = []
    workers = [
        asyncio.create_task(
            _viewers(port, lines[name], clock, late_s, (scale.days - scale.held_back) * DAY_S)
        )
        for name, port in edges.items()
        for _ in range(_CONNECTIONS)
    ]
    seen: dict[str, list[dict[str, int]]] = {name: [] for name in edges}
    sampling = asyncio.create_task(_sample(edges, seen, clock, scale.days * DAY_S // _SAMPLED_S))
    for at_s, which in zip(days.at_s.tolist(), days.objects.tolist(), strict=True):
        now_s = clock.monotonic_ns() / 1e9
        if at_s > now_s:
            await clock.sleep(at_s - now_s)
        for line in lines.values():
            line.put_nowait((at_s, days.paths[which]))
    await sampling
    for worker in workers:
        worker.cancel()
    for outcome in await asyncio.gather(*workers, return_exceptions=True):
        assert isinstance(outcome, asyncio.CancelledError), f"a viewer ended: {outcome!r}"
    return seen, [float(np.percentile(late_s, share)) for share in (50, 90, 99)]


async def _viewers(
    port: int,
    line: "asyncio.Queue[tuple[float, str]]",
    clock: FastClock,
    late_s: list[float],
    judged_from_s: float,
) -> None:
    reader, writer = await asyncio.open_connection(HOST, port, limit=1 << 18)
    while True:
        at_s, path = await line.get()
        writer.write(f"GET {path} HTTP/1.1\r\nHost: e\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{path}: {head!r}")
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        if at_s >= judged_from_s:
            late_s.append(clock.monotonic_ns() / 1e9 - at_s)


async def _sample(
    edges: dict[str, int], seen: dict[str, list[dict[str, int]]], clock: FastClock, times: int
) -> None:
    for number in range(1, times + 1):
        await clock.sleep(number * _SAMPLED_S - clock.monotonic_ns() / 1e9)
        for name, port in edges.items():
            seen[name].append(await _statistics(port))


async def _statistics(port: int) -> dict[str, int]:
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: e\r\nConnection: close\r\n\r\n")
    content = (await reader.read()).partition(b"\r\n\r\n")[2]
    writer.close()
    told = json.loads(content)["statistics"]
    fetched = told["fetched_bytes"]
    return {
        "fetched": sum(fetched.values()), "ahead": fetched["ahead"], "held": told["filled_bytes"],
        "saved": told["filled_hit_bytes"],
    }  # fmt: skip


def _judged(rows: list[dict[str, int]], days: Days, from_day: int) -> dict[str, float]:
    """Return megabits a second of the real film sizes, over the days held back."""

    def rates(name: str) -> Floats:
        steps = np.diff([0, *(row[name] for row in rows)])[from_day * DAY_S // _SAMPLED_S :]
        result: Floats = steps * 8 * SHRUNK / _SAMPLED_S / 1e6
        return result

    fetched, ahead = rates("fetched"), rates("ahead")
    hours = np.arange(len(fetched)) * _SAMPLED_S // 3600 % 24
    evening = (hours >= _EVENING_H[0]) & (hours < _EVENING_H[1])
    return {
        "peak_mbps": round(float(fetched.max()), 2),
        "p95_mbps": round(float(np.percentile(fetched, 95)), 2),
        "evening_mbps": round(float(fetched[evening].mean()), 2),
        "mean_mbps": round(float(fetched.mean()), 2),
        "filled_share": round(float(ahead.sum() / max(1e-9, fetched.sum())), 3),
        "held_share": round(rows[-1]["held"] / float(days.sizes.sum()), 3),
        "saved_bytes": float(rows[-1]["saved"]),
    }


async def _origin(folder: str, port: int) -> None:
    clock = SystemClock()
    await serve_origin(
        FileBlobs(Path(folder) / "blobs", clock), host=HOST, port=port, clock=clock, stop=asyncio.Event(),
        ready=lambda _: None, seals=_seals(clock),
    )  # fmt: skip


async def _edge(wish: Wish) -> None:
    clock = SystemClock()
    fills = Fills(
        Path(wish.folder) / "filled", wish.filled_bytes, _seals(clock), rate_bps=wish.rate_bps,
        clock=FastClock(wish.began_ns, wish.speed), keep_free_bytes=0,
    )  # fmt: skip
    await serve_edge(
        region="east", origin_url=f"http://{HOST}:{wish.origin_port}", cache_bytes=wish.cache_bytes,
        host=HOST, port=wish.port, idle_s=600, connections=1000, clock=clock, stop=asyncio.Event(),
        ready=lambda _: None, disk=Path(wish.folder), disk_bytes=wish.disk_bytes,
        fills=fills if wish.filled_bytes else None,
    )  # fmt: skip


def _seals(clock: SystemClock) -> Seals:
    return Seals(TokenKeys(lambda: [KEY], clock), clock)


def main(words: list[str]) -> None:
    import structlog  # noqa: PLC0415 - these processes alone

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    match words:
        case ["origin", folder, port]:
            uvloop.run(_origin(folder, int(port)))
        case ["edge", wish]:
            uvloop.run(_edge(msgspec.json.decode(wish, type=Wish)))


if __name__ == "__main__":
    main(sys.argv[1:])
