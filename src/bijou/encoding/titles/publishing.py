"""The last task: lists around what has landed, and what the catalogue is told."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import TypeVar

from msgspec.structs import replace

from bijou.catalog import MediaInfo
from bijou.encoding.chunks import Chunk
from bijou.encoding.titles import live
from bijou.encoding.titles.encrypting import encrypted, remove_clear
from bijou.encoding.titles.facts import (
    CaptionsMade,
    ChunkFacts,
    Edition,
    FilmFacts,
    MadeRendition,
    PlanEnd,
    SoundEnd,
    StillsMade,
    digest,
)
from bijou.encoding.titles.graph import (
    ALL_TASKS,
    AUDIO,
    CAPTIONS,
    CHUNK,
    INSPECT,
    PLAN,
    STILLS,
    FilmTask,
    chunk_name,
    grows,
)
from bijou.encoding.titles.hold import Hold, Made
from bijou.encoding.titles.playlists import (
    growing_lists,
    picture_rendition,
    publication,
    sound_rendition,
    whole_lists,
)
from bijou.encoding.titles.sound_task import sound_parts
from bijou.encoding.titles.workshop import Workshop, base_of, edition_key, sha256_of
from bijou.ports import BijouBug, InvalidRequest, Part, Task, TaskState
from bijou.runtime import codec

T = TypeVar("T")


class Publishing:
    """Executor of `publish`: all that it needs is done, by the queue's own count."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop

    async def __call__(self, task: Task, hold: Hold) -> Made:
        """Write the lists that stay, and tell what has come out."""
        told = codec.decode(task.payload, FilmTask)
        work, shop = told.work, self._shop
        tasks, parts = await shop.queue.tasks(group=task.group, limit=ALL_TASKS)
        group = _Group(task.group, tasks, parts)
        edition = await self._edition(told, group)
        folder = f"v{work.version}"
        lists = whole_lists(edition)
        content = codec.encode(edition)
        await shop.blobs.put(edition_key(work.asset, work.version), content)
        for number, (name, text) in enumerate(lists.items()):
            hold.say(number / len(lists), name)
            await shop.blobs.put(f"{base_of(work.asset)}/{folder}/{name}", text.encode())
        if grows(work):
            await self._end_growth(work.asset, edition, group, hold)
        if edition.protection:
            await remove_clear(shop, work.asset)
        made = publication(
            work.asset,
            folder,
            edition.facts.media,
            edition.renditions,
            version=work.version,
            stills=edition_stills(edition),
        )
        sha256 = digest(
            [sha256_of(content), *(f"{name} {sha256_of(lists[name].encode())}" for name in lists)]
        )
        return Made(sha256, codec.encode(made))

    async def _edition(self, told: FilmTask, group: "_Group") -> Edition:
        """What was made and what stands; encrypted, where that is asked for.

        Encryption is not begun twice: once there is an encrypted edition, the
        clear segments may be gone.
        """
        work, shop = told.work, self._shop
        base = await shop.edition(work.asset, told.base_version) if told.base_version else None
        edition = _edition(told, group, base)
        if not work.encrypt:
            return edition
        with contextlib.suppress(InvalidRequest):
            return await shop.edition(work.asset, work.version)
        return await encrypted(shop, work, edition, [one.name for one in base.renditions] if base else [])

    async def _end_growth(self, asset: str, edition: Edition, group: "_Group", hold: Hold) -> None:
        """Say in the growing lists, too, that all is there, whoever wrote them last."""
        since = group.done(INSPECT).created_at
        for name, text in growing_lists(edition.renditions, ended=True, since=since).items():
            await hold.sure()
            await self._shop.blobs.replace(f"{base_of(asset)}/{live.FOLDER}/{name}", text.encode())


class _Group:
    """The tasks of a group by what tells them apart, and their parts."""

    def __init__(self, name: str, tasks: Sequence[Task], parts: Sequence[Part]) -> None:
        self._name = name
        self._tasks: Mapping[str, Task] = {task.id: task for task in tasks}
        self._parts: dict[str, list[Part]] = {}
        for part in parts:
            self._parts.setdefault(part.task, []).append(part)

    def done(self, name: str) -> Task:
        """Return a task that must be done."""
        task = self._tasks.get(f"{self._name}/{name}")
        if task is None or task.state is not TaskState.DONE:
            raise BijouBug(
                "encoding.too_early",
                f"{self._name}/{name} is {task.state if task else 'not there'}; it must be done",
            )
        return task

    def result(self, name: str, shape: type[T]) -> T:
        return codec.decode(self.done(name).result, shape)

    def maybe(self, name: str, shape: type[T]) -> T | None:
        """Return what a task has found that not every title has."""
        return self.result(name, shape) if f"{self._name}/{name}" in self._tasks else None

    def parts(self, name: str) -> list[Part]:
        return self._parts.get(self.done(name).id, [])


def _edition(told: FilmTask, group: _Group, base: Edition | None) -> Edition:
    """Join what was made with what stands already."""
    plan = group.result(PLAN, PlanEnd)
    made = _made(told, group, plan.chunks)
    if base:
        return replace(
            base,
            renditions=_in_order([*base.renditions, *made]),
            facts=replace(base.facts, engine=told.facts.engine),
        )
    captions = group.maybe(CAPTIONS, CaptionsMade)
    return Edition(
        renditions=_in_order(made),
        subtitles=captions.subtitles if captions else (),
        chunks=tuple(codec.decode(part.result, Chunk) for part in group.parts(PLAN)),
        plan=plan,
        facts=replace(told.facts, media=_media(told, plan, group)),
        stills=group.result(STILLS, StillsMade),
    )


def _made(told: FilmTask, group: _Group, chunks: int) -> list[MadeRendition]:
    facts = told.facts
    made = []
    for rung in facts.rungs:
        names = [f"{CHUNK}/{chunk_name(index, rung.name)}" for index in range(chunks)]
        made.append(picture_rendition(rung.name, facts, [group.result(name, ChunkFacts) for name in names]))
    for sound in facts.sounds:
        name = f"{AUDIO}/{sound.source.name}"
        parts = sound_parts(group.parts(name))
        end, head = group.result(name, SoundEnd), parts[0].head
        if head is None or len(parts) != end.segments:
            raise BijouBug(
                "encoding.sound_incomplete",
                f"{sound.source.name} has {len(parts)} parts, and ended with {end.segments}",
            )
        made.append(sound_rendition(sound, head, [part.segment for part in parts], end.gain_db))
    return made


def _in_order(made: Sequence[MadeRendition]) -> tuple[MadeRendition, ...]:
    """Pictures before sounds, as players should prefer them."""
    return tuple(sorted(made, key=lambda one: one.head.format.kind != "video"))


def _media(told: FilmTask, plan: PlanEnd, group: _Group) -> MediaInfo:
    """The facts of the source, with those that were found on the way."""
    media = group.result(INSPECT, FilmFacts).media
    loudness = {
        sound.place: group.result(f"{AUDIO}/{sound.source.name}", SoundEnd).loudness
        for sound in told.facts.sounds
    }
    return replace(
        media,
        video=[replace(media.video[0], resized=plan.resized), *media.video[1:]],
        audio=[replace(track, loudness=loudness.get(place)) for place, track in enumerate(media.audio)],
        cuts_s=list(plan.cuts_s),
    )


def edition_stills(edition: Edition) -> dict[str, object]:
    """Return what a publication tells of still pictures."""
    stills = edition.stills
    return {"poster": stills.posters[0], "posters": list(stills.posters), "sprite": stills.sprite}
