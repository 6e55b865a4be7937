"""The facts of a stranger's file, or one sentence that says why it is refused."""

import asyncio
from array import array
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path

import msgspec

from bijou.catalog import AudioTrack, MediaInfo
from bijou.encoding.ffmpeg import FEW_HEAPS, failure
from bijou.encoding.frame_index import FrameIndex
from bijou.encoding.judging import judge, judge_sizes, judge_time
from bijou.encoding.limits import EncodingLimits
from bijou.encoding.media_facts import audio_track, caption_tracks, chapters_of, video_track
from bijou.encoding.probe_child import CaptionFacts, ChapterFacts, PictureFacts, SoundFacts
from bijou.encoding.prober import Prober
from bijou.encoding.sniffing import HEAD_BYTES, sniff
from bijou.encoding.source_loudness import measure_sounds
from bijou.encoding.structure import check_structure
from bijou.encoding.survey import Cadence, Survey, cadence, last_frame_s, sizes, survey_argv
from bijou.ports import Clock, InvalidRequest
from bijou.runtime.children import Limits, run_child
from bijou.runtime.confinement import Confinement

FALLBACK_RATE = Fraction(25)
_LAST_FRAMES = 10
_STAMPLESS = frozenset({"avi"})  # has no times of presentation; what demuxers say of it is a guess


class Look(msgspec.Struct, frozen=True):
    """What is known of a film whose packets were read, before it is decoded.

    Args:
        source: The file, by its true name.
        sounds: The streams that will be encoded, in the file's order.
        index: Of all frames; empty where only the headers were read.
        claimed_s: The length that the header claims; believed in nothing else
            than `media` of a look at headers.
    """

    source: Path
    container: str
    size_bytes: int
    picture: PictureFacts
    sounds: list[SoundFacts]
    captions: list[CaptionFacts]
    chapters: list[ChapterFacts]
    index: FrameIndex
    claimed_s: float

    def media(self) -> MediaInfo:
        """Return what everybody may know, all but the shots and the loudness."""
        return self.described(self.index, cadence(self.index.ticks, self.index.tick, FALLBACK_RATE))

    def described(self, index: FrameIndex, rhythm: Cadence) -> MediaInfo:
        """Return the same for other frames, such as those that a decoder gave."""
        duration_s, first_s = self.claimed_s, Fraction(self.picture.first) * index.tick
        if index.ticks:
            ends_s = index.last_times_s(_LAST_FRAMES)
            last_s = float(self.picture.last_ticks * index.tick)
            duration_s = ends_s[-1] + last_frame_s(ends_s, last_s, rhythm.rate)
            first_s = index.ticks[0] * index.tick
        return MediaInfo(
            container=self.container,
            duration_s=round(duration_s, 6),
            size_bytes=self.size_bytes,
            video=[video_track(self.picture, rhythm, len(index.ticks), len(index.keys))],
            audio=[audio_track(sound) for sound in self.sounds],
            captions=caption_tracks(self.captions, self.picture),
            chapters=chapters_of(self.chapters, first_s, duration_s),
        )


class Film(msgspec.Struct, frozen=True):
    """All that is known of a film before it is encoded.

    Args:
        source: The file, by its true name.
        media: What everybody may know.
        sounds: The streams that will be encoded, in the file's order.
        ticks: Time of each frame, in units of `tick`.
        index: The same times, and the key frames of the source among them.
        captions: The caption streams in the file.
    """

    source: Path
    media: MediaInfo
    container: str
    picture: PictureFacts
    sounds: list[SoundFacts]
    tick: Fraction
    ticks: "array[int]"
    cadence: Cadence
    index: FrameIndex
    captions: list[CaptionFacts] = []


async def inspect(
    path: Path, *, limits: EncodingLimits, clock: Clock, prober: Prober | None = None, loudness: bool = False
) -> MediaInfo:
    """Look into a file, in confined children, and return its facts.

    Everything is found by reading packets and decoding; headers are believed
    in nothing. Cost: the file is read three times and decoded once, and its
    sound once more where the loudness is asked for; memory here for 40 bytes
    a frame.

    Args:
        path: A local file; nothing is said of it by its name.
        prober: Spares the 0.2 s that starting one takes.

    Raises:
        InvalidRequest: the file is refused; the sentence says what it is and
            what the rule is. The codes are those of `sniff` and
            `check_structure`, and `encoding.audio_only`, `.no_picture`,
            `.unreadable`, `.unsupported_codec`, `.dimensions`, `.duration`,
            `.frame_rate`, `.undecodable`, `.shape_changes`,
            `.inspection_crashed`, `.inspection_timed_out`.
        EngineUnavailable: `encoding.crashed`, `encoding.no_prober` and what
            `failure` says; another attempt may help.
    """
    return (await examine(path, limits=limits, clock=clock, prober=prober, loudness=loudness)).media


