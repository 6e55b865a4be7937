"""One object as an edge keeps it in memory."""

import msgspec

from bijou.delivery.model import Representation
from bijou.ports import Instant


class Cached(msgspec.Struct, frozen=True):
    """An object, with the head of the usual answer made already.

    Args:
        until_ns: Until when it may be told without asking; None: for ever.
    """

    representation: Representation
    body: memoryview
    head: bytes
    filled_at: Instant
    filled_ns: int
    until_ns: int | None = None

    @property
    def size_bytes(self) -> int:
        """Bytes of the body."""
        return len(self.body)
