"""The facts of a stranger's file, or one sentence that says why it is refused."""

import asyncio
import sys
from array import array
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import msgspec

from bijou.catalog import AudioTrack, MediaInfo, VideoTrack
from bijou.encoding import probe_child
from bijou.encoding.ffmpeg import FEW_HEAPS, failure
from bijou.encoding.limits import EncodingLimits
from bijou.encoding.probe_child import AUDIO_CODECS, VIDEO_CODECS, Facts, PictureFacts, SoundFacts
from bijou.encoding.sniffing import HEAD_BYTES, sniff
from bijou.encoding.structure import check_structure
from bijou.encoding.survey import Cadence, Survey, cadence, last_frame_s, survey_argv
from bijou.ports import Clock, InvalidRequest
from bijou.runtime.children import Finished, Limits, run_child
from bijou.runtime.confinement import Confinement, interpreter

PQ, HLG = 16, 18
FALLBACK_RATE = Fraction(25)


class Film(msgspec.Struct, frozen=True):
    """All that is known of a film before it is encoded.

    Args:
        source: The file, by its true name.
        media: What everybody may know.
        sounds: The streams that will be encoded, in the file's order.
        ticks: Time of each frame, in units of `tick`.
        face: Number of the frame that stands for the film.
    """

    source: Path
    media: MediaInfo
    container: str
    picture: PictureFacts
    sounds: list[SoundFacts]
    tick: Fraction
    ticks: "array[int]"
    cadence: Cadence
    face: int

    def times_s(self) -> list[float]:
        """Return when each frame is shown, the first at 0."""
        return [float((moment - self.ticks[0]) * self.tick) for moment in self.ticks]


async def inspect(path: Path, *, limits: EncodingLimits, clock: Clock) -> MediaInfo:
    """Look into a file, in confined children, and return its facts.

    Everything is found by reading packets and decoding; headers are believed
    in nothing. Cost: the file is read three times and decoded once; memory
    here for 16 bytes a frame.

    Args:
        path: A local file; nothing is said of it by its name.

    Raises:
        InvalidRequest: the file is refused; the sentence says what it is and
            what the rule is. The codes are those of `sniff` and
            `check_structure`, and `encoding.audio_only`, `.no_picture`,
            `.unreadable`, `.unsupported_codec`, `.dimensions`, `.duration`,
            `.frame_rate`, `.undecodable`, `.inspection_crashed`,
            `.inspection_timed_out`.
    """
    return (await examine(path, limits=limits, clock=clock)).media


async def examine(
    path: Path, *, limits: EncodingLimits, clock: Clock, tell: Callable[[float], None] = lambda _: None
) -> Film:
    """Do what `inspect` does, and keep what an encode needs.

    Args:
        tell: Called now and then with the share of the film that was read.
    """
    source, container, size_bytes = await asyncio.to_thread(_open, path)
    facts = await _probe(source, container, limits, clock)
    picture = judge(facts, limits)
    survey = Survey(picture.packets, tell)
    await _survey(source, container, picture, survey, limits, clock)
    tick = Fraction(*picture.tick)
    rhythm = cadence(survey.ticks, tick, FALLBACK_RATE)
    times_s = survey.times_s(tick)
    duration_s = times_s[-1] + last_frame_s(times_s, float(picture.last_ticks * tick), rhythm.rate)
    judge_time(duration_s, rhythm.rate, len(times_s), limits)
    sounds = [sound for sound in facts.sounds if sound.packets]
    media = MediaInfo(
        container=container,
        duration_s=round(duration_s, 6),
        size_bytes=size_bytes,
        video=[_video(picture, rhythm, len(times_s))],
        audio=[AudioTrack(s.codec, s.sample_rate, s.channels, s.language) for s in sounds],
        cuts_s=survey.cuts_s(tick),
    )
    return Film(source, media, container, picture, sounds, tick, survey.ticks, rhythm, survey.face())


def judge(facts: Facts, limits: EncodingLimits) -> PictureFacts:
    """Return the picture stream to encode, or refuse the file.

    Raises:
        InvalidRequest: see `inspect`.
    """
    if not facts.pictures:
        raise _no_picture(facts)
    picture = facts.pictures[0]
    _judge_codecs(picture, facts.sounds)
    if not picture.packets:
        raise InvalidRequest("encoding.no_picture", "the file has a picture stream without a single frame")
    _judge_dimensions(picture, limits)
    if not picture.decoded:
        raise InvalidRequest(
            "encoding.undecodable",
            f"the file is damaged: no frame of its {picture.codec} picture can be decoded",
        )
    duration_s = float((picture.last - picture.first) * Fraction(*picture.tick))
    _judge_duration(duration_s, limits)
    return picture


def judge_time(duration_s: float, rate: Fraction, frames: int, limits: EncodingLimits) -> None:
    """Refuse a film that is too long, or whose frames come faster than any screen."""
    _judge_duration(duration_s, limits)
    if frames > 1 and rate > limits.max_frame_rate:
        raise InvalidRequest(
            "encoding.frame_rate",
            f"the film has {float(rate):.6g} frames a second; at most {limits.max_frame_rate:g} are encoded",
        )


