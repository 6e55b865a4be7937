"""Blobs in a directory: the one-machine store of media."""

import asyncio
import contextlib
import errno
import itertools
import os
import stat
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from bijou.engines.blob_keys import STAGING, folder_of, parts_of, within
from bijou.engines.local_files import PIECE_BYTES, READ, blaming_the_disk, opened_source, pieces_of, write_new
from bijou.ports import BlobInfo, Clock, Conflict, EngineUnavailable, NotFound
from bijou.ports.instant import Instant

_FORGOTTEN_AFTER_S: Final = 86400.0
_ABSENT: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR})
_UNLINKABLE: Final = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP})
_ATTEMPTS: Final = 8
_FOLDER: Final = READ | os.O_DIRECTORY


class FileBlobs:
    """`ports.Blobs` on a directory: a blob is a read-only file at its key's path.

    A put is on disk (file and folder synced) when it returns. A Path is
    moved in: afterwards it is gone from where it was, except on Conflict.
    The ETag is inode, size and mtime, not a hash: `info` then costs one stat
    instead of a read, and every way to change a blob makes a new inode.

    Surprise: where a blob `a` stands, `a/b` is refused as Conflict and the
    other way round, for a directory cannot hold both.

    Cost: one thread hop a call, one per 256 KiB read; `keys` holds all keys
    under its prefix in memory.
    Threads: safe, also across processes on the same directory.

    Args:
        root: Folder of the blobs; made where it is missing.
        clock: Stamps blobs, and ages what a killed process left half-written.
    """

    def __init__(self, root: Path, clock: Clock) -> None:
        self._root = root.resolve()
        self._clock = clock
        self._serial = itertools.count()
        self._staging = self._root / STAGING
        self._staging.mkdir(parents=True, exist_ok=True)
        self._sweep()

    async def put(self, key: str, content: bytes | Path) -> BlobInfo:
        """Store under a free key; the same bytes again are no conflict."""
        parts = parts_of(key)
        return await asyncio.to_thread(self._put, key, parts, content)

    async def replace(self, key: str, content: bytes) -> BlobInfo:
        """Store in place of whatever the key held."""
        parts = parts_of(key)
        return await asyncio.to_thread(self._replace, key, parts, content)

    async def info(self, key: str) -> BlobInfo:
        """Describe a blob."""
        parts = parts_of(key)
        return await asyncio.to_thread(self._info, key, parts)

    async def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield bytes [start, stop) in pieces of 256 KiB; past the end there is nothing."""
        at = max(start, 0)
        parts = parts_of(key)
        file, piece = await asyncio.to_thread(self._open_and_read, key, parts, at, _length(at, stop))
        while piece:
            yield piece
            at += len(piece)
            piece = await asyncio.to_thread(file.read, at, _length(at, stop))

    async def fetch(self, key: str, destination: Path) -> None:
        """Make the blob a local file: a read-only hard link, else a copy."""
        parts = parts_of(key)
        await asyncio.to_thread(self._fetch, key, parts, destination)

    async def keys(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys that start with `prefix`, in order of their characters."""
        for key in await asyncio.to_thread(self._keys, prefix):
            yield key

    async def delete(self, key: str) -> None:
        """Remove a blob and the folders that it leaves empty."""
        parts = parts_of(key)
        await asyncio.to_thread(self._delete, key, parts)

    def _put(self, key: str, parts: Sequence[str], content: bytes | Path) -> BlobInfo:
        with blaming_the_disk(key):
            if isinstance(content, bytes):
                with self._staged([content]) as staged:
                    return self._place(key, parts, staged)
            with opened_source(content) as source:
                info = self._move_in(key, parts, content, source)
            with contextlib.suppress(FileNotFoundError, PermissionError):
                content.unlink()
            return info

    def _move_in(self, key: str, parts: Sequence[str], content: Path, source: int) -> BlobInfo:
        try:
            self._seal(source)
            return self._place(key, parts, content)
        except OSError as error:
            if error.errno not in _UNLINKABLE:
                raise
        with self._staged(pieces_of(source)) as staged:
            return self._place(key, parts, staged)

    def _place(self, key: str, parts: Sequence[str], file: Path) -> BlobInfo:
        """Give a complete, synced file its key, if that is free."""
        for _ in range(_ATTEMPTS):
            try:
                with self._folder(parts[:-1], make=True) as folder:
                    os.link(file, parts[-1], dst_dir_fd=folder, follow_symlinks=False)
                    os.fsync(folder)
                    return _describe(key, os.stat(parts[-1], dir_fd=folder, follow_symlinks=False))
            except FileNotFoundError:
                continue  # a delete took the emptied folder away between the two calls
            except FileExistsError:
                return self._accept_the_same(key, parts, file)
            except NotADirectoryError as error:
                raise Conflict(
                    "blobs.exists", f"{key}: a part of this key's path is a blob itself"
                ) from error
        raise EngineUnavailable(
            "blobs.unavailable", f"{key}: its folder vanished {_ATTEMPTS} times under the put"
        )

    def _accept_the_same(self, key: str, parts: Sequence[str], file: Path) -> BlobInfo:
        try:
            with self._opened(key, parts) as there, opened_source(file) as here:
                if _same(there, here):
                    return _describe(key, os.fstat(there))
        except NotFound as error:
            raise Conflict("blobs.exists", f"{key} is taken by something that is not a blob") from error
        raise Conflict("blobs.exists", f"{key} holds other bytes already; a blob is written once")

    def _replace(self, key: str, parts: Sequence[str], content: bytes) -> BlobInfo:
        with blaming_the_disk(key), self._staged([content]) as staged:
            for _ in range(_ATTEMPTS):
                try:
                    with self._folder(parts[:-1], make=True) as folder:
                        os.replace(staged, parts[-1], dst_dir_fd=folder)
                        os.fsync(folder)
                        return _describe(key, os.stat(parts[-1], dir_fd=folder, follow_symlinks=False))
                except FileNotFoundError:
                    continue
                except (NotADirectoryError, IsADirectoryError) as error:
                    raise Conflict(
                        "blobs.exists", f"{key}: its path runs through a blob, or is a folder of blobs"
                    ) from error
        raise EngineUnavailable(
            "blobs.unavailable", f"{key}: its folder vanished {_ATTEMPTS} times under the write"
        )

    def _info(self, key: str, parts: Sequence[str]) -> BlobInfo:
        with self._opened(key, parts) as descriptor:
            return _describe(key, os.fstat(descriptor))

    def _open_and_read(
        self, key: str, parts: Sequence[str], start: int, length: int
    ) -> "tuple[_OpenFile, bytes]":
        with self._opened(key, parts) as descriptor:
            file = _OpenFile(descriptor)
        return file, file.read(start, length)

    def _fetch(self, key: str, parts: Sequence[str], destination: Path) -> None:
        with blaming_the_disk(key), self._opened(key, parts) as descriptor:
            destination.unlink(missing_ok=True)
            try:
                os.link(self._root.joinpath(*parts), destination, follow_symlinks=False)
            except OSError as error:
                if error.errno not in _UNLINKABLE:
                    raise
                write_new(destination, pieces_of(descriptor))

    def _keys(self, prefix: str) -> list[str]:
        top = folder_of(prefix)
        if top is None:
            return []
        try:
            with self._folder(top):
                found = _walk(self._root.joinpath(*top), "".join(f"{part}/" for part in top))
        except OSError:
            return []
        return sorted(key for key in found if key.startswith(prefix))

    def _delete(self, key: str, parts: Sequence[str]) -> None:
        with (
            blaming_the_disk(key),
            contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError),
        ):
            with self._folder(parts[:-1]) as folder:
                os.unlink(parts[-1], dir_fd=folder)
                os.fsync(folder)
            self._prune(parts[:-1])

    def _prune(self, parts: Sequence[str]) -> None:
        for depth in range(len(parts), 0, -1):
            try:
                with self._folder(parts[: depth - 1]) as parent:
                    os.rmdir(parts[depth - 1], dir_fd=parent)
            except OSError:
                return  # not empty, or already gone

    @contextlib.contextmanager
    def _folder(self, parts: Sequence[str], *, make: bool = False) -> Iterator[int]:
        """Walk down one part at a time, so that no link on the way is ever followed."""
        descriptor = os.open(self._root, _FOLDER)
        try:
            for part in parts:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, dir_fd=descriptor)
                        os.fsync(descriptor)
                deeper = os.open(part, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = deeper
            yield descriptor
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _opened(self, key: str, parts: Sequence[str]) -> Iterator[int]:
        try:
            with self._folder(parts[:-1]) as folder:
                descriptor = os.open(parts[-1], READ | os.O_NONBLOCK, dir_fd=folder)
        except OSError as error:
            if error.errno in _ABSENT:
                raise NotFound("blobs.missing", f"there is no blob {key}") from error
            raise EngineUnavailable("blobs.unavailable", f"{key}: {error.strerror}") from error
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise NotFound("blobs.missing", f"there is no blob {key}; what stands there is not a file")
            yield descriptor
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _staged(self, pieces: Iterable[bytes]) -> Iterator[Path]:
        staged = self._staging / f"{os.getpid()}-{self._serial_name()}"
        try:
            write_new(staged, pieces, seal=self._seal)
            yield staged
        finally:
            staged.unlink(missing_ok=True)

    def _serial_name(self) -> str:
        return f"{id(self):x}-{next(self._serial)}"

    def _seal(self, descriptor: int) -> None:
        """Stamp a file, make it read-only, and have it on disk."""
        now_ns = self._clock.now() * 1000
        os.utime(descriptor, ns=(now_ns, now_ns))
        os.fchmod(descriptor, 0o444)
        os.fsync(descriptor)

    def _sweep(self) -> None:
        oldest = self._clock.now().plus_s(-_FORGOTTEN_AFTER_S)
        for staged in self._staging.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if staged.lstat().st_mtime_ns // 1000 < oldest:
                    staged.unlink()


class _OpenFile:
    """A descriptor that closes with its last holder.

    A reader may be cancelled while a thread still reads for it: neither of
    the two could close the descriptor without knowing of the other.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = os.dup(descriptor)

    def read(self, start: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, start)

    def __del__(self) -> None:
        os.close(self._descriptor)


def _walk(folder: Path, above: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            listed = list(entries)
    except OSError:
        return
    for entry in listed:
        if entry.is_file(follow_symlinks=False):
            yield above + entry.name
        elif entry.name != STAGING and entry.is_dir(follow_symlinks=False):
            yield from _walk(folder / entry.name, within(above, entry.name))


def _length(at: int, stop: int | None) -> int:
    return PIECE_BYTES if stop is None else max(0, min(PIECE_BYTES, stop - at))


def _describe(key: str, found: os.stat_result) -> BlobInfo:
    etag = f'"{found.st_ino:x}-{found.st_size:x}-{found.st_mtime_ns:x}"'
    return BlobInfo(
        key=key, size_bytes=found.st_size, etag=etag, modified_at=Instant(found.st_mtime_ns // 1000)
    )


def _same(one: int, other: int) -> bool:
    if os.fstat(one).st_size != os.fstat(other).st_size:
        return False
    return all(a == b for a, b in zip(pieces_of(one), pieces_of(other), strict=True))
