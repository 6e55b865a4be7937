"""The tree as it was: copy-on-write, node by node."""

import errno
from collections.abc import Iterator, Mapping, MutableMapping

from bijou.memfs.faults import fault
from bijou.memfs.nodes import Directory, Node
from bijou.memfs.volume import Volume
from bijou.memfs.watching import path_of


class Version:
    """What the tree was at one moment.

    Taking one costs nothing. From then on a node is kept, once, before it
    changes: its metadata, and the table of its names or extents. Content is
    shared, not copied. A node that this version did not keep is found in the
    next newer one that did, or is unchanged to this day.

    Source: Driscoll, Sarnak, Sleator, Tarjan, "Making data structures
    persistent" (1989): fat nodes, grouped by version.
    """

    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self._is_open = True
        self.kept: dict[Node, Node] = {}
        self.newer: Version | None = None
        self._names: _Children
        with volume.gate.shut():
            self.last_ino = volume.next_ino()
            newest = volume.keeper
            self.older = newest if isinstance(newest, Version) else None
            if self.older is not None:
                self.older.newer = self
            volume.keeper = self

    def keep(self, node: Node) -> None:
        """Keep a node as it is, unless it is younger or kept already; its lock is held."""
        if node.ino < self.last_ino and node not in self.kept:
            self.kept[node] = node.frozen()

    def as_of_then(self, node: Node) -> Node:
        """Return a copy of a node as it was."""
        with self._volume.gate.shared, node.lock:
            if not self._is_open:
                raise fault(errno.ESTALE, node.name)
            version: Version | None = self
            while version is not None and node not in version.kept:
                version = version.newer
            copy = (node if version is None else version.kept[node]).frozen()
        # A lock of its own: who holds it may wait for locks of the living tree, never the other way round.
        copy.lock = self._volume.new_lock()
        return copy

    def close(self) -> None:
        """Let go; an older version takes over what it found here."""
        with self._volume.gate.shut():
            if not self._is_open:
                return
            self._is_open = False
            older, newer = self.older, self.newer
            if newer is None:
                self._volume.keeper = older
            else:
                newer.older = older
            if older is not None:
                older.newer = newer
                for node, kept in self.kept.items():
                    if node.ino < older.last_ino:
                        older.kept.setdefault(node, kept)
            self.kept = {}
        self._names.forget()

    def root(self) -> Directory:
        """Return the root of then; what lies below is made as it is asked for."""
        root = self.as_of_then(self._volume.root)
        assert isinstance(root, Directory)
        root.children = self._names = _Children(self, root)
        return root


class _Children(MutableMapping[str, Node]):
    """The names of a directory of then, each node made when it is first asked for."""

    def __init__(self, version: Version, directory: Directory) -> None:
        self._version = version
        self._directory = directory
        self._then: Mapping[str, Node] | None = directory.children
        self._made: dict[str, Node] = {}

    def __getitem__(self, name: str) -> Node:
        made = self._made.get(name)
        if made is None:
            made = self._version.as_of_then(self._names[name])
            made.parent, made.name, made.is_gone = self._directory, name, False
            if isinstance(made, Directory):
                made.children = _Children(self._version, made)
            # Two threads may both come here; one node must stand for the name.
            made = self._made.setdefault(name, made)
        return made

    def forget(self) -> None:
        """Let go of what was made: nodes and their parents hold each other."""
        pending = [self]
        while pending:
            pending += pending.pop().forget_one()

    def forget_one(self) -> "list[_Children]":
        """Let go of this directory's nodes, and return what is left to do below."""
        made, self._made, self._then = self._made, {}, None
        below = (node.children for node in made.values() if isinstance(node, Directory))
        return [children for children in below if isinstance(children, _Children)]

    @property
    def _names(self) -> Mapping[str, Node]:
        if self._then is None:
            raise fault(errno.ESTALE, path_of(self._directory))
        return self._then

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __setitem__(self, name: str, node: Node) -> None:
        raise fault(errno.EROFS, name)

    def __delitem__(self, name: str) -> None:
        raise fault(errno.EROFS, name)
