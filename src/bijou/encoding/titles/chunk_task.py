"""One chunk at one rendition: analysed where that pays, encoded, stored, told."""

from pathlib import Path

from bijou.encoding.chunks import ChunkMade, ChunkWork, encode_chunk
from bijou.encoding.hull import choose_quality
from bijou.encoding.quality import analyse_chunk
from bijou.encoding.recipes import Recipe, engine_id, recipe
from bijou.encoding.titles.facts import ChunkChoice, ChunkFacts, digest, head_facts, segment_facts
from bijou.encoding.titles.graph import ChunkTask
from bijou.encoding.titles.hold import Hold, Made
from bijou.encoding.titles.workshop import Workshop, init_key, media_prefix, segment_key, sha256_of
from bijou.ports import EngineUnavailable, Task
from bijou.runtime import codec

_UNTRUSTED = "encoding.vmaf_untrusted"


class ChunkEncoding:
    """Executor of `chunk`.

    What analysis chooses is committed as a part before the encode begins, and
    an attempt that finds such a part uses it: whatever a score's last digit
    is on another machine, a chunk is encoded by the choice that was made first.
    A film's first chunk takes the recipe's own rate factors: it shall be
    watchable soon.
    """

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop

    async def __call__(self, task: Task, hold: Hold) -> Made:
        """Encode one chunk and store its segments."""
        told = codec.decode(task.payload, ChunkTask)
        _check_engine(told.engine)
        shop, made_by, work = self._shop, recipe(told.recipe), told.work
        async with shop.source(told.source) as source, shop.folder() as folder:
            if told.analyse and work.chunk.index:
                crfs = await self._chosen(task, hold, work, made_by, source)
                work = ChunkWork(work.picture, work.chunk, work.rung, crfs)
            frames = work.chunk.frames
            made = await encode_chunk(
                source,
                work,
                made_by,
                folder=folder,
                limits=shop.limits,
                clock=shop.clock,
                tell=lambda done: hold.say(done / frames, f"frame {done} of {frames}"),
            )
        prefix = media_prefix(told.asset, encrypt=told.encrypt)
        await self._store(made, prefix, work.rung.name)
        facts = _facts(made, work)
        sha256 = digest([facts.head.sha256, *(segment.sha256 for segment in facts.segments)])
        return Made(sha256, codec.encode(facts))

    async def _chosen(
        self, task: Task, hold: Hold, work: ChunkWork, made_by: Recipe, source: Path
    ) -> tuple[float, ...]:
        """The rate factors that were chosen first."""
        _, parts = await self._shop.task(task.id)
        if parts:
            return codec.decode(parts[0].result, ChunkChoice).crfs
        hold.say(0.0, "tries rate factors")
        choice = await self._analysed(work, made_by, source)
        chosen = codec.encode(choice)
        await hold.part(0, sha256_of(chosen), chosen)
        return choice.crfs

    async def _analysed(self, work: ChunkWork, made_by: Recipe, source: Path) -> ChunkChoice:
        shop = self._shop
        async with shop.folder() as folder:
            try:
                shots = await analyse_chunk(
                    source, work, made_by, folder=folder, limits=shop.limits, clock=shop.clock
                )
            except EngineUnavailable as error:
                if error.code != _UNTRUSTED:
                    raise
                return ChunkChoice(())
        target = made_by.rule(work.rung.lines).vmaf
        choice = choose_quality(shots, target, made_by.video.crf_range, one_crf=not made_by.video.zones)
        return ChunkChoice(choice.crfs, choice)

    async def _store(self, made: ChunkMade, prefix: str, rendition: str) -> None:
        """Bytes first: what a commit tells of is there."""
        blobs = self._shop.blobs
        await blobs.put(init_key(prefix, rendition, made.head.sha256), made.head.init)
        for segment in made.segments:
            await blobs.put(segment_key(prefix, rendition, segment.sha256), segment.content)


def _check_engine(wanted: str) -> None:
    if engine_id() != wanted:
        raise EngineUnavailable(
            "encoding.other_engine",
            f"this worker has ffmpeg build {engine_id()}, and the title was begun with {wanted}: its bytes"
            " would differ; let workers of one build finish it",
        )


def _facts(made: ChunkMade, work: ChunkWork) -> ChunkFacts:
    return ChunkFacts(
        rung=work.rung.name,
        chunk=work.chunk.index,
        head=head_facts(made.head),
        segments=tuple(segment_facts(segment) for segment in made.segments),
        cpu_s=round(made.cpu_s, 3),
        wall_s=round(made.wall_s, 3),
        crfs=work.crfs,
    )
