"""Blobs in the in-memory file system: where hot segments live."""

import asyncio
import contextlib
import errno
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from bijou.engines.blob_keys import STAGING, folder_of, parts_of, within
from bijou.engines.local_files import PIECE_BYTES, blaming_the_disk, opened_source, pieces_of, write_new
from bijou.memfs import Bytes, Handle, MemFS, Stat
from bijou.ports import BlobInfo, Conflict, EngineUnavailable, NotFound
from bijou.ports.instant import Instant

P = ParamSpec("P")
T = TypeVar("T")

_ABSENT: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR})
_TAKEN: Final = frozenset({errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY})
_ATTEMPTS: Final = 8


class MemBlobs:
    """`ports.Blobs` in a `MemFS`: a blob is a file at its key's path.

    Surprise: not durable, whatever `put` of the port promises; it holds what
    can be made or fetched again. As on a directory, where a blob `a` stands,
    `a/b` is refused as Conflict and the other way round.

    Cost: no thread hop while nothing was spilled, and no copy of a piece that
    is a whole extent; with a budget, a hop for every write.
    Threads: safe, any event loop may call.

    Args:
        fs: Where to; stamps the blobs, and its budget is what fills.
        root: Folder of the blobs in it; made where it is missing.

    Example:
        >>> blobs = MemBlobs(MemFS(now=lambda: 0))
        >>> asyncio.run(blobs.put("media/a/00001.m4s", b"moof")).size_bytes
        4
    """

    def __init__(self, fs: MemFS, root: str = "/blobs") -> None:
        self._fs = fs
        self._root = root.rstrip("/")
        self._serial = itertools.count()
        self._has_budget = fs.usage().limit_bytes is not None
        fs.makedirs(f"{self._root}/{STAGING}")

    async def put(self, key: str, content: bytes | Path) -> BlobInfo:
        """Store under a free key; the same bytes again are no conflict, and a Path is moved in."""
        path = self._path(key)
        if isinstance(content, Path):
            return await asyncio.to_thread(self._put_file, key, path, content)
        return await self._write(self._put, key, path, _cut(content))

    async def replace(self, key: str, content: bytes) -> BlobInfo:
        """Store in place of whatever the key held."""
        return await self._write(self._replace, key, self._path(key), content)

    async def info(self, key: str) -> BlobInfo:
        """Describe a blob."""
        path = self._path(key)
        with _absence_told(key):
            found = self._fs.stat(path)
            if found.is_file:
                return _describe(key, found)
        raise NotFound("blobs.missing", f"there is no blob {key}; what stands there is a folder")

    async def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield bytes [start, stop) in pieces of at most 256 KiB; past the end there is nothing."""
        path, at = self._path(key), max(start, 0)
        with _absence_told(key):
            file = self._fs.open(path)
        with file, blaming_the_disk(key):
            while piece := await self._read(file.pread, _length(at, stop), at):
                yield piece
                at += len(piece)

    async def fetch(self, key: str, destination: Path) -> None:
        """Make the blob a local file."""
        await asyncio.to_thread(self._fetch, key, self._path(key), destination)

    async def keys(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys that start with `prefix`, in order of their characters."""
        for key in await asyncio.to_thread(self._keys, prefix):
            yield key

    async def delete(self, key: str) -> None:
        """Remove a blob and the folders that it leaves empty."""
        path = self._path(key)
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            self._fs.unlink(path)
            with contextlib.suppress(OSError):  # not empty, or already gone
                while (path := path.rpartition("/")[0]) != self._root:
                    self._fs.rmdir(path)

    def _put_file(self, key: str, path: str, content: Path) -> BlobInfo:
        with opened_source(content) as source:
            info = self._put(key, path, pieces_of(source))
        with contextlib.suppress(FileNotFoundError, PermissionError):
            content.unlink()
        return info

    def _put(self, key: str, path: str, content: Iterable[Bytes]) -> BlobInfo:
        with blaming_the_disk(key), self._staged(content) as staged:
            try:
                return self._place(key, staged, path, replace=False)
            except Conflict:
                if self._fs.is_file(path) and self._same(staged, path):
                    return _describe(key, self._fs.stat(path))
                raise

    def _replace(self, key: str, path: str, content: bytes) -> BlobInfo:
        with blaming_the_disk(key), self._staged(_cut(content)) as staged:
            return self._place(key, staged, path, replace=True)

    def _place(self, key: str, staged: str, path: str, *, replace: bool) -> BlobInfo:
        """Give a complete file its key, if that is free or may be replaced."""
        info = _describe(key, self._fs.stat(staged))
        for _ in range(_ATTEMPTS):
            try:
                self._fs.makedirs(path.rpartition("/")[0])
                self._fs.rename(staged, path, replace=replace)
            except FileNotFoundError:
                continue  # a delete took the emptied folder away between the two calls
            except OSError as error:
                if error.errno in _TAKEN:
                    raise Conflict(
                        "blobs.exists", f"{key} is taken, or a part of its path is; a blob is written once"
                    ) from error
                raise
            return info
        raise EngineUnavailable(
            "blobs.unavailable", f"{key}: its folder vanished {_ATTEMPTS} times under the put"
        )

    def _fetch(self, key: str, path: str, destination: Path) -> None:
        with _absence_told(key):
            file = self._fs.open(path)
        with blaming_the_disk(key), file:
            destination.unlink(missing_ok=True)
            write_new(destination, _pieces(file))

    @contextlib.contextmanager
    def _staged(self, content: Iterable[Bytes]) -> Iterator[str]:
        staged = f"{self._root}/{STAGING}/{next(self._serial)}"
        try:
            with self._fs.open(staged, "x", 0o444) as file:
                for piece in content:
                    file.write(piece)
            yield staged
        finally:
            with contextlib.suppress(FileNotFoundError):
                self._fs.unlink(staged)

    def _same(self, one: str, other: str) -> bool:
        with self._fs.open(one) as here, self._fs.open(other) as there:
            if here.stat().size_bytes != there.stat().size_bytes:
                return False
            return all(a == b for a, b in zip(_pieces(here), _pieces(there), strict=True))

    def _keys(self, prefix: str) -> list[str]:
        top = folder_of(prefix)
        if top is None:
            return []
        above = "".join(f"{name}/" for name in top)
        found = self._walk("/".join([self._root, *top]), above)
        return sorted(key for key in found if key.startswith(prefix))

    def _walk(self, folder: str, above: str) -> Iterator[str]:
        try:
            listed = self._fs.scandir(folder)
        except OSError:
            return
        for name, found in listed:
            if found.is_file:
                yield above + name
            elif name != STAGING:
                yield from self._walk(f"{folder}/{name}", within(above, name))

    def _path(self, key: str) -> str:
        return "/".join([self._root, *parts_of(key)])

    async def _read(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Work at once while that is a copy in memory; elsewhere while it may wait for a disk."""
        if self._fs.usage().spilled_bytes:
            return await asyncio.to_thread(work, *args, **kwargs)
        return work(*args, **kwargs)

    async def _write(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._has_budget:
            return await asyncio.to_thread(work, *args, **kwargs)
        return work(*args, **kwargs)


def _cut(content: bytes) -> Iterator[Bytes]:
    """Yield content in pieces, so that a full disk is met before all of it is in memory."""
    if len(content) <= PIECE_BYTES:
        yield content
        return
    view = memoryview(content)
    for at in range(0, len(content), PIECE_BYTES):
        yield view[at : at + PIECE_BYTES]


def _pieces(file: Handle) -> Iterator[bytes]:
    at = 0
    while piece := file.pread(PIECE_BYTES, at):
        yield piece
        at += len(piece)


def _length(at: int, stop: int | None) -> int:
    """Return how much to read so that the next piece begins with an extent."""
    whole = PIECE_BYTES - at % PIECE_BYTES
    return whole if stop is None else max(0, min(whole, stop - at))


def _describe(key: str, found: Stat) -> BlobInfo:
    etag = f'"{found.ino:x}-{found.size_bytes:x}-{found.modified_at:x}"'
    return BlobInfo(key=key, size_bytes=found.size_bytes, etag=etag, modified_at=Instant(found.modified_at))


@contextlib.contextmanager
def _absence_told(key: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _ABSENT:
            raise NotFound("blobs.missing", f"there is no blob {key}") from error
        raise
