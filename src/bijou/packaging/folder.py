"""From encoded files to a folder of segments; the room's only file access."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

from bijou.packaging.api import Package, Subtitles, TrackSource
from bijou.packaging.dash import manifest
from bijou.packaging.grid import Cut, check_same_grid, cut, read_boundaries
from bijou.packaging.hls import iframe_playlist, media_playlist, multivariant_playlist
from bijou.packaging.init_segment import write_init_segment
from bijou.packaging.rendition import (
    IFRAME_PLAYLIST,
    INIT_SEGMENT,
    MEDIA_PLAYLIST,
    Rendition,
    Segment,
    segment_name,
)
from bijou.packaging.track import Track, read_track, write_segment
from bijou.ports import Conflict, InvalidRequest

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_LANGUAGE = re.compile(r"|[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_NO_QUOTE = re.compile(r'[^"\x00-\x1f\x7f]*')


def package(
    tracks: Sequence[TrackSource],
    boundaries_s: Sequence[Fraction | float],
    out: Path,
    *,
    subtitles: Sequence[Subtitles] = (),
) -> Package:
    """Cut encoded tracks on one grid and write HLS and DASH around them.

    Media is copied, never decoded, so pictures and sound are the encoder's
    to the bit; the same input gives the same bytes. All of the input is
    checked before the first byte is written. Where the disk fails midway,
    what was written stays: hand in a folder of your own.

    Cost: O(bytes) of reading and writing; memory of about 32 bytes a sample.
    Threads: safe, where the folders differ; it blocks, so keep it off the
        event loop.

    Args:
        tracks: In the order in which players should prefer them.
        boundaries_s: Where segments begin, in seconds of presentation, rising;
            0 and the end may be among them. All pictures must have a sync
            sample there, less than a frame away.
        out: Created where it is missing; must hold none of what is written.
        subtitles: Named in the multivariant playlist and the manifest; whoever
            wrote them brings them into `out`.

    Raises:
        InvalidRequest: `packaging.bad_track`, a name, kind or language is not
            what it must be; `packaging.bad_mp4`; `packaging.unknown_codec`;
            and all of `cut` and `check_same_grid`.
        Conflict: `packaging.exists`.
        OSError: a file cannot be read or written.
    """
    _check_sources(tracks, subtitles)
    boundaries = read_boundaries(boundaries_s)
    plans = [_plan(source, boundaries) for source in tracks]
    _check_grid(tracks, plans)
    _check_free(out, tracks)
    renditions = [_write_rendition(source, *plan, out) for source, plan in zip(tracks, plans, strict=True)]
    result = Package([rendition.packaged() for rendition in renditions])
    _write(out / result.hls, multivariant_playlist(renditions, subtitles))
    _write(out / result.dash, manifest(renditions, subtitles))
    return result


def _check_sources(tracks: Sequence[TrackSource], subtitles: Sequence[Subtitles]) -> None:
    if not tracks:
        raise InvalidRequest("packaging.bad_track", "there is no track; a package has one or more")
    seen: set[str] = set()
    for source in tracks:
        if not _NAME.fullmatch(source.name) or source.name in seen:
            raise InvalidRequest(
                "packaging.bad_track",
                f"name {source.name!r} must be unique, 1 to 64 of A-Z a-z 0-9 . _ -, not led by a dot",
            )
        seen.add(source.name)
    for language in [one.language for one in tracks] + [one.language for one in subtitles]:
        if not _LANGUAGE.fullmatch(language):
            raise InvalidRequest(
                "packaging.bad_track", f"language {language!r} is not BCP 47, such as en or pt-BR"
            )
    _check_words(tracks, subtitles)


def _check_words(tracks: Sequence[TrackSource], subtitles: Sequence[Subtitles]) -> None:
    for label in [one.label for one in tracks if one.label]:
        if not _NO_QUOTE.fullmatch(label):
            raise InvalidRequest(
                "packaging.bad_track",
                f"a track is called {label!r}; quotes and control characters may not stand there",
            )
    names = [one.name for one in subtitles]
    if len(set(names)) < len(names):
        raise InvalidRequest("packaging.bad_track", f"subtitles are called {names}; their names must differ")
    for text in [text for one in subtitles for text in (one.name, one.playlist)]:
        if not text or not _NO_QUOTE.fullmatch(text):
            raise InvalidRequest(
                "packaging.bad_track",
                f"subtitles say {text!r}; quotes and control characters may not stand there",
            )


def _plan(source: TrackSource, boundaries: Sequence[Fraction]) -> tuple[Track, list[Cut]]:
    with _naming(source), source.path.open("rb") as file:
        track = read_track(file)
        if track.header.kind != source.kind:
            raise InvalidRequest("packaging.bad_track", f"it is {track.header.kind}; {source.kind} was said")
        return track, cut(track, boundaries)


def _check_grid(tracks: Sequence[TrackSource], plans: Sequence[tuple[Track, list[Cut]]]) -> None:
    grids = [
        (source, [Fraction(one.start, track.timescale) for one in cuts])
        for source, (track, cuts) in zip(tracks, plans, strict=True)
        if source.kind == "video"
    ]
    for source, grid in grids[1:]:
        with _naming(source):
            check_same_grid(grids[0][1], grid)


def _check_free(out: Path, tracks: Sequence[TrackSource]) -> None:
    for name in [source.name for source in tracks] + [Package([]).hls, Package([]).dash]:
        if (out / name).exists():
            raise Conflict(
                "packaging.exists", f"{out / name} exists; a package is written into a folder without it"
            )


def _write_rendition(source: TrackSource, track: Track, cuts: Sequence[Cut], out: Path) -> Rendition:
    folder = out / source.name
    folder.mkdir(parents=True)
    init = write_init_segment(track.header)
    (folder / INIT_SEGMENT).write_bytes(init)
    segments = []
    with _naming(source), source.path.open("rb") as file:
        for number, one in enumerate(cuts, 1):
            with (folder / segment_name(number)).open("xb") as sink:
                size = write_segment(track, one.span, number, file, sink)
            segments.append(Segment(one.start, one.duration, size.size_bytes, size.key_bytes))
    rendition = Rendition(
        name=source.name,
        language="" if source.language == "und" else source.language,
        format=track.format,
        timescale=track.timescale,
        frame_rate=track.frame_rate,
        init_bytes=len(init),
        segments=tuple(segments),
        label=source.label,
    )
    _write(folder / MEDIA_PLAYLIST, media_playlist(rendition))
    if source.kind == "video":
        _write(folder / IFRAME_PLAYLIST, iframe_playlist(rendition))
    return rendition


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


@contextmanager
def _naming(source: TrackSource) -> Iterator[None]:
    """Say which track an error is about."""
    try:
        yield
    except InvalidRequest as error:
        raise InvalidRequest(error.code, f"track {source.name!r}: {error.detail}") from error
