"""People of a given number with 30 features each, and 100 rules about them; the same each time."""

import sys
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

NOW_S = 1_763_700_000
EVENTS = ("noir", "kids", "sport")
_WIDE = {
    "country": 40,
    "region": 400,
    "city": 2000,
    "os": 12,
    "browser": 20,
    "make": 60,
    "language": 30,
    "metro": 200,
    "home_country": 40,
    "rating": 8,
}
_CLOSED = {
    "device": ["tv", "phone", "tablet", "desktop", "console", "stick"],
    "gender": ["f", "m", "x"],
    "income_band": ["low", "middle", "high"],
    "connection": ["wifi", "cellular", "ethernet", "unknown"],
    "weekday": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
    "consent": ["ads|profiling|measurement", "ads|measurement", "ads", "measurement"],
}
_GENRES = ("noir", "kids", "sport", "drama", "docu", "news", "horror", "romance")
PAIRS = [f"{one}|{other}" for one in _GENRES for other in _GENRES if one < other]
_BLOCK = 1_000_000


def identifier(number: int) -> str:
    return f"user-{number * 2654435761 % 2**32:010d}-{number:08d}"


def identifiers(numbers: Any) -> Any:
    """Return `identifier` of many."""
    plain = np.asarray(numbers, np.uint64)
    mixed = plain * np.uint64(2654435761) % np.uint64(2**32)
    ends = [
        pc.utf8_lpad(pa.array(part).cast(pa.string()), width, "0")
        for part, width in ((mixed, 10), (plain, 8))
    ]
    return pc.binary_join_element_wise("user", *ends, "-")


def write(path: Path, users: int) -> None:
    """Write a file of all users, unless it is there."""
    if path.is_file():
        return
    chance, draft = np.random.default_rng(7), path.with_suffix(".new")
    writer = None
    for start in range(0, users, _BLOCK):
        table = people(chance, range(start, min(start + _BLOCK, users)))
        writer = writer or pq.ParquetWriter(draft, table.schema, compression="zstd")
        writer.write_table(table)
        if (start + _BLOCK) % (10 * _BLOCK) == 0:
            print(f"{start + _BLOCK:,} of {users:,} users written", file=sys.stderr, flush=True)
    assert writer is not None
    writer.close()
    draft.rename(path)


def write_changes(path: Path, users: int, share: float, seed: int) -> None:
    """Write new features of a share of all users, drawn at random."""
    chance = np.random.default_rng(seed)
    chosen = chance.choice(users, int(users * share), replace=False)
    pq.write_table(people(chance, chosen.tolist()), path, compression="zstd")


def people(chance: Any, numbers: Any) -> Any:
    """Return a table of some users."""
    size = len(numbers)
    columns: dict[str, Any] = {"user": identifiers(numbers)}
    for name, values in _WIDE.items():
        columns[name] = _skewed(chance, [f"{name}{n}" for n in range(values)], size)
    for name, words in _CLOSED.items():
        columns[name] = _skewed(chance, words, size, 0.8)
    columns["likes"] = _skewed(chance, PAIRS, size)
    columns["interest"] = _skewed(chance, PAIRS, size)
    columns["age"] = pa.array(chance.integers(13, 95, size).astype("i4"), mask=chance.random(size) < 0.05)
    for name, low, high in (("household_size", 1, 7), ("hour", 0, 24), ("bandwidth_kbps", 500, 100_000)):
        columns[name] = pa.array(chance.integers(low, high, size).astype("i4"))
    columns["screen_height"] = pa.array(chance.choice([480, 720, 1080, 2160], size).astype("i4"))
    columns["hours_per_week"] = pa.array(chance.gamma(2, 4, size).clip(0, 168).astype("f4"))
    for name, share in (("children", 0.3), ("subscriber", 0.2), ("live", 0.5)):
        columns[name] = pa.array(chance.random(size) < share)
    for event in EVENTS:
        at_s = (NOW_S - chance.exponential(40 * 86_400, size)).astype("i8")
        columns[f"watched:{event}"] = pa.array(at_s, mask=chance.random(size) < 0.6)
    return pa.table(columns)


def _skewed(chance: Any, words: list[str], size: int, steepness: float = 1.3) -> Any:
    shares = 1 / np.arange(1, len(words) + 1) ** steepness
    places = chance.choice(len(words), size, p=shares / shares.sum()).astype("i4")
    return pa.DictionaryArray.from_arrays(pa.array(places), pa.array(words))


class Test:
    """One test of a rule, in four languages."""

    def __init__(self, ours: str, sql: str, polars: str, pandas: str) -> None:
        self.ours, self.sql, self.polars, self.pandas = ours, sql, polars, pandas


def rules(count: int = 100) -> list[list[Test]]:
    """Return conjunctions of two to four tests, the same each time."""
    chance = Random(3)
    return [[_test(chance) for _ in range(chance.randint(2, 4))] for _ in range(count)]


def _test(chance: Random) -> Test:
    kind = chance.choice(("in", "in", "in", "not in", "range", "range", "flag", "recent", "set"))
    if kind in {"in", "not in"}:
        return _membership(chance, negated=kind == "not in")
    if kind == "range":
        low = chance.randint(13, 60)
        high = low + chance.randint(5, 40)
        between = f"(d['age'] >= {low}) & (d['age'] <= {high})"
        return Test(
            f"age {low}..{high}",
            f"coalesce(age BETWEEN {low} AND {high}, false)",
            f"c('age').is_between({low}, {high}).fill_null(False)",
            f"({between})",
        )
    if kind == "flag":
        name = chance.choice(("children", "subscriber", "live"))
        return Test(name, name, f"c('{name}')", f"d['{name}']")
    if kind == "recent":
        event, days = chance.choice(EVENTS), chance.choice((7, 14, 30, 60))
        since, name = NOW_S - days * 86_400, f"watched:{event}"
        return Test(
            f'watched("{event}", {days}d)',
            f'coalesce("{name}" >= {since}, false)',
            f"(c('{name}') >= {since}).fill_null(False)",
            f"(d['{name}'] >= {since})",
        )
    genre = chance.choice(_GENRES)
    held = [pair for pair in PAIRS if genre in pair.split("|")]
    return Test(f'likes in ("{genre}")', *_peers("likes", held))


def _membership(chance: Random, *, negated: bool) -> Test:
    name = chance.choice([*_WIDE, "device", "income_band", "weekday"])
    words = _CLOSED.get(name) or [f"{name}{n}" for n in range(min(_WIDE[name], 30))]
    chosen = chance.sample(words, min(len(words) - 1, chance.randint(1, 5)))
    sql, polars, pandas = _peers(name, chosen)
    listed = ", ".join(f'"{word}"' for word in chosen)
    if negated:
        return Test(f"{name} not in ({listed})", f"NOT ({sql})", f"~({polars})", f"~({pandas})")
    return Test(f"{name} in ({listed})", sql, polars, pandas)


def _peers(name: str, words: list[str]) -> tuple[str, str, str]:
    quoted = ", ".join(f"'{word}'" for word in words)
    return f"{name} IN ({quoted})", f"c('{name}').is_in([{quoted}])", f"d['{name}'].isin([{quoted}])"


CONSENT = Test("true", *_peers("consent", [pair for pair in _CLOSED["consent"] if "ads" in pair]))
