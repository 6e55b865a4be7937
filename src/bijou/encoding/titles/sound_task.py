"""One sound track: encoded whole, cut while the film is still being planned."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path

from bijou.catalog import Loudness
from bijou.encoding.audio_track import SoundMade, encode_audio
from bijou.encoding.chunks import Chunk
from bijou.encoding.loudness import measure_loudness, playback_gain_db
from bijou.encoding.recipes import recipe
from bijou.encoding.source_loudness import measure_sounds
from bijou.encoding.titles.facts import SoundEnd, SoundPart, digest, head_facts, segment_facts
from bijou.encoding.titles.graph import SoundTask
from bijou.encoding.titles.hold import Hold, Made
from bijou.encoding.titles.workshop import POLL_S, Workshop, init_key, media_prefix, outcome, segment_key
from bijou.ports import Part, Task
from bijou.runtime import codec


class SoundEncoding:
    """Executor of `audio`; each segment is a part of it."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop

    async def __call__(self, task: Task, hold: Hold) -> Made:
        """Encode one sound track and store its segments."""
        told = codec.decode(task.payload, SoundTask)
        shop = self._shop
        async with shop.source(told.source) as source, shop.folder() as folder:
            whole = folder / "whole.mp4"
            digests = await self._encode(told, source, folder, whole, hold)
            gain_db = playback_gain_db(await measure_loudness(whole, limits=shop.limits, clock=shop.clock))
            loudness = await self._loudness(told, source)
        end = SoundEnd(told.sound.source.name, len(digests) - 1, gain_db, loudness)
        return Made(digest(digests), codec.encode(end))

    async def _encode(
        self, told: SoundTask, source: Path, folder: Path, whole: Path, hold: Hold
    ) -> list[str]:
        """Commit segment after segment, and leave all of them in one file; return their digests."""
        shop, sound = self._shop, told.sound.source
        making = encode_audio(
            source,
            sound,
            recipe(told.recipe),
            grid=self._grid(told, hold),
            folder=folder,
            limits=shop.limits,
            clock=shop.clock,
            tell=lambda done_s: hold.say(0.0, f"{done_s:.0f} s"),
        )
        digests: list[str] = []
        async with contextlib.aclosing(making):
            async for made in making:
                if not digests:
                    digests.append(made.head.sha256)
                    await asyncio.to_thread(whole.write_bytes, made.head.init)
                await self._store(told, made)
                with whole.open("ab") as file:
                    file.write(made.segment.content)
                part = SoundPart(
                    segment_facts(made.segment), head_facts(made.head) if len(digests) == 1 else None
                )
                await hold.part(len(digests) - 1, made.segment.sha256, codec.encode(part))
                digests.append(made.segment.sha256)
        return digests

    async def _store(self, told: SoundTask, made: SoundMade) -> None:
        prefix, name = media_prefix(told.asset, encrypt=told.encrypt), told.sound.source.name
        if made.segment.number == 1:
            await self._shop.blobs.put(init_key(prefix, name, made.head.sha256), made.head.init)
        await self._shop.blobs.put(segment_key(prefix, name, made.segment.sha256), made.segment.content)

    async def _grid(self, told: SoundTask, hold: Hold) -> AsyncIterator[Fraction]:
        """When segments of the pictures begin, as fast as the plan tells.

        Raises:
            BijouError: the plan's problem, where it has ended badly.
        """
        used = 0
        while True:
            plan, parts = await self._shop.task(told.plan)
            for part in parts[used:]:
                for boundary in codec.decode(part.result, Chunk).boundaries():
                    yield Fraction(boundary, told.per_s)
            used = len(parts)
            if outcome(plan) is not None:
                return
            hold.wait(f"waits for chunk {used} to be planned")
            await self._shop.clock.sleep(POLL_S)

    async def _loudness(self, told: SoundTask, source: Path) -> Loudness | None:
        shop = self._shop
        found = await measure_sounds(
            source, told.container, [told.facts], limits=shop.limits, clock=shop.clock
        )
        return found.get(told.facts.index)


def sound_parts(parts: list[Part]) -> list[SoundPart]:
    """Return what a sound track's parts tell."""
    return [codec.decode(part.result, SoundPart) for part in parts]
