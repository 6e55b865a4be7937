"""What a film's folder holds once all of it is there, and how good it looks."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from bijou.app.film_folder import ASSET, NOTES, FilmFolder, read_scores, write_scores
from bijou.catalog import Publication
from bijou.encoding import EncodingLimits, Standing
from bijou.encoding.scoring import score_pictures
from bijou.encoding.titles.facts import Edition
from bijou.encoding.titles.workshop import edition_key
from bijou.ports import Clock
from bijou.runtime import codec


class Made(msgspec.Struct, frozen=True):
    """One rendition that has come out.

    Args:
        vmaf: On a sample of its frames, at its own size; None where it was not measured.
        speed: Seconds of film per second of one core's work; 0 where that is not known.
    """

    name: str
    kind: str
    codecs: str
    width: int
    height: int
    size_bytes: int
    average_bps: int
    segments: int
    vmaf: float | None = None
    speed: float = 0.0


class Encoded(msgspec.Struct, frozen=True):
    """What a folder holds once all of it is there.

    Args:
        took_s: Of this run, without the measuring.
        encoded_s: Seconds of film, each rendition by itself, that this run has made.
        fresh: Whether this run made anything.
    """

    hls: str
    dash: str
    version: int
    duration_s: float
    renditions: tuple[Made, ...]
    took_s: float
    encoded_s: float
    fresh: bool


def report(
    out: Path,
    last: Publication,
    standings: Sequence[Standing],
    scores: dict[str, float],
    *,
    took_s: float,
    encoded_s: float,
) -> Encoded:
    """Return what has come out, from how every edition stands."""
    speeds = {rung.name: rung.speed for standing in standings for rung in standing.rungs}
    return Encoded(
        hls=str(out / "master.m3u8"),
        dash=str(out / "manifest.mpd"),
        version=last.version,
        duration_s=last.media.duration_s,
        renditions=tuple(
            Made(
                name=one.name,
                kind=one.kind,
                codecs=one.codecs,
                width=one.width,
                height=one.height,
                size_bytes=one.size_bytes,
                average_bps=one.average_bps,
                segments=one.segments,
                vmaf=scores.get(one.name),
                speed=speeds.get(one.name, 0.0),
            )
            for one in last.renditions
        ),
        took_s=round(took_s, 3),
        encoded_s=round(encoded_s, 3),
        fresh=encoded_s > 0,
    )


async def scored(
    blobs: FilmFolder,
    film: Path,
    version: int,
    *,
    limits: EncodingLimits,
    clock: Clock,
    tell: Callable[[str, float], None],
) -> dict[str, float]:
    """Return the VMAF of each rendition of pictures; what was measured once is remembered.

    Raises:
        EngineUnavailable: see `score_pictures`.
    """
    known, folder = read_scores(blobs.out), (blobs.out / NOTES / "scratch").absolute()
    content = b"".join([piece async for piece in blobs.read(edition_key(ASSET, version))])
    folder.mkdir(exist_ok=True)
    found = await score_pictures(
        film,
        codec.decode(content, Edition),
        blobs,
        f"media/{ASSET}",
        folder=folder,
        limits=limits,
        clock=clock,
        skip=tuple(known),
        tell=tell,
    )
    scores = known | found
    write_scores(blobs.out, scores)
    return scores
