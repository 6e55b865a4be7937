"""One chunk at one rendition: ffmpeg on a leash, then the final segments."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from bijou.encoding.chunks.command import Piece, chunk_argv, pieces, true_path, written_times
from bijou.encoding.chunks.model import ChunkMade, ChunkWork
from bijou.encoding.ffmpeg import FEW_HEAPS, failure
from bijou.encoding.limits import EncodingLimits
from bijou.encoding.recipes import Recipe
from bijou.packaging import ChunkTimes, FinalSegment, TrackHead, chunk_segments
from bijou.ports import BijouBug, Clock, InvalidRequest
from bijou.runtime.children import Finished, run_child
from bijou.runtime.confinement import Confinement


async def encode_chunk(
    source: Path,
    work: ChunkWork,
    recipe: Recipe,
    *,
    folder: Path,
    limits: EncodingLimits,
    clock: Clock,
    tell: Callable[[int], None] = lambda _: None,
) -> ChunkMade:
    """Encode one chunk at one rendition into segments that are final.

    The same source, work, recipe and build of ffmpeg give the same bytes,
    wherever, whenever and beside whatever it runs. Every frame's time is
    checked against the plan; where seeking in the file has led elsewhere, the
    chunk is decoded once more from the film's start.

    Cost: one thread; scratch and memory for the chunk's bytes.
    Threads: call it on the main thread's event loop, as `run_child` asks.

    Args:
        source: The local file that was planned.
        folder: Scratch; the caller's to empty.
        tell: Called now and then with the number of frames that are encoded.

    Raises:
        InvalidRequest: the film cannot be decoded here; see `failure`.
        EngineUnavailable: `encoding.disk_full`, `.out_of_memory` or
            `.crashed`; another attempt may help.
        BijouBug: `encoding.frames_lost`, what came out is not what was planned.
    """
    maker = _Maker(true_path(source), work, recipe, folder, limits, clock, tell)
    try:
        return await maker.make(whole=False)
    except InvalidRequest as error:
        if error.code != "packaging.frames_differ" or not work.chunk.first_frame:
            raise _ours(error) from error
    try:
        return await maker.make(whole=True)
    except InvalidRequest as error:
        raise _ours(error) from error


class _Maker:
    """The pieces of one chunk, one after the other."""

    def __init__(
        self,
        source: Path,
        work: ChunkWork,
        recipe: Recipe,
        folder: Path,
        limits: EncodingLimits,
        clock: Clock,
        tell: Callable[[int], None],
    ) -> None:
        self._source = source
        self._work = work
        self._recipe = recipe
        self._folder = folder
        self._limits = limits
        self._clock = clock
        self._tell = tell
        self._done_frames = 0

    async def make(self, *, whole: bool) -> ChunkMade:
        self._done_frames = 0
        heads: list[TrackHead] = []
        segments: list[FinalSegment] = []
        cpu_s = wall_s = 0.0
        for number, piece in enumerate(pieces(self._work.chunk, self._recipe.video)):
            file = self._folder / f"{self._work.rung.name}.{self._work.chunk.index}.{number}.mp4"
            try:
                finished = await self._encode(piece, file, whole=whole)
                head, made = await asyncio.to_thread(self._cut, piece, file, len(segments))
            finally:
                file.unlink(missing_ok=True)
            heads.append(head)
            segments += made
            cpu_s, wall_s = cpu_s + finished.cpu_s, wall_s + finished.wall_s
            self._done_frames += piece.frames
        if len({head.sha256 for head in heads}) != 1:
            raise BijouBug(
                "encoding.heads_differ",
                f"{self._recipe.video.encoder} gave segments of one chunk different init segments",
            )
        return ChunkMade(heads[0], segments, cpu_s, wall_s)

    async def _encode(self, piece: Piece, file: Path, *, whole: bool) -> Finished:
        argv = chunk_argv(self._source, self._work, self._recipe, piece, file, whole=whole)
        finished = await run_child(
            argv,
            limits=self._limits.of_child(),
            clock=self._clock,
            on_line=self._line,
            cwd=self._folder,
            confinement=Confinement(read=(self._source,), write=(self._folder,)),
            env=FEW_HEAPS,
        )
        if not finished.ok:
            raise failure(finished, f"encoding chunk {self._work.chunk.index}")
        return finished

    def _line(self, text: str) -> None:
        name, _, value = text.partition("=")
        if name == "frame":
            self._tell(min(self._work.chunk.frames, self._done_frames + int(value)))

    def _cut(self, piece: Piece, file: Path, made: int) -> tuple[TrackHead, list[FinalSegment]]:
        chunk = self._work.chunk
        durations, picture = chunk.durations(), self._work.picture
        frame_ticks = picture.frame_ticks or round(picture.frame_s * picture.per_s)
        times = ChunkTimes(
            timescale=picture.per_s,
            start=chunk.start + sum(durations[: piece.first]),
            durations=durations[piece.first : piece.first + piece.frames],
            firsts=piece.segments,
            number=chunk.first_number + made,
            delay=self._recipe.video.reordered_frames * frame_ticks,
        )
        with file.open("rb") as content:
            return chunk_segments(content, times, written_times(self._work, self._recipe.video, piece))


def _ours(error: InvalidRequest) -> Exception:
    """What packaging finds wrong in our own encode is no fault of the film's."""
    if error.code.startswith("packaging."):
        return BijouBug("encoding.frames_lost", f"a chunk was not encoded as planned: {error.detail}")
    return error
