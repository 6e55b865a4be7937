"""Traces of requests: viewers of our own making, and shapes that are not of viewers at all."""

import heapq
from bisect import bisect
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Final

import msgspec
import numpy as np

RUNGS_BPS: Final = (400_000, 800_000, 1_600_000, 3_000_000, 5_000_000)
SEGMENT_S: Final = 4.0
BREAK_EVERY: Final = 110
AD_SEGMENTS: Final = 8


class Asked(msgspec.Struct):
    """One request: when, what, how large, by whom, and what its player says that comes next."""

    at_s: float
    path: str
    size: int
    session: str = ""
    then: str = ""


def size_of(title: int, rung: int, number: int) -> int:
    """Bytes of a segment: its rung's rate, more or less, and always the same."""
    spread = ((title * 2654435761 + number * 40503) >> 4) % 1000 / 1000
    return int(RUNGS_BPS[rung] * SEGMENT_S / 8 * (0.6 + 0.8 * spread))


def viewers(chance: Random, *, requests: int, titles: int, watching: int) -> list[Asked]:
    """People who watch films: they begin by popularity, some leave soon, most go on; ads every seven minutes.

    The order of popularity drifts, a tenth of the titles an hour. A player
    fetches the first half minute quickly, at a low rung, then one segment in
    four seconds; one in twenty jumps ahead now and then.
    """
    lengths = [chance.choice((330, 350, 640, 680, 1350, 1500, 1700)) for _ in range(titles)]
    order = list(range(titles))
    weights = list(accumulate((rank + 1) ** -0.9 for rank in range(titles)))
    trace: list[Asked] = []
    queue: list[tuple[float, int, list[int]]] = []
    mean_s = 1700.0
    next_start_s, drift_at_s, started = 0.0, 3600.0, 0
    while len(trace) < requests:
        if not queue or next_start_s <= queue[0][0]:
            title = order[bisect(weights, chance.random() * weights[-1])]
            quits = _leaves_after(chance, lengths[title])
            ability = chance.choices(range(5), (1, 2, 3, 4, 3))[0]
            state = [title, 0, 0, ability, quits, -1, 0]
            if started < watching:  # who is in the middle of a film when we begin to look
                quits = max(quits, chance.randrange(lengths[title]))
                state = [title, chance.randrange(quits), ability, ability, quits, -1, 100]
            heapq.heappush(queue, (next_start_s, started, state))
            started += 1
            next_start_s += chance.expovariate(watching / mean_s) if started > watching else 4.0 / watching
            continue
        at_s, session, state = heapq.heappop(queue)
        if at_s > drift_at_s:
            drift_at_s += 3600.0
            for _ in range(titles // 20):
                one, other = chance.randrange(titles), chance.randrange(titles)
                order[one], order[other] = order[other], order[one]
        gone_on = _step(chance, trace, at_s, session, state, lengths)
        if gone_on:
            fetched = state[6]
            pause_s = 0.6 if fetched < 8 else SEGMENT_S * chance.uniform(0.9, 1.1)
            heapq.heappush(queue, (at_s + pause_s, session, state))
    return trace


def _leaves_after(chance: Random, length: int) -> int:
    if chance.random() < 0.3:
        return 1 + int(chance.expovariate(1 / 18))
    return min(length, 20 + int(chance.expovariate(1 / 700)))


def _step(
    chance: Random, trace: list[Asked], at_s: float, session: int, state: list[int], lengths: list[int]
) -> bool:
    title, number, rung, ability, quits, ad, fetched = state
    state[6] = fetched + 1
    if ad == -1 and number and number % BREAK_EVERY == 0:
        state[5] = ad = 1000 * (1 + chance.randrange(60))
    name = f"ses_{session}"
    if ad >= 1000:
        which, place = divmod(ad, 1000)
        folder = f"/media/ad_{which}/v{rung}"
        trace.append(
            Asked(
                at_s,
                f"{folder}/{place:05}.m4s",
                size_of(-which, rung, place),
                name,
                f"{folder}/{place + 1:05}.m4s",
            )
        )
        state[5] = ad + 1 if place + 1 < AD_SEGMENTS else -2
        return True
    if ad == -2:
        state[5] = -1
    folder = f"/media/ast_{title}/v{rung}"
    trace.append(
        Asked(
            at_s,
            f"{folder}/{number:05}.m4s",
            size_of(title, rung, number),
            name,
            f"{folder}/{number + 1:05}.m4s",
        )
    )
    if fetched < 6:
        state[2] = min(ability, rung + (fetched % 2))
    elif chance.random() < 0.03:
        state[2] = max(0, min(4, ability + chance.choice((-1, 0, 0, 1))))
    state[1] = number + 1
    if chance.random() < 0.05 / 60:
        state[1] = min(lengths[title] - 1, number + chance.randrange(10, 120))
    return state[1] < min(quits, lengths[title])


def popularity(chance: Random, *, requests: int, objects: int) -> list[Asked]:
    """Objects of all sizes asked for by popularity alone, each time independently; nobody tells who asks."""
    weights = list(accumulate((rank + 1) ** -0.8 for rank in range(objects)))
    sizes = [int(chance.lognormvariate(11, 1.5)) + 100 for _ in range(objects)]
    return [
        Asked(at / 50, f"/objects/{which:x}", sizes[which])
        for at in range(requests)
        for which in [bisect(weights, chance.random() * weights[-1])]
    ]


def scans(chance: Random, *, requests: int, objects: int) -> list[Asked]:
    """Popular objects, between them scans of what nobody asks for again, and loops."""
    trace: list[Asked] = []
    popular = popularity(chance, requests=requests, objects=objects)
    fresh = 0
    while len(trace) < requests:
        trace += popular[len(trace) : len(trace) + chance.randrange(500, 2000)]
        for _ in range(chance.randrange(200, 800)):
            fresh += 1
            trace.append(Asked(0, f"/scan/{fresh}", 100_000))
        start = chance.randrange(20)
        for _ in range(2):
            trace += [Asked(0, f"/loop/{start}/{step}", 100_000) for step in range(300)]
    for at, asked in enumerate(trace):
        asked.at_s = at / 50
    return trace[:requests]


def random_access(chance: Random, *, requests: int, objects: int) -> list[Asked]:
    """Names and sessions as of films, but every request goes anywhere: archives, tiles, games."""
    trace = popularity(chance, requests=requests, objects=objects)
    for asked in trace:
        which = int(asked.path.rpartition("/")[2], 16)
        asked.path = f"/media/ast_{which % 97}/v{which % 5}/{which // 97:05}.m4s"
        asked.session = f"ses_{chance.randrange(500)}"
    return trace


def mistaken(chance: Random, trace: list[Asked]) -> list[Asked]:
    """A trace of viewers in which every request tells somebody else's session, and a wrong next."""
    sessions = [asked.session for asked in trace]
    chance.shuffle(sessions)
    return [
        Asked(asked.at_s, asked.path, asked.size, session, "")
        for asked, session in zip(trace, sessions, strict=True)
    ]


def backwards(chance: Random, *, requests: int) -> list[Asked]:
    """Sessions that read what is popular from its end to its beginning."""
    popular = list(accumulate((rank + 1) ** -0.9 for rank in range(requests // 300)))
    standing: dict[int, tuple[int, int]] = {}
    trace: list[Asked] = []
    for at in range(requests):
        reader = chance.randrange(max(60, requests // 400))
        what, number = standing.get(reader, (0, -1))
        if number < 0 or chance.random() < 0.01:
            what, number = bisect(popular, chance.random() * popular[-1]), chance.randrange(60, 200)
        standing[reader] = what, number - 1
        path = f"/media/log_{what}/a/{number:05}.bin"
        trace.append(Asked(at / 50, path, size_of(what, 2, number), f"ses_{reader}"))
    return trace


def chapters(chance: Random, *, requests: int) -> list[Asked]:
    """Sessions that jump between popular chapters of a long title, and watch some eight segments of each."""
    marks = [(chance.randrange(40), chance.randrange(480)) for _ in range(600)]
    within = [[mark for mark in marks if mark[0] == title] for title in range(40)]
    popular = list(accumulate((rank + 1) ** -1.0 for rank in range(600)))
    standing: dict[int, tuple[int, int]] = {}
    trace: list[Asked] = []
    for at in range(requests):
        viewer = chance.randrange(max(60, requests // 300))
        if viewer not in standing:
            standing[viewer] = marks[bisect(popular, chance.random() * popular[-1])]
        elif chance.random() < 0.12:
            own = within[standing[viewer][0]]
            standing[viewer] = own[int(len(own) * chance.random() ** 2.5)]
        title, number = standing[viewer]
        standing[viewer] = title, number + 1
        path = f"/media/game_{title}/v/{number:05}.m4s"
        trace.append(Asked(at / 40, path, size_of(title, 2, number), f"ses_{viewer}"))
    return trace


def anew(trace: list[Asked]) -> list[Asked]:
    """A trace of viewers in which every request tells a session of its own."""
    return [Asked(asked.at_s, asked.path, asked.size, f"ses_{at}") for at, asked in enumerate(trace)]


def footprint(trace: list[Asked]) -> int:
    """Bytes of all objects of a trace, each once."""
    return sum({asked.path: asked.size for asked in trace}.values())


def write_oracle(trace: list[Asked], path: Path) -> None:
    """Write a trace as libCacheSim's oracleGeneral: time, id, size, and when it is asked for again."""
    ids: dict[str, int] = {}
    records = np.zeros(len(trace), np.dtype([("t", "<u4"), ("id", "<u8"), ("size", "<u4"), ("next", "<i8")]))
    upcoming: dict[int, int] = {}
    for at in range(len(trace) - 1, -1, -1):
        asked = trace[at]
        number = ids.setdefault(asked.path, len(ids) + 1)
        records[at] = (int(asked.at_s), number, asked.size, upcoming.get(number, -1))
        upcoming[number] = at
    records.tofile(path)
