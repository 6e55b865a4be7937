"""Request traces for caches, each with a nature of its own; the same for the same seed."""

from collections.abc import Callable
from functools import partial

import numpy as np

REQUESTS = 240_000
OBJECTS = 30_000
CAPACITY = 2500


def zipf(alpha: float, requests: int, seed: int) -> list[int]:
    """Popularity that never changes."""
    chance = np.random.default_rng(seed)
    return [int(rank) for rank in _ranks(alpha, requests, chance)]


def scan(requests: int, seed: int) -> list[int]:
    """Popularity 0.9, interrupted by walks over objects that nobody asks for again."""
    chance = np.random.default_rng(seed)
    steady, once = iter(_ranks(0.9, requests, chance).tolist()), OBJECTS
    trace: list[int] = []
    while len(trace) < requests:
        trace += [next(steady) for _ in range(min(4 * CAPACITY, requests - len(trace)))]
        length = min(2 * CAPACITY, requests - len(trace))
        trace += range(once, once + length)
        once += length
    return trace


def drift(requests: int, seed: int) -> list[int]:
    """Popularity 1.0 whose ranks slide: what is new is asked for most, and ages."""
    chance = np.random.default_rng(seed)
    newest = np.arange(requests) // 12
    return [int(key) for key in newest - _ranks(1.0, requests, chance)]


def loop(requests: int, seed: int) -> list[int]:
    """Round and round over more than fits; the seed says where it starts."""
    return [(seed + turn) % 6000 for turn in range(requests)]


def vod(requests: int, seed: int) -> list[int]:
    """Viewers who play titles from the start, segment by segment, and leave when they like."""
    chance = np.random.default_rng(seed)
    titles, segments, viewers = 400, 300, 60
    starts = iter(_ranks(0.9, requests, chance, objects=titles).tolist())
    lengths = iter(np.minimum(segments, chance.geometric(1 / 120, requests)).tolist())
    playing = [(next(starts), 0, next(lengths)) for _ in range(viewers)]
    trace: list[int] = []
    for viewer in chance.integers(0, viewers, requests).tolist():
        title, segment, left = playing[viewer]
        trace.append(title * segments + segment)
        playing[viewer] = (title, segment + 1, left - 1) if left > 1 else (next(starts), 0, next(lengths))
    return trace


def _ranks(
    alpha: float, requests: int, chance: np.random.Generator, objects: int = OBJECTS
) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    weights = 1 / np.arange(1, objects + 1) ** alpha
    return np.searchsorted(np.cumsum(weights) / weights.sum(), chance.random(requests))


TRACES: dict[str, Callable[[int, int], list[int]]] = {
    "zipf 0.7": partial(zipf, 0.7),
    "zipf 1.0": partial(zipf, 1.0),
    "scan": scan,
    "drift": drift,
    "loop": loop,
    "vod": vod,
}
