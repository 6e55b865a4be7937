"""Hashes of identifiers to dense u32 ordinals, in shards, in files.

A shard holds its hashes sorted, and beside each its ordinal. Its file is
replaced whole, so that forgetting one hash rewrites one shard, and no trace
of it is left in any file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bijou.audience.column_files import ColumnFile, write_columns
from bijou.audience.hashing import Hashes

Ordinals = NDArray[np.uint32]
SHARDS: Final = 64
_SHIFT: Final = np.uint64(58)
MAX_USERS: Final = (1 << 32) - 1


def shard_of(hash_: int) -> int:
    """Return which shard a hash belongs to: its top six bits."""
    return hash_ >> 58


class OrdinalMap:
    """The ordinals of one version of a store.

    Cost: 12 bytes a user on disk.
    Threads: any, for looking up.

    Args:
        folder: Where the shards' files are.
        files: The file of each shard that has one.
        issued: How many ordinals were ever given; none is given twice.
    """

    def __init__(self, folder: Path, files: Mapping[int, str], issued: int) -> None:
        self._folder = folder
        self._files = dict(files)
        self._open: dict[int, ColumnFile] = {}
        self.issued = issued

    def shard(self, shard: int) -> tuple[Hashes, Ordinals]:
        """Return the hashes of a shard, rising, and their ordinals."""
        if shard not in self._files:
            return np.empty(0, np.uint64), np.empty(0, np.uint32)
        if shard not in self._open:
            self._open[shard] = ColumnFile(self._folder / self._files[shard])
        file = self._open[shard]
        return file.mapped("hash"), file.mapped("ordinal")

    def one(self, hash_: int) -> int | None:
        """Return the ordinal of a hash, or None."""
        hashes, ordinals = self.shard(shard_of(hash_))
        at = int(np.searchsorted(hashes, np.uint64(hash_)))
        return int(ordinals[at]) if at < len(hashes) and int(hashes[at]) == hash_ else None

    def without(self, hash_: int) -> tuple[Hashes, Ordinals]:
        """Return the hash's shard as it is once that hash is forgotten."""
        hashes, ordinals = self.shard(shard_of(hash_))
        kept = hashes != np.uint64(hash_)
        return hashes[kept], ordinals[kept]

    def close(self) -> None:
        """Let the files go."""
        for file in self._open.values():
            file.close()
        self._open.clear()


def write_shard(path: Path, hashes: Hashes, ordinals: Ordinals) -> None:
    """Write the file of one shard."""
    write_columns(path, {"hash": hashes, "ordinal": ordinals})


def shard_bounds(hashes: Hashes) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return rows grouped by shard, in order within each, and where each group begins."""
    shards = (hashes >> _SHIFT).astype(np.uint8)
    order = np.argsort(shards, kind="stable")  # a radix sort, for bytes
    bounds = np.zeros(SHARDS + 1, np.int64)
    np.cumsum(np.bincount(shards, minlength=SHARDS), out=bounds[1:])
    return order, bounds


def merged(shard: tuple[Hashes, Ordinals], hashes: Hashes, ordinals: Ordinals) -> tuple[Hashes, Ordinals]:
    """Return a shard with new hashes, which rise, in their places."""
    known, theirs = shard
    if not len(known):
        return hashes, ordinals
    places = np.searchsorted(known, hashes)
    return np.insert(known, places, hashes), np.insert(theirs, places, ordinals)
