"""The file system as one user sees it."""

import errno
import threading
from collections.abc import Callable, Iterator, MutableMapping
from typing import TYPE_CHECKING, Final, Self, TypeVar

from bijou.memfs import naming, permissions, renaming, searching
from bijou.memfs.budget import Budget, Spill, Usage
from bijou.memfs.content import File, Piece, copied
from bijou.memfs.credentials import ROOT, Credentials
from bijou.memfs.faults import fault
from bijou.memfs.handles import Handle, as_bytes
from bijou.memfs.locks import NewLock
from bijou.memfs.nodes import Directory, Node, Stat, Symlink
from bijou.memfs.opening import FOR_WRITING, HOW, cut, on_file, put
from bijou.memfs.paths import checked, join
from bijou.memfs.permissions import READ, allows, require
from bijou.memfs.snapshots import Version
from bijou.memfs.volume import Caller, Volume
from bijou.memfs.walking import find
from bijou.memfs.watching import Change, Watch

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

T = TypeVar("T")

EXTENT_BYTES: Final = 256 * 1024
_FILE_MODE, _DIRECTORY_MODE, _UMASK = 0o666, 0o777, 0o022


class MemFS:
    """A POSIX file system in memory, one tree for many users and threads.

    Behaves as Linux does on tmpfs, errno for errno, with these differences: a
    path must be absolute, there are no hard links, reading leaves
    `accessed_at` alone, and every operation on a path takes effect at one
    moment: no walk ever sees half of a rename.

    Cost: an operation on a path is one dictionary look-up a name and three
    locks that are mostly free; about 550 bytes a small file.
    Threads: safe; the order of locks stands in `bijou.memfs.locks`.

    Args:
        now: Tells the time in microseconds since 1970, such as `clock.now`.
        budget_bytes: Content kept in memory; above it, what is cold goes to
            the spill, and without one writes fail with ENOSPC.
        spill: Where cold extents go.
        extent_bytes: Length of an extent.
        new_lock: Makes each lock; by default a plain mutex a node. One that
            always hands out the same re-entrant lock makes a file system with
            one lock, to measure what the others buy.

    Raises:
        OSError: every operation, with the errno that Linux would give.

    Example:
        >>> fs = MemFS(now=lambda: 0)
        >>> fs.makedirs("/films/sintel")
        >>> fs.append("/films/sintel/notes", b"dragon")
        6
        >>> fs.rename("/films", "/archive")
        >>> fs.read("/archive/sintel/notes")
        b'dragon'
        >>> fs.read("/archive/sintel")
        Traceback (most recent call last):
        IsADirectoryError: [Errno 21] it is a directory: '/archive/sintel'
    """

    def __init__(
        self,
        *,
        now: Callable[[], int],
        budget_bytes: int | None = None,
        spill: Spill | None = None,
        extent_bytes: int = EXTENT_BYTES,
        new_lock: NewLock = threading.Lock,
    ) -> None:
        self._use(Caller(Volume(now, Budget(budget_bytes, spill, extent_bytes), new_lock), ROOT, _UMASK))

    def _use(self, caller: Caller) -> None:
        self._caller = caller
        self._volume = caller.volume
        self._gate = caller.volume.gate

    def acting(self, who: Credentials, *, umask: int = _UMASK) -> "MemFS":
        """Return the same tree as another user sees it."""
        view = MemFS.__new__(MemFS)
        view._use(Caller(self._volume, who, umask))  # noqa: SLF001 - another view of ours
        return view

    def stat(self, path: str) -> Stat:
        """Describe what a path names, links followed."""
        return self._at(path, Node.stat)

    def lstat(self, path: str) -> Stat:
        """Describe what a path names, a link as itself."""
        return self._at(path, Node.stat, follow=False)

    def exists(self, path: str) -> bool:
        """Whether there is something, and it may be seen."""
        return self._kind(path) is not None

    def is_dir(self, path: str) -> bool:
        """Whether there is a directory."""
        return self._kind(path) is Directory

    def is_file(self, path: str) -> bool:
        """Whether there is a file."""
        return self._kind(path) is File

    def access(self, path: str, wanted: int) -> bool:
        """Whether this user has all of the `wanted` bits: 4 read, 2 write, 1 search."""
        try:
            return self._at(path, lambda node: allows(node, self._caller.who, wanted))
        except OSError:
            return False

    def listdir(self, path: str) -> list[str]:
        """Return the names in a directory, in order."""
        return sorted(self._at(path, lambda node: list(self._children(node, path))))

    def scandir(self, path: str) -> list[tuple[str, Stat]]:
        """Return the names in a directory, in order, each with what it names, links as themselves.

        The names are those of one moment, what is said of each of a later one.
        """
        found = self._at(path, lambda node: list(self._children(node, path).items()))
        listing = []
        for name, node in sorted(found, key=lambda pair: pair[0]):
            with node.lock:
                listing.append((name, node.stat()))
        return listing

    def mkdir(self, path: str, mode: int = _DIRECTORY_MODE) -> None:
        """Make a directory; the one above must be there."""
        naming.make_directory(self._caller, path, mode)

    def makedirs(self, path: str, mode: int = _DIRECTORY_MODE, *, exist_ok: bool = True) -> None:
        """Make a directory and those above it that are missing."""
        missing = [path]
        while missing:
            try:
                self.mkdir(missing[-1], mode if len(missing) == 1 else _DIRECTORY_MODE)
            except FileNotFoundError:
                above = missing[-1].rstrip("/").rpartition("/")[0]
                if not above:
                    raise
                missing.append(above)
                continue
            except FileExistsError:
                if not (exist_ok or len(missing) > 1) or not self.is_dir(missing[-1]):
                    raise
            missing.pop()

    def rmdir(self, path: str) -> None:
        """Remove an empty directory."""
        naming.remove_directory(self._caller, path)

    def unlink(self, path: str) -> None:
        """Remove a file or a link; open handles keep the content alive."""
        naming.remove_file(self._caller, path)

    def rmtree(self, path: str) -> None:
        """Remove a directory and all below, name by name; not in one moment.

        Links are removed, never followed.
        """
        pending = [path]
        while pending:
            above = pending[-1]
            directories, others = self._listed(above, follow=False)
            for name in others:
                self.unlink(join(above, name))
            pending += [join(above, name) for name in directories]
            if not directories:
                self.rmdir(pending.pop())

    def symlink(self, target: str, path: str) -> None:
        """Make a symbolic link at `path`."""
        naming.make_symlink(self._caller, target, path)

    def readlink(self, path: str) -> str:
        """Return a link's target."""
        return self._at(path, lambda node: _target(node, path), follow=False)

    def rename(self, old: str, new: str, *, replace: bool = True) -> None:
        """Move a file, a link or a whole directory in one step.

        What stands at `new` goes away: a file for a file, an empty directory
        for a directory. With `replace=False` it raises EEXIST instead.
        """
        renaming.rename(self._caller, old, new, replace=replace)

    def open(self, path: str, how: str = "r", mode: int = _FILE_MODE) -> Handle:
        """Open a file: `r`, `w`, `a` or `x`, each also with `+`; always binary.

        Args:
            path: A file; a directory raises EISDIR.
            how: As for Python's `open`; a `b` is allowed.
            mode: Permissions of a file that this makes, before the umask.
        """
        kind = HOW.get(how.replace("b", ""))
        if kind is None:
            raise ValueError(f"{how!r} is no way to open a file; the ways are {', '.join(HOW)}")

        def opened(file: File, _: int) -> Handle:
            return Handle(self._caller, file, kind, path, file.size_bytes if kind.append else 0)

        return on_file(self._caller, path, kind, mode, opened)

    def read(self, path: str, start: int = 0, stop: int | None = None) -> bytes:
        """Return bytes [start, stop) of a file, as far as it goes."""
        if start < 0 or (stop is not None and stop < 0):
            raise fault(errno.EINVAL, path, rule=f"[{start}, {stop}) must not begin or end before 0")

        def pieces(file: File, _: int) -> list[Piece]:
            end = file.size_bytes
            return file.pieces(start, end if stop is None else min(stop, end))

        found = on_file(self._caller, path, HOW["r"], 0, pieces)
        data = copied(found, self._volume.budget)
        self._volume.budget.settle()
        return data

    def write(self, path: str, data: "ReadableBuffer", mode: int = _FILE_MODE) -> int:
        """Make these bytes all that a file holds; nobody sees it half done.

        Where there is no room for them (ENOSPC) the file is empty thereafter,
        a new one too: as where a shell's `>` met a full disk.
        """
        given = as_bytes(data)

        def replaced(file: File, now: int) -> int:
            put(self._caller, file, 0, given, now, path)
            return len(given)

        return self._settled(lambda: on_file(self._caller, path, HOW["w"], mode, replaced))

    def append(self, path: str, data: "ReadableBuffer", mode: int = _FILE_MODE) -> int:
        """Add bytes at the end of a file, in one piece whoever else appends."""
        given = as_bytes(data)

        def appended(file: File, now: int) -> int:
            put(self._caller, file, file.size_bytes, given, now, path)
            return len(given)

        return self._settled(lambda: on_file(self._caller, path, HOW["a"], mode, appended))

    def truncate(self, path: str, size_bytes: int) -> None:
        """Let a file end at a length, with zeros where it was shorter."""
        if size_bytes < 0:
            raise fault(errno.EINVAL, path, rule=f"{size_bytes} is no length")

        def resized(file: File, now: int) -> None:
            cut(self._caller, file, size_bytes, now, path)

        self._settled(lambda: on_file(self._caller, path, FOR_WRITING, 0, resized))

    def chmod(self, path: str, mode: int) -> None:
        """Set the permissions, links followed."""
        self._change(path, lambda node: permissions.change_mode(node, self._caller.who, mode, path))

    def chown(self, path: str, uid: int | None = None, gid: int | None = None) -> None:
        """Set owner and group, links followed; None or -1 leaves one as it is."""
        self._change(path, lambda node: permissions.change_owner(node, self._caller.who, uid, gid, path))

    def utime(self, path: str, *, accessed_at: int | None = None, modified_at: int | None = None) -> None:
        """Set instants, in microseconds since 1970; None leaves one as it is."""

        def stamped(node: Node) -> None:
            permissions.require_owner(node, self._caller.who, path)
            node.accessed_at = node.accessed_at if accessed_at is None else accessed_at
            node.modified_at = node.modified_at if modified_at is None else modified_at

        self._change(path, stamped)

    def walk(self, top: str) -> Iterator[searching.Listing]:
        """Yield (path, directories, other names) of every directory below, parents first.

        Names taken from the list of directories are not walked into, links
        never are. Each directory is read at a moment of its own.
        """
        yield from searching.walk_down(top, self._listed)

    def glob(self, pattern: str) -> Iterator[str]:
        """Return the paths that match `*`, `?`, `[...]`, and `**` for any depth, in order, as they are found.

        The pattern must be absolute, as every path.
        """
        return searching.matching(checked(pattern), self._listed, self._lexists)

    def watch(
        self,
        path: str,
        *,
        recursive: bool = False,
        capacity: int = 4096,
        notify: Callable[[], object] | None = None,
    ) -> Watch:
        """Hear what changes: a file, the names in a directory, or all below it.

        Args:
            path: What to watch; must be readable.
            recursive: Also hear of all that lies below.
            capacity: Events kept until they are taken.
            notify: Called after each event; see `Watch`.
        """

        def watched(node: Node) -> Watch:
            require(node, self._caller.who, READ, path)
            return self._volume.watches.add(node, recursive=recursive, capacity=capacity, notify=notify)

        return self._at(path, watched)

    def snapshot(self) -> "Snapshot":
        """Return the tree as it is at this moment, for reading.

        Cost: O(1) now; later each node that changes is kept once, its content shared.
        """
        self._volume.require_writable("/")
        return Snapshot(self._caller)

    def usage(self) -> Usage:
        """Return how much content there is, where a budget makes us count it."""
        return self._volume.budget.usage()

    def _at(self, path: str, work: Callable[[Node], T], *, follow: bool = True) -> T:
        """Do something with the node of a path, under its lock, at one moment."""
        with self._gate.shared:
            while True:
                place = find(self._caller, path, follow=follow)
                with place.node.lock:
                    if place.holds():
                        return work(place.node)

    def _change(self, path: str, work: Callable[[Node], None]) -> None:
        """Change metadata; the gate is shut for a directory, whose mode decides on paths."""
        self._volume.require_writable(path)
        now = self._volume.now()
        while True:
            with self._gate.shared:
                shuts = isinstance(find(self._caller, path).node, Directory)
            with self._gate.shut() if shuts else self._gate.shared:
                place = find(self._caller, path)
                with place.node.lock:
                    if place.holds() and shuts == isinstance(place.node, Directory):
                        self._volume.keep(place.node)
                        work(place.node)
                        place.node.changed_at = now
                        if self._volume.watches:
                            self._volume.watches.tell(Change.ATTRIBUTES, place.node)
                        return

    def _settled(self, work: Callable[[], T]) -> T:
        """Bring memory under the budget before and after, while no lock is held."""
        self._volume.budget.settle()
        done = work()
        self._volume.budget.settle()
        return done

    def _kind(self, path: str) -> type[Node] | None:
        try:
            return self._at(path, type)
        except OSError:
            return None

    def _lexists(self, path: str) -> bool:
        try:
            self.lstat(path)
        except OSError:
            return False
        return True

    def _listed(self, path: str, *, follow: bool = True) -> tuple[list[str], list[str]]:
        found = self._at(path, lambda node: list(self._children(node, path).items()), follow=follow)
        directories = sorted(name for name, node in found if isinstance(node, Directory))
        return directories, sorted(name for name, node in found if not isinstance(node, Directory))

    def _children(self, node: Node, path: str) -> MutableMapping[str, Node]:
        if not isinstance(node, Directory):
            raise fault(errno.ENOTDIR, path)
        require(node, self._caller.who, READ, path)
        return node.children


class Snapshot(MemFS):
    """A tree as it was at one moment; everything that would change it raises EROFS.

    Surprise: what was only spilled then is read back when it is asked for.

    Cost: what changed since; `close` gives it back.
    """

    def __init__(self, caller: Caller) -> None:
        self._version = Version(caller.volume)
        volume = caller.volume
        frozen = Volume(volume.now, volume.budget, volume.new_lock, root=self._version.root())
        self._use(Caller(frozen, caller.who, caller.umask))

    def close(self) -> None:
        """Let go; whatever is below the root raises ESTALE from now on."""
        self._version.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()


def _target(node: Node, path: str) -> str:
    if not isinstance(node, Symlink):
        raise fault(errno.EINVAL, path, rule="it is no symbolic link")
    return node.target
