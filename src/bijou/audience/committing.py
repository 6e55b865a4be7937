"""Parts of a batch become a layer, or a new base, of the store: all at once."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from bijou.audience.cells import Array, distinct, dtype_of, grown_words, recoded, unknown
from bijou.audience.column_files import Column, ColumnFile, ColumnWriter
from bijou.audience.dimensions import Kind, Registry
from bijou.audience.manifest import Layer, Manifest
from bijou.audience.ordinals import Grown, Ordinals, write_shard
from bijou.audience.staging import Staging, columns_of
from bijou.audience.store import FeatureStore
from bijou.audience.view import AT, KNOWN, View

_FLATTEN_ROWS: Final = 0.1
_FLATTEN_LAYERS: Final = 24
_BLOCK: Final = 1 << 20
_LOW: Final = np.uint64(0xFFFFFFFF)


class Committed(NamedTuple):
    """What a batch changed."""

    manifest: Manifest
    users: int
    fresh: int
    late: int


class _Parts:
    """The parts of a batch as one table; row n of all is row n - start of one of them."""

    def __init__(self, staging: Staging) -> None:
        self.files = [ColumnFile(path) for path in staging.parts()]
        self.sizes = [file.count("hash") for file in self.files]
        self.columns = sorted({name for file in self.files for name in columns_of(file)})

    def stacked(self, name: str) -> Array:
        """Return an array of all rows."""
        return np.concatenate([file.read(name) for file in self.files] or [np.empty(0, np.uint64)])

    def words(self, name: str) -> list[list[str]]:
        return [file.meta["words"].get(name, []) for file in self.files]

    def cells(self, name: str, kind: Kind, ours: list[str]) -> Iterable[Array]:
        """Yield the cells of each part, in our codes."""
        for file, words in zip(self.files, self.words(name), strict=True):
            if f"={name}" in file:
                yield recoded(kind, file.read(f"={name}"), words, ours)
            else:
                yield np.full(file.count("hash"), unknown(kind), dtype_of(kind, len(ours)))

    def close(self) -> None:
        for file in self.files:
            file.close()


class _Commit:
    """One batch on its way into a version."""

    def __init__(self, store: FeatureStore, manifest: Manifest, parts: _Parts, sequence: int) -> None:
        self._store = store
        self._manifest = manifest
        self._registry: Registry = store.registry(manifest)
        self._parts = parts
        self._sequence = sequence
        self._at_s = parts.stacked("at")
        ordinals = store.ordinals(manifest)
        hashes = parts.stacked("hash")
        self._alive = hashes != 0  # a row whose user was deleted on its way in has lost its hash
        self._grown: Grown = ordinals.grown(hashes[self._alive])
        self._ordinals = np.zeros(len(hashes), np.uint32)
        self._ordinals[self._alive] = self._grown.ordinals
        ordinals.close()
        self._words = dict(manifest.words)
        self._scalars = [name for name in parts.columns if ":" not in name]
        self._events = [name for name in parts.columns if ":" in name]
        for name in self._scalars:
            kind = self._registry[name].kind
            if kind in {Kind.CATEGORY, Kind.SET}:
                known = self._words.get(name, self._registry[name].values)
                self._words[name] = grown_words(name, kind, known, parts.words(name))

    def full(self, event_at_s: int) -> Committed:
        """Write a new base: what the batch says, and nothing else but newer moments."""
        winners = self._winners()
        issued = self._grown.issued
        kept = self._newer_moments(event_at_s)
        moments = {name: self._moments(name, winners, kept.pop(name, [])) for name in self._events}
        moments |= {name: keys for name, (keys,) in kept.items()}
        name = f"base-{self._sequence:08}.cols"
        columns = [Column(KNOWN, "|u1", issued), Column(AT, "<u4", issued)]
        columns += [Column(each, self._dtype(each), issued) for each in self._scalars]
        columns += [Column(each, "<u8", len(keys)) for each, keys in moments.items()]
        writer = ColumnWriter(self._store.data / name, columns)
        known = np.zeros(issued, np.uint8)
        known[self._ordinals[winners]] = 1
        writer.write(KNOWN, known)
        self._write_scattered(writer, AT, [self._at_s], winners, 0)
        for each in self._scalars:
            kind = self._registry[each].kind
            cells = self._parts.cells(each, kind, self._words.get(each, []))
            self._write_scattered(writer, each, cells, winners, unknown(kind))
        for each, keys in moments.items():
            writer.write(each, keys)
        writer.seal()
        carried = [int((keys & _LOW).max()) for keys in moments.values() if len(keys)]
        base = Layer(name, self._sequence, len(winners), max([self._newest_s(), *carried]))
        layers = tuple(layer for layer in self._manifest.layers if layer.newest_s > event_at_s)
        shards = self._write_shards()
        manifest = self._manifest.next(
            issued=issued, shards=shards, words=self._words, base=base, layers=layers, full_at_s=event_at_s
        )
        return Committed(manifest, len(winners), issued - self._manifest.issued, 0)

    def delta(self) -> Committed:
        """Write a layer of the batch's rows, one a user, in order of ordinals."""
        winners = self._winners()
        order = winners[np.argsort(self._ordinals[winners], kind="stable")]
        ordinals, at_s = self._ordinals[order], self._at_s[order]
        moments = {name: self._moments(name, None, []) for name in self._events}
        name = f"delta-{self._sequence:08}.cols"
        columns = [Column("ordinal", "<u4", len(order)), Column(AT, "<u4", len(order))]
        columns += [Column(each, self._dtype(each), len(order)) for each in self._scalars]
        columns += [Column(each, "<u8", len(keys)) for each, keys in moments.items()]
        writer = ColumnWriter(self._store.data / name, columns)
        writer.write("ordinal", ordinals)
        writer.write(AT, at_s)
        for each in self._scalars:
            kind = self._registry[each].kind
            cells = np.concatenate(list(self._parts.cells(each, kind, self._words.get(each, []))))
            writer.write(each, cells[order])
        for each, keys in moments.items():
            writer.write(each, keys)
        writer.seal()
        late = int((at_s < self._known_at_s(ordinals)).sum())
        layer = Layer(name, self._sequence, len(order), self._newest_s())
        manifest = self._manifest.next(
            issued=self._grown.issued,
            shards=self._write_shards(),
            words=self._words,
            layers=(*self._manifest.layers, layer),
        )
        return Committed(manifest, len(order), self._grown.issued - self._manifest.issued, late)

    def _winners(self) -> Array:
        """Return, in order of rows, the row that counts of each user: the latest, of equals the last."""
        rows = np.flatnonzero(self._alive)
        ordinals = self._grown.ordinals
        if not len(rows) or np.bincount(ordinals).max() == 1:
            return rows
        order = np.lexsort((rows, self._at_s[rows], ordinals))
        rising = ordinals[order]
        return np.sort(rows[order[np.append(rising[1:] != rising[:-1], True)]])

    def _write_scattered(
        self, writer: ColumnWriter, name: str, parts: Iterable[Array], winners: Array, empty: float
    ) -> None:
        """Write each row to its user's place; straight from the parts where rows are in that order."""
        ordinals = self._ordinals
        if len(winners) == len(ordinals) == self._grown.issued and bool((ordinals[1:] > ordinals[:-1]).all()):
            at = 0
            for cells in parts:
                writer.write(name, cells, at)
                at += len(cells)
            return
        stacked = np.concatenate(list(parts) or [np.empty(0)])
        places = np.full(self._grown.issued, empty, stacked.dtype)
        places[ordinals[winners]] = stacked[winners]
        writer.write(name, places)

    def _moments(self, name: str, winners: Array | None, more: list[Array]) -> Array:
        """Return the sorted keys of one event: ordinal and second."""
        at_s = np.concatenate(list(self._parts.cells(name, Kind.EVENT, [])))
        happened = (at_s > 0) & self._alive
        if winners is not None and len(winners) < len(at_s):
            is_winner = np.zeros(len(at_s), bool)
            is_winner[winners] = True
            happened &= is_winner
        keys = self._ordinals[happened].astype(np.uint64) << np.uint64(32)
        return distinct(np.concatenate([keys | at_s[happened].astype(np.uint64), *more]))

    def _newer_moments(self, event_at_s: int) -> dict[str, list[Array]]:
        """Return the moments of the old base that a full picture of `event_at_s` cannot know."""
        kept: dict[str, list[Array]] = defaultdict(list)
        if self._manifest.base and self._manifest.base.newest_s > event_at_s:
            file = ColumnFile(self._store.data / self._manifest.base.file)
            for column in file.columns():
                if ":" in column.name:
                    keys = file.read(column.name)
                    newer = keys[(keys & _LOW) > np.uint64(event_at_s)]
                    if len(newer):
                        kept[column.name] = [newer]
            file.close()
        return kept

    def _newest_s(self) -> int:
        newest = int(self._at_s.max(initial=0))
        for name in self._events:
            for cells in self._parts.cells(name, Kind.EVENT, []):
                newest = max(newest, int(cells.max(initial=0)))
        return newest

    def _known_at_s(self, ordinals: Ordinals) -> Array:
        view = View(self._store.data, self._manifest, self._registry)
        known = view.base_at_s(ordinals)
        view.close()
        return known

    def _write_shards(self) -> dict[int, str]:
        shards = dict(self._manifest.shards)
        for shard, (hashes, ordinals) in self._grown.shards.items():
            shards[shard] = f"ids-{shard:02}-{self._sequence:08}.cols"
            write_shard(self._store.data / shards[shard], hashes, ordinals)
        return shards

    def _dtype(self, name: str) -> str:
        return dtype_of(self._registry[name].kind, len(self._words.get(name, ())))


