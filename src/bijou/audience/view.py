"""One version of the features, as one table: the base, and the deltas above it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bijou.audience.base_layer import AT, KNOWN, Base, Columns, ColumnsFile, picked
from bijou.audience.cells import distinct, dtype_of, event_column, unknown
from bijou.audience.column_files import Array, ColumnFile
from bijou.audience.dimensions import Kind, Registry
from bijou.audience.manifest import Layer, Manifest
from bijou.audience.ordinals import Ordinals


class _Rows(NamedTuple):
    """The rows of one layer that count: not older than what the base knows."""

    layer: Layer
    file: Columns
    ordinals: Ordinals
    at_s: Array
    visible: NDArray[np.bool_]


class _Overlay(NamedTuple):
    """What stands above the base in one column: ordinals, rising, and their cells."""

    ordinals: Ordinals
    values: Array


class View:
    """The features of one version; row n is the user with ordinal n.

    Of two cells for one user that of the later event time counts, and of
    equal times the one that came later. Opening costs a file a layer; what is
    read is copied, so a view shows the same until it is closed, but for users
    that are deleted meanwhile.

    Threads: one at a time.

    Args:
        folder: The store's.
        registry: Tells of each dimension what its cells are.
        opening: Opens a file of the folder.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        registry: Registry,
        opening: Callable[[Path], ColumnsFile] = ColumnFile,
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.registry = registry
        self.rows = manifest.issued
        self._opening = opening
        self._base = Base(opening(folder / manifest.base.file).pieces() if manifest.base else ())
        self._layers = [self._rows_of(layer, folder) for layer in manifest.layers]
        self._overlays: dict[str, _Overlay] = {}
        self._orders: dict[tuple[int, ...], tuple[Ordinals, Array]] = {}

    def close(self) -> None:
        """Let the files go."""
        self._base.close()
        for rows in self._layers:
            rows.file.close()

    def columns(self) -> list[str]:
        """Return the dimensions of which something is stored, without events."""
        return sorted(name for name in self._names() if ":" not in name and name in self.registry)

    def event_columns(self) -> list[str]:
        """Return all pairs of event and value of which something is stored."""
        return sorted(name for name in self._names() if ":" in name)

    def column(self, name: str, start: int = 0, stop: int | None = None, step: int = 1) -> Array:
        """Return the cells of rows [start:stop:step] of a dimension, `known` or `at`."""
        stop = self.rows if stop is None else min(stop, self.rows)
        cells = np.full(len(range(start, stop, step)), self._unknown(name), self._dtype(name))
        self._base.fill(cells, name, start, stop, step)
        over = self._overlay(name)
        if len(over.ordinals):
            first, last = np.searchsorted(over.ordinals, (start, stop))
            places = over.ordinals[first:last].astype(np.int64) - start
            on = slice(None) if step == 1 else places % step == 0
            cells[places[on] // step] = over.values[first:last][on]
        return cells

    def gather(self, name: str, ordinals: Ordinals) -> Array:
        """Return the cells of some users, whose ordinals rise."""
        cells = np.full(len(ordinals), self._unknown(name), self._dtype(name))
        self._base.gather(cells, name, ordinals)
        over = self._overlay(name)
        if len(over.ordinals):
            places = np.searchsorted(over.ordinals, ordinals)
            places[places == len(over.ordinals)] = 0
            hit = over.ordinals[places] == ordinals
            cells[hit] = over.values[places[hit]]
        return cells

    def moments(self, event: str, value: str, start: int = 0, stop: int | None = None) -> list[Array]:
        """Return runs of `ordinal << 32 | at_s` of users [start, stop), each sorted.

        All together are a set; they are shown as they lie in the files.
        """
        name = event_column(event, value)
        stop = self.rows if stop is None else stop
        bounds = np.array([start, stop], np.uint64) << np.uint64(32)
        runs = self._base.moments(name, start, stop)
        for keys in self._layer_moments(name):
            first, last = np.searchsorted(keys, bounds)
            runs.append(keys[first:last])
        return [run for run in runs if len(run)]

    def moments_of(self, event: str, value: str, ordinals: Ordinals) -> list[Array]:
        """Return the same of some users, who rise."""
        name = event_column(event, value)
        runs = self._base.moments_of(name, ordinals)
        runs += [picked(keys, ordinals) for keys in self._layer_moments(name)]
        return [run for run in runs if len(run)]

    def _layer_moments(self, name: str) -> Iterator[Array]:
        """Yield what each layer says of an event; of one below the base, what is newer than that."""
        base = self.manifest.base
        for rows in self._layers:
            if name in rows.file:
                keys = rows.file.mapped(name)
                if base and rows.layer.sequence < base.sequence:
                    keys = keys[(keys & np.uint64(0xFFFFFFFF)) > np.uint64(self.manifest.full_at_s)]
                yield keys

    def base_at_s(self, ordinals: Ordinals) -> Array:
        """Return up to when the base knows of users, who rise, whether or not they are in it."""
        at_s = np.zeros(len(ordinals), np.uint32)
        self._base.gather(at_s, AT, ordinals)
        return np.maximum(at_s, np.uint32(self.manifest.full_at_s))

    def changed_since(self, sequence: int) -> Ordinals:
        """Return the users, rising, with rows in layers that came after `sequence`."""
        newer = [rows.ordinals[rows.visible] for rows in self._layers if rows.layer.sequence > sequence]
        newer += [
            (run >> np.uint64(32)).astype(np.uint32)
            for rows in self._layers
            if rows.layer.sequence > sequence
            for column in rows.file.columns()
            if ":" in column.name
            for run in [rows.file.mapped(column.name)]
        ]
        return distinct(np.concatenate(newer)) if newer else np.empty(0, np.uint32)

    def code(self, name: str, word: str) -> int | None:
        """Return the place of a value in a dimension's list, or None where nobody has it."""
        words = self.manifest.words.get(name, [])
        return words.index(word) if word in words else None

    def _names(self) -> set[str]:
        return self._base.names() | {c.name for rows in self._layers for c in rows.file.columns()}

    def _rows_of(self, layer: Layer, folder: Path) -> _Rows:
        file = self._opening(folder / layer.file)
        ordinals, at_s = file.read("ordinal"), file.read(AT)
        known_at_s = self.base_at_s(ordinals)
        base = self.manifest.base
        is_older = base is not None and layer.sequence < base.sequence
        visible = (at_s > known_at_s if is_older else at_s >= known_at_s) & (at_s > 0)
        return _Rows(layer, file, ordinals, at_s, visible)

    def _overlay(self, name: str) -> _Overlay:
        if name not in self._overlays:
            self._overlays[name] = self._overlaid(name)
        return self._overlays[name]

    def _overlaid(self, name: str) -> _Overlay:
        holding = tuple(
            place for place, rows in enumerate(self._layers) if name in {KNOWN, AT} or name in rows.file
        )
        if not holding:
            return _Overlay(np.empty(0, np.uint32), np.empty(0, self._dtype(name)))
        ordinals, order = self._order(holding)
        if name == KNOWN:
            return _Overlay(ordinals, np.ones(len(ordinals), np.uint8))
        stacked = [
            (self._layers[place].at_s if name == AT else self._layers[place].file.read(name))[
                self._layers[place].visible
            ].astype(self._dtype(name))
            for place in holding
        ]
        return _Overlay(ordinals, np.concatenate(stacked)[order])

    def _order(self, holding: tuple[int, ...]) -> tuple[Ordinals, Array]:
        """Return which of the stacked rows of some layers count: of each user the latest."""
        if holding not in self._orders:
            layers = [self._layers[place] for place in holding]
            ordinals = np.concatenate([rows.ordinals[rows.visible] for rows in layers])
            at_s = np.concatenate([rows.at_s[rows.visible] for rows in layers])
            order = np.lexsort((at_s, ordinals))  # stable: of equal times the later layer stays last
            rising = ordinals[order]
            last = np.append(rising[1:] != rising[:-1], True) if len(rising) else np.empty(0, bool)
            self._orders[holding] = rising[last], order[last]
        return self._orders[holding]

    def _dtype(self, name: str) -> str:
        if name in {KNOWN, AT}:
            return "|u1" if name == KNOWN else "<u4"
        return dtype_of(self.registry[name].kind, len(self.manifest.words.get(name, ())))

    def _unknown(self, name: str) -> Any:
        return 0 if name in {KNOWN, AT} else unknown(Kind(self.registry[name].kind))
