"""Places for cold extents, small enough to look into."""

import errno

from bijou.memfs import Bytes


class DictSpill:
    """Keeps extents in a dictionary; refuses over a number of bytes."""

    def __init__(self, capacity_bytes: int = 10**9) -> None:
        self.capacity_bytes = capacity_bytes
        self.held: dict[int, bytes] = {}
        self.stores = 0
        self.loads = 0

    def store(self, data: Bytes) -> int:
        if sum(map(len, self.held.values())) + len(data) > self.capacity_bytes:
            raise OSError(errno.ENOSPC, "the spill is full")
        self.stores += 1
        self.held[self.stores] = bytes(data)
        return self.stores

    def load(self, token: int) -> bytes:
        self.loads += 1
        return self.held[token]

    def free(self, token: int) -> None:
        del self.held[token]
