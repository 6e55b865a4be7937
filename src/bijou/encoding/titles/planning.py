"""Goes through a film once and adds the encodes of each chunk as soon as it is settled."""

import contextlib
from collections.abc import AsyncGenerator, Sequence
from fractions import Fraction
from pathlib import Path

from bijou.encoding.chunks import Chunk, find_chunks
from bijou.encoding.judging import judge_sizes
from bijou.encoding.titles.facts import FilmFacts, PlanEnd, digest
from bijou.encoding.titles.graph import FilmTask, after_plan, chunk_tasks, grows
from bijou.encoding.titles.hold import Hold, Made
from bijou.encoding.titles.workshop import POLL_S, Workshop, sha256_of
from bijou.ports import InvalidRequest, Task
from bijou.runtime import codec

_PATIENCE_S = 30.0


class Planning:
    """Executor of `plan`; each chunk is a part of it."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop

    async def __call__(self, task: Task, hold: Hold) -> Made:
        """Find chunks, and add their encodes."""
        told = codec.decode(task.payload, FilmTask)
        chunks: list[Chunk] = []
        digests: list[str] = []
        resized: list[bool] = []
        finding = self._chunks(told, hold, resized)
        async with contextlib.aclosing(finding):
            async for chunk in finding:
                content = codec.encode(chunk)
                digests.append(sha256_of(content))
                await hold.part(chunk.index, digests[-1], content, chunk_tasks(told, chunk))
                chunks.append(chunk)
        end = plan_end(chunks, told.facts, resized=any(resized))
        result = codec.encode(end)
        return Made(digest([*digests, sha256_of(result)]), result, after_plan(told, end.chunks))

    async def _chunks(self, told: FilmTask, hold: Hold, resized: list[bool]) -> AsyncGenerator[Chunk, None]:
        """The chunks of the version that stands, or those that are found."""
        if told.base_version:
            edition = await self._shop.edition(told.work.asset, told.base_version)
            resized.append(edition.plan.resized)
            for chunk in edition.chunks:
                yield chunk
            return
        async with self._shop.source(told.work.source) as source:
            first = None
            async with contextlib.aclosing(self._found(told, source, hold, resized)) as found:
                async for chunk in found:
                    first = chunk
                    yield chunk
                    break
            if first is None or first.frames >= told.facts.packets:
                return
            await self._until_encoded(told, first, hold)
            async with contextlib.aclosing(self._found(told, source, hold, resized)) as found:
                async for chunk in found:
                    if chunk.index:
                        yield chunk

    async def _until_encoded(self, told: FilmTask, chunk: Chunk, hold: Hold) -> None:
        """Let the first chunk be encoded before the rest of the film is looked through.

        Otherwise they would share the machine, and a film could be watched
        later the longer it is. What was seen already is seen once more.
        """
        names = [task.id for task in chunk_tasks(told, chunk)] if grows(told.work) else []
        began_ns = self._shop.clock.monotonic_ns()
        while names and self._shop.clock.monotonic_ns() - began_ns < _PATIENCE_S * 1e9:
            hold.wait("waits for the first chunk to be encoded")
            await self._shop.clock.sleep(POLL_S)
            while names and await self._shop.result(names[-1]) is not None:
                names.pop()

    def _found(
        self, told: FilmTask, source: Path, hold: Hold, resized: list[bool]
    ) -> AsyncGenerator[Chunk, None]:
        facts, shop = told.facts, self._shop
        seen = facts.media.video[0]

        def judged(later: Sequence[tuple[int, int]]) -> None:
            resized.append(judge_sizes((seen.width, seen.height), later))

        return find_chunks(
            source,
            facts.picture,
            breaks_s=[Fraction(moment) for moment in told.work.breaks_s],
            limits=shop.limits,
            clock=shop.clock,
            tell=lambda frames: hold.say(min(1.0, frames / facts.packets), f"frame {frames}"),
            resized=judged,
        )


def plan_end(chunks: Sequence[Chunk], facts: FilmFacts, *, resized: bool) -> PlanEnd:
    """Return what is known of a film's pictures once all of it was seen.

    Raises:
        InvalidRequest: `encoding.undecodable`, not half of it could be decoded.
    """
    frames = sum(chunk.frames for chunk in chunks)
    if not frames or 2 * frames < facts.packets:
        raise InvalidRequest(
            "encoding.undecodable",
            f"the film is damaged: of {facts.packets} frames only {frames} can be decoded",
        )
    return PlanEnd(
        chunks=len(chunks),
        frames=frames,
        end=chunks[-1].end,
        cuts_s=tuple(round(moment / facts.picture.per_s, 6) for moment in cuts(chunks)),
        resized=resized,
    )


def cuts(chunks: Sequence[Chunk]) -> list[int]:
    """Return when each shot but the first begins, by the film's clock."""
    moments = []
    on_cut = False
    for chunk in chunks:
        durations, moment = chunk.durations(), chunk.start
        opens = set(chunk.shots if on_cut else chunk.shots[1:])
        for frame, duration in enumerate(durations):
            if frame in opens:
                moments.append(moment)
            moment += duration
        on_cut = chunk.ends_on_cut
    return moments
