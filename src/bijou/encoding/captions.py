"""Captions that came inside the film's file: taken out, read, named.

Text only: captions that are pictures (of discs and broadcasts) are left where
they are. The pinned ffmpeg reads the stranger's file in a confined child, and
what it writes is read as strictly as an uploaded file.
"""

import asyncio
import shutil
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import count
from pathlib import Path

from msgspec import Struct

from bijou.encoding.ffmpeg import FEW_HEAPS, failure, ffmpeg, input_options
from bijou.encoding.labels import track_label
from bijou.encoding.limits import EncodingLimits
from bijou.encoding.probe_child import CaptionFacts
from bijou.packaging import (
    MOST_CAPTION_BYTES,
    WHOLE_CAPTIONS,
    Captions,
    Subtitles,
    caption_segment_name,
    caption_segments,
    captions_playlist,
    language_name,
    language_tag,
    read_captions,
    write_webvtt,
)
from bijou.ports import BijouError, Clock, InvalidRequest
from bijou.runtime.children import run_child
from bijou.runtime.confinement import Confinement
from bijou.runtime.logs import get_logger

MAX_CAPTIONS = 32
_KINDS = frozenset({"forced", "sdh", "cc"})
TEXT_CODECS = ("subrip", "srt", "webvtt", "mov_text", "ass", "ssa", "text")

_PLAYLIST = "playlist.m3u8"

_log = get_logger("bijou.encoding")


class NamedCaptions(Struct, frozen=True):
    """The captions of one language, ready to be written.

    Args:
        name: Of their folder in a package, unique there: `t-en`, `t-en-2`.
        language: BCP 47, or empty where it is not known.
        label: What viewers are shown; unique in a title.
    """

    name: str
    language: str
    label: str
    captions: Captions
    forced: bool = False
    hearing_impaired: bool = False

    def subtitles(self) -> Subtitles:
        """Return how playlists name them."""
        return Subtitles(
            name=self.label,
            language=self.language,
            playlist=f"{self.name}/{_PLAYLIST}",
            file=f"{self.name}/{WHOLE_CAPTIONS}",
            forced=self.forced,
            hearing_impaired=self.hearing_impaired,
        )


class CaptionSource(Struct, frozen=True):
    """One file of captions as people bring it, or as it comes out of a film.

    Args:
        said_language: BCP 47 or ISO 639-2, or `und`.
        title: What its maker called it, or empty.
    """

    captions: Captions
    said_language: str = "und"
    title: str = ""
    forced: bool = False
    hearing_impaired: bool = False


async def extract_captions(
    source: Path,
    container: str,
    streams: Sequence[CaptionFacts],
    *,
    start_s: Fraction,
    folder: Path,
    limits: EncodingLimits,
    clock: Clock,
) -> list[CaptionSource]:
    """Take the text captions out of a film's file; those that make no sense are left out.

    Cost: the file is read once more where there are any.

    Args:
        source: The file, by its true name.
        streams: As inspection found them; pictures among them are passed over.
        start_s: When the film's first frame is shown by the file's clock.
        folder: Scratch; what is written there is removed again.

    Raises:
        EngineUnavailable: `encoding.disk_full`, `.out_of_memory`, `.crashed`.
    """
    wanted = [one for one in streams if one.text and one.codec in TEXT_CODECS][:MAX_CAPTIONS]
    if not wanted:
        return []
    scratch = folder / "captions"
    await asyncio.to_thread(scratch.mkdir)
    try:
        await _extract(source, container, wanted, scratch, limits, clock)
        found = [await asyncio.to_thread(_read, scratch, one, start_s) for one in wanted]
    except InvalidRequest as refused:
        _log.warning("captions.left_out", code=refused.code, detail=refused.detail)
        return []
    finally:
        await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)
    return [one for one in found if one]


def side_captions(content: bytes, filename: str) -> CaptionSource:
    r"""Read a file of captions that was brought beside a film.

    Its name says what players' users are used to: `film.pt-BR.srt`,
    `film.en.forced.srt`, `film.de.sdh.vtt`.

    Raises:
        InvalidRequest: see `read_captions`.

    Example:
        >>> words = b"WEBVTT\n\n00:01.000 --> 00:02.000\nHm\n"
        >>> for name in ("Part 2.ger.forced.vtt", "film.en.hi.vtt", "film.hi.vtt", "film.the.vtt"):
        ...     found = side_captions(words, name)
        ...     print(found.said_language, found.forced, found.hearing_impaired)
        de True False
        en False True
        hi False False
        und False False
    """
    words = filename.lower().split(".")[1:-1]
    kinds: set[str] = set()
    while words and (words[-1] in _KINDS or (words[-1] == "hi" and _known(words[-2:-1]))):
        kinds.add(words.pop())
    heard = bool(kinds - {"forced"})
    return CaptionSource(read_captions(content), _known(words[-1:]) or "und", "", "forced" in kinds, heard)


