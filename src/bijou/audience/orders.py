"""Batches that were ordered: what a sender says of one, and how far it is."""

import re
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from bijou.audience.batches import Mode, Policy
from bijou.audience.manifest import BatchReport
from bijou.ports import Instant, InvalidRequest, Problem

UPDATES: Final = "updates-"
"""What ids of batches begin with that are made of updates; nobody else's may."""
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")


class Phase(StrEnum):
    """Where a batch is on its way."""

    RECEIVING = "receiving"  # its bytes are being uploaded
    FETCHING = "fetching"  # its bytes are being read from a bucket
    WAITING = "waiting"  # the batch before it is being brought in
    READING = "reading"  # rows are checked and staged
    COMMITTING = "committing"  # all rows are staged; they become visible together
    DONE = "done"  # visible; the report says what became of its rows
    REFUSED = "refused"  # nothing of it was applied; the problem says why


class NewBatch(msgspec.Struct, frozen=True):
    """What a sender says of a batch that is to be brought in.

    Args:
        id: Unique a sender's batch: 1 to 100 of A-Z, a-z, 0-9, `.`, `_`, `:`
            and `-`. Said again, it changes nothing and tells how far it is.
        filename: Of a file that will be uploaded; with `size_bytes`.
        source: In place of a file: `s3://bucket/key`, or the key of a blob.
        event_at: The moment that its rows are true of, where they do not say;
            None: now.
        id_column: Which column holds the identifiers.
        sha256: Of the file, where the sender knows it: then another content
            under a known id is told before it is sent.
    """

    id: str
    filename: str = ""
    size_bytes: Annotated[int, Meta(ge=0)] = 0
    source: str = ""
    mode: Mode = Mode.DELTA
    policy: Policy = Policy.KEEP_GOOD
    event_at: Instant | None = None
    id_column: str = "user"
    sha256: str = ""


class BatchState(msgspec.Struct, frozen=True):
    """A batch, and how far it is.

    Args:
        upload: `upl_…`, where its bytes are sent to, by tus; empty where they
            come from a bucket, or are here.
        received_bytes: Of `size_bytes`; both 0 where they come from a bucket.
        rows: Rows read so far, good and bad.
        rows_of: Of how many; 0 where the format does not tell.
        rejected: Rows with something wrong.
        left_s: Seconds until it is visible, as far as can be told.
        has_rejects: Whether there is a rejects file to download.
        problem: Why nothing of it was applied.
        report: What became of its rows, once it is done or refused for them.
    """

    id: str
    phase: Phase
    name: str
    mode: Mode
    policy: Policy
    event_at: Instant
    ordered_at: Instant
    author: str = ""
    upload: str = ""
    received_bytes: int = 0
    size_bytes: int = 0
    rows: int = 0
    rows_of: int = 0
    rejected: int = 0
    left_s: float | None = None
    has_rejects: bool = False
    problem: Problem | None = None
    report: BatchReport | None = None


class UpdatesTaken(msgspec.Struct, frozen=True):
    """The answer to a few users' updates: those that are taken outlive a power cut.

    Args:
        taken: Rows that will be visible.
        rejected: Rows with something wrong, by number from 1, and the rule.
        visible_within_s: Seconds until audiences and profiles have them, on a
            day on which no batch is in the way.
    """

    taken: int
    rejected: list["RejectedUpdate"]
    visible_within_s: float


class RejectedUpdate(msgspec.Struct, frozen=True):
    """Why one row of an update is not kept; see `Reject`."""

    row: int
    column: str
    value: str
    rule: str


def check_new(new: NewBatch) -> None:
    """Refuse what is no order of a batch.

    Raises:
        InvalidRequest: `audience.bad_batch`.
    """
    problem = ""
    if not _ID.fullmatch(new.id):
        problem = "an id has 1 to 100 of A-Z, a-z, 0-9, ., _, : and -, and begins with a letter or digit"
    elif bool(new.filename) == bool(new.source):
        problem = "name either the file that will be uploaded, or the source to read from"
    elif new.filename and not new.size_bytes:
        problem = f"{new.filename or 'the file'} is empty, or its size_bytes is not told; nobody is in it"
    if problem:
        raise InvalidRequest("audience.bad_batch", f"batch {new.id[:100]!r}: {problem}")
