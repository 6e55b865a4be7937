"""Days of viewers at one edge: an evening's peak, titles that come and age, tastes that drift.

Each request is for a block of 24 s of one rendition, which stands for six
segments, so that days fit into minutes of computing; sizes are those of the
six together. Popularity is Zipf's among ranks that drift; newcomers begin high
and fall with age; a fifth of the titles are watched by day and the rest in the
evening.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from bijou.delivery.filling import Rendition, TitleMedia

RUNGS_BPS: Final = (400_000, 800_000, 1_600_000, 3_000_000, 5_000_000)
BLOCK_S: Final = 24.0
DAY_S: Final = 86_400
LENGTHS_S: Final = (1320, 1400, 2560, 2720, 5400, 6000, 6800)
#: Share of a day's starts in each hour: one shape for the evening's titles, one for those of the day.
EVENING: Final = (30, 18, 11, 7, 5, 5, 8, 13, 18, 22, 26, 30, 34, 36, 36, 38, 44, 54, 70, 90, 100, 92, 70, 46)
DAYTIME: Final = (4, 2, 1, 1, 1, 4, 20, 50, 70, 80, 84, 80, 76, 72, 74, 80, 90, 92, 80, 54, 28, 14, 8, 6)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Days(NamedTuple):
    """Requests in order of time, by object; and the objects."""

    at_s: Floats
    objects: Ints
    sessions: Ints
    following: Ints
    sizes: Ints
    paths: list[str]
    titles: list[TitleMedia]
    days: int


class Catalogue(NamedTuple):
    """Of each title: blocks, first object, day of coming, whether watched by day, and appeal."""

    blocks: Ints
    firsts: Ints
    born_day: Floats
    daytime: npt.NDArray[np.bool_]
    appeal: Floats


def made(seed: int, *, days: int, titles: int, new_a_day: int, sessions_a_day: int) -> Days:
    """Make days of requests; the same for the same arguments."""
    chance = np.random.default_rng(seed)
    catalogue = catalogue_of(chance, days, titles, new_a_day)
    sizes, paths, media = _objects(catalogue)
    parts: list[tuple[Floats, Ints, Ints, Ints]] = []
    number = 0
    appeal = catalogue.appeal.copy()
    for day in range(days):
        for hour in range(24):
            popular = popularity_at(catalogue, appeal, day + hour / 24, hour)
            shape = 0.8 * EVENING[hour] / sum(EVENING) + 0.2 * DAYTIME[hour] / sum(DAYTIME)
            starts = int(chance.poisson(sessions_a_day * shape))
            which = chance.choice(len(popular), starts, p=popular / popular.sum())
            begins = (day * 24 + hour) * 3600 + chance.random(starts) * 3600
            for title, at_s in zip(which.tolist(), begins.tolist(), strict=True):
                parts.append(_session(chance, catalogue, title, at_s, number))
                number += 1
        swapped = chance.permutation(len(appeal))[: max(2, len(appeal) // 10) // 2 * 2]
        appeal[swapped] = appeal[np.roll(swapped, 1)]
    at_s, objects, sessions, following = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(at_s, kind="stable")
    inside = order[: int(np.searchsorted(at_s[order], days * DAY_S))]
    return Days(at_s[inside], objects[inside], sessions[inside], following[inside], sizes, paths, media, days)


def catalogue_of(chance: np.random.Generator, days: int, titles: int, new_a_day: int) -> Catalogue:
    """Draw titles: those that are there on the first day, then those of each day."""
    count = titles + days * new_a_day
    blocks = np.ceil(chance.choice(LENGTHS_S, count) / BLOCK_S).astype(np.int64)
    firsts = np.concatenate([[0], np.cumsum(blocks * len(RUNGS_BPS))])
    born = np.concatenate([-chance.integers(5, 400, titles), np.repeat(np.arange(days), new_a_day)])
    appeal: Floats = np.asarray((1.0 + chance.permutation(count)) ** -0.9, np.float64)
    return Catalogue(blocks, firsts, born.astype(float), chance.random(count) < 0.2, appeal)


def _objects(catalogue: Catalogue) -> tuple[Ints, list[str], list[TitleMedia]]:
    sizes: list[int] = []
    paths: list[str] = []
    media = []
    for title, count in enumerate(catalogue.blocks.tolist()):
        name = f"/media/ast_{title * 2654435761 % 2**32:08x}"
        rungs = []
        for rung, rate in enumerate(RUNGS_BPS):
            of_path = [f"{name}/v{rung}/{number:05}.m4s" for number in range(count)]
            spread = (((title * 2654435761 + np.arange(count) * 40503) >> 4) % 1000) / 1000
            of_size = (rate * BLOCK_S / 8 * (0.8 + 0.4 * spread)).astype(int).tolist()
            rungs.append(Rendition(f"v{rung}", of_path, of_size))
            paths += of_path
            sizes += of_size
        media.append(TitleMedia(name, float(catalogue.born_day[title]) * DAY_S, rungs))
    return np.array(sizes, np.int64), paths, media


def popularity_at(catalogue: Catalogue, appeal: Floats, at_day: float, hour: int) -> Floats:
    """Return how often each title is begun at an hour, beside the others."""
    age = at_day - catalogue.born_day
    fresh = 1.0 + 8.0 * np.exp(-np.maximum(age, 0) / 2.0)
    shape = np.where(catalogue.daytime, DAYTIME[hour] / sum(DAYTIME), EVENING[hour] / sum(EVENING))
    popular: Floats = np.where(age >= 0, appeal * fresh * shape, 0.0)
    return popular


def _session(
    chance: np.random.Generator, catalogue: Catalogue, title: int, at_s: float, number: int
) -> tuple[Floats, Ints, Ints, Ints]:
    length = int(catalogue.blocks[title])
    first = int(chance.integers(length)) if chance.random() < 0.15 else 0  # some go on where they left
    watched = 72.0 if chance.random() < 0.3 else 80.0 + chance.exponential(2800.0)
    blocks = max(1, min(length - first, round(watched / BLOCK_S)))
    ability = int(chance.choice(5, p=(1 / 13, 2 / 13, 3 / 13, 4 / 13, 3 / 13)))
    rungs = np.full(blocks, ability)
    for at in np.flatnonzero(chance.random(blocks) < 0.17).tolist():
        rungs[at:] = max(0, min(4, ability + int(chance.choice((-1, 0, 0, 1)))))
    rungs[0] = max(0, ability - 1)
    numbers = first + np.arange(blocks)
    objects = catalogue.firsts[title] + rungs * length + numbers
    following = np.minimum(objects + 1, catalogue.firsts[title] + (rungs + 1) * length - 1)
    pace = BLOCK_S * chance.uniform(0.98, 1.02, blocks)
    times = at_s + np.concatenate([[0.0], np.cumsum(pace)[:-1]])
    return times, objects, np.full(blocks, number), following
