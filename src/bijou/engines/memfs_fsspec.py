"""The in-memory file system under `bijou-mem://`, for all that speaks fsspec.

pandas, Polars, PyArrow, DuckDB and Dask read and write it by address. Needs
fsspec: `pip install bijou[fs]`.
"""

import io
import itertools
import os
import threading
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, Final

from bijou.memfs import EXTENT_BYTES, Handle, MemFS, Stat
from bijou.ports import SystemClock

try:
    import fsspec
    from fsspec import AbstractFileSystem
    from fsspec.utils import stringify_path
except ImportError as error:  # pragma: no cover - the tests have it
    raise ImportError("bijou-mem:// needs fsspec; pip install bijou[fs]") from error

PROTOCOL: Final = "bijou-mem"

_volumes: dict[str, MemFS] = {}
_volumes_lock = threading.Lock()
_serial = itertools.count()


def register() -> None:
    """Teach fsspec the address `bijou-mem://`; an installed bijou does so by its entry point."""
    fsspec.register_implementation(PROTOCOL, MemFileSystem, clobber=True)


def shared_tree(volume: str) -> MemFS:
    """Return the tree that a volume's name stands for in this process; made when first asked for.

    Threads: safe.
    """
    with _volumes_lock:
        if volume not in _volumes:
            _volumes[volume] = MemFS(now=SystemClock().now)
        return _volumes[volume]


