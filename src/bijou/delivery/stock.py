"""What an origin has of every title, segment by segment: what a plan of fills is made from."""

import asyncio
import re
from typing import Final

import msgspec

from bijou.ports import Blobs, NotFound

STOCK_PATH: Final = "/stock"

_SEGMENT: Final = re.compile(r"(media/[^/]+)/(.+)/(\d{5,6})\.m4s")


class StockedRendition(msgspec.Struct):
    """A rendition's segments: the sizes of those numbered from 1 on."""

    name: str
    sizes_bytes: list[int]


class StockedTitle(msgspec.Struct):
    """A title's renditions, and since when the first of them is there."""

    name: str
    available_at_s: float
    renditions: list[StockedRendition]


class Stock(msgspec.Struct):
    """All titles."""

    titles: list[StockedTitle]


class OriginStock:
    """Takes stock of blobs; what is known of a rendition is not looked at again.

    Cost: at first one look at each segment's blob, later one listing of all keys; a number a
    segment of memory.
    Threads: one event loop; who asks meanwhile waits for the same.
    """

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._sizes: dict[tuple[str, str], list[int]] = {}
        self._since_s: dict[str, float] = {}
        self._taking = asyncio.Lock()

    async def taken(self) -> Stock:
        """Return what is there now: of each rendition the segments from 1 on without a gap."""
        async with self._taking:
            there = await self._listed()
            for gone in self._sizes.keys() - there.keys():
                del self._sizes[gone]
            named = {title for title, _ in there}
            self._since_s = {title: at_s for title, at_s in self._since_s.items() if title in named}
            titles: dict[str, StockedTitle] = {}
            for (title, rendition), count in there.items():
                sizes = await self._measured(title, rendition, count)
                if sizes:
                    stocked = titles.setdefault(title, StockedTitle(f"/{title}", self._since_s[title], []))
                    stocked.renditions.append(StockedRendition(rendition, sizes.copy()))
            return Stock(list(titles.values()))

    async def _listed(self) -> dict[tuple[str, str], int]:
        """Return how many segments there are of each rendition, from the first on without a gap."""
        there: dict[tuple[str, str], int] = {}
        async for key in self._blobs.keys("media/"):
            found = _SEGMENT.fullmatch(key)
            if found is not None:
                whose = found[1], found[2]
                if int(found[3]) == there.get(whose, 0) + 1:  # keys come in order
                    there[whose] = there.get(whose, 0) + 1
        return there

    async def _measured(self, title: str, rendition: str, count: int) -> list[int]:
        sizes = self._sizes.setdefault((title, rendition), [])
        del sizes[count:]
        try:
            while len(sizes) < count:
                info = await self._blobs.info(f"{title}/{rendition}/{len(sizes) + 1:05}.m4s")
                sizes.append(info.size_bytes)
                at_s = info.modified_at / 1e6
                self._since_s[title] = min(at_s, self._since_s.get(title, at_s))
        except NotFound:  # it went since it was listed
            pass
        return sizes
