"""Poster candidates and the pictures behind the seek bar, from renditions that are final."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from bijou.encoding.ladder import Rung, fit
from bijou.encoding.own_media import run_in
from bijou.encoding.posters import find_posters, take_posters
from bijou.encoding.sprite import plan_sprite
from bijou.encoding.stills import TILE_BOX, sprite_argv
from bijou.encoding.titles.facts import ChunkFacts, PlanEnd, SegmentFacts, StillsMade, digest
from bijou.encoding.titles.graph import CHUNK, PLAN, FilmTask, chunk_name
from bijou.encoding.titles.hold import Hold, Made
from bijou.encoding.titles.workshop import (
    Workshop,
    base_of,
    init_key,
    media_prefix,
    segment_key,
    sha256_of,
)
from bijou.ports import BijouBug, Task
from bijou.runtime import codec


class Stills:
    """Executor of `stills`."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop

    async def __call__(self, task: Task, hold: Hold) -> Made:
        """Take the still pictures and store them."""
        told = codec.decode(task.payload, FilmTask)
        rungs = told.facts.renderings[0].rungs
        plan = codec.decode(await self._done(f"{task.group}/{PLAN}"), PlanEnd)
        smallest, largest = [
            await self._rung(task.group, told, rung, plan.chunks) for rung in (rungs[-1], rungs[0])
        ]
        async with self._shop.folder() as folder:
            hold.say(0.1, "takes the pictures of the seek bar")
            file = await self._shop.gather(smallest.keys, folder / f"{smallest.rung.name}.mp4")
            image, index = await self._sprite(told, plan, smallest, folder)
            hold.say(0.5, "takes posters")
            posters = await self._posters(plan, told, file, largest, folder)
            made = await self._store(told.work.asset, image, index, posters)
        return Made(digest([made.sprite, *made.posters]), codec.encode(made))

    async def _rung(self, group: str, told: FilmTask, rung: Rung, chunks: int) -> "_Rung":
        """Where all of one rendition lies."""
        prefix = media_prefix(told.work.asset, encrypt=told.work.encrypt)
        made = [
            codec.decode(await self._done(f"{group}/{CHUNK}/{chunk_name(index, rung.name)}"), ChunkFacts)
            for index in range(chunks)
        ]
        head = init_key(prefix, rung.name, made[0].head.sha256)
        segments = [segment for chunk in made for segment in chunk.segments]
        keys = [segment_key(prefix, rung.name, segment.sha256) for segment in segments]
        return _Rung(rung, made[0].head.timescale, [head, *keys], segments)

    async def _done(self, name: str) -> bytes:
        result = await self._shop.result(name)
        if result is None:
            raise BijouBug("encoding.too_early", f"task {name} is needed and not done")
        return result

    async def _sprite(
        self, told: FilmTask, plan: PlanEnd, smallest: "_Rung", folder: Path
    ) -> tuple[Path, str]:
        starts_s = [segment.start / smallest.timescale for segment in smallest.segments]
        end_s = plan.end / told.facts.picture.per_s
        width, height = told.facts.size
        sprite = plan_sprite(starts_s, end_s, fit(width, height, *TILE_BOX))
        await run_in(
            folder,
            sprite_argv(folder, smallest.rung, sprite),
            "taking its preview pictures",
            limits=self._shop.limits,
            clock=self._shop.clock,
        )
        image = folder / "sprite.jpg"
        return image, sprite.index(f"{_name(image)}.jpg")

    async def _posters(
        self, plan: PlanEnd, told: FilmTask, smallest: Path, largest: "_Rung", folder: Path
    ) -> list[Path]:
        shop = self._shop
        moments = await find_posters(
            smallest,
            plan.cuts_s,
            plan.end / told.facts.picture.per_s,
            limits=shop.limits,
            clock=shop.clock,
        )
        sources = []
        for place, moment_s in enumerate(moments):
            number = largest.segment_at(moment_s)
            keys = [largest.keys[0], largest.keys[number + 1]]
            sources.append(await shop.gather(keys, folder / f"poster.{place}.mp4"))
        names = await take_posters(sources, largest.rung, folder, limits=shop.limits, clock=shop.clock)
        return [folder / name for name in names]

    async def _store(self, asset: str, image: Path, index: str, posters: Sequence[Path]) -> StillsMade:
        """Store pictures by what they show, so that another build's do not clash with them."""
        blobs, prefix = self._shop.blobs, f"{base_of(asset)}/stills"
        keys = []
        for picture in (image, *posters):
            keys.append(f"{prefix}/{_name(picture)}.jpg")
            await blobs.put(keys[-1], await asyncio.to_thread(picture.read_bytes))
        await blobs.put(f"{keys[0].removesuffix('.jpg')}.vtt", index.encode())
        return StillsMade(keys[0], tuple(keys[1:]))


class _Rung(Struct, frozen=True):
    """One rendition in the blobs: its init segment first, then all others."""

    rung: Rung
    timescale: int
    keys: list[str]
    segments: list[SegmentFacts]

    def segment_at(self, moment_s: float) -> int:
        """Which segment begins at a moment, or nearest to it."""
        starts = [abs(segment.start / self.timescale - moment_s) for segment in self.segments]
        return starts.index(min(starts))


def _name(picture: Path) -> str:
    return sha256_of(picture.read_bytes())[:32]