def _judge_duration(duration_s: float, limits: EncodingLimits) -> None:
    if duration_s > limits.max_duration_s:
        raise InvalidRequest(
            "encoding.duration",
            f"the film's frames span {duration_s:.0f} s; at most {limits.max_duration_s:.0f} s are encoded",
        )


def _judge_codecs(picture: PictureFacts, sounds: list[SoundFacts]) -> None:
    for what, codec, known in (
        ("picture", picture.codec, VIDEO_CODECS),
        *(("sound", sound.codec, AUDIO_CODECS) for sound in sounds if sound.packets),
    ):
        if codec not in known:
            raise InvalidRequest(
                "encoding.unsupported_codec",
                f"the {what} is coded as {codec or 'something unknown'}; known are {_names(known)}",
            )


def _judge_dimensions(picture: PictureFacts, limits: EncodingLimits) -> None:
    width, height = picture.width, picture.height
    if min(width, height) < limits.min_side_px or width * height > limits.max_pixels:
        raise InvalidRequest(
            "encoding.dimensions",
            f"the picture is {width}x{height}; each side must have at least {limits.min_side_px} pixels,"
            f" and both together at most {limits.max_pixels}",
        )


def _no_picture(facts: Facts) -> InvalidRequest:
    if facts.sounds:
        return InvalidRequest(
            "encoding.audio_only", "the file is sound without a picture; a film has both, or a picture alone"
        )
    if facts.problem:
        return InvalidRequest(
            "encoding.unreadable",
            "the file begins like a film, but what follows makes no sense; it is damaged",
        )
    return InvalidRequest("encoding.no_picture", "the file holds no moving picture")


def _names(codecs: tuple[str, ...]) -> str:
    return ", ".join(codec for codec in codecs if not codec.startswith("lib") and not codec.endswith("float"))


def _open(path: Path) -> tuple[Path, str, int]:
    """Sniff and check the structure; return the file itself, the container and the size."""
    with path.open("rb") as file:
        container = sniff(file.read(HEAD_BYTES))
        check_structure(file, container)
        return path.resolve(), container, file.seek(0, 2)


async def _probe(source: Path, container: str, limits: EncodingLimits, clock: Clock) -> Facts:
    argv = [sys.executable, "-I", probe_child.__file__, str(source), container, str(limits.max_pixels)]
    lines: list[str] = []
    finished = await run_child(
        argv,
        limits=Limits(wall_s=limits.probe_wall_s, memory_bytes=limits.probe_memory_bytes, file_bytes=0),
        clock=clock,
        on_line=lines.append,
        confinement=Confinement(read=(source, *interpreter())),
    )
    if finished.timed_out:
        raise _timed_out(finished)
    if not finished.ok or not lines:
        raise InvalidRequest(
            "encoding.inspection_crashed",
            f"reading the file broke the program that reads it ({_end(finished)});"
            " the file is damaged or made to do harm",
        )
    return msgspec.json.decode(lines[0], type=Facts)


async def _survey(
    source: Path, container: str, picture: PictureFacts, survey: Survey, limits: EncodingLimits, clock: Clock
) -> None:
    duration_s = float((picture.last - picture.first) * Fraction(*picture.tick))
    finished = await run_child(
        survey_argv(source, container, picture, limits.thread_count()),
        limits=Limits(
            wall_s=min(limits.child_wall_s, limits.probe_wall_s + 4 * duration_s),
            cpu_s=limits.child_wall_s,
            memory_bytes=limits.child_memory_bytes,
            file_bytes=0,
        ),
        clock=clock,
        on_line=survey.line,
        confinement=Confinement(read=(source,)),
        env=FEW_HEAPS,
    )
    if finished.timed_out:
        raise _timed_out(finished)
    if not finished.ok:
        raise failure(finished, "decoding it once to find its frames")
    if 2 * len(survey.ticks) < picture.packets:
        raise InvalidRequest(
            "encoding.undecodable",
            f"the film is damaged: of {picture.packets} frames only {len(survey.ticks)} can be decoded",
        )


def _timed_out(finished: Finished) -> InvalidRequest:
    return InvalidRequest(
        "encoding.inspection_timed_out",
        f"reading the file took longer than {finished.wall_s:.0f} s, the limit of this service",
    )


def _end(finished: Finished) -> str:
    return f"signal {finished.signal}" if finished.signal else f"exit code {finished.code}"


def _video(picture: PictureFacts, rhythm: Cadence, frames: int) -> VideoTrack:
    return VideoTrack(
        codec=picture.codec,
        width=picture.width,
        height=picture.height,
        frame_rate=str(rhythm.rate),
        frames=frames,
        variable_frame_rate=rhythm.variable,
        rotation_degrees=picture.rotation_degrees,
        pixel_format=picture.pixel_format,
        hdr=picture.transfer in {PQ, HLG},
        interlaced=picture.interlaced,
    )
