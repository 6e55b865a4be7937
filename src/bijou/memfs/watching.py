"""Telling who asked of what changes."""

import threading
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple, Self

from bijou.memfs.nodes import Directory, Node
from bijou.memfs.paths import join


class Change(StrEnum):
    """What happened to a name or its node."""

    CREATED = "created"
    REMOVED = "removed"
    MOVED = "moved"
    WRITTEN = "written"
    ATTRIBUTES = "attributes"
    OVERFLOW = "overflow"


class Event(NamedTuple):
    """One change, with paths as they were at its moment.

    Args:
        change: What happened; OVERFLOW: events were lost here, look again.
        path: Where.
        origin: Where it came from, if it moved.
    """

    change: Change
    path: str
    origin: str = ""


class Watch:
    """The changes of a file, a directory's names, or a whole tree, in order.

    Follows the node, not the path: a watched directory may be renamed.

    Threads: safe.

    Args:
        capacity: Events kept for who does not come to take them.
        notify: Called after each event, with locks of the file system held: it
            must return at once and not call back in. What it raises is dropped,
            so that no write of others fails by it, and counted.

    Attributes:
        notify_failures: How often `notify` raised.
    """

    def __init__(
        self,
        forget: "Callable[[Watch], None]",
        *,
        recursive: bool,
        capacity: int,
        notify: Callable[[], object] | None,
    ) -> None:
        if capacity < 1:
            raise ValueError(f"capacity {capacity} must be at least 1")
        self.recursive = recursive
        self._forget = forget
        self._capacity = capacity
        self._notify = notify
        self._lock = threading.Lock()
        self._events: deque[Event] = deque()
        self.notify_failures = 0

    def take(self) -> list[Event]:
        """Return what happened since the last call, oldest first."""
        with self._lock:
            events = list(self._events)
            self._events.clear()
        return events

    def close(self) -> None:
        """Hear no more."""
        self._forget(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def tell(self, event: Event) -> None:
        """Keep an event; a full watch keeps one OVERFLOW instead of the rest."""
        with self._lock:
            if len(self._events) < self._capacity:
                self._events.append(event)
            elif self._events[-1].change is not Change.OVERFLOW:
                self._events.append(Event(Change.OVERFLOW, event.path))
        if self._notify is not None:
            try:
                self._notify()
            except Exception:  # noqa: BLE001 - whoever changes the file has nothing to do with it
                with self._lock:
                    self.notify_failures += 1


class Watches:
    """Who watches which node. Telling costs nothing while nobody does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_node: dict[Node, tuple[Watch, ...]] = {}

    def __bool__(self) -> bool:
        return bool(self._by_node)

    def add(
        self, node: Node, *, recursive: bool, capacity: int, notify: Callable[[], object] | None
    ) -> Watch:
        """Start to watch a node."""

        def forget(watch: Watch) -> None:
            with self._lock:
                left = tuple(each for each in self._by_node.get(node, ()) if each is not watch)
                if left:
                    self._by_node[node] = left
                else:
                    self._by_node.pop(node, None)

        watch = Watch(forget, recursive=recursive, capacity=capacity, notify=notify)
        with self._lock:
            self._by_node[node] = (*self._by_node.get(node, ()), watch)
        return watch

    def tell(self, change: Change, node: Node, origin: tuple[Directory, str] | None = None) -> None:
        """Tell of a change to a node that hangs, or until now hung, at `node.parent`.

        The caller keeps directories from moving, and holds the lock that the
        change was made under, so that events keep its order.
        """
        parents = [node.parent] if origin is None else [node.parent, origin[0]]
        told = dict.fromkeys(watch for each in (node, *parents) for watch in self._by_node.get(each, ()))
        for parent in parents:
            told |= dict.fromkeys(self._recursive_above(parent))
        if told:
            came_from = "" if origin is None else join(path_of(origin[0]), origin[1])
            event = Event(change, path_of(node), came_from)
            for watch in told:
                watch.tell(event)

    def _recursive_above(self, directory: Directory) -> list[Watch]:
        found: list[Watch] = []
        while True:
            found += [watch for watch in self._by_node.get(directory, ()) if watch.recursive]
            if directory.parent is directory:
                return found
            directory = directory.parent


def path_of(node: Node) -> str:
    """Return where a node hangs; the caller keeps directories from moving."""
    names: list[str] = []
    while node.parent is not node:
        names.append(node.name)
        node = node.parent
    return "/" + "/".join(reversed(names))
