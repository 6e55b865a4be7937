"""What is asked of one slot: viewers' profiles, and counts; nothing here writes."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
from pyroaring import BitMap

from bijou.audience.profiles import ProfileReader, Profiles
from bijou.audience.reach import sampled
from bijou.audience.rules.nodes import audiences_of
from bijou.audience.shards.asking import Count, Counted
from bijou.audience.shards.slot_work import PROFILES, Slot, read_told
from bijou.audience.shards.slots import Pseudonyms
from bijou.audience.shown import Known
from bijou.audience.snapshots import Snapshot, Snapshots
from bijou.ports import NotFound

_TRIES: Final = 4


class SlotReader:
    """One slot, opened for reading.

    Threads: `known` and `refresh` from one; `counted` and `users` from any.
    """

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._store = slot.store()
        self._profiles: Profiles = slot.opening(slot.folder / PROFILES)
        self._reader = ProfileReader(self._profiles, Pseudonyms(), slot.clock)
        self._told = read_told(slot.folder)

    def known(self, key: bytes, purpose: str) -> Known:
        """Return what may be used of a viewer; audiences that are too small in all are left out."""
        known = self._reader.known(key, purpose)
        told = [name for name in known.audiences if name in self._told]
        return known if len(told) == len(known.audiences) else msgspec.structs.replace(known, audiences=told)

    def users(self) -> int:
        """Return how many users there are."""
        manifest = self._store.manifest()
        return manifest.issued - len(manifest.forgotten)

    def counted(self, number: int, asked: Count) -> Counted:
        """Count whom a rule reaches, or who is in audiences."""
        for _ in range(_TRIES - 1):
            with contextlib.suppress(FileNotFoundError):  # a newer version came between, and tidied up
                return self._counted(number, asked)
        return self._counted(number, asked)

    def refresh(self) -> None:
        """See what was written since."""
        self._reader.refresh()
        self._told = read_told(self._slot.folder)

    def close(self) -> None:
        """Let all files go."""
        self._profiles.close()

    def _counted(self, number: int, asked: Count) -> Counted:
        names = audiences_of(asked.rule) if asked.rule is not None else {*asked.include, *asked.exclude}
        with contextlib.ExitStack() as opened:
            try:
                snapshot = opened.enter_context(self._snapshot()) if names else None
            except NotFound:
                return Counted(number, lacks=min(names))
            lacking = names - snapshot.audiences.keys() if snapshot else set()
            if lacking:
                return Counted(number, lacks=min(lacking))
            built = {name: self._members(snapshot, name) for name in names} if snapshot else {}
            if asked.rule is None:
                return _of_audiences(number, asked, built)
            view = opened.enter_context(self._store.viewing())
            now_s = self._slot.clock.now() // 1_000_000
            sample = sampled(view, asked.rule, now_s, asked.purpose, built, asked.sample_rows)
            return Counted(
                number, sample.hits * sample.step, sample.seen * sample.step, sample.hits, sample.seen
            )

    def _members(self, snapshot: Snapshot, name: str) -> BitMap:
        """Return who is in an audience; of one that has too few in all slots nobody, as if undivided."""
        return snapshot.bitmap(name) if name in self._told else BitMap()

    @contextlib.contextmanager
    def _snapshot(self) -> Iterator[Snapshot]:
        snapshot = Snapshots(self._slot.folder).open(self._store.manifest().forgotten)
        try:
            yield snapshot
        finally:
            snapshot.close()


def _of_audiences(number: int, asked: Count, built: Mapping[str, BitMap]) -> Counted:
    bitmaps = [built[name] for name in asked.include]
    found = BitMap.intersection(*bitmaps) if asked.all_of else BitMap.union(*bitmaps)
    for name in asked.exclude:
        found -= built[name]
    union = len(BitMap.union(*bitmaps))
    return Counted(number, len(found), union, len(found), union)
