"""Captions cut on the film's grid: one small WebVTT file a segment, and their playlist.

A cue that is shown across a boundary stands in every segment that it touches,
with its whole time, so that a player that joins in the middle shows it too.

Source: draft-pantos-hls-rfc8216bis, section 3.1.4 (WebVTT, X-TIMESTAMP-MAP).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor

from bijou.packaging.cues import Captions, Cue
from bijou.packaging.grid import read_boundaries
from bijou.packaging.webvtt import write_webvtt
from bijou.ports import InvalidRequest

MOST_SEGMENTED_BYTES = 64 * 1024**2
WHOLE_CAPTIONS = "captions.vtt"

# Our segments' media times begin at 0 with the film, and so do our captions.
_TIMESTAMP_MAP = "X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000"
_MICRO = 1_000_000


def caption_segment_name(number: int) -> str:
    """Return the file name of the caption segment of that number, which counts from 1."""
    return f"{number:05}.vtt"


def caption_segments(
    captions: Captions, boundaries_s: Sequence[Fraction | float], end_s: Fraction | float
) -> Iterator[str]:
    """Yield what each segment of the grid says, in order.

    Cost: O(cues + what is written) time; memory of one segment.

    Args:
        boundaries_s: Where segments begin, rising; 0 may be left out.
        end_s: When the film ends; cues behind it are not written.

    Raises:
        InvalidRequest: `packaging.bad_boundaries`; `packaging.captions_too_large`,
            cues that overlap so much that the segments have more than 64 MiB.
    """
    edges = _edges(boundaries_s, end_s)
    shown: list[Cue] = []
    used, written = 0, 0
    for start, stop in pairwise(edges):
        start_ms, stop_ms = floor(start * 1000), ceil(stop * 1000)
        while used < len(captions.cues) and captions.cues[used].start_ms < stop_ms:
            shown.append(captions.cues[used])
            used += 1
        shown = [cue for cue in shown if cue.end_ms > start_ms]
        text = write_webvtt(replace(captions, cues=tuple(shown)), _TIMESTAMP_MAP)
        written += len(text)
        if written > MOST_SEGMENTED_BYTES:
            raise InvalidRequest(
                "packaging.captions_too_large",
                f"the captions overlap so much that their segments exceed {MOST_SEGMENTED_BYTES} bytes",
            )
        yield text


def captions_playlist(
    boundaries_s: Sequence[Fraction | float], end_s: Fraction | float, *, ended: bool = True
) -> str:
    """Write the media playlist of segmented captions.

    Args:
        boundaries_s: As for `caption_segments`.
        end_s: When the film, or what is known of it, ends.
        ended: Whether more will be appended.
    """
    micros = [round(edge * _MICRO) for edge in _edges(boundaries_s, end_s)]
    lengths = [after - before for before, after in pairwise(micros)]
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{max(1, *((length + _MICRO // 2) // _MICRO for length in lengths))}",
        "#EXT-X-MEDIA-SEQUENCE:1",
        f"#EXT-X-PLAYLIST-TYPE:{'VOD' if ended else 'EVENT'}",
    ]
    for number, length in enumerate(lengths, 1):
        lines += [f"#EXTINF:{length // _MICRO}.{length % _MICRO:06},", caption_segment_name(number)]
    return "\n".join([*lines, *(["#EXT-X-ENDLIST"] if ended else []), ""])


def _edges(boundaries_s: Sequence[Fraction | float], end_s: Fraction | float) -> list[Fraction]:
    end = Fraction(end_s)
    inner = [edge for edge in read_boundaries(boundaries_s) if 0 < edge < end]
    if end <= 0:
        raise InvalidRequest(
            "packaging.bad_boundaries", f"the film ends at {float(end):g} s; it must end after 0 s"
        )
    return [Fraction(0), *inner, end]
