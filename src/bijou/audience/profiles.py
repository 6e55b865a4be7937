"""What is known of one viewer, in one read: features, audiences, and how old that is.

A record is fixed cells behind each other and, at its end, the numbers of the
viewer's audiences. Its layout stands once beside all records, not in each.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple, Protocol

import msgspec
import numpy as np

from bijou.audience.base_layer import AT, KNOWN
from bijou.audience.cells import FALSE, KNOWN_SET, NO_INTEGER, Array
from bijou.audience.dimensions import Kind, Privacy
from bijou.audience.hashing import Hasher
from bijou.audience.manifest import Manifest
from bijou.audience.ordinals import SHARDS, OrdinalMap, Ordinals
from bijou.audience.shown import Known
from bijou.audience.snapshots import CONSENT, Snapshot
from bijou.audience.store import FeatureStore
from bijou.audience.view import View
from bijou.ports import BijouError, Clock, Instant

_KEY_BYTES: Final = 8


class Cell(msgspec.Struct, frozen=True):
    """Where one dimension stands in a record."""

    name: str
    kind: Kind
    dtype: str
    offset: int


class Layout(msgspec.Struct, frozen=True):
    """What the bytes of all records of one version mean.

    Args:
        version: Grows with every full build of profiles.
        snapshot: Version of the audiences in it.
        fixed_bytes: Length of the cells; audiences follow, two bytes each.
        built_at: When these profiles were built.
    """

    version: int
    snapshot: int
    cells: list[Cell]
    words: dict[str, list[str]]
    audiences: list[str]
    fixed_bytes: int
    built_at: Instant


class Profiles(Protocol):
    """Records by key, in `SHARDS` shards by the key's first six bits."""

    def layout(self) -> Layout | None:
        """Return what is in force, if anything was ever built."""
        ...

    def get(self, key: bytes) -> bytes | None:
        """Return a record.

        Raises:
            EngineUnavailable: `audience.profiles_unavailable`.
        """
        ...

    def get_many(self, keys: list[bytes]) -> list[bytes | None]:
        """Return many records in one round."""
        ...

    def replace(self, layout: Layout, shards: Iterable[tuple[list[bytes], list[bytes]]]) -> None:
        """Put all shards of a new version, keys rising, in force at once."""
        ...

    def put(self, items: list[tuple[bytes, bytes]]) -> None:
        """Change some records of the version in force."""
        ...

    def forget(self, key: bytes) -> None:
        """Remove a record so that no byte of it is left in any file."""
        ...

    def refresh(self) -> None:
        """See what was written since."""
        ...

    def close(self) -> None:
        """Let all of it go."""
        ...


class Profile(NamedTuple):
    """One viewer's record, decoded as it is asked."""

    raw: bytes
    layout: Layout

    @property
    def at_s(self) -> int:
        """Up to when it is true, in seconds since 1970."""
        return int.from_bytes(self.raw[:4], "little")

    def audience_numbers(self) -> "memoryview[int]":
        """Return places in `layout.audiences`; the cheapest form."""
        return memoryview(self.raw)[self.layout.fixed_bytes :].cast("H")

    def audiences(self) -> list[str]:
        """Return the names of the viewer's audiences."""
        names = self.layout.audiences
        return [names[number] for number in self.audience_numbers()]

    def features(self) -> dict[str, Any]:
        """Return what is known by dimension; what is unknown lacks."""
        found = {}
        for cell in self.layout.cells:
            value = _decoded(self.raw, cell, self.layout.words.get(cell.name, []))
            if value is not None:
                found[cell.name] = value
        return found


class ProfileReader:
    """Reads profiles for a purpose, and says so where it cannot.

    Nothing here raises for a viewer's sake: an engine that is down, a viewer
    of whom nothing is known, or one who has not consented is an answer that
    says what is missing, so that the caller can go by the context alone.

    Threads: as the engine's.

    Args:
        stale_after_s: Older profiles are not used.
    """

    def __init__(
        self, profiles: Profiles, hasher: Hasher, clock: Clock, *, stale_after_s: float = 86_400.0
    ) -> None:
        self._profiles = profiles
        self._hasher = hasher
        self._clock = clock
        self._stale_after_s = stale_after_s
        self._layout = profiles.layout()

    def key_of(self, identifier: str) -> bytes:
        """Return the key of a viewer: keep it for a session instead of the identifier."""
        return self._hasher.one(identifier).to_bytes(_KEY_BYTES, "big")

    def read(self, key: bytes) -> Profile | None:
        """Return a record as it is, without a look at consent or age.

        Cost: about 2 us on LMDB.
        """
        raw = self._profiles.get(key)
        return Profile(raw, self._layout) if raw is not None and self._layout is not None else None

    def known(self, key: bytes, purpose: str) -> Known:
        """Return what may be used of a viewer for a purpose."""
        layout = self._layout
        if layout is None:
            return Known([], {}, "no_profile", 0.0, 0)
        age_s = (self._clock.now() - layout.built_at) / 1_000_000
        try:
            profile = self.read(key)
        except BijouError:
            return Known([], {}, "unavailable", age_s, layout.snapshot)
        if profile is None:
            return Known([], {}, "no_profile", age_s, layout.snapshot)
        if age_s > self._stale_after_s:
            return Known([], {}, "stale", age_s, layout.snapshot)
        features = profile.features()
        if purpose not in features.get(CONSENT, frozenset()):
            return Known([], {}, "no_consent", age_s, layout.snapshot)
        return Known(profile.audiences(), features, "", age_s, layout.snapshot)

    def refresh(self) -> None:
        """See a new version, if there is one; call it every second or so."""
        self._profiles.refresh()
        self._layout = self._profiles.layout()


