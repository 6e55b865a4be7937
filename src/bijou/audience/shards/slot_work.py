"""What is done to one slot's store, in a process beside the shard's: so reading waits for none of it."""

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from bijou.audience.column_files import replace_file
from bijou.audience.dimensions import Dimension
from bijou.audience.ingest import ingest
from bijou.audience.manifest import BatchReport
from bijou.audience.profiles import Profiles
from bijou.audience.service import AudienceService
from bijou.audience.shards.asking import Build, Commit
from bijou.audience.shards.parts import PartsSource, parts_in, scrub
from bijou.audience.shards.slots import Pseudonyms
from bijou.audience.shown import Forgotten
from bijou.audience.staging import discard_staged
from bijou.audience.store import FeatureStore
from bijou.ports import Clock, Conflict
from bijou.runtime import codec

ARRIVING: Final = "arriving"
PROFILES: Final = "profiles"


class Slot(NamedTuple):
    """One slot's folder, and what it is opened with; goes to another process.

    Args:
        opening: Opens the folder of its profiles.
    """

    folder: Path
    opening: Callable[[Path], Profiles]
    clock: Clock

    def store(self) -> FeatureStore:
        """Open its features."""
        return FeatureStore(self.folder, Pseudonyms(), self.clock)


@contextlib.contextmanager
def _service(slot: Slot) -> Iterator[AudienceService]:
    """Open it; few members in one slot say nothing about all, so nothing is withheld here."""
    profiles = slot.opening(slot.folder / PROFILES)
    try:
        yield AudienceService(slot.folder, Pseudonyms(), slot.clock, profiles, floor=0)
    finally:
        profiles.close()


def keep_part(slot: Slot, batch: str, number: int, raw: bytes) -> None:
    """Keep a part of a batch, durably."""
    folder = slot.folder / ARRIVING / batch
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    replace_file(folder / f"{number:06}.part", raw)


def discard(slot: Slot, batch: str) -> None:
    """Throw away a batch's parts, and what was staged of them."""
    discard_staged(slot.folder / "incoming", batch)
    shutil.rmtree(slot.folder / ARRIVING / batch, ignore_errors=True)


def commit(slot: Slot, order: Commit) -> BatchReport:
    """Make a batch count, from its parts."""
    store, folder = slot.store(), slot.folder / ARRIVING / order.batch.id
    _register(store, order.dimensions)
    earlier = store.manifest().batches.get(order.batch.id)
    for path in parts_in(folder):
        if int(path.stem) >= order.parts:  # of other content that never counted
            path.unlink()
    there = len(parts_in(folder))
    if there != order.parts and earlier is None:
        raise Conflict(
            "audience.parts_lack",
            f"batch {order.batch.id}: {there} of its {order.parts} parts are here; send it again",
        )
    source = PartsSource(folder, order.fingerprint)
    report = ingest(store, source, order.batch)
    discard(slot, order.batch.id)
    return report


def build(slot: Slot, order: Build) -> dict[str, int]:
    """Build audiences and profiles; return the members of each audience."""
    with _service(slot) as audiences:
        _register(audiences.store, order.dimensions)
        audiences.adopt(order.definitions)
        return {each.name: each.members or 0 for each in audiences.build(full=order.full)}


def forget(slot: Slot, key: str) -> Forgotten:
    """Delete a user from the slot, and from batches on their way."""
    with _service(slot) as audiences:
        scrubbed = scrub(slot.folder / ARRIVING, int(key, 16))
        deleted = audiences.forget(key)
    known, rows = deleted.known or scrubbed > 0, deleted.staged_rows + scrubbed
    return Forgotten(known, deleted.files, rows, deleted.at, deleted.took_s)


def _register(store: FeatureStore, dimensions: Sequence[Dimension]) -> None:
    there = list(store.manifest().dimensions)
    for dimension in dimensions:
        if dimension not in there:
            store.register(dimension)


def keep_told(folder: Path, audiences: list[str]) -> None:
    """Keep the names of audiences that may be told."""
    replace_file(folder / "told.json", codec.encode(audiences))


def read_told(folder: Path) -> frozenset[str]:
    """Return the names of audiences that may be told; nobody said, none may."""
    try:
        return frozenset(codec.decode((folder / "told.json").read_bytes(), list[str]))
    except FileNotFoundError:
        return frozenset()
