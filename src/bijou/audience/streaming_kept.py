"""Updates between batches: staged as they come, and applied together, as deltas."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from bijou.audience.batches import Batch, Chunk, FeatureSource, Reject
from bijou.audience.column_files import sync_folder
from bijou.audience.dimensions import Registry
from bijou.audience.ingest import ingest
from bijou.audience.orders import UPDATES
from bijou.audience.staging import Staging
from bijou.audience.store import FeatureStore
from bijou.ports import Instant, Overloaded

_ID: Final = re.compile(rf"{UPDATES}(\d{{12}})-([0-9a-f]{{16}})")
_MOST_PARTS: Final = 5_000
_MOST_WAITING: Final = 64
_AGAIN_S: Final = 10.0
_SAME: Final = "updates"  # a staged batch of updates is known by its id alone


class _Read:
    """A `FeatureSource` of rows with the same columns: read at once, its bad rows taken out."""

    def __init__(self, source: FeatureSource | None, registry: Registry) -> None:
        chunks = list(source.chunks(registry, 0)) if source else []
        self.rejects = [reject for chunk in chunks for reject in chunk.rejects]
        self._chunks = [chunk._replace(rows=len(chunk.ids), rejects=[]) for chunk in chunks if len(chunk.ids)]
        self.taken = sum(chunk.rows for chunk in self._chunks)
        columns = sorted({name for chunk in self._chunks for name in chunk.columns})
        self.columns = hashlib.blake2b("\n".join(columns).encode(), digest_size=8).hexdigest()

    def fingerprint(self) -> str:
        return _SAME

    def rows_hint(self) -> int:
        return 0

    def chunks(self, registry: Registry, skip: int) -> Iterator[Chunk]:  # noqa: ARG002 - it is all new
        return iter(self._chunks)


class UpdateStore:
    """Updates of a feature store.

    What is taken lies among the batches on their way, hashed and checked like
    theirs; so a deletion finds it, and what a killed process has taken is
    applied by the next one. A delta says something of each of its users in
    each of its columns, so rows wait together only with rows of the same
    columns: what a row leaves out stays as it was. Of two rows of one second
    that differ in their columns either may be the later.

    Threads: one at a time.

    Args:
        reports: Of how many deltas of updates reports are kept, at most.
    """

    def __init__(self, store: FeatureStore, *, reports: int = 64) -> None:
        self._store = store
        self._reports = reports
        self._incoming = store.folder / "incoming"

    def take(self, sources: Iterable[FeatureSource]) -> tuple[int, list[list[Reject]]]:
        """Stage rows that each say when they became true; return how many, and each source's bad ones.

        All or nothing of what is good; when this returns they outlive a power cut.

        Args:
            sources: In each, all rows have the same columns.

        Raises:
            InvalidRequest: `audience.bad_file`, a column is none of the registry's.
            Overloaded: `audience.updates_wait`, very much is taken and not applied.
        """
        registry = self._store.registry()
        read = [_Read(source, registry) for source in sources]
        stagings: dict[str, Staging] = {}
        for each in read:
            if each.taken and each.columns not in stagings:
                stagings[each.columns] = self._open_for(each.columns)
                self._check_room(stagings)
        for each in read:
            if each.taken:
                stagings[each.columns].fill(each, registry, self._store.hasher, 1, lambda _: None)
        for staging in stagings.values():
            sync_folder(staging.folder)
        sync_folder(self._incoming)
        return sum(each.taken for each in read), [each.rejects for each in read]

    def waiting(self) -> list[str]:
        """Return the ids of what is taken and not applied, the oldest first."""
        return sorted(path.name for path in self._incoming.glob(f"{UPDATES}*") if _ID.fullmatch(path.name))

    def apply(self) -> int:
        """Make what was taken visible; return of how many rows' users, each counted once for its columns.

        Raises:
            Conflict: `runtime.data_dir_held`, a batch is being brought in; it stays taken.
        """
        users = 0
        nothing = _Read(None, self._store.registry())
        for batch_id in self.waiting():
            if not self._staging(batch_id).parts:
                self._staging(batch_id).discard()
                continue
            users += ingest(self._store, nothing, _batch(batch_id)).users
        self._forget_reports()
        return users

    def _open_for(self, columns: str) -> Staging:
        """Return where rows of these columns wait; not where a killed process has applied them already."""
        applied = self._store.manifest().batches
        waiting = [batch_id for batch_id in self.waiting() if batch_id not in applied]
        same = [batch_id for batch_id in waiting if batch_id.endswith(columns)]
        return self._staging(same[-1] if same else f"{UPDATES}{self._next():012}-{columns}")

    def _check_room(self, stagings: Mapping[str, Staging]) -> None:
        """Refuse what would let very much wait, and leave nothing of it."""
        parts, waiting = max(len(each.parts) for each in stagings.values()), len(self.waiting())
        if parts >= _MOST_PARTS or waiting > _MOST_WAITING:
            for staging in stagings.values():
                if not staging.parts:
                    staging.discard()
            raise Overloaded(
                "audience.updates_wait",
                f"{max(parts, waiting):,} updates wait until they are applied, and no more are taken;"
                " send it again later",
                retry_after_s=_AGAIN_S,
            )

    def _staging(self, batch_id: str) -> Staging:
        return Staging(self._incoming, _batch(batch_id), _SAME, self._store.manifest().words)

    def _next(self) -> int:
        """Return a number above all that were given."""
        ids = [*self._store.manifest().batches, *self.waiting()]
        return max((int(found[1]) for found in map(_ID.fullmatch, ids) if found), default=0) + 1

    def _forget_reports(self) -> None:
        """Keep the manifest short: numbers rise, so old ones never come again."""
        manifest = self._store.manifest()
        ours = sorted(batch_id for batch_id in manifest.batches if _ID.fullmatch(batch_id))
        if len(ours) <= self._reports:
            return
        old = set(ours[: -self._reports // 8])
        with self._store.writing():
            manifest = self._store.manifest()
            kept = {name: report for name, report in manifest.batches.items() if name not in old}
            self._store.publish(msgspec.structs.replace(manifest, version=manifest.version + 1, batches=kept))


def _batch(batch_id: str) -> Batch:
    return Batch(batch_id, Instant(1_000_000))
