"""Rows of people who asked to be deleted, kept out of a file that was sent before."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bijou.audience.batches import Cells, Chunk, FeatureSource
from bijou.audience.dimensions import Registry
from bijou.audience.hashing import Hasher, Texts


class WithoutPeople:
    """A `FeatureSource` without the rows of some people.

    Chunks are cut where the source cuts them. A row that is left out counts
    as read, and is neither kept nor rejected.

    Cost: identifiers are hashed once more; nothing where nobody is to be kept out.

    Args:
        hashes: Of those people.
    """

    def __init__(self, source: FeatureSource, hasher: Hasher, hashes: Sequence[int]) -> None:
        self._source, self._hasher = source, hasher
        self._gone = np.array(sorted(hashes), np.uint64)

    def fingerprint(self) -> str:
        """Return what tells this content from any other."""
        return self._source.fingerprint()

    def rows_hint(self) -> int:
        """Return about how many rows there are."""
        return self._source.rows_hint()

    def chunks(self, registry: Registry, skip: int) -> Iterator[Chunk]:
        """Yield the chunks after the first `skip`."""
        for chunk in self._source.chunks(registry, skip):
            yield self._without(chunk) if len(self._gone) else chunk

    def _without(self, chunk: Chunk) -> Chunk:
        stays = ~np.isin(self._hasher.many(chunk.ids), self._gone)
        if stays.all():
            return chunk
        at_s = None if chunk.at_s is None else chunk.at_s[stays]
        columns = {name: Cells(cells.values[stays], cells.words) for name, cells in chunk.columns.items()}
        return chunk._replace(ids=_chosen(chunk.ids, stays), at_s=at_s, columns=columns)


def _chosen(texts: Texts, stays: NDArray[np.bool_]) -> Texts:
    sizes: NDArray[Any] = np.diff(texts.offsets)
    offsets = np.zeros(int(stays.sum()) + 1, np.int64)
    np.cumsum(sizes[stays], out=offsets[1:])
    data = texts.data[int(texts.offsets[0]) : int(texts.offsets[-1])]
    return Texts(offsets, data[np.repeat(stays, sizes)])
