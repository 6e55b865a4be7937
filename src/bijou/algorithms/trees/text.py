"""The text form: preorder, for people to read and to type."""

import json
import math
import re
from collections.abc import Iterator
from typing import NoReturn

from bijou.algorithms.trees.malformed import MalformedTree
from bijou.algorithms.trees.node import AnyNode, BinaryNode, Node, Value
from bijou.algorithms.trees.shape import (
    CHILDREN,
    LEFT,
    MAX_NODES,
    RIGHT,
    SIBLING,
    Block,
    blocks_of,
    build,
    too_many,
)

_WORD = re.compile(r'[#()]|x?"(?:[^"\\]++|\\.)*+"|(?P<open>x?")|[^\s#()"]+', re.DOTALL)
_INTEGER = re.compile(r"-?[0-9]+")
_FLOAT = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_BYTES = re.compile(r'x"((?:[0-9a-f]{2})*)"')
_NAMED: dict[str, Value] = {
    "null": None,
    "true": True,
    "false": False,
    "nan": math.nan,
    "inf": math.inf,
    "-inf": -math.inf,
}
_KNOWN = 'a value is a number, a JSON string, x"hex", true, false, null, nan, inf or -inf'


def tree_to_text(root: BinaryNode | Node | None, *, max_nodes: int = MAX_NODES) -> str:
    """Return the tree as one line in preorder.

    A binary node is its value, its left, then its right subtree, and `#` where
    one is missing: those marks are what makes the order alone enough to read
    it back. An n-ary node is its value, then its children in brackets if it
    has any. Values are written as in JSON; bytes as x"hex".

    Cost: O(n) time and memory; no recursion.
    Threads: any; the tree must not change meanwhile.
    Source: the marks are those of D. E. Knuth's extended binary tree, The Art
        of Computer Programming, vol. 1, 2.3.1.

    Raises:
        TypeError: A value is not int, float, str, bytes, bool or None.
        ValueError: More than `max_nodes`, an int of over 4,300 digits, or a
            text with half a surrogate pair.

    Example:
        >>> tree_to_text(BinaryNode(1, BinaryNode(2), BinaryNode(3, BinaryNode(4), BinaryNode(5))))
        '1 2 # # 3 4 # # 5 # #'
        >>> tree_to_text(Node("and", (Node("fr"), Node("or", (Node(7), Node(None))))))
        '"and" ("fr" "or" (7 null))'
    """
    if root is None:
        return "#"
    write = _write_binary if isinstance(root, BinaryNode) else _write_nary
    return "".join(write(blocks_of(root, max_nodes)))


def tree_from_text(text: str, kind: type[AnyNode], *, max_nodes: int = MAX_NODES) -> AnyNode | None:
    """Read a tree from text such as `tree_to_text` writes; space may vary.

    Cost: O(n) time and memory; no recursion.
    Threads: any.

    Raises:
        MalformedTree: It is not one whole tree; says line and column.

    Example:
        >>> tree_from_text("1 (2 3 (4))", Node) == Node(1, (Node(2), Node(3, (Node(4),))))
        True
        >>> tree_from_text("1 2 # #", BinaryNode)
        Traceback (most recent call last):
        bijou.algorithms.trees.malformed.MalformedTree: line 1, column 8: the text ends with 1 places open
    """
    read = _read_binary if kind is BinaryNode else _read_nary
    return build(*read(text, max_nodes), kind)


def _write_binary(blocks: Iterator[Block]) -> Iterator[str]:
    gap = ""
    rights: list[int] = []  # of each node above whose left subtree is being written: has it a right one?
    for codes, values in blocks:
        for code, value in zip(codes, values, strict=True):
            yield gap + _literal(value)
            gap = " "
            rights.append(code & RIGHT)
            if code & LEFT:
                continue
            yield " #"
            while rights and not rights.pop():
                yield " #"


def _write_nary(blocks: Iterator[Block]) -> Iterator[str]:
    gap = ""
    siblings: list[int] = []  # of each node above: has it a next sibling?
    for codes, values in blocks:
        for code, value in zip(codes, values, strict=True):
            yield gap + _literal(value)
            gap = " "
            if code & CHILDREN:
                siblings.append(code & SIBLING)
                gap = " ("
            elif not code & SIBLING:
                while siblings:
                    yield ")"
                    if siblings.pop():
                        break


