"""The compact form: two bits of shape a node, then its value; in blocks, checked.

Layout, little-endian: `BJTR`, version 1, `B` (binary), `N` (n-ary) or `-`
(no tree); blocks; an end. A block is u32 nodes (65,536 in all but the last),
u32 bytes of payload, payload, u32 CRC; its payload the shape codes, four a
byte, and a column of values. The end is a block of no nodes whose payload is
the u64 total. Each CRC-32 covers everything from the first byte on, so no
block can be lost, doubled or moved.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn, TypeAlias

import numpy as np

from bijou.algorithms.trees.column import Reader, read_column, write_column
from bijou.algorithms.trees.malformed import MalformedTree
from bijou.algorithms.trees.node import AnyNode, BinaryNode, Node, Value
from bijou.algorithms.trees.shape import (
    BLOCK_NODES,
    MAX_NODES,
    SIBLING,
    Block,
    blocks_of,
    build,
    too_many,
)

Codes: TypeAlias = "np.ndarray[Any, np.dtype[np.uint8]]"

_MAGIC, _VERSION = b"BJTR", 1
_ARITIES: dict[type, bytes] = {BinaryNode: b"B", Node: b"N"}
_NO_TREE = b"-"
_FRAME, _CRC, _TOTAL = struct.Struct("<II"), struct.Struct("<I"), struct.Struct("<Q")
_PLACES = np.array([1, 4, 16, 64], dtype=np.uint8)


def dump_tree(root: BinaryNode | Node | None, *, max_nodes: int = MAX_NODES) -> bytes:
    """Return the tree in its compact form; equal trees give equal bytes.

    Two bits a node and its value: an int takes the 1, 2, 4 or 8 bytes that
    the widest of its block needs. Equal means of the same types, too: 1, 1.0
    and True are written differently.

    Cost: O(n) time, memory for the result beside the tree; no recursion.
    Threads: any; the tree must not change meanwhile.

    Args:
        root: The tree; None is a tree without nodes.
        max_nodes: Where to stop; a node that is its own ancestor has no end.

    Raises:
        TypeError: A value is not int, float, str, bytes, bool or None.
        ValueError: More than `max_nodes`, or a text with half a surrogate pair.

    Example:
        >>> tree = BinaryNode(2, BinaryNode(1), BinaryNode(3))
        >>> written = dump_tree(tree)
        >>> load_tree(written, BinaryNode) == tree
        True
        >>> load_tree(written[:-1], BinaryNode)
        Traceback (most recent call last):
        bijou.algorithms.trees.malformed.MalformedTree: byte 43: ends 1 bytes short of its checksum
    """
    return b"".join(dump_tree_pieces(root, max_nodes=max_nodes))


def dump_tree_pieces(root: BinaryNode | Node | None, *, max_nodes: int = MAX_NODES) -> Iterator[bytes]:
    """Yield what `dump_tree` returns, in pieces of at most 65,536 nodes.

    The tree must not change meanwhile.
    """
    head = _MAGIC + bytes([_VERSION]) + _arity(root)
    yield head
    checksum, total = zlib.crc32(head), 0
    for block in blocks_of(root, max_nodes):
        total += len(block.codes)
        piece, checksum = _frame(len(block.codes), _pack(block.codes) + write_column(block.values), checksum)
        yield piece
    yield _frame(0, _TOTAL.pack(total), checksum)[0]


def load_tree(data: bytes, kind: type[AnyNode], *, max_nodes: int = MAX_NODES) -> AnyNode | None:
    """Read back what `dump_tree` wrote, and refuse everything else.

    Anything cut, changed, added or written in another way than `dump_tree`
    would is refused with its place. A hostile writer can have at most four
    nodes made for each byte sent, and `max_nodes` altogether.

    Cost: O(n) time and memory; no recursion.
    Threads: any; the collector of reference cycles rests meanwhile, for all.

    Args:
        data: The compact form.
        kind: `BinaryNode` or `Node`, whichever was written.
        max_nodes: Refuse to build more than that many.

    Raises:
        MalformedTree: It is not the compact form of a tree of this kind.
    """
    return load_tree_pieces([data], kind, max_nodes=max_nodes)


def load_tree_pieces(
    pieces: Iterable[bytes], kind: type[AnyNode], *, max_nodes: int = MAX_NODES
) -> AnyNode | None:
    """Do what `load_tree` does from pieces, cut anywhere.

    Each block is checked as soon as it is complete, before more is asked for.
    """
    source = _Pieces(pieces)
    arity = _read_head(source, kind)
    codes, values = bytearray(), list[Value]()
    shape = _ShapeCheck(nary=kind is Node)
    count, payload, start = source.frame()
    while count:
        if len(codes) + count > max_nodes:
            source.refuse(too_many(max_nodes), start - _FRAME.size)
        if len(codes) % BLOCK_NODES:
            source.refuse("a block follows one that is not full", start - _FRAME.size)
        block = _read_block(payload, start, count, shape)
        codes += block.codes
        values += block.values
        count, payload, start = source.frame()
    if codes and shape.open_places:
        source.refuse(f"the tree ends with {shape.open_places:,} places open", start - _FRAME.size)
    if bool(codes) == (arity == _NO_TREE):
        source.refuse(f"kind {arity!r} is announced for {len(codes):,} nodes; {_NO_TREE!r} is for none", 5)
    if payload != _TOTAL.pack(len(codes)):
        source.refuse(f"the end does not count the {len(codes):,} nodes before it", start)
    source.finish()
    return build(codes, values, kind)


def _arity(root: BinaryNode | Node | None) -> bytes:
    if root is None:
        return _NO_TREE
    arity = _ARITIES.get(type(root))
    if arity is None:
        raise TypeError(f"{root!r} is a {type(root).__name__}; a tree's root is a BinaryNode, a Node or None")
    return arity


def _frame(count: int, payload: bytes, checksum: int) -> tuple[bytes, int]:
    framed = _FRAME.pack(count, len(payload)) + payload
    checksum = zlib.crc32(framed, checksum)
    return framed + _CRC.pack(checksum), checksum


def _read_head(source: "_Pieces", kind: type) -> bytes:
    head = bytes(source.take(len(_MAGIC) + 2, "header"))
    if head[:4] != _MAGIC:
        source.refuse(f"begins with {head[:4]!r}; the compact form of a tree begins with {_MAGIC!r}", 0)
    if head[4] != _VERSION:
        source.refuse(f"written in version {head[4]}; this reader knows version {_VERSION}", 4)
    if head[5:] not in (_ARITIES[kind], _NO_TREE):
        source.refuse(f"holds kind {head[5:]!r}, and {_ARITIES[kind]!r} ({kind.__name__}) was asked for", 5)
    return head[5:]


def _read_block(payload: memoryview, start: int, count: int, shape: "_ShapeCheck") -> Block:
    reader = Reader(payload, start)
    if count > BLOCK_NODES:
        reader.refuse(f"a block of {count:,} nodes; at most {BLOCK_NODES:,} go in one", back=_FRAME.size)
    codes = _unpack(reader, count)
    shape.check(codes, start)
    values = read_column(reader, count)
    reader.finish()
    return Block(bytearray(codes.tobytes()), values)


def _pack(codes: bytearray) -> bytes:
    padded = np.zeros(-(-len(codes) // 4) * 4, dtype=np.uint8)
    padded[: len(codes)] = np.frombuffer(codes, dtype=np.uint8)
    return (padded.reshape(-1, 4) @ _PLACES).tobytes()


def _unpack(reader: Reader, count: int) -> Codes:
    packed = np.frombuffer(reader.take(-(-count // 4), "the shape"), dtype=np.uint8)
    codes: Codes = (packed[:, None] // _PLACES % 4).astype(np.uint8).reshape(-1)
    if codes[count:].any():
        reader.refuse("bits are set behind the last node's shape; they must be 0", back=1)
    return codes[:count]


class _ShapeCheck:
    """Follows how many announced nodes are still to come, over all blocks."""

    def __init__(self, *, nary: bool) -> None:
        self.open_places = 1
        self._root_code_limit = SIBLING if nary else SIBLING + 2

    def check(self, codes: Codes, start: int) -> None:
        """Refuse shapes that end before their block does; `start` is the place of the first."""
        if not self.open_places:
            raise MalformedTree("the tree is complete, and more nodes follow", start, f"byte {start}")
        if codes[0] >= self._root_code_limit:
            raise MalformedTree("the root has a sibling; a tree has one root", start, f"byte {start}")
        self._root_code_limit = SIBLING + 2
        still_open = self.open_places + np.cumsum((codes & 1).astype(np.int64) + (codes >> 1) - 1)
        ends = np.flatnonzero(still_open == 0)
        if len(ends) and ends[0] < len(codes) - 1:
            at = start + (int(ends[0]) + 1) // 4
            raise MalformedTree("the tree is complete, and more nodes follow", at, f"byte {at}")
        self.open_places = int(still_open[-1])


class _Pieces:
    """A stream of bytes in pieces, read by frames whose checksums are chained."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._view = memoryview(b"")
        self._checksum = 0
        self.position = 0

    def refuse(self, problem: str, at: int) -> NoReturn:
        raise MalformedTree(problem, at, f"byte {at}")

    def take(self, count: int, what: str, *, summed: bool = True) -> memoryview:
        parts: list[memoryview] = []
        missing = count
        while missing > len(self._view):
            parts.append(self._view)
            missing -= len(self._view)
            piece = next(self._pieces, None)
            if piece is None:
                at = self.position + count - missing
                self.refuse(f"ends {missing:,} bytes short of its {what}", at)
            self._view = memoryview(piece)
        taken, self._view = self._view[:missing], self._view[missing:]
        if parts:
            taken = memoryview(b"".join([*parts, taken]))
        self.position += count
        if summed:
            self._checksum = zlib.crc32(taken, self._checksum)
        return taken

    def frame(self) -> tuple[int, memoryview, int]:
        """Take a whole frame; return its count, its payload and the payload's place."""
        count, size = _FRAME.unpack(self.take(_FRAME.size, "block"))
        start = self.position
        payload = self.take(size, "payload")
        (told,) = _CRC.unpack(self.take(_CRC.size, "checksum", summed=False))
        if told != self._checksum:
            self.refuse(
                f"checksum {told:08x}, but the block from byte {start - _FRAME.size} on and all before it"
                f" give {self._checksum:08x}; something was changed on the way",
                self.position - _CRC.size,
            )
        return count, payload, start

    def finish(self) -> None:
        if len(self._view) or any(len(piece) for piece in self._pieces):
            self.refuse("bytes follow the end of the tree", self.position)
