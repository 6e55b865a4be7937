"""The facts of a source, found once and quickly: nothing waits for a whole decode.

Packets tell when frames are shown; where the first one really is, only a
decoder knows (an edit list may skip some, a broken start others), so one
picture is decoded. Files whose packets carry no time of presentation are
decoded from end to end, and their first chunk waits for that.
"""

import asyncio
from bisect import bisect_left
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from msgspec.structs import replace

from bijou.encoding.audio_track import MAX_SOUNDS, sound_sources
from bijou.encoding.chunks import picture_source
from bijou.encoding.chunks.command import true_path
from bijou.encoding.encryption import packager_path
from bijou.encoding.ffmpeg import FEW_HEAPS, ONLY_ADVANCING, failure, ffmpeg, input_options
from bijou.encoding.frame_index import FrameIndex
from bijou.encoding.inspection import FALLBACK_RATE, Film, Look, examine, look_into
from bijou.encoding.judging import judge_time
from bijou.encoding.labels import track_label
from bijou.encoding.presentation import seen_size
from bijou.encoding.prober import Prober
from bijou.encoding.recipes import engine_id, recipe
from bijou.encoding.survey import cadence, shown_at
from bijou.encoding.titles.facts import Edition, FilmFacts, Rendering, SoundTrack
from bijou.encoding.titles.graph import TitleWork, after_inspection
from bijou.encoding.titles.hold import Hold, Made
from bijou.encoding.titles.workshop import Workshop, sha256_of
from bijou.packaging import language_tag
from bijou.ports import InvalidRequest, Task
from bijou.runtime import codec
from bijou.runtime.children import Limits, run_child
from bijou.runtime.confinement import Confinement


class Inspecting:
    """Executor of `inspect`."""

    def __init__(self, shop: Workshop, prober: Prober) -> None:
        self._shop = shop
        self._prober = prober

    async def __call__(self, task: Task, hold: Hold) -> Made:
        """Take the facts, and say what follows from them."""
        work = codec.decode(task.payload, TitleWork)
        if work.encrypt:
            packager_path()
        engine = asyncio.ensure_future(asyncio.to_thread(engine_id))
        if work.base:
            edition = await self._shop.edition(work.asset, work.base.version)
            if work.encrypt != (edition.protection is not None):
                raise InvalidRequest(
                    "encoding.bad_version",
                    f"{work.asset} is {'encrypted' if edition.protection else 'in the clear'};"
                    " a later version is what the first one is",
                )
            facts = replace(edition.facts, engine=await engine)
        else:
            async with self._shop.source(work.source) as source:
                hold.say(0.1, "reads its packets")
                film = await self._film(source)
            edition = None
            facts = _facts(film, await engine)
        facts = replace(facts, renderings=renderings(work, facts, edition))
        result = codec.encode(facts)
        return Made(sha256_of(result), result, after_inspection(work, facts))

    async def _film(self, source: Path) -> Film:
        shop = self._shop
        seen = await look_into(source, limits=shop.limits, clock=shop.clock, prober=self._prober)
        film = await self._quickly(seen) if seen.index.exact else None
        if film is None:
            film = await examine(source, limits=shop.limits, clock=shop.clock, prober=self._prober)
        judge_time(film.media.duration_s, film.cadence.rate, len(film.ticks), shop.limits)
        return film

    async def _quickly(self, seen: Look) -> Film | None:
        """What the packets say, from the first frame that a decoder gives; None where they disagree."""
        shown = await self._first_shown(seen)
        at = bisect_left(seen.index.ticks, shown)
        if seen.index.ticks[at : at + 1].tolist() != [shown]:
            return None
        ticks = seen.index.ticks[at:]
        index = replace(seen.index, exact=True).over(ticks)
        rhythm = cadence(index.ticks, index.tick, FALLBACK_RATE)
        return Film(
            source=seen.source,
            media=seen.described(index, rhythm),
            container=seen.container,
            picture=seen.picture,
            sounds=seen.sounds,
            tick=index.tick,
            ticks=index.ticks,
            cadence=rhythm,
            index=index,
            captions=seen.captions,
        )

    async def _first_shown(self, seen: Look) -> int:
        """The time stamp of the first frame that can be decoded."""
        stamps: list[int] = []
        limits, source = self._shop.limits, true_path(seen.source)

        def line(text: str) -> None:
            if (moment := shown_at(text)) is not None:
                stamps.append(moment)

        finished = await run_child(
            first_frame_argv(source, seen.container, seen.picture.index),
            limits=Limits(
                wall_s=limits.probe_wall_s,
                cpu_s=limits.probe_wall_s,
                memory_bytes=limits.child_memory_bytes,
                file_bytes=0,
            ),
            clock=self._shop.clock,
            on_line=line,
            confinement=Confinement(read=(source,)),
            env=FEW_HEAPS,
        )
        if not finished.ok:
            raise failure(finished, "decoding its first frame")
        if not stamps:
            raise InvalidRequest(
                "encoding.undecodable",
                f"the file is damaged: no frame of its {seen.picture.codec} picture can be decoded",
            )
        return stamps[0]