def build_profiles(store: FeatureStore, snapshot: Snapshot, profiles: Profiles) -> Layout:
    """Write every user's record, all audiences in it, and put them in force at once.

    Cost: about 2 us a user.
    """
    with store.viewing() as view:
        before = profiles.layout()
        layout = _layout(view, snapshot, before.version + 1 if before else 1, store.clock.now())
        records = _Records(view, snapshot, layout)
        ordinals = store.ordinals(view.manifest)
        profiles.replace(layout, (records.of(*ordinals.shard(shard)) for shard in range(SHARDS)))
        ordinals.close()
    return layout


def refresh_profiles(store: FeatureStore, snapshot: Snapshot, profiles: Profiles, changed: Ordinals) -> int:
    """Write anew the records of users who changed; return how many.

    Where the layout no longer fits (a new audience, dimension or value list)
    all profiles are built.
    """
    with store.viewing() as view:
        layout = profiles.layout()
        wanted = _layout(view, snapshot, layout.version if layout else 0, store.clock.now())
        fits = layout is not None and (layout.cells, layout.audiences) == (wanted.cells, wanted.audiences)
        if layout is None or not fits or layout.words != wanted.words:
            build_profiles(store, snapshot, profiles)
            return view.rows
        is_changed = np.zeros(view.rows, bool)
        is_changed[changed] = True
        records = _Records(view, snapshot, layout)
        written = 0
        for hashes, ordinals in _all_shards(store, view.manifest):
            mine = is_changed[ordinals]
            keys, values = records.of(hashes[mine], ordinals[mine])
            profiles.put(list(zip(keys, values, strict=True)))
            written += len(keys)
    return written


def _all_shards(store: FeatureStore, manifest: Manifest) -> Iterator[tuple[Array, Ordinals]]:
    ordinals: OrdinalMap = store.ordinals(manifest)
    for shard in range(SHARDS):
        yield ordinals.shard(shard)
    ordinals.close()


def _layout(view: View, snapshot: Snapshot, version: int, now: Instant) -> Layout:
    offset, cells = 4, []
    for name in view.columns():
        if view.registry[name].privacy is Privacy.SENSITIVE:
            continue
        dtype = view.column(name, 0, 0).dtype
        cells.append(Cell(name, view.registry[name].kind, dtype.str, offset))
        offset += dtype.itemsize
    words = {name: view.manifest.words[name] for name in view.columns() if name in view.manifest.words}
    audiences = list(snapshot.audiences)
    return Layout(version, snapshot.pointer.version, cells, words, audiences, offset, now)


class _Records:
    """Makes records of many users at once."""

    def __init__(self, view: View, snapshot: Snapshot, layout: Layout) -> None:
        self._view = view
        self._layout = layout
        self._bits = [_bits_of(snapshot, name, view.rows) for name in layout.audiences]
        fields = [(cell.name, cell.dtype) for cell in layout.cells]
        self._dtype = np.dtype([("at", "<u4"), *fields])

    def of(self, hashes: Array, ordinals: Ordinals) -> tuple[list[bytes], list[bytes]]:
        """Return keys and records of those of whom something is known, keys rising."""
        order = np.argsort(ordinals)
        rising = np.asarray(ordinals)[order]
        table = np.empty(len(rising), self._dtype)
        table["at"] = self._view.gather(AT, rising)
        for cell in self._layout.cells:
            table[cell.name] = self._view.gather(cell.name, rising)
        is_known = np.empty(len(rising), bool)
        is_known[order] = self._view.gather(KNOWN, rising) != 0
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        kept = np.flatnonzero(is_known)
        fixed = table[back[kept]].tobytes()
        size = self._layout.fixed_bytes
        tails = self._tails(np.asarray(ordinals)[kept])
        keys = np.asarray(hashes)[kept].astype(">u8").tobytes()
        count = range(len(kept))
        return (
            [keys[n * _KEY_BYTES : (n + 1) * _KEY_BYTES] for n in count],
            [fixed[n * size : (n + 1) * size] + tails(n) for n in count],
        )

    def _tails(self, ordinals: Ordinals) -> Callable[[int], bytes]:
        """Return what gives, for the n-th of some users, the numbers of its audiences."""
        member = np.zeros((len(ordinals), len(self._bits)), bool)
        places, shifts = ordinals >> np.uint32(3), (ordinals & np.uint32(7)).astype(np.uint8)
        for number, bits in enumerate(self._bits):
            member[:, number] = bits[places] >> shifts & np.uint8(1)
        counts = member.sum(axis=1)
        ends = np.concatenate(([0], np.cumsum(counts) * 2)).tolist()
        numbers = np.nonzero(member)[1].astype("<u2").tobytes()
        return lambda n: numbers[ends[n] : ends[n + 1]]


def _bits_of(snapshot: Snapshot, name: str, rows: int) -> Array:
    """Return an audience as plain bits by ordinal."""
    answers = np.zeros(-(-rows // 8) * 8, bool)
    answers[np.array(snapshot.bitmap(name).to_array(), np.int64)] = True
    return np.packbits(answers, bitorder="little")


def _decoded(raw: bytes, cell: Cell, words: list[str]) -> Any:
    value = np.frombuffer(raw, cell.dtype, 1, cell.offset)[0].item()
    match cell.kind:
        case Kind.CATEGORY:
            return words[value - 1] if value else None
        case Kind.SET:
            known = value & KNOWN_SET
            return (
                frozenset(word for bit, word in enumerate(words) if value >> bit + 1 & 1) if known else None
            )
        case Kind.INTEGER:
            return None if value == NO_INTEGER else value
        case Kind.FLAG:
            return None if value == 0 else value != FALSE
        case _:
            return None if value != value else value  # noqa: PLR0124 - a NaN differs from itself