class MemFileSystem(AbstractFileSystem):  # type: ignore[misc] # fsspec has no types
    """`bijou.memfs` as fsspec has it; `mv` is one step, and no two handles share a position.

    As of fsspec's own `memory://`, folders come into being with the first file
    in them. What is opened for writing is buffered, and seen by others once it
    is flushed or closed; `pipe_file` puts a whole file in place in one step.

    Cost: that of `MemFS`, and fsspec's own.
    Threads: safe; a file object is for one thread, as Python's own are.

    Args:
        fs: The tree; by default the `shared_tree` of `volume`.
        volume: Name of a tree that is shared by all who name it in this process.
        auto_mkdir: Make folders that are missing; otherwise that is ENOENT.

    Example:
        >>> files = MemFileSystem(fs=MemFS(now=lambda: 0))
        >>> files.pipe_file("bijou-mem://films/notes", b"dragon")
        >>> files.ls("films", detail=False), files.cat_file("/films/notes", start=-3)
        (['/films/notes'], b'gon')
    """

    protocol = PROTOCOL
    root_marker = "/"

    def __init__(
        self, *, fs: MemFS | None = None, volume: str = "default", auto_mkdir: bool = True, **options: Any
    ) -> None:
        super().__init__(**options)
        self.fs = shared_tree(volume) if fs is None else fs
        self.volume = volume
        self.auto_mkdir = auto_mkdir

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(each) for each in path]
        path = str(stringify_path(path)).removeprefix(f"{PROTOCOL}://").removeprefix(f"{PROTOCOL}::")
        return "/" + path.strip("/")

    @property
    def fsid(self) -> str:
        """Which volume of which process it is."""
        return f"{PROTOCOL}-{os.getpid()}-{id(self.fs):x}"

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Describe what a path names, links followed."""
        path = self._strip_protocol(path)
        found = self.fs.lstat(path)
        if found.is_symlink:
            return {**_described(path, self.fs.stat(path)), "islink": True}
        return _described(path, found)

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:  # noqa: FBT001, FBT002 - fsspec's signature
        """List a folder, links as themselves; of a file, itself."""
        path = self._strip_protocol(path)
        try:
            listed = self.fs.scandir(path)
        except NotADirectoryError:
            found = [self.info(path)]
        else:
            above = path.rstrip("/")
            found = [_described(f"{above}/{name}", each) for name, each in listed]
        return found if detail else [each["name"] for each in found]

    def exists(self, path: str, **_: Any) -> bool:
        """Whether there is something."""
        return self.fs.exists(self._strip_protocol(path))

    def isfile(self, path: str) -> bool:
        """Whether there is a file."""
        return self.fs.is_file(self._strip_protocol(path))

    def isdir(self, path: str) -> bool:
        """Whether there is a folder."""
        return self.fs.is_dir(self._strip_protocol(path))

    def mkdir(self, path: str, create_parents: bool = True, **_: Any) -> None:  # noqa: FBT001, FBT002 - as above
        """Make a folder; FileExistsError where there is something."""
        path = self._strip_protocol(path)
        if create_parents:
            self.fs.makedirs(path, exist_ok=False)
        else:
            self.fs.mkdir(path)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:  # noqa: FBT001, FBT002 - as above
        """Make a folder and those above it."""
        self.fs.makedirs(self._strip_protocol(path), exist_ok=exist_ok)

    def rmdir(self, path: str) -> None:
        """Remove an empty folder."""
        self.fs.rmdir(self._strip_protocol(path))

    def rm_file(self, path: str) -> None:
        """Remove a file."""
        self.fs.unlink(self._strip_protocol(path))

    _rm = rm_file

    def rm(self, path: Any, recursive: bool = False, maxdepth: int | None = None) -> None:  # noqa: FBT001, FBT002 - as above
        """Remove files and, from the deepest up, folders."""
        for each in reversed(self.expand_path(path, recursive=recursive, maxdepth=maxdepth)):
            if self.fs.lstat(each).is_dir:
                self.fs.rmdir(each)
            else:
                self.fs.unlink(each)

    def mv(
        self,
        path1: Any,
        path2: Any,
        recursive: bool = False,  # noqa: FBT001, FBT002 - as above
        maxdepth: int | None = None,
        **options: Any,
    ) -> None:
        """Move a file or a whole folder in one step; lists and patterns are moved one by one.

        Raises:
            OSError: EINVAL for a folder into itself, where others lose it.
        """
        if not isinstance(path1, str) or not isinstance(path2, str) or fsspec.core.has_magic(path1):
            if path1 != path2:
                plan = _Plan(self)
                AbstractFileSystem.copy(plan, path1, path2, recursive=recursive, maxdepth=maxdepth, **options)
                self._move_each(plan.pairs)
            return
        source, target = self._strip_protocol(path1), self._strip_protocol(path2)
        if path2.endswith("/") or self.fs.is_dir(target):
            target = f"{target.rstrip('/')}/{source.rpartition('/')[2]}"
        self._make_room_for(target)
        self.fs.rename(source, target)

    def cp_file(self, path1: str, path2: str, **_: Any) -> None:
        """Copy a file, or make the folder that a folder is copied to.

        Onto itself, by whatever name, it does nothing. Where there is no room
        (ENOSPC) the target ends where the room did.

        Cost: whole extents are shared, not copied.
        """
        source, target = self._strip_protocol(path1), self._strip_protocol(path2)
        if self.fs.is_dir(source):
            self.fs.makedirs(target)
            return
        with self.fs.open(source) as whence:
            self._make_room_for(target)
            with self.fs.open(target, "a") as where:  # nothing is cut before we know what it is
                if where.stat().ino == whence.stat().ino:
                    return
                where.truncate(0)
                for at in itertools.count(0, EXTENT_BYTES):
                    piece = whence.pread(EXTENT_BYTES, at)
                    if not piece:
                        return
                    where.write(piece)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        """Return the bytes [start, end) of a file; negative ones count from its end."""
        path = self._strip_protocol(path)
        with self.fs.open(path) as file:
            first, last, _step = slice(start, end).indices(file.stat().size_bytes)
            return file.pread(max(0, last - first), first)

    def pipe_file(self, path: str, value: Any, mode: str = "overwrite", **_: Any) -> None:
        """Put a whole file in place; with mode `create` only where there is none.

        Where there is no room for it (ENOSPC) the file is there, and empty.
        """
        path = self._strip_protocol(path)
        self._make_room_for(path)
        if mode == "create":
            with self.fs.open(path, "x") as file:
                file.write(value)
        else:
            self.fs.write(path, value)

    def touch(self, path: str, truncate: bool = True, **_: Any) -> None:  # noqa: FBT001, FBT002 - as above
        """Make an empty file; without `truncate`, only stamp one that is there."""
        path = self._strip_protocol(path)
        if truncate or not self.fs.exists(path):
            self.pipe_file(path, b"")
        else:
            self.fs.utime(path, modified_at=SystemClock().now())

    def modified(self, path: str) -> datetime:
        """Return when the content last changed."""
        return datetime.fromtimestamp(self.fs.stat(self._strip_protocol(path)).modified_at / 1e6, UTC)

    def created(self, path: str) -> datetime:
        """Return when the inode last changed, as fsspec's local file system has it."""
        return datetime.fromtimestamp(self.fs.stat(self._strip_protocol(path)).changed_at / 1e6, UTC)

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,  # noqa: FBT001, FBT002 - as above
        cache_options: Any = None,  # noqa: ARG002 - as above
        **_: Any,
    ) -> Any:
        kind = mode.replace("b", "")
        if kind != "r":
            self._make_room_for(path)
        size = block_size or EXTENT_BYTES
        if kind == "r":
            return Reader(self.fs.open(path, kind), size)
        if "+" in kind:
            if not autocommit:
                raise ValueError(f"{path} cannot be opened as {mode!r} in a transaction; use wb, ab or xb")
            return io.BufferedRandom(self.fs.open(path, kind), size)
        return Writer(self.fs, path, kind, size, at_once=autocommit)

    def _move_each(self, pairs: list[tuple[str, str]]) -> None:
        """Rename one by one, folders before what is in them; links go as themselves."""
        leaves, left = set[str](), list[str]()
        for source, target in pairs:
            if not leaves.isdisjoint(map(str, PurePosixPath(source).parents)):
                continue  # seen through a link, and not ours to move
            if not self.fs.lstat(source).is_dir:
                leaves.add(source)
                self._make_room_for(target)
                self.fs.rename(source, target)
            elif source != target:
                self.fs.makedirs(target)
                left.append(source)
        for folder in reversed(left):
            self.fs.rmdir(folder)

    def _make_room_for(self, path: str) -> None:
        above = path.rpartition("/")[0]
        if self.auto_mkdir and above and not self.fs.exists(above):
            self.fs.makedirs(above)


