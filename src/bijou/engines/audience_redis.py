"""`Profiles` on Redis or Valkey, for more than one machine of readers."""

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from bijou.audience.api import Layout, Profiles
from bijou.ports import EngineUnavailable
from bijou.runtime import codec

_POINTER: Final = "audience:layout"
_BATCH: Final = 2000
_KEPT_S: Final = 3600


class RedisProfiles:
    """Profiles under `audience:VERSION:` and the key; `audience:layout` names the version.

    A new version is written beside the old one, then the layout is replaced;
    the old one's records end by themselves after an hour. Shard by handing
    in a cluster's proxy, or one instance a range of keys.

    Cost: about 40 us of client CPU a read; read many at once.
    Threads: any.

    Args:
        url: `redis://host:port/db`.

    Raises:
        EngineUnavailable: `audience.no_driver`, the package `redis` lacks.
    """

    def __init__(self, url: str, *, timeout_s: float = 1.0) -> None:
        try:
            import redis  # noqa: PLC0415 - an extra, imported where it is used
        except ImportError as error:
            raise EngineUnavailable(
                "audience.no_driver", "profiles on Redis need the package `redis`; install bijou[redis]"
            ) from error
        self._redis: Any = redis.Redis.from_url(
            url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s
        )
        self._failures: tuple[type[Exception], ...] = (redis.RedisError,)
        self._layout: Layout | None = None
        self.refresh()

    def layout(self) -> Layout | None:
        """Return what is in force."""
        return self._layout

    def get(self, key: bytes) -> bytes | None:
        """Return a record."""
        return self.get_many([key])[0]

    def get_many(self, keys: list[bytes]) -> list[bytes | None]:
        """Return many records in one round trip."""
        if self._layout is None or not keys:
            return [None] * len(keys)
        prefix = self._prefix(self._layout)
        with self._blaming():
            found: list[bytes | None] = self._redis.mget([prefix + key for key in keys])
        return found

    def replace(self, layout: Layout, shards: Iterable[tuple[list[bytes], list[bytes]]]) -> None:
        """Write a version's records, then the layout."""
        old = self._layout
        prefix = self._prefix(layout)
        with self._blaming():
            for keys, records in shards:
                self._set(prefix, zip(keys, records, strict=True))
            self._redis.set(_POINTER, codec.encode(layout))
        self._layout = layout
        if old is not None and old.version != layout.version:
            self._expire(old)

    def put(self, items: list[tuple[bytes, bytes]]) -> None:
        """Change records of the version in force."""
        if self._layout is not None:
            with self._blaming():
                self._set(self._prefix(self._layout), items)

    def forget(self, key: bytes) -> None:
        """Delete a record, of all versions that are still there."""
        with self._blaming():
            versions = {name.split(b":")[1] for name in self._redis.scan_iter(b"audience:*:" + _escaped(key))}
            for version in versions:
                self._redis.delete(b"audience:" + version + b":" + key)

    def refresh(self) -> None:
        """See the layout in force."""
        with self._blaming():
            raw = self._redis.get(_POINTER)
        self._layout = codec.decode(raw, Layout) if raw else None

    def close(self) -> None:
        """Let the connections go."""
        self._redis.close()

    def _set(self, prefix: bytes, items: Iterable[tuple[bytes, bytes]]) -> None:
        waiting = iter(items)
        while batch := list(itertools.islice(waiting, _BATCH)):
            self._redis.mset({prefix + key: record for key, record in batch})

    def _expire(self, layout: Layout) -> None:
        with self._blaming():
            names = self._redis.scan_iter(self._prefix(layout) + b"*", count=_BATCH)
            while batch := list(itertools.islice(names, _BATCH)):
                pipeline = self._redis.pipeline(transaction=False)
                for name in batch:
                    pipeline.expire(name, _KEPT_S)
                pipeline.execute()

    @staticmethod
    def _prefix(layout: Layout) -> bytes:
        return b"audience:%d:" % layout.version

    @contextmanager
    def _blaming(self) -> Iterator[None]:
        try:
            yield
        except self._failures as error:
            raise EngineUnavailable("audience.profiles_unavailable", f"profiles on Redis: {error}") from error


def _escaped(key: bytes) -> bytes:
    """Return a pattern that matches the key alone."""
    return b"".join(b"\\" + bytes([byte]) if byte in b"*?[]^\\-" else bytes([byte]) for byte in key)


_: type[Profiles] = RedisProfiles