def first_frame_argv(source: Path, container: str, stream: int) -> list[str]:
    """Return the command that tells on standard output when the first frame is shown."""
    return [
        *ffmpeg(),
        *("-skip_loop_filter", "all", "-noautorotate"),
        *input_options(source, container, 1),
        *("-map", f"0:{stream}", "-frames:v", "1"),
        *("-vf", f"{ONLY_ADVANCING},scale=32:32,format=gray,scdet,metadata=print:file=-:direct=1"),
        *("-fps_mode", "passthrough", "-f", "null", "-"),
    ]


def _facts(film: Film, engine: str) -> FilmFacts:
    start = film.ticks[0] * film.tick
    picture = replace(picture_source(film), longest_group_s=longest_group_s(film.index))
    return FilmFacts(
        media=film.media,
        picture=picture,
        size=seen_size(film),
        start=(start.numerator, start.denominator),
        packets=len(film.ticks),
        engine=engine,
        captions=tuple(film.captions),
        streams=tuple(film.sounds[:MAX_SOUNDS]),
        renderings=(),
    )


def longest_group_s(index: FrameIndex) -> float:
    """Return the longest time from one key frame to the next, or to the end.

    Example:
        >>> longest_group_s(FrameIndex.of([1, 2, 4, 7, 8, 10], Fraction(1, 2)))
        1.5
    """
    moments = [index.ticks[key] for key in index.keys]
    edges = pairwise([*moments, index.ticks[-1]])
    return float(max((after - before for before, after in edges), default=0) * index.tick)


def renderings(work: TitleWork, facts: FilmFacts, base: Edition | None) -> tuple[Rendering, ...]:
    """Return what each recipe makes; no rendition twice, and none that stands already.

    Raises:
        InvalidRequest: `encoding.beyond_codec`; `encoding.nothing_to_add`.
    """
    taken = {one.name for one in base.renditions} if base else set()
    made = []
    for name in work.recipes:
        rendering = _rendering(name, facts)
        rungs = tuple(rung for rung in rendering.rungs if rung.name not in taken)
        sounds = tuple(sound for sound in rendering.sounds if sound.source.name not in taken)
        taken |= {rung.name for rung in rungs} | {sound.source.name for sound in sounds}
        if rungs or sounds:
            made.append(Rendering(name, rungs, sounds))
    if not made:
        raise InvalidRequest(
            "encoding.nothing_to_add",
            f"all that {', '.join(work.recipes)} would make of {work.asset} stands already",
        )
    return tuple(made)


def _rendering(name: str, facts: FilmFacts) -> Rendering:
    made_by = recipe(name)
    rungs = made_by.ladder(*facts.size, float(Fraction(*facts.picture.rate)))
    sources = sound_sources(facts.picture.container, facts.start, facts.streams, made_by)
    sounds = [
        SoundTrack(
            replace(source, language=language_tag(found.language)),
            place,
            track_label(found.language, found.title),
        )
        for place, (source, found) in enumerate(zip(sources, facts.streams, strict=True))
    ]
    return Rendering(name, tuple(rungs), tuple(sounds))
