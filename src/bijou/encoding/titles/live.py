"""Playlists that grow while leading chunks land; one task a title writes them.

Every write is preceded by a look whether the task is still held, so a writer
that was asleep past its lease does not put an older list over a newer one.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from bijou.catalog import MediaInfo, Publication
from bijou.encoding.titles.facts import (
    ChunkFacts,
    FilmFacts,
    HeadFacts,
    MadeRendition,
    PlanEnd,
    SegmentFacts,
    digest,
)
from bijou.encoding.titles.graph import (
    AUDIO,
    CHUNK,
    INSPECT,
    PLAN,
    FilmTask,
    chunk_name,
    group_of,
)
from bijou.encoding.titles.hold import Hold, Made
from bijou.encoding.titles.playlists import growing_lists, picture_rendition, publication, sound_rendition
from bijou.encoding.titles.sound_task import sound_parts
from bijou.encoding.titles.workshop import POLL_S, Workshop, base_of, outcome, sha256_of
from bijou.ports import Instant, Task
from bijou.runtime import codec

_BETWEEN_S = 1.0
FOLDER = "live"


class Living:
    """Executor of `live`."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop

    async def __call__(self, task: Task, hold: Hold) -> Made:
        """Write lists until all of the film is in them."""
        told = codec.decode(task.payload, FilmTask)
        shop, landed = self._shop, _Landed(self._shop, told)
        begun, _ = await shop.task(f"{task.group}/{INSPECT}")
        media = codec.decode(begun.result, FilmFacts).media
        written: dict[str, str] = {}
        told_of, written_at = False, shop.clock.now()
        while True:
            await landed.look()
            lists = landed.lists(begun.created_at, written_at)
            if lists and lists != written:
                written_at = shop.clock.now()
                lists = landed.lists(begun.created_at, written_at)
                await self._write(told.work.asset, lists, written, hold)
                written = lists
                if not told_of:
                    first = codec.encode(landed.first_publication(media))
                    await hold.part(0, sha256_of(first), first)
                    told_of = True
                await shop.clock.sleep(0.0 if landed.ended else _BETWEEN_S)
            elif not landed.ended:
                await shop.clock.sleep(POLL_S)
            if landed.ended:
                return Made(digest(f"{name} {sha256_of(text.encode())}" for name, text in written.items()))
            hold.wait(f"waits for chunk {landed.chunks}")

    async def _write(self, asset: str, lists: dict[str, str], before: dict[str, str], hold: Hold) -> None:
        """Replace what has changed: what players begin with comes last."""
        for name, text in lists.items():
            if text != before.get(name):
                await hold.sure()
                await self._shop.blobs.replace(f"{base_of(asset)}/{FOLDER}/{name}", text.encode())


class _Landed:
    """What has landed of a title, from its start on without a gap."""

    def __init__(self, shop: Workshop, told: FilmTask) -> None:
        self._shop = shop
        self._told = told
        self._group = group_of(told.work.asset, told.work.version)
        self._pictures: dict[str, list[ChunkFacts]] = {rung.name: [] for rung in told.facts.rungs}
        self._heads: dict[str, HeadFacts] = {}
        self._sounds: dict[str, list[SegmentFacts]] = {}
        self._heard: set[str] = set()
        self._planned: int | None = None
        self.chunks = 0

    @property
    def ended(self) -> bool:
        """Whether all of the film is there."""
        return self.chunks == self._planned and len(self._heard) == len(self._told.facts.sounds)

    async def look(self) -> None:
        """Take note of what has landed since."""
        await self._look_at_plan()
        while self.chunks != self._planned and await self._next_chunk():
            self.chunks += 1
        for sound in self._told.facts.sounds:
            if sound.source.name not in self._heard:
                await self._look_at_sound(sound.source.name)

    async def _look_at_plan(self) -> None:
        """Learn how many chunks there are."""
        if self._planned is not None:
            return
        found = await self._shop.result(f"{self._group}/{PLAN}")
        if found is not None:
            self._planned = codec.decode(found, PlanEnd).chunks

    async def _next_chunk(self) -> bool:
        """Take the next chunk, if all of its rungs are there."""
        found: dict[str, ChunkFacts] = {}
        for name in self._pictures:
            result = await self._shop.result(f"{self._group}/{CHUNK}/{chunk_name(self.chunks, name)}")
            if result is None:
                return False
            found[name] = codec.decode(result, ChunkFacts)
        for name, chunk in found.items():
            self._pictures[name].append(chunk)
        return True

    async def _look_at_sound(self, name: str) -> None:
        tasks, parts = await self._shop.queue.tasks(task=f"{self._group}/{AUDIO}/{name}")
        made = sound_parts(parts)
        if made and made[0].head:
            self._heads[name] = made[0].head
        self._sounds[name] = [part.segment for part in made]
        if tasks and outcome(tasks[0]) is not None:
            self._heard.add(name)

    def lists(self, since: Instant, written_at: Instant) -> dict[str, str]:
        """Return the lists of what is there; nothing while a rendition lacks its first segment.

        Args:
            written_at: When they were last seen to have changed.
        """
        if not self.chunks or len(self._heads) < len(self._told.facts.sounds):
            return {}
        return growing_lists(self._renditions(), ended=self.ended, since=since, written_at=written_at)

    def first_publication(self, media: MediaInfo) -> Publication:
        """Return what is told of a title that can be watched, the same whenever it is told."""
        work = self._told.work
        first = [replace(one, segments=one.segments[: self._first_count(one)]) for one in self._renditions()]
        return publication(work.asset, FOLDER, media, first, complete=False)

    def _first_count(self, made: MadeRendition) -> int:
        return len(self._pictures[made.name][0].segments) if made.name in self._pictures else 1

    def _renditions(self) -> Sequence[MadeRendition]:
        facts = self._told.facts
        pictures = [picture_rendition(name, facts, chunks) for name, chunks in self._pictures.items()]
        sounds = [
            sound_rendition(sound, self._heads[name], self._sounds[name])
            for sound in facts.sounds
            if (name := sound.source.name) in self._heads
        ]
        return [*pictures, *sounds]
