"""`Profiles` on LMDB: one file a shard, read through the kernel's pages."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import lmdb
import msgspec

from bijou.audience.api import Layout, Profiles, replace_file
from bijou.ports import EngineUnavailable
from bijou.runtime import codec

_POINTER: Final = "profiles.json"
_MAP_BYTES: Final = 8 << 30  # of addresses, not of disk
_BATCH: Final = 1 << 14


class _Pointer(msgspec.Struct, frozen=True):
    layout: Layout
    files: list[str]


class LmdbProfiles:
    """Profiles in a folder; a version is a set of files that a pointer names.

    A read goes through a read transaction that stands until `refresh`: it
    costs no system call, and shows what was committed up to then.

    Surprise: deleting from LMDB leaves the bytes in free pages; `forget`
    therefore writes the record's shard anew, a 64th of all.

    Cost: about 2 us a read; 1 us and its bytes twice a record written.
    Threads: one a reader; one writer a folder.

    Args:
        folder: Made where it is missing.

    Raises:
        EngineUnavailable: `audience.profiles_unavailable`, a file cannot be
            used.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pointer: _Pointer | None = None
        self._stamp: tuple[int, int] | None = None
        self._environments: list[Any] = []
        self._reads: list[Any] = []
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.refresh()

    def layout(self) -> Layout | None:
        """Return what is in force."""
        return self._pointer.layout if self._pointer else None

    def get(self, key: bytes) -> bytes | None:
        """Return a record."""
        read = self._reads[key[0] >> 2] if self._reads else None
        if read is None:
            return None
        try:
            found: bytes | None = read.get(key)
        except lmdb.Error as error:
            raise _unavailable(self._folder, error) from error
        return found

    def get_many(self, keys: list[bytes]) -> list[bytes | None]:
        """Return many records."""
        return [self.get(key) for key in keys]

    def replace(self, layout: Layout, shards: Iterable[tuple[list[bytes], list[bytes]]]) -> None:
        """Write a version's files, then the pointer; of a shard without records there is none."""
        files = []
        for number, (keys, records) in enumerate(shards):
            files.append(f"{number:02}-{layout.version:08}-0.mdb")
            if keys:
                _write(self._folder / files[-1], list(zip(keys, records, strict=True)))
        self._point(_Pointer(layout, files))

    def put(self, items: list[tuple[bytes, bytes]]) -> None:
        """Change records, all of a shard at once."""
        by_shard: dict[int, list[tuple[bytes, bytes]]] = {}
        for item in items:
            by_shard.setdefault(item[0][0] >> 2, []).append(item)
        try:
            for shard, mine in by_shard.items():
                with self._begun(shard).begin(write=True) as writing:
                    writing.cursor().putmulti(mine)
        except lmdb.Error as error:
            raise _unavailable(self._folder, error) from error
        self.refresh()

    def forget(self, key: bytes) -> None:
        """Write the key's shard anew, without it."""
        self.refresh()
        if self._pointer is None:
            self._tidy(set())  # of a first build that was killed
            return
        shard = key[0] >> 2
        if self._environments[shard] is None:
            self._tidy(_names(self._pointer))
            return
        old = self._pointer.files[shard]
        stem, _, serial = old.removesuffix(".mdb").rpartition("-")
        name = f"{stem}-{int(serial) + 1}.mdb"
        with self._environments[shard].begin() as reading:
            kept = [(bytes(other), bytes(record)) for other, record in reading.cursor() if other != key]
        _write(self._folder / name, kept)
        files = [name if place == shard else file for place, file in enumerate(self._pointer.files)]
        self._point(_Pointer(self._pointer.layout, files))

    def refresh(self) -> None:
        """Open what the pointer names, and see what was committed."""
        place = self._folder / _POINTER
        try:
            found = place.stat()
        except FileNotFoundError:
            return
        stamp = (found.st_ino, found.st_mtime_ns)
        if stamp != self._stamp:
            try:
                pointer = codec.decode(place.read_bytes(), _Pointer)
            except msgspec.MsgspecError as error:
                raise _unavailable(self._folder, error) from error
            self._open(pointer)
            self._stamp = stamp
        elif self._pointer is not None:
            self._environments = [
                self._opened(file) if environment is None else environment
                for file, environment in zip(self._pointer.files, self._environments, strict=True)
            ]
        for read in self._reads:
            if read is not None:
                read.abort()
        self._reads = _reading(self._environments)

    def close(self) -> None:
        """Let all files go."""
        for read in self._reads:
            if read is not None:
                read.abort()
        for environment in self._environments:
            if environment is not None:
                environment.close()
        self._reads, self._environments = [], []

    def _open(self, pointer: _Pointer) -> None:
        self.close()
        try:
            self._environments = [self._opened(file) for file in pointer.files]
            self._reads = _reading(self._environments)
        except lmdb.Error as error:
            self.close()
            raise _unavailable(self._folder, error) from error
        self._pointer = pointer

    def _opened(self, file: str) -> Any:
        """Return the environment of a shard's file; None where nobody is in it yet."""
        path = self._folder / file
        return _environment(path) if path.is_file() else None

    def _begun(self, shard: int) -> Any:
        """Return the environment of a shard, made where nobody was in it."""
        assert self._pointer is not None
        if self._environments[shard] is None:
            self._environments[shard] = _environment(self._folder / self._pointer.files[shard])
        return self._environments[shard]

    def _point(self, pointer: _Pointer) -> None:
        replace_file(self._folder / _POINTER, codec.encode(pointer))
        self.refresh()
        self._tidy(_names(pointer))

    def _tidy(self, kept: set[str]) -> None:
        for path in self._folder.iterdir():
            if path.name not in kept:
                path.unlink(missing_ok=True)


def _names(pointer: _Pointer) -> set[str]:
    return {_POINTER, *pointer.files, *(f"{file}-lock" for file in pointer.files)}


def _reading(environments: list[Any]) -> list[Any]:
    return [None if environment is None else environment.begin() for environment in environments]


def _environment(path: Path) -> Any:
    return lmdb.open(str(path), subdir=False, map_size=_MAP_BYTES, max_readers=512, metasync=False)


def _write(path: Path, items: list[tuple[bytes, bytes]]) -> None:
    """Write a new file of items, keys rising; nothing else was ever in it."""
    path.unlink(missing_ok=True)
    environment = lmdb.open(str(path), subdir=False, map_size=_MAP_BYTES, sync=False)
    for start in range(0, len(items), _BATCH):
        with environment.begin(write=True) as writing:
            writing.cursor().putmulti(items[start : start + _BATCH], append=True)
    environment.sync(True)
    environment.close()


def _unavailable(folder: Path, error: Exception) -> EngineUnavailable:
    return EngineUnavailable("audience.profiles_unavailable", f"profiles in {folder}: {error}")


_: type[Profiles] = LmdbProfiles
