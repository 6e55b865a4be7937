"""The texts that players begin with, from what tasks have told; pure.

All lists of a version lie in one folder, `v1` or `live`, and name segments by
what these hold: `../v360/0f3a….m4s`.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from msgspec.structs import replace

from bijou.catalog import MediaInfo, Publication
from bijou.catalog import Rendition as Published
from bijou.encoding.titles.facts import (
    ChunkFacts,
    Edition,
    FilmFacts,
    HeadFacts,
    MadeRendition,
    SegmentFacts,
    SoundTrack,
)
from bijou.encoding.titles.workshop import base_of
from bijou.packaging import (
    Package,
    Rendition,
    Segment,
    growing_playlist,
    iframe_playlist,
    manifest,
    media_playlist,
    multivariant_playlist,
)
from bijou.ports import BijouBug, Instant

_HLS, _DASH = Package([]).hls, Package([]).dash
_NO_RATE = (0, 1)
_SAME_S = Fraction(1, 10)


def picture_rendition(name: str, facts: FilmFacts, chunks: Sequence[ChunkFacts]) -> MadeRendition:
    """Join the chunks of one rung, in their order.

    Raises:
        BijouBug: `encoding.heads_differ`, they do not share one init segment.
    """
    heads = {chunk.head.sha256 for chunk in chunks}
    if len(heads) != 1:
        raise BijouBug(
            "encoding.heads_differ", f"chunks of {name} have {len(heads)} init segments; one serves them all"
        )
    segments = tuple(segment for chunk in chunks for segment in chunk.segments)
    return MadeRendition(name, chunks[0].head, segments, facts.picture.rate)


def sound_rendition(
    sound: SoundTrack, head: HeadFacts, segments: Sequence[SegmentFacts], gain_db: float = 0.0
) -> MadeRendition:
    """Return what is known of one sound."""
    source = sound.source
    return MadeRendition(source.name, head, tuple(segments), _NO_RATE, source.language, sound.label, gain_db)


def packaged(made: MadeRendition, *, segments: int | None = None) -> Rendition:
    """Return what packaging makes lists of.

    Args:
        segments: How many of its segments; by default all.
    """
    return Rendition(
        name=made.name,
        language="" if made.language == "und" else made.language,
        format=made.head.format,
        timescale=made.head.timescale,
        frame_rate=Fraction(*made.rate),
        init_bytes=made.head.size_bytes,
        segments=tuple(_segment(made.name, one) for one in made.segments[:segments]),
        label=made.label,
        init_name=f"../{made.name}/{made.head.sha256[:32]}.mp4",
        playlist=f"{made.name}.m3u8",
        iframes=f"{made.name}.iframes.m3u8",
    )


def _segment(name: str, facts: SegmentFacts) -> Segment:
    return Segment(
        facts.start,
        facts.duration,
        facts.size_bytes,
        facts.key_bytes,
        f"../{name}/{facts.sha256[:32]}.m4s",
    )


def whole_lists(edition: Edition) -> dict[str, str]:
    """Return all lists of a version by their names; those that players begin with stand last."""
    ready = [packaged(one) for one in edition.renditions]
    subtitles, protection = edition.subtitles, edition.protection
    lists = {one.media_uri: media_playlist(one, protection) for one in ready}
    lists |= {
        one.iframes_uri: iframe_playlist(one, protection) for one in ready if one.format.kind == "video"
    }
    mpd = manifest(ready, subtitles, protection)
    return {**lists, _DASH: mpd, _HLS: multivariant_playlist(ready, subtitles)}


def growing_lists(
    renditions: Sequence[MadeRendition], *, ended: bool, since: Instant, written_at: Instant | None = None
) -> dict[str, str]:
    """Return the lists of what can be watched by now, all up to the same moment.

    Args:
        renditions: Each with its leading segments, and at least one.
        ended: Whether that is all of the film.
        since: When the encode began.
        written_at: When they were first as they are now.
    """
    ready = [packaged(one) for one in renditions] if ended else even(renditions)
    lists = {one.media_uri: growing_playlist(one, ended=ended) for one in ready}
    mpd = manifest(ready, growing_since=None if ended else since, written_at=written_at)
    return {**lists, _DASH: mpd, _HLS: multivariant_playlist(ready, iframes=False)}


def even(renditions: Sequence[MadeRendition]) -> list[Rendition]:
    """Return renditions that end where the shortest does, within half a packet of sound.

    A player may switch at any moment: what one rendition has, all must have.
    """
    ready = [packaged(one) for one in renditions]
    edge_s = min(one.end_s for one in ready) + _SAME_S
    counts = [
        sum(Fraction(segment.start + segment.duration, one.timescale) <= edge_s for segment in one.segments)
        for one in ready
    ]
    return [packaged(made, segments=max(1, count)) for made, count in zip(renditions, counts, strict=True)]


def publication(
    asset: str,
    folder: str,
    media: MediaInfo,
    renditions: Iterable[MadeRendition],
    *,
    version: int = 1,
    complete: bool = True,
    stills: Mapping[str, object] | None = None,
) -> Publication:
    """Return what the catalogue is told of a version.

    Args:
        folder: Of its lists: `v1` or `live`.
        stills: More of its fields.
    """
    base = base_of(asset)
    plain = Publication(
        asset=asset,
        base=base,
        media=media,
        renditions=[_published(one) for one in renditions],
        hls=f"{base}/{folder}/{_HLS}",
        dash=f"{base}/{folder}/{_DASH}",
        complete=complete,
        version=version,
    )
    return replace(plain, **(stills or {}))


def _published(made: MadeRendition) -> Published:
    track = packaged(made).packaged()
    return Published(
        name=track.name,
        kind=track.kind,
        codecs=track.codecs,
        bandwidth_bps=track.bandwidth_bps,
        average_bps=track.average_bps,
        size_bytes=track.size_bytes,
        segments=track.segments,
        width=track.width,
        height=track.height,
        frame_rate=track.frame_rate,
        language=track.language,
        gain_db=made.gain_db,
    )
