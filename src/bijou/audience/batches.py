"""What comes in: batches, their sources in chunks, and what is wrong with rows."""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple, Protocol

import msgspec

from bijou.audience.column_files import Array
from bijou.audience.dimensions import Registry
from bijou.audience.hashing import Texts
from bijou.ports import Instant


class Mode(StrEnum):
    """What a batch says of users that are not in it."""

    FULL = "full"  # they are gone: it is the whole picture
    DELTA = "delta"  # nothing


class Policy(StrEnum):
    """What a bad row does to its batch."""

    KEEP_GOOD = "keep-good"
    REFUSE_ALL = "refuse-all"


class Batch(msgspec.Struct, frozen=True):
    """What a sender says of a batch.

    Args:
        id: Unique a sender's batch: sent again, it changes nothing.
        event_at: The moment that its rows are true of, where they do not say.
    """

    id: str
    event_at: Instant
    mode: Mode = Mode.DELTA
    policy: Policy = Policy.KEEP_GOOD


class Reject(msgspec.Struct, frozen=True):
    """Why one row is not kept.

    Args:
        row: From 1, without the head; 0: the file as a whole.
        value: What stood there, shortened; never an identifier.
        rule: What it should have been.
    """

    row: int
    column: str
    value: str
    rule: str


class Cells(NamedTuple):
    """One column of a chunk.

    Args:
        values: As `cells` keeps the kind; codes are places in `words`, from 1
            in a category (0 is unknown), as bits in a set. Of an event: u32
            seconds, 0 where it never happened.
    """

    values: Array
    words: list[str]


class Chunk(NamedTuple):
    """Some rows of a source: the good ones as arrays, the bad ones as reasons.

    Args:
        rows: How many were read, good and bad.
        ids: Identifiers of the good rows; they go no further than the hasher.
        at_s: Event time of the good rows in seconds, or None for the batch's.
    """

    rows: int
    ids: Texts
    at_s: Array | None
    columns: dict[str, Cells]
    rejects: list[Reject]


class FeatureSource(Protocol):
    """Rows of features, in chunks that are cut the same way each time they are read."""

    def fingerprint(self) -> str:
        """Return what tells this content from any other."""
        ...

    def rows_hint(self) -> int:
        """Return about how many rows there are; 0 where nobody knows."""
        ...

    def chunks(self, registry: Registry, skip: int) -> Iterator[Chunk]:
        """Yield the chunks after the first `skip`.

        Raises:
            InvalidRequest: `audience.bad_file`, no row of it can be read, or
                a column is none of the registry's.
        """
        ...
