"""Answers by row become roaring bitmaps, without a step between.

The format is Roaring's portable one: users come in order, 65,536 at a time,
and a container of more than 4,096 members is just their bits. So a block of
answers is packed where it stands; nothing is inserted member by member.
"""

import itertools
import struct
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

CONTAINER_ROWS: Final = 1 << 16
_MOST_IN_ARRAY: Final = 4096
_COOKIE: Final = 12346


class BitmapWriter:
    """The portable bytes of one bitmap, from blocks of answers in order.

    Cost: about 0.15 ns a row where many match, and 1 ns a match where few do;
    1 bit a row at most.

    Source: Lemire and others, "Roaring bitmaps: implementation of an
        optimized software library", 2018; and the format's specification.

    Example:
        >>> from pyroaring import BitMap
        >>> writer = BitmapWriter()
        >>> writer.add(0, np.array([True, False, True]))
        >>> writer.add(65536, np.ones(5000, bool))
        >>> found = BitMap.deserialize(writer.finish())
        >>> len(found), writer.members, list(found)[:3]
        (5002, 5002, [0, 2, 65536])
    """

    def __init__(self) -> None:
        self._keys: list[tuple[int, int]] = []
        self._containers: list[bytes] = []
        self.members = 0

    def add(self, start: int, answers: NDArray[np.bool_]) -> None:
        """Add the users from `start` on, a multiple of 65,536, whose answer is yes."""
        for at in range(0, len(answers), CONTAINER_ROWS):
            part = answers[at : at + CONTAINER_ROWS]
            count = int(np.count_nonzero(part))
            if not count:
                continue
            self._keys.append(((start + at) // CONTAINER_ROWS, count))
            self._containers.append(_container(part, count))
            self.members += count

    def finish(self) -> bytes:
        """Return the whole bitmap."""
        descriptions = b"".join(struct.pack("<HH", key, count - 1) for key, count in self._keys)
        return _written(descriptions, self._containers)


def joined(parts: Iterable[bytes]) -> bytes:
    """Return one bitmap of what `BitmapWriter` made of blocks, in the order of their users.

    Equal, byte for byte, to what one writer makes of all blocks.

    Example:
        >>> one, other, both = BitmapWriter(), BitmapWriter(), BitmapWriter()
        >>> for start, writer in ((0, one), (65536, other)):
        ...     for each in (writer, both):
        ...         each.add(start, np.ones(5, bool))
        >>> joined([one.finish(), other.finish()]) == both.finish()
        True
    """
    descriptions: list[bytes] = []
    containers: list[bytes] = []
    for part in parts:
        (count,) = struct.unpack_from("<I", part, 4)
        descriptions.append(part[8 : 8 + 4 * count])
        starts = [*struct.unpack_from(f"<{count}I", part, 8 + 4 * count), len(part)]
        containers += [part[start:stop] for start, stop in itertools.pairwise(starts)]
    return _written(b"".join(descriptions), containers)


def members_of(raw: bytes) -> int:
    """Return how many members a bitmap has, from its head alone where `BitmapWriter` wrote it.

    Example:
        >>> writer = BitmapWriter()
        >>> writer.add(0, np.ones(70_000, bool))
        >>> members_of(writer.finish())
        70000
    """
    cookie, count = struct.unpack_from("<II", raw)
    if cookie != _COOKIE:
        return len(BitMap.deserialize(raw))
    less_one = np.frombuffer(raw, "<u2", 2 * count, 8)[1::2]
    return int(less_one.sum(dtype=np.int64)) + int(count)


def _written(descriptions: bytes, containers: list[bytes]) -> bytes:
    at = 8 + 8 * len(containers)
    offsets = np.cumsum([at, *map(len, containers)])[:-1].astype("<u4").tobytes()
    return b"".join([struct.pack("<II", _COOKIE, len(containers)), descriptions, offsets, *containers])


def _container(part: NDArray[np.bool_], count: int) -> bytes:
    if count <= _MOST_IN_ARRAY:
        return np.flatnonzero(part).astype("<u2").tobytes()
    bits = np.zeros(CONTAINER_ROWS // 8, np.uint8)
    packed = np.packbits(part, bitorder="little")
    bits[: len(packed)] = packed
    return bits.tobytes()
