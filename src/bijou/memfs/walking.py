"""From a path to a node, as `path_resolution(7)` has it."""

import errno
from typing import Final, NamedTuple, NoReturn

from bijou.memfs.faults import fault
from bijou.memfs.nodes import Directory, Node, Symlink
from bijou.memfs.paths import checked, is_long, names_of
from bijou.memfs.permissions import SEARCH, everyone_searches, require
from bijou.memfs.volume import Caller

_MOST_LINKS: Final = 40
_SHORT_CHARACTERS: Final = 1000


class Walk:
    """One walk down a path: the directory it came to, and the last name, not yet looked up.

    The caller is inside the gate, so directories stay where they are. Files
    may come and go: what was found must be found again under a lock.

    Raises:
        OSError: EACCES, ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EINVAL.
    """

    __slots__ = ("_caller", "_links", "directory", "is_slashed", "last", "path")

    def __init__(self, caller: Caller, path: str) -> None:
        self._caller = caller
        self._links = 0
        self.path = checked(path)
        self.directory: Directory = caller.volume.root
        self.is_slashed = False
        self.last = ""
        self._go(path)

    @property
    def is_normal(self) -> bool:
        """Whether the last name is one that can be made or removed."""
        return self.last not in {"/", ".", ".."}

    def look(self) -> Node | None:
        """Look the last name up; a link is not followed."""
        if self.last in {"/", "."}:
            return self.directory
        if self.last == "..":
            return self.directory.parent
        return self._child(self.last)

    def end(self, *, follow: bool, create: bool = False) -> Node | None:
        """Look the last name up; follow a link, also where a slash behind it asks for it.

        To create, there must be no slash behind the name.
        """
        while True:
            if create and self.is_slashed and self.is_normal:
                raise fault(errno.EISDIR, self.path)
            node = self.look()
            if not isinstance(node, Symlink) or not (follow or self.is_slashed):
                return node
            self._follow(node)

    def found(self, *, follow: bool) -> Node:
        """Return what the path names, a directory if it ends in a slash."""
        node = self.end(follow=follow)
        if node is None:
            raise fault(errno.ENOENT, self.path)
        if self.is_slashed and not isinstance(node, Directory):
            self._refuse(node)
        return node

    def _go(self, path: str) -> None:
        if path[0] == "/":
            self.directory = self._caller.volume.root
        pending = names_of(path)[::-1]
        self.is_slashed = self.is_slashed or (path[-1] == "/" and bool(pending))
        self.last = "/"
        while pending:
            require(self.directory, self._caller.who, SEARCH, self.path)
            self.last = pending.pop()
            if pending:
                self._enter(self.last, pending)

    def _enter(self, name: str, pending: list[str]) -> None:
        if name == "..":
            self.directory = self.directory.parent
        elif name != ".":
            node = self._child(name)
            if node is None:
                raise fault(errno.ENOENT, self.path)
            if isinstance(node, Symlink):
                self._count_link()
                if node.target[0] == "/":
                    self.directory = self._caller.volume.root
                pending += names_of(node.target)[::-1]
            elif isinstance(node, Directory):
                self.directory = node
            else:
                self._refuse(node)

    def _refuse(self, node: Node) -> NoReturn:
        """Raise ENOTDIR, once nobody is in the middle of moving the file: then it hangs at two names."""
        with node.lock:
            raise fault(errno.ENOTDIR, self.path)

    def _follow(self, link: Symlink) -> None:
        self._count_link()
        self._go(link.target)

    def _count_link(self) -> None:
        self._links += 1
        if self._links > _MOST_LINKS:
            raise fault(errno.ELOOP, self.path)

    def _child(self, name: str) -> Node | None:
        node = self.directory.children.get(name)
        if node is None and is_long(name):
            raise fault(errno.ENAMETOOLONG, self.path)
        return node


class Place(NamedTuple):
    """A node and where it was found."""

    parent: Directory
    name: str
    node: Node

    def holds(self) -> bool:
        """Tell whether the node is still there; its lock is held."""
        return self.parent.children.get(self.name) is self.node or self.parent is self.node


def find(caller: Caller, path: str, *, follow: bool = True) -> Place:
    """Return what a path names."""
    place = find_quickly(caller, path) if follow else None
    if place is None:
        walk = Walk(caller, path)
        place = place_of(walk, walk.found(follow=follow))
    return place


def place_of(walk: Walk, node: Node) -> Place:
    """Return where a walk ended."""
    if walk.is_normal:
        return Place(walk.directory, walk.last, node)
    return Place(node.parent, node.name, node)


def find_quickly(caller: Caller, path: str) -> Place | None:
    """Go straight down; None for links, dots, doubled slashes, locked doors and errors.

    Cost: one dictionary look-up a name.
    """
    if type(path) is not str or len(path) > _SHORT_CHARACTERS or path[:1] != "/":
        return None
    knows_all = caller.who.is_superuser
    node: Node = caller.volume.root
    for name in path.split("/")[1:]:
        if not isinstance(node, Directory) or not (knows_all or everyone_searches(node)):
            return None
        parent, child = node, node.children.get(name)
        if child is None:
            return None
        node = child
    return None if isinstance(node, Symlink) else Place(parent, name, node)
