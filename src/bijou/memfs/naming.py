"""Making and removing names."""

import errno
from typing import TypeVar

from bijou.memfs.content import File
from bijou.memfs.faults import fault
from bijou.memfs.nodes import Birth, Directory, Node, Symlink
from bijou.memfs.paths import PATH_BYTES
from bijou.memfs.permissions import SEARCH, WRITE, birth_of, require, require_delete
from bijou.memfs.volume import Caller
from bijou.memfs.walking import Walk
from bijou.memfs.watching import Change

N = TypeVar("N", bound=Node)


def make_directory(caller: Caller, path: str, mode: int) -> None:
    """Make a directory under a free name."""
    volume = caller.volume
    volume.require_writable(path)
    now = volume.now()
    with volume.gate.shared:
        while True:
            walk = Walk(caller, path)
            parent = walk.directory
            with parent.lock:
                if parent.is_gone:
                    continue  # since the walk; the next one says what is missing
                _require_free(walk)
                require(parent, caller.who, WRITE | SEARCH, path)
                hang(
                    caller, parent, walk.last, Directory(_birth(caller, parent, mode, now, is_directory=True))
                )
                return


def make_symlink(caller: Caller, target: str, path: str) -> None:
    """Make a symbolic link under a free name."""
    volume = caller.volume
    volume.require_writable(path)
    if not target:
        raise fault(errno.ENOENT, target, path, rule="a link to nothing")
    if len(target.encode("utf-8", "surrogatepass")) > PATH_BYTES:
        raise fault(errno.ENAMETOOLONG, target, path)
    if "\0" in target:
        raise fault(errno.EINVAL, target, path, rule="a path holds no NUL")
    now = volume.now()
    with volume.gate.shared:
        while True:
            walk = Walk(caller, path)
            parent = walk.directory
            with parent.lock:
                if parent.is_gone:
                    continue
                _require_free(walk)
                if walk.is_slashed:
                    raise fault(errno.ENOENT, path)
                require(parent, caller.who, WRITE | SEARCH, path)
                hang(caller, parent, walk.last, Symlink(_birth(caller, parent, 0o777, now), target))
                return


def new_file(caller: Caller, walk: Walk, mode: int, now: int) -> File:
    """Return an empty file that may be hung where a walk ended."""
    require(walk.directory, caller.who, WRITE | SEARCH, walk.path)
    birth = _birth(caller, walk.directory, mode & ~caller.umask, now)
    return File(birth, caller.volume.budget)


def hang(caller: Caller, parent: Directory, name: str, node: N) -> N:
    """Give a new node its name; the caller holds the parent's lock."""
    volume = caller.volume
    volume.keep(parent)
    node.parent, node.name = parent, name
    parent.children[name] = node
    parent.subdirectories += isinstance(node, Directory)
    parent.modified_at = parent.changed_at = node.modified_at
    if volume.watches:
        volume.watches.tell(Change.CREATED, node)
    return node


def remove_file(caller: Caller, path: str) -> None:
    """Remove the name of a file or a symbolic link."""
    volume = caller.volume
    volume.require_writable(path)
    now = volume.now()
    while True:
        with volume.gate.shared:
            is_link = isinstance(Walk(caller, path).look(), Symlink)
        # A link that goes away changes what paths through it mean.
        with volume.gate.shut() if is_link else volume.gate.shared:
            walk = Walk(caller, path)
            if not walk.is_normal:
                raise fault(errno.EISDIR, path)
            parent = walk.directory
            with parent.lock:
                node = _look_for_victim(walk)
                if walk.is_slashed:
                    raise fault(errno.EISDIR if isinstance(node, Directory) else errno.ENOTDIR, path)
                require_delete(parent, node, caller.who, path)
                if isinstance(node, Directory):
                    raise fault(errno.EISDIR, path)
                if is_link or not isinstance(node, Symlink):
                    with node.lock:
                        take_down(caller, node, now)
                    return


def remove_directory(caller: Caller, path: str) -> None:
    """Remove an empty directory."""
    volume = caller.volume
    volume.require_writable(path)
    now = volume.now()
    with volume.gate.shared:
        walk = Walk(caller, path)
        if not walk.is_normal:
            codes = {"/": errno.EBUSY, ".": errno.EINVAL, "..": errno.ENOTEMPTY}
            raise fault(codes[walk.last], path)
        parent = walk.directory
        with parent.lock:
            node = _look_for_victim(walk)
            require_delete(parent, node, caller.who, path)
            if not isinstance(node, Directory):
                raise fault(errno.ENOTDIR, path)
            with node.lock:
                if node.children:
                    raise fault(errno.ENOTEMPTY, path)
                take_down(caller, node, now)


def take_down(caller: Caller, node: Node, now: int) -> None:
    """Take a node's name away; the caller holds its parent's lock and its own."""
    volume, parent = caller.volume, node.parent
    volume.keep(parent)
    volume.keep(node)
    del parent.children[node.name]
    parent.subdirectories -= isinstance(node, Directory)
    parent.modified_at = parent.changed_at = node.changed_at = now
    node.is_gone = True
    if volume.watches:
        volume.watches.tell(Change.REMOVED, node)


def _require_free(walk: Walk) -> None:
    if walk.look() is not None:
        raise fault(errno.EEXIST, walk.path)


def _look_for_victim(walk: Walk) -> Node:
    node = walk.look()
    if node is None:
        raise fault(errno.ENOENT, walk.path)
    return node


def _birth(caller: Caller, parent: Directory, mode: int, now: int, *, is_directory: bool = False) -> Birth:
    if is_directory:
        mode &= ~caller.umask
    mode, gid = birth_of(parent, caller.who, mode, is_directory=is_directory)
    return caller.volume.birth(mode, caller.who.uid, gid, now)
