"""The manifest of a feature store: the one file that says which others count."""

from typing import Any

import msgspec

from bijou.audience.dimensions import Dimension
from bijou.ports import Instant


class BatchReport(msgspec.Struct, frozen=True):
    """What became of one batch.

    Args:
        id: As its sender named it.
        state: `kept`, `refused` or `late` (older than the full batch in force).
        mode: `full` or `delta`.
        rows: Rows read, good and bad.
        kept: Good rows.
        rejected: Rows with something wrong; the rejects file says what.
        late: Good rows older than what is known of their user; they change nothing.
        users: Different users among the good rows.
        fresh: Users never seen before.
        event_at: The moment that the batch is true of.
        applied_at: When it became visible.
        fingerprint: Of the source: the same id with other content is refused.
        rejects: Name of the rejects file, or empty.
        repeated: This answer is that of an earlier sending of the same batch.
    """

    id: str
    state: str
    mode: str
    rows: int
    kept: int
    rejected: int
    late: int
    users: int
    fresh: int
    event_at: Instant
    applied_at: Instant
    fingerprint: str
    rejects: str = ""
    repeated: bool = False


class Layer(msgspec.Struct, frozen=True):
    """One file of rows: the base, or a delta above it.

    Args:
        file: Name in the store's folder.
        sequence: Order of arrival; decides between rows of equal event time.
        rows: How many.
        newest_s: The latest moment that it knows of.
    """

    file: str
    sequence: int
    rows: int
    newest_s: int


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True):
    """One version of a feature store.

    Args:
        version: Grows by one with every change.
        issued: Ordinals given so far.
        shards: File of each shard of the ordinals.
        base: The full picture that the layers lie upon.
        layers: Deltas, in order of arrival.
        words: Values of each category and set, by code; code 0 is unknown.
        dimensions: What was registered here, beside what ships.
        batches: Reports by id.
        full_at_s: Event time of the full batch in force; older rows are late.
        forgotten: Ordinals of deleted users; never given again.
        households: File of the household of each ordinal, or empty.
    """

    version: int = 0
    issued: int = 0
    shards: dict[int, str] = {}
    base: Layer | None = None
    layers: tuple[Layer, ...] = ()
    words: dict[str, list[str]] = {}
    dimensions: tuple[Dimension, ...] = ()
    batches: dict[str, BatchReport] = {}
    full_at_s: int = 0
    forgotten: tuple[int, ...] = ()
    households: str = ""

    def files(self) -> set[str]:
        """Return the names of all files that count."""
        kept = {*self.shards.values(), *(layer.file for layer in self.layers)}
        kept |= {self.base.file} if self.base else set()
        return kept | ({self.households} if self.households else set())

    def next(self, **changes: Any) -> "Manifest":
        """Return the version after this one."""
        return msgspec.structs.replace(self, version=self.version + 1, **changes)
