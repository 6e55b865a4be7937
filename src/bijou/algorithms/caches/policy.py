"""What a policy of eviction is, and what it is told: the interface to bring your own."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator
from typing import Any, ClassVar, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

NEVER_NS = 1 << 62


class Entry(Generic[K, V]):
    """One cached value; policies extend it with what they need to remember.

    Args:
        key: What it is found by.
        value: What is found.
        weight: What it takes of the cache's capacity, in the unit of that.
        stale_ns: When the value should be loaded again.
        gone_ns: When it must no longer be returned; not before `stale_ns`.
    """

    __slots__ = ("gone_ns", "key", "stale_ns", "value", "weight")

    def __init__(
        self, key: K, value: V, weight: int = 1, stale_ns: int = NEVER_NS, gone_ns: int = NEVER_NS
    ) -> None:
        self.key = key
        self.value = value
        self.weight = weight
        self.stale_ns = stale_ns
        self.gone_ns = gone_ns


E = TypeVar("E", bound=Entry[Any, Any])


class Policy(ABC, Generic[K, E]):
    """Decides which entry leaves; keeps the entries and finds them by key.

    To bring your own: extend `Entry` by what you remember of one, and say what
    happens on `insert`, `touch`, `remove` and `evict`; those keep `_index`
    true. A policy serves one cache, which does everything else.

    Threads: the cache calls under its lock. Where `locks_hits` is False, `find`
    and `touch` are called without it too: then `find` must be one look-up, and
    a touch set no more than fields of its entry, which may have left meanwhile.

    Args:
        entry_type: What the cache makes of a key and its value.
    """

    locks_hits: ClassVar[bool] = True

    def __init__(self, entry_type: type[E]) -> None:
        self.entry_type = entry_type
        self._index: dict[K, E] = {}
        self.find: Callable[[K], E | None] = self._index.get
        self.capacity = 0

    def fit(self, capacity: int) -> None:
        """Learn the cache's capacity, once, before anything is inserted.

        Raises:
            ValueError: It learnt that of another cache already.
        """
        if self.capacity:
            raise ValueError(
                f"this {type(self).__name__} serves a cache of capacity {self.capacity} already;"
                " each cache needs a policy of its own"
            )
        self.capacity = capacity

    @abstractmethod
    def insert(self, entry: E) -> None:
        """Take in an entry whose key is not here."""

    @abstractmethod
    def touch(self, entry: E) -> None:
        """Note that an entry was asked for."""

    @abstractmethod
    def remove(self, entry: E) -> None:
        """Let go of an entry that is here."""

    @abstractmethod
    def evict(self) -> E:
        """Let go of the least worthy entry, which may be the newest, and return it."""

    def reweigh(self, entry: E, weight: int) -> None:
        """Change the weight of an entry that is here."""
        entry.weight = weight

    def __len__(self) -> int:
        return len(self._index)

    def __iter__(self) -> Iterator[E]:
        return iter(self._index.values())