async def examine(
    path: Path,
    *,
    limits: EncodingLimits,
    clock: Clock,
    tell: Callable[[float], None] = lambda _: None,
    prober: Prober | None = None,
    loudness: bool = False,
) -> Film:
    """Do what `inspect` does, and keep what an encode needs.

    Args:
        tell: Called now and then with the share of the film that was read.
    """
    seen = await look_into(path, limits=limits, clock=clock, prober=prober)
    survey = Survey(seen.picture.packets, tell)
    resized = await run_survey(seen, survey, limits, clock)
    index = seen.index.over(survey.ticks)
    rhythm = cadence(index.ticks, index.tick, FALLBACK_RATE)
    media = seen.described(index, rhythm)
    judge_time(media.duration_s, rhythm.rate, len(index.ticks), limits)
    media = msgspec.structs.replace(
        media,
        video=[msgspec.structs.replace(media.video[0], resized=resized)],
        audio=await _heard(media, seen, limits, clock) if loudness else media.audio,
        cuts_s=survey.cuts_s(index.tick),
    )
    return Film(
        source=seen.source,
        media=media,
        container=seen.container,
        picture=seen.picture,
        sounds=seen.sounds,
        tick=index.tick,
        ticks=index.ticks,
        cadence=rhythm,
        index=index,
        captions=seen.captions,
    )


async def look_into(
    path: Path, *, limits: EncodingLimits, clock: Clock, prober: Prober | None = None, frames: bool = True
) -> Look:
    """Read a file's packets, and decode nothing but the first picture.

    Cost: the file is read once, its headers alone without `frames`; for 30 s
    at 480p some 20 ms of CPU, or 15 ms.

    Args:
        frames: Whether to read all packets, for the times of all frames.

    Raises:
        InvalidRequest, EngineUnavailable: see `inspect`.
    """
    source, container, size_bytes = await asyncio.to_thread(_open, path)
    async with _at_hand(prober, limits, clock) as ready:
        facts = await ready.facts(source, container, frames=frames)
    picture = judge(facts, limits)
    marks = array("q", picture.marks) if frames else array("q")
    stamped = picture.stamped and container not in _STAMPLESS
    return Look(
        source=source,
        container=container,
        size_bytes=size_bytes,
        picture=msgspec.structs.replace(picture, marks=b""),
        sounds=[sound for sound in facts.sounds if sound.packets or not frames],
        captions=facts.captions,
        chapters=facts.chapters,
        index=FrameIndex.of(marks, Fraction(*picture.tick), stamped=stamped),
        claimed_s=facts.claimed_us / 1e6,
    )


async def run_survey(seen: Look, survey: Survey, limits: EncodingLimits, clock: Clock) -> bool:
    """Decode a film once, for `survey` to see every frame; tell whether the picture's size changes.

    Raises:
        InvalidRequest, EngineUnavailable: see `inspect`.
    """
    picture = seen.picture
    duration_s = float((picture.last - picture.first) * Fraction(*picture.tick))
    wall_s = min(limits.child_wall_s, limits.probe_wall_s + 4 * duration_s)
    finished = await run_child(
        survey_argv(seen.source, seen.container, picture.index, limits.thread_count()),
        limits=Limits(
            wall_s=wall_s, cpu_s=limits.child_wall_s, memory_bytes=limits.child_memory_bytes, file_bytes=0
        ),
        clock=clock,
        on_line=survey.line,
        confinement=Confinement(read=(seen.source,)),
        env=FEW_HEAPS,
    )
    if finished.timed_out:
        raise InvalidRequest(
            "encoding.inspection_timed_out",
            f"reading the file took longer than {finished.wall_s:.0f} s, the limit of this service",
        )
    if not finished.ok:
        raise failure(finished, "decoding it once to find its frames")
    if 2 * len(survey.ticks) < picture.packets:
        raise InvalidRequest(
            "encoding.undecodable",
            f"the film is damaged: of {picture.packets} frames only {len(survey.ticks)} can be decoded",
        )
    return bool(survey.changes) and judge_sizes((picture.width, picture.height), sizes(finished.last_words))


def _open(path: Path) -> tuple[Path, str, int]:
    """Sniff and check the structure; return the file itself, the container and the size."""
    with path.open("rb") as file:
        container = sniff(file.read(HEAD_BYTES))
        check_structure(file, container)
        return path.resolve(), container, file.seek(0, 2)


@asynccontextmanager
async def _at_hand(prober: Prober | None, limits: EncodingLimits, clock: Clock) -> AsyncIterator[Prober]:
    """Give the caller's prober, or one for this file alone."""
    if prober is not None:
        yield prober
        return
    async with Prober(limits=limits, clock=clock) as own:
        yield own


async def _heard(media: MediaInfo, seen: Look, limits: EncodingLimits, clock: Clock) -> list[AudioTrack]:
    """Return the sound tracks with what was measured of them."""
    found = await measure_sounds(seen.source, seen.container, seen.sounds, limits=limits, clock=clock)
    return [
        msgspec.structs.replace(track, loudness=found.get(sound.index))
        for track, sound in zip(media.audio, seen.sounds, strict=True)
    ]