def _known(word: Sequence[str]) -> str:
    """Return the tag of a language that has a name here, or nothing."""
    tag = language_tag(word[0]) if word else ""
    return tag if language_name(tag) != tag else ""


def name_captions(sources: Sequence[CaptionSource]) -> list[NamedCaptions]:
    """Name captions, of whatever origin, so that folders and labels are unique.

    Example:
        >>> from bijou.packaging import Cue
        >>> said = Captions((Cue(0, 1000, "Hm"),))
        >>> said = CaptionSource(said, "ger"), CaptionSource(said, "de", forced=True), CaptionSource(said)
        >>> [(track.name, track.label) for track in name_captions(said)]
        [('t-de', 'Deutsch'), ('t-de-2', 'Deutsch (forced)'), ('t-und', 'Captions')]
    """
    tracks: list[NamedCaptions] = []
    names: set[str] = set()
    labels: set[str] = set()
    for source in sources:
        language = language_tag(source.said_language)
        name = next(name for name in _numbered(f"t-{language or 'und'}", "-") if name not in names)
        label = next(label for label in _numbered(_label(source), " ") if label not in labels)
        names.add(name)
        labels.add(label)
        tracks.append(
            NamedCaptions(name, language, label, source.captions, source.forced, source.hearing_impaired)
        )
    return tracks


def write_captions(
    tracks: Sequence[NamedCaptions],
    boundaries_s: Sequence[Fraction | float],
    end_s: Fraction | float,
    folder: Path,
) -> list[Subtitles]:
    """Write each track's segments, playlist and whole file under `folder`.

    Captions whose segments would be too large are left out.

    Args:
        boundaries_s: The grid of all renditions.
        end_s: When the film ends.

    Returns:
        What multivariant playlist and manifest shall name.
    """
    return [track.subtitles() for track in tracks if _write(track, boundaries_s, end_s, folder / track.name)]


async def _extract(
    source: Path,
    container: str,
    streams: Sequence[CaptionFacts],
    scratch: Path,
    limits: EncodingLimits,
    clock: Clock,
) -> None:
    finished = await run_child(
        captions_argv(source, container, streams, scratch),
        limits=limits.of_child(file_bytes=MOST_CAPTION_BYTES),
        clock=clock,
        cwd=scratch,
        confinement=Confinement(read=(source,), write=(scratch,)),
        env=FEW_HEAPS,
    )
    if not finished.ok:
        raise failure(finished, "taking its captions out")


def captions_argv(source: Path, container: str, streams: Sequence[CaptionFacts], folder: Path) -> list[str]:
    """Return the command that writes a file for each stream, by the file's own clock.

    What is WebVTT or SubRip already is copied; the rest becomes SubRip, whose
    writer keeps places and colours that the one of WebVTT drops.
    """
    argv = [*ffmpeg(), *input_options(source, container, 1, more_codecs=TEXT_CODECS)]
    for stream in streams:
        form = "webvtt" if stream.codec == "webvtt" else "srt"
        coder = "copy" if stream.codec in {"webvtt", "subrip"} else "srt"
        argv += ["-map", f"0:{stream.index}", "-c:s", coder, "-f", form, str(_path(folder, stream))]
    return argv


def _path(folder: Path, stream: CaptionFacts) -> Path:
    return folder / f"{stream.index}.txt"


def _read(folder: Path, stream: CaptionFacts, start_s: Fraction) -> CaptionSource | None:
    try:
        captions = read_captions(_path(folder, stream).read_bytes()).moved(-round(start_s * 1000))
    except (BijouError, OSError) as refused:
        _log.warning("captions.left_out", stream=stream.index, detail=str(refused))
        return None
    if not captions.cues:
        return None
    return CaptionSource(captions, stream.language, stream.title, stream.forced, stream.hearing_impaired)


def _label(source: CaptionSource) -> str:
    kind = "forced" if source.forced else "described" if source.hearing_impaired else ""
    return track_label(source.said_language, source.title, kind) or "Captions"


def _numbered(name: str, joint: str) -> Iterator[str]:
    yield name
    yield from (f"{name}{joint}{number}" for number in count(2))


def _write(
    track: NamedCaptions, boundaries_s: Sequence[Fraction | float], end_s: Fraction | float, folder: Path
) -> bool:
    folder.mkdir(parents=True)
    try:
        for number, text in enumerate(caption_segments(track.captions, boundaries_s, end_s), 1):
            _write_text(folder / caption_segment_name(number), text)
    except InvalidRequest as refused:
        _log.warning("captions.left_out", track=track.name, code=refused.code, detail=refused.detail)
        shutil.rmtree(folder)
        return False
    _write_text(folder / WHOLE_CAPTIONS, write_webvtt(track.captions))
    _write_text(folder / _PLAYLIST, captions_playlist(boundaries_s, end_s))
    return True


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