def commit_parts(store: FeatureStore, staging: Staging, *, full_at_s: int | None) -> Committed:
    """Write the staged batch's files and return the version that has them; publish it.

    Args:
        full_at_s: The event time of a full batch; None for a delta.
    """
    manifest = store.manifest()
    parts = _Parts(staging)
    try:
        commit = _Commit(store, manifest, parts, manifest.version + 1)
        return commit.delta() if full_at_s is None else commit.full(full_at_s)
    finally:
        parts.close()


def is_due(manifest: Manifest) -> bool:
    """Tell whether layers have grown so many, or so large, that reading suffers."""
    rows = sum(layer.rows for layer in manifest.layers)
    return len(manifest.layers) > _FLATTEN_LAYERS or rows > max(_FLATTEN_ROWS * manifest.issued, 100_000)


def flatten(store: FeatureStore, manifest: Manifest) -> Manifest:
    """Write base and layers as one new base; return the version that has it.

    From then on a row older than what is known of its user changes nothing,
    where before each of its cells was compared by itself.
    """
    view = View(store.data, manifest, store.registry(manifest))
    moments = {name: _all_moments(view, name) for name in view.event_columns()}
    scalars = view.columns()
    issued = manifest.issued
    name = f"base-{manifest.version + 1:08}.cols"
    columns = [Column(KNOWN, "|u1", issued), Column(AT, "<u4", issued)]
    columns += [Column(each, view.column(each, 0, 0).dtype.str, issued) for each in scalars]
    columns += [Column(each, "<u8", len(keys)) for each, keys in moments.items()]
    writer = ColumnWriter(store.data / name, columns)
    for each in (KNOWN, AT, *scalars):
        for start in range(0, issued, _BLOCK):
            writer.write(each, view.column(each, start, start + _BLOCK), start)
    for each, keys in moments.items():
        writer.write(each, keys)
    writer.seal()
    view.close()
    stack = [*([manifest.base] if manifest.base else []), *manifest.layers]
    base = Layer(
        name,
        max(layer.sequence for layer in stack),
        sum(layer.rows for layer in stack),
        max(layer.newest_s for layer in stack),
    )
    return manifest.next(base=base, layers=())


def _all_moments(view: View, name: str) -> Array:
    event, _, value = name.partition(":")
    runs = view.moments(event, value)
    return distinct(np.concatenate(runs)) if runs else np.empty(0, np.uint64)


def scrub_parts(folder: Path, hash_: int) -> int:
    """Take a hash out of all parts of all batches on their way; return how many rows had it."""
    scrubbed = 0
    for path in sorted(folder.glob("*/part-*.cols")):
        file = ColumnFile(path, writable=True)
        rows = np.flatnonzero(file.read("hash") == np.uint64(hash_))
        for row in rows:
            for column in file.columns():
                file.overwrite(column.name, int(row), np.zeros(1, column.dtype))
        if len(rows):
            file.sync()
        file.close()
        scrubbed += len(rows)
    return scrubbed