def _literal(value: Value) -> str:
    if isinstance(value, str):
        value.encode()
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bytes):
        return f'x"{value.hex()}"'
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int | float):
        return repr(value)
    raise TypeError(
        f"a node's value is {value!r} of type {type(value).__name__};"
        " it must be int, float, str, bytes, bool or None"
    )


def _read_binary(text: str, max_nodes: int) -> Block:
    codes, values = bytearray(), list[Value]()
    places: list[tuple[int, int]] = [(-1, 0)]  # where the next node may hang: below whom, on which side
    for word, at in _words(text):
        if word in ("(", ")"):
            _refuse(text, at, f"{word!r} in a binary tree; missing subtrees are written #")
        if not places:
            _refuse(text, at, f"{_short(word)} follows a tree that is complete")
        above, side = places.pop()
        if word == "#":
            continue
        _append(text, at, word, codes, values, max_nodes)
        if above >= 0:
            codes[above] |= side
        places += ((len(codes) - 1, RIGHT), (len(codes) - 1, LEFT))
    if places:
        _refuse(text, len(text), f"the text ends with {len(places)} places open")
    return Block(codes, values)


def _read_nary(text: str, max_nodes: int) -> Block:
    if text.strip() == "#":
        return Block(bytearray(), [])
    reader = _NaryReader(text, max_nodes)
    for word, at in _words(text):
        if word == "(":
            reader.open(at)
        elif word == ")":
            reader.close(at)
        elif word == "#":
            _refuse(text, at, "'#' in an n-ary tree; it has no missing subtrees")
        else:
            reader.add(word, at)
    return reader.finish()


class _NaryReader:
    def __init__(self, text: str, max_nodes: int) -> None:
        self._text, self._max_nodes = text, max_nodes
        self._codes, self._values = bytearray(), list[Value]()
        self._parents: list[int] = []  # one for each bracket that is open
        self._last: int | None = None  # the last node read on this level
        self._may_open = False

    def open(self, at: int) -> None:
        if self._last is None or not self._may_open:
            _refuse(self._text, at, "'(' without a value before it to be the parent")
        self._parents.append(self._last)
        self._last, self._may_open = None, False

    def close(self, at: int) -> None:
        if self._last is None or not self._parents:
            _refuse(self._text, at, "')' where a value must stand; brackets hold one child at least")
        self._last, self._may_open = self._parents.pop(), False

    def add(self, word: str, at: int) -> None:
        if self._last is not None and not self._parents:
            _refuse(self._text, at, f"{_short(word)} follows a tree that is complete")
        _append(self._text, at, word, self._codes, self._values, self._max_nodes)
        if self._last is not None:
            self._codes[self._last] |= SIBLING
        elif self._parents:
            self._codes[self._parents[-1]] |= CHILDREN
        self._last, self._may_open = len(self._codes) - 1, True

    def finish(self) -> Block:
        if self._parents or not self._codes:
            held = f"with {len(self._parents)} brackets open" if self._parents else "before a tree began"
            _refuse(self._text, len(self._text), f"the text ends {held}")
        return Block(self._codes, self._values)


def _append(text: str, at: int, word: str, codes: bytearray, values: list[Value], max_nodes: int) -> None:
    if len(codes) == max_nodes:
        _refuse(text, at, too_many(max_nodes))
    values.append(_value(text, at, word))
    codes.append(0)


def _words(text: str) -> Iterator[tuple[str, int]]:
    """Yield every word and its place; all but space begins one."""
    for found in _WORD.finditer(text):
        if found.lastgroup:
            _refuse(text, found.start(), "a quote opens here and is never closed")
        yield found[0], found.start()


def _value(text: str, at: int, word: str) -> Value:
    try:
        if word[0] == '"':
            string: str = json.loads(word)
            string.encode()
            return string
        if _INTEGER.fullmatch(word):
            return int(word)
        if word in _NAMED:
            return _NAMED[word]
        if found := _BYTES.fullmatch(word):
            return bytes.fromhex(found[1])
    except ValueError as error:
        _refuse(text, at, f"{_short(word)}: {error}")
    if not _FLOAT.fullmatch(word):
        _refuse(text, at, f"{_short(word)} is no value; {_KNOWN}")
    number = float(word)
    if math.isinf(number):
        _refuse(text, at, f"{_short(word)} is too large for a float; say inf where that is meant")
    return number


def _short(word: str) -> str:
    return repr(word if len(word) <= 40 else f"{word[:40]}…")


def _refuse(text: str, at: int, problem: str) -> NoReturn:
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    raise MalformedTree(problem, at, f"line {line}, column {column}")
