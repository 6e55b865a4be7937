"""Which intervals hold a moment, while intervals come and go."""

from collections.abc import Iterator
from operator import index
from typing import Generic, NamedTuple, TypeVar

Value = TypeVar("Value")


class Entry(NamedTuple, Generic[Value]):
    """An interval of a tree and what stands there."""

    start: int
    end: int
    value: Value


class _Node(Generic[Value]):
    """All values of one interval; `reach` is the largest end at or below it."""

    __slots__ = ("height", "key", "left", "reach", "right", "values")

    def __init__(self, key: tuple[int, int], value: Value) -> None:
        self.key = key
        self.values = [value]
        self.left: _Node[Value] | None = None
        self.right: _Node[Value] | None = None
        self.reach = key[1]
        self.height = 1


class IntervalTree(Generic[Value]):
    """Intervals with values: add, remove, and ask what stands at a moment.

    The same interval may hold many values, and equal ones several times.

    Cost: O(log n) time for add and remove; O(k log n) for an answer of k,
    O(log n) for an empty one; about 150 bytes an interval. Depth is at most
    1.44 log2 n, so recursion is bounded.
    Threads: one at a time; a reader beside a writer may miss intervals.

    Source: Cormen and others, "Introduction to Algorithms" (3rd ed.), section
    14.3, on the balance of Adelson-Velsky and Landis (1962).

    Example:
        >>> tree = IntervalTree()
        >>> tree.add(0, 90, "film")
        >>> tree.add(30, 32, "break")
        >>> [entry.value for entry in tree.at(31)]
        ['film', 'break']
        >>> tree.remove(30, 32, "break")
        >>> tree.overlapping(31, 95)
        [Entry(start=0, end=90, value='film')]
    """

    def __init__(self) -> None:
        self._root: _Node[Value] | None = None
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Entry[Value]]:
        """Yield all, by start, then end, then in order of coming."""
        stack: list[_Node[Value]] = []
        node = self._root
        while stack or node:
            while node:
                stack.append(node)
                node = node.left
            node = stack.pop()
            for value in node.values:
                yield Entry(*node.key, value)
            node = node.right

    def add(self, start: int, end: int, value: Value) -> None:
        """Let `value` stand in [start, end).

        Raises:
            ValueError: `end` is not after `start`, or one of them is no integer.
        """
        self._root = _insert(self._root, _checked(start, end), value)
        self._count += 1

    def remove(self, start: int, end: int, value: Value) -> None:
        """Take away the oldest such value.

        Raises:
            KeyError: no such value stands in exactly [start, end).
            ValueError: as `add`.
        """
        key = _checked(start, end)
        node = self._root
        while node and node.key != key:
            node = node.left if key < node.key else node.right
        if node is None or value not in node.values:
            raise KeyError(f"{value!r} does not stand in [{start}, {end}); nothing was removed")
        node.values.remove(value)
        self._count -= 1
        if not node.values:
            self._root = _delete(self._root, key)

    def at(self, moment: int) -> list[Entry[Value]]:
        """Return all that hold `moment`, by start, then end.

        Raises:
            ValueError: `moment` is no integer.
        """
        return self.overlapping(moment, moment + 1)

    def overlapping(self, start: int, end: int) -> list[Entry[Value]]:
        """Return all that share a moment with [start, end), by start, then end.

        Raises:
            ValueError: `end` is not after `start`, or one of them is no integer.
        """
        start, end = _checked(start, end)
        found: list[Entry[Value]] = []
        _search(self._root, start, end, found)
        return found


def _checked(start: int, end: int) -> tuple[int, int]:
    try:
        start, end = index(start), index(end)
    except TypeError:
        raise ValueError(f"[{start}, {end}) has a fraction or no number; moments must be integers") from None
    if end <= start:
        raise ValueError(f"[{start}, {end}) holds no moment; an end must come after its start")
    return start, end


def _search(node: _Node[Value] | None, start: int, end: int, found: list[Entry[Value]]) -> None:
    while node and node.reach > start:
        _search(node.left, start, end, found)
        if node.key[0] >= end:
            return
        if node.key[1] > start:
            found.extend(Entry(*node.key, value) for value in node.values)
        node = node.right


def _insert(node: _Node[Value] | None, key: tuple[int, int], value: Value) -> _Node[Value]:
    if node is None:
        return _Node(key, value)
    if key == node.key:
        node.values.append(value)
        return node
    if key < node.key:
        node.left = _insert(node.left, key, value)
    else:
        node.right = _insert(node.right, key, value)
    return _balance(node)


def _delete(node: _Node[Value] | None, key: tuple[int, int]) -> _Node[Value] | None:
    if node is None:
        return None
    if key < node.key:
        node.left = _delete(node.left, key)
    elif key > node.key:
        node.right = _delete(node.right, key)
    else:
        if node.left is None or node.right is None:
            return node.left or node.right
        heir = node.right
        while heir.left:
            heir = heir.left
        node.key, node.values = heir.key, heir.values
        node.right = _delete(node.right, heir.key)
    return _balance(node)


def _balance(node: _Node[Value]) -> _Node[Value]:
    lean = _height(node.left) - _height(node.right)
    if lean > 1 and node.left:
        if _height(node.left.left) < _height(node.left.right):
            node.left = _rotate_left(node.left)
        return _rotate_right(node)
    if lean < -1 and node.right:
        if _height(node.right.right) < _height(node.right.left):
            node.right = _rotate_right(node.right)
        return _rotate_left(node)
    return _measure(node)


def _rotate_left(node: _Node[Value]) -> _Node[Value]:
    top = node.right
    assert top is not None
    node.right, top.left = top.left, node
    _measure(node)
    return _measure(top)


def _rotate_right(node: _Node[Value]) -> _Node[Value]:
    top = node.left
    assert top is not None
    node.left, top.right = top.right, node
    _measure(node)
    return _measure(top)


def _measure(node: _Node[Value]) -> _Node[Value]:
    left, right = node.left, node.right
    node.height = 1 + max(_height(left), _height(right))
    node.reach = max(node.key[1], left.reach if left else node.key[1], right.reach if right else node.key[1])
    return node


def _height(node: _Node[Value] | None) -> int:
    return node.height if node else 0
