"""What is encrypted of a title before it is published: all of its media, by one key.

The clear segments of such a title lie where no viewer looks, and are removed
once their encrypted copies are published. The key is drawn once: whoever
stores it first has chosen it, and all attempts use that one.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from bijou.encoding.encryption import ContentKey, encrypt, new_content_key
from bijou.encoding.titles.facts import Edition, HeadFacts, MadeRendition
from bijou.encoding.titles.graph import TitleWork
from bijou.encoding.titles.playlists import packaged
from bijou.encoding.titles.workshop import (
    Workshop,
    base_of,
    init_key,
    media_prefix,
    segment_key,
    sha256_of,
)
from bijou.packaging import INIT_SEGMENT, Protection, Rendition, segment_name
from bijou.ports import Conflict
from bijou.runtime import codec


async def content_key(shop: Workshop, asset: str) -> ContentKey:
    """Return the key of a title, and draw it where there is none yet."""
    place = f"keys/{asset}.json"
    try:
        drawn = new_content_key(shop.chance)
        await shop.blobs.put(place, codec.encode(drawn))
    except Conflict:
        return codec.decode(await shop.bytes_of(place), ContentKey)
    return drawn


async def encrypted(shop: Workshop, work: TitleWork, edition: Edition, stands: Sequence[str]) -> Edition:
    """Return an edition whose media is encrypted, and stored.

    Args:
        stands: Names of renditions that are encrypted already.
    """
    key = await content_key(shop, work.asset)
    protection = Protection(key.key_id, key.iv, shop.key_uri.format(asset=work.asset))
    fresh = [one for one in edition.renditions if one.name not in stands]
    prefix = media_prefix(work.asset, encrypt=True)
    async with shop.folder() as folder:
        clear = folder / "clear"
        for one in fresh:
            await _bring(shop, prefix, one, clear / one.name)
        ready = [packaged(one) for one in fresh]
        made = await encrypt(
            clear,
            folder / "protected",
            ready,
            key,
            key_uri=protection.key_uri,
            limits=shop.limits,
            clock=shop.clock,
        )
        stored = {
            one.name: await _store(shop, base_of(work.asset), one, result, folder / "protected" / one.name)
            for one, result in zip(fresh, made, strict=True)
        }
    renditions = tuple(stored.get(one.name, one) for one in edition.renditions)
    return replace(edition, renditions=renditions, protection=protection)


async def remove_clear(shop: Workshop, asset: str) -> None:
    """Remove the clear segments of a title that is published in encrypted form."""
    for key in [key async for key in shop.blobs.keys(f"{media_prefix(asset, encrypt=True)}/")]:
        await shop.blobs.delete(key)


async def _bring(shop: Workshop, prefix: str, made: MadeRendition, folder: Path) -> None:
    """Lay a rendition's segments into a folder, by their numbers."""
    await asyncio.to_thread(folder.mkdir, parents=True)
    await shop.gather([init_key(prefix, made.name, made.head.sha256)], folder / INIT_SEGMENT)
    for number, segment in enumerate(made.segments, 1):
        await shop.gather([segment_key(prefix, made.name, segment.sha256)], folder / segment_name(number))


async def _store(
    shop: Workshop, prefix: str, clear: MadeRendition, protected: Rendition, folder: Path
) -> MadeRendition:
    """Store an encrypted rendition by what it holds; return its facts."""
    init = await asyncio.to_thread((folder / INIT_SEGMENT).read_bytes)
    head = HeadFacts(sha256_of(init), len(init), clear.head.timescale, clear.head.format)
    await shop.blobs.put(init_key(prefix, clear.name, head.sha256), init)
    segments = []
    for number, (was, now) in enumerate(zip(clear.segments, protected.segments, strict=True), 1):
        content = await asyncio.to_thread((folder / segment_name(number)).read_bytes)
        sha256 = sha256_of(content)
        await shop.blobs.put(segment_key(prefix, clear.name, sha256), content)
        segments.append(replace(was, size_bytes=len(content), key_bytes=now.key_bytes, sha256=sha256))
    return replace(clear, head=head, segments=tuple(segments))