class _Plan:
    """Takes a file system's place in fsspec's `copy`, to hear what goes where before anything does."""

    def __init__(self, files: MemFileSystem) -> None:
        self._files = files
        self.pairs: list[tuple[str, str]] = []

    def cp_file(self, path1: str, path2: str, **_: Any) -> None:
        self.pairs.append((self._files._strip_protocol(path1), self._files._strip_protocol(path2)))  # noqa: SLF001 - our own

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)


class Reader(io.BufferedReader):
    """A file open for reading; knows its length, which `read_block` asks for."""

    raw: Handle

    @property
    def size(self) -> int:
        """Bytes in the file at this moment."""
        return self.raw.stat().size_bytes


class Writer(io.BufferedWriter):
    """A file open for writing, in place or, in a transaction, beside its place until `commit`."""

    def __init__(self, fs: MemFS, path: str, how: str, buffer_bytes: int, *, at_once: bool) -> None:
        self._fs = fs
        self._target = path
        self._how = how
        self._path = path if at_once else f"{path}.{next(_serial)}~"
        if not at_once and "a" in how and fs.exists(path):
            fs.write(self._path, fs.read(path))
        super().__init__(fs.open(self._path, how), buffer_bytes)

    def commit(self) -> None:
        """Give what was written its name, in one step."""
        self.close()
        self._fs.rename(self._path, self._target, replace="x" not in self._how)

    def discard(self) -> None:
        """Take back what was written."""
        self.close()
        self._fs.unlink(self._path)


def _described(path: str, found: Stat) -> dict[str, Any]:
    kinds = {found.is_file: "file", found.is_dir: "directory", found.is_symlink: "link"}
    return {
        "name": path,
        "size": 0 if found.is_dir else found.size_bytes,
        "type": kinds[True],
        "created": found.changed_at / 1e6,
        "mtime": found.modified_at / 1e6,
        "mode": found.mode,
        "uid": found.uid,
        "gid": found.gid,
        "ino": found.ino,
        "nlink": found.links,
        "islink": found.is_symlink,
    }
