"""One sound track of a film: one ffmpeg, final segments while it still runs.

Sound is never encoded in chunks. An encoder begins each piece with priming and
ends it with padding; joined, fifteen chunks of a 30 s film had 395 ms of junk
(measured). Whole, it is cheap, and it is cut between packets on the grid of
the pictures; the edit list of its init segment keeps the priming exact.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from bijou.encoding.chunks.command import fragmented, true_path
from bijou.encoding.ffmpeg import FEW_HEAPS, failure, ffmpeg, input_options
from bijou.encoding.limits import EncodingLimits
from bijou.encoding.probe_child import SoundFacts
from bijou.encoding.recipes import Recipe, SoundRules
from bijou.encoding.recipes.recipe import pinned
from bijou.packaging import FinalSegment, SoundCutter, TrackHead
from bijou.ports import Clock
from bijou.runtime.children import Finished, run_child
from bijou.runtime.confinement import Confinement

T = TypeVar("T")

MAX_SOUNDS = 4
_AT_ONCE = 16
_FRAGMENT_US = 1_000_000
# The first pictures shall not wait for the last sound: what is heard at once, and then so many times
# real time. (Niceness is of no use: a session's processes compete with each other alone.)
_BURST_S, _RATE = 20, 20


class SoundSource(Struct, frozen=True):
    """What an encode of a sound track must know of it; travels in a task.

    Args:
        name: Of the rendition, such as `a128`.
        stream: Index in the file.
        start: When the film's first frame is shown, in seconds of the file, as
            two whole numbers.
        gain_db: Applied to every sample; 0 leaves them as they are.
    """

    name: str
    container: str
    stream: int
    start: tuple[int, int]
    language: str = "und"
    gain_db: float = 0.0


class SoundMade(Struct, frozen=True):
    """The next final segment of a sound track.

    Args:
        head: The same for all its segments.
    """

    head: TrackHead
    segment: FinalSegment


def sound_sources(
    container: str, start: tuple[int, int], sounds: Sequence[SoundFacts], recipe: Recipe
) -> list[SoundSource]:
    """Return the sound tracks of a film that are encoded, at most `MAX_SOUNDS`.

    Args:
        start: When the film's first frame is shown, in seconds of the file.
    """
    name = f"{recipe.audio.prefix}{recipe.audio.bps // 1000}"
    return [
        SoundSource(
            name=f"{name}-{number}" if number > 1 else name,
            container=container,
            stream=sound.index,
            start=start,
            language=sound.language,
        )
        for number, sound in enumerate(sounds[:MAX_SOUNDS], 1)
    ]


async def encode_audio(
    source: Path,
    sound: SoundSource,
    recipe: Recipe,
    *,
    grid: AsyncIterable[Fraction],
    folder: Path,
    limits: EncodingLimits,
    clock: Clock,
    tell: Callable[[float], None] = lambda _: None,
) -> AsyncGenerator[SoundMade, None]:
    """Yield a sound track's segments, each as soon as it is final.

    A rerun yields the same bytes under the same numbers. Sound that goes on
    when the pictures have ended is cut every 4 s. Close the iterator to end
    the encode early.

    Cost: one thread, 1 to 2 % of real time; scratch for the track's bytes.
    Threads: the main thread's event loop, as `run_child` asks.

    Args:
        grid: When segments of the pictures begin, in seconds of the film,
            rising; it may still be growing while the film is planned, and ends
            with the film.
        folder: Scratch; the caller's to empty.
        tell: Called now and then with how many seconds are encoded.

    Raises:
        InvalidRequest: the track cannot be decoded, see `failure`;
            `packaging.no_sound`, there is nothing in it.
        EngineUnavailable: see `failure`.
    """
    file = folder / f"{sound.name}.mp4"
    await asyncio.to_thread(file.touch)
    stir = _Stir()
    boundaries: list[Fraction] = []
    gathering = stir.after(asyncio.ensure_future(_gather(grid, boundaries, stir)))
    coding = stir.after(
        asyncio.ensure_future(_code(true_path(source), sound, recipe, file, limits, clock, stir))
    )
    with file.open("rb") as growing:
        cutter = SoundCutter(growing)
        try:
            while True:
                stir.event.clear()
                ended = _ended(gathering, coding)
                made = await asyncio.to_thread(cutter.take, tuple(boundaries), ended=ended, most=_AT_ONCE)
                tell(float(cutter.end_s))
                for segment in made:
                    assert cutter.head is not None
                    yield SoundMade(cutter.head, segment)
                if len(made) == _AT_ONCE:
                    continue
                if ended:
                    return
                await stir.event.wait()
        finally:
            gathering.cancel()
            coding.cancel()
            await asyncio.gather(gathering, coding, return_exceptions=True)
            file.unlink(missing_ok=True)


class _Stir:
    """Says that something has moved: sound was written, or the grid has grown."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def line(self, _: str) -> None:
        """Take progress of ffmpeg's; its time is counted from its first report, so it is no use."""
        self.event.set()

    def after(self, future: "asyncio.Future[T]") -> "asyncio.Future[T]":
        future.add_done_callback(lambda _: self.event.set())
        return future


async def _gather(grid: AsyncIterable[Fraction], boundaries: list[Fraction], stir: _Stir) -> None:
    async for boundary in grid:
        boundaries.append(boundary)
        stir.event.set()


def _ended(gathering: "asyncio.Future[None]", coding: "asyncio.Future[Finished]") -> bool:
    """Whether nothing more will come; raises what has gone wrong."""
    if gathering.done():
        gathering.result()
    if coding.done():
        finished = coding.result()
        if not finished.ok:
            raise failure(finished, "encoding its sound")
    return gathering.done() and coding.done()


async def _code(
    source: Path,
    sound: SoundSource,
    recipe: Recipe,
    file: Path,
    limits: EncodingLimits,
    clock: Clock,
    stir: _Stir,
) -> Finished:
    return await run_child(
        audio_argv(source, sound, recipe.audio, file),
        limits=limits.of_child(),
        clock=clock,
        on_line=stir.line,
        cwd=file.parent,
        confinement=Confinement(read=(source,), write=(file.parent,)),
        env=FEW_HEAPS,
    )


def audio_argv(source: Path, sound: SoundSource, rules: SoundRules, out: Path) -> list[str]:
    """Return ffmpeg's command line; progress goes to its standard output.

    The sound starts at the first frame's time: what lies before is cut, a gap
    is silence. Decoders and encoders of sound calculate in floating point, so
    the instruction set is pinned.
    """
    start_s = float(Fraction(*sound.start))
    filters = f"asetpts=PTS-({start_s:.9f})/TB,aresample={rules.hz}:async=1:first_pts=0"
    if sound.gain_db:
        filters += f",volume={sound.gain_db:.2f}dB"
    pin = pinned(rules.cpu)
    return [
        *ffmpeg(),
        *(("-cpuflags", pin) if pin else ()),
        *("-progress", "pipe:1", "-stats_period", "0.25"),
        *("-readrate_initial_burst", str(_BURST_S), "-readrate", str(_RATE)),
        *input_options(source, sound.container, 1),
        *("-map", f"0:{sound.stream}", "-af", filters, "-c:a", rules.encoder, "-b:a", str(rules.bps)),
        *("-ac", str(rules.channels), "-ar", str(rules.hz), "-threads", "1", *rules.options),
        *fragmented(out, "-frag_duration", str(_FRAGMENT_US)),
    ]
