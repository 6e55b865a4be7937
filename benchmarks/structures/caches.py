"""Caches beside theine, cachetools and moka-py: who finds more, what a call costs, what an entry weighs."""

import multiprocessing
import resource
import time
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from threading import Lock
from typing import Any, Literal

import cachetools
import moka_py
import theine

from benchmarks.structures.measuring import Row, interleaved, version
from benchmarks.structures.traces import CAPACITY, REQUESTS, TRACES
from bijou.algorithms.caches import (
    Cache,
    Expiry,
    Lfu,
    Lru,
    OrderedLru,
    Policy,
    S3Fifo,
    Sieve,
    SinglyLinkedLru,
    WTinyLfu,
    best_possible,
    simulate,
)

SEED = 7  # the policies were set on others
TTL_S = 300
HALF_A_POINT = 0.5
CACHETOOLS, THEINE, MOKA = version("cachetools"), version("theine"), version("moka-py")

Get = Callable[[Hashable], object]
Put = Callable[[Hashable, object], object]

POLICIES: dict[str, Callable[[], Policy[Any, Any]]] = {
    "lru": Lru,
    "lfu": Lfu,
    "ageing lfu": partial(Lfu, ageing=True),
    "sieve": Sieve,
    "s3-fifo": S3Fifo,
    "w-tinylfu": WTinyLfu,
}


def rows(*, quick: bool) -> list[Row]:
    requests = REQUESTS // 6 if quick else REQUESTS
    traces = {name: make(requests, SEED) for name, make in TRACES.items()}
    return [
        *(_hits(name, trace) for name, trace in traces.items()),
        *_fading(traces),
        *_speed(traces["zipf 1.0"], rounds=3 if quick else 5),
        *_expiry(traces["zipf 1.0"], rounds=3 if quick else 5),
        *_memory(20_000 if quick else 200_000),
    ]


def _ours(policy: Callable[[], Policy[Any, Any]], capacity: int) -> tuple[Get, Put]:
    cache: Cache[Hashable, object] = Cache(capacity, policy())
    return cache.get, cache.put


def _expiring(policy: Callable[[], Policy[Any, Any]], capacity: int) -> tuple[Get, Put]:
    expiry = Expiry(clock_ns=time.monotonic_ns, ttl_ns=TTL_S * 10**9)
    cache: Cache[Hashable, object] = Cache(capacity, policy(), expiry=expiry)
    return cache.get, cache.put


def _cachetools(kind: Callable[[int], Any], capacity: int) -> tuple[Get, Put]:
    """Under a lock, as its manual wants it where there are threads; all others bring theirs."""
    cache, lock = kind(capacity), Lock()

    def get(key: Hashable) -> object:
        with lock:
            return cache.get(key)

    def put(key: Hashable, value: object) -> None:
        with lock:
            cache[key] = value

    return get, put


def _theine(capacity: int) -> tuple[Get, Put]:
    cache: theine.Cache[Hashable, object] = theine.Cache(capacity)
    find = cache.get

    def get(key: Hashable) -> object:
        return find(key)[0]

    return get, cache.set


def _moka(capacity: int, policy: Literal["tiny_lfu", "lru"] = "tiny_lfu") -> tuple[Get, Put]:
    cache: moka_py.Moka[Hashable, object] = moka_py.Moka(capacity, policy=policy)
    return cache.get, cache.set


PEERS: dict[str, Callable[[int], tuple[Get, Put]]] = {
    THEINE: _theine,
    f"{CACHETOOLS} LFU": partial(_cachetools, cachetools.LFUCache),
    MOKA: _moka,
}
EXPIRING: dict[str, Callable[[int], tuple[Get, Put]]] = {
    "lru": partial(_expiring, Lru),
    "our s3-fifo": partial(_expiring, S3Fifo),
    f"{CACHETOOLS} TTL": partial(_cachetools, partial(cachetools.TTLCache, ttl=TTL_S)),
}
LRUS: dict[str, Callable[[int], tuple[Get, Put]]] = {
    "doubly linked": partial(_ours, Lru),
    "our singly linked": partial(_ours, SinglyLinkedLru),
    "our OrderedDict": partial(_ours, OrderedLru),
    f"{CACHETOOLS} LRU": partial(_cachetools, cachetools.LRUCache),
    f"{MOKA} LRU": partial(_moka, policy="lru"),
    THEINE: _theine,
}


def _play(make: Callable[[], tuple[Get, Put]], trace: Sequence[Hashable]) -> float:
    """Return the hit ratio in percent of a cache that stores what it misses."""
    get, put = make()
    hits = 0
    for key in trace:
        if get(key) is not None:
            hits += 1
        else:
            put(key, 1)
    return 100 * hits / len(trace)


def _hits(name: str, trace: Sequence[Hashable]) -> Row:
    ours = {each: 100 * simulate(make(), trace, CAPACITY) for each, make in POLICIES.items()}
    theirs = {each: _play(partial(make, CAPACITY), trace) for each, make in PEERS.items()}
    best, rival = max(ours, key=ours.__getitem__), max(theirs, key=theirs.__getitem__)
    ranking = sorted((ours | theirs).items(), key=lambda each: -each[1])
    told = ", ".join(f"{each} {percent:.1f}" for each, percent in ranking)
    return Row(
        room="caches",
        what=f"hits on {name}: {best}",
        ours=ours[best],
        peer=rival,
        theirs=theirs[rival],
        unit="%",
        ratio=ours[best] / theirs[rival],
        at_least=round((theirs[rival] - HALF_A_POINT) / theirs[rival], 4),
        note=f"{told}; best possible {100 * best_possible(trace, CAPACITY):.1f}",
    )


