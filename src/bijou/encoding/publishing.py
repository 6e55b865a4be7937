"""Bringing an encoded asset from a folder to the blobs."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from pathlib import Path

from bijou.ports import Blobs

_TOGETHER = 8
_LISTS = frozenset({".m3u8", ".mpd"})


def base_of(asset: str) -> str:
    """Return the folder, and the prefix of the keys, of an asset's media."""
    return f"media/{asset}"


async def publish(blobs: Blobs, folder: Path, base: str, tell: Callable[[float], None]) -> None:
    """Store all files under `folder / base` by their paths in `folder`.

    Cancelled, it ends only when nothing more is being stored.

    Media goes first, playlists after it, and what players begin with last: so
    whatever can be found is whole.

    Args:
        base: A folder, and the prefix of the keys.
        tell: Called with the share that is stored.

    Raises:
        Conflict: `blobs.exists`, something else lies under a key.
        EngineUnavailable: `blobs.full`.
    """
    files = [path for path in (folder / base).rglob("*") if path.is_file()]
    files.sort(key=lambda path: (path.suffix in _LISTS, -len(path.parts), path))
    media = [path for path in files if path.suffix not in _LISTS]
    lists = files[len(media) :]
    stored = 0
    for together in [*_batches(media), *([path] for path in lists)]:
        keys = [path.relative_to(folder).as_posix() for path in together]
        for end in await _uncut(map(blobs.put, keys, together)):
            if isinstance(end, BaseException):
                raise end
        stored += len(together)
        tell(stored / len(files))


async def clear(blobs: Blobs, base: str) -> None:
    """Remove what an attempt has left of an asset that was never published."""
    for key in [key async for key in blobs.keys(f"{base}/")]:
        await blobs.delete(key)


async def _uncut(puts: Iterable[Awaitable[object]]) -> list[object]:
    storing = asyncio.gather(*puts, return_exceptions=True)
    try:
        return await asyncio.shield(storing)
    except asyncio.CancelledError:
        await asyncio.wait([storing])
        raise


def _batches(paths: Sequence[Path]) -> Iterator[Sequence[Path]]:
    return (paths[at : at + _TOGETHER] for at in range(0, len(paths), _TOGETHER))
