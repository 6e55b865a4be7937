"""Viewers that nobody is, as a Parquet file: for a first evening, and for trying a batch out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bijou.ports import Instant

_BLOCK: Final = 1 << 18
_DAY_S: Final = 86_400
_COUNTRIES: Final = ("DE", "FR", "GB", "ES", "IT", "PL", "NL", "AT", "CH", "SE")
_GENRES: Final = ("drama", "noir", "kids", "sport", "docu", "comedy", "horror", "romance")
_INTERESTS: Final = ("travel", "cars", "cooking", "gaming", "garden", "fashion", "running", "music")
_CONSENTS: Final = ("ads|profiling|measurement", "ads|measurement", "measurement")
_SEED: Final = 7


def write_sample(path: Path, users: int, now: Instant) -> None:
    """Write a file of `users` viewers, called `user-0000000000` and so on.

    The same people for the same number and moment, in the shipped dimensions.

    Cost: about a microsecond of CPU and 40 bytes a user; memory for a quarter
    million of them.

    Args:
        users: >= 1.
        now: What their last moments are told from.
    """
    chance = np.random.default_rng(_SEED)
    draft = path.with_name(f"{path.name}.new")
    try:
        with pq.ParquetWriter(draft, _schema(), compression="zstd") as writer:
            for start in range(0, users, _BLOCK):
                writer.write_table(_people(chance, start, min(start + _BLOCK, users), now // 1_000_000))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _people(chance: np.random.Generator, start: int, stop: int, now_s: int) -> pa.Table:
    size = stop - start
    numbers = pc.utf8_lpad(pa.array(np.arange(start, stop)).cast(pa.string()), 10, "0")
    columns = {
        "user": pc.binary_join_element_wise("user", numbers, "-"),
        "home_country": _drawn(chance, _COUNTRIES, size),
        "age": pa.array(chance.integers(13, 95, size).astype("i4"), mask=chance.random(size) < 0.05),
        "household_size": pa.array(chance.integers(1, 7, size).astype("i4")),
        "children": pa.array(chance.random(size) < 0.3),
        "subscriber": pa.array(chance.random(size) < 0.2),
        "hours_per_week": pa.array(chance.gamma(2, 4, size).clip(0, 168).astype("f4")),
        "likes": _drawn(chance, _pairs(_GENRES), size),
        "interest": _drawn(chance, _pairs(_INTERESTS), size),
        "consent": _drawn(chance, _CONSENTS, size),
    }
    for genre in _GENRES[:4]:
        moments = (now_s - chance.exponential(40 * _DAY_S, size)).astype("i8")
        columns[f"watched:{genre}"] = pa.array(moments, mask=chance.random(size) < 0.6)
    return pa.table(columns).cast(_schema())


def _schema() -> Any:
    whole, text, flag = pa.int32(), pa.string(), pa.bool_()
    fields = {
        "user": text,
        "home_country": text,
        "age": whole,
        "household_size": whole,
        "children": flag,
        "subscriber": flag,
        "hours_per_week": pa.float32(),
        "likes": text,
        "interest": text,
        "consent": text,
        **{f"watched:{genre}": pa.int64() for genre in _GENRES[:4]},
    }
    return pa.schema(list(fields.items()))


def _drawn(chance: np.random.Generator, words: tuple[str, ...], size: int) -> Any:
    """Draw words of which each next one is rarer."""
    shares = 1 / np.arange(1, len(words) + 1)
    places = chance.choice(len(words), size, p=shares / shares.sum()).astype("i4")
    return pa.DictionaryArray.from_arrays(pa.array(places), pa.array(words))


def _pairs(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_two(words))


def _two(words: tuple[str, ...]) -> Iterator[str]:
    for place, one in enumerate(words):
        for other in words[place + 1 :]:
            yield f"{one}|{other}"
