"""Parts of a batch become a layer, or a new base, of the store: all at once."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from bijou.audience.base_layer import AT, KNOWN, Base, keys_of, starts_of
from bijou.audience.cells import Array, distinct, dtype_of, grown_words, recoded, unknown
from bijou.audience.column_files import Column, ColumnFile, ColumnWriter, Piece
from bijou.audience.dimensions import Kind, Registry
from bijou.audience.manifest import Layer, Manifest
from bijou.audience.numbering import Numbering
from bijou.audience.ordinals import Ordinals
from bijou.audience.staging import Staging
from bijou.audience.store import FeatureStore
from bijou.audience.view import View

_FLATTEN_ROWS: Final = 0.1
_FLATTEN_LAYERS: Final = 24
_BLOCK: Final = 1 << 20
_LOW, _HIGH = np.uint64(0xFFFFFFFF), np.uint64(32)


class Committed(NamedTuple):
    """What a batch changed."""

    manifest: Manifest
    users: int
    fresh: int
    late: int


class _Parts:
    """The parts of a batch as one table; row n of all is row n - start of one of them."""

    def __init__(self, staging: Staging) -> None:
        self.path = staging.rows
        self._files = [ColumnFile(staging.rows), ColumnFile(staging.ids)]
        self.rows, self.ids = (file.pieces() for file in self._files)
        self.starts = starts_of(self.rows)
        self.words = staging.words
        self.newest_s = max(part.newest_s for part in staging.parts)
        names = sorted({column.name for piece in self.rows for column in piece.columns()} - {KNOWN, AT})
        self.scalars = [name for name in names if ":" not in name]
        self.events = [name for name in names if ":" in name]

    def pieces(self) -> Iterator[tuple[Piece, int]]:
        """Yield the pieces of rows, and where each begins."""
        return zip(self.rows, self.starts, strict=False)

    def close(self) -> None:
        for file in self._files:
            file.close()


class _Commit:
    """One batch on its way into a version."""

    def __init__(self, store: FeatureStore, manifest: Manifest, parts: _Parts, sequence: int) -> None:
        self._store = store
        self._manifest = manifest
        self._registry: Registry = store.registry(manifest)
        self._parts = parts
        self._sequence = sequence
        self._words = dict(manifest.words)
        for name in parts.scalars:
            kind = self._registry[name].kind
            if kind in {Kind.CATEGORY, Kind.SET}:
                known = self._words.get(name, self._registry[name].values)
                self._words[name] = grown_words(name, kind, known, [parts.words.get(name, [])])
        ordinals = store.ordinals(manifest)
        self._numbered = Numbering(store.data, parts.ids, parts.starts, ordinals, sequence).run()
        ordinals.close()

    def full(self, event_at_s: int) -> Committed:
        """Put a new base in place: what the batch says, and nothing else but newer moments."""
        name = f"base-{self._sequence:08}.cols"
        if self._is_base_as_it_stands() and _linked(self._parts.path, self._store.data / name):
            rows, newest_s = self._numbered.issued, self._parts.newest_s
        else:
            rows, newest_s = self._write_base(name, event_at_s)
        base = Layer(name, self._sequence, rows, newest_s)
        layers = tuple(layer for layer in self._manifest.layers if layer.newest_s > event_at_s)
        changes = self._changes()
        manifest = self._manifest.next(base=base, layers=layers, full_at_s=event_at_s, **changes)
        return Committed(manifest, rows, self._fresh(), 0)

    def delta(self) -> Committed:
        """Write a layer of the batch's rows, one a user, in order of ordinals."""
        rows, ordinals = self._winners()
        order = rows[np.argsort(ordinals, kind="stable")]
        ordinals = np.sort(ordinals)
        at_s = self._stacked(AT)[order]
        moments = {name: self._moments(name, None, []) for name in self._parts.events}
        name = f"delta-{self._sequence:08}.cols"
        columns = [Column("ordinal", "<u4", len(order)), Column(AT, "<u4", len(order))]
        columns += [Column(each, self._dtype(each), len(order)) for each in self._parts.scalars]
        columns += [Column(each, "<u8", len(keys)) for each, keys in moments.items()]
        writer = ColumnWriter(self._store.data / name, columns)
        writer.write("ordinal", ordinals)
        writer.write(AT, at_s)
        for each in self._parts.scalars:
            writer.write(each, self._stacked(each)[order])
        for each, keys in moments.items():
            writer.write(each, keys)
        writer.seal()
        late = int((at_s < self._known_at_s(ordinals)).sum())
        layer = Layer(name, self._sequence, len(order), self._parts.newest_s)
        manifest = self._manifest.next(layers=(*self._manifest.layers, layer), **self._changes())
        return Committed(manifest, len(order), self._fresh(), late)

    def _changes(self) -> dict[str, Any]:
        shards = {**self._manifest.shards, **self._numbered.shards}
        return {"issued": self._numbered.issued, "shards": shards, "words": self._words}

    def _fresh(self) -> int:
        return self._numbered.issued - self._manifest.issued

    def _is_base_as_it_stands(self) -> bool:
        """Tell whether row n is the user with ordinal n, in codes that hold; the first batch is so."""
        return (
            self._manifest.issued == 0
            and self._numbered.ordinals is None
            and all(self._words[name][: len(words)] == words for name, words in self._staged_words())
        )

    def _staged_words(self) -> list[tuple[str, list[str]]]:
        return [(name, words) for name, words in self._parts.words.items() if name in self._parts.scalars]

    def _write_base(self, name: str, event_at_s: int) -> tuple[int, int]:
        """Write a base whose rows come from here and there; return how many are known, and the newest."""
        rows, ordinals = self._winners()
        issued = self._numbered.issued
        kept = self._newer_moments(event_at_s)
        moments = {each: self._moments(each, rows, kept.pop(each, [])) for each in self._parts.events}
        moments |= {each: np.concatenate(keys) for each, keys in kept.items()}
        columns = [Column(KNOWN, "|u1", issued), Column(AT, "<u4", issued)]
        columns += [Column(each, self._dtype(each), issued) for each in self._parts.scalars]
        columns += [Column(each, "<u8", len(keys)) for each, keys in moments.items()]
        writer = ColumnWriter(self._store.data / name, columns)
        for column in columns[: 2 + len(self._parts.scalars)]:
            writer.write(column.name, self._scattered(column, rows, ordinals))
        for each, keys in moments.items():
            writer.write(each, keys)
        writer.seal()
        carried = [int((keys & _LOW).max()) for keys in moments.values() if len(keys)]
        return len(rows), max([self._parts.newest_s, *carried])

    def _winners(self) -> tuple[Array, Ordinals]:
        """Return the rows that count, rising, and their ordinals: of each user the latest or last."""
        count = self._parts.starts[-1]
        ordinals = self._numbered.ordinals
        if ordinals is None:
            first = self._manifest.issued
            return np.arange(count, dtype=np.uint32), np.arange(first, first + count, dtype=np.uint32)
        counts = np.ones(count, bool)
        counts[self._numbered.dead] = False
        several = self._numbered.repeated
        if len(several):
            counts[several] = False
            order = np.lexsort((several, self._stacked(AT)[several], ordinals[several]))
            rising = ordinals[several][order]
            counts[several[order[np.append(rising[1:] != rising[:-1], True)]]] = True
        return np.flatnonzero(counts), ordinals[counts]

    def _stacked(self, name: str) -> Array:
        """Return the cells of all rows, in our codes."""
        return np.concatenate([self._cells(piece, name) for piece in self._parts.rows])

    def _cells(self, piece: Piece, name: str) -> Array:
        """Return the cells of one piece, in our codes."""
        if name in {KNOWN, AT}:
            return piece.read(name)
        kind, ours = self._registry[name].kind, self._words.get(name, [])
        if name not in piece:
            return np.full(piece.count(AT), unknown(kind), dtype_of(kind, len(ours)))
        return recoded(kind, piece.read(name), self._parts.words.get(name, []), ours)

    def _scattered(self, column: Column, rows: Array, ordinals: Ordinals) -> Array:
        """Return a column by ordinal, of rows that rise."""
        is_scalar = column.name not in {KNOWN, AT}
        empty = unknown(self._registry[column.name].kind) if is_scalar else 0
        places = np.full(column.cells, empty, column.dtype)
        bounds = np.searchsorted(rows, self._parts.starts).tolist()
        for number, (piece, start) in enumerate(self._parts.pieces()):
            mine = slice(bounds[number], bounds[number + 1])
            places[ordinals[mine]] = self._cells(piece, column.name)[rows[mine] - rows.dtype.type(start)]
        return places

    def _moments(self, name: str, winners: Array | None, more: list[Array]) -> Array:
        """Return the sorted keys of one event: ordinal and second; of all living rows, or of some."""
        counts = np.full(self._parts.starts[-1], winners is None)
        counts[self._numbered.dead if winners is None else winners] = winners is not None
        first, ordinals = self._manifest.issued, self._numbered.ordinals
        found = list(more)
        for piece, start in self._parts.pieces():
            if name in piece:
                keys = piece.read(name)
                rows = (keys >> _HIGH).astype(np.int64) + start
                whose = rows + first if ordinals is None else ordinals[rows]
                found.append(keys_of(whose[counts[rows]], (keys & _LOW)[counts[rows]]))
        return distinct(np.concatenate(found or [np.empty(0, np.uint64)]))

    def _newer_moments(self, event_at_s: int) -> dict[str, list[Array]]:
        """Return the moments of the old base that a full picture of `event_at_s` cannot know."""
        kept: dict[str, list[Array]] = {}
        if self._manifest.base and self._manifest.base.newest_s > event_at_s:
            base = Base(ColumnFile(self._store.data / self._manifest.base.file).pieces())
            for name in sorted(name for name in base.names() if ":" in name):
                runs = base.moments(name, 0, base.rows)
                newer = [run[(run & _LOW) > np.uint64(event_at_s)] for run in runs]
                if any(len(run) for run in newer):
                    kept[name] = newer
            base.close()
        return kept

    def _known_at_s(self, ordinals: Ordinals) -> Array:
        view = View(self._store.data, self._manifest, self._registry)
        known = view.base_at_s(ordinals)
        view.close()
        return known

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


def _linked(path: Path, other: Path) -> bool:
    """Give a file a second name, so that a killed commit finds it under the first; tell whether that went."""
    other.unlink(missing_ok=True)
    try:
        os.link(path, other)
    except OSError:  # a filesystem without links
        return False
    return True


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
