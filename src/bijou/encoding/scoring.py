"""How good what has come out looks: VMAF of an edition's pictures, on some of its chunks."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean

from bijou.encoding.chunks import Chunk
from bijou.encoding.limits import EncodingLimits
from bijou.encoding.quality import measure_vmaf
from bijou.encoding.titles.facts import Edition, MadeRendition
from bijou.encoding.titles.workshop import gather, init_key, segment_key
from bijou.ports import Blobs, Clock

_MOST_CHUNKS = 6
_EVERY = 6


async def score_pictures(
    source: Path,
    edition: Edition,
    blobs: Blobs,
    prefix: str,
    *,
    folder: Path,
    limits: EncodingLimits,
    clock: Clock,
    skip: Sequence[str] = (),
    tell: Callable[[str, float], None] = lambda _step, _share: None,
) -> dict[str, float]:
    """Return the mean VMAF of each rendition of pictures, at its own size.

    One frame in six of up to six chunks, spread over the film.

    Cost: for each rendition a decode of those chunks, and 5 to 15 ms of one
    core a scored frame of 480p.
    Threads: the main thread's event loop, as `run_child` asks.

    Args:
        source: The local file that was encoded.
        prefix: Where the media lies, in the clear.
        folder: Scratch; the caller's to empty.
        skip: Renditions that are not asked for.

    Raises:
        EngineUnavailable: `encoding.vmaf_untrusted`; see `measure_vmaf`.
    """
    pictures = [
        made for made in edition.renditions if made.head.format.kind == "video" and made.name not in skip
    ]
    chunks = spread(edition.chunks, _MOST_CHUNKS)
    scores: dict[str, float] = {}
    for place, made in enumerate(pictures):
        found: list[float] = []
        for number, chunk in enumerate(chunks):
            tell("score", (place + number / len(chunks)) / len(pictures))
            piece = await _piece(made, chunk, edition.facts.picture.per_s, blobs, prefix, folder)
            size = made.head.format.width, made.head.format.height
            (score,) = await measure_vmaf(
                source,
                edition.facts.picture,
                chunk,
                [piece],
                size=size,
                folder=folder,
                limits=limits,
                clock=clock,
                every=_EVERY,
            )
            found += score.frames
        scores[made.name] = round(fmean(found), 2)
    return scores


def spread(chunks: Sequence[Chunk], most: int) -> list[Chunk]:
    """Return at most so many chunks, evenly spread, the first and the last among them."""
    if len(chunks) <= most:
        return list(chunks)
    return [chunks[round(place * (len(chunks) - 1) / (most - 1))] for place in range(most)]


async def _piece(
    made: MadeRendition, chunk: Chunk, per_s: int, blobs: Blobs, prefix: str, folder: Path
) -> Path:
    """The segments of a chunk behind their init segment, in one file."""
    scale = made.head.timescale / per_s
    start, end = chunk.start * scale, chunk.end * scale
    keys = [init_key(prefix, made.name, made.head.sha256)]
    keys += [
        segment_key(prefix, made.name, segment.sha256)
        for segment in made.segments
        if start - 0.5 < segment.start < end - 0.5
    ]
    return await gather(blobs, keys, folder / "scored.mp4")