def _fading(traces: dict[str, list[int]]) -> list[Row]:
    found = []
    for name in ("zipf 1.0", "drift", "loop"):
        percent = {fade: 100 * simulate(WTinyLfu(fade=fade), traces[name], CAPACITY) for fade in (10, 20, 40)}
        found += [
            Row(
                room="caches",
                what=f"hits on {name}: w-tinylfu that fades after 20 requests an entry",
                ours=percent[20],
                peer=f"after {fade}",
                theirs=percent[fade],
                unit="%",
                ratio=percent[20] / percent[fade],
            )
            for fade in (10, 40)
        ]
    return found


def _speed(zipf: list[int], *, rounds: int) -> list[Row]:
    fitting = [key % CAPACITY for key in zipf]
    default = {"s3-fifo": partial(_ours, S3Fifo), "w-tinylfu": partial(_ours, WTinyLfu)}
    return [
        *_per_call("LRU, all hits", LRUS, fitting, rounds),
        *_per_call("LRU, zipf 1.0, a put a miss", LRUS, zipf, rounds),
        *_per_call("our default (s3-fifo), all hits", default | PEERS, fitting, rounds),
        *_per_call("our default (s3-fifo), zipf 1.0, a put a miss", default | PEERS, zipf, rounds),
    ]


def _expiry(zipf: list[int], *, rounds: int) -> list[Row]:
    loaded = 10_000
    expiries = {
        jitter: Expiry(clock_ns=lambda: 0, ttl_ns=TTL_S * 10**9, jitter=jitter, draw=Random(SEED).random)
        for jitter in (0.1, 0.0)
    }
    busiest = {
        f"jitter {jitter:g}": max(
            Counter(expiry.deadlines(0, None)[0] // 10**9 for _ in range(loaded)).values()
        )
        for jitter, expiry in expiries.items()
    }
    return [
        *_per_call("all expire in the end, zipf 1.0, a put a miss", EXPIRING, zipf, rounds),
        *_beside(f"values of {loaded:,} that expire in the busiest second", busiest, "values"),
    ]


def _per_call(
    what: str, makers: dict[str, Callable[[int], tuple[Get, Put]]], trace: list[int], rounds: int
) -> list[Row]:
    """Rows of the first maker beside each of the others."""
    works = {name: partial(_play, partial(make, CAPACITY), trace) for name, make in makers.items()}
    taken = {name: seconds / len(trace) * 1e6 for name, seconds in interleaved(works, rounds=rounds).items()}
    return _beside(what, taken, "us/request")


def _beside(what: str, figures: Mapping[str, float], unit: str) -> list[Row]:
    first, *others = figures
    return [
        Row(
            room="caches",
            what=f"{what}: {first}" if first not in what else what,
            ours=figures[first],
            peer=name,
            theirs=figures[name],
            unit=unit,
            ratio=figures[name] / figures[first],
        )
        for name in others
    ]


def _memory(entries: int) -> list[Row]:
    """What the process grows by, in one of its own a cache: two of the peers are not in Python's books."""
    plain = {"dict": _dictionary}
    sieve = {"s3-fifo": partial(_ours, S3Fifo), "w-tinylfu": partial(_ours, WTinyLfu)}
    ending = {f"{name}, all expire": make for name, make in EXPIRING.items()}
    makers = LRUS | ending | plain | sieve | {f"{CACHETOOLS} LFU": PEERS[f"{CACHETOOLS} LFU"], MOKA: _moka}
    children = multiprocessing.get_context("spawn")
    grown = {}
    for name, make in makers.items():
        with children.Pool(1) as pool:
            grown[name] = pool.apply(_grown_bytes, (make, entries)) / entries
    others = {name: grown[name] for name in (CACHETOOLS + " LFU", THEINE, MOKA)}
    linked = {name: grown[name] for name in (*LRUS, "dict")}
    return [
        *_beside("memory beyond key and value, LRU", linked, "B/entry"),
        *_beside("memory beyond key and value", {name: grown[name] for name in ending}, "B/entry"),
        *_beside("memory beyond key and value", {"s3-fifo": grown["s3-fifo"]} | others, "B/entry"),
        *_beside("memory beyond key and value", {"w-tinylfu": grown["w-tinylfu"]} | others, "B/entry"),
    ]


def _dictionary(_: int) -> tuple[Get, Put]:
    kept: dict[Hashable, object] = {}
    return kept.get, kept.__setitem__


def _grown_bytes(make: Callable[[int], tuple[Get, Put]], entries: int) -> int:
    keys = list(range(10**6, 10**6 + entries))
    kept = [make(100)[1](0, 0)]  # what the first one of its kind loads is not the entries'
    before = _resident_bytes()
    get, put = make(entries)
    for key in keys:
        put(key, kept)
    grown = _resident_bytes() - before
    assert sum(get(key) is not None for key in keys) > 0.9 * entries
    return grown


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
