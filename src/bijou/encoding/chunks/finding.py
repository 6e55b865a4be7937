"""The plan of a real file, chunk by chunk, while its one cheap decode goes on."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from fractions import Fraction
from pathlib import Path

from bijou.encoding.chunks.command import true_path
from bijou.encoding.chunks.model import Chunk, PictureSource
from bijou.encoding.chunks.planning import ChunkPlanner, ChunkRules, SeenFrame
from bijou.encoding.ffmpeg import FEW_HEAPS, failure
from bijou.encoding.limits import EncodingLimits
from bijou.encoding.survey import begins_anew, begins_shot, shown_at, sizes, survey_argv
from bijou.ports import Clock
from bijou.runtime.children import Finished, run_child
from bijou.runtime.confinement import Confinement


async def find_chunks(
    source: Path,
    picture: PictureSource,
    *,
    breaks_s: Sequence[Fraction | float] = (),
    rules: ChunkRules | None = None,
    limits: EncodingLimits,
    clock: Clock,
    tell: Callable[[int], None] = lambda _: None,
    resized: Callable[[list[tuple[int, int]]], None] = lambda _: None,
) -> AsyncGenerator[Chunk, None]:
    """Yield the chunks of a film, each as soon as twelve seconds after it were seen.

    Close the iterator to end the decode early.

    Cost: one decode of the film without its loop filter, shrunk, in a confined
    child: about an eighth of the CPU time of the encodes that follow.
    Threads: the main thread's event loop, as `run_child` asks.

    Args:
        breaks_s: Where advertisements may stand; segments begin there.
        tell: Called with the number of frames that were looked at.
        resized: Called before the last chunks, with the sizes to which the
            picture changed on the way; what it raises ends the plan.

    Raises:
        InvalidRequest: `encoding.times_stand_still`; the film cannot be
            decoded to its end, see `failure`.
        EngineUnavailable: see `failure`.
    """
    found: asyncio.Queue[Chunk | None] = asyncio.Queue()
    watcher = _Watcher(ChunkPlanner(picture, breaks_s=breaks_s, rules=rules), found, tell)
    looking = asyncio.ensure_future(_look(true_path(source), picture, limits, clock, watcher.line))
    looking.add_done_callback(lambda _: found.put_nowait(None))
    try:
        while (chunk := await found.get()) is not None:
            yield chunk
        finished = looking.result()
        if not finished.ok:
            raise failure(finished, "decoding it once to find its frames")
        if watcher.changed:
            resized(sizes(finished.last_words))
        for chunk in watcher.finish():
            yield chunk
    finally:
        looking.cancel()
        await asyncio.wait([looking])


class _Watcher:
    """Turns the child's lines into frames, and frames into chunks."""

    def __init__(
        self, planner: ChunkPlanner, found: "asyncio.Queue[Chunk | None]", tell: Callable[[int], None]
    ) -> None:
        self._planner = planner
        self._found = found
        self._tell = tell
        self._moment: int | None = None
        self._cut = False
        self._frames = 0
        self.changed = False

    def line(self, text: str) -> None:
        """Take a line; what is said of a frame follows the line that names it."""
        moment = shown_at(text)
        if moment is not None:
            for chunk in self._pass_on():
                self._found.put_nowait(chunk)
            self.changed = self.changed or (self._frames > 0 and begins_anew(text))
            self._moment = moment
            self._frames += 1
            self._tell(self._frames)
        elif begins_shot(text):
            self._cut = True

    def finish(self) -> list[Chunk]:
        return [*self._pass_on(), *self._planner.finish()]

    def _pass_on(self) -> list[Chunk]:
        if self._moment is None:
            return []
        frame, self._cut = SeenFrame(self._moment, self._cut), False
        return self._planner.add(frame)


async def _look(
    source: Path,
    picture: PictureSource,
    limits: EncodingLimits,
    clock: Clock,
    on_line: Callable[[str], None],
) -> Finished:
    return await run_child(
        survey_argv(source, picture.container, picture.stream, limits.thread_count(), at_once=True),
        limits=limits.of_child(file_bytes=0),
        clock=clock,
        on_line=on_line,
        confinement=Confinement(read=(source,)),
        env=FEW_HEAPS,
    )
