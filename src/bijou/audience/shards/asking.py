"""What shards are asked, and what they answer: the shapes between them and who asks."""

from enum import StrEnum
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from bijou.audience.batches import Batch
from bijou.audience.dimensions import Dimension
from bijou.audience.manifest import BatchReport
from bijou.audience.rules.nodes import Rule
from bijou.audience.shown import Forgotten, Known
from bijou.audience.snapshots import Definition

MOST_KEYS = 1000


class Peer(msgspec.Struct, frozen=True):
    """A shard, and where it answers."""

    name: str
    address: str


class Keys(msgspec.Struct, frozen=True):
    """Some viewers, by 16 digits each, and what is to be done with what is known."""

    keys: Annotated[list[str], Meta(max_length=MOST_KEYS)]
    purpose: str = "ads"


class Found(msgspec.Struct, frozen=True):
    """What may be used of one viewer.

    Args:
        known: None: not here.
        moved: Where the viewer's slot went.
    """

    known: Known | None
    moved: Peer | None = None


class Count(msgspec.Struct, frozen=True):
    """Users of some slots are counted: whom a rule reaches, or who is in built audiences.

    Args:
        rule: None: by audiences.
        exact: Everybody is looked at.
    """

    slots: list[int]
    rule: Rule | None = None
    purpose: str = "ads"
    include: list[str] = []
    exclude: list[str] = []
    all_of: bool = False
    sample_rows: int = 1 << 17


class Counted(msgspec.Struct, frozen=True):
    """What one slot counts, as it is: who adds up rounds, and keeps quiet about few.

    Args:
        users: Estimated, where only every n-th was looked at.
        of: Users of whom anything is known, or members of any included audience.
        hits, seen: Of those looked at.
        lacks: An audience that was never built there, or empty.
        moved: Where the slot went.
    """

    slot: int
    users: int = 0
    of: int = 0
    hits: int = 0
    seen: int = 0
    lacks: str = ""
    moved: Peer | None = None


class NewPart(msgspec.Struct, frozen=True):
    """Some rows of a batch for one slot; sent again it replaces itself."""

    slot: int
    batch: str
    number: int
    part: bytes


class Commit(msgspec.Struct, frozen=True):
    """All parts of a batch are there; they are to count.

    Args:
        parts: How many were sent to this slot.
        fingerprint: Of the file that they were cut from.
    """

    slot: int
    batch: Batch
    parts: int
    fingerprint: str
    dimensions: list[Dimension]


class OneBatch(msgspec.Struct, frozen=True):
    """A batch on its way to a slot."""

    slot: int
    batch: str


class Build(msgspec.Struct, frozen=True):
    """What audiences a slot is to have."""

    slot: int
    definitions: list[Definition]
    dimensions: list[Dimension]
    full: bool = False


class Told(msgspec.Struct, frozen=True):
    """Which audiences may be told of viewers: those with members enough in all slots together."""

    slot: int
    audiences: list[str]


class OneUser(msgspec.Struct, frozen=True):
    """A user, by 16 digits."""

    key: str


class State(StrEnum):
    """What a shard has to do with a slot."""

    OPEN = "open"  # it answers, and takes changes
    SEALED = "sealed"  # it answers; the slot is on its way
    GONE = "gone"  # somebody else does


class Held(msgspec.Struct, frozen=True):
    """One slot at a shard; `peer` is where it goes or went."""

    state: State
    peer: Peer | None = None


class ShardState(msgspec.Struct, frozen=True):
    """What a shard has: slots by number, and users of those."""

    name: str
    slots: dict[int, Held]
    users: dict[int, int] = {}


class OneSlot(msgspec.Struct, frozen=True):
    """A slot; `peer` is whom it is about."""

    slot: int
    peer: Peer | None = None
    digest: str = ""


class FileShown(msgspec.Struct, frozen=True):
    """A file of a slot."""

    name: str
    size_bytes: int
    digest: str


class Piece(msgspec.Struct, frozen=True):
    """Some bytes of a slot's file."""

    slot: int
    name: str
    start: int = 0
    content: bytes = b""


class AudienceShard(Protocol):
    """Some slots of users in one process.

    Every method raises EngineUnavailable `http.unreachable` where the shard
    is away, and Overloaded `audience.slot_moving` where a slot that is to
    change is on its way to another shard.
    """

    async def state(self) -> ShardState:
        """Return what it has."""
        ...

    async def known(self, keys: Keys) -> list[Found]:
        """Return what may be used of some viewers."""
        ...

    async def count(self, asked: Count) -> list[Counted]:
        """Count in those of some slots that are here, or were."""
        ...

    async def put(self, part: NewPart) -> None:
        """Keep a part of a batch; nothing shows yet."""
        ...

    async def commit(self, order: Commit) -> BatchReport:
        """Make a batch count in one slot; again changes nothing."""
        ...

    async def discard(self, batch: OneBatch) -> None:
        """Throw a batch's parts away."""
        ...

    async def build(self, order: Build) -> dict[str, int]:
        """Build a slot's audiences; return how many members each has there."""
        ...

    async def tell(self, told: Told) -> None:
        """Let these audiences be told from now on, and no others."""
        ...

    async def forget(self, user: OneUser) -> Forgotten:
        """Delete a user; NotFound `audience.slot_elsewhere` where the slot is not here."""
        ...

    async def hold(self, slot: OneSlot) -> None:
        """Begin an empty slot here."""
        ...

    async def listing(self, slot: OneSlot) -> list[FileShown]:
        """Return the files of a slot that is here."""
        ...

    async def piece(self, asked: Piece) -> Piece:
        """Return some bytes of a file, from `start` on; empty at its end."""
        ...

    async def copy(self, slot: OneSlot) -> None:
        """Copy what lacks of the slot from its peer."""
        ...

    async def drop_copy(self, slot: OneSlot) -> None:
        """Throw away what was copied of a slot that is not here."""
        ...

    async def seal(self, slot: OneSlot) -> None:
        """Answer for the slot, and change nothing in it: it goes to its peer."""
        ...

    async def accept(self, slot: OneSlot) -> None:
        """Answer for what was copied, if it has that digest; sealed as yet."""
        ...

    async def release(self, slot: OneSlot) -> None:
        """Answer no more for a sealed slot: say where it went, and remove it."""
        ...

    async def open(self, slot: OneSlot) -> None:
        """Take changes in a slot that was accepted."""
        ...
