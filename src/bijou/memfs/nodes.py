"""What the tree is made of: directories, symbolic links, and what all nodes have."""

import stat
from collections.abc import MutableMapping
from typing import ClassVar, NamedTuple, TypeVar

from bijou.memfs.locks import Lock


class Stat(NamedTuple):
    """What is known of a node; instants are microseconds since 1970 in UTC.

    Args:
        ino: Number of the node, never used twice.
        mode: Kind and permissions, as in `stat.st_mode`.
        links: 1, or 0 once it is deleted; for a directory 2 and its subdirectories.
        uid: Owner.
        gid: Group.
        size_bytes: Of a file's content or a link's target; of a directory the number of its names.
        accessed_at: Set at birth and by `utime`; reading leaves it alone, as `noatime` does.
        modified_at: When the content, or the names of a directory, last changed.
        changed_at: When anything of it last changed.
    """

    ino: int
    mode: int
    links: int
    uid: int
    gid: int
    size_bytes: int
    accessed_at: int
    modified_at: int
    changed_at: int

    @property
    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_symlink(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)


class Birth(NamedTuple):
    """What a new node is given."""

    ino: int
    mode: int
    uid: int
    gid: int
    born_at: int
    lock: Lock


N = TypeVar("N", bound="Node")


class Node:
    """What every node has; changes only under its lock.

    `parent` and `name` say where it hangs; they also change under the lock.
    """

    KIND: ClassVar[int]

    __slots__ = (
        "accessed_at",
        "changed_at",
        "gid",
        "ino",
        "is_gone",
        "lock",
        "mode",
        "modified_at",
        "name",
        "parent",
        "uid",
    )

    parent: "Directory"
    name: str

    def __init__(self, birth: Birth) -> None:
        self.ino, self.mode, self.uid, self.gid, born_at, self.lock = birth
        self.accessed_at = self.modified_at = self.changed_at = born_at
        self.is_gone = False

    def stat(self) -> Stat:
        """Describe it; the caller holds its lock."""
        return Stat(
            self.ino,
            self.KIND | self.mode,
            self._links(),
            self.uid,
            self.gid,
            self._size_bytes(),
            self.accessed_at,
            self.modified_at,
            self.changed_at,
        )

    def _links(self) -> int:
        return 0 if self.is_gone else 1

    def _size_bytes(self) -> int:
        raise NotImplementedError

    def frozen(self) -> "Node":
        """Return a copy for a snapshot, sharing content; the caller holds its lock."""
        raise NotImplementedError

    def _metadata_to(self, copy: N) -> N:
        copy.accessed_at, copy.modified_at, copy.changed_at = (
            self.accessed_at,
            self.modified_at,
            self.changed_at,
        )
        copy.is_gone = self.is_gone
        copy.parent, copy.name = self.parent, self.name
        return copy

    def _birth(self) -> Birth:
        return Birth(self.ino, self.mode, self.uid, self.gid, 0, self.lock)


class Directory(Node):
    """Names and their nodes."""

    KIND = stat.S_IFDIR
    __slots__ = ("children", "subdirectories")

    def __init__(self, birth: Birth) -> None:
        super().__init__(birth)
        self.children: MutableMapping[str, Node] = {}
        self.subdirectories = 0

    def _links(self) -> int:
        return 0 if self.is_gone else 2 + self.subdirectories

    def _size_bytes(self) -> int:
        return len(self.children)

    def frozen(self) -> "Directory":
        """Return a copy with the names of this moment."""
        copy = self._metadata_to(Directory(self._birth()))
        copy.children = dict(self.children)
        copy.subdirectories = self.subdirectories
        return copy


class Symlink(Node):
    """A name for another path."""

    KIND = stat.S_IFLNK
    __slots__ = ("target",)

    def __init__(self, birth: Birth, target: str) -> None:
        super().__init__(birth)
        self.target = target

    def _size_bytes(self) -> int:
        return len(self.target.encode("utf-8", "surrogatepass"))

    def frozen(self) -> "Symlink":
        """Return a copy."""
        return self._metadata_to(Symlink(self._birth(), self.target))


def is_at_or_above(above: Directory, below: Directory) -> bool:
    """Tell whether `above` is `below` or an ancestor of it.

    The caller keeps directories from moving.
    """
    while True:
        if below is above:
            return True
        if below.parent is below:
            return False
        below = below.parent
