"""From a path to a file that is worked on."""

import errno
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

from bijou.memfs.budget import Bytes
from bijou.memfs.content import File
from bijou.memfs.faults import fault
from bijou.memfs.naming import hang, new_file
from bijou.memfs.permissions import READ, WRITE, drop_set_id, require
from bijou.memfs.volume import Caller
from bijou.memfs.walking import Walk, find_quickly, place_of
from bijou.memfs.watching import Change

T = TypeVar("T")


class How(NamedTuple):
    """What a file is opened for; `create` makes it where it is missing."""

    reads: bool = False
    writes: bool = False
    create: bool = False
    exclusive: bool = False
    truncate: bool = False
    append: bool = False

    @property
    def wanted(self) -> int:
        """The permission bits that this asks of a file."""
        return READ * self.reads | WRITE * self.writes


HOW: Final = {
    "r": How(reads=True),
    "r+": How(reads=True, writes=True),
    "w": How(writes=True, create=True, truncate=True),
    "w+": How(reads=True, writes=True, create=True, truncate=True),
    "a": How(writes=True, create=True, append=True),
    "a+": How(reads=True, writes=True, create=True, append=True),
    "x": How(writes=True, create=True, exclusive=True),
    "x+": How(reads=True, writes=True, create=True, exclusive=True),
}
FOR_WRITING: Final = How(writes=True)


def on_file(caller: Caller, path: str, how: How, mode: int, work: Callable[[File, int], T]) -> T:
    """Do `work(file, now)` on the file of a path, truncated if asked for, at one moment.

    Nobody sees a file that was made here before the work on it is done.

    Raises:
        OSError: what open(2) would raise; EISDIR for every directory.
    """
    volume = caller.volume
    if how.writes:
        volume.require_writable(path)
    now = volume.now()
    with volume.gate.shared:
        while True:
            place = None if how.exclusive else find_quickly(caller, path)
            if place is None:
                walk = Walk(caller, path)
                node = walk.end(follow=not how.exclusive, create=how.create)
                if how.exclusive or (how.create and node is None):
                    with walk.directory.lock:
                        if _is_free(walk, how):
                            file = new_file(caller, walk, mode, now)
                            with file.lock:
                                hang(caller, walk.directory, walk.last, file)
                                return work(file, now)
                    continue  # somebody was quicker
                place = place_of(walk, walk.found(follow=True))
            node = place.node
            if not isinstance(node, File):
                if not how.writes:
                    require(node, caller.who, how.wanted, path)
                raise fault(errno.EISDIR, path)
            with node.lock:
                if place.holds():
                    require(node, caller.who, how.wanted, path)
                    if how.truncate:
                        cut(caller, node, 0, now, path)
                    return work(node, now)


def put(caller: Caller, file: File, at: int, data: Bytes, now: int, path: str) -> None:
    """Write into a file and stamp it; its lock is held, and the gate shared."""
    caller.volume.keep(file)
    file.write(at, data, path)
    if data:
        stamp(caller, file, now)


def cut(caller: Caller, file: File, size_bytes: int, now: int, path: str) -> None:
    """Give a file another length and stamp it; its lock is held, and the gate shared."""
    caller.volume.keep(file)
    file.resize(size_bytes, path)
    stamp(caller, file, now)


def stamp(caller: Caller, file: File, now: int) -> None:
    """Note that content changed."""
    file.modified_at = file.changed_at = now
    drop_set_id(file, caller.who)
    if caller.volume.watches and not file.is_gone:
        caller.volume.watches.tell(Change.WRITTEN, file)


def _is_free(walk: Walk, how: How) -> bool:
    """Tell whether a name may be given; EEXIST where only a new file will do."""
    if walk.directory.is_gone:
        return False
    if walk.look() is None:
        return True
    if how.exclusive:
        raise fault(errno.EEXIST, walk.path)
    return False
